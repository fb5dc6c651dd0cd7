"""S60 农村党员积分管理办法 (基础分只扣): every printed number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.rulebook.story import Story, reasons

BLOCKS = ("meetings", "labour", "discipline", "belief", "fifth")


def member() -> Story:
    return Story.at("village-party", opened="2026-01-01")


def score(story: Story) -> Decimal:
    """The year's score: both parts together."""
    return Decimal(story.fact("total.year-score"))


def test_the_year_begins_with_five_full_blocks_of_10() -> None:
    assert [member().points(block) for block in BLOCKS] == [10, 10, 10, 10, 10]
    assert score(member()) == 50


@pytest.mark.parametrize(
    ("kind", "block", "points"),
    [
        ("absence", "meetings", "-1"),
        ("late", "meetings", "-0.5"),
        ("left_early", "meetings", "-0.5"),
        ("labour_missed", "labour", "-2"),
        ("breach", "discipline", "-5"),
        ("heterodox_activity", "belief", "-10"),
    ],
)
def test_each_offence_takes_its_points_from_its_block(kind: str, block: str, points: str) -> None:
    story = member()
    assert story.earns(kind, currency=block) == Decimal(points)
    assert score(story) == 50 + Decimal(points)


def test_12_missed_meetings_take_10_from_the_block_and_not_12() -> None:
    story = member()
    taken = [story.earns("absence", currency="meetings") for _ in range(12)]
    assert taken == [-1] * 10 + [0, 0]
    assert story.points("meetings") == 0
    assert score(story) == 40


@pytest.mark.parametrize(
    ("kind", "block", "until_empty"),
    [
        ("late", "meetings", 20),
        ("labour_missed", "labour", 5),
        ("breach", "discipline", 2),
        ("absence", "meetings", 10),
    ],
)
def test_a_block_never_falls_below_0(kind: str, block: str, until_empty: int) -> None:
    story = member()
    for _ in range(until_empty - 1):
        story.tell(kind)
    assert story.points(block) > 0
    story.tell(kind)
    assert story.points(block) == 0
    assert story.earns(kind, currency=block) == 0


def test_a_second_heterodox_activity_finds_its_block_empty() -> None:
    story = member()
    assert "每次 10 分 × 1 次 = 10 分" in reasons(story.tell("heterodox_activity"))
    assert story.earns("heterodox_activity", currency="belief") == 0
    assert score(story) == 40


def test_the_last_half_point_of_a_block_is_all_that_an_absence_can_take() -> None:
    story = member()
    story.tell("late")
    for _ in range(9):
        story.tell("absence")
    decision = story.tell("absence")
    assert story.points("meetings") == 0
    assert "扣至 0.0 分为止，本次扣 0.5 分" in reasons(decision)


def test_an_empty_block_leaves_the_others_full() -> None:
    story = member()
    for _ in range(12):
        story.tell("absence")
    assert [story.points(block) for block in BLOCKS] == [0, 10, 10, 10, 10]


@pytest.mark.parametrize("kind", ["moral_award", "good_deed"])
def test_a_moral_award_or_a_good_deed_adds_5(kind: str) -> None:
    story = member()
    assert story.earns(kind, currency="incentive") == 5
    assert score(story) == 55


def test_the_incentive_part_has_no_upper_bound_and_fills_no_block() -> None:
    story = member()
    story.tell("breach")
    for _ in range(30):
        story.tell("good_deed")
    assert story.points("incentive") == 150
    assert story.points("discipline") == 5
    assert score(story) == 195


def test_the_score_starts_anew_each_year() -> None:
    story = member()
    story.tell("breach", "2026-06-01")
    story.tell("good_deed", "2026-12-31")
    assert score(story) == 50
    story.tell("period_started", "2027-01-01", period="year")
    assert [story.points(block) for block in BLOCKS] == [10, 10, 10, 10, 10]
    assert story.points("incentive") == 0


def test_a_year_that_is_told_twice_opens_its_blocks_once() -> None:
    story = member()
    story.tell("period_started", "2027-01-01", period="year")
    story.tell("absence", "2027-02-01")
    story.tell("period_started", "2027-02-02", period="year")
    assert story.points("meetings") == 9


def test_the_explanation_shows_the_arithmetic() -> None:
    assert "迟到或早退：每次 0.5 分 × 1 次 = 0.5 分" in reasons(member().tell("late"))
