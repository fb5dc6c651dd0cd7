"""WeChat's access token, one for all processes of a deployment.

Everything that leaves the house leaves outside of a transaction: no lock is held while WeChat is asked. Whoever finds
the token missing or near its end claims a lease in one guarded write, asks WeChat, and stores the answer in a second
one. The lease names its holder: one who was overtaken after a pause stores nothing over the token of who came next.

Storing gives the lease back. A fetch that fails or crashes leaves it to run out, so a WeChat that is down is asked once
in `LEASE_SECONDS`, not by everybody. The old token and the new one overlap for 5 minutes: others use the old one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from models.wechat import WechatToken
from rules.keys import Keys
from rules.work import Work

#: The client's timeouts add up to 8 seconds, so a holder that lives is done before its lease is over.
LEASE_SECONDS = 10
REFRESH_EARLY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class FetchedToken:
    """What WeChat answered."""

    value: str = field(repr=False)
    expires_in: int  #: seconds


@dataclass(frozen=True, slots=True)
class CachedToken:
    """What the cache knows at a moment."""

    value: str | None = field(repr=False)  #: valid now; None when there is no such token
    wants_fetch: bool  #: it is missing or near its end, and nobody is fetching


_find = select(WechatToken.token_sealed, WechatToken.expires_at, WechatToken.lease_until).where(
    WechatToken.appid == bindparam("app")
)
#: Claims only while the token is still missing or near its end: whoever read it before another one stored a new token
#: is told no.
_claim = (
    upsert(WechatToken.__table__)  # type: ignore[arg-type]
    .values(appid=bindparam("app"), lease_until=bindparam("until"))
    .on_conflict_do_update(
        index_elements=["appid"],
        set_={"lease_until": bindparam("until")},
        where=or_(WechatToken.lease_until.is_(None), WechatToken.lease_until < bindparam("now"))
        & or_(WechatToken.expires_at.is_(None), WechatToken.expires_at <= bindparam("due")),
    )
    .returning(WechatToken.appid)
)
_store = (
    update(WechatToken)
    .where(WechatToken.appid == bindparam("app"), WechatToken.lease_until == bindparam("lease"))
    .values(token_sealed=bindparam("sealed"), expires_at=bindparam("expires"), lease_until=None)
    .execution_options(synchronize_session=False)
)
_forget = (
    update(WechatToken)
    .where(WechatToken.appid == bindparam("app"), WechatToken.token_sealed == bindparam("sealed"))
    .values(token_sealed=None, expires_at=None)
    .execution_options(synchronize_session=False)
)


def read_token(work: Work, keys: Keys, appid: str) -> CachedToken:
    """The token, if it is still valid, and whether somebody ought to fetch the next one."""
    row = work.db.execute(_find, {"app": appid}).first()
    if row is None:
        return CachedToken(None, wants_fetch=True)
    is_leased = row.lease_until is not None and row.lease_until >= work.now
    if row.token_sealed is None or row.expires_at <= work.now:
        return CachedToken(None, wants_fetch=not is_leased)
    is_due = row.expires_at <= work.now + REFRESH_EARLY
    return CachedToken(keys.open(row.token_sealed, token_context(appid)), wants_fetch=is_due and not is_leased)


def claim_fetch(work: Work, appid: str) -> datetime | None:
    """The right to fetch the next token until the moment returned, or None when it is another's or no longer needed."""
    lease = work.now + timedelta(seconds=LEASE_SECONDS)
    wish = {"app": appid, "until": lease, "now": work.now, "due": work.now + REFRESH_EARLY}
    return None if work.db.scalar(_claim, wish) is None else lease


def store_token(work: Work, keys: Keys, appid: str, lease: datetime, fetched: FetchedToken) -> None:
    """Keep what the holder of a lease has fetched, and give the lease back. Does nothing if another one has it now."""
    work.db.execute(
        _store,
        {
            "app": appid,
            "lease": lease,
            "sealed": keys.seal(fetched.value, token_context(appid)),
            "expires": work.now + timedelta(seconds=fetched.expires_in),
        },
    )


def forget_token(work: Work, keys: Keys, appid: str, token: str) -> None:
    """Drop a token that WeChat has refused. A newer one that somebody stored meanwhile stays."""
    row = work.db.execute(_find, {"app": appid}).first()
    if row is None or row.token_sealed is None or keys.open(row.token_sealed, token_context(appid)) != token:
        return
    work.db.execute(_forget, {"app": appid, "sealed": row.token_sealed})


def token_context(appid: str) -> str:
    """Where a sealed token belongs; it can't be opened in another row."""
    return f"wechat_token:{appid}"
