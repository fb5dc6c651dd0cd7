"""One field for everything: search over all rooms."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import ANYONE
from blueprints.edge.room import Room
from blueprints.search.schemas import SearchArguments, SearchView
from rules.search import finding
from rules.work import Work

room = Room("search", __name__, description="Finding things by a few characters")


@room.does("GET", "/search", needs=ANYONE, shared=True, refuses=[finding.PageWithoutKind])
@room.arguments(SearchArguments, location="query")
@room.response(200, SearchView)
def search_rooms(work: Work, wish: dict[str, Any]) -> Any:
    """What has these characters in its name or text, by rooms; the next pages room by room."""
    return finding.search(work, finding.SearchWish(after=wish.pop("cursor"), **wish))
