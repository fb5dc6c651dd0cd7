"""Protects households: joined by a yes of who lives there or of staff; and nobody learns by asking who lives where."""

from __future__ import annotations

import pytest

from models.residents import Household, Role
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import problem_of
from tests.estates.homes import Home, home_in
from tests.residents.people import register_child

DOOR = "2单元601室"


@pytest.fixture
def home(town: TownBuilder, api: ApiClient) -> Home:
    """An estate with one building, an owner at DOOR, and a neighbour without a household."""
    return home_in(town, api)


def ask(home: Home, me: ApiClient, door: str = DOOR, **wish: str) -> dict[str, object]:
    answer = me.post("/me/household", {"building_id": str(home.building_id), "door": door} | wish)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def test_a_member_lets_somebody_in_and_both_see_masked_names(home: Home) -> None:
    owner, neighbour = home.as_(home.owner), home.as_(home.neighbour)
    assert ask(home, neighbour)["my_request"]["door"] == DOOR
    [request] = owner.get("/me/household").json["requests"]
    assert request["name"] == "陈*"
    assert owner.post(f"/household-requests/{request['id']}/answer", {"accept": True}).status_code == 204
    shown = neighbour.get("/me/household").json
    assert (shown["door"], shown["my_request"]) == (DOOR, None)
    assert sorted(member["name"] for member in shown["members"]) == ["李**", "陈*"]
    problem_of(
        owner.post(f"/household-requests/{request['id']}/answer", {"accept": True}), 404, "household.request_unknown"
    )
    problem_of(
        neighbour.post("/me/household", {"building_id": str(home.building_id), "door": "别处"}), 409, "household.held"
    )
    assert neighbour.delete("/me/household").status_code == 204
    problem_of(neighbour.delete("/me/household"), 404, "household.none")


def test_whether_somebody_lives_there_is_not_told(home: Home) -> None:
    stranger, other = home.as_(home.neighbour), home.as_(home.town.resident("另一位"))
    lived_in, empty = ask(home, stranger), ask(home, other, "9单元901室")
    for answer in (lived_in, empty):
        answer["my_request"] = {**answer["my_request"], "id": "", "door": "", "asked_at": "", "lapses_at": ""}
    assert lived_in == empty
    assert "李" not in stranger.get("/me/household").text
    no_building = {"building_id": str(home.estate_id), "door": DOOR}
    problem_of(stranger.post("/me/household", no_building), 404, "territory.unknown")


def test_only_members_and_staff_of_the_place_have_a_say(home: Home) -> None:
    neighbour = home.as_(home.neighbour)
    ask(home, neighbour)
    [request] = home.as_(home.keeper).get("/household-requests").json["items"]
    path = f"/household-requests/{request['id']}/answer"
    problem_of(home.as_(home.town.resident()).post(path, {"accept": True}), 404, "household.request_unknown")
    problem_of(neighbour.post(path, {"accept": True}), 404, "household.request_unknown")
    child = register_child(home.as_(home.owner)).json
    assert child["id"]
    elsewhere = home.as_(home.town.staff(Role.PROPERTY, at=home.town.other_community_id))
    assert elsewhere.get("/household-requests").json["items"] == []
    problem_of(elsewhere.post(path, {"accept": True}), 403, "auth.forbidden")
    assert home.as_(home.auditor).get("/household-requests").json["items"] == []
    assert home.as_(home.keeper).post(path, {"accept": False}).status_code == 204
    assert neighbour.get("/me/household").json["id"] is None


def test_staff_confirm_the_first_of_a_dwelling(home: Home) -> None:
    first, second = home.as_(home.neighbour), home.as_(home.town.resident("家人"))
    ask(home, first, "3单元303室")
    [request] = home.as_(home.manager).get("/household-requests").json["items"]
    home.as_(home.manager).post(f"/household-requests/{request['id']}/answer", {"accept": True})
    mine = first.get("/me/household").json
    assert mine["door"] == "3单元303室"
    assert len(home.town.rows(Household, door="3单元303室")) == 1
    answer = second.post("/me/household", {"household_id": mine["id"]})
    assert (answer.status_code, answer.json["my_request"]["door"]) == (201, None)
    [asked] = first.get("/me/household").json["requests"]
    assert first.post(f"/household-requests/{asked['id']}/answer", {"accept": True}).status_code == 204
    assert second.get("/me/household").json["id"] == mine["id"]
    problem_of(second.post("/me/household", {"household_id": "1"}), 409, "household.held")


def test_one_request_waits_at_a_time_and_five_are_made_in_a_month(home: Home) -> None:
    me = home.as_(home.neighbour)
    ask(home, me)
    problem_of(
        me.post("/me/household", {"building_id": str(home.building_id), "door": "1"}), 409, "household.request_pending"
    )
    for _ in range(4):
        assert me.delete("/me/household/request").status_code == 204
        ask(home, me)
    me.delete("/me/household/request")
    problem_of(me.delete("/me/household/request"), 404, "household.request_unknown")
    problem_of(
        me.post("/me/household", {"building_id": str(home.building_id), "door": DOOR}),
        429,
        "household.too_many_requests",
    )
    problem_of(me.post("/me/household", {"door": DOOR}), 422, "household.dwelling_unclear")
