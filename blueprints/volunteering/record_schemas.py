"""Records of service, for staff."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.territory import Scene
from models.volunteering import Provenance, ServiceFlag, ServiceStatus
from rules.volunteering.limits import (
    CATEGORY_LENGTH_MAX,
    DECISIONS_MAX,
    DESCRIPTION_LENGTH_MAX,
    PERSON_DAY_MINUTES_MAX,
    REASON_LENGTH_MAX,
    RECORDS_MAX,
)
from rules.volunteering.refusals import RecordProblem

TEXT_LENGTH_MAX = 250_000


class ServiceEntry(Arguments):
    """Hours of one resident on one day."""

    resident_id = Id(required=True)
    minutes = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=PERSON_DAY_MINUTES_MAX))
    served_on = Day(required=True)
    description = Words(length_min=1, length_max=DESCRIPTION_LENGTH_MAX, required=True)
    category = Words(length_min=1, length_max=CATEGORY_LENGTH_MAX, load_default=None)
    scene = fields.Enum(Scene, by_value=True, load_default=None)


class ServiceEntriesRequest(Arguments):
    """Hours that staff write down; all of them or none."""

    items = fields.List(fields.Nested(ServiceEntry), required=True, validate=validate.Length(min=1, max=RECORDS_MAX))


class ServiceImportRequest(Arguments):
    """A file of hours from another system."""

    name = Words(length_min=1, length_max=128, required=True, metadata={"description": "What the file is called."})
    csv = fields.String(
        required=True,
        validate=validate.Length(max=TEXT_LENGTH_MAX),
        metadata={
            "description": "The file's text, as a table program saves it as CSV. Its first line is "
            f"`ref,resident_id,minutes,served_on,description`; up to {RECORDS_MAX} rows follow."
        },
    )


class ServiceListArguments(PageArguments):
    """Which records."""

    cursor = cursor_of("service_records")
    status = fields.Enum(ServiceStatus, by_value=True, load_default=None)
    flagged = fields.Boolean(load_default=None, metadata={"description": "true: only with flags; false: only without."})
    resident_id = Id(load_default=None)


class ServiceReviewArguments(PageArguments):
    """A page of what waits."""

    cursor = cursor_of("service_reviews")


class ServiceDecisionRequest(Arguments):
    """What a second person says."""

    accepts = fields.Boolean(required=True, metadata={"description": "true: it counts; false: it is declined."})
    note = Words(length_max=REASON_LENGTH_MAX, load_default=None, metadata={"description": "Why, for the resident."})


class ServiceDecisionsRequest(ServiceDecisionRequest):
    """What a second person says of several records; all of them or none."""

    ids = fields.List(Id(), required=True, validate=validate.Length(min=1, max=DECISIONS_MAX))


class ServiceVoidingRequest(Arguments):
    """Why a record is taken back."""

    reason = Words(
        length_min=1,
        length_max=REASON_LENGTH_MAX,
        required=True,
        metadata={"description": "In words, for the resident."},
    )
    keeps_points = fields.Boolean(
        load_default=False,
        metadata={"description": "Where its points are spent already, take the hours back all the same."},
    )


class ServiceRecordView(Fast):
    """A record of service."""

    id = Id(required=True)
    resident_id = Id(required=True)
    resident_name = fields.String(required=True, metadata={"description": "Masked."})
    provenance = fields.Enum(Provenance, by_value=True, required=True)
    session_id = Id(required=True, allow_none=True)
    batch_id = Id(required=True, allow_none=True)
    minutes = fields.Integer(required=True)
    served_on = Day(required=True)
    description = fields.String(required=True)
    category = fields.String(required=True, allow_none=True)
    scene = fields.Enum(Scene, by_value=True, required=True, allow_none=True)
    status = fields.Enum(ServiceStatus, by_value=True, required=True)
    flags = fields.List(fields.Enum(ServiceFlag, by_value=True), required=True)
    recorded_by = Id(required=True, allow_none=True, metadata={"description": "null: by the house, from the visits."})
    recorded_at = Moment(required=True)
    decided_by = Id(required=True, allow_none=True, metadata={"description": "The second person."})
    decided_at = Moment(required=True, allow_none=True)
    decision_note = fields.String(required=True, allow_none=True)
    voided_by = Id(required=True, allow_none=True)
    voided_at = Moment(required=True, allow_none=True)
    void_reason = fields.String(required=True, allow_none=True)


class ServiceReviewView(ServiceRecordView):
    """A record that waits for a second person."""

    class Meta:
        exclude = ("status", "decided_by", "decided_at", "decision_note", "voided_by", "voided_at", "void_reason")


class ServiceCountsView(Fast):
    """How many records of a batch stand how."""

    counted = fields.Integer(required=True)
    pending = fields.Integer(required=True, metadata={"description": "Flagged: for a second person."})
    declined = fields.Integer(required=True)
    voided = fields.Integer(required=True)


class LineProblemView(Fast):
    """A line of a file that was left out."""

    line = fields.Integer(required=True, metadata={"description": "Of the file; the header is 1."})
    ref = fields.String(required=True)
    problem = fields.Enum(RecordProblem, by_value=True, required=True)


class ServiceBatchView(Fast):
    """Records that were written down together, and the lines that could not be."""

    id = Id(required=True)
    provenance = fields.Enum(Provenance, by_value=True, required=True)
    name = fields.String(required=True, allow_none=True)
    rows_total = fields.Integer(required=True)
    counts = fields.Nested(ServiceCountsView, required=True)
    problems = fields.List(fields.Nested(LineProblemView), required=True)
    recorded_by = Id(required=True)
    recorded_at = Moment(required=True)
    items = fields.List(fields.Nested(ServiceRecordView), required=True)
