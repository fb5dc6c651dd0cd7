"""The community's month, day and hour of a moment, worked out by the database.

All of China keeps one time without summer time (`rules.clock`), so eight hours are added where an engine knows no zones.
SQLite is given the moment to the second: its times have thousandths, and a day's last would be rounded up into the next.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Text

from rules.expressions import on_both

_month = on_both(
    Text(),
    postgresql="to_char({} AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')",
    sqlite="strftime('%Y-%m', substr({}, 1, 19), '+8 hours')",
)
_day = on_both(
    Date(),
    postgresql="CAST({} AT TIME ZONE 'Asia/Shanghai' AS date)",
    sqlite="date(substr({}, 1, 19), '+8 hours')",
)
_hour = on_both(
    BigInteger(),
    postgresql="CAST(extract(hour FROM {} AT TIME ZONE 'Asia/Shanghai') AS bigint)",
    sqlite="CAST(strftime('%H', substr({}, 1, 19), '+8 hours') AS INTEGER)",
)


def month_of(moment: Any) -> ColumnElement[str]:
    """The key of the community's month that a moment is in: "2026-11"."""
    return _month(moment)


def day_of(moment: Any) -> ColumnElement[date]:
    """The community's day that a moment is in."""
    return _day(moment)


def hour_of(moment: Any) -> ColumnElement[int]:
    """The hour of the community's day that a moment is in, 0 to 23."""
    return _hour(moment)
