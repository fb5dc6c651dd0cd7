"""Rooms are booked, given back, approved and used."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT, SIGNED_IN
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.venues.booking_schemas import (
    BookingRequest,
    BookingView,
    DecisionRequest,
    MyBookingArguments,
    StaffBookingView,
    VenueBookingArguments,
)
from models.residents import Role
from rules.ledger.spending import PointsInsufficient
from rules.points.people import ResidentUnknown
from rules.reservations.refusals import BookingFrozen, BookingSuspended, NotEligible, QuotaReached, Suspended
from rules.residents.acting import NotTheirProxy, ResidentNeeded
from rules.residents.identity import Forbidden
from rules.venues import refusals
from rules.venues.booking import BookingWish, book_venue
from rules.venues.bookings import list_bookings, list_venue_bookings
from rules.venues.deciding import decide_booking, record_arrival
from rules.venues.endings import cancel_booking
from rules.work import Work

room = Room("bookings", __name__, description="Bookings of rooms")

Wish = dict[str, Any]
OF_A_WISH = (
    refusals.BookingClosed,
    refusals.BookingNotOpenYet,
    refusals.BookingTooLong,
    refusals.NotAMember,
    refusals.OffTheGrid,
    refusals.OutsideOpeningHours,
    refusals.PartyTooLargeForRoom,
    refusals.PeriodInvalid,
    refusals.UseNeeded,
    refusals.UseRetired,
    refusals.UseUnknown,
    refusals.VenueNotBookable,
    refusals.VenueTaken,
    refusals.VenueUnknown,
    refusals.WeeklyLimitReached,
)
OF_A_PERSON = (
    BookingFrozen,
    BookingSuspended,
    Forbidden,
    NotEligible,
    NotTheirProxy,
    PointsInsufficient,
    QuotaReached,
    ResidentNeeded,
    ResidentUnknown,
    Suspended,
)


@room.does("POST", "/venues/<id:venue_id>/bookings", needs=SIGNED_IN, once=True, refuses=[*OF_A_WISH, *OF_A_PERSON])
@room.arguments(BookingRequest)
@room.response(201, BookingView)
def book_room(work: Work, wish: Wish, venue_id: int) -> Any:
    """Book a room for me, for whom I act, or as staff for a resident; where staff approve, ask for it."""
    return book_venue(work, venue_id, BookingWish(**wish))


@room.does("GET", "/me/bookings", needs=RESIDENT, refuses=[NotTheirProxy])
@room.arguments(MyBookingArguments, location="query")
@room.response(200, page_of(BookingView, "bookings"))
def list_my_bookings(work: Work, wish: Wish) -> Any:
    """My bookings of rooms, the latest first."""
    return list_bookings(work, wish["resident_id"], wish["cursor"], wish["limit"])


@room.does(
    "GET",
    "/venues/<id:venue_id>/bookings",
    needs=SIGNED_IN,
    refuses=[Forbidden, refusals.PeriodInvalid, refusals.VenueUnknown],
)
@room.arguments(VenueBookingArguments, location="query")
@room.response(200, page_of(StaffBookingView, "venue_bookings"))
def list_bookings_of_venue(work: Work, wish: Wish, venue_id: int) -> Any:
    """Who has booked a room, in order of time. For staff of the place."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return list_venue_bookings(work, venue_id, **wish, after=after, limit=limit)


@room.does(
    "DELETE",
    "/bookings/<id:booking_id>",
    needs=SIGNED_IN,
    once=True,
    refuses=[
        Forbidden,
        QuotaReached,
        refusals.BookingOver,
        refusals.BookingUnknown,
        refusals.TooLateToCancelBooking,
    ],
)
@room.response(200, BookingView)
def cancel_room(work: Work, booking_id: int) -> Any:
    """Give a room back: until its deadline, or as staff until it is over."""
    return cancel_booking(work, booking_id)


@room.does(
    "POST",
    "/bookings/<id:booking_id>/decision",
    needs=SIGNED_IN,
    once=True,
    refuses=[Forbidden, refusals.BookingDecided, refusals.BookingUnknown],
)
@room.arguments(DecisionRequest)
@room.response(200, BookingView)
def decide_room(work: Work, wish: Wish, booking_id: int) -> Any:
    """Approve or reject a booking that waits for it. For organisers and managers of the place."""
    return decide_booking(work, booking_id, wish["approve"], wish["note"])


@room.does(
    "POST",
    "/bookings/<id:booking_id>/arrival",
    needs=Role.SCANNER,
    once=True,
    refuses=[
        Forbidden,
        refusals.ArrivalTooEarly,
        refusals.ArrivalTooLate,
        refusals.BookingUnknown,
        refusals.NotConfirmed,
    ],
)
@room.response(200, BookingView)
def arrive(work: Work, booking_id: int) -> Any:
    """Somebody has come for their booking."""
    return record_arrival(work, booking_id)
