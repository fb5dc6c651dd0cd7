"""Protects files of another system: every line counts once, problems are named by line, and nothing mixes with our own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from models.residents import Role
from rules.volunteering.book import Minutes
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import NOBODY, problem_of
from tests.ledger.keeping import audit
from tests.points.hands import effects
from tests.races import from_threads, until_answered
from tests.rulebook.live import put_in_force
from tests.volunteering.serving import (
    RULES,
    days_ago,
    decide,
    manager,
    minutes_of,
    organiser,
    points_of,
    records_of,
    today,
    void,
)

HEADER = "ref,resident_id,minutes,served_on,description"


@pytest.fixture(autouse=True)
def rules(town: TownBuilder) -> None:
    put_in_force(town, RULES)


def line(
    ref: str, who: Person | int, minutes: object = 60, day: object = None, description: str = "学雷锋日清扫"
) -> str:
    resident_id = who if isinstance(who, int) else who.id
    return f"{ref},{resident_id},{minutes},{day or days_ago(40).isoformat()},{description}"


def send(staff: ApiClient, *lines: str, header: str = HEADER, name: str = "志愿汇.csv") -> TestResponse:
    text = "\n".join([header, *lines])
    return staff.post("/volunteering/imports", {"name": name, "csv": text})


def test_hours_of_another_system_are_kept_apart(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    answer = send(organiser(town, api), line("ZJ-1", volunteer, 90), line("ZJ-2", volunteer, 45))
    assert answer.status_code == 201, answer.text
    assert (answer.json["provenance"], answer.json["name"]) == ("imported", "志愿汇.csv")
    assert answer.json["counts"]["counted"] == 2
    assert minutes_of(town, volunteer) == Minutes(imported=135)
    assert points_of(api, volunteer) == 8  # 90 and 30 minutes, at 4 an hour
    audit(town)


def test_each_line_with_a_problem_is_named_and_the_others_are_kept(town: TownBuilder, api: ApiClient) -> None:
    volunteer, neighbour = town.resident(volunteer=True), town.resident()
    there = town.resident(volunteer=True, community_id=town.other_community_id)
    staff = organiser(town, api, at=town.community_id)
    send(staff, line("old", volunteer))
    answer = send(
        staff,
        line("good", volunteer, day=days_ago(3).isoformat().replace("-", "/")),
        "too,few",
        line("", volunteer),
        line("good", volunteer),
        line("old", volunteer),
        f"a,x,60,{days_ago(3)},清扫",
        line("b", NOBODY),
        line("c", neighbour),
        line("d", there),
        line("e", volunteer, 0),
        line("f", volunteer, 1441),
        line("g", volunteer, day="2026-02-30"),
        line("h", volunteer, day=today() + timedelta(days=1)),
        line("i", volunteer, day="1990-01-01"),
        line("j", volunteer, description=""),
        line("k", volunteer, 1440, day=days_ago(3)),
    )
    assert answer.status_code == 201, answer.text
    assert [(each["line"], each["problem"]) for each in answer.json["problems"]] == [
        (3, "columns_wrong"),
        (4, "ref_missing"),
        (5, "ref_repeated"),
        (6, "ref_taken"),
        (7, "resident_unknown"),
        (8, "resident_unknown"),
        (9, "not_a_volunteer"),
        (10, "out_of_reach"),
        (11, "minutes_invalid"),
        (12, "minutes_invalid"),
        (13, "day_invalid"),
        (14, "day_in_future"),
        (15, "day_too_long_ago"),
        (16, "description_missing"),
        (17, "day_full"),
    ]
    assert [item["served_on"] for item in answer.json["items"]] == [days_ago(3).isoformat()]
    assert minutes_of(town, volunteer) == Minutes(imported=120)


def test_the_same_file_again_is_the_same_batch(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    first = send(staff, line("ZJ-1", volunteer))
    before = effects(town)
    assert send(staff, line("ZJ-1", volunteer)).json == first.json
    assert effects(town) == before
    stranger = organiser(town, api, at=town.community_id)
    problem_of(send(stranger, line("ZJ-1", volunteer)), 403, "auth.forbidden")


def test_the_same_file_sent_by_many_at_once_counts_once(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    lines = [line(f"ZJ-{n}", volunteer, 10) for n in range(10)]
    answers = from_threads(lambda: until_answered(lambda: send(staff, *lines)), [()] * 8, 8)
    assert len({answer.json["id"] for answer in answers}) == 1
    assert minutes_of(town, volunteer) == Minutes(imported=100)
    audit(town)


def test_two_files_with_a_line_in_common_at_once_count_it_once(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    senders = [(organiser(town, api), f"own-{n}") for n in range(6)]
    answers = from_threads(
        lambda staff, ref: until_answered(lambda: send(staff, line("shared", volunteer, 7), line(ref, volunteer, 10))),
        senders,
        6,
    )
    assert {answer.status_code for answer in answers} == {201}
    assert minutes_of(town, volunteer) == Minutes(imported=67)
    audit(town)


def test_what_was_voided_may_come_again_in_another_file(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    [item] = send(staff, line("ZJ-1", volunteer, 600)).json["items"]
    assert item["status"] == "pending"
    assert void(staff, item["id"]).status_code == 200
    [again] = send(staff, line("ZJ-1", volunteer, 60)).json["items"]
    assert (again["status"], minutes_of(town, volunteer)) == ("counted", Minutes(imported=60))


def test_a_long_file_waits_for_a_second_person_from_its_21st_line_on(town: TownBuilder, api: ApiClient) -> None:
    volunteers, staff = [town.resident(volunteer=True) for _ in range(30)], organiser(town, api)
    batch = send(staff, *(line(f"ZJ-{n}", who, 30) for n, who in enumerate(volunteers))).json
    assert (batch["counts"]["counted"], batch["counts"]["pending"]) == (20, 10)
    waiting = [each["id"] for each in batch["items"] if each["status"] == "pending"]
    boss = manager(town, api)
    answer = boss.post("/volunteering/reviews", {"ids": waiting, "accepts": True})
    assert answer.status_code == 200, answer.text
    assert staff.get(f"/volunteering/batches/{batch['id']}").json["counts"]["counted"] == 30
    assert [minutes_of(town, who) for who in volunteers] == [Minutes(imported=30)] * 30
    audit(town)


@pytest.mark.parametrize(
    ("lines", "header", "code"),
    [
        ([], HEADER, "import.empty"),
        (["x"], "ref,resident_id,amount,occurred_on,reason", "volunteering.file_header_wrong"),
        (['a,"b'], HEADER, "import.unreadable"),
        (["a\x00b"], HEADER, "import.unreadable"),
        ([f"r{n},1,1,2026-01-01,x" for n in range(501)], HEADER, "import.too_many_rows"),
    ],
)
def test_a_file_that_is_none_keeps_nothing(
    town: TownBuilder, api: ApiClient, lines: list[str], header: str, code: str
) -> None:
    staff = organiser(town, api)
    before = effects(town)
    problem_of(send(staff, *lines, header=header), 422, code)
    assert effects(town) == before


def test_a_byte_order_mark_and_windows_lines_are_fine(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    text = "\ufeff" + "\r\n".join([HEADER, line("ZJ-1", volunteer, description='"清扫，洒水"'), ""])
    answer = staff.post("/volunteering/imports", {"name": "a.csv", "csv": text})
    assert [item["description"] for item in answer.json["items"]] == ["清扫，洒水"]


def test_who_imported_a_line_does_not_decide_it(town: TownBuilder, api: ApiClient) -> None:
    both = api.as_(town.staff(Role.ORGANISER, Role.MANAGER))
    volunteer = town.resident(volunteer=True)
    [item] = send(both, line("ZJ-1", volunteer, 600)).json["items"]
    problem_of(decide(both, item["id"], accepts=True), 403, "points.second_person_required")
    assert decide(manager(town, api), item["id"], accepts=True).json["status"] == "counted"
    assert records_of(town, volunteer)[0].decided_by is not None
