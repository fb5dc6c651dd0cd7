"""A resident's inbox: what they were told, whether or not it also went out by WeChat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from models.base import UtcDateTime
from models.notices import Notice, StaffNotice, SubscriptionSend
from models.residents import Resident
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX, first_id_at
from rules.notices.audience import Reader
from rules.notices.catalogue import CATALOGUE
from rules.notices.wording import words_of
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import Work

KEPT_DAYS = 400  #: a notice stays in the inbox so long
REMOVED_DAYS = 90  #: as long as its message may still stand in the outbox


class NoticeUnknown(RuleError):
    code = "notice.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这条通知。"
    en = "There is no such notice."


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice in the reader's language."""

    id: int
    topic: str
    kind: str | None  #: of catalogue.Template
    title: str
    text: str
    page: str | None  #: where it leads in the mini-program
    about_id: int | None  #: for whom the reader acts
    about_name: str | None
    created_at: datetime
    read_at: datetime | None


_add = (
    insert(Notice)
    .on_conflict_do_nothing(index_elements=["town_id", "topic", "key", "resident_id"])
    .returning(Notice.id)
)
_of_message = select(Notice.id, Notice.resident_id).where(
    Notice.town_id == bindparam("town"), Notice.topic == bindparam("topic"), Notice.key == bindparam("key")
)
_is_mine = (
    (Notice.town_id == bindparam("town")) & (Notice.resident_id == bindparam("resident")) & Notice.removed_at.is_(None)
)
_columns = (
    Notice.id,
    Notice.topic,
    Notice.payload,
    Notice.about_id,
    Resident.name.label("about_name"),
    Notice.created_at,
    Notice.read_at,
)
_list = (
    select(*_columns)
    .outerjoin(Resident, (Resident.town_id == Notice.town_id) & (Resident.id == Notice.about_id))
    .where(_is_mine, Notice.id < bindparam("before"))
    .order_by(Notice.id.desc())
    .limit(bindparam("limit"))
)
_list_unread = _list.where(Notice.read_at.is_(None))
_unread = select(func.count()).select_from(Notice).where(_is_mine, Notice.read_at.is_(None))
_read = (
    update(Notice)
    .where(_is_mine, Notice.id == bindparam("notice"))
    .values(read_at=func.coalesce(Notice.read_at, bindparam("now", type_=UtcDateTime())))
    .returning(Notice.id)
    .execution_options(synchronize_session=False)
)
_read_all = (
    update(Notice)
    .where(_is_mine, Notice.read_at.is_(None), Notice.id <= bindparam("up_to"))
    .values(read_at=bindparam("now"))
    .returning(Notice.id)
    .execution_options(synchronize_session=False)
)
_remove = (
    update(Notice)
    .where(_is_mine, Notice.id == bindparam("notice"))
    .values(removed_at=bindparam("now"))
    .returning(Notice.id)
    .execution_options(synchronize_session=False)
)
_old = (
    select(Notice.id)
    .where(Notice.town_id == bindparam("town"), Notice.id < bindparam("until"), Notice.created_at < bindparam("before"))
    .order_by(Notice.id)
    .limit(bindparam("limit"))
)
_removed = (
    select(Notice.id)
    .where(Notice.town_id == bindparam("town"), Notice.removed_at < bindparam("before"))
    .order_by(Notice.removed_at)
    .limit(bindparam("limit"))
)
_forget_sends = delete(SubscriptionSend).where(
    SubscriptionSend.town_id == bindparam("town"), is_id_in(SubscriptionSend.notice_id, "ids")
)
_forget = delete(Notice).where(Notice.town_id == bindparam("town"), is_id_in(Notice.id, "ids"))
_forget_of_staff = delete(StaffNotice).where(
    StaffNotice.town_id == bindparam("town"),
    StaffNotice.id < bindparam("until"),
    StaffNotice.created_at < bindparam("before"),
)


def write_notice(work: Work, reader: Reader, topic: str, key: str, payload: Mapping[str, Any]) -> int | None:
    """Put a notice into an inbox. None: it was there already."""
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "resident_id": reader.resident_id,
        "about_id": reader.about_id,
        "topic": topic,
        "key": key,
        "payload": dict(payload),
        "created_at": work.now,
    }
    return work.core.execute(_add, row).scalar()


def notices_of_message(work: Work, topic: str, key: str) -> dict[int, int]:
    """The notices that a message was written as, by their readers."""
    rows = work.core.execute(_of_message, {"town": work.town_id, "topic": topic, "key": key})
    return {row.resident_id: row.id for row in rows}


def count_unread(work: Work) -> int:
    """How many notices the actor hasn't read."""
    return int(work.send(_unread, {"town": work.town_id, "resident": work.actor.id}).scalar() or 0)


def list_inbox(
    work: Work, after: Position | None, limit: int, language: str, *, unread: bool = False
) -> Page[NoticeView]:
    """The actor's notices, the latest first."""
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "resident": work.actor.id, "before": before, "limit": limit + 1}
    rows = work.core.execute(_list_unread if unread else _list, asked).all()
    return cut([_view(row, language) for row in rows], limit, lambda notice: (notice.id,))


def read_notice(work: Work, notice_id: int) -> None:
    """The actor has read a notice. Raises NoticeUnknown."""
    asked = {"town": work.town_id, "resident": work.actor.id, "notice": notice_id, "now": work.now}
    if work.core.execute(_read, asked).first() is None:
        raise NoticeUnknown


def read_all(work: Work, up_to: int | None) -> int:
    """The actor has read every notice up to this one, so none that arrived meanwhile. Returns how many are left unread."""
    asked = {"town": work.town_id, "resident": work.actor.id, "now": work.now, "up_to": up_to or ID_MAX}
    work.core.execute(_read_all, asked)
    return count_unread(work)


def remove_notice(work: Work, notice_id: int) -> None:
    """Take a notice out of the actor's inbox. Raises NoticeUnknown."""
    asked = {"town": work.town_id, "resident": work.actor.id, "notice": notice_id, "now": work.now}
    if work.core.execute(_remove, asked).first() is None:
        raise NoticeUnknown


def clear_old(work: Work, limit: int = 1000) -> int:
    """Delete notices that are too old, or were removed long ago. Returns how many; 0: there are no more."""
    kept_from, removed_from = (work.now - timedelta(days=days) for days in (KEPT_DAYS, REMOVED_DAYS))
    old = {"town": work.town_id, "before": kept_from, "until": first_id_at(kept_from)}
    removed = {"town": work.town_id, "before": removed_from, "limit": limit}
    ids = {*work.core.scalars(_old, old | {"limit": limit}), *work.core.scalars(_removed, removed)}
    if ids:
        chosen = {"town": work.town_id, "ids": sorted(ids)}
        work.core.execute(_forget_sends, chosen)
        work.core.execute(_forget, chosen)
    work.core.execute(_forget_of_staff, old)
    return len(ids)


def _view(row: AnyRow, language: str) -> NoticeView:
    words = words_of(row.topic, row.payload, language)
    wording = CATALOGUE.get(row.topic)
    return NoticeView(
        id=row.id,
        topic=row.topic,
        kind=wording.template if wording is not None else None,
        title=words.title,
        text=words.text,
        page=words.page,
        about_id=row.about_id,
        about_name=row.about_name,
        created_at=row.created_at,
        read_at=row.read_at,
    )
