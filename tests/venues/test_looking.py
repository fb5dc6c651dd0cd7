"""What everybody sees of rooms: which there are, which are free, their rules in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.residents import Role
from models.territory import ServiceCentre
from models.venues import UseStatus, Venue
from tests.build import ApiClient, TownBuilder, add
from tests.venues.halls import (
    HOUR,
    booked,
    hall,
    open_centre,
    refused,
    resident_of,
    sports_hall,
    tomorrow,
    use,
)


def names(api: ApiClient, **wanted: Any) -> list[str]:
    answer = api.get(
        "/venues", **{name: getattr(value, "isoformat", lambda v=value: v)() for name, value in wanted.items()}
    )
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json["items"]]


def elsewhere(town: TownBuilder, **columns: Any) -> int:
    """A room of the other community."""

    def deed(work):  # type: ignore[no-untyped-def]
        centre = add(
            work,
            ServiceCentre,
            territory_id=town.other_community_id,
            name="水电服务中心",
            address="测试路 2 号",
            opens_at="09:00",
            closes_at="17:00",
        )
        return add(
            work, Venue, service_centre_id=centre, **{"name": "瑜伽房", "capacity": 20, "bookable": True} | columns
        )

    return int(town.act(None, deed))


def test_rooms_are_found_by_name_by_use_and_by_centre(town: TownBuilder, api: ApiClient) -> None:
    venue, *_ = sports_hall(town, name="综合馆")
    use(town, venue, "门球", 8, 1, status=UseStatus.RETIRED)
    elsewhere(town)
    assert names(api) == ["多功能厅", "综合馆", "瑜伽房"]
    assert names(api, q="综合") == names(api, q="羽毛") == ["综合馆"]
    assert names(api, q="水电") == ["瑜伽房"]
    assert names(api, q="门球") == names(api, q="%") == []
    assert names(api, kind="hall") == ["综合馆"]


def test_rooms_are_found_by_place_and_what_is_below_it(town: TownBuilder, api: ApiClient) -> None:
    elsewhere(town)
    assert names(api, community_id=str(town.community_id)) == ["多功能厅"]
    assert names(api, community_id=str(town.other_community_id)) == ["瑜伽房"]
    assert names(api, community_id=str(town.street_id)) == ["多功能厅", "瑜伽房"]
    assert names(api, community_id="12345") == []


def test_rooms_that_are_free_for_all_of_a_time_are_found(town: TownBuilder, api: ApiClient) -> None:
    venue, court, _, film = sports_hall(town, name="综合馆")
    small = hall(town, name="小会议室")
    wanted = {"free_from": tomorrow(10), "free_to": tomorrow(12)}
    assert names(api, **wanted) == ["综合馆", "小会议室"]  # the first room isn't for booking
    booked(resident_of(town, api), small, tomorrow(11))
    booked(resident_of(town, api), venue, tomorrow(10), use_id=court)
    assert names(api, **wanted) == ["综合馆"]  # three courts are left
    booked(resident_of(town, api), venue, tomorrow(12), use_id=film)
    assert names(api, free_from=tomorrow(11), free_to=tomorrow(13)) == []
    assert names(api, free_from=tomorrow(17), free_to=tomorrow(18)) == []
    open_centre(town, "10:00", "22:00")
    assert names(api, free_from=tomorrow(17), free_to=tomorrow(18)) == ["综合馆", "小会议室"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"free_from": "2026-05-01T10:00"},
        {"free_to": "2026-05-01T10:00"},
        {"free_from": "2026-05-01T10:00", "free_to": "2026-05-01T10:00"},
        {"free_from": "2026-05-01T10:00", "free_to": "2026-05-03T10:00"},
    ],
)
def test_a_time_to_be_free_has_a_beginning_and_an_end_within_a_day(api: ApiClient, wanted: dict[str, str]) -> None:
    refused(api.get("/venues", **wanted), 422, "venue.period_invalid")


def test_rooms_are_listed_page_by_page(town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.venues.looking.AT_A_TIME", 2)
    for _ in range(6):
        hall(town)
    found: list[str] = []
    page = api.get("/venues", limit=3).json
    while True:
        found += [each["id"] for each in page["items"]]
        assert len(page["items"]) <= 3
        if page["next_cursor"] is None:
            break
        page = api.get("/venues", limit=3, cursor=page["next_cursor"]).json
    assert len(found) == len(set(found)) == 7
    assert found == sorted(found, key=int)


def test_a_room_shows_its_uses_its_hours_and_its_rules_in_words(town: TownBuilder, api: ApiClient) -> None:
    venue, *_ = sports_hall(
        town,
        booking_minutes_max=120,
        cancel_minutes_before=1440,
        grace_minutes=15,
        person_week_max=2,
        organisation_week_max=5,
        needs_approval=True,
    )
    shown = api.get(f"/venues/{venue}").json
    assert [each["name"] for each in shown["uses"]] == ["羽毛球", "会议", "电影"]
    assert (shown["centre_opens_at"], shown["centre_closes_at"], shown["hours"]) == ("09:00", "17:00", [])
    assert shown["rules"] == [
        "羽毛球：占 4 个分区中的 1 个，最多 4 人。",
        "会议：占 4 个分区中的 2 个，最多 60 人。",
        "电影：使用整个场地，最多 200 人。",
        "提前 14 天起可以预约，开始前都可以预约。",
        "从开放时间起，每 1 小时为一段，每次最多 2 小时。",
        "开始前 1 天可以取消。",
        "开始后 15 分钟没有到场，场地让给他人，这次预约仍计入次数。",
        "每人每周最多预约 2 次。",
        "每个组织每周最多预约 5 次。",
        "预约须经工作人员同意。",
    ]
    english = api.call("GET", f"/venues/{venue}", headers={"Accept-Language": "en"}).json["rules"]
    assert len(english) == len(shown["rules"])
    assert english[4] == "A booking is made of slots of 1 hour, counted from the opening, 2 hours at most."
    refused(api.get("/venues/12345"), 404, "venue.unknown")


def test_closures_to_come_are_shown_and_past_ones_are_not(town: TownBuilder, api: ApiClient) -> None:
    venue, staff = hall(town), api.as_(town.staff(Role.ORGANISER))
    body = {"starts_at": tomorrow(9).isoformat(), "ends_at": tomorrow(12).isoformat(), "reason": "设备检修"}
    closure = staff.post(f"/venues/{venue}/closures", body).json
    assert [each["reason"] for each in api.get(f"/venues/{venue}").json["closures"]] == ["设备检修"]
    assert api.get(f"/venues/{hall(town)}").json["closures"] == []
    assert staff.delete(f"/closures/{closure['id']}").status_code == 204
    assert api.get(f"/venues/{venue}").json["closures"] == []


# --- availability -----------------------------------------------------------------------------------------------------


def available(api: ApiClient, venue: int, begin: Any, end: Any) -> dict[str, Any]:
    answer = api.get(f"/venues/{venue}/availability", **{"from": begin.isoformat(), "to": end.isoformat()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def test_every_slot_says_how_many_parts_are_free_and_for_what(town: TownBuilder, api: ApiClient) -> None:
    venue, court, meeting, film = sports_hall(town)
    for _ in range(3):
        booked(resident_of(town, api), venue, tomorrow(10), use_id=court)
    booked(resident_of(town, api), venue, tomorrow(11), 2 * HOUR, use_id=film)
    shown = available(api, venue, tomorrow(0), tomorrow(24))
    assert [each["starts_at"][11:16] for each in shown["slots"]] == [f"{hour:02}:00" for hour in range(9, 17)]
    by_hour = {each["starts_at"][11:13]: each for each in shown["slots"]}
    assert [by_hour[hour]["parts_free"] for hour in ("09", "10", "11", "12", "13")] == [4, 1, 0, 0, 4]
    assert by_hour["09"]["use_ids"] == [str(each) for each in (court, meeting, film)]
    assert (by_hour["10"]["use_ids"], by_hour["11"]["use_ids"]) == ([str(court)], [])
    assert [by_hour[hour]["bookable"] for hour in ("09", "10", "11")] == [True, True, False]
    assert shown["utilisation"] == {"open_hours": 8, "used_hours": 2.75, "share": 0.3438}


def test_a_slot_says_whether_it_can_be_booked_now(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town, opens_days_before=2, closes_minutes_before=60 * 24)
    shown = available(api, venue, tomorrow(0, days=0), tomorrow(0, days=5))
    by_day = {each["starts_at"][:10]: each["bookable"] for each in shown["slots"]}
    assert list(by_day.values()).count(True) in (1, 2)  # the last slot of each day, whatever the hour is now
    assert by_day[tomorrow(0, days=4).astimezone().date().isoformat()] is False
    assert not any(
        each["bookable"] for each in available(api, hall(town, bookable=False), tomorrow(0), tomorrow(24))["slots"]
    )


def test_a_closure_has_no_slots_and_no_open_hours(town: TownBuilder, api: ApiClient) -> None:
    venue, staff = hall(town), api.as_(town.staff(Role.ORGANISER))
    body = {"starts_at": tomorrow(10, 30).isoformat(), "ends_at": tomorrow(12).isoformat(), "reason": "检修"}
    assert staff.post(f"/venues/{venue}/closures", body).status_code == 201
    shown = available(api, venue, tomorrow(9), tomorrow(13))
    assert [each["starts_at"][11:13] for each in shown["slots"]] == ["09", "12"]
    assert shown["utilisation"]["open_hours"] == 2.5


def test_a_room_that_is_never_open_has_an_empty_answer(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town)
    days = [{"day": "monday", "spans": []}]
    assert api.as_(town.staff(Role.MANAGER)).call("PUT", f"/venues/{venue}/hours", {"hours": days}).status_code == 200
    shown = api.get(f"/venues/{venue}/availability").json
    assert (shown["slots"], shown["utilisation"]) == ([], {"open_hours": 0, "used_hours": 0, "share": None})


@pytest.mark.parametrize("days", [0, -1, 32])
def test_availability_is_shown_for_31_days_at_most(town: TownBuilder, api: ApiClient, days: int) -> None:
    period = {"from": tomorrow(0).isoformat(), "to": (tomorrow(0) + timedelta(days=days)).isoformat()}
    refused(api.get(f"/venues/{town.venue_id}/availability", **period), 422, "venue.period_invalid")
    refused(api.get("/venues/12345/availability"), 404, "venue.unknown")


# --- utilisation ------------------------------------------------------------------------------------------------------


def utilisation(caller: ApiClient, venue: int, begin: Any, end: Any) -> dict[str, Any]:
    answer = caller.get(f"/venues/{venue}/utilisation", **{"from": begin.isoformat(), "to": end.isoformat()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def test_staff_see_by_weekday_and_hour_how_a_room_is_used(town: TownBuilder, api: ApiClient) -> None:
    venue, court, _, film = sports_hall(town)
    booked(resident_of(town, api), venue, tomorrow(10), use_id=court)
    booked(resident_of(town, api), venue, tomorrow(11), 2 * HOUR, use_id=film)
    cancelled = booked(resident_of(town, api), venue, tomorrow(15), use_id=film)
    staff = api.as_(town.staff(Role.OPERATOR))
    assert api.as_(town.staff(Role.SCANNER)).delete(f"/bookings/{cancelled['id']}").status_code == 200
    shown = utilisation(staff, venue, tomorrow(0), tomorrow(0) + timedelta(days=7))
    assert shown["total"] == {"open_hours": 56, "used_hours": 2.25, "share": 0.0402}
    assert (shown["bookings"]["confirmed"], shown["bookings"]["cancelled"], shown["bookings"]["released"]) == (2, 1, 0)
    assert len(shown["hours"]) == 7 * 24
    used = {(each["weekday"], each["hour"]): each for each in shown["hours"] if each["used_hours"]}
    assert [(hour, each["used_hours"], each["share"]) for (_, hour), each in used.items()] == [
        (10, 0.25, 0.25),
        (11, 1, 1),
        (12, 1, 1),
    ]
    night = next(each for each in shown["hours"] if each["hour"] == 3)
    assert (night["open_hours"], night["share"]) == (0, None)


def test_a_room_that_nobody_has_used_has_zeros_and_one_that_is_never_open_has_no_share(
    town: TownBuilder, api: ApiClient
) -> None:
    auditor = api.as_(town.staff(Role.AUDITOR))
    empty = auditor.get(f"/venues/{town.venue_id}/utilisation").json
    assert (empty["total"]["used_hours"], empty["total"]["share"], empty["outside_hours"]) == (0, 0, 0)
    assert set(empty["bookings"].values()) == {0}
    open_centre(town, "09:00", "09:00")
    assert auditor.get(f"/venues/{town.venue_id}/utilisation").json["total"]["share"] is None


def test_utilisation_is_for_staff_of_the_place(town: TownBuilder, api: ApiClient) -> None:
    path = f"/venues/{town.venue_id}/utilisation"
    for caller in (town.resident(), town.staff(Role.SCANNER), town.staff(Role.MANAGER, at=town.other_community_id)):
        refused(api.as_(caller).get(path), 403, "auth.forbidden")
    organiser = api.as_(town.staff(Role.ORGANISER))
    refused(organiser.get(path, **{"from": "2026-01-01", "to": "2026-12-31"}), 422, "venue.period_invalid")
