"""What activities, sessions, reservations and residents were at a past moment is found later as it was found then."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Select, Update, select, text, update
from sqlalchemy.exc import DBAPIError

import rules
from models.activities import Activity, Session
from models.base import Base
from models.history import VERSIONS, ReservationVersion, ResidentVersion, SessionVersion, watched
from models.reservations import Appeal, Reservation, ReservationStatus
from models.residents import Resident, Role
from models.territory import Scene, Territory, TerritoryKind
from rules.activities.authoring import change_activity
from rules.activities.changing import Scope, cancel_sessions, change_sessions
from rules.history import as_of
from rules.reservations.appeals import decide_appeal, make_appeal
from rules.reservations.attending import check_in, revive_no_show, undo_check_in
from rules.reservations.reserving import Wish, reserve_place
from rules.residents.records import change_record, lock_record
from rules.work import SYSTEM, Work
from tests.build import ApiClient, TownBuilder, add, fresh_key
from tests.checkins.crowd import scan_here
from tests.reservations.story import Story
from tests.residents.rights import ask_erasure, erase_now

MINUTE = timedelta(minutes=1)
View = dict[str, list[tuple[Any, ...]]]


def as_they_were(table: type[Base]) -> Select[Any]:
    return select(*(column for column in as_of(table).c if column.name != "title"))


ROWS = {table: as_they_were(table) for table in VERSIONS}


def look(town: TownBuilder, moment: datetime) -> View:
    """All rows of the four tables as they were."""

    def deed(work: Work) -> View:
        asked = {"town": town.id, "as_of": moment}
        found = {table: work.send(statement, asked) for table, statement in ROWS.items()}
        return {table.__tablename__: sorted(map(tuple, rows.all()), key=repr) for table, rows in found.items()}

    return town.database.read(town.id, SYSTEM, deed)


class Chronicle:
    """A story that is looked at after every step, and once more when all is over."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.seen: list[tuple[str, datetime, View]] = []

    def step(self, name: str, *changed: type[Base], minutes: float = 10) -> None:
        """See what is so now; just these tables must look otherwise than a step before."""
        view = look(self.story.town, self.story.now)
        if self.seen:
            before = self.seen[-1][2]
            others = {table for table in view if view[table] != before[table]}
            assert others == {table.__tablename__ for table in changed}, name
        self.seen.append((name, self.story.now, view))
        self.story.pass_time(minutes=minutes)

    def assert_it_is_told_the_same(self) -> None:
        for name, moment, view in self.seen:
            assert look(self.story.town, moment) == view, name


def test_whatever_becomes_of_reservations_the_past_is_told_as_it_was(town: TownBuilder) -> None:
    story = Story.of(town, capacity=2, offer_minutes=30)
    first, second, third, late = (town.resident() for _ in range(4))
    judge = town.staff(Role.ORGANISER)
    missing = Story.of(town, begins_in=timedelta(days=3))
    story.pass_time(minutes=1)
    told = Chronicle(story)
    told.step("nobody yet")
    for person in (first, second, third):
        story.reserve(person)
    told.step("two places and one who waits", Reservation)
    story.cancel(first)
    told.step("the place is offered", Reservation, minutes=40)
    assert story.expire() == 1
    told.step("the offer has lapsed", Reservation)
    story.reserve(late)
    told.step("somebody else has the place", Reservation)
    story.now = story.begins
    story.come(second)
    told.step("one has come", Reservation)
    story.act(None, undo_check_in, story.held[second.id])
    told.step("it was a mistake", Reservation)
    story.come(second)
    told.step("and has come after all", Reservation)
    story.now = story.ends + MINUTE
    told.step("it is over")
    assert story.look_for_no_shows() == [story.held[late.id]]
    told.step("one hasn't come", Reservation)
    story.close()
    told.step("it is closed", Session)
    story.act(None, revive_no_show, story.held[late.id])
    told.step("an upload speaks of them", Reservation)
    story.act(None, check_in, story.held[late.id], story.begins)
    told.step("they had come at the beginning", Reservation)
    told.story, missing.now = missing, story.now
    for person in (first, third):
        missing.reserve(person)
    told.step("two places in another session", Reservation)
    missing.now = missing.begins
    missing.come(first)
    missing.now = missing.ends + MINUTE
    missing.look_for_no_shows()
    told.step("a no-show", Reservation)
    appeal = missing.act(third, make_appeal, missing.held[third.id], "我来了")
    told.step("that is appealed against")
    missing.act(judge, decide_appeal, appeal.id, True, "属实")
    told.step("and upheld", Reservation)
    assert town.rows(Appeal.status) == [("upheld",)]
    told.assert_it_is_told_the_same()


def test_whatever_becomes_of_sessions_activities_and_residents_the_past_is_told_as_it_was(
    town: TownBuilder, api: ApiClient
) -> None:
    story = Story.of(town, capacity=1, scene=Scene.EDUCATION)
    first, second = town.resident(), town.resident()
    organiser = town.staff(Role.ORGANISER)
    [activity] = town.rows(Activity.id)
    story.pass_time(minutes=1)
    story.reserve(first)
    story.reserve(second)
    told = Chronicle(story)
    told.step("one has a place, one waits")
    story.act(organiser, change_sessions, story.session, Scope.ONE, {"starts_at": story.begins + timedelta(days=1)})
    told.step("it is moved to the next day", Session, Reservation)
    story.act(organiser, change_sessions, story.session, Scope.ONE, {"capacity": 2})
    told.step("there are more places", Session, Reservation)
    changes = {"scene": Scene.HEALTH, "community_id": town.other_community_id, "title": "另一个"}
    story.act(organiser, change_activity, activity.id, changes)
    told.step("the activity is another one", Activity)
    story.act(organiser, change_activity, activity.id, {"title": "第三个"})
    told.step("only its name is")
    story.act(organiser, cancel_sessions, story.session, Scope.ONE, "下雨")
    told.step("it is called off", Session, Reservation)

    def move(work: Work) -> None:
        record = lock_record(work, first.id)
        assert record is not None
        change_record(work, record, {"territory_id": town.other_community_id})

    story.act(None, move)
    told.step("somebody moves", Resident)
    assert ask_erasure(api.as_(second)).status_code == 201
    told.step("somebody wants to be forgotten")
    with time_machine.travel(story.now, tick=False):
        assert erase_now(town, second.id).residents == 1
    told.step("and is", Resident)
    told.assert_it_is_told_the_same()
    assert not town.rows(ResidentVersion, territory_id=None)


def test_of_who_was_erased_the_past_knows_the_community_alone(town: TownBuilder, api: ApiClient) -> None:
    def estate_below(work: Work) -> int:
        path = work.db.scalar(select(Territory.path).where(Territory.town_id == town.id, Territory.id == community))
        id_ = work.new_id()
        node = {"parent_id": community, "kind": TerritoryKind.ESTATE, "name": "一期", "path": f"{path}{id_}/"}
        return add(work, Territory, id=id_, **node)

    community = town.community_id
    estate = town.act(None, estate_below)
    person, neighbour = town.resident(community_id=estate), town.resident(community_id=estate)
    assert ask_erasure(api.as_(person)).status_code == 201
    assert erase_now(town, person.id).residents == 1
    assert town.rows(ResidentVersion.territory_id, id=person.id) == [(community,)]
    assert town.rows(ResidentVersion.id, id=neighbour.id) == []


def test_who_reserves_and_who_is_scanned_in_leaves_no_version(town: TownBuilder) -> None:
    session, person, scanner = town.session(), town.resident(), town.staff(Role.SCANNER)
    town.act(person, reserve_place, session, Wish(2))
    body = {"code": town.code_of(person), "session_id": session, "direction": "in", "nonce": fresh_key()}
    assert scan_here(town, scanner, body)["result"] == "admitted"
    assert town.rows(Reservation.status, Reservation.versioned_at) == [(ReservationStatus.CHECKED_IN, None)]
    assert [town.rows(version.id) for version in VERSIONS.values()] == [[]] * len(VERSIONS)


def test_deeds_that_meet_a_row_in_another_order_than_they_began_leave_a_past_in_order(town: TownBuilder) -> None:
    """The one that began first may come second to the row's lock."""
    story = Story.of(town, capacity=1)
    began = story.now + MINUTE

    def grow(capacity: int, at: datetime) -> None:
        this = update(Session).where(Session.town_id == town.id, Session.id == story.session)
        town.act(None, lambda work: work.core.execute(this.values(capacity=capacity, versioned_at=at)))

    grow(2, began + MINUTE)
    grow(3, began)
    grow(4, began + 2 * MINUTE)
    capacities = [look(town, began + n * MINUTE)["session"][0] for n in (-1, 0, 1, 2)]
    at = list(as_of(Session).c.keys()).index("capacity")
    assert [row[at] for row in capacities] == [1, 1, 3, 4]
    assert len(town.rows(SessionVersion.id)) == 2


@pytest.mark.parametrize("table", VERSIONS, ids=lambda table: table.__tablename__)
def test_the_database_refuses_a_change_that_does_not_say_when(town: TownBuilder, table: type[Base]) -> None:
    story, person = Story.of(town), town.resident()
    story.reserve(person)
    status = {Activity: "finished", Session: "cancelled", Reservation: "no_show", Resident: "suspended"}[table]
    silent = text(f"UPDATE {table.__tablename__} SET status = :status WHERE town_id = :town")
    before = look(town, story.now)
    with pytest.raises(DBAPIError, match="versioned_at"):
        town.act(None, lambda work: work.core.execute(silent, {"status": status, "town": town.id}))
    assert look(town, story.now) == before
    now = story.now + MINUTE
    told = update(table).where(table.town_id == town.id).values(status=status, versioned_at=now)  # type: ignore[attr-defined]
    town.act(None, lambda work: work.core.execute(told))
    assert {row[0].until for row in town.rows(VERSIONS[table])} == {now}


def test_a_check_in_that_comes_late_does_not_change_what_was_known_before(town: TownBuilder) -> None:
    story, person = Story.of(town), town.resident()
    story.reserve(person)
    story.now = story.begins + 5 * MINUTE
    before = look(town, story.now)
    story.pass_time(hours=1)
    story.act(None, lambda work: check_in(work, story.held[person.id], story.begins))
    assert look(town, story.begins + 5 * MINUTE) == before
    assert look(town, story.now) != before
    assert len(town.rows(ReservationVersion.id)) == 1


def statements_of(thing: Any) -> Iterator[Update]:
    """Updates that are kept under a module's names, alone or among others."""
    if isinstance(thing, Update):
        yield thing
    elif isinstance(thing, (tuple, list, dict)):
        for each in thing.values() if isinstance(thing, dict) else thing:
            yield from statements_of(each)


def is_silent(statement: Update) -> bool:
    """Whether it writes a watched column and doesn't say when."""
    written = {getattr(column, "key", column) for column in statement._values or ()}
    watching = {table.__tablename__: set(watched(table)) for table in VERSIONS}
    return bool(written & watching.get(statement.table.name, set())) and "versioned_at" not in written


def test_every_statement_of_the_rules_that_changes_what_is_watched_says_when() -> None:
    """But one: a check-in as it happens, which tells its own moment."""
    modules = [importlib.import_module(name) for _, name, _ in pkgutil.walk_packages(rules.__path__, "rules.")]
    updates = {
        (module.__name__, name, id(statement)): statement
        for module in modules
        for name, thing in vars(module).items()
        for statement in statements_of(thing)
    }
    changing = [each for each in updates.values() if each.table.name in {t.__tablename__ for t in VERSIONS}]
    assert len(changing) > 30, "they are found"
    assert {key[:2] for key, each in updates.items() if is_silent(each)} == {("rules.reservations.attending", "_use")}
    assert is_silent(update(Resident).values(territory_id=1)), "one that forgets it would be"
