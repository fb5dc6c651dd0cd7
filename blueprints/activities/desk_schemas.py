"""Activities, series and sessions as organisers write them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate

from blueprints.activities.schemas import ActivityView
from blueprints.edge.fields import Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.activities import ActivityStatus, Allocation, Audience
from models.territory import Scene
from rules.activities.changing import Scope
from rules.activities.questions import CHOICES_MAX, QUESTIONS_MAX, QuestionKind
from rules.activities.scheduling import SeriesWish
from rules.activities.series import PLAN_FIELDS, Plan, Skip

PARTY_MAX = 100
AGE_MAX = 150
PRICE_MAX = 1_000_000
WAITING_MAX = 1_000
WEEK_MINUTES = 7 * 24 * 60
DAY_MINUTES = 24 * 60
YEAR_MINUTES = 366 * DAY_MINUTES
CAPACITY_MAX = 10_000
SKIPS_MAX = 200
REASON_LENGTH_MAX = 200


def whole(least: int, most: int, about: str = "", **options: Any) -> fields.Integer:
    """A whole number from least to most."""
    metadata = {"description": about} if about else {}
    return fields.Integer(strict=True, validate=validate.Range(min=least, max=most), metadata=metadata, **options)


class QuestionRequest(Arguments):
    """Something to ask at sign-up."""

    key = fields.String(
        required=True,
        validate=validate.Regexp(r"[a-z][a-z0-9_]{0,31}\Z", error="Lower-case letters, digits and _, up to 32."),
        metadata={"description": "Names the answer; keep it when the wording changes."},
    )
    text = Words(required=True, length_min=1, length_max=200)
    kind = fields.Enum(QuestionKind, by_value=True, required=True)
    choices = fields.List(
        Words(length_min=1, length_max=100), load_default=list, validate=validate.Length(max=CHOICES_MAX)
    )
    required = fields.Boolean(load_default=False)


class ActivityChanges(Arguments):
    """What to change of an activity; what isn't said stays."""

    title = Words(length_min=1, length_max=80)
    summary = Words(length_min=1, length_max=2000)
    category = Words(length_min=1, length_max=32, metadata={"description": "The centre's own word: 亲子早教, 瑜伽."})
    scene = fields.Enum(Scene, by_value=True)
    community_id = Id(metadata={"description": "The node of the tree that it belongs to; its organisers run it."})
    operator_id = Id()
    eligible_territory_id = Id(
        allow_none=True, metadata={"description": "Only residents of this node and below; null: the whole town."}
    )
    volunteers_only = fields.Boolean()
    party_size_max = whole(1, PARTY_MAX)
    age_min = whole(0, AGE_MAX, "In full years on the day of the session.", allow_none=True)
    age_max = whole(0, AGE_MAX, allow_none=True)
    audience = fields.Enum(
        Audience, by_value=True, allow_none=True, metadata={"description": "Made for them; keeps nobody out."}
    )
    price = whole(0, PRICE_MAX, "Points a head, in the book's smallest unit: held at sign-up, captured at check-in.")
    allocation = fields.Enum(Allocation, by_value=True)
    waiting_max = whole(0, WAITING_MAX, "Parties that may wait for one session.")
    offer_minutes = whole(0, WEEK_MINUTES, "How long a freed place is offered; 0: it is given at once.")
    allows_reentry = fields.Boolean()
    questions = fields.List(fields.Nested(QuestionRequest), validate=validate.Length(max=QUESTIONS_MAX))


class ActivityRequest(ActivityChanges):
    """A new activity, which begins as a draft."""

    title = Words(required=True, length_min=1, length_max=80)
    summary = Words(required=True, length_min=1, length_max=2000)
    category = Words(
        required=True, length_min=1, length_max=32, metadata={"description": "The centre's own word: 亲子早教, 瑜伽."}
    )
    scene = fields.Enum(Scene, by_value=True, required=True)
    community_id = Id(
        required=True, metadata={"description": "The node of the tree that it belongs to; its organisers run it."}
    )
    operator_id = Id(required=True)
    eligible_territory_id = Id(
        load_default=None,
        allow_none=True,
        metadata={"description": "Only residents of this node and below; null: the whole town."},
    )
    volunteers_only = fields.Boolean(load_default=False)
    party_size_max = whole(1, PARTY_MAX, load_default=1)
    age_min = whole(0, AGE_MAX, "In full years on the day of the session.", load_default=None, allow_none=True)
    age_max = whole(0, AGE_MAX, load_default=None, allow_none=True)
    audience = fields.Enum(
        Audience,
        by_value=True,
        load_default=None,
        allow_none=True,
        metadata={"description": "Made for them; keeps nobody out. null: everybody."},
    )
    price = whole(
        0,
        PRICE_MAX,
        "Points a head, in the book's smallest unit: held at sign-up, captured at check-in.",
        load_default=0,
    )
    allocation = fields.Enum(Allocation, by_value=True, load_default=Allocation.FIRST_COME)
    waiting_max = whole(0, WAITING_MAX, "Parties that may wait for one session.", load_default=0)
    offer_minutes = whole(0, WEEK_MINUTES, "How long a freed place is offered; 0: at once.", load_default=0)
    allows_reentry = fields.Boolean(load_default=True)
    questions = fields.List(
        fields.Nested(QuestionRequest), load_default=list, validate=validate.Length(max=QUESTIONS_MAX)
    )


class CancellationRequest(Arguments):
    """Why; those who have reserved read it."""

    reason = Words(
        required=True,
        length_min=1,
        length_max=REASON_LENGTH_MAX,
        metadata={"description": "Everybody who has reserved reads it."},
    )


class ManagedArguments(PageArguments):
    """Which of the activities of my places to list."""

    status = fields.Enum(ActivityStatus, by_value=True, load_default=None)
    community_id = Id(load_default=None)
    cursor = cursor_of("managed-activities")


class ManagedActivityView(ActivityView):
    """An activity as its organisers see it in a list."""

    copied_from_id = Id(required=True, allow_none=True)
    created_at = Moment(required=True)
    sessions_to_come = fields.Integer(required=True)
    next_starts_at = Moment(required=True, allow_none=True)


OPENS = "Sign-up opens so long before the beginning; null: at the publication."
CLOSES = "Sign-up closes so long before the beginning; below 0: so long after it, for coming and going."
ALLOCATES = "With priority or lottery: the places are given out so long before the beginning, before sign-up closes."
MINIMUM = "With fewer people when sign-up closes, the session is called off and everybody is told; 0: it takes place."
OVERBOOKING = "How far beyond the capacity we may go by what is known of no-shows."


class _PlanRequest(Arguments):
    """What a session is, apart from when it begins."""

    venue_id = Id(required=True)
    duration_minutes = whole(5, DAY_MINUTES, required=True)
    capacity = whole(1, CAPACITY_MAX, required=True)
    capacity_min = whole(0, CAPACITY_MAX, MINIMUM, load_default=0)
    overbooking_max = whole(0, CAPACITY_MAX, OVERBOOKING, load_default=0)
    opens_minutes_before = whole(1, YEAR_MINUTES, OPENS, load_default=None, allow_none=True)
    closes_minutes_before = whole(-DAY_MINUTES, YEAR_MINUTES, CLOSES, load_default=0)
    allocates_minutes_before = whole(1, YEAR_MINUTES, ALLOCATES, load_default=None, allow_none=True)


class SessionRequest(_PlanRequest):
    """One session, of no series."""

    starts_at = Moment(required=True)

    @post_load
    def _as_wish(self, data: dict[str, Any], **options: Any) -> dict[str, Any]:
        return {"starts_at": data.pop("starts_at"), "plan": Plan(**data)}


class SeriesRequest(_PlanRequest):
    """A series: the same session again and again."""

    rrule = fields.String(
        required=True,
        validate=validate.Length(min=1, max=200),
        metadata={
            "description": "RFC 5545 with FREQ=DAILY, WEEKLY or MONTHLY, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, "
            "BYSETPOS: FREQ=WEEKLY;BYDAY=MO,WE."
        },
    )
    starts_on = Day(required=True)
    starts_at = fields.String(
        required=True,
        validate=validate.Regexp(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", error="A time of day, for example 09:30."),
        metadata={"description": "Local time, for example 09:30."},
    )
    ends_on = Day(load_default=None, allow_none=True, metadata={"description": "The last day that may have a session."})
    skips_holidays = fields.Boolean(load_default=False, metadata={"description": "Not on public holidays."})
    skip = fields.List(
        Day(), load_default=list, validate=validate.Length(max=SKIPS_MAX), metadata={"description": "Days left out."}
    )

    @post_load
    def _as_wish(self, data: dict[str, Any], **options: Any) -> SeriesWish:
        plan = Plan(**{name: data.pop(name) for name in PLAN_FIELDS})
        return SeriesWish(plan=plan, **data)


class SessionChanges(Arguments):
    """What to change of a session, and for how much of its series; what isn't said stays."""

    scope = fields.Enum(
        Scope,
        by_value=True,
        load_default=Scope.ONE,
        metadata={"description": "one: this session; following: this and those after it; all: all that are to come."},
    )
    starts_at = Moment(
        metadata={
            "description": "When this session is to begin. With following and all its day must stay, and the others take "
            "its time of day."
        }
    )
    venue_id = Id()
    duration_minutes = whole(5, DAY_MINUTES)
    capacity = whole(1, CAPACITY_MAX, "Not below what is taken.")
    capacity_min = whole(0, CAPACITY_MAX, MINIMUM)
    overbooking_max = whole(0, CAPACITY_MAX, OVERBOOKING)
    opens_minutes_before = whole(1, YEAR_MINUTES, OPENS, allow_none=True)
    closes_minutes_before = whole(-DAY_MINUTES, YEAR_MINUTES, CLOSES)
    allocates_minutes_before = whole(1, YEAR_MINUTES, ALLOCATES)


class SessionCancellationRequest(CancellationRequest):
    """Why sessions are called off, and how many of their series."""

    scope = fields.Enum(Scope, by_value=True, load_default=Scope.ONE)


class SeriesView(Fast):
    """A series."""

    id = Id(required=True)
    activity_id = Id(required=True)
    rrule = fields.String(required=True)
    starts_on = fields.Date(required=True)
    starts_at = fields.String(required=True)
    ends_on = fields.Date(
        required=True,
        allow_none=True,
        metadata={"description": "The last day that may have a session; null: it goes on."},
    )
    skips_holidays = fields.Boolean(required=True)
    skips = fields.List(fields.String(), required=True)
    expanded_until = fields.Date(
        required=True, allow_none=True, metadata={"description": "Sessions are made up to this day; null: none yet."}
    )
    venue_id = Id(required=True)
    duration_minutes = fields.Integer(required=True)
    capacity = fields.Integer(required=True)
    capacity_min = fields.Integer(required=True)
    overbooking_max = fields.Integer(required=True)
    opens_minutes_before = fields.Integer(required=True, allow_none=True)
    closes_minutes_before = fields.Integer(required=True)
    allocates_minutes_before = fields.Integer(required=True, allow_none=True)


class PlannedDayView(Fast):
    """A day of a series that isn't written yet."""

    day = fields.Date(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    skipped = fields.Enum(
        Skip, by_value=True, required=True, allow_none=True, metadata={"description": "null: there is a session."}
    )
    is_venue_taken = fields.Boolean(required=True)


class SeriesPreviewView(Fast):
    """What a series would be; nothing is written."""

    rrule = fields.String(required=True, metadata={"description": "As it would be kept."})
    ends_on = fields.Date(required=True, allow_none=True)
    expanded_until = fields.Date(required=True, metadata={"description": "The last day of `items`; later ones follow."})
    items = fields.List(fields.Nested(PlannedDayView), required=True)
