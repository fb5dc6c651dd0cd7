"""Rooms as everybody sees them: which there are, which are free at a time, and by what rules one is booked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, literal, or_, select
from sqlalchemy.orm import aliased

from models.territory import ServiceCentre, Territory
from models.venues import DayKind, UseStatus, Venue, VenueSlot, VenueUse
from rules.geography import FAR, FARTHEST, near_parameters, page_key, squared_metres
from rules.geography import Position as Place
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.venues.free import first_free, parts_needed
from rules.venues.hours import Times, read_closures, read_openings, read_own_hours
from rules.venues.places import VENUES, find_venue
from rules.venues.refusals import PeriodInvalid
from rules.venues.slots import floor_of
from rules.venues.words import rules_in_words
from rules.work import Work

#: How many rooms are looked at at a time when only free ones are wanted.
AT_A_TIME = 100
#: How soon a slot of a room that is free now begins.
SOON = timedelta(hours=2)
A_DAY = timedelta(days=1)
#: How far ahead a room's closures are shown.
CLOSURES_SHOWN = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class VenueFilter:
    """Which rooms to list: those that fit all that is given."""

    q: str | None = None  #: part of the room's, its centre's or a use's name
    community_id: int | None = None  #: of this node of the tree, or below it
    kind: str | None = None
    free_from: datetime | None = None  #: can be had for all of a time of one day, both ends given
    free_to: datetime | None = None
    free_now: bool = False  #: a slot begins within two hours that can be booked now
    near: Place | None = None  #: the nearest first
    within_metres: int | None = None  #: no farther, where a position is given


@dataclass(frozen=True, slots=True)
class ListedVenue:
    """A room in a list."""

    id: int
    name: str
    kind: str
    capacity: int
    parts: int
    bookable: bool
    needs_approval: bool
    service_centre_id: int
    centre: str
    address: str
    community_id: int
    community: str
    latitude: float | None
    longitude: float | None
    squared: int  #: of `rules.geography.squared_metres`
    uses: Sequence[AnyRow]
    next_free_at: datetime | None  #: of a room that is free now


@dataclass(frozen=True, slots=True)
class HoursOfDay:
    """A room's own hours on a kind of day; without spans it is closed."""

    day: DayKind
    spans: Sequence[Times]


@dataclass(frozen=True, slots=True)
class VenueDetail:
    """A room with its rules: in numbers for programs, in words for people."""

    venue: AnyRow
    uses: Sequence[AnyRow]
    hours: Sequence[HoursOfDay]  #: its own; none: open as its centre is
    closures: Sequence[AnyRow]  #: to come
    rules: Sequence[str]


_place, _around = aliased(Territory), aliased(Territory)
_is_below = exists().where(
    _place.town_id == ServiceCentre.town_id,
    _place.id == ServiceCentre.territory_id,
    _around.town_id == ServiceCentre.town_id,
    _around.id == bindparam("community"),
    _place.path.startswith(_around.path),
)
_uses = (
    select(VenueUse.venue_id, VenueUse.id, VenueUse.name, VenueUse.capacity, VenueUse.parts_needed, VenueUse.status)
    .where(VenueUse.town_id == bindparam("town"), is_id_in(VenueUse.venue_id, "venues"))
    .order_by(VenueUse.venue_id, VenueUse.id)
)
_taken = (
    select(VenueSlot.venue_id, VenueSlot.part)
    .where(
        VenueSlot.town_id == bindparam("town"),
        is_id_in(VenueSlot.venue_id, "venues"),
        VenueSlot.starts_at >= bindparam("begin"),
        VenueSlot.starts_at < bindparam("end"),
    )
    .distinct()
)


_quarters = select(VenueSlot.venue_id, VenueSlot.part, VenueSlot.starts_at).where(
    VenueSlot.town_id == bindparam("town"),
    is_id_in(VenueSlot.venue_id, "venues"),
    VenueSlot.starts_at >= bindparam("begin"),
    VenueSlot.starts_at < bindparam("end"),
)
_listed = VENUES.add_columns(ServiceCentre.latitude, ServiceCentre.longitude)
_squared = squared_metres(ServiceCentre.latitude, ServiceCentre.longitude)
_by_age = (
    _listed.add_columns(literal(FAR).label("squared"))
    .where(Venue.id > bindparam("after"))
    .order_by(Venue.id)
    .limit(bindparam("limit"))
)
_by_distance = (
    _listed.add_columns(_squared.label("squared"))
    .where(
        or_(_squared > bindparam("beyond"), and_(_squared == bindparam("beyond"), Venue.id > bindparam("after"))),
        _squared <= bindparam("squared_max"),
    )
    .order_by(_squared, Venue.id)
    .limit(bindparam("limit"))
)


def list_venues(work: Work, wanted: VenueFilter, after: Position | None, limit: int) -> Page[ListedVenue]:
    """The rooms that fit: the nearest first where a position is given, else the first added first.

    A position of a page is what `rules.geography.page_key` gives, and the id. Raises PeriodInvalid (of a time to be free
    that isn't one).
    """
    _check_period(wanted)
    key, last = (0, 0) if after is None else (int(after[0]), int(after[1]))
    squared = key - 1
    found: list[ListedVenue] = []
    while len(found) <= limit:
        rows = _read_rows(work, wanted, squared, last)
        found += _those_free(work, wanted, rows, read_uses(work, [row.id for row in rows]))
        if len(rows) < AT_A_TIME:
            break
        squared, last = rows[-1].squared, rows[-1].id
    return cut(found[: limit + 1], limit, lambda venue: (page_key(wanted.near, venue.squared), venue.id))


def show_venue(work: Work, venue_id: int, language: str) -> VenueDetail:
    """A room with its uses, its hours, its closures and its rules in words. Raises VenueUnknown."""
    venue = find_venue(work, venue_id)
    uses = [use for use in read_uses(work, [venue_id]).get(venue_id, []) if use.status is UseStatus.ACTIVE]
    own = read_own_hours(work, venue_id)
    return VenueDetail(
        venue,
        uses,
        [HoursOfDay(kind, own[kind]) for kind in DayKind if kind in own],
        read_closures(work, [venue], work.now, work.now + CLOSURES_SHOWN),
        rules_in_words(venue, uses, language),
    )


def read_uses(work: Work, venue_ids: Sequence[int]) -> dict[int, list[AnyRow]]:
    """The uses of rooms, retired ones among them."""
    found: dict[int, list[AnyRow]] = {}
    for row in work.core.execute(_uses, {"town": work.town_id, "venues": venue_ids}):
        found.setdefault(row.venue_id, []).append(row)
    return found


def _check_period(wanted: VenueFilter) -> None:
    begin, end = wanted.free_from, wanted.free_to
    if begin is None and end is None:
        return
    if begin is None or end is None or not timedelta(0) < end - begin <= timedelta(days=1):
        raise PeriodInvalid(days=1)


def _read_rows(work: Work, wanted: VenueFilter, squared: int, last: int) -> Sequence[AnyRow]:
    asked: dict[str, Any] = {"town": work.town_id, "after": last, "limit": AT_A_TIME}
    statement = _by_age
    if wanted.near is not None:
        reach = FARTHEST if wanted.within_metres is None else wanted.within_metres**2
        statement = _by_distance
        asked |= near_parameters(wanted.near) | {"beyond": squared, "squared_max": reach}
    if wanted.community_id is not None:
        asked["community"] = wanted.community_id
    return work.core.execute(statement.where(*_fits(wanted)), asked).all()


def _fits(wanted: VenueFilter) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if wanted.q:
        named = exists().where(
            VenueUse.town_id == Venue.town_id,
            VenueUse.venue_id == Venue.id,
            VenueUse.status == UseStatus.ACTIVE,
            VenueUse.name.icontains(wanted.q, autoescape=True),
        )
        names = (Venue.name, ServiceCentre.name)
        fits.append(or_(named, *(name.icontains(wanted.q, autoescape=True) for name in names)))
    if wanted.community_id is not None:
        fits.append(_is_below)
    if wanted.kind is not None:
        fits.append(Venue.kind == wanted.kind)
    if wanted.free_from is not None or wanted.free_now:
        fits.append(Venue.bookable.is_(True))
    return fits


def _those_free(
    work: Work, wanted: VenueFilter, rows: Sequence[AnyRow], uses: dict[int, list[AnyRow]]
) -> list[ListedVenue]:
    """The rows as they are listed; of a time to be free only those that somebody could have for all of it."""
    active = {row.id: [use for use in uses.get(row.id, []) if use.status is UseStatus.ACTIVE] for row in rows}
    if wanted.free_from is not None and wanted.free_to is not None and rows:
        begin, end = wanted.free_from, wanted.free_to
        openings = read_openings(work, rows, begin, end)
        taken = _count_taken(work, [row.id for row in rows], begin, end)
        rows = [
            row
            for row in rows
            if row.parts - taken.get(row.id, 0) >= parts_needed(row, active[row.id])
            and openings[row.id].span_around(begin, end) is not None
            and not openings[row.id].is_closed(begin, end)
        ]
    soon = _first_free(work, rows, active) if wanted.free_now and rows else {}
    return [
        ListedVenue(
            **{name: getattr(row, name) for name in _LISTED}, uses=active[row.id], next_free_at=soon.get(row.id)
        )
        for row in rows
        if row.id in soon or not wanted.free_now
    ]


_LISTED = tuple(name for name in ListedVenue.__slots__ if name not in ("uses", "next_free_at"))


def _first_free(work: Work, rows: Sequence[AnyRow], uses: dict[int, list[AnyRow]]) -> dict[int, datetime]:
    """When rooms can be had next, those that can be soon."""
    until = work.now + SOON
    openings = read_openings(work, rows, work.now, until)
    asked = {"town": work.town_id, "venues": [row.id for row in rows], "begin": work.now, "end": until + A_DAY}
    taken: dict[int, dict[datetime, set[int]]] = {}
    for row in work.core.execute(_quarters, asked):
        taken.setdefault(row.venue_id, {}).setdefault(row.starts_at, set()).add(row.part)
    free = {
        row.id: first_free(row, uses[row.id], openings[row.id], taken.get(row.id, {}), work.now, until) for row in rows
    }
    return {venue_id: at for venue_id, at in free.items() if at is not None}


def _count_taken(work: Work, venue_ids: Sequence[int], begin: datetime, end: datetime) -> dict[int, int]:
    asked = {"town": work.town_id, "venues": venue_ids, "begin": floor_of(begin), "end": end}
    found: dict[int, int] = {}
    for row in work.core.execute(_taken, asked):
        found[row.venue_id] = found.get(row.venue_id, 0) + 1
    return found
