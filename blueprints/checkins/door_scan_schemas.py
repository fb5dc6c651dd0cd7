"""A resident's own scan of the code at the door."""

from __future__ import annotations

from types import SimpleNamespace

from marshmallow import fields, validate

from blueprints.checkins.schemas import NONCE_PATTERN
from blueprints.edge.fields import Id
from blueprints.edge.schemas import Arguments
from models.checkins import Direction


class DoorScanArguments(Arguments):
    """What a phone read at the door."""

    door_code = fields.String(
        required=True,
        validate=validate.Length(min=1, max=1024),
        metadata={"description": "What the QR code on the screen at the door holds."},
    )
    direction = fields.Enum(Direction, by_value=True, load_default=Direction.IN)
    nonce = fields.String(
        required=True,
        validate=validate.Regexp(NONCE_PATTERN),
        metadata={"description": "The phone's own name for this scan; sent again, it gets the same answer."},
    )
    resident_id = Id(load_default=None, metadata={"description": "For whom, if not for myself: whose proxy I am."})


def shown_to(actor_id: int, resident_id: int | None, answer: SimpleNamespace) -> SimpleNamespace:
    """The answer as the phone shows it. Who acts for somebody doesn't learn what they earn and have."""
    if resident_id not in (None, actor_id):
        answer.points = None
    return answer
