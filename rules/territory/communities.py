"""找社区: the directory of communities, each with its estates, its service centres and their rooms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from models.territory import ServiceCentre, Territory, TerritoryKind
from models.venues import Venue
from rules.errors import Kind, RuleError
from rules.geography import Position, distance_metres
from rules.rows import AnyRow
from rules.territory.opening import read_open_states
from rules.work import Work


class CommunityUnknown(RuleError):
    code = "community.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个社区。"
    en = "There is no such community."


@dataclass(frozen=True, slots=True)
class Place:
    """A community or an estate in a list."""

    id: int
    name: str
    homes: int
    latitude: float | None
    longitude: float | None
    distance_metres: int | None


@dataclass(frozen=True, slots=True)
class CommunityCentre:
    """A service centre and its rooms."""

    id: int
    name: str
    address: str
    opens_at: str
    closes_at: str
    latitude: float | None
    longitude: float | None
    open_now: bool
    venues: Sequence[AnyRow]


@dataclass(frozen=True, slots=True)
class Community:
    """A community with its estates and its centres."""

    id: int
    name: str
    homes: int
    latitude: float | None
    longitude: float | None
    path: str
    estates: Sequence[AnyRow]
    centres: Sequence[CommunityCentre]


_place = (Territory.id, Territory.name, Territory.homes, Territory.latitude, Territory.longitude)
_communities = (
    select(*_place)
    .where(Territory.town_id == bindparam("town"), Territory.kind == TerritoryKind.COMMUNITY)
    .order_by(Territory.id)
)
_community = select(*_place, Territory.path).where(
    Territory.town_id == bindparam("town"),
    Territory.id == bindparam("id"),
    Territory.kind == TerritoryKind.COMMUNITY,
)
_estates = (
    select(*_place)
    .where(
        Territory.town_id == bindparam("town"),
        Territory.parent_id == bindparam("parent"),
        Territory.kind == TerritoryKind.ESTATE,
    )
    .order_by(Territory.id)
)
_centres = (
    select(
        ServiceCentre.id,
        ServiceCentre.name,
        ServiceCentre.address,
        ServiceCentre.opens_at,
        ServiceCentre.closes_at,
        ServiceCentre.latitude,
        ServiceCentre.longitude,
    )
    .where(ServiceCentre.town_id == bindparam("town"), ServiceCentre.territory_id == bindparam("territory"))
    .order_by(ServiceCentre.id)
)
_venues = (
    select(Venue.id, Venue.name, Venue.capacity, Venue.service_centre_id)
    .join(ServiceCentre, (ServiceCentre.town_id == Venue.town_id) & (ServiceCentre.id == Venue.service_centre_id))
    .where(Venue.town_id == bindparam("town"), ServiceCentre.territory_id == bindparam("territory"))
    .order_by(Venue.id)
)


def list_communities(work: Work, near: Position | None = None) -> Sequence[Place]:
    """Every community of the town, the nearest first where a position is given. A town has a handful: no pages."""
    rows = work.db.execute(_communities, {"town": work.town_id}).all()
    places = [Place(*row, _distance(row, near)) for row in rows]
    if near is not None:
        places.sort(key=lambda place: (place.distance_metres is None, place.distance_metres or 0))
    return places


def show_community(work: Work, community_id: int) -> Community:
    """A community with its estates, centres and rooms. Raises CommunityUnknown."""
    found = work.db.execute(_community, {"town": work.town_id, "id": community_id}).first()
    if found is None:
        raise CommunityUnknown
    estates = work.db.execute(_estates, {"town": work.town_id, "parent": community_id}).all()
    rows = work.db.execute(_centres, {"town": work.town_id, "territory": community_id}).all()
    venues = work.db.execute(_venues, {"town": work.town_id, "territory": community_id}).all()
    states = read_open_states(work, rows)
    centres = [
        CommunityCentre(*row, states[row.id].open_now, [venue for venue in venues if venue.service_centre_id == row.id])
        for row in rows
    ]
    return Community(*found, estates, centres)


def _distance(row: AnyRow, near: Position | None) -> int | None:
    if near is None or row.latitude is None:
        return None
    return round(distance_metres(near, Position(row.latitude, row.longitude)))
