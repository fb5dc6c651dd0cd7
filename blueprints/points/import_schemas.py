"""Files of awards."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.adjustments import DecisionStatus
from rules.points.award_file import ROWS_MAX, RowResult

TEXT_LENGTH_MAX = 500_000


class ImportRequest(Arguments):
    """A file of awards."""

    name = Words(length_min=1, length_max=128, required=True, metadata={"description": "What the file is called."})
    csv = fields.String(
        required=True,
        validate=validate.Length(max=TEXT_LENGTH_MAX),
        metadata={
            "description": "The file's text. Its first line is `ref,resident_id,amount,occurred_on,reason`; "
            f"up to {ROWS_MAX:,} rows follow."
        },
    )


class ImportArguments(PageArguments):
    """A page of imports."""

    cursor = cursor_of("imports")


class ImportRowArguments(PageArguments):
    """A page of an import's rows."""

    cursor = cursor_of("import_rows")


class RowCountsView(Fast):
    """How many rows of a file came out how."""

    booked = fields.Integer(required=True)
    already_booked = fields.Integer(required=True, metadata={"description": "Paid before, by another file."})
    waiting = fields.Integer(required=True, metadata={"description": "For a second person."})
    declined = fields.Integer(required=True)
    problems = fields.Integer(required=True)


class ImportView(Fast):
    """A file of awards, and what became of its rows."""

    id = Id(required=True)
    name = fields.String(required=True)
    status = fields.Enum(DecisionStatus, by_value=True, required=True)
    rows_total = fields.Integer(required=True)
    amount_total = fields.Integer(required=True, metadata={"description": "Of the rows without a problem."})
    rows = fields.Nested(RowCountsView, required=True)
    needs_second_person = fields.Boolean(required=True)
    requested_by = Id(required=True)
    requested_at = Moment(required=True)
    decided_by = Id(required=True, allow_none=True, metadata={"description": "The second person."})
    decided_at = Moment(required=True, allow_none=True)


class ImportRowView(Fast):
    """One row of a file. What could not be read is null."""

    line = fields.Integer(required=True, metadata={"description": "Of the file; the header is 1."})
    ref = fields.String(required=True)
    resident_id = Id(required=True, allow_none=True)
    amount = fields.Integer(required=True, allow_none=True)
    occurred_on = Day(required=True, allow_none=True)
    reason = fields.String(required=True)
    result = fields.Enum(RowResult, by_value=True, required=True)
    txn_id = Id(required=True, allow_none=True)
