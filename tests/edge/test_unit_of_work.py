"""Protects the one place where transactions begin, are tried again, commit or are undone, and the ids made in it."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from blueprints.edge.house import EXTENSION
from models.territory import Operator
from rules.clock import utc_now
from rules.database import connect, is_transient
from rules.errors import Busy, RuleError, StorageFull
from rules.ids import ID_MAX, IdMaker, first_id_at, moment_of, node_from
from rules.work import REPLAYS_MAX, SYSTEM, Transactions, TryAgain, Work
from tests.apps import make_app
from tests.build import ApiClient, TownBuilder, settings_for
from tests.conftest import Databases
from tests.edge.helpers import open_at, problem_of

ROOT = Path(__file__).resolve().parents[2]
COMMIT_SITES = {"rules/work.py"}
SECONDS = 3.0  #: of a request, in these tests' own time


class FakeTime:
    """Time that passes only in pauses, and a little with each look at the clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.pauses.append(seconds)
        self.now += seconds


class Undone(Busy):
    """A refusal of these tests. It has no code of its own, so the product's list of codes stays as it is."""


class Kept(Busy):
    keeps_work = True


@pytest.fixture
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr("rules.work.time", fake)
    return fake


@pytest.fixture
def transactions(database: Transactions, fake_time: FakeTime) -> Transactions:
    """Units of work on the shared database, in these tests' own time, with a node number in hand."""
    units = Transactions(database.engine, request_seconds=SECONDS)
    units.write(0, SYSTEM, lambda work: None)
    return units


def note(work: Work, name: str) -> None:
    """A row that says that a deed was here."""
    work.db.execute(insert(Operator), {"town_id": work.town_id, "id": work.new_id(), "name": name})


def notes(town: TownBuilder) -> set[str]:
    return {row.name for row in town.rows(Operator.name)} - {"测试运营"}


def failure(original: BaseException) -> DBAPIError:
    return OperationalError("SELECT 1", {}, original)


def sqlite_failure(code: int) -> DBAPIError:
    original = sqlite3.OperationalError("database is locked")
    original.sqlite_errorcode = code
    return failure(original)


def state(sqlstate: str) -> DBAPIError:
    return failure(psycopg.errors.lookup(sqlstate)())


# One transaction, one commit


def test_a_deed_that_ends_well_is_committed_once(town: TownBuilder, transactions: Transactions) -> None:
    commits: list[object] = []
    count = commits.append
    event.listen(transactions.engine, "commit", count)
    try:
        answer = transactions.write(town.id, SYSTEM, lambda work: note(work, "here") or "done")
    finally:
        event.remove(transactions.engine, "commit", count)
    assert answer == "done"
    assert len(commits) == 1
    assert notes(town) == {"here"}


def test_a_refusal_undoes_the_work(town: TownBuilder, transactions: Transactions) -> None:
    def deed(work: Work) -> None:
        note(work, "here")
        raise Undone

    before = town.contents()
    with pytest.raises(Undone):
        transactions.write(town.id, SYSTEM, deed)
    assert town.contents() == before


def test_a_refusal_that_keeps_its_work_commits_and_is_still_a_refusal(
    town: TownBuilder, transactions: Transactions
) -> None:
    def deed(work: Work) -> None:
        note(work, "here")
        raise Kept

    with pytest.raises(Kept):
        transactions.write(town.id, SYSTEM, deed)
    assert notes(town) == {"here"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, AssertionError])
def test_any_other_error_undoes_the_work_and_leaves_as_it_is(
    town: TownBuilder, transactions: Transactions, error: type[BaseException]
) -> None:
    calls = []

    def deed(work: Work) -> None:
        calls.append(1)
        note(work, "here")
        raise error

    with pytest.raises(error):
        transactions.write(town.id, SYSTEM, deed)
    assert notes(town) == set()
    assert len(calls) == 1
    assert transactions.write(town.id, SYSTEM, lambda work: work.town_id) == town.id


def test_a_deed_that_gives_way_is_undone_and_run_anew_at_once(
    town: TownBuilder, transactions: Transactions, fake_time: FakeTime
) -> None:
    seen = []

    def deed(work: Work) -> str:
        seen.append((work.now, work.town_id, work.actor))
        note(work, f"try {len(seen)}")
        if len(seen) < 3:
            raise TryAgain
        return "won"

    assert transactions.write(town.id, SYSTEM, deed) == "won"
    assert notes(town) == {"try 3"}
    assert len(set(seen)) == 1
    assert fake_time.pauses == []


def test_a_deed_that_gives_way_for_ever_is_answered_busy(town: TownBuilder, transactions: Transactions) -> None:
    calls = []

    def deed(work: Work) -> None:
        calls.append(1)
        raise TryAgain

    with pytest.raises(Busy):
        transactions.write(town.id, SYSTEM, deed)
    assert len(calls) == 1 + REPLAYS_MAX


# What is tried again

TRANSIENT: dict[str, Callable[[], DBAPIError]] = {
    "serialization failure": lambda: state("40001"),
    "deadlock": lambda: state("40P01"),
    "lock not had in time": lambda: state("55P03"),
    "shutdown by the admin": lambda: state("57P01"),
    "crash": lambda: state("57P02"),
    "starting up": lambda: state("57P03"),
    "connection failure": lambda: state("08006"),
    "connection refused by the server": lambda: state("08004"),
    "a standby": lambda: state("25006"),
    "never reached": lambda: failure(psycopg.OperationalError("connection refused")),
    "connecting took too long": lambda: failure(psycopg.errors.ConnectionTimeout("connection timeout expired")),
    "connection lost": lambda: OperationalError("", {}, psycopg.OperationalError(), connection_invalidated=True),
    "SQLite busy": lambda: sqlite_failure(sqlite3.SQLITE_BUSY),
    "SQLite busy with a snapshot": lambda: sqlite_failure(sqlite3.SQLITE_BUSY_SNAPSHOT),
    "SQLite locked": lambda: sqlite_failure(sqlite3.SQLITE_LOCKED),
}
LASTING: dict[str, Callable[[], DBAPIError]] = {
    "a unique key": lambda: IntegrityError("", {}, psycopg.errors.lookup("23505")()),
    "a CHECK": lambda: IntegrityError("", {}, psycopg.errors.lookup("23514")()),
    "a syntax error": lambda: ProgrammingError("", {}, psycopg.errors.lookup("42601")()),
    "a full disk": lambda: state("53100"),
    "SQLite's unique key": lambda: IntegrityError("", {}, sqlite3.IntegrityError("UNIQUE constraint failed")),
    "SQLite has no such table": lambda: sqlite_failure(sqlite3.SQLITE_ERROR),
    "SQLite is full": lambda: sqlite_failure(sqlite3.SQLITE_FULL),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_a_passing_trouble_is_tried_again_as_a_whole_at_the_same_moment(
    town: TownBuilder, transactions: Transactions, fake_time: FakeTime, name: str
) -> None:
    moments = []

    def deed(work: Work) -> str:
        moments.append(work.now)
        note(work, f"try {len(moments)}")
        if len(moments) < 4:
            raise TRANSIENT[name]()
        return "done"

    assert transactions.write(town.id, SYSTEM, deed) == "done"
    assert notes(town) == {"try 4"}
    assert len(set(moments)) == 1
    assert len(fake_time.pauses) == 3
    assert all(0 < pause <= 1 for pause in fake_time.pauses)


#: Those that are told as what they are: 503 `server.storage_full`.
FULL = ("a full disk", "SQLite is full")


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_trouble_is_not_tried_again(
    town: TownBuilder, transactions: Transactions, fake_time: FakeTime, name: str
) -> None:
    calls = []

    def deed(work: Work) -> None:
        calls.append(1)
        note(work, "here")
        raise LASTING[name]()

    with pytest.raises(StorageFull if name in FULL else DBAPIError):
        transactions.write(town.id, SYSTEM, deed)
    assert len(calls) == 1
    assert fake_time.pauses == []
    assert notes(town) == set()


def test_when_the_time_is_up_the_answer_is_busy(
    town: TownBuilder, transactions: Transactions, fake_time: FakeTime
) -> None:
    calls = []

    def deed(work: Work) -> None:
        calls.append(1)
        raise state("40001")

    began = fake_time.now
    with pytest.raises(Busy):
        transactions.write(town.id, SYSTEM, deed)
    assert len(calls) > 2
    assert fake_time.now - began == pytest.approx(SECONDS, abs=0.2)
    assert notes(town) == set()


def test_a_pool_without_a_free_connection_is_busy_at_once(
    town: TownBuilder, transactions: Transactions, fake_time: FakeTime
) -> None:
    def deed(work: Work) -> None:
        raise PoolTimeout("QueuePool limit reached")

    with pytest.raises(Busy):
        transactions.write(town.id, SYSTEM, deed)
    assert fake_time.pauses == []


def test_busy_at_the_edge_is_503_with_the_time_to_come_back(
    api: ApiClient, database: Transactions, monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime
) -> None:
    def fail(_work: Work) -> None:
        raise state("57P01")

    monkeypatch.setattr(database, "_node_until", fake_time.now + 3600)
    monkeypatch.setattr("rules.territory.list_communities", fail)
    answer = api.get("/communities")
    problem_of(answer, 503, "server.busy")
    assert int(answer.headers["Retry-After"]) >= 1
    assert "57P01" not in answer.text


def test_who_waits_longer_than_its_time_for_the_one_writer_of_sqlite_is_answered_busy(
    sqlite_databases: Databases,
) -> None:
    units = Transactions(connect(sqlite_databases.make()), request_seconds=0.2)
    inside, may_end = threading.Event(), threading.Event()

    def stay(_work: Work) -> None:
        inside.set()
        assert may_end.wait(20)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(units.write, 0, SYSTEM, stay)
        assert inside.wait(10)
        second = pool.submit(units.write, 0, SYSTEM, lambda work: None)
        try:
            with pytest.raises(Busy):
                second.result(timeout=8)
        finally:
            may_end.set()
            first.result()
    units.engine.dispose()


# The database itself


def test_a_connection_that_is_cut_in_the_middle_is_replaced(
    postgresql_databases: Databases, fake_time: FakeTime
) -> None:
    units = Transactions(connect(postgresql_databases.make()), request_seconds=SECONDS)
    backends = []

    def deed(work: Work) -> int:
        backends.append(work.db.scalar(text("SELECT pg_backend_pid()")))
        work.db.execute(text("UPDATE node_counter SET handed_out = handed_out + 100"))
        if len(backends) == 1:
            work.db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return work.db.scalar(text("SELECT handed_out FROM node_counter")) or 0

    before = units.read(0, SYSTEM, lambda work: work.db.scalar(text("SELECT handed_out FROM node_counter")))
    assert units.write(0, SYSTEM, deed) == before + 100
    assert len(set(backends)) == 2
    units.engine.dispose()


def test_reading_work_cannot_write_on_postgresql(postgresql_databases: Databases, fake_time: FakeTime) -> None:
    units = Transactions(connect(postgresql_databases.make()), request_seconds=SECONDS)
    question = text("SELECT handed_out FROM node_counter")
    before = units.read(0, SYSTEM, lambda work: work.db.scalar(question))
    with pytest.raises((DBAPIError, RuleError)):
        units.read(0, SYSTEM, lambda work: work.db.execute(text("UPDATE node_counter SET handed_out = 0")))
    assert units.read(0, SYSTEM, lambda work: work.db.scalar(question)) == before
    assert units.read(0, SYSTEM, lambda work: work.db.scalar(text("SHOW transaction_read_only"))) == "on"
    assert units.write(0, SYSTEM, lambda work: work.db.scalar(text("SHOW transaction_read_only"))) == "off"
    units.engine.dispose()


def test_units_of_work_keep_their_engines_manners(town: TownBuilder, database: Transactions) -> None:
    if database.engine.dialect.name == "sqlite":
        manners = ("PRAGMA journal_mode", "PRAGMA synchronous", "PRAGMA foreign_keys")
        expected = ["wal", 2, 1]
    else:
        manners = ("SHOW transaction_isolation", "SHOW lock_timeout", "SHOW timezone", "SHOW jit")
        expected = ["read committed", "5s", "UTC", "off"]

    def deed(work: Work) -> list[Any]:
        return [work.db.scalar(text(manner)) for manner in manners]

    assert database.write(town.id, SYSTEM, deed) == database.read(town.id, SYSTEM, deed) == expected


UNREACHABLE = {
    "a port where nobody listens": "postgresql+psycopg://postgres@127.0.0.1:1/none",
    "a socket that isn't there": "postgresql+psycopg://postgres@/none?host={folder}",
    "a folder that isn't there": "sqlite:///{folder}/no/such/folder/binfen.sqlite",
    "a folder in its place": "sqlite:///{folder}",
}


@pytest.fixture
def gone(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application whose database can't be reached."""
    url = UNREACHABLE[request.param].format(folder=tmp_path)
    app = make_app(settings_for(url, tmp_path / "instance", request_seconds=0.3))
    yield app
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.mark.parametrize("gone", UNREACHABLE, indirect=True)
def test_a_database_that_is_gone_is_busy_and_tells_nothing_of_itself(gone: Flask) -> None:
    for method, path in (
        ("GET", "/api/v1/communities"),
        ("GET", "/api/v1/activities/1?town=x"),
        ("POST", "/api/v1/auth/staff"),
    ):
        body = {"username": "scanner", "password": "x"} if method == "POST" else None
        answer = open_at(gone, path, method=method, json=body)
        problem_of(answer, 503, "server.busy")
        assert answer.headers["Retry-After"]
        for word in ("sqlite", "postgres", "psycopg", "Error", "127.0.0.1", "/no/such"):
            assert word not in answer.text
    assert open_at(gone, "/healthz").status_code == 200
    ready = open_at(gone, "/readyz")
    assert (ready.status_code, ready.get_json()["database"]) == (503, "unreachable")
    assert open_at(gone, "/openapi.json").status_code == 200


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_passes_is_told_from_what_lasts(name: str) -> None:
    assert is_transient(TRANSIENT[name]())


# Ids


def test_ids_rise_and_never_repeat_across_threads_and_nodes() -> None:
    makers = [IdMaker(1), IdMaker(2)]
    moment = utc_now()

    def make(number: int) -> list[int]:
        return [makers[number % 2].make(moment) for _ in range(10_000)]

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(8)))
    everything = [id_ for ids in made for id_ in ids]
    assert len(set(everything)) == len(everything) == 80_000
    assert all(earlier < later for ids in made for earlier, later in pairwise(ids))
    assert all(0 < id_ <= ID_MAX for id_ in everything)


def test_ids_rise_when_the_clock_steps_back() -> None:
    maker, now = IdMaker(7), utc_now()
    steps = [timedelta(0), timedelta(seconds=-30), timedelta(hours=-1), timedelta(milliseconds=1), timedelta(days=-400)]
    made = [maker.make(now + step) for step in steps * 3000]
    assert made == sorted(set(made))


def test_an_id_tells_its_millisecond_and_two_nodes_never_make_the_same() -> None:
    moment = datetime(2026, 5, 1, 9, 0, 0, 123_000, tzinfo=UTC)
    ids = {IdMaker(node).make(moment) for node in range(1, 1024)}
    assert len(ids) == 1023
    assert {moment_of(id_) for id_ in ids} == {moment}
    assert min(ids) >= first_id_at(moment)
    assert max(ids) < first_id_at(moment + timedelta(milliseconds=1))


def test_node_numbers_fit_their_bits_and_leave_zero_alone() -> None:
    numbers = [node_from(handed_out) for handed_out in range(1, 3000)]
    assert set(numbers) == set(range(1, 1024))
    assert all(len(set(numbers[at : at + 1023])) == 1023 for at in range(0, 1900, 100))


def test_two_processes_of_one_database_take_different_nodes(database: Transactions, town: TownBuilder) -> None:
    both = [Transactions(database.engine) for _ in range(2)]
    made = [unit.write(town.id, SYSTEM, lambda work: [work.new_id() for _ in range(50)]) for unit in both]
    nodes = [{id_ >> 12 & 1023 for id_ in ids} for ids in made]
    assert all(len(node) == 1 for node in nodes)
    assert nodes[0] != nodes[1]


def test_a_node_number_is_taken_anew_after_an_hour(
    town: TownBuilder, transactions: Transactions, fake_time: FakeTime
) -> None:
    def node() -> int:
        return transactions.write(town.id, SYSTEM, lambda work: work.new_id()) >> 12 & 1023

    first = node()
    assert node() == first
    fake_time.now += 3601
    assert node() != first


def test_the_application_commits_in_one_place_only() -> None:
    sources = [path for floor in ("rules", "blueprints", "jobs") for path in (ROOT / floor).rglob("*.py")]
    assert len(sources) > 40
    sites = {str(path.relative_to(ROOT)) for path in sources if re.search(r"\.\s*commit\s*\(", path.read_text())}
    assert sites == COMMIT_SITES


def test_a_row_that_was_written_is_read_by_the_next_unit_of_work(town: TownBuilder, database: Transactions) -> None:
    database.write(town.id, SYSTEM, note, "seen")
    names = select(Operator.name).where(Operator.town_id == town.id)
    assert "seen" in database.read(town.id, SYSTEM, lambda work: list(work.db.scalars(names)))
