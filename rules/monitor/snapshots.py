"""Working out the numbers of days that are over, and what was recorded late of days that had been worked out before.

A run counts what had been recorded until one moment, a settled one. First it works out anew each day of which something was
recorded since the run before (`Family.touched`), all of them in one transaction, and stores the differences; then the days
since the last one with a snapshot, some at a time. So after each transaction this holds: **every day until the last one
is known with what had been recorded until the latest `as_of`**, which reading, drilling and verifying rely on. Only states
that look back over days stay what they were when their day was worked out first: one late row would change them for weeks.

Facts are summed up by the database, by day, place and key; here they are added to the nodes above. That is read in a
survey, which keeps nobody waiting, and stored in a short transaction of its own. Rows are added and never changed. Two runs
that meet want to store the same number of a day's snapshot, and one of them stores nothing (a unique key).

A snapshot says from when on it is the answer: a little later than it is stored, so that nobody who asked before it was
there was told something else as of the same moment. Who would take longer than that to store it is undone.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, TypeAlias, cast

from sqlalchemy import Table, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from models.activities import Session
from models.ledger import Txn
from models.monitor import WHOLE_TOWN, Slice, Snapshot, SnapshotValue
from models.residents import Resident
from rules import bulk
from rules.clock import local_day, local_moment
from rules.ids import moment_of
from rules.monitor.definitions import Facts, Family, Measure
from rules.monitor.facts import NO_KEY, allow_loops, plan_each_time, sums_of
from rules.monitor.measures import MEASURES
from rules.monitor.periods import DAY, days_between
from rules.monitor.tree import Tree, read_tree
from rules.monitor.webhooks import tell_of_snapshot
from rules.sets import is_text_in
from rules.venues.days import fix_missing
from rules.work import SYSTEM, Transactions, Work

#: So far back a run looks, so that what was begun then has long been committed.
LAG = timedelta(minutes=2)
#: So long after it began to be stored a snapshot becomes the answer.
READY_IN = timedelta(minutes=2)
DAYS_A_RUN = 800
DAYS_AT_A_TIME = 7  #: a million numbers of a large town: what a process holds, and stores well within READY_IN
ROWS_AT_A_TIME = 20_000  #: a statement of some seconds at most

#: A number that is kept: measure, node, slice, key, day.
Place: TypeAlias = tuple[str, int, Slice, str, date]
Sums: TypeAlias = dict[Place, int]


#: By how much numbers change, and the so-manieth snapshot of which days that is.
Batch: TypeAlias = tuple[Sums, dict[date, int]]


class _MetAnother(Exception):
    """Another run has stored the same snapshot."""


class StoredTooSlowly(Exception):
    """Storing a snapshot took so long that somebody may have been told something else in the meantime."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a run made."""

    days: int = 0  #: for the first time
    corrected: int = 0  #: days of which something was recorded late
    changes: int = 0  #: rows
    is_complete: bool = True  #: no day that is over is left


@dataclass(frozen=True, slots=True)
class State:
    """What the snapshots hold, all that are stored."""

    first_day: date | None  #: of the town; None: nothing ever happened
    last_day: date | None  #: with a snapshot
    as_of: datetime | None
    recorded_at: datetime | None


_state = select(
    func.min(Snapshot.day).label("first_day"),
    func.max(Snapshot.day).label("last_day"),
    func.max(Snapshot.as_of).label("as_of"),
    func.max(Snapshot.recorded_at).label("recorded_at"),
).where(Snapshot.town_id == bindparam("town"))
_first_of_residents = select(func.min(Resident.registered_at)).where(Resident.town_id == bindparam("town"))
_first_of_sessions = select(func.min(Session.starts_at)).where(Session.town_id == bindparam("town"))
_first_txn = select(func.min(Txn.id)).where(Txn.town_id == bindparam("town"))
FIRST_SNAPSHOTS = select(Snapshot.day, Snapshot.as_of).where(
    Snapshot.town_id == bindparam("town"), Snapshot.day.between(bindparam("first"), bindparam("last")), Snapshot.n == 1
)
_counts = (
    select(Snapshot.day, func.max(Snapshot.n).label("n"))
    .where(Snapshot.town_id == bindparam("town"), Snapshot.day.between(bindparam("first"), bindparam("last")))
    .group_by(Snapshot.day)
)
_stored = (
    select(
        SnapshotValue.measure,
        SnapshotValue.territory_id,
        SnapshotValue.slice,
        SnapshotValue.key,
        SnapshotValue.day,
        func.sum(SnapshotValue.change).label("total"),
    )
    .where(
        SnapshotValue.town_id == bindparam("town"),
        is_text_in(SnapshotValue.measure, "measures"),
        SnapshotValue.day.between(bindparam("first"), bindparam("last")),
    )
    .group_by(
        SnapshotValue.measure,
        SnapshotValue.territory_id,
        SnapshotValue.slice,
        SnapshotValue.key,
        SnapshotValue.day,
    )
)
#: Runs store one after the other.
_take_turn = (
    select(Snapshot.day)
    .where(Snapshot.town_id == bindparam("town"), Snapshot.n == 1)
    .order_by(Snapshot.day)
    .limit(1)
    .with_for_update(key_share=True)
)
_last_as_of = select(func.max(Snapshot.as_of)).where(Snapshot.town_id == bindparam("town"))
_add_snapshot = (
    insert(Snapshot)
    .on_conflict_do_nothing(index_elements=["town_id", "day", "n"])
    .returning(Snapshot.day)
    .execution_options(synchronize_session=False)
)
_VALUES = cast(Table, SnapshotValue.__table__)


def make_snapshots(
    transactions: Transactions,
    town_id: int,
    *,
    as_of: datetime | None = None,
    ready_in: timedelta = READY_IN,
    days_max: int = DAYS_A_RUN,
    again: tuple[date, date] | None = None,
) -> Made:
    """Correct days of which something was recorded late, then work out those that are over and have no snapshot yet.

    `as_of`: what was recorded until then counts; two minutes ago unless it is given. At most `days_max` new days.
    `again`: from which day to which every measure is worked out anew: after a measure was added, say. Raises
    StoredTooSlowly.
    """
    fix_missing(transactions, town_id)
    state = transactions.read(town_id, SYSTEM, read_state)
    until = as_of or transactions.read(town_id, SYSTEM, lambda work: work.now - LAG)
    if state.first_day is None or (state.as_of is not None and until <= state.as_of):
        return Made()
    begins = state.last_day + DAY if state.last_day else state.first_day
    missing = days_between(begins, local_day(until) - DAY)
    made = Made(is_complete=len(missing) <= days_max)
    try:
        for changes, counts in _batches(transactions, town_id, state, until, missing[:days_max], again):
            transactions.write(town_id, SYSTEM, _store, changes, counts, until, ready_in)
            is_new = min(counts) >= begins
            made = Made(
                made.days + len(counts) * is_new,
                made.corrected + len(counts) * (not is_new),
                made.changes + len(changes),
                made.is_complete,
            )
    except _MetAnother:
        return replace(made, is_complete=False)
    return made


def read_state(work: Work) -> State:
    """What the snapshots hold; the town's first day from its first row where there are none."""
    row = work.core.execute(_state, {"town": work.town_id}).one()
    if row.first_day is not None:
        return State(row.first_day, row.last_day, row.as_of, row.recorded_at)
    begun = [work.core.scalar(first, {"town": work.town_id}) for first in (_first_of_residents, _first_of_sessions)]
    first_txn = work.core.scalar(_first_txn, {"town": work.town_id})
    begun.append(None if first_txn is None else moment_of(first_txn))
    days = [local_day(moment) for moment in begun if moment is not None]
    return State(min(days, default=None), None, None, None)


def measure_days(
    work: Work, measures: Iterable[Measure], days: Sequence[date], as_of: datetime, before: Sums | None = None
) -> Sums:
    """What measures come to on days that follow one another, at every node and for every key, with what was recorded by
    a moment; of states over days by the moment as of which the day was worked out first.

    A state that says where it changed is counted at the end of the first day, and carried on from there. `before`: what
    this said of the day before as of the same moment, to carry it on from.
    """
    plan_each_time(work, workers=True)
    tree = read_tree(work)
    first_as_of = read_first_as_of(work, days[0], days[-1])
    sums: Sums = defaultdict(int)
    for family, of_family in by_family(measures).items():
        if not family.is_state:
            span = {"begin": local_moment(days[0], "00:00"), "end": local_moment(days[-1] + DAY, "00:00")}
            _add_sums(work, tree, sums, family.facts, of_family, span | {"as_of": as_of}, None)
            continue
        counted = days if not may_be_carried(family) else () if before is not None else days[:1]
        for day in counted:
            end = local_moment(day + DAY, "00:00")
            known_as_of = first_as_of.get(day, as_of) if family.window_days else as_of
            span = {"begin": end - family.window_days * DAY, "end": end, "as_of": known_as_of}
            _add_sums(work, tree, sums, family.facts, of_family, span, day)
        rest = days[len(counted) :]
        if rest:
            _carry_on(work, tree, sums, family, of_family, rest, as_of, before if before is not None else sums)
    return {place: total for place, total in sums.items() if total}


def may_be_carried(family: Family) -> bool:
    """Whether a state of one day is that of the day before and what changed since, at every place."""
    return family.changes is not None and not family.is_of_then(is_whole_town=False)


def _carry_on(  # noqa: PLR0913, PLR0917
    work: Work,
    tree: Tree,
    sums: Sums,
    family: Family,
    measures: Sequence[Measure],
    days: Sequence[date],
    as_of: datetime,
    before: Sums,
) -> None:
    """Add a state at the end of each day: that of the day before the first, and what changed since."""
    assert family.changes is not None, "a state that is carried on says what changed"
    names, eve = {measure.name for measure in measures}, days[0] - DAY
    state = {place: count for place, count in before.items() if place[0] in names and place[4] == eve}
    allow_loops(work, are_allowed=True)  # a day is little of a large table
    for day in days:
        state = defaultdict(int, {(*place[:4], day): count for place, count in state.items() if count})
        span = {"begin": local_moment(day, "00:00"), "end": local_moment(day + DAY, "00:00"), "as_of": as_of}
        _add_sums(work, tree, state, family.changes, measures, span, day)
        sums.update(state)
    allow_loops(work, are_allowed=False)


def read_first_as_of(work: Work, first: date, last: date) -> Mapping[date, datetime]:
    """As of which moment days were worked out for the first time."""
    asked = {"town": work.town_id, "first": first, "last": last}
    return {row.day: row.as_of for row in work.send(FIRST_SNAPSHOTS, asked).all()}


def read_stored(work: Work, measures: Iterable[Measure], days: Sequence[date]) -> Sums:
    """What the snapshots say of days that follow one another, in all."""
    names = [measure.name for measure in measures]
    asked = {"town": work.town_id, "measures": names, "first": days[0], "last": days[-1]}
    return {
        (row.measure, row.territory_id, row.slice, row.key, row.day): int(row.total)
        for row in work.core.execute(_stored, asked)
    }


def by_family(measures: Iterable[Measure]) -> Mapping[Family, list[Measure]]:
    """Measures that aren't ratios by the statement behind them."""
    families: defaultdict[Family, list[Measure]] = defaultdict(list)
    for measure in measures:
        if measure.family is not None:
            families[measure.family].append(measure)
    return families


def _batches(
    transactions: Transactions,
    town_id: int,
    state: State,
    until: datetime,
    missing: Sequence[date],
    again: tuple[date, date] | None,
) -> Iterator[Batch]:
    """What is to be stored in a transaction each: corrections first, then days without a snapshot."""
    if state.last_day is not None:
        changes, counts = transactions.survey(town_id, SYSTEM, _find_changes, state, until, again)
        if changes:
            yield changes, counts
    before: Sums | None = None
    for n in range(0, len(missing), DAYS_AT_A_TIME):
        days = missing[n : n + DAYS_AT_A_TIME]
        sums = transactions.survey(town_id, SYSTEM, measure_days, MEASURES.values(), days, until, before)
        yield sums, dict.fromkeys(days, 1)
        before = {place: count for place, count in sums.items() if place[4] == days[-1]}


def _store(work: Work, changes: Sums, counts: Mapping[date, int], as_of: datetime, ready_in: timedelta) -> None:
    """Store snapshots of days, each the day's so-manieth, and by how much they change which number.

    Raises _MetAnother when another run has stored one of them, or something that was recorded later, StoredTooSlowly.
    """
    begun = time.monotonic()
    recorded_at = work.now + ready_in
    work.core.execute(_take_turn, {"town": work.town_id})
    last_as_of = work.core.scalar(_last_as_of, {"town": work.town_id})
    if last_as_of is not None and last_as_of > as_of:
        raise _MetAnother
    of_day = Counter(place[4] for place in changes)
    for day, n in sorted(counts.items()):
        row = {"town_id": work.town_id, "day": day, "recorded_at": recorded_at, "n": n, "as_of": as_of}
        if work.core.execute(_add_snapshot, row | {"changes": of_day[day]}).first() is None:
            raise _MetAnother
    rows = iter(
        {
            "town_id": work.town_id,
            "measure": measure,
            "territory_id": node,
            "slice": slice_,
            "day": day,
            "key": key,
            "recorded_at": recorded_at,
            "change": change,
        }
        for (measure, node, slice_, key, day), change in changes.items()
    )
    while some := list(islice(rows, ROWS_AT_A_TIME)):
        bulk.insert_rows(work.core, _VALUES, some)
    [day, n] = max(counts.items())
    if n == 1:
        tell_of_snapshot(work, day)
    if time.monotonic() - begun > max(ready_in, LAG).total_seconds():
        raise StoredTooSlowly


def _find_changes(work: Work, state: State, until: datetime, again: tuple[date, date] | None) -> Batch:
    """By how much numbers of days with a snapshot are to be changed, and which snapshot of each day that will be."""
    changes: Sums = {}
    for family, measures in by_family(MEASURES.values()).items():
        for days in _runs_of(_days_to_correct(work, family, state, until, again)):
            now, before = measure_days(work, measures, days, until), read_stored(work, measures, days)
            for place in now.keys() | before.keys():
                if change := now.get(place, 0) - before.get(place, 0):
                    changes[place] = change
    days = sorted({place[4] for place in changes})
    if not days:
        return {}, {}
    asked = {"town": work.town_id, "first": days[0], "last": days[-1]}
    counted = {row.day: row.n for row in work.core.execute(_counts, asked)}
    return changes, {day: counted[day] + 1 for day in days}


def _days_to_correct(
    work: Work, family: Family, state: State, until: datetime, again: tuple[date, date] | None
) -> list[date]:
    """Days with a snapshot of which something was recorded since the last one, and those that are asked for."""
    found = set(days_between(*again)) if again else set()
    if family.touched is not None:
        since = {"since": state.as_of, "until": until, "begin": state.as_of, "end": until, "as_of": until}
        found.update(row.day for row in work.send(family.touched, {"town": work.town_id, **since}).all())
    first, last = state.first_day or date.max, state.last_day or date.min
    return sorted(day for day in found if day is not None and first <= day <= last)


def _runs_of(days: Sequence[date]) -> list[list[date]]:
    """Days in lots that follow one another without a gap."""
    runs: list[list[date]] = []
    for day in days:
        if runs and day == runs[-1][-1] + DAY and len(runs[-1]) < DAYS_AT_A_TIME:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _add_sums(
    work: Work,
    tree: Tree,
    sums: Sums,
    facts: Facts,
    measures: Sequence[Measure],
    span: Mapping[str, datetime],
    day: date | None,
) -> None:
    """Add what a family's statement finds, to all nodes above and for all keys. `day`: of a state."""
    slices = tuple(slice_ for slice_ in Slice if any(slice_ in measure.slices for measure in measures))
    keyed = tuple(slice_ for slice_ in slices if slice_ is not Slice.ALL)
    counters = tuple(sorted({measure.counter for measure in measures}))
    statement = sums_of(facts, counters, by_day=day is None, by_place=True, by=keyed)
    lowest: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(counters))
    for row in work.send(statement, {"town": work.town_id, **span}).all():
        line = tree.line(row.territory_id)
        keys = tuple(getattr(row, slice_.value) for slice_ in keyed)
        counts = lowest[line, day or row.day, keys]
        for n, name in enumerate(counters):
            counts[n] += getattr(row, name)
    for (line, of_day, keys), counts in lowest.items():
        key_of = dict(zip(keyed, keys, strict=True)) | {Slice.ALL: NO_KEY}
        for measure in measures:
            count = counts[counters.index(measure.counter)]
            if not count:
                continue
            for node in (WHOLE_TOWN,) if measure.town_only else line:
                for slice_ in measure.slices | {Slice.ALL}:
                    sums[measure.name, node, slice_, key_of[slice_], of_day] += count
