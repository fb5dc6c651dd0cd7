"""What is on: activities and their sessions, for everyone to see. Drafts are seen by the staff of their place alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, Subquery, and_, bindparam, func, literal, or_, select
from sqlalchemy.orm import aliased

from models.activities import Activity, ActivityStatus, Allocation, Audience, Session, SessionStatus
from models.base import UtcDateTime
from models.territory import Operator, Scene, ServiceCentre, Territory
from models.venues import Venue
from rules.activities.questions import Question, QuestionKind
from rules.activities.refusals import ActivityUnknown
from rules.clock import local_day, local_moment
from rules.errors import Kind, RuleError
from rules.geography import FAR, FARTHEST, near_parameters, page_key, squared_metres
from rules.geography import Position as Place
from rules.paging import Page, Position, cut
from rules.reservations.refusals import SessionUnknown
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import ActorKind, Work

#: How far ahead a list looks when it isn't told.
LOOK_AHEAD = timedelta(days=31)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Who is a child, and who an elder, where an activity says ages and no audience.
CHILD_YEARS_MAX = 17
ELDER_YEARS_MIN = 60
SATURDAY = 5
#: How many of an activity's next sessions its detail shows; the list of sessions has them all.
NEXT_SESSIONS = 20
SHAPES_MAX = 256  #: of questions about activities whose statements are kept
ESCAPE = "/"
_ESCAPED = str.maketrans({each: ESCAPE + each for each in (ESCAPE, "%", "_")})


class PeriodInvalid(RuleError):
    code = "activity.period_invalid"
    kind = Kind.INVALID
    zh = "查询时段无效：结束时间必须晚于开始时间。"
    en = "The period is not valid: it must end after it begins."


class SessionState(StrEnum):
    """What a session is for someone who looks at it now."""

    NOT_OPEN = "not_open"  #: sign-up opens later
    APPLYING = "applying"  #: wishes are collected; the places are given out at `allocates_at`
    OPEN = "open"  #: places can be reserved
    WAITING_LIST = "waiting_list"  #: no place is free, and the waiting list takes parties
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
    weekend: bool = False  #: this weekend's, in place of a period
    available: bool = False  #: a place can be reserved
    free: bool = False  #: costs no points
    audience: Audience | None = None  #: made for them, by its word or by its ages
    near: Place | None = None  #: the nearest first, then the soonest
    within_metres: int | None = None  #: no farther, where a position is given
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
    activity_id: int
    series_id: int | None
    starts_at: datetime
    ends_at: datetime
    reservable_from: datetime | None
    reservable_until: datetime
    allocates_at: datetime | None
    checkin_opens_at: datetime
    venue: VenueView
    capacity: int
    capacity_min: int
    taken: int
    waiting: int
    status: SessionState


@dataclass(frozen=True, slots=True)
class QuestionView:
    """Something that is asked at sign-up."""

    key: str
    text: str
    kind: QuestionKind
    choices: list[str]
    required: bool


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
    community_path: str
    operator_id: int
    operator_name: str
    volunteers_only: bool
    eligible_territory_id: int | None
    eligible_territory_name: str | None
    party_size_max: int
    age_min: int | None
    age_max: int | None
    audience: Audience | None
    price: int
    allocation: Allocation
    waiting_max: int
    offer_minutes: int
    allows_reentry: bool
    questions: list[QuestionView]
    status: ActivityStatus
    sessions: list[SessionView]


COMMUNITY = aliased(Territory)
_eligible = aliased(Territory)
_columns = (
    Activity.id,
    Activity.title,
    Activity.summary,
    Activity.category,
    Activity.scene,
    Activity.community_id,
    COMMUNITY.name.label("community_name"),
    COMMUNITY.path.label("community_path"),
    Activity.operator_id,
    Operator.name.label("operator_name"),
    Activity.volunteers_only,
    Activity.eligible_territory_id,
    _eligible.name.label("eligible_territory_name"),
    Activity.party_size_max,
    Activity.age_min,
    Activity.age_max,
    Activity.audience,
    Activity.price,
    Activity.allocation,
    Activity.waiting_max,
    Activity.offer_minutes,
    Activity.allows_reentry,
    Activity.questions,
    Activity.status,
)
ACTIVITIES = (
    select(*_columns)
    .join(COMMUNITY, and_(COMMUNITY.town_id == Activity.town_id, COMMUNITY.id == Activity.community_id))
    .join(Operator, and_(Operator.town_id == Activity.town_id, Operator.id == Activity.operator_id))
    .outerjoin(_eligible, and_(_eligible.town_id == Activity.town_id, _eligible.id == Activity.eligible_territory_id))
    .where(Activity.town_id == bindparam("town"))
)
_one_activity = ACTIVITIES.where(Activity.id == bindparam("id"))
_sessions = (
    select(
        Session.id,
        Session.activity_id,
        Session.series_id,
        Session.starts_at,
        Session.ends_at,
        Session.reservable_from,
        Session.reservable_until,
        Session.allocates_at,
        Session.checkin_opens_at,
        Session.capacity,
        Session.capacity_min,
        Session.overbooking,
        Session.taken,
        Session.waiting,
        Session.status,
        Activity.status.label("activity_status"),
        Activity.waiting_max,
        COMMUNITY.path.label("community_path"),
        Venue.id.label("venue_id"),
        Venue.name.label("venue_name"),
        ServiceCentre.name.label("centre_name"),
        ServiceCentre.address,
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(COMMUNITY, and_(COMMUNITY.town_id == Activity.town_id, COMMUNITY.id == Activity.community_id))
    .join(Venue, and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id))
    .join(ServiceCentre, and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id))
    .where(Session.town_id == bindparam("town"))
)
_one_session = _sessions.where(Session.id == bindparam("id"))
_some_sessions = _sessions.where(is_id_in(Session.id, "ids")).order_by(Session.starts_at, Session.id)
_sessions_of_activity = (
    _sessions.where(
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
    """The activities that have a fitting session, each with the start of the soonest such session.

    The soonest comes first; where a position is given the nearest does, by the centre of its nearest fitting session, and
    at one distance the soonest. `after` is a position that an earlier page gave. Raises PeriodInvalid.
    """
    begin, end = _wanted_period(work.now, wanted)
    asked = {"town": work.town_id, "begin": begin, "end": end, "limit": limit + 1, **_asked(work, wanted)}
    if after is not None:
        asked["after_starts_at"], asked["after_id"] = _read_position(after[1:])
        asked |= {} if wanted.near is None else {"after_squared": int(after[0]) - 1}
    rows = work.send(_activities_like(_shape_of(wanted), after is not None), asked).all()
    return cut(rows, limit, lambda row: (page_key(wanted.near, row.squared), *_position(row.next_starts_at, row.id)))


def _shape_of(wanted: ActivityFilter) -> ActivityFilter:
    """What is given, without its values: as many statements as there are ways to ask."""
    return replace(
        wanted,
        q=wanted.q and "q",
        scene=wanted.scene and Scene.EDUCATION,
        community_id=wanted.community_id and 1,
        from_=None,
        to=None,
        weekend=False,
        near=wanted.near and Place(0.0, 0.0),
        within_metres=None if wanted.within_metres is None else 1,
    )


def _asked(work: Work, wanted: ActivityFilter) -> dict[str, Any]:
    """The values of a question, by the names in its statement."""
    asked: dict[str, Any] = {} if wanted.near is None else near_parameters(wanted.near)
    if wanted.near is not None:
        asked["reach"] = FARTHEST if wanted.within_metres is None else wanted.within_metres**2
    if wanted.available or wanted.checkin_open:
        asked["now"] = work.now
    if wanted.q:
        asked["q"] = wanted.q.translate(_ESCAPED)
    if wanted.scene is not None:
        asked["scene"] = wanted.scene
    if wanted.community_id is not None:
        asked["community"] = wanted.community_id
    return asked


@lru_cache(SHAPES_MAX)
def _activities_like(shape: ActivityFilter, goes_on: bool) -> Select[Any]:
    soonest = _soonest_sessions(shape)
    order = (soonest.c.squared, soonest.c.next_starts_at, Activity.id)
    statement = (
        ACTIVITIES.add_columns(soonest.c.next_starts_at, soonest.c.squared)
        .join(soonest, soonest.c.activity_id == Activity.id)
        .where(Activity.status == ActivityStatus.PUBLISHED, *_fits_activity(shape))
        .order_by(*(order[1:] if shape.near is None else order))
        .limit(bindparam("limit"))
    )
    return statement.where(_follows(order, shape)) if goes_on else statement


def _follows(order: tuple[Any, Any, Any], shape: ActivityFilter) -> ColumnElement[bool]:
    """Whether an activity comes after a position of the list."""
    squared, next_starts_at, id_ = order
    starts_at: BindParameter[datetime] = bindparam("after_starts_at")
    follows: ColumnElement[bool] = or_(
        next_starts_at > starts_at, and_(next_starts_at == starts_at, id_ > bindparam("after_id"))
    )
    if shape.near is None:
        return follows
    beyond: BindParameter[int] = bindparam("after_squared")
    return or_(squared > beyond, and_(squared == beyond, follows))


def show_activity(work: Work, activity_id: int) -> ActivityDetail:
    """An activity with the sessions that are on or come next. Raises ActivityUnknown, also for others' drafts."""
    activity = find_activity(work, activity_id)
    begin, end = _period(work.now, None, None)
    sessions = _read_sessions(work, activity_id, begin, end, None, NEXT_SESSIONS)
    questions = [_question(question) for question in activity.questions]
    return ActivityDetail(**{**activity._mapping, "questions": questions, "sessions": sessions})


def find_activity(work: Work, activity_id: int) -> AnyRow:
    """An activity without its sessions. Raises ActivityUnknown, also for others' drafts."""
    activity = work.db.execute(_one_activity, {"town": work.town_id, "id": activity_id}).first()
    if activity is None or not may_see(work, activity.status, activity.community_path):
        raise ActivityUnknown
    return activity


def show_session(work: Work, session_id: int) -> SessionView:
    """One session. Raises SessionUnknown, also for those of others' drafts."""
    row = work.db.execute(_one_session, {"town": work.town_id, "id": session_id}).first()
    if row is None or not may_see(work, row.activity_status, row.community_path):
        raise SessionUnknown
    return _view(row, work.now)


def show_sessions(work: Work, session_ids: list[int]) -> list[SessionView]:
    """Sessions that the actor has just made or changed, in order of time."""
    rows = work.db.execute(_some_sessions, {"town": work.town_id, "ids": session_ids})
    return [_view(row, work.now) for row in rows]


def list_sessions(
    work: Work,
    activity_id: int,
    from_: datetime | None,
    to: datetime | None,
    after: Position | None,
    limit: int,
) -> Page[SessionView]:
    """The sessions of an activity in a period, in order of time. Raises ActivityUnknown and PeriodInvalid."""
    find_activity(work, activity_id)
    begin, end = _period(work.now, from_, to)
    found = _read_sessions(work, activity_id, begin, end, after, limit + 1)
    return cut(found, limit, lambda session: _position(session.starts_at, session.id))


def state_of(session: AnyRow, now: datetime) -> SessionState:
    """What a session is for someone who looks at it now. Pure.

    `session`: its status, moments and counters, `activity_status` and `waiting_max`.
    """
    if session.status is SessionStatus.CANCELLED or session.activity_status is ActivityStatus.CANCELLED:
        return SessionState.CANCELLED
    if session.ends_at <= now:
        return SessionState.FINISHED
    if session.reservable_until <= now:
        return SessionState.CLOSED
    is_early = session.reservable_from is not None and now < session.reservable_from
    if is_early or session.activity_status is ActivityStatus.DRAFT:
        return SessionState.NOT_OPEN
    if session.allocates_at is not None:
        return SessionState.APPLYING
    if session.taken < session.capacity + session.overbooking:
        return SessionState.OPEN
    return SessionState.WAITING_LIST if session.waiting < session.waiting_max else SessionState.FULL


def may_see(work: Work, status: ActivityStatus, community_path: str) -> bool:
    """Whether an activity of this status is for the actor's eyes: a draft is for staff with any role at its place."""
    if status is not ActivityStatus.DRAFT:
        return True
    is_staff = work.actor.kind is ActorKind.STAFF
    return is_staff and any(community_path.startswith(grant.path) for grant in work.actor.grants)


def _question(question: Question) -> QuestionView:
    return QuestionView(
        question["key"], question["text"], QuestionKind(question["kind"]), question["choices"], question["required"]
    )


def _read_sessions(
    work: Work, activity_id: int, begin: datetime, end: datetime, after: Position | None, limit: int
) -> list[SessionView]:
    after_starts_at, after_id = (EPOCH, 0) if after is None else _read_position(after)
    rows = work.db.execute(
        _sessions_of_activity,
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
    return SessionView(
        id=row.id,
        activity_id=row.activity_id,
        series_id=row.series_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reservable_from=row.reservable_from,
        reservable_until=row.reservable_until,
        allocates_at=row.allocates_at,
        checkin_opens_at=row.checkin_opens_at,
        venue=VenueView(row.venue_id, row.venue_name, row.centre_name, row.address),
        capacity=row.capacity,
        capacity_min=row.capacity_min,
        taken=row.taken,
        waiting=row.waiting,
        status=state_of(row, now),
    )


def _soonest_sessions(wanted: ActivityFilter) -> Subquery:
    now = bindparam("now", type_=UtcDateTime)
    fits: list[ColumnElement[bool]] = [
        Session.town_id == bindparam("town"),
        Session.status == SessionStatus.SCHEDULED,
        Session.ends_at > bindparam("begin"),
        Session.starts_at < bindparam("end"),
    ]
    if wanted.available:
        fits += [
            Session.taken < Session.capacity + Session.overbooking,
            Session.reservable_until > now,
            or_(Session.reservable_from.is_(None), Session.reservable_from <= now),
        ]
    if wanted.checkin_open:
        fits += [Session.checkin_opens_at <= now, Session.ends_at > now]
    earliest = func.min(Session.starts_at).label("next_starts_at")
    if wanted.near is None:
        found = select(Session.activity_id, earliest, literal(FAR).label("squared"))
        return found.where(*fits).group_by(Session.activity_id).subquery()
    squared = squared_metres(ServiceCentre.latitude, ServiceCentre.longitude)
    return (
        select(Session.activity_id, earliest, func.min(squared).label("squared"))
        .join(Venue, and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id))
        .join(ServiceCentre, and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id))
        .where(*fits, squared <= bindparam("reach"))
        .group_by(Session.activity_id)
        .subquery()
    )


def _fits_activity(wanted: ActivityFilter) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if wanted.q:
        fits.append(
            or_(
                Activity.title.icontains(bindparam("q"), escape=ESCAPE),
                Activity.summary.icontains(bindparam("q"), escape=ESCAPE),
                Activity.category.icontains(bindparam("q"), escape=ESCAPE),
            )
        )
    if wanted.scene is not None:
        fits.append(Activity.scene == bindparam("scene"))
    if wanted.community_id is not None:
        fits.append(Activity.community_id == bindparam("community"))
    if wanted.free:
        fits.append(Activity.price == 0)
    if wanted.audience is not None:
        by_age = _AGES_OF[wanted.audience]
        fits.append(or_(Activity.audience == wanted.audience, and_(Activity.audience.is_(None), by_age)))
    return fits


_AGES_OF = {
    Audience.CHILDREN: Activity.age_max <= CHILD_YEARS_MAX,
    Audience.ELDERS: Activity.age_min >= ELDER_YEARS_MIN,
}


def _wanted_period(now: datetime, wanted: ActivityFilter) -> tuple[datetime, datetime]:
    if not wanted.weekend:
        return _period(now, wanted.from_, wanted.to)
    today = local_day(now)
    saturday = today + timedelta(days=SATURDAY - min(today.weekday(), SATURDAY + 1))
    return max(now, local_moment(saturday, "00:00")), local_moment(saturday + timedelta(days=2), "00:00")


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
