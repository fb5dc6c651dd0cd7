"""Who leads: of all processes that could run jobs, one does.

On PostgreSQL that is the one whose session holds an advisory lock, which the server takes back when the session ends, so
the leader's death is noticed without a clock. On SQLite it is the one that holds a lock on a file beside the database,
which the kernel takes back.

The lock keeps processes from doing work in vain. That a run is done once does not hang on it: the term, the claim and the
fence see to that (`rules.jobs`), also in the moment in which an old leader doesn't know yet that there is a new one.

A process that is killed closes its sockets and files, and is missed at once. A machine that vanishes says nothing: so the
lock's session asks its peer for a sign of life every second or two, in both directions.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from rules.database import connect

#: The lock's number in its database: the letters "binfenjb".
KEY = int.from_bytes(b"binfenjb", "big")

#: What libpq is told about the connection, where the address doesn't say otherwise: seconds and, the last, milliseconds.
SIGNS_OF_LIFE = {
    "keepalives_idle": "2",
    "keepalives_interval": "1",
    "keepalives_count": "3",
    "tcp_user_timeout": "4000",
}
#: And the server, of its side; it has none to give through a socket of the file system.
_signs_of_life = text(
    "SELECT set_config('tcp_keepalives_idle', '2', false), set_config('tcp_keepalives_interval', '1', false), "
    "set_config('tcp_keepalives_count', '3', false)"
)
_try_lock = text("SELECT pg_try_advisory_lock(:key)")
_still_there = text("SELECT 1")


class Leadership(Protocol):
    """Something that one process at a time can hold."""

    def take(self) -> bool:
        """Whether this process leads from now on."""

    def is_held(self) -> bool:
        """Whether it still does."""

    def give_up(self) -> None:
        """Let another one lead."""


class AdvisoryLock:
    """Leadership by a lock of PostgreSQL, on a connection of its own outside of any transaction."""

    def __init__(self, url: str) -> None:
        known = make_url(url)
        asked = {name: value for name, value in SIGNS_OF_LIFE.items() if name not in known.query}
        address = known.update_query_dict(asked).render_as_string(hide_password=False)
        self._engine = connect(address, pool_size=1)
        self._connection: Connection | None = None

    def take(self) -> bool:
        try:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if self._connection.scalar(_try_lock, {"key": KEY}):
                self._connection.execute(_signs_of_life)
                return True
        except SQLAlchemyError:
            pass  # a database that is gone has no leader; ask again later
        self.give_up()
        return False

    def is_held(self) -> bool:
        try:
            return self._connection is not None and self._connection.scalar(_still_there) == 1
        except SQLAlchemyError:
            return False

    def give_up(self) -> None:
        """End the session, and the lock with it."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        self._engine.dispose()


class FileLock:
    """Leadership by a lock on a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def is_held(self) -> bool:
        return self._file is not None

    def give_up(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def leadership_of(database_url: str, folder: Path) -> Leadership:
    """The leadership of a database; `folder` is where the lock file goes if it is SQLite."""
    if make_url(database_url).get_backend_name() == "sqlite":
        return FileLock(folder / "scheduler.lock")
    return AdvisoryLock(database_url)
