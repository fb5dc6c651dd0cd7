"""How SQLite finds the rows of what a caller asks for: which index it goes by, and how far into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from tests.build import TownBuilder


def steps_of(town: TownBuilder, table: str, call: Callable[[], Any]) -> list[str]:
    """The steps that read a table, of all queries that a call leads to. Skips the test on other engines."""
    engine = town.database.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("SQLite plans without looking at the rows, so its plans of few are those of many")
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if f"FROM {table}" in statement or f"JOIN {table}" in statement:
            heard.append((statement, tuple(parameters) if isinstance(parameters, list) else parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        call()
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    with engine.connect() as connection:
        explained = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", given) for asked, given in heard]
        return [row.detail for rows in explained for row in rows]
