"""The last places are never given twice: 200 residents, 30 places, four processes, both engines.

The control arm runs the same race with the guard taken away: it looks, then writes, and the CHECK that would catch it
is off. It must show more than 30, or the race was never there.
"""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select, text, update

from blueprints.edge.house import EXTENSION, House
from models.activities import Session
from models.reservations import Reservation, ReservationStatus
from rules.clock import utc_now
from rules.residents.tokens import Owner, issue_access_token
from rules.work import SYSTEM, ActorKind, Work
from tests.apps import make_app
from tests.build import TownBuilder, add, new_town, settings_for
from tests.conftest import Databases
from tests.races import THREADS, from_processes, until_answered

RESIDENTS = 200
PLACES = 30


def reserve(app: Flask, town_id: int, session_id: int, resident_id: int) -> str:
    """One resident's call, as the mini-program makes it; runs in a process of its own application."""
    keys = app.extensions[EXTENSION].keys
    token = issue_access_token(keys, Owner(ActorKind.RESIDENT, town_id, resident_id, 1), utc_now())
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"race-{session_id}-{resident_id}"}
    path = f"/api/v1/sessions/{session_id}/reservations"
    answer = until_answered(lambda: app.test_client().post(path, json={}, headers=headers))
    return str(answer.json["status"] if answer.status_code == 201 else answer.json["code"])


@pytest.fixture
def race_town(databases: Databases, tmp_path: Path) -> TownBuilder:
    """A town in a database of its own, on the engine of the test."""
    app = make_app(settings_for(databases.make(), tmp_path, log_level="ERROR"))
    yield new_town(app.extensions[EXTENSION])
    app.extensions[EXTENSION].transactions.engine.dispose()


def counted(town: TownBuilder, session: int) -> tuple[int, int]:
    """Places taken by the session's counter, and by adding the reservations up."""
    (counter,) = town.rows(Session.taken, id=session)
    sizes = town.rows(Reservation.party_size, session_id=session)
    return counter.taken, sum(row.party_size for row in sizes)


def test_the_last_places_are_never_given_twice(race_town: TownBuilder) -> None:
    session = race_town.session(capacity=PLACES)
    residents = [race_town.resident().id for _ in range(RESIDENTS)]
    answers = from_processes(race_town, reserve, [(race_town.id, session, resident) for resident in residents])
    assert Counter(answers) == {"confirmed": PLACES, "reservation.full": RESIDENTS - PLACES}
    assert counted(race_town, session) == (PLACES, PLACES)


def test_with_the_guard_taken_away_the_same_race_gives_more_places_than_there_are(race_town: TownBuilder) -> None:
    take_the_check_away(race_town.house)
    session = race_town.session(capacity=PLACES)
    residents = [race_town.resident().id for _ in range(RESIDENTS)]
    answers = from_processes(race_town, look_then_reserve, [(race_town.id, session, r) for r in residents])
    assert Counter(answers)["confirmed"] > PLACES
    assert counted(race_town, session)[1] > PLACES


_all_have_looked = threading.Barrier(THREADS)


def look_then_reserve(app: Flask, town_id: int, session_id: int, resident_id: int) -> str:
    """The same deed without its guard: a look in one transaction, the write in the next."""
    house: House = app.extensions[EXTENSION]
    ignore_checks_on_sqlite(house)

    def look(work: Work) -> bool:
        row = work.db.execute(select(Session.taken, Session.capacity).where(Session.id == session_id)).one()
        return row.taken + 1 <= row.capacity

    def write(work: Work) -> None:
        work.db.execute(update(Session).where(Session.id == session_id).values(taken=Session.taken + 1))
        status = ReservationStatus.CONFIRMED
        columns = {"session_id": session_id, "resident_id": resident_id, "party_size": 1, "status": status}
        add(work, Reservation, reserved_at=work.now, **columns)

    fits = house.transactions.read(town_id, SYSTEM, look)
    _all_have_looked.wait()
    if not fits:
        return "reservation.full"
    house.transactions.write(town_id, SYSTEM, write)
    return "confirmed"


def take_the_check_away(house: House) -> None:
    if house.transactions.engine.dialect.name == "postgresql":
        with house.transactions.engine.begin() as connection:
            connection.execute(text("ALTER TABLE session DROP CONSTRAINT ck_session_taken_within_capacity"))


def ignore_checks_on_sqlite(house: House) -> None:
    engine = house.transactions.engine
    if engine.dialect.name == "sqlite" and not event.contains(engine, "checkout", _ignore_checks):
        event.listen(engine, "checkout", _ignore_checks)


def _ignore_checks(connection: object, _record: object, _proxy: object) -> None:
    connection.execute("PRAGMA ignore_check_constraints=ON")  # type: ignore[attr-defined]
