"""Records of service as staff handle them: written down, looked at, decided by a second person, taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, bindparam, false, or_, select, true, update

from models.residents import Resident, Role
from models.territory import Scene, Territory
from models.volunteering import BATCH, LIVE, RECORD, Provenance, ServiceFlag, ServiceStatus
from rules.ids import ID_MAX
from rules.outbox import Message, put
from rules.paging import Page, Position, cut
from rules.points.people import require_role_over
from rules.points.second_person import SecondPersonRequired
from rules.residents.identity import Forbidden, holds_at_root
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.volunteering.counting import (
    Service,
    close_record,
    count_services,
    flag_record,
    take_hours_back,
    void_points,
)
from rules.volunteering.days import give_back_entered, lock_days
from rules.volunteering.entries import Entry, Judged, judge, keep, take_days
from rules.volunteering.refusals import (
    BatchUnknown,
    RecordProblem,
    RecordSettled,
    RecordsInvalid,
    RecordUnknown,
    SignedAtTheDoor,
)
from rules.work import Work


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record of service, for staff."""

    id: int
    resident_id: int
    resident_name: str  #: masked
    provenance: Provenance
    session_id: int | None
    batch_id: int | None
    minutes: int
    served_on: date
    description: str
    category: str | None
    scene: Scene | None
    status: ServiceStatus
    flags: list[ServiceFlag]
    recorded_by: int | None
    recorded_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    decision_note: str | None
    voided_by: int | None
    voided_at: datetime | None
    void_reason: str | None


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line of a file that was left out."""

    line: int
    ref: str
    problem: RecordProblem


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """How many records of a batch stand how."""

    counted: int
    pending: int
    declined: int
    voided: int


@dataclass(frozen=True, slots=True)
class BatchView:
    """Records that were written down together."""

    id: int
    provenance: Provenance
    name: str | None
    rows_total: int
    problems: Sequence[LineProblem]
    counts: StatusCounts
    recorded_by: int
    recorded_at: datetime
    items: Sequence[RecordView]


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records a list holds; None: whichever."""

    status: ServiceStatus | None = None
    flagged: bool | None = None
    resident_id: int | None = None


_records = (
    select(
        *(RECORD.c[name] for name in RecordView.__slots__ if name != "resident_name"),
        Resident.name,
        Territory.path,
    )
    .join(Resident, (Resident.town_id == RECORD.c.town_id) & (Resident.id == RECORD.c.resident_id))
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .where(RECORD.c.town_id == bindparam("town"))
)
_by_ids = _records.where(is_id_in(RECORD.c.id, "records")).order_by(RECORD.c.id)
_of_batch = _records.where(RECORD.c.batch_id == bindparam("batch")).order_by(RECORD.c.id)
_latest = _records.where(RECORD.c.id < bindparam("before")).order_by(RECORD.c.id.desc()).limit(bindparam("limit"))
_waiting = (
    _records.where(RECORD.c.id > bindparam("after"), RECORD.c.status == ServiceStatus.PENDING)
    .order_by(RECORD.c.id)
    .limit(bindparam("limit"))
)
_batch = select(BATCH).where(BATCH.c.town_id == bindparam("town"), BATCH.c.id == bindparam("batch"))
#: The second person's word, once: who comes second finds the row decided.
_decide = (
    update(RECORD)
    .where(
        RECORD.c.town_id == bindparam("town"),
        RECORD.c.id == bindparam("record"),
        RECORD.c.status == ServiceStatus.PENDING,
        RECORD.c.decided_by.is_(None),
    )
    .values(
        status=bindparam("becomes"),
        decided_by=bindparam("actor"),
        decided_at=bindparam("now"),
        decision_note=bindparam("note"),
    )
    .returning(RECORD.c.id)
)


# Writing down


def record_hours(work: Work, entries: Sequence[Entry]) -> BatchView:
    """Write down hours of residents for whom the actor is an organiser; all of them or none.

    What nothing speaks against counts at once; what is flagged waits for a second person. Raises Forbidden, RecordsInvalid,
    PointsInsufficient (a rulebook that takes points for service).
    """
    judged = judge(work, Provenance.STAFF, dict(enumerate(entries)))
    if any(each.problem is RecordProblem.OUT_OF_REACH for each in judged):
        raise Forbidden
    _refuse_problems(judged)
    take_days(work, judged)
    _refuse_problems(judged)
    batch_id = keep(work, Provenance.STAFF, judged, {"rows_total": len(entries)})
    return told_of(work, batch_id)


def _refuse_problems(judged: Sequence[Judged]) -> None:
    problems = {each.place: each.problem for each in judged if each.problem is not None}
    if problems:
        raise RecordsInvalid(count=len(problems), problems=problems)


def told_of(work: Work, batch_id: int) -> BatchView:
    """A batch that was just written, whose residents are told what counts."""
    view = _read_batch(work, batch_id)
    _tell(work, "service.counted", [each for each in view.items if each.status is ServiceStatus.COUNTED])
    return view


def show_batch(work: Work, batch_id: int) -> BatchView:
    """A batch that the actor wrote down; from the root of the tree, anybody's. Raises BatchUnknown."""
    view = _read_batch(work, batch_id)
    if view.recorded_by != work.actor.id and not holds_at_root(work, Role.ORGANISER):
        raise BatchUnknown
    return view


def _read_batch(work: Work, batch_id: int) -> BatchView:
    asked = {"town": work.town_id, "batch": batch_id}
    batch = work.core.execute(_batch, asked).first()
    if batch is None:
        raise BatchUnknown
    items = [_view(row) for row in work.core.execute(_of_batch, asked)]
    counts = Counter(item.status for item in items)
    return BatchView(
        id=batch.id,
        provenance=batch.provenance,
        name=batch.name,
        rows_total=batch.rows_total,
        problems=[LineProblem(each["line"], each["ref"], RecordProblem(each["problem"])) for each in batch.problems],
        counts=StatusCounts(**{status.value: counts[status] for status in ServiceStatus}),
        recorded_by=batch.recorded_by,
        recorded_at=batch.recorded_at,
        items=items,
    )


# Looking


def list_records(work: Work, chosen: RecordFilter, after: Position | None, limit: int) -> Page[RecordView]:
    """Records of residents for whom the actor is an organiser, the latest first."""
    statement = _latest.where(_within_reach(work, Role.ORGANISER))
    if chosen.status is not None:
        statement = statement.where(RECORD.c.status == chosen.status)
    if chosen.flagged is not None:
        statement = statement.where((RECORD.c.flags != "") if chosen.flagged else (RECORD.c.flags == ""))
    if chosen.resident_id is not None:
        statement = statement.where(RECORD.c.resident_id == chosen.resident_id)
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(statement, {"town": work.town_id, "before": before, "limit": limit + 1}).all()
    return cut([_view(row) for row in rows], limit, lambda view: (view.id,))


def list_reviews(work: Work, after: Position | None, limit: int) -> Page[RecordView]:
    """What waits for a second person, of residents for whom the actor is a manager, the oldest first."""
    statement = _waiting.where(_within_reach(work, Role.MANAGER))
    since = 0 if after is None else int(after[0])
    rows = work.core.execute(statement, {"town": work.town_id, "after": since, "limit": limit + 1}).all()
    return cut([_view(row) for row in rows], limit, lambda view: (view.id,))


def _within_reach(work: Work, role: Role) -> ColumnElement[bool]:
    """Residents below the actor's nodes; whoever has no place is seen from the root alone."""
    if holds_at_root(work, role):
        return true()
    nodes = [grant.path for grant in work.actor.grants if grant.role in (role, Role.ADMIN)]
    return or_(false(), *(Territory.path.startswith(path) for path in nodes))


# Deciding


def decide_records(work: Work, record_ids: Sequence[int], *, accepts: bool, note: str | None) -> list[RecordView]:
    """Accept flagged records, which then count, or decline them; all of them or none.

    Raises RecordUnknown, Forbidden (no manager where the resident lives), RecordSettled, SecondPersonRequired (what one has
    written down oneself), PointsInsufficient.
    """
    ids = sorted(set(record_ids))
    rows = _find(work, ids)
    for row in rows:
        _check_decidable(work, row)
    if not accepts:
        lock_days(work, [(row.resident_id, row.served_on) for row in rows])
    becomes = ServiceStatus.PENDING if accepts else ServiceStatus.DECLINED
    said = {"town": work.town_id, "actor": work.actor.id, "now": work.now, "note": note, "becomes": becomes}
    for row in rows:
        if work.core.scalar(_decide, said | {"record": row.id}) is None:
            raise RecordSettled
        if not accepts:
            give_back_entered(work, row.resident_id, row.served_on, row.minutes)
    if accepts:
        count_services(work, [Service.of_entry(row, has_second_person=True) for row in rows])
    views = [_view(row) for row in _find(work, ids)]
    _tell(work, "service.counted" if accepts else "service.declined", views)
    return views


def _check_decidable(work: Work, row: AnyRow) -> None:
    require_role_over(work, Role.MANAGER, row.path)
    if row.status is not ServiceStatus.PENDING:
        raise RecordSettled
    if row.recorded_by == work.actor.id:
        raise SecondPersonRequired


def void_record(work: Work, record_id: int, reason: str, *, keeps_points: bool) -> RecordView:
    """Take a record back that was written down, with the hours and the points that came of it.

    `keeps_points`: where the points are spent already, the hours go all the same, and the record says that they stay.
    Raises RecordUnknown, Forbidden (no organiser where the resident lives), SignedAtTheDoor, RecordSettled,
    PointsInsufficient.
    """
    [row] = _find(work, [record_id])
    require_role_over(work, Role.ORGANISER, row.path)
    if row.provenance is Provenance.SIGNED:
        raise SignedAtTheDoor
    if row.status not in LIVE:
        raise RecordSettled
    lock_days(work, [(row.resident_id, row.served_on)])
    was = close_record(work, record_id, reason, by_staff=True)
    if was is None:
        raise RecordSettled
    give_back_entered(work, row.resident_id, row.served_on, row.minutes)
    if was.txn_id is not None:
        if not void_points(work, str(record_id), reason, keeps_spent=keeps_points):
            flag_record(work, record_id, ServiceFlag.POINTS_KEPT)
        take_hours_back(work, was, reason)
    [view] = [_view(each) for each in _find(work, [record_id])]
    _tell(work, "service.voided", [view])
    return view


def _find(work: Work, record_ids: Sequence[int]) -> Sequence[AnyRow]:
    rows = work.core.execute(_by_ids, {"town": work.town_id, "records": list(record_ids)}).all()
    if len(rows) < len(record_ids):
        raise RecordUnknown
    return rows


def _view(row: AnyRow) -> RecordView:
    columns = dict(row._mapping)
    name, _path = columns.pop("name"), columns.pop("path")
    flags = [ServiceFlag(word) for word in columns.pop("flags").split()]
    return RecordView(resident_name=greeting(name, row.resident_id), flags=flags, **columns)


def _tell(work: Work, topic: str, views: Iterable[RecordView]) -> None:
    """Let residents know what others wrote down of them."""
    put(
        work,
        [
            Message(
                topic,
                str(view.id),
                {
                    "resident_id": str(view.resident_id),
                    "record_id": str(view.id),
                    "minutes": view.minutes,
                    "served_on": view.served_on.isoformat(),
                },
            )
            for view in views
        ],
    )
