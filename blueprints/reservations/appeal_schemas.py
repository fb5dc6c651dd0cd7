"""Appeals against no-shows."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.reservations import AppealStatus

WORDS_MAX = 500


class AppealRequest(Arguments):
    """Why a no-show wasn't one."""

    reason = Words(length_min=1, length_max=WORDS_MAX, required=True)


class AppealDecision(Arguments):
    """What staff decide."""

    uphold = fields.Boolean(
        required=True, truthy={True}, falsy={False}, metadata={"description": "true: the no-show is undone."}
    )
    note = Words(
        length_min=1, length_max=WORDS_MAX, required=True, metadata={"description": "Why; the resident reads it."}
    )


class MyAppealArguments(PageArguments):
    """A page of my appeals."""

    cursor = cursor_of("my-appeals")
    resident_id = Id(load_default=None, metadata={"description": "Of somebody whom the caller may act for."})


class AppealListArguments(PageArguments):
    """A page of the appeals at my places."""

    cursor = cursor_of("appeals")
    status = fields.Enum(AppealStatus, by_value=True, load_default=None)


class AppealView(Fast):
    """An appeal as the resident sees it."""

    id = Id(required=True)
    reservation_id = Id(required=True)
    session_id = Id(required=True)
    title = fields.String(required=True, metadata={"description": "The activity's."})
    starts_at = Moment(required=True)
    reason = fields.String(required=True)
    status = fields.Enum(AppealStatus, by_value=True, required=True)
    made_at = Moment(required=True)
    decided_at = Moment(required=True, allow_none=True)
    decision_note = fields.String(required=True, allow_none=True, metadata={"description": "Why it was decided so."})


class HeardAppealView(AppealView):
    """An appeal as the staff who hear it see it."""

    resident_id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})
