"""Ends that meet: two that both looked before either wrote, and one substitute after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from models.residents import ResidentStatus, Role
from models.rewards import Redemption, RedemptionStatus, Reward
from rules.clock import local_day, utc_now
from rules.errors import RuleError
from rules.rewards import donating, ending, lapsing
from rules.rewards.causes import cancel_cause
from rules.rewards.donating import return_donation
from rules.rewards.ending import cancel_redemption, refund_redemption
from rules.rewards.refusals import RedemptionUnknown
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder
from tests.ledger.keeping import audit
from tests.races import from_threads
from tests.rewards.mall import (
    assert_mall_agrees,
    balances,
    merchant,
    open_mall,
    redeemed,
    refused,
    reward,
    rich,
    scan,
)
from tests.rewards.test_causes import cause
from tests.rewards.test_counter import tend

#: How long one waits for the other one's look; on SQLite, where writers queue, in vain.
LOOK_SECONDS = 0.3


def after_both_looked(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let two transactions come to a step together, whatever they have read before it."""
    both, step = threading.Barrier(2), getattr(module, name)

    def together(*args: Any, **kwargs: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            both.wait(LOOK_SECONDS)
        return step(*args, **kwargs)

    monkeypatch.setattr(module, name, together)


def outcomes(town: TownBuilder, *deeds: tuple[Person | None, Callable[[Work], Any]]) -> list[str]:
    def one(person: Person | None, deed: Callable[[Work], Any]) -> str:
        try:
            return str(town.act(person, deed) is not False)
        except RuleError as refusal:
            return refusal.code

    return sorted(from_threads(one, list(deeds), threads=len(deeds)))


def test_the_last_piece_comes_back_once_though_two_end_it(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else was ever taken of it, so a second one that put it back would take the counters below zero."""
    open_mall(town)
    resident, counter = rich(town), merchant(town)
    item = reward(town, operator_id=town.operator_id, stock=1, limits=[{"per": "ever", "quantity": 1}])
    mine = int(redeemed(api.as_(resident), item)["id"])
    after_both_looked(monkeypatch, ending, "end")
    gives_up = (resident, lambda work: cancel_redemption(work, mine))
    refunds = (counter, lambda work: refund_redemption(work, mine, "缺货", is_out_of_stock=False))
    assert outcomes(town, gives_up, refunds) == ["True", "redemption.over"]
    assert balances(town, resident) == (100, 0)
    assert_mall_agrees(town)


def test_a_donation_comes_back_once_though_two_runs_meet(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_mall(town)
    resident, manager, id_ = rich(town), town.staff(Role.MANAGER), cause(town, api)
    given = api.as_(resident).post(f"/causes/{id_}/donations", {"amount": 25}).json["id"]
    town.act(manager, cancel_cause, int(id_), "场地未落实")
    after_both_looked(monkeypatch, donating, "take_turn")
    run = (None, lambda work: return_donation(work, int(given)))
    assert outcomes(town, run, run) == ["False", "True"]
    assert (api.get(f"/causes/{id_}").json["given"], balances(town, resident)) == (0, (100, 0))
    audit(town)


def test_the_same_substitute_twice_gives_back_both_differences(town: TownBuilder, api: ApiClient) -> None:
    """It is taken, then another one, then it again for less; and each time there is longer to come for it."""
    open_mall(town)
    resident, counter = rich(town), merchant(town)
    first, cheap, other = (reward(town, operator_id=town.operator_id, price=price) for price in (10, 8, 8))
    mine = redeemed(api.as_(resident), first)
    path, now = f"/redemptions/{mine['id']}/substitution", utc_now()
    for days, (instead, price) in enumerate([(cheap, 8), (other, 8), (cheap, 6), (other, 6), (cheap, 5), (other, 5)]):
        town.act(None, lambda work, id_, new: work.core.execute(reprice(town, id_, new)), instead, price)
        with time_machine.travel(now + timedelta(days=7 * days), tick=True):
            assert api.as_(counter).post(path, {"reward_id": str(instead), "reason": "缺货"}).status_code == 200
            taken = api.as_(resident).post(f"{path}/answer", {"accept": True})
            assert (taken.status_code, taken.json["price"]) == (200, price), taken.text
            assert balances(town, resident) == (100 - price, price)
    assert_mall_agrees(town)
    with time_machine.travel(
        now + timedelta(days=7 * days + 7), tick=True
    ):  # later than the first hold would have been
        assert scan(api.as_(counter), mine["code"]).json["points"] == 5
    assert_mall_agrees(town)


def reprice(town: TownBuilder, reward_id: int, price: int) -> Any:
    return update(Reward).where(Reward.town_id == town.id, Reward.id == reward_id).values(price=price)


def test_what_is_taken_instead_asks_of_a_person_what_it_asks_of_everybody(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident, counter = rich(town, born_on=date(2015, 1, 1)), merchant(town)
    first = reward(town, operator_id=town.operator_id)
    grown = reward(town, operator_id=town.operator_id, age_min=18)
    path = f"/redemptions/{redeemed(api.as_(resident), first)['id']}/substitution"
    assert api.as_(counter).post(path, {"reward_id": str(grown), "reason": "缺货"}).status_code == 200
    refused(api.as_(resident).post(f"{path}/answer", {"accept": True}), 403, "reward.age_unfit")
    assert_mall_agrees(town)


def test_what_lapses_after_a_swap_for_far_less_is_settled_as_forfeited(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident, counter = rich(town), merchant(town)
    dear, cheap = (reward(town, operator_id=town.operator_id, price=price) for price in (50, 10))
    path = f"/redemptions/{redeemed(api.as_(resident), dear)['id']}/substitution"
    assert api.as_(counter).post(path, {"reward_id": str(cheap), "reason": "缺货"}).status_code == 200
    assert api.as_(resident).post(f"{path}/answer", {"accept": True}).status_code == 200
    with time_machine.travel(utc_now() + timedelta(days=30), tick=True):
        assert tend(town).lapsed == 1
        lines = api.as_(counter).get("/rewards/settlement").json["lines"]
    assert [(line["reward_id"], line["points"], line["forfeited"]) for line in lines] == [(str(cheap), 0, 10)]
    assert balances(town, resident) == (90, 0)
    assert_mall_agrees(town)


def test_the_communitys_own_is_offered_instead_by_whoever_hands_it_out(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    here, there = (reward(town, territory_id=place) for place in (town.community_id, town.other_community_id))
    also_here = reward(town, territory_id=town.community_id)
    mine = redeemed(api.as_(rich(town)), here)
    scanner, path = api.as_(town.staff(Role.SCANNER, at=town.community_id)), f"/redemptions/{mine['id']}/substitution"
    refused(scanner.post(path, {"reward_id": str(there), "reason": "缺货"}), 422, "redemption.substitute_unfit")
    assert scanner.post(path, {"reward_id": str(also_here), "reason": "缺货"}).status_code == 200


def test_what_is_refused_keeps_nobody_waiting_behind_it(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_mall(town)
    first, second, third = (int(redeemed(api.as_(rich(town)), reward(town))["id"]) for _ in range(3))
    lapse = lapsing.lapse_redemption

    def stubborn(work: Work, redemption_id: int) -> bool:
        if redemption_id != third:
            raise RedemptionUnknown
        return lapse(work, redemption_id)

    monkeypatch.setattr(lapsing, "lapse_redemption", stubborn)
    monkeypatch.setattr(lapsing, "AT_A_TIME", 1)
    with time_machine.travel(utc_now() + timedelta(days=9), tick=True):
        tended = lapsing.tend_redemptions(town.database, town.id)
    assert (tended.lapsed, tended.failed) == (1, 2)
    assert [row.id for row in town.rows(Redemption.id, status=RedemptionStatus.READY)] == [first, second]


def test_a_childs_name_is_shown_to_nobody(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    id_, today = cause(town, api), local_day(utc_now())
    for name, years in (("小宝", 13), ("大宝", 15)):
        person = rich(town, name=name, born_on=today - timedelta(days=366 * years))
        given = api.as_(person).post(f"/causes/{id_}/donations", {"amount": 5, "is_named": True})
        assert given.json["is_named"] is (years == 15), given.text
    assert [each["name"] for each in api.get(f"/causes/{id_}/donors").json["items"]] == ["大宝", None]


def test_who_is_suspended_gives_nothing_to_a_cause(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident, id_ = rich(town, status=ResidentStatus.SUSPENDED), cause(town, api)
    answer = api.as_(resident).post(f"/causes/{id_}/donations", {"amount": 5})
    refused(answer, 403, "redemption.account_suspended")
    assert (api.get(f"/causes/{id_}").json["given"], balances(town, resident)) == (0, (100, 0))
