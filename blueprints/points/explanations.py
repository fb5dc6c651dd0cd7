"""Explain my points: where each part of my balance came from, and where the points of a transaction went."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.points.explanation_schemas import ExplainArguments, ExplainedPartView, ExplainedTxnView
from rules.ledger.transactions import TxnUnknown
from rules.points import wallet
from rules.work import Work

room = Room("explanations", __name__, description="Where my points came from, and where they went")

Wish = dict[str, Any]


@room.does("GET", "/me/points/explain", needs=RESIDENT)
@room.arguments(ExplainArguments, location="query")
@room.response(200, page_of(ExplainedPartView, "explain"))
def explain_balance(work: Work, wish: Wish) -> Any:
    """What my balance is made of, the first to lapse first: the event, the rule and the arithmetic of each part."""
    return wallet.explain_my_balance(work, wish["cursor"], wish["limit"])


@room.does("GET", "/me/points/explain/<id:txn_id>", needs=RESIDENT, refuses=[TxnUnknown])
@room.response(200, ExplainedTxnView)
def explain_transaction(work: Work, txn_id: int) -> Any:
    """One transaction of mine: where what went out had come from, and where what came in is now."""
    return wallet.explain_my_txn(work, txn_id)
