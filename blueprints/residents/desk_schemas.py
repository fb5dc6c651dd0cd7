"""Residents as the desk registers, finds and corrects them."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Words
from blueprints.edge.schemas import Arguments, Fast
from blueprints.residents.schemas import NAME_LENGTH_MAX, Birthday
from rules.residents.phones import LENGTH_MAX

NOTE_LENGTH_MAX = 200
PHONE = {"description": "A mobile, or a landline with its area code; +86, spaces and dashes are fine."}


class DeskRegistrationRequest(Arguments):
    """Somebody who stands at the desk and has no WeChat."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX, required=True)
    territory_id = Id(required=True, metadata={"description": "The community, estate or building where they live."})
    consent_note = Words(
        length_min=1,
        length_max=NOTE_LENGTH_MAX,
        required=True,
        metadata={"description": "How they agreed to the privacy notice: 纸质同意书 2026-031."},
    )
    born_on = Birthday(load_default=None)
    phone = Words(length_min=1, length_max=LENGTH_MAX, load_default=None, metadata=PHONE)
    guardian_id = Id(
        load_default=None,
        metadata={"description": "The guardian who consents and acts for a child; below 14 there has to be one."},
    )


class DeskCorrectionRequest(Arguments):
    """What is corrected; what isn't sent stays."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    territory_id = Id()
    born_on = Birthday()
    phone = Words(
        length_min=1,
        length_max=LENGTH_MAX,
        allow_none=True,
        metadata={"description": "The new number; null takes the number away."},
    )


class DeskSearchRequest(Arguments):
    """Whom to find: by `phone`, or by `phone_tail` and `name`."""

    phone = Words(length_min=1, length_max=LENGTH_MAX, load_default=None, metadata=PHONE)
    phone_tail = fields.String(
        load_default=None, validate=validate.Regexp("^[0-9]{4}$"), metadata={"description": "The last four digits."}
    )
    name = Words(
        length_min=1,
        length_max=NAME_LENGTH_MAX,
        load_default=None,
        metadata={"description": "In full; spaces and dots aside."},
    )


class DeskResidentView(Fast):
    """A resident, as the desk sees them."""

    id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})
    phone = fields.String(required=True, allow_none=True, metadata={"description": "Masked: 138****1234."})
    territory_id = Id(required=True, allow_none=True)
    territory_name = fields.String(required=True, allow_none=True)
    has_wechat = fields.Boolean(required=True, metadata={"description": "Whether they sign in by themselves."})
