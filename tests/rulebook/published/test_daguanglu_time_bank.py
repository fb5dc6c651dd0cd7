"""S43 大光路社区“志愿时间银行”: coefficients on difficulty and quality, a credit grade, three ways to spend."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rules.rulebook.sections.accounts import TransferWithin
from tests.rulebook.story import Story, codes, kinds, reasons

ORDINARY = {"difficulty": "一般", "quality": "合格", "approved_by": "staff"}


def saver(hours: int = 0) -> Story:
    story = Story.at("daguanglu-time-bank")
    if hours:
        story.tell("service", hours=hours, **ORDINARY)
    return story


@pytest.mark.parametrize(
    ("difficulty", "quality", "points"),
    [
        ("一般", "合格", "2"),
        ("较难", "合格", "2.4"),
        ("困难", "合格", "3"),
        ("一般", "优秀", "2.4"),
        ("困难", "优秀", "3.6"),
        ("较难", "良好", "2.6"),
    ],
)
def test_an_hour_is_multiplied_by_its_difficulty_and_its_quality(difficulty: str, quality: str, points: str) -> None:
    facts = {"difficulty": difficulty, "quality": quality, "approved_by": "staff"}
    assert saver().earns("service", hours=2, **facts) == Decimal(points)


def test_without_its_difficulty_or_its_quality_a_service_earns_nothing_yet() -> None:
    story = saver()
    assert story.earns("service", hours=2, difficulty="一般", approved_by="staff") == 0
    assert story.earns("service", hours=2, quality="合格", approved_by="staff") == 0


def test_a_service_that_nobody_has_judged_waits_and_is_not_stored() -> None:
    story = saver()
    assert kinds(story.tell("service", hours=10, difficulty="一般", quality="合格")) == ["pending"]
    assert story.points() == 0
    assert story.level("credit") is None


@pytest.mark.parametrize(("hours", "grade"), [(9, None), (10, "b"), (49, "b"), (50, "a"), (99, "a"), (100, "aa")])
def test_stored_time_gives_a_credit_grade(hours: int, grade: str | None) -> None:
    assert saver(hours).level("credit") == grade


def test_the_grade_follows_hours_and_not_coefficients_and_stays_when_points_are_spent() -> None:
    story = saver()
    story.tell("service", hours=9, difficulty="困难", quality="优秀", approved_by="staff")
    assert story.level("credit") is None
    story.tell("service", hours=1, **ORDINARY)
    assert story.level("credit") == "b"
    assert story.redeem("goods", 17).is_allowed
    assert story.level("credit") == "b"


@pytest.mark.parametrize("what", ["service", "goods"])
def test_points_are_swapped_for_services_and_goods(what: str) -> None:
    story = saver(10)
    assert story.redeem(what, 10).is_allowed
    assert codes(story.redeem(what, 1)) == ["points_insufficient"]


def test_a_service_may_be_given_to_somebody_else() -> None:
    assert saver().plan.rulebook.transfer.within is TransferWithin.ANYONE


def test_an_explanation_holds_the_arithmetic_with_both_coefficients() -> None:
    facts = {"difficulty": "困难", "quality": "优秀", "approved_by": "staff"}
    words = reasons(saver().tell("service", hours=2, **facts))
    assert "每小时 1 分 × 2 小时 × 系数 1.5（difficulty） × 系数 1.2（quality） = 3.6 分" in words
