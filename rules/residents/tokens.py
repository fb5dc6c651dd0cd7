"""Access tokens: who calls, for a quarter of an hour.

Signed with HMAC-SHA256, because only this house verifies them (what others verify is signed with Ed25519). The algorithm,
the type, the issuer and the audience are fixed here and never read from the token. `ver` is the owner's token version:
raising it in the database revokes every token at once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from rules.clock import utc_now
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.work import ActorKind

ACCESS_SECONDS = 900
ALGORITHM = "HS256"
TYPE = "at+jwt"  # RFC 9068
ISSUER = "binfen"
AUDIENCE = "binfen-api"
SEEN_MAX = 5_000  #: tokens of which a process knows that they are good


class TokenInvalid(RuleError):
    code = "auth.token_invalid"
    kind = Kind.UNAUTHENTICATED
    zh = "登录凭证无效，请重新登录。"
    en = "The access token is not valid. Please sign in again."


class TokenExpired(RuleError):
    code = "auth.token_expired"
    kind = Kind.UNAUTHENTICATED
    zh = "登录已过期，请刷新凭证或重新登录。"
    en = "The access token has expired. Refresh it or sign in again."


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose token it is, and at which version."""

    kind: ActorKind
    town_id: int
    id: int
    token_version: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """A token whose signature is good."""

    owner: Owner
    expires_at: int  #: in seconds since 1970


#: By the token's keyed hash. Nothing of it is secret: whoever has the token has all of it.
_seen: dict[bytes, _Seen] = {}


def issue_access_token(keys: Keys, owner: Owner, now: datetime) -> str:
    """A token that is good for ACCESS_SECONDS from now."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(owner.id),
        "kind": owner.kind.value,
        "town": str(owner.town_id),
        "ver": owner.token_version,
        "iat": now,
        "exp": now + timedelta(seconds=ACCESS_SECONDS),
    }
    return jwt.encode(claims, keys.token, algorithm=ALGORITHM, headers={"typ": TYPE})


def read_access_token(keys: Keys, token: str) -> Owner:
    """Whose token it is. Raises TokenExpired, or TokenInvalid for everything else that is wrong with it.

    A device sends the same token for a quarter of an hour: its signature is looked at once in each process.
    """
    name = hashlib.sha256(b"".join((*keys.tokens, token.encode()))).digest()
    seen = _seen.get(name)
    if seen is None:
        seen = _read(keys, token)
        if len(_seen) >= SEEN_MAX:
            _seen.clear()
        _seen[name] = seen
    if seen.expires_at <= utc_now().timestamp():
        raise TokenExpired
    return seen.owner


def _read(keys: Keys, token: str) -> _Seen:
    """What a good token says; while keys change, one of the old key is as good. Raises TokenExpired, TokenInvalid."""
    *others, last = keys.tokens
    for key in others:
        try:
            return _read_with(key, token)
        except TokenInvalid:
            continue
    return _read_with(last, token)


def _read_with(key: bytes, token: str) -> _Seen:
    try:
        decoded = jwt.decode_complete(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["sub", "kind", "town", "ver", "exp"]},
        )
        if decoded["header"].get("typ") != TYPE:
            raise TokenInvalid
        claims = decoded["payload"]
        kind, town_id, id_ = ActorKind(claims["kind"]), int(claims["town"]), int(claims["sub"])
        if not (0 < town_id <= ID_MAX and 0 < id_ <= ID_MAX):
            raise TokenInvalid
        return _Seen(Owner(kind, town_id, id_, int(claims["ver"])), int(claims["exp"]))
    except jwt.ExpiredSignatureError:
        raise TokenExpired from None
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise TokenInvalid from None
