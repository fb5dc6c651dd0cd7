"""Points that staff give or take by hand: single adjustments and files of awards, with a second person where it is due."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, one_of


class DecisionStatus(StrEnum):
    PENDING = "pending"  #: waits for a second person
    BOOKED = "booked"
    DECLINED = "declined"


class Adjustment(InTown, Base):
    """Points given to or taken from one resident by hand."""

    __tablename__ = "adjustment"

    resident_id: Mapped[int]
    amount: Mapped[int]  #: above 0: given; below 0: taken
    reason: Mapped[str]  #: in words, for the resident
    expires_on: Mapped[date | None] = mapped_column(Date)  #: of points that are given
    needs_second_person: Mapped[bool]
    status: Mapped[DecisionStatus] = mapped_column(one_of(DecisionStatus))
    requested_by: Mapped[int]
    requested_at: Mapped[datetime]
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    txn_id: Mapped[int | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "requested_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "decided_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "txn_id"], ["txn.town_id", "txn.id"]),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        CheckConstraint("decided_by <> requested_by", name="second_person_is_not_the_first"),
        CheckConstraint(
            "status = 'pending' OR decided_by IS NOT NULL OR NOT needs_second_person", name="decided_by_a_second_person"
        ),
        CheckConstraint("(status = 'booked') = (txn_id IS NOT NULL)", name="booked_with_its_transaction"),
        Index(
            "ix_adjustment_pending",
            "town_id",
            "id",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
    )


class AwardImport(InTown, Base):
    """A file of awards. The same file again is the same import."""

    __tablename__ = "award_import"

    name: Mapped[str]
    file_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of the file
    rows_total: Mapped[int]
    amount_total: Mapped[int]  #: of the rows that can be booked
    needs_second_person: Mapped[bool]
    status: Mapped[DecisionStatus] = mapped_column(one_of(DecisionStatus))
    requested_by: Mapped[int]
    requested_at: Mapped[datetime]
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "requested_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "decided_by"], ["staff.town_id", "staff.id"]),
        UniqueConstraint("town_id", "file_hash"),
        CheckConstraint("decided_by <> requested_by", name="second_person_is_not_the_first"),
        CheckConstraint(
            "status = 'pending' OR decided_by IS NOT NULL OR NOT needs_second_person", name="decided_by_a_second_person"
        ),
    )


class AwardImportRow(Base):
    """One row of a file of awards and what became of it."""

    __tablename__ = "award_import_row"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    import_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  #: the line of the file, the header is 1
    ref: Mapped[str]  #: what the row's author calls the award; it pays once, in whatever file it stands
    resident_id: Mapped[int | None]
    amount: Mapped[int | None]
    occurred_on: Mapped[date | None] = mapped_column(Date)
    reason: Mapped[str]
    problem: Mapped[str | None]  #: a stable word for why it can't be booked
    txn_id: Mapped[int | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "import_id"], ["award_import.town_id", "award_import.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "txn_id"], ["txn.town_id", "txn.id"]),
        CheckConstraint("problem IS NULL OR txn_id IS NULL", name="booked_or_a_problem"),
        CheckConstraint(
            "problem IS NOT NULL OR (resident_id IS NOT NULL AND amount > 0 AND occurred_on IS NOT NULL)",
            name="complete_or_a_problem",
        ),
    )
