"""Sessions, places and waiting lists: the numbers are those of a plain count, now and as of every moment before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete

from models.activities import Activity
from models.reservations import Appeal, AppealStatus
from models.residents import Role
from models.territory import Scene
from rules.activities.authoring import change_activity
from rules.activities.changing import Scope, cancel_sessions, change_sessions
from rules.clock import local_day, local_moment, utc_now
from rules.monitor.measures import activities, waiting
from rules.monitor.measures.activities import OCCUPANCY, RESERVATIONS, SESSIONS
from rules.monitor.measures.waiting import PROMOTIONS
from rules.reservations.appeals import decide_appeal, make_appeal
from rules.reservations.attending import check_in, revive_no_show
from rules.reservations.cancelling import cancel_reservation
from tests.build import TownBuilder, add
from tests.monitor.agreeing import check_changed
from tests.monitor.facts import facts, rows_of, touched
from tests.monitor.plain import activities as plain_activities
from tests.monitor.plain import waiting as plain_waiting
from tests.monitor.plain.activities import TABLES
from tests.monitor.plain.counted import Counted
from tests.reservations.story import Story

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SPAN = 8 * DAY
PLAIN = {activities: plain_activities, waiting: plain_waiting}
MEASURES = [measure for module in PLAIN for measure in module.MEASURES]
RECOMPUTE = {measure.name: plain.recompute for module, plain in PLAIN.items() for measure in module.MEASURES}
COUNTED = [measure for measure in MEASURES if measure.family is not None]
Found = dict[str, Counter[Counted]]


@pytest.fixture(autouse=True)
def in_the_morning() -> Iterator[None]:
    """What happens within minutes here is of one day: tomorrow's, from ten o'clock on."""
    with time_machine.travel(local_moment(local_day(utc_now()) + DAY, "10:00"), tick=True):
        yield


def found_in(town: TownBuilder, first: datetime, as_of: datetime) -> Found:
    """What the statements find, from the first day on; of states what was at the end of the moment's day."""
    found: Found = {}
    for family in dict.fromkeys(measure.family for measure in COUNTED):
        assert family is not None
        span = (as_of, as_of) if family.is_state else (first, first + SPAN)
        rows = facts(town, family, local_day(span[0]), local_day(span[1]), as_of)
        for measure in COUNTED:
            if measure.family is family:
                keys = [_key(row, int(row[measure.counter])) for row in rows if row[measure.counter]]
                found[measure.name] = Counter(keys)
    return found


def _key(row: dict[str, Any], amount: int) -> Counted:
    return Counted(row["day"], row["territory_id"], row["scene"], row["operator_id"], row["detail"], amount)


def plain_in(town: TownBuilder, first: datetime, as_of: datetime) -> Found:
    rows = rows_of(town, *TABLES)
    begin, end = local_moment(local_day(first), "00:00"), local_moment(local_day(first + SPAN) + DAY, "00:00")
    tonight = local_moment(local_day(as_of) + DAY, "00:00")
    return {
        name: Counter(RECOMPUTE[name](rows, name, begin, tonight if name in STATES else end, as_of))
        for name in (measure.name for measure in COUNTED)
    }


STATES = {measure.name for measure in COUNTED if measure.family is not None and measure.family.is_state}


class Observer:
    """Looks after every step of a story, and once more from its end."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.first = story.now
        self.seen: list[tuple[datetime, Found]] = []

    def look(self, **expected: int) -> None:
        """What is counted now is what a plain count says, and these numbers. `sessions__held` is sessions.held."""
        found = found_in(self.story.town, self.first, self.story.now)
        assert found == plain_in(self.story.town, self.first, self.story.now)
        totals = {name: sum(each.amount * n for each, n in counted.items()) for name, counted in found.items()}
        assert totals == dict.fromkeys(totals, 0) | {name.replace("__", "."): n for name, n in expected.items()}
        self.seen.append((self.story.now, found))
        self.story.pass_time(minutes=10)

    def assert_the_past_is_told_the_same(self) -> None:
        for moment, found in self.seen:
            assert found_in(self.story.town, self.first, moment) == found


def test_places_are_counted_from_the_offer_to_the_attendance_and_the_past_stays_as_it_was(town: TownBuilder) -> None:
    story = Story.of(town, capacity=5, scene=Scene.EDUCATION)
    party, early, away, excused, waiting = (town.resident() for _ in range(5))
    staff = town.staff(Role.ORGANISER)
    story.pass_time(minutes=1)
    observer = Observer(story)
    offered = {"sessions__planned": 1, "sessions__places_offered": 5}
    observer.look(**offered)
    for person, size in ((party, 2), (early, 1), (away, 1), (excused, 1), (waiting, 2)):
        story.reserve(person, size)
    reserved = {"reservations__reserved": 5, "reservations__booked": 5}
    observer.look(**offered, **reserved, waiting__parties=1, waiting__places=2)
    story.cancel(early)
    gave_back = {"reservations__cancelled": 1, "reservations__booked": 5}
    observer.look(**offered, **gave_back, reservations__reserved=4, waiting__parties=1, waiting__places=2)
    story.act(staff, change_sessions, story.session, Scope.ONE, {"capacity": 6})
    offered["sessions__places_offered"] = 6
    promoted = {"waiting__promotions": 1, "waiting__minutes": 20}
    gave_back["reservations__booked"] = 7
    observer.look(**offered, **gave_back, **promoted, reservations__reserved=6)

    story.now = story.begins + MINUTE
    story.come(party)
    story.act(staff, cancel_reservation, story.held[waiting.id])  # after its deadline
    late = {"reservations__cancelled_late": 2, "reservations__cancelled_shortly": 2, "reservations__cancelled": 3}
    came = {"reservations__attended": 2, "reservations__awaited": 2, "reservations__booked": 7}
    observer.look(**offered, **late, **came, **promoted, reservations__reserved=4)
    story.now = story.ends + MINUTE
    story.look_for_no_shows()
    story.close()
    over = offered | {"sessions__held": 1}
    no_shows = {"reservations__no_shows": 2, "reservations__awaited": 4}
    observer.look(**over, **late, **came | no_shows, **promoted, reservations__reserved=4)

    # what is recorded of the day when it is over
    story.now = local_moment(local_day(story.ends) + DAY, "00:30")
    since = story.now
    story.pass_time(hours=9)
    appeal = story.act(excused, make_appeal, story.held[excused.id], "我请过假")
    story.act(staff, decide_appeal, appeal.id, True, "属实")
    fewer = {"reservations__no_shows": 1, "reservations__awaited": 3, "reservations__booked": 6}
    observer.look(**over, **late, **came | fewer, **promoted, reservations__reserved=3)
    story.act(None, revive_no_show, story.held[away.id])
    story.act(None, check_in, story.held[away.id], story.begins)
    all_came = {"reservations__attended": 3, "reservations__awaited": 3, "reservations__booked": 6}
    observer.look(**over, **late, **all_came, **promoted, reservations__reserved=3)
    for family in (SESSIONS, OCCUPANCY, RESERVATIONS):
        assert touched(town, family, since, story.now) == {local_day(story.begins)}
        assert touched(town, family, since - DAY, since) == set(), "it was the day's own"
        assert touched(town, family, story.now, story.now + DAY) == set()
    observer.assert_the_past_is_told_the_same()


def test_sessions_are_held_called_off_full_or_empty_under_the_activity_of_then(town: TownBuilder) -> None:
    story = Story.of(town, capacity=1, scene=Scene.EDUCATION)
    activity_id = town.rows(Activity.id)[0].id
    times = {"begins_in": DAY, "reservable_for": timedelta(hours=1), "made_at": story.now}
    quiet, off = (town.session(activity_id=activity_id, **times) for _ in range(2))
    draft = town.activity(status="draft")
    town.session(activity_id=draft, **times)
    staff, person = town.staff(Role.ORGANISER), town.resident()
    story.pass_time(minutes=1)
    observer = Observer(story)
    planned = {"sessions__planned": 3, "sessions__places_offered": 61}
    observer.look(**planned)
    story.act(staff, cancel_sessions, off, Scope.ONE, "停电")
    planned = {"sessions__planned": 2, "sessions__places_offered": 31, "sessions__cancelled": 1}
    observer.look(**planned)
    story.reserve(person)
    reserved = {"reservations__reserved": 1, "reservations__booked": 1}
    observer.look(**planned, **reserved)
    story.now += DAY + 3 * timedelta(hours=1)
    observer.look(**planned, **reserved, sessions__held=1, sessions__empty=1)
    since = local_moment(local_day(story.ends) + DAY, "00:30")
    story.now = story.begins
    story.come(person)
    story.now = since
    came = {"reservations__attended": 1, "reservations__awaited": 1}
    over = {"sessions__held": 2, "sessions__empty": 1, "sessions__full": 1}
    observer.look(**planned, **reserved, **came, **over)
    changes = {"scene": Scene.HEALTH, "community_id": town.other_community_id}
    story.act(staff, change_activity, activity_id, changes)
    observer.look(**planned, **reserved, **came, **over)
    days = {local_day(story.begins), local_day(story.begins - DAY)}
    assert touched(town, SESSIONS, since, story.now) == days
    scenes = [{each.scene for each in found["sessions.planned"]} for _, found in observer.seen[-2:]]
    assert scenes == [{Scene.EDUCATION}, {Scene.HEALTH}]
    story.act(staff, change_activity, activity_id, {"title": "别的名字"})
    assert touched(town, SESSIONS, story.now - MINUTE, story.now) == set(), "a name is nobody's number"
    observer.assert_the_past_is_told_the_same()
    assert quiet


def test_who_waits_on_through_a_move_is_promoted_once_and_under_the_activity_of_then(town: TownBuilder) -> None:
    story = Story.of(town, capacity=1, scene=Scene.EDUCATION)
    activity_id = town.rows(Activity.id)[0].id
    staff, (first, second) = town.staff(Role.ORGANISER), (town.resident() for _ in range(2))
    story.pass_time(minutes=1)
    observer = Observer(story)
    story.reserve(first)
    story.reserve(second)
    story.pass_time(minutes=9)
    story.act(staff, change_sessions, story.session, Scope.ONE, {"starts_at": story.begins + timedelta(hours=1)})
    planned = {"sessions__planned": 1, "sessions__places_offered": 1}
    reserved = {"reservations__reserved": 1, "reservations__booked": 1}
    observer.look(**planned, **reserved, waiting__parties=1, waiting__places=1)
    story.cancel(first)
    given_back = {"reservations__booked": 2, "reservations__cancelled": 1, "reservations__reserved": 1}
    promoted = {"waiting__promotions": 1, "waiting__minutes": 19}
    observer.look(**planned, **given_back, **promoted)

    promoted_on = local_day(story.now)
    story.now = since = local_moment(promoted_on + DAY, "00:30")
    story.pass_time(minutes=1)
    story.act(staff, change_activity, activity_id, {"scene": Scene.HEALTH})
    observer.look(**planned, **given_back, **promoted)
    assert [each.scene for each in observer.seen[-1][1]["waiting.promotions"]] == [Scene.HEALTH]
    assert touched(town, PROMOTIONS, since, story.now) == {promoted_on}
    assert touched(town, PROMOTIONS, since - DAY, since) == set()
    observer.assert_the_past_is_told_the_same()


def test_every_measure_is_made_of_counters_that_are_there() -> None:
    names = {measure.name for measure in MEASURES}
    for measure in MEASURES:
        if measure.family is None:
            assert {*(measure.over or ("none",))} <= names
        else:
            assert measure.counter in measure.family.counters
            assert {*measure.family.counters} <= {*measure.family.facts.selected_columns.keys()}


def test_an_appeal_that_is_upheld_of_a_place_that_was_given_back_changes_its_session_and_its_day(
    town: TownBuilder,
) -> None:
    """Who was a no-show, was let in after all, and gave the place back then."""
    story = Story.of(town, capacity=5)
    person, staff = town.resident(), town.staff(Role.ORGANISER)
    story.reserve(person)
    story.pass_time(minutes=1)
    story.cancel(person)
    day, reservation = local_day(story.begins), story.held[person.id]
    for moment in (story.begins + MINUTE, local_moment(day + DAY, "09:00")):
        since = moment - MINUTE / 2
        before = facts(town, RESERVATIONS, day, day, since)
        appeal = {"reservation_id": reservation, "reason": "我来过", "status": AppealStatus.UPHELD}
        decision = {"made_at": since, "decided_by": staff.id, "decided_at": moment}
        town.act(None, lambda work, row=appeal | decision: add(work, Appeal, **row))
        assert facts(town, RESERVATIONS, day, day, moment) != before
        check_changed(town, [RESERVATIONS], [day], [since, moment])
        assert touched(town, RESERVATIONS, since, moment) == ({day} if local_day(moment) > day else set())
        town.act(None, lambda work: work.core.execute(delete(Appeal).where(Appeal.town_id == town.id)))
