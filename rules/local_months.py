"""The month of a moment, worked out by the database.

All of China keeps one time without summer time (`rules.clock`), so eight hours are added where an engine knows no zones.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _MonthOf(FunctionElement[str]):
    """The community's month that a moment is in."""

    type = Text()
    inherit_cache = True


@compiles(_MonthOf, "postgresql")
def _on_postgresql(element: _MonthOf, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    return f"to_char({compiler.process(moment, **options)} AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')"


@compiles(_MonthOf, "sqlite")
def _on_sqlite(element: _MonthOf, compiler: SQLCompiler, **options: Any) -> str:
    [moment] = element.clauses
    # To the second: a time of SQLite's has thousandths, and the last of a month would be rounded up into the next.
    return f"strftime('%Y-%m', substr({compiler.process(moment, **options)}, 1, 19), '+8 hours')"


def month_of(moment: Any) -> ColumnElement[str]:
    """The key of the community's month that a moment is in: "2026-11"."""
    return _MonthOf(moment)
