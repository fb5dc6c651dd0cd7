"""Repairs: what is submitted, seen and done."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.uploads.schemas import PictureView
from models.estates import RepairDeed, RepairPlace, RepairStatus
from rules.estates.repairs import Due, Viewer
from rules.residents.phones import LENGTH_MAX

PHOTOS_MAX = 9
LOCATION_LENGTH_MAX = 100
DESCRIPTION_LENGTH_MAX = 1000
NOTE_LENGTH_MAX = 500
NAME_LENGTH_MAX = 30
REVISION_MAX = 1_000_000
CODE_LENGTH_MAX = 32
STARS = validate.Range(min=1, max=5)


def photos() -> fields.List:
    """Pictures that the caller has sent for this purpose."""
    return fields.List(
        Id(),
        load_default=list,
        validate=validate.Length(max=PHOTOS_MAX),
        metadata={"description": "Ids of uploads of the caller's, for this purpose."},
    )


def note() -> Words:
    """Words that the resident reads."""
    return Words(length_max=NOTE_LENGTH_MAX, load_default="", metadata={"description": "The resident reads it."})


class RepairRequest(Arguments):
    """What is broken, and where."""

    estate_id = Id(required=True)
    resident_id = Id(load_default=None, metadata={"description": "For somebody whom the caller acts for; staff must."})
    place = fields.Enum(RepairPlace, by_value=True, required=True)
    territory_id = Id(load_default=None, metadata={"description": "The building, or another node of the estate."})
    location = Words(
        length_min=1, length_max=LOCATION_LENGTH_MAX, required=True, metadata={"description": "3 幢 2 单元电梯厅"}
    )
    category = Words(
        length_min=1, length_max=CODE_LENGTH_MAX, required=True, metadata={"description": "The code of one."}
    )
    description = Words(length_min=1, length_max=DESCRIPTION_LENGTH_MAX, required=True)
    wanted_from = Moment(load_default=None, metadata={"description": "The preferred time of a visit; both or neither."})
    wanted_until = Moment(load_default=None)
    phone = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=LENGTH_MAX),
        metadata={"description": "Whom to call. Sealed; shown to those who handle it, while it is open."},
    )
    upload_ids = photos()

    @validates_schema
    def _window(self, data: dict[str, Any], **_: Any) -> None:
        begin, end = data.get("wanted_from"), data.get("wanted_until")
        if (begin is None) != (end is None) or (begin is not None and end is not None and begin >= end):
            raise ValidationError("Give both ends of a time, the earlier first, or neither.", "wanted_until")


class MyRepairArguments(PageArguments):
    """A page of my repairs."""

    cursor = cursor_of("my-repairs")
    status = fields.Enum(RepairStatus, by_value=True, load_default=None)
    resident_id = Id(load_default=None, metadata={"description": "Of somebody whom the caller may act for."})


class PublicRepairArguments(PageArguments):
    """A page of what is broken of what belongs to all."""

    cursor = cursor_of("public-repairs")


class RepairListArguments(PageArguments):
    """Which repairs staff list."""

    cursor = cursor_of("repairs")
    estate_id = Id(load_default=None)
    company_id = Id(load_default=None)
    status = fields.Enum(RepairStatus, by_value=True, load_default=None)
    category = Words(length_max=CODE_LENGTH_MAX, load_default=None)
    place = fields.Enum(RepairPlace, by_value=True, load_default=None)
    due = fields.Enum(Due, by_value=True, load_default=None, metadata={"description": "soon: within four hours."})


class RepairEventArguments(PageArguments):
    """A page of what happened to a repair."""

    cursor = cursor_of("repair-events")


class RepairReasonRequest(Arguments):
    """Why."""

    reason = Words(
        length_min=1, length_max=NOTE_LENGTH_MAX, required=True, metadata={"description": "The company reads it."}
    )


class ReopeningRequest(RepairReasonRequest):
    """Why it isn't done after all."""

    upload_ids = photos()


class RatingRequest(Arguments):
    """What somebody thinks of a repair."""

    rating = fields.Integer(strict=True, required=True, validate=STARS)
    words = Words(length_max=NOTE_LENGTH_MAX, load_default="")


class SeenRevision(Arguments):
    """Which state of the repair the caller saw."""

    revision = fields.Integer(
        strict=True,
        required=True,
        validate=validate.Range(min=1, max=REVISION_MAX),
        metadata={"description": "`revision` of the repair as it was seen; changed meanwhile: 409."},
    )


class AssignmentRequest(SeenRevision):
    """Who comes."""

    worker_staff_id = Id(load_default=None, metadata={"description": "Somebody of the staff; or:"})
    worker_name = Words(length_max=NAME_LENGTH_MAX, load_default=None)
    worker_phone = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=LENGTH_MAX),
        metadata={"description": "The resident sees it while the repair is open."},
    )
    visit_at = Moment(load_default=None)
    note = note()


class VisitRequest(SeenRevision):
    """When the worker comes."""

    visit_at = Moment(required=True)
    note = note()


class StartRequest(SeenRevision):
    """The work begins."""

    note = note()


class CompletionRequest(SeenRevision):
    """The work is done."""

    note = note()
    upload_ids = photos()


class RejectionRequest(SeenRevision):
    """Why it isn't done."""

    reason = Words(
        length_min=1, length_max=NOTE_LENGTH_MAX, required=True, metadata={"description": "The resident reads it."}
    )


class PublicRepairView(Fast):
    """Something that belongs to all and is broken, without a name."""

    id = Id(required=True)
    category = fields.String(required=True)
    category_name = fields.String(required=True)
    location = fields.String(required=True)
    description = fields.String(required=True)
    status = fields.Enum(RepairStatus, by_value=True, required=True)
    submitted_at = Moment(required=True)
    due_at = Moment(required=True, allow_none=True)
    done_at = Moment(required=True, allow_none=True)


class MyRepairView(Fast):
    """A repair in a list of one's own."""

    id = Id(attribute="repair.id", required=True)
    estate_id = Id(attribute="repair.estate_id", required=True)
    estate = fields.String(attribute="repair.estate", required=True)
    company_id = Id(attribute="repair.company_id", required=True, allow_none=True)
    company = fields.String(attribute="repair.company", required=True, allow_none=True)
    place = fields.Enum(RepairPlace, by_value=True, attribute="repair.place", required=True)
    territory_id = Id(attribute="repair.territory_id", required=True)
    node = fields.String(attribute="repair.node", required=True, metadata={"description": "The name of the place."})
    location = fields.String(attribute="repair.location", required=True)
    category = fields.String(attribute="repair.category", required=True)
    category_name = fields.String(attribute="repair.category_name", required=True)
    description = fields.String(attribute="repair.description", required=True)
    status = fields.Enum(RepairStatus, by_value=True, attribute="repair.status", required=True)
    revision = fields.Integer(attribute="repair.revision", required=True)
    submitted_at = Moment(attribute="repair.submitted_at", required=True)
    due_at = Moment(
        attribute="repair.due_at",
        required=True,
        allow_none=True,
        metadata={"description": "When the step must be over."},
    )
    is_overdue = fields.Boolean(required=True)
    visit_at = Moment(attribute="repair.visit_at", required=True, allow_none=True)
    done_at = Moment(attribute="repair.done_at", required=True, allow_none=True)
    reopens = fields.Integer(attribute="repair.reopens", required=True)
    rating = fields.Integer(required=True, allow_none=True)
    seen_as = fields.Enum(Viewer, by_value=True, required=True)
    worker_name = fields.String(required=True, allow_none=True)


class ListedRepairView(MyRepairView):
    """A repair in a list of staff's."""

    resident_id = Id(required=True, allow_none=True, metadata={"description": "To staff only."})
    resident = fields.String(required=True, allow_none=True, metadata={"description": "Masked; to staff only."})


class RepairView(ListedRepairView):
    """A repair as the caller may see it; null stands for what isn't for their eyes."""

    wanted_from = Moment(required=True, allow_none=True)
    wanted_until = Moment(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True, metadata={"description": "Masked."})
    worker_phone = fields.String(required=True, allow_none=True)
    assigned_at = Moment(attribute="repair.assigned_at", required=True, allow_none=True)
    started_at = Moment(attribute="repair.started_at", required=True, allow_none=True)
    confirmed_at = Moment(attribute="repair.confirmed_at", required=True, allow_none=True)
    closed_at = Moment(attribute="repair.closed_at", required=True, allow_none=True)
    was_confirmed_by_time = fields.Boolean(attribute="repair.was_confirmed_by_time", required=True)
    reopen_until = Moment(attribute="repair.reopen_until", required=True, allow_none=True)
    rating_until = Moment(attribute="repair.rating_until", required=True, allow_none=True)
    rating_words = fields.String(required=True, allow_none=True)
    can = fields.List(
        fields.Enum(RepairDeed, by_value=True),
        required=True,
        metadata={"description": "What the caller may do in this state; times and counts aside."},
    )
    pictures = fields.List(fields.Nested(PictureView), required=True)


class RepairContactView(Fast):
    """Whom to call. Not kept in any log."""

    name = fields.String(required=True, metadata={"description": "Masked."})
    phone = fields.String(required=True)


class RepairEventView(Fast):
    """Something that happened to a repair."""

    id = Id(required=True)
    deed = fields.Enum(RepairDeed, by_value=True, required=True)
    by_kind = fields.String(required=True, metadata={"description": "resident, staff, system."})
    at = Moment(required=True)
    due_at = Moment(
        required=True, allow_none=True, metadata={"description": "When the step had to be over that ended with it."}
    )
    was_late = fields.Boolean(required=True)
    note = fields.String(required=True)
    pictures = fields.List(fields.Nested(PictureView), required=True)
