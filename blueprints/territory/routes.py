"""找社区: communities, the tree of places, service centres, what they do and who is there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import ANYONE, RESIDENT
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of, page_of
from blueprints.territory.schemas import (
    CentreArguments,
    CentreDetailView,
    ChildrenArguments,
    CommunityArguments,
    CommunityView,
    DutyArguments,
    DutyDayView,
    ListedCentreView,
    ListedPlaceView,
    MyPlaceView,
    NodeDetailView,
    NodeView,
    ServiceArguments,
    ServiceView,
)
from rules import territory
from rules.territory import centres, duty, services, tree
from rules.venues.refusals import CentreUnknown
from rules.work import Work

room = Room("territory", __name__, description="Communities and their service centres")

Wish = dict[str, Any]


@room.does("GET", "/communities", needs=ANYONE, shared=True)
@room.arguments(CommunityArguments, location="query")
@room.response(200, all_of(ListedPlaceView))
def list_communities(work: Work, wish: Wish) -> Any:
    """The town's communities, the nearest first where a position is given."""
    return SimpleNamespace(items=territory.list_communities(work, **wish))


@room.does("GET", "/communities/<id:community_id>", needs=ANYONE, shared=True, refuses=[territory.CommunityUnknown])
@room.response(200, CommunityView)
def show_community(work: Work, community_id: int) -> Any:
    """A community with its estates, service centres and rooms."""
    return territory.show_community(work, community_id)


@room.does("GET", "/territory/<id:territory_id>", needs=ANYONE, shared=True, refuses=[tree.PlaceUnknown])
@room.response(200, NodeDetailView)
def show_place(work: Work, territory_id: int) -> Any:
    """A node of the tree, from the city down to the building, with what is above it."""
    return tree.show_place(work, territory_id)


@room.does("GET", "/territory/<id:territory_id>/children", needs=ANYONE, shared=True, refuses=[tree.PlaceUnknown])
@room.arguments(ChildrenArguments, location="query")
@room.response(200, page_of(NodeView, "territory"))
def list_children(work: Work, wish: Wish, territory_id: int) -> Any:
    """The nodes right below one: the estates of a community, the buildings of an estate."""
    return tree.list_children(work, territory_id, wish["cursor"], wish["limit"])


@room.does("GET", "/me/territory", needs=RESIDENT)
@room.response(200, MyPlaceView)
def show_my_place(work: Work) -> Any:
    """My community, estate and building, as far as I chose them."""
    return tree.show_my_place(work)


@room.does("GET", "/service-centres", needs=ANYONE, shared=True)
@room.arguments(CentreArguments, location="query")
@room.response(200, page_of(ListedCentreView, "service-centres"))
def list_centres(work: Work, wish: Wish) -> Any:
    """Service centres that fit, the nearest first where a position is given."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return centres.list_centres(work, centres.CentreFilter(**wish), after, limit)


@room.does("GET", "/service-centres/<id:service_centre_id>", needs=ANYONE, shared=True, refuses=[CentreUnknown])
@room.response(200, CentreDetailView)
def show_centre(work: Work, service_centre_id: int) -> Any:
    """A service centre: hours, services, rooms, and who is on duty today."""
    return centres.show_centre(work, house().keys, service_centre_id)


@room.does(
    "GET",
    "/service-centres/<id:service_centre_id>/duty",
    needs=ANYONE,
    shared=True,
    refuses=[CentreUnknown, duty.DutyPeriodInvalid],
)
@room.arguments(DutyArguments, location="query")
@room.response(200, all_of(DutyDayView))
def show_duty(work: Work, wish: Wish, service_centre_id: int) -> Any:
    """Who is on duty day by day: the coming week unless a period of at most 31 days is given."""
    days = duty.show_coming_duty(work, house().keys, service_centre_id, wish["from_"], wish["to"])
    return SimpleNamespace(items=days)


@room.does("GET", "/services", needs=ANYONE, shared=True)
@room.arguments(ServiceArguments, location="query")
@room.response(200, page_of(ServiceView, "services"))
def list_services(work: Work, wish: Wish) -> Any:
    """What centres do for people, and what to bring."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return services.list_services(work, services.ServiceFilter(**wish), after, limit)


@room.does("GET", "/services/<id:service_id>", needs=ANYONE, shared=True, refuses=[services.ServiceUnknown])
@room.response(200, ServiceView)
def show_service(work: Work, service_id: int) -> Any:
    """One service: who it is for, what to bring, what it costs, how long it takes."""
    return services.show_service(work, service_id)
