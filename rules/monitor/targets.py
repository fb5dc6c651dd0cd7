"""Which numbers are wished for, and the light that each number gets.

A target speaks of a measure, of a place (or the whole town), of a period of one kind and, where the measure is split so, of
a scene. It holds from a day on, until one of a later day; nothing is changed, so the light as of a past moment is the light
of then. Two numbers are set: from the target on the light is green, from the amber one on amber, else red. Which side is the
good one, the measure says (`better`).

The target that counts for a period is the one in force on its last day; of a running period, today. In a running period a
number that adds up (a flow) is held against the part of its target that the days behind it ask for: today isn't one of
them, and on the first day there is no light yet. Of a number that is wished low the target's part has today in it, as the
number has. A ratio's target holds for the places below too, until one of their own, and for each operator; any other speaks
of all that happens at its place, so one operator's number has none.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, bindparam, exists, insert, or_, select
from sqlalchemy.orm import aliased

from models.monitor import WHOLE_TOWN, Slice
from models.monitor_wishes import MonitorTarget, TargetPeriod
from models.residents import Role
from models.territory import Scene
from rules.clock import local_day
from rules.errors import Kind as Refusal
from rules.errors import RuleError
from rules.ids import ID_MAX
from rules.monitor.definitions import Better, Kind, Measure, Unit
from rules.monitor.measures import MEASURES
from rules.monitor.numbers import Value
from rules.monitor.periods import Period, PeriodKind
from rules.monitor.places import KINDS, Reach, find_whole_reach
from rules.monitor.reading import MeasureUnknown
from rules.paging import Page, Position, cut
from rules.residents.identity import require_role, require_role_at_root
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.territory.tree import PlaceUnknown, find_place
from rules.work import Work


class TargetUnknown(RuleError):
    code = "target.unknown"
    kind = Refusal.UNKNOWN
    zh = "没有这个目标，或它已经被新的目标取代。"
    en = "There is no such target, or a later one has taken its place."


class TargetUnfit(RuleError):
    code = "target.unfit"
    kind = Refusal.INVALID
    zh = "这个指标不能这样设目标：指标要有好坏方向、在该地点（和场景）可见，黄线不能好于目标，占比不超过 1。"
    en = (
        "This measure takes no such target: it must have a better side, be kept for the place (and by scene), amber can't "
        "be better than the target, and a share is at most 1."
    )


class SetInThePast(RuleError):
    code = "monitor.set_in_the_past"
    kind = Refusal.INVALID
    zh = "只能从今天或以后的日期开始生效。"
    en = "It can hold from today on, or from a later day."


class Color(StrEnum):
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Light:
    """A target and how a number stands to it. No light: it is too early to tell, or there is no number."""

    measure: str
    target: float
    amber: float
    light: Color | None


@dataclass(frozen=True, slots=True)
class TargetWish:
    """What a target is to be. Both numbers are in the measure's unit, of a whole period."""

    measure: str
    territory_id: int | None
    scene: Scene | None
    period_kind: TargetPeriod
    from_day: date
    target: float
    amber: float


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target as it is shown. No `target`: from that day on there is none."""

    id: int
    measure: str
    territory_id: int | None
    scene: Scene | None
    period_kind: TargetPeriod
    from_day: date
    target: float | None
    amber: float | None
    recorded_at: datetime
    is_current: bool  #: it holds today, or will from its day on


_later = aliased(MonitorTarget)
_is_replaced = exists().where(
    _later.town_id == MonitorTarget.town_id,
    _later.territory_id == MonitorTarget.territory_id,
    _later.measure == MonitorTarget.measure,
    _later.period_kind == MonitorTarget.period_kind,
    _later.scene.is_not_distinct_from(MonitorTarget.scene),
    or_(
        and_(_later.from_day == MonitorTarget.from_day, _later.id > MonitorTarget.id),
        and_(_later.from_day > MonitorTarget.from_day, _later.from_day <= bindparam("today")),
    ),
)
_COLUMNS = (
    MonitorTarget.id,
    MonitorTarget.measure,
    MonitorTarget.territory_id,
    MonitorTarget.scene,
    MonitorTarget.period_kind,
    MonitorTarget.from_day,
    MonitorTarget.target,
    MonitorTarget.amber,
    MonitorTarget.recorded_at,
    (~_is_replaced & MonitorTarget.target.is_not(None)).label("is_current"),
)
_one = select(*_COLUMNS).where(MonitorTarget.town_id == bindparam("town"), MonitorTarget.id == bindparam("id"))
_listed = (
    select(*_COLUMNS)
    .where(
        MonitorTarget.town_id == bindparam("town"),
        MonitorTarget.territory_id == bindparam("territory"),
        MonitorTarget.id < bindparam("before"),
        or_(bindparam("with_past"), ~_is_replaced & MonitorTarget.target.is_not(None)),
    )
    .order_by(MonitorTarget.id.desc())
    .limit(bindparam("limit"))
)
_in_force = (
    select(
        MonitorTarget.measure,
        MonitorTarget.territory_id,
        MonitorTarget.scene,
        MonitorTarget.target,
        MonitorTarget.amber,
    )
    .where(
        MonitorTarget.town_id == bindparam("town"),
        is_id_in(MonitorTarget.territory_id, "places"),
        MonitorTarget.period_kind == bindparam("period_kind"),
        MonitorTarget.from_day <= bindparam("day"),
        MonitorTarget.recorded_at <= bindparam("as_of"),
    )
    .order_by(MonitorTarget.from_day, MonitorTarget.id)
)
_add = insert(MonitorTarget)


def set_target(work: Work, wish: TargetWish) -> TargetView:
    """Say what a number is to be from a day on.

    Raises Forbidden, PlaceUnknown (also of a building), MeasureUnknown, TargetUnfit, SetInThePast.
    """
    _require_right(work, wish.territory_id)
    if wish.territory_id is not None and find_place(work, wish.territory_id).kind not in KINDS:
        raise PlaceUnknown
    _require_fit(wish)
    if wish.from_day < local_day(work.now):
        raise SetInThePast
    row = {name: getattr(wish, name) for name in TargetWish.__dataclass_fields__}
    return _record(work, row | {"territory_id": wish.territory_id or WHOLE_TOWN})


def end_target(work: Work, target_id: int) -> TargetView:
    """Let a target hold no more: from today on, or from its day if that is to come; then none holds there any more.

    Raises TargetUnknown, Forbidden.
    """
    today = local_day(work.now)
    found = work.core.execute(_one, {"town": work.town_id, "id": target_id, "today": today}).first()
    if found is None or not found.is_current:
        raise TargetUnknown
    _require_right(work, found.territory_id or None)
    kept = {name: getattr(found, name) for name in ("measure", "territory_id", "scene", "period_kind")}
    return _record(work, kept | {"from_day": max(found.from_day, today), "target": None, "amber": None})


def list_targets(
    work: Work, territory_id: int | None, *, with_past: bool, after: Position | None, limit: int
) -> Page[TargetView]:
    """The targets of a place, the latest recorded first: those that hold or will, or all that ever were.

    Raises Forbidden, PlaceUnknown.
    """
    reach = find_whole_reach(work, territory_id)
    asked = {
        "town": work.town_id,
        "territory": reach.territory_id,
        "before": after[0] if after else ID_MAX,
        "today": local_day(work.now),
        "with_past": with_past,
        "limit": limit + 1,
    }
    rows = [_shown(row) for row in work.core.execute(_listed, asked)]
    return cut(rows, limit, lambda target: (target.id,))


def lights(
    work: Work,
    reach: Reach,
    period: Period,
    values: Mapping[str, Value],
    as_of: datetime,
    scene: Scene | None = None,
) -> Mapping[str, Light]:
    """The light of each number that has a target. `scene`: the numbers are of that scene alone."""
    targets = find_targets(work, reach, period, as_of)
    return {
        name: light for name, value in values.items() if (light := targets.light(name, value.value, scene)) is not None
    }


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of a place for one period."""

    place: int
    line: tuple[int, ...]  #: where a ratio's target is looked for: the place, then what is above it
    part: float  #: which part of a flow's target the days that are over ask for; 0 on the first one
    part_today: float  #: the same with today, of what is wished low
    is_everybody: bool  #: the numbers aren't those of one operator
    found: Mapping[tuple[str, int, Scene | None], tuple[float | None, float | None]]

    def light(self, name: str, number: float | None, scene: Scene | None = None) -> Light | None:
        """A number's light; None where there is no target."""
        measure = MEASURES[name]
        pair = self._pair(measure, scene)
        if pair is None:
            return None
        target, amber = pair
        if number is None or (measure.kind is Kind.FLOW and not self.part):
            return Light(name, target, amber, None)
        part = 1.0
        if measure.kind is Kind.FLOW:
            part = self.part_today if measure.better is Better.LESS else self.part
        return Light(name, target, amber, _color(measure.better, number, target * part, amber * part))

    def _pair(self, measure: Measure, scene: Scene | None) -> tuple[float, float] | None:
        passes_on = measure.kind is Kind.RATIO
        if not (passes_on or self.is_everybody):
            return None
        for place in self.line if passes_on else (self.place,):
            for of in (scene, None) if passes_on and scene is not None else (scene,):
                target, amber = self.found.get((measure.name, place, of), (None, None))
                if target is not None and amber is not None:
                    return target, amber
        return None


def find_targets(work: Work, reach: Reach, period: Period, as_of: datetime) -> Targets:
    """The targets that count for a period at a place, as of a moment; none for a period of free length."""
    above = [int(part) for part in reach.path.split("/") if part]
    line = tuple(dict.fromkeys([reach.territory_id, *reversed(above), WHOLE_TOWN]))
    if period.kind is PeriodKind.CUSTOM:
        return Targets(reach.territory_id, line, 0.0, 0.0, is_everybody=True, found={})
    asked = {
        "town": work.town_id,
        "places": line,
        "period_kind": TargetPeriod(period.kind),
        "day": period.last,
        "as_of": as_of,
    }
    rows = work.core.execute(_in_force, asked)
    found = {(row.measure, row.territory_id, row.scene): (row.target, row.amber) for row in rows}
    parts = _parts_over(period, local_day(as_of))
    return Targets(reach.territory_id, line, *parts, is_everybody=reach.operator_id is None, found=found)


def _parts_over(period: Period, today: date) -> tuple[float, float]:
    """Which part of a whole period was over when today began, and is when it ends."""
    days = {TargetPeriod.DAY: 1, TargetPeriod.WEEK: 7, TargetPeriod.MONTH: monthrange(*_month(period.first))[1]}
    whole = days[TargetPeriod(period.kind)]
    over = max((today - period.first).days, 0)
    return min(over, whole) / whole, min(over + 1, whole) / whole


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _color(better: Better, value: float, target: float, amber: float) -> Color:
    sign = 1 if better is Better.MORE else -1
    if sign * value >= sign * target:
        return Color.GREEN
    return Color.AMBER if sign * value >= sign * amber else Color.RED


def _require_right(work: Work, territory_id: int | None) -> None:
    """Raises Forbidden, PlaceUnknown."""
    if territory_id is None:
        require_role_at_root(work, Role.MANAGER)
    else:
        require_role(work, Role.MANAGER, find_place(work, territory_id).path)


def _require_fit(wish: TargetWish) -> None:
    """Raises MeasureUnknown, TargetUnfit."""
    measure = MEASURES.get(wish.measure)
    if measure is None or measure.confidential:
        raise MeasureUnknown
    sign = 1 if measure.better is Better.MORE else -1
    fits = (
        measure.better is not Better.NEITHER
        and not (measure.town_only and wish.territory_id is not None)
        and (wish.scene is None or Slice.SCENE in measure.slices)
        and sign * wish.amber <= sign * wish.target
        and (measure.unit is not Unit.SHARE or max(wish.target, wish.amber) <= 1)
    )
    if not fits:
        raise TargetUnfit


def _record(work: Work, columns: Mapping[str, Any]) -> TargetView:
    row = {"town_id": work.town_id, "id": work.new_id(), "set_by": work.actor.id or None, "recorded_at": work.now}
    work.core.execute(_add, row | dict(columns))
    asked = {"town": work.town_id, "id": row["id"], "today": local_day(work.now)}
    return _shown(work.core.execute(_one, asked).one())


def _shown(row: AnyRow) -> TargetView:
    return TargetView(**{**row._asdict(), "territory_id": row.territory_id or None, "is_current": bool(row.is_current)})
