"""Service centres as visitors see them: which there are, which are open, what each does and who is there today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, literal, or_, select
from sqlalchemy.orm import aliased

from models.centres import CentreService, ListingStatus
from models.territory import Scene, ServiceCentre, Territory
from models.venues import DayKind, Venue
from rules.clock import local_day
from rules.geography import FAR, FARTHEST, Position, near_parameters, page_key, squared_metres
from rules.keys import Keys
from rules.paging import Page, cut
from rules.paging import Position as PagePosition
from rules.rows import AnyRow
from rules.territory.duty import OnDuty, show_duty
from rules.territory.opening import OpenState, read_open_states
from rules.territory.services import list_offered
from rules.uploads.links import Picture, pictures
from rules.venues.hours import Times, read_centre_closures, read_centre_hours
from rules.venues.refusals import CentreUnknown
from rules.work import Work

#: How many centres are looked at at a time when only open ones are wanted.
AT_A_TIME = 100
#: How far ahead a centre's closures are shown.
CLOSURES_SHOWN = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class CentreFilter:
    """Which centres to list: those that fit all that is given."""

    q: str | None = None  #: part of the name, the address or a service's name
    community_id: int | None = None  #: of this node of the tree, or below it
    scene: Scene | None = None  #: offers a service of this scene
    open_now: bool = False
    near: Position | None = None  #: the nearest first
    within_metres: int | None = None  #: no farther, where a position is given


@dataclass(frozen=True, slots=True)
class ListedCentre:
    """A centre in a list."""

    id: int
    name: str
    address: str
    territory_id: int
    community: str
    latitude: float | None
    longitude: float | None
    opens_at: str
    closes_at: str
    phones: Sequence[Any]
    squared: int  #: of `rules.geography.squared_metres`
    state: OpenState


@dataclass(frozen=True, slots=True)
class HoursOfDay:
    """A centre's hours on a kind of day; without spans it is closed."""

    day: DayKind
    spans: Sequence[Times]


@dataclass(frozen=True, slots=True)
class CentreDetail:
    """A centre with all that a visitor asks at its door."""

    centre: AnyRow
    state: OpenState
    hours: Sequence[HoursOfDay]  #: by the kind of day; none: every day the same
    closures: Sequence[AnyRow]  #: to come, of the whole centre
    pictures: Sequence[Picture]
    services: Sequence[AnyRow]
    on_duty: Sequence[OnDuty]  #: today
    venues: Sequence[AnyRow]


_place, _around = aliased(Territory), aliased(Territory)
_is_below = exists().where(
    _place.town_id == ServiceCentre.town_id,
    _place.id == ServiceCentre.territory_id,
    _around.town_id == ServiceCentre.town_id,
    _around.id == bindparam("community"),
    _place.path.startswith(_around.path),
)
_columns = (
    ServiceCentre.id,
    ServiceCentre.name,
    ServiceCentre.address,
    ServiceCentre.territory_id,
    Territory.name.label("community"),
    ServiceCentre.latitude,
    ServiceCentre.longitude,
    ServiceCentre.opens_at,
    ServiceCentre.closes_at,
    ServiceCentre.phones,
)
_to_place = and_(Territory.town_id == ServiceCentre.town_id, Territory.id == ServiceCentre.territory_id)
_squared = squared_metres(ServiceCentre.latitude, ServiceCentre.longitude)
_by_age = (
    select(*_columns, literal(FAR).label("squared"))
    .join(Territory, _to_place)
    .where(ServiceCentre.town_id == bindparam("town"), ServiceCentre.id > bindparam("after"))
    .order_by(ServiceCentre.id)
    .limit(bindparam("limit"))
)
_by_distance = (
    select(*_columns, _squared.label("squared"))
    .join(Territory, _to_place)
    .where(
        ServiceCentre.town_id == bindparam("town"),
        or_(
            _squared > bindparam("beyond"), and_(_squared == bindparam("beyond"), ServiceCentre.id > bindparam("after"))
        ),
        _squared <= bindparam("squared_max"),
    )
    .order_by(_squared, ServiceCentre.id)
    .limit(bindparam("limit"))
)
_one = (
    select(*_columns, ServiceCentre.introduction, ServiceCentre.picture_ids, Territory.path.label("territory_path"))
    .join(Territory, _to_place)
    .where(ServiceCentre.town_id == bindparam("town"), ServiceCentre.id == bindparam("centre"))
)
_venues = (
    select(Venue.id, Venue.name, Venue.kind, Venue.capacity, Venue.bookable)
    .where(Venue.town_id == bindparam("town"), Venue.service_centre_id == bindparam("centre"))
    .order_by(Venue.id)
)


def list_centres(work: Work, wanted: CentreFilter, after: PagePosition | None, limit: int) -> Page[ListedCentre]:
    """The centres that fit: the nearest first where a position is given, else the first added first.

    A position of a page is what `rules.geography.page_key` gives, and the id.
    """
    key, last = (0, 0) if after is None else (int(after[0]), int(after[1]))
    squared = key - 1
    found: list[ListedCentre] = []
    while len(found) <= limit:
        rows = _read_rows(work, wanted, squared, last)
        states = read_open_states(work, rows)
        listed = [ListedCentre(**row._mapping, state=states[row.id]) for row in rows]
        found += [each for each in listed if each.state.open_now or not wanted.open_now]
        if len(rows) < AT_A_TIME:
            break
        squared, last = rows[-1].squared, rows[-1].id
    return cut(found[: limit + 1], limit, lambda centre: (page_key(wanted.near, centre.squared), centre.id))


def show_centre(work: Work, keys: Keys, centre_id: int) -> CentreDetail:
    """A centre with its hours, services, rooms and who is there today. Raises CentreUnknown."""
    centre = find_centre(work, centre_id)
    hours = read_centre_hours(work, centre_id)
    today: datetime = work.now
    return CentreDetail(
        centre,
        read_open_states(work, [centre])[centre_id],
        [HoursOfDay(kind, hours[kind]) for kind in DayKind if kind in hours],
        read_centre_closures(work, {centre_id}, today, today + CLOSURES_SHOWN),
        pictures(work, keys, [int(id_) for id_ in centre.picture_ids]),
        list_offered(work, centre_id),
        show_duty(work, keys, centre_id, local_day(today), local_day(today))[0].on_duty,
        work.core.execute(_venues, {"town": work.town_id, "centre": centre_id}).all(),
    )


def find_centre(work: Work, centre_id: int) -> AnyRow:
    """A centre's own columns, with its place's name and path. Raises CentreUnknown."""
    centre = work.core.execute(_one, {"town": work.town_id, "centre": centre_id}).first()
    if centre is None:
        raise CentreUnknown
    return centre


def _read_rows(work: Work, wanted: CentreFilter, squared: int, last: int) -> Sequence[AnyRow]:
    asked: dict[str, Any] = {"town": work.town_id, "after": last, "limit": AT_A_TIME}
    statement = _by_age
    if wanted.near is not None:
        reach = FARTHEST if wanted.within_metres is None else wanted.within_metres**2
        statement = _by_distance
        asked |= near_parameters(wanted.near) | {"beyond": squared, "squared_max": reach}
    if wanted.community_id is not None:
        asked["community"] = wanted.community_id
    return work.core.execute(statement.where(*_fits(wanted)), asked).all()


def _fits(wanted: CentreFilter) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if wanted.community_id is not None:
        fits.append(_is_below)
    if wanted.scene is not None:
        fits.append(_offers(CentreService.scene == wanted.scene))
    if wanted.q:
        names = (ServiceCentre.name, ServiceCentre.address)
        fits.append(
            or_(
                _offers(CentreService.name.icontains(wanted.q, autoescape=True)),
                *(name.icontains(wanted.q, autoescape=True) for name in names),
            )
        )
    return fits


def _offers(what: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        CentreService.town_id == ServiceCentre.town_id,
        CentreService.service_centre_id == ServiceCentre.id,
        CentreService.status == ListingStatus.ACTIVE,
        what,
    )
