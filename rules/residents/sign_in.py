"""Signing in, staying signed in, signing out.

A sign-in begins a family of refresh tokens. Each is used once and names its successor. A used token that comes back is
either a lost answer (the phone never got the successor, so the successor is unused: the caller gets another one and the
lost one is closed) or theft (the successor is in use: the whole family is revoked, and both sides must sign in again).
So at any time at most one token of a family opens anything (RFC 9700, section 4.14.2).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from models.residents import Consent, OpenidLookup, Purpose, RefreshToken, Resident, Staff
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.residents.tokens import ACCESS_SECONDS, Owner, issue_access_token
from rules.work import ActorKind, Work

REFRESH_DAYS = 30
#: The wording of the privacy notice that a sign-in agrees to. A new wording is a new version.
CONSENT_VERSION = "2026-01"


class ConsentOutdated(RuleError):
    code = "consent.outdated"
    kind = Kind.CONFLICT
    zh = "隐私说明已更新为 {current} 版，请阅读并同意后再登录。"
    en = "The privacy notice is now version {current}. Please read and accept it before you sign in."


class RefreshInvalid(RuleError):
    code = "auth.refresh_invalid"
    kind = Kind.UNAUTHENTICATED
    zh = "刷新凭证无效或已过期，请重新登录。"
    en = "The refresh token is not valid or has expired. Please sign in again."


class RefreshReused(RuleError):
    code = "auth.refresh_reused"
    kind = Kind.UNAUTHENTICATED
    zh = "这个刷新凭证已被使用过。为安全起见，此次登录已全部退出，请重新登录。"
    en = "This refresh token was used before. To be safe this sign-in was ended everywhere; please sign in again."
    keeps_work = True


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a client gets when it signs in or refreshes."""

    access_token: str
    refresh_token: str
    expires_in: int  #: seconds
    token_type: str = "Bearer"  # noqa: S105  the scheme's name


_find_openid = select(OpenidLookup.town_id, OpenidLookup.resident_id).where(
    OpenidLookup.openid_index == bindparam("index")
)
_claim_openid = upsert(OpenidLookup).on_conflict_do_nothing().returning(OpenidLookup.resident_id)
_resident_version = select(Resident.token_version).where(
    Resident.town_id == bindparam("town"), Resident.id == bindparam("id")
)
_staff_version = select(Staff.token_version).where(Staff.town_id == bindparam("town"), Staff.id == bindparam("id"))
_find_token = select(RefreshToken).where(RefreshToken.town_id == bindparam("town"), RefreshToken.id == bindparam("id"))
_use_token = (
    update(RefreshToken)
    .where(
        RefreshToken.town_id == bindparam("town"),
        RefreshToken.id == bindparam("token"),
        RefreshToken.used_at.is_(None),
        RefreshToken.revoked_at.is_(None),
    )
    .values(used_at=bindparam("now"), successor_id=bindparam("successor"))
    .returning(RefreshToken.id)
    .execution_options(synchronize_session=False)
)


def sign_in_resident(work: Work, keys: Keys, openid: str, consent_version: str | None) -> SignedIn:
    """Sign in the resident of an openid; on first sight register one in the work's town and record the consent.

    Signing in agrees to the privacy notice in the version that the client showed, by default the current one. Raises
    ConsentOutdated when that isn't the current version.
    """
    if consent_version not in (None, CONSENT_VERSION):
        raise ConsentOutdated(current=CONSENT_VERSION)
    index = keys.index_of(openid)
    known = work.db.execute(_find_openid, {"index": index}).first()
    if known is None:
        resident_id = work.new_id()
        claim = {"openid_index": index, "town_id": work.town_id, "resident_id": resident_id}
        if work.db.scalar(_claim_openid, claim) is not None:
            _register(work, keys, resident_id, openid)
        known = work.db.execute(_find_openid, {"index": index}).one()
    at_home = replace(work, town_id=known.town_id)
    version = work.db.execute(_resident_version, {"town": known.town_id, "id": known.resident_id}).scalar_one()
    return _begin_family(at_home, keys, Owner(ActorKind.RESIDENT, known.town_id, known.resident_id, version))


def sign_in_staff(work: Work, keys: Keys, staff_id: int) -> SignedIn:
    """Sign in a member of staff whose password was checked."""
    version = work.db.execute(_staff_version, {"town": work.town_id, "id": staff_id}).scalar_one()
    return _begin_family(work, keys, Owner(ActorKind.STAFF, work.town_id, staff_id, version))


def refresh(work: Work, keys: Keys, refresh_token: str) -> SignedIn:
    """Exchange a refresh token for a new pair. Raises RefreshInvalid or RefreshReused."""
    town_id, token_id, secret_hash = _read_refresh_token(refresh_token)
    token = work.db.scalar(_find_token, {"town": town_id, "id": token_id})
    if token is None or not secrets.compare_digest(token.secret_hash, secret_hash):
        raise RefreshInvalid
    if token.revoked_at is not None or token.expires_at <= work.now:
        raise RefreshInvalid
    at_home = replace(work, town_id=town_id)
    successor_id = work.new_id()
    used = {"town": town_id, "token": token_id, "now": work.now, "successor": successor_id}
    if work.db.scalar(_use_token, used) is None:
        _replace_lost_successor(at_home, token_id, successor_id)
    owner = _owner_of(work, token)
    return _issue(at_home, keys, owner, family_id=token.family_id, token_id=successor_id)


def sign_out(work: Work) -> None:
    """End every sign-in of the actor: access tokens at once, refresh tokens with them."""
    table, column = (
        (Resident, RefreshToken.resident_id)
        if work.actor.kind is ActorKind.RESIDENT
        else (Staff, RefreshToken.staff_id)
    )
    work.db.execute(
        update(table)
        .where(table.town_id == work.town_id, table.id == work.actor.id)
        .values(token_version=table.token_version + 1)
        .execution_options(synchronize_session=False)
    )
    work.db.execute(
        update(RefreshToken)
        .where(RefreshToken.town_id == work.town_id, column == work.actor.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=work.now)
        .execution_options(synchronize_session=False)
    )


def _register(work: Work, keys: Keys, resident_id: int, openid: str) -> None:
    sealed = keys.seal(openid, openid_context(work.town_id, resident_id))
    work.db.execute(
        insert(Resident),
        {
            "town_id": work.town_id,
            "id": resident_id,
            "name": "",
            "openid_sealed": sealed,
            "registered_at": work.now,
        },
    )
    work.db.execute(
        insert(Consent),
        {
            "town_id": work.town_id,
            "id": work.new_id(),
            "resident_id": resident_id,
            "purpose": Purpose.ACCOUNT,
            "version": CONSENT_VERSION,
            "given_at": work.now,
        },
    )


def openid_context(town_id: int, resident_id: int) -> str:
    """Where a sealed openid belongs; it can't be opened in another row."""
    return f"resident.openid:{town_id}:{resident_id}"


def _replace_lost_successor(work: Work, token_id: int, successor_id: int) -> None:
    """A used token came back: close its unused successor and name another, or revoke the family.

    The token's row is locked first, so of two callers with the same token the second sees the first one's successor.
    """
    token = work.db.execute(
        select(RefreshToken.family_id, RefreshToken.successor_id, RefreshToken.revoked_at)
        .where(RefreshToken.town_id == work.town_id, RefreshToken.id == token_id)
        .with_for_update()
    ).one()
    if token.revoked_at is not None:
        raise RefreshInvalid
    closed = work.db.scalar(
        update(RefreshToken)
        .where(
            RefreshToken.town_id == work.town_id,
            RefreshToken.id == token.successor_id,
            RefreshToken.used_at.is_(None),
            RefreshToken.revoked_at.is_(None),
        )
        .values(revoked_at=work.now)
        .returning(RefreshToken.id)
        .execution_options(synchronize_session=False)
    )
    if closed is None:
        _revoke_family(work, token.family_id)
        raise RefreshReused
    work.db.execute(
        update(RefreshToken)
        .where(RefreshToken.town_id == work.town_id, RefreshToken.id == token_id)
        .values(successor_id=successor_id)
        .execution_options(synchronize_session=False)
    )


def _revoke_family(work: Work, family_id: int) -> None:
    work.db.execute(
        update(RefreshToken)
        .where(
            RefreshToken.town_id == work.town_id,
            RefreshToken.family_id == family_id,
            RefreshToken.revoked_at.is_(None),
        )
        .values(revoked_at=work.now)
        .execution_options(synchronize_session=False)
    )


def _owner_of(work: Work, token: RefreshToken) -> Owner:
    if token.resident_id is not None:
        kind, id_, statement = ActorKind.RESIDENT, token.resident_id, _resident_version
    else:
        assert token.staff_id is not None, "a CHECK gives every token one owner"
        kind, id_, statement = ActorKind.STAFF, token.staff_id, _staff_version
    version = work.db.execute(statement, {"town": token.town_id, "id": id_}).scalar_one()
    return Owner(kind, token.town_id, id_, version)


def _begin_family(work: Work, keys: Keys, owner: Owner) -> SignedIn:
    token_id = work.new_id()
    return _issue(work, keys, owner, family_id=token_id, token_id=token_id)


def _issue(work: Work, keys: Keys, owner: Owner, *, family_id: int, token_id: int) -> SignedIn:
    secret = secrets.token_urlsafe(32)
    work.db.execute(
        insert(RefreshToken),
        {
            "town_id": owner.town_id,
            "id": token_id,
            "family_id": family_id,
            "resident_id": owner.id if owner.kind is ActorKind.RESIDENT else None,
            "staff_id": owner.id if owner.kind is ActorKind.STAFF else None,
            "secret_hash": hashlib.sha256(secret.encode()).digest(),
            "issued_at": work.now,
            "expires_at": work.now + timedelta(days=REFRESH_DAYS),
        },
    )
    return SignedIn(
        access_token=issue_access_token(keys, owner, work.now),
        refresh_token=f"{owner.town_id}.{token_id}.{secret}",
        expires_in=ACCESS_SECONDS,
    )


def _read_refresh_token(refresh_token: str) -> tuple[int, int, bytes]:
    town, _, rest = refresh_token.partition(".")
    id_, _, secret = rest.partition(".")
    if not (town.isascii() and town.isdigit() and id_.isascii() and id_.isdigit() and len(town) < 20 and len(id_) < 20):
        raise RefreshInvalid
    if int(town) > ID_MAX or int(id_) > ID_MAX:
        raise RefreshInvalid
    return int(town), int(id_), hashlib.sha256(secret.encode()).digest()
