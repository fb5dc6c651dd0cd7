"""Bookings as they are read: one, a resident's, a room's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import aliased

from models.residents import Organisation, Resident
from models.territory import ServiceCentre, Territory
from models.venues import BookingStatus, Venue, VenueBooking, VenueUse
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.residents.acting import resident_for
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.venues.places import DESK, OFFICE, find_venue, holds_any, require_any
from rules.venues.refusals import BookingUnknown, PeriodInvalid
from rules.work import Work

#: How far a list of a room's bookings reaches.
LIST_DAYS_MAX = 92
LOOK_AHEAD = timedelta(days=31)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

_home = aliased(Territory)
_bookings = (
    select(
        VenueBooking.id,
        VenueBooking.venue_id,
        VenueBooking.use_id,
        VenueBooking.resident_id,
        VenueBooking.household_id,
        VenueBooking.organisation_id,
        VenueBooking.booked_by_kind,
        VenueBooking.booked_by_id,
        VenueBooking.parts,
        VenueBooking.starts_at,
        VenueBooking.ends_at,
        VenueBooking.week,
        VenueBooking.purpose,
        VenueBooking.party_size,
        VenueBooking.price,
        VenueBooking.hold_txn_id,
        VenueBooking.status,
        VenueBooking.booked_at,
        VenueBooking.cancellable_until,
        VenueBooking.release_at,
        VenueBooking.decided_at,
        VenueBooking.decision_note,
        VenueBooking.cancelled_by,
        VenueBooking.cancelled_at,
        VenueBooking.checked_in_at,
        VenueBooking.ended_at,
        Venue.name.label("venue"),
        Venue.kind.label("venue_kind"),
        VenueUse.name.label("use_name"),
        Organisation.name.label("organisation"),
        Resident.name.label("resident_name"),
        ServiceCentre.name.label("centre"),
        ServiceCentre.address,
        ServiceCentre.territory_id.label("community_id"),
        Territory.path,
        _home.path.label("home_path"),
    )
    .join(Venue, and_(Venue.town_id == VenueBooking.town_id, Venue.id == VenueBooking.venue_id))
    .join(ServiceCentre, and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id))
    .join(Territory, and_(Territory.town_id == ServiceCentre.town_id, Territory.id == ServiceCentre.territory_id))
    .join(Resident, and_(Resident.town_id == VenueBooking.town_id, Resident.id == VenueBooking.resident_id))
    .outerjoin(VenueUse, and_(VenueUse.town_id == VenueBooking.town_id, VenueUse.id == VenueBooking.use_id))
    .outerjoin(
        Organisation,
        and_(Organisation.town_id == VenueBooking.town_id, Organisation.id == VenueBooking.organisation_id),
    )
    .outerjoin(_home, and_(_home.town_id == Resident.town_id, _home.id == Resident.territory_id))
    .where(VenueBooking.town_id == bindparam("town"))
)
_one = _bookings.where(VenueBooking.id == bindparam("booking"))
_several = _bookings.where(is_id_in(VenueBooking.id, "bookings")).order_by(VenueBooking.id)
_of_resident = (
    _bookings.where(VenueBooking.resident_id == bindparam("resident"), VenueBooking.id < bindparam("before"))
    .order_by(VenueBooking.id.desc())
    .limit(bindparam("limit"))
)
_of_venue = (
    _bookings.where(
        VenueBooking.venue_id == bindparam("venue"),
        VenueBooking.starts_at < bindparam("end"),
        VenueBooking.ends_at > bindparam("begin"),
        or_(
            VenueBooking.starts_at > bindparam("after_starts_at"),
            and_(VenueBooking.starts_at == bindparam("after_starts_at"), VenueBooking.id > bindparam("after_id")),
        ),
    )
    .order_by(VenueBooking.starts_at, VenueBooking.id)
    .limit(bindparam("limit"))
)
_of_venue_with_status = _of_venue.where(VenueBooking.status == bindparam("with_status"))


def read_booking(work: Work, booking_id: int) -> AnyRow:
    """A booking with its room, for a rule that knows who asks. Raises BookingUnknown."""
    booking = work.core.execute(_one, {"town": work.town_id, "booking": booking_id}).first()
    if booking is None:
        raise BookingUnknown
    return booking


def read_bookings(work: Work, booking_ids: Sequence[int]) -> Sequence[AnyRow]:
    """Bookings with their rooms, in the order of their ids."""
    return work.core.execute(_several, {"town": work.town_id, "bookings": booking_ids}).all()


def list_bookings(work: Work, resident_id: int | None, after: Position | None, limit: int) -> Page[AnyRow]:
    """The bookings of the actor, or of somebody for whom the actor acts, the latest first. Raises NotTheirProxy."""
    asked = {
        "town": work.town_id,
        "resident": resident_for(work, resident_id),
        "before": ID_MAX if after is None else int(after[0]),
        "limit": limit + 1,
    }
    return cut(work.core.execute(_of_resident, asked).all(), limit, lambda row: (row.id,))


def list_venue_bookings(
    work: Work,
    venue_id: int,
    from_: datetime | None,
    to: datetime | None,
    status: BookingStatus | None,
    after: Position | None,
    limit: int,
) -> Page[SimpleNamespace]:
    """The bookings of a room in a period, in order of time; from now on for 31 days unless it is given.

    Names are full for those who decide, and masked for who only takes arrivals. Raises VenueUnknown, Forbidden,
    PeriodInvalid.
    """
    venue = find_venue(work, venue_id)
    require_any(work, DESK, venue.path)
    begin = from_ or work.now
    end = to or begin + LOOK_AHEAD
    if not timedelta(0) < end - begin <= timedelta(days=LIST_DAYS_MAX):
        raise PeriodInvalid(days=LIST_DAYS_MAX)
    starts_at, id_ = (EPOCH, 0) if after is None else _read_position(after)
    asked = {"venue": venue_id, "begin": begin, "end": end, "after_starts_at": starts_at, "after_id": id_}
    statement = _of_venue if status is None else _of_venue_with_status
    rows = work.core.execute(statement, {"town": work.town_id, "limit": limit + 1, "with_status": status} | asked).all()
    is_office = holds_any(work, OFFICE, venue.path)
    named = [_named(row, is_office) for row in rows]
    return cut(named, limit, lambda row: _position(row.starts_at, row.id))


def _named(row: AnyRow, is_office: bool) -> SimpleNamespace:
    full = row.resident_name if is_office else ""
    return SimpleNamespace(**row._mapping, resident=full or greeting(row.resident_name, row.resident_id))


def _position(starts_at: datetime, id_: int) -> Position:
    return ((starts_at - EPOCH) // timedelta(microseconds=1), id_)


def _read_position(after: Position) -> tuple[datetime, int]:
    microseconds, id_ = (int(number) for number in after)
    return EPOCH + timedelta(microseconds=microseconds), id_
