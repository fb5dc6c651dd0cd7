"""Causes, and what is given to them."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.rewards.schemas import PICTURES_MAX, PRICE_MAX, REASON_MAX, TEXT_MAX, TITLE_MAX
from blueprints.uploads.schemas import PictureView
from models.rewards import CauseStatus

TARGET_MAX = 1_000_000_000


class CauseChange(Arguments):
    """What is to be changed; what isn't named stays."""

    title = Words(length_min=1, length_max=TITLE_MAX)
    description = Words(length_max=TEXT_MAX)
    target = fields.Integer(strict=True, validate=validate.Range(min=1, max=TARGET_MAX))
    until = Moment()
    upload_ids = fields.List(Id(), validate=validate.Length(max=PICTURES_MAX))


class CauseRequest(CauseChange):
    """A cause that takes donations until a moment."""

    title = Words(length_min=1, length_max=TITLE_MAX, required=True)
    description = Words(length_max=TEXT_MAX, load_default="")
    target = fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=TARGET_MAX),
        required=True,
        metadata={"description": "Points; more may come."},
    )
    until = Moment(required=True)
    upload_ids = fields.List(Id(), validate=validate.Length(max=PICTURES_MAX), load_default=list)
    operator_id = Id(load_default=None, metadata={"description": "Who gets the points; null: the town."})
    territory_id = Id(required=True)


class CauseArguments(PageArguments):
    """Which causes."""

    cursor = cursor_of("causes")
    all = fields.Boolean(load_default=False, metadata={"description": "Those that are over, too."})


class CauseCancellation(Arguments):
    """Why it is called off; all that was given is given back."""

    reason = Words(length_min=1, length_max=REASON_MAX, required=True, metadata={"description": "Donors read it."})


class DonationRequest(Arguments):
    """How much, and whether my name may be shown."""

    amount = fields.Integer(
        strict=True, required=True, validate=validate.Range(min=1, max=PRICE_MAX), metadata={"description": "Points."}
    )
    is_named = fields.Boolean(load_default=False, metadata={"description": "Show my name among those who gave."})


class DonationArguments(PageArguments):
    """A page of my donations."""

    cursor = cursor_of("donations")


class DonorArguments(PageArguments):
    """A page of those who gave."""

    cursor = cursor_of("donors")


class CauseView(Fast):
    """A cause, and how far it is."""

    id = Id(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    operator_id = Id(required=True, allow_none=True)
    operator = fields.String(required=True, allow_none=True, metadata={"description": "null: the town."})
    territory_id = Id(required=True)
    target = fields.Integer(required=True, metadata={"description": "Points."})
    given = fields.Integer(required=True, metadata={"description": "Points."})
    donors = fields.Integer(required=True)
    until = Moment(required=True)
    status = fields.Enum(CauseStatus, by_value=True, required=True)
    cancelled_at = Moment(required=True, allow_none=True)
    cancelled_reason = fields.String(required=True, allow_none=True)
    pictures = fields.List(fields.Nested(PictureView), required=True)


class DonationView(Fast):
    """Points that I gave, and what I have given in all."""

    id = Id(required=True)
    cause_id = Id(required=True)
    title = fields.String(required=True)
    amount = fields.Integer(required=True)
    is_named = fields.Boolean(required=True)
    donated_at = Moment(required=True)
    returned_at = Moment(required=True, allow_none=True)
    given = fields.Integer(required=True, metadata={"description": "Points in all, of mine."})
    grade = fields.String(required=True, allow_none=True, metadata={"description": "The title that goes with it."})


class DonorView(Fast):
    """Somebody who gave."""

    id = Id(required=True)
    name = fields.String(required=True, allow_none=True, metadata={"description": "null: without a name."})
    amount = fields.Integer(required=True)
    donated_at = Moment(required=True)
