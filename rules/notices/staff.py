"""What staff of a place are told: there is something to decide, or something failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.dialects.postgresql import insert

from models.notices import StaffNotice
from models.residents import Role
from rules.ids import ID_MAX
from rules.notices.catalogue import CATALOGUE
from rules.notices.wording import words_of
from rules.paging import Page, Position, cut
from rules.work import Work


@dataclass(frozen=True, slots=True)
class StaffNoticeView:
    """A notice in the reader's language, and the ids that it is about."""

    id: int
    topic: str
    title: str
    text: str
    page: str | None
    subject: dict[str, str]  #: the ids of the payload: {"booking_id": "…", "venue_id": "…"}
    created_at: datetime


_add = insert(StaffNotice).on_conflict_do_nothing(index_elements=["town_id", "topic", "key"])
_list = (
    select(StaffNotice.id, StaffNotice.topic, StaffNotice.payload, StaffNotice.created_at)
    .where(StaffNotice.town_id == bindparam("town"), StaffNotice.id < bindparam("before"))
    .order_by(StaffNotice.id.desc())
    .limit(bindparam("limit"))
)


def write_staff_notice(work: Work, topic: str, key: str, path: str, payload: Mapping[str, Any]) -> None:
    """Tell the staff of a node. What was written before stays as it is."""
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "topic": topic,
        "key": key,
        "path": path,
        "payload": dict(payload),
        "created_at": work.now,
    }
    work.core.execute(_add, row)


def list_staff_notices(work: Work, after: Position | None, limit: int, language: str) -> Page[StaffNoticeView]:
    """What the actor is told of the places where they work, by the roles that they have there, the latest first."""
    reach = [
        and_(StaffNotice.path.startswith(grant.path), StaffNotice.topic.in_(topics))
        for grant in work.actor.grants
        if (topics := _topics_for(grant.role))
    ]
    if not reach:
        return Page([], None)
    statement = _list.where(or_(*reach))
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(statement, {"town": work.town_id, "before": before, "limit": limit + 1}).all()
    views = []
    for row in rows:
        words = words_of(row.topic, row.payload, language)
        subject = {
            name: str(value) for name, value in row.payload.items() if name.endswith("_id") and value is not None
        }
        views.append(StaffNoticeView(row.id, row.topic, words.title, words.text, words.page, subject, row.created_at))
    return cut(views, limit, lambda notice: (notice.id,))


def _topics_for(role: Role) -> list[str]:
    """What staff with a role are told."""
    return [
        topic
        for topic, wording in CATALOGUE.items()
        if wording.to_staff and (role is Role.ADMIN or role in wording.roles)
    ]
