"""The service as an operator runs it, with people who use it, and what may happen to its processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import furnish
from models.residents import Role
from tests.build import PASSWORD, TownBuilder, new_town, settings_for
from tests.cluster import children_of, is_alive, wait_until
from tests.faults.people import Device, Notes, Plan
from tests.rewards.mall import open_mall, reward
from tests.server.running import ROOT, Server, running

PEOPLE = 4
SESSIONS = 3
PLACES = 100_000
PRICE = 3  #: of the reward; a check-in earns 5
REQUEST_SECONDS = 3.0  #: of the service: so long a request may be tried
DEVICE_SECONDS = 8.0  #: so long a device waits for one answer
PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 90.0
UWSGI = [str(Path(sys.executable).with_name("uwsgi")), "--ini", "wsgi.ini"]


@dataclass(frozen=True)
class World:
    """A town whose doors are open and whose mall has something to give."""

    town: TownBuilder
    sessions: list[int]
    reward: int
    scanner: str


def make_world(database_url: str, folder: Path) -> World:
    """Fill a migrated database. `folder`: the instance of the service, whose keys are made there."""
    town = new_town(furnish(settings_for(database_url, folder)))
    open_mall(town)
    sessions = [
        town.session(capacity=PLACES, begins_in=timedelta(minutes=5), reservable_for=timedelta(hours=2))
        for _ in range(SESSIONS)
    ]
    scanner = town.staff(Role.SCANNER)
    return World(town, sessions, reward(town, price=PRICE, stock=PLACES), scanner.name)


@contextmanager
def service(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, processes: int = 2, **settings: str
) -> Iterator[Service]:
    """The web server by `wsgi.ini`, with its scheduler."""
    environment = {
        "DATABASE_URL": database_url,
        "WEB_PROCESSES": str(processes),
        "REQUEST_SECONDS": str(REQUEST_SECONDS),
        "LOG_LEVEL": "INFO",
        "SHARED_IMPORT": "preload",  # a worker that is killed is back a few seconds sooner
        **dict.fromkeys(("RATE_VISITOR", "RATE_CALLER", "RATE_WRITES", "RATE_PASSWORDS"), ""),
        **settings,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with running(UWSGI, folder, "/readyz") as server:
        yield Service(server, processes)


@dataclass(frozen=True)
class Service:
    """A running service."""

    server: Server
    processes: int

    def workers(self) -> list[int]:
        """The processes that answer requests, in the order in which they were started."""
        return [pid for pid in sorted(children_of(self.server.process.pid)) if _does(pid, "uwsgi", threads_min=3)]

    def scheduler(self) -> int:
        """The process that runs jobs."""
        wait_until(self._schedulers, "the scheduler doesn't start")
        return self._schedulers()[-1]

    def _schedulers(self) -> list[int]:
        text = self.server.log.read_text(errors="replace")
        return [int(pid) for pid in re.findall(r'"pid": ?(\d+), ?"event": ?"jobs.started"', text)]

    def kill_worker(self) -> int:
        """SIGKILL to the worker that is the busiest now."""
        before = {pid: _ticks(pid) for pid in self.workers()}
        time.sleep(0.1)
        pid = max(before, key=lambda each: _ticks(each) - before[each])
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), "the worker doesn't die")
        return pid

    def wait_until_ready(self) -> float:
        """Wait until it says that it is ready, and say how long that took."""
        return wait_until(lambda: self.server.answers("/readyz"), self.server.log.read_text(errors="replace")[-3000:])


def _ticks(pid: int) -> int:
    """How long a process has worked, in the kernel's own unit."""
    with suppress(OSError):
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(numbers[11]) + int(numbers[12])
    return 0


def _does(pid: int, program: str, *, threads_min: int = 1) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    name, threads = (line.split(":")[1].strip() for line in status.splitlines() if line.startswith(("Name", "Threads")))
    return name == program and int(threads) >= threads_min


@dataclass(frozen=True)
class Crowd:
    """People who use a service, in a process of their own."""

    plan: Plan
    process: subprocess.Popen[bytes]
    notes: Path
    stop: Path

    def device(self) -> Device:
        """A device as theirs, for who asks later."""
        return Device(self.plan, Notes(self.notes.with_suffix(".again")))

    def lines(self) -> list[dict[str, Any]]:
        if not self.notes.exists():
            return []
        return [json.loads(line) for line in self.notes.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def told(self, deed: str | None = None) -> list[dict[str, Any]]:
        """What was answered."""
        return [line for line in self.lines() if "deed" in line and deed in (None, line["deed"])]

    def failed(self) -> list[dict[str, Any]]:
        """Tries that got no answer, or "later"."""
        return [line for line in self.lines() if "failed" in line]

    def wait_for_more(self, count: int, deed: str = "redeem") -> None:
        """Wait until so many more of a deed were answered: the service works."""
        wanted = len(self.told(deed)) + count
        wait_until(lambda: len(self.told(deed)) >= wanted or self.process.poll() is not None, f"no {count} {deed} more")
        assert self.process.poll() is None, self.lines()[-5:]

    def go_home(self) -> None:
        """Let everybody finish what they are at."""
        self.stop.touch()
        assert self.process.wait(PATIENCE_SECONDS + 30) == 0, self.lines()[-5:]


@contextmanager
def crowd(world: World, running_service: Service, folder: Path, *, people: int = PEOPLE) -> Iterator[Crowd]:
    """People who use the service while the block runs; they go home at its end."""
    number = time.time_ns()
    plan = Plan(
        address=running_service.server.address,
        town=world.town.code,
        sessions=[str(id_) for id_ in world.sessions],
        reward=str(world.reward),
        scanner=(world.scanner, PASSWORD),
        people=people,
        notes=str(folder / f"notes-{number}"),
        stop=str(folder / f"stop-{number}"),
        answer_seconds_max=DEVICE_SECONDS,
        pause_seconds=0 if os.environ.get("BINFEN_LONG") else PAUSE_SECONDS,
        patience_seconds=PATIENCE_SECONDS,
    )
    file = folder / f"plan-{number}.json"
    file.write_text(json.dumps(plan.__dict__))
    process = subprocess.Popen([sys.executable, "-S", "-m", "tests.faults.people", str(file)], cwd=ROOT)
    people_at_it = Crowd(plan, process, Path(plan.notes), Path(plan.stop))
    try:
        yield people_at_it
        people_at_it.go_home()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
