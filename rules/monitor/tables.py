"""Boards: a row for each scene, operator or place, a column for each measure, and the period before beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from rules.errors import InBoth
from rules.monitor.measures import MEASURES
from rules.monitor.numbers import Value
from rules.monitor.periods import Period
from rules.monitor.places import Reach
from rules.monitor.targets import Light

Number: TypeAlias = int | float
Cells: TypeAlias = Mapping[str, Number | None]


@dataclass(frozen=True, slots=True)
class Column:
    """What stands in a column. `unit`: a word of Unit, or `per_thousand`."""

    name: str
    title: InBoth
    unit: str


@dataclass(frozen=True, slots=True)
class Part:
    """What a measure gave to a score: its share of the best, times its weight."""

    measure: str
    weight: int
    share: float | None  #: 0 to 1; None: there was nothing to measure
    points: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a board. `rank`, `score`, `parts`: of rankings alone."""

    key: str  #: of the slice: a scene's word, an id
    title: InBoth | str
    cells: Cells
    previous: Cells
    lights: Sequence[Light] = ()
    rank: int | None = None
    score: float | None = None
    parts: Sequence[Part] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A board."""

    as_of: datetime
    reach: Reach
    period: Period
    columns: Sequence[Column]
    rows: Sequence[Row]


def columns_of(names: Iterable[str]) -> list[Column]:
    """A column for each measure."""
    return [Column(name, MEASURES[name].title, MEASURES[name].unit) for name in names]


def cells_of(names: Iterable[str], values: Mapping[str, Value] | None) -> Cells:
    """The numbers of a row. What was never counted is 0 of a number, and nothing of a ratio."""
    return {name: number_of(name, values) for name in names}


def number_of(name: str, values: Mapping[str, Value] | None) -> Number | None:
    """The number of a measure, of a row that may have none of it."""
    if values is not None and name in values:
        return values[name].value
    return 0 if MEASURES[name].over is None else None
