"""Awards against a budget that ends."""

from __future__ import annotations

from tests.build import BUDGET, ApiClient, TownBuilder
from tests.ledger.keeping import audit
from tests.points.hands import balance_of, give
from tests.points.staff_events import BOOKS, LADDER, SERVICE, books, standing, under
from tests.rulebook.live import counts, explained, organiser, recorded, usage


def test_when_the_budget_is_used_up_hours_count_and_nothing_is_paid(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER)
    give(town, town.resident(), BUDGET - 15)
    resident, staff = town.resident(), organiser(town, api)
    outcome = recorded(staff, resident, "care", hours=3)
    assert (outcome["awarded"], outcome["balance"]) == (0, 0)
    assert [line["kind"] for line in outcome["lines"]] == ["nothing", "level", "right"]
    assert "积分预算已用完，本次没有发放积分" in explained(outcome)
    assert counts(town, resident) == {("tally:hours", "ever"): 3 * 60 * 10_000}
    assert (balance_of(api, resident), standing(api, resident)["ladders"][0]["level"]) == (0, "star-1")
    assert recorded(staff, resident, "care", hours=1)["awarded"] == 10, "what the budget still has is paid"
    audit(town)


def test_what_the_budget_did_not_pay_used_no_limit(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, 'limits = [{ points = 20, per = "day" }]\n')
    give(town, town.resident(), BUDGET - 15)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=2)
    assert usage(town) == {}
    assert recorded(staff, resident, "care", hours=1)["awarded"] == 10


def test_a_level_that_brings_points_is_reached_though_the_budget_is_used_up(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER.replace('id = "loans", value = 2', "points = 25"))
    give(town, town.resident(), BUDGET - 15)
    resident, staff = town.resident(), organiser(town, api)
    outcome = recorded(staff, resident, "care", hours=3)
    assert (outcome["awarded"], outcome["balance"]) == (0, 0)
    assert standing(api, resident)["ladders"][0]["level"] == "star-1"


def test_a_score_that_nobody_spends_needs_no_budget(town: TownBuilder, api: ApiClient) -> None:
    under(town, BOOKS)
    give(town, town.resident(), BUDGET)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "reading")
    assert books(api, resident) == {"points": 0, "culture": 0, "lebi": 4}
    audit(town)
