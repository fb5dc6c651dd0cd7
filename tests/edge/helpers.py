"""What the tests of the edge share: how a problem looks, tokens that should not work, answers without a world."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from sqlalchemy import insert
from werkzeug.test import TestResponse

from models.reservations import Reservation, ReservationStatus
from models.residents import Resident, Role
from rules.clock import utc_now
from rules.residents.sign_in import openid_context
from rules.residents.tokens import ALGORITHM, AUDIENCE, ISSUER, TYPE
from rules.work import SYSTEM, ActorKind, Work
from tests.build import ApiClient, Person, TownBuilder, add, fresh_key

PROBLEM = "application/problem+json"
MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
#: The codes with which a caller is turned away for who they are.
TURNED_AWAY = {"auth.required", "auth.forbidden", "auth.token_invalid", "auth.token_expired", "auth.token_revoked"}
#: An id that nothing has.
NOBODY = 1


def problem_of(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, after a look at all that every problem has in common."""
    document = answer.get_json(force=True)
    assert (answer.status_code, document.get("code")) == (status, code), document
    assert answer.content_type == PROBLEM
    assert set(document) - {"errors"} == MEMBERS
    assert document["status"] == status
    assert document["type"] == f"/problems/{code}"
    assert document["request_id"] == answer.headers["X-Request-Id"]
    assert "Traceback" not in answer.text
    return document


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def sentences(errors: Any) -> list[str]:
    """Every message in `errors`, whatever it is nested in."""
    if isinstance(errors, dict):
        return [text for value in errors.values() for text in sentences(value)]
    return [text for value in errors for text in sentences(value)] if isinstance(errors, list) else [errors]


def claims_of(town: TownBuilder, person: Person) -> dict[str, Any]:
    """The claims of a good access token."""
    now = utc_now()
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(person.id),
        "kind": person.kind.value,
        "town": str(town.id),
        "ver": 1,
        "iat": now,
        "exp": now + timedelta(minutes=10),
    }


def _without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def signed(town: TownBuilder, claims: dict[str, Any], *, typ: str = TYPE) -> str:
    """An access token with the house's own signature."""
    return jwt.encode(claims, town.house.keys.token, algorithm=ALGORITHM, headers={"typ": typ})


def bad_tokens(town: TownBuilder, person: Person) -> dict[str, str]:
    """Tokens that open nothing, by what is wrong with them."""
    good = claims_of(town, person)
    secret, head = town.house.keys.token, {"typ": TYPE}
    header, payload, signature = signed(town, good).split(".")
    public = town.house.keys.codes[0].public.public_bytes_raw()
    return {
        "garbage": "garbage",
        "empty": "",
        "three empty parts": "..",
        "not ASCII": "é" * 20,
        "very long": "a" * 8000,
        "wrong audience": signed(town, good | {"aud": "binfen-checkin"}),
        "wrong issuer": signed(town, good | {"iss": "somebody"}),
        "no audience": signed(town, _without(good, "aud")),
        "no expiry": signed(town, _without(good, "exp")),
        "no town": signed(town, _without(good, "town")),
        "town 0": signed(town, good | {"town": "0"}),
        "town of 64 bits": signed(town, good | {"town": str(2**63)}),
        "unknown kind": signed(town, good | {"kind": "king"}),
        "kind is a list": signed(town, good | {"kind": ["resident"]}),
        "another type": signed(town, good, typ="JWT"),
        "algorithm none": jwt.encode(good, "", algorithm="none", headers=head),
        "another HMAC": jwt.encode(good, secret, algorithm="HS512", headers=head),
        "foreign signature": jwt.encode(good, b"x" * 32, algorithm=ALGORITHM, headers=head),
        "foreign EdDSA": jwt.encode(good, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=head),
        "our EdDSA key": jwt.encode(good, town.house.keys.codes[0].private, algorithm="EdDSA", headers=head),
        "public key as the secret": jwt.encode(good, public, algorithm=ALGORITHM, headers=head),
        "resident's code": town.code_of(person),
        "no signature": f"{header}.{payload}.",
        "cut signature": f"{header}.{payload}.{signature[:-2]}",
        "other payload": f"{header}.{_part(good | {'sub': '5', 'iat': 0, 'exp': 2**40})}.{signature}",
    }


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


def reservation(
    town: TownBuilder, resident: Person, session_id: int, *, status: ReservationStatus, count: int = 1
) -> list[int]:
    """Reservations as rows; the session's count of places stays as it is."""

    def deed(work: Work) -> list[int]:
        ids = [work.new_id() for _ in range(count)]
        work.db.execute(
            insert(Reservation),
            [
                {
                    "town_id": town.id,
                    "id": id_,
                    "session_id": session_id,
                    "resident_id": resident.id,
                    "party_size": 1,
                    "status": status,
                    "reserved_at": work.now,
                }
                for id_ in ids
            ],
        )
        return ids

    return town.database.write(town.id, SYSTEM, deed)


def twin(town: TownBuilder, person: Person, name: str = "同号邻居") -> Person:
    """A resident of this town with the id that a resident of another town has."""

    def deed(work: Work) -> None:
        sealed = town.house.keys.seal("openid-of-a-twin", openid_context(town.id, person.id))
        add(work, Resident, id=person.id, name=name, openid_sealed=sealed, registered_at=work.now)

    town.database.write(town.id, SYSTEM, deed)
    return Person(person.id, ActorKind.RESIDENT, name)


def reserve(api: ApiClient, session_id: int, party_size: int = 1, *, key: str | None = None) -> TestResponse:
    return api.post(f"/sessions/{session_id}/reservations", {"party_size": party_size}, key=key)


def scan(api: ApiClient, session_id: int, code: str, *, nonce: str | None = None) -> TestResponse:
    return api.post("/checkins", {"code": code, "session_id": str(session_id), "nonce": nonce or fresh_key()})


def scanner(town: TownBuilder, api: ApiClient) -> ApiClient:
    return api.as_(town.staff(Role.SCANNER))


def open_at(app: Flask, path: str, *, method: str = "GET", **options: Any) -> TestResponse:
    """A bare request to a path of the server, not only of the API."""
    return app.test_client().open(path, method=method, buffered=True, **options)
