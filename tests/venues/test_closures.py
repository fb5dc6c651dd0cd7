"""A room or a centre is closed: bookings are cancelled and told, sessions are named, later bookings are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import time_machine

from models.jobs import Outbox
from models.residents import Role
from models.venues import BookingStatus, Closure
from rules.venues.occupancy import free_session, occupy_for_session
from rules.venues.refusals import VenueTaken
from tests.build import ApiClient, TownBuilder
from tests.venues.halls import (
    HOUR,
    assert_books_agree,
    book,
    booked,
    centre_of,
    hall,
    refused,
    resident_of,
    slots_of,
    sports_hall,
    status_of,
    tomorrow,
    used,
)


def close(caller: ApiClient, path: str, begin: datetime, end: datetime) -> Any:
    body = {"starts_at": begin.isoformat(), "ends_at": end.isoformat(), "reason": "水管抢修"}
    return caller.post(f"{path}/closures", body)


def organiser(town: TownBuilder, api: ApiClient) -> ApiClient:
    return api.as_(town.staff(Role.ORGANISER))


def test_bookings_that_a_closure_meets_are_cancelled_and_told_and_no_others(town: TownBuilder, api: ApiClient) -> None:
    venue, other, me = hall(town, person_week_max=3), hall(town), resident_of(town, api)
    before, met, after = (booked(me, venue, tomorrow(hour)) for hour in (9, 10, 12))
    elsewhere = booked(me, other, tomorrow(10))
    closed = close(organiser(town, api), f"/venues/{venue}", tomorrow(10, 30), tomorrow(12))
    assert (closed.status_code, closed.json["cancelled"], closed.json["sessions"]) == (201, 1, [])
    assert [status_of(town, each).value for each in (before, met, after, elsewhere)] == [
        "confirmed",
        "cancelled",
        "confirmed",
        "confirmed",
    ]
    (message,) = town.rows(Outbox.key, Outbox.payload, topic="booking.cancelled")
    assert (message.key, message.payload["reason"]) == (met["id"], "水管抢修")
    refused(book(resident_of(town, api), venue, tomorrow(11)), 409, "venue.taken")
    assert me.get("/me/bookings").json["items"][2]["cancelled_by"] == "closure"
    booked(me, venue, tomorrow(13))
    assert_books_agree(town)


def test_a_closed_centre_closes_all_its_rooms(town: TownBuilder, api: ApiClient) -> None:
    first, second = hall(town), hall(town)
    bookings = [booked(resident_of(town, api), venue, tomorrow(10)) for venue in (first, second)]
    closed = close(organiser(town, api), f"/service-centres/{centre_of(town)}", tomorrow(0), tomorrow(24))
    assert closed.json["cancelled"] == 2
    assert {status_of(town, each) for each in bookings} == {BookingStatus.CANCELLED}
    for venue in (first, second):
        refused(book(resident_of(town, api), venue, tomorrow(11)), 409, "venue.taken")
    assert used(town, first) == used(town, second) == {}
    booked(resident_of(town, api), first, tomorrow(10, days=2))


def test_who_is_in_the_room_already_stays(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town)
    booking, later = (booked(resident_of(town, api), venue, tomorrow(hour)) for hour in (10, 11))
    with time_machine.travel(tomorrow(10), tick=False):
        assert api.as_(town.staff(Role.SCANNER)).post(f"/bookings/{booking['id']}/arrival").status_code == 200
    begin, end = tomorrow(9), tomorrow(17)
    with time_machine.travel(tomorrow(10, 20), tick=False):
        closed = close(organiser(town, api), f"/venues/{venue}", begin, end)
    assert closed.json["cancelled"] == 1
    assert status_of(town, booking) is BookingStatus.CHECKED_IN
    assert status_of(town, later) is BookingStatus.CANCELLED


def test_a_lifted_closure_lets_others_book_and_brings_nothing_back(town: TownBuilder, api: ApiClient) -> None:
    venue, staff = hall(town), organiser(town, api)
    booking = booked(resident_of(town, api), venue, tomorrow(10))
    closed = close(staff, f"/venues/{venue}", tomorrow(9), tomorrow(17)).json
    assert staff.delete(f"/closures/{closed['id']}").status_code == 204
    assert status_of(town, booking) is BookingStatus.CANCELLED
    booked(resident_of(town, api), venue, tomorrow(10))
    refused(staff.delete(f"/closures/{closed['id']}"), 409, "closure.over")
    refused(staff.delete("/closures/12345"), 404, "closure.unknown")


def test_only_organisers_and_managers_of_the_place_close_and_open(town: TownBuilder, api: ApiClient) -> None:
    venue, begin, end = hall(town), tomorrow(9), tomorrow(17)
    closed = close(organiser(town, api), f"/venues/{venue}", begin, end).json
    elsewhere = town.staff(Role.MANAGER, at=town.other_community_id)
    for caller in (town.resident(), town.staff(Role.SCANNER), town.staff(Role.AUDITOR), elsewhere):
        for path in (f"/venues/{venue}", f"/service-centres/{centre_of(town)}"):
            refused(close(api.as_(caller), path, begin, end), 403, "auth.forbidden")
        refused(api.as_(caller).delete(f"/closures/{closed['id']}"), 403, "auth.forbidden")
    assert len(town.rows(Closure.id)) == 1


def test_a_closure_ends_after_it_begins_and_in_the_future(town: TownBuilder, api: ApiClient) -> None:
    venue, staff = hall(town), organiser(town, api)
    path = f"/venues/{venue}"
    refused(close(staff, path, tomorrow(12), tomorrow(12)), 422, "venue.period_invalid")
    refused(close(staff, path, tomorrow(12), tomorrow(12, days=800)), 422, "venue.period_invalid")
    refused(close(staff, path, tomorrow(9, days=-2), tomorrow(9, days=-1)), 409, "closure.over")
    refused(close(staff, "/venues/12345", tomorrow(9), tomorrow(10)), 404, "venue.unknown")
    refused(close(staff, "/service-centres/12345", tomorrow(9), tomorrow(10)), 404, "service_centre.unknown")
    assert town.rows(Closure.id) == []


# --- sessions of activities -------------------------------------------------------------------------------------------


def session_in(town: TownBuilder, venue: int, begin: datetime, end: datetime) -> int:
    """A session that is planned in a room, and has it."""
    times = {"starts_at": begin, "ends_at": end, "reservable_until": begin, "checkin_opens_at": begin}
    session = town.session(venue_id=venue, **times)
    town.act(None, occupy_for_session, session, venue, begin, end)
    return session


def test_a_session_has_all_parts_for_every_quarter_that_it_touches(town: TownBuilder, api: ApiClient) -> None:
    venue, court, *_ = sports_hall(town)
    session = session_in(town, venue, tomorrow(10, 5), tomorrow(11, 10))
    assert slots_of(town, venue) == {(part, tomorrow(10) + n * HOUR / 4) for part in range(1, 5) for n in range(5)}
    for hour in (10, 11):
        refused(book(resident_of(town, api), venue, tomorrow(hour), use_id=court), 409, "venue.taken")
    town.act(None, free_session, session)
    assert slots_of(town, venue) == set()
    booked(resident_of(town, api), venue, tomorrow(10), use_id=court)


def test_a_session_gets_no_room_of_which_somebody_has_a_part(town: TownBuilder, api: ApiClient) -> None:
    venue, court, *_ = sports_hall(town)
    booked(resident_of(town, api), venue, tomorrow(10), use_id=court)
    with pytest.raises(VenueTaken):
        session_in(town, venue, tomorrow(9), tomorrow(10, 1))
    session_in(town, venue, tomorrow(9), tomorrow(10))
    with pytest.raises(VenueTaken):
        session_in(town, venue, tomorrow(9, 59), tomorrow(10))
    assert len(slots_of(town, venue)) == 4 + 16
    assert_books_agree(town)


def test_a_session_may_be_held_outside_the_hours_and_not_in_a_closed_room(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town)
    session_in(town, venue, tomorrow(19), tomorrow(21))
    close(organiser(town, api), f"/venues/{venue}", tomorrow(22), tomorrow(23))
    with pytest.raises(VenueTaken):
        session_in(town, venue, tomorrow(21), tomorrow(22, 30))
    outside = api.as_(town.staff(Role.AUDITOR)).get(
        f"/venues/{venue}/utilisation", **{"from": tomorrow(0).isoformat(), "to": tomorrow(24).isoformat()}
    )
    assert (outside.json["outside_hours"], outside.json["total"]["used_hours"]) == (2, 0)


def test_a_closure_names_the_sessions_that_it_meets_and_leaves_them(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town)
    session = session_in(town, venue, tomorrow(10), tomorrow(12))
    session_in(town, hall(town), tomorrow(10), tomorrow(12))
    closed = close(organiser(town, api), f"/venues/{venue}", tomorrow(11), tomorrow(13)).json
    assert [each["id"] for each in closed["sessions"]] == [str(session)]
    assert len(slots_of(town, venue)) == 8
