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
from rules.activities import looking
from rules.activities.refusals import ActivityUnknown
from rules.reservations.refusals import SessionUnknown
from rules.work import Work

room = Room("activities", __name__, description="What is on")

Wish = dict[str, Any]


@room.does("GET", "/activities", needs=ANYONE, shared=True, refuses=[looking.PeriodInvalid])
@room.arguments(ActivityArguments, location="query")
@room.response(200, page_of(ListedActivityView, "activities"))
def list_activities(work: Work, wish: Wish) -> Any:
    """Activities with a session that fits, the soonest first."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return looking.list_activities(work, looking.ActivityFilter(**wish), after, limit)


@room.does("GET", "/activities/<id:activity_id>", needs=ANYONE, shared=True, refuses=[ActivityUnknown])
@room.response(200, ActivityDetailView)
def show_activity(work: Work, activity_id: int) -> Any:
    """An activity with its next sessions. A draft is shown to the staff of its place."""
    return looking.show_activity(work, activity_id)


@room.does(
    "GET",
    "/activities/<id:activity_id>/sessions",
    needs=ANYONE,
    shared=True,
    refuses=[ActivityUnknown, looking.PeriodInvalid],
)
@room.arguments(SessionArguments, location="query")
@room.response(200, page_of(SessionView, "sessions"))
def list_sessions(work: Work, wish: Wish, activity_id: int) -> Any:
    """The sessions of an activity in a period."""
    return looking.list_sessions(work, activity_id, wish["from_"], wish["to"], wish["cursor"], wish["limit"])


@room.does("GET", "/sessions/<id:session_id>", needs=ANYONE, shared=True, refuses=[SessionUnknown])
@room.response(200, SessionView)
def show_session(work: Work, session_id: int) -> Any:
    """One session."""
    return looking.show_session(work, session_id)
