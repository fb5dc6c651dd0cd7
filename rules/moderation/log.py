"""The log of decisions: every change of a content's state, and who or what made it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert

from models.moderation import ContentDecision, ContentState, DecisionSource
from rules.work import Work

_note = insert(ContentDecision)


def note_decision(
    work: Work,
    content_id: int,
    source: DecisionSource,
    state: ContentState,
    *,
    label: str | None = None,
    reason: str | None = None,
    waited_since: datetime | None = None,
) -> None:
    """Write down that a piece of content is in this state from now on. The actor is who decided, where staff did."""
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "content_id": content_id,
        "source": source,
        "state": state,
        "label": label,
        "staff_id": work.actor.id if source is DecisionSource.STAFF else None,
        "reason": reason,
        "waited_seconds": None if waited_since is None else max(int((work.now - waited_since).total_seconds()), 0),
        "decided_at": work.now,
    }
    work.core.execute(_note, row)
