"""What is asked of the monitoring, and how its numbers are shown."""

from __future__ import annotations

from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from blueprints.edge.fields import Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of, page_of
from blueprints.monitor.sheets import FORMATS
from blueprints.monitor.spoken import LightWord, PlaceId, Spoken
from models.monitor_wishes import TargetPeriod
from models.territory import Scene, TerritoryKind
from rules.ids import ID_MAX
from rules.monitor.definitions import Better, Kind
from rules.monitor.drilling import Part
from rules.monitor.periods import PeriodKind
from rules.monitor.targets import Color

NAME_LENGTH_MAX = 80
DETAIL_LENGTH_MAX = 200
MEASURES_MAX = 8
NUMBER_MAX = 1_000_000_000_000
ORDINAL_MAX = date.max.toordinal()  #: of days
SEEN_MAX = 1_000_000
STRETCHES_MAX = 99
NUMBER = {"type": "number"}
#: By what a series may be split.
SPANS = (PeriodKind.DAY, PeriodKind.WEEK, PeriodKind.MONTH)


def number(description: str, **more: Any) -> fields.Raw:
    """A number as the rule made it: whole where things are counted, a fraction of a ratio, null where there is none."""
    return fields.Raw(required=True, allow_none=True, metadata={**NUMBER, "description": description}, **more)


def numbers(description: str) -> fields.Dict:
    """Numbers by the names of columns."""
    return fields.Dict(
        keys=fields.String(),
        values=fields.Raw(allow_none=True, metadata=NUMBER),
        required=True,
        metadata={"description": description},
    )


# What is asked


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


# How it is shown


class MonitorPlaceView(Fast):
    """Of where the numbers are."""

    id = PlaceId(
        attribute="territory_id", required=True, allow_none=True, metadata={"description": "null: the whole town."}
    )
    name = fields.String(required=True)


class SeenPlaceView(MonitorPlaceView):
    """A place of which the caller sees numbers."""

    kind = fields.Enum(
        TerritoryKind, by_value=True, required=True, allow_none=True, metadata={"description": "null: the whole town."}
    )


class OwnOperatorView(Fast):
    """An operator for which the caller acts."""

    id = Id(required=True, metadata={"description": "What `operator_id` of the other routes takes."})
    name = fields.String(required=True)


class PeriodView(Fast):
    """Which days; of a running period up to the day as of which is answered."""

    kind = fields.Enum(PeriodKind, by_value=True, required=True)
    first_day = Day(attribute="first", required=True)
    last_day = Day(attribute="last", required=True)
    is_running = fields.Boolean(required=True)


class DaysView(Fast):
    """Days, the first and the last included."""

    first_day = Day(attribute="first", required=True)
    last_day = Day(attribute="last", required=True)


class MeasureView(Fast):
    """A measure: what it counts, and how."""

    name = fields.String(required=True)
    title = Spoken(required=True)
    meaning = Spoken(required=True)
    unit = fields.String(required=True)
    kind = fields.Enum(Kind, by_value=True, required=True)
    better = fields.Enum(Better, by_value=True, required=True)
    slices = fields.List(fields.String(), required=True, metadata={"description": "By what it can be split."})
    divisor = fields.Integer(
        required=True, metadata={"description": "How many of what its rows count make one of the unit."}
    )
    over = fields.List(
        fields.String(), required=True, allow_none=True, metadata={"description": "Of a ratio: what over what."}
    )


class TargetPairView(Fast):
    """A target: from `target` on the light is green, from `amber` on amber, else red."""

    target = fields.Float(required=True)
    amber = fields.Float(required=True)


class LightView(TargetPairView):
    """How a number stands to its target. null: it is too early to tell, or there is no number."""

    measure = fields.String(required=True)
    light = fields.Enum(Color, by_value=True, required=True, allow_none=True)


class TrendPointView(Fast):
    """A day's number."""

    day = Day(required=True)
    value = number("of that day")


class TileView(Fast):
    """A number with all that belongs to it."""

    measure = fields.String(attribute="measure.name", required=True)
    title = Spoken(attribute="measure.title", required=True)
    unit = fields.String(attribute="measure.unit", required=True)
    kind = fields.Enum(Kind, by_value=True, attribute="measure.kind", required=True)
    better = fields.Enum(Better, by_value=True, attribute="measure.better", required=True)
    value = number("of the period")
    previous = number("of as many days of the period before")
    change = number("a part of the number before: 0.1 is a tenth more")
    trend = fields.List(fields.Nested(TrendPointView), required=True)
    target = fields.Nested(TargetPairView, required=True, allow_none=True)
    light = LightWord(
        attribute="target",
        allow_none=True,
        dump_only=True,
        metadata={"enum": [*Color], "description": "Against the target."},
    )


class FunnelStepView(Fast):
    """A step of the way from what is offered to who came."""

    measure = fields.String(attribute="measure.name", required=True)
    title = Spoken(attribute="measure.title", required=True)
    value = number("of the period")


class OverviewView(Fast):
    """The first look: how the town stands."""

    as_of = Moment(required=True)
    place = fields.Nested(MonitorPlaceView, attribute="reach", required=True)
    period = fields.Nested(PeriodView, required=True)
    previous = fields.Nested(DaysView, required=True)
    snapshot_day = Day(required=True, allow_none=True, metadata={"description": "The last day that is stored."})
    tiles = fields.List(fields.Nested(TileView), required=True)
    funnel = fields.List(fields.Nested(FunnelStepView), required=True)


class SpanValueView(Fast):
    """A number of some days."""

    first_day = Day(required=True)
    last_day = Day(required=True)
    value = number("of these days; of a state, at their end")


class MeasureSeriesView(Fast):
    """A measure over time."""

    measure = fields.String(required=True)
    title = Spoken(required=True)
    unit = fields.String(required=True)
    values = fields.List(fields.Nested(SpanValueView), required=True)


class MonitorSeriesView(Fast):
    """Measures over time."""

    as_of = Moment(required=True)
    by = fields.Enum(PeriodKind, by_value=True, required=True)
    series = fields.List(fields.Nested(MeasureSeriesView), required=True)


class ColumnView(Fast):
    """A column of a table."""

    name = fields.String(required=True, metadata={"description": "A measure, or `<measure>:per_thousand`."})
    title = Spoken(required=True)
    unit = fields.String(required=True)


class PartView(Fast):
    """What a measure gave to a score."""

    measure = fields.String(required=True)
    weight = fields.Integer(required=True)
    share = number("of the best one, 0 to 1")
    points = fields.Float(required=True, metadata={"description": "share times weight"})


class BoardRowView(Fast):
    """A row of a table."""

    key = fields.String(required=True)
    title = Spoken(required=True)
    rank = fields.Integer(required=True, allow_none=True, metadata={"description": "Of rankings; ties share one."})
    score = number("of rankings, 0 to 100")
    parts = fields.List(fields.Nested(PartView), required=True)
    cells = numbers("by the columns' names")
    previous = numbers("the same, of the period before")
    lights = fields.List(fields.Nested(LightView), required=True)


class TableView(Fast):
    """A board."""

    as_of = Moment(required=True)
    place = fields.Nested(MonitorPlaceView, attribute="reach", required=True)
    period = fields.Nested(PeriodView, required=True)
    columns = fields.List(fields.Nested(ColumnView), required=True)
    rows = fields.List(fields.Nested(BoardRowView), required=True)


class WeightView(Fast):
    """How many of the 100 points a measure can give."""

    measure = fields.String(required=True)
    title = Spoken(required=True)
    weight = fields.Integer(required=True)


class OperatorRankingView(TableView):
    """The operators' board, and how it is ranked."""

    weights = fields.List(fields.Nested(WeightView), attribute="weights.weights", required=True)
    sessions_min = fields.Integer(attribute="weights.sessions_min", required=True)


class WeightsView(Fast):
    """By which weights operators are ranked, and from when."""

    id = Id(required=True, allow_none=True, metadata={"description": "null: nobody has set any yet."})
    from_day = Day(required=True, allow_none=True)
    weights = fields.List(fields.Nested(WeightView), required=True)
    sessions_min = fields.Integer(required=True)
    recorded_at = Moment(required=True, allow_none=True)


class TargetView(Fast):
    """A target of a place."""

    id = Id(required=True)
    measure = fields.String(required=True)
    territory_id = Id(required=True, allow_none=True)
    scene = fields.Enum(Scene, by_value=True, required=True, allow_none=True)
    period_kind = fields.Enum(TargetPeriod, by_value=True, required=True)
    from_day = Day(required=True)
    target = number("null: from that day on there is no target")
    amber = number("null: from that day on there is no target")
    recorded_at = Moment(required=True)
    is_current = fields.Boolean(required=True, metadata={"description": "It holds today, or will from its day on."})


class SnapshotView(Fast):
    """A day whose numbers were worked out."""

    day = Day(required=True)
    recorded_at = Moment(required=True)
    as_of = Moment(required=True)
    changes = fields.Integer(required=True, metadata={"description": "Numbers that it set or corrected."})


class FactRowView(Fast):
    """A row that a number counts."""

    id = Id(required=True)
    subject = fields.String(required=True, metadata={"description": "What `id` is an id of."})
    day = Day(required=True)
    territory_id = Id(required=True, allow_none=True)
    place = fields.String(required=True, allow_none=True)
    scene = fields.Enum(Scene, by_value=True, required=True, allow_none=True)
    operator_id = Id(required=True, allow_none=True)
    detail = fields.String(required=True, allow_none=True)
    amount = fields.Integer(required=True)


class HourView(Fast):
    """How much of an hour of the week rooms were open, and how much of that they were used."""

    weekday = fields.Integer(required=True, metadata={"description": "0 is Monday."})
    hour = fields.Integer(required=True)
    open_hours = fields.Float(required=True)
    used_hours = fields.Float(required=True)
    share = number("used of open")


class VenuesBoardView(Fast):
    """When rooms are used, and which ones stand idle."""

    heat = fields.List(fields.Nested(HourView), required=True)
    table = fields.Nested(TableView, required=True)


class PointsBoardView(Fast):
    """What goes in and out, and what is owed."""

    flows = fields.Nested(MonitorSeriesView, required=True)
    outstanding = number("points that are out, at the end")
    liability = fields.Nested(TableView, required=True)
    rules = fields.Nested(TableView, required=True)
    budgets = fields.Nested(TableView, required=True)


class SomeoneView(Fast):
    """Somebody whom a finding names; residents' names are masked."""

    kind = fields.String(required=True)
    id = Id(required=True)
    name = fields.String(required=True)


class FindingRowView(Fast):
    """Something that was done."""

    subject = fields.String(required=True, metadata={"description": "What `id` is an id of."})
    id = Id(required=True)
    at = Moment(required=True)
    people = fields.List(fields.Nested(SomeoneView), required=True)
    amount = fields.Integer(required=True, allow_none=True, metadata={"description": "Minutes, points or people."})


class FindingView(Fast):
    """Something that looks suspicious, which a person has to judge."""

    measure = fields.String(required=True)
    title = Spoken(required=True)
    day = Day(required=True)
    subject = fields.String(required=True, metadata={"description": "What `id` is an id of."})
    id = Id(required=True)
    who = fields.Nested(SomeoneView, required=True, allow_none=True)
    amount = fields.Integer(required=True)
    rows = fields.List(fields.Nested(FindingRowView), required=True)


SNAPSHOTS = page_of(SnapshotView, "monitor_snapshots")
TARGETS = page_of(TargetView, "monitor_targets")
PLACES = page_of(SeenPlaceView, "monitor_places")
WEIGHTS = page_of(WeightsView, "ranking_weights")


class FindingsPage(page_of(FindingView, "monitor_findings")):
    """A page of what looks suspicious."""

    as_of = Moment(required=True)


class FactPage(page_of(FactRowView, "monitor_rows")):
    """A page of the rows that a number counts."""

    as_of = Moment(required=True)
