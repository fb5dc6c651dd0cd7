"""Requests to be let into a group: made, answered, withdrawn.

One is over by its date, whether or not the job has booked it.
"""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.groups import GroupRequest, RequestStatus
from models.moderation import Content, ContentKind
from rules.groups.finding import require_manager
from rules.groups.naming import CARD_NAME, REAL_NAME, asked, is_seen, me, name_for, of_content, shown, with_names
from rules.groups.refusals import AlreadyRequested, RequestUnknown
from rules.groups.seats import take_seat
from rules.groups.telling import managers_of, tell
from rules.moderation.submitting import submit
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

REQUEST_DAYS = 14
REQUESTED, ACCEPTED, REFUSED = "group.request", "group.accepted", "group.refused"

_waits = (GroupRequest.status == RequestStatus.PENDING, GroupRequest.lapses_at > bindparam("now"))
_this = (GroupRequest.town_id == bindparam("town"), GroupRequest.id == bindparam("request"))
_words = aliased(Content)
_lapse_mine = (
    update(GroupRequest)
    .where(
        GroupRequest.town_id == bindparam("town"),
        GroupRequest.group_id == bindparam("group"),
        GroupRequest.resident_id == bindparam("resident"),
        GroupRequest.status == RequestStatus.PENDING,
        GroupRequest.lapses_at <= bindparam("now"),
    )
    .values(status=RequestStatus.LAPSED, decided_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_make = insert(GroupRequest).on_conflict_do_nothing().returning(GroupRequest.id)
_find = select(GroupRequest.group_id, GroupRequest.resident_id).where(*_this, *_waits)
_decide = (
    update(GroupRequest)
    .where(*_this, *_waits)
    .values(status=bindparam("decision"), decided_at=bindparam("now"))
    .returning(GroupRequest.resident_id)
    .execution_options(synchronize_session=False)
)
_withdraw = (
    update(GroupRequest)
    .where(*_this, *_waits, GroupRequest.resident_id == bindparam("me"))
    .values(status=RequestStatus.WITHDRAWN, decided_at=bindparam("now"))
    .returning(GroupRequest.id)
    .execution_options(synchronize_session=False)
)
_end = (
    update(GroupRequest)
    .where(
        GroupRequest.town_id == bindparam("town"),
        GroupRequest.group_id == bindparam("group"),
        GroupRequest.resident_id == bindparam("resident"),
        GroupRequest.status == RequestStatus.PENDING,
    )
    .values(status=bindparam("decision"), decided_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_waiting = (
    with_names(
        select(
            GroupRequest.id,
            case((is_seen(_words), GroupRequest.words)).label("words"),
            GroupRequest.content_id,
            GroupRequest.status,
            GroupRequest.made_at,
            GroupRequest.lapses_at,
            REAL_NAME,
            CARD_NAME,
        ).outerjoin(_words, of_content(_words, GroupRequest.content_id)),
        GroupRequest.resident_id,
    )
    .where(
        GroupRequest.town_id == bindparam("town"),
        GroupRequest.group_id == bindparam("group"),
        *_waits,
        GroupRequest.id > bindparam("after"),
    )
    .order_by(GroupRequest.id)
    .limit(bindparam("limit"))
)


def make_request(work: Work, group: AnyRow, words: str) -> int:
    """Ask to be let in, and tell who runs the group. Raises AlreadyRequested, ContentRefused."""
    whose = {"town": work.town_id, "group": group.id, "resident": work.actor.id}
    work.core.execute(_lapse_mine, whose | {"now": work.now})
    content_id = submit(work, ContentKind.APPLICATION, words, place_path=group.path) if words else None
    request_id = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": request_id,
        "group_id": group.id,
        "resident_id": work.actor.id,
        "words": words,
        "content_id": content_id,
        "status": RequestStatus.PENDING,
        "made_at": work.now,
        "lapses_at": work.now + timedelta(days=REQUEST_DAYS),
    }
    if work.core.execute(_make, row).first() is None:
        raise AlreadyRequested
    tell(work, REQUESTED, str(request_id), managers_of(work, group.id), group_id=group.id, group=group.public_name)
    return request_id


def end_request(work: Work, group_id: int, resident_id: int, status: RequestStatus) -> None:
    """What becomes of a request whose resident joined otherwise."""
    whose = {"town": work.town_id, "group": group_id, "resident": resident_id}
    work.core.execute(_end, whose | {"decision": status, "now": work.now})


def list_requests(work: Work, group_id: int, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """Who waits to be let in, the longest first. For who runs the group. Raises GroupUnknown, NotGroupManager."""
    require_manager(work, group_id)
    begin = 0 if after is None else int(after[0])
    rows = work.core.execute(_waiting, asked(work, group=group_id, after=begin, limit=limit + 1)).all()
    return cut([shown(row, name=name_for(row, with_card=False)) for row in rows], limit, lambda row: (row.id,))


def decide_request(work: Work, request_id: int, accept: bool) -> RequestStatus:
    """Let somebody in, or not; they are told.

    Raises RequestUnknown, GroupUnknown, NotGroupManager, GroupFull, AlreadyMember.
    """
    this = {"town": work.town_id, "request": request_id, "now": work.now}
    found = work.core.execute(_find, this).first()
    if found is None:
        raise RequestUnknown
    group = require_manager(work, found.group_id, locked=True)
    decision = RequestStatus.ACCEPTED if accept else RequestStatus.REFUSED
    if work.core.execute(_decide, this | {"decision": decision}).first() is None:
        raise RequestUnknown
    if accept:
        take_seat(work, group.id, found.resident_id)
    topic = ACCEPTED if accept else REFUSED
    tell(work, topic, str(request_id), [found.resident_id], group_id=group.id, group=group.public_name)
    return decision


def withdraw_request(work: Work, request_id: int) -> None:
    """Take back one's own request. Raises RequestUnknown."""
    this = {"town": work.town_id, "request": request_id, "now": work.now, "me": me(work)}
    if work.core.execute(_withdraw, this).first() is None:
        raise RequestUnknown
