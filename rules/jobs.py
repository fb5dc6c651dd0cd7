"""Runs of jobs: who runs a job for a town, and what came of it.

A run is named by the job and by its slot, which says what it is for: a day, an hour. Who inserts the row runs the job,
so however many processes wake up for a slot, one runs it. A run that failed may be claimed again, and so may one that
was claimed `ABANDONED_AFTER` ago and never finished: whoever ran it is gone. The second claim is a guarded UPDATE that
counts the attempt, so again only one gets it. A job must therefore bear to be run twice for one slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from models.jobs import JobOutcome, JobRun
from models.territory import Town
from rules.paging import Page, Position
from rules.rows import AnyRow
from rules.work import Work

#: Longer than any job takes for one town.
ABANDONED_AFTER = timedelta(hours=1)
#: So often a run is tried by itself; by hand as often as somebody wants.
ATTEMPTS_MAX = 3

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_run = (
    JobRun.town_id == bindparam("town"),
    JobRun.job == bindparam("of_job"),
    JobRun.slot == bindparam("of_slot"),
)
_claim = insert(JobRun).on_conflict_do_nothing(index_elements=["town_id", "job", "slot"]).returning(JobRun.slot)
_claim_again = (
    update(JobRun)
    .where(
        *_run,
        JobRun.attempts < bindparam("attempts_max"),
        or_(
            JobRun.outcome == JobOutcome.FAILED,
            and_(JobRun.finished_at.is_(None), JobRun.started_at <= bindparam("abandoned_before")),
        ),
    )
    .values(attempts=JobRun.attempts + 1, started_at=bindparam("now"), finished_at=None, outcome=None, result=None)
    .returning(JobRun.slot)
    .execution_options(synchronize_session=False)
)
_finish = (
    update(JobRun)
    .where(*_run, JobRun.finished_at.is_(None))
    .values(finished_at=bindparam("now"), outcome=bindparam("came_out"), result=bindparam("what"))
    .execution_options(synchronize_session=False)
)
_runs = (
    select(
        JobRun.job,
        JobRun.slot,
        JobRun.attempts,
        JobRun.started_at,
        JobRun.finished_at,
        JobRun.outcome,
        JobRun.result,
    )
    .where(JobRun.town_id == bindparam("town"), JobRun.started_at <= bindparam("up_to"))
    .order_by(JobRun.started_at.desc(), JobRun.job, JobRun.slot.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("seen"))
)
_runs_of_job = _runs.where(JobRun.job == bindparam("of_job"))
_towns = select(Town.id, Town.code).order_by(Town.id)


def claim_run(work: Work, job: str, slot: str, *, attempts_max: int = ATTEMPTS_MAX) -> bool:
    """Whether the caller is the one who runs this job for this slot; commit before running it."""
    row = {"town_id": work.town_id, "job": job, "slot": slot, "attempts": 1, "started_at": work.now}
    if work.db.scalar(_claim, row) is not None:
        return True
    again = {"attempts_max": attempts_max, "abandoned_before": work.now - ABANDONED_AFTER, "now": work.now}
    return work.db.scalar(_claim_again, _named(work, job, slot) | again) is not None


def finish_run(work: Work, job: str, slot: str, outcome: JobOutcome, result: dict[str, Any]) -> None:
    """Record what came of a run. `result`: what it did, in numbers; it is shown to auditors and names no person.

    Of two that ran one slot, because the first was taken for gone, the first to finish is recorded.
    """
    work.db.execute(_finish, _named(work, job, slot) | {"now": work.now, "came_out": outcome, "what": result})


def list_runs(work: Work, job: str | None, after: Position | None, limit: int) -> Page[AnyRow]:
    """The town's runs, of one job or of all, the last started first.

    A position is a moment in microseconds and how many runs of just that moment came before.
    """
    micros, seen = (int(part) for part in after) if after is not None else (_micros(LATEST), 0)
    asked = {"town": work.town_id, "up_to": EPOCH + timedelta(microseconds=micros), "seen": seen, "limit": limit + 1}
    if job is None:
        rows = work.db.execute(_runs, asked).all()
    else:
        rows = work.db.execute(_runs_of_job, asked | {"of_job": job}).all()
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], _position(rows[:limit], micros, seen))


def list_towns(work: Work) -> Sequence[AnyRow]:
    """Every town: id and code. The one read that looks across towns, for those who work for each in turn."""
    return work.db.execute(_towns).all()


def _named(work: Work, job: str, slot: str) -> dict[str, Any]:
    return {"town": work.town_id, "of_job": job, "of_slot": slot}


def _position(rows: Sequence[AnyRow], micros: int, seen: int) -> Position:
    last = _micros(rows[-1].started_at)
    of_that_moment = sum(_micros(row.started_at) == last for row in rows)
    return last, of_that_moment + (seen if last == micros else 0)


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
