"""S68 国家博物馆 预约须知 2023: every printed number, and what changed in July 2023."""

from __future__ import annotations

from datetime import date

import pytest

from rules.rulebook.sections.booking import ReleasedTo
from tests.rulebook.story import PUBLISHED, Story, codes, kinds, plan_of, reasons


def visitor() -> Story:
    return Story.at("national-museum")


def visitor_before_july_2023() -> Story:
    """Under the rules before: 13:00 and 90 days."""
    text = (PUBLISHED / "national-museum.toml").read_text(encoding="utf-8")
    for now, before in (('at = "15:00"', 'at = "13:00"'), ("days = 30", "days = 90")):
        assert now in text
        text = text.replace(now, before)
    return Story.under(text)


@pytest.mark.parametrize(
    ("moment", "refusal"), [("2026-03-02 15:00", None), ("2026-03-02 15:01", "too_late_to_cancel")]
)
def test_a_place_is_returned_until_15_00_of_the_day(moment: str, refusal: str | None) -> None:
    refused = visitor().cancel("2026-03-02 16:00", moment)
    assert (refused and refused.code) == refusal


def test_the_version_in_force_decides_until_when_and_for_how_long() -> None:
    before, now = visitor_before_july_2023(), visitor()
    assert before.cancel("2023-06-02 16:00", "2023-06-02 13:00") is None
    assert before.cancel("2023-06-02 16:00", "2023-06-02 13:01") is not None
    assert now.cancel("2023-07-02 16:00", "2023-07-02 13:01") is None
    for story in (before, now):
        for _ in range(2):
            story.tell("no_show", "2023-08-01")
    assert before.suspended_until("unfulfilled") == date(2023, 10, 30)
    assert now.suspended_until("unfulfilled") == date(2023, 8, 31)


@pytest.mark.parametrize("kind", ["no_show", "no_id", "cancelled"])
def test_3_unfulfilled_bookings_of_any_kind_suspend_for_30_days(kind: str) -> None:
    story = visitor()
    assert kinds(story.tell(kind, "2026-03-01")) == []
    assert kinds(story.tell(kind, "2026-03-08")) == []
    said = reasons(story.tell(kind, "2026-03-15"))
    assert "第 3 次" in said
    assert "至 2026-04-14" in said
    assert codes(story.book("2026-04-15 09:00", "2026-04-13 23:59")) == ["suspended"]
    assert story.book("2026-04-15 09:00", "2026-04-14 00:00").is_allowed


def test_a_cancellation_in_time_counts_as_unfulfilled() -> None:
    story = visitor()
    assert story.cancel("2026-03-20 09:00", "2026-03-14") is None
    story.tell("no_id", "2026-03-15")
    story.tell("no_show", "2026-03-16")
    assert story.suspended_until("unfulfilled") == date(2026, 4, 15)


def test_after_a_suspension_it_takes_3_again() -> None:
    story = visitor()
    for day in ("2026-03-01", "2026-03-08", "2026-03-15", "2026-05-01", "2026-05-02"):
        story.tell("no_show", day)
    assert story.suspended_until("unfulfilled") is None
    story.tell("no_show", "2026-05-03")
    assert story.suspended_until("unfulfilled") == date(2026, 6, 2)


@pytest.mark.parametrize(
    ("people", "children", "refusals"),
    [(5, 3, []), (6, 3, ["party_too_large"]), (5, 4, ["party_too_large"]), (6, 4, ["party_too_large"] * 2), (1, 0, [])],
)
def test_an_order_is_for_5_people_of_whom_3_are_under_14(people: int, children: int, refusals: list[str]) -> None:
    assert codes(visitor().book("2026-03-05 09:00", party_size=people, under_14=children)) == refusals


def test_places_are_released_7_days_ahead_at_17_00() -> None:
    refused = visitor().book("2026-03-09 09:00", "2026-03-02 16:59")
    assert codes(refused) == ["not_open_yet"]
    assert refused.refusals[0].sentence == "2026-03-02 17:00 开始预约"
    assert visitor().book("2026-03-09 09:00", "2026-03-02 17:00").is_allowed


def test_returned_places_go_back_to_all() -> None:
    [booking] = plan_of("national-museum").rulebook.booking
    assert booking.released_to is ReleasedTo.POOL
