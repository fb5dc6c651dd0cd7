"""Reminders, a day and an hour before a session or a booking begins.

A reminder is a message of the outbox, written ahead of its time and named by the reservation and the beginning that it
reminds of: it is written once, and one that is moved gets another. Whether it still holds is looked at when it is
delivered, in the inbox and again before it goes out by WeChat: nobody is reminded of what was cancelled or moved. Who
booked within the last day before isn't told of that day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, bindparam, select

from models.activities import Session, SessionStatus
from models.reservations import Reservation, ReservationStatus
from models.venues import BookingStatus, VenueBooking
from rules.outbox import Message, put
from rules.rows import AnyRow
from rules.work import Work

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: The job runs every ten minutes; one that was held up for so long still writes the reminders.
AHEAD = timedelta(minutes=20)
LATE_MAX = timedelta(hours=1)
AT_A_TIME = 500

_session_columns = select(
    Reservation.id,
    Reservation.resident_id,
    Reservation.session_id,
    Reservation.reserved_at.label("booked_at"),
    Session.starts_at,
).join(Session, (Session.town_id == Reservation.town_id) & (Session.id == Reservation.session_id))
_is_booked = (
    (Reservation.town_id == bindparam("town"))
    & (Reservation.status == ReservationStatus.CONFIRMED)
    & (Session.status == SessionStatus.SCHEDULED)
)
_sessions = (
    _session_columns.where(
        _is_booked,
        Session.starts_at > bindparam("begins_after"),
        Session.starts_at <= bindparam("begins_until"),
        Reservation.id > bindparam("after"),
    )
    .order_by(Reservation.id)
    .limit(bindparam("limit"))
)
_bookings = (
    select(
        VenueBooking.id,
        VenueBooking.resident_id,
        VenueBooking.venue_id,
        VenueBooking.starts_at,
        VenueBooking.ends_at,
        VenueBooking.booked_at,
    )
    .where(
        VenueBooking.town_id == bindparam("town"),
        VenueBooking.status == BookingStatus.CONFIRMED,
        VenueBooking.starts_at > bindparam("begins_after"),
        VenueBooking.starts_at <= bindparam("begins_until"),
        VenueBooking.id > bindparam("after"),
    )
    .order_by(VenueBooking.id)
    .limit(bindparam("limit"))
)
_session_stands = _session_columns.where(_is_booked, Reservation.id == bindparam("id"))
_booking_stands = select(VenueBooking.starts_at).where(
    VenueBooking.town_id == bindparam("town"),
    VenueBooking.id == bindparam("id"),
    VenueBooking.status == BookingStatus.CONFIRMED,
)


def _of_session(row: AnyRow) -> dict[str, str]:
    return {"reservation_id": str(row.id), "session_id": str(row.session_id)}


def _of_booking(row: AnyRow) -> dict[str, str]:
    return {"booking_id": str(row.id), "venue_id": str(row.venue_id), "ends_at": row.ends_at.isoformat()}


KINDS: tuple[tuple[str, timedelta, Executable, Callable[[AnyRow], dict[str, str]]], ...] = (
    ("reminder.session_day", DAY, _sessions, _of_session),
    ("reminder.session_hour", HOUR, _sessions, _of_session),
    ("reminder.booking_day", DAY, _bookings, _of_booking),
    ("reminder.booking_hour", HOUR, _bookings, _of_booking),
)


def queue_reminders(work: Work, kind: int, after: int, limit: int = AT_A_TIME) -> int | None:
    """Write the reminders of one of KINDS that are due by the job's next run. Returns where to go on; None: that was all."""
    topic, ahead, statement, subject_of = KINDS[kind]
    asked = {
        "town": work.town_id,
        "begins_after": work.now + max(ahead - LATE_MAX, timedelta(0)),
        "begins_until": work.now + ahead + AHEAD,
        "after": after,
        "limit": limit,
    }
    rows = work.core.execute(statement, asked).all()
    put(work, [_message(topic, ahead, row, subject_of) for row in rows if row.booked_at < row.starts_at - ahead])
    return rows[-1].id if len(rows) == limit else None


def _message(topic: str, ahead: timedelta, row: AnyRow, subject_of: Callable[[AnyRow], dict[str, str]]) -> Message:
    payload = {"resident_id": str(row.resident_id), "starts_at": row.starts_at.isoformat(), **subject_of(row)}
    key = f"{row.id}:{int(row.starts_at.timestamp())}"
    return Message(topic, key, payload, available_at=row.starts_at - ahead)


def still_holds(work: Work, topic: str, payload: Mapping[str, Any]) -> bool:
    """Whether what a reminder reminds of still begins when it says. True for everything that is no reminder."""
    if not topic.startswith("reminder."):
        return True
    statement, name = (
        (_session_stands, "reservation_id") if topic.startswith("reminder.session") else (_booking_stands, "booking_id")
    )
    row = work.core.execute(statement, {"town": work.town_id, "id": int(payload[name])}).first()
    return (
        row is not None and row.starts_at == datetime.fromisoformat(payload["starts_at"]) and row.starts_at > work.now
    )
