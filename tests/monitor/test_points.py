"""Points: every number is what a plain count of the postings gives, on any day and as of any moment, and they add up."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update

from models.history import ResidentVersion
from models.ledger import NEVER, Account, Book, Lot, Posting, Txn
from models.monitor import WHOLE_TOWN
from models.residents import Resident
from models.territory import TerritoryKind
from rules.clock import local_day, local_moment, utc_now
from rules.database import connect
from rules.errors import RuleError
from rules.keys import generate, read
from rules.ledger.reports import liability
from rules.monitor.definitions import Measure
from rules.monitor.measures import budgets, outstanding, points
from rules.monitor.places import Reach
from rules.monitor.reading import may_see
from rules.work import SYSTEM, Transactions, Work
from tests.build import Person, TownBuilder, new_town
from tests.conftest import Databases
from tests.ledger.clerk import Clerk
from tests.monitor.plain import budgets as plain_budgets
from tests.monitor.plain import outstanding as plain_outstanding
from tests.monitor.plain import points as plain_points
from tests.monitor.plain.counted import Counted

FIRST = date(2027, 12, 29)
DAYS = [FIRST + timedelta(days=n) for n in range(5)]  # over the end of a month, of a year, and of many lots
TABLES = (Book, Account, Lot, Txn, Posting, Resident, ResidentVersion)
PLAIN = {points: plain_points, outstanding: plain_outstanding, budgets: plain_budgets}
RECOMPUTE = {measure.name: plain.recompute for module, plain in PLAIN.items() for measure in module.MEASURES}
BY_NAME = {measure.name: measure for module in PLAIN for measure in module.MEASURES}
COUNTED = [measure for measure in BY_NAME.values() if measure.family is not None]
DAY = timedelta(days=1)
FLOWS = ("issued", "redeemed", "expired", "taken_back")


@dataclass(frozen=True)
class Past:
    """Five days of a ledger in which everything happened, and moments between the deeds."""

    clerk: Clerk
    moments: list[datetime]
    rows: dict[type[Any], Sequence[Any]]

    def facts(self, statement: Any, counter: str, begin: datetime, end: datetime, as_of: datetime) -> Counter[Any]:
        """What the statement finds, added up by everything but the counter."""
        fact = statement.subquery("fact")
        columns = (fact.c.day, fact.c.territory_id, fact.c.scene, fact.c.operator_id, fact.c.detail, fact.c[counter])
        asked = {"town": self.clerk.town.id, "begin": begin, "end": end, "as_of": as_of}

        def deed(work: Work) -> list[Any]:
            return list(work.send(select(*columns), asked).all())

        return added_up(Counted(*row) for row in self.clerk.town.database.read(self.clerk.town.id, SYSTEM, deed))

    def plain(self, measure: Measure, begin: datetime, end: datetime, as_of: datetime) -> Counter[Any]:
        return added_up(RECOMPUTE[measure.name](self.rows, measure.name, begin, end, as_of))

    def total(self, name: str, begin: datetime, end: datetime, as_of: datetime) -> int:
        measure = BY_NAME[name]
        assert measure.family is not None
        return self.facts(measure.family.facts, measure.counter, begin, end, as_of).total()


def added_up(counted: Iterable[Counted]) -> Counter[Any]:
    sums = Counter[Any]()
    for each in counted:
        sums[each[:-1]] += int(each.amount)
    return Counter({key: amount for key, amount in sums.items() if amount})


@pytest.fixture(scope="module")
def past(databases: Databases) -> Iterator[Past]:
    database = Transactions(connect(databases.make(), pool_size=2))
    house: Any = SimpleNamespace(transactions=database, keys=read(generate()))  # all that the builders ask for
    with time_machine.travel(local_moment(FIRST, "00:30"), tick=False) as clock:
        clerk = Clerk(new_town(house))
        life = Life(clerk)
        moments = [moment for day in DAYS for moment in life.spend_day(day, clock)]
        clerk.audit()
        rows = {table: [row for (row,) in clerk.town.rows(table)] for table in TABLES}
        yield Past(clerk, moments, rows)
    database.engine.dispose()


class Life:
    """Deeds of every kind, drawn, the same again each time."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk, self._random = clerk, Random(7)
        self._people = [clerk.resident() for _ in range(3)]
        self._operator_id = clerk.operator(budget=500)
        self._held: list[Any] = []
        self._done: list[Any] = []

    def spend_day(self, day: date, clock: Any) -> Iterator[datetime]:
        """Moments of the day, at each of which something had just been recorded."""
        for hour in range(1, 24, 2):
            clock.move_to(
                local_moment(day, f"{hour:02d}:00") + timedelta(milliseconds=self._random.choice((0, 7, 250)))
            )
            if hour == 1:
                self._clerk.expire()
            for _ in range(3):
                with contextlib.suppress(RuleError):
                    self._do_something(day)
            if hour in (9, 23):
                yield utc_now()

    def _do_something(self, day: date) -> None:
        clerk, random = self._clerk, self._random
        person, amount = random.choice(self._people), random.randint(1, 30)
        until = random.choice((day, day, day + DAY, date(2028, 6, 30), NEVER))
        issuer = random.choice((None, self._operator_id))
        match random.choice("EEEEEESHHCVRRRTADGM"):
            case "E":
                self._done.append(clerk.earn(person, amount, until, issuer_id=issuer))
            case "S":
                self._done.append(clerk.spend(person, amount, redeemer_id=issuer))
            case "H":
                self._held.append(clerk.hold(person, amount, local_moment(day + 3 * DAY, "00:00")))
            case "C" if self._held:
                self._done.append(clerk.capture(random.choice(self._held), random.randint(1, 9), redeemer_id=issuer))
            case "V" if self._held:
                clerk.void(random.choice(self._held), random.randint(1, 9))
            case "R":
                clerk.reverse(random.choice(self._done[-12:]), random.choice((None, 1, 2)))
            case "T":
                self._done.append(clerk.transfer(person, self._people[self._people.index(person) - 1], amount))
            case "A":
                self._done.append(clerk.adjust(person, amount, until))
            case "D":
                self._done.append(clerk.adjust(person, -amount))
            case "G":
                self._done.append(clerk.grant(amount, operator_id=issuer))
            case "M":
                move_house(clerk.town, person, random.choice((clerk.town.community_id, clerk.town.other_community_id)))


def move_house(town: TownBuilder, person: Person, territory_id: int) -> None:
    def deed(work: Work) -> None:
        whose = (Resident.town_id == town.id, Resident.id == person.id)
        work.db.execute(update(Resident).where(*whose).values(territory_id=territory_id, versioned_at=work.now))

    town.database.write(town.id, SYSTEM, deed)


def periods() -> list[tuple[datetime, datetime]]:
    days = [(local_moment(day, "00:00"), local_moment(day + DAY, "00:00")) for day in DAYS]
    return [*days, (days[1][0], days[4][1])]


@pytest.mark.parametrize("measure", COUNTED, ids=lambda measure: measure.name)
def test_a_measure_is_what_a_plain_count_of_the_postings_gives(past: Past, measure: Measure) -> None:
    assert measure.family is not None
    seen = 0
    for begin, end in periods():
        for as_of in (past.moments[3], past.moments[6], past.moments[-1]):
            expected = past.plain(measure, begin, end, as_of)
            assert past.facts(measure.family.facts, measure.counter, begin, end, as_of) == expected
            seen += len(expected)
    assert seen > 2, "the history tells nothing of it"


def test_what_came_in_less_what_went_out_is_the_change_of_what_is_outstanding(past: Past) -> None:
    as_of = past.moments[-1]
    changes = []
    for begin, end in periods():
        moved = {name: past.total(f"points.{name}", begin, end, as_of) for name in FLOWS}
        before, after = (past.total("points.outstanding", begin, at, as_of) for at in (begin, end))
        assert moved["issued"] - moved["redeemed"] - moved["expired"] - moved["taken_back"] == after - before
        granted, used = (past.total(f"points.budget_{name}", begin, end, as_of) for name in ("granted", "used"))
        pools = [past.total("points.budget_left", begin, at, as_of) for at in (begin, end)]
        assert granted - used == pools[1] - pools[0]
        assert used == moved["issued"] - moved["taken_back"]
        changes.append(after - before)
    assert len({*changes}) > 3


@pytest.mark.parametrize("name", ["points.outstanding", "points.liability", "points.budget_left"])
def test_a_state_of_now_is_that_of_a_past_midnight_and_its_changes(past: Past, name: str) -> None:
    measure = BY_NAME[name]
    family = measure.family
    assert family is not None
    assert family.changes is not None
    ends = [end for _, end in periods()[:-1]]
    for begin, end in [*pairwise(ends), (ends[0], ends[3])]:
        for as_of in (past.moments[-1], end - timedelta(hours=11)):
            then = past.facts(family.facts, measure.counter, begin - DAY, begin, as_of)
            now = past.facts(family.facts, measure.counter, end - DAY, end, as_of)
            changed = past.facts(family.changes, measure.counter, begin, end, as_of)
            for column in (1, 3, 4):
                after, before = by(now, column), by(then, column)
                after.subtract(before)
                assert without_zeros(after) == without_zeros(by(changed, column))


def without_zeros(sums: Counter[Any]) -> dict[Any, int]:
    return {key: amount for key, amount in sums.items() if amount}


def by(sums: Counter[Any], column: int) -> Counter[Any]:
    """The sums by place (1), by operator (3) or by detail (4) alone."""
    found = Counter[Any]()
    for key, amount in sums.items():
        found[key[column]] += amount
    return found


def test_the_liability_is_what_the_ledgers_own_report_says_whether_what_lapsed_is_booked_or_not(past: Past) -> None:
    measure = BY_NAME["points.liability"]
    assert measure.family is not None
    now = utc_now()
    begin, end = local_moment(local_day(now), "00:00"), local_moment(local_day(now) + DAY, "00:00")
    found = by(past.facts(measure.family.facts, measure.counter, begin, end, now), 4)
    reported = Counter[Any]()
    for line in past.clerk.town.act(None, liability):
        reported[f"{line.issuer_id or 0}:{line.month or 'never'}"] += line.amount
    assert found == reported
    assert found.total() > 0


def test_the_velocity_is_the_whole_towns_alone_since_rewards_and_homes_are_in_different_places() -> None:
    velocity, sides = BY_NAME["points.velocity"], [BY_NAME["points.redeemed"], BY_NAME["points.outstanding"]]
    community, town = Reach(1, "/1/", "社区", TerritoryKind.COMMUNITY), Reach(WHOLE_TOWN, "", "街道", None)
    assert not may_see(community, velocity)
    assert may_see(town, velocity)
    assert all(may_see(community, side) for side in sides)
