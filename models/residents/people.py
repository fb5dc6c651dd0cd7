"""Residents, their households and what they consented to."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, RootInTown, one_of


class ResidentStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Purpose(StrEnum):
    """What personal information is used for (PIPL art. 13 and 14: consent purpose by purpose)."""

    ACCOUNT = "account"
    VOLUNTEERING = "volunteering"  #: hours of service, and certificates of them that others can verify
    RANKING = "ranking"  #: to be seen in rankings of persons
    PROFILE = "profile"  #: a card that neighbours see
    PHONE = "phone"  #: the mobile number, as WeChat knows it


class Household(RootInTown, Base):
    """One dwelling and who lives in it."""

    __tablename__ = "household"

    building_id: Mapped[int]
    door: Mapped[str]  #: "2单元601室"

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "building_id"], ["territory.town_id", "territory.id"]),
        UniqueConstraint("town_id", "building_id", "door"),
    )


class Resident(RootInTown, Base):
    """A person who signed in once, or whom a proxy or staff registered. Who has not chosen a place yet belongs to the
    town alone."""

    __tablename__ = "resident"

    name: Mapped[str]  #: as the resident wants to be called; empty until chosen
    openid_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  #: encrypted; NULL: has no WeChat
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  #: encrypted
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary)  #: HMAC-SHA256 of the number, to find it again
    phone_tail: Mapped[str | None]  #: the last four digits, which every masked number shows
    born_on: Mapped[date | None]
    territory_id: Mapped[int | None]  #: the finest node known: a building, an estate, a community
    household_id: Mapped[int | None]
    status: Mapped[ResidentStatus] = mapped_column(one_of(ResidentStatus), default=ResidentStatus.ACTIVE)
    token_version: Mapped[int] = mapped_column(default=1)  #: grows by one to revoke every access token at once
    registered_at: Mapped[datetime]
    versioned_at: Mapped[datetime | None]  #: when what `models.history` watches was last changed; NULL: never

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "territory_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "household_id"], ["household.town_id", "household.id"]),
        Index("ix_resident_territory", "town_id", "territory_id"),
        Index("ix_resident_household", "town_id", "household_id"),
        Index("ix_resident_phone", "town_id", "phone_index"),
        Index("ix_resident_phone_tail", "town_id", "phone_tail"),
        CheckConstraint("(phone_sealed IS NULL) = (phone_index IS NULL)", name="phone_can_be_found"),
    )


class Consent(InTown, Base):
    """A resident agreed to one purpose in one version of its wording."""

    __tablename__ = "consent"

    resident_id: Mapped[int]
    purpose: Mapped[Purpose] = mapped_column(one_of(Purpose))
    version: Mapped[str]
    given_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        UniqueConstraint("town_id", "resident_id", "purpose", "version"),
    )


class OpenidLookup(Base):
    """Which resident of which town an openid is. Global, because the town is what it answers.

    Holds a keyed hash of the openid and no foreign key to the resident: a reference table can't point into a
    distributed one.
    """

    __tablename__ = "openid_lookup"

    openid_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)  #: HMAC-SHA256 of the openid
    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"))
    resident_id: Mapped[int]


class ProxyKind(StrEnum):
    """Why somebody may act for somebody else."""

    GUARDIAN = "guardian"  #: of a child, whom the guardian registered
    HELPER = "helper"  #: of a grown-up who agreed to it, an elder without a phone


IS_IN_FORCE = text("revoked_at IS NULL")


class Proxy(InTown, Base):
    """Somebody may act for somebody else, and on whose word."""

    __tablename__ = "proxy"

    principal_id: Mapped[int]  #: for whom
    agent_id: Mapped[int]  #: who acts
    kind: Mapped[ProxyKind] = mapped_column(one_of(ProxyKind))
    consent_note: Mapped[str]  #: how the principal agreed: "本人到场签字"
    recorded_by_kind: Mapped[str]  #: who wrote the consent down: resident, staff
    recorded_by_id: Mapped[int]
    recorded_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "principal_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "agent_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("principal_id <> agent_id", name="for_somebody_else"),
        Index(
            "uq_proxy_in_force",
            "town_id",
            "principal_id",
            "agent_id",
            unique=True,
            sqlite_where=IS_IN_FORCE,
            postgresql_where=IS_IN_FORCE,
        ),
        Index("ix_proxy_agent", "town_id", "agent_id"),
    )


class Organisation(RootInTown, Base):
    """A club, a company or an owners' committee, in whose name members book rooms."""

    __tablename__ = "organisation"

    name: Mapped[str]
    registered_by: Mapped[int]
    registered_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "registered_by"], ["staff.town_id", "staff.id"]),
        UniqueConstraint("town_id", "name"),
    )


class OrganisationMember(Base):
    """Who may book in an organisation's name."""

    __tablename__ = "organisation_member"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organisation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    added_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "organisation_id"], ["organisation.town_id", "organisation.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        Index("ix_organisation_member_resident", "town_id", "resident_id"),
    )
