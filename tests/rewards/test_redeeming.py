"""Redeeming: who may, what is held, what is kept of the terms, and what a refusal leaves as it was."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine

from models.jobs import Outbox
from models.ledger import Hold
from models.residents import ResidentStatus, Role
from models.rewards import RewardKind, RewardStatus
from models.territory import HostKind
from rules.clock import ZONE, local_day, utc_now
from rules.ledger.transactions import Cause, in_book
from rules.ledger.transferring import Correction, adjust
from tests.build import ApiClient, TownBuilder
from tests.rewards.mall import (
    MALL,
    another_operator,
    assert_mall_agrees,
    balances,
    host,
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


def test_redeeming_holds_points_takes_pieces_and_gives_a_code(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident, item = rich(town), reward(town, stock=5, fee=150, pick_up_at="一楼服务台")
    mine = redeemed(api.as_(resident), item, quantity=2)
    assert (mine["price"], mine["fee"], mine["status"], mine["fee_paid"]) == (20, 300, "ready", False)
    assert len(mine["code"]) >= 10
    assert mine["pick_up_until"].startswith(f"{local_day(utc_now()) + timedelta(days=8)}T00:00")
    assert balances(town, resident) == (80, 20)
    assert api.get(f"/rewards/{item}").json["left"] == 3
    listed = api.as_(resident).get("/me/redemptions").json["items"]
    assert [(each["id"], each["code"]) for each in listed] == [(mine["id"], mine["code"])]
    picture = api.as_(resident).get(f"/me/redemptions/{mine['id']}/code.svg")
    assert picture.content_type.startswith("image/svg+xml")
    assert [row.topic for row in town.rows(Outbox.topic)] == ["redemption.ready"]
    assert_mall_agrees(town)


def test_the_same_request_redeems_once(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident, item = rich(town), reward(town, stock=5)
    first, second = (
        api.as_(resident).post(f"/rewards/{item}/redemptions", {}, key="one-and-the-same") for _ in range(2)
    )
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert balances(town, resident) == (90, 10)


def test_nobody_else_sees_a_redemption_or_its_code(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    mine = redeemed(api.as_(rich(town)), reward(town))
    neighbour = api.as_(town.resident(name="邻居"))
    refused(neighbour.get(f"/me/redemptions/{mine['id']}"), 404, "redemption.unknown")
    refused(neighbour.get(f"/me/redemptions/{mine['id']}/code.svg"), 404, "redemption.unknown")
    refused(neighbour.delete(f"/redemptions/{mine['id']}"), 404, "redemption.unknown")
    seen = api.as_(town.staff(Role.SCANNER)).get("/redemptions").json["items"]
    assert [(each["id"], "code" in each) for each in seen] == [(mine["id"], False)]
    assert seen[0]["resident"] == "王**"


@pytest.mark.parametrize(
    ("columns", "body", "status", "code"),
    [
        ({"stock": 1}, {"quantity": 2}, 409, "reward.sold_out"),
        ({"quantity_max": 1}, {"quantity": 2}, 422, "reward.too_many"),
        ({"price": 60}, {"quantity": 2}, 409, "points.insufficient"),
        ({"price": 12}, {"price": 10}, 409, "reward.price_changed"),
        ({"status": RewardStatus.WITHDRAWN}, {}, 409, "reward.not_offered"),
        ({"status": RewardStatus.SUBMITTED}, {}, 404, "reward.unknown"),
        ({"limits": [{"per": "week", "quantity": 1}]}, {"quantity": 2}, 409, "reward.limit_reached"),
        ({"age_min": 60}, {}, 403, "reward.age_unfit"),
        ({"offered_until": utc_now() - timedelta(days=1)}, {}, 409, "reward.closed"),
        ({"eligible": True}, {}, 403, "reward.outside_territory"),
    ],
)
def test_what_is_refused_changes_nothing(
    town: TownBuilder, api: ApiClient, columns: dict[str, Any], body: dict[str, Any], status: int, code: str
) -> None:
    open_mall(town)
    resident = rich(town)
    columns = dict(columns)
    if columns.pop("eligible", False):
        columns["eligible_territory_id"] = town.other_community_id
    item = reward(town, **columns)
    before = town.contents()
    refused(redeem(api.as_(resident), item, **body), status, code)
    after = town.contents()
    for table in ("idempotency_record", "idempotency"):
        before.pop(table, None), after.pop(table, None)
    assert after == before


def test_days_and_hours_are_the_rewards_own(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident = rich(town)
    local = utc_now().astimezone(ZONE)
    closed = reward(town, weekdays=[local.isoweekday() % 7 + 1])
    assert "每周" in refused(redeem(api.as_(resident), closed), 409, "reward.closed")
    with time_machine.travel(local.replace(hour=9, minute=30), tick=False):
        caller = api.as_(resident)
        redeemed(caller, reward(town, opens_at="09:00", closes_at="10:00", month_days=[local.day]))
        refused(redeem(caller, reward(town, opens_at="10:00", closes_at="11:00")), 409, "reward.closed")


def test_a_limit_holds_for_each_person_and_is_free_again_when_it_is_given_up(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    one, other = rich(town), rich(town)
    item = reward(town, limits=[{"per": "month", "quantity": 2}, {"per": "ever", "quantity": 3}])
    mine = redeemed(api.as_(one), item, quantity=2)
    assert "每月" in refused(redeem(api.as_(one), item), 409, "reward.limit_reached")
    redeemed(api.as_(other), item)
    assert api.as_(one).delete(f"/redemptions/{mine['id']}").json["status"] == "cancelled"
    assert balances(town, one) == (100, 0)
    redeemed(api.as_(one), item)
    assert_mall_agrees(town)


@pytest.mark.parametrize(
    ("said", "columns", "code"),
    [
        ("who = { balance.points = { min = 200 } }", {}, "redemption.not_eligible"),
        ("least = 20", {}, "redemption.out_of_bounds"),
        ("price = { least = 2, most = 3 }", {"worth": 1_000}, "redemption.out_of_bounds"),
        ('limits = [{ points = 15, per = "month" }]', {"price": 16}, "redemption.limit_reached"),
        ("windows = [{ months = [1], days = [1] }]", {}, "redemption.outside_window"),
        ('where = { item = "米" }', {"item": "面"}, "redemption.not_offered"),
    ],
)
def test_the_rulebook_has_its_say(
    town: TownBuilder, api: ApiClient, said: str, columns: dict[str, Any], code: str
) -> None:
    with time_machine.travel(utc_now().replace(month=6, day=15), tick=True):
        rules = f'[[redemption]]\nid = "goods"\ntitle = "兑换礼品"\nkinds = ["goods"]\n{said}\n'
        open_mall(town, rules)
        resident = rich(town)
        refused(redeem(api.as_(resident), reward(town, **columns)), 403 if code.endswith("eligible") else 409, code)
        assert balances(town, resident) == (100, 0)


def test_what_is_given_up_counts_no_more_under_the_rulebooks_limits(town: TownBuilder, api: ApiClient) -> None:
    open_mall(
        town,
        '[[redemption]]\nid = "goods"\ntitle = "兑换"\nkinds = ["goods"]\nrefund = "until_pick_up"\n'
        'limits = [{ times = 1, per = "month" }]\n',
    )
    resident, item = rich(town), reward(town)
    mine = redeemed(api.as_(resident), item)
    refused(redeem(api.as_(resident), item), 409, "redemption.limit_reached")
    assert api.as_(resident).delete(f"/redemptions/{mine['id']}").status_code == 200
    redeemed(api.as_(resident), item)
    assert_mall_agrees(town)


def test_without_a_rule_points_cannot_be_spent(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town, "")
    item = reward(town)
    refused(redeem(api.as_(rich(town)), item), 409, "redemption.not_offered")
    assert api.get(f"/rewards/{item}").json["rule"] is None


def test_the_page_of_a_reward_says_the_rule_in_words(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    page = api.get(f"/rewards/{reward(town)}").json
    assert "兑换礼品" in page["rule"]
    assert (page["pick_up_days"], page["is_refundable"]) == (7, True)


def test_a_level_of_the_rulebook_may_be_needed(town: TownBuilder, api: ApiClient) -> None:
    stars = """
[[tally]]
id = "hours"
title = "时长"
events = ["service"]
of = "hours"
[[ladder]]
id = "star"
title = "星级"
falls = false
[[ladder.level]]
id = "one"
title = "一星"
at = { "tally.hours" = 5 }
"""
    open_mall(town, MALL + stars)
    item = reward(town, ladder="star", level="one")
    assert "一星" in refused(redeem(api.as_(rich(town)), item), 403, "reward.level_too_low")


def test_who_is_suspended_redeems_nothing(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident = rich(town, status=ResidentStatus.SUSPENDED)
    refused(redeem(api.as_(resident), reward(town)), 403, "redemption.account_suspended")


def test_staff_redeem_for_whom_they_serve_and_for_nobody_elsewhere(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    resident, item = rich(town), reward(town)
    desk = api.as_(town.staff(Role.ORGANISER, at=town.community_id))
    elsewhere = api.as_(town.staff(Role.ORGANISER, at=town.other_community_id))
    refused(redeem(elsewhere, item, resident_id=str(resident.id)), 403, "auth.forbidden")
    refused(redeem(desk, item), 422, "proxy.resident_needed")
    assert redeemed(desk, item, resident_id=str(resident.id))["resident_id"] == str(resident.id)
    refused(redeem(api.as_(town.resident()), item, resident_id=str(resident.id)), 403, "proxy.none")


def test_merchants_offers_are_off_where_a_public_body_hosts(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    own, theirs = reward(town), reward(town, operator_id=another_operator(town))
    assert {each["id"] for each in api.get("/rewards").json["items"]} == {str(own), str(theirs)}
    host(town, HostKind.GOVERNMENT)
    assert [each["id"] for each in api.get("/rewards").json["items"]] == [str(own)]
    refused(api.get(f"/rewards/{theirs}"), 403, "host.government")
    resident = rich(town)
    refused(redeem(api.as_(resident), theirs), 403, "host.government")
    redeemed(api.as_(resident), own)


def test_the_shelf_is_searched(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    barber = another_operator(town, "阿强理发")
    haircut = reward(town, title="剪发一次", operator_id=barber, kind=RewardKind.SERVICE, price=80)
    soap = reward(town, title="香皂", stock=0, territory_id=town.community_id)

    def found(**query: Any) -> set[str]:
        return {each["id"] for each in api.get("/rewards", **query).json["items"]}

    assert found() == {str(haircut), str(soap)}
    assert found(q="阿强") == found(kind="service") == found(available="true") == {str(haircut)}
    assert found(price_max=79) == found(community_id=str(town.community_id)) == {str(soap)}
    page = api.get("/rewards", limit=1).json
    assert [each["id"] for each in api.get("/rewards", limit=1, cursor=page["next_cursor"]).json["items"]] == [
        str(haircut)
    ]


def test_two_currencies_pay_together_and_both_come_back(town: TownBuilder, api: ApiClient) -> None:
    open_mall(
        town,
        '[[currency]]\nid = "points"\nname = "积分"\n[[currency]]\nid = "gift"\nname = "赠予积分"\n'
        '[[redemption]]\nid = "goods"\ntitle = "兑换"\nkinds = ["goods"]\ncurrencies = ["gift", "points"]\n'
        'refund = "until_pick_up"\n',
    )
    resident = rich(town)
    correction = Correction(resident.id, 4, date(2030, 12, 31), Cause("test", "测试：4 分", utc_now()))
    town.act(None, lambda work: adjust(in_book(work, "gift"), "gift", correction))
    item = reward(town, operator_id=town.operator_id)
    mine = redeemed(api.as_(resident), item)
    assert sorted((row.captured, row.amount) for row in town.rows(Hold.captured, Hold.amount)) == [(0, 4), (0, 6)]
    assert api.as_(resident).delete(f"/redemptions/{mine['id']}").json["points_returned"] == 10
    assert {row.released for row in town.rows(Hold.released)} == {4, 6}
    again = redeemed(api.as_(resident), item)
    assert scan(api.as_(merchant(town)), again["code"]).json["points"] == 10
    assert redeemed_at(town, town.operator_id) == 10
    assert_mall_agrees(town)
