"""Whether each job ran when it should have.

The schedule of a town says for each job when it is due next. It moves on when that moment's run is begun, so it stands
still when nobody runs the job: then the job is missed, MISSED_AFTER its moment, for all who look, whether or not a
leader is there. A run that is still not over by then, or takes longer than any run does, is stuck. What ended badly
has failed until it succeeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, bindparam, delete, not_, select
from sqlalchemy.dialects.postgresql import insert

from models.jobs import JobOutcome, JobRun, JobSchedule
from models.residents import Role
from rules.jobs.alarms import warn_of_missed
from rules.jobs.runs import ABANDONED_AFTER, Due
from rules.jobs.terms import LeaderView, show_leader
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.sets import is_text_in
from rules.work import Work

#: How late a run may begin: a new leader leads within seconds, and a short run of the same job may be in the way.
MISSED_AFTER = timedelta(minutes=5)


class Alarm(StrEnum):
    """What is wrong with a job."""

    MISSED = "missed"  #: it wasn't begun when it was due
    FAILED = "failed"  #: its last run failed
    STUCK = "stuck"  #: its last run doesn't end


@dataclass(frozen=True, slots=True)
class JobView:
    """A job of the town, its last run and its next."""

    job: str
    schedule: str  #: a line of cron, by the community's clock
    slot: str | None  #: of the last run; None, as in the next ones: it has never run
    due_at: datetime | None
    attempts: int | None
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None  #: how long it took; None while it runs
    outcome: JobOutcome | None
    result: dict[str, Any] | None
    succeeded_at: datetime | None  #: when a run last ended well
    next_due_at: datetime
    alarm: Alarm | None


@dataclass(frozen=True, slots=True)
class JobsView:
    """The jobs of a town, and who runs them."""

    leader: LeaderView
    items: Sequence[JobView]


#: A job with its last run: for one town, and for all of them.
with_last_run = (
    select(
        JobSchedule.town_id,
        JobSchedule.job,
        JobSchedule.cron,
        JobSchedule.next_due_at,
        JobSchedule.succeeded_at,
        JobRun.slot,
        JobRun.due_at,
        JobRun.attempts,
        JobRun.started_at,
        JobRun.finished_at,
        JobRun.outcome,
        JobRun.result,
    )
    .outerjoin(
        JobRun,
        and_(JobRun.town_id == JobSchedule.town_id, JobRun.job == JobSchedule.job, JobRun.slot == JobSchedule.slot),
    )
    .order_by(JobSchedule.town_id, JobSchedule.job)
)
_jobs = with_last_run.where(JobSchedule.town_id == bindparam("town"))
_register = insert(JobSchedule)
_register = _register.on_conflict_do_update(
    index_elements=["town_id", "job"],
    set_={"cron": _register.excluded.cron, "next_due_at": _register.excluded.next_due_at},
    where=JobSchedule.cron != _register.excluded.cron,
)
_forget = delete(JobSchedule).where(
    JobSchedule.town_id == bindparam("town"), not_(is_text_in(JobSchedule.job, "there"))
)


def register_jobs(work: Work, dues: Sequence[Due]) -> None:
    """Write down which jobs there are and when each was due last; what is known already stays as it is."""
    rows = [{"town_id": work.town_id, "job": due.job, "cron": due.cron, "next_due_at": due.due_at} for due in dues]
    if rows:
        work.core.execute(_register, rows)
    work.core.execute(_forget, {"town": work.town_id, "there": [due.job for due in dues]})


def warn_of_what_was_missed(work: Work, dues: Sequence[Due]) -> int:
    """Tell staff of jobs that weren't begun in time. Returns how many there are. `dues`: of each job, the last moment."""
    slots = {due.job: due.slot for due in dues}
    missed = [
        row
        for row in work.core.execute(_jobs, {"town": work.town_id})
        if row.job in slots and alarm_of(row, work.now) is Alarm.MISSED
    ]
    for row in missed:
        warn_of_missed(work, row.job, slots[row.job])
    return len(missed)


def show_jobs(work: Work) -> JobsView:
    """The jobs, each with its last run, for auditors of the whole town. Raises Forbidden."""
    require_role_at_root(work, Role.AUDITOR)
    rows = work.core.execute(_jobs, {"town": work.town_id}).all()
    return JobsView(show_leader(work), [_view(row, work.now) for row in rows])


def alarm_of(row: AnyRow, now: datetime) -> Alarm | None:
    """What is wrong with a job; `row` as of `with_last_run`."""
    is_late = row.next_due_at + MISSED_AFTER <= now
    if row.started_at is not None and row.finished_at is None:
        return Alarm.STUCK if is_late or now - row.started_at >= ABANDONED_AFTER else None
    if is_late:
        return Alarm.MISSED
    return Alarm.FAILED if row.outcome is JobOutcome.FAILED else None


def _view(row: AnyRow, now: datetime) -> JobView:
    seconds = (row.finished_at - row.started_at).total_seconds() if row.finished_at is not None else None
    return JobView(
        job=row.job,
        schedule=row.cron,
        slot=row.slot,
        due_at=row.due_at,
        attempts=row.attempts,
        started_at=row.started_at,
        finished_at=row.finished_at,
        seconds=seconds,
        outcome=row.outcome,
        result=row.result,
        succeeded_at=row.succeeded_at,
        next_due_at=row.next_due_at,
        alarm=alarm_of(row, now),
    )
