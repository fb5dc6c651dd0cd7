"""Periods: which days a number is about, and which days it is compared with.

A period that still runs ends with the day as of which is asked. The period before it has as many days, so that the first
days of a month are compared with the first days of the month before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from dateutil.relativedelta import relativedelta

from rules.clock import local_day
from rules.errors import Kind, RuleError

DAYS_MAX = 3 * 366
EARLIEST = date(2000, 1, 1)
DAY = timedelta(days=1)
MONTH = timedelta(days=31)


class PeriodKind(StrEnum):
    DAY = "day"
    WEEK = "week"  #: from Monday on
    MONTH = "month"
    CUSTOM = "custom"


class PeriodInvalid(RuleError):
    code = "monitor.period_invalid"
    kind = Kind.INVALID
    zh = f"请给出起止日期：起始日不晚于截止日和今天，最长三年（{DAYS_MAX} 天）。"
    en = f"Give a first and a last day: the first not after the last nor after today, {DAYS_MAX} days at most."


@dataclass(frozen=True, slots=True)
class Period:
    """Days of the community, the first and the last included."""

    kind: PeriodKind
    first: date
    last: date
    is_running: bool = False  #: it goes on after `last`, which is the day as of which was asked

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def find_period(work: object, kind: PeriodKind, first: date | None, last: date | None, as_of: datetime) -> Period:  # noqa: ARG001
    """The period of a kind in which `first` lies; without it, the one of the day as of which is asked.

    `last` is of custom periods, which need both. Raises PeriodInvalid.
    """
    today = local_day(as_of)
    if first is not None and not EARLIEST <= first <= today + MONTH:
        raise PeriodInvalid
    if kind is PeriodKind.CUSTOM:
        if first is None or last is None or last < first:
            raise PeriodInvalid
        begins, ends = first, last
    else:
        begins, ends = _whole(kind, first or today)
    if begins > today or (ends - begins).days >= DAYS_MAX:
        raise PeriodInvalid
    return Period(kind, begins, min(ends, today), is_running=ends >= today)


def previous(period: Period) -> Period:
    """As many days of the period before; of a month that is over, the whole month before."""
    if period.kind is PeriodKind.CUSTOM:
        return Period(period.kind, period.first - period.days * DAY, period.first - DAY)
    begins, ends = _whole(period.kind, period.first - DAY)
    if period.is_running:
        ends = min(ends, begins + (period.days - 1) * DAY)
    return Period(period.kind, begins, ends)


def _whole(kind: PeriodKind, day: date) -> tuple[date, date]:
    if kind is PeriodKind.DAY:
        return day, day
    if kind is PeriodKind.WEEK:
        monday = day - day.weekday() * DAY
        return monday, monday + 6 * DAY
    begins = day.replace(day=1)
    return begins, begins + relativedelta(months=1) - DAY


def split(by: PeriodKind, first: date, last: date) -> list[tuple[date, date]]:
    """The days, weeks or months from one day to another, the first and the last of them cut off there.

    Raises PeriodInvalid.
    """
    if by is PeriodKind.CUSTOM or not EARLIEST <= first <= last or (last - first).days >= DAYS_MAX:
        raise PeriodInvalid
    spans, begins = [], first
    while begins <= last:
        ends = min(_whole(by, begins)[1], last)
        spans.append((begins, ends))
        begins = ends + DAY
    return spans


def days_between(first: date, last: date) -> list[date]:
    """Every day from one to another, both included; none when the last comes before the first."""
    return [first + n * DAY for n in range((last - first).days + 1)]
