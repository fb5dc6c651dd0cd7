"""What the rulebook says of rooms: who may book, until when, how often, for how many points, and what staying away costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from models.ledger import Event
from models.residents import Role
from models.rulebook import StandingSuspension
from models.venues import BookingStatus, VenueBooking
from rules.venues.lapsing import lapse_bookings
from tests.build import RULEBOOK, ApiClient, TownBuilder
from tests.ledger.keeping import audit
from tests.points.hands import balance_of, give
from tests.rulebook.live import put_in_force
from tests.venues.halls import (
    HOUR,
    assert_books_agree,
    book,
    booked,
    hall,
    refused,
    resident_of,
    slots_of,
    status_of,
    tomorrow,
)

COURT = """
[[booking]]
id = "court"
title = "球场"
where = { place = "venue", venue_kind = "court" }
"""
STAYING_AWAY = """
[[penalty]]
id = "no-show"
title = "预约未到"
events = ["no_show"]
where = { excused = false, place = "venue" }
per = "90 days"
blocks = ["booking"]
[[penalty.step]]
at = 2
suspends = { days = 7 }
"""


def court(town: TownBuilder, **columns: object) -> int:
    return hall(town, kind="court", **columns)


def test_a_rulebook_that_says_nothing_of_rooms_leaves_them_to_their_own_rules(
    town: TownBuilder, api: ApiClient
) -> None:
    put_in_force(town, RULEBOOK + COURT + "party_max = 1\n")
    booked(resident_of(town, api), hall(town), tomorrow(10), party_size=8)
    assert town.rows(Event.id) == []


@pytest.mark.parametrize(
    ("said", "wish", "status", "code"),
    [
        ('who = { person.volunteer = true }\nwho_title = "仅限志愿者"', {}, 403, "reservation.not_eligible"),
        ("who = { minutes = { max = 60 } }", {"length": 2 * HOUR}, 403, "reservation.not_eligible"),
        ('who = { weekday = "never" }', {}, 403, "reservation.not_eligible"),
        ("who = { local = false }", {}, 403, "reservation.not_eligible"),
        ("party_max = 4", {"party_size": 5}, 422, "booking.party_too_large"),
        ('opens = { days_before = 0, at = "00:00" }', {}, 409, "booking.not_open_yet"),
        ("closes = { minutes_before = 10080 }", {}, 409, "booking.closed"),
        ("price = 30", {}, 409, "points.insufficient"),
    ],
)
def test_the_rulebook_may_refuse_and_nothing_is_left_of_the_booking(
    town: TownBuilder, api: ApiClient, said: str, wish: dict[str, object], status: int, code: str
) -> None:
    put_in_force(town, RULEBOOK + COURT + said)
    venue, me = court(town), resident_of(town, api)
    before = {name: rows for name, rows in town.contents().items() if name != "idempotency_record"}
    refused(book(me, venue, tomorrow(10), **wish), status, code)
    assert {name: rows for name, rows in town.contents().items() if name != "idempotency_record"} == before


def test_a_quota_counts_what_was_booked_also_when_it_was_cancelled(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULEBOOK + COURT + 'quotas = [{ times = 2, per = "day" }]')
    venue, me = court(town), resident_of(town, api)
    first = booked(me, venue, tomorrow(10))
    assert me.delete(f"/bookings/{first['id']}").status_code == 200
    booked(me, venue, tomorrow(11))
    refused(book(me, venue, tomorrow(12)), 409, "reservation.quota_reached")
    booked(resident_of(town, api), venue, tomorrow(12))


def test_a_quota_of_cancellations_keeps_the_booking(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULEBOOK + COURT + 'quotas = [{ events = ["cancelled"], times = 1, per = "month" }]')
    venue, me = court(town), resident_of(town, api)
    first, second = (booked(me, venue, tomorrow(hour)) for hour in (10, 11))
    assert me.delete(f"/bookings/{first['id']}").status_code == 200
    refused(me.delete(f"/bookings/{second['id']}"), 409, "reservation.quota_reached")
    assert status_of(town, second) is BookingStatus.CONFIRMED
    assert len(slots_of(town, venue)) == 4
    assert api.as_(town.staff(Role.ORGANISER)).delete(f"/bookings/{second['id']}").status_code == 200


def test_the_rulebooks_deadlines_take_the_place_of_the_rooms_and_are_fixed(town: TownBuilder, api: ApiClient) -> None:
    rules = COURT + 'cancel = { days_before = 1, at = "12:00" }\ngrace_minutes = 5\n'
    put_in_force(town, RULEBOOK + rules)
    venue = court(town, cancel_minutes_before=30, grace_minutes=60)
    booking = booked(resident_of(town, api), venue, tomorrow(10, days=3))
    put_in_force(town, RULEBOOK, days_ago=0)
    row = town.rows(VenueBooking.cancellable_until, VenueBooking.release_at, id=int(booking["id"]))[0]
    assert row == (tomorrow(12, days=2), tomorrow(10, 5, days=3))


def test_a_booking_that_is_never_cancelled_is_never_cancelled(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULEBOOK + COURT + "cancel = { never = true }")
    me = town.resident()
    booking = booked(api.as_(me), court(town), tomorrow(10))
    with time_machine.travel(tomorrow(9), tick=False):
        refused(api.as_(me).delete(f"/bookings/{booking['id']}"), 409, "booking.too_late_to_cancel")


# --- points -----------------------------------------------------------------------------------------------------------


def priced(town: TownBuilder, **columns: object) -> int:
    put_in_force(town, RULEBOOK + COURT + "price = 30")
    return court(town, **columns)


def test_points_are_held_at_the_booking_and_spent_on_arrival(town: TownBuilder, api: ApiClient) -> None:
    venue, me = priced(town), town.resident()
    give(town, me, 50)
    booking = booked(api.as_(me), venue, tomorrow(10))
    assert (booking["price"], balance_of(api, me)) == (30, 20)
    refused(book(api.as_(me), venue, tomorrow(11)), 409, "points.insufficient")
    with time_machine.travel(tomorrow(10), tick=False):
        assert api.as_(town.staff(Role.SCANNER)).post(f"/bookings/{booking['id']}/arrival").status_code == 200
        assert balance_of(api, me) == 20
    audit(town)


@pytest.mark.parametrize("how", ["cancelled", "rejected", "expired", "released", "closed"])
def test_points_are_given_back_once_however_a_booking_ends(town: TownBuilder, api: ApiClient, how: str) -> None:
    venue, me = priced(town, needs_approval=how in ("rejected", "expired"), grace_minutes=10), town.resident()
    give(town, me, 50)
    booking = booked(api.as_(me), venue, tomorrow(10))
    organiser = api.as_(town.staff(Role.ORGANISER))
    assert balance_of(api, me) == 20
    if how == "cancelled":
        assert api.as_(me).delete(f"/bookings/{booking['id']}").status_code == 200
    elif how == "rejected":
        assert organiser.post(f"/bookings/{booking['id']}/decision", {"approve": False}).status_code == 200
    elif how == "closed":
        period = {"starts_at": tomorrow(9).isoformat(), "ends_at": tomorrow(17).isoformat(), "reason": "检修"}
        assert organiser.post(f"/venues/{venue}/closures", period).json["cancelled"] == 1
    else:
        with time_machine.travel(tomorrow(10, 10), tick=False):
            lapse_bookings(town.database, town.id)
            lapse_bookings(town.database, town.id)
    assert balance_of(api, me) == 50
    audit(town)
    assert_books_agree(town)


# --- staying away -----------------------------------------------------------------------------------------------------


def test_who_stays_away_twice_is_suspended_and_told_until_when(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULEBOOK + STAYING_AWAY)
    venue, me = hall(town, grace_minutes=10), town.resident()
    later = booked(api.as_(me), venue, tomorrow(10, days=4))
    for hour in (10, 11):
        booked(api.as_(me), venue, tomorrow(hour))
    moment = tomorrow(12)
    with time_machine.travel(moment, tick=False):
        assert lapse_bookings(town.database, town.id).released == 2
        answer = book(api.as_(me), venue, tomorrow(12, days=2))
        until = (moment + timedelta(days=7)).date().isoformat()
        assert until in refused(answer, 403, "reservation.suspended_until")
        booked(resident_of(town, api), venue, tomorrow(12, days=2))
    assert [row.source for row in town.rows(Event.source, subject_id=me.id)] == ["booking", "booking"]
    assert len(town.rows(StandingSuspension.resident_id)) == 1
    assert status_of(town, later) is BookingStatus.CONFIRMED


def test_who_cancels_or_comes_is_no_no_show(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULEBOOK + STAYING_AWAY)
    venue, me = hall(town, grace_minutes=10), town.resident()
    given_back, used = booked(api.as_(me), venue, tomorrow(10)), booked(api.as_(me), venue, tomorrow(11))
    assert api.as_(me).delete(f"/bookings/{given_back['id']}").status_code == 200
    with time_machine.travel(tomorrow(11), tick=False):
        assert api.as_(town.staff(Role.SCANNER)).post(f"/bookings/{used['id']}/arrival").status_code == 200
    with time_machine.travel(tomorrow(12), tick=False):
        assert lapse_bookings(town.database, town.id).released == 0
    assert town.rows(Event.id, source="booking") == []
