"""What of a room is free: its slots one by one, and the first that can still be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime, timedelta

from rules.clock import local_day, local_moment
from rules.rows import AnyRow
from rules.venues.hours import Opening, days_between
from rules.venues.slots import quarters_of


def slot_starts(venue: AnyRow, opening: Opening, begin: datetime, end: datetime) -> Iterator[datetime]:
    """When the slots of a room begin that begin in a period; those that a closure meets are left out."""
    slot = timedelta(minutes=venue.slot_minutes)
    for day in days_between(begin, end):
        for span in opening.spans_on(day):
            at = span.begins_at
            while at + slot <= span.ends_at:
                if begin <= at < end and not opening.is_closed(at, at + slot):
                    yield at
                at += slot


def can_be_booked(venue: AnyRow, uses: Sequence[AnyRow], starts_at: datetime, free: int, now: datetime) -> bool:
    """Whether a slot with so many free parts is enough for anything, and is booked at this time."""
    opens = local_moment(local_day(starts_at) - timedelta(days=venue.opens_days_before), "00:00")
    is_time = opens <= now < starts_at - timedelta(minutes=venue.closes_minutes_before)
    return bool(venue.bookable) and is_time and free >= parts_needed(venue, uses)


def first_free(
    venue: AnyRow,
    uses: Sequence[AnyRow],
    opening: Opening,
    taken: Mapping[datetime, Set[int]],
    now: datetime,
    until: datetime,
) -> datetime | None:
    """When the first slot begins that can be booked now and begins by then. `taken`: parts by the quarter."""
    slot = timedelta(minutes=venue.slot_minutes)
    for at in slot_starts(venue, opening, now, until):
        busy = set[int]().union(*(taken.get(quarter, ()) for quarter in quarters_of(at, at + slot)))
        if can_be_booked(venue, uses, at, venue.parts - len(busy), now):
            return at
    return None


def parts_needed(venue: AnyRow, uses: Sequence[AnyRow]) -> int:
    """How many parts have to be free for anything at all."""
    whole: int = venue.parts
    return min((use.parts_needed for use in uses), default=whole)
