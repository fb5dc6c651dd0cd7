"""Who is on duty at a centre, day by day.

Each person has a pattern by the kind of day, read as opening hours are: a weekday of which it says nothing is off, a
public holiday or a make-up workday of which it says nothing is as its weekday. What is said of one day stands in place of
the pattern. Nobody is shown on duty while the centre is closed, so a closure or a holiday empties the roster by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, select

from models.centres import CentreStaff, DutyDay, DutyHours, ListingStatus
from models.territory import ServiceCentre
from models.venues import DayKind
from rules.clock import local_day, local_moment
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.territory.opening import without
from rules.uploads.links import Picture, pictures
from rules.venues.hours import Opening, Span, Times, minutes_of, read_centre_openings
from rules.venues.refusals import CentreUnknown
from rules.work import Work
from rules.working_days import WEEKDAYS

DAYS_MAX = 31
A_DAY = timedelta(days=1)


class DutyPeriodInvalid(RuleError):
    code = "duty.period_invalid"
    kind = Kind.INVALID
    zh = "查询时段无效：须先后有序，且不超过 {days} 天。"
    en = "The period is not valid: it must end after it begins and have {days} days at most."


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody is on duty for some time of a day."""

    staff_id: int
    name: str
    title: str
    introduction: str
    picture: Picture | None
    starts_at: datetime
    ends_at: datetime
    is_there_now: bool


@dataclass(frozen=True, slots=True)
class DayOnDuty:
    """A day of the roster, in order of time."""

    day: date
    on_duty: Sequence[OnDuty]


@dataclass(frozen=True, slots=True)
class Roster:
    """What was said of some people."""

    pattern: Mapping[int, Mapping[DayKind, Sequence[Times]]]
    days: Mapping[tuple[int, date], Sequence[Times]]

    def times_of(self, staff_id: int, day: date, kind: DayKind) -> Sequence[Times]:
        """When somebody is on duty on a day of this kind, whether the centre is open or not."""
        if (staff_id, day) in self.days:
            return self.days[staff_id, day]
        pattern = self.pattern.get(staff_id, {})
        return pattern.get(kind, pattern.get(WEEKDAYS[day.weekday()], ()))


_centre = select(ServiceCentre.id, ServiceCentre.opens_at, ServiceCentre.closes_at).where(
    ServiceCentre.town_id == bindparam("town"), ServiceCentre.id == bindparam("centre")
)
_staff = (
    select(CentreStaff.id, CentreStaff.name, CentreStaff.title, CentreStaff.introduction, CentreStaff.picture_id)
    .where(
        CentreStaff.town_id == bindparam("town"),
        CentreStaff.service_centre_id == bindparam("centre"),
        CentreStaff.status == ListingStatus.ACTIVE,
    )
    .order_by(CentreStaff.id)
)
_pattern = (
    select(DutyHours.centre_staff_id, DutyHours.day_kind, DutyHours.starts_at, DutyHours.ends_at)
    .where(DutyHours.town_id == bindparam("town"), is_id_in(DutyHours.centre_staff_id, "staff"))
    .order_by(DutyHours.centre_staff_id, DutyHours.day_kind, DutyHours.n)
)
_days = (
    select(DutyDay.centre_staff_id, DutyDay.day, DutyDay.starts_at, DutyDay.ends_at)
    .where(
        DutyDay.town_id == bindparam("town"),
        is_id_in(DutyDay.centre_staff_id, "staff"),
        DutyDay.day >= bindparam("first"),
        DutyDay.day <= bindparam("last"),
    )
    .order_by(DutyDay.centre_staff_id, DutyDay.day, DutyDay.n)
)


def show_coming_duty(
    work: Work, keys: Keys, centre_id: int, first: date | None, last: date | None
) -> Sequence[DayOnDuty]:
    """Who is on duty day by day: the week from today on unless it is given. Raises CentreUnknown, DutyPeriodInvalid."""
    begin = first or local_day(work.now)
    return show_duty(work, keys, centre_id, begin, last or begin + 6 * A_DAY)


def show_duty(work: Work, keys: Keys, centre_id: int, first: date, last: date) -> Sequence[DayOnDuty]:
    """Who is on duty on each day from first to last. Raises CentreUnknown, DutyPeriodInvalid."""
    if not 0 <= (last - first).days < DAYS_MAX:
        raise DutyPeriodInvalid(days=DAYS_MAX)
    centre = work.core.execute(_centre, {"town": work.town_id, "centre": centre_id}).first()
    if centre is None:
        raise CentreUnknown
    staff = work.core.execute(_staff, {"town": work.town_id, "centre": centre_id}).all()
    roster = read_roster(work, [each.id for each in staff], first, last)
    begin, end = local_moment(first, "00:00"), local_moment(last + A_DAY, "00:00")
    opening = read_centre_openings(work, [centre], begin, end)[centre_id]
    shown = pictures(work, keys, [each.picture_id for each in staff if each.picture_id is not None])
    by_id = {picture.id: picture for picture in shown}
    days = [first + n * A_DAY for n in range((last - first).days + 1)]
    return [DayOnDuty(day, _on_duty(work.now, staff, roster, opening, by_id, day)) for day in days]


def read_roster(work: Work, staff_ids: Sequence[int], first: date, last: date) -> Roster:
    """What was said of some people: their patterns, and the days from first to last that stand apart."""
    asked = {"town": work.town_id, "staff": staff_ids, "first": first, "last": last}
    pattern: dict[int, dict[DayKind, list[Times]]] = {}
    for row in work.core.execute(_pattern, asked):
        times = pattern.setdefault(row.centre_staff_id, {}).setdefault(row.day_kind, [])
        times += _times(row)
    days: dict[tuple[int, date], list[Times]] = {}
    for said in work.core.execute(_days, asked):
        days.setdefault((said.centre_staff_id, said.day), []).extend(_times(said))
    return Roster(pattern, days)


def _times(row: AnyRow) -> list[Times]:
    return [] if row.starts_at is None else [Times(row.starts_at, row.ends_at)]


def _on_duty(
    now: datetime, staff: Sequence[AnyRow], roster: Roster, opening: Opening, by_id: Mapping[int, Picture], day: date
) -> list[OnDuty]:
    kind = opening.calendar.kind_of(day)
    open_spans = [piece for span in opening.spans_on(day) for piece in without(span, opening.closures)]
    found = [
        OnDuty(
            person.id,
            person.name,
            person.title,
            person.introduction,
            by_id.get(person.picture_id),
            piece.begins_at,
            piece.ends_at,
            piece.begins_at <= now < piece.ends_at,
        )
        for person in staff
        for times in roster.times_of(person.id, day, kind)
        for piece in within(_span(day, times), open_spans)
    ]
    return sorted(found, key=lambda each: (each.starts_at, each.ends_at, each.staff_id))


def within(span: Span, others: Sequence[Span]) -> list[Span]:
    """What of a span lies in others."""
    cut = [Span(max(span.begins_at, each.begins_at), min(span.ends_at, each.ends_at)) for each in others]
    return [each for each in cut if each.begins_at < each.ends_at]


def _span(day: date, times: Times) -> Span:
    midnight = local_moment(day, "00:00")
    begin, end = (timedelta(minutes=minutes_of(each)) for each in times)
    return Span(midnight + begin, midnight + end)
