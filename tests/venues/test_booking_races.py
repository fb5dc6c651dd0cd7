"""Many want one slot, or one person wants many: from four processes, fifty threads each, on both engines.

Each race has its control arm, in which the guard is taken away: the same callers look first and write after, and then
the fault must show, or the race was never there.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, text

from blueprints.edge.house import EXTENSION, House
from models.residents import Role
from models.venues import BookingStatus, BookingUsage, HolderKind, VenueBooking, VenueSlot
from rules.clock import local_day, utc_now
from rules.residents.tokens import Owner, issue_access_token
from rules.venues import booking, slots
from rules.venues.booking import BookingWish, book_venue
from rules.venues.closures import ClosureWish, close_venue
from rules.venues.places import find_venue
from rules.venues.slots import quarters_of
from rules.venues.usage import week_of
from rules.work import ActorKind, Work
from tests.apps import make_app
from tests.build import TownBuilder, add, new_town, settings_for
from tests.conftest import Databases
from tests.ledger.crowd import Crowd, crowd_of
from tests.races import PROCESSES, THREADS, from_threads, until_answered
from tests.venues.halls import HOUR, asked, assert_books_agree, hall, monday, slots_of, sports_hall, tomorrow, used

RESIDENTS = 200
COURTS = 4
A_WEEK = 3  #: bookings that one person may have


@pytest.fixture(scope="module")
def crowd(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Four processes with an application each, on one database of the engine of the test."""
    app = make_app(settings_for(databases.make(), tmp_path_factory.mktemp("crowd"), log_level="ERROR"))
    with crowd_of(PROCESSES, app.extensions[EXTENSION]) as crowd:
        yield crowd
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture
def race_town(crowd: Crowd) -> TownBuilder:
    """A town in the crowd's database."""
    return new_town(crowd.house)


@pytest.fixture
def unguarded(databases: Databases, tmp_path: Path) -> Iterator[TownBuilder]:
    """A town in a database of its own, from which a guard may be taken away."""
    app = make_app(settings_for(databases.make(), tmp_path, log_level="ERROR"))
    yield new_town(app.extensions[EXTENSION])
    app.extensions[EXTENSION].transactions.engine.dispose()


def answers_of(crowd: Crowd, deed: Callable[..., str], jobs: Sequence[tuple[Any, ...]]) -> Counter[str]:
    """How often each answer was given to calls from all processes; none of them waited in a circle."""
    answers = crowd.call(deed, jobs, threads=THREADS)
    assert answers.deadlocks == 0
    return Counter(answers.all)


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


def test_one_slot_is_given_to_one(crowd: Crowd, race_town: TownBuilder) -> None:
    venue, begin = hall(race_town), tomorrow(10).isoformat()
    residents = [race_town.resident().id for _ in range(RESIDENTS)]
    jobs = [(race_town.id, venue, resident, begin, 1, None) for resident in residents]
    assert answers_of(crowd, wish, jobs) == {"confirmed": 1, "venue.taken": RESIDENTS - 1}
    assert len(slots_of(race_town, venue)) == 4
    assert_books_agree(race_town)


def test_four_courts_are_given_to_four_and_none_stays_empty(crowd: Crowd, race_town: TownBuilder) -> None:
    venue, court, *_ = sports_hall(race_town)
    residents = [race_town.resident().id for _ in range(RESIDENTS)]
    begin = tomorrow(10).isoformat()
    jobs = [(race_town.id, venue, resident, begin, 1, court) for resident in residents]
    assert answers_of(crowd, wish, jobs) == {"confirmed": COURTS, "venue.taken": RESIDENTS - COURTS}
    assert_books_agree(race_town)


def test_bookings_of_all_lengths_and_sizes_never_meet_and_never_wait_in_a_circle(
    crowd: Crowd, race_town: TownBuilder
) -> None:
    venue, *uses = sports_hall(race_town)
    residents = [race_town.resident().id for _ in range(RESIDENTS)]
    jobs = [
        (race_town.id, venue, resident, tomorrow(9 + n % 5).isoformat(), 1 + n % 3, uses[n % 3])
        for n, resident in enumerate(residents)
    ]
    answers = answers_of(crowd, wish, jobs)
    assert set(answers) == {"confirmed", "venue.taken"}
    assert_books_agree(race_town)
    # whoever was refused would not have fitted: every court of every hour that was asked for has somebody for some time
    taken = slots_of(race_town, venue)
    assert len({at for _, at in taken}) >= 4 * 5


_all_have_looked = threading.Barrier(THREADS)


def test_with_the_guard_taken_away_one_slot_is_given_to_many(unguarded: TownBuilder) -> None:
    take_the_key_away(unguarded.house)
    venue = hall(unguarded)
    people = [unguarded.resident().id for _ in range(THREADS)]
    answers = Counter(from_threads(look_then_book, [(unguarded, venue, person, tomorrow(10)) for person in people]))
    assert answers["confirmed"] > 1
    slots = unguarded.rows(VenueSlot.part, VenueSlot.starts_at, venue_id=venue)
    assert len(slots) == 4 * answers["confirmed"] > len({(row.part, row.starts_at) for row in slots})


def look_then_book(town: TownBuilder, venue: int, resident: int, starts_at: datetime) -> str:
    """The same deed without its guard: a look in one transaction, the write in the next."""
    times = quarters_of(starts_at, starts_at + HOUR)

    def write(work: Work) -> None:
        booking_id = write_booking(work, venue, resident, starts_at)
        for at in times:
            row = {"town_id": town.id, "venue_id": venue, "part": 1, "starts_at": at, "booking_id": booking_id}
            work.core.execute(insert(VenueSlot), row)

    is_free = not slots_of(town, venue)
    _all_have_looked.wait()
    if not is_free:
        return "venue.taken"
    town.act(None, write)
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


def test_a_week_of_one_person_never_has_more_than_its_limit(crowd: Crowd, race_town: TownBuilder) -> None:
    venue, me = hall(race_town, person_week_max=A_WEEK), race_town.resident()
    times = hours_of_the_week(50)
    jobs = [(race_town.id, venue, me.id, at.isoformat(), 1, None) for at in times]
    answers = answers_of(crowd, wish, jobs)
    assert answers == {"confirmed": A_WEEK, "booking.limit_reached": len(times) - A_WEEK}
    assert used(race_town, venue) == {("person", me.id): A_WEEK}
    assert_books_agree(race_town)


def test_with_the_guard_taken_away_a_week_has_more_than_its_limit(unguarded: TownBuilder) -> None:
    venue, me = hall(unguarded, person_week_max=A_WEEK), unguarded.resident()
    jobs = [(unguarded, venue, me.id, at) for at in hours_of_the_week(THREADS)]
    assert Counter(from_threads(count_then_book, jobs))["confirmed"] > A_WEEK


def count_then_book(town: TownBuilder, venue: int, resident: int, starts_at: datetime) -> str:
    """Counting in one transaction, and booking in the next."""
    has_some_left = len(town.rows(VenueBooking.id, venue_id=venue, resident_id=resident)) < A_WEEK
    _all_have_looked.wait()
    if not has_some_left:
        return "booking.limit_reached"
    town.act(None, write_booking, venue, resident, starts_at)
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


def test_no_booking_slips_past_a_closure_that_is_being_written(crowd: Crowd, race_town: TownBuilder) -> None:
    """Residents book and give back all hours of a day while the room is closed for that day."""
    venue, staff = hall(race_town), race_town.staff(Role.ORGANISER).id
    people = [race_town.resident().id for _ in range(RESIDENTS)]
    day = tomorrow(9)
    books = [("book", race_town.id, person, venue, (day + n % 8 * HOUR).isoformat()) for n, person in enumerate(people)]
    close = ("close", race_town.id, staff, venue, day.isoformat())
    answers = answers_of(crowd, deed_of, [*books[:120], close, *books[120:]])
    assert set(answers) <= {"201", "venue.taken"}
    live = [row for row in race_town.rows(VenueBooking.status) if row.status is BookingStatus.CONFIRMED]
    assert live == []
    assert slots_of(race_town, venue) == set()
    assert_books_agree(race_town)


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_closure_waits_for_a_booking_that_is_being_made(
    unguarded: TownBuilder, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """Somebody has looked and found the room open; then it is closed; then they book. The room's row keeps them apart.

    Without it, the control arm, the booking stands in a closed room. On SQLite there is one writer at a time anyway.
    """
    if unguarded.database.engine.dialect.name == "sqlite" and not is_guarded:
        return
    venue, me, staff = hall(unguarded), unguarded.resident(), unguarded.staff(Role.ORGANISER)
    begin, end = tomorrow(10), tomorrow(11)
    has_looked, is_closed = threading.Event(), threading.Event()
    look = slots.free_parts

    def look_and_linger(*asked: Any) -> list[int]:
        found = look(*asked)
        has_looked.set()
        is_closed.wait(0.5)
        return found

    def close() -> None:
        unguarded.act(staff, close_venue, venue, ClosureWish(begin, end, "抢修"))
        is_closed.set()

    monkeypatch.setattr(slots, "free_parts", look_and_linger)
    if not is_guarded:
        monkeypatch.setattr(booking, "share_venue", find_venue)
    with ThreadPoolExecutor(2) as pool:
        booked = pool.submit(unguarded.act, me, book_venue, venue, BookingWish(begin, end, "测试"))
        assert has_looked.wait(5)
        pool.submit(close).result()
    (row,) = unguarded.rows(VenueBooking.status, id=booked.result().id)
    assert row.status is (BookingStatus.CANCELLED if is_guarded else BookingStatus.CONFIRMED)
    assert bool(slots_of(unguarded, venue)) is not is_guarded


def test_what_is_cancelled_twice_at_once_is_given_back_once(crowd: Crowd, race_town: TownBuilder) -> None:
    venue, me = hall(race_town, person_week_max=5), race_town.resident()
    wishes = [BookingWish(at, at + HOUR, "测试") for at in hours_of_the_week(3)]
    ids = [race_town.act(me, book_venue, venue, each).id for each in wishes]
    jobs = [("cancel", race_town.id, me.id, ids[0], f"2026-01-01T{n:02}:00") for n in range(24) for _ in range(4)]
    answers = answers_of(crowd, deed_of, jobs)
    assert set(answers) <= {"200", "booking.not_cancellable"}
    kept = race_town.rows(BookingUsage.used, holder_kind=HolderKind.PERSON)
    assert [row.used for row in kept] == [2]
    assert_books_agree(race_town)
