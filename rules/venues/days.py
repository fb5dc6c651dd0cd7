"""When rooms were open on days that have begun, written down once.

Hours are set for the future and keep no history, and a room is divided anew; so the hours and the parts of a day are
written down as the day begins, and what is set on that day counts from the next one on. A room that is added counts from
the day on which it was added, if that day is written down after it was. Days that nobody wrote down (of the time before
this was kept, or of a long outage) are made up from the hours of now, and `recorded_at` says when. Closures aren't in it:
they know themselves when they were made and lifted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, func, select

from models import Base
from models.activities import Session
from models.venues import DAY_QUARTERS, Venue, VenueBooking, VenueDay
from rules.bulk import insert_rows
from rules.clock import local_day, local_moment
from rules.ids import ID_MAX, first_id_at
from rules.venues.hours import QUARTER_MINUTES, Opening, Times, minutes_of, quarters_in, read_openings
from rules.venues.places import VENUES
from rules.work import SYSTEM, Transactions, Work

A_DAY = timedelta(days=1)
#: How many days one transaction writes down.
DAYS_AT_A_TIME = 7

_table = Base.metadata.tables["venue_day"]
_last = select(func.max(VenueDay.begins_at)).where(VenueDay.town_id == bindparam("town"))
_first_session = select(func.min(Session.starts_at)).where(Session.town_id == bindparam("town"))
_first_booking = select(func.min(VenueBooking.starts_at)).where(VenueBooking.town_id == bindparam("town"))
_rooms = VENUES.where(Venue.id < bindparam("made_before")).order_by(Venue.id)


def fix_missing(transactions: Transactions, town_id: int) -> int:
    """Write down every day up to today that isn't yet, from the town's first use of a room on. Returns the rows written."""
    today, missing = transactions.read(town_id, SYSTEM, _missing_since)
    written = 0
    while missing <= today:
        last = min(missing + (DAYS_AT_A_TIME - 1) * A_DAY, today)
        written += transactions.write(town_id, SYSTEM, fix_days, missing, last)
        missing = last + A_DAY
    return written


def fix_days(work: Work, first: date, last: date) -> int:
    """Write down the days from the first to the last; what is written down stays. Returns the rows that it made."""
    rows = [row for day in _days(first, last) for row in _rows_of(work, day)]
    insert_rows(work.core, _table, rows, skip_conflicts=True)
    return len(rows)


def _missing_since(work: Work) -> tuple[date, date]:
    """Today, and the first day that isn't written down."""
    today, town = local_day(work.now), {"town": work.town_id}
    last = work.core.scalar(_last, town)
    if last is not None:
        return today, local_day(last) + A_DAY
    uses = [at for at in (work.core.scalar(_first_session, town), work.core.scalar(_first_booking, town)) if at]
    return today, min((local_day(at) for at in uses), default=today)


def _rows_of(work: Work, day: date) -> Iterator[dict[str, Any]]:
    begins_at = local_moment(day, "00:00")
    made_before = first_id_at(begins_at + A_DAY) if day < local_day(work.now) else ID_MAX
    asked = {"town": work.town_id, "made_before": made_before}
    rooms = work.core.execute(_rooms, asked).all()
    openings = read_openings(work, rooms, begins_at, begins_at + A_DAY) if rooms else {}
    for room in rooms:
        yield {
            "town_id": work.town_id,
            "begins_at": begins_at,
            "venue_id": room.id,
            "territory_id": room.community_id,
            "parts": room.parts,
            "open_quarters": pattern_of(openings[room.id], day),
            "recorded_at": work.now,
        }


def pattern_of(opening: Opening, day: date) -> str:
    """A character for each quarter of the day: 1 where the room is open by its hours, 0 where it is closed."""
    return _pattern(tuple(opening.times_on(day)))


@lru_cache(maxsize=1024)
def _pattern(times: tuple[Times, ...]) -> str:
    marks = ["0"] * DAY_QUARTERS
    for opens_at, closes_at in times:
        for quarter in range(-(-minutes_of(opens_at) // QUARTER_MINUTES), quarters_in(closes_at)):
            marks[quarter] = "1"
    return "".join(marks)


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += A_DAY
