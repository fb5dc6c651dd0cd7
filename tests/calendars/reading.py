"""Reading calendars as another program would, and what stands in the rows that they are made of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from icalendar import Calendar, Event
from sqlalchemy import update
from werkzeug.test import TestResponse

from models.activities import Session
from models.reservations import Reservation, ReservationStatus
from models.venues import BookingStatus, VenueBooking
from rules.clock import local_day, utc_now
from rules.work import SYSTEM, Work
from tests.build import Person, TownBuilder, add


def calendar_in(answer: TestResponse) -> Calendar:
    """The calendar of an answer, after a look at all that every calendar file has in common."""
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/calendar; charset=utf-8"
    lines = answer.data.split(b"\r\n")
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert lines[-2:] == [b"END:VCALENDAR", b""]
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 75  # RFC 5545, section 3.1: octets, not characters
    calendar = Calendar.from_ical(answer.data)
    assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["Asia/Shanghai"]
    assert calendar["VERSION"] == "2.0"
    uids = [str(event["UID"]) for event in calendar.walk("VEVENT")]
    assert len(uids) == len(set(uids))
    return calendar


def events_in(answer: TestResponse) -> list[Event]:
    return calendar_in(answer).walk("VEVENT")


def the_event(answer: TestResponse) -> Event:
    (event,) = events_in(answer)
    return event


def summaries(answer: TestResponse) -> list[str]:
    return [str(event["SUMMARY"]) for event in events_in(answer)]


def reserved(town: TownBuilder, resident: Person, session_id: int, status: ReservationStatus, **columns: Any) -> int:
    """A reservation as a row, whatever led to it."""
    defaults = {"party_size": 1, "reserved_at": utc_now()}
    whose = {"session_id": session_id, "resident_id": resident.id, "status": status}
    return town.database.write(town.id, SYSTEM, lambda work: add(work, Reservation, **whose, **defaults | columns))


def booked(town: TownBuilder, resident: Person, status: BookingStatus = BookingStatus.CONFIRMED, **columns: Any) -> int:
    """A booking of the town's room as a row, tomorrow at this hour."""
    starts_at = columns.pop("starts_at", utc_now() + timedelta(days=1))
    day = local_day(starts_at)
    defaults = {
        "venue_id": town.venue_id,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=2),
        "parts": [1],
        "week": day - timedelta(days=day.weekday()),
        "purpose": "业主委员会开会",
        "party_size": 12,
        "booked_at": utc_now(),
        "cancellable_until": starts_at,
    }
    if status is BookingStatus.CANCELLED:
        defaults["cancelled_at"] = utc_now()
    if status is BookingStatus.CHECKED_IN:
        defaults["checked_in_at"] = utc_now()
    whose = {"resident_id": resident.id, "status": status}
    return town.database.write(town.id, SYSTEM, lambda work: add(work, VenueBooking, **whose, **defaults | columns))


def change_session(town: TownBuilder, session_id: int, **columns: Any) -> None:
    """Change a session as the rules do that move it or call it off: with its revision and the moment."""

    def deed(work: Work) -> None:
        moments = {"changed_at": work.now, "versioned_at": work.now}
        changed = {"revision": Session.revision + 1, **moments} | columns
        where = (Session.town_id == town.id, Session.id == session_id)
        work.db.execute(update(Session).where(*where).values(changed))

    town.database.write(town.id, SYSTEM, deed)
