"""Everything that gives places out or takes them back, at once: fifty threads and more, four processes, both engines.

Each race has its control arm: the same deed with its guard taken away (it looks, waits for the others to have looked, and
writes in another transaction) must show the fault, or the race was never there.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from blueprints.edge.house import EXTENSION
from models.activities import Session
from models.ledger import Event
from models.reservations import Reservation
from models.reservations import ReservationStatus as Status
from models.rulebook import StandingCount
from rules.clock import utc_now
from rules.errors import RuleError
from rules.ledger.audit import audit
from rules.ledger.earning import Earning, earn
from rules.ledger.reading import read_spendable
from rules.ledger.spending import Spending, spend
from rules.ledger.transactions import Cause
from rules.reservations.allocating import allocate_places
from rules.reservations.cancelling import cancel_reservation
from rules.reservations.closing import mark_no_show
from rules.reservations.offers import confirm_offer, expire_offers
from rules.reservations.reserving import Wish, reserve_place
from rules.rulebook.versions import publish
from rules.work import SYSTEM, Actor, ActorKind, Work
from tests.apps import make_app
from tests.build import Person, TownBuilder, new_town, settings_for
from tests.conftest import Databases
from tests.races import from_processes, from_threads
from tests.reservations.story import Story
from tests.reservations.test_no_shows import PENALTIES

CROWD = 60


@pytest.fixture
def race_town(databases: Databases, tmp_path: Path) -> Iterator[TownBuilder]:
    """A town in a database of its own, on the engine of the test."""
    app = make_app(settings_for(databases.make(), tmp_path, log_level="ERROR", database_pool_size=CROWD))
    yield new_town(app.extensions[EXTENSION])
    app.extensions[EXTENSION].transactions.engine.dispose()


DEEDS: dict[str, Callable[..., Any]] = {
    "reserve": lambda work, session_id: reserve_place(work, session_id, Wish()).status.value,
    "cancel": lambda work, reservation_id: cancel_reservation(work, reservation_id).status.value,
    "confirm": lambda work, reservation_id: confirm_offer(work, reservation_id).status.value,
    "expire": expire_offers,
    "no-show": mark_no_show,
}


def perform(app: Flask, town_id: int, resident_id: int | None, now: datetime, name: str, *args: Any) -> str:
    """One deed of one resident, or of the system, at a moment; runs in a process of its own application."""
    house = app.extensions[EXTENSION]
    actor = SYSTEM if resident_id is None else Actor(ActorKind.RESIDENT, resident_id)
    deed = DEEDS[name] if name != "allocate" else (lambda work, id_: allocate_places(work, house.keys, id_))
    try:
        return str(house.transactions.write(town_id, actor, lambda work: deed(replace(work, now=now), *args)))
    except RuleError as refused:
        return refused.code


def job(story: Story, person: Person | None, name: str, *args: Any, at: datetime | None = None) -> tuple[Any, ...]:
    return (story.town.id, person.id if person else None, at or story.now, name, *args)


def test_places_that_are_given_back_by_many_go_to_the_first_in_line_and_to_nobody_twice(race_town: TownBuilder) -> None:
    places = CROWD // 2
    story = Story.of(race_town, capacity=places, waiting_max=1000)
    holders, waiting, newcomers = ([race_town.resident() for _ in range(places)] for _ in range(3))
    for person in (*holders, *waiting):
        story.reserve(person)
    jobs = [job(story, person, "cancel", story.held[person.id]) for person in holders]
    jobs += [job(story, person, "reserve", story.session) for person in newcomers]
    answers = from_processes(race_town, perform, jobs[::2] + jobs[1::2])
    assert Counter(answers) == {"cancelled": places, "waitlisted": places}
    assert story.counters() == story.added_up() == (places, places)
    assert {story.status(person) for person in waiting} == {Status.CONFIRMED}


def test_without_the_sessions_lock_the_same_cancellations_promote_one_party_many_times(race_town: TownBuilder) -> None:
    places = CROWD // 2
    story = Story.of(race_town, capacity=places, waiting_max=1000)
    for _ in range(2 * places):
        story.reserve(race_town.resident())
    everybody_has_looked = threading.Barrier(places)

    def look(work: Work) -> int:
        rows = select(Reservation.id).where(
            Reservation.town_id == race_town.id, Reservation.status == Status.WAITLISTED
        )
        return int(work.db.scalars(rows.order_by(Reservation.rank)).first() or 0)

    def promote_without_lock(_n: int) -> int:
        first = race_town.database.read(race_town.id, SYSTEM, look)
        everybody_has_looked.wait()
        confirm = (
            update(Reservation).where(Reservation.id == first).values(status=Status.CONFIRMED, versioned_at=utc_now())
        )
        race_town.database.write(race_town.id, SYSTEM, lambda work: work.db.execute(confirm))
        return first

    promoted = from_threads(promote_without_lock, [(n,) for n in range(places)], places)
    assert len(set(promoted)) < places  # so many places were freed, and some of them stay empty


def offered_stories(town: TownBuilder, count: int) -> list[tuple[Story, Person]]:
    """Sessions with one place each, offered to one person until half an hour from then."""
    stories = []
    for _ in range(count):
        story, holder, waiting = Story.of(town, capacity=1, offer_minutes=30), town.resident(), town.resident()
        story.reserve(holder)
        story.reserve(waiting)
        story.cancel(holder)
        stories.append((story, waiting))
    return stories


def test_an_offer_is_either_taken_or_lapses(race_town: TownBuilder) -> None:
    stories = offered_stories(race_town, CROWD // 4)
    jobs = []
    for story, person in stories:
        deadline = story.now + timedelta(minutes=30)
        confirming = job(story, person, "confirm", story.held[person.id], at=deadline - timedelta(seconds=1))
        jobs += [confirming, job(story, None, "expire", story.session, at=deadline)] * 2
    from_processes(race_town, perform, jobs)
    for story, person in stories:
        assert story.status(person) in (Status.CONFIRMED, Status.LAPSED)
        assert story.counters() == story.added_up() == (int(story.status(person) is Status.CONFIRMED), 0)


def test_without_the_guard_an_offer_is_taken_and_lapses(race_town: TownBuilder) -> None:
    [(story, person)] = offered_stories(race_town, 1)
    both_have_looked = threading.Barrier(2)

    def deal_without_guard(outcome: Status, freed: int) -> bool:
        read = select(Reservation.status).where(Reservation.id == story.held[person.id])
        is_offered = race_town.database.read(race_town.id, SYSTEM, lambda w: w.db.scalar(read)) is Status.OFFERED
        both_have_looked.wait()

        def write(work: Work) -> None:
            where = Reservation.id == story.held[person.id]
            work.db.execute(update(Reservation).where(where).values(status=outcome, versioned_at=work.now))
            work.db.execute(update(Session).where(Session.id == story.session).values(taken=Session.taken - freed))

        if is_offered:
            race_town.database.write(race_town.id, SYSTEM, write)
        return is_offered

    assert from_threads(deal_without_guard, [(Status.LAPSED, 1), (Status.CONFIRMED, 0)], 2) == [True, True]


def test_a_draw_that_many_hold_at_once_is_held_once(race_town: TownBuilder) -> None:
    story = Story.of_draw(race_town, capacity=5)
    for _ in range(20):
        story.reserve(race_town.resident())
    story.pass_time(days=1)
    answers = from_processes(race_town, perform, [job(story, None, "allocate", story.session)] * CROWD)
    assert Counter(answers) == {"5": 1, "0": CROWD - 1}
    assert story.counters() == story.added_up() == (5, 15)


def test_without_its_guard_a_draw_is_held_many_times(race_town: TownBuilder) -> None:
    story = Story.of_draw(race_town, capacity=5)
    everybody_has_looked = threading.Barrier(CROWD)
    due = select(Session.allocates_at).where(Session.id == story.session)

    def draw_without_guard(_n: int) -> bool:
        is_due = race_town.database.read(race_town.id, SYSTEM, lambda work: work.db.scalar(due)) is not None
        everybody_has_looked.wait()
        settle = update(Session).where(Session.id == story.session).values(allocates_at=None)
        race_town.database.write(race_town.id, SYSTEM, lambda work: work.db.execute(settle))
        return is_due

    assert sum(from_threads(draw_without_guard, [(n,) for n in range(CROWD)], CROWD)) > 1


def missed_stories(town: TownBuilder) -> tuple[Story, list[Person]]:
    town.act(None, lambda work: publish(work, PENALTIES, work.now - timedelta(days=1)))
    story, missing = Story.of(town, capacity=10), [town.resident() for _ in range(5)]
    for person in missing:
        story.reserve(person)
    story.now = story.ends
    return story, missing


def test_no_shows_that_many_jobs_mark_at_once_count_once(race_town: TownBuilder) -> None:
    story, missing = missed_stories(race_town)
    jobs = [job(story, None, "no-show", story.held[person.id]) for person in missing] * (CROWD // 5)
    answers = from_processes(race_town, perform, jobs)
    assert Counter(answers) == {"True": 5, "False": CROWD - 5}
    assert story.counters() == story.added_up() == (0, 0)
    assert len(race_town.rows(Event.id, source="reservation")) == 5
    counts = [row.count for row in race_town.rows(StandingCount.count, StandingCount.name) if "no-show" in row.name]
    assert set(counts) == {1}


def test_without_the_guard_one_no_show_counts_many_times(race_town: TownBuilder) -> None:
    story, [person, *_] = missed_stories(race_town)
    everybody_has_looked = threading.Barrier(CROWD)
    read = select(Reservation.status).where(Reservation.id == story.held[person.id])

    def mark_without_guard(_n: int) -> bool:
        is_to_come = race_town.database.read(race_town.id, SYSTEM, lambda w: w.db.scalar(read)) is Status.CONFIRMED
        everybody_has_looked.wait()
        values = {"status": Status.NO_SHOW, "versioned_at": utc_now()}
        mark = update(Reservation).where(Reservation.id == story.held[person.id]).values(values)
        race_town.database.write(race_town.id, SYSTEM, lambda work: work.db.execute(mark))
        return is_to_come

    assert sum(from_threads(mark_without_guard, [(n,) for n in range(CROWD)], CROWD)) > 1


def rich_resident(town: TownBuilder, points: int) -> Person:
    person = town.resident()

    def give(work: Work) -> None:
        earn(work, "gift", Earning(person.id, points, date(2099, 12, 31), Cause("test", "赠送", work.now)))

    town.act(None, give)
    return person


def _spend_ten(work: Work, nth: int) -> str:
    spend(work, f"spend:{nth}", Spending(work.actor.id, 10, Cause("test", "兑换", work.now)))
    return "spent"


DEEDS["spend"] = _spend_ten


def test_points_are_either_held_for_a_place_or_spent(race_town: TownBuilder) -> None:
    person = rich_resident(race_town, 100)
    stories = [Story.of(race_town, price=10) for _ in range(CROWD // 2)]
    jobs = [job(story, person, "reserve", story.session) for story in stories]
    jobs += [job(stories[0], person, "spend", nth) for nth in range(CROWD // 2)]
    answers = Counter(from_processes(race_town, perform, jobs[::2] + jobs[1::2]))
    assert answers["confirmed"] + answers["spent"] == 10
    assert answers["points.insufficient"] == CROWD - 10
    assert race_town.act(person, lambda work: read_spendable(work, person.id)) == 0
    assert race_town.database.survey(race_town.id, SYSTEM, audit).is_clean


def test_whoever_only_looks_at_the_balance_gives_more_than_there_is(race_town: TownBuilder) -> None:
    person = rich_resident(race_town, 100)
    everybody_has_looked = threading.Barrier(CROWD)

    def look_then_give(_n: int) -> bool:
        is_enough = race_town.database.read(race_town.id, SYSTEM, lambda work: read_spendable(work, person.id)) >= 10
        everybody_has_looked.wait()
        return is_enough

    assert sum(from_threads(look_then_give, [(n,) for n in range(CROWD)], CROWD)) > 10


def test_the_counters_of_a_session_never_drift_under_everything_at_once(race_town: TownBuilder) -> None:
    story = Story.of(race_town, capacity=12, waiting_max=1000, offer_minutes=30)
    people = [race_town.resident() for _ in range(CROWD)]
    for person in people[:30]:
        story.reserve(person)
    offered_at = story.now
    for person in people[:4]:
        story.cancel(person)
    jobs = [job(story, person, "cancel", story.held[person.id]) for person in people[4:24]]
    jobs += [job(story, person, "reserve", story.session) for person in people[30:]]
    jobs += [job(story, person, "confirm", story.held[person.id]) for person in people[12:30]]
    jobs += [job(story, None, "expire", story.session, at=offered_at + timedelta(minutes=31))] * 5
    from_processes(race_town, perform, jobs[::3] + jobs[1::3] + jobs[2::3])
    assert story.counters() == story.added_up()
    assert story.counters()[0] == 12  # more than enough people want them
    live = select(func.count()).where(Reservation.town_id == race_town.id, Reservation.session_id == story.session)
    assert race_town.database.read(race_town.id, SYSTEM, lambda work: work.db.scalar(live)) >= CROWD
