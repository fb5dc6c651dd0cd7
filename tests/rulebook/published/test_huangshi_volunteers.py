"""S11 志愿黄石 积分与自动兑换机: every printed number."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.rulebook.story import Story, codes, reasons

SIGNED: dict[str, Any] = {"provenance": "信用时长", "signed_in": True, "signed_out": True}
ENTERED: dict[str, Any] = {"provenance": "荣誉时长"}


def volunteer() -> Story:
    return Story.at("huangshi-volunteers")


@pytest.mark.parametrize(("hours", "points"), [(1, 1), (3, 3), (8, 8)])
def test_an_hour_that_one_signs_in_and_out_oneself_earns_1(hours: int, points: int) -> None:
    assert volunteer().earns("service", hours=hours, **SIGNED) == points


@pytest.mark.parametrize("lacking", ["signed_in", "signed_out"])
def test_without_signing_in_and_out_nothing_is_earned(lacking: str) -> None:
    assert volunteer().earns("service", hours=3, **{**SIGNED, lacking: False}) == 0


def test_hours_that_an_administrator_adds_never_become_points_but_are_hours() -> None:
    story = volunteer()
    story.tell("service", hours=2, **SIGNED)
    assert story.earns("service", hours=5, **ENTERED) == 0
    assert story.earns("service", hours=5, signed_in=True, signed_out=True, **ENTERED) == 0
    assert (story.fact("tally.credit-hours"), story.fact("tally.honour-hours")) == (2, 10)


def test_points_are_good_until_the_last_minute_of_the_year_and_then_void() -> None:
    story = volunteer()
    [award] = story.tell("service", "2024-01-22", hours=3, **SIGNED).awards
    assert award.expires_on == date(2024, 12, 31)
    story.tell("service", "2024-12-31 23:59", hours=1, **SIGNED)
    assert story.points() == 4
    story.tell("look", "2025-01-01 00:00")
    assert story.points() == 0


def test_points_of_this_year_are_redeemed_this_year() -> None:
    story = volunteer()
    story.tell("service", "2024-12-01", hours=3, **SIGNED)
    assert story.redeem("goods", 1, "2024-12-31 23:59").is_allowed
    assert codes(story.redeem("goods", 1, "2025-01-01 00:00")) == ["points_insufficient"]


def test_void_points_leave_hours() -> None:
    story = volunteer()
    story.tell("service", "2024-12-01", hours=3, **SIGNED)
    story.tell("look", "2025-01-01")
    assert (story.points(), story.fact("tally.credit-hours")) == (0, 3)


def test_goods_are_redeemed_at_their_price_on_line_or_at_a_machine() -> None:
    story = volunteer()
    story.tell("service", hours=3, **SIGNED)
    assert codes(story.redeem("goods", 4)) == ["points_insufficient"]
    verdict = story.redeem("goods", 3)
    assert verdict.is_allowed
    assert story.points() == 0
    assert verdict.redemption
    assert verdict.redemption.note == "网上兑换，或在自动兑换机扫码兑换；页面显示机器地址与库存"


def test_points_buy_nothing_else() -> None:
    story = volunteer()
    story.tell("service", hours=3, **SIGNED)
    assert codes(story.redeem("lottery", 1)) == ["not_offered"]


def test_an_explanation_holds_the_arithmetic_and_the_last_good_day() -> None:
    said = reasons(volunteer().tell("service", "2024-03-02", hours=3, **SIGNED))
    assert "每小时 1 分 × 3 小时 = 3 分，有效期至 2024-12-31" in said
