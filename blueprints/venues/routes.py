"""找场馆: rooms and courts, what is free, and how much they are used."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import ANYONE, SIGNED_IN
from blueprints.edge.language import caller_language
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.venues.schemas import (
    AvailabilityView,
    ListedVenueView,
    UtilisationView,
    VenueArguments,
    VenueDetailView,
    VenuePeriodArguments,
)
from rules.residents.identity import Forbidden
from rules.venues import availability, looking, utilisation
from rules.venues.refusals import PeriodInvalid, VenueUnknown
from rules.work import Work

room = Room("venues", __name__, description="Rooms and courts")

Wish = dict[str, Any]


@room.does("GET", "/venues", needs=ANYONE, shared=True, refuses=[PeriodInvalid])
@room.arguments(VenueArguments, location="query")
@room.response(200, page_of(ListedVenueView, "venues"))
def list_venues(work: Work, wish: Wish) -> Any:
    """Rooms and courts that fit."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return looking.list_venues(work, looking.VenueFilter(**wish), after, limit)


@room.does("GET", "/venues/<id:venue_id>", needs=ANYONE, shared=True, refuses=[VenueUnknown])
@room.response(200, VenueDetailView)
def show_venue(work: Work, venue_id: int) -> Any:
    """A room, its uses, its hours and its rules."""
    return looking.show_venue(work, venue_id, caller_language())


@room.does(
    "GET", "/venues/<id:venue_id>/availability", needs=ANYONE, shared=True, refuses=[PeriodInvalid, VenueUnknown]
)
@room.arguments(VenuePeriodArguments, location="query")
@room.response(200, AvailabilityView)
def show_availability(work: Work, wish: Wish, venue_id: int) -> Any:
    """What is free, slot by slot: the coming week unless a period of at most 31 days is given."""
    return availability.show_availability(work, venue_id, wish["from_"], wish["to"])


@room.does(
    "GET", "/venues/<id:venue_id>/utilisation", needs=SIGNED_IN, refuses=[Forbidden, PeriodInvalid, VenueUnknown]
)
@room.arguments(VenuePeriodArguments, location="query")
@room.response(200, UtilisationView)
def show_utilisation(work: Work, wish: Wish, venue_id: int) -> Any:
    """How a room is used by weekday and hour: the last 28 days unless a period of at most 92 is given. For staff."""
    return utilisation.show_utilisation(work, venue_id, wish["from_"], wish["to"])
