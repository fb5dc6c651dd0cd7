"""The log of the past scans, admissions and refusals in order of time, with the answers that the device was given."""

from __future__ import annotations

from datetime import datetime

from demo.history import Booking, History, Refusal
from demo.making import RisingIds, Row, Rows
from demo.points import Paid
from models.checkins import Direction, Scan, ScanResult
from rules.checkins.scans import Decision, ScanRequest, answer_of


def make_scans(town_id: int, scanner_id: int, history: History, paid: dict[int, Paid]) -> Rows:
    """One row for each scan. `paid` says what each used reservation earned."""
    scans = [
        (each.at, each.booking.session.id, _admission(each.booking, paid[each.booking.id])) for each in history.checkins
    ]
    scans += [(each.at, each.session.id, _refusal(each)) for each in history.refusals]
    ids = RisingIds()
    rows = []
    for at, session_id, decision in sorted(scans, key=lambda scan: scan[:2]):
        row = {"town_id": town_id, "id": ids.at(at), "scanner_id": scanner_id, **_columns(at, session_id, decision)}
        rows.append({**row, "nonce": f"demo-{row['id']}"})
    return {Scan: rows}


def _admission(booking: Booking, paid: Paid) -> Decision:
    return Decision(
        reason=None,
        resident_id=booking.neighbour.id,
        resident_name=booking.neighbour.name,
        reservation_id=booking.id,
        party_size=booking.party_size,
        awarded=paid.awarded,
        balance=paid.balance,
        explanation=paid.explanation,
    )


def _refusal(refusal: Refusal) -> Decision:
    neighbour, booking = refusal.neighbour, refusal.booking
    return Decision(
        reason=refusal.reason,
        resident_id=neighbour.id if neighbour else None,
        resident_name=neighbour.name if neighbour else None,
        reservation_id=booking.id if booking else None,
        party_size=booking.party_size if booking else None,
    )


def _columns(at: datetime, session_id: int, decision: Decision) -> Row:
    # The codes of then are gone; what stands for one here is told from every other just as well.
    request = ScanRequest(f"demo:{decision.resident_id}:{at.isoformat()}", session_id, Direction.IN, nonce="")
    return {
        "content_hash": request.content_hash(),
        "session_id": session_id,
        "resident_id": decision.resident_id,
        "reservation_id": decision.reservation_id,
        "direction": request.direction,
        "result": ScanResult.REFUSED if decision.reason else ScanResult.ADMITTED,
        "reason": decision.reason,
        "answer": answer_of(decision),
        "scanned_at": at,
        "received_at": at,
    }
