"""Points that staff give or take by hand."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.points.schemas import LastGoodDay
from models.adjustments import DecisionStatus
from rules.rulebook.sections.common import AMOUNT_MAX

REASON_LENGTH_MAX = 200


class AdjustmentRequest(Arguments):
    """Points for a resident, or from a resident."""

    resident_id = Id(required=True)
    amount = fields.Integer(
        required=True,
        strict=True,
        validate=[validate.Range(min=-AMOUNT_MAX, max=AMOUNT_MAX), validate.NoneOf([0], error="May not be 0.")],
        metadata={"description": "Above 0 gives points, below 0 takes them."},
    )
    reason = Words(
        length_min=1, length_max=REASON_LENGTH_MAX, required=True, metadata={"description": "The resident reads it."}
    )
    expires_on = Day(
        load_default=None,
        metadata={"description": "Only for points that are given; by default as if they were earned today."},
    )


class AdjustmentArguments(PageArguments):
    """A page of adjustments."""

    status = fields.Enum(DecisionStatus, by_value=True, load_default=None)
    cursor = cursor_of("adjustments")


class AdjustmentView(Fast):
    """An adjustment, and who decided it."""

    id = Id(required=True)
    resident_id = Id(required=True)
    amount = fields.Integer(required=True)
    reason = fields.String(required=True)
    expires_on = LastGoodDay(required=True, allow_none=True)
    status = fields.Enum(DecisionStatus, by_value=True, required=True)
    needs_second_person = fields.Boolean(required=True)
    requested_by = Id(required=True)
    requested_at = Moment(required=True)
    decided_by = Id(required=True, allow_none=True, metadata={"description": "The second person."})
    decided_at = Moment(required=True, allow_none=True)
    txn_id = Id(required=True, allow_none=True, metadata={"description": "null unless it is booked."})
