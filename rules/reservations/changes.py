"""What an organiser's change of a session means for those who have places.

Everything here wants the session's row locked by the caller, who changed it in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select, update

from models.activities import Session
from models.reservations import HOLDING, IS_LIVE, CancelledBy, Reservation, ReservationStatus
from rules.ledger.holds import read_hold
from rules.ledger.moving import lock_accounts
from rules.outbox import Message, put
from rules.reservations.desk import forget_wishes
from rules.reservations.paying import give_price_back, prolong
from rules.reservations.places import lock_session, move_counters
from rules.reservations.reserving import SOURCE
from rules.reservations.waiting import promote
from rules.rows import AnyRow
from rules.work import Work

SESSION_CANCELLED, SESSION_MOVED = "session.cancelled", "session.moved"

_live = (
    select(
        Reservation.id,
        Reservation.resident_id,
        Reservation.party_size,
        Reservation.status,
        Reservation.hold_txn_id,
    )
    .where(Reservation.town_id == bindparam("town"), Reservation.session_id == bindparam("session"), IS_LIVE)
    .order_by(Reservation.id)
    .with_for_update()
)
_of_session = (
    Reservation.town_id == bindparam("town"),
    Reservation.session_id == bindparam("session"),
)
_cancel_all = (
    update(Reservation)
    .where(*_of_session, IS_LIVE, Reservation.status != ReservationStatus.CHECKED_IN)
    .values(
        status=ReservationStatus.CANCELLED,
        cancelled_at=bindparam("now"),
        cancelled_by=CancelledBy.ORGANISER,
        versioned_at=bindparam("now"),
    )
    .execution_options(synchronize_session=False)
)
_changed = (
    update(Session)
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
    .values(revision=Session.revision + 1, changed_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_cancellable_until = (
    update(Reservation)
    .where(*_of_session, IS_LIVE)
    .values(cancellable_until=bindparam("until"), release_at=None, versioned_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)


def session_cancelled(work: Work, session_id: int, reason: str) -> int:
    """The session is called off: every live reservation ends, held points are given back, everybody is told.

    Nobody is blamed: no deadline, no quota, no penalty. Returns how many were told. Who was checked in already stays so.
    `reason`: the organiser's words, for those who are told.
    """
    _revise(work, session_id)
    ended = [row for row in _read_live(work, session_id) if row.status is not ReservationStatus.CHECKED_IN]
    work.core.execute(_cancel_all, {"town": work.town_id, "session": session_id, "now": work.now})
    places = sum(row.party_size for row in ended if row.status in HOLDING)
    waiting = sum(row.status is ReservationStatus.WAITLISTED for row in ended)
    move_counters(work, session_id, places=-places, parties=-waiting)
    _tell(work, SESSION_CANCELLED, session_id, ended, {"reason": reason})
    forget_wishes(work, SOURCE, {row.id: row.resident_id for row in ended}, reason)
    _give_all_back(work, session_id, [row.hold_txn_id for row in ended if row.hold_txn_id is not None])
    return len(ended)


def session_moved(work: Work, session_id: int) -> int:
    """The session takes place at another time or elsewhere: everybody is told, and may cancel freely until it begins.

    Returns how many were told. Deadlines that were fixed for the old time fall; nobody loses a place before the end.
    """
    _revise(work, session_id)
    session = lock_session(work, session_id)
    rows = _read_live(work, session_id)
    asked = {"town": work.town_id, "session": session_id, "until": session.starts_at, "now": work.now}
    work.core.execute(_cancellable_until, asked)
    prolong(work, [row.hold_txn_id for row in rows if row.hold_txn_id is not None], session.ends_at)
    _tell(work, SESSION_MOVED, session_id, rows, {"starts_at": session.starts_at.isoformat()})
    return len(rows)


def capacity_raised(work: Work, session_id: int) -> list[int]:
    """There are more places: who waits is promoted. Returns the reservations that were."""
    return promote(work, lock_session(work, session_id))


def _revise(work: Work, session_id: int) -> None:
    """Count the change, for calendars that have the session already."""
    work.core.execute(_changed, {"town": work.town_id, "session": session_id, "now": work.now})


def _read_live(work: Work, session_id: int) -> list[AnyRow]:
    return list(work.core.execute(_live, {"town": work.town_id, "session": session_id}).all())


def _tell(work: Work, topic: str, session_id: int, rows: list[AnyRow], more: Mapping[str, Any]) -> None:
    moment = work.now.isoformat()
    put(
        work,
        [
            Message(
                topic,
                f"{row.id}:{moment}",
                {
                    "resident_id": str(row.resident_id),
                    "session_id": str(session_id),
                    "reservation_id": str(row.id),
                    **more,
                },
            )
            for row in rows
        ],
    )


def _give_all_back(work: Work, session_id: int, hold_ids: list[int]) -> None:
    """Wallets are locked in one order before the first hold is given back, as everywhere."""
    if not hold_ids:
        return
    holds = [read_hold(work, hold_id) for hold_id in hold_ids]
    lock_accounts(work, {row.wallet_id for row in holds})
    title = lock_session(work, session_id).title
    for hold_id in hold_ids:
        give_price_back(work, hold_id, title)
