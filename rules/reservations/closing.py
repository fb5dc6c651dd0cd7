"""Who didn't come: places released in time, sessions closed after their end.

A no-show is written down in a transaction of its own, with the event that the rulebook judges. Two runs meet at the
reservation's guarded UPDATE, and the event is unique, so each no-show counts once.

Where nobody at all was checked in, nobody was at the door: then no one is called a no-show by a job. Staff who were
there may say that the attendance is complete; then the job goes on. Until somebody does, such a session stays open for as
long as an upload may still prove that somebody came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Boolean, and_, bindparam, exists, or_, select, text, update
from sqlalchemy.orm import aliased

from models.activities import Session, SessionStatus
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from models.territory import Territory
from rules.outbox import Message, put
from rules.reservations.desk import NO_SHOW, forget_wishes, tell_rulebook
from rules.reservations.eligibility import wanted_of
from rules.reservations.holding import COLUMNS, read_reservation
from rules.reservations.paying import UPLOAD_DAYS
from rules.reservations.places import lock_session, move_counters
from rules.reservations.refusals import SessionNotOver
from rules.reservations.reserving import SOURCE
from rules.reservations.waiting import promote
from rules.residents.identity import require_role
from rules.rows import AnyRow
from rules.work import Work

TOLD = "reservation.no_show"
_WITHOUT_A_PLACE = (ReservationStatus.APPLIED, ReservationStatus.WAITLISTED)


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing a session found."""

    came: int
    no_shows: int
    waited: int  #: wishes that ended without a place


_IS_TO_COME = text("reservation.status = 'confirmed'")  # in words, so that the partial index is used
_came = aliased(Reservation)
_somebody_came = exists().where(
    _came.town_id == Reservation.town_id,
    _came.session_id == Reservation.session_id,
    _came.status == ReservationStatus.CHECKED_IN,
)
#: Places to be released, and those of sessions that are over, where somebody was at the door.
_missing = (
    select(Reservation.id)
    .join(Session, and_(Session.town_id == Reservation.town_id, Session.id == Reservation.session_id))
    .where(
        Reservation.town_id == bindparam("town"),
        _IS_TO_COME,
        or_(Reservation.release_at <= bindparam("now"), Session.ends_at <= bindparam("now")),
        Session.ends_at > bindparam("since"),
        Session.starts_at <= bindparam("now"),
        Session.status == SessionStatus.SCHEDULED,
        or_(_somebody_came, Session.attendance_complete_at.is_not(None)),
    )
    .order_by(Reservation.session_id, Reservation.id)
    .limit(bindparam("limit"))
)
_still_expected = exists().where(
    Reservation.town_id == Session.town_id,
    Reservation.session_id == Session.id,
    Reservation.status == ReservationStatus.CONFIRMED,
)
_over = (
    select(Session.id)
    .where(
        Session.town_id == bindparam("town"),
        Session.ends_at <= bindparam("now"),
        Session.ends_at > bindparam("since"),
        Session.status == SessionStatus.SCHEDULED,
        Session.closed_at.is_(None),
        or_(~_still_expected, Session.ends_at <= bindparam("waited_since")),
    )
    .order_by(Session.ends_at, Session.id)
    .limit(bindparam("limit"))
)
_mark = (
    update(Reservation)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.id == bindparam("reservation"),
        Reservation.status == ReservationStatus.CONFIRMED,
        or_(bindparam("is_over", type_=Boolean), Reservation.release_at <= bindparam("now")),
    )
    .values(status=ReservationStatus.NO_SHOW, no_show_at=bindparam("now"), versioned_at=bindparam("now"))
    .returning(*COLUMNS)
    .execution_options(synchronize_session=False)
)
_statuses = select(Reservation.id, Reservation.resident_id, Reservation.status, Reservation.party_size).where(
    Reservation.town_id == bindparam("town"), Reservation.session_id == bindparam("session")
)
_end_waiting = (
    update(Reservation)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.session_id == bindparam("session"),
        Reservation.status.in_((ReservationStatus.APPLIED, ReservationStatus.WAITLISTED, ReservationStatus.OFFERED)),
    )
    .values(status=ReservationStatus.LAPSED, versioned_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_close = (
    update(Session)
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"), Session.closed_at.is_(None))
    .values(closed_at=bindparam("now"), waiting=0)
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)
_complete = (
    update(Session)
    .where(
        Session.town_id == bindparam("town"),
        Session.id == bindparam("session"),
        Session.attendance_complete_at.is_(None),
    )
    .values(attendance_complete_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_community_path = select(Territory.path).where(
    Territory.town_id == bindparam("town"), Territory.id == bindparam("community")
)


def reservations_missing(work: Work, since: datetime, limit: int) -> Sequence[int]:
    """Reservations whose people should have come by now. `since`: sessions that ended before are left alone."""
    return work.core.scalars(_missing, {"town": work.town_id, "now": work.now, "since": since, "limit": limit}).all()


def sessions_over(work: Work, since: datetime, limit: int) -> Sequence[int]:
    """Sessions that are over and not closed yet. One at which nobody was checked in is left open for some days."""
    waited_since = work.now - timedelta(days=UPLOAD_DAYS)
    asked = {"town": work.town_id, "now": work.now, "since": since, "waited_since": waited_since, "limit": limit}
    return work.core.scalars(_over, asked).all()


def mark_no_show(work: Work, reservation_id: int) -> bool:
    """Somebody didn't come: the place is free, and the rulebook says what follows.

    False: they came, it was marked before, or the session was moved or called off meanwhile.
    """
    session = lock_session(work, read_reservation(work, reservation_id).session_id)
    if session.status is not SessionStatus.SCHEDULED or work.now < session.starts_at:
        return False
    asked = {"town": work.town_id, "reservation": reservation_id, "now": work.now}
    marked = work.core.execute(_mark, asked | {"is_over": session.ends_at <= work.now}).first()
    if marked is None:
        return False
    move_counters(work, session.id, places=-marked.party_size)
    promote(work, lock_session(work, session.id))
    told = {"resident_id": str(marked.resident_id), "reservation_id": str(marked.id)}
    put(work, [Message(TOLD, f"{marked.id}:{work.now.isoformat()}", told)])  # it may be missed again after a proof
    wanted = wanted_of(session, marked.resident_id, marked.party_size)
    tell_rulebook(work, NO_SHOW, SOURCE, f"{marked.id}:{NO_SHOW}", wanted)
    return True


def close_session(work: Work, session_id: int) -> Closed:
    """End a session that is over: who still waits has waited in vain. Raises SessionNotOver.

    No-shows are marked before. Closed twice is the same as once.
    """
    session = lock_session(work, session_id)
    if work.now < session.ends_at:
        raise SessionNotOver
    rows = work.core.execute(_statuses, {"town": work.town_id, "session": session_id}).all()
    if session.closed_at is None:
        offered = sum(row.party_size for row in rows if row.status is ReservationStatus.OFFERED)
        work.core.execute(_end_waiting, {"town": work.town_id, "session": session_id, "now": work.now})
        in_vain = {row.id: row.resident_id for row in rows if row.status in _WITHOUT_A_PLACE}
        forget_wishes(work, SOURCE, in_vain, "候补未成")
        move_counters(work, session_id, places=-offered)
        closed = work.core.execute(_close, {"town": work.town_id, "session": session_id, "now": work.now}).first()
        assert closed is not None, "the session is locked and open"
    return _count(rows)


def complete_attendance(work: Work, session_id: int) -> Closed:
    """Staff say that everybody who came was checked in, also if nobody came: the next run writes down who didn't.

    Returns what is known so far. Raises SessionUnknown, Forbidden, SessionNotOver.
    """
    session = lock_session(work, session_id)
    asked = {"town": work.town_id, "session": session_id}
    path = work.core.execute(_community_path, asked | {"community": session.community_id}).scalar_one()
    require_role(work, Role.ORGANISER, path)
    if work.now < session.ends_at:
        raise SessionNotOver
    work.core.execute(_complete, asked | {"now": work.now})
    return _count(work.core.execute(_statuses, asked).all())


def _count(rows: Sequence[AnyRow]) -> Closed:
    statuses = [row.status for row in rows]
    waited = (
        ReservationStatus.LAPSED,
        ReservationStatus.APPLIED,
        ReservationStatus.WAITLISTED,
        ReservationStatus.OFFERED,
    )
    return Closed(
        statuses.count(ReservationStatus.CHECKED_IN),
        statuses.count(ReservationStatus.NO_SHOW),
        sum(status in waited for status in statuses),
    )
