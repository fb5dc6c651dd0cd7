"""S70 湖北省博物馆 预约失信人: every printed number."""

from __future__ import annotations

from datetime import date

from tests.rulebook.story import Story, codes, kinds, reasons


def visitor(**person: object) -> Story:
    return Story.at("hubei-museum", **person)


def test_3_defaults_suspend_for_half_a_year() -> None:
    story = visitor()
    assert kinds(story.tell("not_entered", "2026-03-01")) == []
    assert kinds(story.tell("not_entered", "2026-04-01")) == []
    decision = story.tell("not_entered", "2026-05-01")
    said = reasons(decision)
    assert "预约未入馆：第 3 次" in said
    assert "至 2026-11-01" in said
    assert codes(story.book("2026-11-02 09:00", "2026-10-31 23:59")) == ["suspended"]
    assert story.book("2026-11-02 09:00", "2026-11-01 00:00").is_allowed


def test_no_calendar_year_clears_the_counter() -> None:
    story = visitor()
    story.tell("not_entered", "2023-03-01")
    story.tell("not_entered", "2024-03-01")
    story.tell("not_entered", "2026-03-01")
    assert story.suspended_until("default") == date(2026, 9, 1)


def test_after_the_half_year_all_is_normal_and_it_takes_3_again() -> None:
    story = visitor()
    for day in ("2026-01-01", "2026-01-02", "2026-01-03", "2026-08-01", "2026-08-02"):
        story.tell("not_entered", day)
    assert story.book("2026-08-10 09:00").is_allowed
    story.tell("not_entered", "2026-08-03")
    assert story.suspended_until("default") == date(2027, 2, 3)


def test_one_verified_complaint_suspends_a_merchant_for_half_a_year() -> None:
    story = visitor(kind="商家")
    story.tell("complaint_verified", "2026-03-01")
    assert story.suspended_until("merchant") == date(2026, 9, 1)
    assert codes(story.book("2026-03-05 09:00", "2026-03-02")) == ["suspended"]
    assert story.book("2026-09-05 09:00", "2026-09-01").is_allowed


def test_a_complaint_suspends_no_one_but_merchants() -> None:
    story = visitor()
    assert kinds(story.tell("complaint_verified")) == []
    assert story.book("2026-03-05 09:00").is_allowed


def test_guiding_illegally_once_suspends_for_half_a_year_and_the_employer_is_told() -> None:
    story = visitor()
    decision = story.tell("illegal_guiding", "2026-03-01")
    assert kinds(decision) == ["suspension", "consequence"]
    assert "通报导游所在单位" in reasons(decision)
    assert story.suspended_until("guide") == date(2026, 9, 1)


def test_a_second_offence_of_a_merchant_or_a_guide_suspends_again() -> None:
    story = visitor(kind="商家")
    for day in ("2026-03-01", "2026-10-01"):
        story.tell("complaint_verified", day)
        story.tell("illegal_guiding", day)
    assert story.suspended_until("merchant") == date(2027, 4, 1)
    assert story.suspended_until("guide") == date(2027, 4, 1)


def test_a_booking_may_be_returned_but_not_changed() -> None:
    assert visitor().cancel("2026-03-05 09:00", "2026-03-04") is None
    refused = visitor().may_change(0)
    assert refused is not None
    assert refused.code == "changed_too_often"


def test_a_returned_booking_is_no_default() -> None:
    story = visitor()
    for _ in range(3):
        story.cancel("2026-03-05 09:00", "2026-03-04")
    assert story.suspended_until("default") is None
