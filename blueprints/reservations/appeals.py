"""Appeals against no-shows: make one, see mine, hear and decide those of a place."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT, SIGNED_IN
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.reservations.appeal_schemas import (
    AppealDecision,
    AppealListArguments,
    AppealRequest,
    AppealView,
    HeardAppealView,
    MyAppealArguments,
)
from rules.ledger.spending import PointsInsufficient
from rules.reservations import appeals
from rules.reservations.refusals import ReservationUnknown
from rules.residents import acting
from rules.work import Work

room = Room("appeals", __name__, description="No-shows that weren't")

Wish = dict[str, Any]


@room.does(
    "POST",
    "/reservations/<id:reservation_id>/appeal",
    needs=SIGNED_IN,
    once=True,
    refuses=[appeals.AppealMade, appeals.AppealTooLate, appeals.NotNoShow, ReservationUnknown],
)
@room.arguments(AppealRequest)
@room.response(201, AppealView)
def make_appeal(work: Work, wish: Wish, reservation_id: int) -> Any:
    """Say that I did come, or why I couldn't: once, within two weeks of the no-show."""
    return appeals.make_appeal(work, reservation_id, wish["reason"])


@room.does("GET", "/me/appeals", needs=RESIDENT, refuses=acting.REFUSALS)
@room.arguments(MyAppealArguments, location="query")
@room.response(200, page_of(AppealView, "my-appeals"))
def list_my_appeals(work: Work, wish: Wish) -> Any:
    """My appeals, or those of somebody I may act for, the latest first."""
    return appeals.list_my_appeals(work, wish["cursor"], wish["limit"], wish["resident_id"])


@room.does("GET", "/appeals", needs=SIGNED_IN)
@room.arguments(AppealListArguments, location="query")
@room.response(200, page_of(HeardAppealView, "appeals"))
def list_appeals(work: Work, wish: Wish) -> Any:
    """The appeals at places where I am an organiser or a manager, the earliest first."""
    return appeals.list_appeals(work, wish["status"], wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/appeals/<id:appeal_id>/decision",
    needs=SIGNED_IN,
    once=True,
    refuses=[appeals.AppealDecided, appeals.AppealUnknown, PointsInsufficient],
)
@room.arguments(AppealDecision)
@room.response(200, HeardAppealView)
def decide_appeal(work: Work, wish: Wish, appeal_id: int) -> Any:
    """Uphold an appeal, which undoes the no-show and all that followed from it, or dismiss it. The resident is told."""
    return appeals.decide_appeal(work, appeal_id, **wish)
