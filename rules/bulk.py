"""Many rows at once, in the way that is quick on the engine.

On SQLite that is executemany. On PostgreSQL it is one JSON document which the server takes apart: executemany of 130,000
rows took three times as long there. Rows are dicts that name every column which isn't NULL or has a default, the same
keys in each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection, Table, bindparam, text, update
from sqlalchemy.dialects.postgresql import insert

from rules.rows import AnyRow

Row: TypeAlias = dict[str, Any]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row], *, skip_conflicts: bool = False) -> None:
    """Insert rows; with `skip_conflicts`, those that a unique key refuses are left out."""
    if not rows:
        return
    if is_postgresql(connection):
        name = table.name
        conflicts = " ON CONFLICT DO NOTHING" if skip_conflicts else ""
        unpack = text(
            f"INSERT INTO {name} SELECT * FROM json_populate_recordset(NULL::{name}, CAST(:rows AS json)){conflicts}"  # noqa: S608
        )
        connection.execute(unpack, {"rows": _json(rows)})
        return
    one_by_one = insert(table).on_conflict_do_nothing() if skip_conflicts else insert(table)
    connection.execute(one_by_one, rows)


def insert_or_add(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    unique: Sequence[str],
    column: str,
    returning: Sequence[str],
) -> Sequence[AnyRow]:
    """Insert rows, or where the unique key has one already, add to its `column`; returns columns of all of them.

    The rows come back in any order. No key may stand twice in `rows`.
    """
    if is_postgresql(connection):
        name = table.name
        upsert = text(
            f"INSERT INTO {name} SELECT * FROM json_populate_recordset(NULL::{name}, CAST(:rows AS json)) "  # noqa: S608
            f"ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {column} = {name}.{column} + excluded.{column} "
            f"RETURNING {', '.join(f'{name}.{each}' for each in returning)}"
        )
        return connection.execute(upsert, {"rows": _json(rows)}).all()
    one_by_one = insert(table)
    adding = one_by_one.on_conflict_do_update(
        index_elements=list(unique), set_={column: table.c[column] + one_by_one.excluded[column]}
    ).returning(*(table.c[each] for each in returning))
    return [connection.execute(adding, row).one() for row in rows]


def add_to(connection: Connection, table: Table, town_id: int, column: str, amounts: Mapping[int, int]) -> None:
    """Add an amount to one column of each of these rows, which are named by id and locked by the caller."""
    if not amounts:
        return
    rows = [{"row": id_, "amount": amount} for id_, amount in amounts.items()]
    if is_postgresql(connection):
        statement = text(
            f"UPDATE {table.name} SET {column} = {table.name}.{column} + part.amount "  # noqa: S608
            'FROM json_to_recordset(CAST(:rows AS json)) AS part("row" bigint, amount bigint) '
            f'WHERE {table.name}.town_id = :town AND {table.name}.id = part."row"'
        )
        connection.execute(statement, {"rows": _json(rows), "town": town_id})
        return
    add = (
        update(table)
        .where(table.c.town_id == town_id, table.c.id == bindparam("row"))
        .values({column: table.c[column] + bindparam("amount")})
    )
    connection.execute(add, rows)


def is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _json(rows: Sequence[Row]) -> str:
    return orjson.dumps(rows, default=_hex).decode()


def _hex(value: bytes) -> str:
    return "\\x" + value.hex()
