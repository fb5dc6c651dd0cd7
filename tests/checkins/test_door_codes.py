"""Protects the door's code: it names one session, for a minute, and only to residents who stand before it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
import segno
import time_machine

from blueprints.edge.house import House
from models.cards import Identification
from models.checkins import Scan, ScannerKind, Visit
from models.ledger import Event
from models.residents import Role
from rules.checkins.cards import issue_card
from rules.checkins.door_codes import Door, DoorCodeUnknown, issue_door_code, read_door_code
from rules.checkins.signing import TokenKind, sign
from rules.clock import utc_now
from tests.build import ApiClient, Person, TownBuilder, fresh_key, new_town
from tests.checkins.people import placed, proxy_for
from tests.edge.helpers import problem_of


def door_code(town: TownBuilder, session: int) -> str:
    return str(town.act(town.staff(Role.SCANNER), issue_door_code, town.house.keys, session).code)


def read_at(town: TownBuilder, code: str) -> Door:
    door = town.act(None, read_door_code, town.house.keys, code)
    assert isinstance(door, Door)
    return door


def test_the_screen_at_the_door_shows_a_code_for_a_minute(town: TownBuilder, api: ApiClient) -> None:
    session, now = town.session(), utc_now()
    with time_machine.travel(now, tick=False):
        answer = api.as_(town.staff(Role.SCANNER)).get(f"/sessions/{session}/door-code")
    assert answer.status_code == 200
    shown = answer.json
    assert 58 < (datetime.fromisoformat(shown["expires_at"]) - now).total_seconds() <= 60
    assert shown["refresh_seconds"] == 30
    assert read_at(town, shown["code"]).session_id == session
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_picture_is_the_qr_code_of_the_code(town: TownBuilder, api: ApiClient) -> None:
    shown = api.as_(town.staff(Role.SCANNER)).get(f"/sessions/{town.session()}/door-code").json
    root = ElementTree.fromstring(shown["svg"])
    side = segno.make_qr(shown["code"], error="m").symbol_size(border=4)[0]
    assert (root.tag, root.get("viewBox")) == ("{http://www.w3.org/2000/svg}svg", f"0 0 {side} {side}")
    drawn = segno.make_qr(shown["code"], error="m").svg_inline(omitsize=True, svgclass=None, lineclass=None)
    assert root.findall("{*}path")[-1].get("d") == ElementTree.fromstring(drawn).findall("{*}path")[-1].get("d")


def test_a_door_code_is_good_for_its_minute_with_a_little_grace(house: House, town: TownBuilder) -> None:
    moment = utc_now().replace(microsecond=0)
    expires = int(moment.timestamp()) + 60
    code = sign(house.keys, TokenKind.DOOR, {"session": "8", "town": str(town.id), "exp": expires})
    door = read_at(town, code)
    good = {second: door.is_good_at(moment + timedelta(seconds=second)) for second in (-6, -5, 0, 60, 65, 66)}
    assert good == {-6: False, -5: True, 0: True, 60: True, 65: True, 66: False}


def test_another_towns_door_is_none_of_ours(house: House, town: TownBuilder) -> None:
    other = new_town(house)
    code = door_code(other, other.session())
    with pytest.raises(DoorCodeUnknown):
        read_at(town, code)


@pytest.mark.parametrize(
    "wrong", [{"session": "0"}, {"session": 8}, {"session": None}, {"town": "x"}, {"exp": "soon"}, {"exp": None}]
)
def test_a_door_code_that_makes_no_sense_is_unknown(house: House, town: TownBuilder, wrong: dict[str, Any]) -> None:
    claims = {"session": "8", "town": str(town.id), "exp": 2**31} | wrong
    code = sign(house.keys, TokenKind.DOOR, {name: value for name, value in claims.items() if value is not None})
    with pytest.raises(DoorCodeUnknown):
        read_at(town, code)


def test_only_scanners_of_the_place_show_the_doors_code(house: House, town: TownBuilder, api: ApiClient) -> None:
    session, foreign = town.session(), new_town(house).session()
    path = f"/sessions/{session}/door-code"
    for role in Role:
        answer = api.as_(town.staff(role)).get(path)
        assert answer.status_code == (200 if role in (Role.SCANNER, Role.ADMIN) else 403), role
    problem_of(api.as_(town.staff(Role.SCANNER, at=town.other_community_id)).get(path), 403, "auth.forbidden")
    problem_of(api.as_(town.resident()).get(path), 403, "auth.forbidden")
    scanner = api.as_(town.staff(Role.SCANNER))
    problem_of(scanner.get(f"/sessions/{foreign}/door-code"), 404, "session.unknown")


# A resident's own scan of the door


class Phone:
    """A resident's phone before a door."""

    def __init__(self, town: TownBuilder, api: ApiClient, resident: Person) -> None:
        self.town, self.api = town, api.as_(resident)

    def scan(self, code: str, nonce: str | None = None, **more: Any) -> Any:
        return self.api.post("/me/checkins", {"door_code": code, "nonce": nonce or fresh_key(), **more})


@pytest.fixture
def at_door(town: TownBuilder, api: ApiClient) -> tuple[int, Person, Phone]:
    """A session, who has a place in it, and their phone."""
    session, resident = town.session(), town.resident()
    placed(town, session, resident, party_size=2)
    return session, resident, Phone(town, api, resident)


def test_who_scans_the_door_is_in_and_paid_once(town: TownBuilder, at_door: tuple[int, Person, Phone]) -> None:
    session, resident, phone = at_door
    first = phone.scan(door_code(town, session)).json
    assert (first["result"], first["points"]["awarded"], first["resident"]["party_size"]) == ("admitted", 5, 2)
    again = phone.scan(door_code(town, session)).json
    assert (again["result"], again["reason"]) == ("refused", "already_in")
    scans = town.rows(Scan.scanner_kind, Scan.scanner_id, Scan.resident_id, Scan.method)
    assert {tuple(row) for row in scans} == {(ScannerKind.RESIDENT, resident.id, resident.id, Identification.DOOR)}
    assert len(town.rows(Event.id)) == 1


def test_who_scans_the_door_on_the_way_out_is_out(town: TownBuilder, at_door: tuple[int, Person, Phone]) -> None:
    session, resident, phone = at_door
    assert phone.scan(door_code(town, session), direction="out").json["reason"] == "not_in"
    phone.scan(door_code(town, session))
    assert phone.scan(door_code(town, session), direction="out").json["result"] == "admitted"
    (visit,) = town.rows(Visit.resident_id, Visit.left_at)
    assert (visit.resident_id, visit.left_at is None) == (resident.id, False)


def test_a_door_that_was_photographed_opens_nothing_a_minute_later(
    town: TownBuilder, at_door: tuple[int, Person, Phone]
) -> None:
    session, _, phone = at_door
    now, nonce = utc_now(), fresh_key()
    with time_machine.travel(now, tick=False):
        code = door_code(town, session)
    with time_machine.travel(now + timedelta(seconds=66), tick=False):
        answer = phone.scan(code, nonce).json
        assert (answer["result"], answer["reason"], answer["points"]) == ("refused", "expired_code", None)
        assert phone.scan(code, nonce).json == {**answer, "replayed": True}
        assert phone.scan(door_code(town, session)).json["result"] == "admitted"


def test_a_lost_answer_is_given_again_when_the_code_has_long_expired(
    town: TownBuilder, at_door: tuple[int, Person, Phone]
) -> None:
    session, _, phone = at_door
    now, nonce = utc_now(), fresh_key()
    with time_machine.travel(now, tick=False):
        code = door_code(town, session)
        first = phone.scan(code, nonce).json
    with time_machine.travel(now + timedelta(minutes=10), tick=False):
        assert phone.scan(code, nonce).json == {**first, "replayed": True}
    assert first["result"] == "admitted"


def test_a_nonce_for_another_scan_of_a_door_is_a_conflict_and_changes_nothing(
    town: TownBuilder, at_door: tuple[int, Person, Phone]
) -> None:
    session, _, phone = at_door
    code, nonce = door_code(town, session), fresh_key()
    phone.scan(code, nonce)
    other = door_code(town, town.session())
    before = town.contents()
    problem_of(phone.scan(code, nonce, direction="out"), 409, "checkin.nonce_reused")
    problem_of(phone.scan(other, nonce), 409, "checkin.nonce_reused")
    assert town.contents() == before


def test_two_phones_may_use_the_same_nonce(
    town: TownBuilder, api: ApiClient, at_door: tuple[int, Person, Phone]
) -> None:
    session, _, phone = at_door
    other, nonce, code = town.resident(), fresh_key(), door_code(town, session)
    placed(town, session, other)
    assert phone.scan(code, nonce).json["result"] == "admitted"
    assert Phone(town, api, other).scan(code, nonce).json["result"] == "admitted"


def test_without_a_place_the_door_stays_shut(town: TownBuilder, api: ApiClient) -> None:
    session, resident = town.session(), town.resident()
    answer = Phone(town, api, resident).scan(door_code(town, session)).json
    assert (answer["result"], answer["reason"]) == ("refused", "not_reserved")
    assert town.rows(Visit.id) == []


def test_a_proxy_scans_for_who_has_no_phone_and_nobody_else_does(
    town: TownBuilder, api: ApiClient, at_door: tuple[int, Person, Phone]
) -> None:
    session, elder, _ = at_door
    helper, stranger = town.resident("李芳"), town.resident("赵六")
    proxy_for(town, elder, helper)
    code = door_code(town, session)
    before = town.contents()
    problem_of(Phone(town, api, stranger).scan(code, resident_id=str(elder.id)), 403, "proxy.none")
    problem_of(Phone(town, api, elder).scan(code, resident_id=str(helper.id)), 403, "proxy.none")
    assert town.contents() == before
    answer = Phone(town, api, helper).scan(code, resident_id=str(elder.id)).json
    assert (answer["result"], answer["resident"]["name"]) == ("admitted", "王**")
    (row,) = town.rows(Scan.scanner_id, Scan.resident_id)
    assert tuple(row) == (helper.id, elder.id)


def test_who_scans_for_somebody_sees_none_of_their_points_and_who_names_themselves_sees_their_own(
    town: TownBuilder, api: ApiClient, at_door: tuple[int, Person, Phone]
) -> None:
    session, elder, phone = at_door
    helper, nonce, code = town.resident("李芳"), fresh_key(), door_code(town, session)
    proxy_for(town, elder, helper)
    whom = {"resident_id": str(elder.id)}
    for _ in range(2):  # a replay shows no more than the answer did
        assert Phone(town, api, helper).scan(code, nonce, **whom).json["points"] is None
    assert api.as_(elder).get("/me/points").json["balance"] == 5
    assert phone.scan(code, direction="out", **whom).json["result"] == "admitted"
    other = town.session()
    placed(town, other, elder)
    assert phone.scan(door_code(town, other), **whom).json["points"]["balance"] == 10


def test_one_nonce_for_oneself_and_for_somebody_else_is_two_scans_and_a_conflict(
    town: TownBuilder, api: ApiClient, at_door: tuple[int, Person, Phone]
) -> None:
    session, elder, _ = at_door
    helper, nonce, code = town.resident("李芳"), fresh_key(), door_code(town, session)
    proxy_for(town, elder, helper)
    placed(town, session, helper)
    phone = Phone(town, api, helper)
    assert phone.scan(code, nonce).json["result"] == "admitted"
    problem_of(phone.scan(code, nonce, resident_id=str(elder.id)), 409, "checkin.nonce_reused")


def test_only_a_door_code_opens_the_door_for_a_resident(
    town: TownBuilder, api: ApiClient, at_door: tuple[int, Person, Phone]
) -> None:
    _, resident, phone = at_door
    card = town.act(town.staff(Role.SCANNER), issue_card, town.house.keys, resident.id).code
    before = town.contents()
    for code in (town.code_of(resident), card, str(phone.api._token), "x", "你好"):
        problem_of(phone.scan(code), 422, "checkin.door_code_unknown")
    assert town.contents() == before


def test_a_door_code_is_no_residents_code_to_a_scanner(town: TownBuilder, api: ApiClient) -> None:
    session = town.session()
    body = {"code": door_code(town, session), "session_id": str(session), "nonce": fresh_key()}
    answer = api.as_(town.staff(Role.SCANNER)).post("/checkins", body).json
    assert (answer["result"], answer["reason"]) == ("refused", "unknown_code")


def test_a_door_of_a_session_that_is_gone_is_unknown(house: House, town: TownBuilder, api: ApiClient) -> None:
    expires = int(utc_now().timestamp()) + 60
    code = sign(house.keys, TokenKind.DOOR, {"session": "8", "town": str(town.id), "exp": expires})
    problem_of(Phone(town, api, town.resident()).scan(code), 404, "session.unknown")


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "short"},
        {"nonce": "with a space"},
        {"direction": "up"},
        {"resident_id": 7},
        {"door_code": ""},
        {"x": 1},
    ],
)
def test_what_a_phone_sends_wrongly_is_refused_field_by_field(
    town: TownBuilder, api: ApiClient, wrong: dict[str, Any]
) -> None:
    body = {"door_code": "x", "nonce": fresh_key()} | wrong
    answer = api.as_(town.resident()).post("/me/checkins", body)
    assert (answer.status_code, set(answer.json["errors"])) == (422, set(wrong))
