"""Measures over time: a number for each day, week or month of a period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from models.monitor import Slice
from models.territory import Scene
from rules.errors import InBoth
from rules.monitor.asking import Question, ask
from rules.monitor.facts import NO_KEY
from rules.monitor.measures import MEASURES
from rules.monitor.periods import PeriodKind
from rules.monitor.reading import Point, read_series
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Span:
    """The number of some days, the last included."""

    first_day: date
    last_day: date
    value: float | int | None


@dataclass(frozen=True, slots=True)
class Trend:
    """A measure over time."""

    measure: str
    title: InBoth
    unit: str
    values: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Trends:
    """Several measures over the same days."""

    as_of: datetime
    by: PeriodKind
    series: Sequence[Trend]


def show_trends(
    work: Work,
    question: Question,
    names: Sequence[str],
    *,
    by: PeriodKind,
    scene: Scene | None = None,
    detail: str | None = None,
) -> Trends:
    """Measures over the days of a period, of all things or of one scene or detail.

    Raises what `ask` does, MeasureUnknown, SliceUnknown.
    """
    asked = ask(work, question)
    slice_, key = slice_of(scene, detail)
    span = asked.period.first, asked.period.last
    points = read_series(work, asked.reach, names, *span, asked.as_of, by=by, slice=slice_, key=key)
    return trends_of(asked.as_of, points, by)


def trends_of(as_of: datetime, points: Mapping[str, Sequence[Point]], by: PeriodKind = PeriodKind.DAY) -> Trends:
    """What was read, with the measures' titles."""
    return Trends(as_of, by, [_trend(name, of_name) for name, of_name in points.items()])


def slice_of(scene: Scene | None, detail: str | None) -> tuple[Slice, str]:
    """Which part of a measure is asked for."""
    if scene is not None:
        return Slice.SCENE, scene.value
    return (Slice.ALL, NO_KEY) if detail is None else (Slice.DETAIL, detail)


def _trend(name: str, points: Sequence[Point]) -> Trend:
    spans = [Span(point.first, point.last, point.value.value) for point in points]
    return Trend(name, MEASURES[name].title, MEASURES[name].unit, spans)
