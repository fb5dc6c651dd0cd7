"""What is signed for a door: three kinds of tokens, none of which can be taken for another.

A resident's rotating code, a session's door code and a printed card are JSON Web Tokens signed with Ed25519 (RFC 8037);
the public keys are published as a JWK set, so a device verifies them without a network. Each kind has a `typ` and an
audience of its own (RFC 8725, sections 3.8 and 3.11), both under the signature; a reader names the kinds that it takes, and
everything else is unknown to it. Access tokens are of another algorithm, another key, another `typ`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

import jwt

from rules.ids import ID_MAX
from rules.keys import Keys

ALGORITHM = "EdDSA"
HEADERS_MAX = 64  #: that are kept as read


class TokenKind(Enum):
    """What a token is: its `typ`, and whom it is meant for."""

    RESIDENT = ("binfen-code+jwt", "binfen-checkin")
    DOOR = ("binfen-door+jwt", "binfen-door")
    CARD = ("binfen-card+jwt", "binfen-card")

    @property
    def typ(self) -> str:
        return self.value[0]

    @property
    def audience(self) -> str:
        return self.value[1]


class NotIdentified(Exception):
    """What was presented names nobody. Each subclass says why."""


class CodeUnknown(NotIdentified):
    """Nothing that we have signed, or signed for another use."""


class CodeExpired(NotIdentified):
    """Ours, but not good at that moment."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a token says: nothing of it is more than its signer meant."""

    kind: TokenKind
    claims: dict[str, Any]

    def number(self, claim: str) -> int:
        """The id that a claim holds. Raises CodeUnknown when it holds none."""
        value = self.claims.get(claim)
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and 0 < int(value) <= ID_MAX):
            raise CodeUnknown
        return int(value)

    def seconds(self, claim: str) -> int:
        """The moment that a claim holds, in seconds since 1970. Raises CodeUnknown when it holds none."""
        value = self.claims.get(claim)
        if type(value) is not int:
            raise CodeUnknown
        return value


def sign(keys: Keys, kind: TokenKind, claims: dict[str, Any]) -> str:
    """A token of this kind, signed with the first of the keys."""
    key = keys.codes[0]
    headers = {"typ": kind.typ, "kid": key.id}
    return jwt.encode({"aud": kind.audience, **claims}, key.private, algorithm=ALGORITHM, headers=headers)


def read_signed(keys: Keys, token: str, *kinds: TokenKind) -> Signed:
    """What a token of one of these kinds says; whether it is still good is the reader's to judge. Raises CodeUnknown."""
    try:
        header = _header_of(token.partition(".")[0])
        key = next((key for key in keys.codes if key.id == header.get("kid")), None)
        kind = next((kind for kind in kinds if kind.typ == header.get("typ")), None)
        if key is None or kind is None:
            raise CodeUnknown
        claims = jwt.decode(
            token, key.public, algorithms=[ALGORITHM], audience=kind.audience, options={"verify_exp": False}
        )
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise CodeUnknown from None
    return Signed(kind, claims)


@lru_cache(HEADERS_MAX)
def _header_of(segment: str) -> dict[str, Any]:
    """What a token's first segment says, before anything is believed: the same for all of a kind and a key.

    Raises what jwt does.
    """
    return jwt.get_unverified_header(f"{segment}..")
