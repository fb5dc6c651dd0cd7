"""What residents write is checked; reports, appeals, decisions."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.uploads.schemas import PictureView
from models.moderation import ContentKind, ContentState, DecisionSource, ReportOutcome, ReportReason
from rules.ids import ID_MAX

WORDS_MAX = 500
#: The largest moment that something is due, in microseconds since 1970.
DUE_MAX = 4_102_444_800_000_000


class ReportRequest(Arguments):
    """What is wrong with something that somebody else wrote."""

    reason = fields.Enum(ReportReason, by_value=True, required=True)
    words = Words(length_max=WORDS_MAX, load_default="", metadata={"description": "What staff should know."})


class ContentAppealRequest(Arguments):
    """Why a refusal was wrong."""

    words = Words(length_min=1, length_max=WORDS_MAX, required=True)


class ContentDecisionRequest(Arguments):
    """What staff decide."""

    passes = fields.Boolean(
        required=True, truthy={True}, falsy={False}, metadata={"description": "true: everybody may see it."}
    )
    reason = Words(
        length_min=1, length_max=WORDS_MAX, required=True, metadata={"description": "Why; the author reads it."}
    )


class ContentReasonRequest(Arguments):
    """Why something is taken down or restored."""

    reason = Words(
        length_min=1, length_max=WORDS_MAX, required=True, metadata={"description": "Why; the author reads it."}
    )


class ModerationTermsRequest(Arguments):
    """Other terms, from a moment to come."""

    review_hours = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, 168), metadata={"description": "That staff may take."}
    )
    reporters_to_hide = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 100),
        metadata={"description": "So many residents who report hide something until staff decide."},
    )
    effective_from = Moment(required=True)


class WaitingContentArguments(PageArguments):
    """A page of what waits for staff."""

    cursor = cursor_of("moderation", DUE_MAX, ID_MAX)
    kind = fields.Enum(ContentKind, by_value=True, load_default=None)
    overdue = fields.Boolean(load_default=False, metadata={"description": "true: only what is overdue."})


class MyContentArguments(PageArguments):
    """A page of what I wrote."""

    cursor = cursor_of("my-contents")


class MyReportArguments(PageArguments):
    """A page of what I reported."""

    cursor = cursor_of("my-reports")


class MadeReportView(Fast):
    """A report that was made."""

    id = Id(required=True)


class MyReportView(Fast):
    """What I reported and what came of it."""

    id = Id(required=True)
    content_id = Id(required=True)
    reason = fields.Enum(ReportReason, by_value=True, required=True)
    words = fields.String(required=True)
    reported_at = Moment(required=True)
    outcome = fields.Enum(ReportOutcome, by_value=True, required=True)
    decided_at = Moment(required=True, allow_none=True)


class MyContentView(Fast):
    """What I wrote and whether others see it."""

    id = Id(required=True)
    kind = fields.Enum(ContentKind, by_value=True, required=True)
    text = fields.String(required=True)
    upload_id = Id(required=True, allow_none=True)
    state = fields.Enum(ContentState, by_value=True, required=True)
    reason = fields.String(required=True, allow_none=True, metadata={"description": "What staff say to it."})
    written_at = Moment(required=True)
    appealed_at = Moment(required=True, allow_none=True)


class WaitingContentView(Fast):
    """A piece of content as the staff who decide on it see it."""

    id = Id(required=True)
    kind = fields.Enum(ContentKind, by_value=True, required=True)
    text = fields.String(required=True)
    upload_id = Id(required=True, allow_none=True)
    picture = fields.Nested(PictureView, required=True, allow_none=True)
    author = fields.String(required=True, metadata={"description": "Masked; empty for staff's own."})
    state = fields.Enum(ContentState, by_value=True, required=True)
    label = fields.String(required=True, allow_none=True, metadata={"description": "What a check found."})
    written_at = Moment(required=True)
    review_since = Moment(required=True, allow_none=True)
    due_at = Moment(required=True, allow_none=True, metadata={"description": "null: nobody has to decide."})
    is_overdue = fields.Boolean(required=True)
    open_reports = fields.Integer(required=True)
    appeal = fields.String(required=True, allow_none=True, metadata={"description": "What the author says."})
    reason = fields.String(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)


class ContentReportView(Fast):
    """What a resident reported; who it was is not shown."""

    reason = fields.Enum(ReportReason, by_value=True, required=True)
    words = fields.String(required=True)
    reported_at = Moment(required=True)
    outcome = fields.Enum(ReportOutcome, by_value=True, required=True)


class ContentDecisionView(Fast):
    """A change of a content's state."""

    source = fields.Enum(DecisionSource, by_value=True, required=True)
    state = fields.Enum(ContentState, by_value=True, required=True)
    label = fields.String(required=True, allow_none=True)
    staff_id = Id(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    decided_at = Moment(required=True)


class ContentHistoryView(Fast):
    """A piece of content, what was reported of it, and who decided what."""

    content = fields.Nested(WaitingContentView, required=True)
    reports = fields.List(fields.Nested(ContentReportView), required=True)
    decisions = fields.List(fields.Nested(ContentDecisionView), required=True)


class ModerationStatisticsView(Fast):
    """How moderation is doing at my places."""

    open = fields.Integer(required=True)
    overdue = fields.Integer(required=True)
    decided = fields.Integer(required=True, metadata={"description": "By staff, in the last days."})
    median_minutes = fields.Integer(
        required=True, allow_none=True, metadata={"description": "That those waited; null: there were none."}
    )
    days = fields.Integer(required=True)


class ModerationTermsView(Fast):
    """How long staff may take, and how many reports hide something."""

    review_hours = fields.Integer(required=True)
    reporters_to_hide = fields.Integer(required=True)
    effective_from = Moment(required=True, allow_none=True, metadata={"description": "null: nobody has set any."})
