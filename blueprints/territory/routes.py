"""找社区: communities and their service centres."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import ANYONE
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from blueprints.territory.schemas import CommunityView, PlaceView
from rules import territory
from rules.work import Work

room = Room("territory", __name__, description="Communities and their service centres")


@room.does("GET", "/communities", needs=ANYONE)
@room.response(200, all_of(PlaceView))
def list_communities(work: Work) -> Any:
    """The town's communities."""
    return SimpleNamespace(items=territory.list_communities(work))


@room.does("GET", "/communities/<id:community_id>", needs=ANYONE, refuses=[territory.CommunityUnknown])
@room.response(200, CommunityView)
def show_community(work: Work, community_id: int) -> Any:
    """A community with its estates, service centres and rooms."""
    return territory.show_community(work, community_id)
