"""Rooms near me, and rooms that are free now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.venues import VenueBooking
from rules.clock import ZONE
from tests.build import ApiClient, TownBuilder
from tests.territory.centres import HERE, Desk, at, centre_of, near, place
from tests.venues.halls import HOUR, asked, hall
from tests.venues.test_looking import elsewhere

#: An ordinary Monday, some minutes past ten.
NOW = datetime(2025, 6, 9, 10, 20, tzinfo=ZONE)


def listed(api: ApiClient, **query: Any) -> list[str]:
    """The names of what the list answers, page by page."""
    found: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(20):
        with at(NOW):
            answer = api.get("/venues", **query, **cursor)
        assert answer.status_code == 200, answer.text
        found += [each["name"] for each in answer.json["items"]]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}
    raise AssertionError("the pages have no end")


def test_rooms_come_by_the_distance_of_their_centre(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.venues.looking.AT_A_TIME", 2)
    elsewhere(town)
    hall(town, name="会议室")
    assert listed(api, near=near(), limit=1) == ["多功能厅", "瑜伽房", "会议室"]  # nobody knows where any of them is
    place(town, centre_of(town), HERE[0] + 0.01, HERE[1])
    for limit in (1, 2, 3, 100):
        assert listed(api, near=near(), limit=limit) == ["多功能厅", "会议室", "瑜伽房"]
    assert listed(api, near=near(), within_metres=1200) == ["多功能厅", "会议室"]
    assert listed(api, near=near(), within_metres=1100) == []
    items = api.get("/venues", near=near()).json["items"]
    assert [each["distance_metres"] for each in items] == [1111, 1111, None]


def test_a_room_is_free_now_when_a_slot_within_two_hours_can_be_booked(town: TownBuilder, api: ApiClient) -> None:
    free, courts = hall(town, name="空着"), hall(town, name="两个场", parts=2)
    full = hall(town, name="都有人")
    hall(town, name="早该预约", closes_minutes_before=180)
    hall(town, name="不外借", bookable=False)
    for room, hours in ((courts, (11,)), (full, (11, 12))):
        for hour in hours:
            begin = NOW.replace(hour=hour, minute=0)
            with at(NOW - timedelta(days=1)):
                booker = api.as_(town.resident(), at=NOW - timedelta(days=1))
                answer = booker.post(f"/venues/{room}/bookings", asked(begin))
            assert answer.status_code == 201, answer.text
    with at(NOW):
        items = {each["name"]: each for each in api.get("/venues", free_now="true").json["items"]}
    assert {name: each["next_free_at"][11:16] for name, each in items.items()} == {"空着": "11:00", "两个场": "12:00"}
    assert int(items["空着"]["id"]) == free
    assert listed(api, free_now="true", near=near(), limit=1) == ["空着", "两个场"]
    assert len(town.rows(VenueBooking.id)) == 3


def test_a_room_that_is_closed_is_not_free_now(town: TownBuilder, api: ApiClient) -> None:
    hall(town, name="空着")
    desk = Desk(town, api)
    assert listed(api, free_now="true") == ["空着"]
    body = {"starts_at": NOW.isoformat(), "ends_at": (NOW + 2 * HOUR).isoformat(), "reason": "检修"}
    desk.done("POST", f"/service-centres/{desk.centre}/closures", body, now=NOW)
    assert listed(api, free_now="true") == []
    desk.hours(tuesday=[["09:00", "17:00"]])
    assert listed(api, free_now="true") == []
    assert listed(api) == ["多功能厅", "空着"]


def test_a_list_of_rooms_goes_on_in_the_order_in_which_it_began(town: TownBuilder, api: ApiClient) -> None:
    hall(town)
    cursor = api.get("/venues", limit=1).json["next_cursor"]
    answer = api.get("/venues", near=near(), cursor=cursor)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["cursor"])
