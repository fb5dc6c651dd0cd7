"""Many callers at once, from several processes that are started once for a whole module and keep their applications."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from blueprints.edge.house import EXTENSION, House
from rules.work import Transactions
from tests.apps import make_app
from tests.build import settings_for
from tests.races import FRESH_PROCESSES

DEADLOCK = "40P01"
_app: Flask | None = None
_deadlocks = 0


@dataclass(frozen=True)
class Answers:
    """What the callers were told, and how often the database had to break a deadlock."""

    all: list[Any]
    deadlocks: int


@dataclass(frozen=True)
class Fault:
    """What a deed raised, in words: not every error finds its way from one process to another."""

    words: str


@dataclass(frozen=True)
class Crowd:
    """Processes with an application each, on one database."""

    house: House
    processes: int
    pool: ProcessPoolExecutor

    def call(self, deed: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], *, threads: int = 13) -> Answers:
        """Call `deed(app, *job)` for every job. `deed` must be a function of a module."""
        shares = [list(jobs[n :: self.processes]) for n in range(self.processes)]
        done = list(self.pool.map(_run_share, [deed] * len(shares), shares, [threads] * len(shares)))
        faults = [answer for answers, _ in done for answer in answers if isinstance(answer, Fault)]
        assert not faults, faults
        return Answers(list(chain.from_iterable(answers for answers, _ in done)), sum(count for _, count in done))


@contextmanager
def crowd_of(processes: int, house: House) -> Iterator[Crowd]:
    settings = house.settings
    with ProcessPoolExecutor(
        processes,
        mp_context=FRESH_PROCESSES,
        initializer=_make_app,
        initargs=(settings.database_url, settings.instance_dir),
    ) as pool:
        yield Crowd(house, processes, pool)


def count_deadlocks(transactions: Transactions) -> list[str]:
    """A list that grows by a word for each deadlock that the database breaks from now on."""
    met: list[str] = []

    def note(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == DEADLOCK:
            met.append(DEADLOCK)

    event.listen(transactions.engine, "handle_error", note)
    return met


def _make_app(database_url: str, instance_dir: Any) -> None:
    global _app  # noqa: PLW0603  one application for each process, as in production
    _app = make_app(settings_for(database_url, instance_dir, log_level="ERROR", database_pool_size=20))
    event.listen(_app.extensions[EXTENSION].transactions.engine, "handle_error", _note_deadlock)


def _note_deadlock(context: ExceptionContext) -> None:
    global _deadlocks  # noqa: PLW0603
    _deadlocks += getattr(context.original_exception, "sqlstate", None) == DEADLOCK


def _run_share(deed: Callable[..., Any], share: list[tuple[Any, ...]], threads: int) -> tuple[list[Any], int]:
    before = _deadlocks
    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(lambda job: _run(deed, job), share))
    return answers, _deadlocks - before


def _run(deed: Callable[..., Any], job: tuple[Any, ...]) -> Any:
    try:
        return deed(_app, *job)
    except Exception as error:
        return Fault(repr(error))
