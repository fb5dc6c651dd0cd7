"""Whether a room's measures are what a plain recomputation from the rows says, as of any moment, and whether they add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from types import ModuleType
from typing import Any

from models.base import Base
from rules.clock import local_day, local_moment
from rules.monitor.definitions import Family, Measure
from tests.build import TownBuilder
from tests.monitor.facts import ask, rows_of, touched

DAY = timedelta(days=1)


def midnight(day: date) -> datetime:
    return local_moment(day, "00:00")


def sums(town: TownBuilder, measure: Measure, begin: datetime, end: datetime, as_of: datetime) -> Counter[Any]:
    """What the system says, by all that a fact has."""
    assert measure.family is not None
    return _summed(town, measure.family, measure.counter, measure.family.facts, begin, end, as_of)


def total(town: TownBuilder, measure: Measure, first: date, as_of: datetime, last: date | None = None) -> int:
    """The number of the days from the first to the last; of a state that at the last one's end."""
    assert measure.family is not None
    end = midnight((last or first) + DAY)
    begin = end - measure.family.window_days * DAY if measure.family.is_state else midnight(first)
    return sum(sums(town, measure, begin, end, as_of).values())


def check_agreement(
    town: TownBuilder, module: ModuleType, plain: ModuleType, days: Sequence[date], moments: Iterable[datetime]
) -> None:
    """Every measure of a module, of every day, as of every moment."""
    tables: tuple[type[Base], ...] = plain.TABLES
    rows = rows_of(town, *tables)
    for measure in module.MEASURES:
        if measure.family is None:
            continue
        for as_of in moments:
            for begin, end in _spans(measure.family, days):
                counted: Counter[Any] = Counter()
                for each in plain.recompute(rows, measure.name, begin, end, as_of):
                    counted[each[:5]] += each.amount
                found = sums(town, measure, begin, end, as_of)
                assert found == counted, (measure.name, begin, end, as_of)


def check_changes(town: TownBuilder, families: Iterable[Family], days: Sequence[date], as_of: datetime) -> None:
    """A state and what changed after it make the later state, in every place."""
    for family in families:
        assert family.changes is not None
        for counter in family.counters:
            begin, end = midnight(days[0]), midnight(days[-1] + DAY)
            at_first, at_last = (
                _by_place(_summed(town, family, counter, family.facts, moment, moment, as_of))
                for moment in (begin, end)
            )
            between = _by_place(_summed(town, family, counter, family.changes, begin, end, as_of))
            at_first.update(between)
            assert {k: v for k, v in at_first.items() if v} == dict(at_last), (family.name, counter)


def check_changed(
    town: TownBuilder, families: Iterable[Family], days: Sequence[date], moments: Sequence[datetime]
) -> None:
    """The facts as of two moments differ by those of what changed between them, and they do differ at times."""
    span = {"begin": midnight(days[0]), "end": midnight(days[-1] + DAY)}
    for family in families:
        differences = 0
        for since, until in pairwise(moments):
            changed = ask(town, family.changed, **span, since=since, until=until, as_of=until)
            ids = tuple(row.id for row in changed)
            for counter in family.counters:
                was, is_now = (
                    _summed(town, family, counter, family.facts, *span.values(), at) for at in (since, until)
                )
                of_it = [
                    _summed(town, family, counter, family.facts_of, *span.values(), at, ids=ids)
                    for at in (since, until)
                ]
                differences += was != is_now
                was.subtract(of_it[0])
                was.update(of_it[1])
                assert {key: amount for key, amount in was.items() if amount} == is_now, (family.name, since, until)
        assert differences, f"nothing of {family.name} changed"


def check_touched(
    town: TownBuilder, families: Iterable[Family], days: Sequence[date], moments: Sequence[datetime]
) -> None:
    """A day whose number is another one later is touched; and no day that is still to end."""
    for family in families:
        for since, until in pairwise(moments):
            named = touched(town, family, since, until)
            ended = [day for day in days if midnight(day + DAY) <= since]
            changed = {
                day
                for day in ended
                for counter in family.counters
                if _summed(town, family, counter, family.facts, midnight(day), midnight(day + DAY), since)
                != _summed(town, family, counter, family.facts, midnight(day), midnight(day + DAY), until)
            }
            assert changed <= named, (family.name, since, until)
            assert all(midnight(day + DAY) <= since for day in named)


def _spans(family: Family, days: Sequence[date]) -> list[tuple[datetime, datetime]]:
    if family.is_state:
        return [(midnight(day + DAY) - family.window_days * DAY, midnight(day + DAY)) for day in days]
    return [(midnight(days[0]), midnight(days[-1] + DAY)), (midnight(days[1]), midnight(days[1] + DAY))]


def _summed(
    town: TownBuilder,
    family: Family,
    counter: str,
    statement: Any,
    begin: datetime,
    end: datetime,
    as_of: datetime,
    **asked: Any,
) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in ask(town, statement, begin=begin, end=end, as_of=as_of, **asked):
        assert family.is_state or begin <= midnight(row.day) < end
        found[row.day, row.territory_id, row.scene, row.operator_id, row.detail] += getattr(row, counter)
    return Counter({key: amount for key, amount in found.items() if amount})


def _by_place(found: Counter[Any]) -> Counter[Any]:
    summed: Counter[Any] = Counter()
    for (_, territory_id, scene, operator_id, detail), amount in found.items():
        summed[territory_id, scene, operator_id, detail] += amount
    return summed


def days_from(first: datetime, count: int) -> list[date]:
    return [local_day(first) + n * DAY for n in range(count)]
