"""Transactions and budgets, as staff see them."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast
from models.ledger import AccountKind, OwnerType, TxnKind

#: The largest amount of a budget, and so of a transaction.
BUDGET_MAX = 1_000_000_000
TEXT_LENGTH_MAX = 200


class ReversalRequest(Arguments):
    """How much of a transaction is taken back, and why."""

    amount = fields.Integer(
        load_default=None,
        strict=True,
        validate=validate.Range(min=1, max=BUDGET_MAX),
        metadata={"description": "All that is left if not given."},
    )
    reason = Words(
        length_min=1, length_max=TEXT_LENGTH_MAX, required=True, metadata={"description": "The resident reads it."}
    )


class BudgetRequest(Arguments):
    """New points for a budget."""

    operator_id = Id(load_default=None, metadata={"description": "The town's own budget if not given."})
    amount = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=BUDGET_MAX))
    explanation = Words(length_min=1, length_max=TEXT_LENGTH_MAX, required=True)


class LedgerAccountView(Fast):
    """Whose account of which kind."""

    kind = fields.Enum(AccountKind, by_value=True, required=True)
    owner_type = fields.Enum(OwnerType, by_value=True, required=True)
    owner_id = Id(required=True)
    owner = fields.String(required=True, allow_none=True, metadata={"description": "An operator's name."})


class PostingView(Fast):
    """Points that went from one account to another."""

    n = fields.Integer(required=True)
    source = fields.Nested(LedgerAccountView, required=True)
    destination = fields.Nested(LedgerAccountView, required=True)
    amount = fields.Integer(required=True)
    reversed = fields.Integer(required=True, metadata={"description": "How much of it was taken back."})


class TransactionView(Fast):
    """A transaction of the ledger."""

    id = Id(required=True)
    kind = fields.Enum(TxnKind, by_value=True, required=True)
    reason = fields.String(required=True)
    explanation = fields.String(required=True)
    actor_id = Id(required=True, allow_none=True, metadata={"description": "Who caused it; null: the system."})
    event_id = Id(required=True, allow_none=True)
    rule_id = fields.String(required=True, allow_none=True)
    reverses_txn_id = Id(required=True, allow_none=True)
    effective_at = Moment(required=True)
    recorded_at = Moment(required=True)
    amount = fields.Integer(required=True)
    reversed = fields.Integer(required=True)
    left = fields.Integer(
        required=True, metadata={"description": "What is left to reverse, where its kind can be reversed."}
    )
    postings = fields.List(fields.Nested(PostingView), required=True)


class BudgetView(Fast):
    """A budget of points: granted - used + given_back = left."""

    operator_id = Id(required=True, allow_none=True, metadata={"description": "null: the town's own."})
    operator = fields.String(required=True, allow_none=True)
    granted = fields.Integer(required=True)
    used = fields.Integer(required=True, metadata={"description": "Awarded, or given by hand."})
    given_back = fields.Integer(required=True, metadata={"description": "By reversals."})
    left = fields.Integer(required=True)
