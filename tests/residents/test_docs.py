"""The examples of docs/people.md are what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from models.residents import Role
from rules.errors import RuleError
from tests.build import ApiClient, TownBuilder
from tests.residents.people import years_ago

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "people.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```people\n(.*?)```", TEXT, re.DOTALL)
LINE = re.compile(
    r"(?P<who>\w+) (?P<method>[A-Z]+) (?P<path>\S+)(?: (?P<body>\{.*\}))? -> (?P<status>\d+)"
    r"(?: (?P<code>[a-z_]+\.[a-z_]+))?(?: as (?P<name>\w+))?"
)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_what_happens(town: TownBuilder, api: ApiClient, example: str) -> None:
    play(town, api, example)


def play(town: TownBuilder, api: ApiClient, example: str) -> None:
    """Call what an example calls, line by line, and compare."""
    people = {name: town.resident() for name in ("daughter", "mother", "neighbour")}
    callers = {"visitor": api, **{name: api.as_(person) for name, person in people.items()}}
    callers["desk"] = api.as_(town.staff(Role.SCANNER, at=town.community_id))
    callers["elsewhere"] = api.as_(town.staff(Role.SCANNER, at=town.other_community_id))
    known = {name: str(person.id) for name, person in people.items()}
    known |= {"place": str(town.community_id), "session": str(town.session()), "venue": str(town.venue_id)}
    known |= {"six years ago": years_ago(6), "eighteen years ago": years_ago(18)}
    for line in example.splitlines():
        found = LINE.fullmatch(re.sub(r"\{([a-z ]+)\}", lambda part: known[part[1]], line))
        assert found is not None, f"nobody understands: {line}"
        body = json.loads(found["body"]) if found["body"] else None
        key = f"example-{len(known)}-{abs(hash(line))}"
        path, _, query = found["path"].partition("?")
        answer = callers[found["who"]].call(
            found["method"], path, body, key=key, query_string=dict(re.findall(r"(\w+)=(\w+)", query))
        )
        assert answer.status_code == int(found["status"]), (line, answer.text)
        if found["code"]:
            assert answer.json["code"] == found["code"], line
        if found["name"]:
            known[found["name"]] = answer.json["id"]


def test_every_refusal_that_the_page_names_exists() -> None:
    named = {code for code in re.findall(r"`([a-z_]+\.[a-z_]+)`", TEXT) if not code.endswith((".py", ".md", ".ics"))}
    assert named <= set(RuleError.registry)
