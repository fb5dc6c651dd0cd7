"""Booking by the rulebook: who may book, from when and until when, how many, who comes first, when a place is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from rules.rulebook.booking import deadline_of, is_weekday, judge_booking, judge_cancellation
from rules.rulebook.decision import Happening
from rules.rulebook.reading import Section
from rules.rulebook.sections.booking import Deadline
from tests.rulebook.story import Story, codes, moment

HEAD = """
name = "测试规则"
[expiry]
never = true
[[earn]]
id = "go"
title = "参加"
event = "go"
amount = 10
"""


def booking(said: str = "", word: str = "room") -> str:
    return f'[[booking]]\nid = "{word}"\ntitle = "活动室"\n{said}\n'


def told(*sections: str, **person: Any) -> Story:
    return Story.under(HEAD + "".join(sections), **person)


def deadline(**said: Any) -> Deadline:
    return Section(Deadline).read(said)


# --- deadlines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ({"minutes_before": 0}, "2026-03-04 09:00"),
        ({"minutes_before": 30}, "2026-03-04 08:30"),
        ({"minutes_before": 600}, "2026-03-03 23:00"),
        ({"days_before": 0, "at": "08:00"}, "2026-03-04 08:00"),
        ({"days_before": 1, "at": "17:00"}, "2026-03-03 17:00"),
        ({"days_before": 4, "at": "00:00"}, "2026-02-28 00:00"),
        ({"working_days_before": 1, "at": "14:00"}, "2026-03-03 14:00"),
        ({"working_days_before": 3, "at": "14:00"}, "2026-02-27 14:00"),
    ],
)
def test_a_deadline_lies_before_the_beginning(said: dict[str, Any], until: str) -> None:
    assert deadline_of(deadline(**said), moment("2026-03-04 09:00")) == moment(until)  # a Wednesday


def test_a_deadline_may_be_never() -> None:
    assert deadline_of(deadline(never=True), moment("2026-03-04 09:00")) is None


def test_a_deadline_counts_the_communitys_days() -> None:
    early = moment("2026-03-04 00:30")
    assert deadline_of(deadline(days_before=0, at="00:00"), early) == moment("2026-03-04 00:00")
    assert deadline_of(deadline(days_before=1, at="17:00"), early) == moment("2026-03-03 17:00")


SPRING_FESTIVAL = {date(2026, 2, day) for day in range(16, 24)}
MAKE_UP = {date(2026, 2, 14), date(2026, 2, 28)}


def is_working_day(day: date) -> bool:
    """A calendar with holidays, and Saturdays on which they are made up for."""
    return day in MAKE_UP or (is_weekday(day) and day not in SPRING_FESTIVAL)


@pytest.mark.parametrize(
    ("starts", "count", "until"),
    [
        ("2026-02-24 09:00", 1, "2026-02-14 14:00"),  # the day after the holidays: the Saturday before them
        ("2026-02-24 09:00", 2, "2026-02-13 14:00"),
        ("2026-03-02 09:00", 1, "2026-02-28 14:00"),  # a Monday: the Saturday that was made a working day
        ("2026-03-02 09:00", 2, "2026-02-27 14:00"),
        ("2026-02-18 09:00", 1, "2026-02-14 14:00"),  # amid the holidays
    ],
)
def test_working_days_are_those_of_the_given_calendar(starts: str, count: int, until: str) -> None:
    said = deadline(working_days_before=count, at="14:00")
    assert deadline_of(said, moment(starts), is_working_day) == moment(until)


def test_without_a_calendar_monday_to_friday_are_working_days() -> None:
    said = deadline(working_days_before=1, at="14:00")
    assert deadline_of(said, moment("2026-03-02 09:00")) == moment("2026-02-27 14:00")
    assert deadline_of(said, moment("2026-03-01 09:00")) == moment("2026-02-27 14:00")


@pytest.mark.parametrize("judge", [judge_booking, judge_cancellation])
def test_the_calendar_is_asked_for_bookings_and_cancellations(judge: Callable[..., Any]) -> None:
    said = '{ working_days_before = 1, at = "14:00" }'
    story = told(booking(f"closes = {said}\ncancel = {said}"))

    def refused(on: str) -> bool:
        wish = Happening("booked", moment(on))
        verdict = judge(story.plan, wish, story.standing, moment("2026-02-24 09:00"), is_working_day)
        return bool(verdict.refusals) if judge is judge_booking else verdict is not None

    assert not refused("2026-02-14 14:00")
    assert refused("2026-02-14 14:01")


# --- from when, until when --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "refusals"),
    [
        ("2026-03-02 16:59", ["not_open_yet"]),
        ("2026-03-02 17:00", []),
        ("2026-03-09 08:30", []),
        ("2026-03-09 08:31", ["closed"]),
    ],
)
def test_places_are_given_out_from_one_moment_to_another(on: str, refusals: list[str]) -> None:
    story = told(booking('opens = { days_before = 7, at = "17:00" }\ncloses = { minutes_before = 30 }'))
    assert codes(story.book("2026-03-09 09:00", on)) == refusals


def test_a_refusal_says_when_booking_opens_in_the_communitys_time() -> None:
    story = told(booking('opens = { days_before = 7, at = "17:00" }'))
    [refusal] = story.book("2026-03-09 09:00", "2026-03-01").refusals
    assert refusal.sentence == "2026-03-02 17:00 开始预约"


def test_without_a_word_places_are_given_out_until_it_begins() -> None:
    story = told(booking())
    assert story.book("2026-03-09 09:00", "2025-03-09").is_allowed
    assert story.book("2026-03-09 09:00", "2026-03-09 09:00").is_allowed
    assert codes(story.book("2026-03-09 09:00", "2026-03-09 09:01")) == ["closed"]


def test_places_may_not_be_given_out_at_all() -> None:
    assert codes(told(booking("closes = { never = true }")).book("2026-03-09 09:00", "2026-03-02")) == ["closed"]


@pytest.mark.parametrize(
    ("cancel", "on", "code"),
    [
        ("", "2026-03-09 09:00", None),
        ("", "2026-03-09 09:01", "too_late_to_cancel"),
        ('cancel = { days_before = 1, at = "15:00" }', "2026-03-08 15:00", None),
        ('cancel = { days_before = 1, at = "15:00" }', "2026-03-08 15:01", "too_late_to_cancel"),
        ("cancel = { never = true }", "2026-03-01 09:00", "not_cancellable"),
    ],
)
def test_a_booking_can_be_cancelled_until_its_deadline(cancel: str, on: str, code: str | None) -> None:
    refusal = told(booking(cancel)).cancel("2026-03-09 09:00", on)
    assert (refusal.code if refusal else None) == code


def test_who_cancels_too_late_is_told_until_when_it_was_possible() -> None:
    story = told(booking('cancel = { days_before = 1, at = "15:00" }'))
    refusal = story.cancel("2026-03-09 09:00", "2026-03-09 08:00")
    assert refusal is not None
    assert refusal.sentence == "取消时限为 2026-03-08 15:00"


def test_a_booking_can_be_changed_so_often() -> None:
    assert told(booking()).may_change(99) is None
    story = told(booking("changes_max = 1"))
    assert story.may_change(0) is None
    refusal = story.may_change(1)
    assert refusal is not None
    assert (refusal.code, refusal.sentence) == ("changed_too_often", "每个预约最多改期 1 次")
    assert told(booking("changes_max = 0")).may_change(0) is not None


# --- which section, who -----------------------------------------------------------------------------------------------


def test_the_first_section_whose_condition_holds_counts() -> None:
    sections = booking("where = { place = 'seat' }", "seat") + booking("party_max = 1", "all")
    story = told(sections)
    seat = story.book("2026-03-09 09:00", "2026-03-02", place="seat", party_size=2)
    assert seat.booking is not None
    assert (seat.booking.id, codes(seat)) == ("seat", [])
    assert codes(story.book("2026-03-09 09:00", "2026-03-02", place="court", party_size=2)) == ["party_too_large"]


def test_of_a_booking_of_which_no_section_speaks_nothing_is_said() -> None:
    verdict = told(booking("where = { place = 'seat' }")).book("2026-03-09 09:00", "2026-03-02", place="court")
    assert (verdict.booking, verdict.is_allowed) == (None, True)


def test_who_may_book_at_all() -> None:
    section = booking('who = { person.volunteer = true }\nwho_title = "仅限注册志愿者"')
    assert told(section, volunteer=True).book("2026-03-09 09:00", "2026-03-02").is_allowed
    [refusal] = told(section).book("2026-03-09 09:00", "2026-03-02").refusals
    assert (refusal.code, refusal.sentence) == ("not_eligible", "仅限注册志愿者")


def test_who_is_suspended_or_frozen_cannot_book() -> None:
    penalty = '[[penalty]]\nid = "absence"\ntitle = "爽约"\nevents = ["no_show"]\nper = "year"\n'
    freeze = '[[freeze]]\nid = "debt"\ntitle = "欠费"\nwhere = { kind = "debt" }\nblocks = ["booking"]\n'
    story = told(
        booking(),
        penalty + "step = [{ at = 1, suspends = { days = 7 } }]\n",
        freeze + 'exit = [{ title = "缴清", event = "paid" }]\n',
    )
    story.tell("no_show", "2026-03-02")
    story.tell("debt", "2026-03-02")
    refusals = story.book("2026-03-20 09:00", "2026-03-08").refusals
    assert [(refusal.code, refusal.sentence) for refusal in refusals] == [
        ("suspended", "欠费"),
        ("suspended", "爽约，暂停中"),
    ]
    story.tell("paid", "2026-03-08")
    assert codes(story.book("2026-03-20 09:00", "2026-03-08")) == ["suspended"]
    assert story.book("2026-03-20 09:00", "2026-03-09").is_allowed


@pytest.mark.parametrize(
    ("facts", "refusals"),
    [
        ({"party_size": 5, "children": 3}, 0),
        ({"party_size": 6}, 1),
        ({"children": 4}, 1),
        ({"party_size": 6, "children": 4}, 2),
        ({}, 0),
        ({"party_size": "many", "children": None}, 0),
    ],
)
def test_a_booking_is_for_so_many_people_and_so_many_of_a_kind(facts: dict[str, Any], refusals: int) -> None:
    limit = '{ title = "14 岁以下儿童", of = "children", most = 3 }'
    verdict = told(booking(f"party_max = 5\nparty_limits = [{limit}]")).book("2026-03-09 09:00", "2026-03-02", **facts)
    assert codes(verdict) == ["party_too_large"] * refusals


# --- how many ---------------------------------------------------------------------------------------------------------


def booked(story: Story, days: list[str], **facts: Any) -> list[bool]:
    return [story.book("2026-12-31 09:00", day, **facts).is_allowed for day in days]


def test_a_quota_counts_bookings_in_its_window() -> None:
    story = told(booking('quotas = [{ times = 2, per = "week" }]'))
    assert booked(story, ["2026-03-02", "2026-03-08", "2026-03-08", "2026-03-09"]) == [True, True, False, True]
    assert [each.sentence for each in story.book("2026-12-31 09:00", "2026-03-05").refusals] == ["每周最多预约 2 次"]


def test_of_several_quotas_each_holds() -> None:
    story = told(booking('quotas = [{ times = 2, per = "week" }, { times = 3, per = "30 days", title = "一月三次" }]'))
    days = ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-09", "2026-03-10", "2026-04-01"]
    assert booked(story, days) == [True, True, False, True, False, True]
    assert [each.sentence for each in story.book("2026-12-31 09:00", "2026-03-10").refusals] == ["一月三次"]


def test_a_quota_of_cancellations_stops_bookings_and_further_cancellations() -> None:
    story = told(booking('quotas = [{ events = ["cancelled"], times = 2, per = "day" }]'))
    assert [story.cancel("2026-12-31 09:00", "2026-03-02") for _ in range(2)] == [None, None]
    refusal = story.cancel("2026-12-31 09:00", "2026-03-02")
    assert refusal is not None
    assert (refusal.code, refusal.sentence) == ("quota_reached", "每天最多取消 2 次")
    assert booked(story, ["2026-03-02", "2026-03-03"]) == [False, True]


def test_a_quota_counts_what_its_condition_lets_pass_and_holds_only_that() -> None:
    story = told(booking('quotas = [{ times = 1, per = "day", where = { venue = "court" } }]'))
    assert booked(story, ["2026-03-02"] * 2, venue="room") == [True, True]
    assert booked(story, ["2026-03-02"] * 2, venue="court") == [True, False]
    assert booked(story, ["2026-03-02"], venue="room") == [True]


def test_a_quota_of_facts_is_counted_apart() -> None:
    story = told(booking('quotas = [{ times = 1, per = "day", by = ["hospital", "department"] }]'))
    wishes = [("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")]
    allowed = [booked(story, ["2026-03-02"], hospital=a, department=b) for a, b in wishes]
    assert allowed == [[True], [True], [True], [False]]


def test_a_booking_uses_up_the_quota_of_its_own_section_only() -> None:
    sections = (
        booking("where = { place = 'seat' }\nquotas = [{ times = 1, per = 'day' }]", "seat"),
        booking("where = { place = 'court' }\nquotas = [{ times = 1, per = 'day' }]", "court"),
    )
    story = told(*sections)
    assert booked(story, ["2026-03-02"], place="court") == [True]
    assert booked(story, ["2026-03-02"] * 2, place="seat") == [True, False]


def test_a_booking_under_a_section_without_quotas_uses_up_no_quota_of_a_later_one() -> None:
    sections = booking("where = { place = 'seat' }", "seat") + booking("quotas = [{ times = 1, per = 'day' }]", "all")
    story = told(sections)
    assert booked(story, ["2026-03-02"] * 2, place="seat") == [True, True]
    assert booked(story, ["2026-03-02"] * 2, place="court") == [True, False]


# --- prices and priorities --------------------------------------------------------------------------------------------

PRIORITY = """priority = [
  { title = "志愿者", where = { person.volunteer = true } },
  { title = "积分优先", where = { wants_priority = true }, points = 6 },
]"""


@pytest.mark.parametrize(
    ("person", "facts", "priority"),
    [({"volunteer": True}, {}, 0), ({}, {"wants_priority": True}, 1), ({}, {}, 2)],
)
def test_the_first_priority_that_holds_counts_and_all_others_come_after(
    person: dict[str, Any], facts: dict[str, Any], priority: int
) -> None:
    story = told(booking(PRIORITY), **person)
    story.tell("go", "2026-03-02")
    assert story.book("2026-03-09 09:00", **facts).priority == priority


def test_a_booking_costs_points_and_priority_costs_more() -> None:
    story = told(booking(f"price = 4\n{PRIORITY}"))
    story.tell("go", "2026-03-02")
    assert story.book("2026-03-09 09:00").price == 4
    bought = story.book("2026-03-09 09:00", wants_priority=True)
    assert (bought.price, bought.priority) == (10, 1)


def test_who_cannot_pay_the_price_is_refused_and_who_cannot_pay_for_priority_has_none() -> None:
    story = told(booking(f"price = 5\n{PRIORITY}"))
    assert codes(story.book("2026-03-09 09:00", "2026-03-02")) == ["points_insufficient"]
    story.tell("go", "2026-03-02")
    verdict = story.book("2026-03-09 09:00", wants_priority=True)
    assert (verdict.is_allowed, verdict.priority, verdict.price) == (True, 2, 5)


# --- when a place is lost ---------------------------------------------------------------------------------------------


def released(section: str, on: str, starts: str = "2026-03-09 14:00") -> datetime | None:
    return told(section).released(starts, on)


def test_a_place_is_kept_where_no_grace_is_stated() -> None:
    assert released(booking(), "2026-03-02") is None


@pytest.mark.parametrize(
    ("said", "on", "at"),
    [
        ("grace_minutes = 30", "2026-03-02 09:00", "2026-03-09 14:30"),
        ("grace_minutes = 0", "2026-03-02 09:00", "2026-03-09 14:00"),
        ("grace_minutes = 30", "2026-03-09 14:10", "2026-03-09 14:40"),
        ('grace_minutes = 30\ngrace_until = "15:00"', "2026-03-02 09:00", "2026-03-09 15:00"),
        ('grace_minutes = 30\ngrace_until = "08:30"', "2026-03-02 09:00", "2026-03-09 14:30"),
        ("grace_minutes = 30\nsame_day_from_booking = true", "2026-03-09 09:00", "2026-03-09 09:30"),
        ("grace_minutes = 30\nsame_day_from_booking = true", "2026-03-08 23:59", "2026-03-09 14:30"),
    ],
)
def test_who_does_not_come_loses_the_place_after_the_grace(said: str, on: str, at: str) -> None:
    assert released(booking(said), on) == moment(at)


def test_a_place_that_is_left_is_kept_for_a_while() -> None:
    story = told(booking("leaves = [{ minutes = 60, where = { meal_time = true } }, { minutes = 30 }]"))
    assert story.leave(meal_time=True) == 60
    assert story.leave() == 30
    assert told(booking()).leave() is None
    assert told(booking("leaves = [{ minutes = 60, where = { meal_time = true } }]")).leave() is None
