"""Protects organisations: who registers them, and that an organiser touches only people of their own place."""

from __future__ import annotations

import pytest

from models.residents import Organisation, OrganisationMember, Role
from rules.residents import organisations
from tests.build import ApiClient, TownBuilder, new_town
from tests.edge.helpers import problem_of
from tests.races import from_threads


def organiser(town: TownBuilder, api: ApiClient, at: int | None = None) -> ApiClient:
    return api.as_(town.staff(Role.ORGANISER, at=at))


def club(desk: ApiClient, name: str = "星民合唱团") -> str:
    answer = desk.post("/organisations", {"name": name})
    assert answer.status_code == 201, answer.text
    return answer.json["id"]


def test_an_organiser_registers_an_organisation_and_its_members_see_it(town: TownBuilder, api: ApiClient) -> None:
    desk, resident, neighbour = organiser(town, api), town.resident("王小明"), town.resident()
    id_ = club(desk)
    path = f"/organisations/{id_}/members"
    assert desk.post(path, {"resident_id": str(resident.id)}).status_code == 204
    (mine,) = api.as_(resident).get("/me/organisations").json["items"]
    assert (mine["id"], mine["name"]) == (id_, "星民合唱团")
    assert api.as_(neighbour).get("/me/organisations").json == {"items": []}
    members = desk.get(path).json
    assert (members["total"], [each["name"] for each in members["items"]]) == (1, ["王**"])
    problem_of(desk.post(path, {"resident_id": str(resident.id)}), 409, "organisation.already_member")
    assert desk.delete(f"{path}/{resident.id}").status_code == 204
    assert api.as_(resident).get("/me/organisations").json == {"items": []}
    problem_of(desk.delete(f"{path}/{resident.id}"), 404, "organisation.no_member")


def test_a_name_is_one_organisations_in_a_town(town: TownBuilder, api: ApiClient) -> None:
    desk = organiser(town, api)
    club(desk)
    problem_of(desk.post("/organisations", {"name": " 星民合唱团 "}), 409, "organisation.already_registered")
    assert len(town.rows(Organisation)) == 1
    elsewhere = new_town(town.house)
    club(organiser(elsewhere, ApiClient(api._app, elsewhere)))


def test_organisations_are_listed_page_by_page(town: TownBuilder, api: ApiClient) -> None:
    desk = organiser(town, api)
    ids = [club(desk, f"团体{n}") for n in range(3)]
    first = desk.get("/organisations", limit=2).json
    rest = desk.get("/organisations", limit=2, cursor=first["next_cursor"]).json
    assert [each["id"] for each in first["items"] + rest["items"]] == ids
    assert rest["next_cursor"] is None


def test_an_organiser_adds_sees_and_removes_only_people_of_their_place(town: TownBuilder, api: ApiClient) -> None:
    here, there = organiser(town, api, town.community_id), organiser(town, api, town.other_community_id)
    everywhere = organiser(town, api)
    id_ = club(here)
    path = f"/organisations/{id_}/members"
    ours, theirs = town.resident(), town.resident(community_id=town.other_community_id)
    homeless = town.resident(territory_id=None)
    problem_of(here.post(path, {"resident_id": str(theirs.id)}), 403, "auth.forbidden")
    problem_of(here.post(path, {"resident_id": str(homeless.id)}), 403, "auth.forbidden")
    problem_of(here.post(path, {"resident_id": "1"}), 404, "resident.unknown")
    for desk, resident in ((here, ours), (there, theirs), (everywhere, homeless)):
        assert desk.post(path, {"resident_id": str(resident.id)}).status_code == 204
    for desk, seen in ((here, {ours}), (there, {theirs}), (everywhere, {ours, theirs, homeless})):
        members = desk.get(path).json
        assert members["total"] == 3
        assert {each["resident_id"] for each in members["items"]} == {str(resident.id) for resident in seen}
    problem_of(here.delete(f"{path}/{theirs.id}"), 403, "auth.forbidden")
    assert there.delete(f"{path}/{theirs.id}").status_code == 204


def test_who_is_no_organiser_has_no_business_here(town: TownBuilder, api: ApiClient) -> None:
    id_ = club(organiser(town, api))
    path = f"/organisations/{id_}/members"
    resident = town.resident()
    for caller in (api.as_(resident), api.as_(town.staff(Role.AUDITOR)), api.as_(town.staff(Role.SCANNER))):
        for answer in (
            caller.post("/organisations", {"name": "另"}),
            caller.get("/organisations"),
            caller.get(path),
            caller.post(path, {"resident_id": str(resident.id)}),
            caller.delete(f"{path}/{resident.id}"),
        ):
            problem_of(answer, 403, "auth.forbidden")
    problem_of(api.get("/organisations"), 401, "auth.required")
    problem_of(organiser(town, api).get("/me/organisations"), 403, "auth.forbidden")
    assert town.rows(OrganisationMember) == []


def test_an_unknown_organisation_is_unknown(town: TownBuilder, api: ApiClient) -> None:
    desk, resident = organiser(town, api), town.resident()
    elsewhere = new_town(town.house)
    theirs = club(organiser(elsewhere, ApiClient(api._app, elsewhere)))
    for id_ in ("1", theirs):
        path = f"/organisations/{id_}/members"
        problem_of(desk.get(path), 404, "organisation.unknown")
        problem_of(desk.post(path, {"resident_id": str(resident.id)}), 404, "organisation.unknown")


def test_the_bound_on_members_holds_when_many_come_at_once(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(organisations, "MEMBERS_MAX", 5)
    desk = organiser(town, api)
    path = f"/organisations/{club(desk)}/members"
    residents = [town.resident() for _ in range(12)]
    answers = from_threads(
        lambda resident: desk.post(path, {"resident_id": str(resident.id)}), [(r,) for r in residents], threads=12
    )
    assert sorted(answer.status_code for answer in answers) == [204] * 5 + [409] * 7
    assert len(town.rows(OrganisationMember)) == 5
