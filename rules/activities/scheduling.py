"""What an organiser plans: a session, a series, and what a series would be before it is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, update
from sqlalchemy.dialects.postgresql import insert

from models.activities import Allocation, Series
from models.residents import Role
from models.search import FoundKind
from rules.activities.expanding import (
    HORIZON,
    ONE_SERIES,
    SERIES,
    commit_to_draws,
    days_between,
    expand_series,
    lock_series,
    make_sessions,
)
from rules.activities.looking import may_see
from rules.activities.organised import lock_activity, read_activity, require_room
from rules.activities.refusals import (
    Fault,
    PlanInvalid,
    SeriesHasSessions,
    SeriesUnknown,
)
from rules.activities.series import (
    PLAN_FIELDS,
    Pattern,
    Plan,
    Skip,
    check_length,
    check_plan,
    explicit,
    parse_rule,
)
from rules.clock import local_day, local_moment
from rules.keys import Keys
from rules.residents.identity import require_role
from rules.rows import AnyRow
from rules.search.refreshing import refresh
from rules.venues.hours import read_closures
from rules.venues.places import find_venue
from rules.venues.slots import count_taken, quarters_of
from rules.work import Work

#: How far ahead a series or a session may begin.
AHEAD = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class SeriesWish:
    """A series as an organiser wants it."""

    rrule: str
    starts_on: date
    starts_at: str  #: "09:00", local time
    plan: Plan
    ends_on: date | None = None
    skips_holidays: bool = False
    skip: Sequence[date] = ()


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A day of a series that isn't written yet."""

    day: date
    starts_at: datetime
    ends_at: datetime
    skipped: Skip | None
    is_venue_taken: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a series would be."""

    rrule: str  #: as it would be kept
    ends_on: date | None
    expanded_until: date
    items: list[PlannedDay]  #: up to `expanded_until`


@dataclass(frozen=True, slots=True)
class _Draft:
    """A wish that was read and checked."""

    pattern: Pattern
    starts_at: str
    skips_holidays: bool
    plan: Plan
    ends_on: date | None


_series_of_activity = SERIES.where(Series.activity_id == bindparam("activity")).order_by(Series.id)
_insert_series = insert(Series)
_update_series = update(Series).where(Series.town_id == bindparam("of_town"), Series.id == bindparam("of_series"))
_replan = (
    _update_series.where(Series.expanded_until.is_(None))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                "rrule",
                "starts_on",
                "starts_at",
                "ends_on",
                "skips_holidays",
                "skips",
                *PLAN_FIELDS,
            )
        }
    )
    .returning(Series.id)
)
_delete_series = (
    delete(Series)
    .where(Series.town_id == bindparam("town"), Series.id == bindparam("series"), Series.expanded_until.is_(None))
    .returning(Series.id)
)


def add_session(work: Work, keys: Keys, activity_id: int, starts_at: datetime, plan: Plan) -> int:
    """Plan one session, of no series, and return its id.

    Raises ActivityUnknown, Forbidden, ActivityOver, PlanInvalid, VenueUnknown, VenueTooSmall, VenueClash.
    """
    activity = lock_activity(work, activity_id)
    check_beginning(work, starts_at)
    check_plan(plan, activity.allocation)
    require_room(work, plan.venue_id, plan.capacity)
    [session_id] = make_sessions(work, activity_id, None, plan, [starts_at])
    commit_to_draws(work, keys, activity.status, activity.allocation, [session_id])
    refresh(work, FoundKind.ACTIVITY, [activity_id])
    return session_id


def add_series(work: Work, keys: Keys, activity_id: int, wish: SeriesWish) -> int:
    """Plan a series, with the sessions of its next 90 days, and return its id.

    Raises ActivityUnknown, Forbidden, ActivityOver, RuleInvalid, SeriesEmpty, SeriesTooLong, PlanInvalid, VenueUnknown,
    VenueTooSmall, VenueClash.
    """
    activity = lock_activity(work, activity_id)
    draft = _check_wish(work, wish, activity.allocation)
    series_id = write_series(work, activity_id, _columns_of(draft))
    expand_series(work, keys, lock_series(work, series_id))
    refresh(work, FoundKind.ACTIVITY, [activity_id])
    return series_id


def preview_series(work: Work, activity_id: int, wish: SeriesWish) -> Preview:
    """What `add_series` would make, with the days on which the room isn't to be had. Raises what it raises, but no clash."""
    activity = read_activity(work, activity_id)
    draft = _check_wish(work, wish, activity.allocation)
    until = local_day(work.now) + HORIZON
    length = timedelta(minutes=draft.plan.duration_minutes)
    days = days_between(work, draft.pattern, draft.skips_holidays, None, until)
    starts = [(day, local_moment(day, draft.starts_at), skip) for day, skip in days]
    taken = _taken_starts(work, draft.plan.venue_id, [at for _, at, _ in starts], length)
    items = [PlannedDay(day, at, at + length, skip, at in taken) for day, at, skip in starts if at > work.now]
    return Preview(str(draft.pattern.rule), draft.ends_on, until, items)


def list_series(work: Work, activity_id: int) -> Sequence[AnyRow]:
    """The series of an activity of the actor's place. Raises ActivityUnknown, Forbidden."""
    read_activity(work, activity_id)
    return work.core.execute(_series_of_activity, {"town": work.town_id, "activity": activity_id}).all()


def show_series(work: Work, series_id: int) -> AnyRow:
    """One series of the actor's place. Raises SeriesUnknown, Forbidden."""
    return _of_my_place(work, work.core.execute(ONE_SERIES, {"town": work.town_id, "series": series_id}).first())


def replan_series(work: Work, series_id: int, wish: SeriesWish) -> AnyRow:
    """Plan a series anew that has no sessions yet: one of an activity that was copied.

    Raises SeriesUnknown, Forbidden, SeriesHasSessions, RuleInvalid, SeriesEmpty, SeriesTooLong, PlanInvalid, VenueUnknown,
    VenueTooSmall.
    """
    series = show_series(work, series_id)
    columns = _columns_of(_check_wish(work, wish, series.allocation))
    named = {f"new_{name}": value for name, value in columns.items()}
    if work.core.execute(_replan, _this(work, series_id) | named).first() is None:
        raise SeriesHasSessions
    return show_series(work, series_id)


def drop_series(work: Work, series_id: int) -> None:
    """Take away a series that has no sessions yet. Raises SeriesUnknown, Forbidden, SeriesHasSessions."""
    show_series(work, series_id)
    if work.core.execute(_delete_series, {"town": work.town_id, "series": series_id}).first() is None:
        raise SeriesHasSessions


def write_series(work: Work, activity_id: int, columns: Mapping[str, Any], expanded_until: date | None = None) -> int:
    """Write a series and return its id; its sessions up to a day are, or will be, the caller's."""
    id_ = work.new_id()
    row = {"town_id": work.town_id, "id": id_, "activity_id": activity_id, "expanded_until": expanded_until}
    work.core.execute(_insert_series, row | dict(columns))
    return id_


def check_beginning(work: Work, starts_at: datetime) -> None:
    """Raises PlanInvalid unless a session can still be planned to begin then."""
    if starts_at <= work.now:
        raise PlanInvalid(faults={"starts_at": Fault("须在将来开始。", "It must begin in the future.")})
    if starts_at > work.now + AHEAD:
        raise PlanInvalid(faults={"starts_at": _TOO_FAR})


_TOO_FAR = Fault(f"最多提前 {AHEAD.days} 天安排。", f"At most {AHEAD.days} days ahead.")


def _check_wish(work: Work, wish: SeriesWish, allocation: Allocation) -> _Draft:
    today, faults = local_day(work.now), {}
    if wish.starts_on < today:
        faults["starts_on"] = Fault("须从今天或以后开始。", "It begins today or later.")
    if wish.starts_on > today + AHEAD:
        faults["starts_on"] = _TOO_FAR
    if wish.ends_on is not None and wish.ends_on < wish.starts_on:
        faults["ends_on"] = Fault("不能早于开始日期。", "It can't end before it begins.")
    if faults:
        raise PlanInvalid(faults=faults)
    rule = explicit(parse_rule(wish.rrule, wish.starts_at), wish.starts_on)
    pattern = Pattern(rule, wish.starts_on, wish.ends_on, frozenset(wish.skip))
    days = check_length(pattern)
    check_plan(wish.plan, allocation)
    require_room(work, wish.plan.venue_id, wish.plan.capacity)
    ends_on = None if pattern.is_endless else days[-1]
    return _Draft(pattern, wish.starts_at, wish.skips_holidays, wish.plan, ends_on)


def _columns_of(draft: _Draft) -> dict[str, Any]:
    return {
        "rrule": str(draft.pattern.rule),
        "starts_on": draft.pattern.starts_on,
        "starts_at": draft.starts_at,
        "ends_on": draft.ends_on,
        "skips_holidays": draft.skips_holidays,
        "skips": sorted(day.isoformat() for day in draft.pattern.skips),
        **asdict(draft.plan),
    }


def _taken_starts(work: Work, venue_id: int, starts: Sequence[datetime], length: timedelta) -> set[datetime]:
    """Which of these beginnings can't have the room for so long: somebody has it, or it is closed."""
    if not starts:
        return set()
    begin, end = starts[0], starts[-1] + length
    had = count_taken(work, venue_id, begin, end).keys()
    closures = [(row.starts_at, row.ends_at) for row in read_closures(work, [find_venue(work, venue_id)], begin, end)]
    return {
        at
        for at in starts
        if any(quarter in had for quarter in quarters_of(at, at + length))
        or any(closes_at < at + length and opens_at > at for closes_at, opens_at in closures)
    }


def _of_my_place(work: Work, series: AnyRow | None) -> AnyRow:
    if series is None or not may_see(work, series.activity_status, series.path):
        raise SeriesUnknown
    require_role(work, Role.ORGANISER, series.path)
    return series


def _this(work: Work, series_id: int) -> dict[str, Any]:
    return {"of_town": work.town_id, "of_series": series_id}
