"""S30 县慈善会志愿者公益积分兑换办法: who earns, what a point is worth, what may be paid with it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rules.rulebook.redeeming import grade_of
from tests.rulebook.story import Story, codes, plan_of, reasons


def volunteer(points: int = 0) -> Story:
    story = Story.at("charity-federation", platform="幸福家园", in_team=True)
    if points:
        story.tell("service", points=points)
    return story


def test_volunteers_of_the_platform_who_have_joined_a_team_earn() -> None:
    assert volunteer().earns("service", points=21) == 21


@pytest.mark.parametrize(
    "person", [{}, {"platform": "幸福家园"}, {"in_team": True}, {"platform": "其他平台", "in_team": True}]
)
def test_nobody_else_earns(person: dict[str, object]) -> None:
    assert Story.at("charity-federation", **person).earns("service", points=21) == 0


def test_a_point_is_worth_a_yuan() -> None:
    rates = [each.rate for each in plan_of("charity-federation").rulebook.redemption]
    assert [(rate.points, rate.worth, rate.unit) for rate in rates if rate] == [(1, 1, "元")] * 3


@pytest.mark.parametrize(
    ("points", "refusals"), [(50, []), (20, []), (1, []), (51, ["part_out_of_bounds"]), (60, ["part_out_of_bounds"])]
)
def test_goods_of_50_yuan_are_paid_with_50_points_or_with_fewer_and_money(points: int, refusals: list[str]) -> None:
    assert codes(volunteer(100).redeem("goods", points, price=50)) == refusals


def test_a_single_point_may_be_a_part_of_a_large_price() -> None:
    assert volunteer(100).redeem("goods", 1, price=900).is_allowed


def test_points_cover_a_discount() -> None:
    story = volunteer(30)
    assert story.redeem("fee", 12).is_allowed
    assert story.points() == 18


def test_no_more_can_be_spent_than_there_is() -> None:
    assert codes(volunteer(30).redeem("goods", 31, price=31)) == ["points_insufficient"]


def test_points_may_be_given_to_the_charity() -> None:
    story = volunteer(30)
    assert story.redeem("donation", 30).is_allowed
    assert story.points() == 0


@pytest.mark.parametrize(
    ("given", "title"),
    [
        (99, None),
        (100, "铜牌志愿者"),
        (499, "铜牌志愿者"),
        (500, "银牌志愿者"),
        (999, "银牌志愿者"),
        (1000, "金牌志愿者"),
    ],
)
def test_what_is_given_decides_whether_somebody_is_a_bronze_silver_or_gold_volunteer(
    given: int, title: str | None
) -> None:
    donation = plan_of("charity-federation").rulebook.redemption[-1]
    assert grade_of(donation, Decimal(given)) == title


def test_an_explanation_holds_the_arithmetic_or_says_who_earns() -> None:
    assert "每分 1 分 × 21 分 = 21 分" in reasons(volunteer().tell("service", points=21))
    refused = Story.at("charity-federation").tell("service", points=21)
    assert "须为幸福家园平台志愿者并已加入团队" in reasons(refused)
