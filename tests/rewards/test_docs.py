"""docs/rewards.md says what is so: its examples are played, its refusals are those of the routes."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from models.residents import Role
from rules.clock import utc_now
from rules.rewards.codes import LENGTH, WRONG_MAX
from rules.rewards.donating import return_donations
from rules.rewards.lapsing import tend_redemptions
from tests.build import ApiClient, Person, TownBuilder
from tests.points.hands import give
from tests.rewards.mall import balances, open_mall, redeem, reward, scan
from tests.rewards.test_causes import cause

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "rewards.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```mall\n(.*?)```", TEXT, re.DOTALL)


class Play:
    """Plays an example line by line."""

    def __init__(self, town: TownBuilder, api: ApiClient) -> None:
        self.town, self.api = town, api
        self.reward = 0
        self.cause = ""
        self.people: dict[str, Person] = {}
        self.redemptions: dict[str, dict[str, Any]] = {}

    def play(self, line: str) -> None:
        line, _, outcome = line.partition(" -> ")
        if later := re.fullmatch(r"(\d+) days later (.*)", line):
            with time_machine.travel(utc_now() + timedelta(days=int(later[1])), tick=True):
                return self._play(later[2], outcome)
        return self._play(line, outcome)

    def _play(self, line: str, outcome: str) -> None:
        for pattern, deed in SENTENCES.items():
            if found := re.fullmatch(pattern, line):
                said = getattr(self, deed)(*found.groups())
                assert (said or "") == outcome, line
                return
        raise AssertionError(f"nobody understands: {line}")

    def offer(self, price: str, stock: str) -> None:
        self.reward = reward(self.town, price=int(price), stock=int(stock))

    def has(self, name: str, points: str) -> None:
        if name not in self.people:
            self.people[name] = self.town.resident(name=name)
            give(self.town, self.people[name], int(points))
        assert balances(self.town, self.people[name])[0] == int(points)

    def redeem(self, name: str, quantity: str) -> str:
        answer = redeem(self.api.as_(self.people[name]), self.reward, quantity=int(quantity)).json
        self.redemptions[name] = answer
        return str(answer.get("code") if "detail" in answer else answer["status"])

    def scan(self, name: str) -> str:
        counter = self.api.as_(self.town.staff(Role.SCANNER))
        answer = scan(counter, self.redemptions[name]["code"]).json
        if "detail" in answer:
            return str(answer["code"])
        return "handed out before" if answer["replayed"] else "handed out"

    def give_up(self, name: str) -> str:
        answer = self.api.as_(self.people[name]).delete(f"/redemptions/{self.redemptions[name]['id']}").json
        return str(answer["code"] if "detail" in answer else answer["status"])

    def tend(self, reminded: str, lapsed: str) -> None:
        tended = tend_redemptions(self.town.database, self.town.id)
        assert (tended.reminded, tended.lapsed) == (int(reminded), int(lapsed))

    def open_cause(self, days: str) -> None:
        self.cause = cause(self.town, self.api, until=(utc_now() + timedelta(days=int(days))).isoformat())

    def donate(self, name: str, points: str) -> str:
        answer = self.api.as_(self.people[name]).post(f"/causes/{self.cause}/donations", {"amount": int(points)}).json
        return str(answer["code"] if "detail" in answer else answer["grade"])

    def cancel_cause(self) -> None:
        manager = self.api.as_(self.town.staff(Role.MANAGER))
        assert manager.post(f"/causes/{self.cause}/cancellation", {"reason": "取消"}).status_code == 200

    def give_back(self, count: str) -> None:
        assert return_donations(self.town.database, self.town.id) == (int(count), 0)


SENTENCES = {
    r"soap costs (\d+), (\d+) there": "offer",
    r"(.) has (\d+)": "has",
    r"(.) redeems (\d+) soap": "redeem",
    r"the counter scans (.)'s code": "scan",
    r"(.) gives it up": "give_up",
    r"the run reminds (\d+) and ends (\d+)": "tend",
    r"a cause until (\d+) days from now": "open_cause",
    r"(.) gives (\d+)": "donate",
    r"the cause is cancelled": "cancel_cause",
    r"the run gives back (\d+)": "give_back",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_so(town: TownBuilder, api: ApiClient, example: str) -> None:
    open_mall(town)
    play = Play(town, api)
    for line in example.strip().splitlines():
        play.play(line)


def test_the_numbers_of_the_page_are_those_of_the_rules() -> None:
    assert f"{LENGTH} random characters" in TEXT
    assert f"After {WRONG_MAX} wrong codes" in TEXT
