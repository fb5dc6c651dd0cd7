"""docs/groups.md says what is so: its examples are played, its limits held against the house."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from rules.groups.limits import MOST_A_DAY
from tests.build import ApiClient, Person, TownBuilder
from tests.groups.neighbours import group_of, join, pass_all, post_of

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "groups.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```groups\n(.*?)```", TEXT, re.DOTALL)


class Play:
    """Plays an example line by line."""

    def __init__(self, town: TownBuilder, api: ApiClient) -> None:
        self.town, self.api = town, api
        self.people: dict[str, Person] = {}
        self.members: dict[str, str] = {}
        self.responses: dict[str, str] = {}
        self.group: dict[str, Any] = {}
        self.post: dict[str, Any] = {}

    def play(self, line: str) -> None:
        line, _, outcome = line.partition(" -> ")
        for pattern, deed in SENTENCES:
            if found := re.fullmatch(pattern, line):
                answer = deed(self, **found.groupdict())
                pass_all(self.town)
                if answer is not None:
                    self.expect(answer, outcome)
                return
        raise AssertionError(f"nobody understands: {line}")

    def expect(self, answer: TestResponse, outcome: str) -> None:
        if answer.status_code < 300:
            assert not outcome or answer.json["outcome"] == outcome
        else:
            assert answer.json["code"] == outcome

    def as_(self, who: str) -> ApiClient:
        return self.api.as_(self.people.setdefault(who, self.town.resident(f"{who}某某")))

    def found(self, who: str, joining: str, most: str) -> None:
        self.as_(who)
        self.group = group_of(self.town, self.api, self.people[who], joining=joining, member_max=int(most))
        self.members[who] = self.group["my_member_id"]

    def join(self, who: str) -> TestResponse:
        answer = self.as_(who).post(f"/groups/{self.group['id']}/members", {})
        self.members[who] = answer.json.get("member_id")
        return answer

    def leave(self, who: str) -> TestResponse:
        return self.as_(who).delete(f"/groups/{self.group['id']}/membership")

    def hand_over(self, who: str, whom: str) -> TestResponse:
        return self.as_(who).post(f"/groups/{self.group['id']}/handover", {"member_id": self.members[whom]})

    def remove(self, who: str, whom: str) -> TestResponse:
        return self.as_(who).delete(f"/group-members/{self.members[whom]}")

    def look(self, who: str, wanted: str) -> None:
        self.as_(who)
        self.post = post_of(self.town, self.api, self.people[who], wanted=int(wanted))

    def respond(self, who: str) -> TestResponse:
        answer = self.as_(who).post(f"/partner-posts/{self.post['id']}/responses", {"words": "算我一个"})
        self.responses[who] = answer.json["id"]
        return answer

    def accept(self, who: str, whom: str) -> TestResponse:
        return self.as_(who).post(f"/post-responses/{self.responses[whom]}/decision", {"accept": True})

    def write(self, who: str, whom: str) -> TestResponse:
        return self.as_(who).post(f"/post-responses/{self.responses[whom]}/messages", {"words": "几点见"})

    def block(self, who: str, whom: str) -> TestResponse:
        self.found(who, "open", "9")
        self.as_(whom)
        member_id = join(self.api, self.people[whom], self.group)["member_id"]
        return self.as_(who).call("POST", "/me/blocks", {"member_id": member_id})

    def see(self, who: str, posts: str) -> None:
        assert len(self.as_(who).get("/partner-posts").json["items"]) == int(posts)


WHO, WHOM = r"(?P<who>\S)", r"(?P<whom>\S)"
SENTENCES: list[tuple[str, Callable[..., TestResponse | None]]] = [
    (rf"{WHO} founds (?P<joining>\w+) (?P<most>\d+)", Play.found),
    (rf"{WHO} joins", Play.join),
    (rf"{WHO} leaves", Play.leave),
    (rf"{WHO} hands over to {WHOM}", Play.hand_over),
    (rf"{WHO} removes {WHOM}", Play.remove),
    (rf"{WHO} looks for (?P<wanted>\d+)", Play.look),
    (rf"{WHO} responds", Play.respond),
    (rf"{WHO} accepts {WHOM}", Play.accept),
    (rf"{WHO} writes to {WHOM}", Play.write),
    (rf"{WHO} blocks {WHOM} in a group", Play.block),
    (rf"{WHO} sees (?P<posts>\d+)", Play.see),
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_what_happens(town: TownBuilder, api: ApiClient, example: str) -> None:
    play = Play(town, api)
    for line in example.splitlines():
        play.play(line)


def test_the_limits_of_a_day_are_documented() -> None:
    (table,) = re.findall(r"\| a day \|.*?\Z", TEXT, re.DOTALL)
    assert {name: int(most) for name, most in re.findall(r"\| `(\w+)` \| (\d+) \|", table)} == MOST_A_DAY
