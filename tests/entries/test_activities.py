"""找活动, walked by four: a place in a session, from the list to the door, and what the others see of it."""

from __future__ import annotations

from models.reservations import Reservation
from models.residents import Role
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.entries.callers import answers, enter, four, keeper


def test_a_place_is_taken_by_a_resident_and_seen_by_nobody_else(town: TownBuilder, api: ApiClient) -> None:
    who = four(town, api)
    activity = town.activity(title="亲子早教")
    session = town.session(activity_id=activity, capacity=1)

    # Anybody finds the activity and sees that there is a place.
    for caller in who.all:
        count, listed = enter(caller, town, "找活动")
        assert (count, [each["title"] for each in listed]) == (1, ["亲子早教"])
        [shown] = caller.get(f"/activities/{activity}").json["sessions"]
        assert (shown["capacity"], shown["taken"]) == (1, 0)

    # A resident takes it. Staff of another community have nobody to take it for, visitors sign in first.
    places = f"/sessions/{session}/reservations"
    assert answers(who.others[1:], "POST", places, {"resident_id": str(who.person.id)}) == [403, 401]
    mine = who.resident.post(places, {})
    assert (mine.status_code, mine.json["status"]) == (201, "confirmed")
    assert who.neighbour.post(places, {}).json["code"] == "reservation.full"
    assert [caller.get(f"/activities/{activity}").json["sessions"][0]["taken"] for caller in who.all] == [1, 1, 1, 1]

    # It is on the resident's first page and on nobody else's; nobody else opens it or gives it up.
    following = [caller.get("/home").json["next_reservation"] for caller in who.all]
    assert [each and each["reservation_id"] for each in following] == [mine.json["id"], None, None, None]
    reservation = f"/reservations/{mine.json['id']}"
    assert answers(who.all, "GET", reservation) == [200, 404, 404, 401]
    assert answers(who.others, "DELETE", reservation) == [404, 404, 401]
    assert answers(who.all, "GET", places) == [403, 403, 403, 401]

    # At the door staff of the place scan the code; staff of elsewhere and residents can't.
    scan = {"code": town.code_of(who.person), "session_id": str(session), "direction": "in", "nonce": fresh_key()}
    assert answers(who.all, "POST", "/checkins", scan) == [403, 403, 403, 401]
    assert who.resident.get("/me/points").json["balance"] == 0
    admitted = keeper(town, api, Role.SCANNER).post("/checkins", scan)
    assert (admitted.json["result"], admitted.json["resident"]["name"]) == ("admitted", "李**")
    assert who.resident.get("/me/points").json["balance"] == 5
    statuses = {row.resident_id: row.status for row in town.rows(Reservation.resident_id, Reservation.status)}
    assert statuses[who.person.id] == "checked_in"


def test_only_an_organiser_of_the_place_puts_an_activity_on(town: TownBuilder, api: ApiClient) -> None:
    who, organiser = four(town, api), keeper(town, api, Role.ORGANISER)
    wish = {"title": "缤纷瑜伽", "summary": "零基础", "category": "瑜伽", "scene": "health"}
    wish |= {"community_id": str(town.community_id), "operator_id": str(town.operator_id)}
    assert answers(who.all, "POST", "/activities", wish) == [403, 403, 403, 401]
    draft = f"/activities/{organiser.post('/activities', wish).json['id']}"
    assert answers(who.all, "GET", draft) == [404, 404, 404, 404]
    assert answers(who.all, "POST", f"{draft}/publication") == [403, 403, 404, 401]
    assert organiser.post(f"{draft}/publication").status_code == 200
    assert answers(who.all, "GET", draft) == [200, 200, 200, 200]
