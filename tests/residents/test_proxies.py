"""Protects acting for others: on a recorded consent, within bounds, ended by either side."""

from __future__ import annotations

from datetime import date

import pytest

from models.jobs import Outbox
from models.residents import Proxy, Role
from rules.residents.acting import NotTheirProxy, ResidentNeeded, resident_for
from rules.residents.proxies import AGENTS_MAX, IN_THE_APP, PRINCIPALS_MAX
from tests.build import ApiClient, Person, TownBuilder, new_town
from tests.edge.helpers import problem_of
from tests.residents.people import at_the_desk, register_child, registered, years_ago

NOTE = "本人到场签字"


def record(desk: ApiClient, principal_id: int, agent: Person) -> ApiClient:
    return desk.post(f"/residents/{principal_id}/proxies", {"agent_id": str(agent.id), "consent_note": NOTE})


# At the desk


def test_the_desk_records_that_an_elder_agreed(town: TownBuilder, api: ApiClient) -> None:
    staff, daughter = town.staff(Role.SCANNER), town.resident("陈小红")
    desk = api.as_(staff)
    elder = registered(desk, town)
    with pytest.raises(NotTheirProxy):
        town.act(daughter, resident_for, elder)
    answer = record(desk, elder, daughter)
    assert answer.status_code == 201
    expected = {"kind": "helper", "resident_id": str(daughter.id), "name": "陈**"}
    assert {name: answer.json[name] for name in expected} == expected
    assert town.act(daughter, resident_for, elder) == elder
    (row,) = town.rows(Proxy.consent_note, Proxy.recorded_by_kind, Proxy.recorded_by_id)
    assert tuple(row) == (NOTE, "staff", staff.id)
    assert desk.get(f"/residents/{elder}/proxies").json == {"items": [answer.json]}
    mine = api.as_(daughter).get("/me/proxies").json
    assert mine["agents"] == []
    assert [(each["resident_id"], each["name"]) for each in mine["principals"]] == [(str(elder), "陈阿婆")]


def test_both_are_told_and_told_again_when_it_ends(town: TownBuilder, api: ApiClient) -> None:
    desk, daughter = at_the_desk(town, api), town.resident()
    elder = registered(desk, town)
    proxy_id = record(desk, elder, daughter).json["id"]
    assert desk.delete(f"/residents/{elder}/proxies/{proxy_id}").status_code == 204
    told = [(row.topic, row.key, row.payload) for row in town.rows(Outbox.topic, Outbox.key, Outbox.payload)]
    people = {"proxy_id": proxy_id, "principal_id": str(elder), "agent_id": str(daughter.id), "by": "staff"}
    assert sorted(told) == [("proxy.ended", proxy_id, people), ("proxy.recorded", proxy_id, people)]


def test_only_the_desk_of_the_principals_place_records_lists_and_ends(town: TownBuilder, api: ApiClient) -> None:
    desk, agent, neighbour = at_the_desk(town, api), town.resident(), town.resident()
    elder = registered(desk, town)
    proxy_id = record(desk, elder, agent).json["id"]
    path = f"/residents/{elder}/proxies"
    form = {"agent_id": str(neighbour.id), "consent_note": NOTE}
    for staff in (town.staff(Role.SCANNER, at=town.other_community_id), town.staff(Role.AUDITOR), town.staff()):
        problem_of(api.as_(staff).post(path, form), 403, "resident.desk_only")
        problem_of(api.as_(staff).get(path), 403, "resident.desk_only")
        problem_of(api.as_(staff).delete(f"{path}/{proxy_id}"), 403, "resident.desk_only")
    for resident in (agent, neighbour):
        problem_of(api.as_(resident).post(path, form), 404, "resident.unknown")
        problem_of(api.as_(resident).get(path), 404, "resident.unknown")
        problem_of(api.as_(resident).delete(f"{path}/{proxy_id}"), 404, "resident.unknown")
    problem_of(api.post(path, form), 401, "auth.required")
    other = registered(desk, town, name="另一位")
    problem_of(desk.delete(f"/residents/{other}/proxies/{proxy_id}"), 404, "proxy.unknown")
    assert [row.agent_id for row in town.rows(Proxy.agent_id, revoked_at=None)] == [agent.id]


@pytest.mark.parametrize("note", ["", "  ", "注" * 201])
def test_a_consent_has_words(town: TownBuilder, api: ApiClient, note: str) -> None:
    desk = at_the_desk(town, api)
    form = {"agent_id": str(town.resident().id), "consent_note": note}
    problem_of(desk.post(f"/residents/{registered(desk, town)}/proxies", form), 422, "request.invalid")
    assert town.rows(Proxy) == []


# In the app


def test_a_resident_names_somebody_and_ends_it(town: TownBuilder, api: ApiClient) -> None:
    father, son = town.resident("王建国"), town.resident("王小明")
    me, his = api.as_(father), api.as_(son)
    answer = me.post("/me/proxies", {"agent_id": str(son.id)})
    assert (answer.status_code, answer.json["kind"], answer.json["name"]) == (201, "helper", "王**")
    assert town.act(son, resident_for, father.id) == father.id
    with pytest.raises(NotTheirProxy):
        town.act(father, resident_for, son.id)
    assert me.get("/me/proxies").json == {"agents": [answer.json], "principals": []}
    assert his.get("/me/proxies").json["principals"][0]["name"] == "王建国"
    assert town.rows(Proxy.consent_note)[0].consent_note == IN_THE_APP
    problem_of(me.post("/me/proxies", {"agent_id": str(son.id)}), 409, "proxy.already_recorded")
    assert me.delete(f"/me/proxies/{answer.json['id']}").status_code == 204
    with pytest.raises(NotTheirProxy):
        town.act(son, resident_for, father.id)
    problem_of(me.delete(f"/me/proxies/{answer.json['id']}"), 404, "proxy.unknown")
    assert me.post("/me/proxies", {"agent_id": str(son.id)}).status_code == 201


def test_who_acts_may_stop_and_a_stranger_may_not_stop_it(town: TownBuilder, api: ApiClient) -> None:
    father, son, stranger = town.resident(), town.resident(), town.resident()
    id_ = api.as_(father).post("/me/proxies", {"agent_id": str(son.id)}).json["id"]
    problem_of(api.as_(stranger).delete(f"/me/proxies/{id_}"), 404, "proxy.unknown")
    problem_of(api.delete(f"/me/proxies/{id_}"), 401, "auth.required")
    problem_of(at_the_desk(town, api).delete(f"/me/proxies/{id_}"), 403, "auth.forbidden")
    assert town.act(son, resident_for, father.id) == father.id
    assert api.as_(son).delete(f"/me/proxies/{id_}").status_code == 204
    assert town.rows(Proxy.id, revoked_at=None) == []


def test_who_can_not_act_is_not_named(town: TownBuilder, api: ApiClient) -> None:
    me = town.resident()
    child = town.resident(born_on=date.fromisoformat(years_ago(17)))
    elsewhere = new_town(town.house).resident()
    mine = api.as_(me)
    problem_of(mine.post("/me/proxies", {"agent_id": str(me.id)}), 422, "proxy.own")
    problem_of(mine.post("/me/proxies", {"agent_id": "1"}), 404, "proxy.agent_unknown")
    problem_of(mine.post("/me/proxies", {"agent_id": str(elsewhere.id)}), 404, "proxy.agent_unknown")
    problem_of(mine.post("/me/proxies", {"agent_id": str(town.staff().id)}), 404, "proxy.agent_unknown")
    problem_of(mine.post("/me/proxies", {"agent_id": str(child.id)}), 422, "proxy.agent_too_young")
    problem_of(mine.post("/me/proxies", {}), 422, "request.invalid")
    assert town.rows(Proxy) == []


def test_a_child_names_nobody_and_can_not_end_a_guardians_right(town: TownBuilder, api: ApiClient) -> None:
    mother, desk = town.resident(), at_the_desk(town, api)
    teenager = town.resident(born_on=date.fromisoformat(years_ago(15)))
    answer = api.as_(teenager).post("/me/proxies", {"agent_id": str(mother.id)})
    problem_of(answer, 403, "proxy.principal_too_young")
    guardianship = record(desk, teenager.id, mother).json
    assert guardianship["kind"] == "guardian"
    problem_of(api.as_(teenager).delete(f"/me/proxies/{guardianship['id']}"), 404, "proxy.unknown")
    assert town.act(mother, resident_for, teenager.id) == teenager.id
    assert desk.delete(f"/residents/{teenager.id}/proxies/{guardianship['id']}").status_code == 204


def test_a_proxy_is_not_handed_on(town: TownBuilder, api: ApiClient) -> None:
    grandmother, mother, aunt = town.resident(), town.resident(), town.resident()
    assert api.as_(grandmother).post("/me/proxies", {"agent_id": str(mother.id)}).status_code == 201
    assert api.as_(mother).post("/me/proxies", {"agent_id": str(aunt.id)}).status_code == 201
    with pytest.raises(NotTheirProxy):
        town.act(aunt, resident_for, grandmother.id)


# Bounds


def test_who_acts_for_ten_acts_for_nobody_more_until_one_ends(town: TownBuilder, api: ApiClient) -> None:
    desk, helper = at_the_desk(town, api), town.resident()
    elders = [registered(desk, town, name=f"老人{n}") for n in range(PRINCIPALS_MAX + 1)]
    answers = [record(desk, elder, helper) for elder in elders]
    assert [answer.status_code for answer in answers] == [201] * PRINCIPALS_MAX + [409]
    problem_of(answers[-1], 409, "proxy.too_many_principals")
    assert len(town.rows(Proxy)) == PRINCIPALS_MAX
    assert api.as_(helper).delete(f"/me/proxies/{answers[0].json['id']}").status_code == 204
    assert record(desk, elders[-1], helper).status_code == 201


def test_nobody_has_more_than_ten_who_act_for_them(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    answers = [me.post("/me/proxies", {"agent_id": str(town.resident().id)}) for _ in range(AGENTS_MAX + 1)]
    assert [answer.status_code for answer in answers] == [201] * AGENTS_MAX + [409]
    problem_of(answers[-1], 409, "proxy.too_many_agents")


# Staff


def test_staff_act_for_anybody_they_name_and_must_name_somebody(town: TownBuilder, api: ApiClient) -> None:
    staff, resident = town.staff(Role.SCANNER), town.resident()
    assert town.act(staff, resident_for, resident.id) == resident.id
    with pytest.raises(ResidentNeeded):
        town.act(staff, resident_for, None)


def test_another_towns_proxies_are_not_this_towns(town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(town.house)
    others = ApiClient(api._app, elsewhere)
    father, son = elsewhere.resident(), elsewhere.resident()
    id_ = others.as_(father).post("/me/proxies", {"agent_id": str(son.id)}).json["id"]
    problem_of(
        at_the_desk(town, api, Role.ADMIN).delete(f"/residents/{father.id}/proxies/{id_}"), 404, "resident.unknown"
    )
    problem_of(api.as_(town.resident()).delete(f"/me/proxies/{id_}"), 404, "proxy.unknown")
    with pytest.raises(NotTheirProxy):
        town.act(son, resident_for, father.id)


def test_a_guardian_sees_the_children_among_those_they_act_for(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    child = register_child(me).json
    (principal,) = me.get("/me/proxies").json["principals"]
    assert (principal["kind"], principal["resident_id"], principal["name"]) == ("guardian", child["id"], "小宝")
