"""S83 志愿者积分制度 (高校, 活动等级系数): every printed number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.rulebook.story import Story, kinds, reasons


def student(**person: object) -> Story:
    return Story.at("college-volunteers", **person)


@pytest.mark.parametrize(("level", "points"), [("班级", "10"), ("院级", "10.2"), ("区级", "10.4"), ("市级", "10.6")])
def test_an_hour_gives_the_factor_of_the_activitys_level(level: str, points: str) -> None:
    assert student().earns("service", minutes=60, level=level) == Decimal(points)


@pytest.mark.parametrize(
    ("minutes", "level", "points"),
    [(180, "市级", "31.8"), (90, "院级", "15.3"), (50, "区级", "8.6"), (30, "班级", "5")],
)
def test_hours_are_multiplied_by_the_factor(minutes: int, level: str, points: str) -> None:
    assert student().earns("service", minutes=minutes, level=level) == Decimal(points)


def test_the_explanation_shows_hours_times_factor() -> None:
    decision = student().tell("service", minutes=180, level="市级")
    assert "每小时 1 分 × 3 小时 × 系数 10.6（level） = 31.8 分" in reasons(decision)


def test_an_activity_of_no_known_level_gives_nothing_and_says_so() -> None:
    decision = student().tell("service", minutes=60, level="国家级")
    assert kinds(decision) == ["nothing"]
    assert "班级、院级、区级、市级" in reasons(decision)


def test_the_first_50_hours_of_a_student_on_a_grant_do_not_count() -> None:
    story = student(on_grant=True)
    assert story.earns("service", hours=30, level="市级") == 0
    assert story.earns("service", hours=20, level="市级") == 0
    assert story.earns("service", hours=1, level="市级") == 4


def test_of_the_event_that_passes_50_hours_only_the_excess_counts() -> None:
    story = student(on_grant=True)
    story.tell("service", hours=48)
    decision = story.tell("service", hours=5)
    assert story.points() == 12
    assert "每小时 4 分 × 3 小时 = 12 分；前 50 小时不计，还差 2 小时" in reasons(decision)


def test_beyond_50_hours_an_hour_of_a_student_on_a_grant_gives_4_at_any_level() -> None:
    story = student(on_grant=True)
    story.tell("service", hours=50)
    assert [story.earns("service", hours=1, level=level) for level in ("班级", "市级")] == [4, 4]


def test_half_a_star_gives_a_student_on_a_grant_10_more_once_for_each_star() -> None:
    story = student(on_grant=True)
    assert story.earns("half_star_exceeded", star=3) == 10
    assert story.earns("half_star_exceeded", star=3) == 0
    assert story.earns("half_star_exceeded", star=4) == 10
    assert student().earns("half_star_exceeded", star=3) == 0


@pytest.mark.parametrize(("star", "points"), [(3, 25), (4, 30), (5, 40)])
def test_a_star_gives_its_points_once(star: int, points: int) -> None:
    story = student()
    assert story.earns("star_awarded", star=star) == points
    assert story.earns("star_awarded", star=star) == 0


@pytest.mark.parametrize("star", [1, 2])
def test_the_lower_stars_give_nothing(star: int) -> None:
    assert student().earns("star_awarded", star=star) == 0


def test_the_three_stars_together_give_95() -> None:
    story = student()
    for star in (3, 4, 5):
        story.tell("star_awarded", star=star)
    assert story.points() == 95


@pytest.mark.parametrize(("kind", "points"), [("excellent", 20), ("leifeng_month", 10)])
def test_excellence_gives_20_and_the_leifeng_month_10_once_a_year(kind: str, points: int) -> None:
    story = student()
    assert story.earns(kind, "2026-03-05") == points
    assert story.earns(kind, "2026-12-31") == 0
    assert story.earns(kind, "2027-01-01") == points
