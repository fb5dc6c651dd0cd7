"""S24 陈家湖社区 / “爱星社” 时长兑换: every printed number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rules.rulebook.sections.accounts import Scope
from tests.rulebook.story import Story, codes, reasons


def volunteer(hours: int) -> Story:
    """A volunteer with so many certified hours."""
    story = Story.at("chenjiahu-community")
    story.tell("service", hours=hours, approved_by="staff")
    return story


def test_a_certified_hour_is_stored_as_an_hour() -> None:
    assert volunteer(3).points() == 3


@pytest.mark.parametrize(("minutes", "hours"), [(5, "0"), (6, "0.1"), (50, "0.8"), (60, "1")])
def test_less_than_a_tenth_of_an_hour_is_left_out(minutes: int, hours: str) -> None:
    assert volunteer(0).earns("service", minutes=minutes, approved_by="staff") == Decimal(hours)


def test_hours_that_nobody_certified_do_not_count() -> None:
    story = volunteer(4)
    assert story.earns("service", hours=10) == 0
    assert story.points() == 4
    assert codes(story.redeem("goods", 1, worth_per_point=10)) == ["not_eligible"]


@pytest.mark.parametrize(("hours", "refusals"), [(4, ["not_eligible"]), (5, []), (6, [])])
def test_hours_are_redeemed_from_5_certified_hours_on(hours: int, refusals: list[str]) -> None:
    verdict = volunteer(hours).redeem("goods", 2, worth_per_point=10)
    assert codes(verdict) == refusals
    assert all(refusal.sentence == "认证时长满 5 小时" for refusal in verdict.refusals)


@pytest.mark.parametrize(
    ("yuan", "refusals"),
    [
        (Decimal("9.99"), ["price_out_of_bounds"]),
        (10, []),
        (55, []),
        (100, []),
        (Decimal("100.01"), ["price_out_of_bounds"]),
    ],
)
def test_a_merchant_gives_10_to_100_yuan_for_an_hour(yuan: Decimal | int, refusals: list[str]) -> None:
    assert codes(volunteer(5).redeem("goods", 1, worth_per_point=yuan)) == refusals


def test_a_merchant_that_has_set_no_price_takes_no_hours() -> None:
    assert codes(volunteer(5).redeem("service", 1)) == ["price_out_of_bounds"]


def test_hours_may_be_split_across_shops_and_no_hour_is_used_twice() -> None:
    story = volunteer(5)
    assert story.redeem("goods", 3, worth_per_point=10, shop="甲").is_allowed
    assert story.redeem("service", 2, worth_per_point=20, shop="乙").is_allowed
    assert story.points() == 0
    assert codes(story.redeem("goods", 1, worth_per_point=10, shop="丙")) == ["points_insufficient"]


def test_newly_earned_hours_can_be_used_at_the_same_shop_again() -> None:
    story = volunteer(5)
    story.redeem("goods", 5, worth_per_point=10, shop="甲")
    story.tell("service", hours=2, approved_by="staff")
    assert story.redeem("goods", 2, worth_per_point=10, shop="甲").is_allowed
    assert story.points() == 0


def test_hours_are_good_at_every_shop() -> None:
    assert volunteer(5).plan.rulebook.main_currency.scope is Scope.ANYWHERE


def test_an_explanation_holds_the_arithmetic() -> None:
    decision = Story.at("chenjiahu-community").tell("service", minutes=150, approved_by="staff")
    assert "每小时 1 小时 × 2.5 小时 = 2.5 小时" in reasons(decision)
