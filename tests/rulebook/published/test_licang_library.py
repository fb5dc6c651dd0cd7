"""S73 李沧区图书馆 座位: every printed number."""

from __future__ import annotations

from datetime import date

import pytest

from rules.rulebook.sections.booking import ReleasedTo
from tests.rulebook.story import Story, codes, kinds, moment, plan_of, reasons


def reader() -> Story:
    return Story.at("licang-library")


def test_who_has_not_checked_in_30_minutes_after_the_start_loses_the_seat() -> None:
    assert reader().released("2026-03-03 09:00", "2026-03-02 20:00") == moment("2026-03-03 09:30")


def test_who_books_on_the_day_has_30_minutes_from_the_booking() -> None:
    assert reader().released("2026-03-03 09:00", "2026-03-03 10:10") == moment("2026-03-03 10:40")
    assert reader().released("2026-03-03 14:00", "2026-03-03 09:00") == moment("2026-03-03 09:30")


def test_a_seat_that_is_left_is_kept_for_60_minutes() -> None:
    assert reader().leave() == 60


def test_a_released_seat_goes_back_to_all() -> None:
    [booking] = plan_of("licang-library").rulebook.booking
    assert booking.released_to is ReleasedTo.POOL


@pytest.mark.parametrize("kind", ["no_check_in", "leave_overstayed"])
def test_3_breaches_in_a_month_freeze_the_right_for_the_rest_of_it(kind: str) -> None:
    story = reader()
    assert kinds(story.tell(kind, "2026-03-02")) == []
    assert kinds(story.tell(kind, "2026-03-03")) == []
    assert story.book("2026-03-04 09:00", "2026-03-03").is_allowed
    said = reasons(story.tell(kind, "2026-03-04"))
    assert "座位违约：第 3 次" in said
    assert "至 2026-04-01" in said
    assert codes(story.book("2026-04-01 09:00", "2026-03-31 23:59")) == ["suspended"]
    assert story.book("2026-04-01 09:00", "2026-04-01 00:00").is_allowed


def test_breaches_of_different_kinds_count_together() -> None:
    story = reader()
    story.tell("no_check_in", "2026-03-02")
    story.tell("leave_overstayed", "2026-03-03")
    story.tell("seat_occupied", "2026-03-04", reported_by="staff")
    assert story.suspended_until("breach") == date(2026, 4, 1)


def test_a_new_month_begins_without_breaches() -> None:
    story = reader()
    for day in ("2026-03-30", "2026-03-31", "2026-04-01"):
        story.tell("no_check_in", day)
    assert story.suspended_until("breach") is None


def test_a_month_after_a_freeze_takes_3_breaches_again() -> None:
    story = reader()
    for day in ("2026-03-02", "2026-03-03", "2026-03-04", "2026-04-01", "2026-04-02"):
        story.tell("no_check_in", day)
    assert story.suspended_until("breach") is None
    story.tell("no_check_in", "2026-04-30")
    assert story.suspended_until("breach") == date(2026, 5, 1)


def test_an_occupied_seat_is_a_breach_when_the_staff_report_it() -> None:
    story = reader()
    for _ in range(3):
        story.tell("seat_occupied", "2026-03-02", reported_by="reader")
    assert story.suspended_until("breach") is None
    for _ in range(3):
        story.tell("seat_occupied", "2026-03-02", reported_by="staff")
    assert story.suspended_until("breach") == date(2026, 4, 1)
