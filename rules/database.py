"""The two engines: one code, two sets of manners.

SQLite (WAL, `synchronous=FULL`) is the embedded default. A write begins with BEGIN IMMEDIATE: a transaction that starts
by reading and then wants to write is refused at once, whatever the timeout. PostgreSQL runs READ COMMITTED; reads run in
READ ONLY transactions; no statement waits for a lock or runs longer than the time allowed here, and no server that stands
still is waited for much longer (`rules.waiting`). A survey alone runs as long as it needs, in a REPEATABLE READ
transaction: one snapshot for all its statements, as every transaction of SQLite's has anyway.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import orjson
import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from rules.sending import STALE_STATES, make_pipelines_possible
from rules.waiting import UNHURRIED, limit_waiting, ping

LOCK_SECONDS = 5
STATEMENT_SECONDS = 8
IDLE_SECONDS = 60
REST_SECONDS = 1.0  #: after which a connection is asked whether it is still there

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # INSERT OR REPLACE meets the triggers of what is only ever added to
    "cache_size=-32000",  # KiB
)

READING = {"begin": "BEGIN", "postgresql_readonly": True}
WRITING = {"begin": "BEGIN IMMEDIATE"}
MIGRATING = WRITING | {UNHURRIED: True}
SURVEYING_POSTGRESQL = {
    UNHURRIED: True,
    "postgresql_readonly": True,
    "isolation_level": "REPEATABLE READ",
    # Whole tables are joined, also just after they were filled, when the planner takes them for empty and would go row by
    # row: an audit of 200,000 postings took 78 seconds then, and 2 like this.
    "first": "SET LOCAL statement_timeout = 0; SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'",
}

#: SQLSTATEs after which the whole transaction is worth another try: connection lost (08…), a statement that took too long
#: (57014), server going down or coming up (57P01 to 57P03), serialization (40001), deadlock (40P01), lock not had in time
#: (55P03), a standby that was promoted or a primary that isn't one any more (25006), a prepared statement that no longer
#: fits its tables, because they were migrated, or that the server has forgotten.
TRANSIENT_STATES = STALE_STATES | {"57014", "57P01", "57P02", "57P03", "57P05", "40001", "40P01", "55P03", "25006"}
TRANSIENT_CLASS = "08"
READ_ONLY_STATE = "25006"
#: No room on the disk: for the table, its index, a file of the server's own while it sorts.
FULL_STATE = "53100"
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
        "hide_parameters": True,  # an error that is logged names no person
    }
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False}, **common)
        event.listen(engine, "connect", _open_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # Nothing is compiled: a survey's costs look high since it joins without loops, and each long statement of the
    # monitoring was compiled for 4 seconds to run for 0.04.
    options = (
        f"-c jit=off -c timezone=UTC -c lock_timeout={LOCK_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s "
        f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
    )
    engine = create_engine(
        url, connect_args={"options": options, "connect_timeout": 2}, isolation_level="READ COMMITTED", **common
    )
    limit_waiting(engine)
    event.listen(engine, "begin", _begin_postgresql)
    ping_after_a_rest(engine)
    make_pipelines_possible(engine)
    return engine


def surveying(engine: Engine) -> dict[str, Any]:
    """The execution options of a transaction that reads everything as of one moment."""
    return SURVEYING_POSTGRESQL if engine.dialect.name == "postgresql" else READING


def ping_after_a_rest(engine: Engine) -> None:
    """Make the pool ask a connection that has rested whether it is still there.

    SQLAlchemy's own `pool_pre_ping` asks every time, which costs three of the ten round trips of a booking. One that was
    used a moment ago is taken as it is; if the server is gone since, the whole transaction is tried again anyway.
    """

    def note(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    def ask(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get("used_at", time.monotonic()) < REST_SECONDS:
            return
        if not ping(engine, connection):
            raise InvalidatePoolError

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", ask)


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


def is_full(error: DBAPIError) -> bool:
    """Whether the disk has no room left for what was to be written."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return (error.orig.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_FULL
    return getattr(error.orig, "sqlstate", None) == FULL_STATE


def is_read_only(error: DBAPIError) -> bool:
    """Whether the connection leads to a server that takes no writes (any more)."""
    return getattr(error.orig, "sqlstate", None) == READ_ONLY_STATE


def _open_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_postgresql(connection: Connection) -> None:
    first = connection.get_execution_options().get("first")
    if first is not None:
        connection.exec_driver_sql(first)


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
