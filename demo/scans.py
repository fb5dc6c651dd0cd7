"""The log of the past scans in order of time, with the answers that the device was given, and the visits they add up to.

Volunteers are scanned out, which signs for their hours; every other visit ended with its session, or when its resident went
into the next one.
"""

from __future__ import annotations

from datetime import datetime

from demo.history import Booking, Checkin, Checkout, History, Refusal
from demo.making import RisingIds, Row, Rows
from demo.points import Paid
from models.cards import Identification
from models.checkins import ClosedBy, Direction, RefusalReason, Scan, ScannerKind, ScanResult, Visit
from rules.checkins.scans import Decision, ScanRequest, answer_of
from rules.checkins.visits import Stay


def make_scans(town_id: int, scanner_id: int, history: History, paid: dict[tuple[str, int], Paid]) -> Rows:
    """One row for each scan and each visit. `paid` says what each check-in and each check-out earned."""
    scans = [
        *(
            (each.at, each.booking.session.id, Direction.IN, _entry(each, _paid(paid, each)))
            for each in history.checkins
        ),
        *(
            (each.at, each.booking.session.id, Direction.OUT, _exit(each, _paid(paid, each)))
            for each in history.checkouts
        ),
        *((each.at, each.session.id, Direction.IN, _refusal(each)) for each in history.refusals),
    ]
    ends_at = {each.booking.id: each.booking.session.ends_at for each in history.checkins}
    ids = RisingIds()
    rows: list[Row] = []
    visits: dict[int, Row] = {}  #: by reservation
    last: dict[int, Row] = {}  #: the last visit, by resident
    for at, session_id, direction, decision in sorted(scans, key=lambda scan: scan[:2]):
        columns = _columns(at, session_id, direction, decision)
        row = {"town_id": town_id, "id": ids.at(at), "scanner_id": scanner_id, **columns}
        rows.append({**row, "nonce": f"demo-{row['id']}"})
        if decision.reason is None and direction is Direction.IN:
            before = last.get(row["resident_id"])
            if before is not None and before["left_at"] > at:
                before |= {"left_at": at, "closed_by": ClosedBy.OTHER_ROOM, "exit_scan_id": row["id"]}
            visits[row["reservation_id"]] = last[row["resident_id"]] = _visit(row, ends_at[row["reservation_id"]])
        elif decision.reason is None:
            left = {"left_at": at, "closed_by": ClosedBy.SCAN, "exit_scan_id": row["id"]}
            visits[row["reservation_id"]] |= left
    return {Scan: rows, Visit: list(visits.values())}


def _paid(paid: dict[tuple[str, int], Paid], used: Checkin | Checkout) -> Paid:
    return paid[used.source, used.booking.id]


def _visit(scan: Row, ends_at: datetime) -> Row:
    """The visit that began with a scan, as it is when nobody sees its end."""
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
        "exit_scan_id": None,
    }


def _entry(checkin: Checkin, paid: Paid) -> Decision:
    booking = checkin.booking
    return _admission(booking, paid, Stay(booking.session.id, booking.id, checkin.at, entry_scan_id=0))


def _exit(checkout: Checkout, paid: Paid) -> Decision:
    booking = checkout.booking
    assert booking.checked_in_at is not None, "who goes out came in"
    stay = Stay(booking.session.id, booking.id, booking.checked_in_at, 0, checkout.at, ClosedBy.SCAN)
    return _admission(booking, paid, stay)


def _admission(booking: Booking, paid: Paid, stay: Stay) -> Decision:
    return Decision(
        reason=None,
        resident_id=booking.neighbour.id,
        resident_name=booking.neighbour.name,
        reservation_id=booking.id,
        party_size=booking.party_size,
        awarded=paid.awarded,
        balance=paid.balance,
        explanation=paid.explanation,
        stay=stay,
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


def _columns(at: datetime, session_id: int, direction: Direction, decision: Decision) -> Row:
    # The codes of then are gone; what stands for one here is told from every other just as well.
    request = ScanRequest(f"demo:{decision.resident_id}:{at.isoformat()}", session_id, direction, nonce="")
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
        "answer": answer_of(decision, direction),
        "scanned_at": at,
        "occurred_at": at,
        "received_at": at,
    }
