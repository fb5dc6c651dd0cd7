"""Which measures there are, of which places, and which days are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, bindparam, exists, or_, select
from sqlalchemy.orm import aliased

from models.monitor import WHOLE_TOWN, Snapshot
from models.operators import OperatorStaff
from models.residents import Role, RoleGrant
from models.territory import Operator, Territory, TerritoryKind
from rules.errors import InBoth
from rules.monitor.definitions import Better, Kind, Measure
from rules.monitor.measures import MEASURES
from rules.monitor.places import KINDS, find_reach, find_whole_reach
from rules.paging import Page, Position, cut
from rules.residents.identity import Forbidden, holds_at_root
from rules.rows import AnyRow
from rules.work import ActorKind, Work


@dataclass(frozen=True, slots=True)
class MeasureView:
    """A measure in words."""

    name: str
    title: InBoth
    meaning: InBoth
    unit: str
    kind: Kind
    better: Better
    slices: Sequence[str]
    divisor: int  #: how many of what its rows count make one of the unit
    over: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A place of which somebody sees numbers. WHOLE_TOWN, without a kind: the whole town."""

    territory_id: int
    name: str
    kind: TerritoryKind | None


@dataclass(frozen=True, slots=True)
class OwnOperators:
    items: Sequence[AnyRow]


@dataclass(frozen=True, slots=True)
class MeasureList:
    items: Sequence[MeasureView]


_COLUMNS = (Snapshot.day, Snapshot.n, Snapshot.recorded_at, Snapshot.as_of, Snapshot.changes)
_snapshots = (
    select(*_COLUMNS)
    .where(
        Snapshot.town_id == bindparam("town"),
        or_(
            Snapshot.day < bindparam("day"),
            and_(Snapshot.day == bindparam("day"), Snapshot.n < bindparam("n")),
        ),
    )
    .order_by(Snapshot.day.desc(), Snapshot.n.desc())
    .limit(bindparam("limit"))
)
_holder = aliased(Territory)
_is_held = exists().where(
    RoleGrant.town_id == Territory.town_id,
    RoleGrant.staff_id == bindparam("staff"),
    RoleGrant.role.in_((Role.AUDITOR, Role.MANAGER, Role.ADMIN)),
    _holder.town_id == RoleGrant.town_id,
    _holder.id == RoleGrant.territory_id,
    Territory.path.startswith(_holder.path),
)
_places = (
    select(Territory.id, Territory.name, Territory.kind)
    .where(
        Territory.town_id == bindparam("town"),
        Territory.id > bindparam("after"),
        Territory.kind.in_(sorted(KINDS)),
        _is_held,
    )
    .order_by(Territory.id)
    .limit(bindparam("limit"))
)
_own_operators = (
    select(Operator.id, Operator.name)
    .join(OperatorStaff, and_(OperatorStaff.town_id == Operator.town_id, OperatorStaff.operator_id == Operator.id))
    .where(Operator.town_id == bindparam("town"), OperatorStaff.staff_id == bindparam("staff"))
    .order_by(Operator.name)
)
_END = (date.max, 0)


def list_measures(work: Work) -> MeasureList:
    """Every measure; the confidential ones for auditors of the whole town."""
    is_auditor = holds_at_root(work, Role.AUDITOR)
    return MeasureList([_shown(each) for each in MEASURES.values() if is_auditor or not each.confidential])


def list_places(work: Work, after: Position | None, limit: int) -> Page[PlaceView]:
    """Of which places the actor sees numbers: first the whole town, if they see it, then nodes as they were added."""
    asked = {"town": work.town_id, "staff": _staff_id(work), "after": after[0] if after else 0, "limit": limit + 1}
    found = [PlaceView(row.id, row.name, row.kind) for row in work.core.execute(_places, asked)]
    page = cut(found, limit, lambda place: (place.territory_id,))
    if after is not None or not _sees_the_town(work):
        return page
    return Page([PlaceView(WHOLE_TOWN, find_reach(work, None).name, None), *page.items], page.next_after)


def list_own_operators(work: Work) -> OwnOperators:
    """The operators for which the actor acts, by name; nobody but staff acts for any."""
    rows = work.core.execute(_own_operators, {"town": work.town_id, "staff": _staff_id(work)}).all()
    return OwnOperators(rows)


def _staff_id(work: Work) -> int:
    return work.actor.id if work.actor.kind is ActorKind.STAFF else 0


def _sees_the_town(work: Work) -> bool:
    try:
        find_reach(work, None)
    except Forbidden:
        return False
    return True


def list_snapshots(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """What was stored: the latest day first, and of each day its last correction. Raises Forbidden."""
    find_whole_reach(work, None)
    day, n = _END if after is None else (date.fromordinal(max(int(after[0]), 1)), int(after[1]))
    asked = {"town": work.town_id, "day": day, "n": n, "limit": limit + 1}
    return cut(work.core.execute(_snapshots, asked).all(), limit, lambda row: (row.day.toordinal(), row.n))


def _shown(measure: Measure) -> MeasureView:
    return MeasureView(
        measure.name,
        measure.title,
        measure.meaning,
        measure.unit,
        measure.kind,
        measure.better,
        sorted(measure.slices),
        measure.divisor,
        measure.over,
    )
