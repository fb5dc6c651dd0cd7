"""找积分: what I have, what lapses when, and where it came from."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.points.schemas import PointsView, StatementArguments, StatementLineView
from rules.points import wallet
from rules.work import Work

room = Room("points", __name__, description="My points")

Wish = dict[str, Any]


@room.does("GET", "/me/points", needs=RESIDENT)
@room.response(200, PointsView)
def show_points(work: Work) -> Any:
    """My balance, and what lapses when."""
    return wallet.show_points(work)


@room.does("GET", "/me/points/statement", needs=RESIDENT)
@room.arguments(StatementArguments, location="query")
@room.response(200, page_of(StatementLineView, "statement"))
def list_statement(work: Work, wish: Wish) -> Any:
    """Every point that came or went, the latest first, with the reason in words."""
    return wallet.list_statement(work, wish["cursor"], wish["limit"])
