"""From a message of the outbox to inboxes, and to a message by WeChat for those who granted one.

The notice and the order to send it by WeChat are written in one transaction, so a notice that was written is sent or not
by what was known then. The sending is a message of the outbox of its own, with its own attempts: a dead WeChat never
keeps a notice from the inbox. Before it is sent everything is looked at again: a notice that was read meanwhile, that is
no longer true or comes too late is not sent, and uses up no grant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from models.notices import Announcement, AnnouncementStatus, Notice, SendState
from models.residents import Resident
from rules.delivery import dismiss
from rules.keys import Keys
from rules.notices import grants
from rules.notices.audience import readers_of
from rules.notices.catalogue import CATALOGUE, Wording
from rules.notices.inbox import write_notice
from rules.notices.looking_up import look_up
from rules.notices.preferences import quiet_until, read_all_preferences, read_preferences
from rules.notices.reminders import still_holds
from rules.notices.staff import write_staff_notice
from rules.notices.templates import Templates, fill
from rules.notices.wording import moments_of, rendered, values_of
from rules.outbox import Message, put
from rules.residents.sign_in import openid_context
from rules.rows import AnyRow
from rules.work import Work

SEND = "wechat.send"


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent by WeChat, once: its grant is claimed."""

    openid: str = field(repr=False)
    template_id: str
    page: str | None
    data: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Later:
    """It is quiet where the resident is."""

    until: datetime


_notice = (
    select(
        Notice.id,
        Notice.resident_id,
        Notice.topic,
        Notice.payload,
        Notice.created_at,
        Notice.read_at,
        Notice.removed_at,
        Resident.openid_sealed,
    )
    .join(Resident, (Resident.town_id == Notice.town_id) & (Resident.id == Notice.resident_id))
    .where(Notice.town_id == bindparam("town"), Notice.id == bindparam("notice"))
)
_announcement = select(Announcement.status, Announcement.ends_at).where(
    Announcement.town_id == bindparam("town"), Announcement.id == bindparam("id")
)


def deliver(work: Work, templates: Templates, topic: str, key: str, payload: Mapping[str, Any]) -> None:
    """Write a message of a catalogued topic into the inboxes that it is for. Run twice, it writes nothing more."""
    wording = CATALOGUE[topic]
    if not still_holds(work, topic, payload):
        return
    full = look_up(work, payload)
    if wording.to_staff:
        write_staff_notice(work, topic, key, str(full.pop("path", "")), full)
        return
    full.pop("path", None)
    written = []
    for reader in readers_of(work, payload, wording.to):
        notice_id = write_notice(work, reader, topic, key, full)
        if notice_id is not None:
            written.append((notice_id, reader.resident_id))
    order_sends(work, templates, wording, written)


def order_sends(work: Work, templates: Templates, wording: Wording, notices: Sequence[tuple[int, int]]) -> None:
    """Have notices (their ids and readers) sent by WeChat where the reader granted it, when it isn't quiet."""
    spec = templates.get(wording.template) if wording.template is not None else None
    if spec is None or wording.template is None:
        return
    readers = [resident_id for _, resident_id in notices]
    granted = grants.residents_with_grant(work, readers, spec.id)
    wishes = read_all_preferences(work, [resident_id for resident_id in readers if resident_id in granted])
    orders = []
    for notice_id, resident_id in notices:
        if resident_id not in granted or wording.template.value in wishes[resident_id].kinds_off:
            continue
        quiet_end = None if wording.is_urgent else quiet_until(wishes[resident_id], work.now)
        orders.append(Message(SEND, str(notice_id), {"notice_id": str(notice_id)}, available_at=quiet_end))
    put(work, orders)


def prepare_send(work: Work, keys: Keys, templates: Templates, notice_id: int) -> Letter | Later | None:
    """Claim a grant for a notice's message. None: it isn't to be sent, or somebody else may have sent it."""
    notice = work.core.execute(_notice, {"town": work.town_id, "notice": notice_id}).first()
    wording = CATALOGUE.get(notice.topic) if notice is not None else None
    if notice is None or wording is None or wording.template is None or wording.template not in templates:
        grants.drop_send(work, notice_id)
        return None
    wishes = read_preferences(work, notice.resident_id)
    if wording.template.value in wishes.kinds_off or not _is_of_use(work, notice, wording):
        grants.drop_send(work, notice_id)
        return None
    quiet_end = None if wording.is_urgent else quiet_until(wishes, work.now)
    if quiet_end is not None:
        return Later(quiet_end)
    spec = templates[wording.template]
    if grants.claim_send(work, notice_id, notice.resident_id, spec.id) is not SendState.CLAIMED:
        return None
    values = values_of(wording, notice.payload, "zh")
    title, text = rendered(wording.title_zh, values), rendered(wording.text_zh, values)
    moments = moments_of(notice.payload) | {"now": notice.created_at}
    return Letter(
        openid=keys.open(notice.openid_sealed, openid_context(work.town_id, notice.resident_id)),
        template_id=spec.id,
        page=rendered(wording.page, notice.payload) if wording.page is not None else None,
        data=fill(spec, values | {"title": title, "text": text}, moments),
    )


def _is_of_use(work: Work, notice: AnyRow, wording: Wording) -> bool:
    if notice.openid_sealed is None or notice.read_at is not None or notice.removed_at is not None:
        return False
    until = notice.payload.get(wording.useful_until) if wording.useful_until is not None else None
    if until is not None and datetime.fromisoformat(until) <= work.now:
        return False
    return still_holds(work, notice.topic, notice.payload) and _announcement_stands(work, notice)


def _announcement_stands(work: Work, notice: AnyRow) -> bool:
    announcement_id = notice.payload.get("announcement_id")
    if announcement_id is None:
        return True
    row = work.core.execute(_announcement, {"town": work.town_id, "id": int(announcement_id)}).first()
    if row is None or row.status is not AnnouncementStatus.PUBLISHED:
        return False
    return row.ends_at is None or row.ends_at > work.now


def is_of_no_use(work: Work, templates: Templates, notice_id: int) -> bool:
    """Whether a notice isn't to be sent any more; a grant that was kept for it is the resident's again."""
    notice = work.core.execute(_notice, {"town": work.town_id, "notice": notice_id}).first()
    wording = CATALOGUE.get(notice.topic) if notice is not None else None
    if (
        notice is not None
        and wording is not None
        and wording.template in templates
        and _is_of_use(work, notice, wording)
    ):
        return False
    grants.drop_send(work, notice_id)
    return True


def dismiss_letter(work: Work, message_id: int) -> None:
    """Leave a dead letter as it is; a grant that was kept for it is the resident's again.

    Raises Forbidden, DeadLetterUnknown.
    """
    letter = dismiss(work, message_id)
    if letter.topic == SEND:
        grants.drop_send(work, int(letter.payload["notice_id"]))
