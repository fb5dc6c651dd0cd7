"""Protects who manages which estate when, and whom everybody finds to call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.estates import EstateManagement
from models.residents import Role
from rules.clock import local_day, utc_now
from tests.build import TownBuilder
from tests.estates.homes import Home
from tests.plans import steps_of

LINES = [
    {"kind": "office", "name": "物业服务中心", "phone": "0571-86543210", "opens_at": "08:30", "closes_at": "18:00"},
    {"kind": "lift", "name": "电梯困人救援", "phone": "96333", "is_emergency": True},
]


def day(days: int) -> str:
    return (local_day(utc_now()) + timedelta(days=days)).isoformat()


def company(home: Home, name: str = "云栖物业") -> str:
    answer = home.as_(home.manager).post("/property-companies", {"name": name, "phone": "0571-81112222"})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def appoint(home: Home, company_id: str, from_day: str) -> Any:
    body = {"company_id": company_id, "from_day": from_day}
    return home.as_(home.manager).post(f"/estates/{home.estate_id}/management", body)


def test_everybody_finds_an_estate_its_company_and_whom_to_call(home: Home) -> None:
    put = home.as_(home.keeper).call("PUT", f"/estates/{home.estate_id}/contacts", {"contacts": LINES})
    assert put.status_code == 200, put.text
    (listed,) = home.api.get("/estates", q="绿野").json["items"]
    assert (listed["name"], listed["company"], listed["community"]) == ("星河湾", "绿野物业", "星民社区")
    assert home.api.get("/estates", q="没有这个").json["items"] == []
    shown = home.api.get(f"/estates/{home.estate_id}").json
    assert [line["phone"] for line in shown["contacts"]] == ["0571-86543210"]
    assert [(line["phone"], line["opens_at"]) for line in shown["emergency_lines"]] == [("96333", None)]
    assert home.as_(home.owner).get("/me/estate").json == shown


def test_who_has_chosen_only_a_community_has_no_estate_yet(home: Home) -> None:
    answer = home.as_(home.town.resident()).get("/me/estate")
    assert (answer.status_code, answer.json["code"]) == (404, "estate.none_chosen")


def test_contacts_are_changed_by_staff_of_the_estate_alone(home: Home) -> None:
    elsewhere = home.town.staff(Role.PROPERTY, at=home.town.other_community_id)
    for person in (elsewhere, home.auditor, home.owner):
        answer = home.as_(person).call("PUT", f"/estates/{home.estate_id}/contacts", {"contacts": LINES})
        assert answer.status_code == 403
    assert home.api.get(f"/estates/{home.estate_id}").json["contacts"] == []


def test_one_company_follows_the_other_without_a_day_that_has_two(home: Home) -> None:
    later = company(home)
    assert appoint(home, later, day(30)).status_code == 201
    shown = home.api.get(f"/estates/{home.estate_id}").json["estate"]
    assert (shown["company"], shown["managed_until"]) == ("绿野物业", day(30))
    history = home.api.get(f"/estates/{home.estate_id}/management").json["items"]
    assert [(each["company"], each["until_day"]) for each in history] == [("云栖物业", None), ("绿野物业", day(30))]
    found = home.api.get("/search", q="绿野").json
    assert str(home.estate_id) in str(found)
    refused = appoint(home, str(home.company_id), day(10))
    assert (refused.status_code, refused.json["code"]) == (409, "estate.management_overlaps")
    past = appoint(home, str(home.company_id), day(-1))
    assert past.status_code in (409, 422)
    assert len(home.town.rows(EstateManagement.id, estate_id=home.estate_id)) == 2


def test_an_estate_may_be_left_without_a_company_and_its_repairs_go_to_the_street(home: Home) -> None:
    end = home.as_(home.manager).post(f"/estates/{home.estate_id}/management/end", {"until_day": day(0)})
    assert end.status_code == 200, end.text
    assert end.json["estate"]["company"] is None
    repair_id = home.submitted()
    assert home.as_(home.manager).get(f"/repairs/{repair_id}").json["company"] is None
    again = home.as_(home.manager).post(f"/estates/{home.estate_id}/management/end", {"until_day": day(1)})
    assert (again.status_code, again.json["code"]) == (409, "estate.not_managed")


def test_a_wrong_day_is_put_right_and_what_is_over_stays(home: Home) -> None:
    later = company(home)
    path = f"/estates/{home.estate_id}/management"
    end = f"{path}/end"
    manager = home.as_(home.manager)
    assert appoint(home, later, "2099-01-01").status_code == 201
    assert appoint(home, later, day(1)).json["code"] == "estate.management_overlaps"
    assert manager.post(end, {"until_day": day(-1)}).json["code"] == "estate.set_in_the_past"
    assert manager.post(end, {"until_day": day(1)}).status_code == 200
    history = manager.get(path).json["items"]
    assert [(each["company"], each["until_day"]) for each in history] == [("绿野物业", day(1))]
    assert manager.post(end, {"until_day": day(1)}).json["code"] == "estate.not_managed"
    assert appoint(home, later, day(1)).status_code == 201
    assert manager.post(end, {"until_day": day(0)}).json["estate"]["company"] is None
    history = manager.get(path).json["items"]
    assert [(each["company"], each["until_day"]) for each in history] == [("绿野物业", day(0))]


def test_an_estate_is_found_by_the_name_that_its_company_has_now(home: Home) -> None:
    manager = home.as_(home.manager)
    renamed = manager.call("PATCH", f"/property-companies/{home.company_id}", {"name": "青禾物业"})
    assert renamed.status_code == 200
    assert str(home.estate_id) in home.api.get("/search", q="青禾").text
    end = manager.post(f"/estates/{home.estate_id}/management/end", {"until_day": day(0)})
    assert end.status_code == 200
    assert str(home.estate_id) not in home.api.get("/search", q="青禾").text


def test_a_company_is_on_record_once_and_may_be_corrected(home: Home) -> None:
    company(home, "甲物业")
    taken = home.as_(home.manager).post("/property-companies", {"name": "甲物业", "phone": "96345"})
    assert (taken.status_code, taken.json["code"]) == (409, "company.name_taken")
    path = f"/property-companies/{home.company_id}"
    assert home.as_(home.manager).call("PATCH", path, {"name": "甲物业"}).json["code"] == "company.name_taken"
    assert home.as_(home.manager).call("PATCH", path, {"phone": "96345"}).json["phone"] == "96345"
    assert home.api.get(path).json["name"] == "绿野物业"


@pytest.mark.parametrize("scope", ["estate_id", "company_id", None])
def test_categories_are_the_estates_else_the_companys_else_the_towns(home: Home, scope: str | None) -> None:
    listed = home.api.get(f"/estates/{home.estate_id}/repair-categories").json["items"]
    assert [each["name"] for each in listed][:4] == ["水电", "门窗", "电梯", "公共照明"]
    whose = {} if scope is None else {scope: str(getattr(home, scope))}
    body = whose | {"from_day": day(0), "categories": [{"code": "charger", "name": "充电桩"}]}
    assert home.as_(home.manager).post("/repair-categories", body).status_code == 204
    listed = home.api.get(f"/estates/{home.estate_id}/repair-categories").json["items"]
    assert listed == [{"code": "charger", "name": "充电桩"}]
    assert home.submit(category="lift").json["code"] == "repair.category_unknown"
    again = home.as_(home.manager).post("/repair-categories", body)
    assert (again.status_code, again.json["code"]) == (409, "estate.already_set")
    may_keeper = home.as_(home.keeper).post("/repair-categories", body | {"from_day": day(1)}).status_code
    assert may_keeper == (204 if scope == "estate_id" else 403)


def test_a_towns_estates_are_not_those_of_another(home: Home, town: TownBuilder) -> None:
    assert [
        each["id"] for each in home.api.get("/estates", community_id=str(town.other_community_id)).json["items"]
    ] == []
    assert len(home.api.get("/estates", community_id=str(town.community_id)).json["items"]) == 1


def test_an_estates_community_is_sought_and_not_looked_for_among_all(home: Home) -> None:
    steps = steps_of(home.town, "territory", lambda: home.api.get("/estates", q="没有这个"))
    of_communities = [step for step in steps if step.startswith("SEARCH territory_1 ")]
    assert of_communities
    assert all("(town_id=? AND id=?)" in step for step in of_communities), of_communities
