"""Visits are what the log adds up to, whatever happens at the same time.

Control arms: fifty exits that fold the log without the lock of the resident's row leave a visit that the log contradicts;
with the index of open visits gone, who looks first and enters then is in fifty rooms.
"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from models.checkins import ClosedBy, Direction, Scan, ScanUndo, Visit
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from rules.checkins.presence import find_room
from rules.checkins.scans import ScanRequest
from rules.checkins.scans import scan as answer_scan
from rules.checkins.undoing import undo_scan
from rules.checkins.visits import Sight, fold
from rules.ledger.reading import read_spendable
from rules.reservations.reserving import Wish, reserve_place
from rules.work import SYSTEM, Work
from tests.build import TownBuilder, add, fresh_key
from tests.checkins.crowd import SCANS, agrees_with_the_log, body_of, paid, scan, scan_here, undo, with_place
from tests.races import from_processes, from_threads


def test_fifty_people_who_are_scanned_in_and_out_at_once(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session(capacity=SCANS)
    scanner = town.staff(Role.SCANNER)
    codes = [town.code_of(with_place(town, session)) for _ in range(SCANS)]
    bodies = [body_of(code, session, direction) for code in codes for direction in ("in", "out")]
    answers = from_processes(town, scan, [(town.id, scanner.id, body) for body in bodies])
    reasons = Counter(answer["reason"] for answer in answers)
    assert set(reasons) <= {None, "not_in"}
    assert reasons[None] >= SCANS
    assert paid(town) == (5 * SCANS, SCANS, SCANS)
    assert len(town.rows(Visit.id)) == SCANS
    assert agrees_with_the_log(town, session)


def test_fifty_people_who_are_scanned_at_two_doors_at_once(race_town: TownBuilder) -> None:
    town = race_town
    rooms = [town.session(capacity=SCANS), town.session(capacity=SCANS)]
    scanner = town.staff(Role.SCANNER)
    codes = [town.code_of(with_place(town, *rooms)) for _ in range(SCANS)]
    bodies = [body_of(code, room) for code in codes for room in rooms]
    answers = from_processes(town, scan, [(town.id, scanner.id, body) for body in bodies])
    assert {answer["result"] for answer in answers} == {"admitted"}
    assert paid(town) == (10 * SCANS, 2 * SCANS, 2 * SCANS)
    assert Counter(row.left_at is None for row in town.rows(Visit.left_at)) == {True: SCANS, False: SCANS}
    assert agrees_with_the_log(town, *rooms)


def test_one_exit_sent_fifty_times_and_one_entry_undone_fifty_times_at_once(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session()
    scanner, resident = town.staff(Role.SCANNER), with_place(town, session)
    came, went = (body_of(town.code_of(resident), session, direction) for direction in ("in", "out"))
    scan_here(town, scanner, came)
    sent = from_processes(town, scan, [(town.id, scanner.id, went)] * SCANS)
    assert Counter(answer["replayed"] for answer in sent) == {False: 1, True: SCANS - 1}
    assert len(town.rows(Scan.id)) == 2
    undone = from_processes(town, undo, [(town.id, scanner.id, came["nonce"])] * SCANS)
    assert Counter(answer["replayed"] for answer in undone) == {False: 1, True: SCANS - 1}
    for answers in (sent, undone):
        assert len({str({**answer, "replayed": None}) for answer in answers}) == 1
    assert town.database.read(town.id, SYSTEM, read_spendable, resident.id) == 0
    assert [row.status for row in town.rows(Reservation.status)] == [ReservationStatus.CONFIRMED]
    assert len(town.rows(ScanUndo.scan_id)) == 1
    assert town.rows(Visit.id) == []


def test_fifty_people_who_go_out_while_their_entry_is_undone(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session(capacity=SCANS)
    scanner = town.staff(Role.SCANNER)
    codes = [town.code_of(with_place(town, session)) for _ in range(SCANS)]
    entries = [body_of(code, session) for code in codes]
    for body in entries:
        scan_here(town, scanner, body)
    exits = [body_of(code, session, "out") for code in codes]
    jobs = [job for pair in zip(exits, entries, strict=True) for job in pair]
    from_processes(town, leave_or_undo, [(town.id, scanner.id, body) for body in jobs])
    assert len(town.rows(ScanUndo.scan_id)) == SCANS
    assert {row.status for row in town.rows(Reservation.status)} == {ReservationStatus.CONFIRMED}
    assert town.rows(Visit.id) == []
    assert agrees_with_the_log(town, session)


def leave_or_undo(app: Any, town_id: int, scanner_id: int, body: dict[str, Any]) -> dict[str, Any]:
    """Send an exit; of an entry, which was sent before, its undo."""
    return (
        scan(app, town_id, scanner_id, body)
        if body["direction"] == "out"
        else undo(app, town_id, scanner_id, body["nonce"])
    )


def test_with_the_residents_lock_taken_away_a_visit_contradicts_the_log(race_town: TownBuilder) -> None:
    town, session = race_town, race_town.session()
    resident, scanner = with_place(town, session), town.staff(Role.SCANNER)
    scan_here(town, scanner, body_of(town.code_of(resident), session))
    [(entry,)] = town.rows(Scan)

    def look(exit_at: datetime) -> datetime | None:
        """What the log adds up to with this exit: nobody else's is in it yet."""

        def deed(work: Work) -> datetime | None:
            [came] = work.db.scalars(select(Scan).where(Scan.town_id == town.id)).all()
            sights = [
                Sight(came.id, session, came.reservation_id, Direction.IN, came.occurred_at, scanner.id, came.nonce),
                Sight(0, session, came.reservation_id, Direction.OUT, exit_at, scanner.id, ""),
            ]
            return fold(sights, {session: find_room(work, session)}, work.now).stays[0].left_at

        return town.database.read(town.id, SYSTEM, deed)

    def write(work: Work, exit_at: datetime, left_at: datetime | None) -> None:
        scan_id = work.new_id()
        columns = {column.key: getattr(entry, column.key) for column in Scan.__table__.columns}
        went = {"id": scan_id, "nonce": fresh_key(), "direction": Direction.OUT, "occurred_at": exit_at}
        work.db.execute(insert(Scan), columns | went)
        ending = {"left_at": left_at, "closed_by": ClosedBy.SCAN, "exit_scan_id": scan_id}
        work.db.execute(update(Visit).where(Visit.town_id == town.id).values(**ending))

    exits = [entry.occurred_at + timedelta(seconds=n) for n in range(1, SCANS + 1)]
    looked = from_threads(look, [(exit_at,) for exit_at in exits], SCANS)
    for exit_at, left_at in zip(exits, looked, strict=True):
        town.database.write(town.id, SYSTEM, write, exit_at, left_at)
    assert [row.left_at for row in town.rows(Visit.left_at)] == [exits[-1]]
    assert not agrees_with_the_log(town, session)


def test_with_the_index_of_open_visits_taken_away_somebody_is_in_fifty_rooms(race_town: TownBuilder) -> None:
    town = race_town
    rooms = [town.session() for _ in range(SCANS)]
    resident, scanner = with_place(town, *rooms), town.staff(Role.SCANNER)
    with town.database.engine.begin() as connection:
        connection.execute(text("DROP INDEX uq_visit_open"))

    def look() -> bool:
        is_in = select(Visit.id).where(Visit.town_id == town.id, Visit.left_at.is_(None))
        return town.database.read(town.id, SYSTEM, lambda work: work.db.scalar(is_in)) is None

    def enter(work: Work, session: int) -> None:
        mine = select(Reservation.id).where(Reservation.town_id == town.id, Reservation.session_id == session)
        where = {"session_id": session, "resident_id": resident.id, "reservation_id": work.db.scalar(mine)}
        entry = add(
            work,
            Scan,
            scanner_kind="staff",
            scanner_id=scanner.id,
            nonce=fresh_key(),
            content_hash=b"",
            direction=Direction.IN,
            method="code",
            result="admitted",
            is_evidence=True,
            offline=False,
            overridden=False,
            answer={},
            scanned_at=work.now,
            occurred_at=work.now,
            received_at=work.now,
            **where,
        )
        add(work, Visit, entered_at=work.now, entry_scan_id=entry, **where)

    nowhere = from_threads(look, [()] * SCANS, SCANS)
    assert all(nowhere)
    from_threads(lambda room: town.database.write(town.id, SYSTEM, enter, room), [(room,) for room in rooms], SCANS)
    assert len(town.rows(Visit.id, left_at=None)) == SCANS
    assert not agrees_with_the_log(town, *rooms)


def test_who_is_scanned_while_their_scan_is_undone_comes_in_as_if_for_the_first_time(race_town: TownBuilder) -> None:
    if race_town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    town, session, resident = race_town, race_town.session(), race_town.resident()
    town.act(resident, reserve_place, session, Wish())
    first, second = town.staff(Role.SCANNER), town.staff(Role.SCANNER)
    code, nonce, keys = town.code_of(resident), fresh_key(), town.house.keys
    town.act(first, answer_scan, keys, ScanRequest(code, session, Direction.IN, nonce))
    is_undone = threading.Event()

    def undo_slowly(work: Work) -> None:
        undo_scan(work, nonce, "")
        is_undone.set()
        wait_until_somebody_waits(town)

    def scan_meanwhile() -> str:
        is_undone.wait(10)
        answer = town.act(second, answer_scan, keys, ScanRequest(code, session, Direction.IN, fresh_key())).answer
        return f"{answer['result']}, {answer['points']['awarded']} points"

    with ThreadPoolExecutor(2) as pool:
        undoing = pool.submit(town.act, first, undo_slowly)
        assert pool.submit(scan_meanwhile).result(30) == "admitted, 5 points"
        undoing.result(30)
    assert [row.status for row in town.rows(Reservation.status)] == [ReservationStatus.CHECKED_IN]


def wait_until_somebody_waits(town: TownBuilder) -> None:
    """Until another transaction waits for a lock of ours; ten seconds at most."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(200):
        if town.database.read(town.id, SYSTEM, lambda work: work.core.scalar(waiting)):
            return
        threading.Event().wait(0.05)
