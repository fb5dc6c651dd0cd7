"""Several writes in one statement: the express way of the hottest paths on PostgreSQL.

What a statement costs is mostly that it is one: it is bound, planned, started and answered, here and there. A WITH whose
parts change rows costs that once, and where the COMMIT goes out with it, a row that all share is locked for the way of one
message, not for the time in which a program thinks. SQLite knows no such WITH and needs none: there a statement is a call.

A path has a general way, statement by statement, which is right on both engines and decides what happens; its express way
does the same in one statement for the case that comes most often, and hands over to the general one where a case is
another. What holds for each express way:

- Parts run in the order of their data, not of their text. So a part that has to come after another one, because of locks
  or since it mustn't happen without it, reads what the other's RETURNING gave back: no row there, no row here.
- All parts see what was committed when the statement began. A guard in an UPDATE and an upsert meet the newest row all the
  same, so they may wait for somebody; a plain read may not stand after a lock in the same statement. What was read before
  and must not have changed since is a condition of the UPDATE.
- An UPDATE that waited looks at its conditions again, and can't run another part for that: what it hangs on is a row of a
  WITH that it joins, never a sub-select (PostgreSQL refuses to run one that changes rows a second time).
- All or nothing. Where a part found that it can't be, `come_short()` of the database raises COME_SHORT (rules.sending),
  also when nobody waits for the answer because the COMMIT is on its way; the work is undone and tried again, the general
  way, which locks before it reads: so nobody comes short again and again of what others keep changing.
- Values that Python makes (ids, hashes, answers) are parameters, named after their table: `txn_id`, `scan_nonce`.

A test drives each express way and its general one through the same history and compares the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CTE, Boolean, ColumnElement, Function, Select, Table, bindparam, case, cast, func, select, true
from sqlalchemy.types import LargeBinary

from rules.work import Work

_come_short: Function[bool] = func.come_short(type_=Boolean())


def can_fuse(work: Work) -> bool:
    """Whether the database knows statements of several writes, and none came short for this deed before."""
    return work.core.dialect.name == "postgresql" and not work.came_short


def given(table: Table, *names: str) -> list[ColumnElement[Any]]:
    """Columns that Python gives: the parameters `{table}_{name}`."""
    return [_given(table, name) for name in names]


def _given(table: Table, name: str) -> ColumnElement[Any]:
    column = table.c[name]
    value = bindparam(f"{table.name}_{name}", type_=column.type)
    # Nothing says of which type bytes are where they stand in a SELECT.
    return cast(value, column.type) if isinstance(column.type, LargeBinary) else value


def parameters_of(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the parameters that `given` asks for."""
    return {f"{table.name}_{name}": value for name, value in row.items()}


def all_or_nothing(last: CTE) -> Select[Any]:
    """The end of a statement whose parts hang on each other: the last one has a row, or everything is undone."""
    is_done = select(last.c[0]).exists()
    return select(case((is_done, true()), else_=_come_short))
