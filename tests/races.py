"""Many callers at once, from several processes: each process has an application of its own on the same database.

The processes are forked from one that has nothing open and has imported everything before: to import it anew took each
of them two seconds.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask
from werkzeug.test import TestResponse

from tests.apps import make_app
from tests.build import TownBuilder, settings_for

PROCESSES = 4
THREADS = 50
TRIES_MAX = 20
BUSY = 503

#: How tests start processes. What is preloaded is imported once, in the process that all others are forked from.
FRESH_PROCESSES = multiprocessing.get_context("forkserver")
FRESH_PROCESSES.set_forkserver_preload(["tests.races", "pytest", "hypothesis.stateful"])

T = TypeVar("T")
_app: Flask | None = None


def from_processes(town: TownBuilder, deed: Callable[..., T], jobs: Sequence[tuple[Any, ...]]) -> list[T]:
    """Call `deed(app, *job)` for every job, from PROCESSES processes with up to THREADS threads each.

    `deed` must be a function of a module, so that a new process can find it.
    """
    settings = town.house.settings
    shares = [list(jobs[n::PROCESSES]) for n in range(PROCESSES)]
    with ProcessPoolExecutor(
        PROCESSES,
        mp_context=FRESH_PROCESSES,
        initializer=_make_app,
        initargs=(settings.database_url, settings.instance_dir),
    ) as pool:
        return list(chain.from_iterable(pool.map(_run_share, [deed] * PROCESSES, shares)))


def from_threads(deed: Callable[..., T], jobs: Sequence[tuple[Any, ...]], threads: int = THREADS) -> list[T]:
    """Call `deed(*job)` for every job, from many threads of this process."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda job: deed(*job), jobs))


def until_answered(call: Callable[[], TestResponse]) -> TestResponse:
    """What a client does: asks again, with the same key, as long as the answer is 503."""
    for _ in range(TRIES_MAX):
        answer = call()
        if answer.status_code != BUSY:
            return answer
    raise AssertionError(f"still busy after {TRIES_MAX} tries")


def _make_app(database_url: str, instance_dir: Path) -> None:
    global _app  # noqa: PLW0603  one application for each process, as in production
    _app = make_app(settings_for(database_url, instance_dir, log_level="ERROR", database_pool_size=THREADS))


def _run_share(deed: Callable[..., T], share: list[tuple[Any, ...]]) -> list[T]:
    return from_threads(lambda *job: deed(_app, *job), share)
