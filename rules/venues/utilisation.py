"""How a room is used, by weekday and hour, for those who plan its hours.

Slots say what was used; a booking that was cancelled, or released because nobody came, has none. Hours and parts are
those of today, also for the past.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select

from models.venues import BookingStatus, DayKind, VenueBooking
from rules.clock import ZONE
from rules.venues.availability import Used, used_in
from rules.venues.hours import read_opening
from rules.venues.places import WATCHING, find_venue, require_any
from rules.venues.refusals import PeriodInvalid
from rules.venues.slots import count_taken
from rules.work import Work
from rules.working_days import WEEKDAYS

DAYS_MAX = 92
LOOK_BACK = timedelta(days=28)
HOURS_OF_DAY = 24


@dataclass(frozen=True, slots=True)
class HourOfWeek:
    """An hour of a weekday, in all the weeks of the period together."""

    weekday: DayKind
    hour: int
    used: Used


@dataclass(frozen=True, slots=True)
class BookingCounts:
    """How many bookings there are in each state."""

    pending: int
    confirmed: int
    checked_in: int
    cancelled: int
    rejected: int
    released: int
    expired: int


@dataclass(frozen=True, slots=True)
class Utilisation:
    """A room in a period."""

    venue_id: int
    begins_at: datetime
    ends_at: datetime
    total: Used
    outside_hours: float  #: used while the room is closed by its hours: sessions in the evening
    bookings: BookingCounts  #: that begin in the period
    hours: Sequence[HourOfWeek]  #: all 168, also where it is never open


_bookings = (
    select(VenueBooking.status, func.count().label("bookings"))
    .where(
        VenueBooking.town_id == bindparam("town"),
        VenueBooking.venue_id == bindparam("venue"),
        VenueBooking.starts_at >= bindparam("begin"),
        VenueBooking.starts_at < bindparam("end"),
    )
    .group_by(VenueBooking.status)
)


def show_utilisation(work: Work, venue_id: int, from_: datetime | None, to: datetime | None) -> Utilisation:
    """How a room was or will be used in a period: the last four weeks unless it is given.

    Raises VenueUnknown, Forbidden, PeriodInvalid.
    """
    venue = find_venue(work, venue_id)
    require_any(work, WATCHING, venue.path)
    end = to or (work.now if from_ is None else from_ + LOOK_BACK)
    begin = from_ or end - LOOK_BACK
    if not timedelta(0) < end - begin <= timedelta(days=DAYS_MAX):
        raise PeriodInvalid(days=DAYS_MAX)
    is_open = set(read_opening(work, venue, begin, end).open_quarters(begin, end))
    taken = {at: parts for at, parts in count_taken(work, venue_id, begin, end).items() if at >= begin}
    inside = {at: parts for at, parts in taken.items() if at in is_open}
    asked = {"town": work.town_id, "venue": venue_id, "begin": begin, "end": end}
    counted = {row.status: row.bookings for row in work.core.execute(_bookings, asked)}
    return Utilisation(
        venue_id,
        begin,
        end,
        used_in(venue.parts, len(is_open), sum(inside.values())),
        (sum(taken.values()) - sum(inside.values())) / venue.parts / 4,
        BookingCounts(**{status.value: counted.get(status, 0) for status in BookingStatus}),
        _by_hour(venue.parts, is_open, inside),
    )


def _by_hour(parts: int, is_open: set[datetime], taken: Mapping[datetime, int]) -> list[HourOfWeek]:
    quarters, used = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for at in is_open:
        quarters[_hour_of(at)] += 1
    for at, count in taken.items():
        used[_hour_of(at)] += count
    return [
        HourOfWeek(WEEKDAYS[weekday], hour, used_in(parts, quarters[weekday, hour], used[weekday, hour]))
        for weekday in range(len(WEEKDAYS))
        for hour in range(HOURS_OF_DAY)
    ]


def _hour_of(moment: datetime) -> tuple[int, int]:
    local = moment.astimezone(ZONE)
    return local.weekday(), local.hour
