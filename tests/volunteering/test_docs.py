"""docs/volunteering.md says what is so: its examples are played, its numbers held against the house."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.residents import Role
from rules.volunteering import limits
from rules.volunteering.import_file import HEADER
from tests.build import ApiClient, Person, TownBuilder
from tests.points.spending import spend_points
from tests.rulebook.live import put_in_force
from tests.volunteering.serving import (
    a_session,
    decide,
    entry,
    manager,
    minutes_of,
    points_of,
    records_of,
    serve,
    void,
    write_down,
)

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "volunteering.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```service\n(.*?)```", TEXT, re.DOTALL)
[RULES] = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


class Play:
    """Plays an example line by line."""

    def __init__(self, town: TownBuilder, api: ApiClient) -> None:
        self.town, self.api = town, api
        self.staff = api.as_(town.staff(Role.ORGANISER, Role.MANAGER))
        self.people: dict[str, Person] = {}
        self.sessions: dict[str, int] = {}
        self.record = self.code = ""

    def play(self, line: str) -> None:
        line, _, outcome = line.partition(" -> ")
        for pattern, deed in SENTENCES:
            if found := re.fullmatch(pattern, line):
                deed(self, outcome, **found.groupdict())
                return
        raise AssertionError(f"nobody understands: {line}")

    def who(self, name: str) -> Person:
        if name not in self.people:
            self.people[name] = self.town.resident(f"王{name}", volunteer=True)
        return self.people[name]

    def sign(self, _outcome: str, name: str, minutes: str, session: str) -> None:
        if session not in self.sessions:
            self.sessions[session] = a_session(self.town)
        serve(self.town, self.who(name), self.sessions[session], int(minutes))

    def has(self, _outcome: str, name: str, hours: str, points: str) -> None:
        wanted = {} if hours == "nothing" else dict(reversed(part.split(" ")) for part in hours.split(", "))
        found = {k.value: v for k, v in minutes_of(self.town, self.who(name)).by_provenance().items() if v}
        assert {k: str(v) for k, v in found.items()} == wanted
        assert points_of(self.api, self.who(name)) == int(points)

    def is_star(self, _outcome: str, name: str, star: str) -> None:
        [ladder] = self.api.as_(self.who(name)).get("/me/hours").json["stars"]
        assert ladder["level_title"] == star

    def write(self, outcome: str, minutes: str, name: str) -> None:
        answer = write_down(self.staff, entry(self.who(name), int(minutes)))
        if answer.status_code != 201:
            assert answer.json["code"] == outcome
            return
        [item] = answer.json["items"]
        assert " ".join((item["status"], *item["flags"])) == outcome
        self.record = item["id"]

    def accept(self, outcome: str, by: str) -> None:
        staff = self.staff if by == "the same staff" else manager(self.town, self.api)
        answer = decide(staff, self.record, accepts=True)
        assert answer.json.get("status" if answer.status_code == 200 else "code") == outcome

    def take_back(self, outcome: str) -> None:
        assert void(self.staff, self.record).json["status"] == outcome

    def spend(self, _outcome: str, name: str, points: str) -> None:
        spend_points(self.town, self.who(name), int(points))

    def last_says(self, _outcome: str, name: str, flag: str) -> None:
        assert records_of(self.town, self.who(name))[-1].flags == flag

    def certify(self, _outcome: str, name: str) -> None:
        self.code = self.api.as_(self.who(name)).post("/me/certificates", {}).json["code"]

    def anybody_sees(self, _outcome: str, hours: str, status: str, lowered: str | None) -> None:
        shown = self.api.get(f"/certificates/{self.code}").json
        seen = ", ".join(
            f"{shown['minutes'][each]} {each}" for each in ("signed", "staff", "imported") if shown["minutes"][each]
        )
        assert (seen, shown["status"], shown["lowered_since"]) == (hours, status, lowered is not None)

    def withdraw(self, _outcome: str) -> None:
        answer = manager(self.town, self.api).post(f"/certificates/{self.code}/withdrawal", {"reason": "冒用"})
        assert answer.status_code == 200


SENTENCES: list[tuple[str, Callable[..., Any]]] = [
    (r"(?P<name>\w+) signs (?P<minutes>\d+) minutes in (?P<session>\w+)", Play.sign),
    (r"(?P<name>\w+) has (?P<hours>.+), and (?P<points>\d+) points", Play.has),
    (r"(?P<name>\w+) is (?P<star>\w+)", Play.is_star),
    (r"staff write down (?P<minutes>\d+) minutes of (?P<name>\w+)", Play.write),
    (r"(?P<by>the same staff) accept the last record", Play.accept),
    (r"(?P<by>a manager) accepts the last record", Play.accept),
    (r"staff take the last record back", Play.take_back),
    (r"(?P<name>\w+) spends (?P<points>\d+)", Play.spend),
    (r"the last record of (?P<name>\w+) says (?P<flag>\w+)", Play.last_says),
    (r"(?P<name>\w+) has a certificate made", Play.certify),
    (r"anybody sees (?P<hours>.+): (?P<status>\w+)(?P<lowered>, lowered since)?", Play.anybody_sees),
    (r"a manager withdraws the certificate", Play.withdraw),
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_so(town: TownBuilder, api: ApiClient, example: str) -> None:
    put_in_force(town, f'name = "红星"\n[expiry]\nyears = 1\n{RULES}')
    play = Play(town, api)
    for line in example.strip().splitlines():
        play.play(line)


def test_the_numbers_of_the_page_are_those_of_the_house() -> None:
    assert f"up to {limits.RECORDS_MAX} at a time" in TEXT
    assert f"of the last {limits.ENTRY_DAYS_MAX} days" in TEXT
    assert f"more than {limits.PERSON_DAY_MINUTES_FLAGGED // 60} hours of one person" in TEXT
    assert f"the {limits.ENTRY_RECORDS_UNFLAGGED + 1}st record" in TEXT
    assert f"beyond {limits.ENTRY_MINUTES_UNFLAGGED // 60} hours" in TEXT
    assert f"up to {limits.DECISIONS_MAX} at once" in TEXT
    assert f"holds {limits.PERSON_DAY_MINUTES_MAX:,} minutes" in TEXT
    assert f"`{','.join(HEADER)}`" in TEXT
