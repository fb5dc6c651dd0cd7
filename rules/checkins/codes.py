"""The resident's code: a token that lives for a minute and that a staff device can verify by itself.

It names the resident by id only. A few seconds of grace cover the way from the screen to the server. A code that was stored
without a network is judged as of the moment of its scan: it must have been good then, neither expired before nor issued
after, give or take how far the device's clock may be off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.checkins.signing import CodeExpired, CodeUnknown, Signed, TokenKind, read_signed, sign
from rules.keys import Keys
from rules.work import Work

CODE_SECONDS = 60
GRACE_SECONDS = 5
NO_SKEW = timedelta(0)

__all__ = ["Bearer", "Code", "CodeExpired", "CodeUnknown", "bearer_of", "issue_code", "lasts_at", "read_code"]


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
    expires_at = work.now + timedelta(seconds=CODE_SECONDS)
    claims = {"sub": str(work.actor.id), "town": str(work.town_id), "exp": int(expires_at.timestamp())}
    return Code(sign(keys, TokenKind.RESIDENT, claims), expires_at, refresh_seconds=CODE_SECONDS // 2)


def read_code(keys: Keys, code: str, at: datetime, skew: timedelta = NO_SKEW) -> Bearer:
    """Whom a code names. Raises CodeExpired when it wasn't good at that moment, CodeUnknown when it is none of ours."""
    return bearer_of(read_signed(keys, code, TokenKind.RESIDENT), at, skew)


def bearer_of(signed: Signed, at: datetime, skew: timedelta) -> Bearer:
    """Whom a resident's code names. Raises CodeUnknown, CodeExpired."""
    bearer = Bearer(signed.number("town"), signed.number("sub"))
    if not lasts_at(signed.seconds("exp"), at, skew):
        raise CodeExpired
    return bearer


def lasts_at(expires: int, at: datetime, skew: timedelta) -> bool:
    """Whether a code that lives for CODE_SECONDS and expires then (seconds since 1970) is good at a moment, give or take
    the skew and the grace."""
    slack = skew.total_seconds() + GRACE_SECONDS
    return expires - CODE_SECONDS - slack <= at.timestamp() <= expires + slack
