"""Protects children: a guardian registers them and acts for them until they are 18, and no longer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine

from models.residents import Consent, Proxy, Registration, Resident
from rules.clock import local_moment, utc_now
from rules.residents.acting import GuardianshipOver, NotTheirProxy, booked_by, resident_for
from rules.residents.proxies import PRINCIPALS_MAX
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.edge.helpers import problem_of
from tests.residents.people import at_the_desk, register_child, registered, today, years_ago


def test_a_guardian_registers_a_child_and_acts_for_it(town: TownBuilder, api: ApiClient) -> None:
    guardian = town.resident()
    me = api.as_(guardian)
    answer = register_child(me)
    assert answer.status_code == 201
    child = answer.json
    assert (child["name"], child["born_on"], child["relation"]) == ("小宝", years_ago(6), "母亲")
    assert me.get("/me/dependants").json == {"items": [child]}
    id_ = int(child["id"])
    assert town.act(guardian, resident_for, id_) == id_
    assert town.act(guardian, booked_by, id_) == {"booked_by_kind": "resident", "booked_by_id": guardian.id}
    (row,) = town.rows(Resident.territory_id, Resident.openid_sealed, Resident.phone_index, id=id_)
    assert tuple(row) == (town.community_id, None, None)


def test_the_guardians_consent_is_on_record(town: TownBuilder, api: ApiClient) -> None:
    guardian = town.resident()
    id_ = int(register_child(api.as_(guardian)).json["id"])
    (proxy,) = town.rows(Proxy.kind, Proxy.consent_note, Proxy.recorded_by_kind, Proxy.recorded_by_id)
    assert tuple(proxy) == ("guardian", "监护人（母亲）在小程序中登记并同意", "resident", guardian.id)
    (kept,) = town.rows(Registration.registered_by_kind, Registration.registered_by_id, Registration.relation)
    assert tuple(kept) == ("resident", guardian.id, "母亲")
    assert [row.resident_id for row in town.rows(Consent.resident_id)] == [id_]


def test_the_same_request_registers_one_child(town: TownBuilder, api: ApiClient) -> None:
    me, key = api.as_(town.resident()), fresh_key()
    child = {"name": "小宝", "born_on": years_ago(6), "relation": "母亲"}
    assert me.post("/me/dependants", child, key=key).json == me.post("/me/dependants", child, key=key).json
    problem_of(register_child(me), 409, "dependant.already_registered")
    assert len(me.get("/me/dependants").json["items"]) == 1
    assert register_child(me, name="二宝").status_code == 201


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"born_on": years_ago(18)}, "dependant.grown_up"),
        ({"born_on": "1940-01-01"}, "dependant.grown_up"),
        ({"born_on": "2999-01-01"}, "resident.birthday_implausible"),
        ({"born_on": None}, "request.invalid"),
        ({"name": ""}, "request.invalid"),
        ({"relation": ""}, "request.invalid"),
        ({"relation": "很" * 17}, "request.invalid"),
        ({"phone": "13800138000"}, "request.invalid"),
    ],
)
def test_what_can_not_be_a_child_is_not_registered(
    town: TownBuilder, api: ApiClient, wishes: dict[str, Any], code: str
) -> None:
    problem_of(register_child(api.as_(town.resident()), **wishes), 422, code)
    assert len(town.rows(Resident)) == 1
    assert town.rows(Proxy) == []


def test_a_child_is_a_child_until_the_day_before_its_18th_birthday(town: TownBuilder, api: ApiClient) -> None:
    guardian = town.resident()
    with time_machine.travel(local_moment(date(2026, 5, 1), "00:00"), tick=False):
        me = api.as_(guardian)
        problem_of(register_child(me, born_on="2008-05-01"), 422, "dependant.grown_up")
        assert register_child(me, born_on="2008-05-02").status_code == 201


def test_a_child_is_no_guardian(town: TownBuilder, api: ApiClient) -> None:
    child = town.resident(born_on=date.fromisoformat(years_ago(17)))
    problem_of(register_child(api.as_(child)), 422, "proxy.agent_too_young")


def test_a_guardians_right_ends_when_the_child_is_18(town: TownBuilder, api: ApiClient) -> None:
    guardian = town.resident()
    born_on = today().replace(year=today().year - 17, day=min(today().day, 28)) + timedelta(days=40)
    id_ = int(register_child(api.as_(guardian), born_on=born_on.isoformat()).json["id"])
    birthday = local_moment(born_on.replace(year=born_on.year + 18), "00:00")
    with time_machine.travel(birthday - timedelta(seconds=1), tick=False):
        assert town.act(guardian, resident_for, id_) == id_
        assert [child["id"] for child in api.as_(guardian).get("/me/dependants").json["items"]] == [str(id_)]
    with time_machine.travel(birthday, tick=False):
        with pytest.raises(GuardianshipOver):
            town.act(guardian, resident_for, id_)
        assert api.as_(guardian).get("/me/dependants").json == {"items": []}
        assert api.as_(guardian).get("/me/proxies").json == {"agents": [], "principals": []}
        booking = api.as_(guardian).post(f"/sessions/{town.session()}/reservations", {"resident_id": str(id_)})
        problem_of(booking, 403, "proxy.guardianship_over")


def test_who_was_a_child_may_name_the_guardian_as_a_helper(town: TownBuilder, api: ApiClient) -> None:
    guardian, desk = town.resident(), at_the_desk(town, api)
    id_ = int(register_child(api.as_(guardian), born_on=years_ago(17)).json["id"])
    with time_machine.travel(utc_now() + timedelta(days=367), tick=False):
        later = at_the_desk(town, api)
        form = {"agent_id": str(guardian.id), "consent_note": "本人到场签字"}
        answer = later.post(f"/residents/{id_}/proxies", form)
        assert (answer.status_code, answer.json["kind"]) == (201, "helper")
        assert town.act(guardian, resident_for, id_) == id_
    assert {row.kind for row in town.rows(Proxy.kind, revoked_at=None)} == {"helper"}
    problem_of(desk.post(f"/residents/{id_}/proxies", form), 409, "proxy.already_recorded")


def test_a_guardian_leaves(town: TownBuilder, api: ApiClient) -> None:
    guardian, neighbour = town.resident(), town.resident()
    me = api.as_(guardian)
    id_ = register_child(me).json["id"]
    problem_of(api.as_(neighbour).delete(f"/me/dependants/{id_}"), 404, "dependant.unknown")
    assert me.delete(f"/me/dependants/{id_}").status_code == 204
    assert me.get("/me/dependants").json == {"items": []}
    with pytest.raises(NotTheirProxy):
        town.act(guardian, resident_for, int(id_))
    problem_of(me.delete(f"/me/dependants/{id_}"), 404, "dependant.unknown")
    assert len(town.rows(Resident, id=int(id_))) == 1


def test_an_elder_whom_i_help_is_no_child_of_mine(town: TownBuilder, api: ApiClient) -> None:
    helper, desk = town.resident(), at_the_desk(town, api)
    elder = registered(desk, town)
    form = {"agent_id": str(helper.id), "consent_note": "本人到场签字"}
    assert desk.post(f"/residents/{elder}/proxies", form).status_code == 201
    me = api.as_(helper)
    assert me.get("/me/dependants").json == {"items": []}
    problem_of(me.delete(f"/me/dependants/{elder}"), 404, "dependant.unknown")
    assert len(me.get("/me/proxies").json["principals"]) == 1


def test_a_second_guardian_comes_to_the_desk(town: TownBuilder, api: ApiClient) -> None:
    mother, father, desk = town.resident(), town.resident(), at_the_desk(town, api)
    id_ = int(register_child(api.as_(mother)).json["id"])
    form = {"agent_id": str(father.id), "consent_note": "母亲到场同意"}
    assert desk.post(f"/residents/{id_}/proxies", form).json["kind"] == "guardian"
    (child,) = api.as_(father).get("/me/dependants").json["items"]
    assert (child["id"], child["relation"]) == (str(id_), None)
    assert town.act(father, resident_for, id_) == town.act(mother, resident_for, id_) == id_


def test_nobody_has_more_than_ten_to_act_for(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    for n in range(PRINCIPALS_MAX):
        assert register_child(me, name=f"孩子{n}").status_code == 201
    before = town.contents()
    problem_of(register_child(me, name="再一个"), 409, "proxy.too_many_principals")
    after = town.contents()
    assert {name for name in after if after[name] != before[name]} == {"idempotency_record"}


def test_children_of_others_are_nobodys_business(town: TownBuilder, api: ApiClient) -> None:
    id_ = register_child(api.as_(town.resident())).json["id"]
    neighbour = api.as_(town.resident())
    assert neighbour.get("/me/dependants").json == {"items": []}
    answer = neighbour.post(f"/sessions/{town.session()}/reservations", {"resident_id": id_})
    problem_of(answer, 403, "proxy.none")
    problem_of(register_child(api), 401, "auth.required")
    problem_of(register_child(at_the_desk(town, api)), 403, "auth.forbidden")
    problem_of(api.get("/me/dependants"), 401, "auth.required")
