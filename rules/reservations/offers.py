"""Offers: a place that is held until its deadline for somebody who waited.

One guarded UPDATE decides between who takes it and the deadline. An offer that lapsed or was used never comes back: the
reservation has ended, and its place goes to the next in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from models.reservations import IS_OFFERED, Reservation, ReservationStatus
from models.residents import Role
from rules.clock import ZONE
from rules.outbox import Message, put
from rules.reservations.eligibility import check_may_hold
from rules.reservations.holding import COLUMNS, find_reservation, keep_hold, read_reservation
from rules.reservations.paying import hold_price
from rules.reservations.places import lock_session, move_counters, read_session
from rules.reservations.refusals import NoOffer, OfferLapsed
from rules.reservations.waiting import promote
from rules.rows import AnyRow
from rules.work import Work

LAPSED = "reservation.offer_lapsed"

_take = (
    update(Reservation)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.id == bindparam("reservation"),
        Reservation.status == ReservationStatus.OFFERED,
        Reservation.offer_expires_at > bindparam("now"),
    )
    .values(status=ReservationStatus.CONFIRMED, confirmed_at=bindparam("now"), versioned_at=bindparam("now"))
    .returning(*COLUMNS)
    .execution_options(synchronize_session=False)
)
_lapse = (
    update(Reservation)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.session_id == bindparam("session"),
        IS_OFFERED,
        Reservation.offer_expires_at <= bindparam("now"),
    )
    .values(status=ReservationStatus.LAPSED, versioned_at=bindparam("now"))
    .returning(Reservation.id, Reservation.resident_id, Reservation.party_size)
    .execution_options(synchronize_session=False)
)
_sessions = (
    select(Reservation.session_id)
    .where(Reservation.town_id == bindparam("town"), IS_OFFERED, Reservation.offer_expires_at <= bindparam("now"))
    .distinct()
    .order_by(Reservation.session_id)
    .limit(bindparam("limit"))
)


def confirm_offer(work: Work, reservation_id: int) -> AnyRow:
    """Take the place that is offered; what it costs is held now.

    Raises ReservationUnknown, NoOffer, OfferLapsed, PointsInsufficient, Suspended, BookingSuspended, BookingFrozen.
    """
    held = find_reservation(work, reservation_id, Role.ORGANISER, Role.SCANNER)
    check_may_hold(work, held.resident_id)
    taken = work.core.execute(_take, {"town": work.town_id, "reservation": reservation_id, "now": work.now}).first()
    if taken is None:
        raise _why_not(work, reservation_id)
    if held.price == 0:
        return taken
    session = read_session(work, held.session_id)
    hold_id = hold_price(work, held.id, held.resident_id, held.price, session)
    keep_hold(work, held.id, hold_id)
    return taken


def expire_offers(work: Work, session_id: int) -> int:
    """Let the offers of a session lapse whose time is over, and give their places to the next. Returns how many."""
    lock_session(work, session_id)
    lapsed = work.core.execute(_lapse, {"town": work.town_id, "session": session_id, "now": work.now}).all()
    if not lapsed:
        return 0
    move_counters(work, session_id, places=-sum(row.party_size for row in lapsed))
    told = {"session_id": str(session_id)}
    put(work, [Message(LAPSED, str(row.id), told | {"resident_id": str(row.resident_id)}) for row in lapsed])
    promote(work, lock_session(work, session_id))
    return len(lapsed)


def sessions_with_lapsed_offers(work: Work, limit: int) -> Sequence[int]:
    """Sessions in which an offer's time is over."""
    return work.core.scalars(_sessions, {"town": work.town_id, "now": work.now, "limit": limit}).all()


def _why_not(work: Work, reservation_id: int) -> NoOffer | OfferLapsed:
    now = read_reservation(work, reservation_id)
    was_offered = now.status in (ReservationStatus.OFFERED, ReservationStatus.LAPSED)
    if was_offered and now.offer_expires_at is not None:
        return OfferLapsed(until=now.offer_expires_at.astimezone(ZONE).strftime("%m-%d %H:%M"))
    return NoOffer()
