"""Protects printed cards: one for a resident at a time, good until it is revoked, printed by staff of the place."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width
from xml.etree import ElementTree

import pytest
import segno
import time_machine
from flask import Flask
from sqlalchemy import text

from blueprints.checkins.pictures import CARD_WIDTH, card_svg
from blueprints.edge.house import EXTENSION, House
from models.cards import Card, Identification
from models.checkins import Scan, ScanResult
from models.reservations import ReservationStatus
from models.residents import Role
from rules.checkins.cards import issue_card, revoke_card, revoked_cards_of
from rules.checkins.identifying import CardRevoked, CodeUnknown, Identified, Presented
from rules.checkins.signing import TokenKind, sign
from rules.clock import utc_now
from rules.residents.tokens import Owner, issue_access_token
from rules.work import SYSTEM, ActorKind, Work
from tests.apps import make_app
from tests.build import ApiClient, Person, TownBuilder, add, fresh_key, new_town, settings_for
from tests.checkins.people import at_the_door, placed
from tests.conftest import Databases
from tests.edge.helpers import problem_of
from tests.races import from_processes, from_threads, until_answered

MINUTES = timedelta(minutes=5)
PRINTS = 50


def printed(town: TownBuilder, resident: Person) -> str:
    """The code of a new card."""
    return town.act(town.staff(Role.ORGANISER), issue_card, town.house.keys, resident.id).code


def test_a_card_names_its_resident_for_good(town: TownBuilder) -> None:
    session, resident = town.session(), town.resident()
    card = printed(town, resident)
    with time_machine.travel(utc_now() + timedelta(days=3650), tick=False):
        assert at_the_door(town, session, Presented(code=card)) == Identified(resident.id, Identification.CARD)


def test_staff_print_a_card_with_the_name_and_the_code_on_it(town: TownBuilder, api: ApiClient) -> None:
    resident, staff = town.resident("王<小>&明"), town.staff(Role.SCANNER)
    answer = api.as_(staff).post(f"/residents/{resident.id}/card")
    assert answer.status_code == 201
    card = answer.json
    assert (card["resident_id"], card["name"]) == (str(resident.id), "王<小>&明")
    assert "".join(ElementTree.fromstring(card["svg"]).itertext()) == f"签到卡王<小>&明{card['id']}"
    drawn = segno.make_qr(card["code"], error="m").svg_inline(omitsize=True, svgclass=None, lineclass=None)
    assert drawn.partition('<path stroke="#000"')[2].partition("</svg>")[0] in card["svg"]
    (row,) = town.rows(Card)
    assert (row[0].id, row[0].resident_id, row[0].issued_by) == (int(card["id"]), resident.id, staff.id)
    assert at_the_door(town, town.session(), Presented(code=card["code"])).resident_id == resident.id
    assert card["code"] not in str(town.contents())


def test_a_card_shows_a_name_of_any_length_within_its_edge() -> None:
    for name in ("", "王小明", "买买提·吐尔逊·阿卜杜热合曼", "W" * 64, "\u202e\ufffe\x0b王"):
        card = ElementTree.fromstring(card_svg("code", name, "7234567890123456789"))
        lines = [each for each in card.iter() if each.tag.endswith("text")]
        assert len(lines) == 3
        for line in lines:
            letters = sum(1 if east_asian_width(letter) in "WF" else 0.5 for letter in line.text or "")
            assert float(line.get("x")) + letters * float(line.get("font-size")) <= CARD_WIDTH


def test_a_new_card_ends_the_old_one(town: TownBuilder) -> None:
    session, resident = town.session(), town.resident()
    old, new = printed(town, resident), printed(town, resident)
    with pytest.raises(CardRevoked):
        at_the_door(town, session, Presented(code=old))
    assert at_the_door(town, session, Presented(code=new)).resident_id == resident.id
    assert Counter(row.revoked_at is None for row in town.rows(Card.revoked_at)) == {True: 1, False: 1}


def test_a_revoked_card_is_refused_and_the_neighbours_card_is_not(town: TownBuilder, api: ApiClient) -> None:
    session, resident, neighbour, staff = town.session(), town.resident(), town.resident(), town.staff(Role.SCANNER)
    lost, kept = printed(town, resident), printed(town, neighbour)
    assert api.as_(staff).delete(f"/residents/{resident.id}/card").status_code == 204
    with pytest.raises(CardRevoked):
        at_the_door(town, session, Presented(code=lost))
    assert at_the_door(town, session, Presented(code=kept)).resident_id == neighbour.id
    (row,) = town.rows(Card.revoked_by, resident_id=resident.id)
    assert row.revoked_by == staff.id
    problem_of(api.as_(staff).delete(f"/residents/{resident.id}/card"), 404, "card.none")


def test_an_offline_scan_of_before_the_revocation_stands(town: TownBuilder) -> None:
    """Whoever stood at the door with a card that was good then was there."""
    session, resident, now = town.session(), town.resident(), utc_now()
    with time_machine.travel(now - timedelta(hours=5), tick=False):
        presented = Presented(code=printed(town, resident))
    with time_machine.travel(now - timedelta(hours=1), tick=False):
        town.act(town.staff(Role.ORGANISER), revoke_card, resident.id)
    with time_machine.travel(now, tick=False):
        for minutes_ago in (61, 57, 5 * 60, 5 * 60 + 4):
            earlier = timedelta(minutes=minutes_ago)
            assert at_the_door(town, session, presented, skew=MINUTES, earlier=earlier).resident_id == resident.id
        for minutes_ago in (54, 0):
            with pytest.raises(CardRevoked):
                at_the_door(town, session, presented, skew=MINUTES, earlier=timedelta(minutes=minutes_ago))
        with pytest.raises(CodeUnknown):  # it was not made yet
            at_the_door(town, session, presented, skew=MINUTES, earlier=timedelta(minutes=5 * 60 + 6))


def test_a_card_that_we_signed_and_do_not_know_is_unknown(house: House, town: TownBuilder) -> None:
    session, resident = town.session(), town.resident()
    printed(town, resident)
    (row,) = town.rows(Card.id)
    for card, whose in ((row.id + 1, resident.id), (row.id, resident.id + 1)):
        claims = {"jti": str(card), "sub": str(whose), "town": str(town.id)}
        with pytest.raises(CodeUnknown):
            at_the_door(town, session, Presented(code=sign(house.keys, TokenKind.CARD, claims)))


def test_another_towns_card_is_unknown_here(house: House, town: TownBuilder) -> None:
    other = new_town(house)
    card = printed(other, other.resident())
    with pytest.raises(CodeUnknown):
        at_the_door(town, town.session(), Presented(code=card))


@pytest.mark.parametrize("role", list(Role))
def test_only_organisers_and_scanners_print_and_revoke(town: TownBuilder, api: ApiClient, role: Role) -> None:
    resident = town.resident()
    path, staff = f"/residents/{resident.id}/card", api.as_(town.staff(role))
    if role in (Role.ORGANISER, Role.SCANNER, Role.ADMIN):
        assert staff.post(path).status_code == 201
        assert staff.delete(path).status_code == 204
    else:
        before = town.contents()
        problem_of(staff.post(path), 403, "auth.forbidden")
        problem_of(staff.delete(path), 403, "auth.forbidden")
        assert town.contents() == before


def test_staff_print_where_the_resident_lives_and_nowhere_else(house: House, town: TownBuilder, api: ApiClient) -> None:
    here, there = town.resident(), town.resident(community_id=town.other_community_id)
    staff = api.as_(town.staff(Role.ORGANISER, at=town.community_id))
    assert staff.post(f"/residents/{here.id}/card").status_code == 201
    problem_of(staff.post(f"/residents/{there.id}/card"), 403, "auth.forbidden")
    foreign = new_town(house).resident()
    problem_of(staff.post(f"/residents/{foreign.id}/card"), 404, "resident.unknown")


def test_who_lives_nowhere_yet_gets_a_card_from_who_serves_the_whole_town(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident(territory_id=None)
    path = f"/residents/{resident.id}/card"
    problem_of(api.as_(town.staff(Role.ORGANISER, at=town.community_id)).post(path), 403, "auth.forbidden")
    assert api.as_(town.staff(Role.ORGANISER)).post(path).status_code == 201


def test_residents_print_no_cards_and_learn_nothing_of_others(town: TownBuilder, api: ApiClient) -> None:
    resident, other = town.resident(), town.resident()
    before = town.contents()
    for id_ in (resident.id, other.id, 1):
        problem_of(api.as_(resident).post(f"/residents/{id_}/card"), 404, "resident.unknown")
        problem_of(api.as_(resident).delete(f"/residents/{id_}/card"), 404, "resident.unknown")
    assert town.contents() == before


def test_at_the_door_a_card_opens_and_a_revoked_card_is_refused_with_its_own_reason(
    town: TownBuilder, api: ApiClient
) -> None:
    session, resident, scanner = town.session(), town.resident(), api.as_(town.staff(Role.SCANNER))
    placed(town, session, resident)
    old, new = printed(town, resident), printed(town, resident)
    answers = [
        scanner.post("/checkins", {"code": card, "session_id": str(session), "nonce": fresh_key()}).json
        for card in (old, new)
    ]
    assert [(each["result"], each["reason"]) for each in answers] == [("refused", "card_revoked"), ("admitted", None)]
    assert answers[0]["resident"] is None
    assert [row.method for row in town.rows(Scan.method, result=ScanResult.ADMITTED)] == [Identification.CARD]


def test_the_pack_for_the_door_names_revoked_cards_of_those_who_come(town: TownBuilder) -> None:
    session, comes, gave_back, stays_home = town.session(), town.resident(), town.resident(), town.resident()
    placed(town, session, comes)
    placed(town, session, gave_back, ReservationStatus.CANCELLED)
    for resident in (comes, comes, comes, gave_back, gave_back, stays_home, stays_home):
        printed(town, resident)
    revoked = {row.id for row in town.rows(Card.id, Card.revoked_at, resident_id=comes.id) if row.revoked_at}
    assert len(revoked) == 2
    assert set(town.act(None, revoked_cards_of, session)) == revoked


# Many at once


@pytest.fixture
def race_town(databases: Databases, tmp_path: Path) -> Any:
    """A town in a database of its own, on the engine of the test."""
    app = make_app(settings_for(databases.make(), tmp_path, log_level="ERROR"))
    yield new_town(app.extensions[EXTENSION])
    app.extensions[EXTENSION].transactions.engine.dispose()


def print_card(app: Flask, town_id: int, staff_id: int, resident_id: int) -> str:
    token = issue_access_token(app.extensions[EXTENSION].keys, Owner(ActorKind.STAFF, town_id, staff_id, 1), utc_now())
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/api/v1/residents/{resident_id}/card"
    answer = until_answered(lambda: app.test_client().post(path, headers=headers))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return str(answer.json["code"])


def test_fifty_cards_printed_at_once_leave_one_that_works(race_town: TownBuilder) -> None:
    town, session, resident, staff = race_town, race_town.session(), race_town.resident(), race_town.staff(Role.SCANNER)
    codes = from_processes(town, print_card, [(town.id, staff.id, resident.id)] * PRINTS)
    good = []
    with time_machine.travel(utc_now() + timedelta(minutes=1), tick=False):
        for code in codes:
            try:
                good.append(at_the_door(town, session, Presented(code=code)).resident_id)
            except CardRevoked:
                continue
    assert good == [resident.id]
    assert Counter(row.revoked_at is None for row in town.rows(Card.revoked_at)) == {True: 1, False: PRINTS - 1}


def test_without_the_unique_index_the_same_race_leaves_several_that_work(race_town: TownBuilder) -> None:
    town, resident, staff = race_town, race_town.resident(), race_town.staff(Role.SCANNER)
    with town.database.engine.connect() as connection:
        connection.execute(text("DROP INDEX uq_card_live"))
        connection.commit()
    everyone_has_looked = threading.Barrier(PRINTS)

    def look(work: Work) -> bool:
        return work.core.scalar(text("SELECT count(*) FROM card WHERE revoked_at IS NULL")) == 0

    def insert(work: Work) -> None:
        add(work, Card, resident_id=resident.id, issued_by=staff.id, issued_at=work.now)

    def print_without_guard(_: int) -> None:
        has_none = town.database.read(town.id, SYSTEM, look)
        everyone_has_looked.wait()
        if has_none:
            town.database.write(town.id, SYSTEM, insert)

    from_threads(print_without_guard, [(n,) for n in range(PRINTS)], PRINTS)
    assert sum(row.revoked_at is None for row in town.rows(Card.revoked_at)) > 1
