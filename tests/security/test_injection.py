"""Protects what is asked for, stored, logged and handed out from words that want to be more than words."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest
import structlog
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from blueprints.edge.fields import visible
from models.activities import Activity
from models.residents import Resident
from rules.ledger.transactions import Cause
from rules.ledger.transferring import Correction, adjust
from rules.work import Work
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.edge.helpers import open_at, problem_of
from tests.residents.rights import unzipped
from tests.residents.signing import refusal, sign_in_staff

NASTY = [
    "' OR '1'='1",
    "'; DROP TABLE activity; --",
    '" OR ""="',
    "1) UNION SELECT password_hash FROM staff --",
    "%",
    "_",
    "%%%%",
    "\\",
    "\\%",
    "$(id)",
    "{{7*7}}",
    "${jndi:ldap://x/y}",
    "%(town)s",
    ":town",
    "../../etc/passwd",
]


@pytest.mark.parametrize("words", NASTY)
def test_a_search_looks_for_words_and_for_nothing_else(town: TownBuilder, api: ApiClient, words: str) -> None:
    town.session(activity_id=town.activity(title="早教"))
    assert len(api.get("/activities", q="早教").json["items"]) == 1
    for path in ("/activities", "/communities", "/estates", "/venues", "/rewards", "/search"):
        answer = api.get(path, q=words)
        assert answer.status_code in {200, 422}, (path, answer.text)
        if path == "/activities":
            assert answer.json["items"] == []
    assert len(town.rows(Activity.id)) == 1


def test_words_are_stored_as_they_were_written(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    for words in ("'; DROP TABLE resident; --", "<script>alert(1)</script>", "=1+1"):
        assert api.as_(resident).call("PATCH", "/me", {"name": words}).json["name"] == words
        assert town.rows(Resident.name, id=resident.id) == [(words,)]


@pytest.mark.parametrize("name", ["' OR '1'='1", "admin'--", 'x" OR "x"="x', "%"])
def test_nobody_signs_in_by_a_trick_in_the_name(api: ApiClient, name: str) -> None:
    assert refusal(sign_in_staff(api, name)) == (401, "auth.credentials_wrong")


# What nobody sees


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("王\u200b小\u2060明", "王小明"),
        ("\ufeff王小明", "王小明"),
        ("王\u202e明小", "王明小"),
        ("\u2066王小明\u2069", "王小明"),
        ("王\u00ad小明", "王小明"),
        ("王小明\u2028", "王小明"),
        ("王\U000e0041小明", "王小明"),
        ("a\u200db", "ab"),
        ("\u200d王", "王"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("王e\u0301", "王é"),
    ],
)
def test_what_nobody_sees_is_not_stored(town: TownBuilder, api: ApiClient, written: str, kept: str) -> None:
    me = api.as_(town.resident())
    assert me.call("PATCH", "/me", {"name": written}).json["name"] == kept


@pytest.mark.parametrize("written", ["王\0小明", "王\x1b[31m", "王\u0085明", "\u200b", "\u202e"])
def test_control_characters_and_names_of_nothing_are_refused(town: TownBuilder, api: ApiClient, written: str) -> None:
    resident = town.resident("王小明")
    refused = api.as_(resident).call("PATCH", "/me", {"name": written})
    assert list(problem_of(refused, 422, "request.invalid")["errors"]) == ["name"]
    assert town.rows(Resident.name, id=resident.id) == [("王小明",)]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20))
def test_whatever_is_written_shows_all_of_itself_and_stays_so(written: str) -> None:
    shown = visible(written)
    assert visible(shown) == shown
    assert not {"\u202e", "\u200b", "\ufeff", "\u2028", "\u2066"} & set(shown)


# Files, headers, the log


def test_a_statement_is_no_formula(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    reason = '=HYPERLINK("http://evil.example")'

    def give(work: Work) -> None:
        adjust(work, fresh_key(), Correction(resident.id, 5, date(2090, 1, 1), Cause("test", reason, work.now)))

    town.act(None, give)
    me = api.as_(resident)
    asked = me.post("/me/exports", {}).json
    files = unzipped(me.get(f"/me/exports/{asked['id']}"))
    text = files["statement-points.csv"].decode("utf-8-sig")
    cells = [cell for line in csv.reader(io.StringIO(text)) for cell in line]
    assert f"'{reason}" in cells
    assert not [cell for cell in cells if cell.startswith("=")]


@pytest.mark.parametrize("header", ["X-Request-Id", "Accept-Language", "Idempotency-Key", "If-None-Match", "Host"])
def test_no_header_writes_another(app: Flask, town: TownBuilder, header: str) -> None:
    answer = open_at(app, f"/api/v1/communities?town={town.code}", headers={header: "x\x0bSet-Cookie: a=b"})
    assert answer.status_code in {200, 304, 400}
    assert "Set-Cookie" not in answer.headers
    assert "a=b" not in str(answer.headers)


def test_no_word_begins_a_line_of_the_log() -> None:
    *_, as_json = structlog.get_config()["processors"]
    forged = 'x\n{"event": "forged"}\r\n\u2028\x1b[2J'
    line = as_json(None, "info", {"event": forged, "route": forged})
    assert "\n" not in line
    assert "\r" not in line
    assert "\x1b" not in line
    assert json.loads(line)["event"] == forged


def test_a_line_of_the_log_names_no_path_that_was_asked(app: Flask) -> None:
    with capture_logs() as lines:
        open_at(app, "/%0a{%22event%22:%22forged%22}")
    assert [line["route"] for line in lines if line["event"] == "request.answered"] == ["unknown"]
    assert "forged" not in repr(lines)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000, 400),
        (b'{"a":' * 5_000, 400),
        (b'{"name": 1e999}', 400),
        (b'{"name": NaN}', 400),
        (b"\xff\xfe{}", 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": "a", "name": "' + b"x" * 500_000 + b'"}', 422),
        (b" " * 524_289, 413),
    ],
)
def test_a_body_that_wants_to_break_the_reader_is_refused(
    town: TownBuilder, api: ApiClient, body: bytes, status: int
) -> None:
    refused = api.as_(town.resident()).call("PATCH", "/me", data=body, content_type="application/json")
    assert refused.status_code == status, refused.text[:200]
