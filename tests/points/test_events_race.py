"""Events of one resident are judged one after the other, however many arrive at the same moment.

Control arm: without the turn that each of them takes, they all see what was counted before the first one, and nobody is
the third to stay away. (On SQLite one writer at a time is the rule of the database; so that arm is PostgreSQL's.)
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from blueprints.edge.house import EXTENSION
from models.ledger import Account, AccountKind, Event
from models.residents import Role
from models.rulebook import Standing, StandingLevel, StandingSuspension
from rules.clock import local_day, utc_now
from rules.points import events, holders
from rules.residents.tokens import Owner, issue_access_token
from rules.work import ActorKind
from tests.apps import make_app
from tests.build import BUDGET, Person, TownBuilder, fresh_key, new_town, settings_for
from tests.conftest import Databases
from tests.ledger.crowd import count_deadlocks
from tests.ledger.keeping import audit
from tests.points.hands import give
from tests.races import from_processes, from_threads, until_answered
from tests.rulebook.live import counts, put_in_force, usage

RULES = """
name = "红星积分"
[expiry]
years = 1
[[tally]]
id = "sortings"
title = "分类次数"
events = ["sorted_waste"]
[[earn]]
id = "sorting"
event = "sorted_waste"
title = "垃圾分类"
amount = 3
limits = [{ points = 50, per = "day" }]
[[ladder]]
id = "star"
title = "星级"
falls = false
[[ladder.level]]
id = "one"
title = "一星"
at = { "tally.sortings" = 10 }
[[ladder.level]]
id = "two"
title = "二星"
at = { "tally.sortings" = 30 }
[[penalty]]
id = "no-show"
title = "爽约"
events = ["absent"]
per = "year"
[[penalty.step]]
at = 2
warns = true
[[penalty.step]]
at = 3
suspends = { days = 30 }
"""
AT_ONCE = 50
NO_SHOWS = 10
WITHOUT_TURNS = 12


@pytest.fixture
def make_town(tmp_path: Path) -> Iterator[Callable[[Databases], tuple[Flask, TownBuilder]]]:
    """Makes towns in databases of their own."""
    apps: list[Flask] = []

    def make(databases: Databases) -> tuple[Flask, TownBuilder]:
        app = make_app(settings_for(databases.make(), tmp_path, log_level="ERROR"))
        apps.append(app)
        return app, new_town(app.extensions[EXTENSION])

    yield make
    for app in apps:
        app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture
def app_and_town(
    make_town: Callable[[Databases], tuple[Flask, TownBuilder]], databases: Databases
) -> tuple[Flask, TownBuilder]:
    return make_town(databases)


def post(app: Flask, town_id: int, staff_id: int, body: dict[str, Any]) -> TestResponse:
    """One event, as a member of staff sends it, until it is answered."""
    token = issue_access_token(app.extensions[EXTENSION].keys, Owner(ActorKind.STAFF, town_id, staff_id, 1), utc_now())
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": fresh_key()}
    return until_answered(lambda: app.test_client().post("/api/v1/points/events", json=body, headers=headers))


def record(app: Flask, town_id: int, staff_id: int, body: dict[str, Any]) -> dict[str, Any]:
    """What came of it; runs in a process of its own application."""
    answer = post(app, town_id, staff_id, body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return dict(answer.json)


def body_of(resident: Person, kind: str, **more: Any) -> dict[str, Any]:
    return {"resident_id": str(resident.id), "kind": kind} | more


def told(outcomes: list[dict[str, Any]]) -> Counter[str]:
    """How often which kind of line was said, less what gives nothing."""
    return Counter(line["kind"] for outcome in outcomes for line in outcome["lines"] if line["kind"] != "nothing")


def test_fifty_events_of_one_resident_at_once_are_judged_one_after_the_other(
    app_and_town: tuple[Flask, TownBuilder],
) -> None:
    app, town = app_and_town
    put_in_force(town, RULES)
    resident, staff = town.resident(), town.staff(Role.ORGANISER)
    kinds = ["absent", *["sorted_waste"] * (AT_ONCE // NO_SHOWS - 1)] * NO_SHOWS
    jobs = [(town.id, staff.id, body_of(resident, kind)) for kind in kinds]
    if town.database.engine.dialect.name == "postgresql":
        outcomes = from_processes(town, record, jobs)
    else:
        outcomes = from_threads(record, [(app, *job) for job in jobs], AT_ONCE)
    assert sum(outcome["awarded"] for outcome in outcomes) == max(outcome["balance"] for outcome in outcomes) == 50
    assert told(outcomes) == {"award": 17, "level": 2, "warning": 1, "suspension": 1}
    today = local_day(utc_now())
    assert usage(town) == {("sorting", today.isoformat()): (50, 50)}
    assert counts(town, resident) == {
        ("earned:points", "ever"): 50,
        ("penalty:no-show", str(today.year)): NO_SHOWS,
        ("tally:sortings", "ever"): AT_ONCE - NO_SHOWS,
    }
    assert town.rows(StandingLevel.level) == [("two",)]
    assert len(town.rows(StandingSuspension)) == 1
    assert (town.rows(Standing.events), len(town.rows(Event.id))) == ([(AT_ONCE,)], AT_ONCE)
    audit(town)


def test_without_turns_the_same_events_lose_the_suspension(
    make_town: Callable[[Databases], tuple[Flask, TownBuilder]],
    postgresql_databases: Databases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, town = make_town(postgresql_databases)
    put_in_force(town, RULES)
    resident, staff = town.resident(), town.staff(Role.ORGANISER)
    record(app, town.id, staff.id, body_of(resident, "absent"))
    everyone_has_read, mine, read_standing = threading.Barrier(WITHOUT_TURNS), threading.local(), holders.read_standing

    def read_and_wait(*asked: Any) -> Any:
        standing = read_standing(*asked)
        if not hasattr(mine, "has_waited"):
            mine.has_waited = True
            everyone_has_read.wait(timeout=30)
        return standing

    monkeypatch.setattr(events, "take_turn", lambda work, resident_id: None)
    monkeypatch.setattr(holders, "read_standing", read_and_wait)
    jobs = [(app, town.id, staff.id, body_of(resident, "absent"))] * WITHOUT_TURNS
    outcomes = from_threads(record, jobs, WITHOUT_TURNS)
    assert counts(town, resident)["penalty:no-show", str(local_day(utc_now()).year)] == 1 + WITHOUT_TURNS
    assert told(outcomes) == {"warning": WITHOUT_TURNS}, "each of them is the second, and none the third"
    assert town.rows(StandingSuspension) == []


def test_one_ref_sent_many_times_at_once_is_one_event(app_and_town: tuple[Flask, TownBuilder]) -> None:
    app, town = app_and_town
    put_in_force(town, RULES)
    resident, staff = town.resident(), town.staff(Role.ORGANISER)
    body = body_of(resident, "sorted_waste", ref="roll-1")
    answers = from_threads(post, [(app, town.id, staff.id, body)] * 20, 20)
    assert Counter(answer.json.get("code") for answer in answers) == {None: 1, "event.recorded_already": 19}
    assert counts(town, resident)["tally:sortings", "ever"] == 1
    audit(town)


def test_one_event_declared_void_many_times_at_once_is_taken_back_once(
    app_and_town: tuple[Flask, TownBuilder],
) -> None:
    app, town = app_and_town
    put_in_force(town, RULES + '[[void]]\nid = "complaint"\nevent = "complaint"\ntitle = "被投诉"\nof = "about"\n')
    resident, staff = town.resident(), town.staff(Role.ORGANISER)
    for ref in ("bad", "good"):
        record(app, town.id, staff.id, body_of(resident, "sorted_waste", ref=ref))
    complaint = body_of(resident, "complaint", facts={"about": "bad"})
    outcomes = from_threads(record, [(app, town.id, staff.id, complaint)] * 12, 12)
    assert {outcome["balance"] for outcome in outcomes} == {3}
    assert counts(town, resident)["tally:sortings", "ever"] == 1
    audit(town)


def test_deductions_at_once_take_what_is_there_and_none_is_refused(app_and_town: tuple[Flask, TownBuilder]) -> None:
    app, town = app_and_town
    head = 'name = "红星积分"\n[expiry]\nyears = 1\n'
    put_in_force(town, head + '[[deduct]]\nid = "fault"\nevent = "fault"\ntitle = "违规"\namount = 7\n')
    resident, staff = town.resident(), town.staff(Role.ORGANISER)
    give(town, resident, 50)
    outcomes = from_threads(record, [(app, town.id, staff.id, body_of(resident, "fault"))] * 20, 20)
    assert Counter(outcome["taken"] for outcome in outcomes) == {7: 7, 1: 1, 0: 12}
    audit(town)


def test_the_last_of_the_budget_is_paid_once_and_everybodys_deeds_are_counted(
    app_and_town: tuple[Flask, TownBuilder],
) -> None:
    app, town = app_and_town
    put_in_force(town, RULES)
    residents, staff = [town.resident() for _ in range(20)], town.staff(Role.ORGANISER)
    give(town, town.resident(), BUDGET - 16)
    jobs = [(app, town.id, staff.id, body_of(resident, "sorted_waste")) for resident in residents]
    outcomes = from_threads(record, jobs, 20)
    assert Counter(outcome["awarded"] for outcome in outcomes) == {3: 5, 0: 15}
    assert all(counts(town, resident)["tally:sortings", "ever"] == 1 for resident in residents)
    [(credited, debited)] = town.rows(Account.credited, Account.debited, kind=AccountKind.POOL)
    assert credited - debited == 1
    audit(town)


SCORES = """
name = "几种积分"
[expiry]
years = 1
[[currency]]
id = "points"
name = "积分"
[[currency]]
id = "culture"
name = "文化积分"
[[currency]]
id = "sport"
name = "体育积分"
[[earn]]
id = "a"
event = "reading"
title = "阅读"
amount = 3
currency = "culture"
[[earn]]
id = "b"
event = ["reading", "running"]
title = "强身"
amount = 2
currency = "sport"
[[earn]]
id = "c"
event = "running"
title = "跑步阅读"
amount = 1
currency = "culture"
"""


def test_events_that_give_and_take_do_not_wait_for_each_other(app_and_town: tuple[Flask, TownBuilder]) -> None:
    """Whether what goes was there before or comes with the same event."""
    app, town = app_and_town
    late = '[[deduct]]\nid = "late"\nevent = "sorted_waste"\ntitle = "错时投放"\namount = 2\n'
    put_in_force(town, RULES.replace("limits =", "#") + late)
    rich, poor, staff = (
        [town.resident() for _ in range(8)],
        [town.resident() for _ in range(32)],
        town.staff(Role.ORGANISER),
    )
    for resident in rich:
        give(town, resident, 100)
    deadlocks = count_deadlocks(town.database)
    jobs = [
        (app, town.id, staff.id, body_of(each, "sorted_waste"))
        for pair in zip(rich * 4, poor, strict=True)
        for each in pair
    ]
    outcomes = from_threads(record, jobs, 16)
    assert {(outcome["awarded"], outcome["taken"]) for outcome in outcomes} == {(3, 2)}
    assert deadlocks == []
    audit(town)


def test_events_that_give_several_currencies_in_any_order_do_not_wait_for_each_other(
    app_and_town: tuple[Flask, TownBuilder],
) -> None:
    """Each book has one pool, which all who earn from it share: it is locked in the same order by everybody."""
    app, town = app_and_town
    put_in_force(town, SCORES)
    residents, staff = [town.resident() for _ in range(10)], town.staff(Role.ORGANISER)
    deadlocks = count_deadlocks(town.database)
    jobs = [(app, town.id, staff.id, body_of(each, kind)) for each in residents * 4 for kind in ("reading", "running")]
    outcomes = from_threads(record, jobs, 16)
    assert told(outcomes) == {"award": 2 * len(jobs)}
    assert deadlocks == []
    audit(town)
