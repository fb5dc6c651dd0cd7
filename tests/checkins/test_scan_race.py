"""A scan pays once, whatever happens at the same time.

Control arm: the same fifty scans without the guards (a look at the reservation in one transaction, the payment in the
next, under keys that differ) pay more than once.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date

from sqlalchemy import select

from models.checkins import Scan
from models.ledger import Account, AccountKind, Txn
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from models.territory import Scene
from rules.ledger.earning import Earning, earn
from rules.ledger.events import note_event
from rules.ledger.transactions import Cause
from rules.rulebook.versions import rulebook_in_force
from rules.work import SYSTEM, Work
from tests.build import TownBuilder, fresh_key
from tests.checkins.crowd import SCANS, body_of, paid, scan, with_place
from tests.races import from_processes, from_threads


def test_the_same_scan_sent_fifty_times_at_once_pays_once(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session()
    scanner, code = town.staff(Role.SCANNER), town.code_of(with_place(town, session))
    body = body_of(code, session)
    answers = from_processes(town, scan, [(town.id, scanner.id, body)] * SCANS)
    assert Counter(answer["replayed"] for answer in answers) == {False: 1, True: SCANS - 1}
    assert len({str({**answer, "replayed": None}) for answer in answers}) == 1
    assert answers[0]["points"]["awarded"] == 5
    assert paid(town) == (5, 1, 1)
    assert len(town.rows(Scan.id)) == 1


def test_fifty_devices_that_scan_one_code_at_once_admit_once(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session()
    scanner, code = town.staff(Role.SCANNER), town.code_of(with_place(town, session))
    bodies = [body_of(code, session) for _ in range(SCANS)]
    answers = from_processes(town, scan, [(town.id, scanner.id, body) for body in bodies])
    assert Counter(answer["reason"] for answer in answers) == {None: 1, "already_in": SCANS - 1}
    assert paid(town) == (5, 1, 1)
    assert len(town.rows(Scan.id)) == SCANS


def test_fifty_residents_at_one_door_are_all_admitted_and_all_paid(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session(capacity=SCANS)
    scanner = town.staff(Role.SCANNER)
    codes = [town.code_of(with_place(town, session)) for _ in range(SCANS)]
    bodies = [body_of(code, session) for code in codes]
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
