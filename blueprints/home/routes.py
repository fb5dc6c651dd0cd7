"""The first page, in one request."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import ANYONE
from blueprints.edge.language import caller_language
from blueprints.edge.room import Room
from blueprints.home.schemas import HomeArguments, HomeView
from rules import home
from rules.territory import CommunityUnknown
from rules.work import Work

room = Room("home", __name__, description="The first page")


@room.does("GET", "/home", needs=ANYONE, shared=True, refuses=[CommunityUnknown])
@room.arguments(HomeArguments, location="query")
@room.response(200, HomeView)
def show_home(work: Work, wish: dict[str, Any]) -> Any:
    """The six entries, my community, what is on today, my next reservation, my points, what is new."""
    return home.show_home(work, caller_language(), wish["community_id"])
