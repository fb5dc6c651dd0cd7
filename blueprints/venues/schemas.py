"""Rooms as everybody sees them, and as staff set them up."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from blueprints.edge.fields import Distance, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, NearArguments, cursor_of
from models.venues import PARTS_MAX, DayKind, UseStatus
from rules.geography import FAR
from rules.ids import ID_MAX

NAME_LENGTH_MAX = 60
REASON_LENGTH_MAX = 200
CAPACITY_MAX = 100_000
MINUTES_MAX = 60 * 24 * 60
DAYS_MAX = 366
WEEK_MAX = 672
SPANS_MAX = 8
SLOT_MINUTES = [15 * n for n in range(1, 33)]
OPENS = r"^(?:[01]\d|2[0-3]):(?:00|15|30|45)\Z"
CLOSES = r"^(?:(?:[01]\d|2[0-3]):(?:00|15|30|45)|24:00)\Z"


def number(low: int, high: int, description: str, **options: Any) -> fields.Integer:
    """A whole number within bounds."""
    within = validate.Range(min=low, max=high)
    return fields.Integer(strict=True, validate=within, metadata={"description": description}, **options)


class VenueArguments(NearArguments):
    """Which rooms to list."""

    cursor = cursor_of("venues", FAR + 1, ID_MAX)
    q = Words(
        length_max=64, load_default=None, metadata={"description": "Part of the room's, a use's or the centre's name."}
    )
    community_id = Id(load_default=None, metadata={"description": "Only of this place, and below it."})
    kind = Words(length_max=NAME_LENGTH_MAX, load_default=None)
    free_from = Moment(load_default=None, metadata={"description": "Only rooms that can be had from then …"})
    free_to = Moment(load_default=None, metadata={"description": "… until then, within one day. Both or neither."})
    free_now = fields.Boolean(
        load_default=False,
        metadata={"description": "Only rooms with a slot within two hours that can be booked now: `next_free_at`."},
    )


class VenuePeriodArguments(Arguments):
    """A period."""

    from_ = Moment(data_key="from", load_default=None)
    to = Moment(load_default=None)


class VenueUseView(Fast):
    """Something that a room is used for."""

    id = Id(required=True)
    name = fields.String(required=True)
    capacity = fields.Integer(required=True, metadata={"description": "People in one booking."})
    parts_needed = fields.Integer(required=True, metadata={"description": "How many parts of the room it takes."})
    status = fields.Enum(UseStatus, by_value=True, required=True)


class ListedVenueView(Fast):
    """A room in a list."""

    id = Id(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    capacity = fields.Integer(required=True, metadata={"description": "People at once."})
    parts = fields.Integer(required=True, metadata={"description": "How many parts it is divided into."})
    bookable = fields.Boolean(required=True)
    needs_approval = fields.Boolean(required=True)
    service_centre_id = Id(required=True)
    centre = fields.String(required=True)
    address = fields.String(required=True)
    community_id = Id(required=True)
    community = fields.String(required=True)
    latitude = fields.Float(required=True, allow_none=True, metadata={"description": "Of its centre, GCJ-02."})
    longitude = fields.Float(required=True, allow_none=True)
    distance_metres = Distance(
        attribute="squared",
        required=True,
        allow_none=True,
        metadata={"description": "null without `near` or without a position."},
    )
    next_free_at = Moment(required=True, allow_none=True, metadata={"description": "null unless `free_now` is asked."})
    uses = fields.List(fields.Nested(VenueUseView), required=True)


class OpenSpanView(Fast):
    """A span of a day, local time."""

    opens_at = fields.String(required=True)
    closes_at = fields.String(required=True)


class OpenDayView(Fast):
    """The spans of a kind of day; none: it is closed."""

    day = fields.Enum(DayKind, by_value=True, required=True)
    spans = fields.List(fields.Nested(OpenSpanView), required=True)


class ClosureView(Fast):
    """A time in which a room, or its whole centre, is closed."""

    id = Id(required=True)
    venue_id = Id(required=True, allow_none=True, metadata={"description": "null: the whole centre."})
    service_centre_id = Id(required=True, allow_none=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    reason = fields.String(required=True)


class VenueDetailView(Fast):
    """A room and the rules by which it is booked, in numbers and in words."""

    id = Id(attribute="venue.id", required=True)
    name = fields.String(attribute="venue.name", required=True)
    kind = fields.String(attribute="venue.kind", required=True)
    capacity = fields.Integer(attribute="venue.capacity", required=True)
    parts = fields.Integer(attribute="venue.parts", required=True)
    service_centre_id = Id(attribute="venue.service_centre_id", required=True)
    centre = fields.String(attribute="venue.centre", required=True)
    address = fields.String(attribute="venue.address", required=True)
    centre_opens_at = fields.String(attribute="venue.opens_at", required=True)
    centre_closes_at = fields.String(attribute="venue.closes_at", required=True)
    community_id = Id(attribute="venue.community_id", required=True)
    community = fields.String(attribute="venue.community", required=True)
    bookable = fields.Boolean(attribute="venue.bookable", required=True)
    needs_approval = fields.Boolean(attribute="venue.needs_approval", required=True)
    slot_minutes = fields.Integer(attribute="venue.slot_minutes", required=True)
    booking_minutes_max = fields.Integer(attribute="venue.booking_minutes_max", required=True, allow_none=True)
    opens_days_before = fields.Integer(attribute="venue.opens_days_before", required=True)
    closes_minutes_before = fields.Integer(attribute="venue.closes_minutes_before", required=True)
    cancel_minutes_before = fields.Integer(attribute="venue.cancel_minutes_before", required=True)
    grace_minutes = fields.Integer(attribute="venue.grace_minutes", required=True, allow_none=True)
    person_week_max = fields.Integer(attribute="venue.person_week_max", required=True, allow_none=True)
    household_week_max = fields.Integer(attribute="venue.household_week_max", required=True, allow_none=True)
    organisation_week_max = fields.Integer(attribute="venue.organisation_week_max", required=True, allow_none=True)
    uses = fields.List(fields.Nested(VenueUseView), required=True)
    hours = fields.List(
        fields.Nested(OpenDayView), required=True, metadata={"description": "Its own; none: as its centre."}
    )
    closures = fields.List(fields.Nested(ClosureView), required=True, metadata={"description": "To come."})
    rules = fields.List(fields.String(), required=True, metadata={"description": "In the caller's language."})


class VenueSlotView(Fast):
    """A slot, and what of the room is free."""

    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    parts_free = fields.Integer(required=True)
    use_ids = fields.List(Id(), required=True, metadata={"description": "Uses for which enough parts are free."})
    bookable = fields.Boolean(required=True, metadata={"description": "Something is free and can be booked now."})


class UsedView(Fast):
    """How much a room is used while it is open. An hour of one of four parts is a quarter of an hour of the room."""

    open_hours = fields.Float(required=True)
    used_hours = fields.Float(required=True)
    share = fields.Float(required=True, allow_none=True, metadata={"description": "null: it isn't open at all."})


class AvailabilityView(Fast):
    """What of a room is free in a period."""

    venue_id = Id(required=True)
    begins_at = Moment(required=True)
    ends_at = Moment(required=True)
    parts = fields.Integer(required=True)
    slot_minutes = fields.Integer(required=True)
    slots = fields.List(fields.Nested(VenueSlotView), required=True)
    utilisation = fields.Nested(UsedView, required=True)


class HourOfWeekView(Fast):
    """An hour of a weekday, in all the weeks of the period together."""

    weekday = fields.Enum(DayKind, by_value=True, required=True)
    hour = fields.Integer(required=True)
    open_hours = fields.Float(attribute="used.open_hours", required=True)
    used_hours = fields.Float(attribute="used.used_hours", required=True)
    share = fields.Float(attribute="used.share", required=True, allow_none=True)


class BookingCountsView(Fast):
    """How many bookings there are in each state."""

    pending = fields.Integer(required=True)
    confirmed = fields.Integer(required=True)
    checked_in = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    released = fields.Integer(required=True)
    expired = fields.Integer(required=True)


class UtilisationView(Fast):
    """How a room was, or will be, used in a period."""

    venue_id = Id(required=True)
    begins_at = Moment(required=True)
    ends_at = Moment(required=True)
    total = fields.Nested(UsedView, required=True)
    outside_hours = fields.Float(required=True, metadata={"description": "Hours used while it isn't open."})
    bookings = fields.Nested(BookingCountsView, required=True)
    hours = fields.List(
        fields.Nested(HourOfWeekView), required=True, metadata={"description": "All 168 hours of the week."}
    )


class VenueRules(Arguments):
    """What staff say of a room."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    kind = Words(length_min=1, length_max=NAME_LENGTH_MAX, metadata={"description": "The town's word: court, hall."})
    capacity = number(1, CAPACITY_MAX, "People at once.")
    parts = number(1, PARTS_MAX, "How many parts it is divided into.")
    bookable = fields.Boolean(metadata={"description": "By residents."})
    needs_approval = fields.Boolean()
    slot_minutes = fields.Integer(
        strict=True, validate=[validate.Range(min=SLOT_MINUTES[0], max=SLOT_MINUTES[-1]), validate.OneOf(SLOT_MINUTES)]
    )
    booking_minutes_max = number(15, 1440, "Of one booking; null: as long as it is open.", allow_none=True)
    opens_days_before = number(0, DAYS_MAX, "It is booked from midnight so many days before.")
    closes_minutes_before = number(0, MINUTES_MAX, "And until so long before the beginning.")
    cancel_minutes_before = number(0, MINUTES_MAX, "It is cancelled until so long before the beginning.")
    grace_minutes = number(0, 1440, "Who is later loses it; null: it is kept.", allow_none=True)
    person_week_max = number(1, WEEK_MAX, "Bookings a week; null: no limit.", allow_none=True)
    household_week_max = number(1, WEEK_MAX, "Bookings a week; null: no limit.", allow_none=True)
    organisation_week_max = number(1, WEEK_MAX, "Bookings a week; null: no limit.", allow_none=True)


class VenueRequest(VenueRules):
    """A new room. What isn't named has its default."""

    service_centre_id = Id(required=True)
    name = Words(length_min=1, length_max=NAME_LENGTH_MAX, required=True)
    capacity = number(1, CAPACITY_MAX, "People at once.", required=True)


class VenueChangeRequest(VenueRules):
    """What is to be changed of a room; what isn't named stays."""


class VenueUseRequest(Arguments):
    """A new use of a room."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX, required=True)
    capacity = number(1, CAPACITY_MAX, "People in one booking.", required=True)
    parts_needed = number(1, PARTS_MAX, "How many parts of the room it takes.", required=True)


class VenueUseChangeRequest(Arguments):
    """What is to be changed of a use; what isn't named stays."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    capacity = number(1, CAPACITY_MAX, "People in one booking.")
    parts_needed = number(1, PARTS_MAX, "How many parts of the room it takes.")
    status = fields.Enum(UseStatus, by_value=True)


class OpenSpanRequest(Arguments):
    """A span of a day, local time, on quarters of an hour."""

    opens_at = fields.String(required=True, validate=validate.Regexp(OPENS), metadata={"description": "HH:MM"})
    closes_at = fields.String(
        required=True, validate=validate.Regexp(CLOSES), metadata={"description": "24:00 at most."}
    )


class OpenDayRequest(Arguments):
    """The spans of a kind of day; none: it is closed."""

    day = fields.Enum(DayKind, by_value=True, required=True)
    spans = fields.List(fields.Nested(OpenSpanRequest), required=True, validate=validate.Length(max=SPANS_MAX))


class OpeningHoursRequest(Arguments):
    """A room's own hours, in place of those it had; none: it is open as its centre is."""

    hours = fields.List(fields.Nested(OpenDayRequest), required=True, validate=validate.Length(max=len(DayKind)))


class ClosureRequest(Arguments):
    """A time to be closed."""

    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    reason = Words(
        length_min=1, length_max=REASON_LENGTH_MAX, required=True, metadata={"description": "Residents read it."}
    )


class MetSessionView(Fast):
    """A session of an activity in a room that is closed then; it stands until its organiser moves it."""

    id = Id(required=True)
    title = fields.String(required=True)
    venue_id = Id(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)


class ClosedView(ClosureView):
    """A closure, and what it met."""

    cancelled = fields.Integer(required=True, metadata={"description": "Bookings; who had them is told."})
    sessions = fields.List(
        fields.Nested(MetSessionView), required=True, metadata={"description": "At most 100, the earliest first."}
    )
