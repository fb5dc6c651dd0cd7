"""Who leads, in numbers: a term begins, and every earlier one is over.

That one process leads at a time is seen to elsewhere (a lock of the database or of a file). The number is for the moment
in which that fails: who claims a run locks this row first, so the next term begins after the claim or the claim
comes after the term and is refused. No claim slips in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update

from models.jobs import JobLeader
from rules.work import Work

#: Longer than a leader that lives is ever silent.
SILENT_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class LeaderView:
    """Who leads, as far as is known."""

    term: int
    began_at: datetime | None  #: None: nobody has led yet
    seen_at: datetime | None  #: when it last said that it leads
    is_there: bool  #: it was seen within SILENT_AFTER


_begin = (
    update(JobLeader)
    .where(JobLeader.id == 1)
    .values(term=JobLeader.term + 1, began_at=bindparam("now"), seen_at=bindparam("now"))
    .returning(JobLeader.term)
    .execution_options(synchronize_session=False)
)
_keep = (
    update(JobLeader)
    .where(JobLeader.id == 1, JobLeader.term == bindparam("of_term"))
    .values(seen_at=bindparam("now"))
    .returning(JobLeader.term)
    .execution_options(synchronize_session=False)
)
_is_on = select(JobLeader.term).where(JobLeader.term == bindparam("of_term")).with_for_update(read=True)
_leader = select(JobLeader.term, JobLeader.began_at, JobLeader.seen_at)


def begin_term(work: Work) -> int:
    """Begin to lead: the number of the term. Whatever an earlier term claims from now on is refused."""
    return int(work.core.execute(_begin, {"now": work.now}).scalar_one())


def keep_term(work: Work, term: int) -> bool:
    """Say that one still leads. False: somebody else does."""
    return work.core.execute(_keep, {"of_term": term, "now": work.now}).first() is not None


def is_on(work: Work, term: int) -> bool:
    """Whether a term is still the last one; until this transaction ends, none begins after it."""
    return work.core.execute(_is_on, {"of_term": term}).first() is not None


def show_leader(work: Work) -> LeaderView:
    """Who leads. For everybody who may see the jobs: it names no process and no machine."""
    row = work.core.execute(_leader).one()
    is_there = row.seen_at is not None and work.now - row.seen_at < SILENT_AFTER
    return LeaderView(int(row.term), row.began_at, row.seen_at, is_there)
