"""Content that is gone: a picture whose files are deleted, because nobody used it or what showed it is no more."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, null, or_, update

from models.moderation import Content, ContentState, DecisionSource
from rules.moderation.log import note_decision
from rules.sets import is_id_in
from rules.work import Work

GONE = "gone"
_withdraw = (
    update(Content)
    .where(
        Content.town_id == bindparam("town"),
        is_id_in(Content.id, "contents"),
        Content.open_reports == 0,
        or_(Content.state == ContentState.PENDING, Content.due_at.is_not(None)),
    )
    .values(state=ContentState.REFUSED, label=GONE, due_at=null(), decided_at=bindparam("moment"))
    .returning(Content.id)
    .execution_options(synchronize_session=False)
)


def withdraw(work: Work, content_ids: Sequence[int]) -> None:
    """Let nobody decide on these any more, where a decision is due; what residents reported staff still answer."""
    asked = {"town": work.town_id, "contents": sorted(content_ids), "moment": work.now}
    for content_id in work.core.scalars(_withdraw, asked).all():
        note_decision(work, content_id, DecisionSource.CLOCK, ContentState.REFUSED, label=GONE)
