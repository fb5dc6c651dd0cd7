"""Consents, copies of everything, erasures."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast
from models.residents import Purpose

PARTS_MAX = 1000


class WardArguments(Arguments):
    """For whom."""

    resident_id = Id(load_default=None, metadata={"description": "A child of mine; me by default."})


class ConsentRequest(WardArguments):
    """What I agree to, as I have read it."""

    purpose = fields.Enum(Purpose, by_value=True, required=True)
    version = Words(
        length_min=1, length_max=32, required=True, metadata={"description": "`current_version` of what was shown."}
    )


class ConsentView(Fast):
    """Where I stand with one purpose."""

    purpose = fields.Enum(Purpose, by_value=True, required=True)
    is_given = fields.Boolean(required=True)
    version = fields.String(required=True, allow_none=True, metadata={"description": "The version I agreed to."})
    given_at = Moment(required=True, allow_none=True)
    current_version = fields.String(required=True)
    wording = fields.String(required=True)
    wording_en = fields.String(required=True)
    needed_for = fields.String(required=True, metadata={"description": "What I can't have without it."})
    needed_for_en = fields.String(required=True)


class ExportView(Fast):
    """A copy that can be fetched."""

    id = Id(required=True)
    expires_at = Moment(required=True)
    parts = fields.Integer(
        required=True, metadata={"description": "How many zip files there are; all but pictures is in the first."}
    )


class ExportPartArguments(Arguments):
    """Which part."""

    part = fields.Integer(load_default=1, validate=validate.Range(min=1, max=PARTS_MAX))


class ErasureRequest(WardArguments):
    """I want to be erased."""

    confirmation = Words(
        length_min=1,
        length_max=32,
        required=True,
        metadata={"description": "注销账号, or: erase my account."},
    )


class ErasureView(Fast):
    """An erasure that waits."""

    asked_at = Moment(required=True)
    due_at = Moment(required=True, metadata={"description": "Until then it can be taken back."})
    begun_at = Moment(required=True, allow_none=True)
