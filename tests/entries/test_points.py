"""找积分, walked by four: how points are earned, what they are good for, and whose they are."""

from __future__ import annotations

from models.residents import Role
from models.rewards import Redemption
from tests.build import ApiClient, TownBuilder
from tests.entries.callers import answers, enter, four, keeper
from tests.points.hands import give
from tests.rewards.mall import assert_mall_agrees, merchant, open_mall, redeemed_at, reward


def test_points_are_spent_by_their_owner_and_picked_up_from_the_merchant(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    who, counter = four(town, api), api.as_(merchant(town))
    item = reward(town, territory_id=town.community_id, operator_id=town.operator_id, title="抽纸", stock=1)
    give(town, who.person, 30)

    # Anybody finds the reward and reads how points are earned.
    for caller in who.all:
        count, listed = enter(caller, town, "找积分")
        assert (count, [each["title"] for each in listed]) == (1, ["抽纸"])
        assert caller.get(f"/rewards/{item}").json["price"] == 10
        assert [each["title"] for each in caller.get("/points/ways").json["items"]] == ["参加活动签到"]
    balances = [caller.get("/home").json["points"] for caller in who.all]
    assert [each and each["balance"] for each in balances] == [30, 0, None, None]

    # Who has the points redeems, and nobody for them.
    redeeming = f"/rewards/{item}/redemptions"
    for_the_resident = {"resident_id": str(who.person.id)}
    assert answers(who.others, "POST", redeeming, for_the_resident) == [403, 403, 401]
    assert who.neighbour.post(redeeming, {}).json["code"] == "points.insufficient"
    mine = who.resident.post(redeeming, {})
    assert (mine.status_code, mine.json["status"]) == (201, "ready")

    # The code is the resident's to show and the merchant's to take.
    redemption = f"/me/redemptions/{mine.json['id']}"
    assert answers(who.all, "GET", redemption) == [200, 404, 403, 401]
    picking_up = f"/redemptions/{mine.json['code']}/fulfilment"
    assert answers(who.all, "POST", picking_up, {}) == [403, 403, 404, 401]
    assert redeemed_at(town, town.operator_id) == 0
    assert counter.post(picking_up, {}).json["resident"] == "李**"
    assert redeemed_at(town, town.operator_id) == 10
    assert [row.status for row in town.rows(Redemption.status)] == ["fulfilled"]

    # Each reads their own statement; what the merchant is owed, the merchant and the manager of the town read.
    assert [each["amount"] for each in who.resident.get("/me/points/statement").json["items"]] == [-10, 30]
    assert who.neighbour.get("/me/points/statement").json["items"] == []
    assert answers(who.others[1:], "GET", "/me/points/statement") == [403, 401]
    assert answers(who.all, "GET", "/rewards/settlement") == [403, 403, 200, 401]
    assert str(town.operator_id) not in who.elsewhere.get("/rewards/settlement").text
    assert_mall_agrees(town)


def test_only_a_manager_of_the_place_gives_points_by_hand(town: TownBuilder, api: ApiClient) -> None:
    who = four(town, api)
    wish = {"resident_id": str(who.person.id), "amount": 5, "reason": "补发"}
    assert answers(who.all, "POST", "/points/adjustments", wish) == [403, 403, 403, 401]
    assert who.resident.get("/me/points").json["balance"] == 0
    given = keeper(town, api, Role.MANAGER).post("/points/adjustments", wish)
    assert given.status_code == 201, given.text
    assert given.json["status"] in ("pending", "booked")
