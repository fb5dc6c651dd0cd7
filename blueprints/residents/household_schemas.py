"""Households, and asking to join one."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of

DOOR_LENGTH_MAX = 32


class PrincipalOfHousehold(Arguments):
    """For whom."""

    resident_id = Id(load_default=None, metadata={"description": "For whom I act; me by default."})


class HouseholdJoinRequest(PrincipalOfHousehold):
    """Where I live: `building_id` and `door`, or `household_id`."""

    building_id = Id(load_default=None)
    door = Words(length_min=1, length_max=DOOR_LENGTH_MAX, load_default=None, metadata={"description": "2单元601室"})
    household_id = Id(load_default=None, metadata={"description": "As a member of my family sees it."})


class HouseholdMemberView(Fast):
    """Somebody of my household."""

    id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})
    is_me = fields.Boolean(required=True)


class HouseholdRequestView(Fast):
    """Somebody asks to be written down as living there."""

    id = Id(required=True)
    name = fields.String(required=True, allow_none=True, metadata={"description": "Masked; null: my own request."})
    building_id = Id(required=True, allow_none=True)
    door = fields.String(required=True, allow_none=True)
    asked_at = Moment(required=True)
    lapses_at = Moment(required=True)


class HouseholdView(Fast):
    """Where I live, and with whom; without a household all of it is empty."""

    id = Id(required=True, allow_none=True)
    building_id = Id(required=True, allow_none=True)
    building = fields.String(required=True, allow_none=True)
    door = fields.String(required=True, allow_none=True)
    members = fields.List(fields.Nested(HouseholdMemberView), required=True)
    requests = fields.List(fields.Nested(HouseholdRequestView), required=True)
    my_request = fields.Nested(HouseholdRequestView, required=True, allow_none=True)


class HouseholdAnswerRequest(Arguments):
    """Yes or no."""

    accept = fields.Boolean(
        required=True, truthy={True}, falsy={False}, metadata={"description": "Whether they live there."}
    )


class HouseholdRequestArguments(PageArguments):
    """A page of what waits."""

    cursor = cursor_of("household_requests")
