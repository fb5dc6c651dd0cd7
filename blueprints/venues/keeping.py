"""Rooms as staff set them up, and closures."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.language import caller_language
from blueprints.edge.room import Room
from blueprints.venues.schemas import (
    ClosedView,
    ClosureRequest,
    OpeningHoursRequest,
    VenueChangeRequest,
    VenueDetailView,
    VenueRequest,
    VenueUseChangeRequest,
    VenueUseRequest,
)
from models.residents import Role
from rules.residents.identity import Forbidden
from rules.venues import closures, keeping, refusals
from rules.venues.hours import Times
from rules.venues.looking import VenueDetail, show_venue
from rules.work import Work

room = Room("venue_keeping", __name__, description="Rooms as staff set them up")

Wish = dict[str, Any]
CLOSING = (Forbidden, refusals.ClosureOver, refusals.PeriodInvalid)


@room.does("POST", "/venues", needs=Role.MANAGER, refuses=[Forbidden, refusals.CentreUnknown, refusals.VenueNameTaken])
@room.arguments(VenueRequest)
@room.response(201, VenueDetailView)
def create_venue(work: Work, wish: Wish) -> Any:
    """Add a room to a service centre."""
    return _shown(work, keeping.create_venue(work, wish.pop("service_centre_id"), wish))


@room.does(
    "PATCH",
    "/venues/<id:venue_id>",
    needs=Role.MANAGER,
    refuses=[
        Forbidden,
        refusals.PartsInUse,
        refusals.UseTooLarge,
        refusals.VenueNameTaken,
        refusals.VenueUnknown,
    ],
)
@room.arguments(VenueChangeRequest)
@room.response(200, VenueDetailView)
def change_venue(work: Work, wish: Wish, venue_id: int) -> Any:
    """Change a room's rules; bookings that stand are not touched."""
    keeping.change_venue(work, venue_id, wish)
    return _shown(work, venue_id)


@room.does(
    "POST",
    "/venues/<id:venue_id>/uses",
    needs=Role.MANAGER,
    refuses=[Forbidden, refusals.UseTooLarge, refusals.VenueNameTaken, refusals.VenueUnknown],
)
@room.arguments(VenueUseRequest)
@room.response(201, VenueDetailView)
def add_use(work: Work, wish: Wish, venue_id: int) -> Any:
    """Add a use to a room."""
    keeping.add_use(work, venue_id, wish)
    return _shown(work, venue_id)


@room.does(
    "PATCH",
    "/venues/<id:venue_id>/uses/<id:use_id>",
    needs=Role.MANAGER,
    refuses=[
        Forbidden,
        refusals.UseTooLarge,
        refusals.UseUnknown,
        refusals.VenueNameTaken,
        refusals.VenueUnknown,
    ],
)
@room.arguments(VenueUseChangeRequest)
@room.response(200, VenueDetailView)
def change_use(work: Work, wish: Wish, venue_id: int, use_id: int) -> Any:
    """Change a use of a room, or retire it."""
    keeping.change_use(work, venue_id, use_id, wish)
    return _shown(work, venue_id)


@room.does(
    "PUT",
    "/venues/<id:venue_id>/hours",
    needs=Role.MANAGER,
    refuses=[Forbidden, refusals.HoursInvalid, refusals.VenueUnknown],
)
@room.arguments(OpeningHoursRequest)
@room.response(200, VenueDetailView)
def set_hours(work: Work, wish: Wish, venue_id: int) -> Any:
    """Set a room's own opening hours in place of those it had."""
    keeping.set_hours(work, venue_id, [(day["day"], [Times(**span) for span in day["spans"]]) for day in wish["hours"]])
    return _shown(work, venue_id)


@room.does("POST", "/venues/<id:venue_id>/closures", needs=SIGNED_IN, refuses=[*CLOSING, refusals.VenueUnknown])
@room.arguments(ClosureRequest)
@room.response(201, ClosedView)
def close_venue(work: Work, wish: Wish, venue_id: int) -> Any:
    """Close a room for a time; bookings that it meets are cancelled and told. For organisers and managers."""
    return closures.close_venue(work, venue_id, closures.ClosureWish(**wish))


@room.does(
    "POST",
    "/service-centres/<id:service_centre_id>/closures",
    needs=SIGNED_IN,
    refuses=[*CLOSING, refusals.CentreUnknown],
)
@room.arguments(ClosureRequest)
@room.response(201, ClosedView)
def close_centre(work: Work, wish: Wish, service_centre_id: int) -> Any:
    """Close a whole centre for a time; bookings that it meets are cancelled and told. For organisers and managers."""
    return closures.close_centre(work, service_centre_id, closures.ClosureWish(**wish))


@room.does(
    "DELETE",
    "/closures/<id:closure_id>",
    needs=SIGNED_IN,
    refuses=[Forbidden, refusals.ClosureOver, refusals.ClosureUnknown],
)
@room.response(204)
def lift_closure(work: Work, closure_id: int) -> Any:
    """Open again before a closure ends; bookings that it cancelled don't come back."""
    return closures.lift_closure(work, closure_id)


def _shown(work: Work, venue_id: int) -> VenueDetail:
    return show_venue(work, venue_id, caller_language())
