"""Who came. A scan doesn't lock the session: it uses one reservation, and the places stay taken."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update

from models.reservations import Reservation, ReservationStatus
from rules.points.voiding import void_event
from rules.reservations.desk import NO_SHOW
from rules.reservations.holding import COLUMNS, read_reservation
from rules.reservations.paying import capture_price, hold_again
from rules.reservations.places import lock_session, move_counters, read_session, take_places_late
from rules.reservations.reserving import SOURCE
from rules.work import Work


def _turn(before: ReservationStatus, after: ReservationStatus, **columns: Any) -> Any:
    return (
        update(Reservation)
        .where(
            Reservation.town_id == bindparam("town"),
            Reservation.id == bindparam("reservation"),
            Reservation.status == before,
        )
        .values(status=after, **columns)
        .returning(*COLUMNS)
        .execution_options(synchronize_session=False)
    )


_use = _turn(ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN, checked_in_at=bindparam("at"))
_unuse = _turn(ReservationStatus.CHECKED_IN, ReservationStatus.CONFIRMED, checked_in_at=None)
_revive = _turn(ReservationStatus.NO_SHOW, ReservationStatus.CONFIRMED, no_show_at=None)
_keep_hold = (
    update(Reservation)
    .where(Reservation.town_id == bindparam("town"), Reservation.id == bindparam("reservation"))
    .values(hold_txn_id=bindparam("hold"))
    .execution_options(synchronize_session=False)
)


def check_in(work: Work, reservation_id: int, at: datetime) -> bool:
    """Use a reservation; points that were held for it are spent. False: it isn't confirmed (any more).

    Raises HoldLapsed when the points were given back meanwhile, more than `paying.UPLOAD_DAYS` after the session.
    """
    used = work.core.execute(_use, {"town": work.town_id, "reservation": reservation_id, "at": at}).first()
    if used is None:
        return False
    if used.hold_txn_id is not None:
        capture_price(work, used.hold_txn_id, used.price, read_session(work, used.session_id))
    return True


def undo_check_in(work: Work, reservation_id: int) -> bool:
    """A scan was wrong: the reservation is to come again, and what it cost is held again. False: it wasn't used."""
    unused = work.core.execute(_unuse, {"town": work.town_id, "reservation": reservation_id}).first()
    if unused is None:
        return False
    if unused.hold_txn_id is not None:
        session = read_session(work, unused.session_id)
        hold_id = hold_again(work, unused.id, unused.resident_id, unused.hold_txn_id, session)
        work.core.execute(_keep_hold, {"town": work.town_id, "reservation": unused.id, "hold": hold_id})
    return True


def revive_no_show(work: Work, reservation_id: int) -> bool:
    """A no-show was none: an upload proves that somebody came. False: the place went to others meanwhile.

    What the rulebook made of the no-show is undone. The hold of its points was left open for this.
    """
    held = read_reservation(work, reservation_id)
    lock_session(work, held.session_id)
    if not take_places_late(work, held.session_id, held.party_size):
        return False
    revived = work.core.execute(_revive, {"town": work.town_id, "reservation": reservation_id}).first()
    if revived is None:  # no no-show any more: the places that were just taken are held already
        move_counters(work, held.session_id, places=-held.party_size)
        return read_reservation(work, reservation_id).status is ReservationStatus.CONFIRMED
    void_event(work, SOURCE, f"{reservation_id}:{NO_SHOW}", "补传的签到记录证明已到场")
    return True
