"""Rooms as staff set them up: rules, uses, hours, and another number of parts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.activities import Session
from models.residents import Role
from models.venues import Venue, VenueBooking
from rules.venues.occupancy import occupy_for_session
from rules.working_days import set_day
from tests.build import ApiClient, TownBuilder
from tests.venues.halls import (
    HOUR,
    assert_books_agree,
    book,
    booked,
    centre_of,
    hall,
    monday,
    open_centre,
    refused,
    resident_of,
    slots_of,
    sports_hall,
    tomorrow,
    use,
)

A_DAY = timedelta(days=1)


def manager_of(town: TownBuilder, api: ApiClient, *, at: int | None = None) -> ApiClient:
    return api.as_(town.staff(Role.MANAGER, at=at))


def patch(caller: ApiClient, path: str, **changes: Any) -> Any:
    return caller.call("PATCH", path, changes)


def set_hours(caller: ApiClient, venue: int, **hours: list[tuple[str, str]]) -> Any:
    days = [
        {"day": day, "spans": [{"opens_at": opens, "closes_at": closes} for opens, closes in spans]}
        for day, spans in hours.items()
    ]
    return caller.call("PUT", f"/venues/{venue}/hours", {"hours": days})


def test_a_manager_adds_a_room_with_defaults_that_let_nobody_book_it(town: TownBuilder, api: ApiClient) -> None:
    body = {"service_centre_id": str(centre_of(town)), "name": "乒乓球室", "capacity": 8}
    made = manager_of(town, api).post("/venues", body)
    assert made.status_code == 201
    assert (made.json["parts"], made.json["bookable"], made.json["slot_minutes"]) == (1, False, 60)
    assert made.json["rules"] == ["不对居民开放预约。"]
    again = manager_of(town, api).post("/venues", body)
    refused(again, 409, "venue.name_taken")
    refused(manager_of(town, api).post("/venues", body | {"service_centre_id": "12345"}), 404, "service_centre.unknown")
    elsewhere = manager_of(town, api, at=town.other_community_id)
    refused(elsewhere.post("/venues", body | {"name": "台球室"}), 403, "auth.forbidden")


def test_a_change_says_only_what_changes(town: TownBuilder, api: ApiClient) -> None:
    venue, manager = hall(town, person_week_max=2), manager_of(town, api)
    changed = patch(manager, f"/venues/{venue}", slot_minutes=30, person_week_max=None, grace_minutes=10)
    assert changed.status_code == 200
    assert (changed.json["slot_minutes"], changed.json["person_week_max"], changed.json["capacity"]) == (30, None, 40)
    assert patch(manager, f"/venues/{venue}").json == changed.json
    taken = town.rows(Venue.name, id=town.venue_id)[0].name
    refused(patch(manager, f"/venues/{venue}", name=taken), 409, "venue.name_taken")
    assert patch(manager, f"/venues/{venue}", name="新名字").json["name"] == "新名字"
    refused(patch(manager, "/venues/12345", name="新"), 404, "venue.unknown")
    refused(
        patch(manager_of(town, api, at=town.other_community_id), f"/venues/{venue}", parts=2), 403, "auth.forbidden"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"slot_minutes": 20},
        {"parts": 0},
        {"parts": 33},
        {"capacity": 0},
        {"name": ""},
        {"name": None},
        {"grace_minutes": -1},
        {"person_week_max": 0},
        {"opens_days_before": 10**12},
        {"bookable": 2},
    ],
)
def test_rules_that_can_not_be_right_are_refused_by_name(
    town: TownBuilder, api: ApiClient, changes: dict[str, Any]
) -> None:
    venue = hall(town)
    before = town.rows(Venue)
    answer = patch(manager_of(town, api), f"/venues/{venue}", **changes)
    refused(answer, 422, "request.invalid")
    assert list(answer.json["errors"]) == list(changes)
    assert len(before) == len(town.rows(Venue))


def test_uses_are_added_changed_and_retired(town: TownBuilder, api: ApiClient) -> None:
    venue, manager = hall(town, parts=4), manager_of(town, api)
    path = f"/venues/{venue}/uses"
    made = manager.post(path, {"name": "羽毛球", "capacity": 4, "parts_needed": 1})
    assert made.status_code == 201
    (badminton,) = made.json["uses"]
    refused(manager.post(path, {"name": "羽毛球", "capacity": 4, "parts_needed": 1}), 409, "venue.name_taken")
    refused(manager.post(path, {"name": "电影", "capacity": 90, "parts_needed": 5}), 422, "venue.use_too_large")
    manager.post(path, {"name": "会议", "capacity": 30, "parts_needed": 2})
    changed = patch(manager, f"{path}/{badminton['id']}", parts_needed=2)
    assert [each["parts_needed"] for each in changed.json["uses"]] == [2, 2]
    refused(patch(manager, f"{path}/{badminton['id']}", name="会议"), 409, "venue.name_taken")
    refused(patch(manager, f"{path}/{badminton['id']}", parts_needed=5), 422, "venue.use_too_large")
    refused(patch(manager, f"/venues/{hall(town)}/uses/{badminton['id']}", capacity=1), 404, "venue.use_unknown")
    retired = patch(manager, f"{path}/{badminton['id']}", status="retired")
    assert [each["name"] for each in retired.json["uses"]] == ["会议"]


# --- opening hours ----------------------------------------------------------------------------------------------------


def test_a_room_without_hours_is_open_as_its_centre_is_every_day(town: TownBuilder, api: ApiClient) -> None:
    open_centre(town, "10:00", "12:00")
    venue = hall(town)
    for day in range(7):
        at = monday() + day * A_DAY
        assert "10:00–12:00" in refused(
            book(resident_of(town, api), venue, at + 9 * HOUR), 409, "booking.outside_opening_hours"
        )
        booked(resident_of(town, api), venue, at + 10 * HOUR)


def test_hours_go_by_the_day_and_may_have_a_break(town: TownBuilder, api: ApiClient) -> None:
    venue, manager = hall(town), manager_of(town, api)
    shown = set_hours(manager, venue, monday=[("08:00", "12:00"), ("18:00", "21:00")], tuesday=[])
    assert shown.status_code == 200
    assert [each["day"] for each in shown.json["hours"]] == ["monday", "tuesday"]
    week = clear_week(town)
    booked(resident_of(town, api), venue, week + 8 * HOUR)
    booked(resident_of(town, api), venue, week + 18 * HOUR)
    for day, hour in ((0, 12), (0, 11.5), (1, 9), (2, 9)):  # a break, across its edge, closed, not named
        answer = book(resident_of(town, api), venue, week + day * A_DAY + hour * HOUR)
        refused(answer, 409, "booking.outside_opening_hours")
    assert set_hours(manager, venue).json["hours"] == []
    booked(resident_of(town, api), venue, week + 2 * A_DAY + 9 * HOUR)


def clear_week(town: TownBuilder) -> Any:
    """Midnight of next Monday, in a week that the town has made an ordinary one."""
    admin = town.staff(Role.ADMIN)
    for n in range(7):
        day = (monday() + n * A_DAY + 12 * HOUR).date()
        town.act(admin, set_day, day, n < 5, "测试")
    return monday()


def test_a_holiday_has_hours_of_its_own_or_those_of_its_weekday(town: TownBuilder, api: ApiClient) -> None:
    own, plain, shut = hall(town), hall(town), hall(town)
    manager = manager_of(town, api)
    every_day = {day: [("09:00", "17:00")] for day in ("monday", "tuesday")}
    set_hours(manager, own, **every_day, holiday=[("10:00", "12:00")])
    set_hours(manager, plain, **every_day)
    set_hours(manager, shut, **every_day, holiday=[])
    at = clear_week(town) + 9 * HOUR
    said = {"day": (at + 3 * HOUR).date().isoformat(), "is_working_day": False, "name": "放假"}
    assert manager.post("/working-days", said).json["kind"] == "holiday"
    refused(book(resident_of(town, api), own, at), 409, "booking.outside_opening_hours")
    booked(resident_of(town, api), own, at + HOUR)
    booked(resident_of(town, api), plain, at)
    assert "—" in refused(book(resident_of(town, api), shut, at), 409, "booking.outside_opening_hours")


@pytest.mark.parametrize(
    "spans",
    [
        [("12:00", "09:00")],
        [("09:00", "09:00")],
        [("09:00", "12:00"), ("11:00", "15:00")],
        [("14:00", "15:00"), ("09:00", "10:00")],
    ],
)
def test_spans_that_are_none_are_refused_and_the_old_ones_stay(
    town: TownBuilder, api: ApiClient, spans: list[tuple[str, str]]
) -> None:
    venue, manager = hall(town), manager_of(town, api)
    before = set_hours(manager, venue, monday=[("09:00", "24:00")]).json["hours"]
    refused(set_hours(manager, venue, monday=spans), 422, "venue.hours_invalid")
    assert api.get(f"/venues/{venue}").json["hours"] == before


@pytest.mark.parametrize("time", ["9:00", "09:05", "24:15", "25:00", "09:00\n", "noon", "24:00"])
def test_a_time_of_day_is_on_a_quarter(town: TownBuilder, api: ApiClient, time: str) -> None:
    refused(set_hours(manager_of(town, api), hall(town), monday=[(time, "24:00")]), 422, "request.invalid")


def test_a_day_is_named_once(town: TownBuilder, api: ApiClient) -> None:
    day = {"day": "monday", "spans": []}
    answer = manager_of(town, api).call("PUT", f"/venues/{hall(town)}/hours", {"hours": [day, day]})
    refused(answer, 422, "venue.hours_invalid")


# --- another number of parts ------------------------------------------------------------------------------------------


def occupied(town: TownBuilder, venue: int, hour: int) -> int:
    """A session of an activity that has the room for two hours."""
    session = town.session(venue_id=venue, begins_in=timedelta(days=1))
    town.act(None, occupy_for_session, session, venue, tomorrow(hour), tomorrow(hour + 2))
    assert town.rows(Session.id, id=session)
    return session


def test_who_has_the_whole_room_keeps_it_however_it_is_divided(town: TownBuilder, api: ApiClient) -> None:
    venue, manager = hall(town), manager_of(town, api)
    booking = booked(resident_of(town, api), venue, tomorrow(9))
    occupied(town, venue, 13)
    assert patch(manager, f"/venues/{venue}", parts=3).json["parts"] == 3
    assert town.rows(VenueBooking.parts, id=int(booking["id"]))[0].parts == [1, 2, 3]
    court = use(town, venue, "羽毛球", 4, 1)
    for hour in (9, 13, 14):
        refused(book(resident_of(town, api), venue, tomorrow(hour), use_id=court), 409, "venue.taken")
    booked(resident_of(town, api), venue, tomorrow(10), use_id=court)
    assert_books_agree(town)
    refused(patch(manager, f"/venues/{venue}", parts=0), 422, "request.invalid")
    assert patch(manager, f"/venues/{venue}", parts=2).status_code == 200
    assert town.rows(VenueBooking.parts, id=int(booking["id"]))[0].parts == [1, 2]
    assert {part for part, _ in slots_of(town, venue)} == {1, 2}
    assert_books_agree(town)


def test_a_part_that_somebody_has_does_not_go(town: TownBuilder, api: ApiClient) -> None:
    venue, court, meeting, film = sports_hall(town)
    manager = manager_of(town, api)
    refused(patch(manager, f"/venues/{venue}", parts=3), 422, "venue.use_too_large")
    for each in (meeting, film):
        patch(manager, f"/venues/{venue}/uses/{each}", status="retired")
    bookings = [booked(resident_of(town, api), venue, tomorrow(10), use_id=court) for _ in range(3)]
    refused(patch(manager, f"/venues/{venue}", parts=2), 409, "venue.parts_in_use")
    assert patch(manager, f"/venues/{venue}", parts=3).status_code == 200
    assert api.as_(town.staff(Role.MANAGER)).delete(f"/bookings/{bookings[2]['id']}").status_code == 200
    assert patch(manager, f"/venues/{venue}", parts=2).status_code == 200
    assert_books_agree(town)
