"""Protects those without a code: the phone's last digits find only who is expected here, and the name must be right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from blueprints.edge.house import House
from models.cards import Identification
from models.checkins import Direction
from models.reservations import LIVE, ReservationStatus
from models.residents import Role
from rules.checkins import identifying
from rules.checkins.identifying import Identified, NobodyMatches, Presented, SeveralMatch
from rules.checkins.scans import ScanRequest, scan
from rules.clock import utc_now
from rules.residents.identity import Forbidden
from rules.residents.names import normalised
from tests.build import ApiClient, TownBuilder, fresh_key, new_town
from tests.checkins.people import at_the_door, placed, with_phone
from tests.edge.helpers import problem_of


def by_phone(tail: str, name: str) -> Presented:
    return Presented(phone_tail=tail, name=name)


def test_the_tail_and_the_name_find_who_has_a_place(town: TownBuilder) -> None:
    session, resident = town.session(), with_phone(town, "1234")
    placed(town, session, resident)
    placed(town, session, with_phone(town, "1235"))
    placed(town, session, with_phone(town, "1234", "李芳"))
    found = at_the_door(town, session, by_phone("1234", "王小明"))
    assert found == Identified(resident.id, Identification.PHONE)


@pytest.mark.parametrize(
    ("kept", "typed"),
    [
        ("王小明", " 王 小 明\u3000"),
        ("Anna Lee", "ＡＮＮＡ　ｌｅｅ"),
        ("买买提·吐尔逊", "买买提•吐尔逊"),
        ("买买提·吐尔逊", "买买提吐尔逊"),
        ("Straße", "STRASSE"),
        ("欧阳 娜", "欧阳娜"),
    ],
)
def test_a_name_is_right_however_the_keyboard_writes_it(town: TownBuilder, kept: str, typed: str) -> None:
    session, resident = town.session(), with_phone(town, "1234", kept)
    placed(town, session, resident)
    assert at_the_door(town, session, by_phone("1234", typed)).resident_id == resident.id


def test_names_that_differ_stay_different() -> None:
    names = ["王小明", "王小朋", "王明", "小明", "王小明明", "Anna", "Ann"]
    assert len({normalised(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("tail", "name"),
    [
        ("1234", "王小朋"),
        ("1234", "王"),
        ("1234", ""),
        ("1234", " · "),
        ("4321", "王小明"),
        ("", "王小明"),
        ("%", "王小明"),
    ],
)
def test_a_wrong_name_is_answered_like_a_wrong_tail(town: TownBuilder, tail: str, name: str) -> None:
    session = town.session()
    placed(town, session, with_phone(town, "1234"))
    with pytest.raises(NobodyMatches) as refused:
        at_the_door(town, session, by_phone(tail, name))
    assert refused.value.args == ()


@pytest.mark.parametrize("presented", [Presented(), Presented(phone_tail="1234"), Presented(name="王小明")])
def test_half_of_it_is_not_enough(town: TownBuilder, presented: Presented) -> None:
    session = town.session()
    placed(town, session, with_phone(town, "1234"))
    with pytest.raises(NobodyMatches):
        at_the_door(town, session, presented)


def test_who_has_no_name_yet_is_not_found_by_none(town: TownBuilder) -> None:
    session = town.session()
    placed(town, session, with_phone(town, "1234", ""))
    with pytest.raises(NobodyMatches):
        at_the_door(town, session, by_phone("1234", ""))


def test_who_has_no_phone_is_not_found_by_none(town: TownBuilder) -> None:
    session = town.session()
    placed(town, session, town.resident())
    with pytest.raises(NobodyMatches):
        at_the_door(town, session, by_phone("None", "王小明"))


def test_two_of_one_name_and_one_tail_are_told_apart_by_other_means(town: TownBuilder) -> None:
    session = town.session()
    for _ in range(2):
        placed(town, session, with_phone(town, "1234"))
    with pytest.raises(SeveralMatch):
        at_the_door(town, session, by_phone("1234", "王小明"))


def test_one_person_with_an_old_reservation_beside_the_live_one_is_one_person(town: TownBuilder) -> None:
    session, resident = town.session(), with_phone(town, "1234")
    placed(town, session, resident, ReservationStatus.NO_SHOW)
    placed(town, session, resident)
    assert at_the_door(town, session, by_phone("1234", "王小明")).resident_id == resident.id


def test_nobody_is_found_at_the_door_of_another_session(town: TownBuilder) -> None:
    session, other = town.session(), town.session()
    placed(town, other, with_phone(town, "1234"))
    with_phone(town, "1234")  # lives here, and has no place anywhere
    with pytest.raises(NobodyMatches):
        at_the_door(town, session, by_phone("1234", "王小明"))


def test_nobody_is_found_in_another_town(house: House, town: TownBuilder) -> None:
    other = new_town(house)
    session = town.session()
    placed(town, session, with_phone(town, "1234"))
    with pytest.raises(NobodyMatches):
        at_the_door(other, session, by_phone("1234", "王小明"))


@pytest.mark.parametrize("status", list(ReservationStatus))
def test_who_is_expected_is_found_and_who_gave_the_place_back_is_not(
    town: TownBuilder, status: ReservationStatus
) -> None:
    """A no-show is found: the scan of a device that had no network is uploaded after the session was closed."""
    session, resident = town.session(), with_phone(town, "1234")
    placed(town, session, resident, status)
    if status in (*LIVE, ReservationStatus.NO_SHOW):
        assert at_the_door(town, session, by_phone("1234", "王小明")).resident_id == resident.id
    else:
        with pytest.raises(NobodyMatches):
            at_the_door(town, session, by_phone("1234", "王小明"))


def test_who_cancelled_after_the_scan_was_there_and_who_cancelled_before_was_not_expected(town: TownBuilder) -> None:
    session, resident = town.session(), with_phone(town, "1234")
    cancelled_at = utc_now() - timedelta(hours=1)
    placed(town, session, resident, ReservationStatus.CANCELLED, cancelled_at=cancelled_at)
    skew, presented = timedelta(minutes=5), by_phone("1234", "王小明")
    for minutes_ago in (120, 61, 57):
        earlier = timedelta(minutes=minutes_ago)
        assert at_the_door(town, session, presented, skew=skew, earlier=earlier).resident_id == resident.id
    for minutes_ago in (54, 0):
        with pytest.raises(NobodyMatches):
            at_the_door(town, session, presented, skew=skew, earlier=timedelta(minutes=minutes_ago))


def test_at_the_door_a_wrong_name_and_a_wrong_tail_get_one_and_the_same_answer(
    town: TownBuilder, api: ApiClient
) -> None:
    session, scanner = town.session(), api.as_(town.staff(Role.SCANNER))
    placed(town, session, with_phone(town, "1234"))

    def scan(tail: str, name: str) -> dict[str, Any]:
        body = {"phone_tail": tail, "name": name, "session_id": str(session), "nonce": fresh_key()}
        return dict(scanner.post("/checkins", body).json)

    wrong_name, wrong_tail = scan("1234", "王小朋"), scan("4321", "王小明")
    assert wrong_name == wrong_tail
    assert (wrong_name["result"], wrong_name["reason"], wrong_name["resident"]) == ("refused", "no_match", None)
    assert scan("1234", "王小明")["result"] == "admitted"


# The search on the roster


def test_staff_see_masked_names_of_those_with_this_tail_and_change_nothing(town: TownBuilder, api: ApiClient) -> None:
    session = town.session()
    placed(town, session, with_phone(town, "1234"), party_size=3)
    placed(town, session, with_phone(town, "1234", "李芳"), ReservationStatus.CHECKED_IN)
    placed(town, session, with_phone(town, "9999", "赵六"))
    placed(town, town.session(), with_phone(town, "1234", "孙七"))
    scanner = api.as_(town.staff(Role.SCANNER))
    before = town.contents()
    answer = scanner.post(f"/sessions/{session}/roster/search", {"phone_tail": "1234"})
    assert answer.status_code == 200
    assert answer.json["items"] == [
        {"name": "王**", "party_size": 3, "status": "confirmed"},
        {"name": "李*", "party_size": 1, "status": "checked_in"},
    ]
    assert town.contents() == before


def test_nobody_with_this_tail_is_an_empty_list(town: TownBuilder, api: ApiClient) -> None:
    session = town.session()
    placed(town, session, with_phone(town, "1234"))
    scanner = api.as_(town.staff(Role.SCANNER))
    assert scanner.post(f"/sessions/{session}/roster/search", {"phone_tail": "4321"}).json == {"items": []}


@pytest.mark.parametrize("tail", ["", "123", "12345", "12a4", "１２３４", "1234\n", "____"])
def test_a_tail_is_four_digits(town: TownBuilder, api: ApiClient, tail: str) -> None:
    scanner = api.as_(town.staff(Role.SCANNER))
    answer = scanner.post(f"/sessions/{town.session()}/roster/search", {"phone_tail": tail})
    assert (answer.status_code, set(answer.json["errors"])) == (422, {"phone_tail"})


def test_the_roster_is_searched_at_its_own_door_only(house: House, town: TownBuilder, api: ApiClient) -> None:
    session, foreign = town.session(), new_town(house).session()
    wish = {"phone_tail": "1234"}
    elsewhere = api.as_(town.staff(Role.SCANNER, at=town.other_community_id))
    problem_of(elsewhere.post(f"/sessions/{session}/roster/search", wish), 403, "auth.forbidden")
    organiser = api.as_(town.staff(Role.ORGANISER))
    problem_of(organiser.post(f"/sessions/{session}/roster/search", wish), 403, "auth.forbidden")
    scanner = api.as_(town.staff(Role.SCANNER))
    problem_of(scanner.post(f"/sessions/{foreign}/roster/search", wish), 404, "session.unknown")


def test_a_tail_is_looked_up_for_nobody_who_may_not_scan_at_that_door(
    town: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time that an answer takes would tell who is expected in a session elsewhere."""
    session, asked = town.session(), []
    monkeypatch.setattr(identifying, "candidates", lambda *_: asked.append("looked up") or [])
    request = ScanRequest(None, session, Direction.IN, fresh_key(), phone_tail="1234", name="王小明")
    with pytest.raises(Forbidden):
        town.act(town.staff(Role.SCANNER, at=town.other_community_id), scan, town.house.keys, request)
    assert asked == []
    town.act(town.staff(Role.SCANNER), scan, town.house.keys, request)
    assert asked == ["looked up"]
