"""An access token is ours, for this API, of this kind and not expired, or it is nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from blueprints.edge.house import House
from rules.clock import utc_now
from rules.ids import ID_MAX
from rules.keys import generate, read
from rules.residents import tokens
from rules.residents.tokens import (
    ACCESS_SECONDS,
    Owner,
    TokenExpired,
    TokenInvalid,
    issue_access_token,
    read_access_token,
)
from rules.work import ActorKind
from tests.build import ApiClient, TownBuilder
from tests.residents.signing import a_pair, refusal

KEYS = read(generate())
OTHER_KEYS = read(generate())
OWNER = Owner(ActorKind.RESIDENT, 7, 8, 3)
HEADER = {"alg": "HS256", "typ": "at+jwt"}
INVALID = (401, "auth.token_invalid")


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, changed; None leaves one out."""
    now = int(utc_now().timestamp())
    good = {
        "iss": "binfen",
        "aud": "binfen-api",
        "sub": "8",
        "kind": "resident",
        "town": "7",
        "ver": 3,
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def forge(header: dict[str, Any], payload: Any, key: bytes | None = None) -> str:
    """A token made by hand, signed with this key (ours unless another is given) by HMAC."""
    signing_input = ".".join(encode(json.dumps(part).encode()) for part in (header, payload))
    digest = {"HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(str(header.get("alg")), hashlib.sha256)
    signature = hmac.digest(KEYS.token if key is None else key, signing_input.encode(), digest)
    return f"{signing_input}.{encode(signature)}"


def encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def test_a_token_names_its_owner() -> None:
    assert read_access_token(KEYS, issue_access_token(KEYS, OWNER, utc_now())) == OWNER


def test_a_token_made_by_hand_with_our_key_is_ours() -> None:
    """The control arm of what follows: every forgery differs from this one in what its name says."""
    assert read_access_token(KEYS, forge(HEADER, claims())) == OWNER


PUBLIC = KEYS.codes[0].public
CONFUSED_KEYS = [
    PUBLIC.public_bytes_raw(),
    PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    KEYS.codes[0].jwk()["x"].encode(),
    json.dumps(KEYS.codes[0].jwk()).encode(),
    b"",
    OTHER_KEYS.token,
]


@pytest.mark.parametrize("key", CONFUSED_KEYS, ids=range(len(CONFUSED_KEYS)))
def test_a_token_signed_with_what_is_public_or_with_another_key_is_refused(key: bytes) -> None:
    with pytest.raises(TokenInvalid):
        read_access_token(KEYS, forge(HEADER, claims(), key))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS384", "HS512", "EdDSA", "RS256", 5, None])
def test_another_algorithm_is_refused(algorithm: Any) -> None:
    token = forge(HEADER | {"alg": algorithm}, claims())
    unsigned = token.rpartition(".")[0] + "."
    for forged in (token, unsigned):
        with pytest.raises(TokenInvalid):
            read_access_token(KEYS, forged)


@pytest.mark.parametrize("typ", ["JWT", "binfen-code+jwt", "AT+JWT", "", None])
def test_another_type_is_refused(typ: str | None) -> None:
    with pytest.raises(TokenInvalid):
        read_access_token(KEYS, forge(HEADER | {"typ": typ}, claims()))


def test_a_code_of_the_door_is_no_access_token(town: TownBuilder, api: ApiClient) -> None:
    code = town.code_of(town.resident())
    assert refusal(api.with_token(code).get("/me")) == INVALID


@pytest.mark.parametrize(
    "change",
    [
        {"iss": None},
        {"iss": "another"},
        {"aud": None},
        {"aud": "binfen-checkin"},
        {"sub": None},
        {"kind": None},
        {"kind": "admin"},
        {"town": None},
        {"ver": None},
        {"ver": "x"},
        {"exp": None},
        {"exp": "x"},
        *[
            {name: value}
            for name in ("sub", "town")
            for value in ("0", "-1", str(ID_MAX + 1), "1.5", "", "x", "1e3", str(10**30))
        ],
    ],
    ids=str,
)
def test_claims_that_are_not_ours_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        read_access_token(KEYS, forge(HEADER, claims(**change)))


@pytest.mark.parametrize("payload", [[], "x", 5, None, {}])
def test_claims_that_are_no_object_are_refused(payload: Any) -> None:
    with pytest.raises(TokenInvalid):
        read_access_token(KEYS, forge(HEADER, payload))


def test_the_largest_ids_are_ids() -> None:
    owner = read_access_token(KEYS, forge(HEADER, claims(sub=str(ID_MAX), town=str(ID_MAX))))
    assert (owner.id, owner.town_id) == (ID_MAX, ID_MAX)


def test_a_token_expires() -> None:
    issued_at = utc_now()
    token = issue_access_token(KEYS, OWNER, issued_at)
    lasting = timedelta(seconds=ACCESS_SECONDS)
    with time_machine.travel(issued_at + lasting - timedelta(seconds=2), tick=False):
        assert read_access_token(KEYS, token) == OWNER
    with time_machine.travel(issued_at + lasting + timedelta(seconds=2), tick=False), pytest.raises(TokenExpired):
        read_access_token(KEYS, token)


def test_an_expired_token_is_told_from_an_invalid_one(town: TownBuilder, api: ApiClient) -> None:
    long_ago = utc_now() - timedelta(seconds=ACCESS_SECONDS + 5)
    assert refusal(api.as_(town.resident(), at=long_ago).get("/me")) == (401, "auth.token_expired")


@given(st.text() | st.from_regex(r"[\w-]{0,20}\.[\w-]{0,20}\.[\w-]{0,20}", fullmatch=True))
def test_what_is_no_token_is_refused(garbage: str) -> None:
    with pytest.raises(TokenInvalid):
        read_access_token(KEYS, garbage)


@pytest.mark.parametrize("place", range(3))
def test_a_token_that_was_changed_anywhere_is_refused(place: int) -> None:
    parts = issue_access_token(KEYS, OWNER, utc_now()).split(".")
    parts[place] = ("B" if parts[place][0] == "A" else "A") + parts[place][1:]
    with pytest.raises(TokenInvalid):
        read_access_token(KEYS, ".".join(parts))


def test_a_header_nested_deeply_is_refused() -> None:
    deep = encode(b'{"alg":"HS256","a":' + b"[" * 5000 + b"]" * 5000 + b"}")
    with pytest.raises(TokenInvalid):
        read_access_token(KEYS, f"{deep}.e30.x")


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Token x", "Bearer é", "Bearer a b c", "x"]
)
def test_what_is_no_bearer_token_is_refused_even_where_nobody_needs_one(api: ApiClient, authorization: str) -> None:
    answer = api.call("GET", "/communities", headers={"Authorization": authorization})
    assert refusal(answer) == INVALID
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_schemes_letters_may_be_of_any_case(api: ApiClient, scheme: str) -> None:
    token = a_pair(api)["access_token"]
    assert api.call("GET", "/me", headers={"Authorization": f"{scheme} {token}"}).status_code == 200


def test_a_token_of_nobody_is_revoked(house: House, town: TownBuilder, api: ApiClient) -> None:
    for kind in (ActorKind.RESIDENT, ActorKind.STAFF):
        token = issue_access_token(house.keys, Owner(kind, town.id, 1, 1), utc_now())
        assert refusal(api.with_token(token).get("/communities")) == (401, "auth.token_revoked")


def test_a_token_that_was_good_a_moment_ago_expires_all_the_same() -> None:
    with time_machine.travel(utc_now(), tick=False) as clock:
        token = issue_access_token(KEYS, OWNER, utc_now())
        assert read_access_token(KEYS, token) == read_access_token(KEYS, token) == OWNER
        clock.shift(ACCESS_SECONDS - 1)
        assert read_access_token(KEYS, token) == OWNER
        clock.shift(1)
        with pytest.raises(TokenExpired):
            read_access_token(KEYS, token)


def test_a_token_that_one_deployment_has_seen_is_nothing_to_another() -> None:
    token = issue_access_token(KEYS, OWNER, utc_now())
    assert read_access_token(KEYS, token) == OWNER
    with pytest.raises(TokenInvalid):
        read_access_token(OTHER_KEYS, token)
    with pytest.raises(TokenInvalid):
        read_access_token(KEYS, token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))


def test_only_so_many_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_seen", seen := {})
    monkeypatch.setattr(tokens, "SEEN_MAX", 3)
    for version in range(1, 9):
        owner = Owner(ActorKind.RESIDENT, 7, 8, version)
        assert read_access_token(KEYS, issue_access_token(KEYS, owner, utc_now())) == owner
        assert 1 <= len(seen) <= 3
