"""What staff see: what waits for them, the most urgent first; one piece of content with all that was said of it; numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, true

from models.moderation import (
    Content,
    ContentDecision,
    ContentKind,
    ContentReport,
    ContentState,
    DecisionSource,
)
from models.residents import Resident, Role
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.moderation.refusals import ContentUnknown
from rules.paging import Page, Position, cut
from rules.residents.identity import holds_at_root
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.uploads.links import Picture, pictures
from rules.work import Work

#: Over which time it is counted how long people waited.
STATISTICS_DAYS = 30
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Heard:
    """A piece of content as the staff who decide on it see it."""

    id: int
    kind: ContentKind
    text: str
    upload_id: int | None
    picture: Picture | None
    author: str  #: masked; "" where staff or the system wrote it
    state: ContentState
    label: str | None
    written_at: datetime
    review_since: datetime | None
    due_at: datetime | None
    is_overdue: bool
    open_reports: int
    appeal: str | None
    reason: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class History:
    """A piece of content, what residents complained of, and who decided what."""

    content: Heard
    reports: Sequence[AnyRow]  #: without who made them
    decisions: Sequence[AnyRow]


@dataclass(frozen=True, slots=True)
class Statistics:
    """How moderation is doing at the places where the actor decides."""

    open: int
    overdue: int
    decided: int  #: by staff, of what waited, in the last STATISTICS_DAYS
    median_minutes: int | None  #: that those waited; None: there were none
    days: int = STATISTICS_DAYS


_columns = (
    Content.id,
    Content.kind,
    Content.text,
    Content.upload_id,
    Content.resident_id,
    Content.state,
    Content.label,
    Content.written_at,
    Content.review_since,
    Content.due_at,
    Content.open_reports,
    Content.appeal,
    Content.reason,
    Content.decided_at,
    Content.place_path,
    Resident.name,
)
_contents = (
    select(*_columns)
    .outerjoin(Resident, and_(Resident.town_id == Content.town_id, Resident.id == Content.resident_id))
    .where(Content.town_id == bindparam("town"))
)
_one = _contents.where(Content.id == bindparam("content"))
_after_due = bindparam("after_due", type_=Content.due_at.type)
_waiting = (
    _contents.where(
        Content.due_at.is_not(None),
        Content.due_at >= _after_due,
        or_(Content.due_at > _after_due, Content.id > bindparam("after")),
    )
    .order_by(Content.due_at, Content.id)
    .limit(bindparam("limit"))
)
_reports = (
    select(ContentReport.reason, ContentReport.words, ContentReport.reported_at, ContentReport.outcome)
    .where(ContentReport.town_id == bindparam("town"), ContentReport.content_id == bindparam("content"))
    .order_by(ContentReport.id)
    .limit(100)
)
_decisions = (
    select(
        ContentDecision.source,
        ContentDecision.state,
        ContentDecision.label,
        ContentDecision.staff_id,
        ContentDecision.reason,
        ContentDecision.decided_at,
    )
    .where(ContentDecision.town_id == bindparam("town"), ContentDecision.content_id == bindparam("content"))
    .order_by(ContentDecision.id)
    .limit(100)
)
_counts = select(
    func.count().label("open"),
    func.count().filter(Content.due_at < bindparam("now", type_=Content.due_at.type)).label("overdue"),
).where(Content.town_id == bindparam("town"), Content.due_at.is_not(None))
_waits = (
    select(ContentDecision.waited_seconds)
    .join(Content, and_(Content.town_id == ContentDecision.town_id, Content.id == ContentDecision.content_id))
    .where(
        ContentDecision.town_id == bindparam("town"),
        ContentDecision.decided_at >= bindparam("since"),
        ContentDecision.source == DecisionSource.STAFF,
        ContentDecision.waited_seconds.is_not(None),
    )
    .order_by(ContentDecision.waited_seconds)
)
#: They are counted, and the middle one read: a busy town has tens of thousands.
_count_of_waits = _waits.order_by(None).with_only_columns(func.count())
_middle_wait = _waits.offset(bindparam("skipped")).limit(1)
_mine = (
    select(
        Content.id,
        Content.kind,
        Content.text,
        Content.upload_id,
        Content.state,
        Content.reason,
        Content.written_at,
        Content.appealed_at,
    )
    .where(
        Content.town_id == bindparam("town"),
        Content.resident_id == bindparam("resident"),
        Content.id < bindparam("before"),
    )
    .order_by(Content.id.desc())
    .limit(bindparam("limit"))
)


def list_waiting(
    work: Work, keys: Keys, kind: ContentKind | None, overdue_only: bool, after: Position | None, limit: int
) -> Page[Heard]:
    """What waits for a decision at the places where the actor is a manager, the first to be due first."""
    statement = _waiting.where(_within_reach(work))
    if kind is not None:
        statement = statement.where(Content.kind == kind)
    if overdue_only:
        statement = statement.where(Content.due_at < work.now)
    due, id_ = (0, 0) if after is None else (int(after[0]), int(after[1]))
    asked = {"town": work.town_id, "after_due": EPOCH + timedelta(microseconds=due), "after": id_, "limit": limit + 1}
    rows = work.core.execute(statement, asked).all()
    shown = _pictures_of(work, keys, rows)
    heard = [_heard(work, row, shown) for row in rows]
    return cut(heard, limit, lambda content: (_microseconds(content.due_at), content.id))


def show_content(work: Work, keys: Keys, content_id: int) -> History:
    """A piece of content with its reports and its log. Raises ContentUnknown, also where the actor is no manager."""
    asked = {"town": work.town_id, "content": content_id}
    row = work.core.execute(_one, asked).first()
    if row is None or not work.actor.may(Role.MANAGER, row.place_path):
        raise ContentUnknown
    reports, decisions = work.core.execute(_reports, asked).all(), work.core.execute(_decisions, asked).all()
    return History(_heard(work, row, _pictures_of(work, keys, [row])), reports, decisions)


def show_statistics(work: Work) -> Statistics:
    """How much waits, how much of it too long, and how long the middle one of the last days has waited."""
    reach = _within_reach(work)
    counts = work.core.execute(_counts.where(reach), {"town": work.town_id, "now": work.now}).one()
    asked = {"town": work.town_id, "since": work.now - timedelta(days=STATISTICS_DAYS)}
    decided = work.core.scalar(_count_of_waits.where(reach), asked) or 0
    middle = work.core.scalar(_middle_wait.where(reach), asked | {"skipped": decided // 2})
    return Statistics(counts.open, counts.overdue, decided, None if middle is None else middle // 60)


def count_waiting(work: Work) -> tuple[int, int]:
    """How much waits for staff in the town, and how much of it too long. For the job that tells."""
    counts = work.core.execute(_counts, {"town": work.town_id, "now": work.now}).one()
    return counts.open, counts.overdue


def list_my_contents(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """What the actor wrote and whether others see it, the latest first."""
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "resident": work.actor.id, "before": before, "limit": limit + 1}
    return cut(work.core.execute(_mine, asked).all(), limit, lambda row: (row.id,))


def _pictures_of(work: Work, keys: Keys, rows: Sequence[AnyRow]) -> dict[int, Picture]:
    """The pictures among some contents, with links for staff, by their uploads."""
    uploads = [row.upload_id for row in rows if row.upload_id is not None]
    return {picture.id: picture for picture in pictures(work, keys, uploads)}


def _heard(work: Work, row: AnyRow, shown: dict[int, Picture]) -> Heard:
    return Heard(
        id=row.id,
        kind=row.kind,
        text=row.text,
        upload_id=row.upload_id,
        picture=shown.get(row.upload_id),
        author="" if row.resident_id is None else greeting(row.name, row.resident_id),
        state=row.state,
        label=row.label,
        written_at=row.written_at,
        review_since=row.review_since,
        due_at=row.due_at,
        is_overdue=row.due_at is not None and row.due_at < work.now,
        open_reports=row.open_reports,
        appeal=row.appeal,
        reason=row.reason,
        decided_at=row.decided_at,
    )


def _microseconds(moment: datetime | None) -> int:
    assert moment is not None, "what waits is due"
    return (moment - EPOCH) // timedelta(microseconds=1)


def _within_reach(work: Work) -> ColumnElement[bool]:
    """Content at places below the nodes where the actor is a manager."""
    if holds_at_root(work, Role.MANAGER):
        return true()
    nodes = [grant.path for grant in work.actor.grants if grant.role in (Role.MANAGER, Role.ADMIN)]
    return or_(*(Content.place_path.startswith(path) for path in nodes)) if nodes else ~true()
