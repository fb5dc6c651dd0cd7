"""Time as a row of quarters of an hour, counted from 1970 on, worked out by the database.

China's midnight is a quarter's beginning, so a day has 96 of them, and what is open in it is a text of 96 marks.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, Text, case, cast, column, func, literal, literal_column, select
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import CTE

from models.venues import DAY_QUARTERS
from rules.expressions import on_both

HOUR_QUARTERS = 4
#: From 1970's beginning to the first midnight of China's that was a Monday's.
_FIRST_MONDAY = 4 * DAY_QUARTERS - 8 * HOUR_QUARTERS


_quarter_of = on_both(
    BigInteger(),
    postgresql="CAST(floor(date_part('epoch', {}) / 900) AS bigint)",
    sqlite="(CAST(strftime('%s', substr({}, 1, 19)) AS INTEGER) / 900)",
)
_quarter_after = on_both(
    BigInteger(),
    postgresql="CAST(ceil(floor(date_part('epoch', {})) / 900) AS bigint)",
    sqlite="((CAST(strftime('%s', substr({}, 1, 19)) AS INTEGER) + 899) / 900)",
)
_within = on_both(BigInteger(), postgresql="greatest(least({0}, {2}), {1})", sqlite="max(min({0}, {2}), {1})")
_length_of_list = on_both(
    BigInteger(), postgresql="CAST(jsonb_array_length({}) AS bigint)", sqlite="json_array_length({})"
)


def quarter_of(moment: Any) -> ColumnElement[int]:
    """The quarter that a moment lies in."""
    return _quarter_of(moment)


def quarter_after(moment: Any) -> ColumnElement[int]:
    """The first quarter that begins at a moment or later: the one after the last of what ends then. To the second."""
    return _quarter_after(moment)


def length_of_list(document: Any) -> ColumnElement[int]:
    """How many things a JSON list has."""
    return _length_of_list(document)


def open_in(pattern: Any, begin: Any, length: Any) -> ColumnElement[int]:
    """How many marks of a day's pattern are 1, from a quarter of the day on. The length isn't negative."""
    part = func.substr(pattern, cast(begin + 1, Integer), cast(length, Integer))
    return cast(func.length(func.replace(part, "0", "")), BigInteger)


def within(number: Any, least: Any, most: Any) -> ColumnElement[int]:
    """The number, or the bound that it exceeds. The bounds: columns, or whole numbers."""
    bounds = (literal_column(str(each)) if isinstance(each, int) else each for each in (least, most))
    return _within(number, *bounds)


def hour_of_week(first_quarter: Any, hour: Any) -> ColumnElement[str]:
    """ "0-09": Monday from nine to ten. `first_quarter`: in which the day begins."""
    weekday = cast(((first_quarter - _FIRST_MONDAY) // DAY_QUARTERS) % 7, Text)
    padding = case((hour < 10, "0"), else_="")
    return weekday + "-" + padding + cast(hour, Text)


def numbers(name: str, count: int) -> CTE:
    """A table of the numbers from 0 on, in the column `n`."""
    start = select(cast(literal(0), BigInteger).label("n")).cte(name, recursive=True)
    return start.union_all(select(column("n") + 1).select_from(start).where(column("n") < count - 1))
