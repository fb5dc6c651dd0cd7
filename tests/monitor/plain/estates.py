"""The measures of repairs and complaints once more: each repair is walked through, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from models.estates import Complaint, Repair, RepairEvent
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted
from tests.monitor.plain.times import Span

TABLES = (Repair, RepairEvent, Complaint)
AFTER = {
    "submitted": "submitted",
    "assigned": "assigned",
    "started": "in_progress",
    "done": "done",
    "confirmed": "confirmed",
    "confirmed_by_time": "confirmed",
    "reopened": "reopened",
    "cancelled": "cancelled",
    "rejected": "rejected",
}
OPEN = {"submitted", "assigned", "in_progress", "reopened"}


@dataclass
class Walk:
    """How far a repair is."""

    status: str = ""
    is_overdue: bool = False
    was_late: bool = False

    def step(self, event: RepairEvent) -> None:
        if event.deed.value == "overdue":
            self.is_overdue = True
        elif event.deed.value in AFTER:
            is_late = event.due_at is not None and event.due_at < event.at
            self.was_late |= is_late and event.deed.value in ("assigned", "started", "done")
            self.status, self.is_overdue = AFTER[event.deed.value], False


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Repairs, their events or complaints, one by one."""
    span = Span(begin, end, as_of)
    if measure.startswith("complaints."):
        return [each for complaint in rows[Complaint] for each in _of_complaint(complaint, measure, span)]
    counted = []
    for repair in rows[Repair]:
        walk = Walk()
        events = sorted((each for each in rows[RepairEvent] if each.repair_id == repair.id), key=lambda each: each.id)
        for event in events:
            if span.was(event.at):
                walk.step(event)
            if span.holds(event.at) and (amount := _of_event(event, walk, measure)):
                counted.append(_of(repair, local_day(event.at), amount))
        is_open = walk.status in OPEN
        if {"repairs.open": is_open, "repairs.overdue": is_open and walk.is_overdue}.get(measure):
            counted.append(_of(repair, span.last_day, 1))
    return counted


def _of(repair: Repair, day: date, amount: int) -> Counted:
    return Counted(day, repair.territory_id, None, None, repair.category, amount)


def _of_event(event: RepairEvent, walk: Walk, measure: str) -> int:
    deed = event.deed.value
    return {
        "repairs.opened": int(deed == "submitted"),
        "repairs.done": int(deed == "done"),
        "repairs.on_time": int(deed == "done" and not walk.was_late),
        "repairs.reopened": int(deed == "reopened"),
        "repairs.ratings": int(deed == "rated"),
        "repairs.stars": (event.stars or 0) if deed == "rated" else 0,
    }.get(measure, 0)


def _of_complaint(complaint: Complaint, measure: str, span: Span) -> list[Counted]:
    is_praise = complaint.kind.value == "praise"
    is_answer = measure in ("complaints.answered", "complaints.answered_on_time")
    at = complaint.answered_at if is_answer else complaint.made_at
    if at is None or not span.holds(at) or is_praise != (measure == "complaints.praise"):
        return []
    if measure == "complaints.answered_on_time" and at > complaint.due_at:
        return []
    return [Counted(local_day(at), complaint.estate_id, None, None, complaint.addressee, 1)]
