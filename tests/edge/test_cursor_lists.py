"""Protects paging: each item once and in order, whatever the page's size and whatever is added meanwhile."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, update

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.reservations import ReservationStatus
from rules.clock import utc_now
from rules.ids import ID_MAX
from rules.work import SYSTEM, Work
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import problem_of, reservation, reserve, scan, scanner

MINUTE = timedelta(minutes=1)
LISTS = ("activities", "sessions", "reservations")
MICROSECONDS_MAX = 253_402_300_800 * 1_000_000  #: the year 10000, which datetime doesn't know


@dataclass(frozen=True)
class Listed:
    """A list with items in it: who asks where, and the ids in the order in which they must come."""

    api: ApiClient
    path: str
    ids: list[str]
    add: Callable[[], list[str]]  #: adds items before and after all others, and returns those that come last

    def page(self, **query: Any) -> dict[str, Any]:
        answer = self.api.get(self.path, **query)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def walk(self, limit: int | None = None, after_first_page: Callable[[], Any] = lambda: None) -> list[str]:
        query = {} if limit is None else {"limit": limit}
        page = self.page(**query)
        seen = [item["id"] for item in page["items"]]
        after_first_page()
        while page["next_cursor"] is not None:
            page = self.page(**query, cursor=page["next_cursor"])
            assert page["items"], "no page is empty that was announced"
            seen += [item["id"] for item in page["items"]]
        return seen


def add_sessions(town: TownBuilder, wanted: list[tuple[int, timedelta]], **columns: Any) -> list[int]:
    """Sessions of activities, each beginning after a while; their ids in the order of the wish."""

    def deed(work: Work) -> list[int]:
        rows = [
            {
                "town_id": town.id,
                "id": work.new_id(),
                "activity_id": activity_id,
                "venue_id": town.venue_id,
                "starts_at": work.now + begins_in,
                "ends_at": work.now + begins_in + timedelta(hours=2),
                "reservable_until": work.now + begins_in,
                "checkin_opens_at": work.now + begins_in,
                "capacity": 5,
                **columns,
            }
            for activity_id, begins_in in wanted
        ]
        work.db.execute(insert(Session), rows)
        return [row["id"] for row in rows]

    return town.database.write(town.id, SYSTEM, deed)


def listed_activities(town: TownBuilder, api: ApiClient, count: int) -> Listed:
    def add(*begins_in: timedelta) -> list[str]:
        now = utc_now()
        activities = [town.activity() for _ in begins_in]
        for activity, begin in zip(activities, begins_in, strict=True):
            add_sessions(town, [(activity, begin + 2 * MINUTE), (activity, begin)], starts_at=now + begin)
        order = sorted(zip(begins_in, activities, strict=True))
        return [str(activity) for _, activity in order]

    # Groups of three begin together, so that the id must decide.
    ids = add(*[timedelta(hours=1) + (n // 3) * MINUTE for n in reversed(range(count))])
    return Listed(api, "/activities", ids, lambda: add(10 * MINUTE, timedelta(days=9))[1:])


def listed_sessions(town: TownBuilder, api: ApiClient, count: int) -> Listed:
    activity = town.activity()
    now = utc_now()

    def add(*begins_in: timedelta) -> list[str]:
        ids = [add_sessions(town, [(activity, begin)], starts_at=now + begin)[0] for begin in begins_in]
        return [str(id_) for _, id_ in sorted(zip(begins_in, ids, strict=True))]

    ids = add(*[timedelta(hours=1) + (n // 3) * MINUTE for n in reversed(range(count))])
    return Listed(api, f"/activities/{activity}/sessions", ids, lambda: add(10 * MINUTE, timedelta(days=9))[1:])


def listed_reservations(town: TownBuilder, api: ApiClient, count: int) -> Listed:
    resident, session_id = town.resident(), town.session()

    def add(whose: Person, how_many: int) -> list[str]:
        rows = reservation(town, whose, session_id, status=ReservationStatus.CANCELLED, count=how_many)
        return [str(id_) for id_ in reversed(rows)]

    add(town.resident(), 3)
    ids = add(resident, count) if count else []
    add(town.resident(), 3)

    def add_more() -> list[str]:
        add(resident, 2)
        return []

    return Listed(api.as_(resident), "/me/reservations", ids, add_more)


MAKERS = {"activities": listed_activities, "sessions": listed_sessions, "reservations": listed_reservations}


@pytest.fixture(params=LISTS)
def make(request: pytest.FixtureRequest, town: TownBuilder, api: ApiClient) -> Callable[[int], Listed]:
    return lambda count: MAKERS[request.param](town, api, count)


def cursor_of(*numbers: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(numbers)).rstrip(b"=").decode()


def test_a_walk_meets_each_item_once_and_in_order(make: Callable[[int], Listed]) -> None:
    listed = make(23)
    for limit in (1, 4, 7, 22, 23, 24, 100):
        assert listed.walk(limit) == listed.ids, limit


def test_a_page_has_twenty_items_unless_it_is_asked_otherwise(make: Callable[[int], Listed]) -> None:
    listed = make(21)
    page = listed.page()
    assert len(page["items"]) == 20
    assert listed.walk() == listed.ids
    assert len(listed.page(limit=100)["items"]) == 21


def test_the_last_page_has_no_cursor_even_when_it_is_full(make: Callable[[int], Listed]) -> None:
    listed = make(4)
    first = listed.page(limit=2)
    assert listed.page(limit=2, cursor=first["next_cursor"])["next_cursor"] is None
    assert listed.page(limit=4)["next_cursor"] is None


def test_an_empty_list_is_one_page(town: TownBuilder, api: ApiClient) -> None:
    for listed in (listed_reservations(town, api, 0), listed_activities(town, api, 0), listed_sessions(town, api, 0)):
        page = listed.page()
        assert page["next_cursor"] is None
        assert listed.path == "/activities" or page["items"] == []


def test_what_is_added_on_the_way_is_neither_met_twice_nor_pushes_others_out(make: Callable[[int], Listed]) -> None:
    listed = make(9)
    at_the_end: list[str] = []
    seen = listed.walk(4, lambda: at_the_end.extend(listed.add()))
    assert seen == listed.ids + at_the_end


def test_what_is_gone_on_the_way_costs_no_other_item(town: TownBuilder, api: ApiClient) -> None:
    listed = listed_activities(town, api, 9)
    gone = listed.ids[3], listed.ids[5]  # the one that the cursor stands on, and one after it

    def cancel() -> None:
        statement = update(Activity).where(Activity.town_id == town.id, Activity.id.in_(map(int, gone)))
        town.database.write(
            town.id,
            SYSTEM,
            lambda work: work.db.execute(statement.values(status=ActivityStatus.CANCELLED, versioned_at=work.now)),
        )

    assert listed.walk(4, cancel) == [id_ for id_ in listed.ids if id_ != gone[1]]


def test_a_cancelled_session_stays_in_its_activitys_list_and_makes_no_activity_listed(
    town: TownBuilder, api: ApiClient
) -> None:
    activity = town.activity()
    (session_id,) = add_sessions(town, [(activity, MINUTE)], status=SessionStatus.CANCELLED)
    assert [item["id"] for item in api.get(f"/activities/{activity}/sessions").get_json()["items"]] == [str(session_id)]
    assert api.get("/activities").get_json()["items"] == []


@pytest.mark.parametrize("limit", ["0", "-1", "101", str(2**70), "9" * 5000, "x", "1.5", ""])
def test_a_limit_is_a_plain_number_from_1_to_100(make: Callable[[int], Listed], limit: str) -> None:
    document = problem_of(make(0).api.get(make(0).path, limit=limit), 422, "request.invalid")
    assert list(document["errors"]) == ["limit"]


GARBAGE = {
    "a word": "garbage",
    "padding only": "====",
    "an unfinished group": "a",
    "beyond ASCII": "游标",
    "a NUL": "\0",
    "no JSON": base64.urlsafe_b64encode(b"not json").decode(),
    "an object": base64.urlsafe_b64encode(b'{"a": 1}').decode(),
    "nothing in it": cursor_of(),
    "a number alone": base64.urlsafe_b64encode(b"5").decode(),
    "too many numbers": cursor_of(1, 2, 3),
    "texts": cursor_of("1", "2"),
    "truth values": cursor_of(True, True),
    "fractions": cursor_of(1.5, 2.5),
    "nulls": cursor_of(None, None),
    "below zero": cursor_of(-1, -1),
    "numbers of 64 bits": cursor_of(ID_MAX + 1, 1),
    "deep": base64.urlsafe_b64encode(b"[" * 500).decode(),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_a_cursor_that_we_never_gave_is_refused(make: Callable[[int], Listed], name: str) -> None:
    listed = make(0)
    document = problem_of(listed.api.get(listed.path, cursor=GARBAGE[name]), 422, "request.invalid")
    assert list(document["errors"]) == ["cursor"]


@pytest.mark.parametrize("microseconds", [ID_MAX, MICROSECONDS_MAX])
@pytest.mark.parametrize("which", ["activities", "sessions"])
def test_a_cursor_beyond_all_time_is_refused(town: TownBuilder, api: ApiClient, which: str, microseconds: int) -> None:
    listed = MAKERS[which](town, api, 0)
    problem_of(listed.api.get(listed.path, cursor=cursor_of(microseconds, 1)), 422, "request.invalid")


def listed_statement(town: TownBuilder, api: ApiClient, count: int) -> Listed:
    """Points earned at the door, one posting each. How a statement is paged is tested where points are."""
    resident, door = town.resident(), scanner(town, api)
    for _ in range(count):
        session_id = town.session()
        assert reserve(api.as_(resident), session_id).status_code == 201
        assert scan(door, session_id, town.code_of(resident)).get_json()["result"] == "admitted"
    return Listed(api.as_(resident), "/me/points/statement", [], list)


@pytest.mark.parametrize("of", [*LISTS, "statement"])
@pytest.mark.parametrize("at", [*LISTS, "statement"])
def test_a_cursor_opens_the_list_that_it_came_from_and_no_other(
    town: TownBuilder, api: ApiClient, of: str, at: str
) -> None:
    makers = MAKERS | {"statement": listed_statement}
    cursor = (source := makers[of](town, api, 2)).page(limit=1)["next_cursor"]
    if of == at:
        assert source.page(cursor=cursor)["next_cursor"] is None
    else:
        listed = makers[at](town, api, 2)
        problem_of(listed.api.get(listed.path, cursor=cursor), 422, "request.invalid")
