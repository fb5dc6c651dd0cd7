"""The scan at the door: who is admitted, who is refused and why, and what it pays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from models.activities import SessionStatus
from models.checkins import Scan, ScanResult
from models.ledger import Account, AccountKind, Event, Posting
from models.reservations import Reservation, ReservationStatus
from models.residents import ResidentStatus, Role
from rules.clock import utc_now
from tests.build import BUDGET, ApiClient, Person, TownBuilder, fresh_key
from tests.checkins import doors
from tests.checkins.doors import Door
from tests.rulebook.live import counts, put_in_force

HOUR = timedelta(hours=1)


@pytest.fixture
def door(town: TownBuilder, api: ApiClient) -> Door:
    return Door(town, api)


def with_place(town: TownBuilder, api: ApiClient, session: int, **columns: Any) -> Person:
    return doors.with_place(town, api, session, party_size=2, **columns)


def test_who_has_a_place_is_admitted_and_earns_with_the_reason_in_words(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    session = town.session(activity_id=town.activity(title="亲子早教·春季班"))
    resident = with_place(town, api, session)
    answer = door.scan(town.code_of(resident), session).json
    assert (answer["result"], answer["reason"], answer["replayed"]) == ("admitted", None, False)
    assert answer["resident"] == {"name": "王**", "party_size": 2}
    assert (answer["points"]["awarded"], answer["points"]["balance"]) == (5, 5)
    assert "《亲子早教·春季班》" in answer["points"]["explanation"]
    assert "5 分 × 1 场 = 5 分" in answer["points"]["explanation"]
    assert api.as_(resident).get("/me/points").json["balance"] == 5
    assert town.rows(Reservation.status, session_id=session)[0].status is ReservationStatus.CHECKED_IN


def test_a_second_session_adds_to_the_balance(town: TownBuilder, api: ApiClient, door: Door) -> None:
    first, second = town.session(), town.session()
    resident = with_place(town, api, first)
    api.as_(resident).post(f"/sessions/{second}/reservations", {})
    door.scan(town.code_of(resident), first)
    assert door.scan(town.code_of(resident), second).json["points"]["balance"] == 10


def test_the_same_nonce_gets_the_same_answer_and_pays_once(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    code, nonce = town.code_of(with_place(town, api, session)), fresh_key()
    first, again = door.scan(code, session, nonce).json, door.scan(code, session, nonce).json
    assert again == {**first, "replayed": True}
    assert len(town.rows(Event.id)) == 1


def test_a_refusal_is_replayed_too_even_when_it_would_be_admitted_by_now(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    session, resident, nonce = town.session(), town.resident(), fresh_key()
    code = town.code_of(resident)
    assert door.scan(code, session, nonce).json["reason"] == "not_reserved"
    api.as_(resident).post(f"/sessions/{session}/reservations", {})
    assert door.scan(code, session, nonce).json["reason"] == "not_reserved"
    assert door.scan(code, session).json["result"] == "admitted"


def test_a_replay_is_answered_when_the_code_has_long_expired(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    code, nonce = town.code_of(with_place(town, api, session)), fresh_key()
    door.scan(code, session, nonce)
    with time_machine.travel(utc_now() + timedelta(minutes=10), tick=False):
        assert door.scan(code, session, nonce).json["result"] == "admitted"


def test_a_nonce_for_another_scan_is_a_conflict_and_changes_nothing(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    session, nonce = town.session(), fresh_key()
    first, second = with_place(town, api, session), with_place(town, api, session)
    door.scan(town.code_of(first), session, nonce)
    code = town.code_of(second)
    before = town.contents()
    refused = door.scan(code, session, nonce)
    assert (refused.status_code, refused.json["code"]) == (409, "checkin.nonce_reused")
    assert town.contents() == before


def test_two_devices_may_use_the_same_nonce(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, nonce, other_door = town.session(), fresh_key(), Door(town, api)
    first, second = with_place(town, api, session), with_place(town, api, session)
    assert door.scan(town.code_of(first), session, nonce).json["result"] == "admitted"
    assert other_door.scan(town.code_of(second), session, nonce).json["result"] == "admitted"


@pytest.mark.parametrize("code", ["x", "a.b.c", "你好", "eyJhbGciOiJub25lIn0.e30.", "0" * 1024])
def test_what_is_none_of_our_codes_is_an_unknown_code(town: TownBuilder, door: Door, code: str) -> None:
    answer = door.scan(code, town.session()).json
    assert (answer["result"], answer["reason"], answer["resident"]) == ("refused", "unknown_code", None)


def test_an_access_token_is_no_code(town: TownBuilder, api: ApiClient, door: Door) -> None:
    token = api.as_(town.resident())._token
    assert door.scan(token, town.session()).json["reason"] == "unknown_code"


def test_a_code_is_good_for_a_minute_and_a_little_grace(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, now = town.session(), utc_now()
    with time_machine.travel(now, tick=False):
        early, late = with_place(town, api, session), with_place(town, api, session)
        code_early, code_late = town.code_of(early), town.code_of(late)
    with time_machine.travel(now + timedelta(seconds=64), tick=False):
        assert door.scan(code_early, session).json["result"] == "admitted"
    with time_machine.travel(now + timedelta(seconds=67), tick=False):
        assert door.scan(code_late, session).json["reason"] == "expired_code"


def test_a_suspended_resident_is_refused(town: TownBuilder, door: Door) -> None:
    resident = town.resident(status=ResidentStatus.SUSPENDED)
    assert door.scan(town.code_of(resident), town.session()).json["reason"] == "suspended"


def test_a_cancelled_session_admits_nobody(town: TownBuilder, door: Door) -> None:
    session = town.session(status=SessionStatus.CANCELLED)
    assert door.scan(town.code_of(town.resident()), session).json["reason"] == "session_cancelled"


def test_who_reserved_another_session_of_this_time_stands_at_the_wrong_door(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    resident = with_place(town, api, town.session())
    assert door.scan(town.code_of(resident), town.session()).json["reason"] == "wrong_session"


def test_who_cancelled_is_told_so(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, resident = town.session(), town.resident()
    me = api.as_(resident)
    me.delete(f"/reservations/{me.post(f'/sessions/{session}/reservations', {}).json['id']}")
    assert door.scan(town.code_of(resident), session).json["reason"] == "cancelled"


def test_who_cancelled_and_reserved_again_is_admitted(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session, resident = town.session(), town.resident()
    me = api.as_(resident)
    me.delete(f"/reservations/{me.post(f'/sessions/{session}/reservations', {}).json['id']}")
    me.post(f"/sessions/{session}/reservations", {})
    assert door.scan(town.code_of(resident), session).json["result"] == "admitted"


def test_a_second_scan_finds_them_in_already(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident = with_place(town, api, session)
    door.scan(town.code_of(resident), session)
    assert door.scan(town.code_of(resident), session).json["reason"] == "already_in"
    assert api.as_(resident).get("/me/points").json["balance"] == 5


@pytest.mark.parametrize(
    ("begins_in", "wait", "reason"), [(HOUR, timedelta(0), "too_early"), (timedelta(0), 2 * HOUR, "too_late")]
)
def test_before_and_after_its_time_the_door_is_closed(
    town: TownBuilder, api: ApiClient, begins_in: timedelta, wait: timedelta, reason: str
) -> None:
    session = town.session(begins_in=begins_in)
    resident = with_place(town, api, session)
    with time_machine.travel(utc_now() + wait, tick=False):
        assert Door(town, api).scan(town.code_of(resident), session).json["reason"] == reason


def test_every_refusal_comes_with_a_sentence_in_the_callers_language(town: TownBuilder, door: Door) -> None:
    session, code = town.session(), town.code_of(town.resident())
    assert door.scan(code, session).json["message"] == "没有本场的预约"
    body = {"code": code, "session_id": str(session), "nonce": fresh_key()}
    english = door.api.call("POST", "/checkins", body, headers={"Accept-Language": "en"})
    assert english.json["message"] == "There is no reservation for this session"


def test_every_scan_is_in_the_log_with_what_was_answered(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    code = town.code_of(with_place(town, api, session))
    door.scan(code, session)
    door.scan(code, session)
    door.scan("x", session)
    log = town.rows(Scan.result, Scan.reason, Scan.answer)
    assert sorted((row.result, row.reason or "") for row in log) == [
        (ScanResult.ADMITTED, ""),
        (ScanResult.REFUSED, "already_in"),
        (ScanResult.REFUSED, "unknown_code"),
    ]
    assert all(row.answer["result"] == row.result for row in log)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_device_whose_clock_is_far_off_is_told(town: TownBuilder, door: Door, minutes: int) -> None:
    scanned_at = (utc_now() + timedelta(minutes=minutes)).isoformat()
    refused = door.scan(town.code_of(town.resident()), town.session(), scanned_at=scanned_at)
    assert (refused.status_code, refused.json["code"]) == (422, "checkin.clock_skewed")


def test_the_devices_time_is_kept_next_to_ours(town: TownBuilder, door: Door) -> None:
    scanned_at = utc_now() - timedelta(minutes=1)
    door.scan("x", town.session(), scanned_at=scanned_at.isoformat())
    (row,) = town.rows(Scan.scanned_at, Scan.received_at)
    assert row.scanned_at == scanned_at < row.received_at


def test_an_empty_budget_keeps_nobody_out_and_pays_nothing(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident = with_place(town, api, session)
    spend_the_budget(town)
    answer = door.scan(town.code_of(resident), session).json
    assert (answer["result"], answer["points"]["awarded"]) == ("admitted", 0)
    assert "预算" in answer["points"]["explanation"]
    assert town.rows(Posting.amount, amount=5) == []


RULES = """
name = "签到积分"
[expiry]
years = 1
[[tally]]
id = "visits"
title = "到场次数"
events = ["checkin"]
[[earn]]
id = "education"
event = "checkin"
title = "亲子活动签到"
where = { category = "亲子早教", minutes = { min = 60 }, provenance = "signed", volunteers_only = false }
amount = 5
limits = [{ times = 1, per = "day" }]
"""


def test_a_limit_keeps_nobody_out_and_the_answer_says_why_nothing_was_given(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    put_in_force(town, RULES)
    sessions = [town.session(activity_id=town.activity(title=title)) for title in ("早教一", "早教二")]
    resident = with_place(town, api, sessions[0])
    assert api.as_(resident).post(f"/sessions/{sessions[1]}/reservations", {}).status_code == 201
    first, second = (door.scan(town.code_of(resident), session).json for session in sessions)
    assert (first["points"]["awarded"], second["result"]) == (5, "admitted")
    assert second["points"] == {
        "awarded": 0,
        "balance": 5,
        "explanation": "亲子活动签到《早教二》：每次 5 分 × 1 次 = 5 分；亲子活动签到每日最多 1 次，已有 1 次"
        "（签到积分，规则 education）",
    }
    assert counts(town, resident)["tally:visits", "ever"] == 2, "who is there is counted"


def test_what_no_rule_gives_anything_for_is_admitted_without_a_word(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    put_in_force(town, RULES)
    session = town.session(activity_id=town.activity(category="书法"))
    answer = door.scan(town.code_of(with_place(town, api, session)), session).json
    assert answer["result"] == "admitted"
    assert answer["points"] == {"awarded": 0, "balance": 0, "explanation": None}


def test_the_event_keeps_what_rules_may_ask_of_it(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session(activity_id=town.activity(title="早教"))
    door.scan(town.code_of(with_place(town, api, session)), session)
    [(payload,)] = town.rows(Event.payload)
    assert payload == {
        "kind": "checkin",
        "subject": "早教",
        "facts": {
            "scene": "education",
            "category": "亲子早教",
            "volunteers_only": False,
            "minutes": 120,
            "party_size": 2,
            "provenance": "signed",
        },
        "session_id": str(session),
    }


def test_a_scanner_of_another_community_may_not_scan_here(town: TownBuilder, api: ApiClient) -> None:
    stranger = api.as_(town.staff(Role.SCANNER, at=town.other_community_id))
    body = {"code": "x", "session_id": str(town.session()), "nonce": fresh_key()}
    before = town.contents()
    refused = stranger.post("/checkins", body)
    assert (refused.status_code, refused.json["code"]) == (403, "auth.forbidden")
    assert town.contents() == before


def test_an_unknown_session_is_not_found(door: Door) -> None:
    refused = door.scan("x", 12345)
    assert (refused.status_code, refused.json["code"]) == (404, "session.unknown")


def spend_the_budget(town: TownBuilder) -> None:
    """Set the pool's counters as if everything had been awarded."""

    def deed(work: Any) -> None:
        pool = work.db.query(Account).filter_by(town_id=town.id, kind=AccountKind.POOL).one()
        pool.debited = BUDGET

    town.act(None, deed)
