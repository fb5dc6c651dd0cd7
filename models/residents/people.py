"""Residents, their households and what they consented to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, RootInTown, one_of


class ResidentStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Purpose(StrEnum):
    """What personal information is used for (PIPL art. 13 and 14: consent purpose by purpose)."""

    ACCOUNT = "account"


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
    """A person who signed in once. Who has not chosen a place yet belongs to the town alone."""

    __tablename__ = "resident"

    name: Mapped[str]  #: as the resident wants to be called; empty until chosen
    openid_sealed: Mapped[bytes] = mapped_column(LargeBinary)  #: encrypted, needed to send messages
    territory_id: Mapped[int | None]  #: the finest node known: a building, an estate, a community
    household_id: Mapped[int | None]
    status: Mapped[ResidentStatus] = mapped_column(one_of(ResidentStatus), default=ResidentStatus.ACTIVE)
    token_version: Mapped[int] = mapped_column(default=1)  #: grows by one to revoke every access token at once
    registered_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "territory_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "household_id"], ["household.town_id", "household.id"]),
        Index("ix_resident_territory", "town_id", "territory_id"),
        Index("ix_resident_household", "town_id", "household_id"),
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
