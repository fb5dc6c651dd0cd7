"""What becomes of sessions that were planned: moved, made larger or smaller, called off.

One session, this one and those that follow, or all of a series that are to come. What has begun is never changed. "This
and following" makes two series of one: the old one ends the day before, a new one begins, with the same days.

Rows are locked in one order: the sessions by (starts_at, id), then their series, then the reservations that are alive in
them, then rooms, then the ledger. A night may have added sessions to the series between the first two; then another look
finds more than are locked, and the deed is tried anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, select, update

from models.activities import Activity, Allocation, Series, Session, SessionStatus
from models.reservations import IS_LIVE, Reservation
from models.residents import Role
from models.search import FoundKind
from models.territory import Territory
from rules.activities.authoring import close_activity, end_series
from rules.activities.expanding import lock_series, pattern_of, plan_of
from rules.activities.looking import may_see
from rules.activities.organised import CHANGEABLE, require_room
from rules.activities.refusals import (
    ActivityOver,
    CapacityBelowTaken,
    Fault,
    NotInSeries,
    PlanInvalid,
    SessionBegun,
    SessionCalledOff,
    SessionsCoincide,
    VenueClash,
    shown,
)
from rules.activities.scheduling import check_beginning, write_series
from rules.activities.series import PLAN_FIELDS, Pattern, Plan, Rule, check_plan, moments_of, split
from rules.clock import ZONE, local_day, local_moment
from rules.reservations.changes import capacity_raised, session_cancelled, session_moved
from rules.reservations.refusals import SessionUnknown
from rules.residents.identity import require_role
from rules.rows import AnyRow
from rules.search.refreshing import refresh
from rules.sets import is_id_in
from rules.venues.occupancy import free_session, occupy_for_session
from rules.venues.refusals import VenueTaken
from rules.work import TryAgain, Work

MINUTE = timedelta(minutes=1)
A_DAY = timedelta(days=1)


class Scope(StrEnum):
    """How much of a series a change is for."""

    ONE = "one"
    FOLLOWING = "following"  #: this session and all that follow
    ALL = "all"  #: all sessions of the series that are to come


_one = (
    select(
        Session.id,
        Session.series_id,
        Session.activity_id,
        Session.starts_at,
        Session.status,
        Activity.status.label("activity_status"),
        Territory.path,
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)
_columns = (
    Session.id,
    Session.activity_id,
    Session.series_id,
    Session.venue_id,
    Session.starts_at,
    Session.ends_at,
    Session.reservable_from,
    Session.reservable_until,
    Session.allocates_at,
    Session.checkin_opens_at,
    Session.capacity,
    Session.capacity_min,
    Session.overbooking_max,
    Session.overbooking,
    Session.taken,
)
_to_come = (
    Session.town_id == bindparam("town"),
    Session.status == SessionStatus.SCHEDULED,
    Session.starts_at > bindparam("now"),
)
_WITHIN: dict[Scope, ColumnElement[bool]] = {
    Scope.ONE: Session.id == bindparam("session"),
    Scope.FOLLOWING: and_(Session.series_id == bindparam("series"), Session.starts_at >= bindparam("begin")),
    Scope.ALL: Session.series_id == bindparam("series"),
}
_of_activity = Session.activity_id == bindparam("activity")


def _locking(within: ColumnElement[bool]) -> Any:
    return (
        select(*_columns)
        .where(*_to_come, within)
        .order_by(Session.starts_at, Session.id)
        .with_for_update(key_share=True)
    )


_lock = {scope: _locking(within) for scope, within in _WITHIN.items()}
_count = {scope: select(func.count()).where(*_to_come, within) for scope, within in _WITHIN.items()}
_lock_of_activity = _locking(_of_activity)
_count_of_activity = select(func.count()).where(*_to_come, _of_activity)
_lock_reservations = (
    select(Reservation.id)
    .where(Reservation.town_id == bindparam("town"), is_id_in(Reservation.session_id, "sessions"), IS_LIVE)
    .order_by(Reservation.session_id, Reservation.id)
    .with_for_update()
)
_siblings = select(Session.id, Session.starts_at).where(
    Session.town_id == bindparam("town"), Session.series_id == bindparam("series")
)
_series_of_activity = (
    select(Series.id)
    .where(Series.town_id == bindparam("town"), Series.activity_id == bindparam("activity"))
    .order_by(Series.id)
)
_MOVING = (
    "series_id",
    "venue_id",
    "starts_at",
    "ends_at",
    "reservable_from",
    "reservable_until",
    "allocates_at",
    "checkin_opens_at",
    "capacity",
    "capacity_min",
    "overbooking_max",
    "overbooking",
)
_this = (Session.town_id == bindparam("of_town"), Session.id == bindparam("of_session"))
_still_to_come = (Session.status == SessionStatus.SCHEDULED, Session.starts_at > bindparam("now"))
_change = (
    update(Session)
    .where(*_this, *_still_to_come)
    .values({name: bindparam(f"new_{name}") for name in _MOVING} | {"versioned_at": bindparam("now")})
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)
_call_off = (
    update(Session)
    .where(*_this, *_still_to_come)
    .values(status=SessionStatus.CANCELLED, versioned_at=bindparam("now"))
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)
_replan = (
    update(Series)
    .where(Series.town_id == bindparam("of_town"), Series.id == bindparam("of_series"))
    .values({name: bindparam(f"new_{name}") for name in ("starts_at", *PLAN_FIELDS)})
)
_end = (
    update(Series)
    .where(Series.town_id == bindparam("of_town"), Series.id == bindparam("of_series"))
    .values(ends_on=bindparam("last_day"))
)


@dataclass(frozen=True, slots=True)
class _Targets:
    """The sessions that a change is for, locked, and the one that was named."""

    named: AnyRow
    rows: Sequence[AnyRow]
    series: AnyRow | None
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class _Change:
    """What one session becomes."""

    before: AnyRow
    starts_at: datetime
    plan: Plan
    overbooking: int

    @property
    def moves(self) -> bool:
        ends_at = self.starts_at + self.plan.duration_minutes * MINUTE
        then = (self.before.starts_at, self.before.ends_at, self.before.venue_id)
        return (self.starts_at, ends_at, self.plan.venue_id) != then

    @property
    def grows(self) -> bool:
        return bool(self.plan.capacity + self.overbooking > self.before.capacity + self.before.overbooking)


def change_sessions(work: Work, session_id: int, scope: Scope, changes: Mapping[str, Any]) -> list[int]:
    """Change a session, and those of its series that the scope takes in; returns the ids of all of them.

    `changes`: fields of a plan, and `starts_at`, the moment at which the named session is to begin; the others take its
    time of day and keep their days. Who has reserved is told of another time or room; who waits is promoted into more
    places.

    Raises SessionUnknown, Forbidden, ActivityOver, SessionBegun, SessionCalledOff, NotInSeries, PlanInvalid,
    VenueUnknown, VenueTooSmall, CapacityBelowTaken, SessionsCoincide, VenueClash.
    """
    targets = _lock_targets(work, session_id, scope)
    ids = [row.id for row in targets.rows]
    if not changes:
        return ids
    planned = [_changed(work, targets, scope, row, changes) for row in targets.rows]
    if {"venue_id", "capacity"} & changes.keys():
        for venue_id in {each.plan.venue_id for each in planned}:
            require_room(work, venue_id, max(each.plan.capacity for each in planned if each.plan.venue_id == venue_id))
    series_id = _change_series(work, targets, scope, changes)
    if "starts_at" in changes:
        _check_apart(work, targets, planned, series_id)
    _lock_live(work, ids)
    for each in planned:
        _write(work, each, series_id)
    _move_rooms(work, [each for each in planned if each.moves])
    for each in planned:
        if each.moves:
            session_moved(work, each.before.id)
        if each.grows:
            capacity_raised(work, each.before.id)
    if "venue_id" in changes:
        refresh(work, FoundKind.ACTIVITY, [targets.named.activity_id])
    return ids


def cancel_sessions(work: Work, session_id: int, scope: Scope, reason: str) -> list[int]:
    """Call off a session, and those of its series that the scope takes in; returns the ids of all of them.

    Everybody who has reserved, waits or applied is told the reason and gets back what was held. The series ends with
    them.

    Raises SessionUnknown, Forbidden, ActivityOver, SessionBegun, SessionCalledOff, NotInSeries.
    """
    targets = _lock_targets(work, session_id, scope)
    if targets.series is not None and scope is not Scope.ONE:
        eve = local_day(targets.named.starts_at) - A_DAY
        _end_series(work, targets.series, eve if scope is Scope.FOLLOWING else local_day(work.now))
    return _call_off_all(work, targets.rows, reason)


def cancel_activity(work: Work, activity_id: int, reason: str) -> list[int]:
    """Call an activity off for good, with all sessions that haven't begun; returns their ids.

    Raises ActivityUnknown, Forbidden, ActivityOver.
    """
    close_activity(work, activity_id)
    asked = {"town": work.town_id, "activity": activity_id, "now": work.now}
    rows = work.core.execute(_lock_of_activity, asked).all()
    for series_id in work.core.scalars(_series_of_activity, asked).all():
        lock_series(work, series_id)
    if work.core.scalar(_count_of_activity, asked) != len(rows):
        raise TryAgain
    end_series(work, activity_id)
    return _call_off_all(work, rows, reason)


def call_off(work: Work, session_id: int, reason: str) -> bool:
    """Call off one session that the caller has locked. False: it has begun, or is off already."""
    asked = {"of_town": work.town_id, "of_session": session_id, "now": work.now}
    if work.core.execute(_call_off, asked).first() is None:
        return False
    _lock_live(work, [session_id])
    free_session(work, session_id)
    session_cancelled(work, session_id, reason)
    return True


def _lock_targets(work: Work, session_id: int, scope: Scope) -> _Targets:
    named = work.core.execute(_one, {"town": work.town_id, "session": session_id}).first()
    if named is None or not may_see(work, named.activity_status, named.path):
        raise SessionUnknown
    require_role(work, Role.ORGANISER, named.path)
    if named.activity_status not in CHANGEABLE:
        raise ActivityOver
    if scope is not Scope.ONE and named.series_id is None:
        raise NotInSeries
    asked = {
        "town": work.town_id,
        "now": work.now,
        "session": session_id,
        "series": named.series_id,
        "begin": named.starts_at,
    }
    rows = work.core.execute(_lock[scope], asked).all()
    locked = next((row for row in rows if row.id == session_id), None)
    if locked is None:
        raise _why_not(work, session_id)
    series = None if named.series_id is None else lock_series(work, named.series_id)
    moved_meanwhile = (locked.starts_at, locked.series_id) != (named.starts_at, named.series_id)
    if moved_meanwhile or work.core.scalar(_count[scope], asked) != len(rows):
        raise TryAgain
    return _Targets(locked, rows, series, _allocation_of(work, named.activity_id))


def _why_not(work: Work, session_id: int) -> Exception:
    """Why the session that was named wasn't among those to lock."""
    now = work.core.execute(_one, {"town": work.town_id, "session": session_id}).one()
    if now.status is SessionStatus.CANCELLED:
        return SessionCalledOff()
    # To come and not there: another organiser has just given it to a series of its own.
    return SessionBegun() if now.starts_at <= work.now else TryAgain()


_allocation = select(Activity.allocation).where(
    Activity.town_id == bindparam("town"), Activity.id == bindparam("activity")
)


def _allocation_of(work: Work, activity_id: int) -> Allocation:
    return Allocation(work.core.execute(_allocation, {"town": work.town_id, "activity": activity_id}).scalar_one())


def _changed(work: Work, targets: _Targets, scope: Scope, row: AnyRow, changes: Mapping[str, Any]) -> _Change:
    """What a session becomes. Raises PlanInvalid, CapacityBelowTaken."""
    starts_at = _new_start(work, targets.named, scope, row, changes.get("starts_at"))
    fitting = {name: value for name, value in changes.items() if name in PLAN_FIELDS}
    allocation = targets.allocation
    if row.allocates_at is None:  # its places were given out already
        fitting.pop("allocates_minutes_before", None)
        allocation = Allocation.FIRST_COME
    plan = replace(_plan_of_session(row), **fitting)
    check_plan(plan, allocation)
    overbooking = min(row.overbooking, plan.overbooking_max)
    shrinks = plan.capacity < row.capacity
    if row.taken > plan.capacity + overbooking or (shrinks and row.taken > plan.capacity):
        raise CapacityBelowTaken(moment=shown(row.starts_at), taken=row.taken)
    return _Change(row, starts_at, plan, overbooking)


def _new_start(work: Work, named: AnyRow, scope: Scope, row: AnyRow, wanted: datetime | None) -> datetime:
    old: datetime = row.starts_at
    if wanted is None:
        return old
    check_beginning(work, wanted)
    if scope is Scope.ONE:
        return wanted
    if local_day(wanted) != local_day(named.starts_at):
        raise PlanInvalid(faults={"starts_at": _SAME_DAY})
    starts_at = local_moment(local_day(old), wanted.astimezone(ZONE).strftime("%H:%M"))
    if starts_at <= work.now:
        raise PlanInvalid(
            faults={"starts_at": Fault("有一场会变成已经开始。", "One of them would have begun already.")}
        )
    return starts_at


_SAME_DAY = Fault(
    "多场一起修改时只能改时间，不能改日期；要改日期，请取消后续场次，另建一个系列。",
    "Of several sessions only the time of day can be changed. For other days, cancel them and plan another series.",
)


def _plan_of_session(row: AnyRow) -> Plan:
    """A session as it was planned, its moments in whole minutes."""

    def before(moment: datetime | None) -> int | None:
        return None if moment is None else (row.starts_at - moment) // MINUTE

    closes = before(row.reservable_until)
    assert closes is not None
    return Plan(
        venue_id=row.venue_id,
        duration_minutes=(row.ends_at - row.starts_at) // MINUTE,
        capacity=row.capacity,
        capacity_min=row.capacity_min,
        overbooking_max=row.overbooking_max,
        opens_minutes_before=before(row.reservable_from),
        closes_minutes_before=closes,
        allocates_minutes_before=before(row.allocates_at),
    )


def _change_series(work: Work, targets: _Targets, scope: Scope, changes: Mapping[str, Any]) -> int | None:
    """Let the series go on as its sessions do. Returns the series that the sessions are in from now on."""
    series = targets.series
    if series is None or scope is Scope.ONE:
        return None if series is None else int(series.id)
    plan = replace(plan_of(series), **{name: value for name, value in changes.items() if name in PLAN_FIELDS})
    check_plan(plan, targets.allocation)
    wanted = changes.get("starts_at")
    starts_at = series.starts_at if wanted is None else wanted.astimezone(ZONE).strftime("%H:%M")
    is_whole = scope is Scope.ALL or not _has_earlier(work, targets)
    if is_whole:
        named = {f"new_{name}": value for name, value in asdict(plan).items()}
        this = {"of_town": work.town_id, "of_series": series.id}
        work.core.execute(_replan, this | named | {"new_starts_at": starts_at})
        return int(series.id)
    return _split_series(work, targets, plan, starts_at)


def _split_series(work: Work, targets: _Targets, plan: Plan, starts_at: str) -> int:
    series, day = targets.series, local_day(targets.named.starts_at)
    assert series is not None
    before, after = split(pattern_of(series), day)
    _end_series(work, series, before.ends_on or day - A_DAY)
    if after is None:  # its last sessions were moved beyond the rule's last day: nothing more comes
        after = Pattern(Rule("DAILY", count=1), day, day)
    columns = {
        "rrule": str(after.rule),
        "starts_on": after.starts_on,
        "starts_at": starts_at,
        "ends_on": after.ends_on,
        "skips_holidays": series.skips_holidays,
        "skips": sorted(each.isoformat() for each in after.skips),
        **asdict(plan),
    }
    return write_series(work, series.activity_id, columns, expanded_until=series.expanded_until)


def _has_earlier(work: Work, targets: _Targets) -> bool:
    return any(row.starts_at < targets.named.starts_at for row in _read_siblings(work, targets))


def _read_siblings(work: Work, targets: _Targets) -> Sequence[AnyRow]:
    assert targets.series is not None
    return work.core.execute(_siblings, {"town": work.town_id, "series": targets.series.id}).all()


def _check_apart(work: Work, targets: _Targets, planned: Sequence[_Change], series_id: int | None) -> None:
    """Raises SessionsCoincide when two sessions of a series would begin at once; the series is locked."""
    if targets.series is None:
        return
    ids = {each.before.id for each in planned}
    begun = set()
    if series_id == targets.series.id:
        begun = {row.starts_at for row in _read_siblings(work, targets) if row.id not in ids}
    for each in planned:
        if each.starts_at in begun:
            raise SessionsCoincide(moment=shown(each.starts_at))
        begun.add(each.starts_at)


def _write(work: Work, change: _Change, series_id: int | None) -> None:
    before = change.before
    values = {
        **moments_of(change.plan, change.starts_at).columns(),
        "checkin_opens_at": before.checkin_opens_at + (change.starts_at - before.starts_at),
        "series_id": series_id,
        "venue_id": change.plan.venue_id,
        "capacity": change.plan.capacity,
        "capacity_min": change.plan.capacity_min,
        "overbooking_max": change.plan.overbooking_max,
        "overbooking": change.overbooking,
    }
    named = {f"new_{name}": value for name, value in values.items()}
    asked = {"of_town": work.town_id, "of_session": before.id, "now": work.now}
    changed = work.core.execute(_change, asked | named).first()
    assert changed is not None, "it is locked and to come"


def _move_rooms(work: Work, moving: Sequence[_Change]) -> None:
    for each in moving:
        free_session(work, each.before.id)
    clashes = []
    for each in sorted(moving, key=lambda change: change.starts_at):
        ends_at = each.starts_at + each.plan.duration_minutes * MINUTE
        try:
            occupy_for_session(work, each.before.id, each.plan.venue_id, each.starts_at, ends_at)
        except VenueTaken:
            clashes.append(each.starts_at)
    if clashes:
        raise VenueClash(clashes)


def _call_off_all(work: Work, rows: Sequence[AnyRow], reason: str) -> list[int]:
    ids = [row.id for row in rows]
    for id_ in ids:
        off = work.core.execute(_call_off, {"of_town": work.town_id, "of_session": id_, "now": work.now}).first()
        assert off is not None, "it is locked and to come"
    _lock_live(work, ids)
    for id_ in ids:
        free_session(work, id_)
    for id_ in ids:
        session_cancelled(work, id_, reason)
    return ids


def _lock_live(work: Work, session_ids: Sequence[int]) -> None:
    """Lock what is alive in all of these sessions before the ledger is touched for the first of them."""
    work.core.execute(_lock_reservations, {"town": work.town_id, "sessions": session_ids}).all()


def _end_series(work: Work, series: AnyRow, last_day: date) -> None:
    if series.ends_on is None or series.ends_on > last_day:
        work.core.execute(_end, {"of_town": work.town_id, "of_series": series.id, "last_day": last_day})
