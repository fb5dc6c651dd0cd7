"""The scan at the door.

A scan is answered once. The answer, refusals included, stands in an append-only log under (scanner, nonce), so a device
that lost the answer asks again and gets the same one. Everything that a scan does (the reservation used, the event, the
points, the log entry) is one transaction; rows are locked in the order reservation, ledger, log. Two scans of one nonce
meet at the log's unique key: one commits, the other is undone, tried anew and finds the answer.

A scan pays once, ever: the reservation can be used once (guarded UPDATE), a session has one entry per resident (partial
unique index), and the event that earns the points is unique by session and resident.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import and_, bindparam, case, select, update
from sqlalchemy.dialects.postgresql import insert

from models.activities import Activity, Session, SessionStatus
from models.checkins import Direction, RefusalReason, Scan, ScanResult
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident, ResidentStatus, Role
from models.territory import Territory
from rules.checkins.codes import CodeExpired, CodeUnknown, read_code
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.ledger.reading import read_spendable
from rules.points.events import Occurrence, book_event, judge_event
from rules.reservations import SessionUnknown
from rules.residents.identity import require_role
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.rulebook.decision import Happening
from rules.work import TryAgain, Work

#: How far a device's clock may be from ours in a scan that is sent at once.
CLOCK_SKEW = timedelta(minutes=5)
SOURCE = "checkin"


class NonceReused(RuleError):
    code = "checkin.nonce_reused"
    kind = Kind.CONFLICT
    zh = "这个扫码编号（nonce）已用于另一次扫码，请换一个。"
    en = "This nonce was already used for a different scan. Use a new one."


class ClockSkewed(RuleError):
    code = "checkin.clock_skewed"
    kind = Kind.INVALID
    zh = "扫码时间与服务器时间相差超过 5 分钟，请校准设备时间。"
    en = "The scan's time is more than 5 minutes from the server's. Please set the device's clock."


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What a device sends."""

    code: str
    session_id: int
    direction: Direction
    nonce: str
    scanned_at: datetime | None = None

    def content_hash(self) -> bytes:
        """What makes two scans the same scan. The time isn't part of it: a device may send again a moment later."""
        return hashlib.sha256(orjson.dumps([self.code, self.session_id, self.direction])).digest()


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    """What a device is told; `answer` is what is kept in the log."""

    answer: dict[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What the door decided: `reason` is None for who is admitted."""

    reason: RefusalReason | None
    resident_id: int | None = None
    resident_name: str | None = None
    reservation_id: int | None = None
    party_size: int | None = None
    awarded: int = 0
    balance: int | None = None
    explanation: str | None = None


_answered = select(Scan.content_hash, Scan.answer).where(
    Scan.town_id == bindparam("town"), Scan.scanner_id == bindparam("scanner"), Scan.nonce == bindparam("nonce")
)
_door = (
    select(
        Session.id,
        Session.status,
        Session.starts_at,
        Session.ends_at,
        Session.checkin_opens_at,
        Activity.title,
        Activity.scene,
        Activity.category,
        Activity.volunteers_only,
        Activity.community_id,
        Activity.operator_id,
        Territory.path.label("community_path"),
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)
#: The resident with the reservation of this session that counts most: a live one before a cancelled one.
_resident = (
    select(
        Resident.id,
        Resident.name,
        Resident.status,
        Reservation.id.label("reservation_id"),
        Reservation.status.label("reservation_status"),
        Reservation.party_size,
    )
    .outerjoin(
        Reservation,
        and_(
            Reservation.town_id == Resident.town_id,
            Reservation.resident_id == Resident.id,
            Reservation.session_id == bindparam("session"),
        ),
    )
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
    .order_by(case((Reservation.status == ReservationStatus.CANCELLED, 1), else_=0), Reservation.id.desc())
    .limit(1)
)
#: A reservation of the resident for another session that is on at the same time.
_elsewhere = (
    select(Reservation.id)
    .join(Session, and_(Session.town_id == Reservation.town_id, Session.id == Reservation.session_id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.resident_id == bindparam("resident"),
        Reservation.status == ReservationStatus.CONFIRMED,
        Session.checkin_opens_at <= bindparam("now"),
        Session.ends_at > bindparam("now"),
    )
    .limit(1)
)
use_reservation = (
    update(Reservation)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.id == bindparam("reservation"),
        Reservation.status == ReservationStatus.CONFIRMED,
    )
    .values(status=ReservationStatus.CHECKED_IN, checked_in_at=bindparam("now"))
    .returning(Reservation.id)
    .execution_options(synchronize_session=False)
)
_log = insert(Scan).on_conflict_do_nothing(index_elements=["town_id", "scanner_id", "nonce"]).returning(Scan.id)


def scan(work: Work, keys: Keys, request: ScanRequest) -> ScanAnswer:
    """Answer a scan by the actor, who is staff.

    Raises SessionUnknown, Forbidden (no scanner's role where the session is), NonceReused, ClockSkewed. Everything else
    that may be wrong is an answer: `refused` with a reason.
    """
    door = work.db.execute(_door, {"town": work.town_id, "session": request.session_id}).first()
    if door is None:
        raise SessionUnknown
    require_role(work, Role.SCANNER, door.community_path)
    if (kept := _find_answer(work, request)) is not None:
        return ScanAnswer(kept, replayed=True)
    scanned_at = request.scanned_at or work.now
    if abs(scanned_at - work.now) > CLOCK_SKEW:
        raise ClockSkewed
    decision = _decide(work, keys, request, door)
    answer = answer_of(decision)
    entry = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "scanner_id": work.actor.id,
        "nonce": request.nonce,
        "content_hash": request.content_hash(),
        "session_id": request.session_id,
        "resident_id": decision.resident_id,
        "reservation_id": decision.reservation_id,
        "direction": request.direction,
        "result": ScanResult.REFUSED if decision.reason else ScanResult.ADMITTED,
        "reason": decision.reason,
        "answer": answer,
        "scanned_at": scanned_at,
        "received_at": work.now,
    }
    if work.db.scalar(_log, entry) is None:
        raise TryAgain
    return ScanAnswer(answer, replayed=False)


def _find_answer(work: Work, request: ScanRequest) -> dict[str, Any] | None:
    asked = {"town": work.town_id, "scanner": work.actor.id, "nonce": request.nonce}
    kept = work.db.execute(_answered, asked).first()
    if kept is None:
        return None
    if kept.content_hash != request.content_hash():
        raise NonceReused
    return dict(kept.answer)


def _decide(work: Work, keys: Keys, request: ScanRequest, door: AnyRow) -> Decision:
    try:
        bearer = read_code(keys, request.code, work.now)
    except CodeUnknown:
        return Decision(RefusalReason.UNKNOWN_CODE)
    except CodeExpired:
        return Decision(RefusalReason.EXPIRED_CODE)
    if bearer.town_id != work.town_id:
        return Decision(RefusalReason.UNKNOWN_CODE)
    asked = {"town": work.town_id, "session": request.session_id, "resident": bearer.resident_id}
    person = work.db.execute(_resident, asked).first()
    if person is None:
        return Decision(RefusalReason.UNKNOWN_CODE)
    if (reason := _refusal(work, person, door)) is not None:
        return Decision(reason, person.id, person.name, person.reservation_id, person.party_size)
    using = {"town": work.town_id, "reservation": person.reservation_id, "now": work.now}
    if work.db.execute(use_reservation, using).first() is None:  # used or cancelled between the look and now
        raise TryAgain
    return _admit(work, person, door)


def _refusal(work: Work, person: AnyRow, door: AnyRow) -> RefusalReason | None:
    if person.status is ResidentStatus.SUSPENDED:
        return RefusalReason.SUSPENDED
    if door.status is SessionStatus.CANCELLED:
        return RefusalReason.SESSION_CANCELLED
    if person.reservation_status is None:
        asked = {"town": work.town_id, "resident": person.id, "now": work.now}
        elsewhere = work.db.execute(_elsewhere, asked).first()
        return RefusalReason.WRONG_SESSION if elsewhere else RefusalReason.NOT_RESERVED
    if person.reservation_status is ReservationStatus.CANCELLED:
        return RefusalReason.CANCELLED
    if person.reservation_status is ReservationStatus.CHECKED_IN:
        return RefusalReason.ALREADY_IN
    if work.now < door.checkin_opens_at:
        return RefusalReason.TOO_EARLY
    return RefusalReason.TOO_LATE if work.now >= door.ends_at else None


def _admit(work: Work, person: AnyRow, door: AnyRow) -> Decision:
    awarded, balance, explanation = _award(work, person, door)
    return Decision(
        None, person.id, person.name, person.reservation_id, person.party_size, awarded, balance, explanation
    )


def _award(work: Work, person: AnyRow, door: AnyRow) -> tuple[int, int, str | None]:
    """What checking in leads to by the rulebook in force: the amount, what may be spent after it, the reason in words.

    An empty budget doesn't keep anyone out: the entry stands, the points are not paid, and the answer says so.
    """
    occurrence = Occurrence(
        source=SOURCE,
        ref=f"{door.id}:{person.id}",
        resident_id=person.id,
        happening=Happening(SOURCE, work.now, door.title, facts_of(door, person.party_size)),
        community_id=door.community_id,
        operator_id=door.operator_id,
        scene=door.scene,
        links={"session_id": str(door.id)},
    )
    judged = judge_event(work, occurrence)
    if judged is None:
        return 0, read_spendable(work, person.id), None
    outcome = book_event(work, occurrence, judged)
    return outcome.awarded, outcome.balance, outcome.explanation


def facts_of(door: AnyRow, party_size: int) -> dict[str, Any]:
    """What the rules may ask of a check-in: the activity's words, and how long the session is planned to last."""
    return {
        "scene": door.scene.value,
        "category": door.category,
        "volunteers_only": door.volunteers_only,
        "minutes": int((door.ends_at - door.starts_at).total_seconds()) // 60,
        "party_size": party_size,
        "provenance": "signed",
    }


def answer_of(decision: Decision) -> dict[str, Any]:
    """What is told and kept."""
    return {
        "result": ScanResult.REFUSED if decision.reason else ScanResult.ADMITTED,
        "reason": decision.reason,
        "resident": _resident_of(decision),
        "points": None
        if decision.reason
        else {"awarded": decision.awarded, "balance": decision.balance, "explanation": decision.explanation},
    }


def _resident_of(decision: Decision) -> dict[str, Any] | None:
    """Whom the staff let in: enough to greet and to count heads, not more."""
    if decision.resident_id is None:
        return None
    name = greeting(decision.resident_name or "", decision.resident_id)
    return {"name": name, "party_size": decision.party_size}
