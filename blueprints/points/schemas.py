"""My points."""

from __future__ import annotations

import datetime as dt
from typing import Any

from marshmallow import fields

from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Fast, PageArguments, cursor_of
from models.ledger import NEVER, TxnKind
from models.territory import Scene
from rules.ids import ID_MAX


def _day_or_never(day: dt.date) -> dt.date | None:
    return None if day == NEVER else day


class LastGoodDay(fields.Date):
    """The last day on which points are good; null for points that never lapse."""

    fast = staticmethod(_day_or_never)

    def _serialize(self, value: dt.date | None, attr: str | None, obj: Any, **kwargs: Any) -> dt.date | None:
        return None if value is None else _day_or_never(value)


class StatementArguments(PageArguments):
    """A page of a statement."""

    cursor = cursor_of("statement", ID_MAX, ID_MAX)


class ExpiringView(Fast):
    """Points that lapse after one day."""

    amount = fields.Integer(required=True)
    on = LastGoodDay(attribute="expires_on", required=True, allow_none=True)


class PointsView(Fast):
    """What I have, and what lapses when."""

    balance = fields.Integer(required=True)
    held = fields.Integer(required=True, metadata={"description": "Set aside, and not part of the balance."})
    expiring = fields.List(fields.Nested(ExpiringView), required=True)


class StatementLineView(Fast):
    """Points that came or went, and why."""

    id = Id(required=True)
    at = Moment(required=True)
    kind = fields.Enum(TxnKind, by_value=True, required=True)
    amount = fields.Integer(required=True, metadata={"description": "Above 0 when points came in."})
    balance_after = fields.Integer(required=True)
    reason = fields.String(required=True)
    explanation = fields.String(required=True, metadata={"description": "The reason in words, with the arithmetic."})
    scene = fields.Enum(Scene, by_value=True, required=True, allow_none=True)
