"""Complaints and praise."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.estates.repair_schemas import DESCRIPTION_LENGTH_MAX, photos
from blueprints.uploads.schemas import PictureView
from models.estates import Addressee, ComplaintKind, ComplaintStatus


class ComplaintRequest(Arguments):
    """What somebody has to say, of whom and to whom."""

    kind = fields.Enum(ComplaintKind, by_value=True, required=True)
    addressee = fields.Enum(
        Addressee, by_value=True, required=True, metadata={"description": "street: the company doesn't see it."}
    )
    estate_id = Id(required=True)
    resident_id = Id(load_default=None, metadata={"description": "For somebody whom the caller acts for; staff must."})
    repair_id = Id(load_default=None, metadata={"description": "The repair that it is about."})
    words = Words(length_min=1, length_max=DESCRIPTION_LENGTH_MAX, required=True)
    is_anonymous = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"description": "The company isn't told who it was; the street may look."},
    )
    upload_ids = photos()


class MyComplaintArguments(PageArguments):
    """A page of what I had to say."""

    cursor = cursor_of("my-complaints")
    resident_id = Id(load_default=None, metadata={"description": "Of somebody whom the caller may act for."})


class ComplaintListArguments(PageArguments):
    """Which complaints staff list."""

    cursor = cursor_of("complaints")
    estate_id = Id(load_default=None)
    kind = fields.Enum(ComplaintKind, by_value=True, load_default=None)
    status = fields.Enum(ComplaintStatus, by_value=True, load_default=None)
    overdue = fields.Boolean(load_default=False, metadata={"description": "Only what should have been answered."})


class ComplaintAnswerRequest(Arguments):
    """What staff answer."""

    answer = Words(length_min=1, length_max=DESCRIPTION_LENGTH_MAX, required=True)


class MyComplaintView(Fast):
    """A complaint, or praise, of one's own."""

    id = Id(attribute="complaint.id", required=True)
    kind = fields.Enum(ComplaintKind, by_value=True, attribute="complaint.kind", required=True)
    addressee = fields.Enum(Addressee, by_value=True, attribute="complaint.addressee", required=True)
    estate_id = Id(attribute="complaint.estate_id", required=True)
    estate = fields.String(attribute="complaint.estate", required=True)
    company_id = Id(attribute="complaint.company_id", required=True, allow_none=True)
    company = fields.String(attribute="complaint.company", required=True, allow_none=True)
    repair_id = Id(
        required=True, allow_none=True, metadata={"description": "null too where it would tell whose it is."}
    )
    words = fields.String(attribute="complaint.words", required=True)
    is_anonymous = fields.Boolean(attribute="complaint.is_anonymous", required=True)
    status = fields.Enum(ComplaintStatus, by_value=True, attribute="complaint.status", required=True)
    made_at = Moment(attribute="complaint.made_at", required=True)
    due_at = Moment(attribute="complaint.due_at", required=True)
    is_overdue = fields.Boolean(required=True)
    answer = fields.String(attribute="complaint.answer", required=True, allow_none=True)
    answered_at = Moment(attribute="complaint.answered_at", required=True, allow_none=True)
    pictures = fields.List(fields.Nested(PictureView), required=True)


class ComplaintView(MyComplaintView):
    """A complaint, or praise, as the caller may see it."""

    resident_id = Id(required=True, allow_none=True, metadata={"description": "To staff who are told."})
    resident = fields.String(required=True, allow_none=True, metadata={"description": "Masked; to staff who are told."})
