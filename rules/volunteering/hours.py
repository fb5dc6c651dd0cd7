"""Hours that were signed for: what the visits of a volunteer in a session add up to, as one record.

Whenever a visit ends, is undone or comes late from a device, the sum is settled anew. The record of before is voided, and
the new one is written beside it; so the book of hours and the points follow, and what was is still there to be read. The
event that the rulebook is told has the name of the check-in it follows from, "session:resident", and after a correction
"session:resident#2": whoever declares that visit void by its name finds both.

A check-out is never refused for the sake of hours. Where points that were paid for more hours are spent already, they stay,
the record is flagged, and nothing is paid anew.

Locks: the visit (which the caller holds) → the person's days → the records → event → standing → ledger. Where several
sessions are settled at once, all their days come first; and the book of hours comes after all that anybody pays in this
work, so it is booked in a second step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from models.activities import Activity, Session
from models.volunteering import LIVE, RECORD, Provenance, ServiceFlag, ServiceStatus
from rules.clock import local_day
from rules.rows import AnyRow
from rules.volunteering.counting import (
    Service,
    Told,
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


@dataclass(frozen=True, slots=True)
class _Sum:
    """What somebody's visits of a session add up to."""

    session: AnyRow
    ref: str
    minutes: int
    before: AnyRow | None  #: the live record

    @property
    def is_news(self) -> bool:
        day = local_day(self.session.starts_at)
        return (self.minutes, day) != ((self.before.minutes, self.before.served_on) if self.before else (0, day))

    @property
    def reason(self) -> str:
        return f"签到时长更正为 {spoken(self.minutes)}" if self.minutes else "签到记录已撤销"


@dataclass(frozen=True, slots=True)
class Correction:
    """A sum of which the rulebook was told, and the book of hours is to be."""

    sum: _Sum
    service: Service | None
    told: Told

    @property
    def session_id(self) -> int:
        session_id: int = self.sum.session.id
        return session_id


def tell_signed_hours(work: Work, resident_id: int, minutes_of: Mapping[int, int]) -> Sequence[Correction]:
    """Let the hours that a resident signed for in each session be these minutes, the sum of the visits; 0 withdraws them.

    Called whenever the visits change, by whoever has locked them, and followed by `book_signed_hours` when nothing more
    goes to the book of points in this work. Idempotent: the same sum again does nothing. What is returned is what changed,
    and what came of it in points.
    """
    assert all(minutes >= 0 for minutes in minutes_of.values()), "a visit ends after it begins"
    return [_correct(work, resident_id, each) for each in _lock_sums(work, resident_id, minutes_of) if each.is_news]


def book_signed_hours(work: Work, corrections: Iterable[Correction]) -> None:
    """Put the minutes of which the rulebook was told into the book of hours."""
    for correction in corrections:
        _book(work, correction)


def _lock_sums(work: Work, resident_id: int, minutes_of: Mapping[int, int]) -> list[_Sum]:
    """The sums with the live records of the sessions, under the lock of all days that they belong to, or did.

    The two differ when a session was moved.
    """
    asked = [{"town": work.town_id, "session": session_id} for session_id in sorted(minutes_of)]
    sessions = [work.core.execute(_session, each).one() for each in asked]
    seen = [_live_record(work, resident_id, session) for session in sessions]
    days = {local_day(session.starts_at) for session in sessions} | {record.served_on for record in seen if record}
    lock_days(work, {(resident_id, day) for day in days})
    sums = [
        _Sum(session, _ref(resident_id, session), minutes_of[session.id], _live_record(work, resident_id, session))
        for session in sessions
    ]
    if any(each.before is not None and each.before.served_on not in days for each in sums):
        raise TryAgain
    return sums


def _live_record(work: Work, resident_id: int, session: AnyRow) -> AnyRow | None:
    return work.core.execute(_signed, {"town": work.town_id, "ref": _ref(resident_id, session)}).first()


def _ref(resident_id: int, session: AnyRow) -> str:
    return f"{session.id}:{resident_id}"


def _correct(work: Work, resident_id: int, sum_: _Sum) -> Correction:
    """Void the record of before, write the new one, and tell the rulebook."""
    before = sum_.before
    if before is not None:
        if close_record(work, before.id, sum_.reason, by_staff=False) is None:
            raise TryAgain
        move_signed(work, resident_id, before.served_on, -before.minutes)
    service = _write_signed(work, sum_, resident_id) if sum_.minutes else None
    return Correction(sum_, service, retell(work, sum_.ref, service, sum_.reason))


def _book(work: Work, correction: Correction) -> None:
    """Put the minutes into the book of hours, and take those of before out of it."""
    before, service, told = correction.sum.before, correction.service, correction.told
    if before is not None:
        take_hours_back(work, before, correction.sum.reason)
    if service is not None:
        book_hours(work, [service], {service.id: told.event_id})
    if told.points_kept:
        _flag_kept(work, service, before)


def _write_signed(work: Work, sum_: _Sum, resident_id: int) -> Service:
    """Write the record down, as yet uncounted, and put its minutes into its day."""
    session, minutes = sum_.session, sum_.minutes
    service = Service(
        id=work.new_id(),
        resident_id=resident_id,
        provenance=Provenance.SIGNED,
        ref=sum_.ref,
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
        "source_ref": sum_.ref,
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
