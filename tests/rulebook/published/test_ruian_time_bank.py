"""S40 瑞安时间银行: every printed number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.rulebook.story import Story, codes, kinds, reasons

SIGNED = {"signed_in": True, "signed_out": True}
ENTERED = {"confirmed": True, "approved_by": "staff"}


def volunteer() -> Story:
    return Story.at("ruian-time-bank")


@pytest.mark.parametrize(
    ("minutes", "hours"),
    [(29, "0"), (30, "0.5"), (59, "0.5"), (60, "1"), (110, "1.5"), (120, "2")],
)
def test_hours_count_in_halves_and_110_minutes_are_one_and_a_half(minutes: int, hours: str) -> None:
    story = volunteer()
    story.tell("service", minutes=minutes, **SIGNED)
    story.tell("honour_service", minutes=minutes, **ENTERED)
    assert story.points("yibi") == Decimal(hours)
    assert story.points("honour-hours") == Decimal(hours)
    assert story.fact("tally.hours") == 2 * Decimal(hours)


@pytest.mark.parametrize("missing", ["signed_in", "signed_out"])
def test_credit_hours_need_signing_in_and_out(missing: str) -> None:
    story = volunteer()
    story.tell("service", hours=2, **(SIGNED | {missing: False}))
    assert story.points("yibi") == 0
    assert story.fact("tally.hours") == 0


def test_credit_hours_turn_into_coins_one_for_one() -> None:
    story = volunteer()
    story.tell("service", hours=3, **SIGNED)
    assert story.fact("earned.credit-hours") == 3
    assert story.points("yibi") == 3
    assert not story.plan.currencies["credit-hours"].spendable
    assert story.points("credit-hours") == 0


def test_honour_hours_never_turn_into_coins() -> None:
    story = volunteer()
    story.tell("honour_service", hours=30, **ENTERED)
    assert story.points("honour-hours") == 30
    assert story.points("yibi") == 0
    assert codes(story.redeem("service", 1)) == ["not_eligible", "points_insufficient"]
    assert not story.plan.currencies["honour-hours"].spendable


def test_honour_hours_are_confirmed_and_then_entered_by_an_authorised_body() -> None:
    story = volunteer()
    assert story.tell("honour_service", hours=2, approved_by="staff").lines == []
    assert kinds(story.tell("honour_service", hours=2, confirmed=True)) == ["pending"]
    assert story.points("honour-hours") == 0
    assert story.fact("tally.hours") == 0


def test_both_kinds_count_as_hours_and_stay_when_coins_are_spent() -> None:
    story = volunteer()
    story.tell("service", hours=10, **SIGNED)
    story.tell("honour_service", hours=4, **ENTERED)
    assert story.redeem("service", 10).is_allowed
    assert story.points("yibi") == 0
    assert story.fact("tally.hours") == 14


@pytest.mark.parametrize(("minutes", "refusals"), [(599, ["not_eligible"]), (600, [])])
def test_coins_are_redeemed_after_a_certain_amount(minutes: int, refusals: list[str]) -> None:
    story = volunteer()
    story.tell("service", minutes=minutes, **SIGNED)
    verdict = story.redeem("service", 1)
    assert codes(verdict) == refusals
    assert all(refusal.sentence == "益币累计满 10 个" for refusal in verdict.refusals)


def test_explanations_hold_the_arithmetic() -> None:
    words = reasons(volunteer().tell("service", minutes=110, **SIGNED))
    assert "每小时 1 小时 × 1.5 小时 = 1.5 小时" in words
    assert "按 0.5 小时向下取整" in words
    assert "1.5 信用时 × 1 = 1.5 益币" in words
