"""Taking places: who may, how many, until when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.activities import ActivityStatus, Session, SessionStatus
from models.reservations import Reservation
from models.residents import ResidentStatus
from tests.build import ApiClient, TownBuilder

HOUR = timedelta(hours=1)


def taken(town: TownBuilder, session_id: int) -> int:
    return town.rows(Session.taken, id=session_id)[0].taken


def test_a_reservation_takes_as_many_places_as_the_party_has_people(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(capacity=10)
    answer = api.as_(town.resident()).post(f"/sessions/{session}/reservations", {"party_size": 3})
    assert answer.status_code == 201
    assert answer.json["status"] == "confirmed"
    assert answer.json["party_size"] == taken(town, session) == 3


def test_an_empty_object_reserves_one_place(town: TownBuilder, api: ApiClient) -> None:
    session = town.session()
    assert api.as_(town.resident()).post(f"/sessions/{session}/reservations", {}).json["party_size"] == 1


def test_an_empty_body_is_refused_and_takes_no_place(town: TownBuilder, api: ApiClient) -> None:
    session, resident = town.session(), town.resident()
    before = town.contents()
    refused = api.as_(resident).post(f"/sessions/{session}/reservations")
    assert (refused.status_code, refused.json["code"]) == (422, "request.invalid")
    assert town.contents() == before


def test_a_second_reservation_of_the_same_resident_is_refused_and_takes_no_place(
    town: TownBuilder, api: ApiClient
) -> None:
    session, me = town.session(), api.as_(town.resident())
    assert me.post(f"/sessions/{session}/reservations", {}).status_code == 201
    refused = me.post(f"/sessions/{session}/reservations", {})
    assert (refused.status_code, refused.json["code"]) == (409, "reservation.already_held")
    assert taken(town, session) == 1


def test_who_holds_the_last_place_and_asks_again_hears_that_they_hold_it(town: TownBuilder, api: ApiClient) -> None:
    session, me = town.session(capacity=1), api.as_(town.resident())
    me.post(f"/sessions/{session}/reservations", {})
    assert me.post(f"/sessions/{session}/reservations", {}).json["code"] == "reservation.already_held"


def test_a_party_that_does_not_fit_is_told_how_many_places_are_left(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(capacity=2)
    refused = api.as_(town.resident()).post(f"/sessions/{session}/reservations", {"party_size": 3})
    assert (refused.status_code, refused.json["code"]) == (409, "reservation.full")
    assert "还剩 2 个" in refused.json["detail"]
    assert taken(town, session) == 0


def test_a_party_larger_than_the_activity_allows_is_refused(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(activity_id=town.activity(party_size_max=2))
    refused = api.as_(town.resident()).post(f"/sessions/{session}/reservations", {"party_size": 3})
    assert (refused.status_code, refused.json["code"]) == (422, "reservation.party_too_large")


def test_only_residents_of_the_place_may_reserve_what_is_for_them(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(activity_id=town.activity(eligible_territory_id=town.community_id))
    neighbour = town.resident(community_id=town.other_community_id)
    refused = api.as_(neighbour).post(f"/sessions/{session}/reservations", {})
    assert (refused.status_code, refused.json["code"]) == (403, "reservation.outside_territory")
    assert "星民社区" in refused.json["detail"]
    assert api.as_(town.resident()).post(f"/sessions/{session}/reservations", {}).status_code == 201


def test_a_resident_without_a_place_may_not_reserve_what_is_for_a_place(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(activity_id=town.activity(eligible_territory_id=town.street_id))
    newcomer = town.resident(territory_id=None)
    refused = api.as_(newcomer).post(f"/sessions/{session}/reservations", {})
    assert refused.json["code"] == "reservation.outside_territory"


def test_what_is_for_the_street_is_for_every_community_below_it(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(activity_id=town.activity(eligible_territory_id=town.street_id))
    assert api.as_(town.resident()).post(f"/sessions/{session}/reservations", {}).status_code == 201


def test_only_volunteers_may_reserve_what_is_for_volunteers(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(activity_id=town.activity(volunteers_only=True))
    refused = api.as_(town.resident()).post(f"/sessions/{session}/reservations", {})
    assert (refused.status_code, refused.json["code"]) == (403, "reservation.volunteers_only")
    volunteer = town.resident(volunteer=True)
    assert api.as_(volunteer).post(f"/sessions/{session}/reservations", {}).status_code == 201


def test_a_suspended_resident_may_not_reserve(town: TownBuilder, api: ApiClient) -> None:
    refused = api.as_(town.resident(status=ResidentStatus.SUSPENDED)).post(
        f"/sessions/{town.session()}/reservations", {}
    )
    assert (refused.status_code, refused.json["code"]) == (403, "reservation.suspended")


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"status": SessionStatus.CANCELLED}, "reservation.session_cancelled"),
        ({"begins_in": -HOUR, "reservable_for": HOUR / 2}, "reservation.closed"),
        ({"begins_in": -3 * HOUR}, "reservation.closed"),
    ],
)
def test_a_session_that_takes_no_reservations_says_why(
    town: TownBuilder, api: ApiClient, columns: dict[str, object], code: str
) -> None:
    session = town.session(**columns)
    refused = api.as_(town.resident()).post(f"/sessions/{session}/reservations", {})
    assert (refused.status_code, refused.json["code"]) == (409, code)
    assert taken(town, session) == 0


def test_a_cancelled_activity_takes_no_reservations(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(activity_id=town.activity(status=ActivityStatus.CANCELLED))
    refused = api.as_(town.resident()).post(f"/sessions/{session}/reservations", {})
    assert refused.json["code"] == "reservation.session_cancelled"


def test_an_unknown_session_is_not_found(town: TownBuilder, api: ApiClient) -> None:
    refused = api.as_(town.resident()).post("/sessions/12345/reservations", {})
    assert (refused.status_code, refused.json["code"]) == (404, "session.unknown")


@pytest.mark.parametrize(
    "body", [{"party_size": 0}, {"party_size": -1}, {"party_size": 10**30}, {"party_size": "2"}, {"party_size": 1.5}]
)
def test_a_party_size_that_is_none_is_refused_by_name_and_changes_nothing(
    town: TownBuilder, api: ApiClient, body: dict[str, object]
) -> None:
    session, resident = town.session(), town.resident()
    before = town.contents()
    refused = api.as_(resident).post(f"/sessions/{session}/reservations", body)
    assert refused.status_code in (400, 422)
    assert town.contents() == before
    assert town.rows(Reservation.id) == []
