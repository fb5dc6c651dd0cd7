"""What the ledger has done at night: points lapse, people are told ahead, holds are given back, the day is sealed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from blueprints.edge.house import EXTENSION
from jobs.runner import run_job
from jobs.schedule import JOBS_BY_NAME, Errand, Means
from models.jobs import JobOutcome, JobRun, Outbox
from models.ledger import Account, AccountKind
from models.seals import Seal
from tests.apps import make_app
from tests.build import TownBuilder, new_town, settings_for
from tests.conftest import Databases
from tests.jobs.test_commands import call
from tests.ledger.clerk import Clerk

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.fromisoformat("2027-11-15T12:00:00+08:00")
LAST_DAY = date(2027, 12, 31)


@pytest.fixture
def own_app(databases: Databases, tmp_path: Path) -> Iterator[Flask]:
    """An application on a database of its own: a job works for every town that there is."""
    app = make_app(settings_for(databases.make(), tmp_path))
    yield app
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture
def clerk(own_app: Flask) -> Iterator[Clerk]:
    with time_machine.travel(NOW, tick=False):
        yield Clerk(new_town(own_app.extensions[EXTENSION]))


def run(clerk: Clerk, name: str, moment: datetime) -> object:
    """Run a job of the town at its moment, and return its result."""
    town = clerk.town
    with time_machine.travel(moment + timedelta(minutes=1), tick=False):
        outcomes = run_job(Means(town.database, town.house.keys), JOBS_BY_NAME[name], moment)
    assert outcomes == {town.code: JobOutcome.OK}
    [(result,)] = town.rows(JobRun.result, job=name, slot=JOBS_BY_NAME[name].slot_of(moment))
    return result


def local(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


def messages(town: TownBuilder) -> list[tuple[str, dict[str, object]]]:
    return [(row.topic, row.payload) for row in town.rows(Outbox.topic, Outbox.payload)]


def test_at_night_what_was_good_until_yesterday_lapses(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    clerk.earn(resident, 30, LAST_DAY)
    clerk.earn(resident, 20, date(2028, 12, 31))
    assert run(clerk, "ledger-expiry", local("2027-12-31T00:10")) == {"wallets": 0, "lots": 0, "points": 0}
    assert run(clerk, "ledger-expiry", local("2028-01-01T00:10")) == {"wallets": 1, "lots": 1, "points": 30}
    assert clerk.balance(resident) == 20
    assert clerk.sunk(AccountKind.BREAKAGE) == 30
    clerk.audit()


def test_people_are_told_once_as_many_days_ahead_as_the_rulebook_says(clerk: Clerk) -> None:
    resident, other = clerk.town.resident(), clerk.town.resident()
    clerk.earn(resident, 30, LAST_DAY)
    clerk.earn(resident, 5, LAST_DAY, scope="mall")
    clerk.earn(other, 20, date(2028, 12, 31))
    moment = local("2027-12-01T09:00")  # 30 days before the last good day
    assert run(clerk, "expiry-notices", moment) == {"residents": 1}
    told: list[tuple[str, dict[str, object]]] = [
        ("points.expiring", {"resident_id": str(resident.id), "amount": 35, "on": "2027-12-31"})
    ]
    assert messages(clerk.town) == told
    assert run(clerk, "expiry-notices", moment + timedelta(days=1)) == {"residents": 0}
    late = clerk.resident()
    clerk.earn(late, 9, LAST_DAY)
    assert run(clerk, "expiry-notices", moment + timedelta(days=3)) == {"residents": 1}  # and days that were missed
    told.append(("points.expiring", {"resident_id": str(late.id), "amount": 9, "on": "2027-12-31"}))
    town = clerk.town
    with time_machine.travel(moment, tick=False):
        again = Errand(Means(town.database, town.house.keys), town.id, moment)
        JOBS_BY_NAME["expiry-notices"].deed(again)  # a second run of the same day
    assert messages(town) == told


def test_lapsed_holds_are_given_back_every_hour(clerk: Clerk) -> None:
    resident = clerk.resident(30)
    clerk.hold(resident, 10, NOW + timedelta(hours=1))
    clerk.hold(resident, 5, NOW + timedelta(hours=3))
    assert run(clerk, "release-holds", NOW + timedelta(hours=2)) == {"holds": 1}
    assert (clerk.balance(resident), clerk.held(resident)) == (25, 5)
    clerk.audit()


def test_the_day_before_is_sealed(clerk: Clerk) -> None:
    clerk.resident(30)
    assert run(clerk, "ledger-seal", local("2027-11-16T01:00")) == {"seq": 1, "txns": 2}
    [(seal,)] = clerk.town.rows(Seal)
    assert (seal.day, seal.posting_count) == (date(2027, 11, 15), 2)


def test_an_export_is_verified_by_the_public_keys_alone(clerk: Clerk, own_app: Flask, tmp_path: Path) -> None:
    resident = clerk.resident(30)
    clerk.spend(resident, 12)
    run(clerk, "ledger-seal", local("2027-11-16T01:00"))
    export, keys = tmp_path / "export.jsonl", tmp_path / "keys.json"
    done = call(own_app, "ledger", "export", "--town", clerk.town.code, str(export))
    assert done.exit_code == 0, done.output
    keys.write_text(json.dumps(clerk.town.house.keys.jwks()))
    verified = subprocess.run(
        [sys.executable, "-m", "rules.ledger.verify", export, keys], cwd=ROOT, capture_output=True, check=False
    )
    assert verified.returncode == 0, verified.stdout
    amount = re.compile(rb'"amount":("?)12\b')
    assert amount.search(export.read_bytes())
    export.write_bytes(amount.sub(rb'"amount":\g<1>13', export.read_bytes()))
    forged = subprocess.run(
        [sys.executable, "-m", "rules.ledger.verify", export, keys], cwd=ROOT, capture_output=True, check=False
    )
    assert forged.returncode == 1


def test_pools_are_split_by_a_command(clerk: Clerk, own_app: Flask) -> None:
    before = clerk.budget()
    done = call(own_app, "ledger", "shards", "--town", clerk.town.code, "4")
    assert done.exit_code == 0, done.output
    assert len(clerk.shards()) == 4
    assert sum(clerk.shards()) == clerk.budget() == before
    assert call(own_app, "ledger", "shards", "--town", clerk.town.code, "65").exit_code == 2
    assert call(own_app, "ledger", "shards", "--town", "nowhere", "2").exit_code == 1
    assert len(clerk.town.rows(Account.id, kind=AccountKind.POOL)) == 4
