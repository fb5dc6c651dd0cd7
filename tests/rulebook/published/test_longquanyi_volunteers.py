"""S10 龙泉驿区 志愿服务奖励/处罚办法: every printed number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rules.rulebook.decision import Decision, LineKind
from tests.rulebook.story import Story, codes, reasons


def volunteer(hours: int, points: int, on: str = "2026-03-01") -> Story:
    """Somebody with so many hours and points."""
    story = Story.at("longquanyi-volunteers")
    serve(story, hours, points, on)
    return story


def serve(story: Story, hours: int, points: int, on: str | None = None) -> None:
    for part in range(0, points, 10_000):
        amount = min(points - part, 10_000)
        story.tell("service", on, hours=hours if part == 0 else 0, amount=amount, approved_by="publisher")


def consequences(decision: Decision) -> list[str]:
    return [line.about for line in decision.of(LineKind.CONSEQUENCE)]


@pytest.mark.parametrize(
    ("hours", "points", "star"),
    [
        (49, 500, None),
        (50, 499, None),
        (50, 500, "star-1"),
        (100, 999, "star-1"),
        (99, 1000, "star-1"),
        (100, 1000, "star-2"),
        (150, 2200, "star-2"),
        (200, 2099, "star-2"),
        (200, 2100, "star-3"),
        (399, 4200, "star-3"),
        (400, 4200, "star-4"),
        (800, 8399, "star-4"),
        (800, 8400, "star-5"),
        (999, 10500, "star-5"),
        (1000, 10500, "gold"),
        (2000, 20999, "gold"),
        (2000, 21000, "diamond"),
    ],
)
def test_a_star_needs_its_hours_and_its_points(hours: int, points: int, star: str | None) -> None:
    assert volunteer(hours, points).level("star") == star


def test_nothing_counts_before_the_publisher_has_confirmed_it() -> None:
    story = Story.at("longquanyi-volunteers")
    decision = story.tell("service", hours=50, amount=500)
    assert {line.kind for line in decision.lines} == {LineKind.PENDING}
    assert story.level("star") is None


def test_points_that_fall_below_a_threshold_lower_the_star() -> None:
    story = volunteer(100, 1001)
    story.tell("violation", amount=1)
    assert story.level("star") == "star-2"
    story.tell("violation", amount=1)
    assert story.level("star") == "star-1"
    story.tell("violation", amount=500)
    assert story.level("star") is None


def test_who_has_ten_points_for_each_hour_may_ask_for_service_and_hours_go_down() -> None:
    story = volunteer(20, 200)
    assert story.redeem("service", 5).is_allowed
    assert (story.points("hours"), story.points("points")) == (15, 200)


def test_with_less_than_ten_points_for_each_hour_no_service_can_be_asked_for() -> None:
    assert codes(volunteer(20, 199).redeem("service", 5)) == ["not_eligible"]
    assert codes(volunteer(0, 199).redeem("service", 5)) == ["not_eligible", "points_insufficient"]


def test_service_can_be_asked_for_up_to_ones_own_hours() -> None:
    assert codes(volunteer(20, 200).redeem("service", Decimal("20.1"))) == ["points_insufficient"]
    assert volunteer(20, 200).redeem("service", 20).is_allowed


def test_five_unexcused_absences_in_a_year_cancel_the_registration_and_keep_the_star() -> None:
    story = volunteer(50, 500)
    for month in range(3, 7):
        assert not consequences(story.tell("no_show", f"2026-{month:02}-05"))
    assert not story.is_suspended_for_good("unexcused-absence")
    assert consequences(story.tell("no_show", "2026-12-31")) == ["取消志愿者注册，保留星级"]
    assert story.is_suspended_for_good("unexcused-absence")
    story.tell("violation", amount=1)
    assert (story.points("points"), story.level("star")) == (499, "star-1")


def test_absences_are_counted_anew_each_calendar_year() -> None:
    story = volunteer(50, 500)
    for _ in range(4):
        story.tell("no_show", "2026-12-31")
    story.tell("no_show", "2027-01-01")
    assert not story.is_suspended_for_good("unexcused-absence")


def test_excused_absences_are_not_counted() -> None:
    story = volunteer(50, 500)
    for _ in range(5):
        story.tell("no_show", excused=True)
    assert not story.is_suspended_for_good("unexcused-absence")


def test_three_malicious_absences_in_a_year_cancel_the_registration() -> None:
    story = volunteer(50, 500)
    for _ in range(2):
        assert not consequences(story.tell("no_show", malicious=True))
    assert consequences(story.tell("no_show", malicious=True)) == ["取消志愿者注册，保留星级"]
    assert story.is_suspended_for_good("malicious-absence")
    assert story.level("star") == "star-1"


def test_without_registration_nothing_is_earned() -> None:
    story = volunteer(50, 500)
    for _ in range(3):
        story.tell("no_show", malicious=True)
    assert story.earns("service", hours=2, amount=20, approved_by="publisher") == 0


def test_points_below_0_in_a_calendar_year_cancel_the_registration_and_keep_the_star() -> None:
    story = volunteer(50, 500, on="2025-12-31")
    serve(story, 1, 10, "2026-01-01")
    story.tell("violation", "2026-05-01", amount=10)
    assert not story.is_frozen("registration")
    story.tell("violation", "2026-05-02", amount=1)
    assert story.is_frozen("registration")
    assert not story.is_frozen("archive")
    assert (story.points("points"), story.level("star")) == (499, "star-1")


def test_cumulative_points_below_0_cancel_the_archive_and_0_does_not() -> None:
    story = volunteer(1, 10)
    story.tell("violation", amount=10)
    assert not story.is_frozen("archive")
    story.tell("violation", amount=1)
    assert story.points("points") == -1
    assert story.is_frozen("archive")


def test_more_than_300_points_deducted_for_grave_acts_cancel_registration_and_star_and_leave_hours() -> None:
    story = volunteer(100, 2000)
    story.tell("grave_violation", amount=200)
    story.tell("grave_violation", amount=100)
    assert not story.is_frozen("blacklist")
    assert (story.points("points"), story.level("star")) == (1700, "star-2")
    story.tell("grave_violation", amount=1)
    assert story.is_frozen("blacklist")
    assert story.level("star") is None
    assert (story.points("points"), story.points("hours")) == (0, 100)


def test_other_violations_do_not_lead_to_the_blacklist() -> None:
    story = volunteer(100, 2000)
    story.tell("violation", amount=400)
    story.tell("grave_violation", amount=300)
    assert not story.is_frozen("blacklist")


def test_an_explanation_holds_the_arithmetic() -> None:
    story = Story.at("longquanyi-volunteers")
    said = reasons(story.tell("service", hours=50, amount=500, approved_by="publisher"))
    assert "每小时 1 小时 × 50 小时 = 50 小时" in said
    assert "每次 500 分 × 1 次 = 500 分" in said
    assert "星级志愿者：达到一星级" in said
