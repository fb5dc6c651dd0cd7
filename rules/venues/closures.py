"""Closed for a time: a room, or a whole centre.

Whoever closes has the rooms' rows alone. Bookings that were being made are waited for and then cancelled with the others;
those that come later see the closure. Who had booked is told, with the reason. Who has come already stays; sessions of
activities are named, and moved or called off by whoever organises them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, insert, select, update

from models.activities import Activity, Session, SessionStatus
from models.territory import ServiceCentre, Territory
from models.venues import BookingCancelledBy, BookingStatus, Closure, Venue, VenueBooking
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.venues import telling, terms
from rules.venues.bookings import read_bookings
from rules.venues.endings import TO_COME, undo_bookings
from rules.venues.places import OFFICE, require_any, take_centre, take_venue
from rules.venues.refusals import ClosureOver, ClosureUnknown, PeriodInvalid
from rules.work import Work

CLOSURE_DAYS_MAX = 732
#: So many of the sessions that it meets are named.
SESSIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class ClosureWish:
    """From when until when, and why."""

    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A closure, and whom it met."""

    id: int
    venue_id: int | None
    service_centre_id: int | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    cancelled: int  #: bookings
    sessions: Sequence[AnyRow]  #: of activities, which stand


_rooms = (
    select(Venue.id)
    .where(Venue.town_id == bindparam("town"), Venue.service_centre_id == bindparam("centre"))
    .order_by(Venue.id)
    .with_for_update(key_share=True)
)
_write = insert(Closure)
_cancel = (
    update(VenueBooking)
    .where(
        VenueBooking.town_id == bindparam("town"),
        is_id_in(VenueBooking.venue_id, "venues"),
        VenueBooking.status.in_(TO_COME),
        VenueBooking.starts_at < bindparam("end"),
        VenueBooking.ends_at > bindparam("begin"),
        VenueBooking.ends_at > bindparam("now"),
    )
    .values(status=BookingStatus.CANCELLED, cancelled_at=bindparam("now"), cancelled_by=BookingCancelledBy.CLOSURE)
    .returning(VenueBooking.id)
)
_sessions = (
    select(Session.id, Session.venue_id, Session.starts_at, Session.ends_at, Activity.title)
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .where(
        Session.town_id == bindparam("town"),
        is_id_in(Session.venue_id, "venues"),
        Session.status == SessionStatus.SCHEDULED,
        Session.starts_at < bindparam("end"),
        Session.ends_at > bindparam("begin"),
        Session.ends_at > bindparam("now"),
    )
    .order_by(Session.starts_at, Session.id)
    .limit(SESSIONS_MAX)
)
_where = (
    select(Closure.id, Territory.path)
    .outerjoin(Venue, and_(Venue.town_id == Closure.town_id, Venue.id == Closure.venue_id))
    .join(
        ServiceCentre,
        and_(
            ServiceCentre.town_id == Closure.town_id,
            (ServiceCentre.id == Closure.service_centre_id) | (ServiceCentre.id == Venue.service_centre_id),
        ),
    )
    .join(Territory, and_(Territory.town_id == ServiceCentre.town_id, Territory.id == ServiceCentre.territory_id))
    .where(Closure.town_id == bindparam("town"), Closure.id == bindparam("closure"))
)
_lift = (
    update(Closure)
    .where(
        Closure.town_id == bindparam("town"),
        Closure.id == bindparam("closure"),
        Closure.lifted_at.is_(None),
        Closure.ends_at > bindparam("now"),
    )
    .values(lifted_at=bindparam("now"), lifted_by=bindparam("who"))
    .returning(Closure.id)
)


def close_venue(work: Work, venue_id: int, wish: ClosureWish) -> Closed:
    """Close a room. Raises VenueUnknown, Forbidden, PeriodInvalid, ClosureOver (it would end in the past)."""
    venue = take_venue(work, venue_id)
    require_any(work, OFFICE, venue.path)
    return _close(work, wish, [venue_id], venue_id=venue_id)


def close_centre(work: Work, centre_id: int, wish: ClosureWish) -> Closed:
    """Close a centre with all its rooms. Raises CentreUnknown, Forbidden, PeriodInvalid, ClosureOver."""
    centre = take_centre(work, centre_id)
    require_any(work, OFFICE, centre.path)
    venue_ids = [row.id for row in work.core.execute(_rooms, {"town": work.town_id, "centre": centre_id})]
    return _close(work, wish, venue_ids, centre_id=centre_id)


def lift_closure(work: Work, closure_id: int) -> None:
    """Open again; bookings that were cancelled stay cancelled. Raises ClosureUnknown, Forbidden, ClosureOver."""
    asked = {"town": work.town_id, "closure": closure_id, "now": work.now, "who": work.actor.id}
    closure = work.core.execute(_where, asked).first()
    if closure is None:
        raise ClosureUnknown
    require_any(work, OFFICE, closure.path)
    if work.core.execute(_lift, asked).first() is None:
        raise ClosureOver


def _close(
    work: Work,
    wish: ClosureWish,
    venue_ids: Sequence[int],
    *,
    venue_id: int | None = None,
    centre_id: int | None = None,
) -> Closed:
    if not timedelta(0) < wish.ends_at - wish.starts_at <= timedelta(days=CLOSURE_DAYS_MAX):
        raise PeriodInvalid(days=CLOSURE_DAYS_MAX)
    if wish.ends_at <= work.now:
        raise ClosureOver
    closure: dict[str, Any] = {"id": work.new_id(), "venue_id": venue_id, "service_centre_id": centre_id}
    closure |= {"starts_at": wish.starts_at, "ends_at": wish.ends_at, "reason": wish.reason}
    by_whom = {"closed_by": work.actor.id, "closed_at": work.now}
    work.core.execute(_write, {"town_id": work.town_id} | closure | by_whom)
    met = {"town": work.town_id, "venues": venue_ids, "begin": wish.starts_at, "end": wish.ends_at, "now": work.now}
    cancelled = read_bookings(work, [row.id for row in work.core.execute(_cancel, met)])
    undo_bookings(work, cancelled)
    telling.tell(work, telling.CANCELLED, cancelled, wish.reason)
    terms.give_prices_back(work, cancelled)
    return Closed(**closure, cancelled=len(cancelled), sessions=work.core.execute(_sessions, met).all())
