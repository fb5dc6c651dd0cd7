"""How far beyond its capacity a session may go, by how many stayed away from the last ones.

Of those who reserve and don't come, each leaves an empty place that somebody who waited would have had. When a share r of
the places that were reserved stays empty, capacity / (1 - r) reservations fill the room on average, which is
capacity * r / (1 - r) beyond it. With c places used and m missed that is capacity * m / c, in whole numbers, rounded down:
when in doubt, nobody stands before a full room. The organiser says how far at most; without that word nothing is
overbooked. The last ten sessions that were closed count, and fewer than five tell too little.

The number follows the rate every night, up and down, but never below what is taken already: a place that was given is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, case, cast, func, select, update

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.reservations import Reservation, ReservationStatus
from rules.reservations.changes import capacity_raised
from rules.reservations.places import lock_session
from rules.work import Work

SESSIONS_LOOKED_AT = 10
SESSIONS_MIN = 5


@dataclass(frozen=True, slots=True)
class Attendance:
    """What came of the places of an activity's last closed sessions."""

    sessions: int
    used: int  #: places of those who came
    missed: int  #: places of those who neither came nor cancelled


def overbooking_of(capacity: int, overbooking_max: int, attendance: Attendance) -> int:
    """How many places beyond its capacity a session may give, at most `overbooking_max`. Pure."""
    if attendance.sessions < SESSIONS_MIN or attendance.missed == 0:
        return 0
    if attendance.used == 0:
        return overbooking_max
    return min(capacity * attendance.missed // attendance.used, overbooking_max)


_closed = (
    select(Session.town_id, Session.id)
    .where(
        Session.town_id == bindparam("town"),
        Session.activity_id == bindparam("activity"),
        Session.status == SessionStatus.SCHEDULED,
        Session.closed_at.is_not(None),
    )
    .order_by(Session.starts_at.desc(), Session.id.desc())
    .limit(SESSIONS_LOOKED_AT)
    .subquery()
)


def _places(status: ReservationStatus) -> ColumnElement[int]:
    places = case((Reservation.status == status, Reservation.party_size), else_=0)
    return cast(func.coalesce(func.sum(places), 0), BigInteger)


_attendance = (
    select(
        func.count(_closed.c.id.distinct()).label("sessions"),
        _places(ReservationStatus.CHECKED_IN).label("used"),
        _places(ReservationStatus.NO_SHOW).label("missed"),
    )
    .select_from(_closed)
    .outerjoin(Reservation, and_(Reservation.town_id == _closed.c.town_id, Reservation.session_id == _closed.c.id))
)
_to_come = (
    select(Session.id)
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .where(
        Session.town_id == bindparam("town"),
        Activity.status == ActivityStatus.PUBLISHED,
        Session.status == SessionStatus.SCHEDULED,
        Session.overbooking_max > 0,
        Session.reservable_until > bindparam("now"),
    )
    .order_by(Session.starts_at, Session.id)
)
_session = select(
    Session.activity_id, Session.capacity, Session.overbooking_max, Session.overbooking, Session.taken
).where(
    Session.town_id == bindparam("town"),
    Session.id == bindparam("session"),
    Session.reservable_until > bindparam("now"),
)
_set = (
    update(Session)
    .where(
        Session.town_id == bindparam("of_town"),
        Session.id == bindparam("of_session"),
        Session.taken <= Session.capacity + bindparam("places"),
    )
    .values(overbooking=bindparam("places"))
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)


def sessions_to_overbook(work: Work) -> Sequence[int]:
    """The sessions that can still be reserved and whose organiser lets us go beyond their capacity."""
    return work.core.scalars(_to_come, {"town": work.town_id, "now": work.now}).all()


def adapt_overbooking(work: Work, session_id: int) -> int:
    """Let a session go as far beyond its capacity as its activity's no-shows allow, and promote who waits.

    Returns by how many places that changed, below 0 for fewer.
    """
    lock_session(work, session_id)
    asked = {"town": work.town_id, "session": session_id, "now": work.now}
    session = work.core.execute(_session, asked).first()
    if session is None:
        return 0
    wanted = overbooking_of(session.capacity, session.overbooking_max, read_attendance(work, session.activity_id))
    places = min(max(wanted, session.taken - session.capacity, 0), session.overbooking_max)
    if places == session.overbooking:
        return 0
    changed = work.core.execute(_set, {"of_town": work.town_id, "of_session": session_id, "places": places}).first()
    assert changed is not None, "the session is locked"
    if places > session.overbooking:
        capacity_raised(work, session_id)
    return int(places - session.overbooking)


def read_attendance(work: Work, activity_id: int) -> Attendance:
    """What came of the places of an activity's last closed sessions."""
    row = work.core.execute(_attendance, {"town": work.town_id, "activity": activity_id}).one()
    return Attendance(row.sessions, row.used, row.missed)
