"""The waiting list: who waits, in which order, and who is promoted.

Whatever frees places (a cancellation, an offer that lapsed, a larger capacity) promotes in its own transaction, with the
session locked: no place stays empty while somebody waits whom it fits. Who is passed over learns why: the reason is
written when places are given out, with how many were free. A promotion is an offer with a deadline, or, where the
organiser says that nobody need be asked, a place. It ends with the sign-up: nobody is promoted into a session that they
can't know of in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, exists, or_, select, update

from models.reservations import Reservation, ReservationStatus, WaitingReason
from models.residents import Resident, ResidentStatus
from models.rulebook import StandingSuspension
from rules.errors import RuleError
from rules.outbox import Message, put
from rules.reservations.eligibility import check_may_hold
from rules.reservations.places import is_on, move_counters
from rules.reservations.seating import Party, Seating, seat
from rules.rows import AnyRow
from rules.rulebook.booking import BOOKING
from rules.sets import is_id_in
from rules.work import Work

#: How long a place that costs points is offered, where the organiser sets no time: somebody has to agree to pay.
OFFER_MINUTES_DEFAULT = 120
OFFERED, PROMOTED = "reservation.offered", "reservation.promoted"

_of_session = (Reservation.town_id == bindparam("town"), Reservation.session_id == bindparam("session"))
_penalised = exists().where(
    StandingSuspension.town_id == Reservation.town_id,
    StandingSuspension.resident_id == Reservation.resident_id,
    StandingSuspension.what == BOOKING,
    StandingSuspension.until > bindparam("now"),
)
_waiting = (
    select(
        Reservation.id,
        Reservation.resident_id,
        Reservation.party_size,
        Reservation.price,
        or_(Resident.status != ResidentStatus.ACTIVE, _penalised).label("may_be_blocked"),
    )
    .join(Resident, and_(Resident.town_id == Reservation.town_id, Resident.id == Reservation.resident_id))
    .where(*_of_session, Reservation.status == ReservationStatus.WAITLISTED)
    .order_by(Reservation.priority, Reservation.rank)
)
_some = (Reservation.town_id == bindparam("town"), is_id_in(Reservation.id, "ids"))
_confirm = (
    update(Reservation)
    .where(*_some)
    .values(
        status=ReservationStatus.CONFIRMED,
        confirmed_at=bindparam("now"),
        cancellable_until=bindparam("until"),
        waiting_reason=None,
        waiting_free=None,
        versioned_at=bindparam("now"),
    )
    .execution_options(synchronize_session=False)
)
_offer = (
    update(Reservation)
    .where(*_some)
    .values(
        status=ReservationStatus.OFFERED,
        offer_expires_at=bindparam("until"),
        waiting_reason=None,
        waiting_free=None,
        versioned_at=bindparam("now"),
    )
    .execution_options(synchronize_session=False)
)
_explain = (
    update(Reservation)
    .where(
        *_some,
        or_(
            Reservation.waiting_reason.is_distinct_from(bindparam("reason")),
            Reservation.waiting_free != bindparam("free"),
        ),
    )
    .values(waiting_reason=bindparam("reason"), waiting_free=bindparam("free"))
    .execution_options(synchronize_session=False)
)


def promote(work: Work, session: AnyRow) -> list[int]:
    """Give the free places of a session, locked by the caller as it is now, to those who wait.

    Returns the reservations that were promoted.
    """
    if session.waiting == 0 or not is_promoting(session, work.now):
        return []
    asked = {"town": work.town_id, "session": session.id, "now": work.now}
    rows = work.core.execute(_waiting, asked).all()
    blocked = [Party(row.id, row.party_size) for row in rows if row.may_be_blocked and _is_blocked(work, row)]
    free = session.capacity + session.overbooking - session.taken
    seating = seat(free, [party for row in rows if (party := Party(row.id, row.party_size)) not in blocked])
    seating = replace(seating, waiting=(*seating.waiting, *((party, WaitingReason.SUSPENDED) for party in blocked)))
    seated = {party.id for party in seating.seated}
    give_seats(work, session, [row for row in rows if row.id in seated], from_waiting_list=True)
    explain(work, seating, max(free, 0))
    return sorted(seated)


def _is_blocked(work: Work, row: AnyRow) -> bool:
    """Whether this resident may not book for now; asked of those only of whom something is on record."""
    try:
        check_may_hold(work, row.resident_id)
    except RuleError:
        return True
    return False


def is_promoting(session: AnyRow, now: datetime) -> bool:
    """Whether places of a locked session still go to those who wait."""
    return is_on(session) and session.allocates_at is None and now < session.reservable_until


def give_seats(work: Work, session: AnyRow, rows: Sequence[AnyRow], *, from_waiting_list: bool) -> None:
    """Turn wishes into offers or places, and tell the people. `rows`: id, resident_id, party_size, price."""
    asked_first = [row for row in rows if session.offer_minutes > 0 or row.price > 0]
    given = [row for row in rows if session.offer_minutes == 0 and row.price == 0]
    if asked_first:
        until = offered_until(session, work.now)
        asked = {"now": work.now, "until": until}
        work.core.execute(_offer, {"town": work.town_id, "ids": [row.id for row in asked_first], **asked})
        _tell(work, OFFERED, session, asked_first, until)
    if given:
        # Nobody asked them, so they may give it back until it begins.
        asked = {"now": work.now, "until": session.starts_at}
        work.core.execute(_confirm, {"town": work.town_id, "ids": [row.id for row in given], **asked})
        _tell(work, PROMOTED, session, given, None)
    parties = -len(rows) if from_waiting_list else 0
    move_counters(work, session.id, places=sum(row.party_size for row in rows), parties=parties)


def offered_until(session: AnyRow, now: datetime) -> datetime:
    """Until when an offer holds: the organiser's time, and not beyond the sign-up."""
    minutes = session.offer_minutes or OFFER_MINUTES_DEFAULT
    closes: datetime = session.reservable_until
    return min(now + timedelta(minutes=minutes), closes)


def explain(work: Work, seating: Seating, free: int) -> None:
    """Write down why those who wait wait on, where that has changed. `free`: places that there were to give."""
    for reason in WaitingReason:
        ids = [party.id for party, why in seating.waiting if why is reason]
        if ids:
            work.core.execute(_explain, {"town": work.town_id, "ids": ids, "reason": reason, "free": free})


def _tell(work: Work, topic: str, session: AnyRow, rows: Sequence[AnyRow], until: datetime | None) -> None:
    put(
        work,
        [
            Message(
                topic,
                str(row.id),
                {
                    "resident_id": str(row.resident_id),
                    "reservation_id": str(row.id),
                    "session_id": str(session.id),
                    "until": until.isoformat() if until else None,
                },
            )
            for row in rows
        ],
    )
