"""The resident's code, and the scan at the door."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from blueprints.checkins.door_schemas import TAIL_PATTERN
from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast
from models.checkins import Conflict, Direction, RefusalReason, ScanResult

NONCE_PATTERN = r"^[\x21-\x7e]{8,64}\Z"
PRESENTED = "Send a code, or phone_tail with name."


class CodeView(Fast):
    """A code for the phone's screen."""

    code = fields.String(required=True)
    expires_at = Moment(required=True)
    refresh_seconds = fields.Integer(required=True, metadata={"description": "How soon to fetch the next one."})


class ScanArguments(Arguments):
    """A scan: what was presented at which door."""

    code = fields.String(
        load_default=None,
        validate=validate.Length(min=1, max=1024),
        metadata={"description": "Of a phone or of a printed card."},
    )
    phone_tail = fields.String(
        load_default=None,
        validate=validate.Regexp(TAIL_PATTERN),
        metadata={"description": "For those without a code: the last four digits of the phone number."},
    )
    name = Words(
        load_default=None,
        length_min=1,
        length_max=64,
        metadata={"description": "With phone_tail: the name that the person gave, as a check."},
    )
    session_id = Id(required=True)
    direction = fields.Enum(Direction, by_value=True, load_default=Direction.IN)
    nonce = fields.String(
        required=True,
        validate=validate.Regexp(NONCE_PATTERN),
        metadata={"description": "The device's own name for this scan; sent again, it gets the same answer."},
    )
    scanned_at = Moment(load_default=None, metadata={"description": "By the device's clock."})
    override = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={
            "description": "Let in all the same: before the door opens, on the day of the session, or who has left what "
            "nobody may come back to."
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def check_presented(self, scan: dict[str, Any], **_: Any) -> None:
        by_phone = scan.get("phone_tail") is not None, scan.get("name") is not None
        if by_phone != ((False, False) if scan.get("code") is not None else (True, True)):
            raise ValidationError(PRESENTED, "code")


class ScannedResidentView(Fast):
    """Who stands at the door: enough to greet and to count heads."""

    name = fields.String(required=True, metadata={"description": "Masked."})
    party_size = fields.Integer(required=True, allow_none=True)


class ScannedPointsView(Fast):
    """What the scan earned."""

    awarded = fields.Integer(required=True)
    balance = fields.Integer(required=True)
    explanation = fields.String(required=True, allow_none=True, metadata={"description": "The reason in words."})


class ScannedVisitView(Fast):
    """The visit that the scan began, ended or fell into."""

    entered_at = Moment(required=True)
    left_at = Moment(required=True, allow_none=True, metadata={"description": "null: in."})
    minutes = fields.Integer(required=True, allow_none=True)


class ScanView(Fast):
    """What the door answers."""

    result = fields.Enum(ScanResult, by_value=True, required=True)
    reason = fields.Enum(RefusalReason, by_value=True, required=True, allow_none=True)
    message = fields.String(required=True, metadata={"description": "A sentence for the screen."})
    resident = fields.Nested(ScannedResidentView, required=True, allow_none=True)
    points = fields.Nested(ScannedPointsView, required=True, allow_none=True)
    visit = fields.Nested(ScannedVisitView, required=True, allow_none=True)
    conflict = fields.Enum(
        Conflict,
        by_value=True,
        required=True,
        allow_none=True,
        metadata={"description": "Of a stored scan: what the device couldn't know."},
    )
    conflict_message = fields.String(
        required=True, allow_none=True, metadata={"description": "How the conflict was settled, in a sentence."}
    )
    replayed = fields.Boolean(required=True, metadata={"description": "This scan was answered before."})


class UndoArguments(Arguments):
    """Why a scan is undone."""

    reason = Words(load_default="", length_max=200)


class UndonePointsView(Fast):
    """What became of the points."""

    taken_back = fields.Boolean(required=True, metadata={"description": "The check-in counts no more for points."})
    balance = fields.Integer(required=True)


class UndoneResidentView(Fast):
    """Whose scan it was."""

    name = fields.String(required=True, metadata={"description": "Masked."})


class UndoView(Fast):
    """A scan that was undone, and what is left."""

    nonce = fields.String(required=True)
    undone_at = Moment(required=True)
    direction = fields.Enum(Direction, by_value=True, required=True)
    resident = fields.Nested(UndoneResidentView, required=True)
    points = fields.Nested(UndonePointsView, required=True)
    visit = fields.Nested(
        ScannedVisitView,
        required=True,
        allow_none=True,
        metadata={"description": "The resident's last visit of the session now; null: none."},
    )
    replayed = fields.Boolean(required=True, metadata={"description": "It was undone before."})
