"""Places in sessions: ask for some, see mine, confirm an offer, give them back; how they were given out."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import ANYONE, RESIDENT, SIGNED_IN
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.reservations.schemas import (
    AttendanceCountView,
    DrawView,
    MyReservationArguments,
    MyReservationView,
    ReservationRequest,
    ReservationView,
    SessionReservationArguments,
    SessionReservationView,
)
from models.residents import Role
from rules.activities.questions import AnswersInvalid
from rules.ledger.spending import PointsInsufficient
from rules.reservations import allocating, cancelling, closing, looking, offers, refusals, reserving
from rules.residents import acting
from rules.work import Work

room = Room("reservations", __name__, description="Places in sessions")

Wish = dict[str, Any]


@room.does(
    "POST",
    "/sessions/<id:session_id>/reservations",
    needs=SIGNED_IN,
    once=True,
    refuses=[*refusals.OF_A_WISH, AnswersInvalid, PointsInsufficient, *acting.REFUSALS],
)
@room.arguments(ReservationRequest)
@room.response(201, ReservationView)
def reserve(work: Work, wish: Wish, session_id: int) -> Any:
    """Ask for places in a session: they are given at once, or the answer says what is waited for."""
    return looking.show_booked(work, reserving.reserve_place(work, session_id, reserving.Wish(**wish)))


@room.does("GET", "/me/reservations", needs=RESIDENT, refuses=acting.REFUSALS)
@room.arguments(MyReservationArguments, location="query")
@room.response(200, page_of(MyReservationView, "reservations"))
def list_my_reservations(work: Work, wish: Wish) -> Any:
    """My reservations, or those of somebody I may act for, the latest first."""
    return looking.list_reservations(work, wish["cursor"], wish["limit"], wish["resident_id"])


@room.does("GET", "/reservations/<id:reservation_id>", needs=SIGNED_IN, refuses=[refusals.ReservationUnknown])
@room.response(200, MyReservationView)
def show_reservation(work: Work, reservation_id: int) -> Any:
    """One reservation: its place in the line, why it waits, until when an offer holds."""
    return looking.show_reservation(work, reservation_id)


@room.does(
    "POST",
    "/reservations/<id:reservation_id>/confirmation",
    needs=SIGNED_IN,
    once=True,
    refuses=[
        refusals.BookingFrozen,
        refusals.BookingSuspended,
        refusals.NoOffer,
        refusals.OfferLapsed,
        PointsInsufficient,
        refusals.ReservationUnknown,
        refusals.Suspended,
    ],
)
@room.response(200, ReservationView)
def confirm_offer(work: Work, reservation_id: int) -> Any:
    """Take the place that is offered to me."""
    offers.confirm_offer(work, reservation_id)
    return looking.show_reservation(work, reservation_id)


@room.does(
    "DELETE",
    "/reservations/<id:reservation_id>",
    needs=SIGNED_IN,
    once=True,
    refuses=[
        refusals.QuotaReached,
        refusals.ReservationOver,
        refusals.ReservationUnknown,
        refusals.TooLateToCancel,
    ],
)
@room.response(200, ReservationView)
def cancel(work: Work, reservation_id: int) -> Any:
    """Give my places back, or leave the waiting list."""
    cancelling.cancel_reservation(work, reservation_id)
    return looking.show_reservation(work, reservation_id)


@room.does(
    "GET",
    "/sessions/<id:session_id>/reservations",
    needs=Role.ORGANISER,
    refuses=[refusals.SessionUnknown],
)
@room.arguments(SessionReservationArguments, location="query")
@room.response(200, page_of(SessionReservationView, "session-reservations"))
def list_session_reservations(work: Work, wish: Wish, session_id: int) -> Any:
    """A session's reservations, for its staff, the earliest first."""
    return looking.list_of_session(work, session_id, wish["cursor"], wish["limit"], only_live=wish["live"])


@room.does(
    "POST",
    "/sessions/<id:session_id>/attendance-complete",
    needs=Role.ORGANISER,
    refuses=[refusals.SessionNotOver, refusals.SessionUnknown],
)
@room.response(200, AttendanceCountView)
def complete_attendance(work: Work, session_id: int) -> Any:
    """Everybody who came was checked in: the others are written down as no-shows within minutes."""
    return closing.complete_attendance(work, session_id)


@room.does(
    "GET",
    "/sessions/<id:session_id>/draw",
    needs=ANYONE,
    shared=True,
    refuses=[refusals.NotDrawnYet, refusals.SessionUnknown],
)
@room.response(200, DrawView)
def show_draw(work: Work, session_id: int) -> Any:
    """A session's draw: the seed's hash before, and everything that is needed to replay it after."""
    return allocating.show_draw(work, session_id)
