"""Explain my points."""

from __future__ import annotations

import datetime as dt

from marshmallow import fields

from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Fast, PageArguments, cursor_of
from blueprints.points.schemas import LastGoodDay
from models.ledger import AccountKind, TxnKind
from rules.ids import ID_MAX


class ExplainArguments(PageArguments):
    """A page of an explanation."""

    cursor = cursor_of("explain", dt.date.max.toordinal(), ID_MAX, ID_MAX)


class StepView(Fast):
    """A transaction that points went through."""

    txn_id = Id(required=True)
    at = Moment(required=True)
    kind = fields.Enum(TxnKind, by_value=True, required=True)
    reason = fields.String(required=True)
    explanation = fields.String(required=True, metadata={"description": "The reason in words, with the arithmetic."})
    rule_id = fields.String(required=True, allow_none=True)
    rulebook_number = fields.Integer(required=True, allow_none=True)
    event_source = fields.String(required=True, allow_none=True)
    event_occurred_at = Moment(required=True, allow_none=True)


class ExplainedPartView(Fast):
    """Points with one history."""

    amount = fields.Integer(required=True)
    on = LastGoodDay(attribute="expires_on", required=True, allow_none=True)
    scope = fields.String(required=True, metadata={"description": "Where they may be spent; empty: anywhere."})
    issuer = fields.String(required=True, allow_none=True, metadata={"description": "null: the town."})
    earned = fields.Nested(
        StepView,
        required=True,
        allow_none=True,
        metadata={"description": "null: their history is longer than is followed; ask for the steps one by one."},
    )
    way = fields.List(
        fields.Nested(StepView),
        required=True,
        metadata={"description": "What happened to them since, the latest 20 steps first."},
    )


class WhereaboutsView(Fast):
    """Points, and where they are now."""

    amount = fields.Integer(required=True)
    step = fields.Nested(
        StepView, required=True, allow_none=True, metadata={"description": "null: where they came to."}
    )
    to_kind = fields.Enum(AccountKind, by_value=True, required=True, allow_none=True)
    to_owner = fields.String(required=True, allow_none=True)


class ExplainedTxnView(Fast):
    """One transaction, seen from my wallet."""

    step = fields.Nested(StepView, required=True)
    amount = fields.Integer(required=True, metadata={"description": "Above 0 when points came in."})
    came_from = fields.List(fields.Nested(ExplainedPartView), required=True)
    went_to = fields.List(fields.Nested(WhereaboutsView), required=True)
    is_complete = fields.Boolean(required=True, metadata={"description": "false: there is more than is told here."})
