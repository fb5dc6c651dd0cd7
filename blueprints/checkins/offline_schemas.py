"""Doors without a network: the pack, the batch; and what staff see of a door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate

from blueprints.checkins.schemas import ScanArguments, ScanView
from blueprints.edge.fields import Cursor, Id, Moment
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.activities import SessionStatus
from models.cards import Identification
from models.checkins import Conflict, Direction, RefusalReason, ScannerKind, ScanResult
from models.reservations import ReservationStatus
from rules.checkins.looking import COUNTS_AS
from rules.checkins.offline import BATCH_MAX


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that can't be read, and why."""

    nonce: str | None
    errors: Any


class OnItsOwn(fields.Nested):
    """An item of a list that is judged by itself: what is wrong with it doesn't keep the others from being read."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs)
        except ValidationError as error:
            nonce = value.get("nonce") if isinstance(value, dict) else None
            return Unreadable(nonce if isinstance(nonce, str) else None, error.normalized_messages())


class StoredScanArguments(ScanArguments):
    """A scan that a device stored without a network."""

    scanned_at = Moment(required=True, metadata={"description": "By the device's clock."})


class BatchArguments(Arguments):
    """Stored scans, in any order."""

    sent_at = Moment(
        required=True,
        metadata={
            "description": "By the device's clock, when this request is sent: it tells how far the clock is off."
        },
    )
    items = fields.List(OnItsOwn(StoredScanArguments), required=True, validate=validate.Length(min=1, max=BATCH_MAX))


class BatchProblemView(Fast):
    """Why an item got no answer. `server.busy`: send it again."""

    code = fields.String(required=True, metadata={"description": "Stable and dotted."})
    status = fields.Integer(required=True, metadata={"description": "The HTTP status it would have by itself."})
    detail = fields.String(required=True)
    errors = fields.Dict(required=True, allow_none=True, metadata={"description": "Which field is wrong, and why."})


class BatchItemView(Fast):
    """What became of one item: an answer or a problem."""

    nonce = fields.String(required=True, allow_none=True)
    answer = fields.Nested(ScanView, required=True, allow_none=True)
    problem = fields.Nested(BatchProblemView, required=True, allow_none=True)


class BatchView(Fast):
    """What became of each item, in their order."""

    received_at = Moment(required=True)
    clock_off_seconds = fields.Integer(
        required=True, metadata={"description": "By how much the server's clock is ahead of the device's."}
    )
    items = fields.List(fields.Nested(BatchItemView), required=True)


class PackSessionView(Fast):
    """The session that the pack is for."""

    id = Id(required=True)
    title = fields.String(required=True)
    status = fields.Enum(SessionStatus, by_value=True, required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    checkin_opens_at = Moment(required=True)
    capacity = fields.Integer(required=True)
    taken = fields.Integer(required=True)
    allows_reentry = fields.Boolean(required=True)


class PackBoundsView(Fast):
    """How scans are judged."""

    code_seconds = fields.Integer(required=True, metadata={"description": "How long a code lives."})
    grace_seconds = fields.Integer(required=True, metadata={"description": "And how much longer it is taken."})
    skew_seconds = fields.Integer(required=True, metadata={"description": "How far a device's clock may be off."})
    age_hours_max = fields.Integer(required=True, metadata={"description": "How old a stored scan may be."})
    undo_seconds = fields.Integer(required=True, metadata={"description": "How long a scan can be undone."})
    margin_minutes = fields.Integer(required=True, metadata={"description": "How long after the end people may leave."})
    batch_max = fields.Integer(required=True, metadata={"description": "How many scans a batch may have."})


class ExpectedView(Fast):
    """A party on the roster."""

    resident_id = Id(required=True, metadata={"description": "`sub` of the resident's codes and cards."})
    name = fields.String(required=True, metadata={"description": "Masked: ask for the name, don't say it."})
    phone_tail = fields.String(required=True, allow_none=True)
    party_size = fields.Integer(required=True)
    status = fields.Enum(ReservationStatus, by_value=True, required=True)
    checked_in_at = Moment(required=True, allow_none=True)


class PackView(Fast):
    """All that a device needs at a session's door without a network."""

    session = fields.Nested(PackSessionView, required=True)
    server_time = Moment(required=True)
    valid_until = Moment(required=True)
    jwks = fields.Dict(required=True, metadata={"description": "The public keys of codes and cards (RFC 7517)."})
    bounds = fields.Nested(PackBoundsView, required=True)
    roster = fields.List(fields.Nested(ExpectedView), required=True)
    revoked_cards = fields.List(
        Id(), required=True, metadata={"description": "`jti` of cards that open nothing any more."}
    )


class LoggedScanView(Fast):
    """A scan in the log."""

    id = Id(required=True)
    nonce = fields.String(required=True)
    scanner_kind = fields.Enum(ScannerKind, by_value=True, required=True)
    scanner_id = Id(required=True)
    direction = fields.Enum(Direction, by_value=True, required=True)
    method = fields.Enum(Identification, by_value=True, required=True)
    result = fields.Enum(ScanResult, by_value=True, required=True)
    reason = fields.Enum(RefusalReason, by_value=True, required=True, allow_none=True)
    conflict = fields.Enum(Conflict, by_value=True, required=True, allow_none=True)
    counts_as = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(COUNTS_AS),
        metadata={"description": "Whether a visit begins or ends with it; null: neither."},
    )
    resident_id = Id(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True, metadata={"description": "Masked."})
    offline = fields.Boolean(required=True)
    overridden = fields.Boolean(required=True)
    scanned_at = Moment(required=True, metadata={"description": "By the device's clock."})
    occurred_at = Moment(required=True, metadata={"description": "As it counts."})
    received_at = Moment(required=True)
    undone_at = Moment(required=True, allow_none=True)
    undone_reason = fields.String(required=True, allow_none=True)


class PresentView(Fast):
    """Somebody who is in."""

    resident_id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})
    party_size = fields.Integer(required=True)
    entered_at = Moment(required=True)


class ScanLogArguments(PageArguments):
    """How the log is paged."""

    cursor = cursor_of("scans")


class AttendanceArguments(PageArguments):
    """How the list of those who are in is paged."""

    cursor = cursor_of("attendance")


class AttendanceView(Fast):
    """How many came to a session, and who is in now."""

    server_time = Moment(required=True)
    expected_people = fields.Integer(
        required=True, metadata={"description": "With a confirmed place, come or not; party sizes added up."}
    )
    expected_parties = fields.Integer(required=True)
    came_people = fields.Integer(required=True)
    came_parties = fields.Integer(required=True)
    in_people = fields.Integer(required=True, metadata={"description": "Of the parties that are in now."})
    in_parties = fields.Integer(required=True)
    left_parties = fields.Integer(required=True)
    items = fields.List(fields.Nested(PresentView), required=True, metadata={"description": "Who is in now."})
    next_cursor = Cursor(
        of="attendance",
        attribute="next_after",
        required=True,
        allow_none=True,
        metadata={"description": "null on the last page."},
    )
