"""From series to sessions: night by night those that come into sight, and all that by day come at once.

A series has sessions for the coming 90 days. A night moves the horizon on by one day, under the series' row, which says up
to which day it has been expanded; so nothing is made twice, however often it is run. By day rooms are taken all or nothing:
a day on which a room isn't to be had refuses the whole, with all such days. By night nobody is there to choose another
room, so the session of that day isn't made, and the organisers are told.

In the order of locks a series comes after sessions that are there and before those that are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from models.activities import Activity, ActivityStatus, Allocation, Series, Session, SessionStatus
from models.territory import Territory
from models.venues import DayKind
from rules.activities.refusals import VenueClash
from rules.activities.series import (
    PLAN_FIELDS,
    Pattern,
    Plan,
    Skip,
    days_of,
    moments_of,
    parse_rule,
    skip_of,
)
from rules.clock import local_day, local_moment
from rules.keys import Keys
from rules.outbox import Message, put
from rules.reservations.allocating import commit_to_draw
from rules.rows import AnyRow
from rules.venues.occupancy import occupy_for_session
from rules.venues.refusals import VenueTaken
from rules.work import Work
from rules.working_days import read_calendar

HORIZON = timedelta(days=90)
SERIES_CLASH = "series.clash"


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a night made of a series."""

    made: int
    clashes: int


_SERIES_COLUMNS = (
    Series.id,
    Series.activity_id,
    Series.rrule,
    Series.starts_on,
    Series.starts_at,
    Series.ends_on,
    Series.skips_holidays,
    Series.skips,
    Series.expanded_until,
    *(getattr(Series, name) for name in PLAN_FIELDS),
)
SERIES = (
    select(
        *_SERIES_COLUMNS,
        Activity.status.label("activity_status"),
        Activity.allocation,
        Territory.path,
    )
    .join(Activity, and_(Activity.town_id == Series.town_id, Activity.id == Series.activity_id))
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .where(Series.town_id == bindparam("town"))
)
ONE_SERIES = SERIES.where(Series.id == bindparam("series"))
_locked = ONE_SERIES.with_for_update(key_share=True, of=Series)
_to_roll = (
    select(Series.id)
    .join(Activity, and_(Activity.town_id == Series.town_id, Activity.id == Series.activity_id))
    .where(
        Series.town_id == bindparam("town"),
        Activity.status == ActivityStatus.PUBLISHED,
        Series.expanded_until < bindparam("until"),
        or_(Series.ends_on.is_(None), Series.ends_on > Series.expanded_until),
    )
    .order_by(Series.id)
)
_insert_session = (
    insert(Session).on_conflict_do_nothing(index_elements=["town_id", "series_id", "starts_at"]).returning(Session.id)
)
_expanded = (
    update(Series)
    .where(Series.town_id == bindparam("of_town"), Series.id == bindparam("of_series"))
    .values(expanded_until=bindparam("until"), ends_on=bindparam("last_day"))
)


def series_to_roll(work: Work) -> Sequence[int]:
    """The series whose horizon can be moved on to 90 days from today."""
    until = local_day(work.now) + HORIZON
    return work.core.scalars(_to_roll, {"town": work.town_id, "until": until}).all()


def roll_series(work: Work, keys: Keys, series_id: int) -> Rolled:
    """Make the sessions of a series that have come into sight. One that doesn't go on any more is left as it is."""
    series = lock_series(work, series_id)
    if series.activity_status is not ActivityStatus.PUBLISHED:
        return Rolled(0, 0)
    clashes: list[datetime] = []
    made = expand_series(work, keys, series, clashes.append)
    put(work, [_clash_message(series, moment) for moment in clashes])
    return Rolled(len(made), len(clashes))


def expand_series(
    work: Work, keys: Keys, series: AnyRow, when_taken: Callable[[datetime], None] | None = None
) -> list[int]:
    """Make the sessions of a locked series that it has not yet, for the next 90 days; returns their ids.

    Raises VenueClash, unless `when_taken` takes the moments at which the room isn't to be had.
    """
    pattern, plan = pattern_of(series), plan_of(series)
    until = local_day(work.now) + HORIZON
    days = [
        day
        for day, skip in days_between(work, pattern, series.skips_holidays, series.expanded_until, until)
        if skip is None
    ]
    starts = [local_moment(day, series.starts_at) for day in days]
    made = make_sessions(work, series.activity_id, series.id, plan, [at for at in starts if at > work.now], when_taken)
    commit_to_draws(work, keys, series.activity_status, series.allocation, made)
    last = days_of(pattern)[-1:]
    is_exhausted = not last or last[0] <= until
    ends_on = series.ends_on or (last[0] if last and is_exhausted else None)
    work.core.execute(_expanded, {"of_town": work.town_id, "of_series": series.id, "until": until, "last_day": ends_on})
    return made


def make_sessions(
    work: Work,
    activity_id: int,
    series_id: int | None,
    plan: Plan,
    starts: Sequence[datetime],
    when_taken: Callable[[datetime], None] | None = None,
) -> list[int]:
    """Write sessions that begin at these moments and take their room; one of the series that is there already is left.

    Raises VenueClash with all moments that can't be, unless `when_taken` takes them.
    """
    made: list[int] = []
    clashes: list[datetime] = []
    for starts_at in starts:
        session = _session_row(work, activity_id, series_id, plan, starts_at)
        try:
            with work.core.begin_nested():
                if work.core.execute(_insert_session, session).first() is None:
                    continue
                occupy_for_session(work, session["id"], plan.venue_id, session["starts_at"], session["ends_at"])
        except VenueTaken:
            clashes.append(starts_at)
        else:
            made.append(session["id"])
    if clashes and when_taken is None:
        raise VenueClash(clashes)
    for moment in clashes:
        assert when_taken is not None
        when_taken(moment)
    return made


def lock_series(work: Work, series_id: int) -> AnyRow:
    """A series with what its activity says, locked until the work ends."""
    return work.core.execute(_locked, {"town": work.town_id, "series": series_id}).one()


def commit_to_draws(
    work: Work, keys: Keys, status: ActivityStatus, allocation: Allocation, session_ids: Sequence[int]
) -> None:
    """Draw the seeds of sessions where lots decide, once their activity is published."""
    if status is ActivityStatus.PUBLISHED and allocation is Allocation.LOTTERY:
        for session_id in session_ids:
            commit_to_draw(work, keys, session_id)


def pattern_of(series: AnyRow) -> Pattern:
    """Which days a series is on."""
    rule = parse_rule(series.rrule, series.starts_at)
    return Pattern(rule, series.starts_on, series.ends_on, frozenset(map(date.fromisoformat, series.skips)))


def plan_of(series: AnyRow) -> Plan:
    """What the sessions of a series are like."""
    return Plan(**{name: getattr(series, name) for name in PLAN_FIELDS})


def days_between(
    work: Work, pattern: Pattern, skips_holidays: bool, after: date | None, until: date
) -> list[tuple[date, Skip | None]]:
    """The days of a pattern after one day and up to another, and why some have no session."""
    is_holiday = _holidays(work, pattern.starts_on, until) if skips_holidays else lambda _day: False
    days = [day for day in days_of(pattern) if day <= until and (after is None or day > after)]
    return [(day, skip_of(pattern, day, is_holiday)) for day in days]


def _holidays(work: Work, first: date, last: date) -> Callable[[date], bool]:
    """Whether a day of this period is a public holiday here."""
    calendar = read_calendar(work, first, last)
    return lambda day: calendar.kind_of(day) is DayKind.HOLIDAY


def _session_row(
    work: Work, activity_id: int, series_id: int | None, plan: Plan, starts_at: datetime
) -> dict[str, Any]:
    return {
        "town_id": work.town_id,
        "id": work.new_id(),
        "activity_id": activity_id,
        "series_id": series_id,
        "venue_id": plan.venue_id,
        **moments_of(plan, starts_at).columns(),
        "capacity": plan.capacity,
        "capacity_min": plan.capacity_min,
        "overbooking_max": plan.overbooking_max,
        "overbooking": 0,
        "taken": 0,
        "waiting": 0,
        "status": SessionStatus.SCHEDULED,
        "revision": 0,
        "made_at": work.now,
    }


def _clash_message(series: AnyRow, moment: datetime) -> Message:
    payload = {"activity_id": str(series.activity_id), "series_id": str(series.id), "starts_at": moment.isoformat()}
    return Message(SERIES_CLASH, f"{series.id}:{moment.isoformat()}", payload)
