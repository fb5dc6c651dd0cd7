"""docs/territory.md says what is so: its examples are played, what it points to is there."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask

from rules.clock import ZONE
from tests.build import ApiClient, TownBuilder
from tests.edge.test_permissions import routes
from tests.territory.centres import Desk, door

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "territory.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```hours\n(.*?)```", TEXT, re.DOTALL)


def in_words(shown: tuple[bool, str | None, str | None]) -> str:
    is_open, until, opens = shown
    moment = until if is_open else opens
    return f"{'open' if is_open else 'closed'} until {moment and moment[:16].replace('T', ' ')}"


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_door_says_what_the_page_says(town: TownBuilder, api: ApiClient, example: str) -> None:
    desk, asked = Desk(town, api), []
    days: dict[str, list[list[str]]] = {}
    for line in example.splitlines():
        if line.startswith("at "):
            asked.append(line.removeprefix("at ").split(" -> "))
        else:
            day, *spans = line.split()
            days[day] = [] if spans == ["closed"] else [each.split("-") for each in spans]
    desk.hours(**days)
    assert asked
    for moment, outcome in asked:
        now = datetime.fromisoformat(moment).replace(tzinfo=ZONE)
        assert in_words(door(api, desk.centre, now)) == outcome


def test_what_the_page_points_to_is_there(app: Flask) -> None:
    places = re.findall(r"`((?:rules|models|tests)/[\w/.]*)`", TEXT)
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []
    known = {re.sub(r"<\w+:\w+>", "{id}", route).replace("/api/v1", "") for route in routes(app)}
    said = re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`? ]+)", re.sub(r"\s+", " ", TEXT))
    assert len(said) > 10
    assert [each for each in said if each not in known] == []
