"""Protects what must add up, whatever residents and organisers do to the sessions of a series at the same moment."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from models.activities import Session, SessionStatus
from models.reservations import HOLDING, Reservation, ReservationStatus
from models.venues import VenueSlot
from rules.activities.changing import Scope, cancel_sessions, change_sessions
from rules.errors import RuleError
from rules.reservations.cancelling import cancel_reservation
from rules.reservations.reserving import Wish, reserve_place
from rules.venues.slots import quarters_of
from tests.activities.organising import Desk
from tests.activities.plan import at_nine
from tests.build import ApiClient, Person, TownBuilder
from tests.ledger.keeping import earn_points
from tests.races import from_threads

PEOPLE, SESSIONS, CHANGES = 25, 6, 30
REFUSALS = {
    "reservation.not_cancellable",
    "reservation.session_cancelled",
    "session.called_off",
    "session.capacity_below_taken",
}


class Crowd:
    """Residents who reserve and cancel, and an organiser who changes this and that."""

    def __init__(self, town: TownBuilder, desk: Desk, price: int) -> None:
        self.town, self.desk, self.random = town, desk, Random(7)
        self.activity = desk.activity(waiting_max=50, price=price)
        rule = f"FREQ=WEEKLY;BYDAY=MO,WE;COUNT={SESSIONS}"
        assert desk.series(self.activity, rrule=rule, capacity=5, starts_on="2025-06-04").status_code == 201
        self.sessions = [row.id for row in desk.sessions(self.activity)]
        self.people = [town.resident() for _ in range(PEOPLE)]
        for person in self.people if price else ():
            earn_points(town, person, 500)
        self.held: dict[tuple[int, int], int] = {}

    def deeds(self) -> list[tuple[Any, ...]]:
        deeds: list[tuple[Any, ...]] = [(self.change,)] * CHANGES
        for person in self.people:
            deeds += [(self.reserve, person, session) for session in self.random.sample(self.sessions, 3)]
            deeds += [(self.cancel, person, session) for session in self.random.sample(self.sessions, 2)]
        self.random.shuffle(deeds)
        return deeds

    def reserve(self, person: Person, session_id: int) -> None:
        self.held[person.id, session_id] = self.town.act(person, reserve_place, session_id, Wish(1)).id

    def cancel(self, person: Person, session_id: int) -> None:
        if (person.id, session_id) in self.held:
            self.town.act(person, cancel_reservation, self.held[person.id, session_id])

    def change(self) -> None:
        session_id, scope = self.random.choice(self.sessions), self.random.choice(list(Scope))
        deed = self.random.choice(["capacity", "duration_minutes", "overbooking_max", "off"])
        if deed == "off":
            self.town.act(self.desk.person, cancel_sessions, session_id, Scope.ONE, "停课")
            return
        value = {"capacity": 3 + self.random.randrange(7), "duration_minutes": 30, "overbooking_max": 2}[deed]
        self.town.act(self.desk.person, change_sessions, session_id, scope, {deed: value})


def outcome_of(deed: Any, *args: Any) -> str:
    try:
        deed(*args)
    except RuleError as refusal:
        return refusal.code
    except SQLAlchemyError as error:
        return type(error).__name__
    return "done"


@pytest.mark.parametrize("price", [0, 5])
def test_places_waiting_lists_and_rooms_add_up(town: TownBuilder, api: ApiClient, price: int) -> None:
    crowd = Crowd(town, Desk(town, api), price)
    with at_nine():
        outcomes = Counter(from_threads(outcome_of, crowd.deeds(), 12))
    assert outcomes.keys() <= {"done", *REFUSALS}
    assert outcomes["done"] > PEOPLE
    held, waits = Counter[int](), Counter[int]()
    for (reservation,) in town.rows(Reservation):
        held[reservation.session_id] += reservation.party_size * (reservation.status in HOLDING)
        waits[reservation.session_id] += reservation.status is ReservationStatus.WAITLISTED
    for (session,) in town.rows(Session):
        assert session.taken == held[session.id] <= session.capacity + session.overbooking
        assert session.waiting == waits[session.id]
        is_on = session.status is SessionStatus.SCHEDULED
        assert not (session.waiting and session.taken < session.capacity), "no place is idle while somebody waits"
        slots = {row.starts_at for row in town.rows(VenueSlot.starts_at, session_id=session.id)}
        assert slots == (set(quarters_of(session.starts_at, session.ends_at)) if is_on else set())
