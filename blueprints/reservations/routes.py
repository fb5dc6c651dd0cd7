"""Places in sessions: take one, see mine, give it back."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.reservations.schemas import (
    MyReservationArguments,
    MyReservationView,
    ReservationRequest,
    ReservationView,
)
from rules import reservations
from rules.work import Work

room = Room("reservations", __name__, description="Places in sessions")

Wish = dict[str, Any]


@room.does(
    "POST",
    "/sessions/<id:session_id>/reservations",
    needs=RESIDENT,
    once=True,
    refuses=[
        reservations.AlreadyReserved,
        reservations.BookingFrozen,
        reservations.BookingSuspended,
        reservations.OutsideTerritory,
        reservations.PartyTooLarge,
        reservations.SessionCancelled,
        reservations.SessionClosed,
        reservations.SessionFull,
        reservations.SessionUnknown,
        reservations.Suspended,
        reservations.VolunteersOnly,
    ],
)
@room.arguments(ReservationRequest)
@room.response(201, ReservationView)
def reserve(work: Work, wish: Wish, session_id: int) -> Any:
    """Take places in a session."""
    return reservations.reserve_place(work, session_id, **wish)


@room.does("GET", "/me/reservations", needs=RESIDENT)
@room.arguments(MyReservationArguments, location="query")
@room.response(200, page_of(MyReservationView, "reservations"))
def list_my_reservations(work: Work, wish: Wish) -> Any:
    """My reservations, the latest first."""
    return reservations.list_reservations(work, wish["cursor"], wish["limit"])


@room.does(
    "DELETE",
    "/reservations/<id:reservation_id>",
    needs=RESIDENT,
    once=True,
    refuses=[reservations.ReservationOver, reservations.ReservationUnknown, reservations.TooLateToCancel],
)
@room.response(200, ReservationView)
def cancel(work: Work, reservation_id: int) -> Any:
    """Give my places back."""
    return reservations.cancel_reservation(work, reservation_id)
