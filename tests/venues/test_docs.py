"""docs/venues.md says what is so: its examples are played, its tables held against the house."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from werkzeug.test import TestResponse

from jobs.schedule import JOBS_BY_NAME
from models.residents import Role
from models.venues import Venue
from rules.clock import ZONE, utc_now
from rules.rulebook.document import parse
from rules.venues.bookings import read_booking
from rules.venues.lapsing import lapse_bookings
from rules.venues.terms import wanted_of
from tests.build import RULEBOOK, ApiClient, Person, TownBuilder
from tests.venues.halls import book, hall, monday, tomorrow, use

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "venues.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```venue\n(.*?)```", TEXT, re.DOTALL)


DAY = monday().astimezone(ZONE)


class Play:
    """Plays an example line by line, on next Monday."""

    def __init__(self, town: TownBuilder, api: ApiClient) -> None:
        self.town, self.api = town, api
        self.venue = 0
        self.uses: dict[str, int] = {}
        self.people: dict[str, Person] = {}
        self.bookings: dict[tuple[str, str], str] = {}

    def play(self, line: str) -> None:
        line, _, outcome = line.partition(" -> ")
        for pattern, deed in SENTENCES:
            if found := re.fullmatch(pattern, line):
                deed(self, outcome, **found.groupdict())
                return
        raise AssertionError(f"nobody understands: {line}")

    def hall(self, _outcome: str, settings: str) -> None:
        said = dict(setting.split("=") for setting in settings.split())
        self.venue = hall(self.town, **{name: int(value) for name, value in said.items()}, capacity=200)

    def use(self, _outcome: str, name: str, capacity: str, parts: str) -> None:
        self.uses[name] = use(self.town, self.venue, name, int(capacity), int(parts))

    def book(
        self, outcome: str, begin: str, end: str, who: str = "", use: str | None = None, at: str | None = None
    ) -> None:
        begins, ends = moment(begin), moment(end)
        chosen = {"use_id": self.uses[use]} if use else {}
        with time_machine.travel(moment(at) if at else utc_now(), tick=not at):
            answer = book(self.caller(who), self.venue, begins, ends - begins, **chosen)
        if answer.status_code == 201:
            assert outcome == " ".join(map(str, answer.json["parts"])), answer.text
            self.bookings[who, begin] = answer.json["id"]
        else:
            assert outcome == answer.json["code"]

    def cancel(self, outcome: str, who: str, begin: str) -> None:
        expect(self.caller(who).delete(f"/bookings/{self.bookings[who, begin]}"), outcome)

    def arrive(self, outcome: str, who: str, at: str) -> None:
        (booking,) = (id_ for (person, _), id_ in self.bookings.items() if person == who)
        with time_machine.travel(moment(at), tick=False):
            scanner = self.api.as_(self.town.staff(Role.SCANNER))
            expect(scanner.post(f"/bookings/{booking}/arrival"), outcome)

    def lapse(self, _outcome: str, at: str, what: str) -> None:
        with time_machine.travel(moment(at), tick=False):
            lapsed = lapse_bookings(self.town.database, self.town.id)
        assert (lapsed.expired, lapsed.released) == (0, 0 if what == "nothing lapses" else 1)

    def caller(self, who: str) -> ApiClient:
        person = self.people.setdefault(who, self.town.resident()) if who else self.town.resident()
        return self.api.as_(person)


def moment(time: str) -> datetime:
    """A time of a day that can be booked, the same for all of an example."""
    hour, minute = map(int, time.split(":"))
    return DAY.replace(hour=hour, minute=minute)


def expect(answer: TestResponse, outcome: str) -> None:
    if outcome:
        assert answer.json["code"] == outcome
    else:
        assert answer.status_code == 200, answer.text


TIMES = r"(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)"
SENTENCES: list[tuple[str, Callable[..., None]]] = [
    (r"hall (?P<settings>.+)", Play.hall),
    (r"use (?P<name>\w+) capacity=(?P<capacity>\d+) parts=(?P<parts>\d+)", Play.use),
    (rf"book {TIMES} at (?P<at>\S+)", Play.book),
    (rf"book {TIMES}(?: (?P<use>\w+))?", Play.book),
    (rf"(?P<who>\w+) books {TIMES}", Play.book),
    (r"(?P<who>\w+) cancels (?P<begin>\S+)", Play.cancel),
    (r"(?P<who>\w+) arrives at (?P<at>\S+)", Play.arrive),
    (r"at (?P<at>\S+) (?P<what>nothing lapses|one is released)", Play.lapse),
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_what_happens(town: TownBuilder, api: ApiClient, example: str) -> None:
    play = Play(town, api)
    for line in example.splitlines():
        play.play(line)


def shown(default: int | None) -> str:
    if default is None:
        return "none"
    return {True: "yes", False: "no"}[default] if isinstance(default, bool) else str(default)


def test_the_rules_of_a_room_and_their_defaults_are_documented() -> None:
    (table,) = re.findall(r"\| of a room \|.*?\n\n", TEXT, re.DOTALL)
    rows = re.findall(r"^\| (`.*?) \| (\S+) \|", table, re.MULTILINE)
    said = {name: default for names, default in rows for name in re.findall(r"`(\w+)`", names)}
    columns = {column.name: column for column in Venue.__table__.columns}
    fixed = {"town_id", "id", "service_centre_id", "name", "kind", "capacity", "parts"}
    defaults = {name: column.default.arg if column.default else None for name, column in columns.items()}
    assert said == {name: shown(value) for name, value in defaults.items() if name not in fixed}


def test_the_facts_that_the_rulebook_is_told_are_documented(town: TownBuilder, api: ApiClient) -> None:
    booking = book(api.as_(town.resident()), hall(town), tomorrow(10)).json
    told = town.act(None, lambda work: wanted_of(work, read_booking(work, int(booking["id"])))).facts
    (table,) = re.findall(r"\| fact \|.*?\n\n", TEXT, re.DOTALL)
    said = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert said == set(told)


def test_the_section_of_a_rulebook_is_one() -> None:
    (section,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert tomllib.loads(section)
    assert parse(RULEBOOK + section).booking[0].id == "court"


def test_what_the_page_points_to_is_there() -> None:
    places: list[Any] = re.findall(r"`((?:rules|models|tests)/[\w/.]*)`", TEXT)
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []
    assert "bookings" in JOBS_BY_NAME
