"""Points that staff give or take by hand, with a second person where it is due."""

from __future__ import annotations

from typing import Any

from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.points.adjustment_schemas import AdjustmentArguments, AdjustmentRequest, AdjustmentView
from models.residents import Role
from rules.ledger.pools import BudgetExhausted
from rules.ledger.spending import PointsInsufficient
from rules.points import adjustments
from rules.points.people import ResidentUnknown
from rules.points.second_person import RulebookMissing, SecondPersonRequired
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("adjustments", __name__, description="Points that staff give or take by hand")

Wish = dict[str, Any]
BOOKING = (BudgetExhausted, Forbidden, PointsInsufficient, RulebookMissing, adjustments.LastDayInvalid)
DECIDING = (Forbidden, SecondPersonRequired, adjustments.AdjustmentDecided, adjustments.AdjustmentUnknown)


@room.does("POST", "/points/adjustments", needs=Role.MANAGER, once=True, refuses=[*BOOKING, ResidentUnknown])
@room.arguments(AdjustmentRequest)
@room.response(201, AdjustmentView)
def request_adjustment(work: Work, wish: Wish) -> Any:
    """Give points to a resident or take them: at once, or above the rulebook's threshold when a second person agrees."""
    return adjustments.request_adjustment(work, adjustments.AdjustmentWish(**wish))


@room.does("GET", "/points/adjustments", needs=Role.MANAGER)
@room.arguments(AdjustmentArguments, location="query")
@room.response(200, page_of(AdjustmentView, "adjustments"))
def list_adjustments(work: Work, wish: Wish) -> Any:
    """The adjustments of residents in my places, the latest first."""
    return adjustments.list_adjustments(work, wish["status"], wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/points/adjustments/<id:adjustment_id>/approval",
    needs=Role.MANAGER,
    once=True,
    refuses=[*BOOKING, *DECIDING, ResidentUnknown],
)
@room.response(200, AdjustmentView)
def approve_adjustment(work: Work, adjustment_id: int) -> Any:
    """Book what another manager asked for."""
    return adjustments.approve_adjustment(work, adjustment_id)


@room.does("POST", "/points/adjustments/<id:adjustment_id>/refusal", needs=Role.MANAGER, once=True, refuses=[*DECIDING])
@room.response(200, AdjustmentView)
def decline_adjustment(work: Work, adjustment_id: int) -> Any:
    """Turn down what another manager asked for."""
    return adjustments.decline_adjustment(work, adjustment_id)
