"""What stands in calendars: read in one statement for each kind of thing, told in words.

A public calendar shows what is published, and of a booked room only that it is booked. A resident's own shows what the
resident has, waits for or was let down with, and nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Executable, and_, bindparam, case, or_, select

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.reservations import LIVE, CancelledBy, Reservation, ReservationStatus
from models.territory import ServiceCentre
from models.venues import HAVING_SLOTS, BookingCancelledBy, BookingStatus, Venue, VenueBooking
from rules.calendars.ical import Entry, EntryStatus
from rules.clock import ZONE
from rules.rows import AnyRow
from rules.work import Work

PAST = timedelta(days=30)
COMING = timedelta(days=90)
#: Of each kind of thing. What is still to come is kept before what is over.
ENTRIES_MAX = 1000
BOOKED = "已预订"
#: Before the title of what isn't sure yet.
WAITS = {
    ReservationStatus.APPLIED: "申请中",
    ReservationStatus.WAITLISTED: "候补",
    ReservationStatus.OFFERED: "待确认",
}


@dataclass(frozen=True, slots=True)
class Whose:
    """Where entries live: the town's code makes their names unique in the world."""

    town_code: str

    def uid(self, kind: str, id_: int) -> str:
        return f"{kind}-{id_}@{self.town_code}.binfen"


_of_session = (
    Session.id,
    Session.starts_at,
    Session.ends_at,
    Session.status,
    Session.revision,
    Session.changed_at,
    Activity.title,
    Activity.summary,
    Activity.category,
    Activity.status.label("activity_status"),
    Activity.created_at,
)
_of_place = (Venue.name.label("venue_name"), ServiceCentre.name.label("centre_name"), ServiceCentre.address)
_to_activity = and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id)
_to_venue = and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id)
_to_centre = and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id)
_sessions_on = (
    select(*_of_session, *_of_place)
    .join(Activity, _to_activity)
    .join(Venue, _to_venue)
    .join(ServiceCentre, _to_centre)
    .where(
        Session.town_id == bindparam("town"),
        Session.ends_at > bindparam("since"),
        Session.starts_at < bindparam("until"),
        Activity.status != ActivityStatus.DRAFT,
    )
    .order_by(case((Session.ends_at > bindparam("now"), 0), else_=1), Session.starts_at, Session.id)
    .limit(ENTRIES_MAX)
)
_sessions_of_venue = _sessions_on.where(Session.venue_id == bindparam("venue"))
_sessions_of_centre = _sessions_on.where(Venue.service_centre_id == bindparam("centre"))
_bookings_of_venue = (
    select(
        VenueBooking.id,
        VenueBooking.starts_at,
        VenueBooking.ends_at,
        VenueBooking.status,
        VenueBooking.booked_at,
        VenueBooking.decided_at,
        VenueBooking.cancelled_at,
        *_of_place,
    )
    .join(Venue, and_(Venue.town_id == VenueBooking.town_id, Venue.id == VenueBooking.venue_id))
    .join(ServiceCentre, _to_centre)
    .where(
        VenueBooking.town_id == bindparam("town"),
        VenueBooking.venue_id == bindparam("venue"),
        VenueBooking.status.in_(HAVING_SLOTS),
        VenueBooking.ends_at > bindparam("since"),
        VenueBooking.starts_at < bindparam("until"),
    )
    .order_by(case((VenueBooking.ends_at > bindparam("now"), 0), else_=1), VenueBooking.starts_at, VenueBooking.id)
    .limit(ENTRIES_MAX)
)
_reservations = (
    select(
        *_of_session,
        *_of_place,
        Reservation.status.label("reservation_status"),
        Reservation.party_size,
        Reservation.reserved_at,
        Reservation.confirmed_at,
        Reservation.cancelled_at,
        Reservation.offer_expires_at,
    )
    .join(Session, and_(Session.town_id == Reservation.town_id, Session.id == Reservation.session_id))
    .join(Activity, _to_activity)
    .join(Venue, _to_venue)
    .join(ServiceCentre, _to_centre)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.resident_id == bindparam("resident"),
        or_(
            Reservation.status.in_(LIVE),
            and_(
                Reservation.status == ReservationStatus.CANCELLED,
                Reservation.cancelled_by.in_((CancelledBy.ORGANISER, CancelledBy.STAFF)),
            ),
        ),
        Session.ends_at > bindparam("since"),
    )
    .order_by(case((Session.ends_at > bindparam("now"), 0), else_=1), Session.starts_at, Reservation.id)
    .limit(ENTRIES_MAX)
)
_bookings_of_resident = (
    select(
        VenueBooking.id,
        VenueBooking.starts_at,
        VenueBooking.ends_at,
        VenueBooking.status,
        VenueBooking.purpose,
        VenueBooking.party_size,
        VenueBooking.booked_at,
        VenueBooking.decided_at,
        VenueBooking.cancelled_at,
        *_of_place,
    )
    .join(Venue, and_(Venue.town_id == VenueBooking.town_id, Venue.id == VenueBooking.venue_id))
    .join(ServiceCentre, _to_centre)
    .where(
        VenueBooking.town_id == bindparam("town"),
        VenueBooking.resident_id == bindparam("resident"),
        or_(
            VenueBooking.status.in_(HAVING_SLOTS),
            and_(
                VenueBooking.status == BookingStatus.CANCELLED,
                VenueBooking.cancelled_by.in_((BookingCancelledBy.CLOSURE, BookingCancelledBy.STAFF)),
            ),
        ),
        VenueBooking.ends_at > bindparam("since"),
    )
    .order_by(case((VenueBooking.ends_at > bindparam("now"), 0), else_=1), VenueBooking.starts_at, VenueBooking.id)
    .limit(ENTRIES_MAX)
)


def sessions_of_centre(work: Work, whose: Whose, centre_id: int) -> list[Entry]:
    """What is on in a centre's rooms, 30 days back and 90 ahead."""
    return [_session(whose, row) for row in _read(work, _sessions_of_centre, centre=centre_id)]


def sessions_of_venue(work: Work, whose: Whose, venue_id: int) -> list[Entry]:
    """What is on in a room, 30 days back and 90 ahead."""
    return [_session(whose, row) for row in _read(work, _sessions_of_venue, venue=venue_id)]


def bookings_of_venue(work: Work, whose: Whose, venue_id: int) -> list[Entry]:
    """When a room is booked, and not by whom or what for, 30 days back and 90 ahead."""
    return [
        _booking(whose, row, summary=BOOKED, description="") for row in _read(work, _bookings_of_venue, venue=venue_id)
    ]


def reservations_of_resident(work: Work, whose: Whose, resident_id: int) -> list[Entry]:
    """A resident's places in sessions, wished for ones too, and those that were taken away; 30 days back."""
    entries: dict[str, Entry] = {}
    for row in _read(work, _reservations, resident=resident_id):
        entry = _reservation(whose, row)
        kept = entries.get(entry.uid)
        if kept is None or kept.status is EntryStatus.CANCELLED:  # who was cancelled and reserved again has it
            entries[entry.uid] = entry
    return list(entries.values())


def bookings_of_resident(work: Work, whose: Whose, resident_id: int) -> list[Entry]:
    """The rooms that a resident booked or asked for, and those that were taken away; 30 days back."""
    return [
        _booking(whose, row, summary=f"{row.venue_name}：{row.purpose}", description=f"{row.party_size} 人")
        for row in _read(work, _bookings_of_resident, resident=resident_id)
    ]


def _read(work: Work, statement: Executable, **whose: int) -> Sequence[AnyRow]:
    period = {"since": work.now - PAST, "until": work.now + COMING, "now": work.now}
    asked: dict[str, Any] = {"town": work.town_id, **period, **whose}
    return work.core.execute(statement, asked).all()


def _session(whose: Whose, row: AnyRow) -> Entry:
    is_off = _is_off(row)
    return Entry(
        uid=whose.uid("session", row.id),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        summary=row.title,
        location=_location(row),
        status=EntryStatus.CANCELLED if is_off else EntryStatus.CONFIRMED,
        stamped_at=row.changed_at or row.created_at,
        sequence=_sequence(row, is_off),
        description=row.summary,
        category=row.category,
    )


def _reservation(whose: Whose, row: AnyRow) -> Entry:
    is_off = _is_off(row) or row.reservation_status is ReservationStatus.CANCELLED
    waits = WAITS.get(row.reservation_status)
    status = EntryStatus.CANCELLED if is_off else EntryStatus.TENTATIVE if waits else EntryStatus.CONFIRMED
    told = [f"{row.party_size} 人", row.summary]
    if row.reservation_status is ReservationStatus.OFFERED:
        told.insert(0, f"请在 {row.offer_expires_at.astimezone(ZONE):%m-%d %H:%M} 前确认")
    changes = (row.reserved_at, row.confirmed_at, row.cancelled_at, row.changed_at)
    return Entry(
        uid=whose.uid("session", row.id),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        summary=f"{waits}：{row.title}" if waits and not is_off else row.title,
        location=_location(row),
        status=status,
        stamped_at=max(moment for moment in changes if moment is not None),
        sequence=_sequence(row, is_off) + (row.confirmed_at is not None),
        description="\n".join(line for line in told if line),
        category=row.category,
    )


def _booking(whose: Whose, row: AnyRow, *, summary: str, description: str) -> Entry:
    status = {
        BookingStatus.PENDING: EntryStatus.TENTATIVE,
        BookingStatus.CANCELLED: EntryStatus.CANCELLED,
    }.get(row.status, EntryStatus.CONFIRMED)
    changes = (row.booked_at, row.decided_at, row.cancelled_at)
    return Entry(
        uid=whose.uid("booking", row.id),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        summary=summary,
        location=_location(row),
        status=status,
        stamped_at=max(moment for moment in changes if moment is not None),
        sequence=sum(moment is not None for moment in changes) - 1,
        description=description,
    )


def _is_off(row: AnyRow) -> bool:
    return row.status is SessionStatus.CANCELLED or row.activity_status is ActivityStatus.CANCELLED


def _sequence(row: AnyRow, is_off: bool) -> int:
    """Grows with each change of the session, and once more when it doesn't take place, for this reader at least."""
    return int(row.revision) + is_off


def _location(row: AnyRow) -> str:
    return f"{row.centre_name} {row.venue_name}，{row.address}"
