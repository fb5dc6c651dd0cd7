"""Protects that a job runs once for a slot, whoever wakes up for it, and again only when nothing came of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import insert, update

from models.jobs import JobOutcome, JobRun
from models.residents import Resident
from rules.clock import utc_now
from rules.jobs.runs import (
    ABANDONED_AFTER,
    ATTEMPTS_MAX,
    Run,
    RunLost,
    RunTransactions,
    claim_run,
    finish_run,
    give_up_orphans,
    list_orphans,
    list_runs,
)
from rules.jobs.terms import begin_term, keep_term
from rules.work import SYSTEM, Work
from tests.build import TownBuilder, new_town
from tests.jobs.helpers import due_for
from tests.races import from_threads

NOON = datetime.fromisoformat("2026-11-23T12:00:00+08:00")
SECOND = timedelta(seconds=1)


def claim(town: TownBuilder, slot: str = "2026-11-23", job: str = "a-job", **how: Any) -> bool:
    return take(town, slot, job, **how) is not None


def take(town: TownBuilder, slot: str = "2026-11-23", job: str = "a-job", **how: Any) -> Run | None:
    return town.database.write(town.id, SYSTEM, claim_run, due_for(job, slot), **how)


def finish(town: TownBuilder, outcome: JobOutcome, slot: str = "2026-11-23", **result: Any) -> bool:
    [(attempts,)] = town.rows(JobRun.attempts, job="a-job", slot=slot)
    return town.database.write(town.id, SYSTEM, finish_run, Run(town.id, "a-job", slot, attempts), outcome, result)


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


def test_of_two_that_ran_one_slot_the_one_that_claimed_last_is_recorded(town: TownBuilder) -> None:
    with time_machine.travel(NOON, tick=False):
        first = take(town)
    with time_machine.travel(NOON + ABANDONED_AFTER, tick=False):
        second = take(town)
        said = [
            town.database.write(town.id, SYSTEM, finish_run, run, JobOutcome.OK, {"attempt": run.attempt})
            for run in (first, second, first)
            if run is not None
        ]
    assert said == [False, True, False]
    assert the_run(town).result == {"attempt": 2}


# Terms and fences


def test_what_a_dead_leader_left_unfinished_is_taken_up_at_once_and_nothing_else(town: TownBuilder) -> None:
    begin = lambda: town.database.write(0, SYSTEM, begin_term)  # noqa: E731
    old = begin()
    with time_machine.travel(NOON, tick=False):
        assert claim(town, "ended", term=old)
        finish(town, JobOutcome.OK, "ended")
        assert claim(town, "left", term=old)
        assert claim(town, "by-hand")
        assert not claim(town, "left", term=old), "its own run isn't an earlier leader's"
        new = begin()
        assert new > old
        orphans = town.database.read(town.id, SYSTEM, list_orphans, new)
        assert [(row.job, row.slot, row.due_at) for row in orphans] == [("a-job", "left", NOON)]
        assert claim(town, "left", term=new)
        assert not claim(town, "left", term=new)
        assert not claim(town, "by-hand", term=new), "who runs it by hand has an hour"
        assert not claim(town, "ended", term=new)
    assert town.database.read(town.id, SYSTEM, list_orphans, new) == []


def test_a_leader_of_an_earlier_term_claims_nothing_any_more(town: TownBuilder) -> None:
    old = town.database.write(0, SYSTEM, begin_term)
    assert claim(town, "before", term=old)
    assert town.database.write(0, SYSTEM, keep_term, old)
    new = town.database.write(0, SYSTEM, begin_term)
    assert not town.database.write(0, SYSTEM, keep_term, old)
    assert not claim(town, "after", term=old)
    assert town.rows(JobRun.slot, slot="after") == []
    assert claim(town, "after", term=new)


def test_a_leader_of_an_earlier_term_gives_nothing_up_any_more(town: TownBuilder) -> None:
    first, old, new = (town.database.write(0, SYSTEM, begin_term) for _ in range(3))
    left = {"town_id": town.id, "job": "a-job", "slot": "left", "started_at": NOON, "due_at": NOON}
    left |= {"attempts": ATTEMPTS_MAX, "term": first}
    town.act(None, lambda work: work.core.execute(insert(JobRun), left))
    assert town.database.write(town.id, SYSTEM, give_up_orphans, old) == 0
    assert town.database.write(town.id, SYSTEM, give_up_orphans, new) == 1


def test_a_term_begins_when_what_the_one_before_is_claiming_is_there(town: TownBuilder) -> None:
    """So whoever leads next sees a claim, or the claim is refused."""
    old = town.database.write(0, SYSTEM, begin_term)
    is_claiming, order = threading.Event(), []

    def claim_slowly(work: Work) -> None:
        assert claim_run(work, due_for("a-job", "2026-11-23"), term=old)
        is_claiming.set()
        time.sleep(0.2)
        order.append("claim")

    with ThreadPoolExecutor(2) as pool:
        claimed = pool.submit(town.database.write, town.id, SYSTEM, claim_slowly)
        assert is_claiming.wait(10)
        begun = pool.submit(lambda: (town.database.write(0, SYSTEM, begin_term), order.append("term")))
        claimed.result(10)
        begun.result(10)
    assert order == ["claim", "term"]


@pytest.mark.parametrize("is_fenced", [True, False])
def test_a_run_that_was_taken_over_writes_nothing_more(town: TownBuilder, is_fenced: bool) -> None:
    """Without the fence (the control arm) the one that stood still writes as well."""
    resident = town.resident()
    old = town.database.write(0, SYSTEM, begin_term)
    run = take(town, term=old)
    assert run is not None
    own = RunTransactions(town.database, run) if is_fenced else town.database
    names = update(Resident).where(Resident.town_id == town.id, Resident.id == resident.id)

    def say(name: str) -> None:
        own.write(town.id, SYSTEM, lambda work: work.core.execute(names.values(name=name)))

    say("before")
    assert claim(town, term=town.database.write(0, SYSTEM, begin_term))
    if is_fenced:
        with pytest.raises(RunLost):
            say("after")
    else:
        say("after")
    assert town.rows(Resident.name) == [("before" if is_fenced else "after",)]
    assert own.read(town.id, SYSTEM, lambda work: work.town_id) == town.id, "to read does no harm"


def test_who_takes_a_run_over_waits_for_what_it_is_writing(town: TownBuilder) -> None:
    """So what the old run has begun to write is there when the new one begins, and nothing comes after."""
    run = take(town, term=town.database.write(0, SYSTEM, begin_term))
    assert run is not None
    new = town.database.write(0, SYSTEM, begin_term)
    is_writing, order = threading.Event(), []

    def write_slowly(work: Work) -> None:
        is_writing.set()
        time.sleep(0.2)
        order.append("old")

    with ThreadPoolExecutor(2) as pool:
        written = pool.submit(RunTransactions(town.database, run).write, town.id, SYSTEM, write_slowly)
        assert is_writing.wait(10)
        taken = pool.submit(lambda: (claim(town, term=new), order.append("new")))
        written.result(10)
        assert taken.result(10)[0]
    assert order == ["old", "new"]


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
