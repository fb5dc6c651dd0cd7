"""Which town WeChat's answer about a picture belongs to.

WeChat gives an id when it is asked, and pushes the answer under it; we can't write the id down before, so the answer may be
here first. Question and answer are therefore written into one row of that id, each by an upsert that gives back what the
other has left there: whoever comes second carries on, and neither can miss the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from models.moderation import ContentTrace
from rules.work import Work

#: WeChat's labels are five digits; what else is pushed is no label.
LABEL_MAX = 10**9


class EarlyAnswer(NamedTuple):
    """An answer that came before its question was written down, as it was pushed."""

    suggestion: str
    label: int


_town = select(ContentTrace.town_id).where(ContentTrace.trace_id == bindparam("trace"))
_content = select(ContentTrace.content_id).where(
    ContentTrace.trace_id == bindparam("trace"), ContentTrace.town_id == bindparam("town")
)
_asked = insert(ContentTrace)
_ask = _asked.on_conflict_do_update(
    index_elements=["trace_id"],
    set_={
        "town_id": func.coalesce(ContentTrace.town_id, _asked.excluded.town_id),
        "content_id": func.coalesce(ContentTrace.content_id, _asked.excluded.content_id),
    },
).returning(ContentTrace.suggestion, ContentTrace.label)
_answered = insert(ContentTrace)
_answer = _answered.on_conflict_do_update(
    index_elements=["trace_id"],
    set_={
        name: func.coalesce(getattr(ContentTrace, name), _answered.excluded[name])
        for name in ("suggestion", "label", "answered_at")
    },
).returning(ContentTrace.town_id)
_forget = (
    delete(ContentTrace)
    .where(ContentTrace.town_id.is_(None), ContentTrace.answered_at < bindparam("before"))
    .execution_options(synchronize_session=False)
)


def town_of_trace(work: Work, trace_id: str) -> int | None:
    """The town that asked for the check with this id; None: nobody here did. Any town's work may ask."""
    found: int | None = work.core.scalar(_town, {"trace": trace_id})
    return found


def content_of_trace(work: Work, trace_id: str) -> int | None:
    """The content of the work's town that the check with this id is about."""
    found: int | None = work.core.scalar(_content, {"trace": trace_id, "town": work.town_id})
    return found


def keep_trace(work: Work, trace_id: str, content_id: int) -> EarlyAnswer | None:
    """Remember what a check was asked for; returns the answer where it is here already."""
    row = {"trace_id": trace_id, "town_id": work.town_id, "content_id": content_id}
    found = work.core.execute(_ask, row).one()
    return None if found.suggestion is None else EarlyAnswer(found.suggestion, found.label)


def keep_early_answer(work: Work, trace_id: str, suggestion: str, label: int) -> int | None:
    """Keep an answer whose question nobody has written down yet; returns the town where somebody has meanwhile.

    Any town's work may keep it.
    """
    row = {"trace_id": trace_id, "suggestion": suggestion, "label": label, "answered_at": work.now}
    town_id: int | None = work.core.execute(_answer, row).scalar_one()
    return town_id


def forget_early_answers(work: Work, before: datetime) -> None:
    """Delete the answers that came before a moment and that nobody here has asked for."""
    work.core.execute(_forget, {"before": before})
