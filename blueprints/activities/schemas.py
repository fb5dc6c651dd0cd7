"""Activities and their sessions, as everybody sees them."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from blueprints.edge.fields import MICROSECONDS_MAX, Distance, Id, Moment, Words
from blueprints.edge.schemas import Fast, NearArguments, PageArguments, cursor_of
from models.activities import ActivityStatus, Allocation, Audience
from models.territory import Scene
from rules.activities.looking import SessionState
from rules.activities.questions import QuestionKind
from rules.geography import FAR
from rules.ids import ID_MAX


class PeriodArguments(PageArguments):
    """A page of what is on in a period."""

    from_ = Moment(
        data_key="from", load_default=None, metadata={"description": "Sessions that end after it; now if not given."}
    )
    to = Moment(
        load_default=None, metadata={"description": "Sessions that start before it; 31 days later if not given."}
    )


class SessionArguments(PeriodArguments):
    """Which sessions of an activity to list."""

    cursor = cursor_of("sessions", MICROSECONDS_MAX, ID_MAX)


class ActivityArguments(PeriodArguments, NearArguments):
    """Which activities to list."""

    cursor = cursor_of("activities", FAR + 1, MICROSECONDS_MAX, ID_MAX)
    q = Words(length_max=64, load_default=None, metadata={"description": "Part of title, summary or category."})
    scene = fields.Enum(Scene, by_value=True, load_default=None)
    community_id = Id(load_default=None)
    available = fields.Boolean(load_default=False, metadata={"description": "Only with a place to reserve."})
    weekend = fields.Boolean(
        load_default=False, metadata={"description": "Only this weekend's, in place of from and to."}
    )
    free = fields.Boolean(load_default=False, metadata={"description": "Only what costs no points."})
    audience = fields.Enum(
        Audience,
        by_value=True,
        load_default=None,
        metadata={"description": "Made for children (up to 17) or for elders (from 60 on)."},
    )
    checkin_open = fields.Boolean(load_default=False, metadata={"description": "Only with check-in open right now."})

    @validates_schema
    def check_weekend(self, wish: dict[str, Any], **_: Any) -> None:
        """A weekend is a period of its own."""
        if wish.get("weekend") and (wish.get("from_") or wish.get("to")):
            raise ValidationError(["Not together with from or to."], "weekend")


class QuestionView(Fast):
    """Something that is asked at sign-up."""

    key = fields.String(required=True, metadata={"description": "Names the answer."})
    text = fields.String(required=True)
    kind = fields.Enum(QuestionKind, by_value=True, required=True)
    choices = fields.List(fields.String(), required=True, metadata={"description": "Empty but for a choice."})
    required = fields.Boolean(required=True)


class ActivityView(Fast):
    """An activity in a list."""

    id = Id(required=True)
    title = fields.String(required=True)
    summary = fields.String(required=True)
    category = fields.String(required=True)
    scene = fields.Enum(Scene, by_value=True, required=True)
    status = fields.Enum(ActivityStatus, by_value=True, required=True)
    community_id = Id(required=True)
    community_name = fields.String(required=True)
    operator_id = Id(required=True)
    operator_name = fields.String(required=True)
    volunteers_only = fields.Boolean(required=True)
    eligible_territory_id = Id(required=True, allow_none=True)
    eligible_territory_name = fields.String(
        required=True, allow_none=True, metadata={"description": "Only for residents of this place; null for all."}
    )
    party_size_max = fields.Integer(required=True)
    age_min = fields.Integer(required=True, allow_none=True, metadata={"description": "Full years on the day."})
    age_max = fields.Integer(required=True, allow_none=True)
    audience = fields.Enum(
        Audience, by_value=True, required=True, allow_none=True, metadata={"description": "null: everybody."}
    )
    price = fields.Integer(
        required=True, metadata={"description": "Points a head, in the book's smallest unit: held at sign-up."}
    )
    allocation = fields.Enum(Allocation, by_value=True, required=True)
    waiting_max = fields.Integer(required=True, metadata={"description": "Parties that may wait; 0: no waiting list."})
    offer_minutes = fields.Integer(
        required=True, metadata={"description": "How long a freed place is offered; 0: it is given at once."}
    )
    allows_reentry = fields.Boolean(required=True)


class ListedActivityView(ActivityView):
    """An activity with the start of its soonest session that fits what was asked."""

    next_starts_at = Moment(required=True)
    distance_metres = Distance(
        attribute="squared",
        required=True,
        allow_none=True,
        metadata={"description": "To the centre of its nearest session; null without `near` or without a position."},
    )


class SessionVenueView(Fast):
    """Where a session takes place."""

    id = Id(required=True)
    name = fields.String(required=True)
    centre = fields.String(required=True)
    address = fields.String(required=True)


class SessionView(Fast):
    """One occurrence of an activity."""

    id = Id(required=True)
    activity_id = Id(required=True)
    series_id = Id(required=True, allow_none=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    reservable_from = Moment(required=True, allow_none=True, metadata={"description": "null: from the publication on."})
    reservable_until = Moment(required=True, metadata={"description": "Places are taken and given back until then."})
    allocates_at = Moment(
        required=True,
        allow_none=True,
        metadata={
            "description": "When the places are given out among all who applied; null: first come, or it is done."
        },
    )
    checkin_opens_at = Moment(required=True)
    venue = fields.Nested(SessionVenueView, required=True)
    capacity = fields.Integer(required=True)
    capacity_min = fields.Integer(
        required=True, metadata={"description": "With fewer people by reservable_until it is called off."}
    )
    taken = fields.Integer(required=True)
    waiting = fields.Integer(required=True, metadata={"description": "Parties on the waiting list."})
    status = fields.Enum(SessionState, by_value=True, required=True)


class ActivityDetailView(ActivityView):
    """An activity with the sessions that are on or come next."""

    questions = fields.List(fields.Nested(QuestionView), required=True)
    sessions = fields.List(fields.Nested(SessionView), required=True)
