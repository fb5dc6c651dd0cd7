"""S08 舟山定海 “三个全民” 知识币/文化币/公益币 → 乐币: every printed number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rulebook.story import Story, codes, reasons


def resident() -> Story:
    return Story.at("dinghai-three-coins")


@pytest.mark.parametrize(
    ("kind", "facts", "coins"),
    [
        ("borrow", {"items": 1}, 2),
        ("borrow", {"items": 4}, 8),
        ("reading", {"minutes": 59, "signed_in": True, "signed_out": True}, 0),
        ("reading", {"minutes": 60, "signed_in": True, "signed_out": True}, 1),
        ("reading", {"hours": 3, "signed_in": True, "signed_out": True}, 3),
        ("reading", {"hours": 3, "signed_in": True}, 0),
        ("reading", {"hours": 3, "signed_out": True}, 0),
        ("book_donation", {"items": 3, "approved_by": "staff"}, 30),
        ("book_donation", {"items": 3}, 0),
        ("library_activity", {}, 10),
        ("library_activity", {"role": "讲师"}, 50),
        ("library_activity", {"role": "表演者"}, 50),
        ("library_activity", {"role": "嘉宾"}, 50),
        ("window_service", {"hours": 2}, 20),
        ("window_service", {"minutes": 119}, 0),
        ("window_service", {"hours": 4}, 40),
        ("lesson", {"role": "学员"}, 6),
        ("lesson", {"role": "教师"}, 50),
        ("performance", {}, 30),
        ("coaching", {}, 50),
        ("service", {"hours": 1}, 1),
    ],
)
def test_each_activity_earns_its_printed_number(kind: str, facts: dict[str, Any], coins: int) -> None:
    assert resident().earns(kind, **facts) == coins


@pytest.mark.parametrize(
    ("kind", "facts", "currency", "coins"),
    [
        ("borrow", {"items": 1}, "knowledge", 2),
        ("lesson", {"role": "教师"}, "culture", 50),
        ("service", {"hours": 8}, "charity", 8),
    ],
)
def test_each_of_the_three_turns_into_lebi_at_once(kind: str, facts: dict[str, Any], currency: str, coins: int) -> None:
    story = resident()
    story.tell(kind, **facts)
    assert story.standing.earned[currency] == coins
    assert story.points(currency) == 0
    assert story.points("lebi") == coins


def test_all_three_meet_in_one_lebi() -> None:
    story = resident()
    story.tell("window_service", hours=2)
    story.tell("lesson", role="学员")
    story.tell("service", hours=4)
    assert story.points("lebi") == 20 + 6 + 4


def test_a_volunteer_has_at_most_500_hours_a_year() -> None:
    story = resident()
    assert story.earns("service", "2026-03-02", hours=499) == 499
    assert story.earns("service", "2026-12-31", hours=2) == 1
    assert story.earns("service", "2026-12-31", hours=8) == 0
    assert story.earns("service", "2027-01-01", hours=8) == 8


def test_the_500_hours_bound_no_other_coin() -> None:
    story = resident()
    story.tell("service", hours=500)
    assert story.earns("window_service", hours=2) == 20
    assert story.points("lebi") == 520


@pytest.mark.parametrize("what", ["goods", "service"])
def test_lebi_buy_goods_and_services(what: str) -> None:
    story = resident()
    story.tell("coaching")
    assert codes(story.redeem(what, 51)) == ["points_insufficient"]
    assert story.redeem(what, 50).is_allowed
    assert story.points("lebi") == 0


def test_an_explanation_holds_the_arithmetic_of_earning_and_of_turning() -> None:
    said = reasons(resident().tell("window_service", hours=4))
    assert "20 枚 × 4 小时 ÷ 2 = 40 枚" in said
    assert "40 知识币 × 1 = 40 乐币" in said


def test_an_explanation_says_what_the_500_hours_leave() -> None:
    story = resident()
    story.tell("service", hours=499)
    assert "每年最多 500 小时，已计 499 小时，本次计 1 小时" in reasons(story.tell("service", hours=2))
