"""How rooms are used: hours open and used, rooms that stand idle, bookings and what became of them, closures."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, or_, select, union

from models.activities import Session
from models.monitor import Slice
from models.territory import ServiceCentre
from models.venues import BookingStatus, Closure, Venue, VenueBooking, VenueDay
from rules.errors import InBoth
from rules.local_time import day_of
from rules.monitor.days import AS_OF, BEGIN, END, SINCE, TOWN, UNTIL
from rules.monitor.definitions import Better, Family, Kind, Measure, Unit
from rules.monitor.measures import room_time
from rules.monitor.measures.parts import ONE, SESSION_WAS_IN_SPAN, SESSION_WAS_MADE, fact, happened, made_since, one_if
from rules.monitor.measures.room_time import IDLE_DAYS, IDLE_OPEN_HOURS, IDLE_PART, IS_CLOSED, STOOD
from rules.monitor.quarters import HOUR_QUARTERS, quarter_of


def _touched(*days: Select[Any]) -> Select[Any]:
    """Days that had ended by `since`, and of which something was recorded after it and by `until`."""
    found = union(*days).subquery("touched")
    return select(found.c.day)


def _recorded(moment: Any) -> ColumnElement[bool]:
    return and_(moment > SINCE, moment <= UNTIL)


def _ended_day(moment: Any) -> ColumnElement[bool]:
    return day_of(moment) < day_of(SINCE)


_touched_by_days = select(day_of(VenueDay.begins_at).label("day")).where(
    VenueDay.town_id == TOWN, _recorded(VenueDay.recorded_at), _ended_day(VenueDay.begins_at)
)
_told_of_a_booking = or_(
    *map(
        _recorded,
        (
            VenueBooking.booked_at,
            VenueBooking.cancelled_at,
            VenueBooking.ended_at,
            VenueBooking.decided_at,
            VenueBooking.checked_in_at,
        ),
    )
)
_touched_by_bookings = select(day_of(VenueBooking.starts_at).label("day")).where(
    VenueBooking.town_id == TOWN, _ended_day(VenueBooking.starts_at), _told_of_a_booking
)
# A session that has begun isn't changed any more, but one may be written down afterwards.
_touched_by_sessions = select(day_of(Session.starts_at).label("day")).where(
    Session.town_id == TOWN, _recorded(Session.made_at), _ended_day(Session.starts_at)
)
_touched_by_closures = (
    select(day_of(VenueDay.begins_at).label("day"))
    .select_from(Closure)
    .join(VenueDay, VenueDay.town_id == Closure.town_id)
    .where(
        Closure.town_id == TOWN,
        _recorded(Closure.closed_at),
        _ended_day(Closure.starts_at),
        _ended_day(VenueDay.begins_at),
        day_of(VenueDay.begins_at) >= day_of(Closure.starts_at),
        VenueDay.begins_at < Closure.ends_at,
    )
)
_touched_uses = _touched(_touched_by_days, _touched_by_bookings, _touched_by_sessions, _touched_by_closures)

# Rooms of which more, or something else, counts than a moment before.
_in_span = (VenueDay.town_id == TOWN, VenueDay.begins_at >= BEGIN, VenueDay.begins_at < END)
_changed_rooms = union(
    # a quarter of an hour is over, for all of them
    select(VenueDay.venue_id.label("id")).where(*_in_span, quarter_of(SINCE) < quarter_of(UNTIL)),
    select(VenueDay.venue_id).where(*_in_span, _recorded(VenueDay.recorded_at)),
    select(VenueBooking.venue_id).where(
        VenueBooking.town_id == TOWN, VenueBooking.starts_at >= BEGIN, VenueBooking.starts_at < END, _told_of_a_booking
    ),
    # of one that is to come no quarter counts, and one that has begun isn't changed any more
    select(Session.venue_id).where(SESSION_WAS_MADE, SESSION_WAS_IN_SPAN),
    select(Venue.id)
    .join(Closure, IS_CLOSED)
    .where(
        Closure.town_id == TOWN,
        Closure.starts_at < END,
        Closure.ends_at > BEGIN,
        or_(_recorded(Closure.closed_at), _recorded(Closure.lifted_at)),
    ),
).subquery("changed")

DAYS = Family(
    "venue_days",
    "venue",
    room_time.OF_DAYS,
    ("open_quarters", "used_quarters", "outside_quarters", "closed_quarters"),
    touched=_touched_uses,
    changed=select(_changed_rooms.c.id),
    facts_of=room_time.OF_DAYS_OF_SOME,
)
HOURS = Family("venue_hours", "venue", room_time.OF_HOURS, ("open_quarters", "used_quarters"), touched=_touched_uses)
ROOMS = Family("venue_rooms", "venue", room_time.OF_ROOMS, ("rooms", "idle"), is_state=True, window_days=IDLE_DAYS)

# Bookings: when they were made, and what became of them.
_to_centre = and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id)


def _of_bookings(at: Any, **counters: Any) -> Select[Any]:
    detail = cast(VenueBooking.venue_id, Text)
    return (
        select(*fact(VenueBooking.id, day_of(at), ServiceCentre.territory_id, detail=detail, **counters))
        .join(Venue, and_(Venue.town_id == VenueBooking.town_id, Venue.id == VenueBooking.venue_id))
        .join(ServiceCentre, _to_centre)
        .where(VenueBooking.town_id == TOWN)
    )


_made_facts = _of_bookings(VenueBooking.booked_at, made=ONE).where(
    made_since(VenueBooking.id), *happened(VenueBooking.booked_at)
)
_was_released = and_(VenueBooking.status == BookingStatus.RELEASED, VenueBooking.ended_at <= AS_OF)
_outcome_facts = _of_bookings(
    VenueBooking.starts_at,
    due=one_if(or_(STOOD, _was_released)),
    came=one_if(VenueBooking.checked_in_at <= AS_OF),
    released=one_if(_was_released),
    cancelled=one_if(VenueBooking.cancelled_at <= AS_OF),
).where(*happened(VenueBooking.starts_at), VenueBooking.booked_at <= AS_OF)
BOOKINGS_MADE = Family("venue_bookings_made", "booking", _made_facts, ("made",))
BOOKINGS = Family(
    "venue_bookings",
    "booking",
    _outcome_facts,
    ("due", "came", "released", "cancelled"),
    touched=_touched(_touched_by_bookings),
)
_closures_facts = (
    select(*fact(Closure.id, day_of(Closure.closed_at), ServiceCentre.territory_id, made=ONE))
    .outerjoin(Venue, and_(Venue.town_id == Closure.town_id, Venue.id == Closure.venue_id))
    .join(
        ServiceCentre,
        and_(
            ServiceCentre.town_id == Closure.town_id,
            ServiceCentre.id == func.coalesce(Closure.service_centre_id, Venue.service_centre_id),
        ),
    )
    .where(Closure.town_id == TOWN, *happened(Closure.closed_at))
)
CLOSURES = Family("closures", "closure", _closures_facts, ("made",))

_BY_ROOM = frozenset({Slice.ALL, Slice.DETAIL})
_A_PART = "场地分成几个分区的，每个分区各计一份"
_A_PART_EN = "An hour of a room of four parts is four part hours."


def _hours_measure(
    name: str, counter: str, title: InBoth, meaning: InBoth, *, family: Family = DAYS, better: Better = Better.NEITHER
) -> Measure:
    return Measure(
        name,
        title,
        meaning,
        Unit.HOURS,
        Kind.FLOW,
        family,
        counter,
        divisor=HOUR_QUARTERS,
        slices=_BY_ROOM,
        better=better,
    )


def _booking_measure(
    name: str, counter: str, title: InBoth, meaning: InBoth, *, family: Family = BOOKINGS, better: Better
) -> Measure:
    return Measure(name, title, meaning, Unit.ITEMS, Kind.FLOW, family, counter, slices=_BY_ROOM, better=better)


MEASURES: tuple[Measure, ...] = (
    _hours_measure(
        "venues.open_hours",
        "open_quarters",
        InBoth("场地开放时长", "Hours open"),
        InBoth(
            f"当天已过去的开放时间，扣除停用；以当日零时的开放时间为准。{_A_PART}。细分：场地。",
            "Hours of the day that are over and in which rooms were open, closures taken out, by the hours as the day "
            f"began. {_A_PART_EN} Detail: the room.",
        ),
    ),
    _hours_measure(
        "venues.used_hours",
        "used_quarters",
        InBoth("场地使用时长", "Hours used"),
        InBoth(
            "开放时间内被活动场次或有效预约占用的时长；已取消、驳回或无人到场而释放的预约不计。细分：场地。",
            "Open hours that sessions or bookings had. A booking that was cancelled, rejected or released since nobody "
            "came doesn't count. Detail: the room.",
        ),
        better=Better.MORE,
    ),
    Measure(
        "venues.utilisation",
        InBoth("场地使用率", "Utilisation"),
        InBoth("使用时长除以开放时长。细分：场地。", "Hours used over hours open. Detail: the room."),
        Unit.SHARE,
        Kind.RATIO,
        over=("venues.used_hours", "venues.open_hours"),
        slices=_BY_ROOM,
        better=Better.MORE,
    ),
    _hours_measure(
        "venues.outside_hours",
        "outside_quarters",
        InBoth("开放时间外使用时长", "Hours used while closed"),
        InBoth(
            "开放时间之外或停用期间被占用的时长，如晚间活动。细分：场地。",
            "Hours that sessions or bookings had while the room was closed: activities in the evening. Detail: the room.",
        ),
    ),
    _hours_measure(
        "venues.closed_hours",
        "closed_quarters",
        InBoth("停用时长", "Hours lost to closures"),
        InBoth(
            "原定开放、因停用而关闭的时长；停用解除后不再计。细分：场地。",
            "Hours in which the room would have been open but for a closure, up to its lifting. Detail: the room.",
        ),
        better=Better.LESS,
    ),
    _hours_measure(
        "venues.open_by_hour",
        "open_quarters",
        InBoth("分时段开放时长", "Hours open, by hour of the week"),
        InBoth(
            "同场地开放时长。细分：星期与钟点，“0-09”为星期一九点。",
            "As hours open. Detail: weekday and hour; “0-09” is Monday at nine.",
        ),
        family=HOURS,
    ),
    _hours_measure(
        "venues.used_by_hour",
        "used_quarters",
        InBoth("分时段使用时长", "Hours used, by hour of the week"),
        InBoth("同场地使用时长。细分：星期与钟点。", "As hours used. Detail: weekday and hour."),
        family=HOURS,
        better=Better.MORE,
    ),
    Measure(
        "venues.utilisation_by_hour",
        InBoth("分时段使用率", "Utilisation, by hour of the week"),
        InBoth("分时段使用时长除以分时段开放时长。", "Hours used over hours open, by weekday and hour."),
        Unit.SHARE,
        Kind.RATIO,
        over=("venues.used_by_hour", "venues.open_by_hour"),
        slices=_BY_ROOM,
        better=Better.MORE,
    ),
    Measure(
        "venues.rooms",
        InBoth("开放场地数", "Rooms that are open"),
        InBoth(
            f"近 {IDLE_DAYS} 天开放满 {IDLE_OPEN_HOURS} 小时的场地。",
            f"Rooms that were open for {IDLE_OPEN_HOURS} hours or more in the last {IDLE_DAYS} days.",
        ),
        Unit.ITEMS,
        Kind.STATE,
        ROOMS,
        "rooms",
        slices=_BY_ROOM,
    ),
    Measure(
        "venues.idle_rooms",
        InBoth("闲置场地数", "Idle rooms"),
        InBoth(
            f"其中使用率不足 {100 // IDLE_PART}% 的场地。",
            f"Those of them that were used for less than {100 // IDLE_PART} % of that time.",
        ),
        Unit.ITEMS,
        Kind.STATE,
        ROOMS,
        "idle",
        slices=_BY_ROOM,
        better=Better.LESS,
    ),
    Measure(
        "venues.idle_share",
        InBoth("闲置场地占比", "Share of idle rooms"),
        InBoth("闲置场地数除以开放场地数。", "Idle rooms over rooms that are open."),
        Unit.SHARE,
        Kind.RATIO,
        over=("venues.idle_rooms", "venues.rooms"),
        better=Better.LESS,
    ),
    _booking_measure(
        "venues.bookings_made",
        "made",
        InBoth("新增场地预约", "Bookings made"),
        InBoth(
            "当天提交的场地预约，含待审批的。细分：场地。", "Bookings that were asked for on the day. Detail: the room."
        ),
        family=BOOKINGS_MADE,
        better=Better.MORE,
    ),
    _booking_measure(
        "venues.bookings_due",
        "due",
        InBoth("应到场预约", "Bookings due"),
        InBoth(
            "当天已开始、未取消也未驳回的预约，含无人到场而释放的。细分：场地。",
            "Bookings of the day that have begun and weren't given back, those that were released among them. Detail: the "
            "room.",
        ),
        better=Better.MORE,
    ),
    _booking_measure(
        "venues.bookings_came",
        "came",
        InBoth("已到场预约", "Bookings used"),
        InBoth(
            "当天已开始且已登记到场的预约。细分：场地。", "Bookings of the day whose people came. Detail: the room."
        ),
        better=Better.MORE,
    ),
    _booking_measure(
        "venues.bookings_released",
        "released",
        InBoth("无人到场释放", "Bookings released"),
        InBoth(
            "当天因无人到场而释放的预约。细分：场地。", "Bookings of the day that nobody came for. Detail: the room."
        ),
        better=Better.LESS,
    ),
    _booking_measure(
        "venues.bookings_cancelled",
        "cancelled",
        InBoth("已取消预约", "Bookings cancelled"),
        InBoth(
            "原定当天、开始时间已过的预约中被取消的，不论谁取消。细分：场地。",
            "Bookings of the day, once their time has begun, that were cancelled by whomever. Detail: the room.",
        ),
        better=Better.LESS,
    ),
    Measure(
        "venues.bookings_came_rate",
        InBoth("预约到场率", "Share of bookings used"),
        InBoth("已到场预约除以应到场预约。", "Bookings used over bookings due."),
        Unit.SHARE,
        Kind.RATIO,
        over=("venues.bookings_came", "venues.bookings_due"),
        slices=_BY_ROOM,
        better=Better.MORE,
    ),
    Measure(
        "venues.closures",
        InBoth("停用次数", "Closures"),
        InBoth(
            "当天登记的场地或中心停用，含其后解除的。",
            "Closures of rooms and centres made on the day, lifted ones too.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        CLOSURES,
        "made",
        better=Better.LESS,
    ),
)
