"""When a centre is open: by the kind of day, through midnight, over holidays, with closures."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.residents import Role
from rules.clock import ZONE
from tests.build import ApiClient, TownBuilder
from tests.territory.centres import MONDAY, Desk, at, door

LATE = [["09:00", "12:00"], ["13:00", "20:30"]]
WEEK = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), LATE)


def moment(day: str, hour_minute: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour_minute}").replace(tzinfo=ZONE)


def shown(day: str, hour_minute: str) -> str:
    return f"{day}T{hour_minute}:00+08:00"


def test_a_centre_without_hours_by_the_kind_of_day_is_open_every_day_alike(town: TownBuilder, api: ApiClient) -> None:
    centre = Desk(town, api).centre
    assert door(api, centre, moment("2025-06-08", "08:59")) == (False, None, shown("2025-06-08", "09:00"))
    assert door(api, centre, moment("2025-06-08", "09:00")) == (True, shown("2025-06-08", "17:00"), None)
    assert door(api, centre, moment("2025-06-08", "17:00")) == (False, None, shown("2025-06-09", "09:00"))


def test_a_day_may_have_several_spans_and_the_weekend_other_hours(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    detail = desk.hours(**WEEK, saturday=[["10:00", "16:00"]], sunday=[])
    assert (detail["opens_at"], detail["closes_at"]) == ("09:00", "20:30")  # what older clients read
    assert [each["day"] for each in detail["hours"]] == [*WEEK, "saturday", "sunday"]
    assert door(api, desk.centre, moment("2025-06-13", "12:30")) == (False, None, shown("2025-06-13", "13:00"))
    assert door(api, desk.centre, moment("2025-06-13", "20:00")) == (True, shown("2025-06-13", "20:30"), None)
    assert door(api, desk.centre, moment("2025-06-13", "21:00")) == (False, None, shown("2025-06-14", "10:00"))
    assert door(api, desk.centre, moment("2025-06-14", "16:00")) == (False, None, shown("2025-06-16", "09:00"))


def test_a_holiday_is_no_weekday_and_a_makeup_workday_is_as_its_weekday(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    desk.hours(**WEEK, saturday=[["10:00", "16:00"]], holiday=[])
    # 1 to 8 October 2025 are holidays; Saturday the 11th is worked, and keeps Saturday's hours unless others are said.
    assert door(api, desk.centre, moment("2025-09-30", "21:00")) == (False, None, shown("2025-10-09", "09:00"))
    assert door(api, desk.centre, moment("2025-10-11", "09:30")) == (False, None, shown("2025-10-11", "10:00"))
    desk.hours(**WEEK, saturday=[["10:00", "16:00"]], holiday=[["10:00", "12:00"]], makeup_workday=LATE)
    assert door(api, desk.centre, moment("2025-10-01", "11:00")) == (True, shown("2025-10-01", "12:00"), None)
    assert door(api, desk.centre, moment("2025-10-11", "09:30")) == (True, shown("2025-10-11", "12:00"), None)


def test_spans_that_meet_at_midnight_are_one_and_round_the_clock_has_no_end(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    desk.hours(friday=[["18:00", "24:00"]], saturday=[["00:00", "02:00"], ["09:00", "17:00"]])
    assert door(api, desk.centre, moment("2025-06-13", "23:00")) == (True, shown("2025-06-14", "02:00"), None)
    assert door(api, desk.centre, moment("2025-06-14", "01:59")) == (True, shown("2025-06-14", "02:00"), None)
    always = {"opens_at": "00:00", "closes_at": "24:00"}
    desk.hours()
    desk.done("PATCH", f"/service-centres/{desk.centre}", always)
    assert door(api, desk.centre, moment("2025-06-14", "03:00")) == (True, None, None)


def test_a_closure_shuts_the_door_and_is_shown_and_lifted(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    body = {"starts_at": shown("2025-06-09", "10:00"), "ends_at": shown("2025-06-10", "11:00"), "reason": "消防检修"}
    closure = desk.done("POST", f"/service-centres/{desk.centre}/closures", body)
    assert door(api, desk.centre, MONDAY) == (True, shown("2025-06-09", "10:00"), None)
    assert door(api, desk.centre, moment("2025-06-09", "10:00")) == (False, None, shown("2025-06-10", "11:00"))
    with at(MONDAY):
        assert [each["reason"] for each in api.get(f"/service-centres/{desk.centre}").json["closures"]] == ["消防检修"]
    assert desk.call("DELETE", f"/closures/{closure['id']}").status_code == 204
    assert door(api, desk.centre, moment("2025-06-09", "10:00")) == (True, shown("2025-06-09", "17:00"), None)


def test_a_centre_that_stays_closed_says_no_next_opening(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    desk.hours(monday=[])
    assert door(api, desk.centre, MONDAY) == (False, None, None)


def test_a_room_without_hours_of_its_own_follows_its_centre(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    desk.hours(monday=[["09:00", "12:00"], ["18:00", "20:00"]])
    with at(MONDAY):
        period = {"from": MONDAY.isoformat(), "to": (MONDAY + timedelta(days=2)).isoformat()}
        slots = api.get(f"/venues/{town.venue_id}/availability", **period).json["slots"]
    assert [each["starts_at"][:13] for each in slots] == [f"2025-06-09T{hour:02}" for hour in (9, 10, 11, 18, 19)]


def test_hours_that_overlap_or_come_twice_are_refused_and_change_nothing(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    before = desk.hours(monday=LATE)["hours"]
    day = {"day": "monday", "spans": [{"opens_at": "09:00", "closes_at": "12:00"}]}
    for spans in (
        [["09:00", "12:00"], ["11:00", "13:00"]],
        [["12:00", "09:00"]],
        [["13:00", "14:00"], ["09:00", "10:00"]],
    ):
        body = {"hours": [{"day": "monday", "spans": [{"opens_at": a, "closes_at": b} for a, b in spans]}]}
        answer = desk.call("PUT", f"/service-centres/{desk.centre}/hours", body)
        assert (answer.status_code, answer.json["code"]) == (422, "venue.hours_invalid")
    answer = desk.call("PUT", f"/service-centres/{desk.centre}/hours", {"hours": [day, day]})
    assert (answer.status_code, answer.json["code"]) == (422, "venue.hours_invalid")
    assert api.get(f"/service-centres/{desk.centre}").json["hours"] == before


def test_only_managers_of_the_place_set_hours(town: TownBuilder, api: ApiClient) -> None:
    elsewhere = town.staff(Role.MANAGER, at=town.other_community_id)
    for person in (elsewhere, town.staff(Role.ORGANISER, Role.AUDITOR), town.resident()):
        desk = Desk(town, api, person)
        answer = desk.call("PUT", f"/service-centres/{desk.centre}/hours", {"hours": []})
        assert (answer.status_code, answer.json["code"]) == (403, "auth.forbidden")
