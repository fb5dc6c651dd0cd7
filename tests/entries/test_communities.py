"""找社区, walked by four: who lives where, what the centre offers and who is there, and who may say so."""

from __future__ import annotations

from models.residents import Role
from models.territory import TerritoryKind
from tests.build import ApiClient, TownBuilder
from tests.entries.callers import answers, enter, four, keeper
from tests.territory.centres import centre_of
from tests.territory.test_communities import a_place


def test_anybody_finds_the_community_and_its_centre_and_only_its_manager_writes_there(
    town: TownBuilder, api: ApiClient
) -> None:
    who, manager = four(town, api), keeper(town, api, Role.MANAGER)
    centre = f"/service-centres/{centre_of(town)}"
    writes = f"{centre}/services", {"name": "居住证明", "description": "当场办结", "scene": "governance"}

    # Everybody finds the community, by its name too, and reads what its centre offers.
    assert manager.post(*writes).status_code == 201
    for caller in who.all:
        count, listed = enter(caller, town, "找社区")
        assert (count, [each["name"] for each in listed]) == (2, ["星民社区", "水电社区"])
        assert caller.get(f"/communities/{listed[0]['id']}").json["centres"][0]["name"] == "党群服务中心"
        assert [each["name"] for each in caller.get(centre).json["services"]] == ["居住证明"]
        [group] = caller.get("/search", q="星民", kind="community").json["groups"]
        assert [each["title"] for each in group["items"]] == ["星民社区"]

    # Nobody else writes anything there.
    assert answers(who.all, "POST", *writes) == [403, 403, 403, 401]
    assert answers(who.all, "PATCH", centre, {"introduction": "别处的话"}) == [403, 403, 403, 401]
    assert len(api.get(centre).json["services"]) == 1


def test_a_resident_chooses_where_they_live_for_themselves_alone(town: TownBuilder, api: ApiClient) -> None:
    who = four(town, api)
    estate = a_place(town, town.community_id, TerritoryKind.ESTATE, "星民小区")
    building = a_place(town, estate, TerritoryKind.BUILDING, "1 幢")

    # From the community down to the building, one level after the other, as the picker shows it.
    for caller in who.all:
        [below] = caller.get(f"/territory/{town.community_id}/children").json["items"]
        assert [each["name"] for each in caller.get(f"/territory/{below['id']}/children").json["items"]] == ["1 幢"]

    # The resident chooses; staff and visitors have no home here to choose.
    assert who.resident.call("PATCH", "/me", {"territory_id": str(building)}).status_code == 200
    assert answers(who.others[1:], "PATCH", "/me", {"territory_id": str(building)}) == [403, 401]
    assert who.resident.get("/me/territory").json["building"]["name"] == "1 幢"
    assert who.neighbour.get("/me/territory").json["building"] is None

    # What is said to the building is read by who lives there, and by nobody else.
    manager = keeper(town, api, Role.MANAGER)
    said = {"title": "电梯检修", "text": "周三上午。", "place_ids": [str(building)], "public": False}
    id_ = manager.post("/staff/announcements", said).json["id"]
    assert manager.post(f"/staff/announcements/{id_}/publication").status_code == 200
    assert answers(who.all, "GET", f"/announcements/{id_}") == [200, 404, 404, 404]
    titles = [[each["title"] for each in caller.get("/home").json["announcements"]] for caller in who.all]
    assert titles == [["电梯检修"], [], [], []]
