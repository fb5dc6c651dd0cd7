"""Time. Moments are aware, kept in UTC and shown in the community's zone; days are the community's days.

All of China keeps one time (UTC+8), so the zone is a constant. No rule reads a clock: `now` is handed in with the work.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


def utc_now() -> datetime:
    """This moment, aware. Called where work begins, never in a rule."""
    return datetime.now(UTC)


def local_day(moment: datetime) -> date:
    """The community's day at a moment."""
    return moment.astimezone(ZONE).date()


def local_moment(day: date, hour_minute: str) -> datetime:
    """The moment of "09:30" on a day of the community."""
    return datetime.combine(day, time.fromisoformat(hour_minute), ZONE).astimezone(UTC)


def seconds_of_day_left(moment: datetime) -> int:
    """How long the community's day still lasts, in whole seconds, at least one."""
    return seconds_between(moment, local_moment(local_day(moment) + timedelta(days=1), "00:00"))


def seconds_between(moment: datetime, later: datetime) -> int:
    """How long to wait for a later moment, in whole seconds, at least one."""
    return max(ceil((later - moment).total_seconds()), 1)
