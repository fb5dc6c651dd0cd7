"""When rooms were open on each day of the season, as the job would have written it down each night."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from rules.clock import local_moment
from rules.venues.days import fix_days
from rules.work import Work

JOB_AT = "00:05"


def make_venue_days(work: Work, first: date, last: date) -> None:
    """Write down every day from the first to the last, each on itself."""
    day = first
    while day <= last:
        fix_days(replace(work, now=local_moment(day, JOB_AT)), day, day)
        day += timedelta(days=1)
