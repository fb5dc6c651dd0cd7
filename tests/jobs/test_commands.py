"""Protects the command line: what it prints, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from blueprints.edge.house import EXTENSION, House
from jobs.schedule import JOBS
from models.jobs import JobOutcome, JobRun
from rules.ledger.audit_checks import CHECKS
from rules.work import SYSTEM
from tests.apps import make_app
from tests.build import TownBuilder, new_town, settings_for
from tests.conftest import Databases

NOON = "2026-11-23T12:00:00+08:00"


@pytest.fixture
def own_app(databases: Databases, tmp_path: Path) -> Iterator[Flask]:
    """An application on a database of its own: a command works for every town that there is."""
    app = make_app(settings_for(databases.make(), tmp_path))
    yield app
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture
def own_house(own_app: Flask) -> House:
    return own_app.extensions[EXTENSION]


@pytest.fixture
def own_town(own_house: House) -> TownBuilder:
    return new_town(own_house)


def call(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=arguments)


def spoil(town: TownBuilder) -> None:
    """Make the audit complain: something is noted as reversed, and no transaction reversed it."""
    statement = text(
        "INSERT INTO reversal (town_id, txn_id, n, amount, reversed) "
        "SELECT town_id, txn_id, n, amount, 1 FROM posting WHERE town_id = :town"
    )
    town.database.write(town.id, SYSTEM, lambda work: work.db.execute(statement, {"town": town.id}))


def test_the_audit_of_all_towns_prints_what_it_checked_and_ends_well(own_app: Flask, own_town: TownBuilder) -> None:
    other = new_town(own_town.house)
    done = call(own_app, "ledger", "audit")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert [line.split(":")[0] for line in lines] == [own_town.code, other.code]
    for line in lines:
        assert f"{len(CHECKS)} checks over 1 books, 2 accounts, 0 lots, 1 transactions" in line
        assert line.endswith("all is well")


def test_the_audit_of_a_spoiled_ledger_prints_the_violations_and_ends_with_1(
    own_app: Flask, own_town: TownBuilder
) -> None:
    healthy = new_town(own_town.house)
    spoil(own_town)
    done = call(own_app, "ledger", "audit")
    assert done.exit_code == 1
    assert "  reversed_in_all: Transaction " in done.output
    assert done.output.splitlines()[-1].startswith(healthy.code), "the other towns are looked at all the same"
    assert call(own_app, "ledger", "audit", "--town", own_town.code).exit_code == 1
    assert call(own_app, "ledger", "audit", "--town", healthy.code).exit_code == 0


def test_a_town_that_is_not_there_is_said(own_app: Flask, own_town: TownBuilder) -> None:
    done = call(own_app, "ledger", "audit", "--town", "nowhere")
    assert done.exit_code == 1
    assert "There is no town nowhere." in done.output


def test_the_jobs_are_listed_with_their_next_moment(app: Flask) -> None:
    with time_machine.travel(NOON, tick=False):
        done = call(app, "jobs", "list")
    assert done.exit_code == 0
    assert len(done.output.splitlines()) == len(JOBS)
    assert "ledger-audit         next due 2026-11-24 03:30" in done.output


def test_a_job_run_by_hand_runs_once_for_a_day(own_app: Flask, own_town: TownBuilder) -> None:
    with time_machine.travel(NOON, tick=False):
        for words in ("2026-11-23 ok", "2026-11-23 not run"):
            done = call(own_app, "jobs", "run", "ledger-audit")
            assert done.exit_code == 0, done.output
            assert words in done.output
        done = call(own_app, "jobs", "run", "ledger-audit", "--day", "2026-11-20")
    assert "2026-11-20 ok" in done.output
    assert {slot for (slot,) in own_town.rows(JobRun.slot)} == {"2026-11-20", "2026-11-23"}


def test_a_job_that_fails_ends_with_1_and_may_be_run_by_hand_again_and_again(
    own_app: Flask, own_town: TownBuilder
) -> None:
    spoil(own_town)
    for _ in range(5):
        done = call(own_app, "jobs", "run", "ledger-audit", "--day", "2026-11-23")
        assert done.exit_code == 1
        assert "2026-11-23 failed" in done.output
    assert own_town.rows(JobRun.attempts, JobRun.outcome) == [(5, JobOutcome.FAILED)]


def test_a_job_that_is_not_there_is_refused(app: Flask) -> None:
    done = call(app, "jobs", "run", "nothing")
    assert done.exit_code == 2
    assert "ledger-audit" in done.output


@pytest.mark.parametrize("day", ["2026-11-24", "2999-01-01", "1999-12-31", "0001-01-01"])
def test_a_job_is_not_run_for_a_day_that_has_not_come_or_is_long_gone(app: Flask, town: TownBuilder, day: str) -> None:
    with time_machine.travel(NOON, tick=False):
        done = call(app, "jobs", "run", "ledger-audit", "--day", day)
    assert done.exit_code == 2, done.output
    assert "The day must be from 2000-01-01 to today, 2026-11-23." in done.output
    assert town.rows(JobRun) == []


def test_the_day_is_the_communitys_and_today_can_be_run_before_it_is_due(own_app: Flask, own_town: TownBuilder) -> None:
    with time_machine.travel("2026-11-23T00:30:00+08:00", tick=False):
        done = call(own_app, "jobs", "run", "ledger-audit", "--day", "2026-11-23")
    assert (done.exit_code, "2026-11-23 ok" in done.output) == (0, True), done.output
    assert own_town.rows(JobRun.slot) == [("2026-11-23",)]


@time_machine.travel(NOON, tick=False)
def test_a_run_that_ended_well_is_run_again_only_by_the_one_who_says_so(own_app: Flask, own_town: TownBuilder) -> None:
    asked = ("jobs", "run", "ledger-audit", "--day", "2026-11-23")
    assert "ok" in call(own_app, *asked).output
    assert "not run" in call(own_app, *asked).output
    assert "ok" in call(own_app, *asked, "--again").output
    [run] = own_town.rows(JobRun.attempts, JobRun.outcome, job="ledger-audit")
    assert tuple(run) == (2, JobOutcome.OK)
    shown = call(own_app, "jobs", "runs", "--job", "ledger-audit", "--town", own_town.code).output
    assert f"{own_town.code}: 2026-11-23 12:00:00 ledger-audit 2026-11-23 ok attempt 2 " in shown
