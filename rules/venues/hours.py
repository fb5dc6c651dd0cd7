"""When a room is open, and a centre.

Hours go by the kind of day. A room without any is open as its centre is; a centre without any is open every day from its
`opens_at` to its `closes_at`. A weekday of which hours say nothing is closed; a public holiday or a make-up workday of
which they say nothing is as its weekday. Closures of the room or its centre come on top. Times are read in steps of 15
minutes: an opening is rounded up, a closing down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import bindparam, or_, select

from models.centres import CentreHours
from models.venues import Closure, DayKind, OpeningHours
from rules.clock import local_day, local_moment
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.venues.refusals import HoursInvalid
from rules.venues.slots import QUARTER
from rules.work import Work
from rules.working_days import WEEKDAYS, Calendar, read_calendar

A_DAY = timedelta(days=1)
QUARTER_MINUTES = 15


class Times(NamedTuple):
    """A span of a day, local time; "24:00" is its end."""

    opens_at: str
    closes_at: str


@dataclass(frozen=True, slots=True)
class Span:
    """A time from a moment up to another."""

    begins_at: datetime
    ends_at: datetime

    def meets(self, begin: datetime, end: datetime) -> bool:
        return self.begins_at < end and begin < self.ends_at

    def holds(self, begin: datetime, end: datetime) -> bool:
        return self.begins_at <= begin and end <= self.ends_at


@dataclass(frozen=True, slots=True)
class Opening:
    """When one room, or a centre, is open on the days that it was read for."""

    own: Mapping[DayKind, Sequence[Times]]
    of_centre: Times
    calendar: Calendar
    closures: Sequence[Span]

    def times_on(self, day: date) -> Sequence[Times]:
        """The hours of a day as they are set; closures aside."""
        if not self.own:
            return (self.of_centre,)
        by_weekday = self.own.get(WEEKDAYS[day.weekday()], ())
        return self.own.get(self.calendar.kind_of(day), by_weekday)

    def spans_on(self, day: date) -> list[Span]:
        """The same as moments, on the grid."""
        midnight = local_moment(day, "00:00")
        spans = (
            Span(
                midnight + -(-minutes_of(opens) // QUARTER_MINUTES) * QUARTER, midnight + quarters_in(closes) * QUARTER
            )
            for opens, closes in self.times_on(day)
        )
        return [span for span in spans if span.begins_at < span.ends_at]

    def span_around(self, begin: datetime, end: datetime) -> Span | None:
        """The span that holds the whole of a time; None when it is outside the hours. Closures aside."""
        return next((span for span in self.spans_on(local_day(begin)) if span.holds(begin, end)), None)

    def is_closed(self, begin: datetime, end: datetime) -> bool:
        """Whether a closure meets a time."""
        return any(closure.meets(begin, end) for closure in self.closures)

    def open_quarters(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """The quarters between two moments in which the room is open, closures taken out."""
        for day in days_between(begin, end):
            for span in self.spans_on(day):
                at = span.begins_at
                while at < span.ends_at:
                    if begin <= at < end and not self.is_closed(at, at + QUARTER):
                        yield at
                    at += QUARTER


_hours = (
    select(OpeningHours.venue_id, OpeningHours.day_kind, OpeningHours.opens_at, OpeningHours.closes_at)
    .where(OpeningHours.town_id == bindparam("town"), is_id_in(OpeningHours.venue_id, "venues"))
    .order_by(OpeningHours.venue_id, OpeningHours.day_kind, OpeningHours.n)
)
_centre_hours = (
    select(CentreHours.service_centre_id, CentreHours.day_kind, CentreHours.opens_at, CentreHours.closes_at)
    .where(CentreHours.town_id == bindparam("town"), is_id_in(CentreHours.service_centre_id, "centres"))
    .order_by(CentreHours.service_centre_id, CentreHours.day_kind, CentreHours.n)
)
_closures = (
    select(Closure.id, Closure.venue_id, Closure.service_centre_id, Closure.starts_at, Closure.ends_at, Closure.reason)
    .where(
        Closure.town_id == bindparam("town"),
        or_(is_id_in(Closure.venue_id, "venues"), is_id_in(Closure.service_centre_id, "centres")),
        Closure.lifted_at.is_(None),
        Closure.starts_at < bindparam("end"),
        Closure.ends_at > bindparam("begin"),
    )
    .order_by(Closure.starts_at, Closure.id)
)


def read_openings(work: Work, venues: Sequence[AnyRow], begin: datetime, end: datetime) -> dict[int, Opening]:
    """When rooms are open, on the days between two moments. `venues`: rows of `rules.venues.places`."""
    calendar = read_calendar(work, local_day(begin), local_day(end))
    own = _read_own(work, [venue.id for venue in venues])
    of_centres = _read_of_centres(work, {venue.service_centre_id for venue in venues if venue.id not in own})
    closures = read_closures(work, venues, begin, end)
    return {
        venue.id: Opening(
            own.get(venue.id) or of_centres.get(venue.service_centre_id, {}),
            Times(venue.opens_at, venue.closes_at),
            calendar,
            [
                Span(closure.starts_at, closure.ends_at)
                for closure in closures
                if closure.venue_id == venue.id or closure.service_centre_id == venue.service_centre_id
            ],
        )
        for venue in venues
    }


def read_centre_openings(work: Work, centres: Sequence[AnyRow], begin: datetime, end: datetime) -> dict[int, Opening]:
    """When centres are open, on the days between two moments. `centres`: rows with id, opens_at and closes_at."""
    calendar = read_calendar(work, local_day(begin), local_day(end))
    hours = _read_of_centres(work, {centre.id for centre in centres})
    closures = read_centre_closures(work, {centre.id for centre in centres}, begin, end)
    return {
        centre.id: Opening(
            hours.get(centre.id, {}),
            Times(centre.opens_at, centre.closes_at),
            calendar,
            [Span(row.starts_at, row.ends_at) for row in closures if row.service_centre_id == centre.id],
        )
        for centre in centres
    }


def read_opening(work: Work, venue: AnyRow, begin: datetime, end: datetime) -> Opening:
    """When one room is open, on the days between two moments."""
    return read_openings(work, [venue], begin, end)[venue.id]


def read_own_hours(work: Work, venue_id: int) -> dict[DayKind, list[Times]]:
    """A room's own hours; empty when it has none."""
    return _read_own(work, [venue_id]).get(venue_id, {})


def read_centre_hours(work: Work, centre_id: int) -> dict[DayKind, list[Times]]:
    """A centre's hours by the kind of day; empty when every day is the same."""
    return _read_of_centres(work, {centre_id}).get(centre_id, {})


def read_centre_closures(work: Work, centre_ids: Set[int], begin: datetime, end: datetime) -> Sequence[AnyRow]:
    """The closures of centres that meet a time, the earliest first; those of single rooms are left out."""
    asked = {"venues": (), "centres": centre_ids}
    return work.send(_closures, {"town": work.town_id, "begin": begin, "end": end} | asked).all()


def read_closures(work: Work, venues: Sequence[AnyRow], begin: datetime, end: datetime) -> Sequence[AnyRow]:
    """The closures of rooms and of their centres that meet a time, the earliest first."""
    asked = {"venues": {venue.id for venue in venues}, "centres": {venue.service_centre_id for venue in venues}}
    return work.core.execute(_closures, {"town": work.town_id, "begin": begin, "end": end} | asked).all()


def is_closed(work: Work, venue: AnyRow, begin: datetime, end: datetime) -> bool:
    """Whether a closure of a room, or of its centre, meets a time."""
    return bool(read_closures(work, [venue], begin, end))


def days_between(begin: datetime, end: datetime) -> Iterator[date]:
    """The local days that a time touches."""
    day = local_day(begin)
    while local_moment(day, "00:00") < end:
        yield day
        day += A_DAY


def minutes_of(hour_minute: str) -> int:
    """Minutes since midnight of "09:30"; "24:00" is the end of the day."""
    hour, _, minute = hour_minute.partition(":")
    return int(hour) * 60 + int(minute)


def quarters_in(hour_minute: str) -> int:
    """Whole quarters from midnight to a time of day."""
    return minutes_of(hour_minute) // QUARTER_MINUTES


def in_words(times: Sequence[Times]) -> str:
    """Hours as they are written on a door: "09:00–12:00、14:00–17:00"; a dash for a day on which it is closed."""
    return "、".join(f"{opens}–{closes}" for opens, closes in times) or "—"


def check_spans(kind: DayKind, spans: Sequence[Times]) -> None:
    """Raises HoursInvalid unless the spans of a day are in order, apart and on the grid."""
    minutes = [(minutes_of(opens_at), minutes_of(closes_at)) for opens_at, closes_at in spans]
    are_spans = all(opens < closes for opens, closes in minutes)
    are_apart = all(before[1] <= after[0] for before, after in pairwise(minutes))
    are_on_grid = not any(edge % QUARTER_MINUTES for span in minutes for edge in span)
    if not (are_spans and are_apart and are_on_grid):
        raise HoursInvalid(day=kind.value)


def check_week(hours: Sequence[tuple[DayKind, Sequence[Times]]]) -> None:
    """Raises HoursInvalid unless each kind of day is given once, with spans that are right."""
    for kind, spans in hours:
        check_spans(kind, spans)
        if [kind for kind, _ in hours].count(kind) > 1:
            raise HoursInvalid(day=kind.value)


def rows_of_week(hours: Sequence[tuple[DayKind, Sequence[Times]]], **whose: int) -> list[dict[str, Any]]:
    """The rows that keep somebody's hours; a kind of day without a span is kept as closed. `whose`: their key."""
    return [
        {**whose, "day_kind": kind, "n": n, "opens_at": opens_at, "closes_at": closes_at}
        for kind, spans in hours
        for n, (opens_at, closes_at) in enumerate(spans or [(None, None)])
    ]


def _read_own(work: Work, venue_ids: Sequence[int]) -> dict[int, dict[DayKind, list[Times]]]:
    rows = work.core.execute(_hours, {"town": work.town_id, "venues": venue_ids})
    return _by_kind((row.venue_id, row.day_kind, row.opens_at, row.closes_at) for row in rows)


def _read_of_centres(work: Work, centre_ids: Set[int]) -> dict[int, dict[DayKind, list[Times]]]:
    if not centre_ids:
        return {}
    rows = work.core.execute(_centre_hours, {"town": work.town_id, "centres": centre_ids})
    return _by_kind((row.service_centre_id, row.day_kind, row.opens_at, row.closes_at) for row in rows)


def _by_kind(
    rows: Iterable[tuple[int, DayKind, str | None, str | None]],
) -> dict[int, dict[DayKind, list[Times]]]:
    found: dict[int, dict[DayKind, list[Times]]] = {}
    for id_, kind, opens_at, closes_at in rows:
        times = found.setdefault(id_, {}).setdefault(kind, [])
        if opens_at is not None and closes_at is not None:
            times.append(Times(opens_at, closes_at))
    return found
