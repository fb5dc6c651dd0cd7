"""Giving places back."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from models.activities import Session
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from rules.clock import utc_now
from tests.build import ApiClient, Person, TownBuilder
from tests.races import from_threads


def reserve(api: ApiClient, session: int, party_size: int = 1) -> str:
    return api.post(f"/sessions/{session}/reservations", {"party_size": party_size}).json["id"]


def taken(town: TownBuilder, session: int) -> int:
    return town.rows(Session.taken, id=session)[0].taken


def test_a_cancelled_reservation_gives_all_its_places_back(town: TownBuilder, api: ApiClient) -> None:
    session, me = town.session(), api.as_(town.resident())
    reservation = reserve(me, session, 3)
    answer = me.delete(f"/reservations/{reservation}")
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    assert taken(town, session) == 0


def test_who_cancelled_may_reserve_again(town: TownBuilder, api: ApiClient) -> None:
    session, me = town.session(), api.as_(town.resident())
    me.delete(f"/reservations/{reserve(me, session)}")
    assert me.post(f"/sessions/{session}/reservations", {}).status_code == 201
    assert taken(town, session) == 1


def test_a_second_cancellation_is_refused_and_frees_nothing_twice(town: TownBuilder, api: ApiClient) -> None:
    session, me, other = town.session(), api.as_(town.resident()), api.as_(town.resident())
    reserve(other, session)
    reservation = reserve(me, session)
    me.delete(f"/reservations/{reservation}")
    refused = me.delete(f"/reservations/{reservation}")
    assert (refused.status_code, refused.json["code"]) == (409, "reservation.not_cancellable")
    assert taken(town, session) == 1


def test_another_residents_reservation_is_not_found_and_stays(town: TownBuilder, api: ApiClient) -> None:
    session = town.session()
    reservation = reserve(api.as_(town.resident()), session)
    stranger = town.resident()
    before = town.contents()
    refused = api.as_(stranger).delete(f"/reservations/{reservation}")
    assert (refused.status_code, refused.json["code"]) == (404, "reservation.unknown")
    after = town.contents()
    del before["idempotency_record"], after["idempotency_record"]  # the refusal itself is remembered
    assert after == before


def test_after_the_deadline_nothing_can_be_given_back(town: TownBuilder, api: ApiClient) -> None:
    session, resident = town.session(), town.resident()
    reservation = reserve(api.as_(resident), session)
    with time_machine.travel(utc_now() + timedelta(hours=3), tick=False):
        refused = api.as_(resident).delete(f"/reservations/{reservation}")
    assert (refused.status_code, refused.json["code"]) == (409, "reservation.too_late_to_cancel")
    assert taken(town, session) == 1


def test_a_reservation_that_was_used_can_not_be_cancelled(town: TownBuilder, api: ApiClient) -> None:
    session, resident = town.session(), town.resident()
    reservation = reserve(api.as_(resident), session)
    scan_in(town, api.as_(town.staff(Role.SCANNER)), resident, session)
    refused = api.as_(resident).delete(f"/reservations/{reservation}")
    assert (refused.status_code, refused.json["code"]) == (409, "reservation.not_cancellable")


def test_fifty_cancellations_at_once_free_the_places_once(town: TownBuilder, api: ApiClient) -> None:
    session, me, other = town.session(), api.as_(town.resident()), api.as_(town.resident())
    reserve(other, session, 2)
    reservation = reserve(me, session, 3)
    answers = from_threads(lambda _: me.delete(f"/reservations/{reservation}").status_code, [(n,) for n in range(50)])
    assert sorted(answers) == [200] + [409] * 49
    assert taken(town, session) == 2


def test_cancelling_and_checking_in_at_once_has_one_winner(town: TownBuilder, api: ApiClient) -> None:
    session, scanner = town.session(), api.as_(town.staff(Role.SCANNER))
    residents = [town.resident() for _ in range(20)]
    reservations = {resident.id: reserve(api.as_(resident), session) for resident in residents}

    def race(resident: Person, cancels: bool) -> None:
        if cancels:
            api.as_(resident).delete(f"/reservations/{reservations[resident.id]}")
        else:
            scan_in(town, scanner, resident, session)

    from_threads(race, [(resident, cancels) for resident in residents for cancels in (True, False)])
    rows = town.rows(Reservation.status, Reservation.party_size, session_id=session)
    assert {row.status for row in rows} <= {ReservationStatus.CANCELLED, ReservationStatus.CHECKED_IN}
    assert taken(town, session) == sum(row.status is ReservationStatus.CHECKED_IN for row in rows)


def scan_in(town: TownBuilder, scanner: ApiClient, resident: Person, session: int) -> None:
    body = {"code": town.code_of(resident), "session_id": str(session), "nonce": f"nonce-{resident.id}"}
    assert scanner.post("/checkins", body).status_code == 200
