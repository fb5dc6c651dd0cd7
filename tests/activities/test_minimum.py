"""Protects the minimum to run: too few people when sign-up closes, and the session is called off, once, in time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from jobs.runner import run_job
from jobs.schedule import JOBS_BY_NAME, Means
from models.activities import ActivityStatus, Session, SessionStatus
from models.jobs import Outbox
from models.reservations import Reservation, ReservationStatus
from models.venues import VenueSlot
from rules.activities.tending import call_off_short_sessions
from rules.clock import ZONE
from tests.activities.organising import Desk, session_body
from tests.activities.plan import DAY, HOUR, NOW, a_session
from tests.build import ApiClient, TownBuilder, add

CLOSES = NOW + DAY - HOUR


@pytest.fixture
def desk(town: TownBuilder, api: ApiClient) -> Desk:
    return Desk(town, api)


def planned(town: TownBuilder, **columns: Any) -> int:
    """Tomorrow at nine, with three people at least; sign-up closes an hour before."""
    activity = columns.pop("activity_id", None) or town.activity()
    columns = {"capacity": 10, "capacity_min": 3, "reservable_until": CLOSES} | columns
    return a_session(town, activity, NOW + DAY, **columns)


def booked(town: TownBuilder, session_id: int, party_size: int, status: ReservationStatus, **columns: Any) -> int:
    resident = town.resident().id
    row = {"session_id": session_id, "resident_id": resident, "party_size": party_size, "status": status}
    return town.act(None, lambda work: add(work, Reservation, reserved_at=work.now, **row | columns))


def run_at(town: TownBuilder, moment: datetime) -> int:
    with time_machine.travel(moment, tick=False):
        return call_off_short_sessions(town.database, town.id)


def is_on(town: TownBuilder, session_id: int) -> bool:
    return town.rows(Session.status, id=session_id) == [(SessionStatus.SCHEDULED,)]


@pytest.mark.parametrize(("people", "takes_place"), [((), False), ((2,), False), ((1, 2), True), ((4,), True)])
def test_a_session_takes_place_when_enough_people_have_confirmed(
    town: TownBuilder, people: tuple[int, ...], takes_place: bool
) -> None:
    session_id = planned(town, taken=sum(people))
    for party_size in people:
        booked(town, session_id, party_size, ReservationStatus.CONFIRMED)
    assert run_at(town, CLOSES) == (0 if takes_place else 1)
    assert is_on(town, session_id) is takes_place


def test_offers_and_those_who_wait_are_no_people(town: TownBuilder) -> None:
    session_id = planned(town, taken=4)
    booked(town, session_id, 2, ReservationStatus.CONFIRMED)
    booked(town, session_id, 2, ReservationStatus.OFFERED, offer_expires_at=NOW + 2 * DAY)
    booked(town, session_id, 2, ReservationStatus.CANCELLED)
    assert run_at(town, CLOSES) == 1
    assert not is_on(town, session_id)


def test_people_are_told_once_why_and_the_room_is_free(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity()
    said = session_body(town, NOW + DAY, capacity_min=3, closes_minutes_before=60)
    session_id = int(desk.post(f"/activities/{activity}/sessions", said).json["id"])
    held = desk.reserve(session_id, town.resident()).json["id"]
    assert run_at(town, CLOSES) == 1
    assert run_at(town, CLOSES) == 0
    [message] = [row.payload for row in town.rows(Outbox.payload, topic="session.cancelled")]
    assert message["reservation_id"] == held
    assert "3" in message["reason"]
    assert town.rows(Reservation.status) == [(ReservationStatus.CANCELLED,)]
    assert town.rows(VenueSlot) == []


@pytest.mark.parametrize(
    ("moment", "columns"),
    [
        (CLOSES - timedelta(seconds=1), {}),
        (NOW + DAY, {}),
        (NOW + 2 * DAY, {}),
        (CLOSES, {"capacity_min": 0}),
        (CLOSES, {"status": SessionStatus.CANCELLED}),
    ],
    ids=["sign-up is open", "it begins", "it is over", "no minimum", "it is off"],
)
def test_other_sessions_are_left_alone(town: TownBuilder, moment: datetime, columns: dict[str, Any]) -> None:
    session_id = planned(town, **columns)
    before = town.contents()
    assert run_at(town, moment) == 0
    assert town.contents() == before
    assert is_on(town, session_id) is ("status" not in columns)


@pytest.mark.parametrize("status", [ActivityStatus.DRAFT, ActivityStatus.CANCELLED])
def test_sessions_of_what_is_not_published_are_left_alone(town: TownBuilder, status: ActivityStatus) -> None:
    planned(town, activity_id=town.activity(status=status))
    assert run_at(town, CLOSES) == 0


def test_the_job_runs_for_the_town(town: TownBuilder) -> None:
    session_id = planned(town)
    moment = datetime(2025, 6, 3, 8, 1, tzinfo=ZONE)
    with time_machine.travel(moment + timedelta(minutes=1), tick=False):
        outcomes = run_job(Means(town.database, town.house.keys), JOBS_BY_NAME["minimum-to-run"], moment)
    assert outcomes[town.code] == "ok"
    assert not is_on(town, session_id)
