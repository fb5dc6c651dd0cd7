"""Signing in, staying signed in, signing out.

A sign-in begins a family of refresh tokens. Each is used once and names its successor. A used token that comes back
within LOST_ANSWER_SECONDS, while its successor is unused, is a lost answer: the caller gets another successor and the
lost one is closed. Everything else proves that two hold tokens of one family: a used token that comes back later or after
its successor was used, and a closed one that comes up after all. Then the family is revoked, the owner's access tokens
with it, and both sides must sign in again.
So at any time at most one token of a family opens anything (RFC 9700, section 4.14.2).

Whatever begins, continues or ends a sign-in locks the owner's row first. So a sign-out and a refresh that run at once
happen one after the other, and no token slips through between the revocation and its commit.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from models.residents import Consent, OpenidLookup, Purpose, RefreshToken, Resident, Staff, StaffStatus
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.residents.devices import note_device
from rules.residents.lock_out import count_attempt, unlock
from rules.residents.passwords import Credentials, CredentialsWrong, find_credentials
from rules.residents.tokens import ACCESS_SECONDS, Owner, issue_access_token
from rules.work import ActorKind, Work

REFRESH_DAYS = 30
LOST_ANSWER_SECONDS = 60
#: The wording of the privacy notice that a sign-in agrees to. A new wording is a new version.
CONSENT_VERSION = "2026-01"


class ConsentOutdated(RuleError):
    code = "consent.outdated"
    kind = Kind.CONFLICT
    zh = "说明已更新为 {current} 版，请阅读并同意后再继续。"
    en = "The wording is now version {current}. Please read and accept it before you go on."


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
_lock_resident = (
    select(Resident.token_version)
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("id"))
    .with_for_update(key_share=True)
)
_lock_staff = (
    select(Staff.token_version)
    .where(Staff.town_id == bindparam("town"), Staff.id == bindparam("id"), Staff.status == StaffStatus.ACTIVE)
    .with_for_update(key_share=True)
)
_keep_consent = upsert(Consent).on_conflict_do_nothing(index_elements=["town_id", "resident_id", "purpose", "version"])
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


def sign_in_resident(
    work: Work, keys: Keys, openid: str, consent_version: str | None, device: str | None = None
) -> SignedIn:
    """Sign in the resident of an openid; on first sight register one in the work's town and record the consent.

    Signing in agrees to the privacy notice in the version that the client showed, by default the current one. `device`:
    the word of `rules.residents.devices`. Raises ConsentOutdated when that isn't the current version.
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
            _record_consent(work, resident_id)
        known = work.db.execute(_find_openid, {"index": index}).one()
    at_home = replace(work, town_id=known.town_id)
    if consent_version is not None:
        _record_consent(at_home, known.resident_id)
    owner = _lock_owner(at_home, ActorKind.RESIDENT, known.resident_id)
    assert owner is not None, "the look-up names residents only"
    if device is not None:
        note_device(at_home, keys, known.resident_id, device)
    return _begin_family(at_home, keys, owner)


def begin_anew(work: Work, keys: Keys, resident_id: int) -> SignedIn:
    """Sign in a resident whose openid has just become theirs."""
    owner = _lock_owner(work, ActorKind.RESIDENT, resident_id)
    assert owner is not None, "the caller has found the resident"
    return _begin_family(work, keys, owner)


def begin_staff_sign_in(work: Work, keys: Keys, username: str) -> Credentials:
    """The credentials that a password is to be checked against, outside of this work, once it is committed.

    Raises TooManyAttempts while the name is locked.
    """
    count_attempt(work, keys, username)
    return find_credentials(work, username)


def sign_in_staff(work: Work, keys: Keys, username: str, staff_id: int) -> SignedIn:
    """Sign in a member of staff whose password was checked. Raises CredentialsWrong when the account was closed since."""
    owner = _lock_owner(work, ActorKind.STAFF, staff_id)
    if owner is None:
        raise CredentialsWrong
    unlock(work, keys, username)
    return _begin_family(work, keys, owner)


def refresh(work: Work, keys: Keys, refresh_token: str) -> SignedIn:
    """Exchange a refresh token for a new pair. Raises RefreshInvalid or RefreshReused."""
    town_id, token_id, secret_hash = _read_refresh_token(refresh_token)
    token = work.db.scalar(_find_token, {"town": town_id, "id": token_id})
    if token is None or not secrets.compare_digest(token.secret_hash, secret_hash):
        raise RefreshInvalid
    if token.expires_at <= work.now:
        raise RefreshInvalid
    at_home = replace(work, town_id=town_id)
    owner = _lock_owner_of(at_home, token)
    if token.revoked_at is not None:
        raise _end_family(at_home, token.family_id, owner)
    successor_id = work.new_id()
    used = {"town": town_id, "token": token_id, "now": work.now, "successor": successor_id}
    if work.db.scalar(_use_token, used) is None:
        _replace_lost_successor(at_home, token_id, successor_id, owner)
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


def _record_consent(work: Work, resident_id: int) -> None:
    consent = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "resident_id": resident_id,
        "purpose": Purpose.ACCOUNT,
        "version": CONSENT_VERSION,
        "given_at": work.now,
    }
    work.db.execute(_keep_consent, consent)


def openid_context(town_id: int, resident_id: int) -> str:
    """Where a sealed openid belongs; it can't be opened in another row."""
    return f"resident.openid:{town_id}:{resident_id}"


def _replace_lost_successor(work: Work, token_id: int, successor_id: int, owner: Owner) -> None:
    """A used token came back: close its unused successor and name another, or revoke the family.

    The owner's row is locked, so of two callers with the same token the second sees the first one's successor.
    """
    token = work.db.execute(
        select(RefreshToken.family_id, RefreshToken.successor_id, RefreshToken.used_at, RefreshToken.revoked_at).where(
            RefreshToken.town_id == work.town_id, RefreshToken.id == token_id
        )
    ).one()
    is_recent = token.used_at is not None and work.now - token.used_at <= timedelta(seconds=LOST_ANSWER_SECONDS)
    if token.revoked_at is not None or not is_recent:
        raise _end_family(work, token.family_id, owner)
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
        raise _end_family(work, token.family_id, owner)
    work.db.execute(
        update(RefreshToken)
        .where(RefreshToken.town_id == work.town_id, RefreshToken.id == token_id)
        .values(successor_id=successor_id)
        .execution_options(synchronize_session=False)
    )


def _end_family(work: Work, family_id: int, owner: Owner) -> RuleError:
    """Revoke what is left of a family, and the owner's access tokens with it. Returns the refusal to raise."""
    left = work.db.execute(
        update(RefreshToken)
        .where(
            RefreshToken.town_id == work.town_id,
            RefreshToken.family_id == family_id,
            RefreshToken.revoked_at.is_(None),
        )
        .values(revoked_at=work.now)
        .returning(RefreshToken.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not left:
        return RefreshInvalid()
    table = Resident if owner.kind is ActorKind.RESIDENT else Staff
    work.db.execute(
        update(table)
        .where(table.town_id == work.town_id, table.id == owner.id)
        .values(token_version=table.token_version + 1)
        .execution_options(synchronize_session=False)
    )
    return RefreshReused()


def _lock_owner(work: Work, kind: ActorKind, id_: int) -> Owner | None:
    """The owner at the version of now, with its row locked; None for staff whose account is closed."""
    statement = _lock_resident if kind is ActorKind.RESIDENT else _lock_staff
    version = work.db.scalar(statement, {"town": work.town_id, "id": id_})
    return None if version is None else Owner(kind, work.town_id, id_, version)


def _lock_owner_of(work: Work, token: RefreshToken) -> Owner:
    if token.resident_id is not None:
        owner = _lock_owner(work, ActorKind.RESIDENT, token.resident_id)
    else:
        assert token.staff_id is not None, "a CHECK gives every token one owner"
        owner = _lock_owner(work, ActorKind.STAFF, token.staff_id)
    if owner is None:
        raise RefreshInvalid
    return owner


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
