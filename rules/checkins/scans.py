"""The scan at the door.

A scan is answered once. The answer, refusals included, stands in an append-only log under (scanner, nonce), so a device
that lost the answer asks again and gets the same one. Everything that a scan does (the reservation used, the visit, the
event, the points, the log entry) is one transaction. Two scans of one nonce meet at the log's unique key: one commits, the
other is undone, tried anew and finds the answer. Who is let in, and what it pays: rules.checkins.deciding.

A scan that is sent at once counts as of the moment in which it arrives; its own time is only kept beside it. A resident who
scans the code at the door is the scanner of that scan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import orjson
from sqlalchemy.dialects.postgresql import insert

from models.cards import Identification
from models.checkins import Direction, RefusalReason, Scan, ScannerKind, ScanResult
from models.residents import Role
from rules.checkins.answers import Decision, ScanAnswer, answer_of
from rules.checkins.deciding import (
    NO_SKEW,
    SOURCE,
    AskedPerson,
    Attempt,
    ask_door,
    ask_person,
    decide,
    facts_of,
    refuse,
)
from rules.checkins.door_codes import read_door_code
from rules.checkins.express import send_booking
from rules.checkins.identifying import (
    CardRevoked,
    CodeExpired,
    CodeUnknown,
    Identified,
    NobodyMatches,
    NotIdentified,
    Presented,
    SeveralMatch,
    identify,
)
from rules.checkins.visits import CLOCK_SKEW
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.reservations.refusals import SessionUnknown
from rules.residents.acting import resident_for
from rules.residents.identity import require_role
from rules.rows import AnyRow
from rules.sending import Reply
from rules.work import ActorKind, TryAgain, Work

__all__ = [
    "CLOCK_SKEW",
    "SOURCE",
    "ClockSkewed",
    "Decision",
    "DoorScan",
    "NonceReused",
    "ScanAnswer",
    "ScanRequest",
    "answer_of",
    "facts_of",
    "scan",
    "scan_at_door",
    "scan_stored",
]


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
    """What a device sends: a code, or a phone's tail with a name."""

    code: str | None
    session_id: int
    direction: Direction
    nonce: str
    scanned_at: datetime | None = None
    phone_tail: str | None = None
    name: str | None = None
    override: bool = False

    def content_hash(self) -> bytes:
        """What makes two scans the same scan. The time isn't part of it: a device may send again a moment later."""
        content: list[Any] = [self.code, self.session_id, self.direction]
        if self.code is None or self.override:
            content += [self.phone_tail, self.name, self.override]
        return hashlib.sha256(orjson.dumps(content)).digest()

    @property
    def method(self) -> Identification:
        """How somebody is to be known, before it is tried."""
        return Identification.CODE if self.code is not None else Identification.PHONE


@dataclass(frozen=True, slots=True)
class DoorScan:
    """What a resident's phone sends that scanned the code at the door; `resident_id`: for whom, if not for themselves."""

    door_code: str
    direction: Direction
    nonce: str
    resident_id: int | None = None

    def content_hash(self, resident_id: int) -> bytes:
        """What makes two of them the same."""
        return hashlib.sha256(orjson.dumps([self.door_code, resident_id, self.direction])).digest()


_log = insert(Scan).on_conflict_do_nothing(index_elements=["town_id", "scanner_id", "nonce"]).returning(Scan.id)
#: How somebody is known, and what was asked about them; or why nobody is known.
Seen: TypeAlias = tuple[Identification, AskedPerson | RefusalReason]
REASONS: dict[type[NotIdentified], RefusalReason] = {
    CodeUnknown: RefusalReason.UNKNOWN_CODE,
    CodeExpired: RefusalReason.EXPIRED_CODE,
    CardRevoked: RefusalReason.CARD_REVOKED,
    NobodyMatches: RefusalReason.NO_MATCH,
    SeveralMatch: RefusalReason.SEVERAL_MATCH,
}


def scan(work: Work, keys: Keys, request: ScanRequest) -> ScanAnswer:
    """Answer a scan by the actor, who is staff and has a network.

    Raises SessionUnknown, Forbidden (no scanner's role where the session is), NonceReused, ClockSkewed. Everything else
    that may be wrong is an answer: `refused` with a reason.
    """
    asked = ask_door(work, request.session_id, request.nonce)
    # Who holds up a code is known by it and asked for together with the door; a tail is looked up only where one may look.
    seen = None if request.code is None else _see(work, keys, request, work.now, NO_SKEW)
    door = _door_of_staff(work, asked)
    if (kept := _kept_answer(door, request.content_hash())) is not None:
        return kept
    scanned_at = request.scanned_at or work.now
    if abs(scanned_at - work.now) > CLOCK_SKEW:
        raise ClockSkewed
    seen = seen or _see(work, keys, request, work.now, NO_SKEW)
    return _answer_staff(work, door, _attempt(work, request, scanned_at, work.now), seen)


def scan_stored(
    work: Work, keys: Keys, request: ScanRequest, scanned_at: datetime, judge: Callable[[], datetime]
) -> ScanAnswer:
    """Answer a scan that the actor's device stored without a network.

    `judge` says when it happened, as far as we know, or refuses; it is only asked of a scan that is new. Raises
    SessionUnknown, Forbidden, NonceReused, what `judge` raises, and HoldLapsed.
    """
    door = _door_of_staff(work, ask_door(work, request.session_id, request.nonce))
    if (kept := _kept_answer(door, request.content_hash())) is not None:
        return kept
    attempt = _attempt(work, request, scanned_at, judge(), offline=True)
    return _answer_staff(work, door, attempt, _see(work, keys, request, attempt.at, attempt.skew))


def scan_at_door(work: Work, keys: Keys, request: DoorScan) -> ScanAnswer:
    """Answer a scan of the door's code by the actor, a resident, for themselves or for somebody whose proxy they are.

    Raises DoorCodeUnknown, ResidentUnknown, NotTheirProxy, SessionUnknown, NonceReused.
    """
    code = read_door_code(work, keys, request.door_code)
    resident_id = resident_for(work, request.resident_id)
    asked = ask_door(work, code.session_id, request.nonce)
    may_be_express = request.direction is Direction.IN
    person = ask_person(work, code.session_id, resident_id, may_be_express=may_be_express)
    if (door := asked.first()) is None:
        raise SessionUnknown
    content_hash = request.content_hash(resident_id)
    if (kept := _kept_answer(door, content_hash)) is not None:
        return kept
    attempt = Attempt(
        work.new_id(), request.direction, request.nonce, content_hash, Identification.DOOR, work.now, work.now
    )
    if not code.is_good_at(work.now):
        return _log_answer(work, door, attempt, refuse(attempt, RefusalReason.EXPIRED_CODE))
    return _log_answer(work, door, attempt, decide(work, door, attempt, person))


def _door_of_staff(work: Work, asked: Reply) -> AnyRow:
    """The session's door. Raises SessionUnknown, Forbidden."""
    door = asked.first()
    if door is None:
        raise SessionUnknown
    require_role(work, Role.SCANNER, door.community_path)
    return door


def _kept_answer(door: AnyRow, content_hash: bytes) -> ScanAnswer | None:
    if door.content_hash is None:
        return None
    if door.content_hash != content_hash:
        raise NonceReused
    return ScanAnswer(dict(door.answer), replayed=True)


def _see(work: Work, keys: Keys, request: ScanRequest, at: datetime, skew: timedelta) -> Seen:
    """Who is at the door at this moment. Nothing of it is told before the scanner's right is proved."""
    presented = Presented(request.code, request.phone_tail, request.name)
    try:
        who: Identified = identify(work, keys, presented, request.session_id, at, skew)
    except NotIdentified as why:
        return request.method, REASONS[type(why)]
    may_be_express = request.direction is Direction.IN and at == work.now
    return who.method, ask_person(work, request.session_id, who.resident_id, may_be_express=may_be_express)


def _attempt(work: Work, request: ScanRequest, scanned_at: datetime, at: datetime, *, offline: bool = False) -> Attempt:
    return Attempt(
        work.new_id(),
        request.direction,
        request.nonce,
        request.content_hash(),
        request.method,
        scanned_at,
        at,
        offline,
        request.override,
    )


def _answer_staff(work: Work, door: AnyRow, attempt: Attempt, seen: Seen) -> ScanAnswer:
    method, found = seen
    decision = refuse(attempt, found) if isinstance(found, RefusalReason) else decide(work, door, attempt, found)
    return _log_answer(work, door, attempt, decision, method)


def _log_answer(
    work: Work, door: AnyRow, attempt: Attempt, decision: Decision, method: Identification | None = None
) -> ScanAnswer:
    """Write the answer down, the last thing that a scan does."""
    answer = answer_of(decision, attempt.direction)
    by_resident = work.actor.kind is ActorKind.RESIDENT
    entry = {
        "town_id": work.town_id,
        "id": attempt.scan_id,
        "scanner_kind": ScannerKind.RESIDENT if by_resident else ScannerKind.STAFF,
        "scanner_id": work.actor.id,
        "nonce": attempt.nonce,
        "content_hash": attempt.content_hash,
        "session_id": door.id,
        "resident_id": decision.resident_id,
        "reservation_id": decision.reservation_id,
        "direction": attempt.direction,
        "method": method or attempt.method,
        "result": ScanResult.REFUSED if decision.reason else ScanResult.ADMITTED,
        "reason": decision.reason,
        "conflict": decision.conflict,
        "is_evidence": decision.is_evidence,
        "offline": attempt.offline,
        "overridden": decision.overridden,
        "answer": answer,
        "scanned_at": attempt.scanned_at,
        "occurred_at": attempt.at,
        "received_at": work.now,
    }
    if decision.booking is not None:
        send_booking(work, decision.booking, entry)
    elif work.send(_log, entry).first() is None:
        raise TryAgain
    return ScanAnswer(answer, replayed=False)
