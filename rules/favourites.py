"""What residents keep to find it again: activities, rooms, centres, groups, rewards.

A thing can be kept while residents may see it, by what the search says of it, so the two agree on what there is. One that
vanished stays in the list as gone, under the title that it had when it was kept, until its keeper lets it go. A list shows
what is on next there: of an activity, a room or a centre the session that is on or comes next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.favourites import Favourite, FavouriteKind
from models.moderation import Content
from models.search import FoundKind
from models.venues import Venue
from rules.daily_limits import count_today
from rules.errors import Kind, RuleError
from rules.moderation.visibility import passed
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.search.indexing import Entry
from rules.search.sources import SOURCES
from rules.sets import is_id_in
from rules.work import Work

#: A session that began longer ago isn't looked at: none takes so long.
LOOK_BACK = timedelta(days=1)
FOUND_AS = {kind: FoundKind(kind.value) for kind in FavouriteKind}


class FavouriteUnknown(RuleError):
    code = "favourite.unknown"
    kind = Kind.UNKNOWN
    zh = "没有可以收藏的这一项，它可能已经下架。"
    en = "There is nothing like this to keep; it may be gone."


@dataclass(frozen=True, slots=True)
class OnNext:
    """The session that is on or comes next."""

    session_id: int
    activity_id: int
    title: str
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class FavouriteView:
    """A thing that the actor keeps."""

    kind: FavouriteKind
    subject_id: int
    title: str
    added_at: datetime
    is_gone: bool
    on_next: OnNext | None


FAVOURITES_A_DAY = 200  #: that one resident may send, repeated ones included

_mine = (Favourite.town_id == bindparam("town"), Favourite.resident_id == bindparam("resident"))
_columns = (Favourite.id, Favourite.kind, Favourite.subject_id, Favourite.title, Favourite.added_at)
_keep = insert(Favourite)
_keep = _keep.on_conflict_do_update(
    index_elements=["town_id", "resident_id", "kind", "subject_id"], set_={"title": _keep.excluded.title}
)
_keeping = _keep.returning(*_columns)
_this = (*_mine, Favourite.kind == bindparam("of_kind"), Favourite.subject_id == bindparam("subject"))
_let_go = delete(Favourite).where(*_this)
_page = (
    select(*_columns)
    .where(*_mine, Favourite.id < bindparam("before"))
    .order_by(Favourite.id.desc())
    .limit(bindparam("limit"))
)
_page_of_kind = _page.where(Favourite.kind == bindparam("of_kind"))
_passed = select(Content.id).where(
    Content.town_id == bindparam("town"), is_id_in(Content.id, "contents"), passed(Content)
)
_to_activity = and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id)
_sessions = (
    select(Session.id, Session.activity_id, Activity.title, Session.starts_at)
    .join(Activity, _to_activity)
    .where(Session.town_id == bindparam("town"), is_id_in(Session.id, "sessions"))
)


def _next_of(table: type[Activity | Venue], is_there: ColumnElement[bool]) -> Select[Any]:
    """For each of some things the session that is on or comes next there: a seek of an index for each."""
    sessions = select(Session.id) if table is Activity else select(Session.id).join(Activity, _to_activity)
    soonest = (
        sessions.where(
            Session.town_id == bindparam("town"),
            is_there,
            Session.status == SessionStatus.SCHEDULED,
            Session.starts_at > bindparam("since"),
            Session.ends_at > bindparam("now"),
            Activity.status == ActivityStatus.PUBLISHED,
        )
        .order_by(Session.starts_at, Session.id)
        .limit(1)
        .correlate(table)
        .scalar_subquery()
    )
    columns: tuple[Any, ...] = (table.id.label("thing"), soonest.label("session"))
    return select(*columns).where(table.town_id == bindparam("town"), is_id_in(table.id, "ids"))


_next_of_activities = _next_of(Activity, Session.activity_id == Activity.id)
_next_of_rooms = _next_of(Venue, Session.venue_id == Venue.id)
_rooms = select(Venue.id, Venue.service_centre_id).where(
    Venue.town_id == bindparam("town"), is_id_in(Venue.service_centre_id, "centres")
)


def keep_favourite(work: Work, kind: FavouriteKind, subject_id: int) -> FavouriteView:
    """Keep a thing; once more takes its title anew, and counts for the day too.

    Raises FavouriteUnknown, DailyLimitReached.
    """
    entry = _read_entries(work, kind, [subject_id]).get(subject_id)
    if entry is None:
        raise FavouriteUnknown
    thing = {"resident_id": work.actor.id, "kind": kind, "subject_id": subject_id}
    count_today(work, "favourite", FAVOURITES_A_DAY)
    row = {"town_id": work.town_id, "id": work.new_id(), "title": entry.title, "added_at": work.now}
    return _view_all(work, [work.core.execute(_keeping, row | thing).one()])[0]


def drop_favourite(work: Work, kind: FavouriteKind, subject_id: int) -> None:
    """Let a thing go; nothing happens when it wasn't kept."""
    work.core.execute(_let_go, _asked(work, kind, subject_id))


def list_favourites(work: Work, kind: FavouriteKind | None, after: Position | None, limit: int) -> Page[FavouriteView]:
    """What the actor keeps, of one kind if it is given, the last kept first."""
    asked = {
        "town": work.town_id,
        "resident": work.actor.id,
        "before": 2**63 - 1 if after is None else int(after[0]),
        "limit": limit + 1,
    }
    if kind is None:
        rows = work.core.execute(_page, asked).all()
    else:
        rows = work.core.execute(_page_of_kind, asked | {"of_kind": kind}).all()
    page = cut(rows, limit, lambda row: (row.id,))
    return Page(_view_all(work, page.items), page.next_after)


def _asked(work: Work, kind: FavouriteKind, subject_id: int) -> dict[str, object]:
    return {"town": work.town_id, "resident": work.actor.id, "of_kind": kind, "subject": subject_id}


def _view_all(work: Work, rows: Sequence[AnyRow]) -> list[FavouriteView]:
    ids: dict[FavouriteKind, list[int]] = {}
    for row in rows:
        ids.setdefault(row.kind, []).append(row.subject_id)
    entries = {kind: _read_entries(work, kind, of_kind) for kind, of_kind in ids.items()}
    coming = {kind: _read_next(work, kind, sorted(entries[kind])) for kind in ids}
    return [_view(row, entries[row.kind].get(row.subject_id), coming[row.kind].get(row.subject_id)) for row in rows]


def _view(row: AnyRow, entry: Entry | None, on_next: OnNext | None) -> FavouriteView:
    title = row.title if entry is None else entry.title
    return FavouriteView(row.kind, row.subject_id, title, row.added_at, entry is None, on_next)


def _read_entries(work: Work, kind: FavouriteKind, subject_ids: Sequence[int]) -> dict[int, Entry]:
    """What there is of these things for residents to see, by id."""
    entries = list(SOURCES[FOUND_AS[kind]](work, subject_ids))
    contents = [entry.content_id for entry in entries if entry.content_id is not None]
    are_passed = set(work.core.scalars(_passed, {"town": work.town_id, "contents": contents})) if contents else set()
    return {entry.subject_id: entry for entry in entries if entry.content_id in (None, *are_passed)}


def _read_next(work: Work, kind: FavouriteKind, subject_ids: Sequence[int]) -> dict[int, OnNext]:
    if not subject_ids:
        return {}
    match kind:
        case FavouriteKind.ACTIVITY:
            return _find_next(work, _next_of_activities, subject_ids)
        case FavouriteKind.VENUE:
            return _find_next(work, _next_of_rooms, subject_ids)
        case FavouriteKind.CENTRE:
            return _find_next_of_centres(work, subject_ids)
        case _:
            return {}


def _find_next_of_centres(work: Work, centre_ids: Sequence[int]) -> dict[int, OnNext]:
    rooms = work.core.execute(_rooms, {"town": work.town_id, "centres": centre_ids}).all()
    of_rooms = _find_next(work, _next_of_rooms, [room.id for room in rooms])
    latest_first = sorted(
        (room for room in rooms if room.id in of_rooms), key=lambda room: of_rooms[room.id].starts_at, reverse=True
    )
    return {room.service_centre_id: of_rooms[room.id] for room in latest_first}


def _find_next(work: Work, statement: Select[Any], ids: Sequence[int]) -> dict[int, OnNext]:
    asked = {"town": work.town_id, "ids": ids, "now": work.now, "since": work.now - LOOK_BACK}
    soonest = {row.thing: row.session for row in work.core.execute(statement, asked) if row.session is not None}
    rows = work.core.execute(_sessions, {"town": work.town_id, "sessions": sorted(set(soonest.values()))})
    shown = {row.id: OnNext(row.id, row.activity_id, row.title, row.starts_at) for row in rows}
    return {thing: shown[session] for thing, session in soonest.items()}
