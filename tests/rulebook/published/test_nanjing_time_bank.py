"""S37 南京市养老服务时间银行: every printed number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rules.rulebook.sections.accounts import Scope
from tests.rulebook.story import Story, codes, reasons


def saver(hours: int = 0, **person: object) -> Story:
    """Somebody who has stored so many hours."""
    story = Story.at("nanjing-time-bank", **({"age": 65} | person))
    if hours:
        story.tell("service", hours=hours)
    return story


def test_less_than_a_tenth_of_an_hour_is_left_out() -> None:
    story = saver()
    assert story.earns("service", minutes=50) == Decimal("0.8")


def held(story: Story) -> tuple[int, int]:
    return int(story.points("time")), int(story.points("donation"))


@pytest.mark.parametrize(
    ("hours", "both"), [(1_499, (1_499, 0)), (1_500, (1_500, 0)), (1_501, (1_500, 1)), (1_600, (1_500, 100))]
)
def test_1500_hours_are_stored_and_the_excess_goes_to_donation(hours: int, both: tuple[int, int]) -> None:
    assert held(saver(hours)) == both


def test_the_hour_that_reaches_the_limit_is_divided() -> None:
    story = saver(1_499)
    story.tell("service", hours=3)
    assert held(story) == (1_500, 2)
    story.tell("service", hours=1)
    assert held(story) == (1_500, 3)


def test_what_was_spent_can_be_stored_again() -> None:
    story = saver(1_500)
    story.redeem("service", 4)
    story.tell("service", hours=5)
    assert held(story) == (1_500, 1)


def test_the_excess_can_only_be_donated() -> None:
    story = saver(1_600)
    assert codes(story.redeem("service", 1_501)) == ["points_insufficient"]
    assert story.redeem("donation", 100).is_allowed
    assert held(story) == (1_500, 0)


def test_the_time_of_groups_can_only_be_donated() -> None:
    story = saver(40, kind="团体")
    assert held(story) == (0, 40)
    assert codes(story.redeem("service", 1)) == ["points_insufficient"]
    assert story.redeem("donation", 40).is_allowed


def test_the_time_of_groups_has_no_limit() -> None:
    assert held(saver(2_000, kind="团体")) == (0, 2_000)


@pytest.mark.parametrize(("age", "refusals"), [(59, ["not_eligible"]), (60, []), (79, [])])
def test_stored_time_is_used_from_60_on(age: int, refusals: list[str]) -> None:
    assert codes(saver(10, age=age).redeem("service", 2)) == refusals


@pytest.mark.parametrize(
    ("person", "is_served"),
    [
        ({"empty_nest": True, "age": 80}, True),
        ({"empty_nest": True, "age": 79}, False),
        ({"empty_nest": False, "age": 80}, False),
        ({"empty_nest": True, "age": 60, "low_income": True, "disabled": True}, True),
        ({"empty_nest": True, "age": 79, "low_income": True, "disabled": True}, True),
        ({"empty_nest": True, "age": 59, "low_income": True, "disabled": True}, False),
        ({"empty_nest": True, "age": 70, "low_income": True}, False),
        ({"empty_nest": True, "age": 70, "disabled": True}, False),
    ],
)
def test_without_stored_time_key_empty_nest_elders_are_served(person: dict[str, object], is_served: bool) -> None:
    verdict = saver(**person).book("2026-03-10 09:00", "2026-03-02")
    assert codes(verdict) == ([] if is_served else ["not_eligible"])


@pytest.mark.parametrize(("age", "hours", "is_served"), [(60, 1, True), (60, 0, False), (59, 1, False)])
def test_people_over_60_are_served_when_they_have_stored_time(age: int, hours: int, is_served: bool) -> None:
    verdict = saver(hours, age=age).book("2026-03-10 09:00", "2026-03-02")
    assert codes(verdict) == ([] if is_served else ["not_eligible"])


@pytest.mark.parametrize(
    ("person", "priority"),
    [
        ({"empty_nest": True, "age": 80}, 0),
        ({"empty_nest": True, "age": 60, "low_income": True, "disabled": True}, 0),
        ({"empty_nest": True, "age": 79, "low_income": True, "disabled": True}, 0),
        ({"empty_nest": False, "age": 79, "low_income": True, "disabled": True}, 1),
        ({"empty_nest": True, "age": 79, "disabled": True}, 1),
        ({"empty_nest": True, "age": 79, "low_income": True}, 1),
        ({"age": 90}, 1),
    ],
)
def test_key_elders_come_before_others(person: dict[str, object], priority: int) -> None:
    first = saver(10, **person).book("2026-03-10 09:00", "2026-03-02")
    assert (first.is_allowed, first.priority) == (True, priority)


def test_time_is_good_in_the_whole_city() -> None:
    assert saver().plan.rulebook.main_currency.scope is Scope.ANYWHERE


def test_an_explanation_holds_the_arithmetic_of_the_limit() -> None:
    words = reasons(saver(1_499).tell("service", hours=3))
    assert "每小时 1 小时 × 3 小时 = 3 小时" in words
    assert "余额上限 1500.0 小时，超出的 2.0 小时转入捐赠时间" in words
