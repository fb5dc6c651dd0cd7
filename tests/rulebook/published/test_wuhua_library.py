"""S66 五华区图书馆 读书积分任务: every printed number."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.rulebook.story import Story, plan_of, reasons

FIRST, LAST = date(2021, 4, 23), date(2021, 5, 13)
DAYS = [(FIRST + timedelta(days=n)).isoformat() for n in range(21)]


def reader() -> Story:
    return Story.at("wuhua-library")


def full_day(story: Story, day: str) -> int:
    """All three tasks of a day; the points of all of them."""
    return int(
        story.earns("sign_in", f"{day} 08:00")
        + story.earns("read", f"{day} 09:00", minutes=20)
        + story.earns("subscribe", f"{day} 10:00")
    )


def test_signing_in_gives_5_once_a_day_and_is_refreshed_at_24_00() -> None:
    story = reader()
    assert story.earns("sign_in", "2021-04-23 00:00") == 5
    assert story.earns("sign_in", "2021-04-23 23:59") == 0
    assert story.earns("sign_in", "2021-04-24 00:00") == 5


@pytest.mark.parametrize(("minutes", "points"), [(19, 0), (20, 30), (21, 30), (60, 30)])
def test_20_minutes_of_reading_give_30(minutes: int, points: int) -> None:
    assert reader().earns("read", "2021-04-23", minutes=minutes) == points


def test_the_minutes_of_a_day_add_up_and_give_30_once() -> None:
    story = reader()
    assert story.earns("read", "2021-04-23 08:00", minutes=19) == 0
    assert story.earns("read", "2021-04-23 09:00", minutes=1) == 30
    assert story.earns("read", "2021-04-23 10:00", minutes=40) == 0
    assert story.earns("read", "2021-04-24 08:00", minutes=20) == 30


def test_subscribing_gives_5_once_a_day() -> None:
    story = reader()
    assert story.earns("subscribe", "2021-04-23 08:00") == 5
    assert story.earns("subscribe", "2021-04-23 09:00") == 0
    assert story.earns("subscribe", "2021-04-24 08:00") == 5


def test_a_day_with_all_tasks_gives_10_more() -> None:
    story = reader()
    assert story.earns("sign_in", "2021-04-23 08:00") == 5
    assert story.earns("read", "2021-04-23 09:00", minutes=20) == 30
    assert story.earns("subscribe", "2021-04-23 10:00") == 5 + 10
    assert story.points() == 50


def test_the_tasks_of_a_day_may_be_done_in_any_order_and_count_as_one_full_day() -> None:
    story = reader()
    assert story.earns("subscribe", "2021-04-23 08:00") == 5
    assert story.earns("sign_in", "2021-04-23 09:00") == 5
    assert story.earns("read", "2021-04-23 10:00", minutes=20) == 30 + 10
    assert story.earns("read", "2021-04-23 11:00", minutes=20) == 0
    assert story.earns("subscribe", "2021-04-23 12:00") == 0


def test_tasks_of_two_days_make_no_full_day() -> None:
    story = reader()
    story.tell("sign_in", "2021-04-23")
    story.tell("read", "2021-04-23", minutes=20)
    assert story.earns("subscribe", "2021-04-24") == 5


def test_7_days_in_a_row_give_40_and_21_give_160_each_once() -> None:
    story = reader()
    bonus = {n + 1: story.earns("sign_in", day) - 5 for n, day in enumerate(DAYS)}
    assert {n: points for n, points in bonus.items() if points} == {7: 40, 21: 160}


def test_a_break_restarts_the_row() -> None:
    story = reader()
    for day in DAYS[:6]:
        story.tell("sign_in", day)
    assert [story.earns("sign_in", day) for day in DAYS[7:13]] == [5] * 6
    assert story.earns("sign_in", DAYS[13]) == 5 + 40


def test_21_days_with_a_break_give_no_160() -> None:
    story = reader()
    for day in [*DAYS[:10], *DAYS[11:]]:
        assert story.earns("sign_in", day) < 160


@pytest.mark.parametrize(("before", "points"), [(8, 0), (9, 20), (98, 0), (99, 160)])
def test_10_books_give_20_and_100_books_160(before: int, points: int) -> None:
    story = reader()
    story.tell("read", "2021-04-23", books=before)
    assert story.earns("read", "2021-04-24", books=1) == points


def test_100_books_give_20_and_160_in_all_and_more_books_nothing() -> None:
    story = reader()
    assert sum(story.earns("read", "2021-04-23", books=10) for _ in range(15)) == 20 + 160


@pytest.mark.parametrize(("before", "points"), [(718, 0), (719, 320), (720, 0), (1438, 0), (1439, 640), (1440, 0)])
def test_720_minutes_give_320_and_1440_minutes_640(before: int, points: int) -> None:
    story = reader()
    story.tell("read", "2021-04-23", minutes=before)
    assert story.earns("read", "2021-04-24", minutes=1) == points


def test_7_full_days_give_80_and_21_full_days_320() -> None:
    story = reader()
    bonus = {}
    for n, day in enumerate(DAYS, 1):
        story.tell("read", f"{day} 08:00", minutes=20)
        story.tell("subscribe", f"{day} 09:00")
        decision = story.tell("sign_in", f"{day} 10:00")
        full = {line.rule_id: line.amount for line in decision.awards if line.rule_id.startswith("full-days")}
        bonus |= {n: full} if full else {}
    assert bonus == {7: {"full-days-7": 80}, 21: {"full-days-21": 320}}


def test_full_days_need_not_follow_each_other() -> None:
    story = reader()
    for day in DAYS[:11:2]:
        assert full_day(story, day) == 50
    assert full_day(story, DAYS[12]) == 50 + 80


def test_all_tasks_on_all_21_days_give_1650() -> None:
    story = reader()
    for day in DAYS:
        full_day(story, day)
    # 21 × 50 by day; the row 40 + 160; full days 80 + 320. 420 minutes and no book reach no total.
    assert story.points() == 1050 + 200 + 400


@pytest.mark.parametrize(
    ("day", "points"), [("2021-04-22", 0), ("2021-04-23", 5), ("2021-05-13", 5), ("2021-05-14", 0)]
)
def test_the_campaign_lasts_from_23_april_to_13_may(day: str, points: int) -> None:
    assert reader().earns("sign_in", day) == points
    assert reader().earns("subscribe", day) == points


def test_what_was_read_before_the_campaign_counts_for_nothing() -> None:
    story = reader()
    story.tell("read", "2021-04-22", minutes=700, books=9)
    assert story.earns("read", "2021-04-23", minutes=20, books=1) == 30


def test_the_explanation_shows_the_arithmetic() -> None:
    assert "每次 30 分 × 1 次 = 30 分" in reasons(reader().tell("read", "2021-04-23", minutes=20))


def test_readers_are_ranked_by_what_they_earned() -> None:
    [ranking] = plan_of("wuhua-library").rulebook.ranking
    assert ranking.measure == "earned.points"
