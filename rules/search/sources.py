"""What there is to be found, read from the rooms' own tables.

A source yields the entries of one kind: of some things by their ids, or of all of them, the oldest first. What residents
may not see it leaves out. A room joins by a line in SOURCES.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import and_, bindparam, case, or_, select
from sqlalchemy.orm import aliased

from models.activities import Activity, ActivityStatus, Session
from models.centres import CentreService, ListingStatus
from models.estates import EstateManagement, PropertyCompany
from models.groups import Group, GroupStatus
from models.rewards import Reward, RewardStatus
from models.search import FoundKind
from models.territory import HostKind, Operator, ServiceCentre, Territory, TerritoryKind, Town
from models.venues import UseStatus, Venue, VenueUse
from rules.clock import local_day
from rules.rows import AnyRow
from rules.search.indexing import Entry
from rules.sets import is_id_in
from rules.work import Work

#: The ids of the things; None: all of them.
Ids: TypeAlias = Sequence[int] | None
Source: TypeAlias = Callable[[Work, Ids], Iterator[Entry]]

_parent = aliased(Territory)
_nodes = (
    select(
        Territory.id,
        Territory.name,
        Territory.parent_id,
        _parent.name.label("parent_name"),
        Territory.latitude,
        Territory.longitude,
    )
    .outerjoin(_parent, and_(_parent.town_id == Territory.town_id, _parent.id == Territory.parent_id))
    .where(Territory.town_id == bindparam("town"), Territory.kind == bindparam("kind"))
    .order_by(Territory.id)
)
_managed = (
    select(EstateManagement.estate_id, PropertyCompany.name.label("company"))
    .join(
        PropertyCompany,
        and_(PropertyCompany.town_id == EstateManagement.town_id, PropertyCompany.id == EstateManagement.company_id),
    )
    .where(
        EstateManagement.town_id == bindparam("town"),
        EstateManagement.from_day <= bindparam("day"),
        or_(EstateManagement.until_day.is_(None), EstateManagement.until_day > bindparam("day")),
    )
)
_centres = (
    select(
        ServiceCentre.id,
        ServiceCentre.name,
        ServiceCentre.address,
        ServiceCentre.introduction,
        ServiceCentre.territory_id,
        ServiceCentre.latitude,
        ServiceCentre.longitude,
    )
    .where(ServiceCentre.town_id == bindparam("town"))
    .order_by(ServiceCentre.id)
)
_services = (
    select(
        CentreService.id,
        CentreService.name,
        CentreService.description,
        CentreService.audience,
        CentreService.scene,
        ServiceCentre.name.label("centre_name"),
        ServiceCentre.territory_id,
        ServiceCentre.latitude,
        ServiceCentre.longitude,
    )
    .join(
        ServiceCentre,
        and_(ServiceCentre.town_id == CentreService.town_id, ServiceCentre.id == CentreService.service_centre_id),
    )
    .where(CentreService.town_id == bindparam("town"), CentreService.status == ListingStatus.ACTIVE)
    .order_by(CentreService.id)
)
_venues = (
    select(
        Venue.id,
        Venue.name,
        ServiceCentre.name.label("centre_name"),
        ServiceCentre.address,
        ServiceCentre.territory_id,
        ServiceCentre.latitude,
        ServiceCentre.longitude,
    )
    .join(ServiceCentre, and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id))
    .where(Venue.town_id == bindparam("town"))
    .order_by(Venue.id)
)
_uses = (
    select(VenueUse.venue_id, VenueUse.name)
    .where(VenueUse.town_id == bindparam("town"), VenueUse.status == UseStatus.ACTIVE)
    .order_by(VenueUse.id)
)
#: Where an activity's last session is.
_venue_of_last_session = (
    select(Session.venue_id)
    .where(Session.town_id == Activity.town_id, Session.activity_id == Activity.id)
    .order_by(Session.starts_at.desc())
    .limit(1)
    .correlate(Activity)
    .scalar_subquery()
)
_has_position = ServiceCentre.latitude.is_not(None)
_activities = (
    select(
        Activity.id,
        Activity.title,
        Activity.summary,
        Activity.category,
        Activity.scene,
        Activity.community_id,
        ServiceCentre.name.label("centre_name"),
        case((_has_position, ServiceCentre.latitude), else_=Territory.latitude).label("latitude"),
        case((_has_position, ServiceCentre.longitude), else_=Territory.longitude).label("longitude"),
    )
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .outerjoin(Venue, and_(Venue.town_id == Activity.town_id, Venue.id == _venue_of_last_session))
    .outerjoin(ServiceCentre, and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id))
    .where(Activity.town_id == bindparam("town"), Activity.status == ActivityStatus.PUBLISHED)
    .order_by(Activity.id)
)

_rewards = (
    select(
        Reward.id,
        Reward.title,
        Reward.description,
        Reward.pick_up_at,
        Reward.territory_id,
        Operator.name.label("operator"),
        Reward.latitude,
        Reward.longitude,
    )
    .outerjoin(Operator, and_(Operator.town_id == Reward.town_id, Operator.id == Reward.operator_id))
    .join(Town, Town.id == Reward.town_id)
    .where(
        Reward.town_id == bindparam("town"),
        Reward.status == RewardStatus.PUBLISHED,
        or_(Reward.operator_id.is_(None), Town.host_kind == HostKind.OPERATOR),
    )
    .order_by(Reward.id)
)


_groups = (
    select(
        Group.id,
        Group.name,
        Group.about,
        Group.category,
        Group.community_id,
        Group.scene,
        Group.content_id,
    )
    .where(Group.town_id == bindparam("town"), Group.status == GroupStatus.ACTIVE)
    .order_by(Group.id)
)


def read_communities(work: Work, ids: Ids = None) -> Iterator[Entry]:
    """Communities; each belongs to itself."""
    for row in _nodes_of(work, TerritoryKind.COMMUNITY, ids):
        yield Entry(FoundKind.COMMUNITY, row.id, row.name, row.parent_name or "", row.id, row.latitude, row.longitude)


def read_estates(work: Work, ids: Ids = None) -> Iterator[Entry]:
    """Estates, by their communities and by the companies that manage them today too."""
    managed = _rows(work, _managed, EstateManagement.estate_id, ids, day=local_day(work.now))
    companies = {row.estate_id: row.company for row in managed}
    for row in _nodes_of(work, TerritoryKind.ESTATE, ids):
        text = " ".join(filter(None, (row.parent_name, companies.get(row.id))))
        yield Entry(FoundKind.ESTATE, row.id, row.name, text, row.parent_id, row.latitude, row.longitude)


def read_centres(work: Work, ids: Ids = None) -> Iterator[Entry]:
    """Service centres, by their addresses too."""
    for row in _rows(work, _centres, ServiceCentre.id, ids):
        text = " ".join(filter(None, (row.address, row.introduction)))
        yield Entry(FoundKind.CENTRE, row.id, row.name, text, row.territory_id, row.latitude, row.longitude)


def read_services(work: Work, ids: Ids = None) -> Iterator[Entry]:
    """What centres do for people, by the centre, the words and whom it is for too."""
    for row in _rows(work, _services, CentreService.id, ids):
        text = " ".join(filter(None, (row.centre_name, row.description, row.audience)))
        yield Entry(FoundKind.SERVICE, row.id, row.name, text, row.territory_id, row.latitude, row.longitude, row.scene)


def read_venues(work: Work, ids: Ids = None) -> Iterator[Entry]:
    """Rooms and courts, by what they are used for and by their centres too."""
    uses = defaultdict(list)
    for use in _rows(work, _uses, VenueUse.venue_id, ids):
        uses[use.venue_id].append(use.name)
    for row in _rows(work, _venues, Venue.id, ids):
        text = " ".join((*uses[row.id], row.centre_name, row.address))
        yield Entry(FoundKind.VENUE, row.id, row.name, text, row.territory_id, row.latitude, row.longitude)


def read_activities(work: Work, ids: Ids = None) -> Iterator[Entry]:
    """Published activities, by category, summary and the centre of their last session too."""
    for row in _rows(work, _activities, Activity.id, ids):
        text = " ".join(filter(None, (row.category, row.summary, row.centre_name)))
        yield Entry(
            FoundKind.ACTIVITY, row.id, row.title, text, row.community_id, row.latitude, row.longitude, row.scene
        )


def read_rewards(work: Work, ids: Ids = None) -> Iterator[Entry]:
    """Published rewards, by merchant, words and counter too; no merchant's where a public body hosts the programme."""
    for row in _rows(work, _rewards, Reward.id, ids):
        text = " ".join(filter(None, (row.operator, row.description, row.pick_up_at)))
        yield Entry(FoundKind.REWARD, row.id, row.title, text, row.territory_id, row.latitude, row.longitude)


def read_groups(work: Work, ids: Ids = None) -> Iterator[Entry]:
    """Interest groups, by the words that stand; found once these are passed."""
    for row in _rows(work, _groups, Group.id, ids):
        yield Entry(
            FoundKind.GROUP,
            row.id,
            row.name,
            f"{row.category} {row.about}",
            row.community_id,
            scene=row.scene,
            content_id=row.content_id,
        )


SOURCES: Mapping[FoundKind, Source] = {
    FoundKind.COMMUNITY: read_communities,
    FoundKind.ESTATE: read_estates,
    FoundKind.CENTRE: read_centres,
    FoundKind.SERVICE: read_services,
    FoundKind.VENUE: read_venues,
    FoundKind.ACTIVITY: read_activities,
    FoundKind.GROUP: read_groups,
    FoundKind.REWARD: read_rewards,
}


def _nodes_of(work: Work, kind: TerritoryKind, ids: Ids) -> Sequence[AnyRow]:
    return _rows(work, _nodes, Territory.id, ids, kind=kind)


def _rows(work: Work, statement: Any, column: Any, ids: Ids, **asked: Any) -> Sequence[AnyRow]:
    asked |= {"town": work.town_id}
    if ids is None:
        return work.core.execute(statement, asked).all()
    return work.core.execute(statement.where(is_id_in(column, "ids")), asked | {"ids": ids}).all()
