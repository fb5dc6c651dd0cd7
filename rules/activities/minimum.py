"""The minimum to run: a session that too few people want is called off when its sign-up closes.

People are counted by places that somebody has confirmed; a place that is only offered isn't one. That is done once the
sign-up is over and before the session begins, one session a transaction. A session that was called off isn't looked at
again, so a second run does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Integer, and_, bindparam, cast, func, select

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.reservations import Reservation, ReservationStatus
from rules.activities.changing import call_off
from rules.reservations.places import lock_session
from rules.work import Work

_people = (
    select(cast(func.coalesce(func.sum(Reservation.party_size), 0), Integer))
    .where(
        Reservation.town_id == Session.town_id,
        Reservation.session_id == Session.id,
        Reservation.status.in_((ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN)),
    )
    .scalar_subquery()
)
_short = (
    select(Session.id, Session.capacity_min, _people.label("people"))
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .where(
        Session.town_id == bindparam("town"),
        Session.status == SessionStatus.SCHEDULED,
        Activity.status == ActivityStatus.PUBLISHED,
        Session.capacity_min > 0,
        Session.reservable_until <= bindparam("now"),
        Session.starts_at > bindparam("now"),
        _people < Session.capacity_min,
    )
    .order_by(Session.starts_at, Session.id)
)
_is_short = _short.where(Session.id == bindparam("session"))


def short_sessions(work: Work) -> Sequence[int]:
    """The sessions that won't take place for want of people."""
    return work.core.scalars(_short, {"town": work.town_id, "now": work.now}).all()


def call_off_if_short(work: Work, session_id: int) -> bool:
    """Call a session off if too few people want it, and tell them. False: there are enough, or it is off already."""
    lock_session(work, session_id)
    short = work.core.execute(_is_short, {"town": work.town_id, "now": work.now, "session": session_id}).first()
    if short is None:
        return False
    return call_off(work, session_id, f"报名人数不足：满 {short.capacity_min} 人成班，报名截止时有 {short.people} 人")
