"""A scan that was wrong: undone by who made it, within a quarter of an hour.

The scan stays in the log, and an entry beside it says that it counts no more. The visits are folded anew without it. When no
other scan says that the resident came, the reservation is to be used again and the points of the check-in are taken back; if
they are spent, nothing is undone. Undone twice is undone once, with the same answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from models.activities import Activity, Session
from models.checkins import IS_EVIDENCE, Direction, Scan, ScannerKind, ScanUndo
from models.reservations import ReservationStatus
from models.residents import Resident, Role
from models.territory import Territory
from rules.checkins.answers import visit_of
from rules.checkins.deciding import SOURCE, ref_of
from rules.checkins.presence import ROOM_COLUMNS, lock_reservation, lock_resident, rewrite_visits, room_of
from rules.errors import Kind, RuleError
from rules.ledger.reading import read_spendable
from rules.ledger.spending import PointsInsufficient
from rules.points.voiding import next_ref, void_event
from rules.reservations.attending import undo_check_in
from rules.residents.identity import require_role
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.volunteering.hours import book_signed_hours
from rules.work import ActorKind, TryAgain, Work

UNDO_SECONDS = 900
NONCE = re.compile(r"[\x21-\x7e]{8,64}")
REASON = "撤销签到：{reason}"


class ScanUnknown(RuleError):
    code = "checkin.scan_unknown"
    kind = Kind.UNKNOWN
    zh = "您没有用这个编号（nonce）扫过码。只有扫码的人自己可以撤销。"
    en = "You made no scan with this nonce. Only who made a scan can undo it."


class TooLateToUndo(RuleError):
    code = "checkin.too_late_to_undo"
    kind = Kind.CONFLICT
    zh = "扫码超过 15 分钟，不能再撤销；请让工作人员更正。"
    en = "The scan was more than 15 minutes ago and can't be undone any more. Please ask the staff to correct it."


class NothingToUndo(RuleError):
    code = "checkin.nothing_to_undo"
    kind = Kind.CONFLICT
    zh = "这次扫码没有放行任何人，没有可撤销的内容。"
    en = "This scan let nobody in or out; there is nothing to undo."


class PointsSpent(RuleError):
    code = "checkin.points_spent"
    kind = Kind.CONFLICT
    zh = "这次签到所得的积分已被使用，不能撤销。"
    en = "The points of this check-in are spent, so it can't be undone."


@dataclass(frozen=True, slots=True)
class UndoAnswer:
    """What a device is told; `answer` is what is kept."""

    answer: dict[str, Any]
    replayed: bool


_scan = (
    select(
        Scan.id,
        Scan.session_id,
        Scan.resident_id,
        Scan.reservation_id,
        Scan.direction,
        Scan.is_evidence,
        Scan.received_at,
        Territory.path,
        Resident.name,
        *ROOM_COLUMNS,
    )
    .join(Session, and_(Session.town_id == Scan.town_id, Session.id == Scan.session_id))
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .outerjoin(Resident, and_(Resident.town_id == Scan.town_id, Resident.id == Scan.resident_id))
    .where(
        Scan.town_id == bindparam("town"),
        Scan.scanner_id == bindparam("scanner"),
        Scan.scanner_kind == bindparam("kind"),
        Scan.nonce == bindparam("nonce"),
    )
)
_kept = select(ScanUndo.answer).where(ScanUndo.town_id == bindparam("town"), ScanUndo.scan_id == bindparam("scan"))
_came = (
    select(Scan.id)
    .outerjoin(ScanUndo, and_(ScanUndo.town_id == Scan.town_id, ScanUndo.scan_id == Scan.id))
    .where(
        Scan.town_id == bindparam("town"),
        Scan.resident_id == bindparam("resident"),
        Scan.session_id == bindparam("session"),
        Scan.direction == Direction.IN,
        IS_EVIDENCE,
        Scan.id != bindparam("scan"),
        ScanUndo.scan_id.is_(None),
    )
    .limit(1)
)
_keep = insert(ScanUndo).on_conflict_do_nothing().returning(ScanUndo.scan_id)


def undo_scan(work: Work, nonce: str, reason: str) -> UndoAnswer:
    """Undo a scan that the actor made. `reason`: in words, may be empty.

    Raises ScanUnknown (also for other people's), Forbidden, NothingToUndo, TooLateToUndo, PointsSpent.
    """
    scan = _find_scan(work, nonce)
    if scan.resident_id is None:
        raise NothingToUndo
    lock_resident(work, scan.resident_id)
    kept = work.core.execute(_kept, {"town": work.town_id, "scan": scan.id}).first()
    if kept is not None:
        return UndoAnswer(dict(kept.answer), replayed=True)
    if not scan.is_evidence:
        raise NothingToUndo
    if work.now > scan.received_at + timedelta(seconds=UNDO_SECONDS):
        raise TooLateToUndo
    try:
        answer = _undo(work, scan, reason)
    except PointsInsufficient:
        raise PointsSpent from None
    return UndoAnswer(_keep_answer(work, scan, nonce, reason, answer), replayed=False)


def _find_scan(work: Work, nonce: str) -> AnyRow:
    """The actor's own scan. Raises ScanUnknown, Forbidden."""
    if not NONCE.fullmatch(nonce):
        raise ScanUnknown
    asked = {"scanner": work.actor.id, "kind": ScannerKind(work.actor.kind.value), "nonce": nonce}
    scan = work.core.execute(_scan, {"town": work.town_id, **asked}).first()
    if scan is None:
        raise ScanUnknown
    if work.actor.kind is ActorKind.STAFF:
        require_role(work, Role.SCANNER, scan.path)
    return scan


def _undo(work: Work, scan: AnyRow, reason: str) -> dict[str, Any]:
    """Undo what the scan did, but for the visits' own answer. Rows in the order of every scan."""
    is_last = scan.direction is Direction.IN and _nobody_else_saw_them_come(work, scan)
    is_used = is_last and lock_reservation(work, scan.reservation_id) is ReservationStatus.CHECKED_IN
    room = room_of(scan, scan.session_id)
    rewritten = rewrite_visits(work, scan.resident_id, room, undone=scan.id)
    taken_back = False
    if is_used:
        ref = next_ref(work, SOURCE, ref_of(scan.session_id, scan.resident_id))
        words = REASON.format(reason=reason) if reason else REASON.partition("：")[0]
        taken_back = void_event(work, SOURCE, ref, words)
        if not undo_check_in(work, scan.reservation_id):
            raise TryAgain
    book_signed_hours(work, rewritten.corrections)
    left = [stay for stay in rewritten.folded.stays if stay.session_id == scan.session_id]
    return {
        "direction": scan.direction,
        "resident": {"name": greeting(scan.name, scan.resident_id)},
        "points": {"taken_back": taken_back, "balance": read_spendable(work, scan.resident_id)},
        "visit": visit_of(left[-1]) if left else None,
    }


def _nobody_else_saw_them_come(work: Work, scan: AnyRow) -> bool:
    whose = {"resident": scan.resident_id, "session": scan.session_id, "scan": scan.id}
    return work.core.execute(_came, {"town": work.town_id, **whose}).first() is None


def _keep_answer(work: Work, scan: AnyRow, nonce: str, reason: str, answer: dict[str, Any]) -> dict[str, Any]:
    told = {"nonce": nonce, "undone_at": work.now.isoformat(), **answer}
    row = {
        "town_id": work.town_id,
        "scan_id": scan.id,
        "undone_by_kind": ScannerKind(work.actor.kind.value),
        "undone_by_id": work.actor.id,
        "undone_at": work.now,
        "reason": reason,
        "answer": told,
    }
    if work.core.execute(_keep, row).first() is None:
        raise TryAgain
    return told
