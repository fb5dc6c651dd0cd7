"""What residents may ask of us about themselves: consents, copies of everything, erasures, merged records, households.

Consents in force are rows of `consent`; one that ends moves to `consent_withdrawal`, whose rows are never changed.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, one_of
from models.residents.people import Purpose


class ConsentWithdrawal(InTown, Base):
    """A consent that was given and ended. Rows are added and never changed (by trigger)."""

    __tablename__ = "consent_withdrawal"

    resident_id: Mapped[int]
    purpose: Mapped[Purpose] = mapped_column(one_of(Purpose))
    version: Mapped[str]
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime]
    withdrawn_by: Mapped[int | None]  #: who acts for the resident; NULL: the resident, or staff at their word

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        Index("ix_consent_withdrawal_resident", "town_id", "resident_id", "id"),
    )


class DataExport(InTown, Base):
    """A resident asked for a copy of everything about them. The copy is made when it is fetched and is kept nowhere."""

    __tablename__ = "data_export"

    resident_id: Mapped[int]
    asked_by: Mapped[int | None]  #: the guardian of a child; NULL: the resident
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]  #: from then on it isn't given out any more
    parts: Mapped[int]  #: into how many files the pictures are divided
    fetched: Mapped[int] = mapped_column(default=0)  #: how often a part was given out

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("asked_at < expires_at", name="asked_before_it_expires"),
        CheckConstraint("parts > 0 AND fetched >= 0", name="counts_not_negative"),
        Index("ix_data_export_resident", "town_id", "resident_id", "asked_at"),
    )


IS_OPEN = text("withdrawn_at IS NULL AND done_at IS NULL")


class Erasure(InTown, Base):
    """A resident asked to be erased. Until it begins it can be taken back; what is done stays on record, without a name."""

    __tablename__ = "erasure"

    resident_id: Mapped[int]
    asked_by: Mapped[int | None]  #: the guardian of a child; NULL: the resident
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]  #: not to begin earlier
    begun_at: Mapped[datetime | None]  #: since when nobody can sign in as the resident
    withdrawn_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    points_forfeited: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("begun_at IS NULL OR withdrawn_at IS NULL", name="not_taken_back_once_begun"),
        CheckConstraint("done_at IS NULL OR begun_at IS NOT NULL", name="done_after_it_began"),
        CheckConstraint("points_forfeited >= 0", name="points_not_negative"),
        Index("uq_erasure_open", "town_id", "resident_id", unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_erasure_due", "town_id", "due_at", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_erasure_resident", "town_id", "resident_id", "id"),
    )


class MergingStatus(StrEnum):
    OFFERED = "offered"  #: the resident proved the number and hasn't said who they are yet
    ASKED = "asked"  #: the account isn't fresh, so staff decide
    DONE = "done"
    DECLINED = "declined"  #: by staff, or because the name was wrong too often
    WITHDRAWN = "withdrawn"  #: by the resident, or it lapsed


IS_PENDING = text("status IN ('offered', 'asked')")


class Merging(InTown, Base):
    """Somebody who signed in by WeChat has the number of a record of the desk: both may be one person."""

    __tablename__ = "merging"

    resident_id: Mapped[int]  #: who signed in
    record_id: Mapped[int]  #: the record of the desk, which stays
    status: Mapped[MergingStatus] = mapped_column(one_of(MergingStatus), default=MergingStatus.OFFERED)
    wrong_names: Mapped[int] = mapped_column(default=0)
    points_moved: Mapped[int] = mapped_column(default=0)
    offered_at: Mapped[datetime]
    lapses_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None]  #: staff; NULL: nobody, or the resident
    note: Mapped[str | None]  #: of staff, for the resident

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "record_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "decided_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("resident_id <> record_id", name="two_records"),
        CheckConstraint("wrong_names >= 0 AND points_moved >= 0", name="counts_not_negative"),
        CheckConstraint("(status IN ('offered', 'asked')) = (decided_at IS NULL)", name="decided_at_a_moment"),
        Index(
            "uq_merging_pending",
            "town_id",
            "resident_id",
            unique=True,
            sqlite_where=IS_PENDING,
            postgresql_where=IS_PENDING,
        ),
        Index("ix_merging_record", "town_id", "record_id", "id"),
        Index("ix_merging_pending", "town_id", "id", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
    )


class HouseholdRequestStatus(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


IS_WAITING = text("status = 'pending'")


class HouseholdRequest(InTown, Base):
    """A resident says in which dwelling they live; a member of the household, or staff of the estate, confirms it."""

    __tablename__ = "household_request"

    resident_id: Mapped[int]
    asked_by: Mapped[int | None]  #: who acts for the resident
    household_id: Mapped[int | None]  #: where it was named by its id
    building_id: Mapped[int]
    door: Mapped[str]
    status: Mapped[HouseholdRequestStatus] = mapped_column(
        one_of(HouseholdRequestStatus), default=HouseholdRequestStatus.PENDING
    )
    asked_at: Mapped[datetime]
    lapses_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]  #: resident, staff
    decided_by_id: Mapped[int | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "household_id"], ["household.town_id", "household.id"]),
        ForeignKeyConstraint(["town_id", "building_id"], ["territory.town_id", "territory.id"]),
        CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided_at_a_moment"),
        CheckConstraint("(decided_by_kind IS NULL) = (decided_by_id IS NULL)", name="decided_by_somebody"),
        Index(
            "uq_household_request_pending",
            "town_id",
            "resident_id",
            unique=True,
            sqlite_where=IS_WAITING,
            postgresql_where=IS_WAITING,
        ),
        Index(
            "ix_household_request_door",
            "town_id",
            "building_id",
            "door",
            sqlite_where=IS_WAITING,
            postgresql_where=IS_WAITING,
        ),
        Index("ix_household_request_waiting", "town_id", "id", sqlite_where=IS_WAITING, postgresql_where=IS_WAITING),
        Index("ix_household_request_resident", "town_id", "resident_id", "id"),
    )
