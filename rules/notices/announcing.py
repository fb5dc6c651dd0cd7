"""Announcements as staff write them, and how they reach people.

Who writes one has a role of WRITERS at every node that it is aimed at, and so has whoever publishes or withdraws it. A
draft may be changed; what was published may be withdrawn and nothing else, so that nobody confirms one text and is held to
another. Whom it is for is counted when staff ask, by where people live then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Executable, Table, and_, bindparam, case, func, insert, not_, or_, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.orm import aliased

from models.notices import Announcement, AnnouncementRead, AnnouncementStatus, AnnouncementTarget, Notice
from models.residents import Resident, ResidentStatus, Role
from models.territory import Territory
from models.uploads import UploadPurpose
from rules import bulk
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.notices.announcements import A, AnnouncementUnknown, T, excerpt_of
from rules.notices.catalogue import CATALOGUE
from rules.notices.delivering import order_sends
from rules.notices.templates import Templates
from rules.outbox import Message, put
from rules.paging import Page, Position, cut
from rules.residents.identity import Forbidden, require_role
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.territory.tree import PlaceUnknown
from rules.uploads.attaching import claim, release
from rules.uploads.links import Picture, pictures
from rules.work import Work

WRITERS = (Role.ORGANISER, Role.MANAGER, Role.PROPERTY)
PUSH = "announcement.push"
TOPIC = "announcement.published"
AT_A_TIME = 500


class AnnouncementNotDraft(RuleError):
    code = "announcement.not_draft"
    kind = Kind.CONFLICT
    zh = "公告已发布或撤下，不能再修改；请撤下后另写一条。"
    en = "The announcement was published or withdrawn and can't be changed. Withdraw it and write another one."


class AnnouncementWithdrawn(RuleError):
    code = "announcement.withdrawn"
    kind = Kind.CONFLICT
    zh = "公告已撤下。"
    en = "The announcement was withdrawn."


class AnnouncementEnds(RuleError):
    code = "announcement.ends_too_early"
    kind = Kind.INVALID
    zh = "公告的结束时间须晚于发布时间，也须晚于现在。"
    en = "An announcement has to end after it begins, and after now."


class ConfirmationNotNeeded(RuleError):
    code = "announcement.no_confirmation"
    kind = Kind.CONFLICT
    zh = "这条公告不要求确认阅读，不提供未读名单。"
    en = "This announcement asks for no confirmation, so nobody is named who hasn't read it."


@dataclass(frozen=True, slots=True)
class Draft:
    """What staff write."""

    title: str
    text: str
    place_ids: Sequence[int]
    picture_ids: Sequence[int] = ()
    publishes_at: datetime | None = None  #: None: when it is published
    ends_at: datetime | None = None
    pinned: bool = False
    public: bool = True
    confirmation_needed: bool = False
    pushed: bool = False


@dataclass(frozen=True, slots=True)
class DeskAnnouncement:
    """An announcement as staff see it."""

    id: int
    title: str
    text: str
    pictures: Sequence[Picture]
    places: Sequence[AnyRow]
    publishes_at: datetime
    ends_at: datetime | None
    pinned: bool
    public: bool
    confirmation_needed: bool
    pushed: bool
    status: AnnouncementStatus
    created_at: datetime
    published_at: datetime | None
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReadingCounts:
    """How many an announcement is for, and how many of all residents have read and confirmed it."""

    residents: int
    read: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class UnreadResident:
    """Somebody who hasn't confirmed an announcement."""

    resident_id: int
    name: str  #: masked
    read_at: datetime | None


_announcement, _target, _notice = (cast(Table, each.__table__) for each in (Announcement, AnnouncementTarget, Notice))
_find = select(*_announcement.c).where(A.town_id == bindparam("town"), A.id == bindparam("announcement"))
_lock = _find.with_for_update()
_add = insert(Announcement)
_add_targets = insert(AnnouncementTarget)
_drop_targets = delete_from(AnnouncementTarget).where(
    T.town_id == bindparam("town"), T.announcement_id == bindparam("announcement")
)
_draft = update(Announcement).where(
    A.town_id == bindparam("town"), A.id == bindparam("announcement"), A.status == AnnouncementStatus.DRAFT
)
_publish = (
    _draft.values(
        status=AnnouncementStatus.PUBLISHED, published_at=bindparam("now"), publishes_at=bindparam("publishes")
    )
    .returning(A.id)
    .execution_options(synchronize_session=False)
)
_withdraw = (
    update(Announcement)
    .where(A.town_id == bindparam("town"), A.id == bindparam("announcement"), A.status != AnnouncementStatus.WITHDRAWN)
    .values(status=AnnouncementStatus.WITHDRAWN, withdrawn_at=bindparam("now"))
    .returning(A.id)
    .execution_options(synchronize_session=False)
)
_nodes = select(Territory.id, Territory.name, Territory.path).where(
    Territory.town_id == bindparam("town"), is_id_in(Territory.id, "ids")
)
_targets = (
    select(T.announcement_id, Territory.id, Territory.name, Territory.path)
    .join(Territory, (Territory.town_id == T.town_id) & (Territory.id == T.territory_id))
    .where(T.town_id == bindparam("town"), is_id_in(T.announcement_id, "announcements"))
    .order_by(Territory.path)
)
_desk = (
    select(*_announcement.c)
    .where(A.town_id == bindparam("town"), A.id < bindparam("before"))
    .order_by(A.id.desc())
    .limit(bindparam("limit"))
)

_node, _below = aliased(Territory), aliased(Territory)
#: Every node that an announcement is aimed at, and every node below.
_reached = (
    select(_below.id)
    .join(_node, (_node.town_id == _below.town_id) & _below.path.startswith(_node.path))
    .join(T, (T.town_id == _node.town_id) & (T.territory_id == _node.id))
    .where(T.town_id == bindparam("town"), T.announcement_id == bindparam("announcement"))
)
_is_for_all = (
    select(1)
    .select_from(T)
    .join(_node, (_node.town_id == T.town_id) & (_node.id == T.territory_id))
    .where(T.town_id == bindparam("town"), T.announcement_id == bindparam("announcement"), _node.parent_id.is_(None))
    .exists()
)
_is_aimed_at: ColumnElement[bool] = and_(
    Resident.town_id == bindparam("town"),
    Resident.status == ResidentStatus.ACTIVE,
    or_(Resident.territory_id.in_(_reached), and_(Resident.territory_id.is_(None), _is_for_all)),
)
_count = select(func.count()).select_from(Resident).where(_is_aimed_at)
_count_read = select(
    func.count(), func.coalesce(func.sum(case((AnnouncementRead.confirmed_at.is_not(None), 1), else_=0)), 0)
).where(AnnouncementRead.town_id == bindparam("town"), AnnouncementRead.announcement_id == bindparam("announcement"))
_unread = (
    select(Resident.id, Resident.name, AnnouncementRead.read_at)
    .outerjoin(
        AnnouncementRead,
        (AnnouncementRead.town_id == Resident.town_id)
        & (AnnouncementRead.resident_id == Resident.id)
        & (AnnouncementRead.announcement_id == bindparam("announcement")),
    )
    .where(_is_aimed_at, AnnouncementRead.confirmed_at.is_(None), Resident.id > bindparam("after"))
    .order_by(Resident.id)
    .limit(bindparam("limit"))
)
_reachable = (
    select(Resident.id)
    .where(_is_aimed_at, Resident.id > bindparam("after"))
    .order_by(Resident.id)
    .limit(bindparam("limit"))
)
_notices = select(Notice.id, Notice.resident_id).where(
    Notice.town_id == bindparam("town"),
    Notice.topic == TOPIC,
    Notice.key == bindparam("key"),
    is_id_in(Notice.resident_id, "residents"),
)


def write_announcement(work: Work, keys: Keys, draft: Draft) -> DeskAnnouncement:
    """Write a draft. Raises Forbidden, PlaceUnknown, AnnouncementEnds, UploadUnknown, UploadTaken."""
    _check(work, draft)
    claim(work, draft.picture_ids, UploadPurpose.ANNOUNCEMENT)
    id_ = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": id_,
        "status": AnnouncementStatus.DRAFT,
        "written_by": work.actor.id,
        "created_at": work.now,
    }
    work.core.execute(_add, row | _columns(work, draft))
    _aim(work, id_, draft.place_ids)
    return show_at_desk(work, keys, id_)


def change_announcement(work: Work, keys: Keys, announcement_id: int, draft: Draft) -> DeskAnnouncement:
    """Write a draft anew. Raises what `write_announcement` raises, AnnouncementUnknown, AnnouncementNotDraft."""
    before = _mine(work, announcement_id, _lock)
    if before.status is not AnnouncementStatus.DRAFT:
        raise AnnouncementNotDraft
    _check(work, draft)
    had = {int(id_) for id_ in before.pictures}
    claim(work, [id_ for id_ in draft.picture_ids if id_ not in had], UploadPurpose.ANNOUNCEMENT)
    release(work, sorted(had - set(draft.picture_ids)))
    which = {"town": work.town_id, "announcement": announcement_id}
    work.core.execute(_draft.values(**_columns(work, draft)), which)
    work.core.execute(_drop_targets, which)
    _aim(work, announcement_id, draft.place_ids)
    return show_at_desk(work, keys, announcement_id)


def publish_announcement(work: Work, keys: Keys, announcement_id: int) -> DeskAnnouncement:
    """Publish a draft: at once, or when its time comes.

    Raises AnnouncementUnknown, AnnouncementNotDraft, AnnouncementEnds.
    """
    draft = _mine(work, announcement_id, _lock)
    publishes_at = max(draft.publishes_at, work.now)
    if draft.ends_at is not None and draft.ends_at <= publishes_at:
        raise AnnouncementEnds
    which = {"town": work.town_id, "announcement": announcement_id, "now": work.now, "publishes": publishes_at}
    if work.core.execute(_publish, which).first() is None:
        raise AnnouncementNotDraft
    if draft.pushed:
        put(work, [_push_from(announcement_id, 0, publishes_at)])
    return show_at_desk(work, keys, announcement_id)


def withdraw_announcement(work: Work, keys: Keys, announcement_id: int) -> DeskAnnouncement:
    """Take it back; nobody sees it any more. Raises AnnouncementUnknown, AnnouncementWithdrawn."""
    _mine(work, announcement_id, _find)
    which = {"town": work.town_id, "announcement": announcement_id, "now": work.now}
    if work.core.execute(_withdraw, which).first() is None:
        raise AnnouncementWithdrawn
    return show_at_desk(work, keys, announcement_id)


def show_at_desk(work: Work, keys: Keys, announcement_id: int) -> DeskAnnouncement:
    """An announcement, for staff of a place that it is aimed at. Raises AnnouncementUnknown."""
    [view] = _views(work, keys, [_mine(work, announcement_id, _find)])
    return view


def list_at_desk(
    work: Work, keys: Keys, status: AnnouncementStatus | None, after: Position | None, limit: int
) -> Page[DeskAnnouncement]:
    """The announcements all of whose places the actor writes for, the latest first."""
    paths = [grant.path for grant in work.actor.grants if grant.role in (*WRITERS, Role.ADMIN)]
    if not paths:
        return Page([], None)
    is_elsewhere = (
        select(1)
        .select_from(T)
        .join(Territory, (Territory.town_id == T.town_id) & (Territory.id == T.territory_id))
        .where(
            T.town_id == A.town_id,
            T.announcement_id == A.id,
            not_(or_(*(Territory.path.startswith(path) for path in paths))),
        )
        .correlate(A)
        .exists()
    )
    statement = _desk.where(~is_elsewhere)
    if status is not None:
        statement = statement.where(A.status == status)
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(statement, {"town": work.town_id, "before": before, "limit": limit + 1}).all()
    return cut(_views(work, keys, rows), limit, lambda each: (each.id,))


def count_readings(work: Work, announcement_id: int) -> ReadingCounts:
    """How many it is for and how many have read it, by nobody's name. Raises AnnouncementUnknown."""
    _mine(work, announcement_id, _find)
    which = {"town": work.town_id, "announcement": announcement_id}
    read, confirmed = work.core.execute(_count_read, which).one()
    return ReadingCounts(work.core.execute(_count, which).scalar_one(), read, int(confirmed))


def list_unconfirmed(work: Work, announcement_id: int, after: Position | None, limit: int) -> Page[UnreadResident]:
    """Who hasn't confirmed an announcement that asks for it, for managers of all its places.

    Raises AnnouncementUnknown, Forbidden, ConfirmationNotNeeded.
    """
    row = _mine(work, announcement_id, _find)
    for place in _places_of(work, [announcement_id]):
        require_role(work, Role.MANAGER, place.path)
    if not row.confirmation_needed:
        raise ConfirmationNotNeeded
    which = {"town": work.town_id, "announcement": announcement_id, "after": 0 if after is None else int(after[0])}
    rows = work.core.execute(_unread, which | {"limit": limit + 1}).all()
    unread = [UnreadResident(row.id, greeting(row.name, row.id), row.read_at) for row in rows]
    return cut(unread, limit, lambda each: (each.resident_id,))


def push_to_residents(work: Work, templates: Templates, announcement_id: int, after: int) -> None:
    """Write an announcement into the next AT_A_TIME inboxes, and order its messages by WeChat.

    The next ones are another message of the outbox, written in the same transaction: none takes longer than a worker may
    have it, and who is interrupted goes on there.
    """
    row = work.core.execute(_find, {"town": work.town_id, "announcement": announcement_id}).first()
    if row is None or row.status is not AnnouncementStatus.PUBLISHED:
        return
    if row.ends_at is not None and row.ends_at <= work.now:
        return
    which = {"town": work.town_id, "announcement": announcement_id, "after": after, "limit": AT_A_TIME}
    residents = list(work.core.scalars(_reachable, which))
    if not residents:
        return
    payload = {"announcement_id": str(announcement_id), "title": row.title, "excerpt": excerpt_of(row.text)}
    first_id = work.new_ids(len(residents))
    rows = [
        {
            "town_id": work.town_id,
            "id": first_id + n,
            "resident_id": resident_id,
            "topic": TOPIC,
            "key": str(announcement_id),
            "payload": payload,
            "created_at": work.now,
        }
        for n, resident_id in enumerate(residents)
    ]
    bulk.insert_rows(work.core, _notice, rows, skip_conflicts=True)
    asked = {"town": work.town_id, "key": str(announcement_id), "residents": residents}
    written = [(each.id, each.resident_id) for each in work.core.execute(_notices, asked)]
    order_sends(work, templates, CATALOGUE[TOPIC], written)
    if len(residents) == AT_A_TIME:
        put(work, [_push_from(announcement_id, residents[-1])])


def _push_from(announcement_id: int, after: int, at: datetime | None = None) -> Message:
    """Have an announcement pushed to residents after this one."""
    payload = {"announcement_id": str(announcement_id), "after": str(after)}
    return Message(PUSH, f"{announcement_id}:{after}", payload, available_at=at)


def _check(work: Work, draft: Draft) -> None:
    nodes = work.core.execute(_nodes, {"town": work.town_id, "ids": list(draft.place_ids)}).all()
    if len(nodes) < len(set(draft.place_ids)):
        raise PlaceUnknown
    for node in nodes:
        _require_writer(work, node.path)
    if draft.ends_at is not None and draft.ends_at <= max(draft.publishes_at or work.now, work.now):
        raise AnnouncementEnds


def _require_writer(work: Work, path: str) -> None:
    if not any(work.actor.may(role, path) for role in WRITERS):
        raise Forbidden


def _mine(work: Work, announcement_id: int, statement: Executable) -> AnyRow:
    """An announcement all of whose places the actor writes for; of any of which others are told that there is none."""
    row = work.core.execute(statement, {"town": work.town_id, "announcement": announcement_id}).first()
    if row is None:
        raise AnnouncementUnknown
    places = _places_of(work, [announcement_id])
    if not all(any(work.actor.may(role, place.path) for role in WRITERS) for place in places):
        raise AnnouncementUnknown
    return row


def _places_of(work: Work, announcement_ids: Sequence[int]) -> Sequence[AnyRow]:
    return work.core.execute(_targets, {"town": work.town_id, "announcements": list(announcement_ids)}).all()


def _aim(work: Work, announcement_id: int, place_ids: Sequence[int]) -> None:
    rows = [
        {"town_id": work.town_id, "announcement_id": announcement_id, "territory_id": place_id}
        for place_id in sorted(set(place_ids))
    ]
    work.core.execute(_add_targets, rows)


def _columns(work: Work, draft: Draft) -> dict[str, object]:
    return {
        "title": draft.title,
        "text": draft.text,
        "pictures": [str(id_) for id_ in draft.picture_ids],
        "publishes_at": draft.publishes_at or work.now,
        "ends_at": draft.ends_at,
        "pinned": draft.pinned,
        "public": draft.public,
        "confirmation_needed": draft.confirmation_needed,
        "pushed": draft.pushed,
    }


def _views(work: Work, keys: Keys, rows: Sequence[AnyRow]) -> list[DeskAnnouncement]:
    places = _places_of(work, [row.id for row in rows])
    shown = {each.id: each for row in rows for each in pictures(work, keys, [int(id_) for id_ in row.pictures])}
    return [
        DeskAnnouncement(
            id=row.id,
            title=row.title,
            text=row.text,
            pictures=[shown[int(id_)] for id_ in row.pictures if int(id_) in shown],
            places=[place for place in places if place.announcement_id == row.id],
            publishes_at=row.publishes_at,
            ends_at=row.ends_at,
            pinned=row.pinned,
            public=row.public,
            confirmation_needed=row.confirmation_needed,
            pushed=row.pushed,
            status=row.status,
            created_at=row.created_at,
            published_at=row.published_at,
            withdrawn_at=row.withdrawn_at,
        )
        for row in rows
    ]
