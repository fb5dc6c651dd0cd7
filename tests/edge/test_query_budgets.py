"""How many statements a route sends: as many for thirty of everything as for three, and no more than are said here.

A change that makes a route send more has to raise its number here, on purpose. Statements are counted in a process that
knows the town already (rules.revisions): each is called once before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from blueprints.edge.house import House
from models.activities import Activity, Session
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident, Role
from models.rewards import Reward, RewardKind, RewardStatus
from models.territory import Scene, ServiceCentre, Territory, TerritoryKind
from models.venues import Venue
from rules.activities.looking import show_session
from rules.clock import utc_now
from rules.work import VISITOR, Work
from tests.build import ApiClient, Person, TownBuilder, add, fresh_key, new_town
from tests.edge.plenty import fill_lists
from tests.groups.neighbours import group_of
from tests.points.hands import give

API = "/api/v1"
FEW, MANY = 3, 30
HOUR = timedelta(hours=1)

#: Statements of each GET, beside BEGIN and COMMIT.
READS = {
    "visitor": {
        "/activities": 1,
        "/activities/{activity}": 2,
        "/activities/{activity}/sessions": 2,
        "/sessions/{session}": 1,
        "/communities": 1,
        "/communities/{community}": 7,
        "/territory/{street}/children": 2,
        "/service-centres": 4,
        "/service-centres/{centre}": 15,
        "/services": 1,
        "/venues": 2,
        "/venues/{venue}": 4,
        "/estates": 1,
        "/estates/{estate}": 2,
        "/estates/{estate}/management": 2,
        "/property-companies/{company}": 1,
        "/rewards/{reward}": 2,
        "/property-companies": 1,
        "/rewards": 2,
        "/causes": 1,
        "/groups": 1,
        "/announcements": 1,
        "/points/ways": 1,
        "/points/ranking/communities": 3,
        "/rulebooks": 2,
        "/ledger/seals": 1,
        "/search": 16,
        "/home": 3,
    },
    "resident": {
        "/activities": 2,
        "/home": 11,
        "/me": 2,
        "/me/bookings": 2,
        "/me/favourites": 5,
        "/me/groups": 2,
        "/me/inbox": 2,
        "/me/points": 4,
        "/me/points/statement": 4,
        "/me/redemptions": 2,
        "/me/repairs": 3,
        "/me/reservations": 2,
        "/me/standing": 6,
    },
    "staff": {
        "/activities": 2,
        "/repairs": 2,
        "/rewards/managed": 2,
        "/sessions/{session}/roster": 4,
    },
}
#: Lists that are as long in both towns.
AS_LONG = {"/estates/{estate}/management", "/groups", "/ledger/seals", "/me/groups", "/points/ways", "/rulebooks"}
#: What ids in paths are of; routes that name something else aren't swept.
NAMED = {
    "activity_id": "activity",
    "centre_id": "centre",
    "community_id": "community",
    "company_id": "company",
    "estate_id": "estate",
    "reward_id": "reward",
    "session_id": "session",
    "territory_id": "community",
    "venue_id": "venue",
}
#: How many routes answer each of them, at least.
ANSWERED_MIN = {"visitor": 35, "resident": 80, "staff": 90}
#: Statements of a write that goes well, at most, for people who have a wallet already.
WRITES = {"sqlite": {"reservation": 6, "scan": 14}, "postgresql": {"reservation": 6, "scan": 6}}


@dataclass
class Street:
    """A town with so many of everything."""

    town: TownBuilder
    app: Flask
    resident: Person
    staff: Person
    ids: dict[str, int] = field(default_factory=dict)

    def as_(self, who: str) -> ApiClient:
        api = ApiClient(self.app, self.town)
        return api if who == "visitor" else api.as_(getattr(self, who))


def street_of(app: Flask, house: House, count: int) -> Street:
    town = new_town(house)
    street = Street(town, app, town.resident(), town.staff(*Role))
    street.ids = town.act(None, _fill, town, street.resident, street.staff, count)
    group_of(town, ApiClient(app, town), street.resident, name="球队 1")
    group_of(town, ApiClient(app, town), town.resident("群主"), name="球队 2")
    for _ in range(min(count, 9)):
        give(town, street.resident, 5)
    return street


def _fill(work: Work, town: TownBuilder, resident: Person, staff: Person, count: int) -> dict[str, int]:
    ids = {"community": town.community_id, "street": town.street_id}
    made: dict[str, list[int]] = {"activity": [], "reward": []}
    activity = {"summary": "", "category": "亲子", "scene": Scene.EDUCATION, "community_id": town.community_id}
    activity |= {"operator_id": town.operator_id, "created_at": work.now}
    begin = work.now + timedelta(days=1)
    times = {"starts_at": begin, "ends_at": begin + HOUR, "reservable_until": begin, "checkin_opens_at": work.now}
    kept = {"party_size": 1, "status": ReservationStatus.CONFIRMED, "reserved_at": work.now}
    reward = {"kind": RewardKind.GOODS, "title": "抽纸", "upload_ids": [], "price": 10, "limits": [], "quantity_max": 3}
    reward |= {"territory_id": town.street_id, "status": RewardStatus.PUBLISHED, "created_at": work.now}
    for n in range(count):
        ids["activity"] = add(work, Activity, title=f"亲子早教 {n}", **activity)
        of = {"activity_id": ids["activity"], "venue_id": town.venue_id, "capacity": 90}
        ids["session"] = add(work, Session, taken=1, **of, **times)
        add(work, Reservation, session_id=ids["session"], resident_id=resident.id, **kept)
        made["activity"].append(ids["activity"])
        made["reward"].append(add(work, Reward, **reward))
    for n in range(count):
        add(work, Session, **of, **times)
        neighbour = add(work, Resident, name=f"邻居{n}", territory_id=town.community_id, registered_at=work.now)
        add(work, Reservation, session_id=ids["session"], resident_id=neighbour, **kept)
    made |= _places(work, town, count)
    ids |= {"centre": made["centre"][-1], "venue": made["venue"][-1], "reward": made["reward"][-1]}
    return ids | fill_lists(work, town, resident, staff, made)


def _places(work: Work, town: TownBuilder, count: int) -> dict[str, list[int]]:
    made: dict[str, list[int]] = {"centre": [], "venue": []}
    for n in range(count):
        node = work.new_id()
        path = f"{town.street_id}/{node}/"
        kind = TerritoryKind.COMMUNITY
        add(work, Territory, id=node, parent_id=town.street_id, kind=kind, name=f"社区{n}", path=path)
        hours = {"opens_at": "09:00", "closes_at": "17:00"}
        centre = add(work, ServiceCentre, territory_id=town.community_id, name=f"中心{n}", address="路", **hours)
        made["centre"].append(centre)
        made["venue"].append(add(work, Venue, service_centre_id=centre, name=f"房间{n}", capacity=20))
    return made


@pytest.fixture(scope="module")
def streets(app: Flask, house: House) -> tuple[Street, Street]:
    return street_of(app, house, FEW), street_of(app, house, MANY)


@contextmanager
def heard(town: TownBuilder) -> Iterator[list[str]]:
    statements: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "SET")):
            statements.append(statement)

    event.listen(town.database.engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        event.remove(town.database.engine, "before_cursor_execute", hear)


def sent_by(town: TownBuilder, call: Callable[[], TestResponse]) -> int:
    with heard(town) as statements:
        answer = call()
    assert answer.status_code in (200, 201), answer.text
    return len(statements)


def sent_for(street: Street, who: str, path: str) -> tuple[int, int | None]:
    """How many statements were sent, and how many things are in the answer; None where it is no list."""
    api, address = street.as_(who), path.format(**street.ids)
    query = {"q": "亲子"} if path == "/search" else {}
    first = api.get(address, **query)
    assert first.status_code == 200, "what the process keeps is kept"
    things = first.json.get("items")
    return sent_by(street.town, lambda: api.get(address, **query)), None if things is None else len(things)


@pytest.mark.parametrize(("who", "path"), [(who, path) for who, paths in READS.items() for path in paths])
def test_a_read_sends_as_many_statements_for_many_things_as_for_few_and_as_many_as_its_budget_says(
    streets: tuple[Street, Street], who: str, path: str
) -> None:
    (few, fewer_things), (many, more_things) = (sent_for(street, who, path) for street in streets)
    assert few == many == READS[who][path]
    if fewer_things is not None and more_things is not None and path not in AS_LONG:
        assert 0 < fewer_things < more_things, "a list without rows would show nothing"


@pytest.mark.parametrize("who", READS)
def test_no_read_sends_more_statements_in_a_town_that_has_more(
    app: Flask, streets: tuple[Street, Street], who: str
) -> None:
    """Of what neither town has anything (complaints, records of hours, uploads), nothing is shown by this."""
    with time_machine.travel(utc_now(), tick=False):  # what the monitoring keeps, it keeps for a minute
        sent = {path: [sent_if_answered(street, who, path) for street in streets] for path in paths_of(app)}
    answered = {path: counts for path, counts in sent.items() if counts != [None, None]}
    assert len(answered) >= ANSWERED_MIN[who]
    assert {path: counts for path, counts in answered.items() if counts[0] != counts[1]} == {}


def paths_of(app: Flask) -> list[str]:
    """The reads of the API that name nothing, or what there is in the towns here."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    known = [rule.rule for rule in rules if rule.rule.startswith(API) and rule.arguments <= NAMED.keys()]
    return sorted(re.sub(r"<id:(\w+)>", lambda found: f"{{{NAMED[found[1]]}}}", path)[len(API) :] for path in known)


def sent_if_answered(street: Street, who: str, path: str) -> int | None:
    api, address = street.as_(who), path.format(**street.ids)
    query = {"q": "亲子"} if path == "/search" else {}
    if api.get(address, **query).status_code != 200:
        return None
    return sent_by(street.town, lambda: api.get(address, **query))


def test_a_reservation_and_a_scan_that_pays_keep_to_their_budgets(streets: tuple[Street, Street]) -> None:
    town = streets[1].town
    door = ApiClient(streets[1].app, town).as_(town.staff(Role.SCANNER))
    _come(town, door)  # the second time the process knows the town, the book and the rulebook
    sent = _come(town, door)
    budget = WRITES[town.database.engine.dialect.name]
    assert {name: count for name, count in sent.items() if count > budget[name]} == {}, sent


def _come(town: TownBuilder, door: ApiClient) -> dict[str, int]:
    """Somebody reserves and is scanned: the statements of each."""
    session, person = town.session(), town.resident("来客")
    give(town, person, 5)
    mine, code = door.as_(person), town.code_of(person)
    body = {"code": code, "session_id": str(session), "direction": "in", "nonce": fresh_key()}
    return {
        "reservation": sent_by(town, lambda: mine.post(f"/sessions/{session}/reservations", {})),
        "scan": sent_by(town, lambda: door.post("/checkins", body)),
    }


def test_the_count_would_show_a_list_that_asks_for_each_of_its_things(streets: tuple[Street, Street]) -> None:
    """The control: a rule that reads its sessions one by one."""

    def one_by_one(work: Work) -> None:
        for session_id in work.db.scalars(select(Session.id).where(Session.town_id == work.town_id)).all():
            show_session(work, session_id)

    sent = []
    for street in streets:
        with heard(street.town) as statements:
            street.town.database.read(street.town.id, VISITOR, one_by_one)
        sent.append(len(statements))
    assert sent[1] - sent[0] >= MANY - FEW
