"""What of a room is free, slot by slot, and how much of it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.venues import UseStatus
from rules.rows import AnyRow
from rules.venues.free import can_be_booked, slot_starts
from rules.venues.hours import read_opening
from rules.venues.looking import read_uses
from rules.venues.places import find_venue
from rules.venues.refusals import PeriodInvalid
from rules.venues.slots import quarters_of, read_taken
from rules.work import Work

DAYS_MAX = 31
LOOK_AHEAD = timedelta(days=7)
QUARTERS_OF_HOUR = 4


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot of a room, and what of it is free."""

    starts_at: datetime
    ends_at: datetime
    parts_free: int
    use_ids: Sequence[int]  #: the uses for which enough parts are free
    bookable: bool  #: something is free, and the room is booked for that time now


@dataclass(frozen=True, slots=True)
class Used:
    """How much a room is used while it is open. An hour of one of four parts is a quarter of an hour of the room."""

    open_hours: float
    used_hours: float
    share: float | None  #: None: it isn't open at all


@dataclass(frozen=True, slots=True)
class Availability:
    """A room in a period."""

    venue_id: int
    begins_at: datetime
    ends_at: datetime
    parts: int
    slot_minutes: int
    slots: Sequence[SlotView]
    utilisation: Used


def show_availability(work: Work, venue_id: int, from_: datetime | None, to: datetime | None) -> Availability:
    """The slots of a room that begin in a period, the coming week unless it is given. Raises VenueUnknown, PeriodInvalid."""
    venue = find_venue(work, venue_id)
    begin = from_ or work.now
    end = to or begin + LOOK_AHEAD
    if not timedelta(0) < end - begin <= timedelta(days=DAYS_MAX):
        raise PeriodInvalid(days=DAYS_MAX)
    opening = read_opening(work, venue, begin, end)
    taken = read_taken(work, venue_id, begin, end + timedelta(days=1))  # a slot that begins in it may end after it
    uses = [use for use in read_uses(work, [venue_id]).get(venue_id, []) if use.status is UseStatus.ACTIVE]
    slots = [_slot(work, venue, uses, taken, starts_at) for starts_at in slot_starts(venue, opening, begin, end)]
    counted = {at: len(parts) for at, parts in taken.items()}
    used = used_of(venue.parts, list(opening.open_quarters(begin, end)), counted)
    return Availability(venue_id, begin, end, venue.parts, venue.slot_minutes, slots, used)


def used_of(parts: int, open_quarters: Sequence[datetime], taken: Mapping[datetime, int]) -> Used:
    """How much of these quarters is used. `taken`: how many parts somebody has, by the quarter."""
    used = sum(taken.get(at, 0) for at in open_quarters)
    return used_in(parts, len(open_quarters), used)


def used_in(parts: int, quarters: int, used: int) -> Used:
    """The same from counts: quarters in which the room is open, and quarters of parts that somebody has."""
    share = round(used / (quarters * parts), 4) if quarters else None
    return Used(quarters / QUARTERS_OF_HOUR, used / parts / QUARTERS_OF_HOUR, share)


def _slot(
    work: Work, venue: AnyRow, uses: Sequence[AnyRow], taken: Mapping[datetime, set[int]], starts_at: datetime
) -> SlotView:
    ends_at = starts_at + timedelta(minutes=venue.slot_minutes)
    free = venue.parts - len(set().union(*(taken.get(at, ()) for at in quarters_of(starts_at, ends_at))))
    return SlotView(
        starts_at,
        ends_at,
        free,
        [use.id for use in uses if use.parts_needed <= free],
        can_be_booked(venue, uses, starts_at, free, work.now),
    )
