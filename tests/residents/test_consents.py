"""Protects consents: purpose by purpose, in the version that was read, ended with what they allowed, and not forgotten."""

from __future__ import annotations

from datetime import date

import pytest

from models.groups import ResidentCard
from models.ranking import RankingChoice
from models.residents import Consent, ConsentWithdrawal, Purpose
from models.territory import HostKind
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import problem_of
from tests.groups.neighbours import card_of
from tests.residents.people import a_mobile, register_child, with_phone
from tests.rewards.mall import host


def standing(answer: ApiClient, **query: str) -> dict[str, dict[str, object]]:
    shown = answer.get("/me/consents", **query)
    assert shown.status_code == 200, shown.text
    return {item["purpose"]: item for item in shown.json["items"]}


def test_every_purpose_says_what_it_is_for_and_where_i_stand(town: TownBuilder, api: ApiClient) -> None:
    shown = standing(api.as_(town.resident()))
    assert set(shown) == set(Purpose)
    assert not any(item["is_given"] for item in shown.values())
    assert all(item["wording"] and item["needed_for_en"] and item["current_version"] for item in shown.values())


@pytest.mark.parametrize("purpose", ["ranking", "profile", "volunteering", "phone"])
def test_what_a_consent_allows_begins_and_ends_with_it(town: TownBuilder, api: ApiClient, purpose: str) -> None:
    host(town, HostKind.OPERATOR)
    person = with_phone(town, a_mobile(), born_on=date(1980, 1, 1))
    me = api.as_(person)
    version = standing(me)[purpose]["current_version"]
    problem_of(me.post("/me/consents", {"purpose": purpose, "version": "1999"}), 409, "consent.outdated")
    problem_of(me.delete(f"/me/consents/{purpose}"), 404, "consent.none")
    assert me.post("/me/consents", {"purpose": purpose, "version": version}).status_code == 200
    assert standing(me)[purpose]["version"] == version
    if purpose == "profile":
        card_of(town, api, person, "小李")
    assert me.delete(f"/me/consents/{purpose}").status_code == 200
    assert standing(me)[purpose]["is_given"] is False
    assert town.rows(Consent, resident_id=person.id) == []
    [(kept,)] = town.rows(ConsentWithdrawal, resident_id=person.id)
    assert (kept.purpose, kept.version, kept.withdrawn_by) == (purpose, version, None)
    assert me.get("/me/volunteer").json["is_volunteer"] is False
    assert [row.is_on for (row,) in town.rows(ResidentCard, resident_id=person.id)] in ([], [False])
    assert [row.is_shown for (row,) in town.rows(RankingChoice, resident_id=person.id)] in ([], [False])
    assert (me.get("/me").json["phone"] is None) is (purpose == "phone")


def test_the_rooms_own_switch_is_the_same_consent(town: TownBuilder, api: ApiClient) -> None:
    host(town, HostKind.OPERATOR)
    person = town.resident(born_on=date(1980, 1, 1))
    me = api.as_(person)
    card_of(town, api, person, "小李")
    assert me.call("PUT", "/me/ranking", {"shown": True}).status_code == 200
    given = {name for name, item in standing(me).items() if item["is_given"]}
    assert given == {"profile", "ranking"}
    me.call("PATCH", "/me/card", {"is_on": False})
    assert me.call("PUT", "/me/ranking", {"shown": False}).status_code == 200
    assert not any(item["is_given"] for item in standing(me).values())


def test_the_consent_to_the_account_ends_with_the_account(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    problem_of(me.delete("/me/consents/account"), 409, "consent.account_needs_erasure")
    assert me.delete("/me/consents/everything").status_code == 404
    version = standing(me)["phone"]["current_version"]
    problem_of(me.post("/me/consents", {"purpose": "phone", "version": version}), 409, "consent.no_phone")


def test_a_guardian_consents_for_a_child_and_a_helper_for_nobody(town: TownBuilder, api: ApiClient) -> None:
    mother, elder = town.resident(born_on=date(1980, 1, 1)), town.resident("陈阿婆", born_on=date(1940, 1, 1))
    me = api.as_(mother)
    child = register_child(me).json["id"]
    assert standing(me, resident_id=child)["account"]["is_given"] is True
    api.as_(elder).post("/me/proxies", {"agent_id": str(mother.id)})
    problem_of(me.get("/me/consents", resident_id=str(elder.id)), 403, "proxy.none")
