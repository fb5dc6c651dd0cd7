"""找活动: what is on, for everyone to see."""

from __future__ import annotations

from typing import Any

from blueprints.activities.schemas import (
    ActivityArguments,
    ActivityDetailView,
    ListedActivityView,
    SessionArguments,
    SessionView,
)
from blueprints.edge.caller import ANYONE
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from rules import activities
from rules.work import Work

room = Room("activities", __name__, description="What is on")

Wish = dict[str, Any]


@room.does("GET", "/activities", needs=ANYONE, refuses=[activities.PeriodInvalid])
@room.arguments(ActivityArguments, location="query")
@room.response(200, page_of(ListedActivityView, "activities"))
def list_activities(work: Work, wish: Wish) -> Any:
    """Activities with a session that fits, the soonest first."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return activities.list_activities(work, activities.ActivityFilter(**wish), after, limit)


@room.does("GET", "/activities/<id:activity_id>", needs=ANYONE, refuses=[activities.ActivityUnknown])
@room.response(200, ActivityDetailView)
def show_activity(work: Work, activity_id: int) -> Any:
    """An activity with its next sessions."""
    return activities.show_activity(work, activity_id)


@room.does(
    "GET",
    "/activities/<id:activity_id>/sessions",
    needs=ANYONE,
    refuses=[activities.ActivityUnknown, activities.PeriodInvalid],
)
@room.arguments(SessionArguments, location="query")
@room.response(200, page_of(SessionView, "sessions"))
def list_sessions(work: Work, wish: Wish, activity_id: int) -> Any:
    """The sessions of an activity in a period."""
    return activities.list_sessions(work, activity_id, wish["from_"], wish["to"], wish["cursor"], wish["limit"])
