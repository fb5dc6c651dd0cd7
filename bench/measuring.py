"""What processes and the database took, read from /proc and from PostgreSQL: Linux only, and a server on this machine."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from bench.grow import dsn_of
from bench.load import CLIENTS, Arm

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
#: `log_line_prefix` is PostgreSQL's default, so this is how each statement that it is sent begins in its log.
STATEMENT_MARKS = ("LOG:  statement: ", "LOG:  execute ")
UNCOUNTED = ("BEGIN", "COMMIT", "ROLLBACK")
FSYNCS = 200


# --- processes --------------------------------------------------------------------------------------------------------


def parent_of(pid: int) -> int:
    """0 when there is no such process any more."""
    fields = _stat_of(pid)
    return int(fields[1]) if fields else 0


def children_of(pid: int) -> list[int]:
    """Process ids of the children that live."""
    return [int(path.name) for path in PROC.iterdir() if path.name.isdigit() and parent_of(int(path.name)) == pid]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Of these processes, and of their children that have ended."""
    return sum(_cpu_seconds(pid) for pid in pids)


def _cpu_seconds(pid: int) -> float:
    return sum(map(int, _stat_of(pid)[11:15])) / TICKS


def _stat_of(pid: int) -> list[str]:
    """What the kernel says of a process, from its state on; nothing when it has ended: its parent has its time then."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds of the machine's memory, in bytes."""

    #: Its own, and its part of each page that several processes hold (PSS): adds up over processes.
    share_bytes: int
    #: All that it can reach without a fault, shared pages in full (RSS): adds up to more than there is.
    resident_bytes: int


def memory_of(pid: int) -> Held:
    """As Linux counts it: https://docs.kernel.org/filesystems/proc.html, smaps_rollup."""
    lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:])}
    return Held(kilobytes["Pss"] * 1024, kilobytes["Rss"] * 1024)


# --- the database -----------------------------------------------------------------------------------------------------


class Database:
    """A PostgreSQL server on this machine, looked at from beside the house."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(dsn_of(url), autocommit=True)
        backend = int(self._ask("SELECT pg_backend_pid()"))
        self._postmaster = parent_of(backend)
        self._folder = Path(self._ask("SHOW data_directory"))

    def close(self) -> None:
        self._connection.close()

    def _ask(self, question: str) -> Any:
        row = self._connection.execute(question.encode()).fetchone()
        assert row is not None
        return row[0]

    @property
    def version(self) -> str:
        return str(self._ask("SHOW server_version"))

    @property
    def processes(self) -> list[int]:
        return [self._postmaster, *children_of(self._postmaster)]

    def size_bytes(self) -> int:
        """Of the database that we are connected to, its indexes included."""
        return int(self._ask("SELECT pg_database_size(current_database())"))

    def wal_bytes(self) -> int:
        """How much was ever written ahead, by all databases of the server."""
        return int(self._ask("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    @contextmanager
    def counting_statements(self) -> Iterator[Callable[[], int]]:
        """How many statements the server was sent since, but for BEGIN and COMMIT. It needs `logging_collector`."""
        self._log_statements("all")
        log = self._folder / str(self._ask("SELECT pg_current_logfile('stderr')"))
        began = log.stat().st_size

        def count() -> int:
            time.sleep(0.3)  # the collector writes when it gets to it
            with log.open("rb") as lines:
                lines.seek(began)
                said = lines.read().decode(errors="replace").splitlines()
            return sum(map(is_statement, said))

        try:
            yield count
        finally:
            self._log_statements("none")

    def _log_statements(self, which: str) -> None:
        self._connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'".encode())
        self._connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.3)  # it is a signal, and no backend says that it has heard it


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """The statements that an engine of this process sends."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", hear)


def is_statement(line: str) -> bool:
    """Whether a line of the server's log tells of a statement that does something."""
    mark = next((mark for mark in STATEMENT_MARKS if mark in line), None)
    if mark is None:
        return False
    said = line.partition(mark)[2]
    statement = said.partition(": ")[2] if "execute" in mark else said
    return not statement.lstrip().upper().startswith(UNCOUNTED)


# --- arms -------------------------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """What an arm took besides time, over all its rounds."""

    requests: int = 0
    cpu_seconds: dict[str, float] = field(default_factory=dict)  #: by kind of process
    wal_bytes: int = 0
    statements: float | None = None  #: of one request

    def cpu_microseconds(self) -> dict[str, float]:
        """Of one request."""
        return {kind: seconds / self.requests * 1e6 for kind, seconds in self.cpu_seconds.items()}


class Watch:
    """Runs rounds, and adds up what each arm took of which processes."""

    def __init__(self, database: Database, workers_of: Callable[[Arm], Sequence[int]]) -> None:
        self._database, self._workers_of = database, workers_of
        self.taken: dict[int, Taken] = {}  #: by the arm's id()

    def of(self, arm: Arm) -> Taken:
        return self.taken.setdefault(id(arm), Taken())

    def run_round(self, arm: Arm, requests: int) -> None:
        taken = self.of(arm)
        workers = self._workers_of(arm)
        before, wal = self._cpu_seconds(workers), self._database.wal_bytes()
        taken.requests += arm.run_round(requests)
        taken.wal_bytes += self._database.wal_bytes() - wal
        for kind, seconds in self._cpu_seconds(workers).items():
            taken.cpu_seconds[kind] = taken.cpu_seconds.get(kind, 0.0) + seconds - before[kind]

    def _cpu_seconds(self, workers: Sequence[int]) -> dict[str, float]:
        """Of those who do the work, which for what is called in this process is this process, and of PostgreSQL."""
        return {
            "workers": cpu_seconds(workers) if workers else time.process_time(),
            "postgresql": cpu_seconds(self._database.processes),
        }

    def count_statements(self, arm: Arm) -> None:
        """How many statements one request takes, on average over a few."""
        with self._database.counting_statements() as count:
            asked = len(arm.seconds)
            arm.run(CLIENTS * 5)
            self.of(arm).statements = round(count() / (len(arm.seconds) - asked), 1)


# --- the machine ------------------------------------------------------------------------------------------------------


def describe_machine(folder: Path) -> dict[str, Any]:
    """What a figure is worth only together with."""
    processor = next(
        (line for line in (PROC / "cpuinfo").read_text().splitlines() if line.startswith("model name")), ""
    )
    return {
        "cores": os.cpu_count(),
        "processor": processor.partition(": ")[2],
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "fdatasync_microseconds": round(fdatasync_seconds(folder) * 1e6),
    }


def fdatasync_seconds(folder: Path) -> float:
    """How long the folder's disk takes to keep a page of what is written ahead, at the median."""
    times = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(FSYNCS):
            file.seek(0)
            file.write(os.urandom(8192))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def describe_versions(postgresql: str) -> dict[str, str]:
    names = ("flask", "sqlalchemy", "psycopg", "pyuwsgi", "marshmallow", "orjson")
    return {"python": platform.python_version(), "postgresql": postgresql} | {name: version(name) for name in names}


def describe_commit(checkout: Path) -> dict[str, Any]:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return {"commit": git("rev-parse", "HEAD"), "has_changes": bool(git("status", "--porcelain"))}
