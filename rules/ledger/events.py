"""Events: what happened and may have earned or cost points. A source names each of its events once and for all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CTE, BigInteger, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from models.ledger import EVENT
from rules.fusing import given
from rules.sending import Reply
from rules.work import Work

_note_event = (
    insert(EVENT).on_conflict_do_nothing(index_elements=["town_id", "source", "source_ref"]).returning(EVENT.c.id)
)

#: Whether a source's event is on record.
ON_RECORD = (
    select(EVENT.c.id)
    .where(
        EVENT.c.town_id == bindparam("town"),
        EVENT.c.source == bindparam("of_source"),
        EVENT.c.source_ref == bindparam("ref"),
    )
    .exists()
)


def note_event(
    work: Work, source: str, source_ref: str, subject_id: int, occurred_at: datetime, payload: dict[str, Any]
) -> int | None:
    """Record that something happened. Returns the event's id, or None when it is on record already."""
    event_id: int | None = send_event(work, source, source_ref, subject_id, occurred_at, payload).scalar()
    return event_id


def send_event(
    work: Work, source: str, source_ref: str, subject_id: int, occurred_at: datetime, payload: dict[str, Any]
) -> Reply:
    """The same, not waited for: the reply holds the id, or nothing."""
    return work.send(_note_event, event_row(work, source, source_ref, subject_id, occurred_at, payload))


def event_row(
    work: Work, source: str, source_ref: str, subject_id: int, occurred_at: datetime, payload: dict[str, Any]
) -> dict[str, Any]:
    """A new event's columns."""
    return {
        "town_id": work.town_id,
        "id": work.new_id(),
        "source": source,
        "source_ref": source_ref,
        "subject_id": subject_id,
        "occurred_at": occurred_at,
        "payload": payload,
    }


def noting_part(after: CTE) -> CTE:
    """The same as a part of a statement (rules.fusing) that is given an `event_row`."""
    columns = ("id", "source", "source_ref", "subject_id", "occurred_at", "payload")
    source = select(bindparam("town", type_=BigInteger()), *given(EVENT, *columns)).select_from(after)
    return (
        insert(EVENT)
        .from_select(["town_id", *columns], source)
        .on_conflict_do_nothing(index_elements=["town_id", "source", "source_ref"])
        .returning(EVENT.c.id)
        .cte("noted")
    )
