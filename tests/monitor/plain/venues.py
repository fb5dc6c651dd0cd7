"""The measures of rooms once more, quarter by quarter and booking by booking.

Sessions are read as they are: one that has begun is changed no more, and only quarters that are over count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from models.activities import Session, SessionStatus
from models.territory import ServiceCentre
from models.venues import BookingStatus, Closure, Venue, VenueBooking, VenueDay
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted

QUARTER = timedelta(minutes=15)
TABLES = (Venue, VenueDay, VenueBooking, Session, Closure, ServiceCentre)
OF_DAYS = {
    "venues.open_hours": "open",
    "venues.used_hours": "used",
    "venues.outside_hours": "outside",
    "venues.closed_hours": "closed",
}
OF_HOURS = {"venues.open_by_hour": "open", "venues.used_by_hour": "used"}
_OPEN_ROOM_QUARTERS = 20 * 4


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Every quarter, booking or closure of the period that the measure counts, or every room at its end."""
    if measure in OF_DAYS or measure in OF_HOURS:
        return list(_quarters(rows, measure, begin, end, as_of))
    if measure in ("venues.rooms", "venues.idle_rooms"):
        return list(_rooms(rows, measure, begin, end, as_of))
    if measure == "venues.closures":
        return list(_closures(rows, begin, end, as_of))
    return list(_bookings(rows, measure.removeprefix("venues.bookings_"), begin, end, as_of))


def _quarters(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> Iterator[Counted]:
    for day, at, counters in _uses(rows, begin, end, as_of):
        on = local_day(at)
        hour = f"{on.weekday()}-{(at - day.begins_at) // (4 * QUARTER):02}"
        detail = hour if measure in OF_HOURS else str(day.venue_id)
        amount = counters[OF_HOURS.get(measure) or OF_DAYS[measure]]
        if amount:
            yield Counted(on, day.territory_id, None, None, detail, amount)


def _rooms(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> Iterator[Counted]:
    opened: Counter[int] = Counter()
    total: Counter[tuple[int, str]] = Counter()
    place = {}
    for day, _, counters in _uses(rows, begin, end, as_of):
        place[day.venue_id] = day.territory_id
        opened[day.venue_id] += counters["open"] > 0
        for name, amount in counters.items():
            total[day.venue_id, name] += amount
    last = local_day(end - timedelta(microseconds=1))
    for room, quarters in opened.items():
        is_idle = total[room, "used"] < 0.05 * total[room, "open"]
        if quarters >= _OPEN_ROOM_QUARTERS and (is_idle or measure == "venues.rooms"):
            yield Counted(last, place[room], None, None, str(room), 1)


def _uses(
    rows: Contents, begin: datetime, end: datetime, as_of: datetime
) -> Iterator[tuple[VenueDay, datetime, Counter[str]]]:
    """Every quarter of every room that is over, and how many parts of it were open, closed, used and used outside."""
    centre_of = {room.id: room.service_centre_id for room in rows[Venue]}
    for day in rows[VenueDay]:
        if not begin <= day.begins_at < end or day.recorded_at > as_of:
            continue
        for n, mark in enumerate(day.open_quarters):
            at = day.begins_at + n * QUARTER
            if at + QUARTER > as_of:
                break
            is_closed = any(_meets(closure, day.venue_id, centre_of, at, as_of) for closure in rows[Closure])
            is_open, had = mark == "1" and not is_closed, sum(_held(rows, day, at, as_of))
            yield (
                day,
                at,
                Counter(
                    open=day.parts * is_open,
                    closed=day.parts * (mark == "1" and is_closed),
                    used=had * is_open,
                    outside=had * (not is_open),
                ),
            )


def _meets(closure: Closure, venue_id: int, centre_of: dict[int, int], at: datetime, as_of: datetime) -> bool:
    is_of_room = closure.venue_id == venue_id or closure.service_centre_id == centre_of[venue_id]
    ends_at = closure.ends_at
    if closure.lifted_at is not None and closure.lifted_at <= as_of:
        ends_at = min(ends_at, closure.lifted_at.replace(microsecond=0))
    return is_of_room and closure.closed_at <= as_of and closure.starts_at < at + QUARTER and at < ends_at


def _held(rows: Contents, day: VenueDay, at: datetime, as_of: datetime) -> Iterator[int]:
    """How many parts somebody has in a quarter, one by one of who has them."""
    for booking in rows[VenueBooking]:
        if booking.venue_id == day.venue_id and booking.booked_at <= as_of and _stood(booking, as_of):
            yield min(len(booking.parts), day.parts) * _covers(booking, day, at)
    for session in rows[Session]:
        was_made = session.made_at is None or session.made_at <= as_of
        if session.venue_id == day.venue_id and session.status is SessionStatus.SCHEDULED and was_made:
            yield day.parts * _covers(session, day, at)


def _covers(what: Any, day: VenueDay, at: datetime) -> bool:
    is_of_day = local_day(what.starts_at) == local_day(day.begins_at)
    return is_of_day and what.starts_at < at + QUARTER and what.ends_at > at


def _stood(booking: VenueBooking, as_of: datetime) -> bool:
    ends = [booking.cancelled_at, booking.ended_at]
    ends += [booking.decided_at] if booking.status is BookingStatus.REJECTED else []
    return all(end is None or end > as_of for end in ends)


def _bookings(rows: Contents, counter: str, begin: datetime, end: datetime, as_of: datetime) -> Iterator[Counted]:
    place_of = {centre.id: centre.territory_id for centre in rows[ServiceCentre]}
    places = {room.id: place_of[room.service_centre_id] for room in rows[Venue]}
    for booking in rows[VenueBooking]:
        at = booking.booked_at if counter == "made" else booking.starts_at
        if begin <= at < end and at <= as_of and booking.booked_at <= as_of:
            was_released = booking.status is BookingStatus.RELEASED and booking.ended_at <= as_of
            is_so = {
                "made": True,
                "due": was_released or _stood(booking, as_of),
                "came": booking.checked_in_at is not None and booking.checked_in_at <= as_of,
                "released": was_released,
                "cancelled": booking.cancelled_at is not None and booking.cancelled_at <= as_of,
            }
            if is_so[counter]:
                yield Counted(local_day(at), places[booking.venue_id], None, None, str(booking.venue_id), 1)


def _closures(rows: Contents, begin: datetime, end: datetime, as_of: datetime) -> Iterator[Counted]:
    place_of = {centre.id: centre.territory_id for centre in rows[ServiceCentre]}
    centre_of = {room.id: room.service_centre_id for room in rows[Venue]}
    for closure in rows[Closure]:
        if begin <= closure.closed_at < end and closure.closed_at <= as_of:
            centre = closure.service_centre_id or centre_of[closure.venue_id]
            yield Counted(local_day(closure.closed_at), place_of[centre], None, None, None, 1)
