"""A refresh token is good once: a lost answer is made good, theft ends the family, and a sign-out ends everything.

At any time at most one token of a family opens anything, whatever happens at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, text

from blueprints.edge.house import House
from models.residents import RefreshToken, Role, RoleGrant, StaffStatus
from rules.clock import utc_now
from rules.residents import sign_in as rule
from rules.work import VISITOR, Work
from tests.build import ApiClient, TownBuilder, add, fresh_key, new_town
from tests.residents.signing import (
    a_pair,
    change,
    fresh_openid,
    live_tokens,
    next_pair,
    owner_of,
    refresh,
    refusal,
    sign_in,
    sign_in_staff,
)

THREADS = 20
INVALID = (401, "auth.refresh_invalid")
REUSED = (401, "auth.refresh_reused")
REVOKED = (401, "auth.token_revoked")
SECONDS_MAX = 20


def test_a_refresh_gives_another_pair_of_the_same_owner(town: TownBuilder, api: ApiClient) -> None:
    first = a_pair(api)
    second = next_pair(api, first)
    assert owner_of(town, second) == owner_of(town, first)
    assert second["refresh_token"] != first["refresh_token"]
    assert api.with_token(second["access_token"]).get("/me").status_code == 200
    assert live_tokens(town) == 1


def test_tokens_can_be_refreshed_again_and_again(town: TownBuilder, api: ApiClient) -> None:
    pair = a_pair(api)
    for _ in range(5):
        pair = next_pair(api, pair)
    assert len(town.rows(RefreshToken.id)) == 6
    assert len(set(town.rows(RefreshToken.family_id))) == 1
    assert live_tokens(town) == 1


def test_staff_refresh_in_the_same_way(town: TownBuilder, api: ApiClient) -> None:
    pair = sign_in_staff(api, town.staff().name).json
    assert owner_of(town, next_pair(api, pair)) == owner_of(town, pair)


def test_an_old_token_whose_answer_was_lost_gives_another_pair(town: TownBuilder, api: ApiClient) -> None:
    pair = a_pair(api)
    lost = next_pair(api, pair)
    found = next_pair(api, pair)
    assert found["refresh_token"] != lost["refresh_token"]
    assert live_tokens(town) == 1
    next_pair(api, found)


def test_an_answer_may_be_lost_several_times(town: TownBuilder, api: ApiClient) -> None:
    pair = a_pair(api)
    *_lost, found = [next_pair(api, pair) for _ in range(4)]
    assert live_tokens(town) == 1
    next_pair(api, found)


def test_a_closed_successor_that_comes_up_after_all_ends_the_family_and_its_access(
    town: TownBuilder, api: ApiClient
) -> None:
    stolen = a_pair(api)
    victims = next_pair(api, stolen)
    thiefs = next_pair(api, stolen)
    assert refusal(refresh(api, victims["refresh_token"])) == REUSED
    assert refusal(refresh(api, thiefs["refresh_token"])) == INVALID
    assert refusal(api.with_token(thiefs["access_token"]).get("/me")) == REVOKED
    assert live_tokens(town) == 0


def test_a_used_token_that_comes_back_late_ends_the_family(town: TownBuilder, api: ApiClient) -> None:
    first = a_pair(api)
    second = next_pair(api, first)
    with time_machine.travel(utc_now() + timedelta(seconds=rule.LOST_ANSWER_SECONDS + 5)):
        assert refusal(refresh(api, first["refresh_token"])) == REUSED
        assert refusal(refresh(api, second["refresh_token"])) == INVALID


def test_an_old_token_whose_successor_was_used_ends_the_family(town: TownBuilder, api: ApiClient) -> None:
    first = a_pair(api)
    second = next_pair(api, first)
    third = next_pair(api, second)
    assert refusal(refresh(api, first["refresh_token"])) == REUSED
    assert live_tokens(town) == 0
    for pair in (first, second, third):
        assert refusal(refresh(api, pair["refresh_token"])) == INVALID
    assert town.rows(RefreshToken.id, revoked_at=None) == []


def test_a_stolen_token_ends_its_own_family_only(town: TownBuilder, api: ApiClient) -> None:
    openid = fresh_openid()
    phone, tablet = sign_in(api, openid).json, sign_in(api, openid).json
    next_pair(api, next_pair(api, phone))
    assert refusal(refresh(api, phone["refresh_token"])) == REUSED
    next_pair(api, tablet)


def test_one_token_at_once_leaves_at_most_one_live(town: TownBuilder, api: ApiClient) -> None:
    pair = a_pair(api)
    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(lambda _: refresh(api, pair["refresh_token"]), range(THREADS)))
    assert {answer.status_code for answer in answers} <= {200, 401}
    assert live_tokens(town) == 1
    pairs = [answer.json for answer in answers if answer.status_code == 200]
    used = [refresh(api, each["refresh_token"]).status_code for each in pairs]
    assert used.count(200) <= 1


def test_a_race_between_a_token_and_its_successor_leaves_at_most_one_live(town: TownBuilder, api: ApiClient) -> None:
    first = a_pair(api)
    second = next_pair(api, first)
    tokens = [first["refresh_token"], second["refresh_token"]] * (THREADS // 2)
    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(lambda token: refresh(api, token), tokens))
    assert {answer.status_code for answer in answers} <= {200, 401}
    assert live_tokens(town) <= 1


def test_a_token_expires(town: TownBuilder, api: ApiClient) -> None:
    lasting = timedelta(days=rule.REFRESH_DAYS)
    with time_machine.travel(utc_now() - lasting + timedelta(minutes=5)):
        still_good = a_pair(api)
    with time_machine.travel(utc_now() - lasting - timedelta(seconds=1)):
        expired = a_pair(api)
    next_pair(api, still_good)
    assert refusal(refresh(api, expired["refresh_token"])) == INVALID


SHAPES = ["", ".", "..", "1.2", "1.2.", "0.0.x", "-1.2.x", "+1.2.x", " 1.2.x", "1_0.2.x", "a.b.c", "١.٢.x", "²..x"]
SHAPES += [
    f"{2**63}.1.x",
    f"1.{2**63}.x",
    "9" * 19 + ".1.x",
    "9" * 200 + ".1.x",
    "1.1.\0",
    "1\0.1.x",
    "é.é.é",
    "1.1.🙂",
]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=256) | st.from_regex(r"[0-9]{1,20}\.[0-9]{1,20}\..{0,50}", fullmatch=True))
def test_what_is_no_token_is_refused(api: ApiClient, garbage: str) -> None:
    assert refusal(refresh(api, garbage)) in {INVALID, (422, "request.invalid")}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_looks_like_a_token_is_refused(api: ApiClient, shape: str) -> None:
    assert refusal(refresh(api, shape)) in {INVALID, (422, "request.invalid")}


@pytest.mark.parametrize("body", [{}, {"refresh_token": None}, {"refresh_token": 5}, {"refresh_token": "x" * 257}])
def test_a_body_without_a_token_is_refused_by_field(api: ApiClient, body: dict[str, Any]) -> None:
    refused = api.post("/auth/refresh", body)
    assert refusal(refused) == (422, "request.invalid")
    assert list(refused.json["errors"]) == ["refresh_token"]


def test_a_token_with_another_secret_is_refused_and_stays_good(api: ApiClient) -> None:
    pair, other = a_pair(api), a_pair(api)
    town_id, token_id, _secret = pair["refresh_token"].split(".")
    _, _, other_secret = other["refresh_token"].split(".")
    for secret in (other_secret, "", _secret[:-1], _secret + "x", _secret.upper()):
        assert refusal(refresh(api, f"{town_id}.{token_id}.{secret}")) == INVALID
    next_pair(api, pair)


def test_a_token_is_good_in_its_own_town_only(app: Flask, house: House, town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(house)
    _, token_id, secret = a_pair(api)["refresh_token"].split(".")
    assert refusal(refresh(api, f"{elsewhere.id}.{token_id}.{secret}")) == INVALID
    assert live_tokens(town) == 1


def test_a_token_is_exchanged_at_home_wherever_it_is_sent(
    app: Flask, house: House, town: TownBuilder, api: ApiClient
) -> None:
    elsewhere = new_town(house)
    pair = a_pair(api)
    assert owner_of(town, next_pair(ApiClient(app, elsewhere), pair)) == owner_of(town, pair)
    assert elsewhere.rows(RefreshToken.id) == []


def test_a_secret_is_kept_as_its_hash_only(town: TownBuilder, api: ApiClient) -> None:
    _, _, secret = a_pair(api)["refresh_token"].split(".")
    assert secret not in repr(town.contents())


def test_a_sign_out_ends_access_and_refresh_tokens_of_all_families_at_once(town: TownBuilder, api: ApiClient) -> None:
    openid = fresh_openid()
    phone, tablet, other = sign_in(api, openid).json, sign_in(api, openid).json, a_pair(api)
    assert api.with_token(phone["access_token"]).post("/auth/sign-out").status_code == 204
    for pair in (phone, tablet):
        assert refusal(api.with_token(pair["access_token"]).get("/me")) == REVOKED
        assert refusal(refresh(api, pair["refresh_token"])) == INVALID
    assert api.with_token(other["access_token"]).get("/me").status_code == 200
    next_pair(api, other)


def test_after_a_sign_out_one_can_sign_in_again(api: ApiClient) -> None:
    openid = fresh_openid()
    api.with_token(sign_in(api, openid).json["access_token"]).post("/auth/sign-out")
    again = sign_in(api, openid).json
    assert api.with_token(again["access_token"]).get("/me").status_code == 200
    next_pair(api, again)


def test_staff_sign_out_in_the_same_way(town: TownBuilder, api: ApiClient) -> None:
    pair = sign_in_staff(api, town.staff().name).json
    assert api.with_token(pair["access_token"]).post("/auth/sign-out").status_code == 204
    assert refusal(api.with_token(pair["access_token"]).get("/communities")) == REVOKED
    assert refusal(refresh(api, pair["refresh_token"])) == INVALID


def test_nobody_signs_out_without_a_sign_in(api: ApiClient) -> None:
    assert refusal(api.post("/auth/sign-out")) == (401, "auth.required")


def test_a_new_token_version_revokes_access_at_once(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    assert api.as_(resident).get("/me").status_code == 200
    change(town, resident, token_version=2)
    assert refusal(api.as_(resident).get("/me")) == REVOKED
    assert api.as_(resident, token_version=2).get("/me").status_code == 200


def test_a_role_counts_from_when_it_is_given_until_it_is_taken(town: TownBuilder, api: ApiClient) -> None:
    member, session = town.staff(), town.session()

    def may_scan() -> bool:
        scan = {"code": "x", "session_id": str(session), "direction": "in", "nonce": fresh_key()}
        return api.as_(member).post("/checkins", scan).status_code != 403

    assert not may_scan()
    grant = {"staff_id": member.id, "role": Role.SCANNER, "territory_id": town.street_id}
    town.act(None, lambda work: add(work, RoleGrant, granted_at=work.now, **grant))
    assert may_scan()
    town.act(None, lambda work: work.db.execute(delete(RoleGrant).where(RoleGrant.staff_id == member.id)))
    assert not may_scan()


def test_a_closed_account_is_out_at_once_and_stays_out(town: TownBuilder, api: ApiClient) -> None:
    member = town.staff(Role.ADMIN)
    pair = sign_in_staff(api, member.name).json
    change(town, member, status=StaffStatus.CLOSED)
    assert refusal(api.with_token(pair["access_token"]).get("/communities")) == REVOKED
    assert refusal(refresh(api, pair["refresh_token"])) == INVALID


def test_a_theft_that_is_noticed_during_a_refresh_ends_the_refreshed_token_too(
    town: TownBuilder, api: ApiClient
) -> None:
    stolen = a_pair(api)
    newest = next_pair(api, next_pair(api, stolen))
    during, reuse = while_refreshing(town, newest, lambda: refresh(api, stolen["refresh_token"]))
    assert refusal(reuse) == REUSED
    assert live_tokens(town) == 0
    assert refusal(refresh(api, during.refresh_token)) == INVALID


def test_a_sign_out_during_a_refresh_ends_the_refreshed_token_too(town: TownBuilder, api: ApiClient) -> None:
    pair = a_pair(api)
    signed_in = api.with_token(pair["access_token"])
    during, signed_out = while_refreshing(town, pair, lambda: signed_in.post("/auth/sign-out"))
    assert signed_out.status_code == 204
    assert live_tokens(town) == 0
    assert refusal(api.with_token(during.access_token).get("/me")) == REVOKED
    assert refusal(refresh(api, during.refresh_token)) == INVALID


def while_refreshing(town: TownBuilder, pair: dict[str, Any], deed: Callable[[], Any]) -> tuple[rule.SignedIn, Any]:
    """What a refresh gives that has done everything but commit when the deed begins, and what the deed gives."""
    has_written, may_commit = threading.Event(), threading.Event()

    def refresh_slowly(work: Work) -> rule.SignedIn:
        signed_in = rule.refresh(work, town.house.keys, pair["refresh_token"])
        has_written.set()
        assert may_commit.wait(SECONDS_MAX)
        return signed_in

    with ThreadPoolExecutor(2) as threads:
        refreshing = threads.submit(town.database.write, town.id, VISITOR, refresh_slowly)
        assert has_written.wait(SECONDS_MAX)
        doing = threads.submit(deed)
        _until_it_waits(town, doing)
        may_commit.set()
        return refreshing.result(SECONDS_MAX), doing.result(SECONDS_MAX)


def _until_it_waits(town: TownBuilder, doing: Future[Any]) -> None:
    """Until the deed waits for the refresh's locks. On SQLite it does so before it begins."""
    if town.database.engine.dialect.name == "sqlite":
        return
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + SECONDS_MAX
    while not doing.done() and time.monotonic() < deadline:
        if town.database.read(town.id, VISITOR, lambda work: work.db.scalar(waiting)):
            return
