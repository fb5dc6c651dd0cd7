"""S02 泉州市图书馆 读者积分: every printed number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rulebook.story import Story, reasons


def reader(**person: Any) -> Story:
    return Story.at("quanzhou-library", opened="2026-03-01", **person)


def frozen_reader() -> Story:
    """A reader whose last points went on 2 March."""
    story = reader()
    for _ in range(10):
        story.tell("damage", "2026-03-02", serious=True)
    assert story.is_frozen("card")
    return story


def test_an_account_opens_with_300() -> None:
    assert reader().points() == 300


@pytest.mark.parametrize(("items", "points"), [(1, 1), (20, 20), (21, 20)])
def test_a_borrowed_item_earns_1_and_a_day_at_most_20(items: int, points: int) -> None:
    assert reader().earns("borrow", items=items) == points


def test_20_a_day_for_five_days_fill_the_month_and_the_sixth_day_earns_nothing() -> None:
    story = reader()
    assert [story.earns("borrow", f"2026-03-{day:02}", items=20) for day in range(1, 7)] == [20, 20, 20, 20, 20, 0]
    assert story.earns("borrow", "2026-04-01", items=20) == 20


def test_the_last_day_of_a_month_takes_what_the_month_leaves() -> None:
    story = reader()
    for day in range(1, 6):
        story.tell("borrow", f"2026-03-{day:02}", items=19)
    assert story.earns("borrow", "2026-03-31", items=20) == 5


def test_an_activity_earns_5_and_a_day_at_most_15() -> None:
    story = reader()
    assert [story.earns("checkin", "2026-03-02") for _ in range(4)] == [5, 5, 5, 0]
    assert story.earns("checkin", "2026-03-03") == 5


def test_the_limit_of_activities_holds_for_nothing_else() -> None:
    story = reader()
    for _ in range(3):
        story.tell("checkin", "2026-03-02")
    assert story.earns("service", checked_in=True) == 10
    assert story.earns("book_donation", items=1) == 5


def test_volunteering_earns_10_each_time_that_one_checks_in_and_stays() -> None:
    story = reader()
    assert [story.earns("service", checked_in=True) for _ in range(3)] == [10, 10, 10]
    assert story.earns("service", checked_in=True, left_early=True) == 0
    assert story.earns("service") == 0


def test_a_donated_book_earns_5_and_a_year_at_most_100() -> None:
    story = reader()
    assert story.earns("book_donation", "2026-03-02", items=19) == 95
    assert story.earns("book_donation", "2026-12-31", items=2) == 5
    assert story.earns("book_donation", "2026-12-31", items=1) == 0
    assert story.earns("book_donation", "2027-01-01", items=20) == 100


@pytest.mark.parametrize(("items", "points"), [(1, -1), (10, -10), (12, -10)])
def test_an_overdue_item_costs_1_a_day_and_all_of_them_at_most_10(items: int, points: int) -> None:
    assert reader().earns("overdue", items=items) == points


def test_the_10_of_a_day_are_counted_anew_on_the_next() -> None:
    story = reader()
    assert story.earns("overdue", "2026-03-02", items=6) == -6
    assert story.earns("overdue", "2026-03-02", items=6) == -4
    assert story.earns("overdue", "2026-03-03", items=6) == -6


@pytest.mark.parametrize(
    ("kind", "facts", "points"),
    [
        ("damage", {}, -10),
        ("damage", {"serious": True}, -30),
        ("loss", {}, -15),
        ("card_replacement", {}, -10),
        ("uncollected", {}, -5),
    ],
)
def test_what_happens_to_an_item_or_a_card_costs_a_fixed_number(kind: str, facts: dict[str, Any], points: int) -> None:
    assert reader().earns(kind, **facts) == points


@pytest.mark.parametrize(("kind", "points"), [("early_leave", -2), ("leave_request", -2), ("no_show", -5)])
def test_leaving_early_and_asking_for_leave_cost_2_and_staying_away_5(kind: str, points: int) -> None:
    assert reader().earns(kind) == points


def test_who_comes_late_earns_5_and_loses_2() -> None:
    assert reader().earns("checkin", late=True) == 3


def test_staying_away_for_a_reason_costs_nothing() -> None:
    assert reader().earns("no_show", excused=True) == 0


@pytest.mark.parametrize("kind", ["early_leave", "leave_request", "no_show"])
def test_nothing_is_deducted_when_the_library_itself_cancels(kind: str) -> None:
    assert reader().earns(kind, cancelled_by_library=True) == 0


def test_at_0_the_card_is_frozen_and_at_1_it_is_not() -> None:
    story = reader()
    for _ in range(9):
        story.tell("damage", serious=True)
    story.tell("loss")
    story.tell("early_leave")
    story.tell("early_leave")
    story.tell("damage")
    assert story.points() == 1
    assert not story.is_frozen("card")
    assert story.earns("uncollected") == -1
    assert story.is_frozen("card")


def test_a_freeze_ends_after_20_days_and_the_balance_is_set_to_10() -> None:
    story = frozen_reader()
    story.tell("look", "2026-03-21 23:59")
    assert story.is_frozen("card")
    story.tell("look", "2026-03-22 00:00")
    assert not story.is_frozen("card")
    assert story.points() == 10


def test_what_was_earned_meanwhile_is_not_added_to_the_10() -> None:
    story = frozen_reader()
    story.tell("checkin", "2026-03-10")
    assert story.points() == 5
    story.tell("look", "2026-03-22")
    assert story.points() == 10


def test_10_points_from_activities_end_a_freeze_earlier_and_5_do_not() -> None:
    story = frozen_reader()
    story.tell("checkin", "2026-03-03")
    assert story.is_frozen("card")
    story.tell("checkin", "2026-03-03")
    assert not story.is_frozen("card")
    assert story.points() == 10


def test_10_points_from_volunteering_do_not_end_a_freeze() -> None:
    story = frozen_reader()
    story.tell("service", "2026-03-03", checked_in=True)
    assert story.points() == 10
    assert story.is_frozen("card")


def test_points_are_kept_when_the_card_is_returned() -> None:
    assert reader().plan.rulebook.account.on_closing == "kept"


def test_there_is_a_yearly_ranking_with_a_reward() -> None:
    [ranking] = reader().plan.rulebook.ranking
    assert (ranking.every, ranking.reward) == ("year", "年度奖励")


def test_an_explanation_holds_the_arithmetic_and_the_limit_that_bites() -> None:
    story = reader()
    said = reasons(story.tell("borrow", items=21))
    assert "每册 1 分 × 21 册 = 21 分" in said
    assert "每日最多 20 分，已计 0 分，本次计 20 分" in said
