"""Windows in which rules count: a part of the calendar, a number of days or months that rolls, or all time.

A window of the calendar counts in one bucket, named by its key ("2026-W48"); a rolling window counts in a bucket a day,
and its value is the sum of the days in it. Days are the community's. So counting is adding, in whatever order events
arrive, and a counter never has to be reset.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from dateutil.relativedelta import relativedelta

from rules.rulebook.reading import Wrong

ROLLING_DAYS_MAX = 3_660
_ROLLING = re.compile(r"([1-9][0-9]{0,3}) (days?|months?)")


class Calendar(StrEnum):
    """Parts of the calendar. An event is a window of its own."""

    EVENT = "event"
    DAY = "day"
    WEEK = "week"  #: Monday to Sunday (ISO 8601)
    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"
    EVER = "ever"


@dataclass(frozen=True, slots=True)
class Window:
    """Where something is counted: in a part of the calendar, or in the last so many days or months."""

    calendar: Calendar = Calendar.EVER
    days: int = 0
    months: int = 0
    is_rolling: bool = field(init=False, compare=False)
    counts_in: Calendar = field(init=False, compare=False)  #: the part of the calendar that a bucket is

    def __post_init__(self) -> None:
        is_rolling = self.days > 0 or self.months > 0
        object.__setattr__(self, "is_rolling", is_rolling)
        object.__setattr__(self, "counts_in", Calendar.DAY if is_rolling else self.calendar)

    def begin_of(self, day: date) -> date:
        """The first day of a rolling window that ends with this day."""
        if self.months:
            begin: date = day + relativedelta(months=-self.months) + timedelta(days=1)
            return begin
        return day - timedelta(days=self.days - 1)

    def end_from(self, day: date) -> date:
        """The last day whose rolling window still holds this day."""
        if self.months:
            last: date = day + relativedelta(months=self.months) - timedelta(days=1)
            while self.begin_of(last) > day:  # months differ in length
                last -= timedelta(days=1)
            while self.begin_of(last + timedelta(days=1)) <= day:
                last += timedelta(days=1)
            return last
        return day + timedelta(days=self.days - 1)

    def bucket_of(self, day: date, year_starts: str) -> str:
        """The key of the bucket in which an event of this day is counted."""
        return bucket_of(self.counts_in, day, year_starts)

    def count_at(self, buckets: Mapping[str, int], day: date, year_starts: str) -> int:
        """What has been counted in the window that an event of this day is in; of a rolling one, up to this day."""
        if not self.is_rolling:
            return buckets.get(self.bucket_of(day, year_starts), 0)
        begin, end = self.begin_of(day).isoformat(), day.isoformat()
        return sum(count for bucket, count in buckets.items() if begin <= bucket <= end)

    def fullest(self, buckets: Mapping[str, int], day: date, year_starts: str) -> int:
        """The most that any window holds which this day is in: what a cap on it leaves is the cap less this.

        A rolling window that ends later may be fuller than the one that ends today: events arrive late.
        """
        if not self.is_rolling:
            return self.count_at(buckets, day, year_starts)
        last = self.end_from(day).isoformat()
        ends = [bucket for bucket in buckets if day.isoformat() < bucket <= last]
        fullest = self.count_at(buckets, day, year_starts)
        for end in ends:
            fullest = max(fullest, self.count_at(buckets, date.fromisoformat(end), year_starts))
        return fullest


@lru_cache(maxsize=4096)
def bucket_of(calendar: Calendar, day: date, year_starts: str) -> str:
    """The key of the part of the calendar that a day is in; keys of one kind rise with time."""
    if calendar is Calendar.DAY:
        return day.isoformat()
    if calendar is Calendar.WEEK:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    if calendar is Calendar.MONTH:
        return f"{day:%Y-%m}"
    if calendar is Calendar.QUARTER:
        return f"{day.year}-Q{(day.month + 2) // 3}"
    if calendar is Calendar.HALF_YEAR:
        return f"{day.year}-H{1 if day.month <= 6 else 2}"
    if calendar is Calendar.YEAR:
        return str(day.year if f"{day:%m-%d}" >= year_starts else day.year - 1)
    return calendar.value


def end_of(calendar: Calendar, day: date, year_starts: str) -> date:
    """The last day of the part of the calendar that a day is in; `ever` has none."""
    assert calendar is not Calendar.EVER, "ever has no end"
    if calendar in (Calendar.EVENT, Calendar.DAY):
        return day
    if calendar is Calendar.WEEK:
        return day + timedelta(days=6 - day.weekday())
    if calendar is Calendar.YEAR:
        year = int(bucket_of(calendar, day, year_starts))
        return date.fromisoformat(f"{year + 1}-{year_starts}") - timedelta(days=1)
    months = {Calendar.MONTH: 1, Calendar.QUARTER: 3, Calendar.HALF_YEAR: 6}[calendar]
    begin = day.replace(month=day.month - (day.month - 1) % months, day=1)
    end: date = begin + relativedelta(months=months, days=-1)
    return end


def runs_around(buckets: Mapping[str, int], calendar: Calendar, day: date, year_starts: str) -> tuple[int, int, int]:
    """How many parts of the calendar in a row have something counted: up to the one before a day's, in the day's own
    (0 or 1), and from the one after it on, since events arrive late."""

    def counted(at: date) -> bool:
        return buckets.get(bucket_of(calendar, at, year_starts), 0) > 0

    before, at = 0, day_before(calendar, day, year_starts)
    while counted(at):
        before, at = before + 1, day_before(calendar, at, year_starts)
    after, at = 0, end_of(calendar, day, year_starts) + timedelta(days=1)
    while counted(at):
        after, at = after + 1, end_of(calendar, at, year_starts) + timedelta(days=1)
    return before, int(counted(day)), after


def day_before(calendar: Calendar, day: date, year_starts: str) -> date:
    """The last day of the part of the calendar before the one that a day is in."""
    return _begin_of(calendar, day, year_starts) - timedelta(days=1)


def _begin_of(calendar: Calendar, day: date, year_starts: str) -> date:
    if calendar is Calendar.DAY:
        return day
    if calendar is Calendar.WEEK:
        return day - timedelta(days=day.weekday())
    if calendar is Calendar.YEAR:
        return date.fromisoformat(f"{bucket_of(calendar, day, year_starts)}-{year_starts}")
    months = {Calendar.MONTH: 1, Calendar.QUARTER: 3, Calendar.HALF_YEAR: 6}[calendar]
    return day.replace(month=day.month - (day.month - 1) % months, day=1)


class WindowReader:
    """Reads "day", "week", … or "120 days", "3 months"."""

    @property
    def zh(self) -> str:
        return "须为 " + "、".join(f'"{word}"' for word in Calendar) + '，或滚动窗口如 "120 days"、"3 months"'

    @property
    def en(self) -> str:
        return (
            "must be one of "
            + ", ".join(f'"{word}"' for word in Calendar)
            + ', or a rolling window such as "120 days", "3 months"'
        )

    def read(self, value: Any) -> Window:
        if isinstance(value, str) and value in set(Calendar):
            return Window(Calendar(value))
        found = _ROLLING.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise Wrong(self.zh, self.en)
        number, is_months = int(found[1]), found[2].startswith("month")
        if number * (31 if is_months else 1) > ROLLING_DAYS_MAX:
            raise Wrong(self.zh, self.en)
        return Window(months=number) if is_months else Window(days=number)

    def write(self, value: Window) -> str:
        if value.months:
            return f"{value.months} months"
        return f"{value.days} days" if value.days else value.calendar.value
