"""Protects that a job runs once for a slot, whoever wakes up for it, and again only when nothing came of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from models.jobs import JobOutcome, JobRun
from rules.clock import utc_now
from rules.jobs import ABANDONED_AFTER, ATTEMPTS_MAX, claim_run, finish_run, list_runs
from rules.work import SYSTEM
from tests.build import TownBuilder, new_town
from tests.races import from_threads

NOON = datetime.fromisoformat("2026-11-23T12:00:00+08:00")
SECOND = timedelta(seconds=1)


def claim(town: TownBuilder, slot: str = "2026-11-23", job: str = "a-job", **limit: int) -> bool:
    return town.database.write(town.id, SYSTEM, claim_run, job, slot, **limit)


def finish(town: TownBuilder, outcome: JobOutcome, slot: str = "2026-11-23", **result: Any) -> None:
    town.database.write(town.id, SYSTEM, finish_run, "a-job", slot, outcome, result)


def the_run(town: TownBuilder) -> Any:
    [(run,)] = town.rows(JobRun)
    return run


def test_who_comes_first_runs_it_and_who_comes_second_does_not(town: TownBuilder) -> None:
    assert claim(town)
    assert not claim(town)
    run = the_run(town)
    assert (run.attempts, run.finished_at, run.outcome, run.result) == (1, None, None, None)


def test_of_many_who_wake_up_at_once_one_runs_it(town: TownBuilder) -> None:
    claims = from_threads(lambda _: claim(town), [(n,) for n in range(20)], threads=10)
    assert Counter(claims) == {True: 1, False: 19}


def test_another_slot_another_job_and_another_town_are_other_runs(town: TownBuilder) -> None:
    assert claim(town)
    assert claim(town, "2026-11-24")
    assert claim(town, job="another-job")
    assert claim(new_town(town.house))


def test_what_came_of_it_is_recorded_and_it_does_not_run_again(town: TownBuilder) -> None:
    with time_machine.travel(NOON, tick=False):
        claim(town)
    with time_machine.travel(NOON + SECOND, tick=False):
        finish(town, JobOutcome.OK, points=5)
    run = the_run(town)
    assert (run.outcome, run.result, run.started_at, run.finished_at) == (
        JobOutcome.OK,
        {"points": 5},
        NOON,
        NOON + SECOND,
    )
    with time_machine.travel(NOON + 10 * ABANDONED_AFTER, tick=False):
        assert not claim(town)


def test_a_run_that_failed_may_run_again_and_the_attempt_is_counted(town: TownBuilder) -> None:
    claim(town)
    finish(town, JobOutcome.FAILED, error="Busy")
    assert claim(town)
    assert not claim(town), "it runs"
    run = the_run(town)
    assert (run.attempts, run.finished_at, run.outcome, run.result) == (2, None, None, None)
    finish(town, JobOutcome.OK)
    assert the_run(town).outcome is JobOutcome.OK


def test_of_many_who_take_up_a_failed_run_one_gets_it(town: TownBuilder) -> None:
    claim(town)
    finish(town, JobOutcome.FAILED)
    claims = from_threads(lambda _: claim(town), [(n,) for n in range(20)], threads=10)
    assert Counter(claims) == {True: 1, False: 19}
    assert the_run(town).attempts == 2


def test_a_run_that_fails_again_and_again_is_left_alone_unless_somebody_insists(town: TownBuilder) -> None:
    for _ in range(ATTEMPTS_MAX):
        assert claim(town)
        finish(town, JobOutcome.FAILED)
    assert not claim(town)
    assert claim(town, attempts_max=ATTEMPTS_MAX + 1)


def test_a_run_that_never_finished_is_taken_up_when_it_counts_as_abandoned_and_not_before(town: TownBuilder) -> None:
    with time_machine.travel(NOON, tick=False):
        claim(town)
    with time_machine.travel(NOON + ABANDONED_AFTER - SECOND, tick=False):
        assert not claim(town)
    with time_machine.travel(NOON + ABANDONED_AFTER, tick=False):
        assert claim(town)
        assert not claim(town)
    run = the_run(town)
    assert (run.attempts, run.started_at) == (2, NOON + ABANDONED_AFTER)


def test_of_two_that_ran_one_slot_the_first_to_finish_is_recorded(town: TownBuilder) -> None:
    with time_machine.travel(NOON, tick=False):
        claim(town)
    with time_machine.travel(NOON + ABANDONED_AFTER, tick=False):
        claim(town)
        finish(town, JobOutcome.OK, by="the one that was taken for gone")
        finish(town, JobOutcome.FAILED, by="the other one")
    assert the_run(town).result == {"by": "the one that was taken for gone"}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_a_walk_through_the_runs_meets_each_once_the_last_started_first(town: TownBuilder, limit: int) -> None:
    for minute, slots in ((0, ["a", "b", "c"]), (1, ["d"]), (2, ["e", "f", "g"])):  # three at one moment
        with time_machine.travel(NOON + timedelta(minutes=minute), tick=False):
            for slot in slots:
                claim(town, slot)
    claim(new_town(town.house))
    seen: list[str] = []
    after = None
    while True:
        page = town.database.read(town.id, SYSTEM, list_runs, None, after, limit)
        seen += [run.slot for run in page.items]
        if page.next_after is None:
            break
        after = page.next_after
    assert seen == ["g", "f", "e", "d", "c", "b", "a"]


def test_the_runs_of_one_job_are_listed_alone(town: TownBuilder) -> None:
    claim(town)
    claim(town, job="another-job")
    page = town.database.read(town.id, SYSTEM, list_runs, "another-job", None, 10)
    assert [run.job for run in page.items] == ["another-job"]
    assert page.items[0].started_at <= utc_now()
