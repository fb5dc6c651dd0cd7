"""S76 郑州财经学院 座位预约: every printed number."""

from __future__ import annotations

import pytest

from rules.rulebook.sections.booking import ReleasedTo
from tests.rulebook.story import Story, codes, kinds, moment, plan_of, reasons


def student() -> Story:
    return Story.at("zhengzhou-college")


def test_a_seat_of_the_same_day_cannot_be_cancelled() -> None:
    refused = student().cancel("2026-03-02 14:00", "2026-03-02 08:00", same_day=True)
    assert refused is not None
    assert refused.code == "not_cancellable"


def test_a_seat_of_the_next_day_can_be_cancelled() -> None:
    assert student().cancel("2026-03-03 08:00", "2026-03-02 20:00", same_day=False) is None


@pytest.mark.parametrize(
    ("starts", "booked", "released"),
    [("14:00", "13:00", "14:30"), ("08:00", "14:10", "14:40")],
)
def test_a_seat_of_the_same_day_is_released_after_30_minutes(starts: str, booked: str, released: str) -> None:
    story = student()
    at = story.released(f"2026-03-02 {starts}", f"2026-03-02 {booked}", same_day=True)
    assert at == moment(f"2026-03-02 {released}")


@pytest.mark.parametrize("starts", ["07:00", "07:30", "08:00"])
def test_a_seat_of_the_next_day_is_released_at_08_30(starts: str) -> None:
    at = student().released(f"2026-03-03 {starts}", "2026-03-02 20:00", same_day=False)
    assert at == moment("2026-03-03 08:30")


@pytest.mark.parametrize("same_day", [True, False])
def test_a_seat_is_kept_for_60_minutes_at_meal_time_and_else_for_30(same_day: bool) -> None:
    assert student().leave(same_day=same_day, meal_time=True) == 60
    assert student().leave(same_day=same_day) == 30


@pytest.mark.parametrize("kind", ["no_sign_in", "leave_overstayed"])
def test_3_breaches_of_one_kind_suspend_for_168_hours(kind: str) -> None:
    story = student()
    assert kinds(story.tell(kind, "2026-03-02 08:30")) == []
    assert kinds(story.tell(kind, "2026-03-03 08:30")) == []
    said = reasons(story.tell(kind, "2026-03-04 08:30"))
    assert "座位违约：第 3 次" in said
    assert "至 2026-03-11" in said
    assert codes(story.book("2026-03-11 09:00", "2026-03-11 08:29", same_day=True)) == ["suspended"]
    assert story.book("2026-03-11 09:00", "2026-03-11 08:30", same_day=True).is_allowed


def test_different_kinds_are_counted_apart() -> None:
    story = student()
    for kind in ("no_sign_in", "leave_overstayed", "no_sign_in", "leave_overstayed"):
        assert kinds(story.tell(kind)) == []
    assert kinds(story.tell("no_sign_in")) == ["suspension"]


def test_after_a_suspension_the_counter_is_cleared() -> None:
    story = student()
    for day in ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-20", "2026-03-21"):
        story.tell("no_sign_in", day)
    assert story.book("2026-03-23 09:00", "2026-03-22").is_allowed
    assert kinds(story.tell("no_sign_in", "2026-03-22")) == ["suspension"]


def test_the_counter_of_another_kind_is_not_cleared_with_it() -> None:
    story = student()
    for kind in ("leave_overstayed", "leave_overstayed", "no_sign_in", "no_sign_in", "no_sign_in"):
        story.tell(kind, "2026-03-02")
    assert kinds(story.tell("leave_overstayed", "2026-03-20")) == ["suspension"]


def test_a_fault_of_the_system_is_nobodys_breach() -> None:
    story = student()
    for _ in range(5):
        assert kinds(story.tell("no_sign_in", system_fault=True)) == []


def test_released_seats_go_back_to_all() -> None:
    assert {each.released_to for each in plan_of("zhengzhou-college").rulebook.booking} == {ReleasedTo.POOL}
