"""Random lives: every measure is what a plain, slow count of the rows gives, and what was told once is told again.

`BINFEN_LONG=1` lives many more and longer lives.
"""

from __future__ import annotations

import importlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from models.monitor import Slice
from models.residents import Erasure, Role
from rules.clock import local_day, local_moment
from rules.monitor.definitions import Measure
from rules.monitor.drilling import list_rows
from rules.monitor.facts import NO_KEY
from rules.monitor.loading import Known, find_known
from rules.monitor.measures import MEASURES
from rules.monitor.periods import DAY, Period, PeriodKind
from rules.monitor.places import Reach, find_reach
from rules.monitor.reading import may_see, read_values
from rules.monitor.snapshots import read_first_as_of
from rules.monitor.tree import Tree, read_tree
from rules.monitor.verifying import verify_snapshots
from rules.work import SYSTEM, Work
from tests.build import Person
from tests.monitor.life import DEEDS, HOUR, Life
from tests.monitor.plain.counted import Counted
from tests.monitor.small import moment, town_of_the_past

IS_LONG = os.environ.get("BINFEN_LONG") == "1"
EXAMPLES, STEPS = (60, 90) if IS_LONG else (2, 40)
#: Their rows are deleted with a resident who is erased, so what they were before can't be counted again.
CLEARED = ("queues.", "notices.", "wechat_messages.")
OFTEN = [name for name, often in DEEDS.items() for _ in range(often)]


class Contents(dict[type[Any], Sequence[Any]]):
    """All rows of a town, read when they are asked for."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def __missing__(self, table: type[Any]) -> Sequence[Any]:
        self[table] = list(self._work.db.scalars(select(table).where(table.town_id == self._work.town_id)))
        return self[table]


def plain_counts() -> Iterator[tuple[Measure, Callable[..., list[Counted]]]]:
    """Every measure that isn't a ratio, and the plain count of it."""
    modules: dict[str, Any] = {}
    for name, measure in MEASURES.items():
        if measure.family is None:
            continue
        room = next(module for module in ROOMS if any(each.name == name for each in _room(module).MEASURES))
        modules.setdefault(room, importlib.import_module(f"tests.monitor.plain.{room}"))
        yield measure, modules[room].recompute


ROOMS = (
    "residents",
    "activities",
    "waiting",
    "points",
    "outstanding",
    "budgets",
    "rewards",
    "volunteering",
    "venues",
    "estates",
    "notices",
    "operations",
    "patterns",
)


def _room(name: str) -> Any:
    return importlib.import_module(f"rules.monitor.measures.{name}")


PLAIN = list(plain_counts())


class Teller:
    """What the system says and what is so, as of a moment."""

    def __init__(self, work: Work, first: date, as_of: datetime) -> None:
        self.work, self.as_of = work, as_of
        self.period = Period(PeriodKind.CUSTOM, first, local_day(as_of))
        self.known: Known = find_known(work, as_of)
        self.tree: Tree = read_tree(work)
        self.rows = Contents(work)
        self.plain = [
            (measure, recompute)
            for measure, recompute in PLAIN
            if not measure.name.startswith(CLEARED) or not any(row.done_at for row in self.rows[Erasure])
        ]

    def count(self, measure: Measure, recompute: Any, *, in_place: bool) -> list[Counted] | None:
        """What the number should count, by what was known when."""
        family, name = measure.family, measure.name
        assert family is not None
        end = _midnight(self.period.last + DAY)
        last = self.known.last_day
        if not family.is_state:
            if last is None:
                return recompute(self.rows, name, _midnight(self.period.first), end, self.as_of)
            turn = _midnight(last + DAY)
            before = recompute(self.rows, name, _midnight(self.period.first), turn, self.known.as_of)
            return before + recompute(self.rows, name, turn, end, self.as_of)
        is_of_then = family.window_days or (family.changes is not None and in_place and not family.changes_have_places)
        if is_of_then and last is not None:
            end, as_of = _midnight(last + DAY), self.known.as_of
            if family.window_days:
                as_of = read_first_as_of(self.work, last, last)[last]
            return recompute(self.rows, name, end - family.window_days * DAY, end, as_of)
        return None if family.window_days else recompute(self.rows, name, end, end, self.as_of)

    def check(self, reach: Reach) -> list[Any]:
        """Hold what the system says of a place against the plain counts; returns what it says."""
        told = []
        counted = {
            measure.name: self.count(measure, recompute, in_place=not reach.is_whole_town)
            for measure, recompute in self.plain
            if may_see(reach, measure)
        }
        for slice_ in Slice:
            names = [name for name in counted if slice_ is Slice.ALL or slice_ in MEASURES[name].slices]
            said = read_values(self.work, reach, names, self.period, self.as_of, slice_)
            told += [
                (slice_, key, name, value)
                for key, values in said.items()
                for name, value in values.items()
                if value.value and not name.startswith(CLEARED)
            ]
            for name in names:
                of_name = counted[name]
                if of_name is None:
                    assert {values[name].value for values in said.values()} <= {None}, name
                    continue
                sums: Counter[str] = Counter()
                for each in of_name:
                    if reach.territory_id in self.tree.line(each.territory_id):
                        sums[_key(slice_, each)] += each.amount
                found = {key: values[name].value for key, values in said.items() if values[name].value}
                expected = {key: amount for key, amount in sums.items() if amount}
                divisor = MEASURES[name].divisor
                assert found == {
                    key: amount if divisor == 1 else amount / divisor for key, amount in expected.items()
                }, (name, slice_, reach.territory_id, self.as_of)
        return told

    def check_rows(self, reach: Reach) -> None:
        """The rows behind a number add up to it."""
        for name in (measure.name for measure, _ in self.plain if may_see(reach, measure)):
            said = read_values(self.work, reach, [name], self.period, self.as_of)[NO_KEY][name].value
            page = list_rows(self.work, reach, name, self.period, self.as_of, limit=1_000)
            assert sum(row.amount for row in page.items) == round((said or 0) * MEASURES[name].divisor), name


def _midnight(day: date) -> datetime:
    return local_moment(day, "00:00")


def _key(slice_: Slice, counted: Counted) -> str:
    if slice_ is Slice.SCENE:
        return str(counted.scene or "")
    if slice_ is Slice.OPERATOR:
        return str(counted.operator_id or 0)
    return (counted.detail or "") if slice_ is Slice.DETAIL else NO_KEY


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.integers(1, 1_000_000))
def test_every_measure_is_what_a_plain_count_of_the_rows_gives(engine: Engine, seed: int) -> None:
    town, clock = town_of_the_past(engine, moment(0, 8))
    places = (town.community_id, town.other_community_id)
    life = Life(town, clock, places)
    auditor = town.staff(Role.AUDITOR)
    for name, numbers in (("come", (0, 0, 0)), ("come", (1, 1, 1)), ("plan", (0, 0, 1))):
        life.live(name, *numbers)
    told: list[tuple[datetime, list[Any]]] = []
    dice = Random(seed)
    for n in range(STEPS):
        life.live(dice.choice(OFTEN), *(dice.randrange(12) for _ in range(3)))
        if n % (STEPS // 2) == STEPS // 2 - 1:
            clock.now += timedelta(minutes=1)  # what was done has settled
            told.append((clock.now - timedelta(seconds=30), look(life, auditor, clock.now - timedelta(seconds=30))))
    clock.now += 26 * HOUR
    life.snapshot(0, 0, 0)
    clock.now += HOUR
    town.database.memory.lasting.clear()  # what this process remembers
    assert look(life, auditor, clock.now - timedelta(minutes=1), with_rows=True)
    for as_of, answer in told:
        assert look(life, auditor, as_of) == answer
    found = town.database.survey(town.id, SYSTEM, verify_snapshots).differences
    assert not [each for each in found if not each.measure.startswith(CLEARED)]


def look(life: Life, auditor: Person, as_of: datetime, *, with_rows: bool = False) -> list[Any]:
    """All numbers of the town and of a community, which are held against the plain counts."""
    town = life.town

    def tell(work: Work) -> list[Any]:
        teller = Teller(work, local_day(moment(0, 8)), as_of)
        reaches = [find_reach(work, None), find_reach(work, town.community_id)]
        if with_rows:
            teller.check_rows(reaches[0])
        return [teller.check(reach) for reach in reaches]

    return town.database.read(town.id, town.actor(auditor), tell)
