"""Whatever is done with the places of two sessions, in whatever order: what must hold, holds after every step.

Two sessions overlap in time, so one person can be at one of two doors. `BINFEN_LONG=1` runs many more and longer histories.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import update

from blueprints.edge.house import House
from models.activities import Session
from models.checkins import Direction, Scan, Visit
from models.ledger import Event
from models.reservations import LIVE, Reservation
from models.reservations import ReservationStatus as Status
from models.residents import Role
from rules.checkins.closing import close_visit, find_overdue
from rules.checkins.codes import issue_code
from rules.checkins.scans import ScanRequest, scan
from rules.checkins.undoing import undo_scan
from rules.errors import RuleError
from rules.ledger.audit import audit
from rules.ledger.reading import read_spendable
from rules.points.voiding import VOID
from rules.reservations.cancelling import cancel_reservation
from rules.reservations.changes import capacity_raised
from rules.reservations.closing import close_session, sessions_over
from rules.reservations.offers import confirm_offer
from rules.reservations.places import lock_session
from rules.reservations.reserving import Wish, reserve_place
from rules.work import SYSTEM, Work
from tests.build import Person, fresh_key, new_town
from tests.reservations.story import Story

IS_LONG = os.environ.get("BINFEN_LONG") == "1"
LIMITS = settings(
    max_examples=200 if IS_LONG else 20,
    stateful_step_count=60 if IS_LONG else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
PEOPLE = 5
PERSON = st.integers(0, PEOPLE - 1)
SESSION = st.integers(0, 1)
POINTS_A_CHECKIN = 5  #: by the rulebook of the builder


def machine_on(house: House) -> type[RuleBasedStateMachine]:
    """The machine, on one engine."""

    class Places(RuleBasedStateMachine):
        @initialize(capacity=st.integers(1, 3), offer_minutes=st.sampled_from([0, 20]))
        def open(self, capacity: int, offer_minutes: int) -> None:
            self.town = new_town(house)
            options: dict[str, Any] = {"capacity": capacity, "offer_minutes": offer_minutes}
            first = Story.of(self.town, begins_in=timedelta(hours=6), **options)
            second = Story.of(self.town, begins_in=timedelta(hours=6, minutes=30), allows_reentry=False, **options)
            second.now = first.now
            self.stories = [first, second]
            self.people = [self.town.resident() for _ in range(PEOPLE)]
            self.scanner = self.town.staff(Role.SCANNER)
            self.nonces: list[str] = []
            for story in self.stories:  # somebody waits from the beginning: else few histories come to that
                for person, party_size in zip(self.people, (1, 2, 1, 1), strict=False):
                    self.may_be_refused(story, person, reserve_place, story.session, Wish(party_size))

        @rule(session=SESSION, person=PERSON, party_size=st.integers(1, 3))
        def reserve(self, session: int, person: int, party_size: int) -> None:
            story = self.stories[session]
            self.may_be_refused(story, self.people[person], reserve_place, story.session, Wish(party_size))

        @rule(session=SESSION, person=PERSON)
        def cancel(self, session: int, person: int) -> None:
            self.on_last(session, person, cancel_reservation)

        @rule(session=SESSION, which=st.integers(0, 2))
        def cancel_a_place(self, session: int, which: int) -> None:
            """Whoever holds one: what is cancelled at random is seldom a place that others wait for."""
            story = self.stories[session]
            rows = self.town.rows(Reservation.id, Reservation.resident_id, Reservation.status, session_id=story.session)
            holding = [row for row in rows if row.status is Status.CONFIRMED]
            if len(holding) > which:
                [person] = [each for each in self.people if each.id == holding[which].resident_id]
                self.may_be_refused(story, person, cancel_reservation, holding[which].id)

        @rule(session=SESSION, person=PERSON)
        def reserve_for_one(self, session: int, person: int) -> None:
            self.reserve(session=session, person=person, party_size=1)

        @rule()
        def go_to_the_door(self) -> None:
            """To the time when people are let in, if it hasn't come yet."""
            at = self.stories[0].begins - timedelta(minutes=10)
            for story in self.stories:
                story.now = max(story.now, at)

        @rule(session=SESSION, person=PERSON)
        def confirm(self, session: int, person: int) -> None:
            self.on_last(session, person, confirm_offer)

        @rule(session=SESSION, person=PERSON, direction=st.sampled_from([Direction.IN, Direction.IN, Direction.OUT]))
        def show_code(self, session: int, person: int, direction: Direction) -> None:
            story, resident = self.stories[session], self.people[person]
            code = story.act(resident, issue_code, house.keys).code
            nonce = fresh_key()
            story.act(self.scanner, scan, house.keys, ScanRequest(code, story.session, direction, nonce))
            self.nonces.append(nonce)

        @rule(back=st.integers(1, 4))
        def undo(self, back: int) -> None:
            if len(self.nonces) >= back:
                self.may_be_refused(self.stories[0], self.scanner, undo_scan, self.nonces[-back], "")

        @rule(session=SESSION)
        def enlarge(self, session: int) -> None:
            story = self.stories[session]

            def deed(work: Work) -> None:
                lock_session(work, story.session)
                larger = {"capacity": Session.capacity + 1, "versioned_at": work.now}
                work.db.execute(update(Session).where(Session.id == story.session).values(larger))
                capacity_raised(work, story.session)

            story.act(None, deed)

        @rule(minutes=st.sampled_from([3, 10, 25]))
        def pass_time(self, minutes: int) -> None:
            for story in self.stories:
                story.pass_time(minutes=minutes)

        @rule()
        def run_jobs(self) -> None:
            for story in self.stories:
                story.expire()
                story.look_for_no_shows()
            story = self.stories[0]
            for resident_id, session_id in story.act(None, find_overdue, 100):
                story.act(None, close_visit, resident_id, session_id)
            since = story.now - timedelta(days=7)
            for session_id in story.act(None, sessions_over, since, 100):
                story.act(None, close_session, session_id)

        @invariant()
        def counters_are_what_the_reservations_add_up_to(self) -> None:
            for story in self.begun():
                assert story.counters() == story.added_up()

        @invariant()
        def nobody_has_more_than_there_is(self) -> None:
            for story in self.begun():
                [row] = self.town.rows(Session.taken, Session.capacity, Session.overbooking, id=story.session)
                assert 0 <= row.taken <= row.capacity + row.overbooking

        @invariant()
        def nobody_is_in_twice_or_both_in_and_waiting(self) -> None:
            for story in self.begun():
                rows = self.town.rows(Reservation.resident_id, Reservation.status, session_id=story.session)
                live = Counter(row.resident_id for row in rows if row.status in LIVE)
                assert set(live.values()) <= {1}

        @invariant()
        def no_place_is_idle_while_somebody_fits(self) -> None:
            for story in self.begun():
                [row] = self.town.rows(Session.taken, Session.capacity, Session.reservable_until, id=story.session)
                waiting = self.town.rows(Reservation.party_size, session_id=story.session, status=Status.WAITLISTED)
                if story.now < row.reservable_until:
                    assert all(each.party_size > row.capacity - row.taken for each in waiting)

        @invariant()
        def each_check_in_pays_at_most_once_and_what_is_undone_not_at_all(self) -> None:
            for story in self.begun()[:1]:
                events = self.town.rows(Event.id, Event.subject_id, Event.source_ref, source="checkin")
                void = {int(row.source_ref) for row in self.town.rows(Event.source_ref, source=VOID)}
                valid = [row for row in events if row.id not in void]
                visits = [row.source_ref.partition("#")[0] for row in valid]
                assert len(set(visits)) == len(visits)
                for person in self.people:
                    paid = sum(row.subject_id == person.id for row in valid)
                    balance = story.act(person, lambda work, whose=person.id: read_spendable(work, whose))
                    assert balance == POINTS_A_CHECKIN * paid

        @invariant()
        def who_is_checked_in_was_seen(self) -> None:
            for story in self.begun():
                used = self.town.rows(Reservation.resident_id, session_id=story.session, status=Status.CHECKED_IN)
                seen = {row.resident_id for row in self.town.rows(Visit.resident_id, session_id=story.session)}
                assert {row.resident_id for row in used} <= seen

        @invariant()
        def nobody_is_in_two_rooms(self) -> None:
            for person in self.people if self.begun() else ():
                rows = self.town.rows(Visit.entered_at, Visit.left_at, resident_id=person.id)
                stays = sorted(((row.entered_at, row.left_at) for row in rows), key=lambda stay: stay[0])
                for (_, left), (entered, _) in itertools.pairwise(stays):
                    assert left is not None
                    assert left <= entered

        def teardown(self) -> None:
            if self.begun():
                assert self.town.database.survey(self.town.id, SYSTEM, audit).is_clean
                assert len(self.town.rows(Scan.id)) == len(self.nonces)

        def begun(self) -> list[Story]:
            return getattr(self, "stories", [])

        def on_last(self, session: int, person: int, deed: Any) -> None:
            story = self.stories[session]
            whose = self.people[person].id
            rows = self.town.rows(Reservation.id, session_id=story.session, resident_id=whose)
            if rows:
                self.may_be_refused(story, self.people[person], deed, max(row.id for row in rows))

        def may_be_refused(self, story: Story, person: Person, deed: Any, *args: Any) -> None:
            before = self.town.contents()
            try:
                story.act(person, deed, *args)
            except RuleError:
                assert self.town.contents() == before

    return Places


def test_what_must_hold_holds_whatever_is_done(house: House) -> None:
    run_state_machine_as_test(machine_on(house), settings=LIMITS)
