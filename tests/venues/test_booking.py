"""Booking a room: who may, when, how much of it, and what is refused without a trace."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.jobs import Outbox
from models.residents import Organisation, OrganisationMember, Proxy, ProxyKind, ResidentStatus, Role
from models.venues import UseStatus, Venue, VenueBooking
from rules.clock import local_day, utc_now
from tests.build import ApiClient, Person, TownBuilder, add
from tests.points.hands import household
from tests.venues.halls import (
    HOUR,
    asked,
    assert_books_agree,
    book,
    booked,
    hall,
    monday,
    open_centre,
    refused,
    resident_of,
    slots_of,
    sports_hall,
    tomorrow,
    use,
    used,
)


def test_a_booking_takes_the_whole_room_for_every_quarter_of_its_time(town: TownBuilder, api: ApiClient) -> None:
    venue, person = hall(town), town.resident()
    booking = booked(api.as_(person), venue, tomorrow(10), 2 * HOUR, party_size=12)
    assert (booking["status"], booking["parts"], booking["party_size"]) == ("confirmed", [1], 12)
    assert slots_of(town, venue) == {(1, tomorrow(10) + n * HOUR / 4) for n in range(8)}
    assert used(town, venue) == {("person", person.id): 1}
    assert_books_agree(town)


def test_the_same_time_cannot_be_booked_twice(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town)
    booked(resident_of(town, api), venue, tomorrow(10), 2 * HOUR)
    before = town.rows(VenueBooking)
    for begin, length in ((tomorrow(10), 2 * HOUR), (tomorrow(11), HOUR), (tomorrow(9), 8 * HOUR)):
        refused(book(resident_of(town, api), venue, begin, length), 409, "venue.taken")
    assert len(town.rows(VenueBooking)) == len(before) == 1
    booked(resident_of(town, api), venue, tomorrow(9))
    booked(resident_of(town, api), venue, tomorrow(12))
    assert_books_agree(town)


def test_a_hall_of_several_uses_gives_each_as_many_parts_as_it_needs(town: TownBuilder, api: ApiClient) -> None:
    venue, badminton, meeting, film = sports_hall(town)
    assert booked(resident_of(town, api), venue, tomorrow(10), use_id=badminton)["parts"] == [1]
    assert booked(resident_of(town, api), venue, tomorrow(10), use_id=badminton)["parts"] == [2]
    refused(book(resident_of(town, api), venue, tomorrow(10), use_id=film), 409, "venue.taken")
    assert booked(resident_of(town, api), venue, tomorrow(10), use_id=meeting)["parts"] == [3, 4]
    refused(book(resident_of(town, api), venue, tomorrow(10), use_id=badminton), 409, "venue.taken")
    assert booked(resident_of(town, api), venue, tomorrow(11), use_id=film)["parts"] == [1, 2, 3, 4]
    assert_books_agree(town)


def test_a_part_must_be_free_for_the_whole_time(town: TownBuilder, api: ApiClient) -> None:
    venue, badminton, meeting, _ = sports_hall(town)
    for _ in range(3):
        booked(resident_of(town, api), venue, tomorrow(10), use_id=badminton)
    booked(resident_of(town, api), venue, tomorrow(11), use_id=meeting)  # parts 1 and 2 from 11 on
    assert booked(resident_of(town, api), venue, tomorrow(10), 2 * HOUR, use_id=badminton)["parts"] == [4]
    refused(book(resident_of(town, api), venue, tomorrow(10), 2 * HOUR, use_id=badminton), 409, "venue.taken")


def test_where_a_room_has_uses_one_has_to_be_chosen(town: TownBuilder, api: ApiClient) -> None:
    venue, badminton, *_ = sports_hall(town)
    retired = use(town, venue, "门球", 8, 1, status=UseStatus.RETIRED)
    elsewhere = use(town, hall(town), "会议", 8, 1)
    assert "羽毛球、会议、电影" in refused(book(resident_of(town, api), venue, tomorrow(10)), 422, "booking.use_needed")
    refused(book(resident_of(town, api), venue, tomorrow(10), use_id=retired), 409, "booking.use_retired")
    refused(book(resident_of(town, api), venue, tomorrow(10), use_id=elsewhere), 404, "venue.use_unknown")
    sentence = refused(
        book(resident_of(town, api), venue, tomorrow(10), use_id=badminton, party_size=5),
        422,
        "booking.party_too_large",
    )
    assert "4 人" in sentence


def test_a_party_larger_than_the_room_is_refused(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town, capacity=8)
    refused(book(resident_of(town, api), venue, tomorrow(10), party_size=9), 422, "booking.party_too_large")
    booked(resident_of(town, api), venue, tomorrow(10), party_size=8)


@pytest.mark.parametrize(
    ("hour", "minute", "length", "status", "code"),
    [
        (8, 0, HOUR, 409, "booking.outside_opening_hours"),
        (16, 0, 2 * HOUR, 409, "booking.outside_opening_hours"),
        (22, 0, 12 * HOUR, 409, "booking.outside_opening_hours"),
        (10, 30, HOUR, 422, "booking.off_the_grid"),
        (10, 0, HOUR / 2, 422, "booking.off_the_grid"),
        (10, 0, timedelta(minutes=61), 422, "booking.off_the_grid"),
        (10, 0, timedelta(0), 422, "venue.period_invalid"),
        (10, 0, -HOUR, 422, "venue.period_invalid"),
        (10, 0, 48 * HOUR, 422, "venue.period_invalid"),
        (10, 0, 4 * HOUR, 422, "booking.too_long"),
    ],
)
def test_a_time_that_is_none_is_refused_and_leaves_no_trace(
    town: TownBuilder, api: ApiClient, hour: int, minute: int, length: timedelta, status: int, code: str
) -> None:
    venue, me = hall(town, booking_minutes_max=180), resident_of(town, api)
    before = {name: rows for name, rows in town.contents().items() if name != "idempotency_record"}
    refused(book(me, venue, tomorrow(hour, minute), length), status, code)
    assert {name: rows for name, rows in town.contents().items() if name != "idempotency_record"} == before


def test_slots_are_counted_from_the_opening(town: TownBuilder, api: ApiClient) -> None:
    open_centre(town, "09:20", "17:00")  # rounded up to the quarter: 09:30
    venue = hall(town)
    refused(book(resident_of(town, api), venue, tomorrow(10)), 422, "booking.off_the_grid")
    booked(resident_of(town, api), venue, tomorrow(10, 30))


def test_a_room_that_is_always_open_can_be_booked_until_midnight(town: TownBuilder, api: ApiClient) -> None:
    open_centre(town, "00:00", "24:00")
    venue = hall(town)
    booked(resident_of(town, api), venue, tomorrow(0))
    booked(resident_of(town, api), venue, tomorrow(22), 2 * HOUR)
    refused(book(resident_of(town, api), venue, tomorrow(23), 2 * HOUR), 409, "booking.outside_opening_hours")


def test_a_room_is_booked_within_its_window(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town, opens_days_before=3, closes_minutes_before=60 * 24 * 2)
    opens = local_day(tomorrow(0, days=4) - timedelta(days=3)).isoformat()
    assert opens in refused(book(resident_of(town, api), venue, tomorrow(10, days=4)), 409, "booking.not_open_yet")
    refused(book(resident_of(town, api), venue, tomorrow(10)), 409, "booking.closed")
    booked(resident_of(town, api), venue, tomorrow(10, days=3))
    past = hall(town)
    refused(book(resident_of(town, api), past, tomorrow(10, days=-1)), 409, "booking.closed")


def test_rooms_that_are_not_for_booking_are_not_booked(town: TownBuilder, api: ApiClient) -> None:
    refused(book(resident_of(town, api), hall(town, bookable=False), tomorrow(10)), 409, "booking.not_bookable")
    refused(book(resident_of(town, api), 12345, tomorrow(10)), 404, "venue.unknown")


def test_deadlines_are_fixed_when_a_room_is_booked(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town, cancel_minutes_before=120, grace_minutes=15)
    booking = booked(resident_of(town, api), venue, tomorrow(10))
    town.act(None, lambda work: work.db.query(Venue).filter(Venue.id == venue).update({"grace_minutes": 60}))
    row = town.rows(VenueBooking.cancellable_until, VenueBooking.release_at, id=int(booking["id"]))[0]
    assert row == (tomorrow(8), tomorrow(10, 15))


def test_who_is_suspended_books_nothing(town: TownBuilder, api: ApiClient) -> None:
    suspended = resident_of(town, api, status=ResidentStatus.SUSPENDED)
    refused(book(suspended, hall(town), tomorrow(10)), 403, "reservation.suspended")


# --- weekly limits ----------------------------------------------------------------------------------------------------


def test_a_person_has_so_many_bookings_a_week_in_the_week_of_their_days(town: TownBuilder, api: ApiClient) -> None:
    venue, me = hall(town, person_week_max=2), resident_of(town, api)
    week = monday()
    booked(me, venue, week + 9 * HOUR)
    booked(me, venue, week + timedelta(days=6) + 9 * HOUR)  # Sunday
    assert "每人" in refused(book(me, venue, week + timedelta(days=2) + 9 * HOUR), 409, "booking.limit_reached")
    booked(me, hall(town, person_week_max=1), week + 9 * HOUR)  # another room counts apart
    booked(resident_of(town, api), venue, week + timedelta(days=2) + 9 * HOUR)
    if week + timedelta(days=7) < utc_now() + timedelta(days=13):
        booked(me, venue, week + timedelta(days=7) + 9 * HOUR)
    assert_books_agree(town)


def test_a_household_shares_a_limit(town: TownBuilder, api: ApiClient) -> None:
    venue, home = hall(town, household_week_max=1), household(town)
    first, second = (town.resident(household_id=home) for _ in range(2))
    booking = booked(api.as_(first), venue, monday() + 9 * HOUR)
    assert "每户" in refused(book(api.as_(second), venue, monday() + 10 * HOUR), 409, "booking.limit_reached")
    booked(resident_of(town, api), venue, monday() + 10 * HOUR)
    assert api.as_(first).delete(f"/bookings/{booking['id']}").status_code == 200
    booked(api.as_(second), venue, monday() + 11 * HOUR)
    assert_books_agree(town)


def organisation(town: TownBuilder, *members: Person) -> int:
    staff = town.staff()

    def deed(work):  # type: ignore[no-untyped-def]
        id_ = add(work, Organisation, name="书法社", registered_by=staff.id, registered_at=work.now)
        for member in members:
            row = {"town_id": town.id, "organisation_id": id_, "resident_id": member.id, "added_at": work.now}
            work.core.execute(OrganisationMember.__table__.insert(), row)
        return id_

    return int(town.act(None, deed))


def test_what_is_booked_for_an_organisation_counts_on_its_account_alone(town: TownBuilder, api: ApiClient) -> None:
    venue = hall(town, person_week_max=1, organisation_week_max=2)
    member, outsider = town.resident(), town.resident()
    club = organisation(town, member)
    refused(book(api.as_(outsider), venue, monday() + 9 * HOUR, organisation_id=club), 403, "booking.not_a_member")
    for hour in (9, 10):
        booked(api.as_(member), venue, monday() + hour * HOUR, organisation_id=club)
    assert "组织" in refused(
        book(api.as_(member), venue, monday() + 11 * HOUR, organisation_id=club), 409, "booking.limit_reached"
    )
    booked(api.as_(member), venue, monday() + 11 * HOUR)
    assert used(town, venue) == {("organisation", club): 2, ("person", member.id): 1}


# --- for somebody else ------------------------------------------------------------------------------------------------


def test_a_proxy_books_for_whom_they_act_and_the_room_is_theirs(town: TownBuilder, api: ApiClient) -> None:
    venue, agent, elder = hall(town, person_week_max=1), town.resident(), town.resident()
    refused(book(api.as_(agent), venue, tomorrow(10), resident_id=elder.id), 403, "proxy.none")

    def consent(work):  # type: ignore[no-untyped-def]
        row = {"principal_id": elder.id, "agent_id": agent.id, "kind": ProxyKind.HELPER, "consent_note": "本人同意"}
        return add(work, Proxy, recorded_by_kind="staff", recorded_by_id=1, recorded_at=work.now, **row)

    town.act(None, consent)
    booking = booked(api.as_(agent), venue, tomorrow(10), resident_id=elder.id)
    assert booking["resident_id"] == str(elder.id)
    row = town.rows(VenueBooking.booked_by_kind, VenueBooking.booked_by_id, id=int(booking["id"]))[0]
    assert row == ("resident", agent.id)
    assert used(town, venue) == {("person", elder.id): 1}
    assert [each["id"] for each in api.as_(elder).get("/me/bookings").json["items"]] == [booking["id"]]
    assert api.as_(agent).get("/me/bookings").json["items"] == []
    listed = api.as_(agent).get("/me/bookings", resident_id=str(elder.id)).json["items"]
    assert [each["id"] for each in listed] == [booking["id"]]
    assert api.as_(agent).delete(f"/bookings/{booking['id']}").status_code == 200


def test_staff_book_for_residents_of_their_place(town: TownBuilder, api: ApiClient) -> None:
    venue, resident = hall(town), town.resident()
    here = api.as_(town.staff(Role.SCANNER, at=town.community_id))
    elsewhere = api.as_(town.staff(Role.ADMIN, at=town.other_community_id))
    refused(book(elsewhere, venue, tomorrow(10), resident_id=resident.id), 403, "auth.forbidden")
    refused(book(here, venue, tomorrow(10)), 422, "proxy.resident_needed")
    refused(book(here, venue, tomorrow(10), resident_id=12345), 404, "resident.unknown")
    assert booked(here, venue, tomorrow(10), resident_id=resident.id)["resident_id"] == str(resident.id)
    auditor = api.as_(town.staff(Role.AUDITOR))
    refused(book(auditor, venue, tomorrow(11), resident_id=resident.id), 403, "auth.forbidden")


# --- asking twice -----------------------------------------------------------------------------------------------------


def test_the_same_request_with_the_same_key_books_once(town: TownBuilder, api: ApiClient) -> None:
    venue, me = hall(town), resident_of(town, api)
    path, body = f"/venues/{venue}/bookings", asked(tomorrow(10))
    first, second = (me.post(path, body, key="the-same-key-twice") for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(town.rows(VenueBooking.id)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"party_size": 0},
        {"party_size": "2"},
        {"party_size": 10**30},
        {"purpose": ""},
        {"starts_at": "soon"},
        {"use_id": 5},
        {"colour": "red"},
    ],
)
def test_a_body_that_can_not_be_right_is_refused_by_name(
    town: TownBuilder, api: ApiClient, change: dict[str, object]
) -> None:
    venue, me = hall(town), resident_of(town, api)
    answer = me.post(f"/venues/{venue}/bookings", asked(tomorrow(10)) | change)
    refused(answer, 422, "request.invalid")
    assert list(answer.json["errors"]) == list(change)
    assert town.rows(VenueBooking.id) == []


def test_who_books_is_told_by_the_outbox_without_names(town: TownBuilder, api: ApiClient) -> None:
    venue, me = hall(town), town.resident("王小明")
    booking = booked(api.as_(me), venue, tomorrow(10))
    (message,) = town.rows(Outbox.topic, Outbox.key, Outbox.payload)
    assert (message.topic, message.key) == ("booking.confirmed", booking["id"])
    assert message.payload["resident_id"] == str(me.id)
    assert "王小明" not in str(message.payload)
