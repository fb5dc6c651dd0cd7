"""Scheduler processes for tests: the real `jobs` process, with jobs that write down what they do."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

from jobs.__main__ import main
from jobs.schedule import Done, Errand, Job, at
from models.jobs import JobOutcome
from rules.clock import ZONE
from rules.work import SYSTEM
from tests.races import FRESH_PROCESSES

LONG, SHORT, LATER = "long", "short", "later"


class Diary:
    """A file to which processes add lines: job, slot, process and what it does."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "diary"
        self.gate = folder / "gate"  #: the long job ends once this is there
        self._path.touch()

    def add(self, job: str, slot: str, deed: str) -> None:
        with self._path.open("a") as file:
            file.write(f"{job} {slot} {os.getpid()} {deed}\n")

    def lines(self) -> list[tuple[str, str, int, str]]:
        parts = [line.split() for line in self._path.read_text().splitlines()]
        return [(job, slot, int(pid), deed) for job, slot, pid, deed in parts]


def each_minute(moment: datetime) -> str:
    """A slot for each minute."""
    return moment.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M")


def jobs_of(diary: Diary, later: datetime) -> Sequence[Job]:
    """One job that takes long, one that is soon over, and one that is due at a moment."""

    def noting(name: str) -> Job:
        def deed(errand: Errand) -> Done:
            slot = each_minute(errand.moment)
            diary.add(name, slot, "begins")
            while name == LONG and not diary.gate.exists():
                time.sleep(0.05)
            errand.transactions.write(errand.town_id, SYSTEM, lambda _work: None)
            diary.add(name, slot, "ends")
            return Done(JobOutcome.OK, {})

        local = later.astimezone(ZONE)
        moment = {"hour": local.hour, "minute": local.minute, "second": local.second}
        return Job(name, at(**moment) if name == LATER else at(minute="*"), each_minute, deed)

    return [noting(name) for name in (SHORT, LATER, LONG)]  # they are caught up in this order


def start(settings: dict[str, str], diary: Diary, later: datetime) -> BaseProcess:
    """A scheduler process with an environment."""
    process = FRESH_PROCESSES.Process(target=_run, args=(settings, diary, later))
    process.start()
    return process


def _run(settings: dict[str, str], diary: Diary, later: datetime) -> None:
    os.environ.update(settings)
    main(jobs_of(diary, later))
