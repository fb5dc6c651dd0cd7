"""An event is void once, however many say so at the same moment, and its void and what else happens take turns.

Control arms: where the void isn't noted under the event's own name, its hours are taken off as often as somebody says so;
without the resident's turn, a suspension stays though its third infraction is gone. (The second needs statements of two
transactions side by side, so it is PostgreSQL's: on SQLite one writer at a time is the rule of the database.)
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from blueprints.edge.house import EXTENSION
from models.residents import Role
from models.rulebook import StandingSuspension
from rules.errors import RuleError
from rules.ledger import events as ledger_events
from rules.points import events, voiding
from rules.points.voiding import void_event
from rules.work import SYSTEM
from tests.build import Person, TownBuilder, fresh_key
from tests.conftest import Databases
from tests.ledger.crowd import count_deadlocks
from tests.ledger.keeping import audit
from tests.points.spending import spend_points
from tests.points.staff_events import HEAD, SERVICE
from tests.points.test_events_race import app_and_town, body_of, make_town
from tests.points.test_events_race import record as record_in
from tests.races import from_processes, from_threads
from tests.rulebook.live import counts, put_in_force

__all__ = ["app_and_town", "make_town"]  # the fixtures
RULES = (
    HEAD
    + SERVICE
    + """
[[deduct]]
id = "late"
event = "care"
title = "迟到"
where = { late = true }
amount = 3
[[penalty]]
id = "no-show"
title = "爽约"
events = ["absent"]
per = "year"
[[penalty.step]]
at = 3
suspends = { days = 30 }
"""
)
AT_ONCE = 24
ROUNDS = 8


def void_in(app: Flask, town_id: int, ref: str) -> bool | str:
    """Whether the void was the first; runs in a process of its own application."""
    transactions = app.extensions[EXTENSION].transactions
    try:
        return bool(transactions.write(town_id, SYSTEM, void_event, "staff", ref, "登记有误"))
    except RuleError as refusal:
        return refusal.code


def spend_in(town: TownBuilder, resident: Person, amount: int) -> bool | str:
    try:
        spend_points(town, resident, amount)
    except RuleError as refusal:
        return refusal.code
    return True


def test_an_event_is_void_once_however_many_say_so(app_and_town: tuple[Flask, TownBuilder]) -> None:
    app, town = app_and_town
    put_in_force(town, RULES)
    resident, staff = town.resident(), town.staff(Role.ORGANISER)
    for ref in ("bad", "good"):
        record_in(app, town.id, staff.id, body_of(resident, "care", ref=ref, facts={"hours": 2, "late": True}))
    if town.database.engine.dialect.name == "postgresql":
        answers = from_processes(town, void_in, [(town.id, "bad")] * AT_ONCE)
    else:
        answers = from_threads(void_in, [(app, town.id, "bad")] * AT_ONCE, AT_ONCE)
    assert Counter(answers) == {True: 1, False: AT_ONCE - 1}
    assert counts(town, resident) == {("earned:points", "ever"): 20, ("tally:hours", "ever"): 2 * 60 * 10_000}
    audit(town)


def test_a_void_that_is_not_noted_by_name_takes_the_hours_off_again(
    app_and_town: tuple[Flask, TownBuilder], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, town = app_and_town
    put_in_force(town, RULES)
    resident, staff = town.resident(), town.staff(Role.ORGANISER)
    record_in(app, town.id, staff.id, body_of(resident, "care", ref="bad", facts={"hours": 2}))
    monkeypatch.setattr(
        voiding,
        "note_event",
        lambda work, source, ref, *more: ledger_events.note_event(work, source, f"{ref}{fresh_key()}", *more),
    )
    answers = from_threads(void_in, [(app, town.id, "bad")] * 6, 6)
    assert answers == [True] * 6
    assert counts(town, resident)["tally:hours", "ever"] == (1 - 6) * 2 * 60 * 10_000


def test_points_are_spent_or_taken_back_and_never_both(app_and_town: tuple[Flask, TownBuilder]) -> None:
    """The guard is the ledger's own: tests/ledger/test_constraints.py takes it away."""
    app, town = app_and_town
    put_in_force(town, RULES)
    staff, residents = town.staff(Role.ORGANISER), [town.resident() for _ in range(ROUNDS)]
    for n, resident in enumerate(residents):
        record_in(app, town.id, staff.id, body_of(resident, "care", ref=f"s{n}", facts={"hours": 2, "late": True}))
    deadlocks = count_deadlocks(town.database)
    jobs: list[tuple[Any, ...]] = []
    for n, resident in enumerate(residents):
        jobs += [(void_in, app, town.id, f"s{n}"), (spend_in, town, resident, 10), (spend_in, town, resident, 10)]
    answers = from_threads(lambda deed, *job: deed(*job), jobs, len(jobs))
    for n in range(ROUNDS):
        void, *spent = answers[3 * n : 3 * n + 3]
        assert (void, spent.count(True)) in [(True, 0), ("points.insufficient", 1)], "17 points: one spending fits"
    assert deadlocks == []
    audit(town)


def test_voids_and_events_of_many_do_not_wait_for_each_other(app_and_town: tuple[Flask, TownBuilder]) -> None:
    """Both touch the pool that all share and the sink of what was taken."""
    app, town = app_and_town
    put_in_force(town, RULES)
    staff, residents = town.staff(Role.ORGANISER), [town.resident() for _ in range(ROUNDS)]
    late = {"hours": 2, "late": True}
    for n, resident in enumerate(residents):
        record_in(app, town.id, staff.id, body_of(resident, "care", ref=f"s{n}", facts=late))
    deadlocks = count_deadlocks(town.database)
    jobs: list[tuple[Any, ...]] = []
    for n, resident in enumerate(residents):
        jobs.append((void_in, app, town.id, f"s{n}"))
        jobs += [(record_in, app, town.id, staff.id, body_of(resident, "care", facts=late))] * 3
    answers = from_threads(lambda deed, *job: deed(*job), jobs, 16)
    assert [answers[4 * n] for n in range(ROUNDS)] == [True] * ROUNDS
    assert all(counts(town, each)["tally:hours", "ever"] == 3 * 2 * 60 * 10_000 for each in residents)
    assert deadlocks == []
    audit(town)


def two_no_shows(app: Flask, town: TownBuilder) -> tuple[Person, Person]:
    resident, staff = town.resident(), town.staff(Role.ORGANISER)
    for n in range(2):
        record_in(app, town.id, staff.id, body_of(resident, "absent", ref=f"{resident.id}-{n}"))
    return resident, staff


def void_beside_a_third(app: Flask, town: TownBuilder, resident: Person, staff: Person) -> None:
    """Declare the first no-show void, and write down one more, at the same moment."""
    body = body_of(resident, "absent", ref=f"{resident.id}-2")
    jobs = [(void_in, app, town.id, f"{resident.id}-0"), (record_in, app, town.id, staff.id, body)]
    from_threads(lambda deed, *job: deed(*job), jobs, 2)


def test_a_third_no_show_beside_the_void_of_the_first_suspends_nobody(
    app_and_town: tuple[Flask, TownBuilder],
) -> None:
    """Whichever comes first: two are left."""
    app, town = app_and_town
    put_in_force(town, RULES)
    for _ in range(ROUNDS):
        resident, staff = two_no_shows(app, town)
        void_beside_a_third(app, town, resident, staff)
        assert town.rows(StandingSuspension.until, resident_id=resident.id) == []
        assert [n for name, n in counts(town, resident).items() if name[0] == "penalty:no-show"] == [2]


def test_without_a_turn_the_third_one_suspends_though_two_are_left(
    make_town: Callable[[Databases], tuple[Flask, TownBuilder]],
    postgresql_databases: Databases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, town = make_town(postgresql_databases)
    put_in_force(town, RULES)
    resident, staff = two_no_shows(app, town)
    both_have_read, shorten, save = threading.Barrier(2), voiding.shorten_suspensions, events.save_changes

    def shorten_and_wait(*asked: Any) -> None:
        shorten(*asked)
        both_have_read.wait(timeout=30)

    def wait_and_save(*asked: Any) -> None:
        both_have_read.wait(timeout=30)
        save(*asked)

    monkeypatch.setattr(voiding, "take_turn", lambda work, resident_id: None)
    monkeypatch.setattr(voiding, "shorten_suspensions", shorten_and_wait)
    monkeypatch.setattr(events, "save_changes", wait_and_save)
    void_beside_a_third(app, town, resident, staff)
    assert [n for name, n in counts(town, resident).items() if name[0] == "penalty:no-show"] == [2]
    assert len(town.rows(StandingSuspension.until, resident_id=resident.id)) == 1
