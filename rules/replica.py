"""Where the monitoring reads when there is a replica: a standby that replays what the primary has written.

A replica is late by a moment or by an hour, and never says so of itself. What is answered from it is as of a moment that it
has reached: a unit of work there has as its `now` the moment of the last commit that was replayed, so "as of now", and what
counts as settled, mean what the replica knows. The primary commits every few seconds (`rules.jobs.terms`: who leads the jobs
says so), so that moment isn't far behind where all is well.

- Who asks is proved on the primary: a role that was taken away is gone at once, however late the replica is.
- Whatever the replica can't answer is asked of the primary: it is gone, it was promoted (then it is no replica any more), it
  is further behind than `LAG_MAX`, it broke off the reading because what was read is replayed away, or it refuses. A
  refusal is the primary's to give: a place that was made a second ago, a moment after the last that was replayed.
- A replica that couldn't answer isn't asked for `REST_SECONDS`, lest everybody waits for it in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Engine, case, func, select
from sqlalchemy.exc import SQLAlchemyError

from models.base import UtcDateTime
from rules.errors import Busy, RuleError
from rules.ids import IdMaker
from rules.work import VISITOR, Actor, Transactions, Work

#: Further behind than this, the primary is asked.
LAG_MAX = timedelta(seconds=60)
REST_SECONDS = 10.0

T = TypeVar("T")

_replayed = select(
    case((func.pg_is_in_recovery(), func.pg_last_xact_replay_timestamp(type_=UtcDateTime))).label("replayed_at")
)


class ReplicaBehind(Exception):
    """The replica is no replica, or too far behind: the primary is asked instead."""


class _OnReplica(Transactions):
    """Units of work on a replica: tried once, and ids, which nobody takes who only reads, are the primary's."""

    def __init__(self, engine: Engine, primary: Transactions) -> None:
        super().__init__(engine, request_seconds=0.0, clock=primary._clock)
        self._primary = primary

    def _ids(self) -> IdMaker:
        return self._primary._ids()


class Replica:
    """Reads that may be late, with the primary behind them."""

    def __init__(
        self,
        primary: Transactions,
        engine: Engine,
        *,
        on_left: Callable[[str], None] = lambda _reason: None,
        on_refused: Callable[[str], None] = lambda _code: None,
        on_lag: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        """Who hears what. `on_left`: why the replica couldn't answer and the primary was asked instead; `on_refused`: the
        code of a refusal, which the primary gives, or doesn't; `on_lag`: by how many seconds a reading was behind."""
        self.engine = engine
        self._primary = primary
        self._transactions = _OnReplica(engine, primary)
        self._rests_until = 0.0
        self._on_left, self._on_refused, self._on_lag = on_left, on_refused, on_lag

    def read(self, town_id: int, find_actor: Callable[[Work], Actor], deed: Callable[[Work], T]) -> T:
        """Run a deed that only reads, as whoever `find_actor` finds on the primary. Raises what they raise, and Busy."""
        if time.monotonic() < self._rests_until:
            return self._primary.read(town_id, VISITOR, lambda work: deed(replace(work, actor=find_actor(work))))
        actor = self._primary.read(town_id, VISITOR, find_actor)
        try:
            return self._transactions.read(town_id, actor, self._as_of_replay, deed)
        except (Busy, ReplicaBehind, SQLAlchemyError) as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            self._on_left(type(error).__name__)
        except RuleError as refusal:
            self._on_refused(refusal.code)
        return self._primary.read(town_id, actor, deed)

    def _as_of_replay(self, work: Work, deed: Callable[[Work], T]) -> T:
        replayed_at: datetime | None = work.send(_replayed, {}).scalar()
        if replayed_at is None or work.now - replayed_at > LAG_MAX:
            raise ReplicaBehind
        self._on_lag(max((work.now - replayed_at).total_seconds(), 0.0))
        return deed(replace(work, now=min(work.now, replayed_at)))
