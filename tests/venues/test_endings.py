"""How a booking ends: given back, rejected, used, released because nobody came, expired because nobody decided."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from jobs.schedule import JOBS_BY_NAME, Errand, Means
from models.jobs import JobOutcome, Outbox
from models.residents import Role
from models.venues import BookingStatus, VenueBooking
from rules.venues.lapsing import lapse_bookings
from tests.build import ApiClient, TownBuilder
from tests.venues.halls import (
    HOUR,
    assert_books_agree,
    book,
    booked,
    hall,
    refused,
    resident_of,
    slots_of,
    sports_hall,
    status_of,
    tomorrow,
    used,
)

MINUTE = timedelta(minutes=1)


def told(town: TownBuilder, topic: str) -> list[str]:
    """Of which bookings the outbox tells something."""
    return [row.key for row in town.rows(Outbox.key, topic=topic)]


def at(moment: datetime) -> time_machine.travel:
    return time_machine.travel(moment, tick=False)


def lapse(town: TownBuilder, moment: datetime) -> tuple[int, int]:
    with at(moment):
        lapsed = lapse_bookings(town.database, town.id)
    assert lapsed.refused == 0
    return lapsed.expired, lapsed.released


# --- cancelled --------------------------------------------------------------------------------------------------------


def test_what_is_cancelled_is_free_again_and_counts_no_more(town: TownBuilder, api: ApiClient) -> None:
    venue, me = hall(town, person_week_max=1), resident_of(town, api)
    booking = booked(me, venue, tomorrow(10))
    answer = me.delete(f"/bookings/{booking['id']}")
    assert (answer.status_code, answer.json["status"], answer.json["cancelled_by"]) == (200, "cancelled", "resident")
    assert slots_of(town, venue) == set()
    assert used(town, venue) == {}
    booked(resident_of(town, api), venue, tomorrow(10))
    booked(me, venue, tomorrow(11))
    assert_books_agree(town)


def test_a_second_cancellation_is_refused_and_gives_nothing_back(town: TownBuilder, api: ApiClient) -> None:
    venue, me = hall(town), resident_of(town, api)
    booking = booked(me, venue, tomorrow(10))
    assert me.delete(f"/bookings/{booking['id']}").status_code == 200
    booked(resident_of(town, api), venue, tomorrow(10))
    refused(me.delete(f"/bookings/{booking['id']}"), 409, "booking.not_cancellable")
    assert_books_agree(town)


def test_a_resident_cancels_until_the_deadline_that_was_fixed(town: TownBuilder, api: ApiClient) -> None:
    venue, me = hall(town, cancel_minutes_before=120), town.resident()
    late, early = booked(api.as_(me), venue, tomorrow(10)), booked(api.as_(me), venue, tomorrow(11))
    with at(tomorrow(8) + MINUTE):
        sentence = refused(api.as_(me).delete(f"/bookings/{late['id']}"), 409, "booking.too_late_to_cancel")
        assert "08:00" in sentence
    with at(tomorrow(9)):
        assert api.as_(me).delete(f"/bookings/{early['id']}").status_code == 200
    assert status_of(town, late) is BookingStatus.CONFIRMED


def test_other_peoples_bookings_are_unknown(town: TownBuilder, api: ApiClient) -> None:
    booking = booked(resident_of(town, api), hall(town), tomorrow(10))
    refused(resident_of(town, api).delete(f"/bookings/{booking['id']}"), 404, "booking.unknown")
    refused(resident_of(town, api).delete("/bookings/12345"), 404, "booking.unknown")
    assert status_of(town, booking) is BookingStatus.CONFIRMED


def test_staff_of_the_place_cancel_after_the_deadline_and_the_resident_is_told(
    town: TownBuilder, api: ApiClient
) -> None:
    booking = booked(resident_of(town, api), hall(town, cancel_minutes_before=60 * 24 * 30), tomorrow(10))
    elsewhere = api.as_(town.staff(Role.MANAGER, at=town.other_community_id))
    refused(elsewhere.delete(f"/bookings/{booking['id']}"), 403, "auth.forbidden")
    answer = api.as_(town.staff(Role.SCANNER)).delete(f"/bookings/{booking['id']}")
    assert (answer.status_code, answer.json["cancelled_by"]) == (200, "staff")
    assert told(town, "booking.cancelled") == [booking["id"]]


# --- approval ---------------------------------------------------------------------------------------------------------


def test_a_booking_that_waits_for_approval_keeps_its_slots(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town, needs_approval=True)
    booking = booked(resident_of(town, api), venue, tomorrow(10))
    assert booking["status"] == "pending"
    assert told(town, "booking.requested") == [booking["id"]]
    refused(book(resident_of(town, api), venue, tomorrow(10)), 409, "venue.taken")
    answer = api.as_(town.staff(Role.ORGANISER)).post(f"/bookings/{booking['id']}/decision", {"approve": True})
    assert (answer.status_code, answer.json["status"]) == (200, "confirmed")
    assert told(town, "booking.confirmed") == [booking["id"]]
    assert_books_agree(town)


def test_what_is_rejected_is_free_again_and_the_resident_reads_why(town: TownBuilder, api: ApiClient) -> None:
    venue, me = hall(town, needs_approval=True, person_week_max=1), resident_of(town, api)
    booking = booked(me, venue, tomorrow(10))
    decision = {"approve": False, "note": "当天有社区会议"}
    staff = api.as_(town.staff(Role.MANAGER))
    assert staff.post(f"/bookings/{booking['id']}/decision", decision).json["status"] == "rejected"
    assert me.get("/me/bookings").json["items"][0]["decision_note"] == "当天有社区会议"
    refused(staff.post(f"/bookings/{booking['id']}/decision", {"approve": True}), 409, "booking.decided")
    booked(me, venue, tomorrow(10))
    assert_books_agree(town)


def test_only_organisers_and_managers_of_the_place_decide(town: TownBuilder, api: ApiClient) -> None:
    booking = booked(resident_of(town, api), hall(town, needs_approval=True), tomorrow(10))
    path = f"/bookings/{booking['id']}/decision"
    elsewhere = town.staff(Role.ORGANISER, at=town.other_community_id)
    for caller in (town.resident(), town.staff(Role.SCANNER), town.staff(Role.AUDITOR), elsewhere):
        refused(api.as_(caller).post(path, {"approve": True}), 403, "auth.forbidden")
    assert status_of(town, booking) is BookingStatus.PENDING


def test_what_who_decides_books_for_a_resident_needs_no_approval(town: TownBuilder, api: ApiClient) -> None:
    venue, resident = hall(town, needs_approval=True), town.resident()
    by_manager = booked(api.as_(town.staff(Role.MANAGER)), venue, tomorrow(12), resident_id=resident.id)
    assert by_manager["status"] == "confirmed"
    by_scanner = booked(api.as_(town.staff(Role.SCANNER)), venue, tomorrow(10), resident_id=resident.id)
    by_organiser = booked(api.as_(town.staff(Role.ORGANISER)), venue, tomorrow(11), resident_id=resident.id)
    assert (by_scanner["status"], by_organiser["status"]) == ("pending", "confirmed")


def test_what_waits_for_approval_can_be_withdrawn_until_it_begins(town: TownBuilder, api: ApiClient) -> None:
    me = town.resident()
    booking = booked(api.as_(me), hall(town, needs_approval=True, cancel_minutes_before=60 * 24 * 30), tomorrow(10))
    with at(tomorrow(9)):
        assert api.as_(me).delete(f"/bookings/{booking['id']}").status_code == 200


def test_what_nobody_decided_expires_when_it_begins_as_if_it_had_never_been(town: TownBuilder, api: ApiClient) -> None:
    venue, me = hall(town, needs_approval=True, person_week_max=1), town.resident()
    booking = booked(api.as_(me), venue, tomorrow(10))
    assert lapse(town, tomorrow(10) - MINUTE) == (0, 0)
    assert lapse(town, tomorrow(10)) == (1, 0)
    assert lapse(town, tomorrow(10)) == (0, 0)
    assert status_of(town, booking) is BookingStatus.EXPIRED
    assert told(town, "booking.expired") == [booking["id"]]
    assert (slots_of(town, venue), used(town, venue)) == (set(), {})
    with at(tomorrow(10)):
        organiser = api.as_(town.staff(Role.ORGANISER))
        refused(organiser.post(f"/bookings/{booking['id']}/decision", {"approve": True}), 409, "booking.decided")


def test_nobody_decides_on_what_has_begun(town: TownBuilder, api: ApiClient) -> None:
    booking = booked(resident_of(town, api), hall(town, needs_approval=True), tomorrow(10))
    with at(tomorrow(10)):
        answer = api.as_(town.staff(Role.ORGANISER)).post(f"/bookings/{booking['id']}/decision", {"approve": True})
    refused(answer, 409, "booking.decided")


# --- arrival ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "code"),
    [(-31, "booking.arrival_too_early"), (-30, None), (59, None), (60, "booking.arrival_too_late")],
)
def test_arrivals_are_taken_from_half_an_hour_before_until_the_end(
    town: TownBuilder, api: ApiClient, minutes: int, code: str | None
) -> None:
    booking = booked(resident_of(town, api), hall(town), tomorrow(10))
    with at(tomorrow(10) + minutes * MINUTE):
        answer = api.as_(town.staff(Role.SCANNER)).post(f"/bookings/{booking['id']}/arrival")
    if code is None:
        assert (answer.status_code, answer.json["status"]) == (200, "checked_in")
    else:
        refused(answer, 409, code)


def test_somebody_arrives_once_and_keeps_the_room(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town, grace_minutes=15)
    booking = booked(resident_of(town, api), venue, tomorrow(10))
    with at(tomorrow(10)):
        scanner = api.as_(town.staff(Role.SCANNER))
        assert scanner.post(f"/bookings/{booking['id']}/arrival").status_code == 200
        refused(scanner.post(f"/bookings/{booking['id']}/arrival"), 409, "booking.not_confirmed")
    assert lapse(town, tomorrow(10, 30)) == (0, 0)
    assert len(slots_of(town, venue)) == 4
    assert_books_agree(town)


def test_arrivals_are_taken_by_scanners_of_the_place(town: TownBuilder, api: ApiClient) -> None:
    booking = booked(resident_of(town, api), hall(town), tomorrow(10))
    with at(tomorrow(10)):
        elsewhere = api.as_(town.staff(Role.SCANNER, at=town.other_community_id))
        refused(elsewhere.post(f"/bookings/{booking['id']}/arrival"), 403, "auth.forbidden")
        refused(elsewhere.post("/bookings/12345/arrival"), 404, "booking.unknown")


def test_nobody_arrives_for_what_was_cancelled_or_waits(town: TownBuilder, api: ApiClient) -> None:
    me, asking = town.resident(), hall(town, needs_approval=True)
    cancelled, pending = booked(api.as_(me), hall(town), tomorrow(10)), booked(api.as_(me), asking, tomorrow(10))
    assert api.as_(me).delete(f"/bookings/{cancelled['id']}").status_code == 200
    with at(tomorrow(10)):
        for booking in (cancelled, pending):
            answer = api.as_(town.staff(Role.SCANNER)).post(f"/bookings/{booking['id']}/arrival")
            refused(answer, 409, "booking.not_confirmed")


# --- released ---------------------------------------------------------------------------------------------------------


def test_a_room_for_which_nobody_came_is_released_and_stays_counted(town: TownBuilder, api: ApiClient) -> None:
    venue, person = hall(town, grace_minutes=15, person_week_max=1), town.resident()
    booking = booked(api.as_(person), venue, tomorrow(10), 2 * HOUR)
    assert lapse(town, tomorrow(10, 14)) == (0, 0)
    assert lapse(town, tomorrow(10, 15)) == (0, 1)
    assert lapse(town, tomorrow(10, 15)) == (0, 0)
    assert status_of(town, booking) is BookingStatus.RELEASED
    assert slots_of(town, venue) == set()
    assert used(town, venue) == {("person", person.id): 1}
    assert told(town, "booking.released") == [booking["id"]]
    with at(tomorrow(10, 20)):
        booked(resident_of(town, api), venue, tomorrow(11))
        scanner = api.as_(town.staff(Role.SCANNER))
        refused(scanner.post(f"/bookings/{booking['id']}/arrival"), 409, "booking.not_confirmed")
    assert_books_agree(town)


def test_without_a_grace_a_room_is_kept(town: TownBuilder, api: ApiClient) -> None:
    booking = booked(resident_of(town, api), hall(town), tomorrow(10))
    assert booking["release_at"] is None
    assert lapse(town, tomorrow(12)) == (0, 0)


def test_who_comes_late_and_finds_the_room_still_kept_has_it(town: TownBuilder, api: ApiClient) -> None:
    booking = booked(resident_of(town, api), hall(town, grace_minutes=15), tomorrow(10))
    with at(tomorrow(10, 20)):
        assert api.as_(town.staff(Role.SCANNER)).post(f"/bookings/{booking['id']}/arrival").status_code == 200
    assert lapse(town, tomorrow(10, 21)) == (0, 0)


def test_a_run_ends_more_than_one_batch(town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.venues.lapsing.AT_A_TIME", 10)
    venue, badminton, *_ = sports_hall(town, grace_minutes=0)
    for hour in range(9, 17):
        for _ in range(4):
            booked(resident_of(town, api), venue, tomorrow(hour), use_id=badminton)
    assert lapse(town, tomorrow(17)) == (0, 32)
    assert {row.status for row in town.rows(VenueBooking.status)} == {BookingStatus.RELEASED}
    assert_books_agree(town)


def test_the_job_says_how_many_bookings_it_ended(town: TownBuilder, api: ApiClient) -> None:
    booked(resident_of(town, api), hall(town, grace_minutes=0), tomorrow(10))
    booked(resident_of(town, api), hall(town, needs_approval=True), tomorrow(10))
    moment = tomorrow(10)
    with at(moment):
        done = JOBS_BY_NAME["bookings"].deed(Errand(Means(town.database, town.house.keys), town.id, moment))
    assert (done.outcome, done.result) == (JobOutcome.OK, {"expired": 1, "released": 1, "refused": 0})


# --- lists ------------------------------------------------------------------------------------------------------------


def test_my_bookings_are_listed_page_by_page_the_latest_first(town: TownBuilder, api: ApiClient) -> None:
    venue, me = hall(town), resident_of(town, api)
    ids = [booked(me, venue, tomorrow(hour))["id"] for hour in (9, 10, 11)]
    booked(resident_of(town, api), venue, tomorrow(12))
    first = me.get("/me/bookings", limit=2).json
    second = me.get("/me/bookings", limit=2, cursor=first["next_cursor"]).json
    assert [each["id"] for each in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None


def test_staff_see_who_has_booked_a_room_in_order_of_time(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town)
    for hour, name in ((11, "李大明"), (10, "王小明"), (12, "")):
        booked(resident_of(town, api, name=name), venue, tomorrow(hour))
    path = f"/venues/{venue}/bookings"
    organiser = api.as_(town.staff(Role.ORGANISER))
    assert [each["resident"] for each in organiser.get(path).json["items"]][:2] == ["王小明", "李大明"]
    at_door = [each["resident"] for each in api.as_(town.staff(Role.SCANNER)).get(path).json["items"]]
    assert at_door[:2] == ["王**", "李**"]
    assert at_door[2].startswith("居民")
    pages, cursor = [], None
    while page := organiser.get(path, limit=1, **({"cursor": cursor} if cursor else {})).json:
        pages += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [each["starts_at"] for each in pages] == sorted(each["starts_at"] for each in pages)
    assert len(pages) == 3
    later = {"from": tomorrow(11).isoformat(), "to": tomorrow(12).isoformat()}
    assert len(organiser.get(path, **later).json["items"]) == 1
    assert organiser.get(path, status="pending").json["items"] == []
    for caller in (town.resident(), town.staff(Role.AUDITOR), town.staff(Role.ORGANISER, at=town.other_community_id)):
        refused(api.as_(caller).get(path), 403, "auth.forbidden")
    refused(organiser.get(path, **{"from": "2026-01-01", "to": "2026-06-01"}), 422, "venue.period_invalid")
