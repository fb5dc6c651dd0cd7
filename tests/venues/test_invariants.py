"""Whatever happens to a hall, in whatever order: nobody meets anybody, nothing free is refused, and the counts agree.

A model keeps who has which part for which hour. Before each deed it says whether it can be done; afterwards the slots in
the database are the model's, and the counters are the bookings that count. `BINFEN_LONG=1` runs many more and longer
histories.
"""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from typing import Any

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from blueprints.edge.house import House
from models.residents import Role
from models.venues import BookingStatus
from rules.clock import local_moment
from rules.errors import RuleError
from rules.venues.booking import BookingWish, book_venue
from rules.venues.closures import ClosureWish, close_venue
from rules.venues.deciding import decide_booking, record_arrival
from rules.venues.endings import cancel_booking
from rules.venues.keeping import change_venue
from rules.venues.lapsing import lapse_bookings
from rules.venues.occupancy import free_session, occupy_for_session
from rules.venues.usage import week_of
from tests.build import new_town
from tests.venues.halls import COUNTED, HOUR, assert_books_agree, slots_of, sports_hall

IS_LONG = os.environ.get("BINFEN_LONG") == "1"
LIMITS = settings(
    max_examples=200 if IS_LONG else 8,
    stateful_step_count=60 if IS_LONG else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
START = local_moment(date(2028, 2, 25), "08:00")  #: a Friday
RESIDENTS = 3
A_WEEK = 4
OPENS, CLOSES = 9, 17
NEEDS = (1, 2, None)  #: parts of each use; None: all
LIVE = (BookingStatus.PENDING, BookingStatus.CONFIRMED, BookingStatus.CHECKED_IN)
TO_COME = (BookingStatus.PENDING, BookingStatus.CONFIRMED)

HOURS = st.integers(OPENS, CLOSES - 1)
DAYS = st.integers(0, 4)  #: Friday to Tuesday, so that there are two weeks
PICKS = st.integers(0, 10**6)


class HallMachine(RuleBasedStateMachine):
    """One hall of four courts, and who should have it when."""

    house: House

    def __init__(self) -> None:
        super().__init__()
        self.traveller = time_machine.travel(START, tick=False)
        self.clock = self.traveller.start()
        self.now = START
        self.town = new_town(self.house)
        self.venue, *self.uses = sports_hall(self.town, person_week_max=A_WEEK, grace_minutes=15, needs_approval=True)
        self.parts = 4
        self.people = [self.town.resident() for _ in range(RESIDENTS)]
        self.organiser, self.manager = self.town.staff(Role.ORGANISER, Role.SCANNER), self.town.staff(Role.MANAGER)
        self.bookings: dict[int, dict[str, Any]] = {}
        self.sessions: dict[int, list[datetime]] = {}
        self.closures: list[tuple[datetime, datetime]] = []

    def teardown(self) -> None:
        self.traveller.stop()

    # what the model knows

    def owned(self) -> dict[tuple[int, datetime], int]:
        """Who has which part for which hour."""
        whole = range(1, self.parts + 1)
        of_sessions = {(part, at): id_ for id_, hours in self.sessions.items() for at in hours for part in whole}
        of_bookings = {
            (part, at): id_
            for id_, each in self.bookings.items()
            if each["status"] in LIVE
            for part in each["parts"]
            for at in each["hours"]
        }
        return of_sessions | of_bookings

    def is_closed(self, hours: list[datetime]) -> bool:
        return any(begin < at + HOUR and at < end for begin, end in self.closures for at in hours)

    def counted(self, person: int, week: date) -> int:
        return sum(
            each["person"] == person and each["week"] == week and each["status"] in COUNTED
            for each in self.bookings.values()
        )

    def attempt(self, person: Any, deed: Any, *args: Any) -> Any:
        """What a deed answers, or the code of its refusal."""
        try:
            return self.town.act(person, deed, *args)
        except RuleError as refusal:
            return refusal.code

    def one_of(self, pick: int, *statuses: BookingStatus) -> int | None:
        ids = [id_ for id_, each in self.bookings.items() if each["status"] in statuses]
        return ids[pick % len(ids)] if ids else None

    # what happens

    @rule(person=st.integers(0, RESIDENTS - 1), day=DAYS, hour=HOURS, length=st.integers(1, 3), use=st.integers(0, 2))
    def book(self, person: int, day: int, hour: int, length: int, use: int) -> None:
        begin = local_moment(date(2028, 2, 25), "00:00") + timedelta(days=day, hours=hour)
        hours = [begin + n * HOUR for n in range(length)]
        wish = BookingWish(begin, begin + length * HOUR, "打球", 1, self.uses[use])
        owned, week = self.owned(), week_of((begin + 12 * HOUR).date())
        free = [part for part in range(1, self.parts + 1) if all((part, at) not in owned for at in hours)]
        needed = NEEDS[use] or 4
        answer = self.attempt(self.people[person], book_venue, self.venue, wish)
        if begin <= self.now:
            assert answer == "booking.closed"
        elif hour + length > CLOSES:
            assert answer == "booking.outside_opening_hours"
        elif self.is_closed(hours) or len(free) < needed:
            assert answer == "venue.taken"
        elif self.counted(person, week) >= A_WEEK:
            assert answer == "booking.limit_reached"
        else:
            assert answer.parts == free[:needed]
            assert answer.status is BookingStatus.PENDING
            self.bookings[answer.id] = {
                "person": person,
                "week": answer.week,
                "hours": hours,
                "parts": answer.parts,
                "status": answer.status,
                "begin": begin,
            }
            assert answer.week == week

    @rule(pick=PICKS)
    def cancel(self, pick: int) -> None:
        id_ = self.one_of(pick, *BookingStatus)
        if id_ is None:
            return
        each = self.bookings[id_]
        answer = self.attempt(self.people[each["person"]], cancel_booking, id_)
        if each["status"] not in TO_COME or each["hours"][-1] + HOUR <= self.now:
            assert answer == "booking.not_cancellable"
        elif self.now > each["begin"]:
            assert answer == "booking.too_late_to_cancel"
        else:
            assert answer.status is BookingStatus.CANCELLED
            each["status"] = BookingStatus.CANCELLED

    @rule(pick=PICKS, approve=st.booleans())
    def decide(self, pick: int, approve: bool) -> None:
        id_ = self.one_of(pick, BookingStatus.PENDING)
        if id_ is None:
            return
        answer = self.attempt(self.organiser, decide_booking, id_, approve, "")
        if self.bookings[id_]["begin"] <= self.now:
            assert answer == "booking.decided"
        else:
            self.bookings[id_]["status"] = BookingStatus.CONFIRMED if approve else BookingStatus.REJECTED
            assert answer.status is self.bookings[id_]["status"]

    @rule(pick=PICKS)
    def arrive(self, pick: int) -> None:
        id_ = self.one_of(pick, BookingStatus.CONFIRMED)
        if id_ is None:
            return
        each = self.bookings[id_]
        answer = self.attempt(self.organiser, record_arrival, id_)
        if each["begin"] - HOUR / 2 <= self.now < each["hours"][-1] + HOUR:
            assert answer.status is BookingStatus.CHECKED_IN
            each["status"] = BookingStatus.CHECKED_IN
        else:
            assert answer in ("booking.arrival_too_early", "booking.arrival_too_late")

    @rule(quarters=st.integers(1, 20))
    def time_passes(self, quarters: int) -> None:
        self.now += quarters * HOUR / 4
        self.clock.move_to(self.now)
        lapsed = lapse_bookings(self.town.database, self.town.id)
        expired = released = 0
        for each in self.bookings.values():
            if each["status"] is BookingStatus.PENDING and each["begin"] <= self.now:
                each["status"], expired = BookingStatus.EXPIRED, expired + 1
            elif each["status"] is BookingStatus.CONFIRMED and each["begin"] + HOUR / 4 <= self.now:
                each["status"], released = BookingStatus.RELEASED, released + 1
        assert (lapsed.expired, lapsed.released, lapsed.refused) == (expired, released, 0)

    @rule(day=DAYS, hour=st.integers(0, 22), length=st.integers(1, 2))
    def plan_session(self, day: int, hour: int, length: int) -> None:
        begin = local_moment(date(2028, 2, 25), "00:00") + timedelta(days=day, hours=hour)
        hours, owned = [begin + n * HOUR for n in range(length)], self.owned()
        session = self.town.session(venue_id=self.venue)
        answer = self.attempt(None, occupy_for_session, session, self.venue, begin, begin + length * HOUR)
        if self.is_closed(hours) or any(at in hours for _, at in owned):
            assert answer == "venue.taken"
        else:
            assert answer is None
            self.sessions[session] = hours

    @precondition(lambda self: self.sessions)
    @rule(pick=PICKS)
    def drop_session(self, pick: int) -> None:
        session = list(self.sessions)[pick % len(self.sessions)]
        self.town.act(None, free_session, session)
        del self.sessions[session]

    @rule(day=DAYS, hour=HOURS)
    def close(self, day: int, hour: int) -> None:
        begin = local_moment(date(2028, 2, 25), "00:00") + timedelta(days=day, hours=hour)
        end = begin + HOUR
        answer = self.attempt(self.organiser, close_venue, self.venue, ClosureWish(begin, end, "抢修"))
        if end <= self.now:
            assert answer == "closure.over"
            return
        met = [
            each
            for each in self.bookings.values()
            if each["status"] in TO_COME and begin in each["hours"] and each["hours"][-1] + HOUR > self.now
        ]
        assert answer.cancelled == len(met)
        for each in met:
            each["status"] = BookingStatus.CANCELLED
        self.closures.append((begin, end))

    @rule(parts=st.integers(4, 6))
    def divide(self, parts: int) -> None:
        """Another number of parts: who has the whole hall to come keeps the whole hall."""
        quarter = self.now
        to_come = {id_: each for id_, each in self.bookings.items() if each["status"] in LIVE}
        is_whole = {id_: len(each["parts"]) == self.parts for id_, each in to_come.items()}
        is_on = any(each["begin"] < quarter < each["hours"][-1] + HOUR for each in to_come.values())
        if is_on or any(hours[0] < quarter for hours in self.sessions.values()):
            return  # what is under way or over keeps the parts that it had, which this model doesn't follow
        stuck = any(
            max(each["parts"]) > parts and not is_whole[id_] and each["hours"][-1] >= quarter
            for id_, each in to_come.items()
        )
        answer = self.attempt(self.manager, change_venue, self.venue, {"parts": parts})
        if stuck:
            assert answer == "venue.parts_in_use"
            return
        assert answer is None
        for id_, each in to_come.items():
            if is_whole[id_] and each["hours"][-1] >= quarter:
                each["parts"] = list(range(1, parts + 1))
        self.parts = parts

    # what holds

    @invariant()
    def everybody_has_what_they_should_and_nobody_meets(self) -> None:
        expected = {(part, at + n * HOUR / 4) for part, at in self.owned() for n in range(4)}
        assert slots_of(self.town, self.venue) == expected
        assert_books_agree(self.town)


def test_nobody_meets_anybody_whatever_happens(house: House) -> None:
    machine = type("HallMachineOfOneEngine", (HallMachine,), {"house": house})
    run_state_machine_as_test(machine, settings=LIMITS)
