"""The community's day and hour of a moment, and what else the monitoring asks of times, worked out by the database.

All of China keeps one time without summer time (`rules.clock`), so eight hours are added where an engine knows no zones.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, bindparam, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from models.base import UtcDateTime
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


class _DayOf(FunctionElement[date]):
    type = Date()
    inherit_cache = True


class _HourOf(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True


@compiles(_DayOf, "postgresql")
def _day_on_postgresql(element: _DayOf, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    return f"CAST({compiler.process(moment, **options)} AT TIME ZONE 'Asia/Shanghai' AS date)"


@compiles(_DayOf, "sqlite")
def _day_on_sqlite(element: _DayOf, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    # To the second: a time of SQLite's has thousandths, and the last of a day would be rounded up into the next.
    return f"date(substr({compiler.process(moment, **options)}, 1, 19), '+8 hours')"


@compiles(_HourOf, "postgresql")
def _hour_on_postgresql(element: _HourOf, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    return f"CAST(extract(hour FROM {compiler.process(moment, **options)} AT TIME ZONE 'Asia/Shanghai') AS bigint)"


@compiles(_HourOf, "sqlite")
def _hour_on_sqlite(element: _HourOf, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    return f"CAST(strftime('%H', substr({compiler.process(moment, **options)}, 1, 19), '+8 hours') AS INTEGER)"


def day_of(moment: Any) -> ColumnElement[date]:
    """The community's day that a moment is in."""
    return _DayOf(moment)


def hour_of(moment: Any) -> ColumnElement[int]:
    """The hour of the community's day that a moment is in, 0 to 23."""
    return _HourOf(moment)


class _LastDay(FunctionElement[date]):
    type = Date()
    inherit_cache = True


class _Seconds(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True


class _DaysAfter(FunctionElement[date]):
    type = Date()
    inherit_cache = True


class _DaysBetween(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True


class _DaysBefore(FunctionElement[datetime]):
    type = UtcDateTime()
    inherit_cache = True


@compiles(_LastDay, "postgresql")
def _last_day_on_postgresql(element: _LastDay, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    local = f"({compiler.process(moment, **options)} AT TIME ZONE 'Asia/Shanghai')"
    return f"CAST({local} - INTERVAL '1 microsecond' AS date)"


@compiles(_LastDay, "sqlite")
def _last_day_on_sqlite(element: _LastDay, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    stored = compiler.process(moment, **options)
    is_midnight = f"substr({stored}, 12) IN ('16:00:00', '16:00:00.000000')"
    return f"date(substr({stored}, 1, 19), CASE WHEN {is_midnight} THEN '+7 hours' ELSE '+8 hours' END)"


@compiles(_Seconds, "postgresql")
def _seconds_on_postgresql(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    return f"CAST(floor(extract(epoch FROM {compiler.process(moment, **options)})) AS bigint)"


@compiles(_Seconds, "sqlite")
def _seconds_on_sqlite(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    return f"CAST(strftime('%s', substr({compiler.process(moment, **options)}, 1, 19)) AS INTEGER)"


@compiles(_DaysAfter, "postgresql")
def _days_after_on_postgresql(element: _DaysAfter, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({day} + {days})"


@compiles(_DaysAfter, "sqlite")
def _days_after_on_sqlite(element: _DaysAfter, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(clause, **options) for clause in element.clauses)
    return f"date({day}, {days} || ' days')"


@compiles(_DaysBetween, "postgresql")
def _days_between_on_postgresql(element: _DaysBetween, compiler: SQLCompiler, **options: Any) -> str:
    earlier, later = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST({later} - {earlier} AS bigint)"


@compiles(_DaysBetween, "sqlite")
def _days_between_on_sqlite(element: _DaysBetween, compiler: SQLCompiler, **options: Any) -> str:
    earlier, later = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


@compiles(_DaysBefore, "postgresql")
def _days_before_on_postgresql(element: _DaysBefore, compiler: SQLCompiler, **options: Any) -> str:
    moment, days = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({moment} - make_interval(hours => 24 * {days}))"


@compiles(_DaysBefore, "sqlite")
def _days_before_on_sqlite(element: _DaysBefore, compiler: SQLCompiler, **options: Any) -> str:
    moment, days = (compiler.process(clause, **options) for clause in element.clauses)
    shifted = f"strftime('%Y-%m-%d %H:%M:%S', substr({moment}, 1, 19), '-' || {days} || ' days')"
    return f"({shifted} || substr({moment}, 20))"


def last_day(end: Any) -> ColumnElement[date]:
    """The last of the community's days that begins before a moment."""
    return _LastDay(end)


def days_before(moment: Any, days: int) -> ColumnElement[datetime]:
    """The moment so many times 24 hours earlier."""
    return _DaysBefore(moment, literal_column(str(int(days))))


def days_after(day: Any, days: int) -> ColumnElement[date]:
    """The date so many days later."""
    return _DaysAfter(day, literal_column(str(int(days))))


def days_between(earlier: Any, later: Any) -> ColumnElement[int]:
    """The days from one date to another."""
    return _DaysBetween(earlier, later)


def seconds_between(earlier: Any, later: Any) -> ColumnElement[int]:
    """The seconds from one moment to another, fractions of a second of both left out."""
    return _Seconds(later) - _Seconds(earlier)


def first_id(moment: Any) -> ColumnElement[int]:
    """An id that no row has which was made at the moment or later: the narrow way to what was recorded since.

    Only a lower bound, beside the condition on the time itself: a row's id is never earlier than its moment, but may be
    later (`rules.ids`). To the second.
    """
    return (_Seconds(moment) - _EPOCH_SECONDS) * _IDS_A_SECOND
