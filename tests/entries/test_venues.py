"""找场馆, walked by four: what is free, a booking that staff of the place approve, and whose it is."""

from __future__ import annotations

from models.residents import Role
from models.venues import VenueBooking
from tests.build import ApiClient, TownBuilder
from tests.entries.callers import answers, enter, four, keeper
from tests.venues.halls import HOUR, asked, hall, tomorrow


def test_a_room_is_seen_by_all_and_booked_by_one(town: TownBuilder, api: ApiClient) -> None:
    who, manager = four(town, api), keeper(town, api, Role.MANAGER)
    room = f"/venues/{hall(town, name='书画室', needs_approval=True)}"

    # Anybody finds the room and sees when it is free.
    for caller in who.all:
        count, listed = enter(caller, town, "找场馆")
        assert (count, "书画室" in [each["name"] for each in listed]) == (2, True)
        assert caller.get(room).json["name"] == "书画室"
    day = {"from": tomorrow(0).isoformat(), "to": tomorrow(0, days=2).isoformat()}
    free = [caller.get(f"{room}/availability", **day).json["slots"] for caller in who.all]
    assert free[0]
    assert all(each == free[0] for each in free)

    # A resident books; staff book for nobody elsewhere, visitors not at all.
    wish = asked(tomorrow(10), HOUR)
    assert answers(who.others[1:], "POST", f"{room}/bookings", wish | {"resident_id": str(who.person.id)}) == [403, 401]
    booked = who.resident.post(f"{room}/bookings", wish)
    assert (booked.status_code, booked.json["status"]) == (201, "pending")

    # The hour is the resident's: the neighbour is told that it is taken, not by whom.
    refused = who.neighbour.post(f"{room}/bookings", wish)
    assert (refused.status_code, refused.json["code"]) == (409, "venue.taken")
    shown = [caller.get(f"{room}/availability", **day) for caller in who.all]
    assert all(answer.json["slots"] != free[0] and str(who.person.id) not in answer.text for answer in shown)
    assert answers(who.all, "GET", f"{room}/bookings") == [403, 403, 403, 401]
    assert [each["id"] for each in who.resident.get("/me/bookings").json["items"]] == [booked.json["id"]]
    assert who.neighbour.get("/me/bookings").json["items"] == []

    # Staff of the place decide; the others neither decide nor cancel.
    booking = f"/bookings/{booked.json['id']}"
    assert answers(who.all, "POST", f"{booking}/decision", {"approve": True}) == [403, 403, 403, 401]
    assert manager.post(f"{booking}/decision", {"approve": True}).json["status"] == "confirmed"
    assert answers(who.others, "DELETE", booking) == [404, 403, 401]
    assert who.resident.delete(booking).status_code == 200
    assert [row.status for row in town.rows(VenueBooking.status)] == ["cancelled"]
    assert who.neighbour.post(f"{room}/bookings", wish).status_code == 201
