"""What is deleted once nobody asks for it any more, a batch in a transaction.

- Answers kept under an Idempotency-Key: after 30 days. A caller who tries again does so within hours, and answers name
  people.
- Refresh tokens: a day after they expired. Until then a used one must be known, or its reuse wouldn't be noticed.
- Runs of jobs: after 30 days those that ran for less than a day, daily ones after 800: how the nightly audit ended is
  asked for long after.
- Counts of wrong codes at a counter: after two days; they count within an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, select, tuple_

from models.idempotency import IdempotencyRecord
from models.jobs import JobRun
from models.residents import RefreshToken
from models.rewards import CodeTry
from rules.ids import first_id_at
from rules.residents.sign_in import REFRESH_DAYS
from rules.work import SYSTEM, Transactions, Work

ANSWERS_KEPT_DAYS = 30
EXPIRED_TOKENS_KEPT_DAYS = 1
RUNS_KEPT_DAYS = 30
DAILY_RUNS_KEPT_DAYS = 800
TRIES_KEPT_DAYS = 2
BATCH = 2000
DAY_LENGTH = len("2026-11-23")  #: of a daily run's slot


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many rows were deleted."""

    answers: int
    tokens: int
    runs: int
    tries: int


def _deleting(table: Any, keys: tuple[Any, ...], *conditions: Any) -> Any:
    """Delete the next BATCH rows of the town that meet the conditions."""
    stale: Select[Any] = select(*keys).where(table.town_id == bindparam("town"), *conditions).limit(BATCH)
    which = tuple_(*keys).in_(stale) if len(keys) > 1 else keys[0].in_(stale)
    return (
        delete(table)
        .where(table.town_id == bindparam("town"), which)
        .returning(keys[0])
        .execution_options(synchronize_session=False)
    )


_before: Any = bindparam("before")
_answers = _deleting(
    IdempotencyRecord, (IdempotencyRecord.actor_id, IdempotencyRecord.key), IdempotencyRecord.recorded_at < _before
)
_tokens = _deleting(
    RefreshToken, (RefreshToken.id,), RefreshToken.id < bindparam("issued_before"), RefreshToken.expires_at < _before
)
_runs = _deleting(JobRun, (JobRun.job, JobRun.slot), JobRun.started_at < _before, func.length(JobRun.slot) > DAY_LENGTH)
_daily_runs = _deleting(JobRun, (JobRun.job, JobRun.slot), JobRun.started_at < _before)
_tries = _deleting(CodeTry, (CodeTry.staff_id, CodeTry.hour), CodeTry.hour < _before)


def clear_stale(transactions: Transactions, town_id: int) -> Cleared:
    """Delete what is over in one town."""

    def clear(statement: Any, kept_days: int) -> int:
        cleared = 0
        while (batch := transactions.write(town_id, SYSTEM, _clear_some, statement, timedelta(days=kept_days))) > 0:
            cleared += batch
        return cleared

    return Cleared(
        answers=clear(_answers, ANSWERS_KEPT_DAYS),
        tokens=clear(_tokens, EXPIRED_TOKENS_KEPT_DAYS),
        runs=clear(_runs, RUNS_KEPT_DAYS) + clear(_daily_runs, DAILY_RUNS_KEPT_DAYS),
        tries=clear(_tries, TRIES_KEPT_DAYS),
    )


def _clear_some(work: Work, statement: Any, kept: timedelta) -> int:
    before: datetime = work.now - kept
    asked = {"town": work.town_id, "before": before}
    if statement is _tokens:
        asked["issued_before"] = first_id_at(before - timedelta(days=REFRESH_DAYS))  # so only what goes is looked at
    return len(work.core.execute(statement, asked).all())
