"""One activity and its sessions: what each session is for someone who looks at it now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from blueprints.edge.house import House
from models.activities import ActivityStatus, Allocation, SessionStatus
from rules.activities.looking import NEXT_SESSIONS
from tests.activities.plan import DAY, HOUR, NOW, a_session, an_activity, at_nine
from tests.build import ApiClient, TownBuilder, new_town

UNKNOWN = (404, "activity.unknown")
MOMENT = timedelta(microseconds=1)


def shown(api: ApiClient, activity_id: object, path: str = "", **query: Any) -> Any:
    with at_nine():
        return api.get(f"/activities/{activity_id}{path}", **query)


def state_of(town: TownBuilder, api: ApiClient, **columns: Any) -> str:
    """The state in which a session is shown, here and in the list of sessions."""
    activity = town.activity()
    a_session(town, activity, columns.pop("starts_at", NOW + DAY), **columns)
    [session] = shown(api, activity, "/sessions", **{"from": "2025-06-01"}).json["items"]
    return session["status"]


def test_an_activity_is_shown_with_its_next_sessions(town: TownBuilder, api: ApiClient) -> None:
    activity = town.activity(title="太极晨练")
    second, first = a_session(town, activity, NOW + 2 * DAY), a_session(town, activity, NOW + DAY, capacity=9, taken=4)
    detail = shown(api, activity).json
    assert (detail["id"], detail["title"], detail["status"]) == (str(activity), "太极晨练", "published")
    assert [session["id"] for session in detail["sessions"]] == [str(first), str(second)]
    assert detail["sessions"][0] == {
        "id": str(first),
        "activity_id": str(activity),
        "series_id": None,
        "starts_at": "2025-06-03T09:00:00+08:00",
        "ends_at": "2025-06-03T11:00:00+08:00",
        "reservable_from": None,
        "reservable_until": "2025-06-03T09:00:00+08:00",
        "allocates_at": None,
        "checkin_opens_at": "2025-06-03T08:30:00+08:00",
        "venue": {
            "id": str(town.venue_id),
            "name": "多功能厅",
            "centre": "党群服务中心",
            "address": "测试路 1 号",
        },
        "capacity": 9,
        "capacity_min": 0,
        "taken": 4,
        "waiting": 0,
        "status": "open",
    }


def test_only_so_many_sessions_are_shown_and_the_list_has_them_all(town: TownBuilder, api: ApiClient) -> None:
    activity = town.activity()
    ids = [str(a_session(town, activity, NOW + n * HOUR)) for n in range(NEXT_SESSIONS + 2)]
    assert [session["id"] for session in shown(api, activity).json["sessions"]] == ids[:NEXT_SESSIONS]
    assert [session["id"] for session in shown(api, activity, "/sessions", limit=100).json["items"]] == ids


def test_sessions_that_are_over_are_not_next(town: TownBuilder, api: ApiClient) -> None:
    activity = town.activity()
    is_on = a_session(town, activity, NOW - HOUR)
    a_session(town, activity, NOW - 2 * HOUR)
    assert [session["id"] for session in shown(api, activity).json["sessions"]] == [str(is_on)]


def test_an_activity_without_sessions_is_shown(town: TownBuilder, api: ApiClient) -> None:
    assert shown(api, town.activity()).json["sessions"] == []


def test_a_cancelled_activity_is_shown_as_such(town: TownBuilder, api: ApiClient) -> None:
    activity = an_activity(town, status=ActivityStatus.CANCELLED)
    detail = shown(api, activity).json
    assert detail["status"] == "cancelled"
    assert [session["status"] for session in detail["sessions"]] == ["cancelled"]


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({}, "open"),
        ({"capacity": 3, "taken": 2}, "open"),
        ({"capacity": 3, "taken": 3}, "full"),
        ({"capacity": 0}, "full"),
        ({"reservable_until": NOW}, "closed"),
        ({"reservable_until": NOW + MOMENT}, "open"),
        ({"reservable_until": NOW, "capacity": 3, "taken": 3}, "closed"),
        ({"starts_at": NOW - HOUR}, "closed"),
        ({"starts_at": NOW - HOUR, "reservable_until": NOW + HOUR}, "open"),
        ({"starts_at": NOW - 2 * HOUR}, "finished"),
        ({"starts_at": NOW - 2 * HOUR + MOMENT}, "closed"),
        ({"starts_at": NOW - 2 * HOUR, "capacity": 3, "taken": 3}, "finished"),
        ({"capacity": 3, "taken": 3, "overbooking_max": 2, "overbooking": 1}, "open"),
        ({"capacity": 3, "taken": 4, "overbooking_max": 2, "overbooking": 1}, "full"),
        ({"reservable_from": NOW + MOMENT}, "not_open"),
        ({"reservable_from": NOW}, "open"),
        ({"reservable_from": NOW + MOMENT, "capacity": 3, "taken": 3}, "not_open"),
        ({"allocates_at": NOW + HOUR}, "applying"),
        ({"allocates_at": NOW + HOUR, "reservable_from": NOW + MOMENT}, "not_open"),
        ({"status": SessionStatus.CANCELLED}, "cancelled"),
        ({"status": SessionStatus.CANCELLED, "starts_at": NOW - 2 * HOUR}, "cancelled"),
    ],
    ids=str,
)
def test_a_session_is_what_it_is_now(town: TownBuilder, api: ApiClient, columns: dict[str, Any], state: str) -> None:
    assert state_of(town, api, **columns) == state


@pytest.mark.parametrize(
    ("waiting", "state"),
    [(0, "waiting_list"), (1, "waiting_list"), (2, "full")],
    ids=["nobody", "one", "as many as may"],
)
def test_a_full_session_takes_parties_that_wait_as_long_as_they_may(
    town: TownBuilder, api: ApiClient, waiting: int, state: str
) -> None:
    activity = town.activity(waiting_max=2)
    a_session(town, activity, NOW + DAY, capacity=3, taken=3, waiting=waiting)
    [session] = shown(api, activity).json["sessions"]
    assert (session["status"], session["waiting"]) == (state, waiting)


def test_the_detail_says_on_which_terms_one_signs_up(town: TownBuilder, api: ApiClient) -> None:
    question = {"key": "diet", "text": "忌口？", "kind": "choice", "choices": ["无", "素食"], "required": True}
    activity = town.activity(
        age_min=6,
        age_max=12,
        price=30,
        allocation=Allocation.LOTTERY,
        waiting_max=5,
        offer_minutes=60,
        allows_reentry=False,
        questions=[question],
    )
    detail = shown(api, activity).json
    said = {"age_min": 6, "age_max": 12, "price": 30, "allocation": "lottery", "waiting_max": 5, "offer_minutes": 60}
    assert detail.items() >= {**said, "allows_reentry": False}.items()
    assert detail["questions"] == [question]


def test_one_session_is_shown_by_its_number(town: TownBuilder, api: ApiClient) -> None:
    session_id = a_session(town, town.activity(), NOW + DAY)
    with at_nine():
        answer = api.get(f"/sessions/{session_id}")
        assert (answer.status_code, answer.json["id"], answer.json["status"]) == (200, str(session_id), "open")
        assert (api.get("/sessions/1").status_code, api.get("/sessions/1").json["code"]) == (404, "session.unknown")


def test_the_sessions_of_a_period_are_listed_in_order(town: TownBuilder, api: ApiClient) -> None:
    activity, other = town.activity(), town.activity()
    ids = [str(a_session(town, activity, NOW + n * DAY)) for n in (1, 2, 3)]
    a_session(town, other, NOW + 2 * DAY)
    for period, found in (
        ({}, ids),
        ({"from": "2025-06-04"}, ids[1:]),
        ({"to": "2025-06-04"}, ids[:1]),
        ({"from": "2025-06-04", "to": "2025-06-05"}, ids[1:2]),
        ({"from": "2025-06-04T11:00:00 08:00", "to": "2025-06-05T09:00:00 08:00"}, []),
    ):
        items = shown(api, activity, "/sessions", **period).json["items"]
        assert [session["id"] for session in items] == found, period


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_pages_give_each_session_once(town: TownBuilder, api: ApiClient, limit: int) -> None:
    activity = town.activity()
    moments = [NOW + DAY, NOW + DAY, NOW + DAY + MOMENT, NOW + 2 * DAY, NOW + 2 * DAY]
    ids = [str(a_session(town, activity, moment)) for moment in moments]
    found, query = [], {"limit": limit}
    for _ in ids:
        page = shown(api, activity, "/sessions", **query).json
        found += [session["id"] for session in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == ids


def test_a_period_must_end_after_it_begins(town: TownBuilder, api: ApiClient) -> None:
    answer = shown(api, town.activity(), "/sessions", **{"from": "2025-06-05", "to": "2025-06-04"})
    assert (answer.status_code, answer.json["code"]) == (422, "activity.period_invalid")


@pytest.mark.parametrize("path", ["", "/sessions"])
def test_an_unknown_activity_is_not_found(house: House, api: ApiClient, path: str) -> None:
    elsewhere = new_town(house).activity()
    for activity_id in (1, 2**63 - 1, elsewhere):
        answer = shown(api, activity_id, path)
        assert (answer.status_code, answer.json["code"]) == UNKNOWN


@pytest.mark.parametrize("activity_id", ["0", "-1", "x", "1.0", str(2**63), "01", "9" * 40, "%00"])
def test_what_is_no_id_is_no_address(api: ApiClient, activity_id: str) -> None:
    answer = shown(api, activity_id)
    assert (answer.status_code, answer.json["code"]) == (404, "route.unknown")


def test_who_signed_in_elsewhere_sees_their_own_town(app: Flask, house: House, town: TownBuilder) -> None:
    elsewhere = new_town(house)
    api = ApiClient(app, elsewhere).as_(elsewhere.resident())
    assert api.get("/activities", town=town.code).json["items"] == []
    assert api.get(f"/activities/{an_activity(town)}", town=town.code).status_code == 404
