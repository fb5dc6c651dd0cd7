"""The log of the past scans in order of time, with the answers that the device was given, and the visits they add up to.

Nobody was scanned out: each visit ended with its session.
"""

from __future__ import annotations

from datetime import datetime

from demo.history import Checkin, History, Refusal
from demo.making import RisingIds, Row, Rows
from demo.points import Paid
from models.cards import Identification
from models.checkins import ClosedBy, Direction, RefusalReason, Scan, ScannerKind, ScanResult, Visit
from rules.checkins.scans import Decision, ScanRequest, answer_of
from rules.checkins.visits import Stay


def make_scans(town_id: int, scanner_id: int, history: History, paid: dict[int, Paid]) -> Rows:
    """One row for each scan and each visit. `paid` says what each used reservation earned."""
    scans = [(each.at, each.booking.session.id, _admission(each, paid[each.booking.id])) for each in history.checkins]
    scans += [(each.at, each.session.id, _refusal(each)) for each in history.refusals]
    ends_at = {each.booking.id: each.booking.session.ends_at for each in history.checkins}
    ids = RisingIds()
    rows, visits = [], []
    for at, session_id, decision in sorted(scans, key=lambda scan: scan[:2]):
        row = {"town_id": town_id, "id": ids.at(at), "scanner_id": scanner_id, **_columns(at, session_id, decision)}
        rows.append({**row, "nonce": f"demo-{row['id']}"})
        if decision.reason is None:
            visits.append(_visit(row, ends_at[decision.reservation_id]))
    return {Scan: rows, Visit: visits}


def _visit(scan: Row, ends_at: datetime) -> Row:
    """The visit that began with a scan."""
    return {
        "town_id": scan["town_id"],
        "id": scan["id"],
        "session_id": scan["session_id"],
        "resident_id": scan["resident_id"],
        "reservation_id": scan["reservation_id"],
        "entered_at": scan["occurred_at"],
        "left_at": ends_at,
        "closed_by": ClosedBy.SESSION_END,
        "entry_scan_id": scan["id"],
    }


def _admission(checkin: Checkin, paid: Paid) -> Decision:
    booking = checkin.booking
    return Decision(
        reason=None,
        resident_id=booking.neighbour.id,
        resident_name=booking.neighbour.name,
        reservation_id=booking.id,
        party_size=booking.party_size,
        awarded=paid.awarded,
        balance=paid.balance,
        explanation=paid.explanation,
        stay=Stay(booking.session.id, booking.id, checkin.at, entry_scan_id=0),
        is_evidence=True,
    )


def _refusal(refusal: Refusal) -> Decision:
    neighbour, booking = refusal.neighbour, refusal.booking
    return Decision(
        reason=refusal.reason,
        resident_id=neighbour.id if neighbour else None,
        resident_name=neighbour.name if neighbour else None,
        reservation_id=booking.id if booking else None,
        party_size=booking.party_size if booking else None,
        is_evidence=refusal.reason is RefusalReason.ALREADY_IN,
    )


def _columns(at: datetime, session_id: int, decision: Decision) -> Row:
    # The codes of then are gone; what stands for one here is told from every other just as well.
    request = ScanRequest(f"demo:{decision.resident_id}:{at.isoformat()}", session_id, Direction.IN, nonce="")
    return {
        "scanner_kind": ScannerKind.STAFF,
        "content_hash": request.content_hash(),
        "session_id": session_id,
        "resident_id": decision.resident_id,
        "reservation_id": decision.reservation_id,
        "direction": request.direction,
        "method": Identification.CODE,
        "result": ScanResult.REFUSED if decision.reason else ScanResult.ADMITTED,
        "reason": decision.reason,
        "is_evidence": decision.is_evidence,
        "offline": False,
        "overridden": False,
        "answer": answer_of(decision),
        "scanned_at": at,
        "occurred_at": at,
        "received_at": at,
    }
