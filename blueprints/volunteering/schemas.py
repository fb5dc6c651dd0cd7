"""Volunteers and their hours."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from blueprints.edge.fields import Cursor, Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.rulebook.schemas import LadderView
from models.territory import Scene
from models.volunteering import Provenance, ServiceStatus
from rules.volunteering.book import MINUTES_OF_HOUR

FOR_WHOM = {"description": "For whom I act: a child of mine, an elder who named me; myself without it."}


def _in_hours(minutes: int) -> float:
    return round(minutes / MINUTES_OF_HOUR, 2)


class Hours(fields.Float):
    """Minutes, shown as hours with two decimals."""

    fast = staticmethod(_in_hours)

    def _serialize(self, value: int | None, attr: str | None, obj: Any, **kwargs: Any) -> float | None:
        return None if value is None else _in_hours(value)


class MinutesView(Fast):
    """Minutes, apart by where they come from."""

    signed = fields.Integer(required=True, metadata={"description": "Signed in and out at the door."})
    staff = fields.Integer(required=True, metadata={"description": "Written down by staff."})
    imported = fields.Integer(required=True, metadata={"description": "From another system."})
    total = fields.Integer(required=True)


class ServiceHoursView(Fast):
    """The same in hours."""

    signed = Hours(required=True)
    staff = Hours(required=True)
    imported = Hours(required=True)
    total = Hours(required=True)


class PrincipalArguments(Arguments):
    """For whom something is looked at or done."""

    resident_id = Id(load_default=None, metadata=FOR_WHOM)


class VolunteerRequest(Arguments):
    """I have read the volunteers' statement and agree to it."""

    version = Words(
        length_min=1,
        length_max=32,
        required=True,
        metadata={
            "description": "`current_version` of `GET /me/volunteer`, whose `statement` was shown and agreed to."
        },
    )
    resident_id = Id(load_default=None, metadata=FOR_WHOM)


class RegistrationView(Fast):
    """Whether I am a volunteer, and what one agrees to."""

    is_volunteer = fields.Boolean(required=True)
    registered_at = Moment(required=True, allow_none=True)
    statement_version = fields.String(
        required=True, allow_none=True, metadata={"description": "That was agreed to; null: before there was one."}
    )
    current_version = fields.String(required=True)
    statement = fields.String(required=True)
    statement_en = fields.String(required=True)


class MyHoursArguments(PageArguments):
    """A page of my records."""

    cursor = cursor_of("my_hours")
    resident_id = Id(load_default=None, metadata=FOR_WHOM)


class ServiceYearView(Fast):
    """What was served in one year."""

    year = fields.Integer(required=True)
    minutes = fields.Nested(MinutesView, required=True)
    hours = fields.Nested(ServiceHoursView, attribute="minutes", dump_only=True, required=True)


class MyServiceView(Fast):
    """A record of my service."""

    id = Id(required=True)
    provenance = fields.Enum(Provenance, by_value=True, required=True)
    minutes = fields.Integer(required=True)
    hours = Hours(attribute="minutes", dump_only=True, required=True)
    served_on = Day(required=True)
    description = fields.String(required=True)
    category = fields.String(required=True, allow_none=True)
    scene = fields.Enum(Scene, by_value=True, required=True, allow_none=True)
    status = fields.Enum(
        ServiceStatus,
        by_value=True,
        required=True,
        metadata={"description": "`pending`: a second person looks at it first; only `counted` ones count."},
    )
    recorded_at = Moment(required=True)
    decision_note = fields.String(required=True, allow_none=True)
    void_reason = fields.String(required=True, allow_none=True)


class MyHoursView(Fast):
    """My hours, my stars, and a page of my records, the latest first."""

    minutes = fields.Nested(MinutesView, required=True)
    hours = fields.Nested(ServiceHoursView, attribute="minutes", dump_only=True, required=True)
    years = fields.List(fields.Nested(ServiceYearView), required=True)
    stars = fields.List(
        fields.Nested(LadderView),
        required=True,
        metadata={
            "description": "The ladders of the rulebook that ask for hours, with what is missing for the next level."
        },
    )
    items = fields.List(fields.Nested(MyServiceView), required=True)
    next_cursor = Cursor(
        of="my_hours",
        attribute="next_after",
        required=True,
        allow_none=True,
        metadata={"description": "null on the last page."},
    )
