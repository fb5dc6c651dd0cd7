"""From a number to the rows that it counts: the family's own statement, as of the moments as of which it was counted.

Days with a snapshot are listed as of the last one's moment, since each snapshot corrects whatever day something was
recorded of; the days after as of the moment that is asked for. So the amounts of all rows add up to the number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from models.monitor import Slice
from rules.clock import local_moment
from rules.ids import ID_MAX
from rules.monitor.definitions import Family, Kind, Measure
from rules.monitor.facts import NO_KEY, plan_each_time, rows_of
from rules.monitor.loading import Known, find_known
from rules.monitor.measures import MEASURES
from rules.monitor.periods import DAY, Period
from rules.monitor.places import Reach
from rules.monitor.reading import SliceUnknown, find_measure
from rules.monitor.snapshots import read_first_as_of
from rules.monitor.tree import find_tree
from rules.paging import Page, Position
from rules.rows import AnyRow
from rules.work import Work


class Part(StrEnum):
    """Of a ratio: which side's rows."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class FactRow:
    """A row that a number counts."""

    id: int
    subject: str  #: what `id` is an id of
    day: date
    territory_id: int | None
    scene: str | None
    operator_id: int | None
    detail: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Facts that are asked for at once."""

    begin: datetime
    end: datetime
    as_of: datetime


def list_rows(  # noqa: PLR0913, PLR0917
    work: Work,
    reach: Reach,
    name: str,
    period: Period,
    as_of: datetime,
    slice: Slice = Slice.ALL,  # noqa: A002
    key: str = NO_KEY,
    after: Position | None = None,
    limit: int = 50,
    part: Part = Part.ABOVE,
) -> Page[FactRow]:
    """The rows that a measure counts, the latest first; their amounts add up to the number.

    Of a ratio those above or below the line. A position is how many stretches were listed to the end, the day and the id
    of the last row and how many of just these came before. Raises MeasureUnknown, SliceUnknown.
    """
    measure = find_measure(reach, name, slice)
    if measure.over is not None:
        measure = MEASURES[measure.over[part is Part.BELOW]]
    if slice is not Slice.ALL and slice not in measure.slices:
        raise SliceUnknown
    if reach.operator_id is not None:
        if slice is Slice.OPERATOR and key != str(reach.operator_id):
            return Page([], None)
        slice, key = Slice.OPERATOR, str(reach.operator_id)  # noqa: A001
    assert measure.family is not None, "what isn't a ratio has a family"
    plan_each_time(work)
    stretches = _stretches(work, measure, period, as_of, reach)
    statement = rows_of(measure.family.facts, measure.counter, slice, in_place=not reach.is_whole_town)
    done, from_day, from_id, seen = _place_of(after)
    rows: list[FactRow] = []
    next_after: Position | None = None
    for n, stretch in enumerate(stretches[done:], done):
        asked = {
            "town": work.town_id,
            "begin": stretch.begin,
            "end": stretch.end,
            "as_of": stretch.as_of,
            "from_day": from_day,
            "from_id": from_id,
            "seen": seen,
            "limit": limit + 1 - len(rows),
        }
        asked |= {"key": key} if slice is not Slice.ALL else {}
        asked |= {} if reach.is_whole_town else {"nodes": find_tree(work).below(reach.territory_id)}
        for row in work.send(statement, asked).all():
            if len(rows) == limit:
                return Page(rows, next_after)
            is_same = (row.day, row.id) == (from_day, from_id)
            from_day, from_id, seen = row.day, row.id, seen + 1 if is_same else 1
            next_after = (n, from_day.toordinal(), from_id, seen)
            rows.append(_fact(measure.family, row))
        from_day, from_id, seen = date.max, ID_MAX, 0
    return Page(rows, None)


def _stretches(work: Work, measure: Measure, period: Period, as_of: datetime, reach: Reach) -> list[_Stretch]:
    """What is asked for, the latest first."""
    known = find_known(work, as_of)
    if measure.kind is Kind.STATE:
        return _stretch_of_state(work, measure, period.last, as_of, known, reach)
    until = min(period.last, known.last_day or period.first - DAY)
    begins = max(period.first, until + DAY)
    found = []
    if begins <= period.last:
        found.append(_Stretch(_midnight(begins), _midnight(period.last + DAY), as_of))
    if period.first <= until:
        assert known.first_day is not None, "there is a day with a snapshot"
        assert known.as_of is not None, "a day with a snapshot has a moment"
        stored_from = max(period.first, known.first_day)
        if stored_from <= until:
            found.append(_Stretch(_midnight(stored_from), _midnight(until + DAY), known.as_of))
        eve = min(until, known.first_day - DAY)
        if period.first <= eve and measure.family is not None and measure.family.has_earlier_days:
            found.append(_Stretch(_midnight(period.first), _midnight(eve + DAY), as_of))
    return found


def _stretch_of_state(
    work: Work, measure: Measure, day: date, as_of: datetime, known: Known, reach: Reach
) -> list[_Stretch]:
    family = measure.family
    assert family is not None, "what isn't a ratio has a family"
    end, counted_as_of = _midnight(day + DAY), as_of
    if known.last_day is not None and known.as_of is not None:
        if day <= known.last_day or family.is_of_then(is_whole_town=reach.is_whole_town):
            of_day = min(day, known.last_day)
            end, counted_as_of = _midnight(of_day + DAY), known.as_of
            if family.window_days:
                counted_as_of = read_first_as_of(work, of_day, of_day).get(of_day, counted_as_of)
    elif family.window_days:
        return []
    return [_Stretch(end - family.window_days * DAY, end, counted_as_of)]


def _place_of(after: Position | None) -> tuple[int, date, int, int]:
    """How many stretches were listed, and where the next row is in the one after them."""
    if after is None:
        return 0, date.max, ID_MAX, 0
    done, ordinal, id_, seen = map(int, after)
    return done, date.fromordinal(max(min(ordinal, date.max.toordinal()), 1)), id_, seen


def _midnight(day: date) -> datetime:
    return local_moment(day, "00:00")


def _fact(family: Family, row: AnyRow) -> FactRow:
    return FactRow(
        row.id, family.subject, row.day, row.territory_id, row.scene, row.operator_id, row.detail, int(row.amount)
    )
