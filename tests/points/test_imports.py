"""Files of awards: every row gets a word, what can be booked is booked once, and nonsense books nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from werkzeug.test import TestResponse

from blueprints.edge.house import House
from models.adjustments import AwardImport, AwardImportRow
from models.ledger import Event, Txn
from models.residents import Role, Staff, StaffStatus
from rules.clock import ZONE, local_day
from rules.points.award_file import (
    HEADER,
    ROWS_MAX,
    FileEmpty,
    FileUnreadable,
    HeaderWrong,
    RowResult,
    read_awards,
)
from rules.points.imports import import_file
from rules.rulebook.versions import publish
from rules.work import Work
from tests.build import BUDGET, RULEBOOK, ApiClient, Person, TownBuilder, fresh_key, new_town
from tests.edge.helpers import NOBODY, problem_of
from tests.ledger.keeping import audit
from tests.points.hands import allow_hands, balance_of, effects, give, manager, statement_of
from tests.races import from_threads, until_answered

HEAD = ",".join(HEADER)
TODAY = local_day(datetime.now(ZONE))
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def resident(town: TownBuilder) -> Person:
    """A resident, under rules that let one manager award up to 100 points alone."""
    allow_hands(town)
    return town.resident()


def line(ref: object, resident: object, amount: object = 5, day: object = YESTERDAY, reason: str = "志愿服务") -> str:
    who = resident.id if isinstance(resident, Person) else resident
    return f"{ref},{who},{amount},{day},{reason}"


def file_of(*lines: str) -> str:
    return "\n".join([HEAD, *lines, ""])


def send(staff: ApiClient, text: str, name: str = "三月志愿服务.csv") -> TestResponse:
    return staff.call("POST", "/points/imports", {"name": name, "csv": text})


def decide(staff: ApiClient, import_id: str | int, decision: str = "approval") -> TestResponse:
    return staff.post(f"/points/imports/{import_id}/{decision}")


def rows_of(staff: ApiClient, import_id: str, limit: int = 100) -> list[dict[str, Any]]:
    rows, cursor = [], None
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = staff.get(f"/points/imports/{import_id}/rows", **query).json
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


def results_of(staff: ApiClient, import_id: str) -> list[tuple[int, str]]:
    return [(row["line"], row["result"]) for row in rows_of(staff, import_id)]


def counts(**named: int) -> dict[str, int]:
    return dict.fromkeys(("booked", "already_booked", "waiting", "declined", "problems"), 0) | named


# What is booked


def test_a_file_pays_its_rows(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff, other = town.staff(Role.MANAGER), town.resident()
    answer = send(api.as_(staff), file_of(line("春-1", resident, 5), line("春-2", other, 7), line("春-3", resident, 8)))
    assert answer.status_code == 201, answer.text
    assert {**answer.json, "id": None, "requested_at": None} == {
        "id": None,
        "name": "三月志愿服务.csv",
        "status": "booked",
        "rows_total": 3,
        "amount_total": 20,
        "rows": counts(booked=3),
        "needs_second_person": False,
        "requested_by": str(staff.id),
        "requested_at": None,
        "decided_by": None,
        "decided_at": None,
    }
    assert (balance_of(api, resident), balance_of(api, other)) == (13, 7)
    first, *_ = rows_of(api.as_(staff), answer.json["id"])
    assert {**first, "txn_id": None} == {
        "line": 2,
        "ref": "春-1",
        "resident_id": str(resident.id),
        "amount": 5,
        "occurred_on": YESTERDAY.isoformat(),
        "reason": "志愿服务",
        "result": "booked",
        "txn_id": None,
    }
    audit(town)


def test_an_award_says_what_it_was_for_and_lapses_by_its_day(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    send(manager(town, api), file_of(line("a", resident, 5, YESTERDAY, "学雷锋日")))
    [shown] = statement_of(api, resident)
    good_until = date(YESTERDAY.year + 1, 12, 31).isoformat()
    assert (shown["kind"], shown["amount"], shown["reason"]) == ("earn", 5, "import")
    assert shown["explanation"] == f"学雷锋日：5 分，有效期至 {good_until}（批量导入，编号 a）"
    assert shown["at"].startswith(YESTERDAY.isoformat())
    assert api.as_(resident).get("/me/points").json["expiring"] == [{"amount": 5, "on": good_until}]
    [(txn,)] = town.rows(Txn, idempotency_key="import:a")
    [(event,)] = town.rows(Event, source="import")
    assert (txn.event_id, event.source_ref, event.subject_id) == (event.id, "a", resident.id)


def test_an_award_follows_the_rulebook_of_its_day(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town, days_ago=100)
    resident = town.resident()
    rules = "[adjustment]\nsecond_person_above = 100"
    town.act(None, _publish_with_two_years, rules)
    send(
        manager(town, api),
        file_of(line("old", resident, 1, TODAY - timedelta(days=20)), line("new", resident, 2, TODAY)),
    )
    lapses = {lot["amount"]: lot["on"] for lot in api.as_(resident).get("/me/points").json["expiring"]}
    old_year = (TODAY - timedelta(days=20)).year
    assert lapses == {1: f"{old_year + 1}-12-31", 2: f"{TODAY.year + 2}-12-31"}


def _publish_with_two_years(work: Work, rules: str) -> None:
    document = RULEBOOK.replace("years = 1", "years = 2") + rules
    publish(work, document, work.now - timedelta(days=10))


def test_today_counts_and_tomorrow_does_not(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff, tomorrow = manager(town, api), TODAY + timedelta(days=1)
    answer = send(staff, file_of(line("a", resident, 5, TODAY), line("b", resident, 5, tomorrow)))
    assert results_of(staff, answer.json["id"]) == [(2, "booked"), (3, "day_in_future")]


# What is not booked


def test_a_row_with_a_problem_is_named_by_its_line_and_the_others_are_booked(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    staff = manager(town, api)
    assert send(staff, file_of(line("paid", resident, 1))).json["rows"] == counts(booked=1)
    rows = {
        line("ok", resident): "booked",
        line("", resident): "ref_missing",
        line("r" * 65, resident): "ref_missing",
        line("ok", resident, 6): "ref_repeated",
        line("c1", NOBODY): "resident_unknown",
        line("c2", "x"): "resident_unknown",
        line("c3", ""): "resident_unknown",
        line("c4", 2**63): "resident_unknown",
        line("c5", "1.23457E+17"): "resident_unknown",
        **{line(f"d{n}", resident, amount): "amount_invalid" for n, amount in enumerate(BAD_AMOUNTS)},
        **{line(f"e{n}", resident, 5, day): "day_invalid" for n, day in enumerate(BAD_DAYS)},
        line("f1", resident, 5, TODAY + timedelta(days=1)): "day_in_future",
        line("f2", resident, 5, "9999-12-31"): "day_in_future",
        line("g1", resident, 5, YESTERDAY, ""): "reason_missing",
        line("g2", resident, 5, YESTERDAY, " "): "reason_missing",
        line("g3", resident, 5, YESTERDAY, "长" * 201): "reason_missing",
        line("h1", resident) + ",": "columns_wrong",
        "h2": "columns_wrong",
        line("paid", resident, 2): "ref_taken",
        line("last", resident): "booked",
    }
    answer = send(staff, file_of(*rows))
    assert answer.status_code == 201, answer.text
    assert results_of(staff, answer.json["id"]) == list(enumerate(rows.values(), start=2))
    assert answer.json["rows"] == counts(booked=2, problems=len(rows) - 2)
    assert (answer.json["amount_total"], answer.json["rows_total"]) == (10, len(rows))
    assert balance_of(api, resident) == 11
    assert set(rows.values()) == set(RowResult) - {"already_booked", "waiting", "declined"}
    audit(town)


BAD_AMOUNTS = ("", "0", "-5", "1.5", "5分", "=2+3", "+5", "1e3", "05", "1000001", "9" * 30, "٥", "５", "1 000")
BAD_DAYS = ("", "2026-02-30", "2026-13-01", "20260301", "2026-W10-1", "03/05/2026", "2026-3/5", "1999-01-01", "=NOW()")


def test_points_that_would_have_lapsed_already_are_not_booked(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    """The first rulebook of the tests' towns began 365 days ago: whatever is older is no day of the rules."""
    staff = manager(town, api)
    long_ago = TODAY - timedelta(days=366)
    answer = send(staff, file_of(line("a", resident, 5, long_ago), line("b", resident, 5, TODAY - timedelta(days=300))))
    assert results_of(staff, answer.json["id"]) == [(2, "day_invalid"), (3, "booked")]


def test_residents_of_another_town_are_unknown(
    house: House, town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    elsewhere, staff = new_town(house), manager(town, api)
    stranger = elsewhere.resident()
    before = effects(elsewhere)
    answer = send(staff, file_of(line("a", stranger), line("", stranger), line("b", resident)))
    assert results_of(staff, answer.json["id"]) == [(2, "resident_unknown"), (3, "ref_missing"), (4, "booked")]
    assert [row["resident_id"] for row in rows_of(staff, answer.json["id"])][:2] == [None, None]
    assert effects(elsewhere) == before


def test_an_empty_budget_refuses_the_whole_file(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town, "[adjustment]\nsecond_person_above = 1_000_000")
    resident, staff = town.resident(), manager(town, api)
    give(town, resident, BUDGET - 10)
    before = effects(town)
    text = file_of(line("a", resident, 6), line("b", resident, 5))
    problem_of(send(staff, text), 409, "points.budget_exhausted")
    assert effects(town) == before


# Again


def test_the_same_file_is_the_same_import(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    text = file_of(line("a", resident), line("b", NOBODY))
    first = send(manager(town, api), text)
    before = effects(town)
    for again in (send(manager(town, api), text), send(manager(town, api), text, "又一次.csv")):
        assert (again.status_code, again.json) == (201, first.json)
    assert len(town.rows(AwardImport)) == 1
    assert effects(town)["posting"] == before["posting"]


def test_a_corrected_file_pays_only_what_is_new(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = manager(town, api)
    send(staff, file_of(line("a", resident, 5), line("b", resident, "x"), line("c", resident, 7)))
    answer = send(staff, file_of(line("a", resident, 5), line("b", resident, 6), line("c", resident, 8)))
    assert results_of(staff, answer.json["id"]) == [(2, "already_booked"), (3, "booked"), (4, "ref_taken")]
    assert answer.json["rows"] == counts(booked=1, already_booked=1, problems=1)
    assert answer.json["amount_total"] == 6
    assert balance_of(api, resident) == 18


@pytest.mark.parametrize(
    "change",
    [
        lambda resident, other: line("a", other),
        lambda resident, other: line("a", resident, 6),
        lambda resident, other: line("a", resident, 5, TODAY),
        lambda resident, other: line("a", resident, 5, YESTERDAY, "别的理由"),
    ],
    ids=["resident", "amount", "day", "reason"],
)
def test_a_ref_that_was_paid_for_something_else_is_taken(
    town: TownBuilder, api: ApiClient, resident: Person, change: Any
) -> None:
    staff, other = manager(town, api), town.resident()
    send(staff, file_of(line("a", resident)))
    answer = send(staff, file_of(change(resident, other)))
    assert results_of(staff, answer.json["id"]) == [(2, "ref_taken")]
    assert (answer.json["status"], answer.json["amount_total"]) == ("booked", 0)


def test_two_towns_may_use_the_same_refs_and_files(
    house: House, app: Flask, town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    elsewhere = new_town(house)
    allow_hands(elsewhere)
    text = file_of(line("a", resident), line("b", NOBODY))
    ours = send(manager(town, api), text).json
    theirs = send(manager(elsewhere, ApiClient(app, elsewhere)), text).json
    assert ours["rows"] == counts(booked=1, problems=1)
    assert theirs["rows"] == counts(problems=2)
    assert ours["id"] != theirs["id"]


def test_the_same_file_sent_by_many_at_once_is_one_import(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    text = file_of(*(line(f"ref-{n}", resident, 1) for n in range(20)))
    staff = [(manager(town, api),) for _ in range(6)]
    answers = from_threads(lambda each: until_answered(lambda: send(each, text)), staff, threads=6)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert all(answer.json["rows"] == counts(booked=20) for answer in answers)
    assert balance_of(api, resident) == 20
    audit(town)


def test_files_that_share_refs_and_come_at_once_pay_each_ref_once(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    refs = [f"ref-{n:02}" for n in range(12)]
    shared = [line(ref, resident, 1) for ref in refs]
    files = [file_of(*(shared if n % 2 else shared[::-1]), line(f"own-{n}", resident, 1)) for n in range(6)]
    jobs = [(manager(town, api), text) for text in files]
    answers = from_threads(lambda each, text: until_answered(lambda: send(each, text)), jobs, threads=6)
    assert {answer.status_code for answer in answers} == {201}
    booked = sum(answer.json["rows"]["booked"] for answer in answers)
    assert (booked, balance_of(api, resident)) == (12 + 6, 18)
    assert sum(answer.json["amount_total"] for answer in answers) == 18
    audit(town)


# The second person


def waiting(staff: ApiClient, resident: Person, ref: str = "a") -> str:
    answer = send(staff, file_of(line(f"{ref}1", resident, 60), line(f"{ref}2", resident, 41), line(f"{ref}3", NOBODY)))
    assert (answer.json["status"], answer.json["rows"]) == ("pending", counts(waiting=2, problems=1)), answer.text
    return answer.json["id"]


def test_above_the_threshold_a_second_person_books_it(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    first, second = manager(town, api), town.staff(Role.MANAGER)
    import_id = waiting(first, resident)
    assert results_of(first, import_id) == [(2, "waiting"), (3, "waiting"), (4, "resident_unknown")]
    assert (balance_of(api, resident), town.rows(Event, source="import")) == (0, [])
    answer = decide(api.as_(second), import_id)
    assert answer.status_code == 200, answer.text
    assert (answer.json["status"], answer.json["decided_by"]) == ("booked", str(second.id))
    assert (answer.json["rows"], answer.json["amount_total"]) == (counts(booked=2, problems=1), 101)
    assert balance_of(api, resident) == 101
    assert all(row["txn_id"] for row in rows_of(first, import_id)[:2])
    audit(town)


def test_a_second_person_can_turn_it_down(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    first = manager(town, api)
    import_id = waiting(first, resident)
    answer = decide(manager(town, api), import_id, "refusal")
    assert (answer.json["status"], answer.json["rows"]) == ("declined", counts(declined=2, problems=1))
    assert results_of(first, import_id) == [(2, "declined"), (3, "declined"), (4, "resident_unknown")]
    assert balance_of(api, resident) == 0


def test_what_became_of_a_row_meanwhile_counts_when_it_is_booked(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    first, second = manager(town, api), manager(town, api)
    import_id = waiting(first, resident)
    send(second, file_of(line("a1", resident, 60)))
    send(second, file_of(line("a2", resident, 2)))
    answer = decide(second, import_id)
    assert results_of(first, import_id) == [(2, "already_booked"), (3, "ref_taken"), (4, "resident_unknown")]
    assert (answer.json["status"], answer.json["amount_total"]) == ("booked", 0)
    assert balance_of(api, resident) == 62


@pytest.mark.parametrize("decision", ["approval", "refusal"])
def test_nobody_is_the_second_person_to_themselves(
    town: TownBuilder, api: ApiClient, resident: Person, decision: str
) -> None:
    staff = manager(town, api)
    import_id = waiting(staff, resident)
    before = effects(town)
    problem_of(decide(staff, import_id, decision), 403, "points.second_person_required")
    assert effects(town) == before


@pytest.mark.parametrize("then", ["approval", "refusal"])
@pytest.mark.parametrize("first", ["approval", "refusal"])
def test_what_was_decided_is_decided(
    town: TownBuilder, api: ApiClient, resident: Person, first: str, then: str
) -> None:
    import_id = waiting(manager(town, api), resident)
    assert decide(manager(town, api), import_id, first).status_code == 200
    third = manager(town, api)
    before = effects(town)
    problem_of(decide(third, import_id, then), 409, "import.decided")
    assert effects(town) == before


def test_of_many_who_decide_at_once_one_does(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    import_id = waiting(manager(town, api), resident)
    jobs = [(manager(town, api), decision) for decision in ("approval", "refusal") * 3]

    def deed(staff: ApiClient, decision: str) -> TestResponse:
        key = fresh_key()
        return until_answered(lambda: staff.post(f"/points/imports/{import_id}/{decision}", key=key))

    answers = from_threads(deed, jobs, threads=6)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    [won] = [answer.json for answer in answers if answer.status_code == 200]
    assert balance_of(api, resident) == (101 if won["status"] == "booked" else 0)
    audit(town)


def test_an_empty_budget_leaves_it_waiting(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    import_id, second = waiting(manager(town, api), resident), manager(town, api)
    give(town, resident, BUDGET - 100)
    before = effects(town)
    problem_of(decide(second, import_id), 409, "points.budget_exhausted")
    assert effects(town) == before


def test_many_small_files_are_no_way_around_the_threshold(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = manager(town, api)
    answers = [send(staff, file_of(line(f"a{n}", resident, amount))).json for n, amount in enumerate([60, 41, 40, 1])]
    assert [answer["status"] for answer in answers] == ["booked", "pending", "booked", "pending"]
    assert send(manager(town, api), file_of(line("b", resident, 100))).json["status"] == "booked"


def test_small_files_at_once_are_no_way_around_it_either(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = manager(town, api)
    jobs = [(file_of(line(f"a{n}", resident, 40)),) for n in range(6)]
    answers = from_threads(lambda text: until_answered(lambda: send(staff, text)), jobs, threads=6)
    assert Counter(answer.json["status"] for answer in answers) == {"booked": 2, "pending": 4}


# Who


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.MANAGER, Role.ADMIN}))
def test_other_roles_import_nothing(town: TownBuilder, api: ApiClient, resident: Person, role: Role) -> None:
    import_id = waiting(manager(town, api), resident)
    turned_away(town, api.as_(town.staff(role)), resident, import_id)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN])
def test_a_role_on_a_part_of_the_town_imports_nothing(
    town: TownBuilder, api: ApiClient, resident: Person, role: Role
) -> None:
    import_id = waiting(manager(town, api), resident)
    turned_away(town, api.as_(town.staff(role, at=town.community_id)), resident, import_id)


def turned_away(town: TownBuilder, staff: ApiClient, resident: Person, import_id: str) -> None:
    before = effects(town)
    problem_of(send(staff, file_of(line("b", resident))), 403, "auth.forbidden")
    for path in ("", f"/{import_id}", f"/{import_id}/rows"):
        problem_of(staff.get(f"/points/imports{path}"), 403, "auth.forbidden")
    for decision in ("approval", "refusal"):
        problem_of(decide(staff, import_id, decision), 403, "auth.forbidden")
    assert effects(town) == before


def test_another_towns_import_is_unknown(
    house: House, app: Flask, town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    elsewhere = new_town(house)
    import_id = waiting(manager(town, api), resident)
    stranger = manager(elsewhere, ApiClient(app, elsewhere))
    before = effects(town), effects(elsewhere)
    for id_ in (import_id, NOBODY):
        problem_of(stranger.get(f"/points/imports/{id_}"), 404, "import.unknown")
        problem_of(stranger.get(f"/points/imports/{id_}/rows"), 404, "import.unknown")
        problem_of(decide(stranger, id_), 404, "import.unknown")
        problem_of(decide(stranger, id_, "refusal"), 404, "import.unknown")
    assert stranger.get("/points/imports").json["items"] == []
    assert (effects(town), effects(elsewhere)) == before


def test_lists_have_each_once(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = manager(town, api)
    sent = [send(staff, file_of(*(line(f"{n}-{m}", resident, 1) for m in range(5)))).json for n in range(3)]
    first = staff.get("/points/imports", limit=2).json
    second = staff.get("/points/imports", limit=2, cursor=first["next_cursor"]).json
    assert first["items"] + second["items"] == sent[::-1]
    assert second["next_cursor"] is None
    assert staff.get(f"/points/imports/{sent[0]['id']}").json == sent[0]
    assert [row["line"] for row in rows_of(staff, sent[0]["id"], limit=2)] == [2, 3, 4, 5, 6]


# How a file may be written


def test_windows_excel_and_quotes_are_fine(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = manager(town, api)
    text = "\r\n".join(
        [
            f"\ufeff{HEAD}",
            f'1,{resident.id},1,{YESTERDAY},"巡逻，两小时"',
            f'"2","{resident.id}","2","{YESTERDAY}","他说""好"""',
            "",
            ",,,,",
            f" 3 , {resident.id} , 3 , {YESTERDAY.year}/{YESTERDAY.month}/{YESTERDAY.day} , 清洁 ",
            f'4,{resident.id},4,{YESTERDAY},"两行\r\n理由"',
            f"5,{resident.id},5,{YESTERDAY},=HYPERLINK(1)",
            f"=6,{resident.id},6,{YESTERDAY},@SUM(A1)",
        ]
    )
    answer = send(staff, text)
    assert answer.json["rows"] == counts(booked=6), rows_of(staff, answer.json["id"])
    rows = rows_of(staff, answer.json["id"])
    assert [row["line"] for row in rows] == [2, 3, 6, 7, 9, 10]
    assert [row["reason"] for row in rows] == [
        "巡逻，两小时",
        '他说"好"',
        "清洁",
        "两行\r\n理由",
        "=HYPERLINK(1)",
        "@SUM(A1)",
    ]
    assert rows[-1]["ref"] == "=6"
    assert balance_of(api, resident) == 21


NONSENSE: dict[str, tuple[str, str]] = {
    "nothing": ("", "import.empty"),
    "spaces": (" \r\n\t\n", "import.empty"),
    "a mark alone": ("\ufeff", "import.empty"),
    "a header alone": (HEAD, "import.empty"),
    "a header and empty lines": (f"{HEAD}\n\n,,,,\n", "import.empty"),
    "no header": ("1,2,3,2026-01-01,x\n", "import.header_wrong"),
    "another order": ("resident_id,ref,amount,occurred_on,reason\n1,2,3,4,5\n", "import.header_wrong"),
    "semicolons": (HEAD.replace(",", ";") + "\n1;2;3;4;5\n", "import.header_wrong"),
    "a header in capitals": (HEAD.upper() + "\n1,2,3,4,5\n", "import.header_wrong"),
    "a binary file": ("PK\x03\x04\x14\x00\x06\x00\x08\x00", "import.unreadable"),
    "a NUL": (f"{HEAD}\na,1,5,2026-01-01,x\0y\n", "import.unreadable"),
    "an open quote": (f'{HEAD}\na,1,5,2026-01-01,"x\nb,1,5,2026-01-01,y\n', "import.unreadable"),
    "text after a quote": (f'{HEAD}\na,1,5,2026-01-01,"x"y\n', "import.unreadable"),
    "a very long cell": (f"{HEAD}\na,1,5,2026-01-01,{'x' * 140_000}\n", "import.unreadable"),
    "a row too many": (HEAD + "\n" + "a,1,5,2026-01-01,x\n" * (ROWS_MAX + 1), "import.too_many_rows"),
    "JSON": ('{"ref": 1}', "import.header_wrong"),
    "an old Mac": (HEAD + "\r\r", "import.empty"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_file_that_can_not_be_right_is_refused_as_a_whole(
    town: TownBuilder, api: ApiClient, resident: Person, name: str
) -> None:
    staff, (text, code) = manager(town, api), NONSENSE[name]
    before = town.contents()
    problem_of(send(staff, text), 422, code)
    assert town.contents() == before


def test_an_unreadable_line_is_named(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = manager(town, api)
    for text in (file_of(line("a", resident), line("b", resident) + "\x07"), file_of(line("a", resident), 'b,1,"x"y')):
        assert "第 3 行" in problem_of(send(staff, text), 422, "import.unreadable")["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "csv": None},
        {"name": "x", "csv": ["a"]},
        {"name": "x"},
        {"name": "", "csv": "x"},
        {"name": "x", "csv": "x" * 500_001},
        {"name": "x", "csv": "x", "dry": True},
    ],
)
def test_a_request_that_can_not_be_right_is_refused(town: TownBuilder, api: ApiClient, body: dict[str, Any]) -> None:
    staff = manager(town, api)
    before = town.contents()
    problem_of(staff.call("POST", "/points/imports", body), 422, "request.invalid")
    assert town.contents() == before


def test_bytes_that_are_no_text_are_refused(town: TownBuilder, api: ApiClient) -> None:
    staff = manager(town, api)
    options = {"data": b'{"name": "x", "csv": "\xff\xfe"}', "content_type": "application/json"}
    problem_of(staff.call("POST", "/points/imports", **options), 400, "request.malformed")


def test_the_largest_file_fits_and_is_booked(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town, "[adjustment]\nsecond_person_above = 1_000_000")
    staff, residents = manager(town, api), [town.resident() for _ in range(10)]
    reason = "理由" * 10
    text = file_of(*(line(f"2026-春季-{n:06}", residents[n % 10], 2, YESTERDAY, reason) for n in range(ROWS_MAX)))
    size = len(json.dumps({"name": "大.csv", "csv": text}))  # with every Chinese character escaped
    assert 64 * 1024 < size < town.house.settings.body_bytes_max
    answer = send(staff, text)
    assert answer.json["rows"] == counts(booked=ROWS_MAX), answer.text[:200]
    assert [balance_of(api, each) for each in residents] == [400] * 10


def test_a_big_file_can_wait_and_be_booked(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    text = file_of(*(line(f"n-{n}", resident, 1, YESTERDAY - timedelta(days=n % 90)) for n in range(ROWS_MAX)))
    import_id = send(manager(town, api), text).json["id"]
    assert decide(manager(town, api), import_id).json["rows"] == counts(booked=ROWS_MAX)
    assert balance_of(api, resident) == ROWS_MAX
    assert len(town.rows(AwardImportRow.n, problem=None)) == ROWS_MAX


def test_staff_can_import_without_http(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    """What the command line calls."""
    imported = town.act(town.staff(Role.MANAGER), import_file, "x.csv", file_of(line("a", resident)))
    assert (imported.rows.booked, balance_of(api, resident)) == (1, 5)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text() | st.text(alphabet='a1,"\r\n =-/2026，').map(lambda text: f"{HEAD}\n{text}"))
def test_any_text_is_rows_or_is_refused(text: str) -> None:
    awards = []
    with suppress(FileEmpty, FileUnreadable, HeaderWrong):
        awards = read_awards(text)
    lines = [award.line for award in awards]
    assert lines == sorted(set(lines))
    assert all(award.problem or (award.ref and award.reason and award.amount) for award in awards)


# The command line


@pytest.fixture
def run(app: Flask, tmp_path: Path) -> Callable[..., Result]:
    """`flask ledger import` of a file with this content by somebody."""

    def run_it(content: bytes, username: str, name: str = "志愿服务.csv") -> Result:
        file = tmp_path / name
        file.write_bytes(content)
        return app.test_cli_runner().invoke(args=["ledger", "import", str(file), "--staff", username])

    return run_it


def test_a_file_can_be_imported_from_the_command_line(
    town: TownBuilder, api: ApiClient, resident: Person, run: Callable[..., Result]
) -> None:
    staff = town.staff(Role.MANAGER)
    text = f"\ufeff{file_of(line('a', resident), line('b', NOBODY))}".replace("\n", "\r\n")
    for _ in range(2):
        done = run(text.encode(), staff.name)
        assert done.exit_code == 0, done.output
        assert done.output.splitlines() == [
            "line 3: resident_unknown",
            "志愿服务.csv is booked: 2 rows, 5 points; 1 booked, 0 booked before, 0 waiting, 0 declined, 1 with a problem.",
        ]
    assert send(api.as_(staff), text.removeprefix("\ufeff")).json["name"] == "志愿服务.csv"
    assert balance_of(api, resident) == 5
    [(imported,)] = town.rows(AwardImport)
    assert imported.requested_by == staff.id


def test_the_command_line_refuses_what_the_api_refuses(
    town: TownBuilder, resident: Person, run: Callable[..., Result]
) -> None:
    someone, closed, boss = town.staff(Role.AUDITOR), town.staff(Role.MANAGER), town.staff(Role.MANAGER)
    statement = update(Staff).where(Staff.town_id == town.id, Staff.id == closed.id)
    town.act(None, lambda work: work.db.execute(statement.values(status=StaffStatus.CLOSED)))
    before, good = town.contents(), file_of(line("a", resident)).encode()
    for content, username, says in (
        (good, "nobody-at-all", "no member of staff"),
        (good, closed.name, "no member of staff"),
        (good, someone.name, "not allowed"),
        (b"\xff\xfe", someone.name, "not UTF-8"),
        (b"a,b\n", boss.name, "The file's first line must be"),
    ):
        done = run(content, username)
        assert (done.exit_code, says in done.output) == (1, True), done.output
    assert town.contents() == before


def test_the_command_line_takes_no_longer_names_than_the_api(
    town: TownBuilder, resident: Person, run: Callable[..., Result]
) -> None:
    staff, content = town.staff(Role.MANAGER), file_of(line("a", resident)).encode()
    before = town.contents()
    done = run(content, staff.name, f"{'a' * 125}.csv")
    assert (done.exit_code, "at most 128 characters" in done.output) == (1, True), done.output
    assert town.contents() == before
    done = run(content, staff.name, f"{'a' * 124}.csv")
    assert done.exit_code == 0, done.output
