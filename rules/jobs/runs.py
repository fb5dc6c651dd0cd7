"""Runs of jobs: who runs a job for a town, and what came of it. The doctrine is at the head of `rules.jobs`.

A run may be claimed again when it failed; when somebody wants it run anew, by hand; when a leader of an earlier term left
it; and when it was claimed `ABANDONED_AFTER` ago and never finished, by whomever. The second claim is a guarded UPDATE
that counts the attempt, so again only one gets it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import BigInteger, Boolean, and_, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from models.jobs import JobOutcome, JobRun, JobSchedule
from models.territory import Town
from rules.jobs.alarms import warn_of_failure
from rules.jobs.terms import is_on
from rules.paging import Page, Position
from rules.rows import AnyRow
from rules.work import Actor, Transactions, Work

#: Longer than any job takes for one town.
ABANDONED_AFTER = timedelta(hours=1)
#: So often a run is tried by itself; by hand as often as somebody wants.
ATTEMPTS_MAX = 3

#: What came of a run that was left unfinished so often.
LEFT = {"error": "LeftUnfinished"}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Due:
    """A job and a moment for which it is to run."""

    job: str
    slot: str
    cron: str  #: when the job is due, as a line of cron
    due_at: datetime
    next_due_at: datetime  #: when it is due after that


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was claimed: its claimer's as long as the attempt is the last one."""

    town_id: int
    job: str
    slot: str
    attempt: int


class RunLost(Exception):
    """Another process has taken the run over. What wanted to write is undone."""


_run = (
    JobRun.town_id == bindparam("town"),
    JobRun.job == bindparam("of_job"),
    JobRun.slot == bindparam("of_slot"),
)
_is_last_attempt = and_(JobRun.attempts == bindparam("attempt"), JobRun.finished_at.is_(None))
_claim = insert(JobRun).on_conflict_do_nothing(index_elements=["town_id", "job", "slot"]).returning(JobRun.attempts)
_claim_again = (
    update(JobRun)
    .where(
        *_run,
        JobRun.attempts < bindparam("attempts_max"),
        or_(
            JobRun.outcome == JobOutcome.FAILED,
            and_(JobRun.outcome == JobOutcome.OK, bindparam("anew", type_=Boolean())),
            and_(
                JobRun.finished_at.is_(None),
                or_(
                    JobRun.started_at <= bindparam("abandoned_before"),
                    JobRun.term < bindparam("of_term", type_=BigInteger()),
                ),
            ),
        ),
    )
    .values(
        attempts=JobRun.attempts + 1,
        started_at=bindparam("now"),
        finished_at=None,
        outcome=None,
        result=None,
        due_at=bindparam("moment"),
        term=bindparam("of_term", type_=BigInteger()),
    )
    .returning(JobRun.attempts)
    .execution_options(synchronize_session=False)
)
_see_to = insert(JobSchedule)
_see_to = _see_to.on_conflict_do_update(
    index_elements=["town_id", "job"],
    set_={"slot": _see_to.excluded.slot, "next_due_at": _see_to.excluded.next_due_at},
    where=JobSchedule.next_due_at < _see_to.excluded.next_due_at,
)
_prove = select(JobRun.attempts).where(*_run, _is_last_attempt).with_for_update(read=True)
_finish = (
    update(JobRun)
    .where(*_run, _is_last_attempt)
    .values(finished_at=bindparam("now"), outcome=bindparam("came_out"), result=bindparam("what"))
    .returning(JobRun.slot)
    .execution_options(synchronize_session=False)
)
_succeed = (
    update(JobSchedule)
    .where(JobSchedule.town_id == bindparam("town"), JobSchedule.job == bindparam("of_job"))
    .values(succeeded_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_is_orphan = (JobRun.finished_at.is_(None), JobRun.term < bindparam("of_term", type_=BigInteger()))
_orphans = (
    select(JobRun.job, JobRun.slot, JobRun.due_at)
    .where(
        JobRun.town_id == bindparam("town"),
        *_is_orphan,
        JobRun.attempts < ATTEMPTS_MAX,
        JobRun.due_at.is_not(None),
    )
    .order_by(JobRun.due_at, JobRun.job)
)
_give_up = (
    update(JobRun)
    .where(JobRun.town_id == bindparam("town"), *_is_orphan, JobRun.attempts >= ATTEMPTS_MAX)
    .values(finished_at=bindparam("now"), outcome=JobOutcome.FAILED, result=LEFT)
    .returning(JobRun.job, JobRun.slot)
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


class RunTransactions(Transactions):
    """The way to units of work of one run: what writes proves first that the run is still its own.

    The proof locks the run's row until the transaction ends, so whoever takes the run over waits for it, and nothing of
    the old run is committed after that.
    """

    def __init__(self, whole: Transactions, run: Run) -> None:
        self.engine = whole.engine
        self._whole, self._run = whole, run

    def read(
        self, town_id: int, actor: Actor, deed: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self._whole.read(town_id, actor, deed, *args, **kwargs)

    def write(
        self, town_id: int, actor: Actor, deed: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As in Transactions. Raises RunLost too."""

        def proved(work: Work) -> T:
            prove_run(work, self._run)
            return deed(work, *args, **kwargs)

        return self._whole.write(town_id, actor, proved)

    def survey(
        self, town_id: int, actor: Actor, deed: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self._whole.survey(town_id, actor, deed, *args, **kwargs)


def claim_run(
    work: Work, due: Due, *, term: int | None = None, attempts_max: int = ATTEMPTS_MAX, anew: bool = False
) -> Run | None:
    """Claim a run; commit before running it. None: it isn't the caller's to run.

    `term`: in which the caller leads; None for one who runs it by hand. `anew`: also one that ended well.
    """
    if term is not None and not is_on(work, term):
        return None
    row = {"town_id": work.town_id, "job": due.job, "slot": due.slot, "attempts": 1, "started_at": work.now}
    attempt = work.core.execute(_claim, row | {"due_at": due.due_at, "term": term}).scalar()
    if attempt is None:
        again = {"attempts_max": attempts_max, "abandoned_before": work.now - ABANDONED_AFTER, "now": work.now}
        again |= _named(work.town_id, due.job, due.slot) | {"of_term": term, "moment": due.due_at, "anew": anew}
        attempt = work.core.execute(_claim_again, again).scalar()
    seen_to = {"town_id": work.town_id, "job": due.job, "cron": due.cron, "slot": due.slot}
    work.core.execute(_see_to, seen_to | {"next_due_at": due.next_due_at})
    return Run(work.town_id, due.job, due.slot, int(attempt)) if attempt is not None else None


def prove_run(work: Work, run: Run) -> None:
    """Raises RunLost unless the run is still the caller's; until this transaction ends, nobody takes it over."""
    asked = _named(run.town_id, run.job, run.slot) | {"attempt": run.attempt}
    if work.core.execute(_prove, asked).first() is None:
        raise RunLost(run.job, run.slot)


def finish_run(work: Work, run: Run, outcome: JobOutcome, result: dict[str, Any]) -> bool:
    """Record what came of a run. `result`: what it did, in numbers; it is shown to auditors and names no person.

    False: another process has taken the run over, and nothing was written.
    """
    said = {"attempt": run.attempt, "now": work.now, "came_out": outcome, "what": result}
    if work.core.execute(_finish, _named(run.town_id, run.job, run.slot) | said).first() is None:
        return False
    if outcome is JobOutcome.OK:
        work.core.execute(_succeed, {"town": work.town_id, "of_job": run.job, "now": work.now})
    else:
        warn_of_failure(work, run.job, run.slot)
    return True


def list_orphans(work: Work, term: int) -> Sequence[AnyRow]:
    """The town's runs that leaders of earlier terms left unfinished: job, slot and `due_at`, the oldest first."""
    return work.core.execute(_orphans, {"town": work.town_id, "of_term": term}).all()


def give_up_orphans(work: Work, term: int) -> int:
    """What was left unfinished ATTEMPTS_MAX times has failed, and staff are told. Returns how many runs that were."""
    if not is_on(work, term):
        return 0
    given_up = work.core.execute(_give_up, {"town": work.town_id, "of_term": term, "now": work.now}).all()
    for row in given_up:
        warn_of_failure(work, row.job, row.slot)
    return len(given_up)


def list_runs(work: Work, job: str | None, after: Position | None, limit: int) -> Page[AnyRow]:
    """The town's runs, of one job or of all, the last started first.

    A position is a moment in microseconds and how many runs of just that moment came before.
    """
    micros, seen = (int(part) for part in after) if after is not None else (_micros(LATEST), 0)
    asked = {"town": work.town_id, "up_to": EPOCH + timedelta(microseconds=micros), "seen": seen, "limit": limit + 1}
    if job is None:
        rows = work.core.execute(_runs, asked).all()
    else:
        rows = work.core.execute(_runs_of_job, asked | {"of_job": job}).all()
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], _position(rows[:limit], micros, seen))


def list_towns(work: Work) -> Sequence[AnyRow]:
    """Every town: id and code. The one read that looks across towns, for those who work for each in turn."""
    return work.core.execute(_towns).all()


def _named(town_id: int, job: str, slot: str) -> dict[str, Any]:
    return {"town": town_id, "of_job": job, "of_slot": slot}


def _position(rows: Sequence[AnyRow], micros: int, seen: int) -> Position:
    last = _micros(rows[-1].started_at)
    of_that_moment = sum(_micros(row.started_at) == last for row in rows)
    return last, of_that_moment + (seen if last == micros else 0)


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
