"""Protects the desk: who may register, find and correct whom, and that nobody can leaf through the residents."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import literal, select

from models.residents import Consent, MobileHolder, Proxy, Registration, Resident, Role
from rules.residents import desk as desk_rules
from rules.residents import numbers
from rules.residents.phones import phone_index, read_phone
from rules.residents.sign_in import CONSENT_VERSION
from tests.build import ApiClient, TownBuilder, fresh_key, new_town
from tests.edge.helpers import problem_of
from tests.races import from_threads, until_answered
from tests.residents.people import a_mobile, at_the_desk, register, registered, with_phone, years_ago

LANDLINE = "0571-87654321"


def find(desk: ApiClient, **wishes: Any) -> list[dict[str, Any]]:
    answer = desk.post("/residents/search", wishes)
    assert answer.status_code == 200, answer.text
    return answer.json["items"]


# Registering


@pytest.mark.parametrize("role", [Role.SCANNER, Role.ORGANISER, Role.ADMIN])
def test_the_desk_registers_somebody_without_wechat(town: TownBuilder, api: ApiClient, role: Role) -> None:
    phone = a_mobile()
    staff = town.staff(role, at=town.community_id)
    answer = register(api.as_(staff), town, phone=f"+86 {phone}", born_on="1940-05-01")
    assert answer.json == {
        "id": answer.json["id"],
        "name": "陈**",
        "phone": f"138****{phone[-4:]}",
        "territory_id": str(town.community_id),
        "territory_name": "星民社区",
        "has_wechat": False,
    }
    id_ = int(answer.json["id"])
    (row,) = town.rows(Resident, id=id_)
    resident = row[0]
    assert (resident.name, resident.born_on.isoformat(), resident.openid_sealed) == ("陈阿婆", "1940-05-01", None)
    assert resident.phone_index == phone_index(town.house.keys, town.id, read_phone(phone))
    assert phone not in repr(town.contents())
    (kept,) = town.rows(Registration.registered_by_kind, Registration.registered_by_id, Registration.consent_note)
    assert tuple(kept) == ("staff", staff.id, "纸质同意书 2026-031")
    (agreed,) = town.rows(Consent.resident_id, Consent.version)
    assert tuple(agreed) == (id_, CONSENT_VERSION)


def test_the_same_request_registers_once(town: TownBuilder, api: ApiClient) -> None:
    desk, key = at_the_desk(town, api), fresh_key()
    form = {"name": "陈阿婆", "territory_id": str(town.community_id), "consent_note": "签字"}
    first, again = (desk.post("/residents", form, key=key) for _ in range(2))
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(town.rows(Resident)) == 1
    problem_of(desk.call("POST", "/residents", form), 400, "idempotency.key_required")


def test_only_the_desk_of_the_place_registers(town: TownBuilder, api: ApiClient) -> None:
    elsewhere = at_the_desk(town, api, at=town.other_community_id)
    others = [town.staff(role) for role in set(Role) - {Role.SCANNER, Role.ORGANISER, Role.ADMIN}]
    callers = [elsewhere, api.as_(town.resident()), *(api.as_(staff) for staff in [*others, town.staff()])]
    before = town.contents()["resident"]
    for caller in callers:
        problem_of(register(caller, town), 403, "resident.desk_only")
    problem_of(register(api, town), 401, "auth.required")
    assert town.contents()["resident"] == before
    assert town.rows(Registration) == town.rows(Consent) == []
    answer = register(elsewhere, town, territory_id=str(town.other_community_id))
    assert answer.status_code == 201


def test_a_place_of_another_town_is_unknown(town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(town.house)
    answer = register(at_the_desk(town, api, Role.ADMIN), town, territory_id=str(elsewhere.community_id))
    problem_of(answer, 404, "territory.unknown")


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"phone": "12345"}, "resident.phone_invalid"),
        ({"phone": "1" * 33}, "request.invalid"),
        ({"born_on": "2100-01-01"}, "resident.birthday_implausible"),
        ({"born_on": years_ago(13)}, "resident.guardian_needed"),
        ({"name": ""}, "request.invalid"),
        ({"consent_note": ""}, "request.invalid"),
        ({"consent_note": " "}, "request.invalid"),
        ({"nickname": "阿婆"}, "request.invalid"),
    ],
)
def test_what_can_not_be_right_registers_nobody(
    town: TownBuilder, api: ApiClient, wishes: dict[str, Any], code: str
) -> None:
    answer = register(at_the_desk(town, api), town, **wishes)
    problem_of(answer, 422, code)
    assert "12345" not in answer.text
    assert town.rows(Resident) == []


def test_a_child_below_14_is_registered_with_its_guardian(town: TownBuilder, api: ApiClient) -> None:
    desk = at_the_desk(town, api)
    grandmother = registered(desk, town)
    problem_of(register(desk, town, born_on=years_ago(9), guardian_id="1"), 404, "proxy.agent_unknown")
    child = registered(desk, town, name="小宝", born_on=years_ago(9), guardian_id=str(grandmother))
    (proxy,) = town.rows(Proxy.principal_id, Proxy.agent_id, Proxy.kind)
    assert tuple(proxy) == (child, grandmother, "guardian")


# One mobile, one person


def test_a_mobile_is_registered_once_in_a_town(town: TownBuilder, api: ApiClient) -> None:
    desk, phone = at_the_desk(town, api), a_mobile()
    first = registered(desk, town, phone=phone)
    refused = register(desk, town, name="另一位", phone=f"+86-{phone}")
    document = problem_of(refused, 409, "resident.phone_taken")
    assert document["errors"] == {"resident_id": [str(first)]}
    assert "陈" not in refused.text
    assert len(town.rows(Resident)) == 1
    elsewhere = new_town(town.house)
    others = ApiClient(api._app, elsewhere)
    assert register(at_the_desk(elsewhere, others), elsewhere, phone=phone).status_code == 201


def test_who_may_not_see_the_other_record_is_not_told_which_it_is(town: TownBuilder, api: ApiClient) -> None:
    phone = a_mobile()
    other = registered(at_the_desk(town, api), town, phone=phone)
    elsewhere = at_the_desk(town, api, at=town.other_community_id)
    refused = register(elsewhere, town, phone=phone, territory_id=str(town.other_community_id))
    document = problem_of(refused, 409, "resident.phone_taken_elsewhere")
    assert "errors" not in document
    assert str(other) not in refused.text
    assert "陈" not in refused.text
    assert phone not in refused.text


def test_a_number_that_somebody_got_otherwise_is_taken_too(town: TownBuilder, api: ApiClient) -> None:
    phone = a_mobile()
    other = with_phone(town, phone)
    refused = register(at_the_desk(town, api), town, phone=phone)
    assert problem_of(refused, 409, "resident.phone_taken")["errors"] == {"resident_id": [str(other.id)]}


def test_a_couple_shares_its_landline(town: TownBuilder, api: ApiClient) -> None:
    desk = at_the_desk(town, api)
    couple = {registered(desk, town, name=name, phone=LANDLINE) for name in ("陈阿婆", "陈阿公")}
    assert {int(found["id"]) for found in find(desk, phone="(0571)87654321")} == couple
    assert town.rows(MobileHolder) == []


def test_of_many_desks_that_register_a_mobile_at_once_one_has_it(town: TownBuilder, api: ApiClient) -> None:
    desk, phone = at_the_desk(town, api), a_mobile()

    def deed(number: int) -> int:
        form = {"name": f"居民{number}", "territory_id": str(town.community_id), "consent_note": "签字"}
        key = fresh_key()
        return until_answered(lambda: desk.post("/residents", form | {"phone": phone}, key=key)).status_code

    statuses = from_threads(deed, [(n,) for n in range(12)], threads=12)
    assert sorted(statuses) == [201] + [409] * 11
    assert len(town.rows(Resident)) == len(town.rows(MobileHolder)) == 1


def test_with_the_guard_taken_away_several_desks_register_it(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL, where all look before any writes; on SQLite a look and its write can't be parted."""
    if town.database.engine.dialect.name == "sqlite":
        return
    desks, all_have_looked, look = at_the_desk(town, api), threading.Barrier(6), desk_rules._refuse_taken

    def look_and_wait(*asked: Any) -> None:
        look(*asked)
        all_have_looked.wait(timeout=30)

    monkeypatch.setattr(desk_rules, "_refuse_taken", look_and_wait)
    monkeypatch.setattr(numbers, "_take_mobile", select(literal(1)))
    phone = a_mobile()
    statuses = from_threads(
        lambda n: register(desks, town, name=f"居民{n}", phone=phone).status_code, [(n,) for n in range(6)]
    )
    assert statuses == [201] * 6
    assert len({row.phone_index for row in town.rows(Resident.phone_index)}) == 1


# Finding


def test_somebody_is_found_by_the_whole_number_or_by_tail_and_name(town: TownBuilder, api: ApiClient) -> None:
    desk, phone = at_the_desk(town, api), a_mobile()
    id_ = registered(desk, town, name="买买提·吐尔逊", phone=phone)
    registered(desk, town, name="陈阿婆")
    expected = [
        {
            "id": str(id_),
            "name": "买******",
            "phone": f"138****{phone[-4:]}",
            "territory_id": str(town.community_id),
            "territory_name": "星民社区",
            "has_wechat": False,
        }
    ]
    assert find(desk, phone=f"86{phone}") == expected
    assert find(desk, phone_tail=phone[-4:], name="买买提 · 吐尔逊") == expected
    assert find(desk, phone_tail=phone[-4:], name="买买提") == []
    assert find(desk, phone_tail="0000" if phone[-4:] != "0000" else "1111", name="买买提·吐尔逊") == []
    assert find(desk, phone=a_mobile()) == []


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"name": "陈阿婆"},
        {"phone_tail": "8000"},
        {"phone_tail": "8000", "name": "·"},
        {"phone": "13800138000", "name": "陈阿婆"},
        {"phone": "13800138000", "phone_tail": "8000", "name": "陈阿婆"},
    ],
)
def test_nobody_can_leaf_through_the_residents(town: TownBuilder, api: ApiClient, question: dict[str, str]) -> None:
    desk = at_the_desk(town, api, Role.ADMIN)
    registered(desk, town, phone="13800138000")
    problem_of(desk.post("/residents/search", question), 422, "resident.search_too_wide")


@pytest.mark.parametrize("tail", ["800", "80000", "８０００", "80a0", "%", ""])
def test_a_tail_is_four_digits(town: TownBuilder, api: ApiClient, tail: str) -> None:
    answer = at_the_desk(town, api).post("/residents/search", {"phone_tail": tail, "name": "陈阿婆"})
    problem_of(answer, 422, "request.invalid")


def test_the_desk_finds_only_whom_it_serves(town: TownBuilder, api: ApiClient) -> None:
    phone, homeless = a_mobile(), a_mobile()
    registered(at_the_desk(town, api), town, phone=phone)
    with_phone(town, homeless, territory_id=None)
    here, elsewhere = at_the_desk(town, api, at=town.community_id), at_the_desk(town, api, at=town.other_community_id)
    whole_town = at_the_desk(town, api)
    assert len(find(here, phone=phone)) == len(find(here, phone_tail=phone[-4:], name="陈阿婆")) == 1
    assert find(elsewhere, phone=phone) == find(elsewhere, phone_tail=phone[-4:], name="陈阿婆") == []
    assert find(here, phone=homeless) == []
    assert len(find(whole_town, phone=homeless)) == 1


def test_who_serves_no_desk_may_not_even_ask(town: TownBuilder, api: ApiClient) -> None:
    callers = [town.resident(), town.staff(), town.staff(Role.AUDITOR), town.staff(Role.MANAGER)]
    for caller in callers:
        problem_of(api.as_(caller).post("/residents/search", {"phone": "13800138000"}), 403, "resident.desk_only")
    problem_of(api.post("/residents/search", {"phone": "13800138000"}), 401, "auth.required")


# Correcting


def test_the_desk_corrects_a_record(town: TownBuilder, api: ApiClient) -> None:
    desk, phone, other = at_the_desk(town, api), a_mobile(), a_mobile()
    id_ = registered(desk, town, phone=phone, born_on="1940-05-01")
    changes = {"name": "程阿婆", "born_on": "1941-05-01", "phone": other, "territory_id": str(town.other_community_id)}
    answer = desk.call("PATCH", f"/residents/{id_}", changes)
    assert (answer.status_code, answer.json["name"], answer.json["phone"]) == (200, "程**", f"138****{other[-4:]}")
    (row,) = town.rows(Resident.name, Resident.born_on, Resident.territory_id, id=id_)
    assert (row.name, row.born_on.isoformat(), row.territory_id) == ("程阿婆", "1941-05-01", town.other_community_id)
    assert find(desk, phone=phone) == []
    assert len(find(desk, phone=other)) == 1
    assert register(desk, town, name="新主人", phone=phone).status_code == 201


def test_a_number_is_taken_away_and_what_is_not_sent_stays(town: TownBuilder, api: ApiClient) -> None:
    desk, phone = at_the_desk(town, api), a_mobile()
    id_ = registered(desk, town, phone=phone)
    assert desk.call("PATCH", f"/residents/{id_}", {"name": "程阿婆"}).json["phone"] == f"138****{phone[-4:]}"
    assert desk.call("PATCH", f"/residents/{id_}", {"phone": phone}).json["phone"] == f"138****{phone[-4:]}"
    assert desk.call("PATCH", f"/residents/{id_}", {"phone": None}).json["phone"] is None
    assert town.rows(MobileHolder) == []
    (row,) = town.rows(Resident.name, Resident.phone_index, Resident.phone_tail, id=id_)
    assert tuple(row) == ("程阿婆", None, None)


def test_a_correction_can_not_take_somebody_elses_number(town: TownBuilder, api: ApiClient) -> None:
    desk, phone = at_the_desk(town, api), a_mobile()
    registered(desk, town, phone=phone)
    id_ = registered(desk, town, name="另一位", phone=a_mobile())
    before = town.contents()
    problem_of(desk.call("PATCH", f"/residents/{id_}", {"phone": phone, "name": "新"}), 409, "resident.phone_taken")
    assert town.contents() == before


def test_two_that_swap_numbers_at_once_end_with_one_number_each(town: TownBuilder, api: ApiClient) -> None:
    desk, phones = at_the_desk(town, api), [a_mobile(), a_mobile()]
    ids = [registered(desk, town, name=f"居民{n}", phone=phone) for n, phone in enumerate(phones)]

    def deed(id_: int, phone: str) -> int:
        return until_answered(lambda: desk.call("PATCH", f"/residents/{id_}", {"phone": phone})).status_code

    statuses = from_threads(deed, [(ids[0], phones[1]), (ids[1], phones[0])] * 4, threads=8)
    assert set(statuses) <= {200, 409}
    held = town.rows(MobileHolder.resident_id, MobileHolder.phone_index)
    holders = {row.resident_id: row.phone_index for row in held}
    rows = {row.id: row.phone_index for row in town.rows(Resident.id, Resident.phone_index)}
    assert holders == rows
    assert len(set(rows.values())) == 2


def test_a_birthday_that_a_resident_told_is_corrected_by_staff(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    me = api.as_(resident)
    assert me.call("PATCH", "/me", {"born_on": "1980-01-01"}).status_code == 200
    desk = at_the_desk(town, api)
    assert desk.call("PATCH", f"/residents/{resident.id}", {"born_on": "1981-01-01"}).status_code == 200
    assert me.get("/me").json["born_on"] == "1981-01-01"
    answer = desk.call("PATCH", f"/residents/{resident.id}", {"born_on": "2099-01-01"})
    problem_of(answer, 422, "resident.birthday_implausible")


def test_only_the_desk_of_both_places_corrects(town: TownBuilder, api: ApiClient) -> None:
    id_ = registered(at_the_desk(town, api), town)
    path, here = f"/residents/{id_}", at_the_desk(town, api, at=town.community_id)
    before = town.contents()
    elsewhere = at_the_desk(town, api, at=town.other_community_id)
    problem_of(elsewhere.call("PATCH", path, {"name": "新"}), 403, "resident.desk_only")
    problem_of(api.as_(town.staff(Role.AUDITOR)).call("PATCH", path, {"name": "新"}), 403, "resident.desk_only")
    away = {"territory_id": str(town.other_community_id)}
    problem_of(here.call("PATCH", path, away), 403, "resident.desk_only")
    problem_of(here.call("PATCH", "/residents/1", {"name": "新"}), 404, "resident.unknown")
    problem_of(api.call("PATCH", path, {"name": "新"}), 401, "auth.required")
    problem_of(here.call("PATCH", path, {"name": None}), 422, "request.invalid")
    changed = {name for name, rows in town.contents().items() if rows != before[name]}
    assert changed <= {"staff", "role_grant", "staff_lookup", "town_revision"}
    assert here.call("PATCH", path, {"name": "新"}).status_code == 200


def test_to_residents_every_record_but_their_own_is_unknown(town: TownBuilder, api: ApiClient) -> None:
    id_ = registered(at_the_desk(town, api), town)
    neighbour = town.resident()
    for whom in (id_, neighbour.id, 1):
        problem_of(api.as_(neighbour).call("PATCH", f"/residents/{whom}", {"name": "新"}), 404, "resident.unknown")
