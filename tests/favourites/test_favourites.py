"""What residents keep to find it again: each thing once, with what is on next, gone or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from blueprints.edge.house import House
from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.favourites import Favourite, FavouriteKind
from models.venues import Venue
from rules import favourites
from rules.clock import utc_now
from tests.build import ApiClient, TownBuilder, new_town
from tests.races import from_threads, until_answered
from tests.territory.centres import centre_of
from tests.venues.halls import hall

HOUR = timedelta(hours=1)
COLUMNS = (Favourite.id, Favourite.kind, Favourite.subject_id, Favourite.title, Favourite.added_at)


def keep(caller: ApiClient, kind: str, subject_id: int) -> Any:
    return caller.call("PUT", "/me/favourites", {"kind": kind, "subject_id": str(subject_id)})


def kept(caller: ApiClient, **query: Any) -> list[dict[str, Any]]:
    """The whole list, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = caller.get("/me/favourites", **query, **cursor).json
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def change(town: TownBuilder, table: Any, id_: int, **values: Any) -> None:
    statement = update(table).where(table.town_id == town.id, table.id == id_).values(**values)
    town.act(None, lambda work: work.core.execute(statement))


def test_things_of_several_kinds_are_kept_with_what_is_on_next(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    dance, chess = town.activity(title="古典舞"), town.activity(title="围棋角")
    town.session(activity_id=dance, begins_in=-3 * HOUR)  # over
    soon = town.session(activity_id=dance, begins_in=2 * HOUR)
    sooner = town.session(activity_id=chess, begins_in=HOUR)
    room = hall(town, name="会议室")
    for kind, id_ in (("activity", dance), ("venue", town.venue_id), ("venue", room), ("centre", centre_of(town))):
        answer = keep(me, kind, id_)
        assert (answer.status_code, answer.json["is_gone"]) == (200, False), answer.text
    lines = [(each["kind"], each["title"], each["on_next"] and each["on_next"]["title"]) for each in kept(me, limit=3)]
    assert lines == [
        ("centre", "党群服务中心", "围棋角"),
        ("venue", "会议室", None),
        ("venue", "多功能厅", "围棋角"),
        ("activity", "古典舞", "古典舞"),
    ]
    assert [each["on_next"]["session_id"] for each in kept(me, kind="activity")] == [str(soon)]
    change(town, Session, sooner, status=SessionStatus.CANCELLED, versioned_at=utc_now())
    assert [each["on_next"]["session_id"] for each in kept(me, kind="centre")] == [str(soon)]
    assert kept(api.as_(town.resident())) == []


def test_keeping_twice_keeps_once_and_letting_go_twice_is_no_fault(town: TownBuilder, api: ApiClient) -> None:
    me, other = api.as_(town.resident()), api.as_(town.resident())
    first, second = keep(me, "venue", town.venue_id), keep(me, "venue", town.venue_id)
    assert first.json == second.json
    assert keep(other, "venue", town.venue_id).status_code == 200
    assert len(town.rows(Favourite.id)) == 2
    for _ in range(2):
        assert me.delete(f"/me/favourites?kind=venue&subject_id={town.venue_id}").status_code == 204
    assert (len(kept(me)), len(kept(other))) == (0, 1)


def test_what_vanished_is_shown_as_gone_under_its_old_name(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    activity, room = town.activity(title="古典舞"), hall(town, name="会议室")
    town.session(activity_id=activity, begins_in=HOUR)
    keep(me, "activity", activity)
    keep(me, "venue", room)
    change(town, Activity, activity, title="古典舞（停办）", status=ActivityStatus.CANCELLED, versioned_at=utc_now())
    change(town, Venue, room, name="小会议室")
    lines = [(each["title"], each["is_gone"], each["on_next"]) for each in kept(me)]
    assert lines == [("小会议室", False, None), ("古典舞", True, None)]
    gone = delete(Venue).where(Venue.town_id == town.id, Venue.id == room)
    town.act(None, lambda work: work.core.execute(gone))
    assert [(each["title"], each["is_gone"]) for each in kept(me)] == [("会议室", True), ("古典舞", True)]
    assert keep(me, "activity", activity).json["code"] == "favourite.unknown"


@pytest.mark.parametrize("kind", list(FavouriteKind))
def test_what_residents_cannot_see_cannot_be_kept(
    house: House, town: TownBuilder, api: ApiClient, kind: FavouriteKind
) -> None:
    me = api.as_(town.resident())
    hidden = {
        FavouriteKind.ACTIVITY: town.activity(status=ActivityStatus.DRAFT),
        FavouriteKind.VENUE: new_town(house).venue_id,
    }
    for id_ in (12345, hidden.get(kind, 2**63 - 1)):
        answer = keep(me, kind.value, id_)
        assert (answer.status_code, answer.json["code"]) == (404, "favourite.unknown")
    assert town.rows(Favourite.id) == []


@pytest.mark.parametrize("body", [{}, {"kind": "cat", "subject_id": "1"}, {"kind": "venue", "subject_id": "x"}])
def test_what_names_no_thing_is_refused(town: TownBuilder, api: ApiClient, body: dict[str, str]) -> None:
    assert api.as_(town.resident()).call("PUT", "/me/favourites", body).status_code == 422


def test_of_many_who_keep_one_thing_at_once_for_me_one_row_is_left(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    answers = from_threads(lambda: until_answered(lambda: keep(me, "venue", town.venue_id)), [()] * 20, threads=20)
    assert {answer.status_code for answer in answers} == {200}
    assert len(town.rows(Favourite.id)) == 1


def test_with_a_plain_insert_in_its_place_all_but_one_would_fail(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control arm: the same race without the upsert."""
    monkeypatch.setattr("rules.favourites._keeping", insert(Favourite).returning(*COLUMNS))
    me = api.as_(town.resident())
    answers = from_threads(lambda: until_answered(lambda: keep(me, "venue", town.venue_id)), [()] * 20, threads=20)
    assert sorted(answer.status_code for answer in answers) == [200, *[500] * 19]


def test_one_keeps_so_much_on_a_day_and_no_more(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(favourites, "FAVOURITES_A_DAY", 2)
    caller, activity = api.as_(town.resident()), town.activity()
    assert [keep(caller, "activity", activity).status_code for _ in range(3)] == [200, 200, 429]
