"""Quarters of an hour of rooms: which were open, which were closed for a time, which somebody had.

Time is counted in quarters of one part of a room, once they are over. A quarter was open if the hours that were written
down for its day say so (`rules.venues.days`) and no closure met it; a closure that was lifted ended then. It was used if a
session, or a booking that stood, had it: one that was cancelled, rejected or released since nobody came had not, however
late that was. What slots are left doesn't matter, for they go with the booking.

What is open by the hours and what somebody had is counted in spans. Quarters that a closure met are few: they are found
one by one, each once however many closures met it, and taken off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
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
    true,
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
from rules.sets import is_id_in

#: A room is idle which was open so long within so many days and used less than one part in so many of that time.
IDLE_DAYS = 28
IDLE_OPEN_HOURS = 20
IDLE_PART = 20

_NONE = literal_column("0", BigInteger)
_quarters = numbers("quarters", DAY_QUARTERS)
#: Of a room's id.
Condition: TypeAlias = Callable[[Any], ColumnElement[bool]]


def _sum(column: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.sum(column), BigInteger)


#: The Closure closes the Venue: it is of it, or of its whole centre.
IS_CLOSED = and_(
    Venue.town_id == Closure.town_id,
    or_(Venue.id == Closure.venue_id, Venue.service_centre_id == Closure.service_centre_id),
)
_ended = or_(
    VenueBooking.cancelled_at <= AS_OF,
    VenueBooking.ended_at <= AS_OF,
    and_(VenueBooking.status == BookingStatus.REJECTED, VenueBooking.decided_at <= AS_OF),
)
#: The booking had its parts then: it was asked for and hadn't ended.
STOOD = and_(VenueBooking.booked_at <= AS_OF, func.coalesce(_ended, False).is_(False))


def quarters_passed(moment: ColumnElement[Any]) -> ColumnElement[int]:
    """How many quarters of the VenueDay are over at a moment."""
    return within(quarter_of(moment) - quarter_of(VenueDay.begins_at), 0, DAY_QUARTERS)


def _no_room_left_out(_venue_id: Any) -> ColumnElement[bool]:
    return true()


def _shut() -> CTE:
    """What was closed by hand."""
    shut_until = case(
        (and_(Closure.lifted_at <= AS_OF, Closure.lifted_at < Closure.ends_at), Closure.lifted_at),
        else_=Closure.ends_at,
    )
    return (
        select(
            Venue.id.label("venue_id"),
            quarter_of(Closure.starts_at).label("from_quarter"),
            quarter_after(shut_until).label("until_quarter"),
        )
        .select_from(Closure)
        .join(Venue, IS_CLOSED)
        .where(Closure.town_id == TOWN, Closure.closed_at <= AS_OF, Closure.starts_at < END, Closure.ends_at > BEGIN)
        .cte("shut")
    )


def _days(shut: CTE, is_asked: Condition) -> CTE:
    """The days of the rooms."""
    first = quarter_of(VenueDay.begins_at)
    return (
        select(
            VenueDay.venue_id,
            VenueDay.territory_id,
            day_of(VenueDay.begins_at).label("day"),
            first.label("first"),
            VenueDay.parts,
            VenueDay.open_quarters.label("pattern"),
            VenueDay.venue_id.in_(select(shut.c.venue_id)).label("is_shut"),  #: at some time of the span
            quarters_passed(AS_OF).label("passed"),
        )
        .where(
            VenueDay.town_id == TOWN,
            VenueDay.begins_at >= BEGIN,
            VenueDay.begins_at < END,
            VenueDay.recorded_at <= AS_OF,
            is_asked(VenueDay.venue_id),
        )
        .cte("room_day")
    )


def _closed_quarters(days: CTE, shut: CTE) -> CTE:
    """Quarters that would have been open, each once."""
    day, n = days.c, _quarters.c.n
    return (
        select(day.venue_id, day.territory_id, day.day, day.first, day.parts, n)
        .join_from(days, shut, shut.c.venue_id == day.venue_id)
        .join(_quarters, and_(shut.c.from_quarter <= day.first + n, shut.c.until_quarter > day.first + n))
        .where(n < day.passed, func.substr(day.pattern, cast(n + 1, Integer), 1) == "1")
        .distinct()
        .cte("closed_quarter")
    )


def _uses(days: CTE, is_asked: Condition) -> CTE:
    """What somebody had: bookings that stood, and sessions. What lasts beyond its day counts up to midnight."""
    day, session = days.c, as_of(Session, lambda row: and_(row["starts_at"] >= BEGIN, row["starts_at"] < END)).c
    had = union_all(
        select(
            VenueBooking.venue_id,
            VenueBooking.starts_at,
            VenueBooking.ends_at,
            length_of_list(VenueBooking.parts).label("parts"),
        ).where(
            VenueBooking.town_id == TOWN,
            VenueBooking.starts_at >= BEGIN,
            VenueBooking.starts_at < END,
            STOOD,
            is_asked(VenueBooking.venue_id),
        ),
        select(session.venue_id, session.starts_at, session.ends_at, cast(null(), BigInteger)).where(
            session.status == SessionStatus.SCHEDULED, is_asked(session.venue_id)
        ),
    ).subquery("had")
    is_all = or_(had.c.parts.is_(None), had.c.parts > day.parts)
    return (
        select(
            day.venue_id,
            day.territory_id,
            day.day,
            day.first,
            day.pattern,
            day.is_shut,
            case((is_all, day.parts), else_=had.c.parts).label("parts"),
            within(quarter_of(had.c.starts_at) - day.first, 0, DAY_QUARTERS).label("from_quarter"),
            within(quarter_after(had.c.ends_at) - day.first, 0, day.passed).label("until_quarter"),
        )
        .join_from(days, had, and_(had.c.venue_id == day.venue_id, day_of(had.c.starts_at) == day.day))
        .cte("room_use")
    )


def _had_while_closed(uses: CTE, closed: CTE) -> CTE:
    """Quarters that somebody had and a closure met: who has come stays, and sessions stand. Found without a join, for
    which the planner has nothing to go by."""
    use, n = uses.c, _quarters.c.n
    quarters_had = select(
        use.venue_id, use.territory_id, use.day, use.first, n, use.parts.label("had"), _NONE.label("is_closed")
    ).join_from(uses, _quarters, and_(use.is_shut, n >= use.from_quarter, n < use.until_quarter))
    quarters_closed = select(
        closed.c.venue_id, closed.c.territory_id, closed.c.day, closed.c.first, closed.c.n, _NONE, ONE
    )
    one = union_all(quarters_had, quarters_closed).subquery("quarter").c
    return (
        select(one.venue_id, one.territory_id, one.day, one.first, one.n, _sum(one.had).label("had"))
        .group_by(one.venue_id, one.territory_id, one.day, one.first, one.n)
        .having(func.max(one.is_closed) == 1, func.sum(one.had) > 0)
        .cte("had_while_closed")
    )


def _counts(of: Any, *others: ColumnElement[Any], **counters: ColumnElement[Any]) -> Select[Any]:
    """Rows that count for a room and day."""
    named = (counters.get(name, _NONE).label(name) for name in ("open", "used", "outside", "closed", "room"))
    return select(of.venue_id, of.territory_id, of.day, *others, *named)


def _length(begin: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[int]:
    return case((end > begin, end - begin), else_=_NONE)


class _Time:
    """The time of rooms: of all, or of those that are asked for."""

    def __init__(self, is_asked: Condition = _no_room_left_out) -> None:
        shut = _shut()
        self.days = _days(shut, is_asked)
        self.closed = _closed_quarters(self.days, shut)
        self.uses = _uses(self.days, is_asked)
        self.had_closed = _had_while_closed(self.uses, self.closed)

    def by_day(self) -> Any:
        """Columns of rows that count for a room and day."""
        day, use, closed, had = self.days.c, self.uses.c, self.closed.c, self.had_closed.c
        is_open = open_in(day.pattern, _NONE, day.passed)
        length = _length(use.from_quarter, use.until_quarter)
        used = open_in(use.pattern, use.from_quarter, length)
        return (
            union_all(
                _counts(day, open=is_open * day.parts, room=is_open),
                _counts(closed, open=-closed.parts, closed=closed.parts, room=-ONE),
                _counts(use, used=used * use.parts, outside=(length - used) * use.parts),
                _counts(had, used=-had.had, outside=had.had),
            )
            .subquery("of_day")
            .c
        )

    def by_hour(self) -> Any:
        """Columns of rows that count for a room, a day and an hour of it."""
        day, use, closed, had = self.days.c, self.uses.c, self.closed.c, self.had_closed.c
        hours = numbers("hours", 24)
        hour = hours.c.n
        begins, ends = hour * HOUR_QUARTERS, (hour + 1) * HOUR_QUARTERS
        is_open = open_in(day.pattern, begins, within(day.passed - begins, 0, HOUR_QUARTERS))
        begin = case((use.from_quarter > begins, use.from_quarter), else_=begins)
        end = case((use.until_quarter < ends, use.until_quarter), else_=ends)
        used = open_in(use.pattern, begin, _length(begin, end))
        return (
            union_all(
                _counts(day, day.first, hour, open=is_open * day.parts).join_from(
                    self.days, hours, day.passed > begins
                ),
                _counts(closed, closed.first, closed.n // HOUR_QUARTERS, open=-closed.parts),
                _counts(use, use.first, hour, used=used * use.parts).join_from(
                    self.uses, hours, and_(use.from_quarter < ends, use.until_quarter > begins)
                ),
                _counts(had, had.first, had.n // HOUR_QUARTERS, used=-had.had),
            )
            .subquery("of_hour")
            .c
        )


def _of_days(of: Any) -> Select[Any]:
    return select(
        *fact(
            of.venue_id,
            of.day,
            of.territory_id,
            detail=cast(of.venue_id, Text),
            open_quarters=_sum(of.open),
            used_quarters=_sum(of.used),
            outside_quarters=_sum(of.outside),
            closed_quarters=_sum(of.closed),
        )
    ).group_by(of.venue_id, of.day, of.territory_id)


_of, _at = _Time().by_day(), _Time().by_hour()
#: Each room and day: part quarters that were open, used, used outside of that, and closed by hand.
OF_DAYS = _of_days(_of)
#: The same of the rooms in the list `ids`.
OF_DAYS_OF_SOME = _of_days(_Time(lambda venue_id: is_id_in(venue_id, "ids")).by_day())
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
