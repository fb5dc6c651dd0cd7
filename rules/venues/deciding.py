"""Staff approve or reject what was asked for, and take down who has come."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam

from models.venues import BookingStatus
from rules.clock import ZONE
from rules.rows import AnyRow
from rules.venues import telling, terms
from rules.venues.bookings import read_booking
from rules.venues.endings import turn, undo_bookings
from rules.venues.places import DESK, OFFICE, require_any, share_venue
from rules.venues.refusals import ArrivalTooEarly, ArrivalTooLate, BookingDecided, NotConfirmed
from rules.work import Work

#: So long before the beginning the door opens.
DOOR_OPENS_BEFORE = timedelta(minutes=30)

_decide = turn(
    BookingStatus.PENDING,
    status=bindparam("becomes"),
    decided_by=bindparam("who"),
    decided_at=bindparam("now"),
    decision_note=bindparam("note"),
)
_arrive = turn(BookingStatus.CONFIRMED, status=BookingStatus.CHECKED_IN, checked_in_at=bindparam("now"))


def decide_booking(work: Work, booking_id: int, approve: bool, note: str) -> AnyRow:
    """Approve or reject a booking that waits for it, before it begins.

    Raises BookingUnknown, Forbidden, BookingDecided (decided, withdrawn or expired meanwhile).
    """
    booking = read_booking(work, booking_id)
    require_any(work, OFFICE, booking.path)
    if booking.starts_at <= work.now:
        raise BookingDecided
    share_venue(work, booking.venue_id)
    becomes = BookingStatus.CONFIRMED if approve else BookingStatus.REJECTED
    said = {"becomes": becomes, "who": work.actor.id, "now": work.now, "note": note}
    if work.core.execute(_decide, {"town": work.town_id, "booking": booking_id} | said).first() is None:
        raise BookingDecided
    if not approve:
        undo_bookings(work, [booking])
        terms.give_prices_back(work, [booking])
    telling.tell(work, telling.CONFIRMED if approve else telling.REJECTED, [booking], note)
    return read_booking(work, booking_id)


def record_arrival(work: Work, booking_id: int) -> AnyRow:
    """Somebody has come, from half an hour before the beginning on; points that were held are spent.

    Who comes after `release_at` and before others were given the room still has it. Raises BookingUnknown, Forbidden,
    NotConfirmed (also on a second arrival), ArrivalTooEarly, ArrivalTooLate.
    """
    booking = read_booking(work, booking_id)
    require_any(work, DESK, booking.path)
    opens = booking.starts_at - DOOR_OPENS_BEFORE
    if work.now < opens:
        raise ArrivalTooEarly(opens=opens.astimezone(ZONE).strftime("%Y-%m-%d %H:%M"))
    if work.now >= booking.ends_at:
        raise ArrivalTooLate
    arrived = work.core.execute(_arrive, {"town": work.town_id, "booking": booking_id, "now": work.now}).first()
    if arrived is None:
        raise NotConfirmed(status=read_booking(work, booking_id).status.value)
    terms.capture_price(work, booking)
    return read_booking(work, booking_id)
