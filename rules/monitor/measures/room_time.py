"""Quarters of an hour of rooms: which were open, which were closed for a time, which somebody had.

Time is counted in quarters of one part of a room, once they are over. A quarter was open if the hours that were written
down for its day say so (`rules.venues.days`) and no closure met it; a closure that was lifted ended then. It was used if a
session, or a booking that stood, had it: one that was cancelled, rejected or released since nobody came had not, however
late that was. What slots are left doesn't matter, for they go with the booking.

What is open by the hours and what somebody had is counted in spans. Quarters that a closure met are few: they are found
one by one, each once however many closures met it, and taken off.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from models.activities import Session, SessionStatus
from models.venues import DAY_QUARTERS, BookingStatus, Closure, Venue, VenueBooking, VenueDay
from rules.history import as_of
from rules.local_time import day_of
from rules.monitor.days import AS_OF, BEGIN, END, TOWN
from rules.monitor.measures.parts import DAY_OF_STATE, ONE, fact, one_if
from rules.monitor.quarters import (
    HOUR_QUARTERS,
    hour_of_week,
    length_of_list,
    numbers,
    open_in,
    quarter_after,
    quarter_of,
    within,
)

#: A room is idle which was open so long within so many days and used less than one part in so many of that time.
IDLE_DAYS = 28
IDLE_OPEN_HOURS = 20
IDLE_PART = 20

_NONE = literal_column("0", BigInteger)


def _sum(column: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.sum(column), BigInteger)


# What was closed by hand, and the days of the rooms.
_shut_until = case(
    (and_(Closure.lifted_at <= AS_OF, Closure.lifted_at < Closure.ends_at), Closure.lifted_at), else_=Closure.ends_at
)
_shut = (
    select(
        Venue.id.label("venue_id"),
        quarter_of(Closure.starts_at).label("from_quarter"),
        quarter_after(_shut_until).label("until_quarter"),
    )
    .select_from(Closure)
    .join(
        Venue,
        and_(
            Venue.town_id == Closure.town_id,
            or_(Venue.id == Closure.venue_id, Venue.service_centre_id == Closure.service_centre_id),
        ),
    )
    .where(Closure.town_id == TOWN, Closure.closed_at <= AS_OF, Closure.starts_at < END, Closure.ends_at > BEGIN)
    .cte("shut")
)
_first = quarter_of(VenueDay.begins_at)
_days = (
    select(
        VenueDay.venue_id,
        VenueDay.territory_id,
        day_of(VenueDay.begins_at).label("day"),
        _first.label("first"),
        VenueDay.parts,
        VenueDay.open_quarters.label("pattern"),
        VenueDay.venue_id.in_(select(_shut.c.venue_id)).label("is_shut"),  #: at some time of the span
        within(quarter_of(AS_OF) - _first, 0, DAY_QUARTERS).label("passed"),
    )
    .where(
        VenueDay.town_id == TOWN, VenueDay.begins_at >= BEGIN, VenueDay.begins_at < END, VenueDay.recorded_at <= AS_OF
    )
    .cte("room_day")
)
_day = _days.c

#: Quarters that would have been open, each once.
_quarters = numbers("quarters", DAY_QUARTERS)
_n = _quarters.c.n
_closed = (
    select(_day.venue_id, _day.territory_id, _day.day, _day.first, _day.parts, _n)
    .join_from(_days, _shut, _shut.c.venue_id == _day.venue_id)
    .join(_quarters, and_(_shut.c.from_quarter <= _day.first + _n, _shut.c.until_quarter > _day.first + _n))
    .where(_n < _day.passed, func.substr(_day.pattern, cast(_n + 1, Integer), 1) == "1")
    .distinct()
    .cte("closed_quarter")
)

# What somebody had: bookings that stood, and sessions. Neither lasts beyond its day; what does counts up to midnight.
_ended = or_(
    VenueBooking.cancelled_at <= AS_OF,
    VenueBooking.ended_at <= AS_OF,
    and_(VenueBooking.status == BookingStatus.REJECTED, VenueBooking.decided_at <= AS_OF),
)
#: The booking had its parts then: it was asked for and hadn't ended.
STOOD = and_(VenueBooking.booked_at <= AS_OF, func.coalesce(_ended, False).is_(False))
_session = as_of(Session, lambda row: and_(row["starts_at"] >= BEGIN, row["starts_at"] < END)).c
_had = union_all(
    select(
        VenueBooking.venue_id,
        VenueBooking.starts_at,
        VenueBooking.ends_at,
        length_of_list(VenueBooking.parts).label("parts"),
    ).where(VenueBooking.town_id == TOWN, VenueBooking.starts_at >= BEGIN, VenueBooking.starts_at < END, STOOD),
    select(_session.venue_id, _session.starts_at, _session.ends_at, cast(null(), BigInteger)).where(
        _session.status == SessionStatus.SCHEDULED
    ),
).subquery("had")
_is_all = or_(_had.c.parts.is_(None), _had.c.parts > _day.parts)
_uses = (
    select(
        _day.venue_id,
        _day.territory_id,
        _day.day,
        _day.first,
        _day.pattern,
        _day.is_shut,
        case((_is_all, _day.parts), else_=_had.c.parts).label("parts"),
        within(quarter_of(_had.c.starts_at) - _day.first, 0, DAY_QUARTERS).label("from_quarter"),
        within(quarter_after(_had.c.ends_at) - _day.first, 0, _day.passed).label("until_quarter"),
    )
    .join_from(_days, _had, and_(_had.c.venue_id == _day.venue_id, day_of(_had.c.starts_at) == _day.day))
    .cte("room_use")
)
_use = _uses.c
# Quarters that somebody had and a closure met: who has come stays, and sessions stand. Found without a join, for which the
# planner has nothing to go by.
_quarters_had = select(
    _use.venue_id, _use.territory_id, _use.day, _use.first, _n, _use.parts.label("had"), _NONE.label("is_closed")
).join_from(_uses, _quarters, and_(_use.is_shut, _n >= _use.from_quarter, _n < _use.until_quarter))
_quarters_closed = select(
    _closed.c.venue_id, _closed.c.territory_id, _closed.c.day, _closed.c.first, _closed.c.n, _NONE, ONE
)
_one = union_all(_quarters_had, _quarters_closed).subquery("quarter").c
_had_closed = (
    select(_one.venue_id, _one.territory_id, _one.day, _one.first, _one.n, _sum(_one.had).label("had"))
    .group_by(_one.venue_id, _one.territory_id, _one.day, _one.first, _one.n)
    .having(func.max(_one.is_closed) == 1, func.sum(_one.had) > 0)
    .cte("had_while_closed")
)


def _counts(of: Any, *others: ColumnElement[Any], **counters: ColumnElement[Any]) -> Select[Any]:
    """Rows that count for a room and day."""
    named = (counters.get(name, _NONE).label(name) for name in ("open", "used", "outside", "closed", "room"))
    return select(of.venue_id, of.territory_id, of.day, *others, *named)


def _length(begin: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[int]:
    return case((end > begin, end - begin), else_=_NONE)


_open = open_in(_day.pattern, _NONE, _day.passed)
_had_length = _length(_use.from_quarter, _use.until_quarter)
_used = open_in(_use.pattern, _use.from_quarter, _had_length)
_of_days = union_all(
    _counts(_day, open=_open * _day.parts, room=_open),
    _counts(_closed.c, open=-_closed.c.parts, closed=_closed.c.parts, room=-ONE),
    _counts(_use, used=_used * _use.parts, outside=(_had_length - _used) * _use.parts),
    _counts(_had_closed.c, used=-_had_closed.c.had, outside=_had_closed.c.had),
).subquery("of_day")
_of = _of_days.c
#: Each room and day: part quarters that were open, used, used outside of that, and closed by hand.
OF_DAYS = select(
    *fact(
        _of.venue_id,
        _of.day,
        _of.territory_id,
        detail=cast(_of.venue_id, Text),
        open_quarters=_sum(_of.open),
        used_quarters=_sum(_of.used),
        outside_quarters=_sum(_of.outside),
        closed_quarters=_sum(_of.closed),
    )
).group_by(_of.venue_id, _of.day, _of.territory_id)

_hours = numbers("hours", 24)
_hour = _hours.c.n
_begins, _ends = _hour * HOUR_QUARTERS, (_hour + 1) * HOUR_QUARTERS
_in_hour = open_in(_day.pattern, _begins, within(_day.passed - _begins, 0, HOUR_QUARTERS))
_from = case((_use.from_quarter > _begins, _use.from_quarter), else_=_begins)
_until = case((_use.until_quarter < _ends, _use.until_quarter), else_=_ends)
_used_in_hour = open_in(_use.pattern, _from, _length(_from, _until))
_of_hours = union_all(
    _counts(_day, _day.first, _hour, open=_in_hour * _day.parts).join_from(_days, _hours, _day.passed > _begins),
    _counts(_closed.c, _closed.c.first, _closed.c.n // HOUR_QUARTERS, open=-_closed.c.parts),
    _counts(_use, _use.first, _hour, used=_used_in_hour * _use.parts).join_from(
        _uses, _hours, and_(_use.from_quarter < _ends, _use.until_quarter > _begins)
    ),
    _counts(_had_closed.c, _had_closed.c.first, _had_closed.c.n // HOUR_QUARTERS, used=-_had_closed.c.had),
).subquery("of_hour")
_at = _of_hours.c
#: The same of each hour of the day, without what was outside.
OF_HOURS = (
    select(
        *fact(
            _at.venue_id,
            _at.day,
            _at.territory_id,
            detail=hour_of_week(_at.first, _at.n),
            open_quarters=_sum(_at.open),
            used_quarters=_sum(_at.used),
        )
    )
    .group_by(_at.venue_id, _at.day, _at.territory_id, _at.first, _at.n)
    .having(or_(func.sum(_at.open) > 0, func.sum(_at.used) > 0))
)
#: Rooms that were open long enough in IDLE_DAYS, and whether they stood idle.
OF_ROOMS = (
    select(
        *fact(
            _of.venue_id,
            DAY_OF_STATE,
            func.max(_of.territory_id),
            detail=cast(_of.venue_id, Text),
            rooms=ONE,
            idle=one_if(func.sum(_of.used) * IDLE_PART < func.sum(_of.open)),
        )
    )
    .group_by(_of.venue_id)
    .having(func.sum(_of.room) >= IDLE_OPEN_HOURS * HOUR_QUARTERS)
)
