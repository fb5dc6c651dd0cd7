"""Places in sessions."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.activities import SessionStatus
from models.reservations import ReservationStatus

PARTY_MAX = 100


class ReservationRequest(Arguments):
    """How many places."""

    party_size = fields.Integer(
        load_default=1, strict=True, validate=validate.Range(min=1, max=PARTY_MAX), metadata={"description": "People."}
    )


class MyReservationArguments(PageArguments):
    """A page of my reservations."""

    cursor = cursor_of("reservations")


class ReservationView(Fast):
    """Places that a resident holds, or held."""

    id = Id(required=True)
    session_id = Id(required=True)
    party_size = fields.Integer(required=True)
    status = fields.Enum(ReservationStatus, by_value=True, required=True)
    reserved_at = Moment(required=True)


class MyReservationView(ReservationView):
    """One of my reservations, with what it is for."""

    activity_id = Id(required=True)
    title = fields.String(required=True)
    venue_name = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    session_status = fields.Enum(SessionStatus, by_value=True, required=True)
