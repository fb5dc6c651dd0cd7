"""What is on: activities and their sessions, for everyone to see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Subquery, and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.territory import Operator, Scene, ServiceCentre, Territory
from models.venues import Venue
from rules.errors import Kind, RuleError
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

#: How far ahead a list looks when it isn't told.
LOOK_AHEAD = timedelta(days=31)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: How many of an activity's next sessions its detail shows; the list of sessions has them all.
NEXT_SESSIONS = 20


class ActivityUnknown(RuleError):
    code = "activity.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个活动。"
    en = "There is no such activity."


class PeriodInvalid(RuleError):
    code = "activity.period_invalid"
    kind = Kind.INVALID
    zh = "查询时段无效：结束时间必须晚于开始时间。"
    en = "The period is not valid: it must end after it begins."


class SessionState(StrEnum):
    """What a session is for someone who looks at it now."""

    OPEN = "open"  #: places can be reserved
    FULL = "full"
    CLOSED = "closed"  #: too late to reserve, not over yet
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which activities to list: those that have a session which fits all that is given."""

    q: str | None = None  #: part of the title, the summary or the category
    scene: Scene | None = None
    community_id: int | None = None
    from_: datetime | None = None  #: sessions that end after it; now if not given
    to: datetime | None = None  #: sessions that start before it
    available: bool = False  #: a place can be reserved
    checkin_open: bool = False  #: staff can check in now


@dataclass(frozen=True, slots=True)
class VenueView:
    """Where a session takes place."""

    id: int
    name: str
    centre: str
    address: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as it is shown."""

    id: int
    starts_at: datetime
    ends_at: datetime
    reservable_until: datetime
    checkin_opens_at: datetime
    venue: VenueView
    capacity: int
    taken: int
    status: SessionState


@dataclass(frozen=True, slots=True)
class ActivityDetail:
    """An activity with the sessions that are on or come next."""

    id: int
    title: str
    summary: str
    category: str
    scene: Scene
    community_id: int
    community_name: str
    operator_id: int
    operator_name: str
    volunteers_only: bool
    eligible_territory_id: int | None
    eligible_territory_name: str | None
    party_size_max: int
    status: ActivityStatus
    sessions: list[SessionView]


_community = aliased(Territory)
_eligible = aliased(Territory)
_columns = (
    Activity.id,
    Activity.title,
    Activity.summary,
    Activity.category,
    Activity.scene,
    Activity.community_id,
    _community.name.label("community_name"),
    Activity.operator_id,
    Operator.name.label("operator_name"),
    Activity.volunteers_only,
    Activity.eligible_territory_id,
    _eligible.name.label("eligible_territory_name"),
    Activity.party_size_max,
    Activity.status,
)
_activities = (
    select(*_columns)
    .join(_community, and_(_community.town_id == Activity.town_id, _community.id == Activity.community_id))
    .join(Operator, and_(Operator.town_id == Activity.town_id, Operator.id == Activity.operator_id))
    .outerjoin(_eligible, and_(_eligible.town_id == Activity.town_id, _eligible.id == Activity.eligible_territory_id))
    .where(Activity.town_id == bindparam("town"))
)
_one_activity = _activities.where(Activity.id == bindparam("id"))
_sessions = (
    select(
        Session.id,
        Session.starts_at,
        Session.ends_at,
        Session.reservable_until,
        Session.checkin_opens_at,
        Session.capacity,
        Session.taken,
        Session.status,
        Activity.status.label("activity_status"),
        Venue.id.label("venue_id"),
        Venue.name.label("venue_name"),
        ServiceCentre.name.label("centre_name"),
        ServiceCentre.address,
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Venue, and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id))
    .join(ServiceCentre, and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id))
    .where(
        Session.town_id == bindparam("town"),
        Session.activity_id == bindparam("activity"),
        Session.ends_at > bindparam("from_"),
        Session.starts_at < bindparam("to"),
        or_(
            Session.starts_at > bindparam("after_starts_at"),
            and_(Session.starts_at == bindparam("after_starts_at"), Session.id > bindparam("after_id")),
        ),
    )
    .order_by(Session.starts_at, Session.id)
    .limit(bindparam("limit"))
)


def list_activities(work: Work, wanted: ActivityFilter, after: Position | None, limit: int) -> Page[AnyRow]:
    """The activities that have a fitting session, the soonest first, with the start of that session.

    `after` is a position that an earlier page gave. Raises PeriodInvalid.
    """
    begin, end = _period(work.now, wanted.from_, wanted.to)
    soonest = _soonest_sessions(work, wanted, begin, end)
    statement = (
        _activities.add_columns(soonest.c.next_starts_at)
        .join(soonest, soonest.c.activity_id == Activity.id)
        .where(Activity.status == ActivityStatus.PUBLISHED, *_fits_activity(wanted))
        .order_by(soonest.c.next_starts_at, Activity.id)
        .limit(limit + 1)
    )
    if after is not None:
        starts_at, id_ = _read_position(after)
        statement = statement.where(
            or_(
                soonest.c.next_starts_at > starts_at,
                and_(soonest.c.next_starts_at == starts_at, Activity.id > id_),
            )
        )
    rows = work.db.execute(statement, {"town": work.town_id}).all()
    return cut(rows, limit, lambda row: _position(row.next_starts_at, row.id))


def show_activity(work: Work, activity_id: int) -> ActivityDetail:
    """An activity with the sessions that are on or come next. Raises ActivityUnknown."""
    activity = work.db.execute(_one_activity, {"town": work.town_id, "id": activity_id}).first()
    if activity is None:
        raise ActivityUnknown
    begin, end = _period(work.now, None, None)
    sessions = _read_sessions(work, activity_id, begin, end, None, NEXT_SESSIONS)
    return ActivityDetail(**activity._mapping, sessions=sessions)


def list_sessions(
    work: Work,
    activity_id: int,
    from_: datetime | None,
    to: datetime | None,
    after: Position | None,
    limit: int,
) -> Page[SessionView]:
    """The sessions of an activity in a period, in order of time. Raises ActivityUnknown and PeriodInvalid."""
    if work.db.execute(_one_activity, {"town": work.town_id, "id": activity_id}).first() is None:
        raise ActivityUnknown
    begin, end = _period(work.now, from_, to)
    found = _read_sessions(work, activity_id, begin, end, after, limit + 1)
    return cut(found, limit, lambda session: _position(session.starts_at, session.id))


def state_of(
    is_cancelled: bool, ends_at: datetime, reservable_until: datetime, free: int, now: datetime
) -> SessionState:
    """What a session is for someone who looks at it now. `free` is the number of places left."""
    if is_cancelled:
        return SessionState.CANCELLED
    if ends_at <= now:
        return SessionState.FINISHED
    if reservable_until <= now:
        return SessionState.CLOSED
    return SessionState.OPEN if free > 0 else SessionState.FULL


def _read_sessions(
    work: Work, activity_id: int, begin: datetime, end: datetime, after: Position | None, limit: int
) -> list[SessionView]:
    after_starts_at, after_id = (EPOCH, 0) if after is None else _read_position(after)
    rows = work.db.execute(
        _sessions,
        {
            "town": work.town_id,
            "activity": activity_id,
            "from_": begin,
            "to": end,
            "after_starts_at": after_starts_at,
            "after_id": after_id,
            "limit": limit,
        },
    )
    return [_view(row, work.now) for row in rows]


def _view(row: AnyRow, now: datetime) -> SessionView:
    is_cancelled = row.status == SessionStatus.CANCELLED or row.activity_status == ActivityStatus.CANCELLED
    return SessionView(
        id=row.id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reservable_until=row.reservable_until,
        checkin_opens_at=row.checkin_opens_at,
        venue=VenueView(row.venue_id, row.venue_name, row.centre_name, row.address),
        capacity=row.capacity,
        taken=row.taken,
        status=state_of(is_cancelled, row.ends_at, row.reservable_until, row.capacity - row.taken, now),
    )


def _soonest_sessions(work: Work, wanted: ActivityFilter, begin: datetime, end: datetime) -> Subquery:
    fits: list[ColumnElement[bool]] = [
        Session.town_id == work.town_id,
        Session.status == SessionStatus.SCHEDULED,
        Session.ends_at > begin,
        Session.starts_at < end,
    ]
    if wanted.available:
        fits += [Session.taken < Session.capacity, Session.reservable_until > work.now]
    if wanted.checkin_open:
        fits += [Session.checkin_opens_at <= work.now, Session.ends_at > work.now]
    return (
        select(Session.activity_id, func.min(Session.starts_at).label("next_starts_at"))
        .where(*fits)
        .group_by(Session.activity_id)
        .subquery()
    )


def _fits_activity(wanted: ActivityFilter) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if wanted.q:
        fits.append(
            or_(
                Activity.title.icontains(wanted.q, autoescape=True),
                Activity.summary.icontains(wanted.q, autoescape=True),
                Activity.category.icontains(wanted.q, autoescape=True),
            )
        )
    if wanted.scene is not None:
        fits.append(Activity.scene == wanted.scene)
    if wanted.community_id is not None:
        fits.append(Activity.community_id == wanted.community_id)
    return fits


def _period(now: datetime, from_: datetime | None, to: datetime | None) -> tuple[datetime, datetime]:
    begin = from_ or now
    end = to or begin + LOOK_AHEAD
    if end <= begin:
        raise PeriodInvalid
    return begin, end


def _position(starts_at: datetime, id_: int) -> Position:
    return ((starts_at - EPOCH) // timedelta(microseconds=1), id_)


def _read_position(after: Position) -> tuple[datetime, int]:
    microseconds, id_ = (int(number) for number in after)
    return EPOCH + timedelta(microseconds=microseconds), id_
