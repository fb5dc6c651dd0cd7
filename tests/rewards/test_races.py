"""Many want the last pieces, one person wants more than their share, and a redemption ends in several ways at once.

Each race has its control arm, in which the guard is taken away: the same callers look first and write after, and then
the fault must show, or the race was never there.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from blueprints.edge.house import EXTENSION, House
from models.residents import Role
from models.rewards import Redemption, RedemptionStatus, Reward
from rules.clock import utc_now
from rules.errors import RuleError
from rules.residents.tokens import Owner, issue_access_token
from rules.rewards import limits, shelf
from rules.rewards.fulfilling import fulfil
from rules.rewards.lapsing import lapse_redemption
from rules.rewards.redeeming import RedemptionWish, redeem
from rules.work import ActorKind, Work
from tests.apps import make_app
from tests.build import Person, TownBuilder, new_town, settings_for
from tests.conftest import Databases
from tests.ledger.crowd import Crowd, crowd_of
from tests.races import from_threads, until_answered
from tests.rewards.mall import assert_mall_agrees, crowd_of_rich, merchant, open_mall, reward, rich

PROCESSES = 2
STOCK = 5
RESIDENTS = 100
LOOKERS = 12


@pytest.fixture(scope="module")
def crowd(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Processes with an application each, on one database of the engine of the test."""
    app = make_app(settings_for(databases.make(), tmp_path_factory.mktemp("crowd"), log_level="ERROR"))
    with crowd_of(PROCESSES, app.extensions[EXTENSION]) as crowd:
        yield crowd
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture
def race_town(crowd: Crowd) -> TownBuilder:
    """A town in the crowd's database, in which points can be spent."""
    town = new_town(crowd.house)
    open_mall(town)
    return town


@pytest.fixture
def unguarded(databases: Databases, tmp_path: Path) -> Iterator[TownBuilder]:
    """A town in a database of its own, from which the guards may be taken away."""
    app = make_app(settings_for(databases.make(), tmp_path, log_level="ERROR"))
    town = new_town(app.extensions[EXTENSION])
    open_mall(town)
    yield town
    app.extensions[EXTENSION].transactions.engine.dispose()


def call(app: Flask, kind: str, town_id: int, who: int, path: str, body: Any, n: int) -> str:
    """A call as the mini-program or the counter makes it; runs in a process of its own application."""
    actor = ActorKind.STAFF if kind == "staff" else ActorKind.RESIDENT
    token = issue_access_token(app.extensions[EXTENSION].keys, Owner(actor, town_id, who, 1), utc_now())
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"race-{who}-{path[-24:]}-{n}"}
    method = "DELETE" if body is None else "POST"
    answer = until_answered(lambda: app.test_client().open(f"/api/v1{path}", method=method, json=body, headers=headers))
    return str(answer.json.get("code") if answer.status_code >= 400 else answer.status_code)


def answers_of(crowd: Crowd, jobs: list[tuple[Any, ...]]) -> list[str]:
    answers = crowd.call(call, jobs, threads=25)
    assert answers.deadlocks == 0
    return answers.all


def test_of_a_hundred_who_want_five_pieces_five_get_one(crowd: Crowd, race_town: TownBuilder) -> None:
    item = reward(race_town, stock=STOCK)
    people = crowd_of_rich(race_town, RESIDENTS)
    path = f"/rewards/{item}/redemptions"
    answers = Counter(answers_of(crowd, [("resident", race_town.id, each.id, path, {}, 0) for each in people]))
    assert answers["201"] == STOCK
    assert answers["reward.sold_out"] == RESIDENTS - STOCK
    assert len(race_town.rows(Redemption.id)) == STOCK
    assert [row.taken for row in race_town.rows(Reward.taken)] == [STOCK]
    assert_mall_agrees(race_town)


def test_one_person_never_has_more_than_their_share(crowd: Crowd, race_town: TownBuilder) -> None:
    item = reward(race_town, price=1, limits=[{"per": "ever", "quantity": 3}])
    me, path = rich(race_town), f"/rewards/{item}/redemptions"
    answers = Counter(answers_of(crowd, [("resident", race_town.id, me.id, path, {}, n) for n in range(30)]))
    assert answers == {"201": 3, "reward.limit_reached": 27}
    assert_mall_agrees(race_town)


def test_a_redemption_ends_in_one_way(crowd: Crowd, race_town: TownBuilder) -> None:
    """The counter, a colleague's refund and the resident come at one moment."""
    counter = merchant(race_town)
    item = reward(race_town, operator_id=race_town.operator_id, stock=99)
    jobs: list[tuple[Any, ...]] = []
    for n, resident in enumerate(crowd_of_rich(race_town, 20)):
        mine = race_town.act(resident, redeem, item, RedemptionWish())
        jobs.append(("resident", race_town.id, resident.id, f"/redemptions/{mine.id}", None, n))
        jobs.append(("staff", race_town.id, counter.id, f"/redemptions/{mine.code}/fulfilment", {}, n))
        jobs.append(("staff", race_town.id, counter.id, f"/redemptions/{mine.id}/refund", {"reason": "缺货"}, n))
    answers = Counter(answers_of(crowd, jobs))
    assert answers == {"200": 20, "redemption.over": 40}
    assert RedemptionStatus.READY not in {row.status for row in race_town.rows(Redemption.status)}
    assert_mall_agrees(race_town)


def test_a_piece_is_handed_out_or_lapses(race_town: TownBuilder) -> None:
    """The last scan and the run that ends what is over, each by its own clock."""
    counter, item = race_town.staff(Role.SCANNER), reward(race_town, stock=99)
    mine = [race_town.act(each, redeem, item, RedemptionWish()) for each in crowd_of_rich(race_town, 10)]
    jobs = [(deed, race_town, counter, each) for each in mine for deed in (hand_out, let_lapse)]
    answers = Counter(from_threads(lambda deed, *job: deed(*job), jobs, threads=20))
    assert answers["won"] == 10
    assert_mall_agrees(race_town)


def hand_out(town: TownBuilder, counter: Person, mine: Any) -> str:
    try:
        town.act(counter, lambda work: fulfil(work, mine.code, fee_paid=False))
    except RuleError as refusal:
        return refusal.code
    return "won"


def let_lapse(town: TownBuilder, _counter: Person, mine: Any) -> str:
    def deed(work: Work) -> bool:
        return lapse_redemption(replace(work, now=mine.pick_up_until + timedelta(seconds=1)), mine.id)

    return "won" if town.act(None, deed) else "lost"


# --- without the guards -----------------------------------------------------------------------------------------------


def test_with_the_guard_taken_away_more_is_given_than_there_is(
    unguarded: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_the_checks_away(unguarded.house, "reward", "taken_within_stock")
    monkeypatch.setattr(shelf, "_take", without_guard(shelf._take, 2))
    item = reward(unguarded, stock=STOCK)
    people = crowd_of_rich(unguarded, LOOKERS)
    answers = look_then_redeem(unguarded, item, people, lambda: unguarded.rows(Reward.taken)[0].taken < STOCK)
    assert answers["redeemed"] == LOOKERS > STOCK


def test_with_the_guard_taken_away_one_person_has_more_than_their_share(
    unguarded: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_the_checks_away(unguarded.house, "reward_use", "used_within_limit")
    item = reward(unguarded, price=1, limits=[{"per": "ever", "quantity": 3}])
    monkeypatch.setattr(limits, "count_pieces", lambda *_: [])
    monkeypatch.setattr("rules.rewards.redeeming.count_pieces", lambda *_: [])
    me = rich(unguarded)
    answers = look_then_redeem(unguarded, item, [me] * LOOKERS, lambda: len(unguarded.rows(Redemption.id)) < 3)
    assert answers["redeemed"] == LOOKERS > 3


def look_then_redeem(town: TownBuilder, item: int, people: list[Person], has_some: Any) -> Counter[str]:
    """A look in one transaction, the write in the next."""
    all_have_looked = threading.Barrier(len(people))

    def one(person: Person) -> str:
        may = has_some()
        all_have_looked.wait()
        if not may:
            return "refused"
        town.act(person, redeem, item, RedemptionWish())
        return "redeemed"

    return Counter(from_threads(one, [(person,) for person in people], threads=len(people)))


def without_guard(statement: Any, kept: int) -> Any:
    """The same UPDATE with the first conditions of its WHERE alone: the key, and nothing that guards."""
    bare = statement._clone()
    bare._where_criteria = statement._where_criteria[:kept]
    return bare


def take_the_checks_away(house: House, table: str, check: str) -> None:
    engine = house.transactions.engine
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{check}"))
    else:
        event.listen(engine, "checkout", lambda driver, *_: driver.execute("PRAGMA ignore_check_constraints = 1"))
