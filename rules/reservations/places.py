"""The guard over a session's places.

Places are guarded by the database, not by a look first: one UPDATE takes them if they are there, its twin gives them back.
Every reservation that holds places got them here, and gives them back here once.
"""

from __future__ import annotations

from sqlalchemy import and_, bindparam, or_, select, update

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from rules.reservations.refusals import SessionUnknown
from rules.rows import AnyRow
from rules.work import Work

_this = (Session.town_id == bindparam("town"), Session.id == bindparam("session"))
_fits = Session.taken + bindparam("places") <= Session.capacity + Session.overbooking
_is_open = and_(
    Session.status == SessionStatus.SCHEDULED,
    or_(Session.reservable_from.is_(None), Session.reservable_from <= bindparam("now")),
    Session.reservable_until > bindparam("now"),
)
_take = (
    update(Session)
    .where(*_this, _is_open, Session.allocates_at.is_(None), _fits)
    .values(taken=Session.taken + bindparam("places"))
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)
_take_late = (
    update(Session)
    .where(*_this, Session.status == SessionStatus.SCHEDULED, _fits)
    .values(taken=Session.taken + bindparam("places"))
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)
_queue = (
    update(Session)
    .where(*_this, _is_open, Session.allocates_at.is_(None), Session.waiting < bindparam("waiting_max"))
    .values(waiting=Session.waiting + 1, tickets=Session.tickets + 1)
    .returning(Session.tickets)
    .execution_options(synchronize_session=False)
)
_draw_ticket = (
    update(Session)
    .where(*_this, Session.status == SessionStatus.SCHEDULED, Session.allocates_at > bindparam("now"))
    .values(tickets=Session.tickets + 1)
    .returning(Session.tickets)
    .execution_options(synchronize_session=False)
)
_move = (
    update(Session)
    .where(*_this)
    .values(taken=Session.taken + bindparam("places"), waiting=Session.waiting + bindparam("parties"))
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)
_read = (
    select(
        Session.id,
        Session.status,
        Session.starts_at,
        Session.ends_at,
        Session.reservable_until,
        Session.allocates_at,
        Session.closed_at,
        Session.capacity,
        Session.overbooking,
        Session.taken,
        Session.waiting,
        Activity.title,
        Activity.scene,
        Activity.category,
        Activity.volunteers_only,
        Activity.allocation,
        Activity.community_id,
        Activity.operator_id,
        Activity.price,
        Activity.waiting_max,
        Activity.offer_minutes,
        Activity.status.label("activity_status"),
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .where(*_this)
)
#: Rows that point here may be added meanwhile: a scan locks only its reservation.
_lock = _read.with_for_update(key_share=True, of=Session)


def take_places(work: Work, session_id: int, places: int) -> bool:
    """Take places of a session that is open for sign-up. False: it isn't, or they aren't there."""
    asked = {"town": work.town_id, "session": session_id, "places": places, "now": work.now}
    return work.send(_take, asked).first() is not None


def take_places_late(work: Work, session_id: int, places: int) -> bool:
    """Take places again for somebody who was there all along, whether sign-up is over or not."""
    asked = {"town": work.town_id, "session": session_id, "places": places}
    return work.send(_take_late, asked).first() is not None


def queue(work: Work, session_id: int, waiting_max: int) -> int | None:
    """Count one more party that waits, and return its ticket. None: sign-up isn't open, or as many wait already.

    Tickets are given by the session's row, since ids are made by clocks that may differ from server to server.
    """
    asked = {"town": work.town_id, "session": session_id, "waiting_max": waiting_max, "now": work.now}
    ticket: int | None = work.send(_queue, asked).scalar()
    return ticket


def take_ticket(work: Work, session_id: int) -> int | None:
    """A ticket of those who apply, with the session locked. None: nobody applies any more."""
    asked = {"town": work.town_id, "session": session_id, "now": work.now}
    ticket: int | None = work.send(_draw_ticket, asked).scalar()
    return ticket


def move_counters(work: Work, session_id: int, *, places: int = 0, parties: int = 0) -> None:
    """Add to what is taken and to who waits, below 0 to take away. The caller knows that it holds: it has the lock."""
    if places or parties:
        asked = {"town": work.town_id, "session": session_id, "places": places, "parties": parties}
        moved = work.send(_move, asked).first()
        assert moved is not None, "a session never goes away"


def lock_session(work: Work, session_id: int) -> AnyRow:
    """A session with what its activity says of places, locked until the work ends. Raises SessionUnknown."""
    session = work.send(_lock, {"town": work.town_id, "session": session_id}).first()
    if session is None:
        raise SessionUnknown
    return session


def read_session(work: Work, session_id: int) -> AnyRow:
    """The same, for those who change no places. Raises SessionUnknown."""
    session = work.send(_read, {"town": work.town_id, "session": session_id}).first()
    if session is None:
        raise SessionUnknown
    return session


def is_on(session: AnyRow) -> bool:
    """Whether a locked session takes place at all."""
    return session.status is SessionStatus.SCHEDULED and session.activity_status is ActivityStatus.PUBLISHED
