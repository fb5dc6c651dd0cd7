"""Places in sessions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, one_of


class ReservationStatus(StrEnum):
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    CHECKED_IN = "checked_in"


#: The states in which a reservation holds places.
LIVE = (ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN)
IS_LIVE = text("status IN ({})".format(", ".join(f"'{status}'" for status in LIVE)))


class Reservation(InTown, Base):
    """A party's places in a session. A resident has at most one live reservation in each."""

    __tablename__ = "reservation"

    session_id: Mapped[int]
    resident_id: Mapped[int]
    party_size: Mapped[int]
    status: Mapped[ReservationStatus] = mapped_column(one_of(ReservationStatus), default=ReservationStatus.CONFIRMED)
    reserved_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    checked_in_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "session_id"], ["session.town_id", "session.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("party_size > 0", name="party_size_positive"),
        Index(
            "uq_reservation_live",
            "town_id",
            "session_id",
            "resident_id",
            unique=True,
            sqlite_where=IS_LIVE,
            postgresql_where=IS_LIVE,
        ),
        Index("ix_reservation_resident", "town_id", "resident_id", "id"),
        Index("ix_reservation_session_resident", "town_id", "session_id", "resident_id"),
    )
