"""Voluntary service: who is registered, hours by where they come from, certificates.

Hours that were signed in and out, that staff wrote down, and that came from another system are kept apart in every table
and on every page: `provenance` is part of each row, and the hours' ledger keeps a lot for each.

Three guards are rows that a write changes before it knows whether it may go on:

- `service_day`: what a resident has on record for one day. A day has 24 hours, whoever writes them down; and entries meet
  the hours that were signed for here, so that neither misses the other.
- `service_entry_day`: what one member of staff wrote down on one day, from which the number of each record follows.
- the unique key over live records: a session's hours, a line of a file, count once.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, Table, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, RootInTown, one_of
from models.territory import Scene


class VolunteerRegistration(Base):
    """A resident is a volunteer of the town."""

    __tablename__ = "volunteer_registration"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    registered_at: Mapped[datetime]
    statement_version: Mapped[str | None]  #: what was agreed to; NULL: registered before there was a statement
    agreed_by: Mapped[int | None]  #: the resident who agreed for them: a child's guardian; NULL: they did themselves

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "agreed_by"], ["resident.town_id", "resident.id"]),
        Index("ix_volunteer_registration_day", "town_id", "registered_at"),
    )


class VolunteerWithdrawal(InTown, Base):
    """A registration that ended, as it was."""

    __tablename__ = "volunteer_withdrawal"

    resident_id: Mapped[int]
    registered_at: Mapped[datetime]
    statement_version: Mapped[str | None]
    agreed_by: Mapped[int | None]
    withdrawn_at: Mapped[datetime]
    withdrawn_by: Mapped[int | None]  #: who withdrew for them; NULL: they did themselves

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        Index("ix_volunteer_withdrawal_resident", "town_id", "resident_id", "id"),
    )


class Provenance(StrEnum):
    """Where hours come from."""

    SIGNED = "signed"  #: signed in and out at the door
    STAFF = "staff"  #: written down by staff afterwards
    IMPORTED = "imported"  #: from a file of another system


class ServiceStatus(StrEnum):
    PENDING = "pending"  #: flagged: counts when a second person accepts it
    COUNTED = "counted"
    DECLINED = "declined"  #: by the second person
    VOIDED = "voided"  #: counted or pending once, and taken back


class ServiceFlag(StrEnum):
    """Why a second person should look."""

    LONG_DAY = "long_day"  #: more hours on one day of one person than people serve
    MANY_RECORDS = "many_records"  #: so many records that one member of staff wrote down on one day
    MANY_HOURS = "many_hours"  #: so many hours that one member of staff wrote down on one day
    OVERLAPS_SIGNED = "overlaps_signed"  #: the person signed for hours on that day, which may be the same ones
    POINTS_KEPT = "points_kept"  #: the hours were corrected, and the points they had earned were spent already


LIVE = (ServiceStatus.PENDING, ServiceStatus.COUNTED)
IS_LIVE = text("status IN ({})".format(", ".join(f"'{status}'" for status in LIVE)))
IS_PENDING = text("status = 'pending'")
DAY_MINUTES = 24 * 60


class ServiceBatch(RootInTown, Base):
    """Records that were written down together: one request of staff, or one file."""

    __tablename__ = "service_batch"

    provenance: Mapped[Provenance] = mapped_column(one_of(Provenance))
    name: Mapped[str | None]  #: of the file
    file_hash: Mapped[bytes | None] = mapped_column(LargeBinary)  #: SHA-256 of its text: the same text is one batch
    rows_total: Mapped[int]
    problems: Mapped[list[Any]] = mapped_column(
        Json, default=list
    )  #: lines of the file that say nothing usable, and why
    recorded_by: Mapped[int]
    recorded_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "recorded_by"], ["staff.town_id", "staff.id"]),
        UniqueConstraint("town_id", "file_hash"),
        CheckConstraint("provenance <> 'signed'", name="written_down"),
        CheckConstraint("(provenance = 'imported') = (file_hash IS NOT NULL)", name="a_file_is_imported"),
    )


class ServiceRecord(InTown, Base):
    """Minutes of voluntary service of one resident on one day. It is never changed, only voided and written anew."""

    __tablename__ = "service_record"

    resident_id: Mapped[int]
    provenance: Mapped[Provenance] = mapped_column(one_of(Provenance))
    source_ref: Mapped[str]  #: what its source calls it: session and resident, batch and line, a file's own ref
    session_id: Mapped[int | None]  #: of hours that were signed for
    batch_id: Mapped[int | None]  #: of hours that were written down
    minutes: Mapped[int]
    served_on: Mapped[date]
    description: Mapped[str]
    category: Mapped[str | None]
    scene: Mapped[Scene | None] = mapped_column(one_of(Scene))
    community_id: Mapped[int | None]  #: on whose account it counts
    operator_id: Mapped[int | None]
    status: Mapped[ServiceStatus] = mapped_column(one_of(ServiceStatus))
    flags: Mapped[str] = mapped_column(default="")  #: words of ServiceFlag, with spaces between
    event_id: Mapped[int | None]  #: what the rulebook was told; its source is "service", its ref this row's id
    txn_id: Mapped[int | None]  #: of the hours' ledger
    recorded_by: Mapped[int | None]  #: staff; NULL: the house, from the visits
    recorded_at: Mapped[datetime]
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None]
    voided_by: Mapped[int | None]  #: staff; NULL: the house, since the visits changed
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "session_id"], ["session.town_id", "session.id"]),
        ForeignKeyConstraint(["town_id", "batch_id"], ["service_batch.town_id", "service_batch.id"]),
        ForeignKeyConstraint(["town_id", "community_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "operator_id"], ["operator.town_id", "operator.id"]),
        ForeignKeyConstraint(["town_id", "event_id"], ["event.town_id", "event.id"]),
        ForeignKeyConstraint(["town_id", "txn_id"], ["txn.town_id", "txn.id"]),
        ForeignKeyConstraint(["town_id", "recorded_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "decided_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "voided_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("minutes > 0", name="minutes_positive"),
        CheckConstraint(f"provenance = 'signed' OR minutes <= {DAY_MINUTES}", name="a_day_has_24_hours"),
        CheckConstraint("(provenance = 'signed') = (session_id IS NOT NULL)", name="signed_for_in_a_session"),
        CheckConstraint("(provenance = 'signed') = (batch_id IS NULL)", name="written_down_in_a_batch"),
        CheckConstraint("status <> 'counted' OR txn_id IS NOT NULL", name="counted_in_the_ledger"),
        CheckConstraint("status NOT IN ('pending', 'declined') OR txn_id IS NULL", name="undecided_not_in_the_ledger"),
        CheckConstraint("(status = 'voided') = (voided_at IS NOT NULL)", name="voided_at_a_moment"),
        CheckConstraint("status <> 'declined' OR decided_by IS NOT NULL", name="declined_by_somebody"),
        CheckConstraint("decided_by <> recorded_by", name="second_person_is_not_the_first"),
        Index(
            "uq_service_record_live",
            "town_id",
            "provenance",
            "source_ref",
            unique=True,
            sqlite_where=IS_LIVE,
            postgresql_where=IS_LIVE,
        ),
        Index("ix_service_record_resident", "town_id", "resident_id", "id"),
        Index("ix_service_record_day", "town_id", "resident_id", "served_on"),
        Index("ix_service_record_batch", "town_id", "batch_id", "id"),
        Index("ix_service_record_pending", "town_id", "id", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
        Index(
            "ix_service_record_decided_at",
            "town_id",
            "decided_at",
            sqlite_where=text("decided_at IS NOT NULL"),
            postgresql_where=text("decided_at IS NOT NULL"),
        ),
        Index(
            "ix_service_record_voided_at",
            "town_id",
            "voided_at",
            sqlite_where=text("voided_at IS NOT NULL"),
            postgresql_where=text("voided_at IS NOT NULL"),
        ),
    )


class ServiceDay(Base):
    """What a resident has on record for one day. Hours that were signed for are never refused, so they have no bound."""

    __tablename__ = "service_day"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    served_on: Mapped[date] = mapped_column(primary_key=True)
    signed: Mapped[int]  #: minutes of live records
    entered: Mapped[int]  #: the same, written down by staff or imported

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("signed >= 0", name="signed_not_negative"),
        CheckConstraint(f"entered BETWEEN 0 AND {DAY_MINUTES}", name="a_day_has_24_hours"),
    )


class ServiceEntryDay(Base):
    """What one member of staff has written down on one day. It only grows: to void a record frees nothing."""

    __tablename__ = "service_entry_day"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    staff_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    records: Mapped[int]
    minutes: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        CheckConstraint("records > 0 AND minutes > 0", name="totals_positive"),
    )


class Certificate(InTown, Base):
    """What was certified: the hours of a resident as they stood at one moment. Anybody who has the code can look."""

    __tablename__ = "certificate"

    resident_id: Mapped[int]
    code: Mapped[str]  #: 16 letters and digits, drawn at random
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)  #: the name as it is printed, encrypted
    first_day: Mapped[date | None]  #: of the period asked for; NULL: from the beginning
    last_day: Mapped[date]
    signed_minutes: Mapped[int]
    staff_minutes: Mapped[int]
    imported_minutes: Mapped[int]
    star: Mapped[str | None]  #: the title of the level at that moment
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: keyed, of everything that is printed
    issued_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[int | None]
    withdrawal_reason: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "withdrawn_by"], ["staff.town_id", "staff.id"]),
        UniqueConstraint("town_id", "code"),
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        CheckConstraint(
            "signed_minutes >= 0 AND staff_minutes >= 0 AND imported_minutes >= 0 "
            "AND signed_minutes + staff_minutes + imported_minutes > 0",
            name="certifies_something",
        ),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn_by_somebody"),
        Index("ix_certificate_resident", "town_id", "resident_id", "id"),
    )


def _table(model: type[Base]) -> Table:
    assert isinstance(model.__table__, Table)
    return model.__table__


#: The tables as SQLAlchemy Core sees them.
BATCH, RECORD, DAY, ENTRY_DAY = map(_table, (ServiceBatch, ServiceRecord, ServiceDay, ServiceEntryDay))
CERTIFICATE, REGISTRATION = map(_table, (Certificate, VolunteerRegistration))
