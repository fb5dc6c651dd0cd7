"""Alembic's entry: it is always handed an engine (see migrations.upgrade)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from models import Base
from models.base import UtcDateTime
from models.search import OF_ONE_ENGINE
from rules.database import MIGRATING

#: The number of the advisory lock: the letters "binfenmg".
LOCK = int.from_bytes(b"binfenmg", "big")


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | bool:
    """Our own types as what they are in the database, so that a step doesn't change when a model does."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def is_compared(_item: Any, name: str | None, _kind: str, _reflected: bool, _other: Any) -> bool:
    """Whether a table or an index is the same on both engines, so that the models know it."""
    return name not in OF_ONE_ENGINE


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Let SQLite make a table anew while others point to it; outside of a transaction, or it is not heard."""
    if connection.dialect.name != "sqlite":
        yield
        return
    sqlite = connection.connection.dbapi_connection
    assert sqlite is not None
    sqlite.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        broken = sqlite.execute("PRAGMA foreign_key_check").fetchone()
        assert broken is None, f"a foreign key of {broken} leads nowhere"
    finally:
        sqlite.execute("PRAGMA foreign_keys=ON")


@contextmanager
def one_at_a_time(connection: Connection) -> Iterator[None]:
    """Let whoever migrates at the same time wait, and give each step as long as it needs.

    What is missing is looked up once, before the first step. So a lock must last for all of them, which BEGIN IMMEDIATE
    doesn't: on SQLite it is one on the database's folder, which the kernel takes back from whoever dies. (To lock the file
    itself and let go of it would drop SQLite's own locks.)
    """
    if connection.dialect.name != "postgresql":
        with _locked(_folder_of(connection)):
            yield
        return
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.exec_driver_sql("SET lock_timeout = 0")
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
        connection.exec_driver_sql("RESET ALL")
        connection.commit()


def _folder_of(connection: Connection) -> Path:
    """Where a SQLite database is, whatever its address calls it."""
    sqlite = connection.connection.dbapi_connection
    assert sqlite is not None
    [path] = [path for _, name, path in sqlite.execute("PRAGMA database_list") if name == "main"]
    return Path(path).parent


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


engine = context.config.attributes["engine"]
with (
    engine.execution_options(**MIGRATING).connect() as connection,
    without_foreign_keys(connection),
    one_at_a_time(connection),
):
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        include_object=is_compared,
        compare_type=True,
        transaction_per_migration=True,
        transactional_ddl=True,  # on SQLite too: we say BEGIN ourselves, so a step that is killed leaves nothing behind
    )
    with context.begin_transaction():
        context.run_migrations()
