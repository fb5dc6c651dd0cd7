"""Whatever is signed for, written down, imported, decided and taken back: the books say what the records say.

After every step, for every resident: the book of hours holds of each provenance the minutes of the records that count; a
person's day holds those that are live, and no more than 24 hours that were written down; an event of service pays as long as
its record counts; and a refusal leaves every table as it was. `BINFEN_LONG=1` runs many more and longer histories.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from blueprints.edge.house import House
from models.ledger import Event
from models.residents import Role
from models.volunteering import Provenance, ServiceDay, ServiceRecord, ServiceStatus
from rules.errors import RuleError
from rules.ledger.reading import read_spendable
from rules.rows import AnyRow
from rules.volunteering.entries import Entry
from rules.volunteering.imports import import_hours
from rules.volunteering.records import decide_records, record_hours, void_record
from rules.work import SYSTEM
from tests.build import Person, TownBuilder, fresh_key, new_town
from tests.ledger.keeping import audit
from tests.points.spending import spend_points
from tests.rulebook.live import put_in_force
from tests.volunteering.serving import RULES, a_session, days_ago, minutes_of, serve
from tests.volunteering.test_imports import HEADER, line

IS_LONG = os.environ.get("BINFEN_LONG") == "1"
LIMITS = settings(
    max_examples=200 if IS_LONG else 8,
    stateful_step_count=60 if IS_LONG else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
RESIDENTS, SESSIONS, STAFF = 3, 2, 2
WHO, SESSION, CLERK = st.integers(0, RESIDENTS - 1), st.integers(0, SESSIONS - 1), st.integers(0, STAFF - 1)
MINUTES = st.sampled_from([1, 30, 45, 60, 250, 480, 481, 1000])
SIGNED = st.sampled_from([0, 20, 30, 90, 150, 600])
DAYS = st.integers(0, 2)
PAY = {Provenance.SIGNED: 10, Provenance.STAFF: 4, Provenance.IMPORTED: 4}


@dataclass(frozen=True)
class Kept:
    """A record as the model knows it."""

    who: int
    provenance: Provenance
    minutes: int
    day: date
    counts: bool


class ServiceMachine(RuleBasedStateMachine):
    """A town's hours, and what they should be."""

    house: House

    def __init__(self) -> None:
        super().__init__()
        self.town: TownBuilder = new_town(self.house)
        put_in_force(self.town, RULES)
        self.people: list[Person] = [self.town.resident(volunteer=True) for _ in range(RESIDENTS)]
        self.sessions = [a_session(self.town) for _ in range(SESSIONS)]
        self.clerks = [self.town.staff(Role.ORGANISER, Role.MANAGER) for _ in range(STAFF)]
        self.signed: Counter[tuple[int, int]] = Counter()  #: by resident and session
        self.entries: dict[int, Kept] = {}  #: live ones, by record
        self.has_spent = False

    # --- what may happen ---

    @rule(who=WHO, session=SESSION, minutes=SIGNED)
    def check_out(self, who: int, session: int, minutes: int) -> None:
        serve(self.town, self.people[who], self.sessions[session], minutes)
        self.signed[who, session] = minutes

    @rule(clerk=CLERK, items=st.lists(st.tuples(WHO, MINUTES, DAYS), min_size=1, max_size=3))
    def write_down(self, clerk: int, items: list[tuple[int, int, int]]) -> None:
        entries = [Entry(self.people[who].id, minutes, days_ago(day), "清扫楼道") for who, minutes, day in items]
        fits = self._fits((who, minutes, days_ago(day)) for who, minutes, day in items)
        batch = self._try(fits, clerk, record_hours, entries)
        self._learn(batch)

    @rule(clerk=CLERK, who=WHO, minutes=MINUTES, day=DAYS)
    def bring_a_file(self, clerk: int, who: int, minutes: int, day: int) -> None:
        text = f"{HEADER}\n{line(fresh_key(), self.people[who], minutes, days_ago(day))}"
        batch = self._try(True, clerk, import_hours, "a.csv", text)
        assert bool(batch.problems) is not self._fits([(who, minutes, days_ago(day))])
        self._learn(batch)

    @precondition(lambda self: self._pending())
    @rule(clerk=CLERK, accepts=st.booleans(), data=st.data())
    def decide(self, clerk: int, accepts: bool, data: st.DataObject) -> None:
        record = data.draw(st.sampled_from(self._pending()))
        is_other = record.recorded_by != self.clerks[clerk].id
        self._try(is_other, clerk, lambda work: decide_records(work, [record.id], accepts=accepts, note=None))
        if is_other and accepts:
            known = self.entries[record.id]
            self.entries[record.id] = Kept(known.who, known.provenance, known.minutes, known.day, counts=True)
        elif is_other:
            del self.entries[record.id]

    @precondition(lambda self: self.entries)
    @rule(clerk=CLERK, data=st.data())
    def take_back(self, clerk: int, data: st.DataObject) -> None:
        record_id = data.draw(st.sampled_from(sorted(self.entries)))
        self._try(True, clerk, lambda work: void_record(work, record_id, "记错了", keeps_points=self.has_spent))
        del self.entries[record_id]

    @rule(who=WHO)
    def spend_everything(self, who: int) -> None:
        have = self.town.database.read(self.town.id, SYSTEM, read_spendable, self.people[who].id)
        if have:
            spend_points(self.town, self.people[who], have)
            self.has_spent = True

    # --- what must hold ---

    @invariant()
    def the_book_holds_what_the_records_say(self) -> None:
        for who, person in enumerate(self.people):
            counted = Counter({Provenance.SIGNED: sum(self.signed[who, n] for n in range(SESSIONS))})
            for kept in self.entries.values():
                if kept.who == who and kept.counts:
                    counted[kept.provenance] += kept.minutes
            in_book = minutes_of(self.town, person).by_provenance()
            assert dict(in_book) == {provenance: counted[provenance] for provenance in Provenance}
            by_records: Counter[Provenance] = Counter()
            for record in self._records(person):
                if record.status is ServiceStatus.COUNTED:
                    by_records[record.provenance] += record.minutes
            assert by_records == +counted

    @invariant()
    def a_day_holds_what_is_live(self) -> None:
        for who, person in enumerate(self.people):
            for row in self.town.rows(
                ServiceDay.served_on, ServiceDay.entered, ServiceDay.signed, resident_id=person.id
            ):
                assert row.entered == self._entered(who, row.served_on) <= 1440
                assert row.signed == (self._signed(who) if row.served_on == days_ago(0) else 0)

    @invariant()
    def points_are_what_the_records_earn(self) -> None:
        if self.has_spent:
            return
        for person in self.people:
            counted = [each for each in self._records(person) if each.status is ServiceStatus.COUNTED]
            wanted = sum(each.minutes // 30 * PAY[each.provenance] // 2 for each in counted)
            assert self.town.database.read(self.town.id, SYSTEM, read_spendable, person.id) == wanted

    @invariant()
    def no_record_pays_twice(self) -> None:
        """Of the events of service that aren't void, each belongs to a record of its own."""
        void = {row.source_ref for row in self.town.rows(Event.source_ref, source="void")}
        standing = [
            row for row in self.town.rows(Event.id, Event.source_ref, source="service") if str(row.id) not in void
        ]
        names = [row.source_ref.partition("#")[0] for row in standing]
        assert len(names) == len(set(names))

    def teardown(self) -> None:
        audit(self.town)

    # --- the model ---

    def _try(self, may: bool, clerk: int, deed: Callable[..., Any], *arguments: Any) -> Any:
        before = None if may else self.town.contents()
        try:
            done = self.town.act(self.clerks[clerk], deed, *arguments)
        except RuleError:
            assert not may
            assert self.town.contents() == before
            return None
        assert may
        return done

    def _learn(self, batch: Any) -> None:
        for item in batch.items if batch is not None else ():
            who = [person.id for person in self.people].index(item.resident_id)
            counts = item.status is ServiceStatus.COUNTED
            assert counts is not bool(item.flags)
            self.entries[item.id] = Kept(who, item.provenance, item.minutes, item.served_on, counts)

    def _fits(self, wanted: Any) -> bool:
        more: Counter[tuple[int, date]] = Counter()
        for who, minutes, day in wanted:
            more[who, day] += minutes
        return all(
            minutes + self._entered(who, day) + (self._signed(who) if day == days_ago(0) else 0) <= 1440
            for (who, day), minutes in more.items()
        )

    def _entered(self, who: int, day: date) -> int:
        return sum(kept.minutes for kept in self.entries.values() if (kept.who, kept.day) == (who, day))

    def _signed(self, who: int) -> int:
        return sum(self.signed[who, n] for n in range(SESSIONS))

    def _records(self, person: Person) -> list[AnyRow]:
        return [row[0] for row in self.town.rows(ServiceRecord, resident_id=person.id)]

    def _pending(self) -> list[AnyRow]:
        return [row[0] for row in self.town.rows(ServiceRecord, status=ServiceStatus.PENDING)]


def test_the_books_say_what_the_records_say_after_every_step(house: House) -> None:
    machine = type("ServiceMachineOfOneEngine", (ServiceMachine,), {"house": house})
    run_state_machine_as_test(machine, settings=LIMITS)
