"""Sessions, their places, and what became of them.

All of it belongs to the day on which the session begins. Sessions of a draft aren't counted: nobody was offered them. A
session is held when it is over and wasn't called off. The place is the activity's community.

What is counted of a day may be recorded after it: a session that goes on beyond midnight, an upload from the door, an
appeal, an activity that is put under another scene. `_touched` finds such days by the versions (`rules.history`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Join, Subquery, and_, case, func, or_, select, union

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.checkins import Scan
from models.history import ActivityVersion, ReservationVersion, SessionVersion
from models.monitor import Slice
from models.reservations import Appeal, AppealStatus, CancelledBy, Reservation, ReservationStatus
from rules.errors import InBoth
from rules.history import Columns, as_of
from rules.local_time import day_of
from rules.monitor.days import AS_OF, BEGIN, END, SINCE, TOWN, UNTIL, days_before, first_id
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import (
    ACTIVITY_LOOKS_OTHERWISE,
    NONE,
    SESSION_WAS_IN_SPAN,
    SESSION_WAS_MADE,
    ended_days,
    fact,
    one_if,
    was_changed,
)
from rules.sets import is_id_in

#: No session goes on for so many days.
SESSION_DAYS_MAX = 2
#: A place that is given back so shortly before is hardly taken by anybody else.
SHORT_NOTICE_DAYS = 1
#: The states of who has, or had, a place when the session was on.
_WITH_A_PLACE = (ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN, ReservationStatus.NO_SHOW)


def _begins_in_span(row: Columns) -> ColumnElement[bool]:
    return and_(row["starts_at"] >= BEGIN, row["starts_at"] < END)


# --- Sessions ---

_sessions_then, _activities_then, _reservations_then = (
    as_of(Session, _begins_in_span),
    as_of(Activity),
    as_of(Reservation),
)
S, A, R = _sessions_then.c, _activities_then.c, _reservations_then.c
_was_held = and_(S.status == SessionStatus.SCHEDULED, S.ends_at <= AS_OF)
_came = R.status == ReservationStatus.CHECKED_IN
_stayed_away = R.status == ReservationStatus.NO_SHOW
_has_place = R.status.in_(_WITH_A_PLACE)


def _with_activity(sessions: Subquery) -> Join:
    return sessions.join(_activities_then, and_(A.town_id == TOWN, A.id == sessions.c.activity_id))


def _is_offered(sessions: Subquery) -> ColumnElement[bool]:
    return and_(sessions.c.town_id == TOWN, A.status != ActivityStatus.DRAFT)


def _fact(id_: Any, session: Any, **counters: Any) -> tuple[ColumnElement[Any], ...]:
    """Of the session's day, and where and whose its activity is."""
    where = {"scene": A.scene, "operator_id": A.operator_id}
    return fact(id_, day_of(session.starts_at), A.community_id, **where, **counters)


def _sessions_in(sessions: Subquery) -> Facts:
    session = sessions.c
    is_on = session.status == SessionStatus.SCHEDULED
    counters = {
        "planned": one_if(is_on),
        "held": one_if(and_(is_on, session.ends_at <= AS_OF)),
        "cancelled": one_if(~is_on),
        "places": case((is_on, session.capacity), else_=NONE),
    }
    return (
        select(*_fact(session.id, session, **counters))
        .select_from(_with_activity(sessions))
        .where(_is_offered(sessions))
    )


_sessions = _sessions_in(_sessions_then)
_some_then = as_of(Session, lambda row: and_(is_id_in(row["id"], "ids"), _begins_in_span(row)), name="session_changed")

_sessions_taken = as_of(Session, _begins_in_span, name="session_taken")
T = _sessions_taken.c
_taken = (
    select(
        T.id,
        func.sum(case((_has_place, R.party_size), else_=NONE)).label("places_taken"),
        func.sum(case((_came, R.party_size), else_=NONE)).label("places_used"),
    )
    .join_from(_sessions_taken, _reservations_then, and_(R.town_id == TOWN, R.session_id == T.id))
    .where(T.town_id == TOWN)
    .group_by(T.id)
    .subquery("taken")
)
_occupancy: Facts = (
    select(
        *_fact(
            S.id,
            S,
            full=one_if(_taken.c.places_taken >= S.capacity),
            empty=one_if(func.coalesce(_taken.c.places_used, NONE) == 0),
        )
    )
    .select_from(_with_activity(_sessions_then).outerjoin(_taken, _taken.c.id == S.id))
    .where(_is_offered(_sessions_then), _was_held)
)

# --- Reservations ---

_was_excused = (
    select(Appeal.id)
    .where(
        Appeal.town_id == TOWN,
        Appeal.reservation_id == R.id,
        Appeal.status == AppealStatus.UPHELD,
        Appeal.decided_at <= AS_OF,
    )
    .correlate(_reservations_then)
    .exists()
)
_gave_back = and_(
    R.status == ReservationStatus.CANCELLED,
    R.confirmed_at.is_not(None),
    R.cancelled_by.in_((CancelledBy.RESIDENT, CancelledBy.STAFF)),
    ~_was_excused,
)


def _places(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """The reservation's places, if that holds."""
    return case((condition, R.party_size), else_=NONE)


def _reservations_in(sessions: Subquery) -> Facts:
    session = sessions.c
    is_late = R.cancelled_at >= func.coalesce(R.cancellable_until, session.reservable_until)
    is_shortly_before = R.cancelled_at >= days_before(session.starts_at, SHORT_NOTICE_DAYS)
    return (
        select(
            *_fact(
                R.id,
                session,
                reserved=_places(_has_place),
                attended=_places(_came),
                no_shows=_places(_stayed_away),
                awaited=_places(or_(_came, _stayed_away)),
                booked=_places(or_(_has_place, _gave_back)),
                cancelled=_places(_gave_back),
                cancelled_late=_places(and_(_gave_back, is_late)),
                cancelled_shortly=_places(and_(_gave_back, is_shortly_before)),
            )
        )
        .select_from(
            _with_activity(sessions).join(_reservations_then, and_(R.town_id == TOWN, R.session_id == session.id))
        )
        .where(_is_offered(sessions), session.status == SessionStatus.SCHEDULED)
    )


_reservations = _reservations_in(_sessions_then)


# --- Days of which something was recorded after them ---


_was_decided = and_(Appeal.town_id == TOWN, Appeal.decided_at > SINCE, Appeal.decided_at <= UNTIL)
_session_of_version = and_(Session.town_id == TOWN, Session.id == SessionVersion.id)
_session_of_reservation = and_(Session.town_id == TOWN, Session.id == Reservation.session_id)
_reservation_of_version = and_(Reservation.town_id == TOWN, Reservation.id == ReservationVersion.id)
_reservation_of_scan = and_(Reservation.town_id == TOWN, Reservation.id == Scan.reservation_id)
_reservation_of_appeal = and_(Reservation.town_id == TOWN, Reservation.id == Appeal.reservation_id)
_touched_days = union(
    # they were still on, or have been planned since
    ended_days(
        Session.starts_at,
        Session.town_id == TOWN,
        Session.starts_at >= days_before(SINCE, SESSION_DAYS_MAX),
        Session.ends_at > SINCE,
    ),
    ended_days(
        Session.starts_at,
        Session.town_id == TOWN,
        Session.id >= first_id(SINCE),
        Session.made_at > SINCE,
        Session.made_at <= UNTIL,
    ),
    ended_days(SessionVersion.starts_at, was_changed(SessionVersion)),
    ended_days(Session.starts_at, was_changed(SessionVersion), _session_of_version),
    ended_days(Session.starts_at, was_changed(ReservationVersion), _reservation_of_version, _session_of_reservation),
    # an appeal is upheld of a reservation that is no no-show any more
    ended_days(Session.starts_at, _was_decided, _reservation_of_appeal, _session_of_reservation),
    ended_days(Session.starts_at, *ACTIVITY_LOOKS_OTHERWISE),
).subquery("late")
_touched: Facts = select(_touched_days.c.day)

# --- Sessions that changed, and those whose reservations may have ---

_changed_otherwise = (
    select(SessionVersion.id.label("id")).where(was_changed(SessionVersion)),
    select(Session.id).where(
        was_changed(ActivityVersion),
        Session.town_id == TOWN,
        Session.activity_id == ActivityVersion.id,
        SESSION_WAS_IN_SPAN,
    ),
)
_changed_or_ended = union(
    *_changed_otherwise,
    select(Session.id).where(SESSION_WAS_MADE, SESSION_WAS_IN_SPAN),
    select(Session.id).where(
        Session.town_id == TOWN,
        Session.starts_at >= BEGIN,
        Session.starts_at < END,
        Session.ends_at > SINCE,
        Session.ends_at <= UNTIL,
    ),
).subquery("changed")

# Who is checked in as it happens leaves no version, but a scan.
_changed_sessions = union(
    select(Reservation.session_id.label("id")).where(
        Reservation.town_id == TOWN, Reservation.id >= first_id(SINCE), Reservation.reserved_at <= UNTIL
    ),
    select(Reservation.session_id).where(was_changed(ReservationVersion), _reservation_of_version),
    select(Reservation.session_id).where(
        Scan.town_id == TOWN, Scan.id >= first_id(SINCE), Scan.received_at <= UNTIL, _reservation_of_scan
    ),
    select(Reservation.session_id).where(_was_decided, _reservation_of_appeal),
    *_changed_otherwise,
).subquery("changed")

SESSIONS = Family(
    "sessions",
    "session",
    _sessions,
    ("planned", "held", "cancelled", "places"),
    touched=_touched,
    changed=select(_changed_or_ended.c.id),
    facts_of=_sessions_in(_some_then),
)
OCCUPANCY = Family("occupancy", "session", _occupancy, ("full", "empty"), touched=_touched)
RESERVATIONS = Family(
    "reservations",
    "reservation",
    _reservations,
    (
        "reserved",
        "attended",
        "no_shows",
        "awaited",
        "booked",
        "cancelled",
        "cancelled_late",
        "cancelled_shortly",
    ),
    touched=_touched,
    changed=select(_changed_sessions.c.id),
    facts_of=_reservations_in(_some_then),
)
_SLICES = frozenset({Slice.ALL, Slice.SCENE, Slice.OPERATOR})


def _counted(
    name: str, family: Family, counter: str, unit: Unit, better: Better, title: InBoth, meaning: InBoth
) -> Measure:
    kind = Kind.STATE if family.is_state else Kind.FLOW
    return Measure(name, title, meaning, unit, kind, family, counter, slices=_SLICES, better=better)


def _ratio(
    name: str, over: tuple[str, str], better: Better, title: InBoth, meaning: InBoth, unit: Unit = Unit.SHARE
) -> Measure:
    return Measure(name, title, meaning, unit, Kind.RATIO, over=over, slices=_SLICES, better=better)


MEASURES: tuple[Measure, ...] = (
    _counted(
        "sessions.planned",
        SESSIONS,
        "planned",
        Unit.SESSIONS,
        Better.MORE,
        InBoth("计划场次", "Sessions planned"),
        InBoth(
            "当天开始、没有取消的场次，含尚未开始的；草稿活动不计。",
            "Sessions that begin on the day and weren't called off, those to come too; not those of drafts.",
        ),
    ),
    _counted(
        "sessions.held",
        SESSIONS,
        "held",
        Unit.SESSIONS,
        Better.MORE,
        InBoth("已举办场次", "Sessions held"),
        InBoth(
            "当天开始、没有取消、已经结束的场次。", "Sessions that began on the day, weren't called off and are over."
        ),
    ),
    _counted(
        "sessions.cancelled",
        SESSIONS,
        "cancelled",
        Unit.SESSIONS,
        Better.LESS,
        InBoth("取消场次", "Sessions called off"),
        InBoth("原定当天开始、被取消的场次。", "Sessions that were to begin on the day and were called off."),
    ),
    _counted(
        "sessions.places_offered",
        SESSIONS,
        "places",
        Unit.PLACES,
        Better.MORE,
        InBoth("提供名额", "Places offered"),
        InBoth(
            "当天开始的场次的名额之和，超订不计，取消的场次不计。",
            "The capacities of the day's sessions, without overbooking and without those that were called off.",
        ),
    ),
    _counted(
        "sessions.full",
        OCCUPANCY,
        "full",
        Unit.SESSIONS,
        Better.NEITHER,
        InBoth("满员场次", "Full sessions"),
        InBoth(
            "已举办的场次中，预约的名额（含未到）不少于名额数的场次。",
            "Sessions held whose reserved places, no-shows among them, came to their capacity.",
        ),
    ),
    _counted(
        "sessions.empty",
        OCCUPANCY,
        "empty",
        Unit.SESSIONS,
        Better.LESS,
        InBoth("无人签到场次", "Sessions nobody came to"),
        InBoth("已举办的场次中，无一人签到的场次。", "Sessions held to which nobody was checked in."),
    ),
    _counted(
        "reservations.reserved",
        RESERVATIONS,
        "reserved",
        Unit.PLACES,
        Better.MORE,
        InBoth("预约名额", "Places reserved"),
        InBoth(
            "当天开始的场次中已确认、已签到或未到的预约的人数；候补和待确认的不计。",
            "People of the day's reservations that are confirmed, checked in or no-shows; nobody who waits or has an offer.",
        ),
    ),
    _counted(
        "reservations.attended",
        RESERVATIONS,
        "attended",
        Unit.PLACES,
        Better.MORE,
        InBoth("到场名额", "Places attended"),
        InBoth("当天开始的场次中已签到的预约的人数。", "People of the day's reservations that were checked in."),
    ),
    _counted(
        "reservations.no_shows",
        RESERVATIONS,
        "no_shows",
        Unit.PLACES,
        Better.LESS,
        InBoth("未到名额", "No-shows"),
        InBoth(
            "当天开始的场次中记为未到的预约的人数；申诉成立的不计，全场无人签到的场次不记未到。",
            "People of the day's reservations that were written down as no-shows; not those whose appeal was upheld. "
            "Where nobody at all was checked in, nobody is one.",
        ),
    ),
    _counted(
        "reservations.awaited",
        RESERVATIONS,
        "awaited",
        Unit.PLACES,
        Better.NEITHER,
        InBoth("应到名额", "Places awaited"),
        InBoth("已签到与未到的人数之和。", "Those who were checked in and the no-shows."),
    ),
    _counted(
        "reservations.booked",
        RESERVATIONS,
        "booked",
        Unit.PLACES,
        Better.NEITHER,
        InBoth("曾确认名额", "Places once confirmed"),
        InBoth("预约名额与退回名额之和。", "Places reserved and places given back."),
    ),
    _counted(
        "reservations.cancelled",
        RESERVATIONS,
        "cancelled",
        Unit.PLACES,
        Better.LESS,
        InBoth("退回名额", "Places given back"),
        InBoth(
            "当天开始的场次中，已确认后由居民或工作人员取消的预约的人数；主办方取消的、申诉成立的不计。",
            "People of the day's reservations that were confirmed and then cancelled by residents or staff; neither those "
            "of sessions called off nor appeals that were upheld.",
        ),
    ),
    _counted(
        "reservations.cancelled_late",
        RESERVATIONS,
        "cancelled_late",
        Unit.PLACES,
        Better.LESS,
        InBoth("逾期取消名额", "Places given back late"),
        InBoth(
            "退回名额中，在预约时约定的取消时限（没有的按报名截止）之后取消的；过了时限只有工作人员能取消。",
            "Of the places given back, those after the deadline fixed at the booking, or the end of sign-up where there is "
            "none. After it only staff can cancel.",
        ),
    ),
    _counted(
        "reservations.cancelled_shortly",
        RESERVATIONS,
        "cancelled_shortly",
        Unit.PLACES,
        Better.LESS,
        InBoth("临期取消名额", "Places given back shortly before"),
        InBoth(
            "退回名额中，在开始前 24 小时之内取消的。",
            "Of the places given back, those within 24 hours of the beginning.",
        ),
    ),
    _ratio(
        "sessions.full_share",
        ("sessions.full", "sessions.held"),
        Better.NEITHER,
        InBoth("满员率", "Share of full sessions"),
        InBoth("满员场次占已举办场次的比例。", "Full sessions over sessions held."),
    ),
    _ratio(
        "sessions.empty_share",
        ("sessions.empty", "sessions.held"),
        Better.LESS,
        InBoth("空场率", "Share of sessions nobody came to"),
        InBoth("无人签到场次占已举办场次的比例。", "Sessions nobody came to over sessions held."),
    ),
    _ratio(
        "reservations.fill_rate",
        ("reservations.reserved", "sessions.places_offered"),
        Better.MORE,
        InBoth("名额预约率", "Fill rate"),
        InBoth(
            "预约名额占提供名额的比例；超订时可大于 1。",
            "Places reserved over places offered; above 1 where overbooked.",
        ),
    ),
    _ratio(
        "reservations.attendance_rate",
        ("reservations.attended", "reservations.reserved"),
        Better.MORE,
        InBoth("到场率", "Attendance rate"),
        InBoth(
            "到场名额占预约名额的比例。尚未散场的场次也在其中，当天的数到晚上才准。",
            "Places attended over places reserved. Sessions that aren't over are among them, so today's is known tonight.",
        ),
    ),
    _ratio(
        "reservations.no_show_rate",
        ("reservations.no_shows", "reservations.awaited"),
        Better.LESS,
        InBoth("未到率", "No-show rate"),
        InBoth("未到名额占应到名额的比例。", "No-shows over places awaited."),
    ),
    _ratio(
        "reservations.late_cancellation_rate",
        ("reservations.cancelled_late", "reservations.booked"),
        Better.LESS,
        InBoth("逾期取消率", "Late cancellation rate"),
        InBoth("逾期取消名额占曾确认名额的比例。", "Places given back late over places once confirmed."),
    ),
    _ratio(
        "reservations.short_notice_rate",
        ("reservations.cancelled_shortly", "reservations.booked"),
        Better.LESS,
        InBoth("临期取消率", "Short-notice cancellation rate"),
        InBoth(
            "临期取消名额占曾确认名额的比例。",
            "Places given back within 24 hours of the beginning over places once confirmed.",
        ),
    ),
)
