"""What is looked at every morning: the main numbers with the period before, the trend of 30 days and the light of a target.

One statement sums up what the snapshots say of all days, and one for each family of facts adds what came after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rules.monitor.asking import Asked
from rules.monitor.definitions import Measure
from rules.monitor.facts import NO_KEY
from rules.monitor.loading import Loading, find_known
from rules.monitor.measures import MEASURES
from rules.monitor.numbers import Value
from rules.monitor.periods import Period, days_between, previous
from rules.monitor.places import Reach
from rules.monitor.reading import may_see
from rules.monitor.targets import Light, lights
from rules.work import Work

TREND_DAYS = 30
#: The tiles, in their order.
OVERVIEW: tuple[str, ...] = (
    "residents.registered",
    "residents.new",
    "residents.active_month",
    "sessions.held",
    "reservations.attended",
    "reservations.fill_rate",
    "reservations.no_show_rate",
    "waiting.places",
    "venues.utilisation",
    "venues.idle_rooms",
    "points.issued",
    "points.redeemed",
    "points.expired",
    "points.outstanding",
    "service.hours",
    "redemptions.waiting",
    "repairs.open",
    "repairs.on_time_share",
    "repairs.rating",
    "complaints.on_time_share",
    "notices.read_share",
    "queues.waiting",
    "books.days_unsealed",
)
#: From the places that are offered to the people who come.
FUNNEL: tuple[str, ...] = ("sessions.places_offered", "reservations.reserved", "reservations.attended")


@dataclass(frozen=True, slots=True)
class TrendPoint:
    day: date
    value: float | int | None


@dataclass(frozen=True, slots=True)
class Tile:
    """A measure of the period, and how it came to that."""

    measure: Measure
    value: float | int | None
    previous: float | int | None
    change: float | None  #: a part of the number of the period before: 0.1 is a tenth more; None: there was none
    trend: Sequence[TrendPoint]
    target: Light | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the funnel."""

    measure: Measure
    value: float | int | None


@dataclass(frozen=True, slots=True)
class Overview:
    as_of: datetime
    reach: Reach
    period: Period
    previous: Period
    snapshot_day: date | None  #: the last day that was known by snapshots
    tiles: Sequence[Tile]
    funnel: Sequence[Step]


def show_overview(work: Work, asked: Asked) -> Overview:
    """The main numbers of a place. Measures that the actor may not see there are left out."""
    reach, period, as_of = asked.reach, asked.period, asked.as_of
    before = previous(period)
    trend = days_between(period.last - timedelta(days=TREND_DAYS - 1), period.last)
    shown, steps = (
        [measure for name in names if may_see(reach, measure := MEASURES[name])] for names in (OVERVIEW, FUNNEL)
    )
    known = find_known(work, as_of)
    state_days = {before.last, period.last, *(day for day in trend if known.covers(day))}
    days = min(before.first, trend[0]), period.last
    numbers = Loading(work, reach, [*shown, *steps], as_of).load(days, state_days)
    values = {measure.name: numbers.of(measure, NO_KEY, period.first, period.last) for measure in [*shown, *steps]}
    light_of = lights(work, reach, period, values, as_of)
    tiles = []
    for measure in shown:
        value, past = values[measure.name], numbers.of(measure, NO_KEY, before.first, before.last)
        points = [TrendPoint(day, numbers.of(measure, NO_KEY, day, day).value) for day in trend]
        change = _change(value, past)
        tiles.append(Tile(measure, value.value, past.value, change, points, light_of.get(measure.name)))
    funnel = [Step(measure, values[measure.name].value) for measure in steps]
    return Overview(as_of, reach, period, before, known.last_day, tiles, funnel)


def _change(value: Value, past: Value) -> float | None:
    if value.value is None or not past.value:
        return None
    return (value.value - past.value) / abs(past.value)
