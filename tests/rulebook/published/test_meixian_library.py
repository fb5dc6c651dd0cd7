"""S07 梅县区图书馆 读者积分管理规则: every printed number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rulebook.story import Story, reasons


def reader() -> Story:
    return Story.at("meixian-library", opened="2026-03-01")


def test_an_account_opens_with_100() -> None:
    assert reader().points() == 100


@pytest.mark.parametrize(("items", "points"), [(1, 1), (6, 6), (7, 6)])
def test_a_borrowed_item_earns_1_and_a_day_at_most_6(items: int, points: int) -> None:
    assert reader().earns("borrow", items=items) == points


def test_6_a_day_for_five_days_fill_the_calendar_month_and_the_sixth_day_earns_nothing() -> None:
    story = reader()
    assert [story.earns("borrow", f"2026-03-{day}", items=6) for day in range(20, 26)] == [6, 6, 6, 6, 6, 0]
    assert story.earns("borrow", "2026-04-01", items=6) == 6


@pytest.mark.parametrize(("hours", "points"), [(1, 2), (2, 4), (15, 30), (16, 30)])
def test_an_hour_of_service_earns_2_and_a_month_at_most_30(hours: int, points: int) -> None:
    assert reader().earns("service", hours=hours, platform="i志愿") == points


def test_the_month_of_service_is_full_after_30_and_borrowing_goes_on() -> None:
    story = reader()
    assert story.earns("service", "2026-03-02", hours=14, platform="i志愿") == 28
    assert story.earns("service", "2026-03-31", hours=3, platform="i志愿") == 2
    assert story.earns("borrow", "2026-03-31", items=3) == 3
    assert story.earns("service", "2026-04-01", hours=3, platform="i志愿") == 6


def test_hours_count_only_as_that_platform_recognises_them() -> None:
    assert reader().earns("service", hours=3) == 0
    assert reader().earns("service", hours=3, platform="自行登记") == 0


def test_an_overdue_item_ends_1_lower_than_before_it_was_borrowed() -> None:
    story = reader()
    story.tell("borrow", "2026-03-02", items=1)
    assert story.earns("overdue", "2026-04-10", items=1) == -2
    assert story.points() == 99


def test_several_overdue_items_cost_2_each() -> None:
    assert reader().earns("overdue", items=3) == -6


@pytest.mark.parametrize(
    ("kind", "facts", "points"), [("damage", {}, -5), ("damage", {"serious": True}, -10), ("loss", {}, -10)]
)
def test_general_damage_costs_5_and_serious_damage_or_loss_10(kind: str, facts: dict[str, Any], points: int) -> None:
    assert reader().earns(kind, **facts) == points


def test_the_right_to_borrow_follows_the_balance_and_the_card_is_frozen_at_0() -> None:
    story = reader()
    assert story.level("quota") == "lowest"
    for _ in range(9):
        story.tell("loss")
    assert not story.is_frozen("card")
    story.tell("loss")
    assert story.points() == 0
    assert story.is_frozen("card")
    assert story.level("quota") is None


def test_the_library_unfreezes_a_card() -> None:
    story = reader()
    for _ in range(10):
        story.tell("loss")
    story.tell("unfrozen_by_library")
    assert not story.is_frozen("card")


def test_an_explanation_holds_the_arithmetic() -> None:
    said = reasons(reader().tell("service", hours=16, platform="i志愿"))
    assert "每小时 2 分 × 16 小时 = 32 分" in said
    assert "每月最多 30 分，已计 0 分，本次计 30 分" in said
