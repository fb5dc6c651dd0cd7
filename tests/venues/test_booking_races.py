"""Many want one slot, or one person wants many: from four processes, fifty threads each, on both engines.

Each race has its control arm, in which the guard is taken away: the same callers look first and write after, and then
the fault must show, or the race was never there.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, text

from app import create_app
from blueprints.edge.house import EXTENSION, House
from models.residents import Role
from models.venues import BookingStatus, BookingUsage, HolderKind, VenueBooking, VenueSlot
from rules.clock import local_day, utc_now
from rules.residents.tokens import Owner, issue_access_token
from rules.venues.booking import BookingWish, book_venue
from rules.venues.slots import quarters_of
from rules.venues.usage import week_of
from rules.work import SYSTEM, ActorKind, Work
from tests.build import TownBuilder, add, new_town, settings_for
from tests.conftest import Databases
from tests.races import THREADS, from_processes, until_answered
from tests.venues.halls import HOUR, asked, assert_books_agree, hall, monday, slots_of, sports_hall, tomorrow, used

RESIDENTS = 200
COURTS = 4
A_WEEK = 3  #: bookings that one person may have


@pytest.fixture
def race_town(databases: Databases, tmp_path: Path) -> Iterator[TownBuilder]:
    """A town in a database of its own, on the engine of the test."""
    app = create_app(settings_for(databases.make(), tmp_path, log_level="ERROR"))
    yield new_town(app.extensions[EXTENSION])
    app.extensions[EXTENSION].transactions.engine.dispose()


def wish(app: Flask, town_id: int, venue: int, resident: int, begin: str, hours: int, use_id: int | None) -> str:
    """One resident's call, as the mini-program makes it; runs in a process of its own application."""
    keys = app.extensions[EXTENSION].keys
    token = issue_access_token(keys, Owner(ActorKind.RESIDENT, town_id, resident, 1), utc_now())
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"race-{venue}-{resident}-{begin[:16]}-{hours}"}
    body = asked(datetime.fromisoformat(begin), hours * HOUR, **({"use_id": use_id} if use_id else {}))
    path = f"/api/v1/venues/{venue}/bookings"
    answer = until_answered(lambda: app.test_client().post(path, json=body, headers=headers))
    return str(answer.json["status"] if answer.status_code == 201 else answer.json["code"])


# --- one slot ---------------------------------------------------------------------------------------------------------


def test_one_slot_is_given_to_one(race_town: TownBuilder) -> None:
    venue, begin = hall(race_town), tomorrow(10).isoformat()
    residents = [race_town.resident().id for _ in range(RESIDENTS)]
    jobs = [(race_town.id, venue, resident, begin, 1, None) for resident in residents]
    assert Counter(from_processes(race_town, wish, jobs)) == {"confirmed": 1, "venue.taken": RESIDENTS - 1}
    assert len(slots_of(race_town, venue)) == 4
    assert_books_agree(race_town)


def test_four_courts_are_given_to_four_and_none_stays_empty(race_town: TownBuilder) -> None:
    venue, court, *_ = sports_hall(race_town)
    residents = [race_town.resident().id for _ in range(RESIDENTS)]
    begin = tomorrow(10).isoformat()
    jobs = [(race_town.id, venue, resident, begin, 1, court) for resident in residents]
    assert Counter(from_processes(race_town, wish, jobs)) == {"confirmed": COURTS, "venue.taken": RESIDENTS - COURTS}
    assert_books_agree(race_town)


def test_bookings_of_all_lengths_and_sizes_never_meet_and_never_wait_in_a_circle(race_town: TownBuilder) -> None:
    venue, *uses = sports_hall(race_town)
    residents = [race_town.resident().id for _ in range(RESIDENTS)]
    jobs = [
        (race_town.id, venue, resident, tomorrow(9 + n % 5).isoformat(), 1 + n % 3, uses[n % 3])
        for n, resident in enumerate(residents)
    ]
    answers = Counter(from_processes(race_town, wish, jobs))
    assert set(answers) == {"confirmed", "venue.taken"}
    assert_books_agree(race_town)
    # whoever was refused would not have fitted: every court of every hour that was asked for has somebody for some time
    taken = slots_of(race_town, venue)
    assert len({at for _, at in taken}) >= 4 * 5


_all_have_looked = threading.Barrier(THREADS)


def test_with_the_guard_taken_away_one_slot_is_given_to_many(race_town: TownBuilder) -> None:
    take_the_key_away(race_town.house)
    venue, begin = hall(race_town), tomorrow(10).isoformat()
    residents = [race_town.resident().id for _ in range(RESIDENTS)]
    jobs = [(race_town.id, venue, resident, begin) for resident in residents]
    answers = Counter(from_processes(race_town, look_then_book, jobs))
    assert answers["confirmed"] > 1
    slots = race_town.rows(VenueSlot.part, VenueSlot.starts_at, venue_id=venue)
    assert len(slots) == 4 * answers["confirmed"] > len({(row.part, row.starts_at) for row in slots})


def look_then_book(app: Flask, town_id: int, venue: int, resident: int, begin: str) -> str:
    """The same deed without its guard: a look in one transaction, the write in the next."""
    house: House = app.extensions[EXTENSION]
    starts_at = datetime.fromisoformat(begin)
    times = quarters_of(starts_at, starts_at + HOUR)

    def look(work: Work) -> bool:
        there = select(func.count()).where(VenueSlot.venue_id == venue, VenueSlot.starts_at.in_(times))
        return work.db.execute(there).scalar_one() == 0

    def write(work: Work) -> None:
        booking = write_booking(work, venue, resident, starts_at)
        for at in times:
            row = {"town_id": town_id, "venue_id": venue, "part": 1, "starts_at": at, "booking_id": booking}
            work.core.execute(insert(VenueSlot), row)

    is_free = house.transactions.read(town_id, SYSTEM, look)
    _all_have_looked.wait()
    if not is_free:
        return "venue.taken"
    house.transactions.write(town_id, SYSTEM, write)
    return "confirmed"


def write_booking(work: Work, venue: int, resident: int, starts_at: datetime) -> int:
    columns = {
        "venue_id": venue,
        "resident_id": resident,
        "parts": [1],
        "starts_at": starts_at,
        "ends_at": starts_at + HOUR,
        "week": week_of(local_day(starts_at)),
        "purpose": "测试",
        "party_size": 1,
        "status": BookingStatus.CONFIRMED,
        "booked_at": work.now,
        "cancellable_until": starts_at,
    }
    return add(work, VenueBooking, **columns)


def take_the_key_away(house: House) -> None:
    """The primary key of slots, which is the guard."""
    engine = house.transactions.engine
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE venue_slot DROP CONSTRAINT pk_venue_slot"))
        else:
            connection.execute(text("ALTER TABLE venue_slot RENAME TO kept_slot"))
            connection.execute(text("CREATE TABLE venue_slot AS SELECT * FROM kept_slot"))


# --- one person's week ------------------------------------------------------------------------------------------------


def hours_of_the_week(count: int) -> list[datetime]:
    """So many hours of next week in which the room is open."""
    return [monday() + timedelta(days=n // 8) + (9 + n % 8) * HOUR for n in range(count)]


def test_a_week_of_one_person_never_has_more_than_its_limit(race_town: TownBuilder) -> None:
    venue, me = hall(race_town, person_week_max=A_WEEK), race_town.resident()
    times = hours_of_the_week(50)
    jobs = [(race_town.id, venue, me.id, at.isoformat(), 1, None) for at in times]
    answers = Counter(from_processes(race_town, wish, jobs))
    assert answers == {"confirmed": A_WEEK, "booking.limit_reached": len(times) - A_WEEK}
    assert used(race_town, venue) == {("person", me.id): A_WEEK}
    assert_books_agree(race_town)


def test_with_the_guard_taken_away_a_week_has_more_than_its_limit(race_town: TownBuilder) -> None:
    venue, me = hall(race_town, person_week_max=A_WEEK), race_town.resident()
    times = hours_of_the_week(4 * THREADS)
    jobs = [(race_town.id, venue, me.id, at.isoformat()) for at in times]
    answers = Counter(from_processes(race_town, count_then_book, jobs))
    assert answers["confirmed"] > A_WEEK


def count_then_book(app: Flask, town_id: int, venue: int, resident: int, begin: str) -> str:
    """Counting in one transaction, and booking in the next."""
    house: House = app.extensions[EXTENSION]
    starts_at = datetime.fromisoformat(begin)

    def look(work: Work) -> bool:
        had = select(func.count()).where(VenueBooking.venue_id == venue, VenueBooking.resident_id == resident)
        return work.db.execute(had).scalar_one() < A_WEEK

    has_some_left = house.transactions.read(town_id, SYSTEM, look)
    _all_have_looked.wait()
    if not has_some_left:
        return "booking.limit_reached"
    house.transactions.write(town_id, SYSTEM, write_booking, venue, resident, starts_at)
    return "confirmed"


# --- others at the same moment ----------------------------------------------------------------------------------------


def deed_of(app: Flask, kind: str, town_id: int, who: int, what: int, begin: str) -> str:
    """A call of a resident who books or gives back, of staff who close the room, or of the job."""
    keys = app.extensions[EXTENSION].keys
    actor = ActorKind.STAFF if kind == "close" else ActorKind.RESIDENT
    token = issue_access_token(keys, Owner(actor, town_id, who, 1), utc_now())
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{kind}-{who}-{what}-{begin[:16]}"}
    client, starts_at = app.test_client(), datetime.fromisoformat(begin)
    if kind == "book":
        call = lambda: client.post(f"/api/v1/venues/{what}/bookings", json=asked(starts_at), headers=headers)  # noqa: E731
    elif kind == "cancel":
        call = lambda: client.delete(f"/api/v1/bookings/{what}", headers=headers)  # noqa: E731
    else:
        body = {"starts_at": begin, "ends_at": (starts_at + 8 * HOUR).isoformat(), "reason": "抢修"}
        call = lambda: client.post(f"/api/v1/venues/{what}/closures", json=body, headers=headers)  # noqa: E731
    answer = until_answered(call)
    return str(answer.json.get("code") or answer.status_code)


def test_no_booking_slips_past_a_closure_that_is_being_written(race_town: TownBuilder) -> None:
    """Residents book and give back all hours of a day while the room is closed for that day."""
    venue, staff = hall(race_town), race_town.staff(Role.ORGANISER).id
    people = [race_town.resident().id for _ in range(RESIDENTS)]
    day = tomorrow(9)
    books = [("book", race_town.id, person, venue, (day + n % 8 * HOUR).isoformat()) for n, person in enumerate(people)]
    close = ("close", race_town.id, staff, venue, day.isoformat())
    answers = Counter(from_processes(race_town, deed_of, [*books[:120], close, *books[120:]]))
    assert set(answers) <= {"201", "venue.taken"}
    live = [row for row in race_town.rows(VenueBooking.status) if row.status is BookingStatus.CONFIRMED]
    assert live == []
    assert slots_of(race_town, venue) == set()
    assert_books_agree(race_town)


def test_what_is_cancelled_twice_at_once_is_given_back_once(race_town: TownBuilder) -> None:
    venue, me = hall(race_town, person_week_max=5), race_town.resident()
    wishes = [BookingWish(at, at + HOUR, "测试") for at in hours_of_the_week(3)]
    ids = [race_town.act(me, book_venue, venue, each).id for each in wishes]
    jobs = [("cancel", race_town.id, me.id, ids[0], f"2026-01-01T{n:02}:00") for n in range(24) for _ in range(4)]
    answers = Counter(from_processes(race_town, deed_of, jobs))
    assert set(answers) <= {"200", "booking.not_cancellable"}
    kept = race_town.rows(BookingUsage.used, holder_kind=HolderKind.PERSON)
    assert [row.used for row in kept] == [2]
    assert_books_agree(race_town)
