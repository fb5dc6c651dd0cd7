"""What the desk does for somebody while they are erased comes before, and ends with them, or is refused, or lapses."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models.estates import RepairStatus
from models.ledger import Account, AccountKind, Book
from models.reservations import Reservation, ReservationStatus
from models.residents import Erasure, Resident, Role
from rules.rights.erasing import Erased, erase_due
from rules.rights.unwinding import find_open
from rules.volunteering.book import HOURS
from rules.work import SYSTEM
from tests.build import ApiClient, Person, TownBuilder, fresh_key
from tests.edge.helpers import problem_of
from tests.estates.homes import home_in
from tests.ledger.keeping import audit
from tests.points.hands import allow_hands, effects, give, manager
from tests.points.test_imports import file_of, line, results_of, send
from tests.races import from_threads, until_answered
from tests.residents.people import a_mobile, at_the_desk, register, years_ago
from tests.residents.rights import ask_erasure, everything_in
from tests.rulebook.live import put_in_force, record
from tests.volunteering.serving import RULES, entry, records_of, write_down

DESKS = 12
SORTING = '[[earn]]\nid = "sorted"\nevent = "sorted"\ntitle = "垃圾分类"\namount = 3\n'


def due(town: TownBuilder, api: ApiClient) -> Person:
    """Somebody whose time of reflection is over."""
    person = town.resident(volunteer=True)
    assert ask_erasure(api.as_(person)).status_code == 201
    hurry = update(Erasure).where(Erasure.town_id == town.id)
    town.act(None, lambda work: work.core.execute(hurry.values(due_at=work.now - timedelta(seconds=1))))
    return person


def points_of(town: TownBuilder, person: Person) -> int:
    """In every book but that of service hours, which stay."""
    hours = {row.id for row in town.rows(Book.id, code=HOURS)}
    wallets = town.rows(Account, owner_id=person.id, kind=AccountKind.WALLET)
    return sum(account.credited - account.debited for (account,) in wallets if account.book_id not in hours)


def at_the_desks(town: TownBuilder, api: ApiClient, person: Person, start: threading.Barrier) -> list[tuple[str, int]]:
    """What many desks do for one person at once, and how each was answered."""
    staff = api.as_(town.staff(Role.MANAGER, Role.ORGANISER, Role.SCANNER))
    sessions = [town.session(begins_in=timedelta(hours=1 + 3 * n)) for n in range(DESKS)]

    def reserve(n: int) -> int:
        key = fresh_key()
        wish = {"resident_id": str(person.id)}
        return until_answered(lambda: staff.post(f"/sessions/{sessions[n]}/reservations", wish, key=key)).status_code

    def award(n: int) -> int:
        key = fresh_key()
        return until_answered(lambda: record(staff, person, "sorted", ref=f"r{n}", key=key)).status_code

    def write_hours(_n: int) -> int:
        key = fresh_key()
        return until_answered(lambda: write_down(staff, entry(person, 20), key=key)).status_code

    deeds = (reserve, award, write_hours)

    def work_at(n: int) -> list[tuple[str, int]]:
        start.wait(timeout=30)
        return [(deed.__name__, deed(n)) for deed in deeds]

    return [answer for answers in from_threads(work_at, [(n,) for n in range(DESKS)], DESKS) for answer in answers]


def test_nothing_that_the_desks_do_meanwhile_is_left_to_nobody(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULES + SORTING)
    person, start = due(town, api), threading.Barrier(DESKS + 1)

    def erase() -> Erased:
        start.wait(timeout=30)
        return erase_due(town.database, town.id)

    eraser = threading.Thread(target=erase)
    eraser.start()
    answers = Counter(at_the_desks(town, api, person, start))
    eraser.join()
    for _ in range(2):  # who was busy with desks is due again
        erase_due(town.database, town.id)
    assert town.rows(Erasure.done_at, resident_id=person.id)[0].done_at is not None
    assert town.database.read(town.id, SYSTEM, find_open, person.id) == []
    places = Counter(row.status for row in town.rows(Reservation.status, resident_id=person.id))
    assert ReservationStatus.CONFIRMED not in places
    assert places.total() == answers["reserve", 201]
    assert len(records_of(town, person)) == answers["write_hours", 201]
    assert points_of(town, person) == 0
    audit(town)


def test_for_who_was_erased_nothing_is_done_and_what_comes_all_the_same_lapses(
    town: TownBuilder, api: ApiClient
) -> None:
    put_in_force(town, RULES + SORTING)
    person = due(town, api)
    assert erase_due(town.database, town.id) == Erased(1, 0)
    staff = api.as_(town.staff(Role.MANAGER, Role.ORGANISER, Role.SCANNER))
    them, session_id = {"resident_id": str(person.id)}, town.session()
    before = effects(town)
    for answer in (
        record(staff, person, "sorted"),
        staff.post("/points/adjustments", them | {"amount": 5, "reason": "补发一次"}),
        staff.post(f"/sessions/{session_id}/reservations", them),
        staff.post(f"/residents/{person.id}/card", {}),
    ):
        problem_of(answer, 404, "resident.unknown")
    problem_of(write_down(staff, entry(person, 20)), 422, "volunteering.records_invalid")
    assert effects(town) == before
    give(town, person, 7)
    assert points_of(town, person) == 7
    assert erase_due(town.database, town.id) == Erased(0, 0)
    assert points_of(town, person) == 0
    audit(town)


def erased(town: TownBuilder, api: ApiClient) -> Person:
    person = due(town, api)
    assert erase_due(town.database, town.id) == Erased(1, 0)
    return person


def test_a_correction_of_points_that_waits_is_not_approved_for_who_was_erased_meanwhile(
    town: TownBuilder, api: ApiClient
) -> None:
    allow_hands(town)
    person, first, second = due(town, api), manager(town, api), manager(town, api)
    waiting = first.post("/points/adjustments", {"resident_id": str(person.id), "amount": 500, "reason": "补发一次"})
    assert waiting.json["status"] == "pending", waiting.text
    assert erase_due(town.database, town.id) == Erased(1, 0)
    problem_of(second.post(f"/points/adjustments/{waiting.json['id']}/approval"), 404, "resident.unknown")
    assert second.post(f"/points/adjustments/{waiting.json['id']}/refusal").status_code == 200


def test_who_was_erased_becomes_nobodys_guardian(town: TownBuilder, api: ApiClient) -> None:
    person = erased(town, api)
    child = {"guardian_id": str(person.id), "born_on": years_ago(6)}
    problem_of(register(at_the_desk(town, api), town, **child), 404, "proxy.agent_unknown")


def test_a_row_of_an_imported_file_that_names_who_was_erased_names_nobody(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    person, there = erased(town, api), town.resident()
    staff = manager(town, api)
    sent = send(staff, file_of(line("a", person), line("b", there)))
    assert results_of(staff, sent.json["id"]) == [(2, "resident_unknown"), (3, "booked")]
    assert points_of(town, person) == 0


def during(town: TownBuilder, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Let somebody's erasure be carried out, whole, just before a deed goes on with this call."""
    module, _, name = call.rpartition(".")
    real = getattr(sys.modules[module], name)

    def erase_then_call(*args: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(erase_due, town.database, town.id).result().residents == 1
        return real(*args)

    monkeypatch.setattr(call, erase_then_call)


def needs_two_writers(town: TownBuilder) -> None:
    if town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")


def test_the_desk_does_not_write_a_name_back_for_who_is_erased_while_it_looks(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_two_writers(town)
    person, desk = due(town, api), at_the_desk(town, api, Role.ADMIN)
    during(town, monkeypatch, "rules.residents.desk.lock_record")
    correction = {"name": "王小明", "phone": a_mobile()}
    problem_of(desk.call("PATCH", f"/residents/{person.id}", correction), 404, "resident.unknown")
    [row] = town.rows(Resident.name, Resident.phone_sealed, Resident.phone_tail, id=person.id)
    assert tuple(row) == ("", None, None)


def test_what_is_written_down_for_somebody_just_after_is_erased_by_the_next_run(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_two_writers(town)
    home = home_in(town, api)
    assert ask_erasure(home.as_(home.owner)).status_code == 201
    hurry = update(Erasure).where(Erasure.town_id == town.id)
    town.act(None, lambda work: work.core.execute(hurry.values(due_at=work.now - timedelta(seconds=1))))
    during(town, monkeypatch, "rules.estates.submitting.seal_phone")
    sent = home.submit(home.manager, resident_id=str(home.owner.id), description="厨房水管漏得厉害")
    assert sent.status_code == 201, sent.text
    assert any("厨房水管漏得厉害" in text for text in everything_in(town).values())
    assert erase_due(town.database, town.id) == Erased(0, 0)
    left = [name for name, text in everything_in(town).items() if "厨房水管漏得厉害" in text]
    assert left == ["idempotency_record"]  # what the desk was answered, which is kept for a day
    assert home.row(sent.json["id"]).status is RepairStatus.CANCELLED
