"""Who came. A scan doesn't lock the session: it uses one reservation, and the places stay taken."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CTE, BigInteger, BindParameter, bindparam, exists, update
from sqlalchemy.orm import aliased

from models.reservations import LIVE, Reservation, ReservationStatus
from rules.points.voiding import next_ref, void_event
from rules.reservations.desk import NO_SHOW
from rules.reservations.holding import COLUMNS, keep_hold, read_reservation
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


_NOW: BindParameter[datetime] = bindparam("now")
_use = _turn(ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN, checked_in_at=bindparam("at"))
#: Of an upload: when it happened isn't when it became known (`models.history`).
_use_late = _use.values(versioned_at=_NOW)
_unuse = _turn(ReservationStatus.CHECKED_IN, ReservationStatus.CONFIRMED, checked_in_at=None, versioned_at=_NOW)
_other = aliased(Reservation)
_holds_another = exists().where(
    _other.town_id == Reservation.town_id,
    _other.session_id == Reservation.session_id,
    _other.resident_id == Reservation.resident_id,
    _other.status.in_(LIVE),
)
_revive = _turn(ReservationStatus.NO_SHOW, ReservationStatus.CONFIRMED, no_show_at=None, versioned_at=_NOW).where(
    ~_holds_another
)


def using_part() -> CTE:
    """`check_in` as it happens, where no points are held, as the first part of a statement (rules.fusing)."""
    return (
        update(Reservation)
        .where(
            Reservation.town_id == bindparam("town", type_=BigInteger()),
            Reservation.id == bindparam("reservation"),
            Reservation.status == ReservationStatus.CONFIRMED,
            Reservation.hold_txn_id.is_(None),
        )
        .values(status=ReservationStatus.CHECKED_IN, checked_in_at=bindparam("at"))
        .returning(Reservation.id)
        .cte("used")
    )


def check_in(work: Work, reservation_id: int, at: datetime) -> bool:
    """Use a reservation; points that were held for it are spent. False: it isn't confirmed (any more).

    Whose hold has lapsed, long after the session, comes in all the same: a door is no place to talk about points.
    """
    asked = {"town": work.town_id, "reservation": reservation_id, "at": at}
    used = (work.send(_use, asked) if at == work.now else work.send(_use_late, asked | {"now": work.now})).first()
    if used is None:
        return False
    if used.hold_txn_id is not None:
        capture_price(work, used.hold_txn_id, used.price, read_session(work, used.session_id))
    return True


def undo_check_in(work: Work, reservation_id: int) -> bool:
    """A scan was wrong: the reservation is to come again, and what it cost is held again. False: it wasn't used."""
    asked = {"town": work.town_id, "reservation": reservation_id, "now": work.now}
    unused = work.core.execute(_unuse, asked).first()
    if unused is None:
        return False
    if unused.hold_txn_id is not None:
        session = read_session(work, unused.session_id)
        hold_id = hold_again(work, unused.id, unused.resident_id, unused.hold_txn_id, session)
        keep_hold(work, unused.id, hold_id)
    return True


def revive_no_show(work: Work, reservation_id: int) -> bool:
    """A no-show was none: an upload proves that somebody came. False: the place went to others meanwhile.

    What the rulebook made of the no-show is undone. The hold of its points was left open for this.
    """
    session_id = read_reservation(work, reservation_id).session_id
    lock_session(work, session_id)
    held = read_reservation(work, reservation_id)  # as the last one who held the session left it
    if held.status is not ReservationStatus.NO_SHOW:
        return held.status in (ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN)
    if not take_places_late(work, session_id, held.party_size):
        return False
    asked = {"town": work.town_id, "reservation": reservation_id, "now": work.now}
    revived = work.core.execute(_revive, asked).first()
    if revived is None:  # there is another reservation by now, which holds its own places
        move_counters(work, session_id, places=-held.party_size)
        return False
    ref = next_ref(work, SOURCE, f"{reservation_id}:{NO_SHOW}")
    void_event(work, SOURCE, ref, "补传的签到记录证明已到场")
    return True
