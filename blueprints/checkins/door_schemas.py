"""The door: its code, and who is looked for there."""

from __future__ import annotations

from types import SimpleNamespace

from marshmallow import fields, validate

from blueprints.checkins.pictures import qr_svg
from blueprints.edge.fields import Moment
from blueprints.edge.schemas import Arguments, Fast
from models.reservations import ReservationStatus
from rules.checkins.codes import Code

TAIL_PATTERN = r"^[0-9]{4}\Z"


class DoorCodeView(Fast):
    """A code for the screen at the door."""

    code = fields.String(required=True, metadata={"description": "What the QR code holds."})
    svg = fields.String(required=True, metadata={"description": "The QR code, as wide as it is given room."})
    expires_at = Moment(required=True)
    refresh_seconds = fields.Integer(required=True, metadata={"description": "How soon to fetch the next one."})


class RosterSearchArguments(Arguments):
    """Whom staff look for."""

    phone_tail = fields.String(
        required=True,
        validate=validate.Regexp(TAIL_PATTERN),
        metadata={"description": "The last four digits of the phone number."},
    )


class RosterCandidateView(Fast):
    """A party that may be the one at the door."""

    name = fields.String(required=True, metadata={"description": "Masked: ask for the name, don't say it."})
    party_size = fields.Integer(required=True)
    status = fields.Enum(ReservationStatus, by_value=True, required=True)


def on_the_door(code: Code) -> SimpleNamespace:
    """The code with its picture."""
    return SimpleNamespace(
        code=code.code, svg=qr_svg(code.code), expires_at=code.expires_at, refresh_seconds=code.refresh_seconds
    )
