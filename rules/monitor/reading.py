"""Numbers as of a moment: as of which one may ask, what one may see, and the numbers of a period, of its days or of places.

Unless another moment is asked for, the answer is that of a **settled** one (`rules.monitor.keeping`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from models.monitor import Slice
from models.territory import TerritoryKind
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.monitor.definitions import Measure
from rules.monitor.facts import NO_KEY
from rules.monitor.keeping import SETTLES_IN
from rules.monitor.loading import Loading, Places
from rules.monitor.measures import MEASURES
from rules.monitor.numbers import Value
from rules.monitor.periods import Period, PeriodKind, split
from rules.monitor.places import Reach
from rules.monitor.tree import find_tree
from rules.work import Work

#: The default moment moves on in steps, so that those who look within a step share the answers.
STEP_SECONDS = 5
EARLIEST_YEAR = 2000


class MeasureUnknown(RuleError):
    code = "monitor.measure_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这项指标，或您不能查看；该地点也可能没有这项指标。"
    en = "There is no such measure, or not for you, or not of this place."


class SliceUnknown(RuleError):
    code = "monitor.slice_unknown"
    kind = Kind.INVALID
    zh = "这项指标不能这样细分。"
    en = "This measure isn't split that way."


class AsOfInvalid(RuleError):
    code = "monitor.as_of_invalid"
    kind = Kind.INVALID
    zh = "查询时点不能晚于现在，也不能早于 2000 年。"
    en = "The moment as of which you ask can't be after now, nor before the year 2000."


@dataclass(frozen=True, slots=True)
class Point:
    """A number of some days, the last included."""

    first: date
    last: date
    value: Value


def settled(work: Work) -> datetime:
    """The moment as of which is answered unless another is asked for: some seconds ago."""
    micros = int((work.now - SETTLES_IN).timestamp()) // STEP_SECONDS * STEP_SECONDS
    return datetime.fromtimestamp(micros, UTC)


def find_as_of(work: Work, as_of: datetime | None) -> datetime:
    """The moment as of which to answer. Raises AsOfInvalid when it is to come.

    What others are just writing may not be seen yet as of the last `SETTLES_IN`; so much later the answer is final.
    """
    if as_of is None:
        return settled(work)
    if as_of > work.now or as_of.year < EARLIEST_YEAR:
        raise AsOfInvalid
    return as_of


def find_measure(reach: Reach, name: str, slice_: Slice = Slice.ALL) -> Measure:
    """A measure that the actor may see of this place, split that way. Raises MeasureUnknown, SliceUnknown."""
    measure = MEASURES.get(name)
    if measure is None or not may_see(reach, measure):
        raise MeasureUnknown(measure=name)
    if slice_ is not Slice.ALL and (
        slice_ not in measure.slices or (reach.operator_id and slice_ is not Slice.OPERATOR)
    ):
        raise SliceUnknown
    return measure


def may_see(reach: Reach, measure: Measure) -> bool:
    """Whether the measure is for the actor's eyes, of this place."""
    if measure.confidential and not reach.is_confidential:
        return False
    if reach.operator_id is not None and Slice.OPERATOR not in measure.slices:
        return False
    return reach.is_whole_town or not measure.town_only


def read_values(
    work: Work,
    reach: Reach,
    names: Iterable[str],
    period: Period,
    as_of: datetime,
    slice: Slice = Slice.ALL,  # noqa: A002
) -> Mapping[str, Mapping[str, Value]]:
    """Measures of a period, by key of the slice and name; of Slice.ALL the key is empty.

    Of a sliced measure only keys are there for which something was counted. Raises MeasureUnknown, SliceUnknown.
    """
    measures = [find_measure(reach, name, slice) for name in dict.fromkeys(names)]
    loading = Loading(work, reach, measures, as_of, slice_=slice, is_by_day=False)
    numbers = loading.load((period.first, period.last), [period.last])
    return {
        key: {measure.name: numbers.of(measure, key, period.first, period.last) for measure in measures}
        for key in sorted(numbers.keys)
    }


def read_series(  # noqa: PLR0913
    work: Work,
    reach: Reach,
    names: Iterable[str],
    first: date,
    last: date,
    as_of: datetime,
    *,
    by: PeriodKind = PeriodKind.DAY,
    slice: Slice = Slice.ALL,  # noqa: A002
    key: str = NO_KEY,
) -> Mapping[str, Sequence[Point]]:
    """Measures of each day, week or month from one day to another; the first and the last may be cut off.

    Raises MeasureUnknown, SliceUnknown, PeriodInvalid.
    """
    measures = [find_measure(reach, name, slice) for name in dict.fromkeys(names)]
    spans = split(by, first, min(last, local_day(as_of)))
    ends = [span[1] for span in spans]
    loading = Loading(work, reach, measures, as_of, slice_=slice, key=key)
    numbers = loading.load((spans[0][0], ends[-1]), ends)
    return {
        measure.name: [Point(begins, ends, numbers.of(measure, key, begins, ends)) for begins, ends in spans]
        for measure in measures
    }


def read_places(
    work: Work, reach: Reach, kind: TerritoryKind, names: Iterable[str], period: Period, as_of: datetime
) -> Mapping[int, Mapping[str, Value]]:
    """Measures of a period for every node of a kind at or below a place, by id and name.

    Measures that only the whole town has are left out. Raises MeasureUnknown.
    """
    measures = [measure for name in dict.fromkeys(names) if not (measure := find_measure(reach, name)).town_only]
    tree = find_tree(work)
    nodes = [
        node
        for node, of_kind in tree.kinds.items()
        if of_kind is kind and (reach.is_whole_town or reach.territory_id in tree.lines[node])
    ]
    loading = Loading(work, reach, measures, as_of, places=Places(tree, kind, nodes), is_by_day=False)
    numbers = loading.load((period.first, period.last), [period.last])
    return {
        node: {measure.name: numbers.of(measure, str(node), period.first, period.last) for measure in measures}
        for node in nodes
    }
