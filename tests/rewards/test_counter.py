"""The counter: a code is worth what it stands for once, at its own counter, in time; and what else may become of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine

from models.jobs import Outbox
from models.residents import Role
from models.rewards import Redemption, RedemptionStatus, StockChange
from rules.clock import utc_now
from rules.ledger.holds import release_lapsed_holds
from rules.rewards.codes import LENGTH, WRONG_MAX, make_code
from rules.rewards.lapsing import Tended, tend_redemptions
from tests.build import ApiClient, TownBuilder
from tests.rewards.mall import (
    another_operator,
    assert_mall_agrees,
    balances,
    merchant,
    open_mall,
    redeem,
    redeemed,
    redeemed_at,
    refused,
    reward,
    rich,
    scan,
)


def topics(town: TownBuilder) -> list[str]:
    return sorted(row.topic for row in town.rows(Outbox.topic) if row.topic.startswith("redemption."))


def tend(town: TownBuilder) -> Tended:
    return tend_redemptions(town.database, town.id)


def test_a_code_is_worth_it_once_and_a_second_scan_says_the_same(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident, item = rich(town), reward(town, operator_id=town.operator_id, stock=3)
    mine = redeemed(api.as_(resident), item)
    counter, colleague = api.as_(merchant(town)), api.as_(merchant(town))
    typed = mine["code"][:6].lower() + "-" + mine["code"][6:]
    first = scan(counter, typed)
    assert (first.status_code, first.json["replayed"], first.json["resident"]) == (200, False, "王**")
    assert (balances(town, resident), redeemed_at(town, town.operator_id)) == ((90, 0), 10)
    for caller in (counter, colleague):
        again = scan(caller, mine["code"])
        assert again.json == first.json | {"replayed": True}
    assert redeemed_at(town, town.operator_id) == 10
    refused(api.as_(resident).delete(f"/redemptions/{mine['id']}"), 409, "redemption.over")
    assert_mall_agrees(town)


def test_another_counters_code_is_no_code(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    own, theirs = reward(town), reward(town, operator_id=town.operator_id)
    caller = api.as_(rich(town))
    own_code, their_code = redeemed(caller, own)["code"], redeemed(caller, theirs)["code"]
    barber = api.as_(merchant(town, another_operator(town)))
    centre = api.as_(town.staff(Role.SCANNER))
    unlinked = api.as_(town.staff(Role.OPERATOR))
    for counter, code in ((barber, their_code), (barber, own_code), (centre, their_code), (unlinked, their_code)):
        refused(scan(counter, code), 404, "redemption.unknown")
    elsewhere = api.as_(town.staff(Role.SCANNER, at=town.community_id))
    refused(scan(elsewhere, own_code), 404, "redemption.unknown")
    refused(scan(caller, own_code), 403, "reward.no_counter")
    for nonsense in ("%00", "%F0%9F%98%80", own_code + "0", own_code[:-1] + "%C3%9F", "_" * len(own_code)):
        refused(scan(centre, nonsense), 404, "redemption.unknown")
    assert {row.status for row in town.rows(Redemption.status)} == {RedemptionStatus.READY}
    assert scan(centre, own_code).status_code == 200
    assert redeemed_at(town, town.id) == 10


def test_wrong_codes_are_stopped_and_right_ones_do_not_count(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    caller, item = api.as_(rich(town)), reward(town)
    codes = [redeemed(caller, item)["code"] for _ in range(3)]
    staff = [town.staff(Role.SCANNER) for _ in range(2)]
    with time_machine.travel(utc_now().replace(minute=1), tick=True):
        counter, colleague = (api.as_(person) for person in staff)
        assert scan(counter, codes[0]).status_code == 200
        for _ in range(WRONG_MAX):
            refused(scan(counter, make_code()), 404, "redemption.unknown")
        stopped = scan(counter, codes[1])
        refused(stopped, 429, "redemption.too_many_wrong_codes")
        assert 58 * 60 <= int(stopped.headers["Retry-After"]) <= 59 * 60
        assert scan(colleague, codes[1]).status_code == 200
    with time_machine.travel(utc_now().replace(minute=1) + timedelta(hours=1), tick=True):
        assert scan(api.as_(staff[0]), codes[2]).status_code == 200
    assert len({make_code() for _ in range(200)}) == 200
    assert {len(make_code()) for _ in range(20)} == {LENGTH}


def test_a_fee_is_taken_first_and_written_down(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    item = reward(town, fee=550)
    code = redeemed(api.as_(rich(town)), item)["code"]
    counter = api.as_(town.staff(Role.SCANNER))
    assert "5.50" in refused(scan(counter, code), 409, "redemption.fee_unpaid")
    assert scan(counter, code, fee_paid=True).json["fee_paid"] is True


def test_what_nobody_picks_up_is_reminded_of_and_forfeited_to_the_town(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident, item = rich(town), reward(town, operator_id=town.operator_id, stock=1)
    mine, counter = redeemed(api.as_(resident), item), merchant(town)
    assert tend(town) == Tended(0, 0)
    with time_machine.travel(utc_now() + timedelta(days=6), tick=True):
        assert (tend(town), tend(town)) == (Tended(0, 1), Tended(0, 0))
    with time_machine.travel(utc_now() + timedelta(days=9), tick=True):
        refused(scan(api.as_(counter), mine["code"]), 409, "redemption.lapsed")
        refused(api.as_(resident).delete(f"/redemptions/{mine['id']}"), 409, "redemption.lapsed")
        assert tend(town).lapsed == 1
        assert tend(town) == Tended(0, 0)
        refused(scan(api.as_(counter), mine["code"]), 409, "redemption.over")
    assert (balances(town, resident), redeemed_at(town, town.id), redeemed_at(town, town.operator_id)) == (
        (90, 0),
        10,
        0,
    )
    assert topics(town) == ["redemption.lapsed", "redemption.lapsing", "redemption.ready"]
    redeemed(api.as_(resident), item)  # the piece is on the shelf again
    assert_mall_agrees(town)


def test_what_the_rules_return_comes_back_when_it_lapses_however_late_the_run(
    town: TownBuilder, api: ApiClient
) -> None:
    open_mall(town)
    resident = rich(town)
    redeemed(api.as_(resident), reward(town, kind="service", limits=[{"per": "ever", "quantity": 1}]))
    late = rich(town)
    redeemed(api.as_(late), reward(town))
    with time_machine.travel(utc_now() + timedelta(days=80), tick=True):
        town.act(None, release_lapsed_holds, 10)
        assert tend(town).lapsed == 2
        assert (balances(town, resident), balances(town, late)) == ((100, 0), (100, 0))
        assert_mall_agrees(town)


def test_the_rules_of_the_day_decide_whether_it_can_be_given_up(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident = rich(town)
    final = redeemed(api.as_(resident), reward(town, kind="service"))
    refused(api.as_(resident).delete(f"/redemptions/{final['id']}"), 409, "redemption.not_refundable")
    assert balances(town, resident) == (90, 10)


def test_the_merchant_gives_points_back_and_what_is_not_there_leaves_the_stock(
    town: TownBuilder, api: ApiClient
) -> None:
    open_mall(town)
    resident, item = rich(town), reward(town, operator_id=town.operator_id, stock=2)
    mine = redeemed(api.as_(resident), item, quantity=2)
    stranger, counter = api.as_(merchant(town, another_operator(town))), api.as_(merchant(town))
    wish = {"reason": "到货破损", "is_out_of_stock": True}
    refused(stranger.post(f"/redemptions/{mine['id']}/refund", wish), 404, "redemption.unknown")
    given_back = counter.post(f"/redemptions/{mine['id']}/refund", wish).json
    assert (given_back["status"], given_back["ended_by"], given_back["points_returned"]) == (
        "cancelled",
        "merchant",
        20,
    )
    assert balances(town, resident) == (100, 0)
    refused(redeem(api.as_(resident), item), 409, "reward.sold_out")
    assert [(row.change, row.stock_after) for row in town.rows(StockChange.change, StockChange.stock_after)] == [
        (-2, 0)
    ]
    assert topics(town) == ["redemption.ready", "redemption.refunded"]
    assert_mall_agrees(town)


def offered(town: TownBuilder, api: ApiClient, resident: Any) -> tuple[ApiClient, dict[str, Any], int]:
    """A redemption of 20 points for which something of 15 is offered instead."""
    first = reward(town, operator_id=town.operator_id, price=20, stock=1)
    other = reward(town, operator_id=town.operator_id, price=15, stock=1, limits=[{"per": "ever", "quantity": 1}])
    mine, counter = redeemed(api.as_(resident), first), api.as_(merchant(town))
    too_dear = reward(town, operator_id=town.operator_id, price=21)
    path = f"/redemptions/{mine['id']}/substitution"
    for unfit in (too_dear, first, reward(town, price=5)):
        answer = counter.post(path, {"reward_id": str(unfit), "reason": "缺货"})
        refused(answer, 422, "redemption.substitute_unfit")
    assert counter.post(path, {"reward_id": str(other), "reason": "缺货"}).status_code == 200
    return counter, mine, other


def test_something_else_is_taken_with_consent_and_costs_what_it_costs(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident = rich(town)
    counter, mine, other = offered(town, api, resident)
    neighbour = api.as_(town.resident())
    path = f"/redemptions/{mine['id']}/substitution/answer"
    refused(neighbour.post(path, {"accept": True}), 404, "redemption.unknown")
    taken = api.as_(resident).post(path, {"accept": True}).json
    assert (taken["reward_id"], taken["price"], taken["points_returned"]) == (str(other), 15, 5)
    assert (taken["replaced_id"], taken["substitute_id"], taken["code"]) == (mine["reward_id"], None, mine["code"])
    assert balances(town, resident) == (85, 15)
    refused(api.as_(resident).post(path, {"accept": True}), 409, "redemption.no_substitute")
    assert_mall_agrees(town)
    assert scan(counter, mine["code"]).json["points"] == 15
    assert redeemed_at(town, town.operator_id) == 15
    assert topics(town) == ["redemption.ready", "redemption.substitute_offered", "redemption.substituted"]
    assert_mall_agrees(town)


def test_who_wants_nothing_else_gets_the_points_back(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident = rich(town)
    counter, mine, _ = offered(town, api, resident)
    answer = api.as_(resident).post(f"/redemptions/{mine['id']}/substitution/answer", {"accept": False})
    assert answer.json["status"] == "cancelled"
    assert balances(town, resident) == (100, 0)
    refused(scan(counter, mine["code"]), 409, "redemption.over")
    assert api.get(f"/rewards/{mine['reward_id']}").json["left"] == 0
    assert_mall_agrees(town)
