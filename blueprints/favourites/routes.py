"""What I keep to find it again."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.favourites.schemas import FavouriteRequest, FavouritesArguments, FavouriteView
from rules import favourites
from rules.daily_limits import DailyLimitReached
from rules.work import Work

room = Room("favourites", __name__, description="What residents keep to find it again")

Wish = dict[str, Any]


@room.does("GET", "/me/favourites", needs=RESIDENT)
@room.arguments(FavouritesArguments, location="query")
@room.response(200, page_of(FavouriteView, "favourites"))
def list_favourites(work: Work, wish: Wish) -> Any:
    """What I keep, the last kept first, each with what is on next."""
    return favourites.list_favourites(work, wish["kind"], wish["cursor"], wish["limit"])


@room.does("PUT", "/me/favourites", needs=RESIDENT, refuses=[DailyLimitReached, favourites.FavouriteUnknown])
@room.arguments(FavouriteRequest)
@room.response(200, FavouriteView)
def keep_favourite(work: Work, wish: Wish) -> Any:
    """Keep an activity, a venue, a centre, a group or a reward; once more changes nothing."""
    return favourites.keep_favourite(work, **wish)


@room.does("DELETE", "/me/favourites", needs=RESIDENT)
@room.arguments(FavouriteRequest, location="query")
@room.response(204)
def drop_favourite(work: Work, wish: Wish) -> Any:
    """Let a thing go; nothing happens when I didn't keep it."""
    return favourites.drop_favourite(work, **wish)
