"""Ways to earn, levels and their rights, rankings."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Cursor, Day, Id, Moment
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.ranking import EARNED
from models.territory import Scene
from rules.ids import ID_MAX
from rules.points.ranking import AMOUNT_MAX
from rules.points.ranking_periods import Span


class LimitLeftView(Fast):
    """A limit of a way to earn, and what is left of it for me."""

    words = fields.String(required=True)
    shared_title = fields.String(
        required=True, allow_none=True, metadata={"description": "Of a limit that several ways share."}
    )
    most = fields.Float(required=True, metadata={"description": "Points, times or the quantity."})
    left = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "null for visitors, and where each thing has a limit of its own."},
    )
    left_in_words = fields.String(required=True, allow_none=True)


class WayView(Fast):
    """A way to earn: one rule that gives points."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    category = fields.String(required=True, allow_none=True)
    events = fields.List(fields.String(), required=True, metadata={"description": "The kinds of event it speaks of."})
    amount_in_words = fields.String(required=True)
    words = fields.String(required=True, metadata={"description": "The whole rule in a sentence."})
    starts_on = Day(required=True, allow_none=True)
    ends_on = Day(required=True, allow_none=True)
    limits = fields.List(fields.Nested(LimitLeftView), required=True)
    is_open = fields.Boolean(required=True, metadata={"description": "To me, today."})
    why_closed = fields.String(required=True, allow_none=True)


class WaysView(Fast):
    """The ways to earn today, in the order of the rulebook."""

    rulebook = fields.String(required=True, allow_none=True, metadata={"description": "null: there is none yet."})
    day = Day(required=True)
    items = fields.List(fields.Nested(WayView), required=True)


class LevelRightsView(Fast):
    """One level of a ladder and what it gives."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    words = fields.String(required=True, metadata={"description": "What it asks for and gives."})
    rights = fields.List(fields.String(), required=True)
    is_reached = fields.Boolean(required=True)
    is_mine = fields.Boolean(required=True, metadata={"description": "Where I am now."})


class LadderRightsView(Fast):
    """A ladder of levels and where I am on it."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    words = fields.String(required=True, metadata={"description": "How it works."})
    level_title = fields.String(required=True, allow_none=True)
    levels = fields.List(fields.Nested(LevelRightsView), required=True)
    next_title = fields.String(required=True, allow_none=True)
    missing = fields.List(
        fields.String(), required=True, metadata={"description": "What numbers the next level asks for still."}
    )


class RightsView(Fast):
    """All ladders of the rulebook in force."""

    rulebook = fields.String(required=True, allow_none=True, metadata={"description": "null: there is none yet."})
    ladders = fields.List(fields.Nested(LadderRightsView), required=True)


def _day_in_period() -> Day:
    return Day(load_default=None, metadata={"description": "A day of the period; today unless it is given."})


def _scene() -> fields.Enum:
    return fields.Enum(Scene, by_value=True, load_default=None, metadata={"description": "Only what was earned in it."})


def _span() -> fields.Enum:
    return fields.Enum(Span, by_value=True, load_default=Span.MONTH)


class RankingArguments(PageArguments):
    """Which ranking, and a page of it."""

    cursor = cursor_of("ranking", AMOUNT_MAX, ID_MAX)
    ranking = fields.String(
        load_default=EARNED,
        validate=validate.Length(1, 64),
        metadata={"description": "`earned`, or an id of GET /points/rankings."},
    )
    period = _span()
    day = _day_in_period()
    scene = _scene()
    community_id = Id(load_default=None, metadata={"description": "Only who lives there."})


class CommunityRankingArguments(Arguments):
    """Which ranking of communities."""

    period = _span()
    day = _day_in_period()
    scene = _scene()


class RankingChoiceRequest(Arguments):
    """Whether I am seen in rankings."""

    shown = fields.Boolean(required=True, truthy={True}, falsy={False})


class RankingChoiceView(Fast):
    """Whether I am seen in rankings."""

    shown = fields.Boolean(required=True)
    is_allowed = fields.Boolean(required=True, metadata={"description": "false: below 14."})


class RankingOfferView(Fast):
    """A ranking that the town has."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    periods = fields.List(fields.String(), required=True)
    top = fields.Integer(required=True, metadata={"description": "So many places there are."})
    reward = fields.String(required=True, allow_none=True)


class RankedResidentView(Fast):
    """A place in a ranking; equal numbers share one."""

    place = fields.Integer(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})
    amount = fields.Float(required=True)
    is_me = fields.Boolean(required=True)


class OwnPlaceView(Fast):
    """Where I am."""

    is_shown = fields.Boolean(required=True, metadata={"description": "false: nobody else sees it."})
    amount = fields.Float(required=True)
    place = fields.Integer(required=True, allow_none=True, metadata={"description": "Among those who are seen."})


class RankingView(Fast):
    """A page of a ranking, and what it is a ranking of."""

    ranking = fields.String(required=True)
    title = fields.String(required=True)
    unit = fields.String(required=True)
    period = fields.String(required=True)
    starts_on = Day(required=True)
    ends_on = Day(required=True)
    top = fields.Integer(required=True)
    reward = fields.String(required=True, allow_none=True)
    as_of = Moment(required=True, allow_none=True, metadata={"description": "When it was worked out."})
    items = fields.List(fields.Nested(RankedResidentView), required=True)
    next_cursor = Cursor(
        of="ranking",
        attribute="next_after",
        required=True,
        allow_none=True,
        metadata={"description": "null on the last page."},
    )
    me = fields.Nested(OwnPlaceView, required=True, allow_none=True, metadata={"description": "null for staff."})


class RankedCommunityView(Fast):
    """A community's place, by points a head."""

    place = fields.Integer(required=True)
    community_id = Id(required=True)
    name = fields.String(required=True)
    amount = fields.Float(required=True)
    residents = fields.Integer(required=True)
    per_resident = fields.Float(required=True)


class CommunityRankingView(Fast):
    """All communities of the town; it names no person."""

    period = fields.String(required=True)
    starts_on = Day(required=True)
    ends_on = Day(required=True)
    unit = fields.String(required=True)
    as_of = Moment(required=True, allow_none=True)
    items = fields.List(fields.Nested(RankedCommunityView), required=True)
