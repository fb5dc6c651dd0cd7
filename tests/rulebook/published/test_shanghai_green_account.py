"""S44 上海绿色账户: every printed number."""

from __future__ import annotations

import pytest

from rules.rulebook.sections.accounts import Holder
from tests.rulebook.story import Story, codes, kinds, reasons

SORTED = {"correct": True, "scanned": True, "approved_by": "second_person"}


def household(times: int = 0, on: str = "2014-09-12") -> Story:
    """A household that has sorted correctly so many times."""
    story = Story.at("shanghai-green-account")
    for _ in range(times):
        story.tell("sorting", on, **SORTED)
    return story


def test_the_account_is_the_households() -> None:
    assert household().plan.rulebook.account.holder is Holder.HOUSEHOLD


def test_each_correct_sorting_earns_10() -> None:
    story = household()
    assert story.earns("sorting", **SORTED) == 10
    assert story.earns("sorting", **SORTED) == 10


@pytest.mark.parametrize("missing", ["correct", "scanned"])
def test_a_sorting_that_is_wrong_or_not_scanned_earns_nothing(missing: str) -> None:
    assert household().earns("sorting", **(SORTED | {missing: False})) == 0


def test_a_sorting_waits_until_a_volunteer_has_checked_it() -> None:
    assert kinds(household().tell("sorting", correct=True, scanned=True)) == ["pending"]


def test_the_code_of_a_points_cheque_is_good_once() -> None:
    story = household()
    assert story.earns("points_cheque", "2014-09-12", points=61, code="A1") == 61
    assert story.earns("points_cheque", "2014-10-12", points=61, code="A1") == 0
    assert story.earns("points_cheque", points=20, code="A2") == 20


@pytest.mark.parametrize(
    ("day", "refusals"), [("2014-10-14", ["outside_window"]), ("2014-10-15", []), ("2014-10-16", ["outside_window"])]
)
def test_goods_are_redeemed_on_site_once_a_month(day: str, refusals: list[str]) -> None:
    assert codes(household(5).redeem("goods", 20, day)) == refusals


def test_each_month_has_its_day() -> None:
    story = household(5)
    assert story.redeem("goods", 20, "2014-10-15").is_allowed
    assert story.redeem("goods", 30, "2014-11-15").is_allowed
    assert story.points() == 0


def test_online_and_for_the_welfare_fund_points_are_good_on_any_day() -> None:
    story = household(5)
    assert story.redeem("goods", 20, "2014-10-14", channel="支付宝").is_allowed
    assert story.redeem("donation", 30, "2014-10-14").is_allowed


def test_points_draw_a_lot() -> None:
    story = household(2)
    assert story.redeem("lottery", 10, "2014-10-14").is_allowed
    assert story.points() == 10


@pytest.mark.parametrize(
    ("points", "tickets", "is_allowed"), [(7, 1, False), (10, 1, True), (20, 1, False), (20, 2, True)]
)
def test_a_draw_costs_what_its_tickets_cost(points: int, tickets: int, is_allowed: bool) -> None:
    assert household(5).redeem("lottery", points, "2014-10-14", quantity=tickets).is_allowed is is_allowed


def test_points_lapse_at_the_end_of_the_year() -> None:
    story = household(1, "2014-01-01")
    story.tell("sorting", "2014-12-31 23:59", **SORTED)
    assert story.points() == 20
    story.tell("look", "2015-01-01 00:00")
    assert story.points() == 0


def test_an_explanation_holds_the_arithmetic_and_the_last_good_day() -> None:
    words = reasons(household().tell("sorting", "2014-09-12", **SORTED))
    assert "每次 10 分 × 1 次 = 10 分，有效期至 2014-12-31" in words
