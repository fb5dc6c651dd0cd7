"""The documents say what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from blueprints.edge.problems import STATUS_OF
from models.checkins import RefusalReason
from models.residents import Role
from settings import SETTING_NAMES
from tests.build import ApiClient, TownBuilder

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_setting_is_documented_and_no_other() -> None:
    of_wsgi_ini = {"APPLICATION", "HTTP_ADDRESS", "WEB_PROCESSES", "WEB_THREADS"}
    rows = re.findall(r"^\| (`.*?) \|", text_of("settings.md"), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]*)`", row)}
    assert documented == set(SETTING_NAMES)
    assert {name for name in of_wsgi_ini if name in text_of("settings.md")} == of_wsgi_ini
    assert all(name in (ROOT / "wsgi.ini").read_text() for name in of_wsgi_ini)


def test_the_example_of_an_error_is_what_is_answered(town: TownBuilder, api: ApiClient) -> None:
    (shown,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", text_of("api.md"), re.DOTALL))
    session = town.session(capacity=1)
    answered = api.as_(town.resident()).post(f"/sessions/{session}/reservations", {"party_size": 2}).json
    assert {**answered, "request_id": None} == {**shown, "request_id": None}


def test_every_reason_of_a_refusal_at_the_door_is_documented() -> None:
    (listed,) = re.findall(r"`reason` is one of `([^`]+)`", text_of("api.md"))
    assert set(listed.split()) == set(RefusalReason)


def test_every_role_is_documented() -> None:
    (listed,) = re.findall(r"a role of staff \(`([^`]+)`\)", text_of("api.md"))
    assert set(listed.split()) == set(Role)


def test_every_status_of_a_refusal_is_documented() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", text_of("api.md"), re.MULTILINE)
    documented = {int(status) for row in rows for status in row.split(",")}
    assert {int(status) for status in STATUS_OF.values()} <= documented


@pytest.mark.parametrize("document", ["README.md", "README.zh-CN.md", "docs/architecture.md"])
def test_what_a_document_points_to_is_there(document: str) -> None:
    path = ROOT / document
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    places = re.findall(r"`((?:rules|models|blueprints|wechat|migrations|demo)/[\w/.]*)`", text)
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []
    assert [place for place in places if not (ROOT / place).exists()] == []
