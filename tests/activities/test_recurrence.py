"""Protects the days of a series: what a recurrence says, and that splitting a series changes none of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.activities import Allocation
from rules.activities.refusals import PlanInvalid
from rules.activities.series import (
    DAYS_MAX,
    FREQUENCIES,
    SESSIONS_MAX,
    WEEKDAYS,
    Pattern,
    Plan,
    Rule,
    RuleInvalid,
    SeriesEmpty,
    SeriesTooLong,
    Skip,
    check_length,
    check_plan,
    days_of,
    explicit,
    moments_of,
    parse_rule,
    skip_of,
    split,
)
from rules.clock import ZONE, local_moment


def on(text: str, starts_on: date, **more: Any) -> list[date]:
    return days_of(Pattern(parse_rule(text), starts_on, **more))


def june(*numbers: int) -> list[date]:
    return [date(2025, 6, number) for number in numbers]


@pytest.mark.parametrize(
    ("text", "starts_on", "days"),
    [
        ("FREQ=DAILY;COUNT=3", date(2025, 6, 29), [*june(29, 30), date(2025, 7, 1)]),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20250630", date(2025, 6, 2), june(2, 12, 22)),
        ("FREQ=DAILY;BYDAY=SA,SU;COUNT=3", date(2025, 6, 2), june(7, 8, 14)),
        ("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3", date(2025, 6, 3), june(4, 9, 11)),
        ("FREQ=WEEKLY;COUNT=2", date(2025, 6, 5), june(5, 12)),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;COUNT=4", date(2025, 6, 4), june(8, 16, 22, 30)),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2;COUNT=2", date(2025, 6, 4), june(4, 11)),
        ("FREQ=MONTHLY;COUNT=3", date(2025, 1, 31), [date(2025, 1, 31), date(2025, 3, 31), date(2025, 5, 31)]),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3",
            date(2024, 1, 31),
            [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)],
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=29;COUNT=2", date(2025, 2, 1), [date(2025, 3, 29), date(2025, 4, 29)]),
        ("FREQ=MONTHLY;BYMONTHDAY=29;COUNT=1", date(2028, 2, 1), [date(2028, 2, 29)]),
        ("FREQ=MONTHLY;BYDAY=2TU,-1FR;COUNT=3", date(2025, 6, 1), [*june(10, 27), date(2025, 7, 8)]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2", date(2025, 6, 1), [*june(30), date(2025, 7, 31)]),
        (
            "FREQ=MONTHLY;BYDAY=-1MO,-5MO;COUNT=4",
            date(2025, 6, 1),
            [*june(2, 30), date(2025, 7, 28), date(2025, 8, 25)],
        ),
        ("FREQ=MONTHLY;BYDAY=FR,1MO;COUNT=3", date(2025, 6, 1), june(2, 6, 13)),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", date(2025, 6, 3), []),
        ("freq=weekly;byday=mo;count=1;", date(2025, 6, 2), june(2)),
    ],
)
def test_a_rule_says_its_days(text: str, starts_on: date, days: list[date]) -> None:
    assert on(text, starts_on) == days


def test_the_29th_of_february_comes_in_leap_years_alone() -> None:
    found = on("FREQ=DAILY;UNTIL=20290101", date(2024, 2, 28), ends_on=None)
    assert date(2024, 2, 29) in found
    yearly = days_of(Pattern(parse_rule("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=29"), date(2024, 2, 1)))
    assert yearly == [date(2024, 2, 29), date(2028, 2, 29), date(2032, 2, 29)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "RRULE:FREQ=DAILY",
        "FREQ=YEARLY",
        "FREQ=HOURLY",
        "BYDAY=MO",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;BYHOUR=9",
        "FREQ=DAILY;WKST=SU",
        "FREQ=DAILY;BYMONTH=1",
        "FREQ=DAILY;X-NAME=1",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=100",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=1,2",
        "FREQ=DAILY;COUNT=0",
        f"FREQ=DAILY;COUNT={SESSIONS_MAX + 1}",
        "FREQ=DAILY;COUNT=99999999999",
        "FREQ=DAILY;COUNT=2;UNTIL=20250701",
        "FREQ=DAILY;UNTIL=2025-07-01",
        "FREQ=DAILY;UNTIL=20250732",
        "FREQ=DAILY;UNTIL=20250701T250000Z",
        "FREQ=DAILY;UNTIL=00000101",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=MO,MO",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYDAY=",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367",
        "FREQ=DAILY;;COUNT=1",
        "FREQ=DAILY\nEXDATE:20250601",
        "FREQ=DAILY;COUNT=１",
    ],
)
def test_what_is_no_rule_of_ours_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(RuleInvalid) as refused:
        parse_rule(text)
    assert refused.value.sentence("zh").endswith("。")
    assert refused.value.sentence("en").endswith(".")


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20250630", date(2025, 6, 30)),
        ("20250630T013000Z", date(2025, 6, 30)),  # 09:30 local, when a session begins
        ("20250630T012959Z", date(2025, 6, 29)),
        ("20250629T160000Z", date(2025, 6, 29)),  # local midnight of the 30th
        ("20250630T093000", date(2025, 6, 30)),
    ],
)
def test_an_until_of_an_hour_takes_in_the_session_that_begins_by_then(until: str, last: date) -> None:
    assert parse_rule(f"FREQ=DAILY;UNTIL={until}", "09:30").until == last


def test_a_rule_that_says_no_end_or_too_far_a_one() -> None:
    endless = Pattern(parse_rule("FREQ=DAILY"), date(2025, 6, 2))
    assert len(check_length(endless)) == SESSIONS_MAX
    with pytest.raises(SeriesTooLong):
        check_length(Pattern(endless.rule, endless.starts_on, endless.starts_on + timedelta(days=SESSIONS_MAX)))
    last = endless.starts_on + timedelta(days=SESSIONS_MAX - 1)
    assert check_length(Pattern(endless.rule, endless.starts_on, last))[-1] == last


@pytest.mark.parametrize(
    "pattern",
    [
        Pattern(parse_rule("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300"), date(2025, 6, 2)),
        Pattern(parse_rule("FREQ=DAILY;UNTIL=20250601"), date(2025, 6, 2)),
        Pattern(parse_rule("FREQ=WEEKLY;BYDAY=MO"), date(2025, 6, 3), date(2025, 6, 8)),
    ],
)
def test_a_rule_without_a_day_is_refused(pattern: Pattern) -> None:
    assert days_of(pattern) == []
    with pytest.raises(SeriesEmpty):
        check_length(pattern)


def test_what_is_left_to_the_first_day_can_be_said() -> None:
    assert str(explicit(parse_rule("FREQ=WEEKLY"), date(2025, 6, 4))) == "FREQ=WEEKLY;BYDAY=WE"
    assert str(explicit(parse_rule("FREQ=MONTHLY"), date(2025, 1, 31))) == "FREQ=MONTHLY;BYMONTHDAY=31"
    said = parse_rule("FREQ=MONTHLY;BYDAY=1MO")
    assert explicit(said, date(2025, 6, 4)) == said


def test_a_day_is_skipped_because_it_is_listed_or_a_holiday() -> None:
    pattern = Pattern(parse_rule("FREQ=DAILY"), date(2025, 6, 1), skips=frozenset(june(3)))
    holiday = june(2)[0]
    found = {day: skip_of(pattern, day, lambda each: each == holiday) for day in june(1, 2, 3)}
    assert list(found.values()) == [None, Skip.HOLIDAY, Skip.LISTED]


# Whatever the rule


def rules() -> st.SearchStrategy[Rule]:
    days = st.tuples(st.just(0), st.integers(0, 6))
    nth_days = st.tuples(st.integers(-5, 5), st.integers(0, 6))
    month_days = st.integers(-31, 31).filter(bool)
    positions = st.lists(st.integers(-5, 5).filter(bool), max_size=2, unique=True)

    @st.composite
    def build(draw: st.DrawFn) -> Rule:
        frequency = draw(st.sampled_from(list(FREQUENCIES)))
        weekdays = draw(st.lists(nth_days if frequency == "MONTHLY" else days, max_size=3, unique=True))
        in_month = [] if frequency == "WEEKLY" else draw(st.lists(month_days, max_size=2, unique=True))
        set_positions = draw(positions) if weekdays or in_month else []
        ends = draw(st.sampled_from(["count", "until", "never"]))
        return Rule(
            frequency,
            draw(st.integers(1, 6)),
            draw(st.integers(1, 60)) if ends == "count" else None,
            draw(st.dates(date(2025, 1, 1), date(2027, 12, 31))) if ends == "until" else None,
            tuple(weekdays),
            tuple(in_month),
            tuple(set_positions),
        )

    return build()


def patterns() -> st.SearchStrategy[Pattern]:
    starts = st.dates(date(2024, 1, 1), date(2026, 12, 31))
    ends = st.none() | st.dates(date(2024, 1, 1), date(2028, 12, 31))
    return st.builds(Pattern, rules(), starts, ends)


@settings(deadline=None)
@given(rules())
def test_a_rule_that_is_written_down_is_the_same_when_it_is_read(rule: Rule) -> None:
    assert parse_rule(str(rule)) == rule


@settings(deadline=None)
@given(patterns())
def test_no_day_is_outside_the_rule(pattern: Pattern) -> None:
    """Each day satisfies each part of the rule by itself, as RFC 5545 words it; dateutil isn't asked."""
    days, rule = days_of(pattern), explicit(pattern.rule, pattern.starts_on)
    assert days == sorted(set(days))
    assert len(days) <= min(rule.count or SESSIONS_MAX, SESSIONS_MAX)
    for day in days:
        assert pattern.starts_on <= day <= (pattern.ends_on or date.max)
        assert day <= (rule.until or date.max)
        assert (day - pattern.starts_on).days <= DAYS_MAX
        assert any(fits_weekday(day, nth, weekday) for nth, weekday in rule.weekdays) or not rule.weekdays
        assert any(fits_month_day(day, each) for each in rule.month_days) or not rule.month_days
        assert periods_since(rule.frequency, pattern.starts_on, day) % rule.interval == 0


def fits_weekday(day: date, nth: int, weekday: int) -> bool:
    if day.weekday() != weekday or nth == 0:
        return day.weekday() == weekday
    from_end = (last_of_month(day) - day).days // 7 + 1
    return (day.day - 1) // 7 + 1 == nth if nth > 0 else from_end == -nth


def fits_month_day(day: date, month_day: int) -> bool:
    return day.day == (month_day if month_day > 0 else last_of_month(day).day + 1 + month_day)


def last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def periods_since(frequency: str, begin: date, day: date) -> int:
    if frequency == "DAILY":
        return (day - begin).days
    if frequency == "WEEKLY":
        return ((day - timedelta(days=day.weekday())) - (begin - timedelta(days=begin.weekday()))).days // 7
    return (day.year - begin.year) * 12 + day.month - begin.month


@settings(deadline=None)
@given(rules(), st.dates(date(2024, 1, 1), date(2026, 12, 31)))
def test_a_rule_has_the_days_that_another_reader_finds(rule: Rule, starts_on: date) -> None:
    """Of a series that begins with its week and its month, so that nothing is cut off in front.

    Weekdays with and without a number aren't mixed: in the RFC a list is any of its days, in dateutil all at once.
    """
    assume(len({nth != 0 for nth, _ in rule.weekdays}) < 2)
    begin = starts_on.replace(day=1)
    begin += timedelta(days=-begin.weekday() % 7)
    if rule.frequency == "MONTHLY":
        begin = starts_on.replace(day=1)
    ours = days_of(Pattern(replace(rule, count=None, until=None), begin))[:30]
    other = rrulestr(
        str(replace(explicit(rule, begin), count=None, until=None)),
        dtstart=datetime.combine(begin, datetime.min.time()),
    )
    # Asked for no more days than ours has: where a rule has none, dateutil looks for one until the year 9999.
    assert [moment.date() for moment in islice(other, len(ours))] == ours


@settings(deadline=None)
@given(patterns(), st.integers(0, 900))
def test_a_series_that_is_split_has_the_days_that_it_had(pattern: Pattern, later: int) -> None:
    whole = days_of(pattern)
    day = pattern.starts_on + timedelta(days=later)
    first, second = split(pattern, day)
    before, after = days_of(first), days_of(second) if second else []
    assert all(each < day for each in before)
    assert all(each >= day for each in after)
    if pattern.is_endless or len(whole) == SESSIONS_MAX:  # the second part may go on beyond where the whole one stops
        assert (before + after)[: len(whole)] == whole
    else:
        assert before + after == whole


# The moments of a session

WEEKLY = Plan(venue_id=1, duration_minutes=90, capacity=20)


def test_a_session_begins_at_the_local_time_all_the_year_round() -> None:
    for month in range(1, 13):
        starts_at = local_moment(date(2025, month, 15), "09:30")
        assert starts_at == datetime(2025, month, 15, 1, 30, tzinfo=UTC)
        moments = moments_of(WEEKLY, starts_at)
        assert moments.ends_at.astimezone(ZONE).strftime("%H:%M") == "11:00"


def test_a_plan_says_what_happens_how_long_before() -> None:
    starts_at = local_moment(date(2025, 6, 10), "09:00")
    plan = Plan(1, 60, 20, opens_minutes_before=7 * 24 * 60, closes_minutes_before=60, allocates_minutes_before=24 * 60)
    moments = moments_of(plan, starts_at)
    assert moments.reservable_from == local_moment(date(2025, 6, 3), "09:00")
    assert moments.allocates_at == local_moment(date(2025, 6, 9), "09:00")
    assert moments.reservable_until == local_moment(date(2025, 6, 10), "08:00")
    assert moments.checkin_opens_at == local_moment(date(2025, 6, 10), "08:30")
    assert moments_of(WEEKLY, starts_at).reservable_from is None
    assert moments_of(WEEKLY, starts_at).allocates_at is None


@pytest.mark.parametrize(
    ("changes", "allocation", "field"),
    [
        ({"closes_minutes_before": -91}, Allocation.FIRST_COME, "closes_minutes_before"),
        ({"opens_minutes_before": 60, "closes_minutes_before": 60}, Allocation.FIRST_COME, "opens_minutes_before"),
        ({"allocates_minutes_before": 60}, Allocation.FIRST_COME, "allocates_minutes_before"),
        ({}, Allocation.LOTTERY, "allocates_minutes_before"),
        (
            {"allocates_minutes_before": 60, "closes_minutes_before": 60},
            Allocation.PRIORITY,
            "allocates_minutes_before",
        ),
        ({"allocates_minutes_before": 60, "opens_minutes_before": 60}, Allocation.LOTTERY, "opens_minutes_before"),
        ({"capacity_min": 21, "closes_minutes_before": 60}, Allocation.FIRST_COME, "capacity_min"),
        ({"capacity_min": 5, "closes_minutes_before": 59}, Allocation.FIRST_COME, "closes_minutes_before"),
        ({"overbooking_max": 21}, Allocation.FIRST_COME, "overbooking_max"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_its_field(
    changes: dict[str, Any], allocation: Allocation, field: str
) -> None:
    with pytest.raises(PlanInvalid) as refused:
        check_plan(Plan(**{"venue_id": 1, "duration_minutes": 90, "capacity": 20} | changes), allocation)
    assert list(refused.value.details("zh")) == list(refused.value.details("en")) == [field]


@pytest.mark.parametrize(
    ("changes", "allocation"),
    [
        ({}, Allocation.FIRST_COME),
        ({"closes_minutes_before": -90}, Allocation.FIRST_COME),
        ({"opens_minutes_before": 61, "closes_minutes_before": 60, "capacity_min": 20}, Allocation.FIRST_COME),
        ({"opens_minutes_before": 120, "allocates_minutes_before": 119}, Allocation.LOTTERY),
        ({"overbooking_max": 20, "allocates_minutes_before": 1}, Allocation.PRIORITY),
    ],
)
def test_a_plan_at_its_bounds_is_taken(changes: dict[str, Any], allocation: Allocation) -> None:
    check_plan(Plan(**{"venue_id": 1, "duration_minutes": 90, "capacity": 20} | changes), allocation)


def test_the_days_of_the_week_are_those_of_the_rfc() -> None:
    assert [WEEKDAYS[day.weekday()] for day in june(2, 3, 4, 5, 6, 7, 8)] == list(WEEKDAYS)
