"""The directory of centres and services: what visitors find, nearest first, and what managers keep."""

from __future__ import annotations

from typing import Any

import pytest

from models.residents import Role
from models.territory import ServiceCentre
from tests.build import ApiClient, TownBuilder, add
from tests.territory.centres import HERE, MONDAY, Desk, at, centre_of, near, place
from tests.uploads.helpers import sent


def a_centre(town: TownBuilder, name: str, **columns: Any) -> int:
    row = {"territory_id": town.community_id, "address": "测试路 2 号", "opens_at": "09:00", "closes_at": "17:00"}
    return int(town.act(None, lambda work: add(work, ServiceCentre, name=name, **row | columns)))


def listed(api: ApiClient, **query: Any) -> list[str]:
    """The names of what the list answers, page by page."""
    found: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(20):
        with at(MONDAY):
            answer = api.get("/service-centres", **query, **cursor)
        assert answer.status_code == 200, answer.text
        found += [each["name"] for each in answer.json["items"]]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}
    raise AssertionError("the pages have no end")


def test_centres_are_listed_in_the_order_in_which_they_came_or_nearest_first(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.territory.centres.AT_A_TIME", 2)
    latitude, longitude = HERE
    a_centre(town, "没有坐标")
    a_centre(town, "远", latitude=latitude + 0.02, longitude=longitude)
    for name in ("近甲", "近乙", "近丙"):  # at one distance the first added comes first
        a_centre(town, name, latitude=latitude, longitude=longitude + 0.001)
    place(town, centre_of(town), latitude + 0.005, longitude)
    order = ["近甲", "近乙", "近丙", "党群服务中心", "远", "没有坐标"]
    for limit in (1, 2, 100):
        assert listed(api, near=near(), limit=limit) == order
        assert listed(api, limit=limit) == ["党群服务中心", "没有坐标", "远", "近甲", "近乙", "近丙"]
    assert listed(api, near=near(), within_metres=600) == order[:4]
    items = api.get("/service-centres", near=near()).json["items"]
    assert [each["distance_metres"] for each in items] == [96, 96, 96, 555, 2223, None]
    assert {each["distance_metres"] for each in api.get("/service-centres").json["items"]} == {None}


def test_centres_are_found_by_word_place_scene_and_whether_they_are_open(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    desk.service("量血压", scene="health")
    retired = desk.service("修单车", scene="transport")
    desk.done("PATCH", f"/services/{retired}", {"status": "retired"})
    a_centre(town, "夜间书房", opens_at="18:00", closes_at="22:00")
    a_centre(town, "水电中心", territory_id=town.other_community_id)
    assert listed(api, q="血压") == listed(api, scene="health") == ["党群服务中心"]
    assert listed(api, q="单车") == listed(api, scene="transport") == listed(api, q="%") == []
    assert listed(api, open_now="true") == ["党群服务中心", "水电中心"]
    assert listed(api, community_id=str(town.other_community_id)) == ["水电中心"]
    assert len(listed(api, community_id=str(town.street_id))) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"near": "91,120"}, "near"),
        ({"near": "30"}, "near"),
        ({"near": "x,y"}, "near"),
        ({"near": "nan,120"}, "near"),
        ({"near": "30,181"}, "near"),
        ({"within_metres": "100"}, "within_metres"),
        ({"near": "30,120", "within_metres": "0"}, "within_metres"),
        ({"near": "30,120", "within_metres": "100001"}, "within_metres"),
        ({"scene": "war"}, "scene"),
    ],
)
@pytest.mark.parametrize("path", ["/service-centres", "/venues", "/activities"])
def test_a_position_that_is_none_is_refused(api: ApiClient, path: str, query: dict[str, str], field: str) -> None:
    if path == "/venues" and field == "scene":
        return
    answer = api.get(path, **query)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])


def test_a_list_goes_on_in_the_order_in_which_it_began(town: TownBuilder, api: ApiClient) -> None:
    a_centre(town, "第二")
    by_age = api.get("/service-centres", limit=1).json["next_cursor"]
    by_distance = api.get("/service-centres", limit=1, near=near()).json["next_cursor"]
    for query in ({"cursor": by_age, "near": near()}, {"cursor": by_distance}):
        answer = api.get("/service-centres", **query)
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["cursor"])


def test_a_centre_shows_all_that_a_visitor_asks_at_its_door(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    picture = sent(api.as_(desk.person), purpose="centre")["id"]
    changes = {
        "latitude": HERE[0],
        "longitude": HERE[1],
        "introduction": "一楼是服务大厅。",
        "phones": [{"label": "值班", "number": "0571-06530101"}],
        "picture_ids": [picture],
    }
    answer = api.as_(desk.person).call("PATCH", f"/service-centres/{desk.centre}", changes)
    assert answer.status_code == 200, answer.text
    service = desk.service("老年优待卡", materials=["身份证原件", "一寸照片"], audience="60 周岁以上", minutes=15)
    shown = api.get(f"/service-centres/{desk.centre}").json
    assert {name: shown[name] for name in ("latitude", "longitude", "introduction", "phones")} == {
        name: changes[name] for name in ("latitude", "longitude", "introduction", "phones")
    }
    assert [(each["id"], each["url"] is not None) for each in shown["pictures"]] == [(picture, True)]
    assert shown["territory_path"].endswith(f"{town.community_id}/")
    assert [(each["id"], each["materials"]) for each in shown["services"]] == [(service, ["身份证原件", "一寸照片"])]
    assert [each["id"] for each in shown["venues"]] == [str(town.venue_id)]
    again = api.as_(desk.person).call("PATCH", f"/service-centres/{desk.centre}", {"picture_ids": []})
    assert again.json["pictures"] == []
    answer = api.get("/service-centres/12345")
    assert (answer.status_code, answer.json["code"]) == (404, "service_centre.unknown")


def test_a_service_is_listed_shown_changed_and_retired(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    one, two = desk.service("居住证明"), desk.service("量血压", scene="health", description="护士在旁")
    first = api.get("/services", limit=1).json
    second = api.get("/services", limit=1, cursor=first["next_cursor"]).json
    assert [each["id"] for each in first["items"] + second["items"]] == [one, two]
    assert second["next_cursor"] is None
    for query in ({"scene": "health"}, {"q": "护士"}, {"service_centre_id": str(desk.centre), "q": "血压"}):
        assert [each["id"] for each in api.get("/services", **query).json["items"]] == [two]
    assert api.get("/services", community_id=str(town.other_community_id)).json["items"] == []
    taken = desk.call("PATCH", f"/services/{two}", {"name": "居住证明"})
    assert (taken.status_code, taken.json["code"]) == (409, "service.name_taken")
    assert desk.done("PATCH", f"/services/{two}", {"minutes": 5, "status": "retired"})["minutes"] == 5
    gone = api.get(f"/services/{two}")
    assert (gone.status_code, gone.json["code"]) == (404, "service.unknown")
    assert api.get(f"/services/{one}").json["centre"] == "党群服务中心"


def test_what_managers_write_is_found_by_search_and_what_they_retire_is_not(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)

    def found(q: str) -> list[str]:
        answer = api.get("/search", q=q)
        assert answer.status_code == 200, answer.text
        return [item["title"] for group in answer.json["groups"] for item in group["items"]]

    service = desk.service("老年优待卡申领")
    assert found("优待") == ["老年优待卡申领"]
    desk.done("PATCH", f"/services/{service}", {"status": "retired"})
    assert found("优待") == []
    desk.done("PATCH", f"/service-centres/{desk.centre}", {"name": "缤纷书房"})
    assert found("书房")[0] == "缤纷书房"


def test_managers_open_centres_at_their_place_and_nowhere_else(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    body = {
        "territory_id": str(town.community_id),
        "name": "邻里中心",
        "address": "测试路 3 号",
        "opens_at": "08:00",
        "closes_at": "20:00",
    }
    created = desk.done("POST", "/service-centres", body)
    assert (created["name"], created["open_now"], created["phones"]) == ("邻里中心", True, [])
    again = desk.call("POST", "/service-centres", body)
    assert (again.status_code, again.json["code"]) == (409, "service_centre.name_taken")
    elsewhere = desk.call("POST", "/service-centres", body | {"territory_id": str(town.other_community_id)})
    assert (elsewhere.status_code, elsewhere.json["code"]) == (403, "auth.forbidden")
    nowhere = desk.call("POST", "/service-centres", body | {"territory_id": "12345"})
    assert (nowhere.status_code, nowhere.json["code"]) == (404, "territory.unknown")
    assert len(town.rows(ServiceCentre.id)) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"latitude": 30.1}, "longitude"),
        ({"latitude": 30.1, "longitude": None}, "longitude"),
        ({"latitude": 91, "longitude": 120}, "latitude"),
        ({"opens_at": "09:00"}, "closes_at"),
        ({"opens_at": "18:00", "closes_at": "09:00"}, "closes_at"),
        ({"opens_at": "9:00", "closes_at": "17:00"}, "opens_at"),
        ({"phones": [{"label": "值班", "number": "call me"}]}, "phones"),
        ({"picture_ids": ["1"] * 10}, "picture_ids"),
    ],
)
def test_what_a_centre_cannot_be_is_refused(
    town: TownBuilder, api: ApiClient, changes: dict[str, Any], field: str
) -> None:
    desk = Desk(town, api)
    answer = desk.call("PATCH", f"/service-centres/{desk.centre}", changes)
    assert (answer.status_code, [name.split(".")[0] for name in answer.json["errors"]]) == (422, [field])


def test_pictures_of_others_or_for_another_purpose_are_refused(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    manager = api.as_(desk.person)
    wrong = sent(manager, purpose="staff")["id"]
    others = sent(api.as_(town.staff(Role.MANAGER)), purpose="centre")["id"]
    for picture in (wrong, others, "12345"):
        answer = manager.call("PATCH", f"/service-centres/{desk.centre}", {"picture_ids": [picture]})
        assert (answer.status_code, answer.json["code"]) == (404, "upload.unknown")
