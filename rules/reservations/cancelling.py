"""Giving back: a place, an offer, a turn on the waiting list, a lot in a draw.

Only the transaction that turned a reservation from a state that holds places gives them back, so they are given back once,
and to whoever waits for them. A place can be given back until the deadline that was fixed when it was booked; who only
waits may leave at any time. Staff may cancel for a resident at any time before the session is closed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, update

from models.reservations import HOLDING, CancelledBy, Reservation, ReservationStatus
from models.residents import Role
from rules.clock import ZONE
from rules.reservations.desk import check_cancelling_quota, tell_rulebook
from rules.reservations.eligibility import wanted_of
from rules.reservations.holding import COLUMNS, find_reservation, lock_reservation
from rules.reservations.paying import give_price_back
from rules.reservations.places import lock_session, move_counters
from rules.reservations.refusals import ReservationOver, TooLateToCancel
from rules.reservations.reserving import SOURCE
from rules.reservations.waiting import promote
from rules.rows import AnyRow
from rules.rulebook.plan import CANCELLED
from rules.work import ActorKind, Work

CANCELLABLE = (
    ReservationStatus.APPLIED,
    ReservationStatus.WAITLISTED,
    ReservationStatus.OFFERED,
    ReservationStatus.CONFIRMED,
)
_cancel = (
    update(Reservation)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.id == bindparam("reservation"),
        Reservation.status == bindparam("as_it_was"),
    )
    .values(
        status=ReservationStatus.CANCELLED,
        cancelled_at=bindparam("now"),
        cancelled_by=bindparam("by"),
        versioned_at=bindparam("now"),
    )
    .returning(*COLUMNS)
    .execution_options(synchronize_session=False)
)


def cancel_reservation(work: Work, reservation_id: int) -> AnyRow:
    """Give back what the actor holds or waits for, or somebody for whom the actor may act.

    Raises ReservationUnknown (also for other people's), ReservationOver, TooLateToCancel, QuotaReached.
    """
    found = find_reservation(work, reservation_id, Role.ORGANISER, Role.SCANNER)
    session = lock_session(work, found.session_id)
    held = lock_reservation(work, reservation_id)  # as it is now that nobody else gives out this session's places
    if held.status not in CANCELLABLE or session.closed_at is not None:
        raise ReservationOver
    is_staff = work.actor.kind is ActorKind.STAFF
    if held.status is ReservationStatus.CONFIRMED and not is_staff:
        _check_deadline(held, session, work.now)
        check_cancelling_quota(work, wanted_of(session, held.resident_id, held.party_size))
    by = CancelledBy.STAFF if is_staff else CancelledBy.RESIDENT
    asked = {"town": work.town_id, "reservation": reservation_id, "as_it_was": held.status}
    cancelled = work.send(_cancel, asked | {"now": work.now, "by": by}).first()
    assert cancelled is not None, "it is locked as it was read"
    _free(work, session, held)
    if held.status is ReservationStatus.CONFIRMED and not is_staff:
        wanted = wanted_of(session, held.resident_id, held.party_size)
        tell_rulebook(work, CANCELLED, SOURCE, f"{held.id}:{CANCELLED}", wanted)
    if held.hold_txn_id is not None:
        give_price_back(work, held.hold_txn_id, session.title)
    return cancelled


def _free(work: Work, session: AnyRow, held: AnyRow) -> None:
    if held.status in HOLDING:
        move_counters(work, session.id, places=-held.party_size)
        promote(work, lock_session(work, session.id))
    elif held.status is ReservationStatus.WAITLISTED:
        move_counters(work, session.id, parties=-1)


def _check_deadline(held: AnyRow, session: AnyRow, now: datetime) -> None:
    until = held.cancellable_until or session.reservable_until
    if until <= now:
        raise TooLateToCancel(until=until.astimezone(ZONE).strftime("%m-%d %H:%M"))
