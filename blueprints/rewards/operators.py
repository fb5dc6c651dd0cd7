"""Operators, and who of the staff acts for them."""

from __future__ import annotations

from typing import Any

from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.rewards.operator_schemas import (
    OperatorArguments,
    OperatorStaffArguments,
    OperatorStaffRequest,
    OperatorStaffView,
    OperatorView,
)
from models.residents import Role
from rules import operators
from rules.operators import StaffUnknown
from rules.points.budgets import OperatorUnknown
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("operators", __name__, description="Operators, and who of the staff acts for them")

Wish = dict[str, Any]


@room.does("GET", "/operators", needs=Role.MANAGER, refuses=[Forbidden])
@room.arguments(OperatorArguments, location="query")
@room.response(200, page_of(OperatorView, "operators"))
def list_operators(work: Work, wish: Wish) -> Any:
    """The town's operators. For managers of the whole town."""
    return operators.list_operators(work, wish["cursor"], wish["limit"])


@room.does("GET", "/operators/<id:operator_id>/staff", needs=Role.MANAGER, refuses=[Forbidden, OperatorUnknown])
@room.arguments(OperatorStaffArguments, location="query")
@room.response(200, page_of(OperatorStaffView, "operator_staff"))
def list_operator_staff(work: Work, wish: Wish, operator_id: int) -> Any:
    """Who of the staff acts for an operator."""
    return operators.list_operator_staff(work, operator_id, wish["cursor"], wish["limit"])


@room.does(
    "POST", "/operators/<id:operator_id>/staff", needs=Role.MANAGER, refuses=[Forbidden, OperatorUnknown, StaffUnknown]
)
@room.arguments(OperatorStaffRequest)
@room.response(204)
def add_operator_staff(work: Work, wish: Wish, operator_id: int) -> None:
    """Let a member of staff act for an operator."""
    operators.add_operator_staff(work, operator_id, wish["staff_id"])


@room.does(
    "DELETE",
    "/operators/<id:operator_id>/staff/<id:staff_id>",
    needs=Role.MANAGER,
    refuses=[Forbidden, OperatorUnknown],
)
@room.response(204)
def remove_operator_staff(work: Work, operator_id: int, staff_id: int) -> None:
    """Let a member of staff act for an operator no more."""
    operators.remove_operator_staff(work, operator_id, staff_id)
