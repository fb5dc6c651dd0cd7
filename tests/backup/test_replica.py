"""The monitoring reads a standby as of a moment that the standby has reached; what that can't answer, the primary does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask, request
from sqlalchemy import delete, func, select

from blueprints.edge.house import EXTENSION, House
from models.residents import Resident, Role, RoleGrant
from rules import replica as replicas
from rules.database import connect
from rules.errors import RuleError
from rules.replica import Replica
from rules.work import SYSTEM, Actor, Work
from tests.apps import make_app
from tests.backup.conftest import DATABASE, Archived
from tests.build import ApiClient, TownBuilder, new_town, settings_for
from tests.cluster import Member, wait_until


@dataclass
class Pair:
    """A primary with a replica, and what is told of readings."""

    app: Flask
    primary: Member
    standby: Member
    left: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    @property
    def house(self) -> House:
        return self.app.extensions[EXTENSION]

    def replica(self) -> Replica:
        """A process's way to the replica that has no troubles behind it yet."""
        engine = connect(self.standby.url_of(DATABASE), pool_size=2)
        hears = {"on_left": self.left.append, "on_refused": self.refused.append, "on_lag": self.lags.append}
        return Replica(self.house.transactions, engine, **hears)

    def catch_up(self) -> None:
        """Wait until the standby has all that was committed."""
        [[wanted]] = self.primary.ask("SELECT pg_current_wal_lsn()")
        behind = f"SELECT pg_last_wal_replay_lsn() >= '{wanted}'"
        wait_until(lambda: self.standby.ask(behind) == [(True,)], "the standby stays behind")

    def pause(self) -> None:
        """Let the standby stand still, with all that was committed until now."""
        self.catch_up()
        self.standby.say("SELECT pg_wal_replay_pause()")
        paused = "SELECT pg_get_wal_replay_pause_state()"
        wait_until(lambda: self.standby.ask(paused) == [("paused",)], "the standby doesn't pause")

    def replayed_at(self) -> datetime:
        [[moment]] = self.standby.ask("SELECT pg_last_xact_replay_timestamp()")
        assert isinstance(moment, datetime)
        return moment


@pytest.fixture(scope="module")
def servers(archived: Archived, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    standby = archived.servers.standby(archived.primary, synchronous=False)
    settings = settings_for(
        archived.primary.url_of(DATABASE),
        tmp_path_factory.mktemp("instance"),
        database_replica_url=standby.url_of(DATABASE),
    )
    pair = Pair(make_app(settings), archived.primary, standby)
    yield pair
    pair.house.transactions.engine.dispose()
    assert pair.house.replica is not None
    pair.house.replica.engine.dispose()
    standby.stop()


@pytest.fixture
def pair(servers: Pair) -> Iterator[Pair]:
    servers.left.clear()
    servers.refused.clear()
    servers.lags.clear()
    yield servers
    if servers.standby.ask("SELECT pg_is_in_recovery()") == [(True,)]:
        servers.standby.say("SELECT pg_wal_replay_resume()")


@pytest.fixture
def town(pair: Pair) -> TownBuilder:
    return new_town(pair.house)


def nobody_in_particular(_work: Work) -> Actor:
    return SYSTEM


def count(work: Work) -> tuple[int, datetime]:
    """How many residents there are, and as of when."""
    number = work.db.scalar(select(func.count()).select_from(Resident).where(Resident.town_id == work.town_id))
    return number or 0, work.now


def test_what_is_read_is_as_of_the_last_moment_that_was_replayed(pair: Pair, town: TownBuilder) -> None:
    replica = pair.replica()
    town.resident()
    pair.pause()
    town.resident()
    number, as_of = replica.read(town.id, nobody_in_particular, count)
    assert (number, as_of) == (1, pair.replayed_at())
    assert pair.house.transactions.read(town.id, SYSTEM, count)[0] == 2
    assert pair.left == []
    assert pair.lags[0] > 0
    replica.engine.dispose()


def test_the_numbers_of_a_board_never_claim_a_moment_that_the_replica_has_not_reached(
    pair: Pair, town: TownBuilder
) -> None:
    auditor = ApiClient(pair.app, town).as_(town.staff(Role.AUDITOR))
    pair.pause()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=20)):  # so long nothing has been replayed
        shown = auditor.get("/monitor/overview").json
    settled_by = pair.replayed_at() - timedelta(seconds=15)
    assert settled_by - timedelta(seconds=6) < datetime.fromisoformat(shown["as_of"]) <= settled_by


def test_a_board_as_of_a_later_moment_is_the_primarys(pair: Pair, town: TownBuilder) -> None:
    auditor = ApiClient(pair.app, town).as_(town.staff(Role.AUDITOR))
    pair.pause()
    town.resident()
    wait_until(lambda: datetime.now(UTC).replace(microsecond=0) > pair.replayed_at(), "time stands still")
    asked = datetime.now(UTC).replace(microsecond=0)
    answer = auditor.get("/monitor/series", measure="residents.registered", period="day", as_of=asked.isoformat())
    assert answer.status_code == 200, answer.text
    assert datetime.fromisoformat(answer.json["as_of"]) == asked


def test_a_role_that_is_taken_away_is_gone_at_once_however_late_the_replica_is(pair: Pair, town: TownBuilder) -> None:
    staff = town.staff(Role.AUDITOR)
    auditor = ApiClient(pair.app, town).as_(staff)
    pair.pause()
    assert auditor.get("/monitor/overview").status_code == 200

    def take_away(work: Work) -> None:
        work.db.execute(delete(RoleGrant).where(RoleGrant.town_id == town.id, RoleGrant.staff_id == staff.id))

    town.database.write(town.id, SYSTEM, take_away)
    assert auditor.get("/monitor/overview").status_code == 403


def test_the_monitoring_reads_there_and_nothing_else_does(
    pair: Pair, town: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = Replica.read, []

    def note_and_read(replica: Replica, *arguments: Any) -> Any:
        asked.append(request.path)
        return read(replica, *arguments)

    monkeypatch.setattr(Replica, "read", note_and_read)
    api = ApiClient(pair.app, town)
    auditor, resident = api.as_(town.staff(Role.AUDITOR)), api.as_(town.resident())
    others = [resident.get("/me"), resident.get("/me/points"), api.get("/activities"), auditor.get("/monitor/targets")]
    assert ([answer.status_code for answer in others], asked) == ([200] * 4, [])
    boards = ["/monitor/overview", "/monitor/scenes", "/monitor/measures/residents.registered/rows"]
    assert [auditor.get(path).status_code for path in boards] == [200] * 3
    assert asked == [f"/api/v1{path}" for path in boards]


def test_what_the_replica_refuses_the_primary_may_know(pair: Pair, town: TownBuilder) -> None:
    replica = pair.replica()
    pair.pause()
    town.resident()

    class NobodyThere(RuleError):
        pass

    def find(work: Work) -> int:
        if (number := count(work)[0]) == 0:
            raise NobodyThere
        return number

    NobodyThere.code = "test.nobody_there"
    assert replica.read(town.id, nobody_in_particular, find) == 1
    assert (pair.left, pair.refused) == ([], ["test.nobody_there"])
    assert replica.read(town.id, nobody_in_particular, count)[0] == 0  # it isn't left alone for that
    replica.engine.dispose()


def test_a_replica_that_is_too_far_behind_is_left_alone_for_a_while(
    pair: Pair, town: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = pair.replica()
    pair.pause()
    town.resident()
    monkeypatch.setattr(replicas, "LAG_MAX", timedelta(0))
    for _ in range(3):
        assert replica.read(town.id, nobody_in_particular, count)[0] == 1
    assert pair.left == ["ReplicaBehind"]
    replica.engine.dispose()


def test_a_replica_that_dies_is_not_missed_and_is_read_again_when_it_is_back(
    pair: Pair, town: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "REST_SECONDS", 0.0)
    replica = pair.replica()
    town.resident()
    pair.catch_up()
    assert replica.read(town.id, nobody_in_particular, count)[0] == 1
    pair.standby.kill()
    for _ in range(2):
        assert replica.read(town.id, nobody_in_particular, count)[0] == 1
    assert pair.left == ["Busy", "Busy"]
    pair.standby.start()
    town.resident()
    pair.catch_up()
    number, as_of = replica.read(town.id, nobody_in_particular, count)
    assert (number, as_of) == (2, pair.replayed_at())
    assert len(pair.left) == 2
    replica.engine.dispose()


def test_a_replica_that_was_promoted_is_none_any_more(pair: Pair, town: TownBuilder) -> None:
    """The last test: the standby goes its own way from here on."""
    replica = pair.replica()
    pair.standby.promote()
    town.resident()
    assert replica.read(town.id, nobody_in_particular, count)[0] == 1
    assert pair.left == ["ReplicaBehind"]
    replica.engine.dispose()
