"""What residents see of their reservations, and staff of a session's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from models.activities import Activity, Session
from models.reservations import LIVE, Reservation, ReservationStatus
from models.residents import Resident, Role
from models.territory import Territory
from models.venues import Venue
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.reservations.holding import COLUMNS, find_reservation
from rules.reservations.refusals import SessionUnknown
from rules.reservations.reserving import Booked
from rules.residents.acting import resident_for
from rules.residents.identity import require_role
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.work import Work


@dataclass(frozen=True, slots=True)
class OfSession:
    """A reservation as the session's staff see it."""

    id: int
    resident_id: int
    name: str  #: masked
    party_size: int
    status: ReservationStatus
    position: int | None
    answers: dict[str, Any] | None
    price: int
    reserved_at: datetime
    checked_in_at: datetime | None


_ahead = aliased(Reservation)
#: How many parties wait before this one, itself included; NULL for who doesn't wait.
_position = (
    select(func.count())
    .where(
        _ahead.town_id == Reservation.town_id,
        _ahead.session_id == Reservation.session_id,
        _ahead.status == ReservationStatus.WAITLISTED,
        Reservation.status == ReservationStatus.WAITLISTED,
        or_(
            _ahead.priority < Reservation.priority,
            and_(_ahead.priority == Reservation.priority, _ahead.rank <= Reservation.rank),
        ),
    )
    .scalar_subquery()
)
_described = (
    select(
        *COLUMNS,
        func.nullif(_position, 0).label("position"),
        Reservation.answers,
        Session.starts_at,
        Session.ends_at,
        Session.reservable_until,
        Session.allocates_at,
        Session.status.label("session_status"),
        Activity.id.label("activity_id"),
        Activity.title,
        Venue.name.label("venue_name"),
    )
    .join(Session, and_(Session.town_id == Reservation.town_id, Session.id == Reservation.session_id))
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Venue, and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id))
    .where(Reservation.town_id == bindparam("town"))
)
_one = _described.where(Reservation.id == bindparam("reservation"))
_list = (
    _described.where(Reservation.resident_id == bindparam("resident"), Reservation.id < bindparam("before"))
    .order_by(Reservation.id.desc())
    .limit(bindparam("limit"))
)
_community_of = (
    select(Territory.path)
    .join(Activity, and_(Activity.town_id == Territory.town_id, Activity.community_id == Territory.id))
    .join(Session, and_(Session.town_id == Activity.town_id, Session.activity_id == Activity.id))
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)
_of_session = (
    select(
        *COLUMNS,
        func.nullif(_position, 0).label("position"),
        Reservation.answers,
        Resident.name,
    )
    .join(Resident, and_(Resident.town_id == Reservation.town_id, Resident.id == Reservation.resident_id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.session_id == bindparam("session"),
        Reservation.id > bindparam("after"),
    )
    .order_by(Reservation.id)
    .limit(bindparam("limit"))
)
_of_session_live = _of_session.where(Reservation.status.in_(LIVE))
_STAFF = (Role.ORGANISER, Role.SCANNER)


def list_reservations(work: Work, after: Position | None, limit: int, resident_id: int | None = None) -> Page[AnyRow]:
    """The actor's reservations of any status, or those of somebody the actor may act for, the latest first.

    Raises NotTheirProxy.
    """
    resident = resident_for(work, resident_id)
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "resident": resident, "before": before, "limit": limit + 1}
    return cut(work.core.execute(_list, asked).all(), limit, lambda row: (row.id,))


def show_reservation(work: Work, reservation_id: int) -> AnyRow:
    """One reservation, with its place in the line and why it waits. Raises ReservationUnknown."""
    find_reservation(work, reservation_id, *_STAFF)
    return work.send(_one, {"town": work.town_id, "reservation": reservation_id}).one()


def show_booked(work: Work, booked: Booked) -> Booked | AnyRow:
    """What came of a wish; who waits is told the place in the line."""
    if booked.status is ReservationStatus.CONFIRMED:
        return booked
    return work.send(_one, {"town": work.town_id, "reservation": booked.id}).one()


def list_of_session(
    work: Work, session_id: int, after: Position | None, limit: int, *, only_live: bool
) -> Page[OfSession]:
    """A session's reservations, for organisers of its place, the earliest first. Raises SessionUnknown, Forbidden."""
    asked = {"town": work.town_id, "session": session_id}
    path = work.core.scalar(_community_of, asked)
    if path is None:
        raise SessionUnknown
    require_role(work, Role.ORGANISER, path)
    page = asked | {"after": 0 if after is None else int(after[0]), "limit": limit + 1}
    rows = work.core.execute(_of_session_live if only_live else _of_session, page).all()
    return cut([_of_session_view(row) for row in rows], limit, lambda row: (row.id,))


def _of_session_view(row: AnyRow) -> OfSession:
    return OfSession(
        row.id,
        row.resident_id,
        greeting(row.name, row.resident_id),
        row.party_size,
        row.status,
        row.position,
        row.answers,
        row.price,
        row.reserved_at,
        row.checked_in_at,
    )
