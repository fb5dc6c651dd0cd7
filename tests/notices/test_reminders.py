"""Protects reminders: once a day and once an hour before, and none of what was cancelled or moved."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from jobs.schedule import JOBS_BY_NAME, Errand, Means
from models.activities import Session
from models.jobs import Outbox
from models.reservations import Reservation, ReservationStatus
from models.venues import BookingStatus, VenueBooking
from rules.clock import utc_now
from tests.build import ApiClient, Person, TownBuilder, add
from tests.notices.helpers import courier_of, deliver, fake_wechat

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def booked(town: TownBuilder, session_id: int, **columns: object) -> Person:
    """A resident who has had a place for two days."""
    resident = town.resident()
    row = {
        "session_id": session_id,
        "resident_id": resident.id,
        "party_size": 1,
        "status": ReservationStatus.CONFIRMED,
        "reserved_at": utc_now() - 2 * DAY,
    }
    town.act(None, lambda work: add(work, Reservation, **row | columns))
    return resident


def remind(town: TownBuilder) -> None:
    """The job's run, and what comes of it."""
    means = Means(town.database, town.house.keys)
    JOBS_BY_NAME["reminders"].deed(Errand(means, town.id, utc_now()))
    deliver(town, courier_of(town, fake_wechat(town)))


def topics(api: ApiClient, resident: Person) -> list[str]:
    return [notice["topic"] for notice in api.as_(resident).get("/me/inbox").json["items"]]


def move(town: TownBuilder, session_id: int, by: timedelta) -> None:
    where = (Session.town_id == town.id, Session.id == session_id)

    def deed(work) -> None:
        starts_at = work.db.scalar(Session.__table__.select().with_only_columns(Session.starts_at).where(*where))
        times = {"starts_at": starts_at + by, "ends_at": starts_at + by + HOUR, "reservable_until": starts_at + by}
        work.db.execute(
            update(Session).where(*where).values(checkin_opens_at=starts_at + by, versioned_at=work.now, **times)
        )

    town.act(None, deed)


def test_everybody_with_a_place_is_reminded_once_a_day_and_once_an_hour_before(
    town: TownBuilder, api: ApiClient
) -> None:
    tomorrow, soon = (town.session(begins_in=ahead - timedelta(minutes=1)) for ahead in (DAY, HOUR))
    of_tomorrow, of_soon = booked(town, tomorrow), booked(town, soon)
    waits = booked(town, tomorrow, status=ReservationStatus.WAITLISTED)
    late = booked(town, tomorrow, reserved_at=utc_now())
    for _ in range(2):
        remind(town)
    assert topics(api, of_tomorrow) == ["reminder.session_day"]
    assert topics(api, of_soon) == ["reminder.session_hour"]
    assert topics(api, waits) == topics(api, late) == []


def test_a_reminder_waits_for_its_time_and_isnt_given_of_what_was_cancelled_or_moved_meanwhile(
    town: TownBuilder, api: ApiClient
) -> None:
    session_id = town.session(begins_in=DAY + timedelta(minutes=10))
    gone, stays = booked(town, session_id), booked(town, session_id)
    remind(town)
    assert topics(api, stays) == []
    assert len(town.rows(Outbox.id, topic="reminder.session_day")) == 2, "written ahead of its time"
    cancelled = update(Reservation).where(Reservation.town_id == town.id, Reservation.resident_id == gone.id)
    values = {"status": ReservationStatus.CANCELLED, "versioned_at": utc_now()}
    town.act(None, lambda work: work.db.execute(cancelled.values(values)))
    move(town, session_id, -timedelta(minutes=20))
    remind(town)
    assert topics(api, gone) == []
    assert topics(api, stays) == ["reminder.session_day"], "of the new time"
    town.act(
        None,
        lambda work: work.db.execute(update(Outbox).where(Outbox.town_id == town.id).values(available_at=work.now)),
    )
    remind(town)
    assert topics(api, stays) == ["reminder.session_day"], "and not of the old one"


def test_a_booking_is_reminded_of_like_a_session(town: TownBuilder, api: ApiClient) -> None:
    resident, begins = town.resident(), utc_now() + DAY - timedelta(minutes=1)
    row = {
        "venue_id": town.venue_id,
        "resident_id": resident.id,
        "parts": [1],
        "starts_at": begins,
        "ends_at": begins + HOUR,
        "week": begins.date(),
        "purpose": "排练",
        "party_size": 3,
        "status": BookingStatus.CONFIRMED,
        "booked_at": utc_now() - 2 * DAY,
        "cancellable_until": begins,
    }
    town.act(None, lambda work: add(work, VenueBooking, **row))
    remind(town)
    assert topics(api, resident) == ["reminder.booking_day"]
