"""kill -9 of the leader: another leads within 5 seconds, no run comes to its end twice, and none is lost."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from models.jobs import JobOutcome, JobRun
from rules.clock import utc_now
from rules.database import connect
from rules.work import SYSTEM, Transactions
from tests.build import fresh_key
from tests.conftest import Databases
from tests.ledger.scribe import add_town
from tests.server.leaders import LATER, LONG, SHORT, Diary, each_minute, start

LEADS_WITHIN_SECONDS = 5.0
SECONDS_MAX = 60


def wait_for(holds: Callable[[], object]) -> float:
    """Wait until something holds, and say how many seconds that took. Real processes need real time."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < SECONDS_MAX
        time.sleep(0.05)
    return time.monotonic() - began


def test_another_leads_within_seconds_and_every_run_comes_to_its_end_once(databases: Databases, tmp_path: Path) -> None:
    url, diary = databases.make(), Diary(tmp_path)
    units = Transactions(connect(url))
    town_id = units.write(0, SYSTEM, add_town, fresh_key())
    settings = {"DATABASE_URL": url, "INSTANCE_DIR": str(tmp_path), "LOG_LEVEL": "ERROR"}
    later = utc_now() + timedelta(seconds=3)
    processes = [start(settings, diary, later) for _ in range(2)]
    try:
        wait_for(lambda: {(LONG, "begins"), (SHORT, "ends")} <= {(job, deed) for job, _, deed in done(diary)})
        first = diary.lines()
        [leader] = {pid for _, _, pid, _ in first}
        os.kill(leader, signal.SIGKILL)
        seconds = wait_for(lambda: any(job == LONG and pid != leader for job, _, pid, _ in diary.lines()))
        diary.gate.touch()
        wait_for(lambda: not unfinished(units, town_id) and (LATER, each_minute(later), "ends") in done(diary))
    finally:
        for process in processes:
            process.terminate()
            process.join(30)
    assert seconds < LEADS_WITHIN_SECONDS
    runs = units.read(town_id, SYSTEM, lambda work: work.core.execute(select(JobRun)).all())
    ends = Counter((job, slot) for job, slot, _, deed in diary.lines() if deed == "ends")
    assert ends == {(run.job, run.slot): 1 for run in runs}, "each run that there is has come to its end once"
    assert {run.outcome for run in runs} == {JobOutcome.OK}
    attempts = {(run.job, run.slot): run.attempts for run in runs}
    for job, slot, _, _ in first:
        assert attempts[job, slot] == (2 if job == LONG else 1), "what was under way was begun again, nothing else"
    units.engine.dispose()


def unfinished(units: Transactions, town_id: int) -> list[str]:
    statement = select(JobRun.slot).where(JobRun.town_id == town_id, JobRun.finished_at.is_(None))
    return list(units.read(town_id, SYSTEM, lambda work: work.core.scalars(statement).all()))


def done(diary: Diary) -> set[tuple[str, str, str]]:
    return {(job, slot, deed) for job, slot, _, deed in diary.lines()}
