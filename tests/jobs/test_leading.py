"""Protects that of all processes that could run jobs one does, and that another follows it when it is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select, text

from jobs.__main__ import keep_leading, make_scheduler, wait_until_ready
from jobs.leading import KEY, AdvisoryLock, FileLock, Leadership, leadership_of
from jobs.schedule import JOBS, Done, Errand, Job, Means, at, each_day
from models.jobs import JobOutcome, JobRun
from rules.database import connect
from rules.jobs.terms import begin_term
from rules.keys import generate
from rules.keys import read as read_keys
from rules.work import SYSTEM, Transactions
from tests.build import fresh_key
from tests.conftest import Databases
from tests.ledger.scribe import add_town


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.make()


@pytest.fixture
def two(url: str, tmp_path: Path) -> Iterator[tuple[Leadership, Leadership]]:
    """Two processes' ways to lead on one database."""
    pair = leadership_of(url, tmp_path), leadership_of(url, tmp_path)
    yield pair
    for each in pair:
        each.give_up()


@pytest.fixture
def units(url: str) -> Iterator[Transactions]:
    units = Transactions(connect(url))
    yield units
    units.engine.dispose()


def test_one_leads_and_another_only_when_it_gives_up(two: tuple[Leadership, Leadership]) -> None:
    one, other = two
    assert not one.is_held()
    assert one.take()
    assert not other.take()
    assert (one.is_held(), other.is_held()) == (True, False)
    one.give_up()
    assert other.take()
    assert (one.is_held(), other.is_held()) == (False, True)
    assert not one.take()


def test_who_leads_one_database_may_lead_another(
    two: tuple[Leadership, Leadership], databases: Databases, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    elsewhere = leadership_of(databases.make(), tmp_path / "elsewhere")
    assert two[0].take()
    assert elsewhere.take()
    elsewhere.give_up()


def test_a_leader_whose_session_is_gone_leads_no_longer_and_another_follows(
    postgresql_databases: Databases, tmp_path: Path
) -> None:
    url = postgresql_databases.make()
    one, other = AdvisoryLock(url), AdvisoryLock(url)
    assert one.take()
    end_sessions_with_the_lock(url)
    assert not one.is_held()
    assert other.take()
    one.give_up()
    assert not one.take()
    other.give_up()


def end_sessions_with_the_lock(url: str) -> None:
    engine = connect(url)
    holders = text(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_locks WHERE locktype = 'advisory' "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND (classid::bigint << 32) + objid::bigint = :key"
    )
    with engine.connect() as connection:
        assert connection.scalar(holders, {"key": KEY}) == 1
    engine.dispose()


def test_a_database_that_is_gone_has_no_leader() -> None:
    leadership = AdvisoryLock("postgresql+psycopg://postgres@127.0.0.1:1/none")
    assert not leadership.take()
    assert not leadership.is_held()


def test_a_lock_file_is_beside_the_database_and_may_stay_there(tmp_path: Path) -> None:
    one = leadership_of("sqlite:////tmp/anything.sqlite", tmp_path)
    assert isinstance(one, FileLock)
    assert one.take()
    one.give_up()
    assert [path.name for path in tmp_path.iterdir()] == ["scheduler.lock"]
    assert one.take()
    one.give_up()


class Counting:
    """A leadership that is held for some looks, and then lost; when it was lost for good, it is time to stop."""

    def __init__(self, stop: threading.Event, terms: list[int]) -> None:
        self.stop, self.terms, self.given_up = stop, terms, 0

    def take(self) -> bool:
        return True

    def is_held(self) -> bool:
        self.terms[0] -= 1
        return self.terms[0] >= 0

    def give_up(self) -> None:
        self.given_up += 1
        self.terms.pop(0)
        if not self.terms:
            self.stop.set()


def test_who_loses_the_lead_stops_its_scheduler_and_tries_again(
    units: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedulers = []

    def note(means: Means, jobs: Sequence[Job]) -> object:
        scheduler = make_scheduler(means, jobs)
        schedulers.append(scheduler)
        return scheduler

    monkeypatch.setattr("jobs.__main__.make_scheduler", note)
    monkeypatch.setattr("jobs.__main__.LOOK_SECONDS", 0.01)
    stop = threading.Event()
    leadership = Counting(stop, [2, 0])
    keep_leading(Means(units, read_keys(generate())), leadership, stop)
    assert leadership.given_up == 2
    assert [scheduler.running for scheduler in schedulers] == [False, False]


def test_who_finds_that_another_term_has_begun_lets_go(units: Transactions, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the lock failed: both believe that they hold it."""
    monkeypatch.setattr("jobs.__main__.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("jobs.__main__.SAY_SECONDS", 0.0)
    stop = threading.Event()

    class Shared:
        def take(self) -> bool:
            return True

        def is_held(self) -> bool:
            units.write(0, SYSTEM, begin_term)
            return True

        def give_up(self) -> None:
            stop.set()

    leading = threading.Thread(target=keep_leading, args=(Means(units, read_keys(generate())), Shared(), stop, []))
    leading.start()
    has_let_go = stop.wait(5)
    stop.set()
    leading.join(10)
    assert has_let_go


def test_what_does_not_end_keeps_nobody_from_leading_again_and_is_overtaken(
    units: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.__main__.LOOK_SECONDS", 0.01)
    units.write(0, SYSTEM, add_town, fresh_key())
    may_end, is_over, stop = threading.Event(), threading.Event(), threading.Event()
    writes: list[str] = []

    def hang_the_first_time(errand: Errand) -> Done:
        if writes:
            stop.set()
            return Done(JobOutcome.OK, {})
        writes.append("begun")
        may_end.wait(10)
        try:
            errand.transactions.write(errand.town_id, SYSTEM, lambda _: writes.append("written"))
        finally:
            is_over.set()
        raise AssertionError("it was overtaken")

    class LostOnce(Counting):
        def is_held(self) -> bool:
            return not writes if len(self.terms) > 1 else True

        def give_up(self) -> None:
            self.terms.pop(0)

    job = Job("hangs", at(hour=3, minute=30), each_day, hang_the_first_time)
    leading = threading.Thread(
        target=keep_leading, args=(Means(units, read_keys(generate())), LostOnce(stop, [0, 0]), stop, [job])
    )
    leading.start()
    has_led_again = stop.wait(10)
    stop.set()
    may_end.set()
    leading.join(10)
    assert is_over.is_set(), "who is asked to stop lets it end"
    runs = units.read(0, SYSTEM, lambda work: work.core.execute(select(JobRun.attempts, JobRun.outcome)).all())
    assert (has_led_again, writes, runs) == (True, ["begun"], [(2, JobOutcome.OK)])


def test_the_scheduler_has_every_job_runs_none_twice_at_once_and_forgives_a_delay(units: Transactions) -> None:
    scheduler = make_scheduler(Means(units, read_keys(generate())))
    scheduler.start(paused=True)
    there = {job.id: job for job in scheduler.get_jobs()}
    scheduler.shutdown()
    assert set(there) == {job.name for job in JOBS} | {"catch-up", "take-over"}
    for job in there.values():
        assert (job.coalesce, job.max_instances) == (True, 1)
        assert job.misfire_grace_time >= 300
    assert str(there["ledger-audit"].trigger.timezone) == "Asia/Shanghai"


def test_a_database_that_is_not_migrated_is_waited_for(tmp_path: Path, units: Transactions) -> None:
    empty = Transactions(connect(f"sqlite:///{tmp_path / 'empty.sqlite'}"))
    stop = threading.Event()
    waiting = threading.Thread(target=wait_until_ready, args=(empty, stop))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    stop.set()
    waiting.join(10)
    assert not waiting.is_alive()
    empty.engine.dispose()
    wait_until_ready(units, threading.Event())
