"""What residents are told of their repairs and complaints, and staff of what waits for them, by the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rules.outbox import Message, put
from rules.rows import AnyRow
from rules.work import Work

SUBMITTED = "repair.submitted"  #: to staff
LATE = "repair.late"  #: to staff
ASSIGNED = "repair.assigned"
VISIT = "repair.visit"
DONE = "repair.done"
REJECTED = "repair.rejected"
OVERDUE = "repair.overdue"
CONFIRM_SOON = "repair.confirm_soon"
AUTO_CONFIRMED = "repair.auto_confirmed"
ANSWERED = "complaint.answered"
COMPLAINT_OVERDUE = "complaint.overdue"


def tell(work: Work, topic: str, repairs: Iterable[AnyRow], *, at: datetime | None = None, note: str = "") -> None:
    """Put a message for each repair into the outbox, one for each step of it.

    `repairs`: id, resident_id, category_name, revision, due_at. `at`: of the visit. `note`: in words, where staff wrote
    some.
    """
    put(work, [_message(topic, each, at, note) for each in repairs])


def tell_staff(work: Work, topic: str, repairs: Iterable[AnyRow]) -> None:
    """Put a message for the staff of each repair's estate into the outbox; it names no person.

    `repairs`: id, category_name, place, revision, due_at, path (of the estate).
    """
    put(work, [Message(topic, f"{each.id}:{each.revision}", _to_staff(each)) for each in repairs])


def _to_staff(repair: AnyRow) -> dict[str, str]:
    return {
        "repair_id": str(repair.id),
        "path": repair.path,
        "category": repair.category_name,
        "place": repair.place.value,
        "due_at": repair.due_at.isoformat(),
    }


def _message(topic: str, repair: AnyRow, at: datetime | None, note: str) -> Message:
    payload = {
        "repair_id": str(repair.id),
        "resident_id": str(repair.resident_id),
        "category": repair.category_name,
        "due_at": repair.due_at.isoformat() if repair.due_at else "",
        "visit_at": at.isoformat() if at else "",
        "note": note,
    }
    return Message(topic, f"{repair.id}:{repair.revision}", payload)


def tell_of_complaint(work: Work, topic: str, complaints: Iterable[AnyRow]) -> None:
    """Put a message for each complaint into the outbox. `complaints`: id, resident_id."""
    put(
        work,
        [
            Message(topic, str(each.id), {"complaint_id": str(each.id), "resident_id": str(each.resident_id)})
            for each in complaints
        ],
    )
