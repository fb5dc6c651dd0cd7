"""A wrong scan is undone by who made it, within a quarter of an hour, once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from models.checkins import Direction, ScannerKind, ScanUndo
from models.reservations import ReservationStatus
from models.residents import Role, RoleGrant
from rules.checkins.scans import DoorScan, scan_at_door
from rules.clock import local_day, local_moment, utc_now
from rules.work import SYSTEM
from tests.build import ApiClient, Person, TownBuilder, fresh_key
from tests.checkins.doors import (
    DAY,
    HOUR,
    MINUTE,
    Door,
    points_of,
    scans_in,
    status_in,
    visits_of,
    with_place,
)
from tests.edge.helpers import problem_of
from tests.points.spending import spend_points


@pytest.fixture
def door(town: TownBuilder, api: ApiClient) -> Door:
    return Door(town, api)


def comes(door: Door, resident: Person, session: int, **more: Any) -> str:
    """Scan somebody in, and return the scan's nonce."""
    nonce = fresh_key()
    assert door.come(resident, session, nonce=nonce, **more)["result"] == "admitted"
    return nonce


def test_an_entry_that_was_wrong_leaves_nothing_but_the_log(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident = with_place(town, api, session)
    nonce = comes(door, resident, session)
    answer = door.undo(nonce, reason="扫错了人").json
    assert (answer["nonce"], answer["direction"], answer["resident"]) == (nonce, "in", {"name": "王**"})
    assert (answer["points"], answer["visit"]) == ({"taken_back": True, "balance": 0}, None)
    assert status_in(town, resident, session) is ReservationStatus.CONFIRMED
    assert (points_of(town, resident), visits_of(town, resident)) == (0, [])
    [scan] = scans_in(town, session)
    [(undo,)] = town.rows(ScanUndo)
    assert (undo.scan_id, undo.undone_by_kind, undo.undone_by_id) == (scan.id, ScannerKind.STAFF, door.staff.id)
    assert undo.reason == "扫错了人"


def test_who_was_undone_comes_again_and_is_paid_again_every_time(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident = with_place(town, api, session)
    for _ in range(3):
        nonce = comes(door, resident, session)
        assert (points_of(town, resident), len(visits_of(town, resident))) == (5, 1)
        door.undo(nonce)
        assert (points_of(town, resident), visits_of(town, resident)) == (0, [])
    comes(door, resident, session)
    assert points_of(town, resident) == 5


def test_undone_twice_is_undone_once_with_the_same_answer(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident = with_place(town, api, session)
    nonce = comes(door, resident, session)
    first = door.undo(nonce).json
    comes(door, resident, session)
    before = town.contents()
    again = door.undo(nonce, utc_now() + 10 * MINUTE).json
    assert again == {**first, "replayed": True}
    assert town.contents() == before


def test_an_exit_that_was_wrong_lets_the_visit_go_on(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session)
    door.come(resident, session, now)
    nonce = fresh_key()
    door.go(resident, session, now + 10 * MINUTE, nonce=nonce)
    answer = door.undo(nonce, now + 12 * MINUTE).json
    assert (answer["direction"], answer["points"]["taken_back"]) == ("out", False)
    assert answer["visit"]["left_at"] is None
    assert visits_of(town, resident) == [(session, now, None, None)]
    assert points_of(town, resident) == 5


def test_a_wrong_room_gives_the_resident_back_to_the_room_before(town: TownBuilder, api: ApiClient, door: Door) -> None:
    hall, studio, now = town.session(), town.session(), utc_now()
    resident = with_place(town, api, hall, studio)
    door.come(resident, hall, now)
    nonce = fresh_key()
    door.come(resident, studio, now + 10 * MINUTE, nonce=nonce)
    door.undo(nonce, now + 11 * MINUTE)
    assert visits_of(town, resident) == [(hall, now, None, None)]
    assert status_in(town, resident, studio) is ReservationStatus.CONFIRMED
    assert points_of(town, resident) == 5


def test_a_wrong_door_hours_before_it_opens_gives_the_resident_back_too(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    eight = local_moment(local_day(utc_now()) + DAY, "08:00")
    morning, evening = (town.session(begins_in=eight + hours * HOUR - utc_now()) for hours in (0, 10))
    resident, wrong = with_place(town, api, morning, evening), fresh_key()
    door.come(resident, morning, eight)
    door.come(resident, evening, eight + 10 * MINUTE, nonce=wrong, override=True)
    assert visits_of(town, resident)[0][3] == "other_room"
    door.undo(wrong, eight + 11 * MINUTE)
    assert visits_of(town, resident) == [(morning, eight, None, None)]


def test_as_long_as_another_scan_says_so_the_resident_came(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, now, other = town.session(), utc_now(), Door(town, api)
    resident = with_place(town, api, session)
    first, second = fresh_key(), fresh_key()
    door.come(resident, session, now, nonce=first)
    assert other.come(resident, session, now + MINUTE, nonce=second)["reason"] == "already_in"
    assert door.undo(first, now + 2 * MINUTE).json["points"] == {"taken_back": False, "balance": 5}
    assert status_in(town, resident, session) is ReservationStatus.CHECKED_IN
    assert visits_of(town, resident) == [(session, now + MINUTE, None, None)]
    assert other.undo(second, now + 3 * MINUTE).json["points"] == {"taken_back": True, "balance": 0}
    assert status_in(town, resident, session) is ReservationStatus.CONFIRMED
    assert visits_of(town, resident) == []


def test_only_who_made_the_scan_undoes_it(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    nonce = comes(door, with_place(town, api, session), session)
    others, stranger = (Door(town, api), Door(town, api, town.staff(Role.ADMIN))), town.resident()
    before = town.contents()
    for other in others:
        problem_of(other.undo(nonce), 404, "checkin.scan_unknown")
    problem_of(api.as_(stranger).post(f"/checkins/{nonce}/undo", {}), 404, "checkin.scan_unknown")
    assert town.contents() == before


@pytest.mark.parametrize("nonce", ["a-nonce-of-nobody", "short", "%00%00%00%00%00%00%00%00", "无" * 8, "a" * 65])
def test_what_nobody_scanned_is_unknown(door: Door, nonce: str) -> None:
    problem_of(door.undo(nonce), 404, "checkin.scan_unknown")


def test_any_nonce_of_a_scan_can_be_undone(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    nonce = "a/b?c#d%20e"
    door.come(with_place(town, api, session), session, nonce=nonce)
    assert door.undo("a/b%3Fc%23d%2520e").json["nonce"] == nonce


def test_a_quarter_of_an_hour_later_it_is_too_late(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, now, nonces = town.session(), utc_now(), [fresh_key(), fresh_key()]
    for nonce in nonces:
        door.come(with_place(town, api, session), session, now, nonce=nonce)
    assert door.undo(nonces[0], now + 15 * MINUTE).status_code == 200
    before = town.contents()
    problem_of(door.undo(nonces[1], now + 16 * MINUTE), 409, "checkin.too_late_to_undo")
    assert town.contents() == before


def test_a_scan_that_let_nobody_in_has_nothing_to_undo(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, nonces = town.session(), [fresh_key(), fresh_key()]
    door.scan("x", session, nonces[0])
    door.come(town.resident(), session, nonce=nonces[1])
    for nonce in nonces:
        problem_of(door.undo(nonce), 409, "checkin.nothing_to_undo")


def test_when_its_points_are_spent_nothing_is_undone(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident = with_place(town, api, session)
    nonce = comes(door, resident, session)
    spend_points(town, resident, 3)
    before = town.contents()
    refused = problem_of(door.undo(nonce), 409, "checkin.points_spent")
    assert "积分" in refused["detail"]
    assert town.contents() == before


def test_who_is_no_scanner_at_this_place_any_more_undoes_nothing(town: TownBuilder, api: ApiClient) -> None:
    session = town.session()
    door = Door(town, api, town.staff(Role.SCANNER, at=town.community_id))
    nonce = comes(door, with_place(town, api, session), session)
    moved = update(RoleGrant).where(RoleGrant.town_id == town.id).values(territory_id=town.other_community_id)
    town.database.write(town.id, SYSTEM, lambda work: work.core.execute(moved))
    problem_of(door.undo(nonce), 403, "auth.forbidden")


def test_a_resident_who_scanned_the_wrong_door_undoes_it_alone(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident, nonce = with_place(town, api, session), fresh_key()
    code = door.api.get(f"/sessions/{session}/door-code").json["code"]
    town.act(resident, scan_at_door, town.house.keys, DoorScan(code, Direction.IN, nonce))
    problem_of(door.undo(nonce), 404, "checkin.scan_unknown")
    assert api.as_(resident).post(f"/checkins/{nonce}/undo", {}).json["points"] == {"taken_back": True, "balance": 0}
    assert status_in(town, resident, session) is ReservationStatus.CONFIRMED


def test_what_the_place_cost_is_held_again(town: TownBuilder, api: ApiClient, door: Door) -> None:
    """Points that were held at sign-up and spent at check-in are set aside again, not given away."""
    session = town.session(activity_id=town.activity(price=3))
    rich = town.session()
    resident = with_place(town, api, rich)
    door.come(resident, rich)
    assert api.as_(resident).post(f"/sessions/{session}/reservations", {}).status_code == 201
    nonce = comes(door, resident, session)
    me = api.as_(resident)
    assert (me.get("/me/points").json["balance"], me.get("/me/points").json["held"]) == (7, 0)
    door.undo(nonce)
    assert (me.get("/me/points").json["balance"], me.get("/me/points").json["held"]) == (2, 3)
    comes(door, resident, session)
    assert (me.get("/me/points").json["balance"], me.get("/me/points").json["held"]) == (7, 0)


def test_the_log_of_undos_is_only_added_to(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    door.undo(comes(door, with_place(town, api, session), session), reason="扫错了人")
    change = update(ScanUndo).where(ScanUndo.town_id == town.id).values(reason="别的")
    with pytest.raises(DBAPIError, match="append-only"):
        town.database.write(town.id, SYSTEM, lambda work: work.core.execute(change))
    assert [row.reason for row in town.rows(ScanUndo.reason)] == ["扫错了人"]
