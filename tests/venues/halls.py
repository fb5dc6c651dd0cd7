"""Rooms that tests book, and what must hold of their bookings whatever happened."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from werkzeug.test import TestResponse

from models.territory import ServiceCentre
from models.venues import HAVING_SLOTS, BookingStatus, BookingUsage, Venue, VenueBooking, VenueSlot, VenueUse
from rules.clock import local_day, local_moment, utc_now
from rules.venues.slots import QUARTER
from rules.venues.usage import holders_of
from rules.work import SYSTEM, Work
from tests.build import ApiClient, TownBuilder, add

HOUR = timedelta(hours=1)
#: Bookings that stay counted against weekly limits: all but those that were given back.
COUNTED = (*HAVING_SLOTS, BookingStatus.RELEASED)
_serial = itertools.count(1)


def tomorrow(hour: int, minute: int = 0, *, days: int = 1) -> datetime:
    """A time of the next day, or of a later one."""
    day = local_day(utc_now()) + timedelta(days=days)
    return local_moment(day, "00:00") + timedelta(hours=hour, minutes=minute)


def monday() -> datetime:
    """Midnight of a Monday that can be booked: next week's."""
    day = local_day(utc_now())
    return local_moment(day + timedelta(days=7 - day.weekday()), "00:00")


def hall(town: TownBuilder, **columns: Any) -> int:
    """A room of the town's centre that residents may book, by the hour from 09:00 to 17:00."""
    named = {"name": f"活动室 {next(_serial)}", "capacity": 40, "bookable": True, "slot_minutes": 60}
    return town.act(None, lambda work: add(work, Venue, service_centre_id=centre_of(town), **named | columns))


def centre_of(town: TownBuilder) -> int:
    return int(town.rows(Venue.service_centre_id, id=town.venue_id)[0].service_centre_id)


def open_centre(town: TownBuilder, opens_at: str, closes_at: str) -> None:
    """Change when the town's centre is open."""
    change = update(ServiceCentre).where(ServiceCentre.town_id == town.id)
    town.act(None, lambda work: work.core.execute(change.values(opens_at=opens_at, closes_at=closes_at)))


def use(town: TownBuilder, venue_id: int, name: str, capacity: int, parts_needed: int, **columns: Any) -> int:
    """A use of a room."""
    row = {"venue_id": venue_id, "name": name, "capacity": capacity, "parts_needed": parts_needed}
    return town.act(None, lambda work: add(work, VenueUse, **row | columns))


def sports_hall(town: TownBuilder, **columns: Any) -> tuple[int, int, int, int]:
    """A hall of four courts, and its uses: badminton on one court, a meeting on two, a film in all of it."""
    venue_id = hall(town, **{"parts": 4, "capacity": 200, "kind": "hall"} | columns)
    uses = (("羽毛球", 4, 1), ("会议", 60, 2), ("电影", 200, 4))
    return venue_id, *(use(town, venue_id, *each) for each in uses)  # type: ignore[return-value]


def asked(begin: datetime, length: timedelta = HOUR, **more: Any) -> dict[str, Any]:
    """The body of a booking."""
    body = {"starts_at": begin.isoformat(), "ends_at": (begin + length).isoformat(), "purpose": "邻里聚会"}
    return body | {name: str(value) if name.endswith("_id") else value for name, value in more.items()}


def book(caller: ApiClient, venue_id: int, begin: datetime, length: timedelta = HOUR, **more: Any) -> TestResponse:
    return caller.post(f"/venues/{venue_id}/bookings", asked(begin, length, **more))


def booked(caller: ApiClient, venue_id: int, begin: datetime, length: timedelta = HOUR, **more: Any) -> dict[str, Any]:
    """A booking that was made."""
    answer = book(caller, venue_id, begin, length, **more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def refused(answer: TestResponse, status: int, code: str) -> str:
    """The sentence of a refusal."""
    assert (answer.status_code, answer.json.get("code")) == (status, code), answer.text
    return str(answer.json["detail"])


def resident_of(town: TownBuilder, api: ApiClient, **columns: Any) -> ApiClient:
    return api.as_(town.resident(**columns))


def status_of(town: TownBuilder, booking: dict[str, Any]) -> BookingStatus:
    return town.rows(VenueBooking.status, id=int(booking["id"]))[0].status


def slots_of(town: TownBuilder, venue_id: int) -> set[tuple[int, datetime]]:
    """What of a room somebody has: parts and quarters."""
    return {(row.part, row.starts_at) for row in town.rows(VenueSlot.part, VenueSlot.starts_at, venue_id=venue_id)}


def used(town: TownBuilder, venue_id: int) -> dict[tuple[str, int], int]:
    """What is counted of a room, by holder, all weeks together."""
    rows = town.rows(BookingUsage.holder_kind, BookingUsage.holder_id, BookingUsage.used, venue_id=venue_id)
    counted: Counter[tuple[str, int]] = Counter()
    for row in rows:
        counted[row.holder_kind.value, row.holder_id] += row.used
    return {holder: count for holder, count in counted.items() if count}


def assert_books_agree(town: TownBuilder) -> None:
    """Slots are what live bookings have, each once; counters are the bookings that count."""

    def read(work: Work) -> tuple[list[Any], list[Any], list[Any]]:
        bookings = work.db.execute(select(VenueBooking).where(VenueBooking.town_id == town.id)).scalars().all()
        slots = work.db.execute(select(VenueSlot).where(VenueSlot.town_id == town.id)).scalars().all()
        usage = work.db.execute(select(BookingUsage).where(BookingUsage.town_id == town.id)).scalars().all()
        return list(bookings), list(slots), list(usage)

    bookings, slots, usage = town.database.read(town.id, SYSTEM, read)
    live = [each for each in bookings if each.status in HAVING_SLOTS]
    due = Counter(
        (each.venue_id, part, each.starts_at + n * QUARTER, each.id)
        for each in live
        for part in each.parts
        for n in range((each.ends_at - each.starts_at) // QUARTER)
    )
    had = Counter((each.venue_id, each.part, each.starts_at, each.booking_id) for each in slots if each.booking_id)
    assert had == due
    places = [(each.venue_id, each.part, each.starts_at) for each in slots]
    assert len(places) == len(set(places))
    counted = Counter(
        (holder.kind, holder.id, each.venue_id, each.week)
        for each in bookings
        if each.status in COUNTED
        for holder in holders_of(each.resident_id, each.household_id, each.organisation_id)
    )
    kept = {(each.holder_kind, each.holder_id, each.venue_id, each.week): each.used for each in usage if each.used}
    assert kept == dict(counted)
