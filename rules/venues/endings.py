"""A booking ends before its time: the one way in which slots, counts and points are given back.

Only the transaction whose guarded UPDATE turned the booking gives back what it had, so it is given back once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Update, bindparam, update

from models.venues import BookingCancelledBy, BookingStatus, VenueBooking
from rules.clock import ZONE
from rules.reservations.desk import check_cancelling_quota
from rules.residents.acting import NotTheirProxy, resident_for
from rules.rows import AnyRow
from rules.rulebook.plan import CANCELLED
from rules.venues import slots, telling, terms
from rules.venues.bookings import read_booking
from rules.venues.places import DESK, require_any, share_venue
from rules.venues.refusals import BookingOver, BookingUnknown, TooLateToCancelBooking
from rules.venues.usage import give_back
from rules.work import ActorKind, Work

#: The states that can still be cancelled.
TO_COME = (BookingStatus.PENDING, BookingStatus.CONFIRMED)


def turn(*before: BookingStatus, **becomes: Any) -> Update:
    """A guarded change of one booking that is in one of these states: returns its id, or nothing."""
    return (
        update(VenueBooking)
        .where(
            VenueBooking.town_id == bindparam("town"),
            VenueBooking.id == bindparam("booking"),
            VenueBooking.status.in_(before),
        )
        .values(**becomes)
        .returning(VenueBooking.id)
    )


_cancel = turn(
    *TO_COME, status=BookingStatus.CANCELLED, cancelled_at=bindparam("now"), cancelled_by=bindparam("by_whom")
)


def cancel_booking(work: Work, booking_id: int) -> AnyRow:
    """Give a room back: a resident until the booking's deadline, staff of the place until it is over.

    Raises BookingUnknown (also for other people's), Forbidden (staff of elsewhere), BookingOver, TooLateToCancelBooking,
    QuotaReached (the rulebook's limit of cancellations).
    """
    booking = read_booking(work, booking_id)
    is_staff = _check_whose(work, booking)
    if booking.status not in TO_COME or booking.ends_at <= work.now:
        raise BookingOver
    if not is_staff:
        _check_deadline(work, booking)
    share_venue(work, booking.venue_id)
    by_whom = BookingCancelledBy.STAFF if is_staff else BookingCancelledBy.RESIDENT
    asked = {"town": work.town_id, "booking": booking_id, "now": work.now, "by_whom": by_whom}
    if work.core.execute(_cancel, asked).first() is None:  # cancelled or used between the look and the lock
        raise BookingOver
    undo_bookings(work, [booking])
    if is_staff:
        telling.tell(work, telling.CANCELLED, [booking])
    else:
        check_cancelling_quota(work, terms.wanted_of(work, booking))
        terms.tell(work, CANCELLED, booking)
    terms.give_prices_back(work, [booking])
    return read_booking(work, booking_id)


def undo_bookings(work: Work, bookings: Sequence[AnyRow]) -> None:
    """Give back the slots of bookings, and uncount them. Points come after whatever the rulebook is told."""
    slots.free_bookings(work, [booking.id for booking in bookings])
    give_back(work, bookings)


def _check_whose(work: Work, booking: AnyRow) -> bool:
    """Whether the actor is staff of the place; raises unless it is the actor's booking otherwise."""
    if work.actor.kind is ActorKind.STAFF:
        require_any(work, DESK, booking.path)
        return True
    try:
        resident_for(work, booking.resident_id)
    except NotTheirProxy:
        raise BookingUnknown from None
    return False


def _check_deadline(work: Work, booking: AnyRow) -> None:
    """What waits for approval can be withdrawn until it begins."""
    until = booking.starts_at if booking.status is BookingStatus.PENDING else booking.cancellable_until
    if work.now > until:
        raise TooLateToCancelBooking(until=until.astimezone(ZONE).strftime("%Y-%m-%d %H:%M"))
