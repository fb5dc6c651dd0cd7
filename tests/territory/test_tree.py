"""The tree of places: down to the building page by page, up by name, and where I live."""

from __future__ import annotations

from models.residents import Role
from models.territory import TerritoryKind
from tests.build import ApiClient, TownBuilder
from tests.territory.centres import HERE, near
from tests.territory.test_communities import a_place


def test_a_tree_is_walked_down_page_by_page_and_shows_what_is_above(town: TownBuilder, api: ApiClient) -> None:
    estate = a_place(town, town.community_id, TerritoryKind.ESTATE, "星澜苑", homes=320)
    buildings = [a_place(town, estate, TerritoryKind.BUILDING, f"{n}幢", homes=72) for n in range(1, 4)]
    first = api.get(f"/territory/{estate}/children", limit=2).json
    second = api.get(f"/territory/{estate}/children", limit=2, cursor=first["next_cursor"]).json
    assert [int(each["id"]) for each in first["items"] + second["items"]] == buildings
    assert second["next_cursor"] is None
    shown = api.get(f"/territory/{buildings[0]}").json
    assert (shown["kind"], shown["name"], shown["parent_id"]) == ("building", "1幢", str(estate))
    assert [each["name"] for each in shown["above"]] == ["测试街道", "星民社区", "星澜苑"]
    assert api.get(f"/territory/{buildings[0]}/children").json == {"items": [], "next_cursor": None}
    for path in ("/territory/12345", "/territory/12345/children"):
        assert (api.get(path).status_code, api.get(path).json["code"]) == (404, "territory.unknown")


def test_i_choose_my_building_and_see_community_estate_and_building(town: TownBuilder, api: ApiClient) -> None:
    estate = a_place(town, town.other_community_id, TerritoryKind.ESTATE, "水电新苑")
    building = a_place(town, estate, TerritoryKind.BUILDING, "2幢")
    me = api.as_(town.resident())
    before = me.get("/me/territory").json
    assert (before["community"]["name"], before["estate"], before["building"]) == ("星民社区", None, None)
    assert me.call("PATCH", "/me", {"territory_id": str(building)}).status_code == 200
    after = me.get("/me/territory").json
    assert {kind: after[kind]["name"] for kind in after} == {
        "community": "水电社区",
        "estate": "水电新苑",
        "building": "2幢",
    }
    assert api.as_(town.resident()).get("/me/territory").json == before
    nowhere = api.as_(town.resident(territory_id=None)).get("/me/territory").json
    assert nowhere == {"community": None, "estate": None, "building": None}


def test_communities_come_nearest_first_where_a_position_is_given(town: TownBuilder, api: ApiClient) -> None:
    manager = api.as_(town.staff(Role.MANAGER))
    far = {"latitude": HERE[0] + 0.01, "longitude": HERE[1]}
    close = {"latitude": HERE[0], "longitude": HERE[1]}
    assert manager.call("PATCH", f"/territory/{town.community_id}", far).status_code == 200
    assert manager.call("PATCH", f"/territory/{town.other_community_id}", close).json["latitude"] == HERE[0]
    items = api.get("/communities", near=near()).json["items"]
    assert [(each["name"], each["distance_metres"]) for each in items] == [("水电社区", 0), ("星民社区", 1112)]
    unknown = {"latitude": None, "longitude": None}
    assert manager.call("PATCH", f"/territory/{town.other_community_id}", unknown).status_code == 200
    items = api.get("/communities", near=near()).json["items"]
    assert [(each["name"], each["distance_metres"]) for each in items] == [("星民社区", 1112), ("水电社区", None)]


def test_only_managers_of_the_place_say_where_it_lies(town: TownBuilder, api: ApiClient) -> None:
    body = {"latitude": 30.1, "longitude": 120.2}
    stranger = api.as_(town.staff(Role.MANAGER, at=town.other_community_id))
    refused = stranger.call("PATCH", f"/territory/{town.community_id}", body)
    assert (refused.status_code, refused.json["code"]) == (403, "auth.forbidden")
    half = stranger.call("PATCH", f"/territory/{town.other_community_id}", {"latitude": 30.1, "longitude": None})
    assert (half.status_code, list(half.json["errors"])) == (422, ["longitude"])
    assert stranger.call("PATCH", "/territory/12345", body).json["code"] == "territory.unknown"
    assert api.get(f"/territory/{town.community_id}").json["latitude"] is None
