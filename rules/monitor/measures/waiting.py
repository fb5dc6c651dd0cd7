"""Waiting lists: who is on one, and who got a place, or the offer of one, from it.

Who waits is a state of the day's end, of whatever day's sessions. A promotion belongs to the day on which it happened, and
to the activity as it is known to be: `_promotions_touched` finds the days of those whose activity was put elsewhere since.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Integer, and_, func, literal_column, select
from sqlalchemy.orm import aliased

from models.activities import Activity, Session
from models.history import ReservationVersion
from models.monitor import Slice
from models.reservations import Reservation, ReservationStatus
from rules.errors import InBoth
from rules.history import Columns, as_of
from rules.local_time import day_of
from rules.monitor.days import TOWN, seconds_between
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import ACTIVITY_LOOKS_OTHERWISE, DAY_OF_STATE, ONE, ended_days, fact, happened


def _waits(row: Columns) -> ColumnElement[bool]:
    return row["status"] == literal_column("'waitlisted'")  # in words, so that the partial index is used


# --- Who waits ---

_waiting_then = as_of(Reservation, _waits, at_end=True)
_their_sessions, _their_activities = as_of(Session, at_end=True), as_of(Activity, at_end=True)
W, WS, WA = _waiting_then.c, _their_sessions.c, _their_activities.c
_waiting: Facts = (
    select(
        *fact(
            W.id,
            DAY_OF_STATE,
            WA.community_id,
            scene=WA.scene,
            operator_id=WA.operator_id,
            parties=ONE,
            places=W.party_size,
        )
    )
    .select_from(
        _waiting_then.join(_their_sessions, and_(WS.town_id == TOWN, WS.id == W.session_id)).join(
            _their_activities, and_(WA.town_id == TOWN, WA.id == WS.activity_id)
        )
    )
    .where(W.town_id == TOWN)
)

# --- Promotions ---

_waited, _after = aliased(ReservationVersion), aliased(ReservationVersion)
_next_status = (
    select(_after.status)
    .where(_after.town_id == TOWN, _after.id == _waited.id, _after.until > _waited.until)
    .order_by(_after.until)
    .limit(1)
    .correlate(_waited)
    .scalar_subquery()
)
#: What somebody who waited is then. A move of the session leaves a version, too, and they wait on.
_PROMOTED = (ReservationStatus.OFFERED, ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN)
_any_sessions, _any_activities = as_of(Session), as_of(Activity)
PS, PA = _any_sessions.c, _any_activities.c
_promotions: Facts = (
    select(
        *fact(
            _waited.id,
            day_of(_waited.until),
            PA.community_id,
            scene=PA.scene,
            operator_id=PA.operator_id,
            promotions=ONE,
            minutes=seconds_between(Reservation.reserved_at, _waited.until) // literal_column("60", Integer),
        )
    )
    .select_from(_waited)
    .join(Reservation, and_(Reservation.town_id == TOWN, Reservation.id == _waited.id))
    .join(_any_sessions, and_(PS.town_id == TOWN, PS.id == Reservation.session_id))
    .join(_any_activities, and_(PA.town_id == TOWN, PA.id == PS.activity_id))
    .where(
        _waited.town_id == TOWN,
        *happened(_waited.until),
        _waited.status == ReservationStatus.WAITLISTED,
        _waited.until > Reservation.reserved_at,
        func.coalesce(_next_status, Reservation.status).in_(_PROMOTED),
    )
)
_promotions_touched: Facts = ended_days(
    _waited.until,
    *ACTIVITY_LOOKS_OTHERWISE,
    Reservation.town_id == TOWN,
    Reservation.session_id == Session.id,
    _waited.town_id == TOWN,
    _waited.id == Reservation.id,
    _waited.status == ReservationStatus.WAITLISTED,
).distinct()

WAITING = Family("waiting", "reservation", _waiting, ("parties", "places"), is_state=True)
PROMOTIONS = Family("promotions", "reservation", _promotions, ("promotions", "minutes"), touched=_promotions_touched)

_SLICES = frozenset({Slice.ALL, Slice.SCENE, Slice.OPERATOR})

MEASURES: tuple[Measure, ...] = (
    Measure(
        "waiting.parties",
        InBoth("候补人家数", "Parties waiting"),
        InBoth(
            "日终时在候补名单上的预约数，不论场次在哪天。",
            "Reservations on waiting lists at the day's end, of whatever day's sessions.",
        ),
        Unit.ITEMS,
        Kind.STATE,
        WAITING,
        "parties",
        slices=_SLICES,
    ),
    Measure(
        "waiting.places",
        InBoth("候补名额", "Places waited for"),
        InBoth(
            "日终时候补的人数，不论场次在哪天。",
            "People on waiting lists at the day's end, of whatever day's sessions.",
        ),
        Unit.PLACES,
        Kind.STATE,
        WAITING,
        "places",
        slices=_SLICES,
    ),
    Measure(
        "waiting.promotions",
        InBoth("候补转正", "Promotions"),
        InBoth(
            "当天从候补得到名额或得到待确认名额的预约数；抽签直接得到的不计。从 0019 版起才有记录。",
            "Reservations that got a place, or the offer of one, from a waiting list on the day; not by a draw. Kept since "
            "step 0019 of the schema.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        PROMOTIONS,
        "promotions",
        slices=_SLICES,
        better=Better.MORE,
    ),
    Measure(
        "waiting.minutes",
        InBoth("候补等待分钟", "Minutes waited"),
        InBoth(
            "当天转正的预约从报名到转正的分钟数之和。",
            "Minutes from the asking to the promotion, of the day's promotions.",
        ),
        Unit.MINUTES,
        Kind.FLOW,
        PROMOTIONS,
        "minutes",
        slices=_SLICES,
        better=Better.LESS,
    ),
    Measure(
        "waiting.minutes_until_promotion",
        InBoth("平均候补分钟", "Minutes until promotion"),
        InBoth("转正的预约平均等了多少分钟。", "How many minutes promoted reservations waited, on average."),
        Unit.MINUTES,
        Kind.RATIO,
        over=("waiting.minutes", "waiting.promotions"),
        slices=_SLICES,
        better=Better.LESS,
    ),
)
