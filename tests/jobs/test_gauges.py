"""Protects what /metrics tells of jobs, of the outbox and of what waits: cheap, current, and silent when all is gone."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import create_engine, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from blueprints.edge.house import EXTENSION
from blueprints.edge.request_log import forget_processes_that_are_gone
from blueprints.system import gauges
from jobs.runner import catch_up
from jobs.schedule import Done, Errand, Job, Means, at, each_day
from models.jobs import JobOutcome, JobSchedule, Outbox
from rules.clock import utc_now
from rules.delivery import claim_due, give_up
from rules.jobs.terms import begin_term
from rules.outbox import Message, put
from rules.work import SYSTEM, Work
from tests.apps import make_app
from tests.build import TownBuilder, new_town, settings_for
from tests.conftest import Databases

IN_USE = "binfen_database_connections_in_use"


@pytest.fixture
def own_app(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application on a database of its own: the numbers are of all towns."""
    monkeypatch.setattr(gauges, "FRESH_SECONDS", 0.0)
    app = make_app(settings_for(databases.make(), tmp_path))
    yield app
    app.extensions[EXTENSION].transactions.engine.dispose()


def shown(app: Flask) -> dict[str, float]:
    page = app.test_client().get("/metrics").get_data(as_text=True)
    return {name: float(value) for name, value in re.findall(r"^(binfen_\S+) (\S+)$", page, re.MULTILINE)}


def some_jobs() -> list[Job]:
    def fail_in_the_first(errand: Errand) -> Done:
        is_first = errand.town_id == min(row.id for row in errand.transactions.read(0, SYSTEM, towns))
        return Done(JobOutcome.FAILED if is_first else JobOutcome.OK, {})

    def towns(work: Work) -> Any:
        return work.core.execute(text("SELECT id FROM town")).all()

    nightly = at(hour=3, minute=30)
    return [
        Job("good", nightly, each_day, lambda _: Done(JobOutcome.OK, {})),
        Job("bad", nightly, each_day, fail_in_the_first),
    ]


def test_jobs_the_outbox_and_queues_are_told_over_all_towns(own_app: Flask) -> None:
    house = own_app.extensions[EXTENSION]
    town, other = new_town(house), new_town(house)
    units = house.transactions
    catch_up(Means(units, house.keys, term=units.write(0, SYSTEM, begin_term)), some_jobs())
    units.write(
        other.id,
        SYSTEM,
        lambda work: work.core.execute(
            update(JobSchedule)
            .where(JobSchedule.town_id == other.id)
            .values(next_due_at=utc_now() - timedelta(hours=1))
        ),
    )
    in_outbox(town)
    town.database.write(town.id, SYSTEM, put, [Message("job.failed", "later", {}, utc_now() + timedelta(hours=1))])
    found = shown(own_app)
    now = utc_now().timestamp()
    assert found["binfen_ready"] == 1
    assert found["binfen_jobs_leader_term"] == 1
    assert now - found["binfen_jobs_leader_seen_timestamp_seconds"] < 60
    assert now - found['binfen_job_last_success_timestamp_seconds{job="good"}'] < 60
    assert found['binfen_job_last_success_timestamp_seconds{job="bad"}'] == 0, "in one of two towns it never has"
    assert found['binfen_job_alarms{alarm="missed",job="good"}'] == 1
    assert found['binfen_job_alarms{alarm="failed",job="good"}'] == 0
    assert found['binfen_job_alarms{alarm="failed",job="bad"}'] == 1
    assert found['binfen_job_alarms{alarm="stuck",job="bad"}'] == 0
    assert found["binfen_outbox_dead"] == 1
    assert found["binfen_outbox_waiting"] == 3, "two that are due and one that is put off"
    assert found["binfen_outbox_due"] == 2
    assert 0 <= found["binfen_outbox_oldest_due_seconds"] < 60
    assert found['binfen_queue_items{queue="moderation"}'] == 0
    assert found["binfen_webhooks_disabled"] == 0
    assert "binfen_snapshot_age_seconds" not in found, "there is none"
    assert found["binfen_database_connections_max"] == 16


def in_outbox(town: TownBuilder) -> None:
    """A dead letter, and a message that is due."""

    def bury(work: Work) -> None:
        [message] = [found for found in claim_due(work, 10) if found.key == "dead"]
        give_up(work, message, "never")

    town.database.write(town.id, SYSTEM, lambda work: work.core.execute(Outbox.__table__.delete()))
    town.database.write(town.id, SYSTEM, put, [Message("a.topic", "dead", {})])
    town.database.write(town.id, SYSTEM, bury)
    town.database.write(town.id, SYSTEM, put, [Message("a.topic", "due", {}), Message("a.topic", "due-too", {})])


def test_connections_in_use_are_counted_and_a_schema_of_another_version_is_told(own_app: Flask) -> None:
    before = shown(own_app)
    units = own_app.extensions[EXTENSION].transactions
    with units.engine.connect():
        assert shown(own_app)[IN_USE] == before[IN_USE] + 1
    assert shown(own_app)[IN_USE] == before[IN_USE]
    units.write(0, SYSTEM, lambda work: work.core.execute(text("UPDATE alembic_version SET version_num = 'x'")))
    after = shown(own_app)
    assert (before["binfen_ready"], after["binfen_ready"]) == (1, 0)
    assert "binfen_outbox_waiting" in before.keys() - after.keys()


def test_connections_that_could_not_be_made_are_not_counted_off() -> None:
    there = [True]

    def connect() -> sqlite3.Connection:
        if not there[0]:
            raise sqlite3.OperationalError
        return sqlite3.connect(":memory:")

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=1, max_overflow=0)
    gauges.watch_pool(engine, 1)
    before = in_use()
    with engine.connect() as connection:
        assert in_use() == before + 1
        connection.invalidate()
    there[0] = False
    for _ in range(3):
        with pytest.raises(OperationalError):
            engine.connect()
    assert in_use() == before
    engine.dispose()


def in_use() -> float:
    return float(REGISTRY.get_sample_value(IN_USE) or 0)


def test_a_database_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    app = make_app(settings_for("postgresql+psycopg://postgres@127.0.0.1:1/none", tmp_path))
    began = time.monotonic()
    assert shown(app)["binfen_ready"] == 0
    assert time.monotonic() - began < 5
    app.extensions[EXTENSION].transactions.engine.dispose()


def test_what_processes_had_in_hand_that_were_killed_is_forgotten(tmp_path: Path) -> None:
    gone = 2**22 + 1  # more than any process's number
    for pid in (os.getpid(), gone):
        (tmp_path / f"gauge_livesum_{pid}.db").touch()
    forget_processes_that_are_gone(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"gauge_livesum_{os.getpid()}.db"]
