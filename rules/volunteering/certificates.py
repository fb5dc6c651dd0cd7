"""Certificates: what was served, on paper, with a code by which anybody can see whether the paper is true.

A certificate is a snapshot. It says what the book held when it was issued, and is never changed; hours that come later are
for the next one. Hours that are corrected downwards later are told to whoever verifies (`lowered_since`), and staff can
withdraw a certificate for good. Where the hours come from is printed side by side and never added up to one number without
its parts.

The code is drawn from 80 random bits, so that nobody finds a certificate by trying. Whoever has it sees the surname and the
hours, nothing else. The name as printed is encrypted here, since it outlives a change of the resident's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import bindparam, insert, select, update

from models.residents import Resident, Role
from models.territory import Territory, Town
from models.volunteering import CERTIFICATE
from rules.clock import local_day
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.ledger.canonical import microseconds
from rules.paging import Page, Position, cut
from rules.points.people import require_role_over
from rules.residents.acting import NotTheirProxy, resident_for
from rules.residents.names import masked
from rules.rows import AnyRow
from rules.volunteering.book import Minutes
from rules.volunteering.refusals import (
    CertificateEmpty,
    CertificateNameless,
    CertificateUnknown,
    CertificateWithdrawn,
    PeriodInvalid,
)
from rules.volunteering.totals import minutes_between, read_stars
from rules.work import Work

#: Crockford's 32: no letter that is taken for another, or for a digit.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 16
GROUP_LENGTH = 4
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})
_FIRST_DAY = date(1949, 10, 1)  #: before every record


class CertificateStatus(StrEnum):
    VALID = "valid"
    WITHDRAWN = "withdrawn"  #: by staff
    ALTERED = "altered"  #: the row isn't what was issued: somebody changed it in the database


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A certificate, for whom it is about."""

    id: int
    resident_id: int
    town_name: str
    town_code: str
    name: str
    code: str  #: in groups of four
    first_day: date | None
    last_day: date
    minutes: Minutes
    star: str | None
    issued_at: datetime
    status: CertificateStatus
    withdrawal_reason: str | None
    content_hash: bytes

    @property
    def itself(self) -> CertificateView:
        """For what is told of several columns together."""
        return self


@dataclass(frozen=True, slots=True)
class VerifiedView:
    """A certificate, for whoever has its code."""

    code: str
    town_name: str
    name: str  #: masked
    first_day: date | None
    last_day: date
    minutes: Minutes
    star: str | None
    issued_at: datetime
    status: CertificateStatus
    withdrawn_at: datetime | None
    lowered_since: bool  #: hours of the period were corrected downwards after it was issued


_columns = (
    *(column for column in CERTIFICATE.c if column.name != "town_id"),
    Town.name.label("town_name"),
    Town.code.label("town_code"),
)
_certificates = (
    select(*_columns).join(Town, Town.id == CERTIFICATE.c.town_id).where(CERTIFICATE.c.town_id == bindparam("town"))
)
_one = _certificates.where(CERTIFICATE.c.id == bindparam("certificate"))
_by_code = _certificates.where(CERTIFICATE.c.code == bindparam("of_code"))
_of_resident = (
    _certificates.where(CERTIFICATE.c.resident_id == bindparam("resident"), CERTIFICATE.c.id < bindparam("before"))
    .order_by(CERTIFICATE.c.id.desc())
    .limit(bindparam("limit"))
)
_issue = insert(CERTIFICATE)
_name = select(Resident.name).where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
_place = (
    select(Territory.path)
    .select_from(Resident)
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
)
_withdraw = (
    update(CERTIFICATE)
    .where(
        CERTIFICATE.c.town_id == bindparam("town"),
        CERTIFICATE.c.id == bindparam("certificate"),
        CERTIFICATE.c.withdrawn_at.is_(None),
    )
    .values(withdrawn_at=bindparam("now"), withdrawn_by=bindparam("actor"), withdrawal_reason=bindparam("why"))
    .returning(CERTIFICATE.c.id)
)


def issue_certificate(
    work: Work, keys: Keys, first_day: date | None, last_day: date | None, resident_id: int | None
) -> CertificateView:
    """Certify the hours of the actor, or of somebody they act for, from one day to another: all of them until today
    unless days are given.

    Raises PeriodInvalid, CertificateNameless, CertificateEmpty, and the refusals of `rules.residents.acting`.
    """
    whom, today = resident_for(work, resident_id), local_day(work.now)
    until = last_day or today
    if until > today or (first_day is not None and first_day > until):
        raise PeriodInvalid
    name = work.core.scalar(_name, {"town": work.town_id, "resident": whom})
    if not name:
        raise CertificateNameless
    minutes = minutes_between(work, whom, first_day or _FIRST_DAY, until)
    if minutes.total == 0:
        raise CertificateEmpty
    stars = [rung.level_title for rung in read_stars(work, whom) if rung.level_title]
    certificate_id = work.new_id()
    row: dict[str, Any] = {
        "town_id": work.town_id,
        "id": certificate_id,
        "resident_id": whom,
        "code": "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)),
        "first_day": first_day,
        "last_day": until,
        "signed_minutes": minutes.signed,
        "staff_minutes": minutes.staff,
        "imported_minutes": minutes.imported,
        "star": stars[0] if stars else None,
        "issued_at": work.now,
    }
    sealed = keys.seal(name, name_context(work.town_id, certificate_id))
    row |= {"content_hash": _hash_of(keys, row, name), "name_sealed": sealed}
    work.core.execute(_issue, row)
    return show_certificate(work, keys, certificate_id)


def show_certificate(work: Work, keys: Keys, certificate_id: int) -> CertificateView:
    """A certificate of the actor, or of somebody they act for. Raises CertificateUnknown."""
    row = work.core.execute(_one, {"town": work.town_id, "certificate": certificate_id}).first()
    if row is None:
        raise CertificateUnknown
    try:
        resident_for(work, row.resident_id)
    except NotTheirProxy:
        raise CertificateUnknown from None
    return _view(work, keys, row)


def list_certificates(
    work: Work, keys: Keys, resident_id: int | None, after: Position | None, limit: int
) -> Page[CertificateView]:
    """The certificates of the actor, or of somebody they act for, the latest first."""
    asked = {"town": work.town_id, "resident": resident_for(work, resident_id), "limit": limit + 1}
    before = ID_MAX if after is None else int(after[0])
    rows: Sequence[AnyRow] = work.core.execute(_of_resident, asked | {"before": before}).all()
    page = cut(rows, limit, lambda row: (row.id,))
    return Page([_view(work, keys, row) for row in page.items], page.next_after)


def verify_certificate(work: Work, keys: Keys, code: str) -> VerifiedView:
    """What whoever holds a certificate may see. Raises CertificateUnknown."""
    row = _find(work, code)
    view = _view(work, keys, row)
    now = minutes_between(work, row.resident_id, row.first_day or _FIRST_DAY, row.last_day)
    certified = view.minutes.by_provenance()
    return VerifiedView(
        code=view.code,
        town_name=view.town_name,
        name=masked(view.name),
        first_day=view.first_day,
        last_day=view.last_day,
        minutes=view.minutes,
        star=view.star,
        issued_at=view.issued_at,
        status=view.status,
        withdrawn_at=row.withdrawn_at,
        lowered_since=any(minutes < certified[provenance] for provenance, minutes in now.by_provenance().items()),
    )


def withdraw_certificate(work: Work, keys: Keys, code: str, reason: str) -> VerifiedView:
    """Declare a certificate withdrawn, for whoever verifies it from now on.

    Raises CertificateUnknown, Forbidden (no manager where the resident lives), CertificateWithdrawn.
    """
    row = _find(work, code)
    path = work.core.scalar(_place, {"town": work.town_id, "resident": row.resident_id})
    require_role_over(work, Role.MANAGER, path)
    said = {"town": work.town_id, "certificate": row.id, "now": work.now, "actor": work.actor.id, "why": reason}
    if work.core.scalar(_withdraw, said) is None:
        raise CertificateWithdrawn
    return verify_certificate(work, keys, code)


def in_groups(code: str) -> str:
    """A code as it is printed: 7K3M-Q2ZD-…"""
    return "-".join(code[start : start + GROUP_LENGTH] for start in range(0, len(code), GROUP_LENGTH))


def _find(work: Work, code: str) -> AnyRow:
    """By the code as somebody typed it: in any case, with or without dashes, with the usual misreadings."""
    meant = code.upper().translate(_MISREAD)
    row = work.core.execute(_by_code, {"town": work.town_id, "of_code": meant}).first() if meant.isalnum() else None
    if row is None:
        raise CertificateUnknown
    return row


def _view(work: Work, keys: Keys, row: AnyRow) -> CertificateView:
    name = keys.open(row.name_sealed, name_context(work.town_id, row.id))
    is_as_issued = row.content_hash == _hash_of(keys, {"town_id": work.town_id, **row._mapping}, name)
    status = CertificateStatus.VALID if is_as_issued else CertificateStatus.ALTERED
    return CertificateView(
        id=row.id,
        resident_id=row.resident_id,
        town_name=row.town_name,
        town_code=row.town_code,
        name=name,
        code=in_groups(row.code),
        first_day=row.first_day,
        last_day=row.last_day,
        minutes=Minutes(row.signed_minutes, row.staff_minutes, row.imported_minutes),
        star=row.star,
        issued_at=row.issued_at,
        status=status if row.withdrawn_at is None else CertificateStatus.WITHDRAWN,
        withdrawal_reason=row.withdrawal_reason,
        content_hash=row.content_hash,
    )


_HASHED = (
    "town_id",
    "code",
    "resident_id",
    "first_day",
    "last_day",
    "signed_minutes",
    "staff_minutes",
    "imported_minutes",
    "star",
)


def _hash_of(keys: Keys, row: dict[str, Any], name: str) -> bytes:
    """The keyed hash of everything that is printed: who changes a row in the database can't make a fitting one."""
    printed = [*(row[each] for each in _HASHED), microseconds(row["issued_at"]), name]
    return keys.index_of(orjson.dumps(printed).decode())


def name_context(town_id: int, certificate_id: int) -> str:
    """Where a sealed name belongs; it can't be opened in another row."""
    return f"certificate.name:{town_id}:{certificate_id}"
