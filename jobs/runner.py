"""Running a job for every town: claim the run, do the deed, record what came of it.

One town's failure is that town's: it is recorded and the next town has its turn. Of an exception its class is kept and
never its message, which may hold what a person is called.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

import structlog

from jobs.schedule import JOBS, Done, Errand, Job, Means, last_due
from models.jobs import JobOutcome
from rules.clock import utc_now
from rules.jobs import ATTEMPTS_MAX, claim_run, finish_run, list_towns
from rules.work import SYSTEM

log = structlog.get_logger("binfen.jobs")


def run_job(
    means: Means, job: Job, moment: datetime, *, attempts_max: int = ATTEMPTS_MAX
) -> dict[str, JobOutcome | None]:
    """Run a job for every town. Returns what came of it by the town's code; None where it was not ours to run.

    Raises ValueError for a moment that has not come: its slot would be taken when it is due.
    """
    if moment > utc_now():
        raise ValueError(f"{job.name} can't be run for {moment.isoformat()}: that is in the future")
    outcomes: dict[str, JobOutcome | None] = {}
    for town in means.transactions.read(0, SYSTEM, list_towns):
        try:
            outcomes[town.code] = _run_for_town(Errand(means, town.id, moment), job, attempts_max)
        except (
            Exception
        ) as error:  # the claim or the record failed; the run is taken up again once it counts as abandoned
            log.error("job.not_recorded", job=job.name, town=town.code, error=type(error).__name__)
            outcomes[town.code] = JobOutcome.FAILED
    return outcomes


def run_due(means: Means, job: Job) -> None:
    """Run a job whose moment has come."""
    run_job(means, job, last_due(job, utc_now()))


def catch_up(means: Means, jobs: Iterable[Job] = JOBS) -> None:
    """Run what was due last and has not been run: nobody was there, whoever ran it is gone, or it failed."""
    for job in jobs:
        run_due(means, job)


def _run_for_town(errand: Errand, job: Job, attempts_max: int) -> JobOutcome | None:
    transactions, town_id, slot = errand.transactions, errand.town_id, job.slot_of(errand.moment)
    if not transactions.write(town_id, SYSTEM, claim_run, job.name, slot, attempts_max=attempts_max):
        return None
    began = time.monotonic()
    try:
        done = job.deed(errand)
    except Exception as error:
        done = Done(JobOutcome.FAILED, {"error": type(error).__name__})
    transactions.write(town_id, SYSTEM, finish_run, job.name, slot, done.outcome, done.result)
    say = log.info if done.outcome is JobOutcome.OK else log.error
    seconds = round(time.monotonic() - began, 1)
    say("job.run", job=job.name, town_id=town_id, slot=slot, outcome=done.outcome.value, seconds=seconds)
    return done.outcome
