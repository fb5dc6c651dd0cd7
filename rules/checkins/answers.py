"""What the door decided, and how it is told and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.checkins import Conflict, Direction, RefusalReason, ScanResult
from rules.checkins.express import Booking
from rules.checkins.visits import Stay
from rules.residents.names import greeting


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    """What a device is told; `answer` is what is kept in the log."""

    answer: dict[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What the door decided: `reason` is None for who is let in, or out."""

    reason: RefusalReason | None
    resident_id: int | None = None
    resident_name: str | None = None
    reservation_id: int | None = None
    party_size: int | None = None
    awarded: int = 0
    balance: int | None = None  #: None where no points are at stake
    explanation: str | None = None
    stay: Stay | None = None  #: the visit that the scan began, ended or fell into
    conflict: Conflict | None = None
    is_evidence: bool = False  #: says who was there, let in or not
    overridden: bool = False
    booking: Booking | None = None  #: what is still to be written, together with the log


def answer_of(decision: Decision, direction: Direction = Direction.IN) -> dict[str, Any]:
    """What is told and kept."""
    return {
        "direction": direction,
        "result": ScanResult.REFUSED if decision.reason else ScanResult.ADMITTED,
        "reason": decision.reason,
        "conflict": decision.conflict,
        "resident": _resident_of(decision),
        "points": None
        if decision.reason or decision.balance is None
        else {"awarded": decision.awarded, "balance": decision.balance, "explanation": decision.explanation},
        "visit": decision.stay and visit_of(decision.stay),
    }


def visit_of(stay: Stay) -> dict[str, Any]:
    """A visit as it is told and kept."""
    return {
        "entered_at": stay.entered_at.isoformat(),
        "left_at": stay.left_at.isoformat() if stay.left_at is not None else None,
        "minutes": stay.minutes,
    }


def _resident_of(decision: Decision) -> dict[str, Any] | None:
    """Whom the staff let in: enough to greet and to count heads, not more."""
    if decision.resident_id is None:
        return None
    name = greeting(decision.resident_name or "", decision.resident_id)
    return {"name": name, "party_size": decision.party_size}
