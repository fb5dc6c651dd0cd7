"""A resident asks where points came from, and gets the event, the rule and the arithmetic of each part."""

from __future__ import annotations

from tests.build import ApiClient, TownBuilder
from tests.ledger.keeping import earn_points
from tests.points.spending import spend_points


def test_each_part_of_my_balance_says_what_earned_it(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    receipt = earn_points(town, resident, 5)
    [part] = api.as_(resident).get("/me/points/explain").json["items"]
    assert (part["amount"], part["on"], part["scope"], part["issuer"], part["way"]) == (5, "2027-12-31", "", None, [])
    earned = part["earned"]
    assert (earned["txn_id"], earned["kind"], earned["explanation"]) == (str(receipt.txn_id), "earn", "签到：5 分")
    assert (earned["rule_id"], earned["rulebook_number"], earned["event_source"]) == ("activity-checkin", 1, "checkin")


def test_a_spending_says_what_it_was_made_of_and_an_earning_where_it_went(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    earned = earn_points(town, resident, 5)
    spent = spend_points(town, resident, 3)
    mine = api.as_(resident)
    out = mine.get(f"/me/points/explain/{spent.txn_id}").json
    assert out["amount"] == -3
    assert [(part["amount"], part["earned"]["txn_id"]) for part in out["came_from"]] == [(3, str(earned.txn_id))]
    came = mine.get(f"/me/points/explain/{earned.txn_id}").json
    assert [(each["amount"], each["to_kind"]) for each in came["went_to"]] == [(3, "redeemed"), (2, None)]


def test_nobody_explains_the_points_of_somebody_else(town: TownBuilder, api: ApiClient) -> None:
    receipt = earn_points(town, town.resident(), 5)
    answer = api.as_(town.resident()).get(f"/me/points/explain/{receipt.txn_id}")
    assert (answer.status_code, answer.json["code"]) == (404, "ledger.txn_unknown")


def test_an_explanation_comes_in_pages(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    receipts = [earn_points(town, resident, n) for n in (1, 2, 3)]
    mine, seen, cursor = api.as_(resident), [], None
    while True:
        page = mine.get("/me/points/explain", limit=2, **({"cursor": cursor} if cursor else {})).json
        seen += [part["earned"]["txn_id"] for part in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == [str(receipt.txn_id) for receipt in receipts]


def test_who_has_nothing_has_nothing_to_explain(town: TownBuilder, api: ApiClient) -> None:
    mine = api.as_(town.resident())
    assert mine.get("/me/points/explain").json == {"items": [], "next_cursor": None}
    assert mine.get("/me/points").json == {"balance": 0, "held": 0, "expiring": []}
