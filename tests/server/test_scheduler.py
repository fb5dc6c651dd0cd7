"""The scheduler comes up with the web server, runs what is due, comes back when it dies, and ends with the server."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from jobs.leading import FileLock
from models.jobs import JobOutcome, JobRun
from rules.database import connect
from rules.work import SYSTEM, Transactions
from tests.build import fresh_key
from tests.conftest import Databases
from tests.ledger.scribe import add_town
from tests.server.running import START_SECONDS_MAX, running
from tests.server.test_uwsgi import UWSGI


def wait_until(holds: Callable[[], object], log: Path) -> None:
    """Wait until something holds. A real server needs real time."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


def pid_of_scheduler(log: Path) -> int:
    [pid] = re.findall(r'"pid": ?(\d+)', log.read_text(errors="replace"))
    return int(pid)


def test_the_scheduler_comes_up_with_the_server_comes_back_when_it_dies_and_ends_with_it(
    sqlite_databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sqlite_databases.make()
    units = Transactions(connect(url))
    town_id = units.write(0, SYSTEM, add_town, fresh_key())
    outcomes = select(JobRun.outcome).where(JobRun.town_id == town_id, JobRun.job == "ledger-audit")
    monkeypatch.setenv("DATABASE_URL", url)
    with running(UWSGI, tmp_path, "/healthz") as server:

        def says(words: str, times: int) -> bool:
            return server.log.read_text(errors="replace").count(words) == times

        wait_until(
            lambda: units.read(town_id, SYSTEM, lambda work: work.db.scalar(outcomes)) is JobOutcome.OK, server.log
        )
        assert not FileLock(tmp_path / "scheduler.lock").take()
        os.kill(pid_of_scheduler(server.log), signal.SIGKILL)
        wait_until(lambda: says('"jobs.leading"', 2), server.log)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: says("jobs.stopped", 1) and says('"jobs.leading"', 3), server.log)
        server.wait_for("/healthz")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert says("jobs.stopped", 2)
    ended = FileLock(tmp_path / "scheduler.lock")
    assert ended.take()
    ended.give_up()
    units.engine.dispose()
