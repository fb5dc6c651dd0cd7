"""S05 威海市图书馆 积分管理办法(试行): every printed number."""

from __future__ import annotations

import pytest

from tests.rulebook.story import Story, reasons


def reader() -> Story:
    return Story.at("weihai-library", opened="2026-03-01")


def test_an_account_opens_with_100() -> None:
    assert reader().points() == 100


@pytest.mark.parametrize(("items", "points"), [(1, 1), (5, 5), (6, 5)])
def test_a_borrowed_item_earns_1_and_a_day_at_most_5(items: int, points: int) -> None:
    assert reader().earns("borrow", items=items) == points


def test_a_full_day_of_borrowing_leaves_the_next_day_free() -> None:
    story = reader()
    assert [story.earns("borrow", "2026-03-02", items=3) for _ in range(2)] == [3, 2]
    assert story.earns("borrow", "2026-03-03", items=3) == 3


def test_each_full_year_of_the_card_earns_20() -> None:
    story = reader()
    assert [story.earns("card_anniversary", f"{year}-03-01") for year in (2027, 2028)] == [20, 20]
    assert story.points() == 140


def test_there_is_no_upper_bound() -> None:
    story = reader()
    for year in range(2027, 2077):
        story.tell("card_anniversary", f"{year}-03-01")
    assert story.points() == 1100
    assert story.plan.rulebook.main_currency.ceiling is None


@pytest.mark.parametrize(("items", "points"), [(1, -1), (5, -5), (7, -5)])
def test_an_overdue_item_costs_1_a_day_and_all_of_them_at_most_5(items: int, points: int) -> None:
    assert reader().earns("overdue", items=items) == points


def test_a_week_overdue_costs_5_on_each_day() -> None:
    story = reader()
    assert [story.earns("overdue", f"2026-03-{day:02}", items=8) for day in range(2, 9)] == [-5] * 7
    assert story.points() == 65


def test_damage_costs_3_and_loss_5() -> None:
    assert reader().earns("damage") == -3
    assert reader().earns("loss") == -5


def test_deductions_stop_at_0() -> None:
    story = reader()
    for _ in range(19):
        story.tell("loss")
    story.tell("damage")
    assert story.points() == 2
    assert story.earns("damage") == -2
    assert story.earns("loss") == 0
    assert story.points() == 0
    assert story.earns("borrow", items=1) == 1


def test_an_explanation_holds_the_arithmetic_and_says_where_deductions_stop() -> None:
    story = reader()
    assert "每册 1 分 × 4 册 = 4 分" in reasons(story.tell("borrow", items=4))
    for _ in range(20):
        story.tell("loss")
    said = reasons(story.tell("loss"))
    assert "每次 5 分 × 1 次 = 5 分" in said
    assert "扣至 0 分为止，本次扣 4 分" in said
