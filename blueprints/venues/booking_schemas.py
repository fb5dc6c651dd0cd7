"""Bookings of rooms."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import MICROSECONDS_MAX, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.venues.schemas import REASON_LENGTH_MAX
from models.venues import BookingCancelledBy, BookingStatus
from rules.ids import ID_MAX

PARTY_MAX = 10_000


class BookingRequest(Arguments):
    """Which time, what for, and for whom."""

    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    use_id = Id(load_default=None, metadata={"description": "Needed where the room has several uses."})
    purpose = Words(length_min=1, length_max=REASON_LENGTH_MAX, required=True)
    party_size = fields.Integer(
        load_default=1, strict=True, validate=validate.Range(min=1, max=PARTY_MAX), metadata={"description": "People."}
    )
    resident_id = Id(load_default=None, metadata={"description": "For whom, where it isn't for me."})
    organisation_id = Id(load_default=None, metadata={"description": "In whose name; it counts on its account."})


class MyBookingArguments(PageArguments):
    """A page of my bookings."""

    cursor = cursor_of("bookings")
    resident_id = Id(load_default=None, metadata={"description": "Somebody whose proxy I am."})


class VenueBookingArguments(PageArguments):
    """Which bookings of a room to list."""

    cursor = cursor_of("venue_bookings", MICROSECONDS_MAX, ID_MAX)
    from_ = Moment(data_key="from", load_default=None, metadata={"description": "Now if not given."})
    to = Moment(load_default=None, metadata={"description": "31 days later if not given; 92 at most."})
    status = fields.Enum(BookingStatus, by_value=True, load_default=None)


class DecisionRequest(Arguments):
    """Yes or no, and why."""

    approve = fields.Boolean(required=True)
    note = Words(length_max=REASON_LENGTH_MAX, load_default="", metadata={"description": "The resident reads it."})


class BookingView(Fast):
    """A room that somebody has, or had, or asks for."""

    id = Id(required=True)
    status = fields.Enum(BookingStatus, by_value=True, required=True)
    venue_id = Id(required=True)
    venue = fields.String(required=True)
    centre = fields.String(required=True)
    address = fields.String(required=True)
    use_id = Id(required=True, allow_none=True)
    use = fields.String(attribute="use_name", required=True, allow_none=True)
    parts = fields.List(fields.Integer(), required=True, metadata={"description": "Which parts of the room, from 1."})
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    purpose = fields.String(required=True)
    party_size = fields.Integer(required=True)
    resident_id = Id(required=True)
    organisation_id = Id(required=True, allow_none=True)
    organisation = fields.String(required=True, allow_none=True)
    price = fields.Integer(required=True, metadata={"description": "Points, held until somebody comes."})
    booked_at = Moment(required=True)
    cancellable_until = Moment(required=True)
    release_at = Moment(
        required=True, allow_none=True, metadata={"description": "Who hasn't come by then loses it; null: it is kept."}
    )
    decided_at = Moment(required=True, allow_none=True)
    decision_note = fields.String(required=True, allow_none=True)
    cancelled_at = Moment(required=True, allow_none=True)
    cancelled_by = fields.Enum(BookingCancelledBy, by_value=True, required=True, allow_none=True)
    checked_in_at = Moment(required=True, allow_none=True)


class StaffBookingView(BookingView):
    """A booking as staff see it."""

    resident = fields.String(required=True, metadata={"description": "Masked for who only takes arrivals."})
