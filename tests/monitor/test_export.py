"""Protects files of the monitoring: the numbers of the board, and nothing in them that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Any

import pytest
from flask import Flask

from blueprints.edge.house import House
from rules.csv_text import BYTE_ORDER_MARK, write_lines
from tests.monitor.boards import Numbers, numbers

ATTENDED = "reservations.attended"
TABLES = {
    "/overview": {},
    "/scenes": {},
    "/operators": {},
    "/communities": {},
    "/estates": {},
    "/venues": {},
    "/venues#hours": {"table": "hours"},
    "/points": {},
    "/points#liability": {"table": "liability"},
    "/points#rules": {"table": "rules"},
    "/points#budgets": {"table": "budgets"},
    "/series": {"measure": ATTENDED},
    f"/measures/{ATTENDED}/rows": {},
    "/patterns": {},
}
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def shown(app: Flask, house: House) -> Numbers:
    return numbers(app, house)


def lines_of(answer: Any) -> list[list[str]]:
    text = answer.data.decode("utf-8")
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline=""), strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠A1",
        '=HYPERLINK("http://x","y")',
        "\x00=1",
    ],
)
def test_a_text_that_looks_like_a_formula_stays_text(text: str) -> None:
    [[cell, number]] = csv.reader(io.StringIO(write_lines([[text, -1.5]]).removeprefix(BYTE_ORDER_MARK), newline=""))
    assert cell.startswith("'")
    assert number == "-1.5"


def test_quotes_commas_lines_and_nothing_at_all_survive() -> None:
    lines = [['社区"一", 二', "a\nb", None, 0], ["", "x", 1, 0.5]]
    read = csv.reader(io.StringIO(write_lines(lines).removeprefix(BYTE_ORDER_MARK), newline=""), strict=True)
    assert list(read) == [['社区"一", 二', "a\nb", "", "0"], ["", "x", "1", "0.5"]]


def test_every_table_comes_as_csv_and_as_a_workbook(shown: Numbers) -> None:
    for table, query in TABLES.items():
        path = table.partition("#")[0]
        as_csv, as_xlsx = (shown.ask(path, format=form, **query) for form in ("csv", "xlsx"))
        assert (as_csv.status_code, as_csv.mimetype) == (200, "text/csv"), (table, as_csv.text)
        assert (as_xlsx.status_code, as_xlsx.mimetype) == (200, SPREADSHEET), table
        lines = lines_of(as_csv)
        assert {len(line) for line in lines} == {len(lines[0])}, table
        for answer, form in ((as_csv, "csv"), (as_xlsx, "xlsx")):
            assert re.search(rf"attachment; .*\.{form}$", answer.headers["Content-Disposition"])
        with zipfile.ZipFile(io.BytesIO(as_xlsx.data)) as book:
            assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


def test_a_file_has_the_boards_numbers_and_its_headings_in_the_callers_language(shown: Numbers) -> None:
    board = shown.ask("/operators").json
    headings, *rows = lines_of(shown.ask("/operators", format="csv"))
    names = [column["title"] for column in board["columns"]]
    at = next(n for n, heading in enumerate(headings) if heading.startswith(names[1]) and "得分" not in heading)
    assert [row[at] for row in rows] == [str(row["cells"][board["columns"][1]["name"]]) for row in board["rows"]]
    assert rows[1][0] == "'=HYPERLINK(邻里服务社)"
    english = shown.auditor.call(
        "GET", "/monitor/operators", headers={"Accept-Language": "en"}, query_string={"format": "csv"}
    )
    assert lines_of(english)[0][:3] == ["Operator", "Rank", "Score"]


def test_rows_behind_a_number_are_a_file_that_adds_up_to_it_whatever_the_page(shown: Numbers) -> None:
    _, *rows = lines_of(shown.ask(f"/measures/{ATTENDED}/rows", format="csv", limit=1))
    assert (len(rows), sum(int(row[-1]) for row in rows)) == (13, 13)
