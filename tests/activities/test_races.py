"""Protects changes of sessions against those who reserve, against other organisers, and against the night."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
import time_machine
from sqlalchemy import literal, select, update
from sqlalchemy.exc import IntegrityError

from models.activities import Session, SessionStatus
from models.jobs import Outbox
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from rules.activities import changing, expanding
from rules.activities.changing import Scope, call_off, change_sessions
from rules.activities.minimum import call_off_if_short, short_sessions
from rules.errors import RuleError
from rules.reservations.reserving import Wish, reserve_place
from rules.work import Work
from tests.activities.organising import Desk, a_night
from tests.activities.plan import DAY, HOUR, NOW, a_session, at_nine
from tests.build import ApiClient, TownBuilder, add
from tests.races import from_threads

RESIDENTS = 50
CLOSES = NOW + DAY - HOUR


def answer_of(town: TownBuilder, person: Any, deed: Any, *args: Any) -> str:
    """What became of a deed: done, the code of its refusal, or broken."""
    try:
        town.act(person, deed, *args)
    except RuleError as refusal:
        return refusal.code
    except IntegrityError:
        return "broken"
    return "done"


# Fewer places, while places are taken


def lower(work: Work, session_id: int) -> None:
    """As few places as are taken, as the organiser sees it."""
    taken = work.core.scalar(select(Session.taken).where(Session.town_id == work.town_id, Session.id == session_id))
    change_sessions(work, session_id, Scope.ONE, {"capacity": max(taken or 0, 1)})


def test_capacity_never_falls_below_what_is_taken_at_the_same_moment(town: TownBuilder) -> None:
    organiser = town.staff(Role.ORGANISER)
    session_id = a_session(town, town.activity(), NOW + DAY, capacity=RESIDENTS)
    jobs = [(town.resident(), reserve_place, session_id, Wish(1)) for _ in range(RESIDENTS)]
    jobs += [(organiser, lower, session_id)] * 10
    with at_nine():
        answers = Counter(from_threads(lambda *job: answer_of(town, *job), jobs[::-1]))
    assert set(answers) <= {"done", "reservation.full", "session.capacity_below_taken"}
    [row] = town.rows(Session.taken, Session.capacity)
    assert row.taken == len(town.rows(Reservation)) <= row.capacity


def test_with_the_lock_taken_away_a_look_and_a_write_break(town: TownBuilder) -> None:
    """Every organiser has looked before any place is taken, and writes after all are: the table alone stands in the way."""
    session_id = a_session(town, town.activity(), NOW + DAY, capacity=4)
    with at_nine():
        [(seen,)] = town.rows(Session.taken)
        for _ in range(3):
            assert answer_of(town, town.resident(), reserve_place, session_id, Wish(1)) == "done"
    values = {"capacity": max(seen, 1), "versioned_at": NOW}
    fewer = update(Session).where(Session.town_id == town.id, Session.id == session_id).values(values)
    assert answer_of(town, None, lambda work: work.core.execute(fewer)) == "broken"


# Called off once


def a_short_session(town: TownBuilder) -> int:
    columns = {"capacity": 10, "capacity_min": 3, "reservable_until": CLOSES, "taken": 1}
    session_id = a_session(town, town.activity(), NOW + DAY, **columns)
    row = {"session_id": session_id, "resident_id": town.resident().id, "party_size": 1, "reserved_at": NOW}
    town.act(None, lambda work: add(work, Reservation, status=ReservationStatus.CONFIRMED, **row))
    return session_id


def test_many_at_once_call_a_session_off_once(town: TownBuilder) -> None:
    session_id = a_short_session(town)
    with time_machine.travel(CLOSES, tick=False):
        done = from_threads(lambda _n: town.act(None, call_off_if_short, session_id), [(n,) for n in range(RESIDENTS)])
    assert done.count(True) == 1
    assert len(town.rows(Outbox, topic="session.cancelled")) == 1
    assert town.rows(Session.taken, Session.status) == [(0, SessionStatus.CANCELLED)]


def test_with_the_guard_taken_away_each_of_them_calls_it_off(
    town: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"status": SessionStatus.CANCELLED, "versioned_at": NOW}
    unguarded = update(Session).where(*changing._this).values(values).returning(Session.id)
    monkeypatch.setattr(changing, "_call_off", unguarded.execution_options(synchronize_session=False))
    session_id = a_short_session(town)
    callers = 8
    all_have_looked = threading.Barrier(callers)

    def look_then_call_off(_n: int) -> bool:
        found = town.act(None, short_sessions)
        all_have_looked.wait()
        return session_id in found and town.act(None, call_off, session_id, "x")

    with time_machine.travel(CLOSES, tick=False):
        done = from_threads(look_then_call_off, [(n,) for n in range(callers)], callers)
    assert done.count(True) == callers


# The night, in the middle of a change


def capacities_after_a_night_within(town: TownBuilder, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Change all sessions of a series, with a night that adds some after they are locked and before the series is."""
    activity = desk.activity()
    desk.series(activity, rrule="FREQ=WEEKLY;BYDAY=MO,WE")
    first = desk.sessions(activity)[0].id
    lock_series, nights = expanding.lock_series, []

    def lock_late(work: Work, series_id: int) -> Any:
        if not nights:
            night = threading.Thread(target=lambda: nights.append(a_night_of(town)))
            night.start()
            night.join(timeout=30)
            assert nights == [1], "the night has added a session"
        return lock_series(work, series_id)

    monkeypatch.setattr(changing, "lock_series", lock_late)
    with at_nine():
        town.act(desk.person, change_sessions, first, Scope.ALL, {"capacity": 7})
    return {row.capacity for row in desk.sessions(activity)}


def a_night_of(town: TownBuilder) -> int:
    return a_night(town, NOW + 17 * HOUR).sessions


@pytest.fixture
def two_writers(town: TownBuilder) -> None:
    if town.database.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")


@pytest.mark.usefixtures("two_writers")
def test_a_night_within_a_change_is_taken_in(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert capacities_after_a_night_within(town, Desk(town, api), monkeypatch) == {7}


@pytest.mark.usefixtures("two_writers")
def test_without_the_second_look_the_night_s_session_stays_as_it_was(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = select(literal(26))  # as many as were locked
    monkeypatch.setitem(changing._count, Scope.ALL, locked)
    assert capacities_after_a_night_within(town, Desk(town, api), monkeypatch) == {7, 20}


@pytest.mark.usefixtures("two_writers")
def test_two_organisers_who_split_a_series_at_once_both_do(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has read in which series the session is, and the first takes it out of there."""
    desk = Desk(town, api)
    activity = desk.activity()
    desk.series(activity, rrule="FREQ=WEEKLY;BYDAY=WE;COUNT=4")
    third = desk.sessions(activity)[2].id
    first, require_role = threading.Thread(target=lambda: split_at(town, third, {"capacity": 7})), changing.require_role

    def let_the_first_go(*args: Any) -> None:
        require_role(*args)
        if not first.ident:
            first.start()
            first.join(timeout=30)

    with at_nine():
        monkeypatch.setattr(changing, "require_role", let_the_first_go)
        split_at(town, third, {"overbooking_max": 2})
    rows = town.rows(Session.id, Session.series_id, Session.starts_at, Session.capacity, Session.overbooking_max)
    rows = sorted(rows, key=lambda row: row.starts_at)
    assert [(row.capacity, row.overbooking_max) for row in rows] == [(20, 0), (20, 0), (7, 2), (7, 2)]
    assert len({row.series_id for row in rows}) == 2


def split_at(town: TownBuilder, session_id: int, changes: dict[str, int]) -> None:
    town.act(town.staff(Role.ORGANISER), change_sessions, session_id, Scope.FOLLOWING, changes)


def test_many_nights_at_once_make_each_session_once(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    activity = desk.activity()
    desk.series(activity)
    made = len(desk.sessions(activity))
    with time_machine.travel(NOW + 10 * DAY, tick=False):
        series = town.act(None, expanding.series_to_roll)
        keys = town.house.keys
        rolled = from_threads(
            lambda _n: town.act(None, expanding.roll_series, keys, series[0]), [(n,) for n in range(20)], 20
        )
    assert (sum(each.made for each in rolled), sum(each.clashes for each in rolled)) == (4, 0)
    assert len(desk.sessions(activity)) == made + 4
