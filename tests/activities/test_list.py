"""What is on: every filter finds what fits and nothing else, the soonest first, each activity once."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask

from blueprints.edge.house import House
from models.activities import ActivityStatus, SessionStatus
from models.territory import Scene
from rules.clock import ZONE
from tests.activities.plan import DAY, HOUR, NOW, a_session, an_activity, at_nine, listed
from tests.build import ApiClient, TownBuilder, new_town

INVALID = (422, "activity.period_invalid")


def asked(api: ApiClient, **query: Any) -> Any:
    with at_nine():
        return api.get("/activities", **query)


def test_a_line_says_what_it_is_where_and_when(town: TownBuilder, api: ApiClient) -> None:
    id_ = an_activity(
        town,
        NOW + DAY,
        title="太极晨练",
        summary="每天早上一小时",
        category="健身",
        scene=Scene.HEALTH,
        eligible_territory_id=town.other_community_id,
        volunteers_only=True,
    )
    assert asked(api).json == {
        "items": [
            {
                "id": id_,
                "title": "太极晨练",
                "summary": "每天早上一小时",
                "category": "健身",
                "scene": "health",
                "status": "published",
                "community_id": str(town.community_id),
                "community_name": "星民社区",
                "operator_id": str(town.operator_id),
                "operator_name": "测试运营",
                "volunteers_only": True,
                "eligible_territory_id": str(town.other_community_id),
                "eligible_territory_name": "水电社区",
                "party_size_max": 4,
                "age_min": None,
                "age_max": None,
                "audience": None,
                "price": 0,
                "allocation": "first_come",
                "waiting_max": 0,
                "offer_minutes": 0,
                "allows_reentry": True,
                "next_starts_at": "2025-06-03T09:00:00+08:00",
                "distance_metres": None,
            }
        ],
        "next_cursor": None,
    }


def test_the_soonest_comes_first_and_each_activity_once(town: TownBuilder, api: ApiClient) -> None:
    later, sooner = an_activity(town, NOW + 3 * DAY), an_activity(town, NOW + DAY)
    both = an_activity(town, NOW + 2 * DAY)
    a_session(town, int(both), NOW + 4 * DAY)
    assert listed(api) == [sooner, both, later]


def test_a_session_that_is_on_counts_and_one_that_is_over_does_not(town: TownBuilder, api: ApiClient) -> None:
    is_on = an_activity(town, NOW - HOUR)
    ends_now, has_ended = an_activity(town, NOW - 2 * HOUR), an_activity(town, NOW - 3 * HOUR)
    found = listed(api)
    assert found == [is_on]
    assert not {ends_now, has_ended} & set(found)


def test_an_activity_without_a_session_to_come_is_not_on(town: TownBuilder, api: ApiClient) -> None:
    town.activity()
    assert listed(api) == []


def test_without_a_period_the_list_looks_a_month_ahead(town: TownBuilder, api: ApiClient) -> None:
    within = an_activity(town, NOW + 31 * DAY - HOUR)
    beyond = an_activity(town, NOW + 31 * DAY)
    assert listed(api) == [within]
    assert listed(api, to=(NOW + 32 * DAY).isoformat()) == [within, beyond]


@pytest.mark.parametrize("status", [ActivityStatus.DRAFT, ActivityStatus.FINISHED])
def test_what_is_not_published_is_not_on(town: TownBuilder, api: ApiClient, status: ActivityStatus) -> None:
    an_activity(town, status=status)
    assert listed(api) == []


def test_what_is_cancelled_is_not_on(town: TownBuilder, api: ApiClient) -> None:
    an_activity(town, status=ActivityStatus.CANCELLED)
    activity = town.activity()
    a_session(town, activity, NOW + DAY, status=SessionStatus.CANCELLED)
    assert listed(api) == []
    a_session(town, activity, NOW + 2 * DAY)
    assert [item["next_starts_at"] for item in asked(api).json["items"]] == ["2025-06-04T09:00:00+08:00"]


@pytest.mark.parametrize(
    ("q", "finds"),
    [
        ("太极", ["title"]),
        ("极晨", ["title"]),
        ("早上一小时", ["summary"]),
        ("健身", ["category"]),
        ("  太极 ", ["title"]),
        ("100%", ["percent"]),
        ("0%折", ["percent"]),
        ("%", ["percent"]),
        ("_", ["underscore"]),
        ("a_b", ["underscore"]),
        ("\\", ["backslash"]),
        ("🙂", ["emoji"]),
        ("e\u0301", ["accent"]),
        ("没有这个词", []),
        ("' OR 1=1 --", []),
    ],
)
def test_words_are_found_as_they_are_written(town: TownBuilder, api: ApiClient, q: str, finds: list[str]) -> None:
    plain = {"title": "亲子", "summary": "一起玩", "category": "早教"}
    ids = {
        name: an_activity(town, **plain | columns)
        for name, columns in {
            "title": {"title": "太极晨练"},
            "summary": {"summary": "每天早上一小时"},
            "category": {"category": "健身"},
            "percent": {"title": "全场100%折扣"},
            "underscore": {"title": "a_b"},
            "no underscore": {"title": "axb"},
            "backslash": {"summary": "C:\\路"},
            "emoji": {"title": "笑🙂"},
            "accent": {"title": "caf\u00e9"},
        }.items()
    }
    assert sorted(listed(api, q=q)) == sorted(ids[name] for name in finds)


def test_latin_words_are_found_whatever_their_case(town: TownBuilder, api: ApiClient) -> None:
    yoga = an_activity(town, title="Yoga 瑜伽")
    for q in ("Yoga", "yoga", "YOGA", "yoga 瑜"):
        assert listed(api, q=q) == [yoga], q


def test_no_words_find_everything(town: TownBuilder, api: ApiClient) -> None:
    id_ = an_activity(town)
    assert listed(api, q="") == listed(api, q="  ") == [id_]


@pytest.mark.parametrize("q", ["x" * 65, "a\0b", "a\x1bb"])
def test_words_that_nobody_writes_are_refused(api: ApiClient, q: str) -> None:
    answer = asked(api, q=q)
    assert (answer.status_code, answer.json["code"], list(answer.json["errors"])) == (422, "request.invalid", ["q"])


def test_a_scene_finds_its_own(town: TownBuilder, api: ApiClient) -> None:
    by_scene = {scene: an_activity(town, scene=scene) for scene in Scene}
    for scene, id_ in by_scene.items():
        assert listed(api, scene=scene.value) == [id_]
    assert asked(api, scene="shopping").status_code == 422


def test_a_community_finds_its_own(town: TownBuilder, api: ApiClient) -> None:
    mine, theirs = an_activity(town), an_activity(town, community_id=town.other_community_id)
    assert listed(api, community_id=str(town.community_id)) == [mine]
    assert listed(api, community_id=str(town.other_community_id)) == [theirs]
    assert listed(api, community_id="1") == []


@pytest.mark.parametrize("community_id", ["0", "-1", "x", "1.0", str(2**63), "１"])
def test_a_community_that_is_no_id_is_refused(api: ApiClient, community_id: str) -> None:
    answer = asked(api, community_id=community_id)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["community_id"])


def test_available_finds_what_can_still_be_reserved(town: TownBuilder, api: ApiClient) -> None:
    free = an_activity(town, NOW + DAY)
    full, closed, later_free = town.activity(), town.activity(), town.activity()
    a_session(town, full, NOW + DAY, capacity=3, taken=3)
    a_session(town, closed, NOW + HOUR, reservable_until=NOW)
    a_session(town, later_free, NOW + HOUR, capacity=1, taken=1)
    a_session(town, later_free, NOW + 2 * DAY, capacity=1)
    not_open = town.activity()
    a_session(town, not_open, NOW + HOUR, reservable_from=NOW + timedelta(seconds=1))
    overbooked = town.activity()
    a_session(town, overbooked, NOW + 3 * DAY, capacity=3, taken=3, overbooking_max=1, overbooking=1)
    assert listed(api, available="true") == [free, str(later_free), str(overbooked)]
    assert len(listed(api, available="false")) == 6
    starts = [item["next_starts_at"] for item in asked(api, available="true").json["items"]]
    assert starts[:2] == ["2025-06-03T09:00:00+08:00", "2025-06-04T09:00:00+08:00"]


def test_checkin_open_finds_what_is_at_the_door_now(town: TownBuilder, api: ApiClient) -> None:
    opens_now, is_on = an_activity(town, NOW + HOUR / 2), an_activity(town, NOW - HOUR)
    an_activity(town, NOW + HOUR / 2 + timedelta(seconds=1))
    an_activity(town, NOW - 2 * HOUR)
    assert listed(api, checkin_open="true") == [is_on, opens_now]


def test_filters_add_up(town: TownBuilder, api: ApiClient) -> None:
    wanted = {"title": "太极晨练", "scene": Scene.HEALTH, "community_id": town.other_community_id}
    both = an_activity(town, **wanted)
    for left_out in wanted:
        an_activity(town, **{name: value for name, value in wanted.items() if name != left_out})
    assert listed(api, q="太极", scene="health", community_id=str(town.other_community_id)) == [both]


@pytest.mark.parametrize(
    ("period", "finds"),
    [
        ({"from": "2025-06-04"}, ["wednesday", "thursday"]),
        ({"to": "2025-06-04"}, ["tuesday"]),
        ({"from": "2025-06-04", "to": "2025-06-05"}, ["wednesday"]),
        ({"from": "2025-06-03T09:00:00+08:00", "to": "2025-06-03T09:00:01+08:00"}, ["tuesday"]),
        ({"from": "2025-06-03T11:00:00", "to": "2025-06-04T09:00:00"}, []),
        ({"from": "2025-06-03T10:59:59", "to": "2025-06-04T09:00:01"}, ["tuesday", "wednesday"]),
        ({"from": "2025-06-03T03:00:00Z", "to": "2025-06-05"}, ["wednesday"]),
        ({"from": "2025-06-04T09:00:00 08:00", "to": "2025-06-04T10:00:00 08:00"}, ["wednesday"]),
        ({"from": "2025-06-04T09:00:00 0800", "to": "2025-06-04T10:00:00 0800"}, ["wednesday"]),
        ({"from": "2025-06-04 09:00", "to": "2025-06-04 10:00"}, ["wednesday"]),
        ({"from": "20250604", "to": "20250605"}, ["wednesday"]),
        ({"from": "2025-05-20"}, ["earlier", "tuesday", "wednesday", "thursday"]),
        ({"from": "2025-05-01"}, ["earlier"]),
        ({"from": "2025-05-20", "to": "2025-06-01"}, ["earlier"]),
    ],
)
def test_a_period_finds_what_is_on_in_it(
    town: TownBuilder, api: ApiClient, period: dict[str, str], finds: list[str]
) -> None:
    begins = {
        "earlier": NOW - 7 * DAY,
        "tuesday": NOW + DAY,
        "wednesday": NOW + 2 * DAY,
        "thursday": NOW + 3 * DAY,
    }
    ids = {an_activity(town, starts_at): name for name, starts_at in begins.items()}
    assert [ids[id_] for id_ in listed(api, **period)] == finds


def test_a_day_is_the_communitys_day(town: TownBuilder, api: ApiClient) -> None:
    midnight = datetime(2025, 6, 4, tzinfo=ZONE)
    last, first = an_activity(town, midnight - 2 * HOUR), an_activity(town, midnight)
    assert listed(api, **{"from": "2025-06-03", "to": "2025-06-04"}) == [last]
    assert listed(api, **{"from": "2025-06-04", "to": "2025-06-05"}) == [first]


def test_a_plus_that_was_not_escaped_is_understood(app: Flask, town: TownBuilder) -> None:
    id_ = an_activity(town, NOW + DAY)
    with at_nine():
        answer = app.test_client().get(
            f"/api/v1/activities?town={town.code}&from=2025-06-03T10:00:00+08:00&to=2025-06-03T10:30:00+08:00"
        )
    assert [item["id"] for item in answer.json["items"]] == [id_]


@pytest.mark.parametrize(
    "period",
    [
        {"from": "2025-06-04", "to": "2025-06-04"},
        {"from": "2025-06-05", "to": "2025-06-04"},
        {"to": "2025-06-02T09:00:00+08:00"},
        {"to": "2025-06-01"},
    ],
)
def test_a_period_must_end_after_it_begins(api: ApiClient, period: dict[str, str]) -> None:
    answer = asked(api, **period)
    assert (answer.status_code, answer.json["code"]) == INVALID


@pytest.mark.parametrize(
    "moment", ["", "tomorrow", "2025-13-01", "2025-02-30", "1999-12-31", "2100-01-02", "9999-12-31"]
)
@pytest.mark.parametrize("name", ["from", "to"])
def test_what_is_no_moment_is_refused(api: ApiClient, name: str, moment: str) -> None:
    answer = asked(api, **{name: moment})
    assert (answer.status_code, answer.json["code"], list(answer.json["errors"])) == (422, "request.invalid", [name])


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_give_each_activity_once(town: TownBuilder, api: ApiClient, limit: int) -> None:
    same_time = [an_activity(town, NOW + DAY) for _ in range(3)]
    others = [an_activity(town, NOW + DAY + timedelta(microseconds=n)) for n in (1, 2, 999_999)]
    assert listed(api, limit=limit) == same_time + others


def test_a_page_holds_as_many_as_were_asked_for(town: TownBuilder, api: ApiClient) -> None:
    for n in range(3):
        an_activity(town, NOW + n * HOUR)
    page = asked(api, limit=2).json
    assert len(page["items"]) == 2
    assert page["next_cursor"]
    starts = [item["next_starts_at"] for item in page["items"]]
    assert all(earlier <= later for earlier, later in pairwise(starts))


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "9" * 30])
def test_a_limit_out_of_range_is_refused(api: ApiClient, limit: str) -> None:
    answer = asked(api, limit=limit)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["limit"])


@pytest.mark.parametrize(
    "position",
    [[2**63 - 1, 1], [253402300800 * 10**6, 1], [0, 2**63 - 1], [0, 0]],
    ids=["far", "year 10000", "0", "00"],
)
@pytest.mark.parametrize("path", ["/activities", "/activities/{activity}/sessions"])
def test_a_cursor_that_no_page_gave_is_refused_or_harmless(
    town: TownBuilder, api: ApiClient, path: str, position: list[int]
) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(position).encode()).rstrip(b"=").decode()
    with at_nine():
        answer = api.get(path.format(activity=an_activity(town)), cursor=cursor)
    assert answer.status_code in {200, 422}


def test_another_towns_activities_are_not_on_here(app: Flask, house: House, town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(house)
    theirs, mine = an_activity(elsewhere), an_activity(town)
    assert listed(api) == [mine]
    assert listed(ApiClient(app, elsewhere)) == [theirs]


def test_moments_are_shown_in_the_communitys_time(town: TownBuilder, api: ApiClient) -> None:
    an_activity(town, datetime(2025, 6, 3, 16, 30, tzinfo=UTC))
    assert asked(api).json["items"][0]["next_starts_at"] == "2025-06-04T00:30:00+08:00"
