"""Who is in, what the log says, and visits that nobody ended."""

from __future__ import annotations

import pytest

from jobs.schedule import JOBS_BY_NAME, Errand, Means
from models.checkins import Visit
from models.jobs import JobOutcome
from rules.clock import utc_now
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.checkins.doors import (
    DAY,
    HOUR,
    MINUTE,
    Device,
    Door,
    at,
    visits_of,
    with_place,
)


@pytest.fixture
def door(town: TownBuilder, api: ApiClient) -> Door:
    return Door(town, api)


def test_the_attendance_counts_who_came_and_shows_who_is_in(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, now = town.session(), utc_now()
    inside = with_place(town, api, session, party_size=3)
    gone = with_place(town, api, session, party_size=2)
    with_place(town, api, session)
    door.come(inside, session, now)
    door.come(gone, session, now)
    door.go(gone, session, now + MINUTE)
    seen = door.api.get(f"/sessions/{session}/attendance").json
    assert {name: seen[name] for name in seen if name.endswith(("people", "parties"))} == {
        "expected_people": 6,
        "expected_parties": 3,
        "came_people": 5,
        "came_parties": 2,
        "in_people": 3,
        "in_parties": 1,
        "left_parties": 1,
    }
    assert [(item["resident_id"], item["name"], item["party_size"]) for item in seen["items"]] == [
        (str(inside.id), "王**", 3)
    ]


def test_nobody_is_in_where_nobody_came(town: TownBuilder, door: Door) -> None:
    seen = door.api.get(f"/sessions/{town.session()}/attendance").json
    assert (seen["expected_people"], seen["in_people"], seen["items"], seen["next_cursor"]) == (0, 0, [], None)


def test_who_is_in_comes_page_by_page(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    inside = [with_place(town, api, session) for _ in range(5)]
    for resident in inside:
        door.come(resident, session)
    found, cursor = [], None
    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = door.api.get(f"/sessions/{session}/attendance", **query).json
        found += [int(item["resident_id"]) for item in page["items"]]
        cursor = page["next_cursor"]
    assert (found, cursor) == ([resident.id for resident in inside], None)


def test_the_log_marks_what_counts_what_was_undone_and_what_was_in_conflict(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    session, now, device = town.session(), utc_now(), Device(door)
    resident = with_place(town, api, session)
    wrong = fresh_key()
    door.come(resident, session, now, nonce=wrong)
    door.undo(wrong, now + MINUTE, reason="扫错了人")
    door.come(resident, session, now + 2 * MINUTE)
    device.answers([device.item(resident, session, now + 3 * MINUTE)], now + 4 * MINUTE)
    door.go(resident, session, now + HOUR)
    with at(now + HOUR):
        door.scan("x", session)
        log = door.api.get(f"/sessions/{session}/scans").json["items"]
    told = [
        (scan["direction"], scan["result"], scan["reason"], scan["counts_as"], scan["conflict"], scan["offline"])
        for scan in log
    ]
    assert told == [
        ("in", "refused", "unknown_code", None, None, False),
        ("out", "admitted", None, "exit", None, False),
        ("in", "refused", "already_in", None, "already_in", True),
        ("in", "admitted", None, "entry", None, False),
        ("in", "admitted", None, None, None, False),
    ]
    assert [scan["undone_reason"] for scan in log] == [None, None, None, None, "扫错了人"]
    assert [scan["name"] for scan in log] == [None, "王**", "王**", "王**", "王**"]
    assert {scan["scanner_id"] for scan in log} == {str(door.staff.id)}


def test_the_log_comes_page_by_page_what_arrived_last_first(town: TownBuilder, door: Door) -> None:
    session = town.session()
    nonces = [fresh_key() for _ in range(5)]
    for nonce in nonces:
        door.scan("x", session, nonce)
    door.scan("x", town.session())
    found, cursor = [], None
    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = door.api.get(f"/sessions/{session}/scans", **query).json
        found += [scan["nonce"] for scan in page["items"]]
        cursor = page["next_cursor"]
    assert (found, cursor) == (nonces[::-1], None)


def run_the_job(town: TownBuilder) -> object:
    job = JOBS_BY_NAME["visits"]
    done = job.deed(Errand(Means(town.database, town.house.keys), town.id, utc_now()))
    assert done.outcome is JobOutcome.OK
    return done.result["visits"]


def test_what_nobody_ended_ends_with_its_session(town: TownBuilder, api: ApiClient, door: Door) -> None:
    over, on, now = town.session(), town.session(begins_in=2 * HOUR), utc_now()
    forgot, stays = with_place(town, api, over), with_place(town, api, on)
    door.come(forgot, over, now)
    door.come(stays, on, now + 2 * HOUR)
    with at(now + 2 * HOUR + 34 * MINUTE):
        assert run_the_job(town) == 0, "people may still be on their way out"
    with at(now + 2 * HOUR + 36 * MINUTE):
        assert run_the_job(town) == 1
        assert run_the_job(town) == 0
    [(_, entered_at, left_at, closed_by)] = visits_of(town, forgot)
    assert (entered_at, closed_by) == (now, "session_end")
    assert abs(left_at - (now + 2 * HOUR)) < MINUTE
    assert visits_of(town, stays)[0][2] is None


def test_a_visit_is_ended_once_however_many_there_are(
    town: TownBuilder, api: ApiClient, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.checkins.closing.AT_A_TIME", 2)
    session, now = town.session(), utc_now()
    for _ in range(5):
        door.come(with_place(town, api, session), session, now)
    with at(now + DAY):
        assert run_the_job(town) == 5
    assert town.rows(Visit.id, left_at=None) == []
