"""What the monitoring is asked: of which place and days, which rows, as a file; and targets and weights as they are set."""

from __future__ import annotations

from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from blueprints.edge.fields import Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, PageArguments, cursor_of
from blueprints.monitor.sheets import FORMATS
from models.monitor_wishes import TargetPeriod
from models.territory import Scene
from rules.ids import ID_MAX
from rules.monitor.drilling import Part
from rules.monitor.periods import PeriodKind

NAME_LENGTH_MAX = 80
DETAIL_LENGTH_MAX = 200
MEASURES_MAX = 8
NUMBER_MAX = 1_000_000_000_000
ORDINAL_MAX = date.max.toordinal()  #: of days
SEEN_MAX = 1_000_000
STRETCHES_MAX = 99
#: By what a series may be split.
SPANS = (PeriodKind.DAY, PeriodKind.WEEK, PeriodKind.MONTH)


class MomentArguments(Arguments):
    """As of which moment is answered."""

    as_of = Moment(load_default=None, metadata={"description": "What was recorded by then counts; now unless given."})


class QuestionArguments(MomentArguments):
    """Of which place and which days."""

    territory_id = Id(
        load_default=None, metadata={"description": "A community, an estate…; without it the whole town."}
    )
    operator_id = Id(load_default=None, metadata={"description": "This operator's numbers alone."})
    period = fields.Enum(PeriodKind, by_value=True, load_default=PeriodKind.MONTH)
    first_day = Day(
        load_default=None, metadata={"description": "A day of the period; the first one of a custom period."}
    )
    last_day = Day(load_default=None, metadata={"description": "Of a custom period."})


class FileArguments(Arguments):
    """Whether a file is wanted."""

    format = fields.String(
        load_default=None,
        validate=validate.OneOf(FORMATS),
        metadata={"description": "A file instead of JSON; what is text in it stays text."},
    )


class TableArguments(QuestionArguments, FileArguments):
    """Of which place and which days, as JSON or as a file."""


class PointsArguments(TableArguments):
    """The same; a file has one of the tables."""

    table = fields.String(load_default="flows", validate=validate.OneOf(("flows", "liability", "rules", "budgets")))


class VenuesMonitorArguments(TableArguments):
    """The same; a file has the rooms or the hours of the week."""

    table = fields.String(load_default="rooms", validate=validate.OneOf(("rooms", "hours")))


class SeriesArguments(TableArguments):
    """Which measures over which days."""

    measure = fields.List(
        fields.String(validate=validate.Length(1, NAME_LENGTH_MAX)),
        required=True,
        validate=validate.Length(1, MEASURES_MAX),
        metadata={"description": f"Up to {MEASURES_MAX}: ?measure=a&measure=b"},
    )
    by = fields.Enum(PeriodKind, by_value=True, load_default=PeriodKind.DAY, validate=validate.OneOf(SPANS))
    scene = fields.Enum(Scene, by_value=True, load_default=None)
    detail = Words(load_default=None, length_min=1, length_max=DETAIL_LENGTH_MAX)


class RowArguments(QuestionArguments, FileArguments, PageArguments):
    """Which rows a number is made of."""

    scene = fields.Enum(Scene, by_value=True, load_default=None)
    detail = Words(load_default=None, length_min=1, length_max=DETAIL_LENGTH_MAX)
    part = fields.Enum(
        Part,
        by_value=True,
        load_default=Part.ABOVE,
        metadata={"description": "Of a ratio: which side of the line."},
    )
    cursor = cursor_of("monitor_rows", STRETCHES_MAX, ORDINAL_MAX, ID_MAX, SEEN_MAX)

    @validates_schema
    def check_one_slice(self, wish: dict[str, Any], **_: Any) -> None:
        """Numbers are split one way at a time."""
        if sum(wish.get(name) is not None for name in ("scene", "detail")) > 1:
            raise ValidationError(["Only one of scene and detail."], "detail")


class FindingArguments(QuestionArguments, FileArguments, PageArguments):
    """Which findings."""

    cursor = cursor_of("monitor_findings", ORDINAL_MAX, STRETCHES_MAX, ID_MAX)


class PlaceArguments(PageArguments):
    """Which places."""

    cursor = cursor_of("monitor_places")


class ReportArguments(Arguments):
    """Of which place."""

    territory_id = Id(load_default=None, metadata={"description": "Without it the whole town's."})


class SnapshotArguments(PageArguments):
    """Which snapshots."""

    cursor = cursor_of("monitor_snapshots", ORDINAL_MAX, SEEN_MAX)


class TargetArguments(PageArguments):
    """Whose targets."""

    territory_id = Id(load_default=None, metadata={"description": "Without it the whole town's."})
    with_past = fields.Boolean(
        load_default=False, metadata={"description": "Also those that were replaced or have ended."}
    )
    cursor = cursor_of("monitor_targets")


class TargetRequest(Arguments):
    """A target."""

    measure = fields.String(required=True, validate=validate.Length(1, NAME_LENGTH_MAX))
    territory_id = Id(load_default=None, metadata={"description": "Without it: of the whole town."})
    scene = fields.Enum(Scene, by_value=True, load_default=None)
    period_kind = fields.Enum(TargetPeriod, by_value=True, required=True)
    from_day = Day(required=True, metadata={"description": "From when it holds; today or later."})
    target = fields.Float(
        required=True,
        validate=validate.Range(min=0, max=NUMBER_MAX),
        metadata={"description": "From there on the light is green; in the measure's unit, of a whole period."},
    )
    amber = fields.Float(
        required=True,
        validate=validate.Range(min=0, max=NUMBER_MAX),
        metadata={"description": "From there on it is amber, else red."},
    )


class WeightRequest(Arguments):
    """How many of the 100 points a measure can give."""

    measure = fields.String(required=True, validate=validate.Length(1, NAME_LENGTH_MAX))
    weight = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=100))


class WeightsRequest(Arguments):
    """By which weights operators are ranked from a day on."""

    from_day = Day(required=True, metadata={"description": "For periods that begin then or later; today or later."})
    weights = fields.List(fields.Nested(WeightRequest), required=True, validate=validate.Length(1, 12))
    sessions_min = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=1, max=1000),
        metadata={"description": "Who held fewer sessions in a period isn't ranked."},
    )


class WeightsArguments(PageArguments):
    """Which weights."""

    cursor = cursor_of("ranking_weights")
