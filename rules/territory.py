"""Towns and the tree of places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from models.territory import ServiceCentre, Territory, TerritoryKind, Town
from models.venues import Venue
from rules.errors import Kind, RuleError
from rules.rows import AnyRow
from rules.work import Work


class TownUnknown(RuleError):
    code = "town.unknown"
    kind = Kind.UNKNOWN
    zh = "没有代码为“{code}”的街道或未来社区。"
    en = "There is no town with the code “{code}”."


class CommunityUnknown(RuleError):
    code = "community.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个社区。"
    en = "There is no such community."


class PlaceUnknown(RuleError):
    code = "territory.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个社区、小区或楼栋。"
    en = "There is no such community, estate or building."


@dataclass(frozen=True, slots=True)
class Centre:
    """A service centre and its rooms."""

    id: int
    name: str
    address: str
    opens_at: str
    closes_at: str
    venues: Sequence[AnyRow]


@dataclass(frozen=True, slots=True)
class Community:
    """A community with its estates and its centres."""

    id: int
    name: str
    homes: int
    estates: Sequence[AnyRow]
    centres: Sequence[Centre]


_town_by_code = select(Town.id).where(Town.code == bindparam("code"))
_communities = (
    select(Territory.id, Territory.name, Territory.homes)
    .where(Territory.town_id == bindparam("town"), Territory.kind == TerritoryKind.COMMUNITY)
    .order_by(Territory.id)
)
_community = select(Territory.id, Territory.name, Territory.homes, Territory.path).where(
    Territory.town_id == bindparam("town"),
    Territory.id == bindparam("id"),
    Territory.kind == TerritoryKind.COMMUNITY,
)
_estates = (
    select(Territory.id, Territory.name, Territory.homes)
    .where(
        Territory.town_id == bindparam("town"),
        Territory.parent_id == bindparam("parent"),
        Territory.kind == TerritoryKind.ESTATE,
    )
    .order_by(Territory.id)
)
_centres = (
    select(ServiceCentre.id, ServiceCentre.name, ServiceCentre.address, ServiceCentre.opens_at, ServiceCentre.closes_at)
    .where(ServiceCentre.town_id == bindparam("town"), ServiceCentre.territory_id == bindparam("territory"))
    .order_by(ServiceCentre.id)
)
_venues = (
    select(Venue.id, Venue.name, Venue.capacity, Venue.service_centre_id)
    .join(ServiceCentre, (ServiceCentre.town_id == Venue.town_id) & (ServiceCentre.id == Venue.service_centre_id))
    .where(Venue.town_id == bindparam("town"), ServiceCentre.territory_id == bindparam("territory"))
    .order_by(Venue.id)
)


def find_town(work: Work, code: str) -> int:
    """The id of the town with this code. Raises TownUnknown."""
    town_id = work.db.scalar(_town_by_code, {"code": code})
    if town_id is None:
        raise TownUnknown(code=code)
    return town_id


def list_communities(work: Work) -> Sequence[AnyRow]:
    """Every community of the town. A town has a handful, so there are no pages."""
    return work.db.execute(_communities, {"town": work.town_id}).all()


def show_community(work: Work, community_id: int) -> Community:
    """A community with its estates, centres and rooms. Raises CommunityUnknown."""
    found = work.db.execute(_community, {"town": work.town_id, "id": community_id}).first()
    if found is None:
        raise CommunityUnknown
    estates = work.db.execute(_estates, {"town": work.town_id, "parent": community_id}).all()
    rows = work.db.execute(_centres, {"town": work.town_id, "territory": community_id}).all()
    venues = work.db.execute(_venues, {"town": work.town_id, "territory": community_id}).all()
    centres = [Centre(*row, [venue for venue in venues if venue.service_centre_id == row.id]) for row in rows]
    return Community(found.id, found.name, found.homes, estates, centres)
