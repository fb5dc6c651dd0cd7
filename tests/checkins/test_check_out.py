"""Going out, coming back, and being in one room at a time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from models.cards import Identification
from models.checkins import Direction, ScannerKind
from models.ledger import Event
from models.reservations import ReservationStatus
from rules.checkins.scans import DoorScan, scan_at_door
from rules.clock import local_day, local_moment, utc_now
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.checkins.doors import (
    DAY,
    HOUR,
    MINUTE,
    Device,
    Door,
    at,
    points_of,
    scans_in,
    status_in,
    visits_of,
    with_place,
)
from tests.checkins.people import placed, proxy_for, with_phone
from tests.edge.helpers import problem_of


@pytest.fixture
def door(town: TownBuilder, api: ApiClient) -> Door:
    return Door(town, api)


def test_coming_and_going_make_a_visit_of_so_many_minutes(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session)
    came = door.come(resident, session, now + MINUTE)
    assert came["visit"]["left_at"] is None
    left = door.go(resident, session, now + 50 * MINUTE)
    assert (left["result"], left["reason"], left["message"]) == ("admitted", None, "签退成功")
    assert (left["visit"]["entered_at"], left["visit"]["minutes"]) == (came["visit"]["entered_at"], 49)
    assert left["points"] is None
    assert visits_of(town, resident) == [(session, now + MINUTE, now + 50 * MINUTE, "scan")]
    assert status_in(town, resident, session) is ReservationStatus.CHECKED_IN


def test_who_never_came_in_cannot_go_out(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    for resident in (with_place(town, api, session), town.resident()):
        assert door.go(resident, session)["reason"] == "not_in"
        assert visits_of(town, resident) == []
    assert town.rows(Event.id) == []


def test_going_out_twice_is_going_out_once(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session)
    door.come(resident, session, now)
    door.go(resident, session, now + 30 * MINUTE)
    assert door.go(resident, session, now + 40 * MINUTE)["reason"] == "not_in"
    assert visits_of(town, resident) == [(session, now, now + 30 * MINUTE, "scan")]


def test_people_may_leave_until_half_an_hour_after_the_end(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, now = town.session(), utc_now()
    early, late = with_place(town, api, session), with_place(town, api, session)
    for resident in (early, late):
        door.come(resident, session, now)
    assert door.go(early, session, now + 2 * HOUR + 29 * MINUTE)["result"] == "admitted"
    assert door.go(late, session, now + 2 * HOUR + 31 * MINUTE)["reason"] == "too_late"


def test_coming_back_is_another_visit_and_is_never_paid(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session)
    door.come(resident, session, now)
    door.go(resident, session, now + 10 * MINUTE)
    back = door.come(resident, session, now + 20 * MINUTE)
    assert (back["result"], back["points"]) == ("admitted", {"awarded": 0, "balance": 5, "explanation": None})
    assert visits_of(town, resident) == [
        (session, now, now + 10 * MINUTE, "scan"),
        (session, now + 20 * MINUTE, None, None),
    ]
    assert (points_of(town, resident), len(town.rows(Event.id))) == (5, 1)


def test_where_nobody_may_come_back_nobody_does_unless_the_staff_say_so(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    session, now = town.session(activity_id=town.activity(allows_reentry=False)), utc_now()
    resident = with_place(town, api, session)
    door.come(resident, session, now)
    door.go(resident, session, now + 10 * MINUTE)
    assert door.come(resident, session, now + 20 * MINUTE)["reason"] == "left_already"
    assert len(visits_of(town, resident)) == 1
    assert door.come(resident, session, now + 30 * MINUTE, override=True)["result"] == "admitted"
    assert len(visits_of(town, resident)) == 2
    assert [scan.overridden for scan in scans_in(town, session)] == [False, False, False, True]


def test_the_staff_may_open_early_on_the_day_and_not_before(town: TownBuilder, api: ApiClient, door: Door) -> None:
    noon = local_moment(local_day(utc_now()) + 3 * DAY, "12:00")
    session = town.session(begins_in=noon - utc_now())
    resident = with_place(town, api, session)
    assert door.come(resident, session, noon - DAY, override=True)["reason"] == "too_early"
    assert door.come(resident, session, noon - 2 * HOUR)["reason"] == "too_early"
    assert door.come(resident, session, noon - 2 * HOUR, override=True)["result"] == "admitted"
    assert [scan.overridden for scan in scans_in(town, session)] == [False, False, True]


def test_who_was_let_in_hours_early_is_still_in_one_room_only(town: TownBuilder, api: ApiClient, door: Door) -> None:
    """Early visits reach beyond the hours of their session, so what overlaps them is looked for by when people were seen."""
    eight = local_moment(local_day(utc_now()) + 3 * DAY, "08:00")
    evening = town.session(begins_in=eight + 10 * HOUR - utc_now())
    morning = town.session(begins_in=eight + HOUR / 2 - utc_now())
    device = Device(Door(town, api))
    resident = with_place(town, api, morning, evening)
    door.come(resident, evening, eight, override=True)
    door.go(resident, evening, eight + 30 * MINUTE)
    device.answers([device.item(resident, morning, eight + 15 * MINUTE)], eight + HOUR)
    by_time = sorted(visits_of(town, resident), key=lambda visit: visit[1])
    assert by_time == [
        (evening, eight, eight + 15 * MINUTE, "other_room"),
        (morning, eight + 15 * MINUTE, None, None),
    ]
    door.go(resident, morning, eight + 2 * HOUR)
    door.come(resident, evening, eight + 10 * HOUR)
    by_time = sorted(visits_of(town, resident), key=lambda visit: visit[1])
    assert [visit[0] for visit in by_time] == [evening, morning, evening]
    assert all(one[2] is not None and one[2] <= other[1] for one, other in pairwise(by_time))


def test_what_needs_no_override_is_not_marked_as_one(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    door.come(with_place(town, api, session), session, override=True)
    assert [scan.overridden for scan in scans_in(town, session)] == [False]


def test_entering_one_room_leaves_the_other(town: TownBuilder, api: ApiClient, door: Door) -> None:
    hall, studio, now = town.session(), town.session(), utc_now()
    resident = with_place(town, api, hall, studio)
    door.come(resident, hall, now)
    answer = door.come(resident, studio, now + 30 * MINUTE)
    assert (answer["result"], answer["conflict"]) == ("admitted", None)
    assert visits_of(town, resident) == [
        (hall, now, now + 30 * MINUTE, "other_room"),
        (studio, now + 30 * MINUTE, None, None),
    ]
    assert door.go(resident, hall, now + 40 * MINUTE)["reason"] == "not_in"
    assert door.go(resident, studio, now + 60 * MINUTE)["visit"]["minutes"] == 30


def test_a_session_of_before_that_nobody_left_is_over_when_the_next_one_is_entered(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    morning, evening, now = town.session(), town.session(begins_in=9 * HOUR), utc_now()
    resident = with_place(town, api, morning, evening)
    door.come(resident, morning, now)
    door.come(resident, evening, now + 9 * HOUR)
    (first, second) = visits_of(town, resident)
    assert (first[0], first[1], first[3]) == (morning, now, "session_end")
    assert abs(first[2] - (now + 2 * HOUR)) < MINUTE
    assert second == (evening, now + 9 * HOUR, None, None)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (ReservationStatus.APPLIED, "applied"),
        (ReservationStatus.WAITLISTED, "waitlisted"),
        (ReservationStatus.OFFERED, "offered"),
        (ReservationStatus.LAPSED, "lapsed"),
        (ReservationStatus.CANCELLED, "cancelled"),
    ],
)
def test_who_has_no_confirmed_place_is_told_what_they_have(
    town: TownBuilder, door: Door, status: ReservationStatus, reason: str
) -> None:
    session, resident = town.session(), town.resident()
    placed(town, session, resident, status)
    assert door.come(resident, session)["reason"] == reason
    assert visits_of(town, resident) == []


def test_who_comes_after_the_place_was_released_is_told_so(town: TownBuilder, door: Door) -> None:
    session, resident = town.session(), town.resident()
    placed(town, session, resident, ReservationStatus.NO_SHOW, no_show_at=utc_now() - MINUTE)
    assert door.come(resident, session)["reason"] == "released"
    assert status_in(town, resident, session) is ReservationStatus.NO_SHOW


def test_a_phones_tail_with_the_name_opens_the_door(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident = with_phone(town, "1234", "王小明")
    placed(town, session, resident)
    wrong = door.scan(None, session, phone_tail="1234", name="李芳").json
    assert (wrong["reason"], wrong["resident"]) == ("no_match", None)
    answer = door.scan(None, session, phone_tail="1234", name="王小明").json
    assert (answer["result"], answer["resident"]["name"]) == ("admitted", "王**")
    assert [scan.method for scan in scans_in(town, session)] == [Identification.PHONE, Identification.PHONE]


def test_two_of_one_name_and_tail_have_to_show_a_code(town: TownBuilder, door: Door) -> None:
    session = town.session()
    for _ in range(2):
        placed(town, session, with_phone(town, "1234", "王小明"))
    assert door.scan(None, session, phone_tail="1234", name="王小明").json["reason"] == "several_match"


@pytest.mark.parametrize(
    "presented",
    [{}, {"phone_tail": "1234"}, {"name": "王小明"}, {"code": "x", "phone_tail": "1234"}, {"code": "x", "name": "王"}],
)
def test_what_is_presented_is_a_code_or_a_tail_with_a_name(
    town: TownBuilder, door: Door, presented: dict[str, Any]
) -> None:
    body = {"session_id": str(town.session()), "nonce": fresh_key(), **presented}
    before = town.contents()
    problem = problem_of(door.api.post("/checkins", body), 422, "request.invalid")
    assert problem["errors"] == {"code": ["请提供 code，或 phone_tail 与 name。"]}
    assert town.contents() == before


# --- the door's code, scanned by the resident -------------------------------------------------------------------------


def at_the_screen(town: TownBuilder, door: Door, session: int) -> str:
    answer = door.api.get(f"/sessions/{session}/door-code")
    assert answer.status_code == 200, answer.text
    return str(answer.json["code"])


def test_a_resident_who_scans_the_door_is_in_and_is_their_own_scanner(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    session = town.session()
    resident, nonce = with_place(town, api, session), fresh_key()
    code = at_the_screen(town, door, session)
    scan = DoorScan(code, Direction.IN, nonce)
    first = town.act(resident, scan_at_door, town.house.keys, scan)
    assert (first.answer["result"], first.answer["points"]["awarded"]) == ("admitted", 5)
    with at(utc_now() + 10 * MINUTE):  # the answer was lost; the code's minute is over
        again = town.act(resident, scan_at_door, town.house.keys, scan)
        late = town.act(resident, scan_at_door, town.house.keys, DoorScan(code, scan.direction, fresh_key()))
    assert (again.answer, again.replayed) == (first.answer, True)
    assert late.answer["reason"] == "expired_code"
    log = scans_in(town, session)
    assert [(scan.scanner_kind, scan.scanner_id, scan.method) for scan in log] == [
        (ScannerKind.RESIDENT, resident.id, Identification.DOOR)
    ] * 2


def test_a_helper_scans_the_door_for_an_elder(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    elder, helper = with_place(town, api, session), town.resident("李芳")
    proxy_for(town, elder, helper)
    scan = DoorScan(at_the_screen(town, door, session), Direction.IN, fresh_key(), elder.id)
    assert town.act(helper, scan_at_door, town.house.keys, scan).answer["result"] == "admitted"
    assert status_in(town, elder, session) is ReservationStatus.CHECKED_IN
    assert len(visits_of(town, elder)) == 1
    assert visits_of(town, helper) == []
