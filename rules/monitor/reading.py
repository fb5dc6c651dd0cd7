"""Reading numbers as of a moment.

A number of a period is the sum of what the snapshots say of its days, as far as they had been made by that moment, and of
the facts themselves for the days after. What had been recorded by a **settled** moment can change no more, so answers as
of one are kept (in this process, a limited number), and give the same whenever they are asked for.

A state that is dear to count is what it was at the end of the last day with a snapshot and what changed since; where the
changes have no place, and of states that look back over days, it is what it was then.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Text, bindparam, func, select
from sqlalchemy import cast as turned_into
from sqlalchemy.sql.base import Executable

from models.monitor import Slice, Snapshot, SnapshotValue
from models.territory import TerritoryKind
from rules.clock import local_day, local_moment
from rules.errors import Kind as ErrorKind
from rules.errors import RuleError
from rules.monitor.carrying import Answer, Base, Summing, added, ask_since, end_of_minute, may_carry
from rules.monitor.definitions import Facts, Family, Kind, Measure
from rules.monitor.facts import plan_each_time, sums_of
from rules.monitor.measures import MEASURES
from rules.monitor.periods import DAY, Period, PeriodKind, split
from rules.monitor.places import Reach
from rules.monitor.tree import Tree, read_tree
from rules.rows import AnyRow
from rules.sets import is_id_in, is_text_in
from rules.work import Work

#: By then what was begun at a moment has been committed, or never will be: longer than a request and its last statement.
SETTLES_IN = timedelta(seconds=15)
#: The default moment moves on in steps, so that those who look within a step share the answers.
STEP_SECONDS = 5
#: A state that has no snapshot is counted for so many days, the last ones; for days before them it is unknown.
LIVE_STATES_MAX = 31
LIVE_STATES_ALONE_MAX = 3  #: where no snapshot is there from which they could be carried on
ANSWERS_MAX = 2_000
ROWS_MAX = 20_000  #: of an answer that is kept
ROWS_KEPT_MAX = 200_000  #: of all of them
#: Of so long ago the dear numbers are carried on from minute to minute; of before they are counted anew.
CARRIED_FOR = timedelta(hours=1)
TREE_SECONDS = 300
EARLIEST_YEAR = 2000
NO_KEY = ""

Counts: TypeAlias = dict[date, int]


class MeasureUnknown(RuleError):
    code = "monitor.measure_unknown"
    kind = ErrorKind.UNKNOWN
    zh = "没有这项指标，或您不能查看；该地点也可能没有这项指标。"
    en = "There is no such measure, or not for you, or not of this place."


class SliceUnknown(RuleError):
    code = "monitor.slice_unknown"
    kind = ErrorKind.INVALID
    zh = "这项指标不能这样细分。"
    en = "This measure isn't split that way."


class AsOfInvalid(RuleError):
    code = "monitor.as_of_invalid"
    kind = ErrorKind.INVALID
    zh = "查询时点不能晚于现在，也不能早于 2000 年。"
    en = "The moment as of which you ask can't be after now, nor before the year 2000."


@dataclass(frozen=True, slots=True)
class Value:
    """A number. None: nothing to divide by, or not known (of a state whose day has no snapshot)."""

    value: float | int | None
    numerator: int | None = None  #: of ratios
    denominator: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A number of some days, the last included."""

    first: date
    last: date
    value: Value


@dataclass(frozen=True, slots=True)
class Known:
    """What the snapshots knew at a moment: every day from the first to the last, with what was recorded until `as_of`."""

    first_day: date | None  #: of the town
    last_day: date | None
    as_of: datetime | None

    def covers(self, day: date) -> bool:
        return self.last_day is not None and day <= self.last_day


@dataclass(slots=True)
class Numbers:
    """Counters by measure and key, day by day. States have a day only where they are known."""

    flows: dict[tuple[str, str], Counts] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    states: dict[tuple[str, str], Counts] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    known_states: set[tuple[str, date]] = field(default_factory=set)  #: measure and day; a missing key is 0 there
    keys: set[str] = field(default_factory=set)

    def of(self, measure: Measure, key: str, first: date, last: date) -> Value:
        """A measure of the days from one to another."""
        if measure.over is not None:
            above, below = (self._count(MEASURES[name], key, first, last) for name in measure.over)
            if above is None or not below:
                return Value(None, above, below)
            divisors = [MEASURES[name].divisor for name in measure.over]
            return Value(above * divisors[1] / (below * divisors[0]), above, below)
        count = self._count(measure, key, first, last)
        return Value(count if count is None or measure.divisor == 1 else count / measure.divisor)

    def _count(self, measure: Measure, key: str, first: date, last: date) -> int | None:
        if measure.kind is Kind.STATE:
            if (measure.name, last) not in self.known_states:
                return None
            days = self.states.get((measure.name, key))
            return days.get(last, 0) if days else 0
        days = self.flows.get((measure.name, key))
        if first == last:
            return days.get(first, 0) if days else 0
        return sum(count for day, count in days.items() if first <= day <= last) if days else 0


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
    loading = Loading(work, reach, measures, as_of, slice, None, is_by_day=False)
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
    numbers = load(work, reach, measures, (spans[0][0], ends[-1]), ends, as_of, slice_=slice, key=key)
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
    loading = Loading(work, reach, measures, as_of, Slice.ALL, NO_KEY, _Places(tree, kind, nodes), is_by_day=False)
    numbers = loading.load((period.first, period.last), [period.last])
    return {
        node: {measure.name: numbers.of(measure, str(node), period.first, period.last) for measure in measures}
        for node in nodes
    }


def load(  # noqa: PLR0913
    work: Work,
    reach: Reach,
    measures: Sequence[Measure],
    days: tuple[date, date],
    state_days: Iterable[date],
    as_of: datetime,
    *,
    slice_: Slice = Slice.ALL,
    key: str | None = None,
) -> Numbers:
    """The counters of measures: of flows for each of the days, of states for those that are named.

    `key`: of a slice that one alone.
    """
    return Loading(work, reach, measures, as_of, slice_, key).load(days, state_days)


def find_known(work: Work, as_of: datetime) -> Known:
    """What the snapshots knew at a moment."""
    [row] = _ask(work, as_of, _known, {"town": work.town_id, "as_of": as_of})()
    return Known(row.first_day, row.last_day, row.as_of)


def find_tree(work: Work) -> Tree:
    """The town's tree, read anew every some minutes: a building that was added since has no place until then."""
    kept, key = _kept(work), ("tree", work.town_id, int(work.now.timestamp()) // TREE_SECONDS)
    tree: Tree | None = kept.get(key)
    if tree is None:
        tree = read_tree(work)
        kept.put(key, tree, 0)
    return tree


_known = select(
    func.min(Snapshot.day).label("first_day"),
    func.max(Snapshot.day).label("last_day"),
    func.max(Snapshot.as_of).label("as_of"),
).where(Snapshot.town_id == bindparam("town"), Snapshot.recorded_at <= bindparam("as_of"))
_total = turned_into(func.sum(SnapshotValue.change), BigInteger).label("total")
_stored = (
    select(SnapshotValue.measure, SnapshotValue.key, SnapshotValue.day, _total)
    .where(
        SnapshotValue.town_id == bindparam("town"),
        is_text_in(SnapshotValue.measure, "measures"),
        SnapshotValue.territory_id == bindparam("territory"),
        SnapshotValue.slice == bindparam("of_slice"),
        SnapshotValue.day.between(bindparam("first"), bindparam("last")),
        SnapshotValue.recorded_at <= bindparam("as_of"),
    )
    .group_by(SnapshotValue.measure, SnapshotValue.key, SnapshotValue.day)
)
_stored_of_key = _stored.where(SnapshotValue.key == bindparam("key", type_=Text()))
#: Where nobody asks for each day, the database adds them up: 2,500 rooms are enough rows.
_stored_in_all = _stored.with_only_columns(
    SnapshotValue.measure, SnapshotValue.key, func.max(SnapshotValue.day).label("day"), _total
)
_stored_in_all = _stored_in_all.group_by(None).group_by(SnapshotValue.measure, SnapshotValue.key)
_stored_in_all_of_key = _stored_in_all.where(SnapshotValue.key == bindparam("key", type_=Text()))
_stored_of_places = (
    select(SnapshotValue.measure, SnapshotValue.territory_id, func.max(SnapshotValue.day).label("day"), _total)
    .where(
        SnapshotValue.town_id == bindparam("town"),
        is_text_in(SnapshotValue.measure, "measures"),
        is_id_in(SnapshotValue.territory_id, "territories"),
        SnapshotValue.slice == bindparam("of_slice"),
        SnapshotValue.day.between(bindparam("first"), bindparam("last")),
        SnapshotValue.key == bindparam("key", type_=Text()),
        SnapshotValue.recorded_at <= bindparam("as_of"),
    )
    .group_by(SnapshotValue.measure, SnapshotValue.territory_id)
)


@dataclass(frozen=True, slots=True)
class _Places:
    tree: Tree
    kind: TerritoryKind
    nodes: Sequence[int]


class Loading:
    """One reading: sends every statement first, then takes in what they found."""

    def __init__(  # noqa: PLR0913
        self,
        work: Work,
        reach: Reach,
        measures: Sequence[Measure],
        as_of: datetime,
        slice_: Slice,
        key: str | None,
        places: _Places | None = None,
        *,
        is_by_day: bool = True,
    ) -> None:
        self._is_by_day = is_by_day
        self._work, self._reach, self._as_of, self._places = work, reach, as_of, places
        self._slice, self._key, self._shown_key = slice_, key if slice_ is not Slice.ALL else None, None
        if reach.operator_id is not None:
            self._key = str(reach.operator_id)
            self._shown_key = NO_KEY if slice_ is Slice.ALL else self._key
            self._slice = Slice.OPERATOR
        self._bases = {
            base.name: base
            for measure in measures
            for base in (map(MEASURES.__getitem__, measure.over) if measure.over else (measure,))
        }
        self._numbers = Numbers()
        self._takes: list[Callable[[], None]] = []
        self._known = find_known(work, as_of)
        self._nodes = () if reach.is_whole_town else find_tree(work).below(reach.territory_id)

    def load(self, days: tuple[date, date], state_days: Iterable[date]) -> Numbers:
        if self._slice is Slice.ALL or self._shown_key == NO_KEY:
            self._numbers.keys.add(NO_KEY)
        plan_each_time(self._work)
        self._ask_flows(*days)
        self._ask_states(sorted(set(state_days)))
        for take in self._takes:
            take()
        return self._numbers

    def _ask_flows(self, first: date, last: date) -> None:
        flows = [measure for measure in self._bases.values() if measure.kind is Kind.FLOW]
        stored_until = min(last, self._known.last_day or first - DAY)
        if flows and first <= stored_until:
            self._ask_stored(flows, first, stored_until)
            eve = min(stored_until, (self._known.first_day or first) - DAY)
            earlier = [measure for measure in flows if measure.family and measure.family.has_earlier_days]
            self._ask_live_flows(earlier, first, eve)
        self._ask_live_flows(flows, max(first, stored_until + DAY), last)

    def _ask_live_flows(self, flows: Sequence[Measure], first: date, last: date) -> None:
        if first > last:
            return
        span = {"begin": local_moment(first, "00:00"), "end": local_moment(last + DAY, "00:00")}
        for family, measures in _by_family(flows):
            self._ask_facts(family, family.facts, measures, span, None)

    def _ask_states(self, days: Sequence[date]) -> None:
        states = [measure for measure in self._bases.values() if measure.kind is Kind.STATE]
        if not states:
            return
        stored = [day for day in days if self._known.covers(day)]
        if stored:
            self._ask_stored(states, stored[0], stored[-1])
            self._numbers.known_states.update((measure.name, day) for measure in states for day in stored)
        most = LIVE_STATES_ALONE_MAX if self._known.last_day is None else LIVE_STATES_MAX
        for day in days[len(stored) :][-most:]:
            self._ask_live_states(states, day)

    def _ask_live_states(self, states: Sequence[Measure], day: date) -> None:
        end = local_moment(day + DAY, "00:00")
        since = self._known.last_day
        of_then = []
        for family, measures in _by_family(states):
            if since is not None and (family.window_days or family.changes is not None):
                of_then += measures
                if family.changes is not None and self._have_places(family):
                    span = {"begin": local_moment(since + DAY, "00:00"), "end": end}
                    self._ask_facts(family, family.changes, measures, span, day)
            elif family.window_days:
                continue
            else:
                self._ask_facts(family, family.facts, measures, {"begin": end, "end": end}, day)
            self._numbers.known_states.update((measure.name, day) for measure in measures)
        if since is not None and of_then:
            self._ask_stored(of_then, since, since, as_day=day)

    def _have_places(self, family: Family) -> bool:
        return family.changes_have_places or (self._reach.is_whole_town and self._places is None)

    def _ask_stored(self, measures: Sequence[Measure], first: date, last: date, *, as_day: date | None = None) -> None:
        asked: dict[str, Any] = {
            "town": self._work.town_id,
            "measures": tuple(measure.name for measure in measures),
            "of_slice": self._slice,
            "first": first,
            "last": last,
            "as_of": self._as_of,
        }
        places = self._places
        if places is not None:
            asked |= {"territories": tuple(places.nodes), "key": self._key or NO_KEY}
            found = _ask(self._work, self._as_of, _stored_of_places, asked)
        elif self._key is not None:
            asked |= {"territory": self._reach.territory_id, "key": self._key}
            statement = _stored_of_key if self._is_by_day else _stored_in_all_of_key
            found = _ask(self._work, self._as_of, statement, asked)
        else:
            asked |= {"territory": self._reach.territory_id}
            found = _ask(self._work, self._as_of, _stored if self._is_by_day else _stored_in_all, asked)

        def take() -> None:
            for row in found():
                key = str(row.territory_id) if places is not None else row.key
                self._add(self._bases[row.measure], key, as_day or row.day, row.total)

        self._takes.append(take)

    def _ask_facts(
        self,
        family: Family,
        facts: Facts,
        measures: Sequence[Measure],
        span: Mapping[str, datetime],
        as_day: date | None,
    ) -> None:
        """`as_day`: the day for which sums over all days are taken."""
        in_place, places = not self._reach.is_whole_town, self._places
        counters = tuple(sorted({measure.counter for measure in measures}))
        summing = partial(
            sums_of,
            counters=counters,
            by_day=as_day is None,
            by_place=places is not None,
            by=() if self._slice is Slice.ALL else (self._slice,),
            with_key=self._key is not None,
            in_place=in_place,
        )
        asked = {"town": self._work.town_id, "as_of": self._as_of, **span}
        asked |= {"nodes": self._nodes} if in_place else {}
        asked |= {"key": self._key} if self._key is not None else {}
        found = self._find_sums(family, facts, summing, counters, asked)
        of_slice = None if self._slice is Slice.ALL else self._slice.value

        def take() -> None:
            for row in found():
                key = NO_KEY if of_slice is None else getattr(row, of_slice)
                if places is not None:
                    key = str(places.tree.node_of(row.territory_id, places.kind))
                for measure in measures:
                    self._add(measure, key, as_day or row.day, getattr(row, measure.counter))

        self._takes.append(take)

    def _find_sums(
        self, family: Family, facts: Facts, summing: Summing, counters: Sequence[str], asked: Mapping[str, Any]
    ) -> Answer:
        """Sums over facts, carried on from those as of an earlier minute if that is possible."""
        work, statement = self._work, summing(facts)
        turn = end_of_minute(min(self._as_of, work.now - SETTLES_IN))
        if not may_carry(family, facts) or turn < max(asked["begin"], work.now - CARRIED_FOR):
            return _ask(work, self._as_of, statement, asked)

        def carry() -> Answer:
            kept, key = _kept(work), ("minute", statement, _hashable({**asked, "as_of": None}))
            base: Base | None = kept.get(key)
            if base is not None and base.as_of > turn:
                return work.send(statement, asked).all
            until_turn = _nothing
            if base is None:
                until_turn = work.send(statement, {**asked, "as_of": turn}).all
            elif base.as_of < turn:
                until_turn = ask_since(work, family, facts, summing, asked, counters, (base.as_of, turn))
            rest = ask_since(work, family, facts, summing, asked, counters, (turn, self._as_of))

            def wait() -> Sequence[AnyRow]:
                rows = added(([] if base is None else base.rows, until_turn()), counters)
                if len(rows) <= ROWS_MAX:
                    kept.put(key, Base(turn, rows), len(rows))
                return added((rows, rest()), counters)

            return wait

        return _keep(work, self._as_of, (statement, _hashable(asked)), carry)

    def _add(self, measure: Measure, key: str, day: date, count: int) -> None:
        if not count:
            return
        key = key if self._shown_key is None or self._places is not None else self._shown_key
        self._numbers.keys.add(key)
        counts = self._numbers.states if measure.kind is Kind.STATE else self._numbers.flows
        counts[measure.name, key][day] += count


def _by_family(measures: Iterable[Measure]) -> Iterable[tuple[Family, list[Measure]]]:
    families: defaultdict[Family, list[Measure]] = defaultdict(list)
    for measure in measures:
        assert measure.family is not None, "what isn't a ratio has a family"
        families[measure.family].append(measure)
    return families.items()


class _Kept:
    """Answers as of settled moments, the last ones that were asked for."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._rows = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any:
        with self._lock:
            if key not in self._answers:
                return None
            self._answers.move_to_end(key)
            return self._answers[key][0]

    def put(self, key: Hashable, answer: Any, rows: int) -> None:
        """Keep an answer of so many rows."""
        with self._lock:
            self._rows += rows - self._answers.pop(key, (None, 0))[1]
            self._answers[key] = answer, rows
            while len(self._answers) > ANSWERS_MAX or self._rows > ROWS_KEPT_MAX:
                _, (_, forgotten) = self._answers.popitem(last=False)
                self._rows -= forgotten


def _kept(work: Work) -> _Kept:
    return work.recall("monitor.answers", _Kept)


def _ask(work: Work, as_of: datetime, statement: Executable, asked: Mapping[str, Any]) -> Answer:
    """Send a statement, or remember what it found. The rows are waited for when they are asked for."""
    return _keep(work, as_of, (statement, _hashable(asked)), lambda: work.send(statement, asked).all)


def _keep(work: Work, as_of: datetime, key: Hashable, ask: Callable[[], Answer]) -> Answer:
    """Ask, or remember what was found as of a moment that has settled."""
    if as_of > work.now - SETTLES_IN:
        return ask()
    kept = _kept(work)
    answer = kept.get(key)
    if answer is not None:
        return lambda: answer
    found = ask()

    def wait() -> Sequence[AnyRow]:
        rows = found()
        if len(rows) <= ROWS_MAX:
            kept.put(key, rows, len(rows))
        return rows

    return wait


def _hashable(asked: Mapping[str, Any]) -> Hashable:
    return tuple(sorted(asked.items()))


def _nothing() -> Sequence[AnyRow]:
    return ()
