"""S67 毛主席纪念堂 预约规则: every printed number."""

from __future__ import annotations

from datetime import date

import pytest

from tests.rulebook.story import Story, codes, kinds, reasons


def visitor() -> Story:
    return Story.at("memorial-hall")


def cancelled(*days: str) -> Story:
    """Somebody who has cancelled a booking on each of these days."""
    story = visitor()
    for day in days:
        assert story.cancel("2026-12-31 09:00", day) is None
    return story


@pytest.mark.parametrize(
    ("moment", "refusal"), [("2026-03-02 08:50", None), ("2026-03-02 08:51", "too_late_to_cancel")]
)
def test_a_booking_is_cancelled_at_least_10_minutes_before_the_slot(moment: str, refusal: str | None) -> None:
    refused = visitor().cancel("2026-03-02 09:00", moment)
    assert (refused and refused.code) == refusal


def test_after_2_cancellations_there_is_no_booking_for_the_rest_of_the_day() -> None:
    story = cancelled("2026-03-02 08:00")
    assert story.book("2026-03-05 09:00", "2026-03-02 08:30").is_allowed
    story = cancelled("2026-03-02 08:00", "2026-03-02 09:00")
    refused = story.book("2026-03-05 09:00", "2026-03-02 23:59")
    assert codes(refused) == ["quota_reached"]
    assert refused.refusals[0].sentence == "每天最多取消 2 次"
    assert story.book("2026-03-05 09:00", "2026-03-03 00:00").is_allowed


def test_a_third_booking_cannot_be_cancelled_the_same_day() -> None:
    story = cancelled("2026-03-02 08:00", "2026-03-02 09:00")
    refused = story.cancel("2026-03-05 09:00", "2026-03-02 10:00")
    assert refused is not None
    assert refused.code == "quota_reached"
    assert story.cancel("2026-03-05 09:00", "2026-03-03 00:00") is None


def test_after_4_cancellations_there_is_no_booking_for_the_rest_of_the_week() -> None:
    assert cancelled("2026-03-02", "2026-03-03", "2026-03-04").book("2026-03-09 09:00", "2026-03-05").is_allowed
    story = cancelled("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05")
    assert [each.sentence for each in story.book("2026-03-20 09:00", "2026-03-08").refusals] == ["每周最多取消 4 次"]
    assert story.book("2026-03-20 09:00", "2026-03-09").is_allowed


def test_after_6_cancellations_there_is_no_booking_for_the_rest_of_the_month() -> None:
    days = [f"2026-03-{day:02}" for day in (2, 4, 9, 11, 16)]
    assert cancelled(*days).book("2026-04-02 09:00", "2026-03-30").is_allowed
    story = cancelled(*days, "2026-03-18")
    assert [each.sentence for each in story.book("2026-04-02 09:00", "2026-03-31").refusals] == ["每月最多取消 6 次"]
    assert story.book("2026-04-02 09:00", "2026-04-01").is_allowed


def test_after_12_cancellations_there_is_no_booking_for_the_rest_of_the_year() -> None:
    days = [f"2026-{month:02}-10" for month in range(1, 12)]
    assert cancelled(*days).book("2026-12-20 09:00", "2026-12-15").is_allowed
    story = cancelled(*days, "2026-12-10")
    assert [each.sentence for each in story.book("2027-01-05 09:00", "2026-12-31").refusals] == ["每年最多取消 12 次"]
    assert story.book("2027-01-05 09:00", "2027-01-01").is_allowed


def test_a_pending_booking_may_be_changed_once() -> None:
    assert visitor().may_change(0) is None
    refused = visitor().may_change(1)
    assert refused is not None
    assert (refused.code, refused.sentence) == ("changed_too_often", "每个预约最多改期 1 次")


def test_the_first_no_show_is_a_warning_and_booking_goes_on() -> None:
    story = visitor()
    decision = story.tell("no_show", "2026-03-01")
    assert kinds(decision) == ["warning"]
    assert "预约未参观：第 1 次，予以警告" in reasons(decision)
    assert story.book("2026-03-10 09:00", "2026-03-02").is_allowed


def test_the_second_no_show_within_120_days_locks_for_120_days() -> None:
    story = visitor()
    story.tell("no_show", "2026-03-01")
    said = reasons(story.tell("no_show", "2026-04-10"))
    assert "第 2 次" in said
    assert "至 2026-08-08" in said
    assert story.suspended_until("no-show") == date(2026, 8, 8)
    assert codes(story.book("2026-08-08 09:00", "2026-08-07 23:59")) == ["suspended"]
    assert story.book("2026-08-08 09:00", "2026-08-08 00:00").is_allowed


@pytest.mark.parametrize(("second", "outcome"), [("2026-06-28", "suspension"), ("2026-06-29", "warning")])
def test_120_days_after_the_warning_all_is_normal_again(second: str, outcome: str) -> None:
    story = visitor()
    story.tell("no_show", "2026-03-01")
    assert kinds(story.tell("no_show", second)) == [outcome]


def test_after_the_lock_the_next_no_show_is_a_first_one() -> None:
    story = visitor()
    story.tell("no_show", "2026-03-01")
    story.tell("no_show", "2026-04-10")
    assert kinds(story.tell("no_show", "2026-08-08")) == ["warning"]
