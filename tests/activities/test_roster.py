"""Protects the roster as a table: who is on it, what it shows of them, and that what people wrote stays text."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from models.reservations import Reservation, ReservationStatus
from models.residents import Resident
from rules.residents.phones import phone_columns, read_phone
from tests.activities.organising import Desk
from tests.activities.plan import DAY, HOUR, NOW, a_session, at_nine
from tests.build import ApiClient, Person, TownBuilder, add

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
QUESTIONS = [
    {"key": "diet", "text": "=忌口？", "kind": "text", "choices": [], "required": False},
    {"key": "age", "text": "孩子几岁？", "kind": "number", "choices": [], "required": False},
    {"key": "bus", "text": "坐班车吗？", "kind": "yes_no", "choices": [], "required": False},
]


@pytest.fixture
def desk(town: TownBuilder, api: ApiClient) -> Desk:
    return Desk(town, api)


def rows_of(answer: TestResponse) -> list[list[Any]]:
    """The cells of the first sheet, read with nothing but zip and XML: text, or a number."""
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        strings = [
            "".join(part.text or "" for part in item.iter(f"{MAIN}t"))
            for item in ET.fromstring(archive.read("xl/sharedStrings.xml"))
        ]
        sheet = ET.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    assert list(sheet.iter(f"{MAIN}f")) == [], "no cell is a formula"
    rows = []
    for row in sheet.iter(f"{MAIN}row"):
        cells = []
        for cell in row:
            value = cell.find(f"{MAIN}v")
            assert value is not None
            cells.append(strings[int(value.text or "")] if cell.get("t") == "s" else int(value.text or ""))
        rows.append(cells)
    return rows


def with_phone(town: TownBuilder, name: str, number: str) -> Person:
    resident = town.resident(name)
    columns = phone_columns(town.house.keys, town.id, resident.id, read_phone(number))
    change = update(Resident).where(Resident.town_id == town.id, Resident.id == resident.id).values(columns)
    town.act(None, lambda work: work.db.execute(change))
    return resident


def on_list(town: TownBuilder, session_id: int, resident: Person, status: ReservationStatus, **columns: Any) -> None:
    row = {"session_id": session_id, "resident_id": resident.id, "party_size": 1, "status": status, "reserved_at": NOW}
    town.act(None, lambda work: add(work, Reservation, **row | columns))


def test_the_table_shows_who_comes_with_masked_phones_and_answers(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity(title="太极晨练", questions=QUESTIONS)
    session_id = a_session(town, activity, NOW + DAY)
    came, comes = with_phone(town, "王小明", "13812345678"), town.resident("李雷")
    waits = with_phone(town, "韩梅梅", "057187654321")
    answers = {"diet": "不吃辣", "age": 5, "bus": True, "gone": "dropped since"}
    on_list(town, session_id, comes, ReservationStatus.CONFIRMED, answers=answers, party_size=2)
    on_list(town, session_id, waits, ReservationStatus.WAITLISTED, answers={"bus": False})
    on_list(town, session_id, came, ReservationStatus.CHECKED_IN, checked_in_at=NOW + HOUR)
    on_list(town, session_id, town.resident("取消者"), ReservationStatus.CANCELLED)
    on_list(town, session_id, town.resident("未到者"), ReservationStatus.NO_SHOW)
    answer = desk.get(f"/sessions/{session_id}/roster.xlsx")
    assert (answer.status_code, answer.content_type) == (200, XLSX)
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "private, no-cache"
    title, when, heading, *people = rows_of(answer)
    assert title == ["太极晨练"]
    assert when == ["2025-06-03 09:00 – 2025-06-03 11:00　多功能厅"]
    assert heading == [
        *("序号", "姓名", "手机", "人数", "状态", "报名时间", "签到时间"),
        *("=忌口？", "孩子几岁？", "坐班车吗？"),
    ]
    at = "2025-06-02 09:00"
    assert people == [
        [1, "王小明", "138****5678", 1, "已签到", at, "2025-06-02 10:00", "", "", ""],
        [2, "李雷", "", 2, "已预约", at, "", "不吃辣", 5, "是"],
        [3, "韩梅梅", "0571****4321", 1, "候补", at, "", "", "", "否"],
        [4, "未到者", "", 1, "未到", at, "", "", "", ""],
    ]


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://evil.example","x")',
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "http://evil.example",
        "13812345678",
        "<b>&",
    ],
)
def test_what_a_person_wrote_stays_text(desk: Desk, town: TownBuilder, text: str) -> None:
    activity = desk.activity(title=text, questions=QUESTIONS)
    session_id = a_session(town, activity, NOW + DAY)
    on_list(town, session_id, town.resident(text), ReservationStatus.CONFIRMED, answers={"diet": text})
    rows = rows_of(desk.get(f"/sessions/{session_id}/roster.xlsx"))
    assert rows[0] == [text]
    assert (rows[3][1], rows[3][7]) == (text, text)


def test_an_empty_session_has_an_empty_table(desk: Desk, town: TownBuilder) -> None:
    session_id = a_session(town, desk.activity(), NOW + DAY)
    assert len(rows_of(desk.get(f"/sessions/{session_id}/roster.xlsx"))) == 3


def test_whoever_asks_in_english_gets_english_headings(desk: Desk, town: TownBuilder, api: ApiClient) -> None:
    session_id = a_session(town, desk.activity(), NOW + DAY)
    on_list(town, session_id, town.resident("王小明"), ReservationStatus.CONFIRMED)
    with at_nine():
        client = api.as_(desk.person, at=NOW)
        answer = client.call("GET", f"/sessions/{session_id}/roster.xlsx", headers={"Accept-Language": "en"})
    rows = rows_of(answer)
    assert rows[2][:5] == ["No.", "Name", "Phone", "People", "Status"]
    assert rows[3][4] == "confirmed"


def test_no_phone_number_is_in_the_file(desk: Desk, town: TownBuilder) -> None:
    session_id = a_session(town, desk.activity(), NOW + DAY)
    on_list(town, session_id, with_phone(town, "王小明", "13812345678"), ReservationStatus.CONFIRMED)
    answer = desk.get(f"/sessions/{session_id}/roster.xlsx")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"13812345678" not in whole
    assert re.search(rb"138\*{4}5678", whole)


def test_there_is_no_roster_of_an_unknown_session(desk: Desk) -> None:
    answer = desk.get("/sessions/1/roster.xlsx")
    assert (answer.status_code, answer.json["code"]) == (404, "session.unknown")
