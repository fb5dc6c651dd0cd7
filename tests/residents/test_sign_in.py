"""One openid is one resident, whoever signs in how often and from where; who can't sign in learns nothing by trying."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.edge.house import House
from models import Base
from models.residents import Consent, OpenidLookup, Purpose, RefreshToken, Resident, StaffStatus
from rules.residents import passwords
from rules.residents import sign_in as rule
from rules.residents.passwords import Credentials, CredentialsWrong, check_password
from rules.residents.sign_in import CONSENT_VERSION, openid_context
from rules.residents.tokens import ACCESS_SECONDS
from rules.work import ActorKind
from tests.build import PASSWORD, ApiClient, TownBuilder, new_town
from tests.races import PROCESSES, from_processes
from tests.residents.signing import change, fresh_openid, owner_of, refusal, sign_in, sign_in_staff

THREADS = 20


def test_the_first_sign_in_makes_a_resident_who_consented(town: TownBuilder, api: ApiClient) -> None:
    signed_in = sign_in(api, fresh_openid(), consent_version=CONSENT_VERSION)
    assert signed_in.status_code == 200
    owner = owner_of(town, signed_in.json)
    assert (owner.kind, owner.town_id, owner.token_version) == (ActorKind.RESIDENT, town.id, 1)
    assert town.rows(Resident.id, Resident.name) == [(owner.id, "")]
    consents = town.rows(Consent.resident_id, Consent.purpose, Consent.version)
    assert consents == [(owner.id, Purpose.ACCOUNT, CONSENT_VERSION)]


def test_a_pair_of_tokens_says_how_long_it_is_good(api: ApiClient) -> None:
    pair = sign_in(api, fresh_openid()).json
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", ACCESS_SECONDS)
    assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in"}


def test_who_signed_in_can_ask_who_they_are(town: TownBuilder, api: ApiClient) -> None:
    pair = sign_in(api, fresh_openid()).json
    me = api.with_token(pair["access_token"]).get("/me")
    assert me.status_code == 200
    assert (me.json["id"], me.json["town_code"]) == (str(owner_of(town, pair).id), town.code)
    assert (me.json["territory_id"], me.json["is_volunteer"]) == (None, False)


def test_the_second_sign_in_is_the_same_resident_and_no_second_consent(town: TownBuilder, api: ApiClient) -> None:
    openid = fresh_openid()
    first, second = sign_in(api, openid).json, sign_in(api, openid).json
    assert owner_of(town, first) == owner_of(town, second)
    assert first["refresh_token"] != second["refresh_token"]
    assert len(town.rows(Consent.id)) == len(town.rows(Resident.id)) == 1


def test_each_sign_in_begins_a_family_of_its_own(town: TownBuilder, api: ApiClient) -> None:
    openid = fresh_openid()
    for _ in range(3):
        sign_in(api, openid)
    assert len(set(town.rows(RefreshToken.family_id))) == 3


def test_two_openids_are_two_residents(town: TownBuilder, api: ApiClient) -> None:
    assert owner_of(town, sign_in(api, fresh_openid()).json) != owner_of(town, sign_in(api, fresh_openid()).json)


def test_first_sign_ins_of_one_openid_at_once_make_one_resident(town: TownBuilder, api: ApiClient) -> None:
    openid = fresh_openid()
    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(lambda _: sign_in(api, openid), range(THREADS)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({owner_of(town, answer.json) for answer in answers}) == 1
    assert len(town.rows(Resident.id)) == len(town.rows(Consent.id)) == 1


def test_first_sign_ins_at_several_processes_make_one_resident(town: TownBuilder) -> None:
    openid = fresh_openid()
    statuses = from_processes(town, sign_in_from_outside, [(town.code, openid)] * PROCESSES * 4)
    assert set(statuses) == {200}
    assert len(town.rows(Resident.id)) == len(town.rows(Consent.id)) == 1
    assert len(town.rows(RefreshToken.id)) == PROCESSES * 4


def sign_in_from_outside(app: Flask, town_code: str, openid: str) -> int:
    """A sign-in as one process of several gets it."""
    asked: dict[str, Any] = {"query_string": {"town": town_code}, "json": {"code": f"demo:{openid}"}}
    return app.test_client().post("/api/v1/auth/wechat", **asked).status_code


def test_an_outdated_consent_is_refused_and_makes_nobody(town: TownBuilder, api: ApiClient) -> None:
    before = town.contents()
    refused = sign_in(api, fresh_openid(), consent_version="2020-01")
    assert refusal(refused) == (409, "consent.outdated")
    assert CONSENT_VERSION in refused.json["detail"]
    assert town.contents() == before


def test_an_outdated_consent_signs_no_known_resident_in(town: TownBuilder, api: ApiClient) -> None:
    openid = fresh_openid()
    sign_in(api, openid)
    before = town.contents()
    assert refusal(sign_in(api, openid, consent_version="2020-01")) == (409, "consent.outdated")
    assert town.contents() == before


def test_a_known_residents_consent_to_a_new_wording_is_recorded(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    openid = fresh_openid()
    sign_in(api, openid)
    monkeypatch.setattr(rule, "CONSENT_VERSION", "2099-01")
    assert sign_in(api, openid, consent_version="2099-01").status_code == 200
    assert sorted(town.rows(Consent.version)) == [(CONSENT_VERSION,), ("2099-01",)]


def test_a_resident_is_at_home_in_one_town_wherever_they_sign_in(
    app: Flask, house: House, town: TownBuilder, api: ApiClient
) -> None:
    openid, elsewhere = fresh_openid(), new_town(house)
    at_home = owner_of(town, sign_in(api, openid).json)
    before = elsewhere.contents()
    assert owner_of(town, sign_in(ApiClient(app, elsewhere), openid).json) == at_home
    assert at_home.town_id == town.id
    assert elsewhere.contents() == before


def test_nobody_signs_in_to_a_town_that_is_not_there(app: Flask) -> None:
    refused = app.test_client().post("/api/v1/auth/wechat?town=nowhere", json={"code": f"demo:{fresh_openid()}"})
    assert refusal(refused) == (404, "town.unknown")


@pytest.mark.parametrize("code", ["nonsense", "demo:", "demo:not an openid", "demo:" + "x" * 65, "é"])
def test_a_code_that_wechat_does_not_know_makes_nobody(town: TownBuilder, api: ApiClient, code: str) -> None:
    before = town.contents()
    assert refusal(api.post("/auth/wechat", {"code": code})) == (401, "wechat.code_invalid")
    assert town.contents() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"code": ""}, "code"),
        ({"code": 5}, "code"),
        ({"code": "x" * 257}, "code"),
        ({"code": "x", "consent_version": "x" * 33}, "consent_version"),
        ({"code": "x", "openid": "y"}, "openid"),
    ],
)
def test_a_body_that_can_not_be_right_is_refused_by_field(api: ApiClient, body: dict[str, Any], field: str) -> None:
    refused = api.post("/auth/wechat", body)
    assert refusal(refused) == (422, "request.invalid")
    assert list(refused.json["errors"]) == [field]


def test_an_openid_is_nowhere_in_clear(town: TownBuilder, api: ApiClient) -> None:
    openid = fresh_openid()
    pair = sign_in(api, openid).json
    everything = [table.select() for table in Base.metadata.sorted_tables]
    rows = town.act(None, lambda work: [repr(row) for rows in map(work.db.execute, everything) for row in rows])
    assert rows
    assert not [row for row in rows if openid in row]
    assert openid not in repr(pair)


def test_an_openid_can_be_opened_in_its_own_row_and_looked_up_by_its_hash(town: TownBuilder, api: ApiClient) -> None:
    openid, keys = fresh_openid(), town.house.keys
    sign_in(api, openid)
    [(resident_id, sealed)] = town.rows(Resident.id, Resident.openid_sealed)
    assert keys.open(sealed, openid_context(town.id, resident_id)) == openid
    assert town.rows(OpenidLookup.resident_id, openid_index=keys.index_of(openid)) == [(resident_id,)]


def test_staff_sign_in_with_name_and_password(town: TownBuilder, api: ApiClient) -> None:
    member = town.staff()
    signed_in = sign_in_staff(api, member.name)
    assert signed_in.status_code == 200
    owner = owner_of(town, signed_in.json)
    assert (owner.kind, owner.town_id, owner.id) == (ActorKind.STAFF, town.id, member.id)
    assert api.with_token(signed_in.json["access_token"]).get("/communities").status_code == 200
    assert refusal(api.with_token(signed_in.json["access_token"]).get("/me")) == (403, "auth.forbidden")


def test_staff_sign_in_to_their_own_town_wherever_they_do_it(app: Flask, house: House, town: TownBuilder) -> None:
    member = town.staff()
    signed_in = sign_in_staff(ApiClient(app, new_town(house)), member.name)
    assert owner_of(town, signed_in.json).town_id == town.id


def test_wrong_passwords_unknown_names_and_closed_accounts_get_the_same_answer(
    town: TownBuilder, api: ApiClient
) -> None:
    member, closed = town.staff(), town.staff()
    change(town, closed, status=StaffStatus.CLOSED)
    before = town.contents()
    answers = [
        sign_in_staff(api, member.name, "wrong"),
        sign_in_staff(api, member.name, PASSWORD + " "),
        sign_in_staff(api, "nobody", PASSWORD),
        sign_in_staff(api, closed.name, PASSWORD),
    ]
    for answer in answers:
        assert refusal(answer) == (401, "auth.credentials_wrong")
    said = [{key: value for key, value in answer.json.items() if key != "request_id"} for answer in answers]
    assert said.count(said[0]) == len(said)
    assert town.contents() == before


def test_an_unknown_name_costs_as_much_as_a_wrong_password(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []

    class Counting:
        def verify(self, hash_: str, password: str) -> bool:
            checked.append(hash_.split("$")[:4])
            return passwords_hasher.verify(hash_, password)

    passwords_hasher = passwords.HASHER
    monkeypatch.setattr(passwords, "HASHER", Counting())
    sign_in_staff(api, town.staff().name, "wrong")
    sign_in_staff(api, "nobody", "wrong")
    assert len(checked) == 2
    assert checked[0] == checked[1]


def test_nobodys_hash_opens_for_nobody() -> None:
    for password in ("", " ", PASSWORD):
        with pytest.raises(CredentialsWrong):
            check_password(Credentials(0, None, passwords._NOBODYS_HASH), password)


def test_a_password_is_kept_as_an_argon2id_hash_only(town: TownBuilder) -> None:
    town.staff()
    staff = Base.metadata.tables["staff"]
    rows = town.act(None, lambda work: work.db.execute(select(staff).where(staff.c.town_id == town.id)).all())
    assert all(row.password_hash.startswith("$argon2id$") for row in rows)
    assert PASSWORD not in repr(rows)
