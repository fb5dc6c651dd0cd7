"""Announcements as they are read: by visitors what is public, by residents also what is aimed at where they live.

An announcement is aimed at nodes of the tree and holds there and below. Whether it is for somebody is asked from the
reader's side: one of the nodes on the path to their home is a target. So nothing is written for each resident, and who
moves sees what is aimed at the new home.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, false, or_, select, true
from sqlalchemy.dialects.postgresql import insert

from models.notices import Announcement, AnnouncementRead, AnnouncementStatus, AnnouncementTarget
from models.residents import Resident
from models.territory import Territory
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.territory.tree import find_place
from rules.uploads.links import Picture, pictures
from rules.work import ActorKind, Work

EXCERPT_LENGTH = 60
MICROSECONDS = 1_000_000


class AnnouncementUnknown(RuleError):
    code = "announcement.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这条公告，或已撤下。"
    en = "There is no such announcement, or it was withdrawn."


@dataclass(frozen=True, slots=True)
class AnnouncementSummary:
    """An announcement in a list."""

    id: int
    title: str
    excerpt: str
    pinned: bool
    public: bool
    confirmation_needed: bool
    publishes_at: datetime
    ends_at: datetime | None
    read_at: datetime | None  #: by the resident who asks
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class AnnouncementView:
    """An announcement as a reader sees it."""

    id: int
    title: str
    text: str
    pictures: Sequence[Picture]
    places: Sequence[AnyRow]  #: the nodes that it is aimed at: id, name
    pinned: bool
    public: bool
    confirmation_needed: bool
    publishes_at: datetime
    ends_at: datetime | None
    read_at: datetime | None
    confirmed_at: datetime | None


A, T, R = Announcement, AnnouncementTarget, AnnouncementRead


def _aimed(name: str) -> ColumnElement[bool]:
    """Whether one of the nodes of a list is a target."""
    return (
        select(1)
        .where(T.town_id == bindparam("town"), T.announcement_id == A.id, is_id_in(T.territory_id, name))
        .correlate(A)
        .exists()
    )


_is_out = and_(
    A.status == AnnouncementStatus.PUBLISHED,
    A.publishes_at <= bindparam("now"),
    or_(A.ends_at.is_(None), A.ends_at > bindparam("now")),
)
_read_by_me = and_(R.town_id == A.town_id, R.announcement_id == A.id, R.resident_id == bindparam("resident"))
_list = (
    select(
        A.id,
        A.title,
        A.text,
        A.pinned,
        A.public,
        A.confirmation_needed,
        A.publishes_at,
        A.ends_at,
        R.read_at,
        R.confirmed_at,
    )
    .outerjoin(R, _read_by_me)
    .where(A.town_id == bindparam("town"), _is_out, or_(A.public, _aimed("mine")))
    .order_by(A.pinned.desc(), A.publishes_at.desc(), A.id.desc())
    .limit(bindparam("limit"))
)
_list_at_place = _list.where(_aimed("place"))
_list_of_mine = _list.where(_aimed("mine"))
_one = (
    select(*A.__table__.c, R.read_at, R.confirmed_at)
    .outerjoin(R, _read_by_me)
    .where(A.town_id == bindparam("town"), A.id == bindparam("announcement"), _is_out, or_(A.public, _aimed("mine")))
)
_places = (
    select(Territory.id, Territory.name, Territory.path)
    .join(T, (T.town_id == Territory.town_id) & (T.territory_id == Territory.id))
    .where(T.town_id == bindparam("town"), T.announcement_id == bindparam("announcement"))
    .order_by(Territory.path)
)
_home_path = (
    select(Territory.path)
    .join(Resident, (Resident.town_id == Territory.town_id) & (Resident.territory_id == Territory.id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
)
_roots = select(Territory.id).where(Territory.town_id == bindparam("town"), Territory.parent_id.is_(None))
_new_receipt = insert(R)
_receipt = _new_receipt.on_conflict_do_nothing(index_elements=["town_id", "announcement_id", "resident_id"])
_confirmed = _new_receipt.on_conflict_do_update(
    index_elements=["town_id", "announcement_id", "resident_id"],
    set_={"confirmed_at": _new_receipt.excluded.confirmed_at},
    where=R.confirmed_at.is_(None),
)


def list_for(
    work: Work, *, place_id: int | None = None, after: Position | None = None, limit: int = 20
) -> Page[AnnouncementSummary]:
    """What the actor may read, pinned ones first, then the latest.

    Without a place: a resident's are those aimed at where they live, anybody else's the public ones of the whole town.
    With one: those aimed at it, or above it. Raises PlaceUnknown.
    """
    asked = {
        "town": work.town_id,
        "now": work.now,
        "resident": _resident_of(work),
        "mine": nodes_of_actor(work),
        "limit": limit + 1,
    }
    statement = _list if work.actor.kind is not ActorKind.RESIDENT else _list_of_mine
    if place_id is not None:
        statement = _list_at_place
        asked["place"] = nodes_of(find_place(work, place_id).path)
    if after is None:
        rows = work.send(statement, asked).all()
    else:
        pinned, microseconds, before = (int(part) for part in after)
        rows = work.core.execute(statement.where(_comes_later(pinned, microseconds, before)), asked).all()
    summaries = [
        AnnouncementSummary(
            row.id,
            row.title,
            excerpt_of(row.text),
            row.pinned,
            row.public,
            row.confirmation_needed,
            row.publishes_at,
            row.ends_at,
            row.read_at,
            row.confirmed_at,
        )
        for row in rows
    ]
    return cut(summaries, limit, lambda each: position_of(each.pinned, each.publishes_at, each.id))


def show_announcement(work: Work, keys: Keys, announcement_id: int) -> AnnouncementView:
    """An announcement that the actor may read. Raises AnnouncementUnknown."""
    row = _find(work, announcement_id)
    asked = {"town": work.town_id, "announcement": announcement_id}
    return AnnouncementView(
        id=row.id,
        title=row.title,
        text=row.text,
        pictures=pictures(work, keys, [int(id_) for id_ in row.pictures]),
        places=work.core.execute(_places, asked).all(),
        pinned=row.pinned,
        public=row.public,
        confirmation_needed=row.confirmation_needed,
        publishes_at=row.publishes_at,
        ends_at=row.ends_at,
        read_at=row.read_at,
        confirmed_at=row.confirmed_at,
    )


def record_reading(work: Work, keys: Keys, announcement_id: int, confirms: bool) -> AnnouncementView:
    """The acting resident has read it, and confirms that where it is asked for. Twice counts as once.

    Raises AnnouncementUnknown.
    """
    _find(work, announcement_id)
    row = {
        "town_id": work.town_id,
        "announcement_id": announcement_id,
        "resident_id": work.actor.id,
        "read_at": work.now,
        "confirmed_at": work.now if confirms else None,
    }
    work.core.execute(_confirmed if confirms else _receipt, row)
    return show_announcement(work, keys, announcement_id)


def nodes_of(path: str) -> list[int]:
    """The ids on a path, from the root down."""
    return [int(part) for part in path.split("/") if part]


def nodes_of_actor(work: Work) -> list[int]:
    """The nodes that the actor's home lies in: who hasn't chosen a place belongs to the town, visitors to nothing."""
    if work.actor.kind is not ActorKind.RESIDENT:
        return []
    path = work.send(_home_path, {"town": work.town_id, "resident": work.actor.id}).scalar()
    if path is not None:
        return nodes_of(path)
    return list(work.core.scalars(_roots, {"town": work.town_id}))


def excerpt_of(text: str) -> str:
    """The beginning of a text, for lists."""
    flat = " ".join(text.split())
    return flat if len(flat) <= EXCERPT_LENGTH else flat[: EXCERPT_LENGTH - 1] + "…"


def position_of(pinned: bool, moment: datetime, id_: int) -> Position:
    """Where a list that is sorted like this goes on."""
    return int(pinned), round(moment.timestamp() * MICROSECONDS), id_


def _comes_later(pinned: int, microseconds: int, before: int) -> ColumnElement[bool]:
    at = datetime.fromtimestamp(0, tz=UTC) + timedelta(microseconds=microseconds)
    same = and_(
        A.pinned == (true() if pinned else false()), or_(A.publishes_at < at, and_(A.publishes_at == at, A.id < before))
    )
    return or_(same, A.pinned == false()) if pinned else same


def _find(work: Work, announcement_id: int) -> AnyRow:
    asked = {"town": work.town_id, "now": work.now, "resident": _resident_of(work), "announcement": announcement_id}
    row = work.core.execute(_one, asked | {"mine": nodes_of_actor(work)}).first()
    if row is None:
        raise AnnouncementUnknown
    return row


def _resident_of(work: Work) -> int:
    return work.actor.id if work.actor.kind is ActorKind.RESIDENT else 0
