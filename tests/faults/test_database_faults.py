"""A database that stands still, and one whose disk is full: what callers are told, and that nothing is half done."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from blueprints.edge.house import EXTENSION
from migrations.upgrade import upgrade
from models.activities import Session
from models.idempotency import IdempotencyRecord
from models.reservations import Reservation
from rules import waiting
from rules.database import connect
from rules.work import SYSTEM, Work
from tests.apps import make_app
from tests.build import ApiClient, Person, TownBuilder, fresh_key, new_town, settings_for
from tests.cluster import DiskUnavailable, Member, cluster, fill, small_disk, wait_until
from tests.conftest import ENGINES, Databases

ANSWER_SECONDS = 0.5
REQUEST_SECONDS = 1.0
TRIES_MAX = 150  #: of writes until a disk that is full is noticed


@dataclass(frozen=True)
class Place:
    """A town in a database of its own, on a disk that can be full."""

    app: Flask
    town: TownBuilder
    disk: Path
    server: Member | None = None

    def reserve(self, resident: Person, session_id: int, key: str) -> TestResponse:
        api = ApiClient(self.app, self.town).as_(resident)
        return api.post(f"/sessions/{session_id}/reservations", {"party_size": 1}, key=key)


def place_at(url: str, folder: Path, disk: Path, server: Member | None = None) -> Place:
    folder.mkdir(exist_ok=True)
    app = make_app(settings_for(url, folder, log_level="CRITICAL", request_seconds=REQUEST_SECONDS))
    return Place(app, new_town(app.extensions[EXTENSION]), disk, server)


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A small disk, or where none can be had a folder.

    Not in pytest's folder: its root is closed to all other users anew whenever another run begins.
    """
    with tempfile.TemporaryDirectory(prefix="binfen-disk-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server's user passes through
        try:
            with small_disk(folder / "disk", 128) as small:
                yield small
        except DiskUnavailable:
            yield folder


@pytest.fixture(scope="module")
def on_postgresql(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server whose tables lie on the disk, and its log of writes elsewhere, as it should be kept."""
    with cluster() as servers:
        log = servers.folder / "first" / "wal"
        server = servers.primary("--wal-segsize=1", "-X", str(log), data=disk / "data", settings="-c fsync=off")
        server.say("CREATE DATABASE town")
        url = server.url_of("town")
        engine = connect(url)
        upgrade(engine)
        engine.dispose()
        place = place_at(url, tmp_path_factory.mktemp("instance"), disk, server)
        yield place
        place.town.database.engine.dispose()


@pytest.fixture(scope="module")
def on_sqlite(disk: Path, sqlite_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    copied = Path(sqlite_databases.make().removeprefix("sqlite:///"))
    file = disk / "town.sqlite"
    file.write_bytes(copied.read_bytes())
    place = place_at(f"sqlite:///{file}", tmp_path_factory.mktemp("instance"), disk)
    yield place
    place.town.database.engine.dispose()


@pytest.fixture
def frozen(on_postgresql: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A town whose database worked a moment ago, and says nothing now."""
    monkeypatch.setattr(waiting, "ANSWER_SECONDS", ANSWER_SECONDS)
    monkeypatch.setattr(waiting, "PING_SECONDS", ANSWER_SECONDS)
    server = on_postgresql.server
    assert server is not None
    on_postgresql.town.rows(Session)
    server.freeze()
    yield on_postgresql
    server.thaw()
    wait_until(server.is_up, "the server doesn't go on")


def test_a_database_that_says_nothing_is_given_up_and_the_answer_is_busy(frozen: Place) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ApiClient(frozen.app, frozen.town).get("/activities"), range(8)))
    assert [answer.status_code for answer in answers] == [503] * 8
    assert {answer.json["code"] for answer in answers} == {"server.busy"}
    assert all("Retry-After" in answer.headers for answer in answers)
    # A try that begins within the time may wait for an answer, and once for a connection, which libpq gives 2 seconds.
    assert time.monotonic() - began < REQUEST_SECONDS + 2 * ANSWER_SECONDS + 4


def test_without_a_limit_of_our_own_it_would_be_waited_for(frozen: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ANSWER_SECONDS", None)
    monkeypatch.setattr(waiting, "PING_SECONDS", None)
    server = frozen.server
    assert server is not None
    server.thaw()
    wait_until(server.is_up, "the server doesn't go on")
    ApiClient(frozen.app, frozen.town).get("/activities")
    began, in_it = threading.Event(), threading.Event()

    def deed(work: Work) -> Any:
        began.set()
        in_it.wait(10)
        return work.core.scalar(select(1))

    with ThreadPoolExecutor(1) as pool:
        waiting_for_it: Future[Any] = pool.submit(frozen.town.database.read, frozen.town.id, SYSTEM, deed)
        began.wait(10)
        server.freeze()
        in_it.set()
        time.sleep(REQUEST_SECONDS + 2 * ANSWER_SECONDS)
        assert not waiting_for_it.done(), "longer than the request may take"
        server.thaw()
        assert waiting_for_it.result(10) == 1


def test_a_survey_waits_for_a_database_that_stands_still(frozen: Place) -> None:
    server = frozen.server
    assert server is not None
    server.thaw()
    wait_until(server.is_up, "the server doesn't go on")

    def deed(work: Work) -> Any:
        server.freeze()
        threading.Timer(3 * ANSWER_SECONDS, server.thaw).start()
        return work.core.scalar(select(1))

    assert frozen.town.database.survey(frozen.town.id, SYSTEM, deed) == 1


def effects(town: TownBuilder) -> list[list[Any]]:
    return [town.rows(table) for table in (Session.taken, Reservation.id, IdempotencyRecord.key)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_full_disk_is_said_changes_nothing_and_is_over_when_there_is_room(
    engine: str, disk: Path, request: pytest.FixtureRequest
) -> None:
    if not disk.is_mount():
        pytest.skip("a small disk can't be mounted here")
    place: Place = request.getfixturevalue(f"on_{engine}")
    session_id = place.town.session(capacity=10 * TRIES_MAX)
    residents = [place.town.resident() for _ in range(TRIES_MAX)]
    if engine == "sqlite":
        with closing(sqlite3.connect(disk / "town.sqlite")) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # room in the log of writes would be used first
    ballast = fill(disk)
    try:
        confirmed, refused, key, resident = 0, None, "", residents[0]
        for resident in residents:
            before, key = effects(place.town), fresh_key()
            answer = place.reserve(resident, session_id, key)
            if answer.status_code != 201:
                refused = answer
                break
            confirmed += 1
        assert refused is not None, "the disk isn't full"
        assert (refused.status_code, refused.json["code"]) == (503, "server.storage_full"), refused.text
        assert "Retry-After" in refused.headers
        assert effects(place.town) == before, "what was begun is undone"
        assert ApiClient(place.app, place.town).as_(residents[0]).get("/me/points").status_code == 200, (
            "reading goes on"
        )
    finally:
        ballast.unlink()
    assert place.reserve(resident, session_id, key).status_code == 201, "under the same key, once there is room"
    taken = [session.taken for (session,) in place.town.rows(Session, id=session_id)]
    assert taken == [confirmed + 1]
