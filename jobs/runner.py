"""Running a job for every town: claim the run, do the deed, record what came of it.

One town's failure is that town's (`_apart`): it is recorded and the next town has its turn. Of an exception its class is
kept and never its message, which may hold what a person is called.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import structlog

from jobs.schedule import JOBS, Done, Errand, Job, Means, last_due
from models.jobs import JobOutcome
from rules.clock import utc_now
from rules.jobs.runs import (
    ATTEMPTS_MAX,
    RunLost,
    RunTransactions,
    claim_run,
    finish_run,
    give_up_orphans,
    list_orphans,
    list_towns,
)
from rules.jobs.watching import register_jobs, warn_of_what_was_missed
from rules.work import SYSTEM

log = structlog.get_logger("binfen.jobs")


def run_job(
    means: Means, job: Job, moment: datetime, *, attempts_max: int = ATTEMPTS_MAX, anew: bool = False
) -> dict[str, JobOutcome | None]:
    """Run a job for every town. Returns what came of it by the town's code; None where it was not ours to run.

    `anew`: also where it has run well for this slot.

    Raises ValueError for a moment that has not come: its slot would be taken when it is due.
    """
    if moment > utc_now():
        raise ValueError(f"{job.name} can't be run for {moment.isoformat()}: that is in the future")
    outcomes: dict[str, JobOutcome | None] = {}
    for town in means.transactions.read(0, SYSTEM, list_towns):
        outcomes[town.code] = JobOutcome.FAILED
        # Where the claim or the record fails, the run is taken up again once it counts as abandoned.
        with _apart("job.not_recorded", job=job.name, town=town.code):
            outcomes[town.code] = _run_for_town(Errand(means, town.id, moment), job, attempts_max, anew=anew)
    return outcomes


def run_due(means: Means, job: Job) -> None:
    """Run a job whose moment has come."""
    run_job(means, job, last_due(job, utc_now()))


def catch_up(means: Means, jobs: Sequence[Job] = JOBS) -> None:
    """Run what was due last and has not been run: nobody was there, whoever ran it is gone, or it failed."""
    note_what_is_due(means, jobs)
    for job in jobs:
        run_due(means, job)


def note_what_is_due(means: Means, jobs: Iterable[Job]) -> None:
    """Write down for every town which jobs there are, and tell its staff what was missed."""
    now = utc_now()
    dues = [job.due(last_due(job, now)) for job in jobs]
    for town in means.transactions.read(0, SYSTEM, list_towns):
        with _apart("jobs.not_noted", town=town.code):
            missed = means.transactions.write(town.id, SYSTEM, warn_of_what_was_missed, dues)
            means.transactions.write(town.id, SYSTEM, register_jobs, dues)
            if missed:
                log.error("jobs.missed", town=town.code, jobs=missed)


def take_over(means: Means, jobs: Iterable[Job] = JOBS) -> None:
    """Run again what leaders of earlier terms began and didn't end; what no attempt has ended has failed."""
    assert means.term is not None, "who takes over leads"
    by_name = {job.name: job for job in jobs}
    for town in means.transactions.read(0, SYSTEM, list_towns):
        with _apart("jobs.not_given_up", town=town.code):
            if given_up := means.transactions.write(town.id, SYSTEM, give_up_orphans, means.term):
                log.error("jobs.given_up", town=town.code, runs=given_up)
        for orphan in means.transactions.read(town.id, SYSTEM, list_orphans, means.term):
            job = by_name.get(orphan.job)
            if job is None or job.slot_of(orphan.due_at) != orphan.slot:  # of another version
                continue
            log.info("job.taken_over", job=job.name, town_id=town.id, slot=orphan.slot)
            with _apart("job.not_recorded", job=job.name, town=town.code):
                _run_for_town(Errand(means, town.id, orphan.due_at), job, ATTEMPTS_MAX)


@contextmanager
def _apart(event: str, **facts: str) -> Iterator[None]:
    """Let what fails within be said in the log, and the next one have its turn."""
    try:
        yield
    except Exception as error:
        log.error(event, **facts, error=type(error).__name__)


def _run_for_town(errand: Errand, job: Job, attempts_max: int, *, anew: bool = False) -> JobOutcome | None:
    transactions, town_id, term = errand.transactions, errand.town_id, errand.means.term
    due = job.due(errand.moment)
    run = transactions.write(town_id, SYSTEM, claim_run, due, term=term, attempts_max=attempts_max, anew=anew)
    if run is None:
        return None
    own = replace(errand, means=replace(errand.means, transactions=RunTransactions(transactions, run)))
    began = time.monotonic()
    try:
        done = job.deed(own)
    except RunLost:
        log.error("job.overtaken", job=job.name, town_id=town_id, slot=run.slot)
        return None
    except Exception as error:
        done = Done(JobOutcome.FAILED, {"error": type(error).__name__})
    if not transactions.write(town_id, SYSTEM, finish_run, run, done.outcome, done.result):
        log.error("job.overtaken", job=job.name, town_id=town_id, slot=run.slot)
        return None
    say = log.info if done.outcome is JobOutcome.OK else log.error
    seconds = round(time.monotonic() - began, 1)
    say("job.run", job=job.name, town_id=town_id, slot=run.slot, outcome=done.outcome.value, seconds=seconds)
    return done.outcome
