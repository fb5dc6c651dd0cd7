"""How the monitoring's numbers are shown."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from blueprints.edge.fields import Day, Id, Moment
from blueprints.edge.schemas import Fast, page_of
from blueprints.monitor.spoken import LightWord, PlaceId, Spoken
from models.monitor_wishes import TargetPeriod
from models.territory import Scene, TerritoryKind
from rules.monitor.definitions import Better, Kind
from rules.monitor.periods import PeriodKind
from rules.monitor.targets import Color

NUMBER = {"type": "number"}


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
