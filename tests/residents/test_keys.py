"""The secrets of a deployment: a file that can't be right is refused by the entry's name, and keys can be changed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from blueprints.edge.house import House
from rules.keys import CodeKey, KeysUnreadable, generate, read

GOOD: dict[str, Any] = json.loads(generate())
OTHER: dict[str, Any] = json.loads(generate())
SECRET = GOOD["token"]
CONTEXT = "resident.openid:1:2"


def unpadded(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"token": None}, "`token`"),
        ({"token": "short"}, "`token`"),
        ({"token": 5}, "`token`"),
        ({"token": SECRET + "é"}, "`token`"),
        ({"token": base64.b64encode(b"x" * 31).decode()}, "`token`"),
        ({"token": base64.b64encode(b"x" * 33).decode()}, "`token`"),
        ({"index": ""}, "`index`"),
        ({"codes": None}, "`codes`"),
        ({"codes": []}, "`codes`"),
        ({"codes": SECRET}, "`codes`"),
        ({"codes": [SECRET, "short"]}, "`codes[1]`"),
        ({"data": None}, "`data`"),
        ({"data": {}}, "`data`"),
        ({"data": [SECRET]}, "`data`"),
        ({"data": {"k1": SECRET, "k2": "short"}}, "`data.k2`"),
        ({"data": {"k:1": SECRET}}, "k:1"),
    ],
)
def test_a_file_that_can_not_be_right_is_refused_by_the_entrys_name(change: dict[str, Any], says: str) -> None:
    with pytest.raises(KeysUnreadable) as refused:
        read(json.dumps(GOOD | change))
    assert says in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("missing", GOOD)
def test_a_missing_entry_is_named(missing: str) -> None:
    with pytest.raises(KeysUnreadable, match=missing):
        read(json.dumps({name: value for name, value in GOOD.items() if name != missing}))


@pytest.mark.parametrize("document", ["", "{", "[]", "null", "5", '"x"'])
def test_what_is_no_json_object_is_refused(document: str) -> None:
    with pytest.raises(KeysUnreadable, match="keys file"):
        read(document)


def test_two_new_files_share_nothing() -> None:
    assert not set(map(repr, _secrets(GOOD))) & set(map(repr, _secrets(OTHER)))
    read(json.dumps(GOOD))


@given(st.text(), st.text())
def test_what_is_sealed_can_be_opened_in_its_context(value: str, context: str) -> None:
    keys = read(json.dumps(GOOD))
    sealed = keys.seal(value, context)
    assert keys.open(sealed, context) == value
    assert keys.seal(value, context) != sealed


def test_what_is_sealed_can_not_be_opened_in_another_context() -> None:
    keys = read(json.dumps(GOOD))
    sealed = keys.seal("openid", CONTEXT)
    for context in ("resident.openid:1:3", "resident.openid:2:2", "resident.phone:1:2", ""):
        with pytest.raises(InvalidTag):
            keys.open(sealed, context)


def test_what_was_changed_can_not_be_opened() -> None:
    keys = read(json.dumps(GOOD))
    sealed = keys.seal("openid", CONTEXT)
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(InvalidTag):
            keys.open(changed, CONTEXT)
    for cut in range(len(sealed)):
        with pytest.raises(InvalidTag):
            keys.open(sealed[:cut], CONTEXT)


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    before = read(json.dumps(GOOD))
    both = read(json.dumps(GOOD | {"data": OTHER["data"] | GOOD["data"]}))
    after = read(json.dumps(GOOD | {"data": OTHER["data"]}))
    old, new = before.seal("openid", CONTEXT), both.seal("openid", CONTEXT)
    assert both.open(old, CONTEXT) == both.open(new, CONTEXT) == after.open(new, CONTEXT) == "openid"
    with pytest.raises(InvalidTag):
        after.open(old, CONTEXT)


def test_a_look_up_hash_is_the_same_for_the_same_value_and_key_only() -> None:
    keys, others = read(json.dumps(GOOD)), read(json.dumps(OTHER))
    assert keys.index_of("openid") == keys.index_of("openid")
    assert len({keys.index_of("openid"), keys.index_of("openie"), others.index_of("openid")}) == 3


def test_a_code_keys_id_is_the_thumbprint_that_rfc_8037_publishes() -> None:
    """RFC 8037, appendices A.1 to A.3: the private key, its public half, and the thumbprint."""
    key = CodeKey.from_seed(unpadded("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
    assert key.jwk()["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.id == key.jwk()["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_published_keys_are_public_halves_only(app: Flask, house: House) -> None:
    answer = app.test_client().get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.json == house.keys.jwks()
    for key in answer.json["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")


def test_a_published_key_verifies_what_its_private_half_signed() -> None:
    keys = read(json.dumps(GOOD | {"codes": OTHER["codes"] + GOOD["codes"]}))
    for key, jwk in zip(keys.codes, keys.jwks()["keys"], strict=True):
        signature = key.private.sign(b"message")
        Ed25519PublicKey.from_public_bytes(unpadded(jwk["x"])).verify(signature, b"message")


def _secrets(document: dict[str, Any]) -> list[Any]:
    return [document["token"], document["index"], *document["codes"], *document["data"].values(), *document["data"]]
