"""The resident's code: a token that lives for a minute and that a staff device can verify by itself.

Signed with Ed25519 (RFC 8037); the public keys are published as a JWK set. It names the resident by id only. A few seconds
of grace cover the way from the screen to the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from rules.ids import ID_MAX
from rules.keys import Keys
from rules.work import Work

CODE_SECONDS = 60
GRACE_SECONDS = 5
ALGORITHM = "EdDSA"
TYPE = "binfen-code+jwt"
AUDIENCE = "binfen-checkin"


class CodeUnknown(Exception):
    """Nothing that we have signed, or signed for another use."""


class CodeExpired(Exception):
    """Ours, but older than a minute."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code as the resident's phone shows it."""

    code: str
    expires_at: datetime
    refresh_seconds: int  #: how soon to fetch the next one


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a code names."""

    town_id: int
    resident_id: int


def issue_code(work: Work, keys: Keys) -> Code:
    """A code for the actor, who is a resident."""
    key = keys.codes[0]
    expires_at = work.now + timedelta(seconds=CODE_SECONDS)
    claims = {"aud": AUDIENCE, "sub": str(work.actor.id), "town": str(work.town_id), "exp": expires_at}
    code = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": key.id})
    return Code(code, expires_at, refresh_seconds=CODE_SECONDS // 2)


def read_code(keys: Keys, code: str, now: datetime) -> Bearer:
    """Whom a code names. Raises CodeExpired, or CodeUnknown for everything else that is wrong with it."""
    try:
        header = jwt.get_unverified_header(code)
        key = next((key for key in keys.codes if key.id == header.get("kid")), None)
        if key is None or header.get("typ") != TYPE:
            raise CodeUnknown
        claims = jwt.decode(
            code,
            key.public,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            options={"require": ["sub", "town", "exp"], "verify_exp": False},
        )
        bearer = Bearer(int(claims["town"]), int(claims["sub"]))
        expires_at = int(claims["exp"])
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise CodeUnknown from None
    if not (0 < bearer.town_id <= ID_MAX and 0 < bearer.resident_id <= ID_MAX):
        raise CodeUnknown
    if now.timestamp() > expires_at + GRACE_SECONDS:
        raise CodeExpired
    return bearer
