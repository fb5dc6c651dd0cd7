"""A scan pays once, whatever happens at the same time.

Control arm: the same fifty scans without the guards (a look at the reservation in one transaction, the payment in the
next, under keys that differ) pay more than once.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import create_app
from blueprints.edge.house import EXTENSION
from models.checkins import Scan
from models.ledger import Account, AccountKind, Event, Posting, Txn
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from models.territory import Scene
from rules.clock import utc_now
from rules.ledger.earning import Earning, earn
from rules.ledger.events import note_event
from rules.ledger.transactions import Cause
from rules.reservations.reserving import Wish, reserve_place
from rules.residents.tokens import Owner, issue_access_token
from rules.rulebook.versions import rulebook_in_force
from rules.work import SYSTEM, ActorKind, Work
from tests.build import Person, TownBuilder, fresh_key, new_town, settings_for
from tests.conftest import Databases
from tests.races import from_processes, from_threads, until_answered

SCANS = 50


@pytest.fixture
def race_town(databases: Databases, tmp_path: Path) -> Any:
    """A town in a database of its own, on the engine of the test."""
    app = create_app(settings_for(databases.make(), tmp_path, log_level="ERROR"))
    yield new_town(app.extensions[EXTENSION])
    app.extensions[EXTENSION].transactions.engine.dispose()


def scan(app: Flask, town_id: int, scanner_id: int, body: dict[str, Any]) -> dict[str, Any]:
    """One scan, as a device sends it; runs in a process of its own application."""
    keys = app.extensions[EXTENSION].keys
    token = issue_access_token(keys, Owner(ActorKind.STAFF, town_id, scanner_id, 1), utc_now())
    headers = {"Authorization": f"Bearer {token}"}
    answer = until_answered(lambda: app.test_client().post("/api/v1/checkins", json=body, headers=headers))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return dict(answer.json)


def with_place(town: TownBuilder, session: int) -> Person:
    resident = town.resident()
    town.act(resident, reserve_place, session, Wish(1))
    return resident


def paid(town: TownBuilder) -> tuple[int, int, int]:
    """Points in wallets, awards posted, events."""
    wallets = town.rows(Account.credited, kind=AccountKind.WALLET)
    return sum(row.credited for row in wallets), len(town.rows(Posting.amount, amount=5)), len(town.rows(Event.id))


def test_the_same_scan_sent_fifty_times_at_once_pays_once(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session()
    scanner, code = town.staff(Role.SCANNER), town.code_of(with_place(town, session))
    body = {"code": code, "session_id": str(session), "nonce": fresh_key()}
    answers = from_processes(town, scan, [(town.id, scanner.id, body)] * SCANS)
    assert Counter(answer["replayed"] for answer in answers) == {False: 1, True: SCANS - 1}
    assert len({str({**answer, "replayed": None}) for answer in answers}) == 1
    assert answers[0]["points"]["awarded"] == 5
    assert paid(town) == (5, 1, 1)
    assert len(town.rows(Scan.id)) == 1


def test_fifty_devices_that_scan_one_code_at_once_admit_once(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session()
    scanner, code = town.staff(Role.SCANNER), town.code_of(with_place(town, session))
    bodies = [{"code": code, "session_id": str(session), "nonce": fresh_key()} for _ in range(SCANS)]
    answers = from_processes(town, scan, [(town.id, scanner.id, body) for body in bodies])
    assert Counter(answer["reason"] for answer in answers) == {None: 1, "already_in": SCANS - 1}
    assert paid(town) == (5, 1, 1)
    assert len(town.rows(Scan.id)) == SCANS


def test_fifty_residents_at_one_door_are_all_admitted_and_all_paid(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session(capacity=SCANS)
    scanner = town.staff(Role.SCANNER)
    codes = [town.code_of(with_place(town, session)) for _ in range(SCANS)]
    bodies = [{"code": code, "session_id": str(session), "nonce": fresh_key()} for code in codes]
    answers = from_processes(town, scan, [(town.id, scanner.id, body) for body in bodies])
    assert {answer["result"] for answer in answers} == {"admitted"}
    assert paid(town) == (5 * SCANS, SCANS, SCANS)
    (pool,) = town.rows(Account.debited, kind=AccountKind.POOL)
    assert pool.debited == 5 * SCANS
    assert len(town.rows(Txn.id)) == SCANS + 1


def test_with_the_guards_taken_away_the_same_fifty_scans_pay_more_than_once(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session()
    resident = with_place(town, session)
    everyone_has_looked = threading.Barrier(SCANS)

    def look(work: Work) -> bool:
        statement = select(Reservation.status).where(Reservation.town_id == town.id, Reservation.session_id == session)
        return work.db.execute(statement).scalar_one() is ReservationStatus.CONFIRMED

    def pay(work: Work, nonce: str) -> None:
        event_id = note_event(work, "checkin", nonce, resident.id, work.now, {})
        version_id = rulebook_in_force(work, work.now).version_id
        place = {"community_id": town.community_id, "operator_id": town.operator_id, "scene": Scene.EDUCATION}
        cause = Cause("checkin", "重复发放", work.now, event_id=event_id, rulebook_version_id=version_id, **place)
        earn(work, nonce, Earning(resident.id, 5, date(2099, 12, 31), cause))

    def scan_without_guards(nonce: str) -> None:
        is_confirmed = town.database.read(town.id, SYSTEM, look)
        everyone_has_looked.wait()
        if is_confirmed:
            town.database.write(town.id, SYSTEM, pay, nonce)

    from_threads(scan_without_guards, [(fresh_key(),) for _ in range(SCANS)], SCANS)
    assert paid(town)[0] == 5 * SCANS
