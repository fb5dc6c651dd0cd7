"""Who is on duty: a weekly pattern, days that stand apart, and nobody while the centre is closed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from models.centres import DutyDay
from models.residents import Role
from rules.clock import ZONE
from tests.build import ApiClient, TownBuilder
from tests.territory.centres import MONDAY, Desk, at
from tests.uploads.helpers import sent

DAY = [["09:00", "17:00"]]
WORKDAYS = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), DAY)


def roster(api: ApiClient, centre: int, now: datetime = MONDAY, **period: str) -> dict[str, list[str]]:
    """The roster as lines: day -> "name from–to"."""
    with at(now):
        answer = api.get(f"/service-centres/{centre}/duty", **period)
    assert answer.status_code == 200, answer.text
    return {each["day"]: [line(person) for person in each["on_duty"]] for each in answer.json["items"]}


def line(person: dict[str, Any]) -> str:
    return f"{person['name']} {person['starts_at'][11:16]}–{person['ends_at'][11:16]}"


def test_a_week_is_shown_from_the_pattern_with_the_days_that_stand_apart(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    chen = desk.member("陈海燕", **WORKDAYS)
    desk.member("俞国平", "公益律师", wednesday=[["14:00", "17:00"]])
    desk.day_off(chen, "2025-06-11", [])
    desk.day_off(chen, "2025-06-14", [["09:00", "11:00"], ["13:00", "15:00"]])
    assert roster(api, desk.centre) == {
        "2025-06-09": ["陈海燕 09:00–17:00"],
        "2025-06-10": ["陈海燕 09:00–17:00"],
        "2025-06-11": ["俞国平 14:00–17:00"],
        "2025-06-12": ["陈海燕 09:00–17:00"],
        "2025-06-13": ["陈海燕 09:00–17:00"],
        "2025-06-14": ["陈海燕 09:00–11:00", "陈海燕 13:00–15:00"],
        "2025-06-15": [],
    }
    path = f"/service-centres/{desk.centre}/staff/{chen}/duty-days?day=2025-06-11"
    assert desk.done("DELETE", path)["days"][0]["day"] == "2025-06-14"
    one_day = {"from": "2025-06-11", "to": "2025-06-11"}
    assert roster(api, desk.centre, **one_day) == {"2025-06-11": ["陈海燕 09:00–17:00", "俞国平 14:00–17:00"]}


def test_nobody_is_on_duty_while_the_centre_is_closed(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    desk.hours(**{day: [["10:00", "12:00"], ["13:00", "16:00"]] for day in WORKDAYS}, holiday=[])
    desk.member(**WORKDAYS)
    body = {"starts_at": "2025-06-10T11:00", "ends_at": "2025-06-10T14:00", "reason": "检修"}
    desk.done("POST", f"/service-centres/{desk.centre}/closures", body)
    two_days = {"from": "2025-06-09", "to": "2025-06-10"}
    assert roster(api, desk.centre, **two_days) == {
        "2025-06-09": ["陈海燕 10:00–12:00", "陈海燕 13:00–16:00"],
        "2025-06-10": ["陈海燕 10:00–11:00", "陈海燕 14:00–16:00"],
    }
    holiday = {"from": "2025-10-08", "to": "2025-10-08"}
    assert roster(api, desk.centre, **holiday) == {"2025-10-08": []}


def test_a_centre_shows_who_is_there_today_and_now_with_a_photo(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    chen = desk.member("陈海燕", **WORKDAYS)
    desk.member("徐立军", "网格员", monday=[["13:00", "17:00"]])
    picture = sent(api.as_(desk.person), purpose="staff")["id"]
    photo = api.as_(desk.person).call("PATCH", f"/service-centres/{desk.centre}/staff/{chen}", {"picture_id": picture})
    assert photo.status_code == 200, photo.text
    with at(datetime(2025, 6, 9, 12, 59, tzinfo=ZONE)):
        today = api.get(f"/service-centres/{desk.centre}").json["on_duty"]
    assert [(each["name"], each["title"], each["is_there_now"]) for each in today] == [
        ("陈海燕", "社区工作者", True),
        ("徐立军", "网格员", False),
    ]
    assert (today[0]["picture"]["id"], today[1]["picture"]) == (picture, None)


def test_who_is_shown_no_more_is_on_no_roster(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    chen = desk.member(**WORKDAYS)
    assert (
        desk.done("PATCH", f"/service-centres/{desk.centre}/staff/{chen}", {"status": "retired"})["status"] == "retired"
    )
    assert roster(api, desk.centre, to="2025-06-09") == {"2025-06-09": []}
    listed = desk.done("GET", f"/service-centres/{desk.centre}/staff")["items"]
    assert [(each["id"], each["status"]) for each in listed] == [(chen, "retired")]
    assert desk.done("GET", f"/service-centres/{desk.centre}/staff/{chen}")["pattern"][0]["day"] == "monday"


@pytest.mark.parametrize(
    "period", [{"from": "2025-06-10", "to": "2025-06-09"}, {"from": "2025-06-01", "to": "2025-07-02"}]
)
def test_a_roster_is_asked_for_31_days_at_most(town: TownBuilder, api: ApiClient, period: dict[str, str]) -> None:
    answer = api.get(f"/service-centres/{Desk(town, api).centre}/duty", **period)
    assert (answer.status_code, answer.json["code"]) == (422, "duty.period_invalid")
    assert api.get("/service-centres/12345/duty").json["code"] == "service_centre.unknown"


def test_a_roster_is_set_by_managers_of_the_place_for_people_of_the_centre(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    chen = desk.member(**WORKDAYS)
    path = f"/service-centres/{desk.centre}/staff/{chen}"
    day = {"day": "2025-06-11", "spans": []}
    elsewhere = Desk(town, api, town.staff(Role.MANAGER, at=town.other_community_id))
    answers = [
        elsewhere.call("PUT", f"{path}/duty", {"hours": []}),
        elsewhere.call("PUT", f"{path}/duty-days", day),
        elsewhere.call("PATCH", path, {"status": "retired"}),
        elsewhere.call("GET", path),
    ]
    assert {(each.status_code, each.json["code"]) for each in answers} == {(403, "auth.forbidden")}
    nobody = desk.call("PUT", f"/service-centres/{desk.centre}/staff/12345/duty-days", day)
    assert (nobody.status_code, nobody.json["code"]) == (404, "centre_staff.unknown")
    overlap = {"day": "2025-06-11", "spans": [{"opens_at": "10:00", "closes_at": "09:00"}]}
    assert desk.call("PUT", f"{path}/duty-days", overlap).json["code"] == "venue.hours_invalid"
    again = desk.call("POST", f"/service-centres/{desk.centre}/staff", {"name": "陈海燕", "title": "社区工作者"})
    assert (again.status_code, again.json["code"]) == (409, "centre_staff.taken")
    assert town.rows(DutyDay.day) == []
