"""Searching, over all rooms or in one of them.

The work of a search is bounded: of each kind at most CANDIDATES entries are looked at, the newest of those whose titles
have all that was typed; where there are fewer, the newest of those that have it in their titles or texts. With a position,
those within half a kilometre come before all others. What is looked at is sorted: by distance
where a position is given, then by how well the title fits (all of it, its beginning, a part, scattered parts, the text
alone), then by what is on sooner, then the newer first. A list ends with the last candidate, so a term that nearly
everything has is a reason to type one more character.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, bindparam, select

from models.activities import Activity, Session, SessionStatus
from models.moderation import Content
from models.search import FoundKind, SearchEntry
from models.territory import Scene, Territory
from rules.errors import Kind, RuleError
from rules.geography import Position, distance_metres
from rules.ids import ID_MAX
from rules.moderation.visibility import passed
from rules.paging import Page, cut
from rules.paging import Position as Place
from rules.rows import AnyRow
from rules.search import engines
from rules.search.terms import All, Query, Question, fold, near, place_term, read_query
from rules.sets import is_id_in
from rules.work import Work

CANDIDATES = 300  #: entries of a kind that a search looks at
COUNT_MAX = 99  #: what a group's count says at most
GROUP_ITEMS = 3  #: shown of each kind in a search over all
PAGE_ITEMS = 20
DISTANCE_MAX = 30_000_000  #: metres, also of what has no position
FITS_WORST = 4
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The place in the order of what has no date: after all that has one.
NEVER = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


class PageWithoutKind(RuleError):
    code = "search.kind_required"
    kind = Kind.INVALID
    zh = "翻页时请指明类别（kind）。"
    en = "Say of which kind the next page is."


@dataclass(frozen=True, slots=True)
class SearchWish:
    """What is looked for."""

    typed: str
    kind: FoundKind | None = None
    near: Position | None = None
    community_id: int | None = None  #: only what belongs to this community
    after: Place | None = None
    limit: int | None = None  #: of each kind


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that was found."""

    kind: FoundKind
    id: int
    title: str
    summary: str
    scene: Scene | None
    community_id: int | None
    community_name: str | None
    latitude: float | None
    longitude: float | None
    distance_metres: int | None
    next_starts_at: datetime | None  #: of an activity: when it is on next, or since when it is


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of a kind; `next_after` is None where that is all."""

    kind: FoundKind
    count: int  #: at most COUNT_MAX
    has_more: bool  #: there are more than `count`
    items: Sequence[Found]
    next_after: Place | None


@dataclass(frozen=True, slots=True)
class Results:
    """What was found, by rooms; those with nothing are left out."""

    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class _Candidate:
    order: tuple[int, int, int, int]
    id: int  #: the entry's
    next_starts_at: datetime | None


#: One seek for each activity; asked for all of them together, SQLite goes through every session of the town instead.
_next_start = (
    select(Session.starts_at)
    .where(
        Session.town_id == Activity.town_id,
        Session.activity_id == Activity.id,
        Session.status == SessionStatus.SCHEDULED,
        Session.ends_at > bindparam("now"),
    )
    .order_by(Session.starts_at)
    .limit(1)
    .correlate(Activity)
    .scalar_subquery()
)
_next_starts = select(Activity.id, _next_start.label("starts_at")).where(
    Activity.town_id == bindparam("town"), is_id_in(Activity.id, "activities")
)
_passed = select(Content.id).where(
    Content.town_id == bindparam("town"), is_id_in(Content.id, "contents"), passed(Content)
)
_shown = (
    select(
        SearchEntry.id,
        SearchEntry.kind,
        SearchEntry.subject_id,
        SearchEntry.title,
        SearchEntry.summary,
        SearchEntry.scene,
        SearchEntry.community_id,
        Territory.name.label("community_name"),
        SearchEntry.latitude,
        SearchEntry.longitude,
    )
    .outerjoin(Territory, and_(Territory.town_id == SearchEntry.town_id, Territory.id == SearchEntry.community_id))
    .where(SearchEntry.town_id == bindparam("town"), is_id_in(SearchEntry.id, "entries"))
)


def search(work: Work, wish: SearchWish) -> Results:
    """What is found, by rooms. Raises PageWithoutKind."""
    if wish.after is not None and wish.kind is None:
        raise PageWithoutKind
    query = read_query(wish.typed)
    if query is None:
        return Results([])
    kinds = list(FoundKind) if wish.kind is None else [wish.kind]
    found = _only_passed(work, _candidates(work, kinds, query, wish))
    starts = _next_starts_of(work, found.get(FoundKind.ACTIVITY, []))
    no_starts: dict[int, datetime] = {}
    candidates = {
        kind: _sorted(rows, query, wish.near, starts if kind is FoundKind.ACTIVITY else no_starts)
        for kind, rows in found.items()
        if rows
    }
    limit = wish.limit or (GROUP_ITEMS if wish.kind is None else PAGE_ITEMS)
    pages = {kind: cut(_after(each, wish.after)[: limit + 1], limit, _order) for kind, each in candidates.items()}
    details = _details_of(work, [each.id for page in pages.values() for each in page.items])
    return Results([_group(kind, len(candidates[kind]), page, details, wish) for kind, page in pages.items()])


def _candidates(
    work: Work, kinds: Sequence[FoundKind], query: Query, wish: SearchWish
) -> dict[FoundKind, list[AnyRow]]:
    """The entries of each kind that are looked at: nearby ones, those with all of it in the title, then the others."""
    questions = [query.in_title, query.anywhere]
    if wish.near is not None:
        questions.insert(0, All((query.in_title, near(wish.near))))
    found: dict[FoundKind, list[AnyRow]] = {kind: [] for kind in kinds}
    for question in questions:
        few = [kind for kind in kinds if len(found[kind]) < CANDIDATES]
        more = _ask(work, few, _within(question, wish.community_id))
        found |= {kind: _joined(found[kind], more[kind]) for kind in few}
    return found


def _ask(work: Work, kinds: Sequence[FoundKind], question: Question) -> dict[FoundKind, list[AnyRow]]:
    replies = {kind: engines.ask(work, kind, question, CANDIDATES) for kind in kinds}
    return {kind: list(rows()) for kind, rows in replies.items()}


def _within(question: Question, community_id: int | None) -> Question:
    return question if community_id is None else All((question, place_term(community_id)))


def _joined(first: list[AnyRow], then: list[AnyRow]) -> list[AnyRow]:
    known = {row.id for row in first}
    return [*first, *(row for row in then if row.id not in known)][:CANDIDATES]


def _only_passed(work: Work, found: Mapping[FoundKind, list[AnyRow]]) -> dict[FoundKind, list[AnyRow]]:
    """Without what stands on content that residents may not see."""
    contents = [row.content_id for rows in found.values() for row in rows if row.content_id is not None]
    if not contents:
        return dict(found)
    fine = {row.id for row in work.send(_passed, {"town": work.town_id, "contents": contents}).all()}
    return {
        kind: [row for row in rows if row.content_id in fine or row.content_id is None] for kind, rows in found.items()
    }


def _next_starts_of(work: Work, activities: Sequence[AnyRow]) -> dict[int, datetime]:
    if not activities:
        return {}
    ids = [row.subject_id for row in activities]
    rows = work.send(_next_starts, {"town": work.town_id, "activities": ids, "now": work.now}).all()
    return {row.id: row.starts_at for row in rows if row.starts_at is not None}


def _details_of(work: Work, entries: Sequence[int]) -> dict[int, AnyRow]:
    if not entries:
        return {}
    return {row.id: row for row in work.send(_shown, {"town": work.town_id, "entries": entries}).all()}


def _sorted(
    rows: Sequence[AnyRow], query: Query, position: Position | None, starts: Mapping[int, datetime]
) -> list[_Candidate]:
    candidates = []
    for row in rows:
        at = starts.get(row.subject_id)
        order = (
            0 if position is None else _metres(row, position),
            _fit(row, query),
            NEVER if at is None else (at - EPOCH) // timedelta(microseconds=1),
            ID_MAX - row.id,
        )
        candidates.append(_Candidate(order, row.id, at))
    return sorted(candidates, key=_order)


def _order(candidate: _Candidate) -> Place:
    return candidate.order


def _fit(row: AnyRow, query: Query) -> int:
    """How well a title fits what was typed: 0 is best."""
    forms = [fold(row.title)]
    if query.is_latin:
        forms += [row.spelling.replace(" ", ""), "".join(syllable[0] for syllable in row.spelling.split())]
    if query.folded in forms:
        return 0
    if any(form.startswith(query.folded) for form in forms):
        return 1
    if any(query.folded in form for form in forms):
        return 2
    return 3 if any(all(word in form for word in query.words) for form in forms) else FITS_WORST


def _metres(row: AnyRow, position: Position) -> int:
    if row.latitude is None:
        return DISTANCE_MAX
    return round(distance_metres(position, Position(row.latitude, row.longitude)))


def _after(candidates: list[_Candidate], after: Place | None) -> list[_Candidate]:
    return candidates if after is None else [each for each in candidates if each.order > after]


def _group(
    kind: FoundKind, count: int, page: Page[_Candidate], details: Mapping[int, AnyRow], wish: SearchWish
) -> Group:
    items = [_found(details[each.id], each, wish.near) for each in page.items if each.id in details]
    return Group(kind, min(count, COUNT_MAX), count > COUNT_MAX, items, page.next_after)


def _found(row: AnyRow, candidate: _Candidate, near: Position | None) -> Found:
    has_distance = near is not None and row.latitude is not None
    return Found(
        row.kind,
        row.subject_id,
        row.title,
        row.summary,
        row.scene,
        row.community_id,
        row.community_name,
        row.latitude,
        row.longitude,
        candidate.order[0] if has_distance else None,
        candidate.next_starts_at,
    )
