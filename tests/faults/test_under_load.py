"""A service that people use loses its processes, its database and its database's machine: nothing acknowledged is lost.

One service for each engine suffers one trouble after the other, while people go on using it. Nobody is ever answered
anything but the answer, or that it can't be had now: 503 with Retry-After, or nothing at all by a process that was killed.
In the end everything that they were told is in the database, once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from app import furnish
from migrations.upgrade import upgrade
from rules.database import connect
from tests.build import settings_for
from tests.cluster import cluster, failover_url
from tests.faults import trouble
from tests.faults.checker import ask_again, differences
from tests.faults.people import LOST
from tests.faults.service import DEVICE_SECONDS, REQUEST_SECONDS, Crowd, World, crowd, make_world, service
from tests.faults.trouble import Stage, Trouble

LONG = bool(os.environ.get("BINFEN_LONG"))
KILLS = 100
MORE = 3  #: visits that must come to their end after each trouble
AGAIN = 100  #: answers that are asked for once more

slow = pytest.mark.skipif(not LONG, reason="BINFEN_LONG=1 runs it: it takes minutes")


@contextmanager
def on_sqlite(folder: Path, monkeypatch: pytest.MonkeyPatch, *, processes: int = 1) -> Iterator[tuple[Stage, World]]:
    """A service as most towns have it: one file, one worker."""
    url = f"sqlite:///{folder / 'town.sqlite'}"
    with prepared(url, folder) as world, service(url, folder, monkeypatch, processes=processes) as running:
        yield Stage(running, url), world


@contextmanager
def on_postgresql(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Stage, World]]:
    """A service as a city has it: two workers, a primary and a synchronous standby, and an address that names both."""
    with cluster() as servers:
        # What a killed process has written, the kernel holds; a machine doesn't die here.
        first = servers.primary(settings="" if LONG else "-c fsync=off")
        first.say("CREATE DATABASE town")
        with prepared(first.url_of("town"), folder) as made:
            members = (first, servers.standby(first))
            url = failover_url(members, "town")
            world = replace(made, town=replace(made.town, house=furnish(settings_for(url, folder))))
            with service(url, folder, monkeypatch) as running:
                yield Stage(running, url, members), world
            world.town.database.engine.dispose()


@contextmanager
def prepared(url: str, folder: Path) -> Iterator[World]:
    engine = connect(url)
    upgrade(engine)
    engine.dispose()
    world = make_world(url, folder)
    yield world
    world.town.database.engine.dispose()


def suffer(stage: Stage, people: Crowd, troubles: Sequence[Trouble]) -> None:
    """One trouble after the other; after each the service works again, by itself."""
    people.wait_for_more(MORE)
    for one in troubles:
        one(stage)
        people.wait_for_more(MORE)


def assert_kept(world: World, people: Crowd) -> None:
    """What was told is held, once, and is told again."""
    told = people.told()
    assert differences(world.town.database, world, told) == []
    with closing(people.device()) as device:
        assert ask_again(device, told[-AGAIN:]) == []
    for line in people.failed():
        assert line["status"] in (LOST, 503), line
        if line["status"] == 503:
            assert line["retry_after"] is not None, line
            assert str(line["code"]).startswith("server."), line


@slow
def test_on_sqlite_a_killed_worker_and_a_step_of_the_next_version_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: list[Trouble] = [
        trouble.kill_worker,
        trouble.kill_worker,
        partial(trouble.migrate, folder=tmp_path / "steps"),
    ]
    with on_sqlite(tmp_path, monkeypatch) as (stage, world), crowd(world, stage.service, tmp_path) as people:
        suffer(stage, people, troubles)
        assert not stage.service.server.answers("/readyz"), "it says that the schema isn't its own any more"
        people.go_home()
        assert_kept(world, people)


def test_on_postgresql_killed_processes_a_stop_a_step_of_the_next_version_and_a_failover_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: list[Trouble] = [
        trouble.kill_backend,
        trouble.kill_database,
        partial(trouble.stop_database, seconds=1.5 * REQUEST_SECONDS),
        trouble.kill_worker,
        trouble.kill_scheduler,
        trouble.fail_over,
        partial(trouble.migrate, folder=tmp_path / "steps"),
    ]
    with on_postgresql(tmp_path, monkeypatch) as (stage, world), crowd(world, stage.service, tmp_path) as people:
        suffer(stage, people, troubles)
        people.go_home()
        assert_kept(world, people)
        assert any(line["status"] == 503 for line in people.failed()), "whom it couldn't serve, it told so"


@slow
@pytest.mark.parametrize("seconds", [10.0])
def test_a_database_that_is_stopped_or_stands_still_is_answered_503_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    troubles: list[Trouble] = [
        partial(trouble.stop_database, seconds=seconds),
        partial(trouble.freeze_database, seconds=2 * seconds),
    ]
    monkeypatch.setattr("tests.faults.service.DEVICE_SECONDS", 30.0)
    with on_postgresql(tmp_path, monkeypatch) as (stage, world), crowd(world, stage.service, tmp_path) as people:
        suffer(stage, people, troubles)
        people.go_home()
        assert_kept(world, people)
        assert {line["status"] for line in people.failed()} == {503}
        assert max(line["seconds"] for line in people.failed()) < 2 * seconds


@slow
def test_a_hundred_kills_on_sqlite_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        on_sqlite(tmp_path, monkeypatch, processes=2) as (stage, world),
        crowd(world, stage.service, tmp_path) as people,
    ):
        suffer_kills(stage, people, [trouble.kill_worker])
        people.go_home()
        assert_kept(world, people)
        print_summary("sqlite", people)


@slow
def test_a_hundred_kills_on_postgresql_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[Trouble] = [trouble.kill_worker, trouble.kill_database, trouble.kill_backend]
    with on_postgresql(tmp_path, monkeypatch) as (stage, world), crowd(world, stage.service, tmp_path) as people:
        suffer_kills(stage, people, kinds)
        people.go_home()
        assert_kept(world, people)
        print_summary("postgresql", people)


def suffer_kills(stage: Stage, people: Crowd, kinds: Sequence[Trouble]) -> None:
    people.wait_for_more(MORE)
    for n in range(KILLS):
        kind = kinds[n % len(kinds)]
        kind(stage)
        people.wait_for_more(MORE)
        print(f"kill {n + 1} of {KILLS}: {kind.__name__}, {len(people.told())} answers so far", flush=True)


def print_summary(engine: str, people: Crowd) -> None:
    told, failed = people.told(), people.failed()
    lost = sum(line["status"] == LOST for line in failed)
    print(
        f"{engine}: {KILLS} kills, {len(told)} answers to writes, all held once; {lost} tries without an answer and "
        f"{len(failed) - lost} answered 503, all of them answered when asked again"
    )


assert DEVICE_SECONDS > REQUEST_SECONDS, "a device waits longer than the service tries"
