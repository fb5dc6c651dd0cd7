"""找社区: the communities of one town, each with its estates, its service centres and their rooms."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from blueprints.edge.house import House
from models.territory import ServiceCentre, Territory, TerritoryKind
from models.venues import Venue
from tests.build import ApiClient, TownBuilder, add, new_town
from tests.territory.centres import MONDAY, at

UNKNOWN = (404, "community.unknown")
NOWHERE = {"latitude": None, "longitude": None}


def a_place(town: TownBuilder, parent_id: int, kind: TerritoryKind, name: str, homes: int = 0) -> int:
    """A node of the tree below another one."""
    [(path,)] = town.rows(Territory.path, id=parent_id)

    def deed(work: Any) -> int:
        id_ = work.new_id()
        where = {"parent_id": parent_id, "path": f"{path}{id_}/"}
        return add(work, Territory, id=id_, kind=kind, name=name, homes=homes, **where)

    return town.act(None, deed)


def test_all_communities_of_the_town_are_listed(town: TownBuilder, api: ApiClient) -> None:
    answer = api.get("/communities")
    assert answer.status_code == 200
    assert answer.json == {
        "items": [
            {"id": str(town.community_id), "name": "星民社区", "homes": 0, **NOWHERE, "distance_metres": None},
            {"id": str(town.other_community_id), "name": "水电社区", "homes": 0, **NOWHERE, "distance_metres": None},
        ]
    }


def test_only_communities_are_listed(town: TownBuilder, api: ApiClient) -> None:
    estate = a_place(town, town.community_id, TerritoryKind.ESTATE, "星民小区")
    a_place(town, estate, TerritoryKind.BUILDING, "1 幢")
    assert len(api.get("/communities").json["items"]) == 2


def test_a_community_is_shown_with_estates_centres_and_rooms(town: TownBuilder, api: ApiClient) -> None:
    estate = a_place(town, town.community_id, TerritoryKind.ESTATE, "星民小区", homes=320)
    a_place(town, estate, TerritoryKind.BUILDING, "1 幢", homes=80)
    a_place(town, town.community_id, TerritoryKind.GRID, "第一网格")
    a_place(town, town.other_community_id, TerritoryKind.ESTATE, "水电新村")
    [(centre_id,)] = town.rows(ServiceCentre.id, territory_id=town.community_id)
    reading = town.act(None, lambda work: add(work, Venue, service_centre_id=centre_id, name="阅览室", capacity=30))
    with at(MONDAY):
        shown = api.get(f"/communities/{town.community_id}").json
    assert shown == {
        "id": str(town.community_id),
        "name": "星民社区",
        "homes": 0,
        **NOWHERE,
        "path": f"{town.street_id}/{town.community_id}/",
        "estates": [{"id": str(estate), "name": "星民小区", "homes": 320, **NOWHERE}],
        "centres": [
            {
                "id": str(centre_id),
                "name": "党群服务中心",
                "address": "测试路 1 号",
                "opens_at": "09:00",
                "closes_at": "17:00",
                **NOWHERE,
                "open_now": True,
                "venues": [
                    {"id": str(town.venue_id), "name": "多功能厅", "capacity": 200},
                    {"id": str(reading), "name": "阅览室", "capacity": 30},
                ],
            }
        ],
    }


def test_each_centre_is_shown_with_its_own_rooms(town: TownBuilder, api: ApiClient) -> None:
    hours = {"address": "测试路 2 号", "opens_at": "08:30", "closes_at": "20:00"}
    where = {"territory_id": town.community_id}
    centre = town.act(None, lambda work: add(work, ServiceCentre, name="邻里中心", **where, **hours))
    court = town.act(None, lambda work: add(work, Venue, service_centre_id=centre, name="羽毛球场", capacity=4))
    first, second = api.get(f"/communities/{town.community_id}").json["centres"]
    assert [venue["id"] for venue in first["venues"]] == [str(town.venue_id)]
    assert (second["name"], [venue["id"] for venue in second["venues"]]) == ("邻里中心", [str(court)])


def test_a_community_may_have_nothing_yet(town: TownBuilder, api: ApiClient) -> None:
    shown = api.get(f"/communities/{town.other_community_id}").json
    assert (shown["estates"], shown["centres"]) == ([], [])


def test_what_is_no_community_of_the_town_is_not_found(house: House, town: TownBuilder, api: ApiClient) -> None:
    estate = a_place(town, town.community_id, TerritoryKind.ESTATE, "星民小区")
    for id_ in (1, 2**63 - 1, town.street_id, estate, town.venue_id, new_town(house).community_id):
        answer = api.get(f"/communities/{id_}")
        assert (answer.status_code, answer.json["code"]) == UNKNOWN


@pytest.mark.parametrize("id_", ["0", "-1", "x", str(2**63), "01"])
def test_what_is_no_id_is_no_address(api: ApiClient, id_: str) -> None:
    answer = api.get(f"/communities/{id_}")
    assert (answer.status_code, answer.json["code"]) == (404, "route.unknown")


@pytest.mark.parametrize("code", ["nowhere", "", "a\0b", "{code}", "x" * 5000])
def test_a_town_that_is_not_there_is_not_found(app: Flask, code: str) -> None:
    answer = app.test_client().get("/api/v1/communities", query_string={"town": code})
    assert (answer.status_code, answer.json["code"]) == (404, "town.unknown")


def test_a_token_says_the_town_whatever_the_address_says(app: Flask, house: House, town: TownBuilder) -> None:
    elsewhere = new_town(house)
    api = ApiClient(app, elsewhere).as_(elsewhere.resident())
    items = api.get("/communities", town=town.code).json["items"]
    assert [item["id"] for item in items] == [str(elsewhere.community_id), str(elsewhere.other_community_id)]
