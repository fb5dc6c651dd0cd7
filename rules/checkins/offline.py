"""Doors without a network: the session's pack, and scans that are sent later.

A device takes the pack while it has a network: whom to expect, the public keys of the codes, the cards that are revoked. It
lets people in by it, stores each scan with its own time, and sends them when it can, in any order and as often as it needs:
each is answered once, by its nonce, in a transaction of its own.

When a scan happened is the device's time, corrected by how far its clock was off when it sent: a clock that is five minutes
fast now was so an hour ago. A difference of more than a day is no clock that is off but one that was never set, or a request
that lay somewhere; it corrects nothing. What is older than three days then, or lies in the future, isn't taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, select

from models.activities import Activity, Session, SessionStatus
from models.reservations import LIVE, Reservation, ReservationStatus
from models.residents import Resident, Role
from models.territory import Territory
from rules.checkins.answers import ScanAnswer
from rules.checkins.cards import revoked_cards_of
from rules.checkins.codes import CODE_SECONDS, GRACE_SECONDS
from rules.checkins.scans import ScanRequest, scan_stored
from rules.checkins.undoing import UNDO_SECONDS
from rules.checkins.visits import CLOCK_SKEW, CLOSES_AFTER, MARGIN
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.reservations.refusals import SessionUnknown
from rules.residents.identity import require_role
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.work import Work

#: How old a stored scan may be.
AGE_MAX = timedelta(hours=72)
#: A difference between two clocks that is a clock's fault.
CORRECTION_MAX = timedelta(hours=24)
BATCH_MAX = 500


class ScannedAtOutOfBounds(RuleError):
    code = "checkin.scanned_at_out_of_bounds"
    kind = Kind.INVALID
    zh = "扫码时间超出可补传范围：不能早于 72 小时前，也不能晚于现在。"
    en = "The scan's time is out of bounds: not more than 72 hours ago, and not in the future."


class ScannedAtMissing(RuleError):
    code = "checkin.scanned_at_missing"
    kind = Kind.INVALID
    zh = "补传的扫码须写明设备上的扫码时间（scanned_at）。"
    en = "A stored scan needs its time by the device's clock (scanned_at)."


@dataclass(frozen=True, slots=True)
class Expected:
    """A party on the roster."""

    resident_id: int
    name: str  #: masked
    phone_tail: str | None
    party_size: int
    status: ReservationStatus
    checked_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a device must know of how scans are judged."""

    code_seconds: int = CODE_SECONDS
    grace_seconds: int = GRACE_SECONDS
    skew_seconds: int = int(CLOCK_SKEW.total_seconds())
    age_hours_max: int = int(AGE_MAX.total_seconds()) // 3600
    undo_seconds: int = UNDO_SECONDS
    margin_minutes: int = int(MARGIN.total_seconds()) // 60
    batch_max: int = BATCH_MAX


@dataclass(frozen=True, slots=True)
class Pack:
    """All that a device needs at a session's door without a network."""

    session: AnyRow
    server_time: datetime
    valid_until: datetime  #: when to fetch the next one at the latest
    jwks: dict[str, Any]
    bounds: Bounds
    roster: Sequence[Expected]
    revoked_cards: Sequence[int]


_session = (
    select(
        Session.id,
        Session.status,
        Session.starts_at,
        Session.ends_at,
        Session.checkin_opens_at,
        Session.capacity,
        Session.taken,
        Activity.title,
        Activity.allows_reentry,
        Territory.path,
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)
_roster = (
    select(
        Resident.id,
        Resident.name,
        Resident.phone_tail,
        Reservation.party_size,
        Reservation.status,
        Reservation.checked_in_at,
    )
    .join(Resident, and_(Resident.town_id == Reservation.town_id, Resident.id == Reservation.resident_id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.session_id == bindparam("session"),
        Reservation.status.in_(LIVE),
    )
    .order_by(Reservation.id)
)


def make_pack(work: Work, keys: Keys, session_id: int) -> Pack:
    """A session's pack, for a scanner at its place. Raises SessionUnknown, Forbidden."""
    asked = {"town": work.town_id, "session": session_id}
    session = find_session(work, session_id)
    roster = [_expected(row) for row in work.core.execute(_roster, asked)]
    return Pack(
        session,
        work.now,
        session.ends_at + CLOSES_AFTER,
        keys.jwks(),
        Bounds(),
        roster if session.status is SessionStatus.SCHEDULED else [],
        revoked_cards_of(work, session_id),
    )


def find_session(work: Work, session_id: int) -> AnyRow:
    """A session with its place, for a scanner there. Raises SessionUnknown, Forbidden."""
    session = work.core.execute(_session, {"town": work.town_id, "session": session_id}).first()
    if session is None:
        raise SessionUnknown
    require_role(work, Role.SCANNER, session.path)
    return session


def upload_scan(work: Work, keys: Keys, request: ScanRequest, clock_off: timedelta) -> ScanAnswer:
    """Answer a scan that the actor's device stored.

    `clock_off`: by how much the server's clock was ahead of the device's when it sent. Raises SessionUnknown, Forbidden,
    NonceReused, ScannedAtMissing, ScannedAtOutOfBounds, HoldLapsed.
    """
    if request.scanned_at is None:
        raise ScannedAtMissing
    scanned_at = request.scanned_at
    return scan_stored(work, keys, request, scanned_at, lambda: corrected(scanned_at, clock_off, work.now))


def corrected(scanned_at: datetime, clock_off: timedelta, now: datetime) -> datetime:
    """When a stored scan happened, as far as we know. Raises ScannedAtOutOfBounds. Pure."""
    at = scanned_at + clock_off if abs(clock_off) <= CORRECTION_MAX else scanned_at
    if not now - AGE_MAX <= at <= now + CLOCK_SKEW:
        raise ScannedAtOutOfBounds
    return at


def _expected(row: AnyRow) -> Expected:
    return Expected(row.id, greeting(row.name, row.id), row.phone_tail, row.party_size, row.status, row.checked_in_at)
