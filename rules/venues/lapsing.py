"""Bookings that end by themselves: nobody decided before they began, or nobody came in time.

A job looks for what is due and ends each in a transaction of its own, by a guarded UPDATE; so it can be run twice, or two
at once. One that a rule refuses is left for the next run and keeps none of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Update, bindparam, select

from models.venues import BookingStatus, VenueBooking
from rules.errors import Busy, RuleError
from rules.reservations.desk import NO_SHOW
from rules.rows import AnyRow
from rules.venues import slots, telling, terms
from rules.venues.bookings import read_booking
from rules.venues.endings import turn, undo_bookings
from rules.venues.places import share_venue
from rules.work import SYSTEM, Transactions, Work

AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Lapsed:
    """How many bookings a run has ended."""

    expired: int
    released: int
    refused: int


_due = (
    select(VenueBooking.id)
    .where(VenueBooking.town_id == bindparam("town"), VenueBooking.id > bindparam("after"))
    .order_by(VenueBooking.id)
    .limit(bindparam("at_a_time"))
)
_undecided = _due.where(VenueBooking.status == BookingStatus.PENDING, VenueBooking.starts_at <= bindparam("now"))
_not_come = _due.where(VenueBooking.status == BookingStatus.CONFIRMED, VenueBooking.release_at <= bindparam("now"))
_expire = turn(BookingStatus.PENDING, status=BookingStatus.EXPIRED, ended_at=bindparam("now"))
_release = turn(BookingStatus.CONFIRMED, status=BookingStatus.RELEASED, ended_at=bindparam("now"))


def lapse_bookings(transactions: Transactions, town_id: int) -> Lapsed:
    """End all bookings of a town that are due."""
    expired, not_expired = _end_all(transactions, town_id, _undecided, expire_booking)
    released, not_released = _end_all(transactions, town_id, _not_come, release_booking)
    return Lapsed(expired, released, not_expired + not_released)


def expire_booking(work: Work, booking_id: int) -> bool:
    """End a booking that nobody decided on, as if it had never been. False when it isn't pending any more."""
    booking = _turned(work, booking_id, _expire)
    if booking is None:
        return False
    undo_bookings(work, [booking])
    terms.give_prices_back(work, [booking])
    telling.tell(work, telling.EXPIRED, [booking])
    return True


def release_booking(work: Work, booking_id: int) -> bool:
    """Let others have a room for which nobody came; it stays counted, and the rulebook hears of the no-show.

    False when the booking isn't confirmed any more.
    """
    booking = _turned(work, booking_id, _release)
    if booking is None:
        return False
    slots.free_bookings(work, [booking_id])
    terms.tell(work, NO_SHOW, booking)
    terms.give_prices_back(work, [booking])
    telling.tell(work, telling.RELEASED, [booking])
    return True


def _turned(work: Work, booking_id: int, statement: Update) -> AnyRow | None:
    booking = read_booking(work, booking_id)
    share_venue(work, booking.venue_id)
    asked = {"town": work.town_id, "booking": booking_id, "now": work.now}
    return booking if work.core.execute(statement, asked).first() is not None else None


def _end_all(
    transactions: Transactions, town_id: int, due: Select[Any], end: Callable[[Work, int], bool]
) -> tuple[int, int]:
    """End what is due, a batch after the other; returns how many were ended, and how many a rule refused to end."""
    ended, refused, after = 0, 0, 0
    while ids := transactions.read(town_id, SYSTEM, _read_due, due, after):
        for id_ in ids:
            try:
                ended += transactions.write(town_id, SYSTEM, end, id_)
            except Busy:
                raise
            except RuleError:
                refused += 1
        after = ids[-1]
    return ended, refused


def _read_due(work: Work, due: Select[Any], after: int) -> list[int]:
    asked = {"town": work.town_id, "now": work.now, "after": after, "at_a_time": AT_A_TIME}
    return [row.id for row in work.core.execute(due, asked)]
