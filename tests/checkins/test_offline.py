"""A door without a network: the pack that it takes along, the scans that it sends later, and what they met."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from sqlalchemy import update

from models.activities import Session, SessionStatus
from models.checkins import Conflict, RefusalReason
from models.ledger import Event
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident, ResidentStatus, Role
from rules.checkins.offline import corrected
from rules.checkins.scans import scan_stored
from rules.clock import utc_now
from rules.reservations.closing import mark_no_show
from rules.work import SYSTEM
from tests.build import ApiClient, Person, TownBuilder, fresh_key
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
from tests.checkins.people import placed, with_phone
from tests.edge.helpers import is_chinese, problem_of


@pytest.fixture
def door(town: TownBuilder, api: ApiClient) -> Door:
    return Door(town, api)


@pytest.fixture
def device(door: Door) -> Device:
    return Device(door)


# --- the pack ---------------------------------------------------------------------------------------------------------


def test_the_pack_has_all_that_a_device_needs(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session(activity_id=town.activity(title="亲子早教", allows_reentry=False))
    comes, waits = with_phone(town, "1234", "王小明"), town.resident("")
    placed(town, session, comes, party_size=2)
    placed(town, session, waits, ReservationStatus.WAITLISTED)
    placed(town, session, town.resident(), ReservationStatus.CANCELLED)
    placed(town, town.session(), town.resident())
    pack = door.api.get(f"/sessions/{session}/roster").json
    assert (pack["session"]["title"], pack["session"]["allows_reentry"]) == ("亲子早教", False)
    assert pack["roster"] == [
        {
            "resident_id": str(comes.id),
            "name": "王**",
            "phone_tail": "1234",
            "party_size": 2,
            "status": "confirmed",
            "checked_in_at": None,
        },
        {
            "resident_id": str(waits.id),
            "name": f"居民{waits.id % 10_000:04}",
            "phone_tail": None,
            "party_size": 1,
            "status": "waitlisted",
            "checked_in_at": None,
        },
    ]
    assert pack["server_time"] < pack["valid_until"]
    assert (pack["bounds"]["code_seconds"], pack["bounds"]["age_hours_max"], pack["bounds"]["batch_max"]) == (
        60,
        72,
        500,
    )


def test_a_device_verifies_codes_and_cards_with_the_pack_alone(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident = with_place(town, api, session)
    desk = api.as_(town.staff(Role.ORGANISER, Role.SCANNER))
    lost = desk.post(f"/residents/{resident.id}/card").json["code"]
    card = desk.post(f"/residents/{resident.id}/card").json["code"]
    pack = door.api.get(f"/sessions/{session}/roster").json
    keys = {key["kid"]: jwt.PyJWK(key) for key in pack["jwks"]["keys"]}

    def read(token: str, audience: str) -> Any:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=["EdDSA"], audience=audience)

    expected = {party["resident_id"] for party in pack["roster"]}
    assert read(town.code_of(resident), "binfen-checkin")["sub"] in expected
    assert read(card, "binfen-card")["sub"] in expected
    assert read(card, "binfen-card")["jti"] not in pack["revoked_cards"]
    assert read(lost, "binfen-card")["jti"] in pack["revoked_cards"]


@pytest.mark.parametrize("path", ["roster", "scans", "attendance"])
def test_only_a_scanner_of_the_place_sees_the_door(town: TownBuilder, api: ApiClient, door: Door, path: str) -> None:
    session = town.session()
    stranger = api.as_(town.staff(Role.SCANNER, at=town.other_community_id))
    problem_of(stranger.get(f"/sessions/{session}/{path}"), 403, "auth.forbidden")
    problem_of(door.api.get(f"/sessions/12345/{path}"), 404, "session.unknown")
    assert door.api.get(f"/sessions/{session}/{path}").status_code == 200


# --- the upload -------------------------------------------------------------------------------------------------------


def test_scans_that_are_sent_hours_later_count_as_of_when_they_were_made(
    town: TownBuilder, api: ApiClient, device: Device
) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session)
    items = [device.item(resident, session, now), device.item(resident, session, now + HOUR, "out")]
    came, left = device.answers(items, now + 5 * HOUR)
    assert (came["result"], came["points"]["awarded"], came["conflict"]) == ("admitted", 5, None)
    assert (left["result"], left["visit"]["minutes"]) == ("admitted", 60)
    assert visits_of(town, resident) == [(session, now, now + HOUR, "scan")]
    assert [(scan.offline, scan.occurred_at) for scan in scans_in(town, session)] == [(True, now), (True, now + HOUR)]
    [event] = town.rows(Event.occurred_at)
    assert event.occurred_at == now


def test_the_exit_may_arrive_before_the_entry(town: TownBuilder, api: ApiClient, device: Device) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session)
    [left] = device.answers([device.item(resident, session, now + HOUR, "out")], now + 5 * HOUR)
    assert (left["result"], left["reason"], left["conflict"]) == ("refused", "not_in", "not_in")
    assert visits_of(town, resident) == []
    [came] = device.answers([device.item(resident, session, now)], now + 6 * HOUR)
    assert (came["result"], came["visit"]["minutes"]) == ("admitted", 60)
    assert visits_of(town, resident) == [(session, now, now + HOUR, "scan")]


def test_an_upload_ends_what_the_end_of_the_session_had_ended(
    town: TownBuilder, api: ApiClient, door: Door, device: Device
) -> None:
    hall, studio, now = town.session(), town.session(begins_in=5 * HOUR), utc_now()
    resident = with_place(town, api, hall, studio)
    door.come(resident, hall, now)
    door.come(resident, studio, now + 5 * HOUR)
    assert visits_of(town, resident)[0][3] == "session_end"
    device.answers([device.item(resident, hall, now + HOUR, "out")], now + 6 * HOUR)
    assert visits_of(town, resident) == [(hall, now, now + HOUR, "scan"), (studio, now + 5 * HOUR, None, None)]


def test_sent_again_a_batch_gets_the_same_answers_and_changes_nothing(
    town: TownBuilder, api: ApiClient, device: Device
) -> None:
    session, now = town.session(), utc_now()
    items = [device.item(with_place(town, api, session), session, now) for _ in range(3)]
    items.append({**items[0], "nonce": fresh_key()})
    first = device.answers(items, now + HOUR)
    before = town.contents()
    again = device.answers(items, now + 2 * HOUR)
    assert again == [{**answer, "replayed": True} for answer in first]
    assert town.contents() == before


def test_a_scan_whose_answer_was_lost_is_sent_again_in_a_batch(
    town: TownBuilder, api: ApiClient, door: Door, device: Device
) -> None:
    session = town.session()
    resident, nonce = with_place(town, api, session), fresh_key()
    code = town.code_of(resident)
    first = door.scan(code, session, nonce).json
    item = {"code": code, "session_id": str(session), "nonce": nonce, "scanned_at": utc_now().isoformat()}
    assert device.answers([item]) == [{**first, "replayed": True}]
    assert [scan.offline for scan in scans_in(town, session)] == [False]


def test_what_cannot_be_read_or_answered_does_not_keep_the_others_from_counting(
    town: TownBuilder, api: ApiClient, door: Door, device: Device
) -> None:
    session, now = town.session(), utc_now()
    elsewhere = town.session(activity_id=town.activity(community_id=town.other_community_id))
    door = Door(town, api, town.staff(Role.SCANNER, at=town.community_id))
    device = Device(door)
    good, reused = (device.item(with_place(town, api, session), session, now) for _ in range(2))
    items = [
        "not an object",
        {"nonce": "only-a-nonce"},
        {**good, "nonce": "bad nonce"},
        good,
        {**reused, "nonce": good["nonce"]},
        {**reused, "session_id": "12345", "nonce": fresh_key()},
        {**reused, "session_id": str(elsewhere), "nonce": fresh_key()},
        {**reused, "scanned_at": (now - 4 * DAY).isoformat(), "nonce": fresh_key()},
        reused,
    ]
    sent = device.send(items, now + HOUR)
    answers = sent.json["items"]
    assert [item["problem"] and item["problem"]["code"] for item in answers] == [
        "request.invalid",
        "request.invalid",
        "request.invalid",
        None,
        "checkin.nonce_reused",
        "session.unknown",
        "auth.forbidden",
        "checkin.scanned_at_out_of_bounds",
        None,
    ]
    assert [item["nonce"] for item in answers[:4]] == [None, "only-a-nonce", "bad nonce", good["nonce"]]
    assert set(answers[1]["problem"]["errors"]) == {"session_id", "scanned_at"}
    assert answers[2]["problem"]["errors"] == {"nonce": ["格式不对。"]}
    assert is_chinese(answers[7]["problem"]["detail"])
    assert [(item["problem"] or {}).get("status") for item in answers][4:8] == [409, 404, 403, 422]
    assert [item["answer"]["result"] for item in (answers[3], answers[8])] == ["admitted", "admitted"]
    assert len(scans_in(town, session)) == 2


@pytest.mark.parametrize("body", [{"items": []}, {"items": [{}] * 501}, {"items": {}}, {}])
def test_a_batch_itself_has_to_be_one(door: Door, body: dict[str, Any]) -> None:
    problem_of(door.api.post("/checkins/batch", {"sent_at": utc_now().isoformat(), **body}), 422, "request.invalid")
    problem_of(door.api.post("/checkins/batch", {"items": [{}]}), 422, "request.invalid")


def test_who_may_not_scan_sends_nothing(town: TownBuilder, api: ApiClient) -> None:
    for caller in (api.as_(town.resident()), api.as_(town.staff(Role.ORGANISER))):
        problem_of(caller.post("/checkins/batch", {"items": "nonsense"}), 403, "auth.forbidden")


def test_staff_who_are_signed_out_in_between_stop_there(
    town: TownBuilder, api: ApiClient, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, now = town.session(), utc_now()
    items = [device.item(with_place(town, api, session), session, now) for _ in range(2)]
    sign_out = device.door.api
    monkeypatch.setattr("blueprints.checkins.batch.monotonic", _after(lambda: sign_out.post("/auth/sign-out"), 2))
    problem_of(device.send(items), 401, "auth.token_revoked")
    assert len(scans_in(town, session)) == 1


def _after(deed: Any, calls: int) -> Any:
    """A clock that does something when it is read for the time after so many."""
    read = iter(range(10**6))

    def clock() -> float:
        if next(read) == calls:
            deed()
        return 0.0

    return clock


def test_what_takes_too_long_is_to_be_sent_again(
    town: TownBuilder, api: ApiClient, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, now = town.session(), utc_now()
    items = [device.item(with_place(town, api, session), session, now) for _ in range(3)]
    ticks = iter([0.0, 1.0, 11.9, 12.1])
    monkeypatch.setattr("blueprints.checkins.batch.monotonic", lambda: next(ticks))
    answers = device.send(items).json["items"]
    assert [item["problem"] and item["problem"]["code"] for item in answers] == [None, None, "server.busy"]
    monkeypatch.undo()
    assert [answer["replayed"] for answer in device.answers(items)] == [True, True, False]


def test_a_fault_of_ours_at_one_scan_leaves_the_others(
    town: TownBuilder, api: ApiClient, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, now = town.session(), utc_now()
    items = [device.item(with_place(town, api, session), session, now) for _ in range(3)]
    real = scan_stored

    def breaks(work: Any, keys: Any, request: Any, *args: Any) -> Any:
        if request.nonce == items[1]["nonce"]:
            raise ZeroDivisionError
        return real(work, keys, request, *args)

    monkeypatch.setattr("rules.checkins.offline.scan_stored", breaks)
    answers = device.send(items).json["items"]
    assert [item["problem"] and item["problem"]["code"] for item in answers] == [None, "server.error", None]


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [-90, -5, 0, 5, 90])
def test_a_clock_that_is_off_is_put_right(town: TownBuilder, api: ApiClient, door: Door, minutes: int) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session)
    device = Device(door, skew=minutes * MINUTE)
    [answer] = device.answers([device.item(resident, session, now + MINUTE)], now + 3 * HOUR)
    assert answer["result"] == "admitted"
    assert visits_of(town, resident)[0][1] == now + MINUTE
    [kept] = scans_in(town, session)
    assert kept.scanned_at == now + MINUTE + minutes * MINUTE


def test_a_clock_that_was_put_right_in_between_may_have_been_five_minutes_off(
    town: TownBuilder, api: ApiClient, door: Door
) -> None:
    session, now = town.session(), utc_now()
    early, late = with_place(town, api, session), with_place(town, api, session)
    items = [Device(door, 4 * MINUTE).item(early, session, now), Device(door, -4 * MINUTE).item(late, session, now)]
    too_far = Device(door, 7 * MINUTE).item(with_place(town, api, session), session, now)
    answers = Device(door).answers([*items, too_far], now + HOUR)
    assert [answer["reason"] for answer in answers] == [None, None, "expired_code"]


def test_days_are_no_clock_that_is_off() -> None:
    now = utc_now()
    assert corrected(now - HOUR, DAY, now - HOUR + DAY) == now - HOUR + DAY
    assert corrected(now - HOUR, DAY + MINUTE, now) == now - HOUR


@pytest.mark.parametrize(
    ("age", "is_taken"),
    [(timedelta(0), True), (72 * HOUR, True), (72 * HOUR + MINUTE, False), (-5 * MINUTE, True), (-6 * MINUTE, False)],
)
def test_a_stored_scan_is_at_most_three_days_old_and_not_of_the_future(
    town: TownBuilder, api: ApiClient, device: Device, age: timedelta, is_taken: bool
) -> None:
    session, now = town.session(), utc_now()
    item = device.item(with_place(town, api, session), session, now)
    [answer] = device.send([item], now + age).json["items"]
    assert (answer["problem"] is None) is is_taken
    if not is_taken:
        assert answer["problem"]["code"] == "checkin.scanned_at_out_of_bounds"


# --- conflicts, each settled by its rule ------------------------------------------------------------------------------


def test_scanned_at_two_doors_the_earliest_counts(town: TownBuilder, api: ApiClient, device: Device) -> None:
    session, now, other = town.session(), utc_now(), Device(Door(town, api))
    resident = with_place(town, api, session)
    [later] = device.answers([device.item(resident, session, now + 3 * MINUTE)], now + HOUR)
    [earlier] = other.answers([other.item(resident, session, now)], now + HOUR)
    [latest] = other.answers([other.item(resident, session, now + 5 * MINUTE)], now + HOUR)
    assert [answer["reason"] for answer in (later, earlier, latest)] == [None, "already_in", "already_in"]
    assert (latest["conflict"], is_chinese(latest["conflict_message"])) == ("already_in", True)
    assert earlier["visit"]["entered_at"] < later["visit"]["entered_at"]
    assert visits_of(town, resident) == [(session, now, None, None)]
    assert points_of(town, resident) == 5


def test_seen_in_two_sessions_the_later_one_ends_the_earlier_one(
    town: TownBuilder, api: ApiClient, device: Device
) -> None:
    hall, studio, now = town.session(), town.session(), utc_now()
    resident = with_place(town, api, hall, studio)
    [second] = device.answers([device.item(resident, studio, now + 30 * MINUTE)], now + HOUR)
    [first] = device.answers([device.item(resident, hall, now)], now + HOUR)
    assert (second["conflict"], first["conflict"]) == (None, "other_room")
    assert first["visit"]["minutes"] == 30
    assert visits_of(town, resident) == [
        (hall, now, now + 30 * MINUTE, "other_room"),
        (studio, now + 30 * MINUTE, None, None),
    ]


def change(town: TownBuilder, table: Any, id_: int, **values: Any) -> None:
    statement = update(table).where(table.town_id == town.id, table.id == id_).values(versioned_at=utc_now(), **values)
    town.database.write(town.id, SYSTEM, lambda work: work.core.execute(statement))


def absent(town: TownBuilder, resident: Person, session: int, when: Any) -> None:
    """The place is to be released then, and the job writes down that somebody didn't come."""
    [row] = town.rows(Reservation.id, resident_id=resident.id, session_id=session)
    change(town, Reservation, row.id, release_at=when)
    with at(when):
        town.act(None, mark_no_show, row.id)
    assert status_in(town, resident, session) is ReservationStatus.NO_SHOW


def test_a_no_show_that_was_none_is_put_right(town: TownBuilder, api: ApiClient, device: Device) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session)
    item = device.item(resident, session, now + MINUTE)
    absent(town, resident, session, now + 3 * HOUR)
    [answer] = device.answers([item], now + 5 * HOUR)
    assert (answer["result"], answer["conflict"], answer["points"]["awarded"]) == ("admitted", "revived", 5)
    assert status_in(town, resident, session) is ReservationStatus.CHECKED_IN
    assert len(visits_of(town, resident)) == 1


def test_a_no_show_whose_place_went_to_others_stands(town: TownBuilder, api: ApiClient, device: Device) -> None:
    session, now = town.session(capacity=1), utc_now()
    resident = with_place(town, api, session)
    item = device.item(resident, session, now + MINUTE)
    absent(town, resident, session, now + 30 * MINUTE)
    with_place(town, api, session)
    [answer] = device.answers([item], now + 5 * HOUR)
    assert (answer["reason"], answer["conflict"]) == ("released", "released")
    assert status_in(town, resident, session) is ReservationStatus.NO_SHOW
    assert (visits_of(town, resident), points_of(town, resident)) == ([], 0)


def test_who_comes_after_being_written_down_as_absent_is_absent(
    town: TownBuilder, api: ApiClient, device: Device
) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session)
    absent(town, resident, session, now + 30 * MINUTE)
    [answer] = device.answers([device.item(resident, session, now + 40 * MINUTE)], now + 5 * HOUR)
    assert answer["conflict"] == "released"


@pytest.mark.parametrize(
    ("status", "conflict"),
    [
        (ReservationStatus.WAITLISTED, "not_confirmed"),
        (ReservationStatus.APPLIED, "not_confirmed"),
        (ReservationStatus.OFFERED, "not_confirmed"),
        (ReservationStatus.LAPSED, "not_confirmed"),
        (ReservationStatus.CANCELLED, "cancelled"),
        (None, "not_reserved"),
    ],
)
def test_without_a_confirmed_place_a_stored_scan_counts_for_nothing(
    town: TownBuilder, device: Device, status: ReservationStatus | None, conflict: str
) -> None:
    session, resident, now = town.session(), town.resident(), utc_now()
    if status is not None:
        placed(town, session, resident, status)
    [answer] = device.answers([device.item(resident, session, now)], now + HOUR)
    assert (answer["result"], answer["conflict"]) == ("refused", conflict)
    assert (visits_of(town, resident), points_of(town, resident)) == ([], 0)
    assert [kept.conflict for kept in scans_in(town, session)] == [conflict]


def test_a_session_that_was_cancelled_and_a_resident_who_was_suspended_open_no_door(
    town: TownBuilder, api: ApiClient, device: Device
) -> None:
    called_off, session, now = town.session(), town.session(), utc_now()
    guests = [with_place(town, api, called_off), with_place(town, api, session)]
    items = [device.item(guests[0], called_off, now), device.item(guests[1], session, now)]

    change(town, Session, called_off, status=SessionStatus.CANCELLED)
    change(town, Resident, guests[1].id, status=ResidentStatus.SUSPENDED)
    answers = device.answers(items, now + HOUR)
    assert [answer["conflict"] for answer in answers] == ["session_cancelled", "suspended"]


def test_a_card_counts_until_it_was_revoked(town: TownBuilder, api: ApiClient, device: Device) -> None:
    session, now = town.session(), utc_now()
    before, after = with_place(town, api, session), with_place(town, api, session)
    staff = town.staff(Role.ORGANISER, Role.SCANNER)
    items = []
    for resident, when in ((before, now + MINUTE), (after, now + 30 * MINUTE)):
        card = api.as_(staff).post(f"/residents/{resident.id}/card").json["code"]
        items.append({**device.item(resident, session, when), "code": card})
    with at(now + 15 * MINUTE):
        for resident in (before, after):
            assert api.as_(staff).delete(f"/residents/{resident.id}/card").status_code == 204
    answers = device.answers(items, now + HOUR)
    assert [(answer["reason"], answer["conflict"]) for answer in answers] == [
        (None, None),
        ("card_revoked", "card_revoked"),
    ]


def test_coming_back_where_nobody_may_counts_for_nothing_in_any_order(
    town: TownBuilder, api: ApiClient, device: Device
) -> None:
    session, now = town.session(activity_id=town.activity(allows_reentry=False)), utc_now()
    there, other = with_place(town, api, session), with_place(town, api, session)
    for resident, order in ((there, (0, 1, 2)), (other, (0, 2, 1))):
        items = [
            device.item(resident, session, now),
            device.item(resident, session, now + 20 * MINUTE, "out"),
            device.item(resident, session, now + 30 * MINUTE),
        ]
        device.answers([items[n] for n in order], now + HOUR)
        assert visits_of(town, resident) == [(session, now, now + 20 * MINUTE, "scan")]
    assert {kept.conflict for kept in scans_in(town, session)} == {None, "left_already", "already_in"}


def test_online_scans_have_no_conflicts(town: TownBuilder, api: ApiClient, door: Door) -> None:
    session = town.session()
    resident = with_place(town, api, session)
    answers = [door.come(resident, session), door.come(resident, session), door.come(town.resident(), session)]
    assert {answer["conflict"] for answer in answers} == {None}


def test_every_conflict_has_a_refusal_or_a_rule_of_its_own() -> None:
    own = {Conflict.NOT_CONFIRMED, Conflict.REVIVED, Conflict.OTHER_ROOM}
    assert set(map(str, Conflict)) - set(map(str, own)) <= set(map(str, RefusalReason))
