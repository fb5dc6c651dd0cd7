"""Places in sessions: reservations, the waiting list, draws, appeals.

A reservation that is live is the only one of its resident in the session, whatever it is: an application, a party that
waits, an offer, a place. So nobody is both in and waiting. Of the live ones, those that hold places are counted in
`session.taken`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, one_of


class ReservationStatus(StrEnum):
    APPLIED = "applied"  #: takes part in a draw, or waits for places to be given out by priority
    WAITLISTED = "waitlisted"
    OFFERED = "offered"  #: a place is held until `offer_expires_at`
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked_in"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    LAPSED = "lapsed"  #: an offer that nobody took, or a wait that ended with the sign-up


#: The states in which a reservation holds places.
HOLDING = (ReservationStatus.OFFERED, ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN)
LIVE = (ReservationStatus.APPLIED, ReservationStatus.WAITLISTED, *HOLDING)
IS_LIVE = text("status IN ({})".format(", ".join(f"'{status}'" for status in LIVE)))
IS_WAITING = text("status = 'waitlisted'")
IS_OFFERED = text("status = 'offered'")
IS_TO_COME = text("status = 'confirmed'")


class CancelledBy(StrEnum):
    """Who cancelled a reservation."""

    RESIDENT = "resident"  #: the resident, or who acts for them
    STAFF = "staff"
    ORGANISER = "organiser"  #: the session was cancelled


class WaitingReason(StrEnum):
    """Why a party that waits was not promoted when places were last given out."""

    FULL = "full"  #: no place is free
    PARTY_TOO_LARGE = "party_too_large"  #: some are free, too few for this party; smaller ones may pass
    OTHERS_FIRST = "others_first"  #: what was free went to those before
    SUSPENDED = "suspended"  #: a penalty or a freeze keeps this resident from booking for now


class Reservation(InTown, Base):
    """A party's places in a session, or its wish for some."""

    __tablename__ = "reservation"

    session_id: Mapped[int]
    resident_id: Mapped[int]
    party_size: Mapped[int]
    status: Mapped[ReservationStatus] = mapped_column(one_of(ReservationStatus), default=ReservationStatus.CONFIRMED)
    priority: Mapped[int] = mapped_column(default=0)  #: 0 comes first
    rank: Mapped[int] = mapped_column(
        default=0
    )  #: within the priority: its place in the draw, or its ticket: who came when
    waiting_reason: Mapped[WaitingReason | None] = mapped_column(one_of(WaitingReason))
    waiting_free: Mapped[int | None]  #: places that were free when `waiting_reason` was written
    answers: Mapped[dict[str, Any] | None] = mapped_column(Json)  #: to the activity's questions, by their keys
    price: Mapped[int] = mapped_column(default=0)  #: points for the whole party
    hold_txn_id: Mapped[int | None]  #: the hold of these points
    booked_by_kind: Mapped[str | None]  #: who booked, where it wasn't the resident: resident, staff
    booked_by_id: Mapped[int | None]
    reserved_at: Mapped[datetime]
    offer_expires_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    cancellable_until: Mapped[datetime | None]  #: fixed at the booking; NULL: as long as the sign-up is open
    release_at: Mapped[datetime | None]  #: who hasn't checked in by then loses the place; NULL: kept until the end
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[CancelledBy | None] = mapped_column(one_of(CancelledBy))
    checked_in_at: Mapped[datetime | None]
    no_show_at: Mapped[datetime | None]
    versioned_at: Mapped[datetime | None]  #: when what `models.history` watches was last changed; NULL: never

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "session_id"], ["session.town_id", "session.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("party_size > 0", name="party_size_positive"),
        CheckConstraint("price >= 0", name="price_not_negative"),
        CheckConstraint("status <> 'offered' OR offer_expires_at IS NOT NULL", name="an_offer_expires"),
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
        Index(
            "ix_reservation_waiting",
            "town_id",
            "session_id",
            "priority",
            "rank",
            sqlite_where=IS_WAITING,
            postgresql_where=IS_WAITING,
        ),
        Index(
            "ix_reservation_offered",
            "town_id",
            "offer_expires_at",
            sqlite_where=IS_OFFERED,
            postgresql_where=IS_OFFERED,
        ),
        Index("ix_reservation_release", "town_id", "release_at", sqlite_where=IS_TO_COME, postgresql_where=IS_TO_COME),
    )


class Draw(Base):
    """A draw of a session's places: committed to before anybody applies, replayable by anybody after."""

    __tablename__ = "draw"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    session_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    commitment: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of the seed, published from the beginning
    seed_sealed: Mapped[bytes] = mapped_column(LargeBinary)  #: the seed, encrypted until it is revealed
    committed_at: Mapped[datetime]
    drawn_at: Mapped[datetime | None]
    published: Mapped[dict[str, Any] | None] = mapped_column(
        Json
    )  #: seed, tickets and result, as anybody can replay them

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "session_id"], ["session.town_id", "session.id"]),
        CheckConstraint("(published IS NULL) = (drawn_at IS NULL)", name="published_when_drawn"),
    )


class AppealStatus(StrEnum):
    PENDING = "pending"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class Appeal(InTown, Base):
    """A resident says that a no-show wasn't one; staff decide."""

    __tablename__ = "appeal"

    reservation_id: Mapped[int]
    reason: Mapped[str]
    status: Mapped[AppealStatus] = mapped_column(one_of(AppealStatus), default=AppealStatus.PENDING)
    made_at: Mapped[datetime]
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None]  #: why, for the resident

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "reservation_id"], ["reservation.town_id", "reservation.id"]),
        ForeignKeyConstraint(["town_id", "decided_by"], ["staff.town_id", "staff.id"]),
        UniqueConstraint("town_id", "reservation_id"),
        CheckConstraint("(status = 'pending') = (decided_by IS NULL)", name="decided_by_somebody"),
        Index("ix_appeal_status", "town_id", "status", "id"),
    )
