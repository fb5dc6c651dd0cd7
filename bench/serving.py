"""A checkout under uWSGI by its `wsgi.ini`, as it is deployed: a master, a router, workers with threads, the jobs' process.

The bench holds the lead of the jobs, so that no job of a town of the size wakes up while something else is measured. The
jobs' process runs and waits to lead; it delivers the outbox meanwhile, as on every server.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.leading import leadership_of
from tests.server.running import Server

ROOT = Path(__file__).resolve().parents[1]
PROCESSES, THREADS = 2, 4
#: All clients are one machine here. The limits count as they do for people, and nobody meets them.
UNMET = {"RATE_CALLER": "1000000/second", "RATE_WRITES": "1000000/second"}
HOUSE, FLOORS = "app:create_app()", "bench.floors:make_floors()"
#: How uWSGI says which of its processes are workers.
WORKER = re.compile(r"uWSGI worker \d+ \((?:new )?pid: (\d+)")


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that runs, and its processes."""

    server: Server

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def workers(self) -> list[int]:
        """Process ids of the workers that live."""
        said = WORKER.findall(self.server.log.read_text(errors="replace"))
        return [int(pid) for pid in said if Path(f"/proc/{pid}").exists()]


@contextmanager
def serving(
    folder: Path, url: str, application: str, ready: str, *, checkout: Path = ROOT, **environment: str
) -> Iterator[Serving]:
    """A server while the block runs, once it answers the path `ready`. `folder`: its instance, and where its log is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = {
        "INSTANCE_DIR": str(folder),
        "DATABASE_URL": url,
        "HTTP_ADDRESS": address,
        "APPLICATION": application,
        "WEB_PROCESSES": str(PROCESSES),
        "WEB_THREADS": str(THREADS),
    }
    command = [str(Path(sys.executable).with_name("uwsgi")), "--ini", "wsgi.ini"]
    log = folder / f"log-{uuid.uuid4().hex}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=checkout,
            env=os.environ | settings | UNMET | environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(address, process, log)
    try:
        server.wait_for(ready)
        yield Serving(server)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def leading_the_jobs(url: str, folder: Path) -> Iterator[None]:
    """While the block runs, no other process leads, so none runs jobs."""
    leadership = leadership_of(url, folder)
    assert leadership.take(), "somebody leads the jobs of a database that was just made"
    try:
        yield
    finally:
        leadership.give_up()
