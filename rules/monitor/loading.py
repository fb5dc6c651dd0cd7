"""What was counted as of a moment, from wherever it is known.

A number of a period is the sum of what the snapshots say of its days, as far as they had been made by that moment, and of
the facts themselves for the days after.

A state that is dear to count is what it was at the end of the last day with a snapshot and what changed since; where the
changes have no place, and of states that look back over days, it is what it was then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, func, select
from sqlalchemy import cast as turned_into

from models.monitor import Slice, Snapshot, SnapshotValue
from models.territory import TerritoryKind
from rules.clock import local_moment
from rules.monitor.carrying import find_sums
from rules.monitor.definitions import Facts, Family, Kind, Measure
from rules.monitor.facts import NO_KEY, plan_each_time, sums_of
from rules.monitor.keeping import ask_once, in_turn, kept_answers
from rules.monitor.measures import MEASURES
from rules.monitor.numbers import Numbers
from rules.monitor.periods import DAY
from rules.monitor.places import Reach
from rules.monitor.tree import Tree, find_tree
from rules.sets import is_id_in, is_text_in
from rules.work import Work

#: A state that has no snapshot is counted for so many days, the last ones; for days before them it is unknown.
LIVE_STATES_MAX = 31
LIVE_STATES_ALONE_MAX = 3  #: where no snapshot is there from which they could be carried on

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
class Known:
    """What the snapshots knew at a moment: every day from the first to the last, with what was recorded until `as_of`."""

    first_day: date | None  #: of the town
    last_day: date | None
    as_of: datetime | None

    def covers(self, day: date) -> bool:
        return self.last_day is not None and day <= self.last_day


@dataclass(frozen=True, slots=True)
class Places:
    """All nodes of a kind, of which each has its numbers."""

    tree: Tree
    kind: TerritoryKind
    nodes: Sequence[int]


def find_known(work: Work, as_of: datetime) -> Known:
    """What the snapshots knew at a moment."""
    [row] = ask_once(work, _known, {"town": work.town_id, "as_of": as_of})()
    return Known(row.first_day, row.last_day, row.as_of)


class Loading:
    """One reading: sends every statement first, then takes in what they found.

    `key`: of a slice that one alone. `places`: of each of these, not of the place as one. Unless `is_by_day`, the days that
    have a snapshot are added up in the database.
    """

    def __init__(  # noqa: PLR0913
        self,
        work: Work,
        reach: Reach,
        measures: Sequence[Measure],
        as_of: datetime,
        *,
        slice_: Slice = Slice.ALL,
        key: str | None = None,
        places: Places | None = None,
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
        """The counters of measures: of flows for each day from one to another, of states for those that are named."""
        if self._slice is Slice.ALL or self._shown_key == NO_KEY:
            self._numbers.keys.add(NO_KEY)
        plan_each_time(self._work)
        with in_turn(kept_answers(self._work)):
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
        since, is_whole_town = self._known.last_day, self._reach.is_whole_town and self._places is None
        of_then = []
        for family, measures in _by_family(states):
            if since is not None and (family.window_days or family.changes is not None):
                of_then += measures
                if family.changes is not None and not family.is_of_then(is_whole_town=is_whole_town):
                    span = {"begin": local_moment(since + DAY, "00:00"), "end": end}
                    self._ask_facts(family, family.changes, measures, span, day)
            elif family.window_days:
                continue
            else:
                self._ask_facts(family, family.facts, measures, {"begin": end, "end": end}, day)
            self._numbers.known_states.update((measure.name, day) for measure in measures)
        if since is not None and of_then:
            self._ask_stored(of_then, since, since, as_day=day)

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
            found = ask_once(self._work, _stored_of_places, asked)
        elif self._key is not None:
            asked |= {"territory": self._reach.territory_id, "key": self._key}
            statement = _stored_of_key if self._is_by_day else _stored_in_all_of_key
            found = ask_once(self._work, statement, asked)
        else:
            asked |= {"territory": self._reach.territory_id}
            found = ask_once(self._work, _stored if self._is_by_day else _stored_in_all, asked)

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
        found = find_sums(self._work, family, facts, summing, counters, asked)
        of_slice = None if self._slice is Slice.ALL else self._slice.value

        def take() -> None:
            for row in found():
                key = NO_KEY if of_slice is None else getattr(row, of_slice)
                if places is not None:
                    key = str(places.tree.node_of(row.territory_id, places.kind))
                for measure in measures:
                    self._add(measure, key, as_day or row.day, getattr(row, measure.counter))

        self._takes.append(take)

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
