"""Hours that were signed for: what the visits of a volunteer in a session add up to, as one record.

Whenever a visit ends, is undone or comes late from a device, the sum is settled anew. The record of before is voided, and
the new one is written beside it; so the book of hours and the points follow, and what was is still there to be read. The
event that the rulebook is told has the name of the check-in it follows from, "session:resident", and after a correction
"session:resident#2": whoever declares that visit void by its name finds both.

A check-out is never refused for the sake of hours. Where points that were paid for more hours are spent already, they stay,
the record is flagged, and nothing is paid anew.

Locks: the visit (which the caller holds) → the person's days → the records → event → standing → ledger.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from models.activities import Activity, Session
from models.volunteering import LIVE, RECORD, Provenance, ServiceFlag, ServiceStatus
from rules.clock import local_day
from rules.points.events import Outcome
from rules.rows import AnyRow
from rules.volunteering.counting import (
    Service,
    book_hours,
    close_record,
    flag_record,
    retell,
    spoken,
    take_hours_back,
)
from rules.volunteering.days import lock_days, move_signed
from rules.work import TryAgain, Work

_session = (
    select(
        Session.id,
        Session.starts_at,
        Activity.title,
        Activity.category,
        Activity.scene,
        Activity.community_id,
        Activity.operator_id,
    )
    .join(Activity, (Activity.town_id == Session.town_id) & (Activity.id == Session.activity_id))
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)
_signed = select(RECORD.c.id, RECORD.c.minutes, RECORD.c.served_on, RECORD.c.txn_id, RECORD.c.flags).where(
    RECORD.c.town_id == bindparam("town"),
    RECORD.c.provenance == Provenance.SIGNED,
    RECORD.c.source_ref == bindparam("ref"),
    RECORD.c.status.in_(LIVE),
)
#: What a record says of itself in the words of `Service`.
COPIED = (
    "id",
    "resident_id",
    "provenance",
    "session_id",
    "minutes",
    "served_on",
    "recorded_at",
    "description",
    "category",
    "scene",
    "community_id",
    "operator_id",
)
_write = insert(RECORD).on_conflict_do_nothing().returning(RECORD.c.id)
_OVERLAPS = ServiceFlag.OVERLAPS_SIGNED.value
_flag_entries = (
    update(RECORD)
    .where(
        RECORD.c.town_id == bindparam("town"),
        RECORD.c.resident_id == bindparam("resident"),
        RECORD.c.served_on == bindparam("day"),
        RECORD.c.provenance != Provenance.SIGNED,
        RECORD.c.status.in_(LIVE),
        RECORD.c.flags.not_like(f"%{_OVERLAPS}%"),
    )
    .values(flags=func.trim(RECORD.c.flags + literal(f" {_OVERLAPS}")))
)


def settle_signed_hours(work: Work, resident_id: int, session_id: int, minutes: int) -> Outcome | None:
    """Let the hours that a resident signed for in a session be `minutes`, the sum of the visits; 0 withdraws them.

    Called whenever the visits change, by whoever has locked them. Idempotent: the same sum again does nothing. Returns what
    came of it in points, None when nothing was told to the rulebook.
    """
    assert minutes >= 0, "a visit ends after it begins"
    session = work.core.execute(_session, {"town": work.town_id, "session": session_id}).one()
    ref, day = f"{session_id}:{resident_id}", local_day(session.starts_at)
    before = _lock_signed(work, resident_id, ref, day)
    if (minutes, day) == ((before.minutes, before.served_on) if before else (0, day)):
        return None
    reason = f"签到时长更正为 {spoken(minutes)}" if minutes else "签到记录已撤销"
    if before is not None:
        if close_record(work, before.id, reason, by_staff=False) is None:
            raise TryAgain
        move_signed(work, resident_id, before.served_on, -before.minutes)
    service = _write_signed(work, session, resident_id, ref, minutes) if minutes else None
    told = retell(work, ref, service, reason)
    if before is not None:
        take_hours_back(work, before, reason)
    if service is not None:
        book_hours(work, [service], {service.id: told.event_id})
    if told.points_kept:
        _flag_kept(work, service, before)
    return told.outcome


def _lock_signed(work: Work, resident_id: int, ref: str, day: date) -> AnyRow | None:
    """The live record of a session's hours, under the lock of its day and of the day that they belong to now.

    The two differ when the session was moved.
    """
    asked = {"town": work.town_id, "ref": ref}
    seen = work.core.execute(_signed, asked).first()
    lock_days(work, {(resident_id, each) for each in (day, seen.served_on if seen else day)})
    before = work.core.execute(_signed, asked).first()
    if before is not None and before.served_on not in (day, seen.served_on if seen else day):
        raise TryAgain
    return before


def _write_signed(work: Work, session: AnyRow, resident_id: int, ref: str, minutes: int) -> Service:
    """Write the record down, as yet uncounted, and put its minutes into its day."""
    service = Service(
        id=work.new_id(),
        resident_id=resident_id,
        provenance=Provenance.SIGNED,
        ref=ref,
        minutes=minutes,
        served_on=local_day(session.starts_at),
        occurred_at=min(session.starts_at, work.now),
        recorded_at=work.now,
        description=session.title,
        category=session.category,
        scene=session.scene,
        community_id=session.community_id,
        operator_id=session.operator_id,
        session_id=session.id,
    )
    row = {
        "town_id": work.town_id,
        "source_ref": ref,
        "status": ServiceStatus.PENDING,
        "flags": "",
        "recorded_by": None,
        **{name: getattr(service, name) for name in COPIED},
    }
    if work.core.scalar(_write, row) is None:  # somebody else settles them at the same moment
        raise TryAgain
    move_signed(work, resident_id, service.served_on, minutes)
    work.core.execute(_flag_entries, {"town": work.town_id, "resident": resident_id, "day": service.served_on})
    return service


def _flag_kept(work: Work, service: Service | None, before: AnyRow | None) -> None:
    record_id = service.id if service is not None else before.id if before is not None else None
    assert record_id is not None, "something was written or voided"
    flag_record(work, record_id, ServiceFlag.POINTS_KEPT)
