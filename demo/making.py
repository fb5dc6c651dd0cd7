"""What every part of the demo is made with: ids of the past, drawn numbers, and bulk inserts.

Rows are made in memory and written thousands at a time (rules.bulk).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import TypeAlias

from sqlalchemy import text
from sqlalchemy.orm import Session

from models import Base
from rules.bulk import Row, insert_rows, is_postgresql
from rules.ids import first_id_at

#: The rows of each table, in an order in which foreign keys hold.
Rows: TypeAlias = dict[type[Base], list[Row]]
#: Called with the table's name, the rows of it that are written, and how many it will have.
Progress: TypeAlias = Callable[[str, int, int], None]

#: Rows written at a time: few enough that progress shows, enough that the fixed cost doesn't.
BATCH = 5_000


class RisingIds:
    """Makes the ids of one table, of node 0 and of the past. Ask in order of time."""

    def __init__(self) -> None:
        self._last = 0

    def at(self, moment: datetime) -> int:
        """The next id, not earlier than the moment's millisecond."""
        self._last = max(self._last + 1, first_id_at(moment))
        return self._last


def dice(*words: object) -> Random:
    """A generator that always draws the same for the same words. Each part has its own, so none disturbs another."""
    return Random(":".join(map(str, words)))  # noqa: S311  a demo must be the same again, not unforeseeable


def moment_between(random: Random, begin: datetime, end: datetime) -> datetime:
    """A whole second from begin on and before end."""
    return begin + timedelta(seconds=int(random.random() * (end - begin).total_seconds()))


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Keep the garbage collector from looking through half a million dicts again and again, none of them garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def write_rows(db: Session, rows: Rows, progress: Progress | None) -> None:
    """Insert the rows table by table."""
    for table, of_table in rows.items():
        _write_table(db, table, of_table, progress)


def take_statistics(db: Session) -> None:
    """Tell PostgreSQL's planner what was written; by itself it looks a minute later. SQLite plans well without."""
    if is_postgresql(db.connection()):
        db.execute(text("ANALYZE"))


def _write_table(db: Session, table: type[Base], rows: Sequence[Row], progress: Progress | None) -> None:
    for start in range(0, len(rows), BATCH):
        insert_rows(db.connection(), Base.metadata.tables[table.__tablename__], rows[start : start + BATCH])
        if progress is not None:
            progress(table.__tablename__, min(start + BATCH, len(rows)), len(rows))
