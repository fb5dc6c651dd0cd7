"""Protects overbooking: as far as the no-shows of the last sessions say and the organiser lets us, and never otherwise."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.activities import Session, SessionStatus
from models.reservations import Reservation, ReservationStatus
from rules.activities.overbooking import (
    SESSIONS_LOOKED_AT,
    SESSIONS_MIN,
    Attendance,
    adapt_overbooking,
    overbooking_of,
    read_attendance,
)
from tests.activities.organising import Desk, a_night
from tests.activities.plan import DAY, HOUR, NOW, a_session
from tests.build import ApiClient, TownBuilder, add

USED, MISSED = ReservationStatus.CHECKED_IN, ReservationStatus.NO_SHOW


@pytest.mark.parametrize(
    ("attendance", "places"),
    [
        (Attendance(5, 80, 20), 5),  # a fifth stays away: 20 * 0.2 / 0.8
        (Attendance(10, 75, 25), 6),  # 6.67, rounded down
        (Attendance(10, 99, 1), 0),
        (Attendance(10, 50, 50), 8),  # 20, but the organiser says 8
        (Attendance(10, 0, 50), 8),
        (Attendance(10, 50, 0), 0),
        (Attendance(10, 0, 0), 0),
        (Attendance(4, 80, 20), 0),
        (Attendance(0, 0, 0), 0),
    ],
)
def test_as_many_places_as_stay_empty_are_given_again(attendance: Attendance, places: int) -> None:
    assert overbooking_of(20, 8, attendance) == places
    assert overbooking_of(20, 0, attendance) == 0


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 20), st.integers(0, 10_000), st.integers(0, 10_000))
def test_it_is_the_formula_rounded_down_within_its_bound(
    capacity: int, most: int, sessions: int, used: int, missed: int
) -> None:
    places = overbooking_of(capacity, most, Attendance(sessions, used, missed))
    assert 0 <= places <= most
    if sessions < SESSIONS_MIN or missed == 0:
        assert places == 0
    elif used:
        rate = Fraction(missed, used + missed)
        wanted = capacity * rate / (1 - rate)
        assert places == min(int(wanted), most)
        if places < most:  # with so many reservations, no more people than places are expected
            assert (capacity + places) * (1 - rate) <= capacity < (capacity + places + 1) * (1 - rate)


# With sessions


@pytest.fixture
def desk(town: TownBuilder, api: ApiClient) -> Desk:
    return Desk(town, api)


def held(
    town: TownBuilder, activity_id: int, days_ago: int, *parties: tuple[ReservationStatus, int], **more: Any
) -> int:
    """A session of days ago, closed, with these parties."""
    closed = {"closed_at": NOW - days_ago * DAY + 3 * HOUR} | more
    session_id = a_session(town, activity_id, NOW - days_ago * DAY, **closed)
    for status, party_size in parties:
        resident = town.resident().id
        row = {"session_id": session_id, "resident_id": resident, "party_size": party_size, "status": status}
        town.act(None, lambda work, row=row: add(work, Reservation, reserved_at=work.now, **row))
    return session_id


def overbooked(town: TownBuilder, session_id: int) -> int:
    [row] = town.rows(Session.overbooking, id=session_id)
    return row.overbooking


def test_the_last_ten_closed_sessions_are_looked_at(town: TownBuilder) -> None:
    activity = town.activity()
    for days_ago in range(1, SESSIONS_LOOKED_AT + 1):
        held(town, activity, days_ago, (USED, 3), (MISSED, 1), (ReservationStatus.CANCELLED, 2))
    held(town, activity, SESSIONS_LOOKED_AT + 1, (MISSED, 100))
    held(town, activity, 1, (MISSED, 100), closed_at=None)
    held(town, activity, 1, (MISSED, 100), status=SessionStatus.CANCELLED)
    held(town, town.activity(), 1, (MISSED, 100))
    assert town.act(None, read_attendance, activity) == Attendance(10, 30, 10)


def test_a_session_without_reservations_counts_as_one(town: TownBuilder) -> None:
    activity = town.activity()
    held(town, activity, 1)
    assert town.act(None, read_attendance, activity) == Attendance(1, 0, 0)
    assert town.act(None, read_attendance, town.activity()) == Attendance(0, 0, 0)


def test_a_night_raises_it_and_promotes_who_waits(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity(waiting_max=5)
    for days_ago in range(1, SESSIONS_MIN + 1):
        held(town, activity, days_ago, (USED, 2), (MISSED, 1))
    session_id = a_session(town, activity, NOW + DAY, capacity=2, overbooking_max=2)
    without_leave = a_session(town, activity, NOW + 2 * DAY, capacity=2)
    people = [town.resident() for _ in range(4)]
    for person in people:
        assert desk.reserve(session_id, person).status_code == 201
    assert a_night(town, NOW + HOUR).overbooked == 1
    assert (overbooked(town, session_id), overbooked(town, without_leave)) == (1, 0)
    [row] = town.rows(Session.taken, Session.waiting, id=session_id)
    assert (row.taken, row.waiting) == (3, 1)
    assert a_night(town, NOW + HOUR).overbooked == 0


def test_a_night_lowers_it_but_never_below_what_is_taken(town: TownBuilder) -> None:
    activity = town.activity()
    for days_ago in range(1, SESSIONS_MIN + 1):
        held(town, activity, days_ago, (USED, 2))
    full = a_session(town, activity, NOW + DAY, capacity=2, taken=4, overbooking=3, overbooking_max=3)
    free = a_session(town, activity, NOW + DAY, capacity=2, taken=1, overbooking=3, overbooking_max=3)
    assert a_night(town, NOW).overbooked == 2
    assert (overbooked(town, full), overbooked(town, free)) == (2, 0)


@pytest.mark.parametrize(
    "columns",
    [
        {"starts_at": NOW - HOUR, "reservable_until": NOW},
        {"status": SessionStatus.CANCELLED},
        {"reservable_until": NOW},
        {"overbooking_max": 0},
    ],
    ids=["it has begun", "it is off", "sign-up is over", "the organiser doesn't want it"],
)
def test_other_sessions_are_left_alone(town: TownBuilder, columns: dict[str, Any]) -> None:
    activity = town.activity()
    for days_ago in range(1, SESSIONS_MIN + 1):
        held(town, activity, days_ago, (USED, 2), (MISSED, 1))
    columns = {"capacity": 4, "overbooking_max": 2} | columns
    session_id = a_session(town, activity, columns.pop("starts_at", NOW + DAY), **columns)
    before = town.contents()
    assert a_night(town, NOW).overbooked == 0
    assert town.contents() == before
    assert overbooked(town, session_id) == 0


def test_one_that_began_between_the_look_and_the_deed_stays(town: TownBuilder) -> None:
    activity = town.activity()
    session_id = a_session(town, activity, NOW - timedelta(days=300), overbooking_max=2, overbooking=1)
    assert town.act(None, adapt_overbooking, session_id) == 0
    assert overbooked(town, session_id) == 1
