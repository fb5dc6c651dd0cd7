"""Protects the wall between towns: nothing of one is seen, touched or counted from another, by any route.

The two towns of these tests share ids on purpose: a statement that forgot its town would find the other one's row.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask

from blueprints.edge.house import House
from models.activities import Session
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident, Role
from tests.build import PASSWORD, RULEBOOK, ApiClient, Person, TownBuilder, fresh_key, new_town
from tests.edge.helpers import open_at, problem_of, reservation, reserve, scan, twin
from tests.rulebook.live import organiser, put_in_force, record, recorded


@dataclass(frozen=True)
class World:
    """Two towns. What is "theirs" is the other town's."""

    app: Flask
    ours: TownBuilder
    theirs: TownBuilder
    visitor: ApiClient
    resident: Person
    scanner: Person
    their_resident: Person
    their_activity: int
    their_session: int
    their_reservation: int

    @property
    def me(self) -> ApiClient:
        return self.visitor.as_(self.resident)

    @property
    def door(self) -> ApiClient:
        return self.visitor.as_(self.scanner)

    @property
    def callers(self) -> list[ApiClient]:
        return [self.visitor, self.me, self.door]


@pytest.fixture
def world(app: Flask, house: House, town: TownBuilder, api: ApiClient) -> World:
    theirs = new_town(house)
    their_resident, their_activity = theirs.resident(), theirs.activity(title="只在别的街道")
    their_session = theirs.session(activity_id=their_activity)
    held = reserve(ApiClient(app, theirs).as_(their_resident), their_session).get_json()["id"]
    return World(
        app,
        town,
        theirs,
        api,
        town.resident(),
        town.staff(Role.SCANNER),
        their_resident,
        their_activity,
        their_session,
        int(held),
    )


def test_nothing_of_another_town_is_found_by_its_id(world: World) -> None:
    before = world.theirs.contents()
    for caller in world.callers:
        problem_of(caller.get(f"/activities/{world.their_activity}"), 404, "activity.unknown")
        problem_of(caller.get(f"/activities/{world.their_activity}/sessions"), 404, "activity.unknown")
        problem_of(caller.get(f"/communities/{world.theirs.community_id}"), 404, "community.unknown")
    problem_of(reserve(world.me, world.their_session), 404, "session.unknown")
    problem_of(world.me.delete(f"/reservations/{world.their_reservation}"), 404, "reservation.unknown")
    problem_of(scan(world.door, world.their_session, "code"), 404, "session.unknown")
    assert world.theirs.contents() == before


def test_another_town_is_in_no_list(world: World) -> None:
    own = str(world.ours.activity())
    world.ours.session(activity_id=int(own))
    for caller in world.callers:
        assert [item["id"] for item in caller.get("/activities").get_json()["items"]] == [own]
        assert caller.get("/activities", q="只在别的街道").get_json()["items"] == []
        assert caller.get("/activities", community_id=world.theirs.community_id).get_json()["items"] == []
        communities = {item["id"] for item in caller.get("/communities").get_json()["items"]}
        assert communities == {str(world.ours.community_id), str(world.ours.other_community_id)}
    assert world.me.get("/me/reservations").get_json()["items"] == []
    assert world.me.get("/me/points/statement").get_json()["items"] == []
    assert world.me.get("/me/points").get_json()["balance"] == 0


def test_who_is_signed_in_stays_at_home_whatever_town_the_address_names(world: World) -> None:
    def address(path: str) -> str:
        return f"{path}?town={world.theirs.code}"

    before = world.theirs.contents()
    me, door = world.me, world.door
    for caller in (me, door):
        problem_of(caller.get(f"/activities/{world.their_activity}", town=world.theirs.code), 404, "activity.unknown")
        assert caller.get("/activities", town=world.theirs.code).get_json()["items"] == []
        names = {item["id"] for item in caller.get("/communities", town=world.theirs.code).get_json()["items"]}
        assert str(world.theirs.community_id) not in names
    problem_of(
        me.call("POST", address(f"/sessions/{world.their_session}/reservations"), {}, key=fresh_key()),
        404,
        "session.unknown",
    )
    problem_of(
        me.call("DELETE", address(f"/reservations/{world.their_reservation}"), key=fresh_key()),
        404,
        "reservation.unknown",
    )
    wish = {"code": "x", "session_id": str(world.their_session), "nonce": fresh_key()}
    problem_of(door.call("POST", address("/checkins"), wish), 404, "session.unknown")
    assert me.get("/me", town=world.theirs.code).get_json()["town_code"] == world.ours.code
    assert me.get("/me", town="no-such-town").status_code == 200
    assert world.theirs.contents() == before


def test_a_visitor_sees_the_town_that_the_address_names_and_no_other(world: World) -> None:
    theirs = open_at(world.app, f"/api/v1/activities?town={world.theirs.code}").get_json()["items"]
    assert [item["id"] for item in theirs] == [str(world.their_activity)]
    for wrong in ("", "%00", world.theirs.code.upper(), world.theirs.code + "%20", str(world.theirs.id), "%25", "*"):
        problem_of(open_at(world.app, f"/api/v1/activities?town={wrong}"), 404, "town.unknown")


def test_a_code_of_another_towns_resident_is_unknown_at_the_door(world: World) -> None:
    session_id = world.ours.session()
    before = world.theirs.contents()
    answer = scan(world.door, session_id, world.theirs.code_of(world.their_resident)).get_json()
    assert (answer["result"], answer["reason"], answer["resident"]) == ("refused", "unknown_code", None)
    assert world.theirs.contents() == before


def test_a_code_names_its_town_so_that_equal_ids_are_two_people(world: World) -> None:
    neighbour = twin(world.ours, world.their_resident)
    session_id = world.ours.session()
    assert reserve(world.visitor.as_(neighbour), session_id).status_code == 201
    refused = scan(world.door, session_id, world.theirs.code_of(world.their_resident)).get_json()
    assert refused["reason"] == "unknown_code"
    admitted = scan(world.door, session_id, world.ours.code_of(neighbour)).get_json()
    assert (admitted["result"], admitted["resident"]["name"]) == ("admitted", "同***")


def test_equal_ids_of_sessions_are_two_sessions(world: World) -> None:
    activity = world.ours.activity(id=world.their_activity)
    world.ours.session(id=world.their_session, activity_id=activity, capacity=5)
    before = world.theirs.contents()
    made = reserve(world.me, world.their_session, 2)
    assert made.status_code == 201
    assert world.ours.rows(Session.taken, id=world.their_session)[0].taken == 2
    detail = world.me.get(f"/activities/{activity}").get_json()
    assert [(item["id"], item["taken"]) for item in detail["sessions"]] == [(str(world.their_session), 2)]
    admitted = scan(world.door, world.their_session, world.ours.code_of(world.resident)).get_json()
    assert admitted["result"] == "admitted"
    assert world.theirs.contents() == before


def test_equal_ids_of_reservations_and_residents_are_two_reservations(world: World) -> None:
    neighbour = twin(world.ours, world.their_resident)
    session_id = world.ours.session(taken=1)
    (own,) = reservation(world.ours, neighbour, session_id, status=ReservationStatus.CONFIRMED)
    before = world.theirs.contents()
    caller = world.visitor.as_(neighbour)
    assert [item["id"] for item in caller.get("/me/reservations").get_json()["items"]] == [str(own)]
    problem_of(caller.delete(f"/reservations/{world.their_reservation}"), 404, "reservation.unknown")
    assert caller.delete(f"/reservations/{own}").status_code == 200
    assert world.ours.rows(Reservation.status, id=own)[0].status is ReservationStatus.CANCELLED
    assert world.theirs.contents() == before


def test_equal_keys_and_nonces_of_two_towns_do_not_meet(world: World) -> None:
    neighbour = twin(world.ours, world.their_resident)
    key, session_id = fresh_key(), world.ours.session()
    theirs = ApiClient(world.app, world.theirs).as_(world.their_resident)
    assert reserve(theirs, world.theirs.session(), key=key).status_code == 201
    made = reserve(world.visitor.as_(neighbour), session_id, key=key)
    assert made.status_code == 201
    assert "Idempotent-Replayed" not in made.headers
    assert made.get_json()["session_id"] == str(session_id)


def test_signing_out_ends_the_sign_ins_of_one_town_only(world: World) -> None:
    neighbour = twin(world.ours, world.their_resident)
    assert world.visitor.as_(neighbour).post("/auth/sign-out").status_code == 204
    problem_of(world.visitor.as_(neighbour).get("/me"), 401, "auth.token_revoked")
    assert ApiClient(world.app, world.theirs).as_(world.their_resident).get("/me").status_code == 200
    assert world.theirs.rows(Resident.token_version, id=world.their_resident.id)[0].token_version == 1


def test_signing_in_leads_home_whatever_town_the_address_names(world: World) -> None:
    openid = f"demo:o{fresh_key()}"
    first = world.visitor.post("/auth/wechat", {"code": openid}).get_json()
    elsewhere = ApiClient(world.app, world.theirs).post("/auth/wechat", {"code": openid}).get_json()
    residents = [world.visitor.with_token(pair["access_token"]).get("/me").get_json() for pair in (first, elsewhere)]
    assert residents[0]["id"] == residents[1]["id"]
    assert residents[0]["town_code"] == residents[1]["town_code"] == world.ours.code

    pair = ApiClient(world.app, world.theirs).post(
        "/auth/staff", {"username": world.scanner.name, "password": PASSWORD}
    )
    door = world.visitor.with_token(pair.get_json()["access_token"])
    assert scan(door, world.ours.session(), "code").status_code == 200
    problem_of(scan(door, world.their_session, "code"), 404, "session.unknown")


def test_a_refresh_token_leads_home_whatever_town_the_address_names(world: World) -> None:
    pair = world.visitor.post("/auth/wechat", {"code": f"demo:o{fresh_key()}"}).get_json()
    before = world.theirs.contents()
    again = ApiClient(world.app, world.theirs).post("/auth/refresh", {"refresh_token": pair["refresh_token"]})
    me = world.visitor.with_token(again.get_json()["access_token"]).get("/me").get_json()
    assert me["town_code"] == world.ours.code
    assert world.theirs.contents() == before


def test_a_refresh_token_that_names_another_town_is_not_valid(world: World) -> None:
    pair = world.visitor.post("/auth/wechat", {"code": f"demo:o{fresh_key()}"}).get_json()
    _, token_id, secret = pair["refresh_token"].split(".")
    forged = f"{world.theirs.id}.{token_id}.{secret}"
    problem_of(world.visitor.post("/auth/refresh", {"refresh_token": forged}), 401, "auth.refresh_invalid")


def test_what_happened_in_another_town_and_how_it_is_judged_stays_there(world: World) -> None:
    neighbour = twin(world.ours, world.their_resident)
    for town, amount in ((world.ours, 3), (world.theirs, 7)):
        put_in_force(town, RULEBOOK.replace('checkin"', 'care"').replace("amount = 5", f"amount = {amount}"))
    their_staff = organiser(world.theirs, ApiClient(world.app, world.theirs))
    assert recorded(their_staff, world.their_resident, "care", ref="same")["awarded"] == 7
    before = world.theirs.contents()
    our_staff = organiser(world.ours, world.visitor)
    assert recorded(our_staff, neighbour, "care", ref="same")["balance"] == 3
    problem_of(record(our_staff, world.theirs.resident(), "care"), 404, "resident.unknown")
    assert world.visitor.as_(neighbour).get("/me/standing").get_json()["balances"][0]["amount"] == 3
    assert {**world.theirs.contents(), "resident": None} == {**before, "resident": None}


def test_a_cursor_of_another_town_shows_nothing_of_it(world: World) -> None:
    for _ in range(3):
        world.theirs.session()
    theirs = ApiClient(world.app, world.theirs).get("/activities", limit=1).get_json()
    page = world.me.get("/activities", cursor=theirs["next_cursor"]).get_json()
    assert page == {"items": [], "next_cursor": None}
