"""Centres, services and rosters as managers set them."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from blueprints.edge.fields import Day, Id, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.uploads.schemas import PictureView
from blueprints.venues.schemas import (
    CLOSES,
    NAME_LENGTH_MAX,
    OPENS,
    SPANS_MAX,
    OpenDayView,
    OpenSpanRequest,
    OpenSpanView,
)
from models.centres import ListingStatus
from models.territory import Scene

TEXT_LENGTH_MAX = 2000
LINE_LENGTH_MAX = 200
PHONES_MAX = 10
PICTURES_MAX = 9
MATERIALS_MAX = 20
MINUTES_MAX = 24 * 60
NUMBER = r"[0-9+][0-9 -]{2,19}\Z"


def degrees(most: int) -> fields.Float:
    """A latitude or a longitude, GCJ-02."""
    within = validate.Range(min=-most, max=most)
    return fields.Float(allow_none=True, validate=within, metadata={"description": "GCJ-02, in degrees."})


class PositionRequest(Arguments):
    """A position, given whole; null and null: nobody knows."""

    latitude = degrees(90)
    longitude = degrees(180)

    @validates_schema
    def check_position(self, wish: dict[str, Any], **_: Any) -> None:
        """Half a position is none."""
        given = [wish.get("latitude") is not None, wish.get("longitude") is not None]
        if ("latitude" in wish) != ("longitude" in wish) or given[0] != given[1]:
            raise ValidationError(["Give latitude and longitude, or neither."], "longitude")


class PlaceChangeRequest(PositionRequest):
    """Where a node of the tree lies."""

    latitude = fields.Float(required=True, allow_none=True, validate=validate.Range(min=-90, max=90))
    longitude = fields.Float(required=True, allow_none=True, validate=validate.Range(min=-180, max=180))


class CentrePhoneRequest(Arguments):
    """A number that visitors call."""

    label = Words(required=True, length_min=1, length_max=20)
    number = fields.String(required=True, validate=validate.Regexp(NUMBER))


def phones(**options: Any) -> fields.List:
    return fields.List(fields.Nested(CentrePhoneRequest), validate=validate.Length(max=PHONES_MAX), **options)


class CentreRules(PositionRequest):
    """What managers say of a centre."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    address = Words(length_min=1, length_max=LINE_LENGTH_MAX)
    introduction = Words(length_max=TEXT_LENGTH_MAX)
    phones = phones()
    picture_ids = fields.List(
        Id(), validate=validate.Length(max=PICTURES_MAX), metadata={"description": "Uploads for the purpose `centre`."}
    )
    opens_at = fields.String(validate=validate.Regexp(OPENS), metadata={"description": "Of every day, HH:MM."})
    closes_at = fields.String(validate=validate.Regexp(CLOSES), metadata={"description": "24:00 at most."})

    @validates_schema
    def check_times(self, wish: dict[str, Any], **_: Any) -> None:
        """Both ends of a day, in order."""
        opens_at, closes_at = wish.get("opens_at"), wish.get("closes_at")
        if (opens_at is None) != (closes_at is None) or (opens_at and closes_at and opens_at >= closes_at):
            raise ValidationError(["Give opens_at and a later closes_at, or neither."], "closes_at")


class CentreRequest(CentreRules):
    """A new service centre."""

    territory_id = Id(required=True, metadata={"description": "The community that it belongs to."})
    name = Words(required=True, length_min=1, length_max=NAME_LENGTH_MAX)
    address = Words(required=True, length_min=1, length_max=LINE_LENGTH_MAX)
    opens_at = fields.String(required=True, validate=validate.Regexp(OPENS))
    closes_at = fields.String(required=True, validate=validate.Regexp(CLOSES))


class CentreChangeRequest(CentreRules):
    """What is to be changed of a centre; what isn't named stays."""


class ServiceRules(Arguments):
    """What managers say of a service."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    description = Words(length_min=1, length_max=TEXT_LENGTH_MAX)
    scene = fields.Enum(Scene, by_value=True)
    audience = Words(length_max=LINE_LENGTH_MAX, metadata={"description": "Who it is for; empty: everybody."})
    materials = fields.List(
        Words(length_min=1, length_max=LINE_LENGTH_MAX),
        validate=validate.Length(max=MATERIALS_MAX),
        metadata={"description": "What to bring, a line each."},
    )
    fee_note = Words(length_max=LINE_LENGTH_MAX)
    minutes = fields.Integer(strict=True, allow_none=True, validate=validate.Range(min=1, max=MINUTES_MAX))


class ServiceRequest(ServiceRules):
    """A new service of a centre."""

    name = Words(required=True, length_min=1, length_max=NAME_LENGTH_MAX)
    description = Words(required=True, length_min=1, length_max=TEXT_LENGTH_MAX)
    scene = fields.Enum(Scene, by_value=True, required=True)


class ServiceChangeRequest(ServiceRules):
    """What is to be changed of a service; what isn't named stays."""

    status = fields.Enum(ListingStatus, by_value=True)


class CentreStaffRules(Arguments):
    """What managers say of somebody at a centre."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    title = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    introduction = Words(length_max=LINE_LENGTH_MAX)
    picture_id = Id(allow_none=True, metadata={"description": "An upload for the purpose `staff`."})


class CentreStaffRequest(CentreStaffRules):
    """Somebody to be shown at a centre; they know of it and agree to it."""

    name = Words(required=True, length_min=1, length_max=NAME_LENGTH_MAX)
    title = Words(required=True, length_min=1, length_max=NAME_LENGTH_MAX)


class CentreStaffChangeRequest(CentreStaffRules):
    """What is to be changed of somebody; what isn't named stays."""

    status = fields.Enum(ListingStatus, by_value=True)


class DutyDayRequest(Arguments):
    """When somebody is on duty on one day, whatever the pattern says; no spans: off."""

    day = Day(required=True)
    spans = fields.List(fields.Nested(OpenSpanRequest), required=True, validate=validate.Length(max=SPANS_MAX))


class CentreStaffArguments(PageArguments):
    """A page of the people of a centre."""

    cursor = cursor_of("centre-staff")


class ListedCentreStaffView(Fast):
    """Somebody of a centre, in its managers' list."""

    id = Id(required=True)
    name = fields.String(required=True)
    title = fields.String(required=True)
    introduction = fields.String(required=True)
    status = fields.Enum(ListingStatus, by_value=True, required=True)


class DutyOfDayView(Fast):
    """A day that stands apart from the pattern."""

    day = fields.Date(required=True)
    spans = fields.List(fields.Nested(OpenSpanView), required=True)


class CentreStaffView(ListedCentreStaffView):
    """Somebody of a centre with the whole roster that was said of them."""

    service_centre_id = Id(required=True)
    picture = fields.Nested(PictureView, required=True, allow_none=True)
    pattern = fields.List(fields.Nested(OpenDayView), required=True, metadata={"description": "By the kind of day."})
    days = fields.List(fields.Nested(DutyOfDayView), required=True, metadata={"description": "Of the coming year."})
