"""What the statements of the monitoring are asked with, and what they ask of times, worked out by the database."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, bindparam, literal_column

from models.base import UtcDateTime
from rules.expressions import on_both
from rules.ids import EPOCH, NODE_BITS, SEQUENCE_BITS

#: What every statement that finds facts is asked with (`rules.monitor.definitions.Family`).
TOWN: ColumnElement[int] = bindparam("town", type_=BigInteger())
BEGIN: ColumnElement[datetime] = bindparam("begin", type_=UtcDateTime())
END: ColumnElement[datetime] = bindparam("end", type_=UtcDateTime())
AS_OF: ColumnElement[datetime] = bindparam("as_of", type_=UtcDateTime())
#: What a statement that finds touched days is asked with.
SINCE: ColumnElement[datetime] = bindparam("since", type_=UtcDateTime())
UNTIL: ColumnElement[datetime] = bindparam("until", type_=UtcDateTime())

_EPOCH_SECONDS = int(EPOCH.timestamp())
_IDS_A_SECOND = 1000 << (NODE_BITS + SEQUENCE_BITS)

_last_day = on_both(
    Date(),
    postgresql="CAST(({} AT TIME ZONE 'Asia/Shanghai') - INTERVAL '1 microsecond' AS date)",
    sqlite=(
        "date(substr({0}, 1, 19), CASE WHEN substr({0}, 12) IN ('16:00:00', '16:00:00.000000') "
        "THEN '+7 hours' ELSE '+8 hours' END)"
    ),
)
_seconds = on_both(
    BigInteger(),
    postgresql="CAST(floor(extract(epoch FROM {})) AS bigint)",
    sqlite="CAST(strftime('%s', substr({}, 1, 19)) AS INTEGER)",
)
_days_after = on_both(Date(), postgresql="({} + {})", sqlite="date({}, {} || ' days')")
_days_between = on_both(
    BigInteger(),
    postgresql="CAST({1} - {0} AS bigint)",
    sqlite="CAST(julianday({1}) - julianday({0}) AS INTEGER)",
)
_days_before = on_both(
    UtcDateTime(),
    postgresql="({} - make_interval(hours => 24 * {}))",
    sqlite="(strftime('%Y-%m-%d %H:%M:%S', substr({0}, 1, 19), '-' || {1} || ' days') || substr({0}, 20))",
)


def last_day(end: Any) -> ColumnElement[date]:
    """The last of the community's days that begins before a moment."""
    return _last_day(end)


def days_before(moment: Any, days: int) -> ColumnElement[datetime]:
    """The moment so many times 24 hours earlier."""
    return _days_before(moment, literal_column(str(int(days))))


def days_after(day: Any, days: int) -> ColumnElement[date]:
    """The date so many days later."""
    return _days_after(day, literal_column(str(int(days))))


def days_between(earlier: Any, later: Any) -> ColumnElement[int]:
    """The days from one date to another."""
    return _days_between(earlier, later)


def seconds_between(earlier: Any, later: Any) -> ColumnElement[int]:
    """The seconds from one moment to another, fractions of a second of both left out."""
    return _seconds(later) - _seconds(earlier)


def first_id(moment: Any) -> ColumnElement[int]:
    """An id that no row has which was made at the moment or later: the narrow way to what was recorded since.

    Only a lower bound, beside the condition on the time itself: a row's id is never earlier than its moment, but may be
    later (`rules.ids`). To the second.
    """
    return (_seconds(moment) - _EPOCH_SECONDS) * _IDS_A_SECOND
