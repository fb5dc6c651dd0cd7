"""S36 北京市养老服务时间银行: every printed number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rules.rulebook.sections.accounts import Scope, TransferWithin
from tests.rulebook.story import Story, codes, reasons

SIGNED = {"signed_in": True, "signed_out": True, "service_class": 1}


def saver(coins: int, age: int) -> Story:
    """A resident of this age who has stored so many coins."""
    story = Story.at("beijing-time-bank", resident=True, age=40)
    story.tell("service", hours=coins, **SIGNED)
    story.standing.person = {"resident": True, "age": age}
    return story


@pytest.mark.parametrize(
    ("person", "coins"),
    [
        ({"age": 18}, 2),
        ({"age": 17}, 0),
        ({"age": 17, "guardian": True}, 2),
        ({"age": 70}, 2),
        ({"age": 40, "resident": False}, 0),
    ],
)
def test_residents_of_18_or_more_earn_and_minors_with_a_guardian(person: dict[str, object], coins: int) -> None:
    story = Story.at("beijing-time-bank", **({"resident": True} | person))
    assert story.earns("service", hours=2, **SIGNED) == coins


def test_an_hour_is_a_coin() -> None:
    story = Story.at("beijing-time-bank", resident=True, age=40)
    assert story.earns("service", hours=1, **SIGNED) == 1
    assert story.earns("service", minutes=180, **SIGNED) == 3


@pytest.mark.parametrize(("minutes", "coins"), [(5, "0"), (6, "0.1"), (50, "0.8"), (90, "1.5")])
def test_less_than_a_tenth_of_an_hour_is_left_out(minutes: int, coins: str) -> None:
    story = Story.at("beijing-time-bank", resident=True, age=40)
    assert story.earns("service", minutes=minutes, **SIGNED) == Decimal(coins)


@pytest.mark.parametrize(("number", "coins"), [(0, 0), *((number, 1) for number in range(1, 9)), (9, 0)])
def test_eight_classes_of_service_earn(number: int, coins: int) -> None:
    story = Story.at("beijing-time-bank", resident=True, age=40)
    assert story.earns("service", hours=1, **(SIGNED | {"service_class": number})) == coins


@pytest.mark.parametrize("missing", ["signed_in", "signed_out"])
def test_without_signing_in_and_out_nothing_is_earned(missing: str) -> None:
    story = Story.at("beijing-time-bank", resident=True, age=40)
    assert story.earns("service", hours=1, **(SIGNED | {missing: False})) == 0


@pytest.mark.parametrize(("age", "refusals"), [(59, ["not_eligible"]), (60, []), (85, [])])
def test_coins_are_used_for_oneself_from_60_on(age: int, refusals: list[str]) -> None:
    verdict = saver(10, age).redeem("service", 4)
    assert codes(verdict) == refusals
    assert all(refusal.sentence == "年满 60 周岁" for refusal in verdict.refusals)


def test_coins_may_be_given_to_direct_relatives() -> None:
    transfer = saver(10, 40).plan.rulebook.transfer
    assert transfer.within is TransferWithin.RELATIVES
    assert transfer.currencies == ("coins",)


@pytest.mark.parametrize(("coins", "refusals"), [(9_999, ["not_eligible"]), (10_000, []), (10_001, [])])
def test_10000_coins_open_a_place_in_a_public_care_home(coins: int, refusals: list[str]) -> None:
    verdict = saver(coins, 60).redeem("place", 100)
    assert codes(verdict) == refusals
    assert all(refusal.sentence == "年满 60 周岁，存有 10000 个时间币" for refusal in verdict.refusals)


def test_a_place_in_a_care_home_is_for_oneself_from_60_on_too() -> None:
    assert codes(saver(10_000, 59).redeem("place", 100)) == ["not_eligible"]


def test_coins_are_good_in_the_whole_city_and_do_not_lapse() -> None:
    story = saver(10, 60)
    assert story.plan.rulebook.main_currency.scope is Scope.ANYWHERE
    story.tell("look", "2066-03-02")
    assert story.points() == 10


def test_an_explanation_holds_the_arithmetic() -> None:
    story = Story.at("beijing-time-bank", resident=True, age=40)
    assert "每小时 1 个 × 1.5 小时 = 1.5 个" in reasons(story.tell("service", minutes=90, **SIGNED))
