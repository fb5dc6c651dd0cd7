"""Finding a reservation that the actor may deal with: one's own, one's principal's, or as staff of the place."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, select, update

from models.activities import Activity, Session
from models.reservations import Reservation
from models.residents import Role
from models.territory import Territory
from rules.reservations.refusals import ReservationUnknown
from rules.residents.acting import NotTheirProxy, resident_for
from rules.rows import AnyRow
from rules.work import ActorKind, Work

COLUMNS = (
    Reservation.id,
    Reservation.session_id,
    Reservation.resident_id,
    Reservation.party_size,
    Reservation.status,
    Reservation.price,
    Reservation.hold_txn_id,
    Reservation.priority,
    Reservation.rank,
    Reservation.waiting_reason,
    Reservation.waiting_free,
    Reservation.reserved_at,
    Reservation.offer_expires_at,
    Reservation.confirmed_at,
    Reservation.cancellable_until,
    Reservation.cancelled_at,
    Reservation.checked_in_at,
    Reservation.no_show_at,
)
_one = select(*COLUMNS).where(Reservation.town_id == bindparam("town"), Reservation.id == bindparam("reservation"))
_lock = _one.with_for_update(key_share=True)
_keep_hold = (
    update(Reservation)
    .where(Reservation.town_id == bindparam("town"), Reservation.id == bindparam("reservation"))
    .values(hold_txn_id=bindparam("hold"))
    .execution_options(synchronize_session=False)
)
_of_staff = (
    _one.add_columns(Territory.path)
    .join(Session, and_(Session.town_id == Reservation.town_id, Session.id == Reservation.session_id))
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
)


def find_reservation(work: Work, reservation_id: int, *roles: Role) -> AnyRow:
    """A reservation of the actor's, or of somebody the actor may act for; for staff with one of `roles`, of their place.

    Raises ReservationUnknown, also for other people's.
    """
    asked = {"town": work.town_id, "reservation": reservation_id}
    if work.actor.kind is ActorKind.STAFF:
        found = work.send(_of_staff, asked).first()
        if found is None or not any(work.actor.may(role, found.path) for role in roles):
            raise ReservationUnknown
        return found
    found = read_reservation(work, reservation_id)
    try:
        resident_for(work, found.resident_id)
    except NotTheirProxy:
        raise ReservationUnknown from None
    return found


def read_reservation(work: Work, reservation_id: int) -> AnyRow:
    """A reservation, whosever it is: for rules that have proved the right already. Raises ReservationUnknown."""
    found = work.send(_one, {"town": work.town_id, "reservation": reservation_id}).first()
    if found is None:
        raise ReservationUnknown
    return found


def lock_reservation(work: Work, reservation_id: int) -> AnyRow:
    """A reservation that is there, locked until the work ends."""
    return work.send(_lock, {"town": work.town_id, "reservation": reservation_id}).one()


def keep_hold(work: Work, reservation_id: int, hold_id: int) -> None:
    """Write down which hold has the points of a reservation."""
    work.send(_keep_hold, {"town": work.town_id, "reservation": reservation_id, "hold": hold_id})
