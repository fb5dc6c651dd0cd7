"""What rows were before they changed, so that a question as of a past moment finds what it found then.

A change of a watched column puts the old values into the table's versions, with the moment until which they held. A
trigger of the database does it, on both engines, in the transaction of the change. The moment is the row's `versioned_at`,
which whoever changes a watched column sets to the moment of the deed; the trigger refuses a change that never set it, and
keeps the moments of a row in order when two deeds met at it the other way round. Of two changes at one moment the first
one's old values stay: what held for no time is no version.

A reservation that is checked in as it happens leaves no version: its own `checked_in_at` says until when it was only
confirmed, and a scan at the door writes one row less. One that is checked in later than it happened (an upload) does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.base import Base, one_of
from models.reservations import CancelledBy, Reservation, ReservationStatus
from models.residents import Resident, ResidentStatus
from models.territory import Scene


class Version:
    """What a row was until a moment, that moment not included. `id`: the row's."""

    __tablename__: str

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-3)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-2)
    until: Mapped[datetime] = mapped_column(primary_key=True, sort_order=-1)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[ForeignKeyConstraint, Index]:  # noqa: N805  SQLAlchemy hands the class
        table = cls.__tablename__.removesuffix("_version")
        return (
            ForeignKeyConstraint(["town_id", "id"], [f"{table}.town_id", f"{table}.id"]),
            Index(f"ix_{cls.__tablename__}_until", "town_id", "until"),
        )


class ActivityVersion(Version, Base):
    """An activity as it was."""

    __tablename__ = "activity_version"

    scene: Mapped[Scene] = mapped_column(one_of(Scene))
    community_id: Mapped[int]
    operator_id: Mapped[int]
    status: Mapped[ActivityStatus] = mapped_column(one_of(ActivityStatus))


class SessionVersion(Version, Base):
    """A session as it was."""

    __tablename__ = "session_version"

    venue_id: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reservable_until: Mapped[datetime]
    capacity: Mapped[int]
    status: Mapped[SessionStatus] = mapped_column(one_of(SessionStatus))


class ReservationVersion(Version, Base):
    """A reservation as it was."""

    __tablename__ = "reservation_version"

    party_size: Mapped[int]
    status: Mapped[ReservationStatus] = mapped_column(one_of(ReservationStatus))
    confirmed_at: Mapped[datetime | None]
    cancellable_until: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[CancelledBy | None] = mapped_column(one_of(CancelledBy))
    checked_in_at: Mapped[datetime | None]
    no_show_at: Mapped[datetime | None]


class ResidentVersion(Version, Base):
    """Where a resident lived, and in which state the record was. Of who was erased, only the community stays."""

    __tablename__ = "resident_version"

    territory_id: Mapped[int | None]
    status: Mapped[ResidentStatus] = mapped_column(one_of(ResidentStatus))


VERSIONS: Mapping[type[Base], type[Version]] = {
    Activity: ActivityVersion,
    Session: SessionVersion,
    Reservation: ReservationVersion,
    Resident: ResidentVersion,
}


def watched(table: type[Base]) -> tuple[str, ...]:
    """The columns of a table whose old values are kept."""
    version = VERSIONS[table].__table__  # type: ignore[attr-defined]
    return tuple(column.name for column in version.columns if not column.primary_key)
