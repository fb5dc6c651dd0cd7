"""Protects what residents say of themselves: their name, their place, and once their birthday."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.residents import Household, Resident
from models.territory import Territory, TerritoryKind
from rules.work import Work
from tests.build import ApiClient, TownBuilder, add, new_town
from tests.edge.helpers import problem_of
from tests.residents.people import a_mobile, today, with_phone, years_ago


def test_i_see_my_phone_masked_and_my_birthday(town: TownBuilder, api: ApiClient) -> None:
    phone = a_mobile()
    me = api.as_(with_phone(town, phone, born_on=today()))
    shown = me.get("/me")
    assert shown.json["phone"] == f"138****{phone[-4:]}"
    assert shown.json["born_on"] == today().isoformat()
    assert phone not in shown.text
    without = api.as_(town.resident()).get("/me").json
    assert (without["phone"], without["born_on"]) == (None, None)


def test_i_change_what_i_send_and_nothing_else(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident("旧名", community_id=town.community_id)
    me = api.as_(resident)
    assert me.call("PATCH", "/me", {"name": "  王小明 "}).json["name"] == "王小明"
    changed = me.call("PATCH", "/me", {"territory_id": str(town.other_community_id), "born_on": years_ago(30)}).json
    assert (changed["name"], changed["territory_id"]) == ("王小明", str(town.other_community_id))
    assert changed == me.get("/me").json
    assert me.call("PATCH", "/me", {}).json == changed


def test_a_birthday_is_told_once(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    assert me.call("PATCH", "/me", {"born_on": "1940-03-05"}).json["born_on"] == "1940-03-05"
    assert me.call("PATCH", "/me", {"born_on": "1940-03-05", "name": "同一天"}).status_code == 200
    before = me.get("/me").json
    problem_of(me.call("PATCH", "/me", {"born_on": "1990-01-01", "name": "另"}), 409, "resident.birthday_fixed")
    assert me.get("/me").json == before


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"name": ""}, 422, "request.invalid"),
        ({"name": "   "}, 422, "request.invalid"),
        ({"name": "名" * 65}, 422, "request.invalid"),
        ({"name": None}, 422, "request.invalid"),
        ({"born_on": "3026-01-01"}, 422, "resident.birthday_implausible"),
        ({"born_on": "1800-01-01"}, 422, "resident.birthday_implausible"),
        ({"born_on": "0001-01-01"}, 422, "resident.birthday_implausible"),
        ({"born_on": "2026-02-30"}, 422, "request.invalid"),
        ({"born_on": 20260201}, 422, "request.invalid"),
        ({"born_on": "20260201T00"}, 422, "request.invalid"),
        ({"territory_id": "1"}, 404, "territory.unknown"),
        ({"territory_id": "x"}, 422, "request.invalid"),
        ({"phone": "13800138000"}, 422, "request.invalid"),
        ({"status": "active"}, 422, "request.invalid"),
    ],
)
def test_what_can_not_be_right_changes_nothing(
    town: TownBuilder, api: ApiClient, changes: dict[str, object], status: int, code: str
) -> None:
    me = api.as_(town.resident())
    before = town.contents()
    problem_of(me.call("PATCH", "/me", changes), status, code)
    assert town.contents() == before


def test_another_towns_place_is_no_place_of_mine(town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(town.house).community_id
    answer = api.as_(town.resident()).call("PATCH", "/me", {"territory_id": str(elsewhere)})
    problem_of(answer, 404, "territory.unknown")


def test_a_child_below_14_can_not_come_without_a_guardian(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    too_young = (today() - timedelta(days=13 * 365)).isoformat()
    problem_of(me.call("PATCH", "/me", {"born_on": too_young}), 422, "resident.guardian_needed")
    assert me.get("/me").json["born_on"] is None
    assert me.call("PATCH", "/me", {"born_on": years_ago(14)}).status_code == 200


def test_who_moves_away_leaves_the_household_and_who_says_it_more_finely_does_not(
    town: TownBuilder, api: ApiClient
) -> None:
    def build(work: Work) -> tuple[int, int]:
        id_ = work.new_id()
        path = f"{town.street_id}/{town.community_id}/{id_}/"
        add(
            work,
            Territory,
            id=id_,
            parent_id=town.community_id,
            kind=TerritoryKind.BUILDING,
            name="1幢",
            path=path,
        )
        return id_, add(work, Household, building_id=id_, door="601")

    building, household = town.act(None, build)
    resident = town.resident(household_id=household)
    me = api.as_(resident)

    def lives_with_somebody() -> bool:
        return town.rows(Resident.household_id, id=resident.id)[0].household_id is not None

    for place in (building, town.community_id, town.street_id):
        assert me.call("PATCH", "/me", {"territory_id": str(place)}).status_code == 200
        assert lives_with_somebody()
    assert me.call("PATCH", "/me", {"territory_id": str(town.other_community_id)}).status_code == 200
    assert not lives_with_somebody()


def test_nobody_changes_anybody_elses(town: TownBuilder, api: ApiClient) -> None:
    neighbour = town.resident("邻居")
    assert api.as_(town.resident()).call("PATCH", "/me", {"name": "我"}).status_code == 200
    assert town.rows(Resident.name, id=neighbour.id)[0].name == "邻居"
    problem_of(api.call("PATCH", "/me", {"name": "我"}), 401, "auth.required")
    problem_of(api.as_(town.staff()).call("PATCH", "/me", {"name": "我"}), 403, "auth.forbidden")
