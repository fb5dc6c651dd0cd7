"""Protects who is believed to be at the door: codes of their minute, of our signature, of this town, of this use."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blueprints.edge.house import House
from models.cards import Identification
from models.residents import Role
from rules.checkins.cards import issue_card
from rules.checkins.codes import read_code
from rules.checkins.door_codes import DoorCodeUnknown, issue_door_code, read_door_code
from rules.checkins.identifying import CodeExpired, CodeUnknown, Identified, Presented
from rules.checkins.signing import TokenKind, read_signed, sign
from rules.clock import utc_now
from rules.keys import Keys, generate, read
from rules.residents.tokens import Owner, TokenInvalid, issue_access_token, read_access_token
from rules.work import SYSTEM, ActorKind
from tests.build import TownBuilder, new_town
from tests.checkins.people import at_the_door

MINUTES = timedelta(minutes=5)
NOON = datetime(2026, 5, 1, 4, tzinfo=UTC)
EXPIRES = int(NOON.timestamp()) + 60


def test_a_phones_code_names_its_resident(town: TownBuilder) -> None:
    session, resident = town.session(), town.resident()
    found = at_the_door(town, session, Presented(code=town.code_of(resident)))
    assert found == Identified(resident.id, Identification.CODE)


def test_another_towns_code_is_unknown_here(house: House, town: TownBuilder) -> None:
    other = new_town(house)
    code = other.code_of(other.resident())
    with pytest.raises(CodeUnknown):
        at_the_door(town, town.session(), Presented(code=code))


def code_of_noon(keys: Keys) -> str:
    return sign(keys, TokenKind.RESIDENT, {"sub": "7", "town": "5", "exp": EXPIRES})


@pytest.mark.parametrize(
    ("second", "skew", "is_good"),
    [
        (-6, 0, False),
        (-5, 0, True),
        (0, 0, True),
        (65, 0, True),
        (66, 0, False),
        (-306, 300, False),  # a code of a later moment doesn't prove that somebody was there before
        (-305, 300, True),
        (365, 300, True),
        (366, 300, False),
    ],
)
def test_a_code_is_good_for_its_minute_as_of_the_scan_with_grace_and_skew_on_both_sides(
    house: House, second: int, skew: int, *, is_good: bool
) -> None:
    at, slack = NOON + timedelta(seconds=second), timedelta(seconds=skew)
    if is_good:
        assert read_code(house.keys, code_of_noon(house.keys), at, slack).resident_id == 7
    else:
        with pytest.raises(CodeExpired):
            read_code(house.keys, code_of_noon(house.keys), at, slack)


def test_an_offline_scan_is_judged_as_of_its_own_time_not_of_the_upload(town: TownBuilder) -> None:
    session, resident, now = town.session(), town.resident(), utc_now()
    with time_machine.travel(now, tick=False):
        presented = Presented(code=town.code_of(resident))
    with time_machine.travel(now + timedelta(hours=3), tick=False):
        with pytest.raises(CodeExpired):
            at_the_door(town, session, presented)
        found = at_the_door(town, session, presented, skew=MINUTES, earlier=timedelta(hours=3, minutes=4))
        assert found.resident_id == resident.id
        with pytest.raises(CodeExpired):
            at_the_door(town, session, presented, skew=MINUTES, earlier=timedelta(hours=3, minutes=6))


def test_a_code_of_an_older_key_is_still_read_and_one_of_a_key_that_is_gone_is_not(house: House) -> None:
    newer = read(generate()).codes
    rotated = replace(house.keys, codes=(*newer, *house.keys.codes))
    code = code_of_noon(house.keys)
    assert read_code(rotated, code, NOON).resident_id == 7
    assert read_code(rotated, code_of_noon(rotated), NOON).resident_id == 7
    with pytest.raises(CodeUnknown):
        read_code(replace(house.keys, codes=newer), code, NOON)


GOOD: dict[str, Any] = {"sub": "7", "town": "5", "exp": EXPIRES}
WRONG: dict[str, dict[str, Any]] = {
    "nobody": {"sub": "0"},
    "less than nobody": {"sub": "-7"},
    "an id of 64 bits": {"sub": str(2**63)},
    "digits of another script": {"sub": "７"},
    "a space": {"sub": " 7"},
    "an empty id": {"sub": ""},
    "a town of 64 bits": {"town": str(2**63)},
    "a number for a town": {"town": 5},
    "a list for a town": {"town": ["5"]},
    "an expiry in words": {"exp": "tomorrow"},
    "a broken expiry": {"exp": EXPIRES + 0.5},
    "an endless expiry": {"exp": True},
    "no resident": {"sub": None},
    "no expiry": {"exp": None},
    "a list for an audience": {"aud": ["another"]},
    "another audience": {"aud": "binfen-door"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_signature_of_ours_under_claims_that_make_no_sense_is_unknown(house: House, wrong: dict[str, Any]) -> None:
    claims = {name: value for name, value in {**GOOD, **wrong}.items() if value is not None}
    with pytest.raises(CodeUnknown):
        read_code(house.keys, sign(house.keys, TokenKind.RESIDENT, claims), NOON)


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


def forgeries(keys: Keys) -> dict[str, str]:
    """What somebody sends who has seen a code and the public keys."""
    key = keys.codes[0]
    good = {"aud": TokenKind.RESIDENT.audience, **GOOD}
    head = {"typ": TokenKind.RESIDENT.typ, "kid": key.id}
    header, payload, signature = code_of_noon(keys).split(".")
    stranger = Ed25519PrivateKey.generate()
    public = key.public.public_bytes_raw()
    return {
        "nothing": "",
        "dots": "..",
        "not ASCII": "你.好.吗",
        "a null": "\0",
        "very long": "a" * 4096,
        "no signature": f"{header}.{payload}.",
        "algorithm none": jwt.encode(good, "", algorithm="none", headers=head),
        "public key as an HMAC secret": jwt.encode(good, public, algorithm="HS256", headers=head),
        "a stranger's key under our name": jwt.encode(good, stranger, algorithm="EdDSA", headers=head),
        "a stranger's key in the header": jwt.encode(
            good, stranger, algorithm="EdDSA", headers=head | {"jwk": key.jwk()}
        ),
        "a key without a name": jwt.encode(good, key.private, algorithm="EdDSA", headers={"typ": head["typ"]}),
        "a header that is a list": f"{_part([1])}.{payload}.{signature}",
        "a type that is a list": f"{_part({**head, 'typ': [head['typ']], 'alg': 'EdDSA'})}.{payload}.{signature}",
        "a payload that is a list": f"{header}.{_part([1])}.{signature}",
        "another resident": f"{header}.{_part({**good, 'sub': '8'})}.{signature}",
        "a later expiry": f"{header}.{_part({**good, 'exp': EXPIRES + 9999})}.{signature}",
        "another type": f"{_part({**head, 'typ': TokenKind.CARD.typ, 'alg': 'EdDSA'})}.{payload}.{signature}",
        "cut": code_of_noon(keys)[:-4],
    }


def test_what_was_forged_without_the_private_key_is_unknown(house: House, town: TownBuilder) -> None:
    session = town.session()
    for name, forged in forgeries(house.keys).items():
        with pytest.raises(CodeUnknown):
            read_code(house.keys, forged, NOON)
        with pytest.raises(CodeUnknown):
            at_the_door(town, session, Presented(code=forged))
        with pytest.raises(DoorCodeUnknown):
            town.act(None, read_door_code, house.keys, forged)
        with pytest.raises(CodeUnknown):
            read_signed(house.keys, forged, TokenKind.CARD)
        assert forged != code_of_noon(house.keys), name


# One token, one use


def token_of(town: TownBuilder, kind: str) -> str:
    """A good token of each kind, all for things that exist in this town."""
    keys, staff, resident = town.house.keys, town.staff(Role.SCANNER), town.resident()
    makers: dict[str, Callable[[], str]] = {
        "resident": lambda: town.code_of(resident),
        "door": lambda: town.act(staff, issue_door_code, keys, town.session()).code,
        "card": lambda: town.act(staff, issue_card, keys, resident.id).code,
        "access": lambda: issue_access_token(keys, Owner(ActorKind.RESIDENT, town.id, resident.id, 1), utc_now()),
    }
    return makers[kind]()


TOKENS = ("resident", "door", "card", "access")


def reader_of(town: TownBuilder, kind: str) -> tuple[Callable[[str], Any], type[Exception]]:
    """The reader of each kind, and what it says of what is none."""
    keys = town.house.keys
    readers: dict[str, tuple[Callable[[str], Any], type[Exception]]] = {
        "resident": (lambda token: read_code(keys, token, utc_now()), CodeUnknown),
        "door": (lambda token: town.act(None, read_door_code, keys, token), DoorCodeUnknown),
        "card": (lambda token: read_signed(keys, token, TokenKind.CARD), CodeUnknown),
        "access": (lambda token: read_access_token(keys, token), TokenInvalid),
    }
    return readers[kind]


@pytest.mark.parametrize("presented", TOKENS)
@pytest.mark.parametrize("expected", TOKENS)
def test_a_token_of_one_kind_is_never_taken_for_another(town: TownBuilder, presented: str, expected: str) -> None:
    token = token_of(town, presented)
    read_token, refusal = reader_of(town, expected)
    if presented == expected:
        read_token(token)
    else:
        with pytest.raises(refusal):
            read_token(token)


@pytest.mark.parametrize("presented", ["door", "access"])
def test_the_door_takes_residents_codes_and_cards_and_nothing_else(town: TownBuilder, presented: str) -> None:
    with pytest.raises(CodeUnknown):
        at_the_door(town, town.session(), Presented(code=token_of(town, presented)))


@pytest.mark.parametrize("typ", list(TokenKind))
@pytest.mark.parametrize("audience", list(TokenKind))
def test_type_and_audience_must_both_be_those_of_the_use(house: House, typ: TokenKind, audience: TokenKind) -> None:
    """Two walls: a mistake in one of them alone opens nothing."""
    key = house.keys.codes[0]
    claims = {"aud": audience.audience, "jti": "9", "session": "8", **GOOD}
    token = jwt.encode(claims, key.private, algorithm="EdDSA", headers={"typ": typ.typ, "kid": key.id})
    for kind in TokenKind:
        if kind is typ is audience:
            assert read_signed(house.keys, token, kind).kind is kind
        else:
            with pytest.raises(CodeUnknown):
                read_signed(house.keys, token, kind)


def test_reading_a_code_writes_nothing(town: TownBuilder) -> None:
    session, code = town.session(), town.code_of(town.resident())
    before = town.contents()
    at_the_door(town, session, Presented(code=code))
    town.database.read(town.id, SYSTEM, lambda work: work.now)
    assert town.contents() == before
