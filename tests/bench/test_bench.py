"""The bench itself, on a town of a few people: a figure that nobody checked is worse than none."""

from __future__ import annotations

import os
import re
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine
from werkzeug.serving import WSGIRequestHandler, make_server

from bench import floors
from bench.__main__ import read_options
from bench.books import book_arms
from bench.doors import RESERVATION, SCAN, count_again, door_arms
from bench.load import AnswerWrong, Arm, WebArm, get
from bench.measuring import Held, Taken, children_of, cpu_seconds, is_statement, memory_of, parent_of
from bench.mixture import mixture
from bench.profiling import summarise
from bench.reads import ACTIVITIES, is_list, read_arms
from bench.results import MemoryLine, Results, TownLine, line_of, load, render, save
from bench.run import floor_arms, floor_of
from bench.serving import ROOT, WORKER
from bench.town import BenchTown, open_doors, settle_in
from models.activities import Activity, Session
from models.residents import Resident, Role
from models.territory import Scene
from rules.ledger.earning import Earning
from rules.ledger.earning_many import earn_many
from rules.ledger.transactions import Cause
from rules.work import Work
from tests.build import TownBuilder, add
from tests.conftest import Databases

PEOPLE = 40
REQUESTS = 8  #: one a connection: the servers of these tests don't keep connections
ABOUT = {
    "made_at": "2026-05-01T08:00:00+00:00",
    "commit": {"commit": "0123456789abcdef", "has_changes": True},
    "machine": {"processor": "a processor", "cores": 2, "memory_bytes": 1 << 33, "fdatasync_microseconds": 900},
    "versions": {"python": "3.11", "postgresql": "18"},
    "asked": {"processes": 2, "threads": 4, "clients": 8, "rounds": 1, "chance": 1},
}


class Quiet(WSGIRequestHandler):
    """Says nothing."""

    def log(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Any]:
    """Serves applications in threads, each at the address that it returns."""
    servers = []

    def start(app: Flask) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def to_close() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def bench_town(town: TownBuilder) -> Iterator[BenchTown]:
    """A town with a page of activities, people who have points, and an auditor."""
    town.act(None, _fill, town)
    town.staff(Role.AUDITOR, at=town.street_id)
    engine = town.database.engine
    settled = settle_in(engine.url.render_as_string(hide_password=False), town.house.keys, town.id)
    yield settled
    settled.transactions.engine.dispose()


def _fill(work: Work, town: TownBuilder) -> None:
    residents = [
        add(work, Resident, name="居民", territory_id=town.community_id, registered_at=work.now) for _ in range(PEOPLE)
    ]
    cause = Cause("opening", "期初", work.now)
    earn_many(work, {f"opening:{id_}": Earning(id_, 5, date(2030, 12, 31), cause) for id_ in residents})
    begins = work.now + timedelta(days=1)
    times = {"starts_at": begins, "ends_at": begins + timedelta(hours=1), "reservable_until": begins}
    for n in range(ACTIVITIES):
        activity = {
            "title": f"活动{n}",
            "summary": "",
            "category": "瑜伽",
            "scene": Scene.HEALTH,
            "created_at": work.now,
        }
        where = {"community_id": town.community_id, "operator_id": town.operator_id}
        activity_id = add(work, Activity, **activity, **where)
        place = {"venue_id": town.venue_id, "capacity": 10, "checkin_opens_at": begins}
        add(work, Session, activity_id=activity_id, **place, **times)


@pytest.fixture
def floors_app(postgresql_databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The floors, on a database of their own."""
    url = postgresql_databases.make()
    monkeypatch.setattr(floors, "PLACES", 100)
    engine = create_engine(url)
    floors.make_floor_tables(engine)
    engine.dispose()
    listed = tmp_path / "list.json"
    listed.write_bytes(b'{"items":[{' + b'"category":"x",' * ACTIVITIES + b'"n":0}]}')
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv(floors.LIST_FILE, str(listed))
    engines: list[Engine] = []
    monkeypatch.setattr(floors, "create_engine", lambda *given, **named: remembered(engines, *given, **named))
    yield floors.make_floors()
    for each in engines:
        each.dispose()


def remembered(engines: list[Engine], *given: Any, **named: Any) -> Engine:
    engines.append(create_engine(*given, **named))
    return engines[-1]


def test_a_small_run_is_answered_counted_and_shown(
    app: Flask, bench_town: BenchTown, floors_app: Flask, serve: Any, to_close: ExitStack, tmp_path: Path
) -> None:
    open_doors(bench_town, PEOPLE)
    house = serve(app)
    arms: list[Arm] = [*floor_arms(serve(floors_app)), *read_arms(bench_town, house), *door_arms(bench_town, house)]
    if bench_town.transactions.engine.dialect.name == "postgresql":
        arms += book_arms(bench_town, to_close)
    lines = []
    by_name = {(arm.name, arm.size): arm for arm in arms}
    for arm in arms:
        assert arm.run_round(REQUESTS) == REQUESTS
        arm.forget()
        taken = Taken(arm.run_round(REQUESTS), {"workers": 0.1, "postgresql": 0.2}, 4096)
        lines.append(line_of(arm, floor_of(arm, by_name), taken))
    count_again(bench_town, arms)
    held = [Held(1 << 27, 1 << 28)]
    town_line = TownLine(1, PEOPLE, PEOPLE, 1.0, 1 << 20, 2 << 20, held, held)
    lines += [replace(line, size=100) for line in lines if line.arm == SCAN]
    results = Results(ABOUT, [town_line], lines, [MemoryLine(100_000, held * 2)])
    save(results, tmp_path / "results.json")
    assert load(tmp_path / "results.json") == results
    shown = render(results)
    assert all(f"| {arm.name} " in shown for arm in arms)
    assert "at 100 times the town, by one of 1" in shown
    assert all(words in shown for words in ("| 100,000 ", "128, 128", "256, 256", "0123456789ab with changes"))


def test_what_was_answered_but_is_not_in_the_database_ends_the_run(
    app: Flask, bench_town: BenchTown, serve: Any
) -> None:
    open_doors(bench_town, PEOPLE)
    arms = door_arms(bench_town, serve(app))
    for arm in arms:
        arm.run_round(8)
    count_again(bench_town, arms)
    for arm in arms:
        arm.forgotten += 1
        with pytest.raises(AnswerWrong, match="in the database"):
            count_again(bench_town, arms)
        arm.forgotten -= 1
    assert [arm.name for arm in arms] == [SCAN, RESERVATION]


def test_more_scans_than_there_are_people_with_points_are_not_asked_for(bench_town: BenchTown) -> None:
    open_doors(bench_town, 10 * PEOPLE)
    assert len({resident for resident, _ in bench_town.visits}) == len(bench_town.visits) == PEOPLE
    assert next(bench_town.newcomers, None) is None, "nobody is expected twice"
    scan = door_arms(bench_town, "nowhere:1")[0]
    bench_town.visits.clear()
    with pytest.raises(AnswerWrong, match="make a larger one"):
        scan.ask(0)


def test_an_answer_that_is_wrong_ends_the_run(app: Flask, town: TownBuilder, serve: Any) -> None:
    address = serve(app)
    there = get(f"/api/v1/activities?town={town.code}&limit=20")
    for ask in (there, get("/api/v1/nowhere")):
        arm = WebArm("list", 1, address=address, ask=lambda _client, ask=ask: ask, is_right=is_list)
        with pytest.raises(AnswerWrong, match="list: "):
            arm.run_round(8)


def test_a_connection_is_kept_and_answers_that_come_in_pieces_are_put_together() -> None:
    callers: list[int] = []

    class Pieces(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for n in range(3):
                while self.rfile.readline() != b"\r\n":
                    pass
                body = b"%d" % n * 5
                for piece in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 5\r\n\r\n" + body[:2], body[2:]):
                    self.wfile.write(piece)
            callers.append(self.client_address[1])

    bodies: list[bytes] = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Pieces) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        arm = WebArm(
            "pieces",
            1,
            address=f"127.0.0.1:{server.server_address[1]}",
            ask=lambda _client: get("/"),
            is_right=lambda status, body: not bodies.append(body) and status == 200,
        )
        assert arm.run_round(24) == 24
        server.shutdown()
    assert len(callers) == 8
    assert sorted(bodies) == [b"00000"] * 8 + [b"11111"] * 8 + [b"22222"] * 8


def test_the_mixture_asks_every_kind_of_caller_and_the_house_stays_whole(
    app: Flask, bench_town: BenchTown, serve: Any
) -> None:
    open_doors(bench_town, PEOPLE)
    address = serve(app)
    statuses: set[int] = set()
    arms = read_arms(bench_town, address)[:2] + door_arms(bench_town, address)
    arm = mixture(bench_town, app, address, arms)
    is_right, arm.is_right = arm.is_right, lambda status, body: bool(statuses.add(status)) or is_right(status, body)
    for _ in range(12):
        arm.run_round(8)
    assert statuses >= {200, 401, 403}
    assert not arm.is_right(500, b"")


def test_what_a_process_takes_is_read_from_the_kernel() -> None:
    before, began = cpu_seconds([os.getpid()]), time.process_time()
    while time.process_time() - began < 0.05:
        pass
    assert 0.03 <= cpu_seconds([os.getpid()]) - before <= 1
    held = memory_of(os.getpid())
    assert 10 << 20 < held.share_bytes <= held.resident_bytes
    assert os.getpid() in children_of(parent_of(os.getpid()))
    assert cpu_seconds([2**22 + 1]) == 0, "a process that isn't there takes nothing"


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("2026-05-01 08:00:00 UTC [7] LOG:  statement: SELECT 1", True),
        ("2026-05-01 08:00:00 UTC [7] LOG:  execute house_12: UPDATE account SET debited = 1", True),
        ("2026-05-01 08:00:00 UTC [7] LOG:  execute <unnamed>: WITH paid AS (SELECT 1) SELECT 2", True),
        ("2026-05-01 08:00:00 UTC [7] LOG:  statement: BEGIN READ ONLY", False),
        ("2026-05-01 08:00:00 UTC [7] LOG:  execute house_1: COMMIT", False),
        ("2026-05-01 08:00:00 UTC [7] DETAIL:  Parameters: $1 = 'LOG'", False),
        ("        FROM account", False),
    ],
)
def test_a_statement_is_counted_once_and_what_frames_it_is_not(line: str, counts: bool) -> None:
    assert is_statement(line) is counts


def test_workers_are_told_from_what_else_the_server_runs() -> None:
    log = """spawned uWSGI master process (pid: 17488)
spawned uWSGI worker 1 (pid: 17489, cores: 4)
spawned uWSGI worker 2 (pid: 17490, cores: 4)
spawned uWSGI http 1 (pid: 17491)
Respawned uWSGI worker 1 (new pid: 17502)"""
    assert WORKER.findall(log) == ["17489", "17490", "17502"]


def test_a_profile_says_what_was_seen_most() -> None:
    stacks = "run (a.py:1);decide (b.py:2);send (c.py:3) 30\nrun (a.py:1);decide (b.py:9) 10\n"
    by_itself, in_all = summarise(stacks).split("\n\n")
    assert by_itself.splitlines()[1:] == [" 75.0 %  send (c.py)", " 25.0 %  decide (b.py)"]
    assert in_all.splitlines()[1:3] == ["100.0 %  run (a.py)", "100.0 %  decide (b.py)"]


def test_floors_answer_only_who_has_a_token(floors_app: Flask) -> None:
    client = floors_app.test_client()
    assert client.get("/read", headers={"Authorization": "Bearer x"}).status_code == 500, "it refuses nothing politely"
    answer = client.get("/read", headers={"Authorization": f"Bearer {floors.token_of(7)}"})
    assert answer.json == {"id": 7, "taken": 0}


@pytest.mark.parametrize(
    "line", re.findall(r"^python3 dev\.py bench ?(.*)$", (ROOT / "docs/performance.md").read_text(), re.M)
)
def test_what_the_page_says_can_be_asked_for(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *line.split()])
    assert read_options().size
