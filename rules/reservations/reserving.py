"""Asking for places: a place at once, a turn on the waiting list, or a lot in a draw.

A resident has one live reservation in a session, held by a partial unique index; the places are taken by the guard of
`places`. Residents who race for the last place meet at the session's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from models.activities import Session, SessionStatus
from models.reservations import IS_LIVE, Reservation, ReservationStatus, WaitingReason
from rules.activities.questions import check_answers
from rules.errors import RuleError
from rules.reservations.desk import Terms, tell_rulebook, terms_of
from rules.reservations.eligibility import check_eligible, lives_there, read_offer, wanted_of
from rules.reservations.holding import keep_hold
from rules.reservations.paying import hold_price
from rules.reservations.places import lock_session, queue, take_places, take_ticket
from rules.reservations.refusals import (
    AlreadyReserved,
    PartyNeverFits,
    SessionCancelled,
    SessionClosed,
    SessionFull,
    WaitingListFull,
)
from rules.reservations.waiting import promote
from rules.residents.acting import booked_by, resident_for
from rules.rows import AnyRow
from rules.rulebook.plan import BOOKED
from rules.work import Work

SOURCE = "reservation"  #: names the events of this room


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for."""

    party_size: int = 1
    answers: Mapping[str, Any] | None = None
    resident_id: int | None = None  #: for whom; None: for the actor
    buys_priority: bool = False  #: where places are given out by priority: points may be taken for one that costs some


@dataclass(frozen=True, slots=True)
class Asked:
    """A wish on its way into the table."""

    resident_id: int
    party_size: int
    answers: dict[str, Any]
    status: ReservationStatus
    ticket: int = 0  #: among those who wait or apply


@dataclass(frozen=True, slots=True)
class Booked:
    """What came of a wish."""

    id: int
    session_id: int
    resident_id: int
    party_size: int
    status: ReservationStatus
    price: int
    reserved_at: datetime
    offer_expires_at: datetime | None = None
    cancellable_until: datetime | None = None
    position: int | None = None  #: in the line; whoever waits asks for it
    waiting_reason: WaitingReason | None = None
    waiting_free: int | None = None


_hold = (
    insert(Reservation)
    .on_conflict_do_nothing(index_elements=["town_id", "session_id", "resident_id"], index_where=IS_LIVE)
    .returning(Reservation.id)
)
_live = select(Reservation.id).where(
    Reservation.town_id == bindparam("town"),
    Reservation.session_id == bindparam("session"),
    Reservation.resident_id == bindparam("resident"),
    IS_LIVE,
)
_state = select(Session.status, Session.reservable_until, Session.capacity, Session.overbooking, Session.taken).where(
    Session.town_id == bindparam("town"), Session.id == bindparam("session")
)
_one = select(
    Reservation.id,
    Reservation.session_id,
    Reservation.resident_id,
    Reservation.party_size,
    Reservation.status,
    Reservation.price,
    Reservation.reserved_at,
    Reservation.offer_expires_at,
    Reservation.cancellable_until,
).where(Reservation.town_id == bindparam("town"), Reservation.id == bindparam("reservation"))


def reserve_place(work: Work, session_id: int, wish: Wish) -> Booked:
    """Ask for places of a session: for the actor, for whom the actor may act, or as staff for somebody at the desk.

    What is free is given at once; where applications are collected, or all is taken, the wish waits. Raises what
    refusals.OF_A_WISH lists, and AnswersInvalid, PointsInsufficient, NotTheirProxy, ResidentNeeded, Forbidden.
    """
    resident_id = resident_for(work, wish.resident_id)
    offer = read_offer(work, session_id, resident_id)
    check_eligible(work, offer, resident_id, wish.party_size)
    answers = check_answers(offer.questions, wish.answers or {})
    if offer.allocates_at is not None:
        return _apply(work, offer, resident_id, wish, answers)
    if not take_places(work, session_id, wish.party_size):
        return _wait(work, offer, resident_id, wish.party_size, answers)
    asked = Asked(resident_id, wish.party_size, answers, ReservationStatus.CONFIRMED)
    booked = _insert(work, offer, asked, _terms(work, offer, resident_id, wish.party_size))
    if booked.price > 0:
        hold_id = hold_price(work, booked.id, resident_id, booked.price, offer)
        keep_hold(work, booked.id, hold_id)
    return booked


def _apply(work: Work, offer: AnyRow, resident_id: int, wish: Wish, answers: dict[str, Any]) -> Booked:
    """Take part in what is given out later. Nobody applies while it is being given out: the session is locked."""
    _check_fits_at_all(offer, wish.party_size)
    ticket = take_ticket(work, offer.id)
    if ticket is None:
        raise SessionCancelled if _state_of(work, offer.id).status is SessionStatus.CANCELLED else SessionClosed
    asked = Asked(resident_id, wish.party_size, answers, ReservationStatus.APPLIED, ticket)
    terms = _terms(work, offer, resident_id, wish.party_size, buys_priority=wish.buys_priority)
    return _insert(work, offer, asked, terms)


def _wait(work: Work, offer: AnyRow, resident_id: int, party_size: int, answers: dict[str, Any]) -> Booked:
    """Wait for places. What was freed since the look is given out at once."""
    asked = {"town": work.town_id, "session": offer.id, "resident": resident_id}
    if offer.waiting_max > 0:
        _check_fits_at_all(offer, party_size)
    ticket = queue(work, offer.id, offer.waiting_max)
    if ticket is None:
        raise _why_not(work, asked, offer, party_size)
    wish = Asked(resident_id, party_size, answers, ReservationStatus.WAITLISTED, ticket)
    booked = _insert(work, offer, wish, _terms(work, offer, resident_id, party_size))
    promote(work, lock_session(work, offer.id))
    return Booked(*work.core.execute(_one, {"town": work.town_id, "reservation": booked.id}).one())


def _check_fits_at_all(offer: AnyRow, party_size: int) -> None:
    """Nobody waits for more places than there are. Raises PartyNeverFits."""
    if party_size > offer.capacity:
        raise PartyNeverFits(capacity=offer.capacity)


def _terms(work: Work, offer: AnyRow, resident_id: int, party_size: int, *, buys_priority: bool = False) -> Terms:
    wanted = wanted_of(offer, resident_id, party_size, is_local=lives_there(offer))
    return terms_of(work, replace(wanted, buys_priority=buys_priority))


def _insert(work: Work, offer: AnyRow, asked: Asked, terms: Terms) -> Booked:
    """Raises AlreadyReserved."""
    id_ = work.new_id()
    price = offer.price * asked.party_size + terms.price
    row = {
        "town_id": work.town_id,
        "id": id_,
        "session_id": offer.id,
        "resident_id": asked.resident_id,
        "party_size": asked.party_size,
        "status": asked.status,
        "priority": terms.priority if asked.status is ReservationStatus.APPLIED else 0,
        "rank": asked.ticket,
        "answers": asked.answers or None,
        "price": price,
        "reserved_at": work.now,
        "confirmed_at": work.now if asked.status is ReservationStatus.CONFIRMED else None,
        "cancellable_until": terms.cancellable_until,
        "release_at": terms.release_at,
        **booked_by(work, asked.resident_id),
    }
    if work.send(_hold, row).first() is None:
        raise AlreadyReserved
    wanted = wanted_of(offer, asked.resident_id, asked.party_size, is_local=lives_there(offer))
    tell_rulebook(work, BOOKED, SOURCE, f"{id_}:{BOOKED}", wanted)
    return Booked(
        id_,
        offer.id,
        asked.resident_id,
        asked.party_size,
        asked.status,
        price,
        work.now,
        cancellable_until=terms.cancellable_until,
    )


def _state_of(work: Work, session_id: int) -> AnyRow:
    return work.send(_state, {"town": work.town_id, "session": session_id}).one()


def _why_not(work: Work, asked: dict[str, Any], offer: AnyRow, party_size: int) -> RuleError:
    """The reason for which neither places nor a turn were to be had, from what the session looks like now."""
    if work.send(_live, asked).first() is not None:
        return AlreadyReserved()
    session = _state_of(work, offer.id)
    if session.status is SessionStatus.CANCELLED:
        return SessionCancelled()
    if session.reservable_until <= work.now:
        return SessionClosed()
    left = session.capacity + session.overbooking - session.taken
    if offer.waiting_max > 0:
        return WaitingListFull(waiting_max=offer.waiting_max)
    return SessionFull(party_size=party_size, left=left)
