"""S84 北京市统一预约挂号(114)须知: every printed number."""

from __future__ import annotations

from datetime import date

import pytest

from rules.rulebook.booking import judge_cancellation
from rules.rulebook.decision import Happening
from rules.rulebook.standing import Standing
from tests.rulebook.story import Story, codes, kinds, moment, plan_of, reasons

HEART = {"hospital": "协和医院", "department": "心内科", "unit": "专家门诊", "patient": "张三"}


def caller(**person: object) -> Story:
    return Story.at("beijing-114", **({"real_name": True} | person))


def booked(*days: str) -> Story:
    """Somebody who has booked on each of these days, each time at another hospital."""
    story = caller()
    for n, day in enumerate(days):
        assert story.book("2027-01-04 09:00", day, **(HEART | {"hospital": f"医院{n}"})).is_allowed
    return story


def test_only_real_names_may_book() -> None:
    refused = caller(real_name=False).book("2026-03-05 09:00", **HEART)
    assert codes(refused) == ["not_eligible"]
    assert refused.refusals[0].sentence == "须实名"


def test_the_same_patient_has_one_booking_a_day_for_the_same_unit() -> None:
    story = caller()
    assert story.book("2026-03-05 09:00", "2026-03-02 00:00", **HEART).is_allowed
    assert codes(story.book("2026-03-05 09:00", "2026-03-02 23:59", **HEART)) == ["quota_reached"]
    assert story.book("2026-03-05 09:00", "2026-03-03 00:00", **HEART).is_allowed


@pytest.mark.parametrize(
    "other", [{"hospital": "同仁医院"}, {"department": "骨科"}, {"unit": "普通门诊"}, {"patient": "李四"}]
)
def test_another_hospital_department_unit_or_patient_may_be_booked_the_same_day(other: dict[str, str]) -> None:
    story = caller()
    story.book("2026-03-05 09:00", "2026-03-02", **HEART)
    assert story.book("2026-03-05 09:00", "2026-03-02", **(HEART | other)).is_allowed


def test_there_are_8_bookings_in_a_week() -> None:
    story = booked(*["2026-03-02"] * 8)
    refused = story.book("2026-03-20 09:00", "2026-03-08 23:59", **HEART)
    assert [each.sentence for each in refused.refusals] == ["每周最多预约 8 次"]
    assert story.book("2026-03-20 09:00", "2026-03-09 00:00", **HEART).is_allowed


def test_there_are_12_bookings_in_a_month() -> None:
    story = booked(*["2026-03-02"] * 6, *["2026-03-09"] * 6)
    refused = story.book("2026-04-20 09:00", "2026-03-31", **HEART)
    assert [each.sentence for each in refused.refusals] == ["每月最多预约 12 次"]
    assert story.book("2026-04-20 09:00", "2026-04-01", **HEART).is_allowed


def test_there_are_24_bookings_in_a_quarter() -> None:
    days = [f"2026-{month:02}-{day}" for month in (4, 5, 6) for day in (10, 20)]
    story = booked(*(day for day in days for _ in range(4)))
    refused = story.book("2026-07-20 09:00", "2026-06-30", **HEART)
    assert [each.sentence for each in refused.refusals] == ["每季度最多预约 24 次"]
    assert story.book("2026-07-20 09:00", "2026-07-01", **HEART).is_allowed


@pytest.mark.parametrize(
    ("starts", "moment_", "refusal"),
    [
        ("2026-03-04 09:00", "2026-03-03 14:00", None),
        ("2026-03-04 09:00", "2026-03-03 14:01", "too_late_to_cancel"),
        ("2026-03-09 09:00", "2026-03-06 14:00", None),
        ("2026-03-09 09:00", "2026-03-06 14:01", "too_late_to_cancel"),
    ],
)
def test_cancelling_ends_at_14_00_of_the_previous_working_day(starts: str, moment_: str, refusal: str | None) -> None:
    refused = caller().cancel(starts, moment_)
    assert (refused and refused.code) == refusal


@pytest.mark.parametrize(("moment_", "is_in_time"), [("2026-09-30 14:00", True), ("2026-09-30 14:01", False)])
def test_holidays_are_no_working_days(moment_: str, is_in_time: bool) -> None:
    wish = Happening("cancelled", moment(moment_))
    refused = judge_cancellation(
        plan_of("beijing-114"),
        wish,
        Standing(),
        moment("2026-10-08 09:00"),
        lambda day: day.weekday() < 5 and not date(2026, 10, 1) <= day <= date(2026, 10, 7),
    )
    assert (refused is None) == is_in_time


def test_the_third_no_show_of_a_year_suspends_for_90_days_from_its_day() -> None:
    story = caller()
    assert kinds(story.tell("no_show", "2026-01-05")) == []
    assert kinds(story.tell("no_show", "2026-02-05")) == []
    said = reasons(story.tell("no_show", "2026-03-01"))
    assert "爽约：第 3 次" in said
    assert "至 2026-05-30" in said
    assert codes(story.book("2026-06-01 09:00", "2026-05-29 23:59", **HEART)) == ["suspended"]
    assert story.book("2026-06-01 09:00", "2026-05-30 00:00", **HEART).is_allowed


def test_the_sixth_no_show_of_a_year_suspends_for_180_days_from_its_day() -> None:
    story = caller()
    for day in ("2026-01-05", "2026-02-05", "2026-03-01"):
        story.tell("no_show", day)
    assert kinds(story.tell("no_show", "2026-06-10")) == []
    assert kinds(story.tell("no_show", "2026-06-11")) == []
    story.tell("no_show", "2026-06-12")
    assert story.suspended_until("no-show") == date(2026, 12, 9)


def test_no_shows_are_counted_inside_a_natural_year() -> None:
    story = caller()
    for day in ("2026-12-01", "2026-12-31", "2027-01-01"):
        assert kinds(story.tell("no_show", day)) == []
