"""Windows: which bucket a day is counted in, where windows begin and end, and what the fullest of them holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.rulebook.periods import Calendar, Window, WindowReader, bucket_of, day_before, end_of, runs_around
from rules.rulebook.reading import Wrong

NEW_YEAR, SCHOOL_YEAR = "01-01", "09-01"
PARTS = [each for each in Calendar if each not in (Calendar.EVENT, Calendar.EVER)]
days = st.dates(date(2023, 12, 1), date(2029, 2, 1))
rolling = st.builds(Window, days=st.integers(1, 70)) | st.builds(Window, months=st.integers(1, 14))


def day(text: str) -> date:
    return date.fromisoformat(text)


# --- parts of the calendar --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendar", "on", "bucket"),
    [
        ("day", "2028-02-29", "2028-02-29"),
        ("week", "2026-12-31", "2026-W53"),
        ("week", "2027-01-03", "2026-W53"),
        ("week", "2027-01-04", "2027-W01"),
        ("week", "2024-12-30", "2025-W01"),
        ("week", "2026-03-02", "2026-W10"),
        ("month", "2026-03-31", "2026-03"),
        ("quarter", "2026-03-31", "2026-Q1"),
        ("quarter", "2026-04-01", "2026-Q2"),
        ("quarter", "2026-12-31", "2026-Q4"),
        ("half_year", "2026-06-30", "2026-H1"),
        ("half_year", "2026-07-01", "2026-H2"),
        ("year", "2026-12-31", "2026"),
        ("event", "2026-12-31", "event"),
        ("ever", "2026-12-31", "ever"),
    ],
)
def test_a_day_is_counted_in_its_part_of_the_calendar(calendar: str, on: str, bucket: str) -> None:
    assert bucket_of(Calendar(calendar), day(on), NEW_YEAR) == bucket


@pytest.mark.parametrize(
    ("on", "year_starts", "year"),
    [
        ("2026-08-31", SCHOOL_YEAR, "2025"),
        ("2026-09-01", SCHOOL_YEAR, "2026"),
        ("2027-08-31", SCHOOL_YEAR, "2026"),
        ("2028-02-28", "03-01", "2027"),
        ("2028-02-29", "03-01", "2027"),
        ("2028-03-01", "03-01", "2028"),
        ("2028-02-29", "02-28", "2028"),
        ("2028-12-30", "12-31", "2027"),
        ("2028-12-31", "12-31", "2028"),
    ],
)
def test_the_rulebook_says_when_its_year_starts(on: str, year_starts: str, year: str) -> None:
    assert bucket_of(Calendar.YEAR, day(on), year_starts) == year


@pytest.mark.parametrize(
    ("calendar", "on", "last"),
    [
        ("event", "2026-03-02", "2026-03-02"),
        ("day", "2026-03-02", "2026-03-02"),
        ("week", "2026-03-02", "2026-03-08"),
        ("week", "2026-12-31", "2027-01-03"),
        ("month", "2028-02-01", "2028-02-29"),
        ("month", "2027-02-01", "2027-02-28"),
        ("quarter", "2026-11-30", "2026-12-31"),
        ("half_year", "2026-01-31", "2026-06-30"),
        ("year", "2026-01-31", "2026-12-31"),
    ],
)
def test_a_part_of_the_calendar_ends(calendar: str, on: str, last: str) -> None:
    assert end_of(Calendar(calendar), day(on), NEW_YEAR) == day(last)


@pytest.mark.parametrize(
    ("on", "year_starts", "last"),
    [
        ("2026-09-01", SCHOOL_YEAR, "2027-08-31"),
        ("2027-08-31", SCHOOL_YEAR, "2027-08-31"),
        ("2027-03-01", "03-01", "2028-02-29"),
        ("2028-02-29", "03-01", "2028-02-29"),
    ],
)
def test_the_rulebooks_year_ends_the_day_before_it_starts_again(on: str, year_starts: str, last: str) -> None:
    assert end_of(Calendar.YEAR, day(on), year_starts) == day(last)


@given(st.sampled_from(PARTS), days, st.sampled_from([NEW_YEAR, SCHOOL_YEAR, "03-01", "02-28"]))
def test_parts_of_the_calendar_follow_each_other_without_a_gap(calendar: Calendar, on: date, year_starts: str) -> None:
    def bucket(at: date) -> str:
        return bucket_of(calendar, at, year_starts)

    last, before = end_of(calendar, on, year_starts), day_before(calendar, on, year_starts)
    assert before < on <= last
    assert bucket(before) < bucket(before + timedelta(days=1)) == bucket(on) == bucket(last)
    assert bucket(last) < bucket(last + timedelta(days=1))
    assert end_of(calendar, before, year_starts) == before


# --- rolling windows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "on", "begin"),
    [
        (Window(days=1), "2026-03-02", "2026-03-02"),
        (Window(days=120), "2026-04-30", "2026-01-01"),
        (Window(months=1), "2026-03-15", "2026-02-16"),
        (Window(months=1), "2026-03-31", "2026-03-01"),
        (Window(months=1), "2028-03-31", "2028-03-01"),
        (Window(months=1), "2028-03-29", "2028-03-01"),
        (Window(months=1), "2028-03-28", "2028-02-29"),
        (Window(months=3), "2026-05-31", "2026-03-01"),
        (Window(months=12), "2028-02-29", "2027-03-01"),
        (Window(months=12), "2029-02-28", "2028-02-29"),
    ],
)
def test_a_rolling_window_ends_with_its_day(window: Window, on: str, begin: str) -> None:
    assert window.begin_of(day(on)) == day(begin)


@given(rolling, days)
def test_a_rolling_window_holds_a_day_from_that_day_on_until_it_has_left(window: Window, on: date) -> None:
    holding = [at for at in _days_from(on, 500) if window.begin_of(at) <= on]
    assert holding == list(_days_from(on, len(holding))), "no window in between leaves the day out"
    assert window.end_from(on) == holding[-1]


@pytest.mark.parametrize(
    ("on", "last"),
    [
        ("2026-01-28", "2026-02-27"),
        ("2026-01-29", "2026-02-28"),
        ("2026-01-31", "2026-02-28"),
        ("2028-01-31", "2028-02-29"),
        ("2026-02-28", "2026-03-27"),
        ("2026-03-01", "2026-03-31"),
    ],
)
def test_months_of_different_length_are_looked_at_to_their_last_day(on: str, last: str) -> None:
    assert Window(months=1).end_from(day(on)) == day(last)


def test_a_rolling_window_counts_by_the_day() -> None:
    assert Window(days=30).bucket_of(day("2026-03-02"), NEW_YEAR) == "2026-03-02"
    assert Window(months=3).bucket_of(day("2026-03-02"), NEW_YEAR) == "2026-03-02"


def test_a_rolling_window_counts_up_to_its_day() -> None:
    buckets = {"2026-03-01": 1, "2026-03-02": 2, "2026-03-03": 4, "2026-03-04": 8}
    assert [Window(days=2).count_at(buckets, day(on), NEW_YEAR) for on in sorted(buckets)] == [1, 3, 6, 12]


def test_a_part_of_the_calendar_counts_as_a_whole() -> None:
    buckets = {"2026-W09": 1, "2026-W10": 2}
    assert Window(Calendar.WEEK).count_at(buckets, day("2026-03-01"), NEW_YEAR) == 1
    assert Window(Calendar.WEEK).count_at(buckets, day("2026-03-08"), NEW_YEAR) == 2
    assert Window(Calendar.WEEK).count_at(buckets, day("2026-03-09"), NEW_YEAR) == 0


def test_an_event_that_comes_late_finds_the_fullest_window_that_it_is_in() -> None:
    buckets = {"2026-03-01": 1, "2026-03-09": 5, "2026-03-12": 2}
    window = Window(days=10)
    assert window.count_at(buckets, day("2026-03-03"), NEW_YEAR) == 1
    assert window.fullest(buckets, day("2026-03-03"), NEW_YEAR) == 7, "the ten days to the 12th hold the 3rd as well"
    assert window.fullest(buckets, day("2026-03-13"), NEW_YEAR) == 7
    assert window.fullest(buckets, day("2026-03-22"), NEW_YEAR) == 0


@given(rolling, st.dictionaries(st.dates(date(2027, 12, 1), date(2028, 4, 1)), st.integers(0, 9), max_size=12), days)
def test_the_fullest_window_is_the_fullest_of_all_that_hold_the_day(
    window: Window, counted: dict[date, int], on: date
) -> None:
    buckets = {at.isoformat(): count for at, count in counted.items()}
    windows = [
        sum(count for at, count in counted.items() if window.begin_of(end) <= at <= end)
        for end in _days_from(on, 500)
        if window.begin_of(end) <= on
    ]
    assert window.fullest(buckets, on, NEW_YEAR) == max(windows)


def _days_from(on: date, count: int) -> Iterator[date]:
    return (on + timedelta(days=n) for n in range(count))


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_row_goes_back_and_on_from_a_day_to_the_first_gap() -> None:
    buckets = dict.fromkeys(["2028-02-26", "2028-02-27", "2028-02-29", "2028-03-01", "2028-03-02", "2028-03-04"], 1)
    around = [
        runs_around(buckets, Calendar.DAY, day(on), NEW_YEAR) for on in ("2028-02-28", "2028-03-01", "2028-03-06")
    ]
    assert around == [(2, 0, 3), (1, 1, 1), (0, 0, 0)]


def test_weeks_and_months_in_a_row_run_over_new_year() -> None:
    weeks = {"2026-W52": 3, "2026-W53": 1, "2027-W01": 1}
    assert runs_around(weeks, Calendar.WEEK, day("2027-01-10"), NEW_YEAR) == (2, 1, 0)
    months = {"2026-11": 3, "2026-12": 1, "2027-01": 1, "2027-02": 0}
    assert runs_around(months, Calendar.MONTH, day("2026-12-31"), NEW_YEAR) == (1, 1, 1)


def test_what_was_taken_back_interrupts_a_row() -> None:
    buckets = {"2026-03-01": 1, "2026-03-02": 0, "2026-03-03": 1}
    assert runs_around(buckets, Calendar.DAY, day("2026-03-03"), NEW_YEAR) == (0, 1, 0)


# --- how windows are written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "window"),
    [
        *((part.value, Window(part)) for part in Calendar),
        ("120 days", Window(days=120)),
        ("1 days", Window(days=1)),
        ("3 months", Window(months=3)),
    ],
)
def test_a_window_is_read_and_written_back(written: str, window: Window) -> None:
    assert WindowReader().read(written) == window
    assert WindowReader().write(window) == written


def test_one_day_and_one_month_may_stand_in_the_singular() -> None:
    assert WindowReader().read("1 day") == Window(days=1)
    assert WindowReader().read("1 month") == Window(months=1)


@pytest.mark.parametrize(
    "written",
    ["", "days", "0 days", "-1 days", "1.5 days", "3661 days", "119 months", "2 weeks", "Day", "1  day", 7, None],
)
def test_what_is_no_window_is_refused_with_what_is_allowed(written: object) -> None:
    with pytest.raises(Wrong) as wrong:
        WindowReader().read(written)
    for word in (*Calendar, "120 days", "3 months"):
        assert f'"{word}"' in wrong.value.en
        assert f'"{word}"' in wrong.value.zh
