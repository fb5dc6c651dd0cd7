"""Places in sessions."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.activities import SessionStatus
from models.reservations import ReservationStatus, WaitingReason

PARTY_MAX = 100


class ReservationRequest(Arguments):
    """How many places, and for whom."""

    party_size = fields.Integer(
        load_default=1, strict=True, validate=validate.Range(min=1, max=PARTY_MAX), metadata={"description": "People."}
    )
    answers = fields.Dict(
        keys=fields.String(),
        load_default=None,
        allow_none=True,
        metadata={"description": "Answers to the activity's questions, by their keys."},
    )
    resident_id = Id(
        load_default=None,
        allow_none=True,
        metadata={"description": "For whom, where it isn't the caller: a child, an elder, whoever stands at the desk."},
    )
    buys_priority = fields.Boolean(
        load_default=False,
        metadata={"description": "Where places go by priority: points may be taken for one that costs some."},
    )


class MyReservationArguments(PageArguments):
    """A page of my reservations."""

    cursor = cursor_of("reservations")
    resident_id = Id(load_default=None, metadata={"description": "Of somebody whom the caller may act for."})


class SessionReservationArguments(PageArguments):
    """A page of a session's reservations."""

    cursor = cursor_of("session-reservations")
    live = fields.Boolean(load_default=True, metadata={"description": "Only those that count now."})


class ReservationView(Fast):
    """Places that a resident holds, held, or waits for."""

    id = Id(required=True)
    session_id = Id(required=True)
    resident_id = Id(required=True)
    party_size = fields.Integer(required=True)
    status = fields.Enum(ReservationStatus, by_value=True, required=True)
    position = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Place in the line, 1 comes next; null: doesn't wait."}
    )
    waiting_reason = fields.Enum(
        WaitingReason,
        by_value=True,
        required=True,
        allow_none=True,
        metadata={"description": "Why not yet, when places were last given out."},
    )
    waiting_free = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Places that were free then."}
    )
    price = fields.Integer(required=True, metadata={"description": "Points for the whole party."})
    reserved_at = Moment(required=True)
    offer_expires_at = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "Until when the place that is offered can be confirmed."},
    )
    cancellable_until = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "Until when it can be given back; null: as long as sign-up is open."},
    )


class MyReservationView(ReservationView):
    """One of my reservations, with what it is for."""

    activity_id = Id(required=True)
    title = fields.String(required=True)
    venue_name = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    session_status = fields.Enum(SessionStatus, by_value=True, required=True)


class SessionReservationView(Fast):
    """A reservation as the session's staff see it."""

    id = Id(required=True)
    resident_id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})
    party_size = fields.Integer(required=True)
    status = fields.Enum(ReservationStatus, by_value=True, required=True)
    position = fields.Integer(required=True, allow_none=True)
    answers = fields.Raw(required=True, allow_none=True)
    price = fields.Integer(required=True)
    reserved_at = Moment(required=True)
    checked_in_at = Moment(required=True, allow_none=True)


class AttendanceCountView(Fast):
    """Who came to a session."""

    came = fields.Integer(required=True)
    no_shows = fields.Integer(required=True)
    waited = fields.Integer(required=True, metadata={"description": "Wishes that ended without a place."})


class DrawView(Fast):
    """A draw."""

    session_id = Id(required=True)
    commitment = fields.String(required=True, metadata={"description": "SHA-256 of the seed, in hexadecimal."})
    committed_at = Moment(required=True)
    draws_at = Moment(required=True, allow_none=True)
    drawn_at = Moment(required=True, allow_none=True)
    published = fields.Raw(
        required=True,
        allow_none=True,
        metadata={"description": "Seed, tickets and result: what `python3 -m rules.reservations.draw` replays."},
    )
