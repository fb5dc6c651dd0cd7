"""S01 邹平市图书馆 读者信用积分: every printed number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rulebook.story import Story, reasons


def reader(**person: Any) -> Story:
    return Story.at("zouping-library", opened="2026-03-01", **person)


def frozen_reader(**person: Any) -> Story:
    """A reader who came down to 0 on 2 March."""
    story = reader(**person)
    story.tell("damage", "2026-03-02", items=6)
    return story


def test_an_account_opens_with_200() -> None:
    assert reader().points() == 200


@pytest.mark.parametrize(("items", "points"), [(1, 1), (3, 3), (4, 3), (10, 3)])
def test_a_borrowed_item_earns_1_and_a_day_at_most_3(items: int, points: int) -> None:
    assert reader().earns("borrow", items=items) == points


def test_the_day_of_borrowing_is_full_after_3_and_the_next_day_is_not() -> None:
    story = reader()
    assert story.earns("borrow", "2026-03-02 09:00", items=2) == 2
    assert story.earns("borrow", "2026-03-02 23:59", items=2) == 1
    assert story.earns("borrow", "2026-03-02 23:59", items=1) == 0
    assert story.earns("borrow", "2026-03-03 00:00", items=1) == 1


def test_signing_up_earns_2_and_checking_in_3() -> None:
    story = reader()
    assert story.earns("signup", "2026-03-02") == 2
    assert story.earns("checkin", "2026-03-03") == 3


def test_who_comes_late_keeps_the_points_of_signing_up_only() -> None:
    story = reader()
    assert story.earns("signup") == 2
    assert story.earns("checkin", late=True) == 0
    assert story.points() == 202


def test_of_three_activities_in_a_day_10_points_are_credited_and_the_third_earns_nothing() -> None:
    story = reader()
    earned = [story.earns("signup", "2026-03-02") + story.earns("checkin") for _ in range(3)]
    assert earned == [5, 5, 0]
    assert story.points() == 210


def test_borrowing_is_not_held_to_the_limit_of_activities() -> None:
    story = reader()
    for _ in range(3):
        story.tell("signup", "2026-03-02")
        story.tell("checkin")
    assert story.earns("borrow", items=3) == 3
    assert story.earns("service", hours=4) == 20


@pytest.mark.parametrize(("minutes", "points"), [(59, 0), (60, 5), (110, 5), (120, 10), (240, 20), (300, 20)])
def test_a_whole_hour_of_service_earns_5_and_a_day_at_most_20(minutes: int, points: int) -> None:
    assert reader().earns("service", minutes=minutes) == points


def test_other_public_benefit_is_decided_case_by_case() -> None:
    story = reader()
    assert story.earns("public_benefit", approved_by="staff", amount=15) == 15
    assert story.earns("public_benefit", amount=15) == 0


def test_an_overdue_item_costs_1_a_day() -> None:
    assert reader().earns("overdue", item_days=3) == -3
    assert reader().earns("overdue", item_days=2 * 30) == -60


def test_a_lost_or_badly_damaged_item_costs_35() -> None:
    assert reader().earns("damage", items=1) == -35


def test_who_signs_up_and_stays_away_ends_8_lower() -> None:
    story = reader()
    assert story.earns("signup", "2026-03-02") == 2
    assert story.earns("no_show", "2026-03-03") == -10
    assert story.points() == 200 - 8


def test_at_0_borrowing_is_frozen_and_at_1_it_is_not() -> None:
    story = reader()
    story.tell("overdue", "2026-03-02", item_days=199)
    assert story.points() == 1
    assert not story.is_frozen("borrowing")
    assert story.earns("no_show") == -1
    assert story.is_frozen("borrowing")


def test_a_freeze_ends_by_itself_after_60_days_with_50_points() -> None:
    story = frozen_reader()
    story.tell("look", "2026-04-30 23:59")
    assert story.is_frozen("borrowing")
    story.tell("look", "2026-05-01 00:00")
    assert not story.is_frozen("borrowing")
    assert story.points() == 50


def test_a_quiz_that_is_passed_ends_a_freeze_at_once() -> None:
    story = frozen_reader()
    story.tell("quiz_passed")
    assert not story.is_frozen("borrowing")
    assert story.points() == 50


def test_two_hours_of_service_end_a_freeze_and_the_balance_is_set_to_50() -> None:
    story = frozen_reader()
    story.tell("service", "2026-03-03", minutes=60)
    assert story.is_frozen("borrowing")
    assert story.points() == 5
    story.tell("service", "2026-03-04", minutes=60)
    assert not story.is_frozen("borrowing")
    assert story.points() == 50


def test_no_way_out_is_open_to_who_still_owes_something() -> None:
    story = frozen_reader(owes=True)
    story.tell("quiz_passed")
    story.tell("service", "2026-03-03", hours=2)
    story.tell("look", "2026-06-01")
    assert story.is_frozen("borrowing")
    story.standing.person = {"owes": False}
    story.tell("look", "2026-06-02")
    assert not story.is_frozen("borrowing")
    assert story.points() == 50


def test_points_are_kept_when_the_card_is_returned_and_never_lapse() -> None:
    story = reader()
    assert story.plan.rulebook.account.on_closing == "kept"
    story.tell("look", "2099-12-31")
    assert story.points() == 200


def test_the_highest_of_a_year_are_rewarded() -> None:
    [ranking] = reader().plan.rulebook.ranking
    assert (ranking.measure, ranking.every, ranking.reward) == ("balance.points", "year", "年度奖励")


def test_an_explanation_holds_the_arithmetic() -> None:
    story = reader()
    assert "每小时 5 分 × 1 小时 = 5 分" in reasons(story.tell("service", minutes=110))
    assert "每册·天 1 分 × 6 册·天 = 6 分" in reasons(story.tell("overdue", item_days=6))
