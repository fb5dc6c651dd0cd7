"""The guard: a part of a room has one owner for a quarter of an hour, or none.

Parts are taken in rising order, each with all its quarters in one statement, and a part that somebody else was quicker
to take is let go before the next one is tried. So two that race wait for each other in one order only, and whoever is
refused was refused by rows that others have written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, bindparam, cast, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from models.venues import VenueSlot
from rules.sets import is_id_in
from rules.work import Work

QUARTER = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_of_venue = (VenueSlot.town_id == bindparam("town"), VenueSlot.venue_id == bindparam("venue"))
_within = (VenueSlot.starts_at >= bindparam("begin"), VenueSlot.starts_at < bindparam("end"))
_parts_taken = select(VenueSlot.part).where(*_of_venue, *_within).distinct()
_taken = select(VenueSlot.starts_at, VenueSlot.part).where(*_of_venue, *_within)
_counted = (
    select(VenueSlot.starts_at, cast(func.count(), Integer).label("parts"))
    .where(*_of_venue, *_within)
    .group_by(VenueSlot.starts_at)
)
_take = (
    insert(VenueSlot)
    .on_conflict_do_nothing(index_elements=["town_id", "venue_id", "part", "starts_at"])
    .returning(VenueSlot.starts_at)
)
_free_part = delete(VenueSlot).where(
    VenueSlot.town_id == bindparam("town"),
    VenueSlot.booking_id == bindparam("booking"),
    VenueSlot.part == bindparam("of_part"),
)
_free_bookings = delete(VenueSlot).where(
    VenueSlot.town_id == bindparam("town"), is_id_in(VenueSlot.booking_id, "bookings")
)
_free_session = delete(VenueSlot).where(
    VenueSlot.town_id == bindparam("town"), VenueSlot.session_id == bindparam("session")
)


def floor_of(moment: datetime) -> datetime:
    """The beginning of the quarter that a moment lies in."""
    return moment - (moment - EPOCH) % QUARTER


def quarters_of(starts_at: datetime, ends_at: datetime) -> list[datetime]:
    """The quarters that a time touches, wholly or in part."""
    first = floor_of(starts_at)
    count = -((first - ends_at) // QUARTER)
    return [first + n * QUARTER for n in range(count)]


def free_parts(work: Work, venue_id: int, parts: int, starts_at: datetime, ends_at: datetime) -> list[int]:
    """The parts of a room that nobody has at any time between the two moments, in rising order."""
    asked = {"town": work.town_id, "venue": venue_id, "begin": floor_of(starts_at), "end": ends_at}
    taken = set(work.core.scalars(_parts_taken, asked))
    return [part for part in range(1, parts + 1) if part not in taken]


def read_taken(work: Work, venue_id: int, begin: datetime, end: datetime) -> dict[datetime, set[int]]:
    """The parts that somebody has, by the quarters of a period."""
    asked = {"town": work.town_id, "venue": venue_id, "begin": floor_of(begin), "end": end}
    found: dict[datetime, set[int]] = {}
    for row in work.core.execute(_taken, asked):
        found.setdefault(row.starts_at, set()).add(row.part)
    return found


def count_taken(work: Work, venue_id: int, begin: datetime, end: datetime) -> dict[datetime, int]:
    """How many parts somebody has, by the quarters of a period."""
    asked = {"town": work.town_id, "venue": venue_id, "begin": floor_of(begin), "end": end}
    return {row.starts_at: row.parts for row in work.core.execute(_counted, asked)}


def take_for_booking(
    work: Work, booking_id: int, venue_id: int, candidates: Iterable[int], needed: int, times: Sequence[datetime]
) -> list[int]:
    """Take so many of the candidate parts, which rise, for all these quarters.

    Returns the parts that were had; fewer than needed when others were quicker, and then the caller refuses.
    """
    had: list[int] = []
    for part in candidates:
        rows = [_row(work, venue_id, part, at, booking_id=booking_id) for at in times]
        if len(work.core.execute(_take, rows).all()) == len(times):
            had.append(part)
        else:
            work.core.execute(_free_part, {"town": work.town_id, "booking": booking_id, "of_part": part})
        if len(had) == needed:
            break
    return had


def take_for_session(work: Work, session_id: int, venue_id: int, parts: int, times: Sequence[datetime]) -> bool:
    """Take the whole room for all these quarters; False when somebody has a part of it."""
    rows = [_row(work, venue_id, part, at, session_id=session_id) for part in range(1, parts + 1) for at in times]
    return len(work.core.execute(_take, rows).all()) == len(rows)


def free_bookings(work: Work, booking_ids: Sequence[int]) -> None:
    """Give back what bookings have."""
    work.core.execute(_free_bookings, {"town": work.town_id, "bookings": booking_ids})


def free_session(work: Work, session_id: int) -> None:
    """Give back what a session has."""
    work.core.execute(_free_session, {"town": work.town_id, "session": session_id})


def _row(
    work: Work, venue_id: int, part: int, at: datetime, *, booking_id: int | None = None, session_id: int | None = None
) -> dict[str, Any]:
    owner = {"booking_id": booking_id, "session_id": session_id}
    return {"town_id": work.town_id, "venue_id": venue_id, "part": part, "starts_at": at, **owner}
