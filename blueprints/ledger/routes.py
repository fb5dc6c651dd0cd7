"""The ledger for staff: a transaction and its reversal, the budgets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from blueprints.ledger.schemas import BudgetRequest, BudgetView, ReversalRequest, TransactionView
from models.residents import Role
from rules.ledger.pools import BudgetExhausted
from rules.ledger.reversing import AlreadyReversed, NotReversible
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import TxnUnknown
from rules.points import budgets, reversals
from rules.points.second_person import RulebookMissing, SecondPersonRequired
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("ledger", __name__, description="Transactions, reversals and budgets")

Wish = dict[str, Any]


@room.does("GET", "/ledger/transactions/<id:txn_id>", needs=Role.AUDITOR, refuses=[Forbidden, TxnUnknown])
@room.response(200, TransactionView)
def show_ledger_transaction(work: Work, txn_id: int) -> Any:
    """A transaction with its postings, and what of it was taken back."""
    return reversals.show_transaction(work, txn_id)


@room.does(
    "POST",
    "/ledger/transactions/<id:txn_id>/reversal",
    needs=Role.MANAGER,
    once=True,
    refuses=[
        AlreadyReversed,
        BudgetExhausted,
        Forbidden,
        NotReversible,
        PointsInsufficient,
        RulebookMissing,
        SecondPersonRequired,
        TxnUnknown,
    ],
)
@room.arguments(ReversalRequest)
@room.response(201, TransactionView)
def reverse_transaction(work: Work, wish: Wish, txn_id: int) -> Any:
    """Take a transaction back, in full or in part; the answer is the reversal."""
    return reversals.reverse_transaction(work, txn_id, wish["amount"], wish["reason"])


@room.does("GET", "/ledger/budgets", needs=Role.AUDITOR, refuses=[Forbidden])
@room.response(200, all_of(BudgetView))
def list_budgets(work: Work) -> Any:
    """The budget of the town and of each operator: granted, used, given back, left."""
    return SimpleNamespace(items=budgets.list_budgets(work))


@room.does("POST", "/ledger/budgets", needs=Role.MANAGER, once=True, refuses=[Forbidden, budgets.OperatorUnknown])
@room.arguments(BudgetRequest)
@room.response(201, BudgetView)
def grant_budget(work: Work, wish: Wish) -> Any:
    """Put new points into a budget; the answer is the budget as it is then."""
    return budgets.grant(work, **wish)
