"""Activities, series and sessions at the organiser's desk."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.activities.desk_schemas import (
    ActivityChanges,
    ActivityRequest,
    CancellationRequest,
    ManagedActivityView,
    ManagedArguments,
    SeriesPreviewView,
    SeriesRequest,
    SeriesView,
    SessionCancellationRequest,
    SessionChanges,
    SessionRequest,
)
from blueprints.activities.roster_file import as_workbook
from blueprints.activities.schemas import ActivityDetailView, SessionView
from blueprints.edge.files import XLSX, file_response, send_file
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of, page_of
from models.residents import Role
from rules.activities import authoring, changing, managing, roster, scheduling
from rules.activities.looking import show_activity, show_session, show_sessions
from rules.activities.questions import QuestionsInvalid
from rules.activities.refusals import (
    ActivityInvalid,
    ActivityOver,
    ActivityUnknown,
    AllocationFixed,
    CapacityBelowTaken,
    NotADraft,
    NotInSeries,
    PlanInvalid,
    SeriesHasSessions,
    SeriesUnknown,
    SessionBegun,
    SessionCalledOff,
    SessionsCoincide,
    SessionsToCome,
    VenueClash,
    VenueTooSmall,
)
from rules.activities.series import RuleInvalid, SeriesEmpty, SeriesTooLong
from rules.points.budgets import OperatorUnknown
from rules.reservations.refusals import SessionUnknown
from rules.residents.identity import Forbidden
from rules.territory import PlaceUnknown
from rules.venues.refusals import VenueUnknown
from rules.work import Work

room = Room("organising", __name__, description="Activities, series and sessions at the organiser's desk")

Wish = dict[str, Any]
SESSIONS = all_of(SessionView)
SAYING = (ActivityInvalid, Forbidden, OperatorUnknown, PlaceUnknown, QuestionsInvalid)
OF_MINE = (ActivityUnknown, Forbidden)
CHANGING = (*OF_MINE, ActivityOver)
PLANNING = (PlanInvalid, VenueTooSmall, VenueUnknown)
REPEATING = (*PLANNING, RuleInvalid, SeriesEmpty, SeriesTooLong)
OF_MY_SERIES = (Forbidden, SeriesHasSessions, SeriesUnknown)
MOVING = (ActivityOver, Forbidden, NotInSeries, SessionBegun, SessionCalledOff, SessionUnknown)


@room.does("GET", "/activities/managed", needs=Role.ORGANISER)
@room.arguments(ManagedArguments, location="query")
@room.response(200, page_of(ManagedActivityView, "managed-activities"))
def list_managed_activities(work: Work, wish: Wish) -> Any:
    """The activities of my places, drafts and what is over included, the latest first."""
    return managing.list_managed(work, wish["status"], wish["community_id"], wish["cursor"], wish["limit"])


@room.does("POST", "/activities", needs=Role.ORGANISER, once=True, refuses=SAYING)
@room.arguments(ActivityRequest)
@room.response(201, ActivityDetailView)
def create_activity(work: Work, wish: Wish) -> Any:
    """Write a draft."""
    return show_activity(work, authoring.create_activity(work, wish))


@room.does("PATCH", "/activities/<id:activity_id>", needs=Role.ORGANISER, refuses=[*SAYING, *CHANGING, AllocationFixed])
@room.arguments(ActivityChanges)
@room.response(200, ActivityDetailView)
def change_activity(work: Work, wish: Wish, activity_id: int) -> Any:
    """Change an activity; who has reserved keeps the terms of then."""
    authoring.change_activity(work, activity_id, wish)
    return show_activity(work, activity_id)


@room.does(
    "POST",
    "/activities/<id:activity_id>/publication",
    needs=Role.ORGANISER,
    once=True,
    refuses=[*CHANGING, NotADraft, VenueClash, VenueUnknown],
)
@room.response(200, ActivityDetailView)
def publish_activity(work: Work, activity_id: int) -> Any:
    """Show a draft to everybody."""
    authoring.publish_activity(work, house().keys, activity_id)
    return show_activity(work, activity_id)


@room.does("POST", "/activities/<id:activity_id>/cancellation", needs=Role.ORGANISER, once=True, refuses=CHANGING)
@room.arguments(CancellationRequest)
@room.response(200, ActivityDetailView)
def cancel_activity(work: Work, wish: Wish, activity_id: int) -> Any:
    """Call an activity off, with all sessions that haven't begun; everybody is told and gets back what was held."""
    changing.cancel_activity(work, activity_id, wish["reason"])
    return show_activity(work, activity_id)


@room.does(
    "POST",
    "/activities/<id:activity_id>/finish",
    needs=Role.ORGANISER,
    once=True,
    refuses=[*CHANGING, SessionsToCome],
)
@room.response(200, ActivityDetailView)
def finish_activity(work: Work, activity_id: int) -> Any:
    """Say that an activity is over for good."""
    authoring.finish_activity(work, activity_id)
    return show_activity(work, activity_id)


@room.does("POST", "/activities/<id:activity_id>/copy", needs=Role.ORGANISER, once=True, refuses=OF_MINE)
@room.response(201, ActivityDetailView)
def copy_activity(work: Work, activity_id: int) -> Any:
    """Write a draft like an activity, with its series and without sessions."""
    return show_activity(work, authoring.copy_activity(work, activity_id))


@room.does(
    "POST",
    "/activities/<id:activity_id>/sessions",
    needs=Role.ORGANISER,
    once=True,
    refuses=[*CHANGING, *PLANNING, VenueClash],
)
@room.arguments(SessionRequest)
@room.response(201, SessionView)
def add_session(work: Work, wish: Wish, activity_id: int) -> Any:
    """Plan one session; it takes its room."""
    return show_session(work, scheduling.add_session(work, house().keys, activity_id, **wish))


@room.does(
    "POST",
    "/activities/<id:activity_id>/series",
    needs=Role.ORGANISER,
    once=True,
    refuses=[*CHANGING, *REPEATING, VenueClash],
)
@room.arguments(SeriesRequest)
@room.response(201, SeriesView)
def add_series(work: Work, wish: scheduling.SeriesWish, activity_id: int) -> Any:
    """Plan a series, with the sessions of its next 90 days: all of them, or none where a room isn't to be had."""
    return scheduling.show_series(work, scheduling.add_series(work, house().keys, activity_id, wish))


@room.does(
    "POST",
    "/activities/<id:activity_id>/series/preview",
    needs=Role.ORGANISER,
    reads=True,
    refuses=[*OF_MINE, *REPEATING],
)
@room.arguments(SeriesRequest)
@room.response(200, SeriesPreviewView)
def preview_series(work: Work, wish: scheduling.SeriesWish, activity_id: int) -> Any:
    """The days that a series would have, those that are skipped and those on which the room is taken."""
    return scheduling.preview_series(work, activity_id, wish)


@room.does("GET", "/activities/<id:activity_id>/series", needs=Role.ORGANISER, refuses=OF_MINE)
@room.response(200, all_of(SeriesView))
def list_series(work: Work, activity_id: int) -> Any:
    """The series of an activity."""
    return SimpleNamespace(items=scheduling.list_series(work, activity_id))


@room.does("PUT", "/series/<id:series_id>", needs=Role.ORGANISER, refuses=[*OF_MY_SERIES, *REPEATING])
@room.arguments(SeriesRequest)
@room.response(200, SeriesView)
def replan_series(work: Work, wish: scheduling.SeriesWish, series_id: int) -> Any:
    """Plan a series anew that has no sessions yet: one of a copy."""
    return scheduling.replan_series(work, series_id, wish)


@room.does("DELETE", "/series/<id:series_id>", needs=Role.ORGANISER, refuses=OF_MY_SERIES)
@room.response(204)
def drop_series(work: Work, series_id: int) -> None:
    """Take away a series that has no sessions yet."""
    scheduling.drop_series(work, series_id)


@room.does(
    "PATCH",
    "/sessions/<id:session_id>",
    needs=Role.ORGANISER,
    once=True,
    refuses=[*MOVING, *PLANNING, CapacityBelowTaken, SessionsCoincide, VenueClash],
)
@room.arguments(SessionChanges)
@room.response(200, SESSIONS)
def change_session(work: Work, wish: Wish, session_id: int) -> Any:
    """Change one session, this and those that follow, or all that are to come; who has reserved is told."""
    changed = changing.change_sessions(work, session_id, wish.pop("scope"), wish)
    return SimpleNamespace(items=show_sessions(work, changed))


@room.does("POST", "/sessions/<id:session_id>/cancellation", needs=Role.ORGANISER, once=True, refuses=MOVING)
@room.arguments(SessionCancellationRequest)
@room.response(200, SESSIONS)
def cancel_session(work: Work, wish: Wish, session_id: int) -> Any:
    """Call off one session, this and those that follow, or all that are to come; everybody is told."""
    cancelled = changing.cancel_sessions(work, session_id, wish["scope"], wish["reason"])
    return SimpleNamespace(items=show_sessions(work, cancelled))


@room.does("GET", "/sessions/<id:session_id>/roster.xlsx", needs=Role.ORGANISER, refuses=[Forbidden, SessionUnknown])
@file_response(room, XLSX)
def export_roster(work: Work, session_id: int) -> Any:
    """The session's people as a table, with full names and masked phones."""
    listed = roster.read_roster(work, house().keys, session_id)
    return send_file(as_workbook(listed), XLSX, name=f"{listed.title}名单.xlsx", inline=False)
