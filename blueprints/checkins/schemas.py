"""The resident's code and the scan at the door."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Arguments, Fast
from models.checkins import Direction, RefusalReason, ScanResult

NONCE_PATTERN = r"^[\x21-\x7e]{8,64}\Z"


class CodeView(Fast):
    """A code for the phone's screen."""

    code = fields.String(required=True)
    expires_at = Moment(required=True)
    refresh_seconds = fields.Integer(required=True, metadata={"description": "How soon to fetch the next one."})


class ScanArguments(Arguments):
    """A scan."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=1024))
    session_id = Id(required=True)
    direction = fields.Enum(Direction, by_value=True, load_default=Direction.IN)
    nonce = fields.String(
        required=True,
        validate=validate.Regexp(NONCE_PATTERN),
        metadata={"description": "The device's own name for this scan; sent again, it gets the same answer."},
    )
    scanned_at = Moment(load_default=None, metadata={"description": "By the device's clock."})


class ScannedResidentView(Fast):
    """Who stands at the door: enough to greet and to count heads."""

    name = fields.String(required=True, metadata={"description": "Masked."})
    party_size = fields.Integer(required=True, allow_none=True)


class ScannedPointsView(Fast):
    """What checking in earned."""

    awarded = fields.Integer(required=True)
    balance = fields.Integer(required=True)
    explanation = fields.String(required=True, allow_none=True, metadata={"description": "The reason in words."})


class ScanView(Fast):
    """What the door answers."""

    result = fields.Enum(ScanResult, by_value=True, required=True)
    reason = fields.Enum(RefusalReason, by_value=True, required=True, allow_none=True)
    message = fields.String(required=True, metadata={"description": "A sentence for the screen."})
    resident = fields.Nested(ScannedResidentView, required=True, allow_none=True)
    points = fields.Nested(ScannedPointsView, required=True, allow_none=True)
    replayed = fields.Boolean(required=True, metadata={"description": "This scan was answered before."})
