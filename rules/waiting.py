"""How long an answer of PostgreSQL is waited for.

The server ends what takes too long by itself (`lock_timeout`, `statement_timeout`). A server that stands still ends nothing:
its machine's kernel goes on taking what is sent, so no error comes either, and whoever waits would wait until the server
goes on. So whoever waits has a limit of its own, a little beyond the server's: then the connection is given up, which counts
as lost, and the whole transaction is tried again (`rules.work`) for as long as the caller has time.

What may take as long as it needs, a survey or a migration, waits without a limit. There the kernel's signs of life tell of a
machine that has vanished, and a server that stands still is waited for.
"""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

#: Beyond STATEMENT_SECONDS of rules.database.
ANSWER_SECONDS = 10.0
PING_SECONDS = 2.0
#: An execution option: this transaction takes as long as it needs.
UNHURRIED = "unhurried"
#: What libpq is told about a connection, in seconds and, the last, milliseconds, where the address doesn't say otherwise.
SIGNS_OF_LIFE = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}

T = TypeVar("T")


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that is given up when no answer comes in time."""

    seconds_max: float | None = ANSWER_SECONDS  #: None: as long as it takes

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for what has been sent. Raises OperationalError, and leaves a closed connection, after too long."""
        try:
            return super().wait(gen, interval, self.seconds_max if timeout is None else timeout)
        except _WaitTimeout:
            self.close()
            raise psycopg.OperationalError("the server gave no answer in time") from None


def limit_waiting(engine: Engine) -> None:
    """Let the engine's connections be given up when no answer comes in time. For PostgreSQL."""
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "begin", _set_limit)


def take_time(connection: Connection) -> None:
    """Let what is left of a transaction take as long as it needs."""
    driver: Any = connection.connection.driver_connection
    driver.seconds_max = None


def ping(engine: Engine, connection: DBAPIConnection) -> bool:
    """Whether a connection that has rested is still answered. One that isn't within PING_SECONDS is closed."""
    driver: Any = connection
    before, driver.seconds_max = getattr(driver, "seconds_max", None), PING_SECONDS
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        return False
    finally:
        driver.seconds_max = before


def _connect(
    _dialect: Dialect, _record: ConnectionPoolEntry, arguments: list[Any], options: dict[str, Any]
) -> ImpatientConnection:
    return ImpatientConnection.connect(*arguments, **{**SIGNS_OF_LIFE, **options})


def _set_limit(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.seconds_max = None if connection.get_execution_options().get(UNHURRIED) else ANSWER_SECONDS
