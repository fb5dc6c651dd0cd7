"""My number, and joining a record of the desk."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.residents.schemas import NAME_LENGTH_MAX, SignedInView
from models.residents import MergingStatus

REASON_LENGTH_MAX = 200


class PhoneRequest(Arguments):
    """The code of WeChat's getPhoneNumber button."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=256))


class PhoneView(Fast):
    """What came of it."""

    phone = fields.String(required=True, metadata={"description": "Masked."})
    is_kept = fields.Boolean(
        required=True,
        metadata={"description": "False: it stands in a record of the community's desk, which POST /me/merging joins."},
    )
    merging_lapses_at = Moment(required=True, allow_none=True)


class MergingRequest(Arguments):
    """Who I am, as the desk wrote it down."""

    name = Words(
        length_min=1,
        length_max=NAME_LENGTH_MAX,
        required=True,
        metadata={"description": "In full; spaces and dots aside."},
    )


class MergingAnswerView(Fast):
    """Done, or waiting for staff."""

    status = fields.Enum(MergingStatus, by_value=True, required=True)
    signed_in = fields.Nested(
        SignedInView,
        required=True,
        allow_none=True,
        metadata={"description": "The tokens from now on, when it is done; the old ones are void."},
    )


class MergingArguments(PageArguments):
    """A page of what waits."""

    cursor = cursor_of("mergings")


class MergingView(Fast):
    """A WeChat account that may be a person of the desk's records."""

    id = Id(required=True)
    resident_id = Id(required=True)
    resident_name = fields.String(required=True, metadata={"description": "Masked."})
    record_id = Id(required=True)
    record_name = fields.String(required=True, metadata={"description": "Masked."})
    offered_at = Moment(required=True)
    lapses_at = Moment(required=True)


class MergingRefusalRequest(Arguments):
    """Why not."""

    reason = Words(
        length_min=1, length_max=REASON_LENGTH_MAX, required=True, metadata={"description": "For the resident."}
    )
