"""The two engines: one code, two sets of manners.

SQLite (WAL, `synchronous=FULL`) is the embedded default. A write begins with BEGIN IMMEDIATE: a transaction that starts
by reading and then wants to write is refused at once, whatever the timeout. PostgreSQL runs READ COMMITTED; reads run in
READ ONLY transactions; no statement waits for a lock or runs longer than the time allowed here.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson
import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

LOCK_SECONDS = 5
STATEMENT_SECONDS = 8
IDLE_SECONDS = 60

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # INSERT OR REPLACE meets the triggers of what is only ever added to
    "cache_size=-32000",  # KiB
)

READING = {"begin": "BEGIN", "postgresql_readonly": True}
WRITING = {"begin": "BEGIN IMMEDIATE"}

#: SQLSTATEs after which the whole transaction is worth another try: connection lost (08…), a statement that took too long
#: (57014), server going down or coming up (57P01 to 57P03), serialization (40001), deadlock (40P01), lock not had in time
#: (55P03), a standby that was promoted or a primary that isn't one any more (25006).
TRANSIENT_STATES = frozenset({"57014", "57P01", "57P02", "57P03", "40001", "40P01", "55P03", "25006"})
TRANSIENT_CLASS = "08"
READ_ONLY_STATE = "25006"
#: SQLite's primary result codes: another writer, and a file that can't be opened for now.
TRANSIENT_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN})


def connect(url: str, *, pool_size: int = 8) -> Engine:
    """An engine for a `sqlite:///…` or `postgresql+psycopg://…` address."""
    common: dict[str, Any] = {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": LOCK_SECONDS,
        "pool_pre_ping": True,
        "hide_parameters": True,  # an error that is logged names no person
    }
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False}, **common)
        event.listen(engine, "connect", _open_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    options = (
        f"-c timezone=UTC -c lock_timeout={LOCK_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s "
        f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
    )
    return create_engine(
        url, connect_args={"options": options, "connect_timeout": 2}, isolation_level="READ COMMITTED", **common
    )


def is_transient(error: DBAPIError) -> bool:
    """Whether the same transaction, tried again, may well go through."""
    if error.connection_invalidated:
        return True
    original = error.orig
    if isinstance(original, sqlite3.OperationalError):
        return (original.sqlite_errorcode & 0xFF) in TRANSIENT_CODES
    state = getattr(original, "sqlstate", None)
    if state is None:  # psycopg has no state where it never reached a server
        return isinstance(original, psycopg.OperationalError)
    return bool(state in TRANSIENT_STATES or state.startswith(TRANSIENT_CLASS))


def is_read_only(error: DBAPIError) -> bool:
    """Whether the connection leads to a server that takes no writes (any more)."""
    return getattr(error.orig, "sqlstate", None) == READ_ONLY_STATE


def _open_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
