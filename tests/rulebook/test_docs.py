"""The worked examples of docs/rulebook.md are rulebooks, and tell what they lead to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from commands.rulebook import group
from rules.clock import ZONE
from rules.rulebook.booking import BookingVerdict
from rules.rulebook.decision import Decision, Line, LineKind
from rules.rulebook.document import parse
from rules.rulebook.words import in_words
from tests.rulebook.story import Story
from tests.rulebook.story import moment as moment_of

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "rulebook.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```\s*```story\n(.*?)```", TEXT, re.DOTALL)
DAY, TIME = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d"
LINE = re.compile(rf"(?P<first>{DAY}(?: {TIME})?)(?:\.\.(?P<last>{DAY}))? (?P<deed>.*)")
FACT = re.compile(r"([\w-]+)=(\S+)")


def value_of(word: str) -> Any:
    """true, false, a number, or else a text."""
    if word in ("true", "false"):
        return word == "true"
    try:
        number = Decimal(word)
    except InvalidOperation:
        return word
    return int(number) if number == number.to_integral_value() else number


def facts_of(words: str) -> dict[str, Any]:
    return {name: value_of(value) for name, value in FACT.findall(words)}


def shown(moment: datetime) -> str:
    """A day where it begins at midnight, else with the time."""
    local = moment.astimezone(ZONE)
    return f"{local:%Y-%m-%d}" if f"{local:%H:%M}" == "00:00" else f"{local:%Y-%m-%d %H:%M}"


class Reader:
    """Reads a story aloud, line by line, before the rulebook of its example."""

    def __init__(self, document: str) -> None:
        self.story = Story.under(document)
        self.said = ""  #: by the line before: its explanations, or why something was refused

    def read(self, line: str) -> None:
        if line.startswith("  says "):
            assert line.removeprefix("  says ") in self.said
        elif line.startswith("person "):
            self.story.standing.person = {**self.story.standing.person, **facts_of(line)}
        else:
            found = LINE.fullmatch(line)
            assert found, f"nobody understands: {line}"
            for moment in self.moments(found["first"], found["last"]):
                self.do(moment, found["deed"])

    @staticmethod
    def moments(first: str, last: str | None) -> Iterator[str]:
        """One moment, or the same time on each day up to another."""
        days = (date.fromisoformat(last) - date.fromisoformat(first[:10])).days if last else 0
        for n in range(days + 1):
            yield (date.fromisoformat(first[:10]) + timedelta(days=n)).isoformat() + first[10:]

    def do(self, moment: str, deed: str) -> None:
        if found := re.fullmatch(r"(\S+) is (\S+)", deed):
            self.story.now = moment_of(moment)
            assert self.story.fact(found[1]) == value_of(found[2]), found[1]
            return
        deed, _, outcome = deed.partition(" -> ")
        assert outcome, f"nothing follows: {deed}"
        for pattern, act in DEEDS:
            if found := re.fullmatch(pattern, deed):
                assert ", ".join(act(self, moment, **found.groupdict())) == outcome, deed
                return
        raise AssertionError(f"nobody understands: {deed}")

    # --- what people do, and what it leads to -------------------------------------------------------------------------

    def book(self, moment: str, starts: str, facts: str) -> list[str]:
        verdict = self.story.book(starts, moment, **facts_of(facts))
        if not verdict.is_allowed:
            return self.refused(verdict.refusals)
        said = ["yes", *self.price(verdict)]
        assert verdict.booking is not None, "the rulebooks here speak of their bookings"
        said += [f"queue {verdict.priority + 1}"] if verdict.booking.priority else []
        released = self.story.released(starts, moment, **facts_of(facts))
        return [*said, *([f"kept until {shown(released)}"] if released else [])]

    def price(self, verdict: BookingVerdict) -> list[str]:
        assert verdict.booking is not None, "what costs is in the rulebook"
        price = Decimal(verdict.price) / self.story.plan.units[verdict.booking.currency]
        return [f"costs {price:f}"] if price else []

    def cancel(self, moment: str, starts: str, facts: str) -> list[str]:
        refusal = self.story.cancel(starts, moment, **facts_of(facts))
        return self.refused([refusal]) if refusal else ["yes"]

    def redeem(self, moment: str, what: str, points: str, facts: str) -> list[str]:
        verdict = self.story.redeem(what, value_of(points), moment, **facts_of(facts))
        if not verdict.is_allowed:
            return self.refused(verdict.refusals)
        return [self.points(name, -amount) for name, amount in verdict.pays.items()]

    def refused(self, refusals: Any) -> list[str]:
        self.said = "\n".join(each.sentence for each in refusals)
        return ["no"]

    def happens(self, moment: str, kind: str, facts: str, subject: str | None = None) -> list[str]:
        decision = self.story.tell(kind, moment, subject or "", **facts_of(facts))
        self.said = "\n".join(line.explanation for line in decision.lines)
        others = [said for line in decision.lines if (said := self.other(line))]
        return [*self.moved(decision), *others] or ["0"]

    def moved(self, decision: Decision) -> list[str]:
        totals = {currency.id: decision.total(currency.id) for currency in self.story.plan.rulebook.currency}
        return [self.points(name, total) for name, total in totals.items() if total]

    def points(self, currency: str, amount: int) -> str:
        """Points of the main currency are a number, others have their word."""
        number = f"{Decimal(amount) / self.story.plan.units[currency]:f}"
        return number if currency == self.story.plan.rulebook.main_currency.id else f"{number} {currency}"

    def other(self, line: Line) -> str | None:
        """What a line says besides points."""
        if line.kind is LineKind.LEVEL:
            return f"{line.rule_id}: {self.level(line)}"
        if line.kind is LineKind.SUSPENSION:
            return f"suspended until {shown(line.until)}" if line.until else "suspended for good"
        if line.kind is LineKind.PENDING and line.due_on:
            return f"pending until {line.due_on}"
        return {
            LineKind.PENDING: "pending",
            LineKind.VOID: f"takes back {line.about}",
            LineKind.WARNING: "warned",
            LineKind.CONSEQUENCE: line.about,
            LineKind.FROZEN: "frozen",
            LineKind.UNFROZEN: "unfrozen",
            LineKind.RIGHT: f"right {line.about}",
        }.get(line.kind)

    def level(self, line: Line) -> str:
        ladder = next(each for each in self.story.plan.rulebook.ladder if each.id == line.rule_id)
        return next((each.id for each in ladder.level if line.about in (each.id, each.title)), "none")


DEEDS: list[tuple[str, Callable[..., list[str]]]] = [
    (rf"book (?P<starts>{DAY} {TIME})(?P<facts>.*)", Reader.book),
    (rf"cancel (?P<starts>{DAY} {TIME})(?P<facts>.*)", Reader.cancel),
    (r"redeem (?P<what>\w+) (?P<points>[\d.]+)(?P<facts>.*)", Reader.redeem),
    (r"(?P<kind>[\w-]+)(?: 《(?P<subject>.*?)》)?(?P<facts>(?: \S+=\S+)*)", Reader.happens),
]


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 15
    assert TEXT.count("```toml") == TEXT.count("```story") == len(EXAMPLES)


@pytest.mark.parametrize(("document", "story"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_leads_to_what_its_story_tells(document: str, story: str) -> None:
    reader = Reader(document)
    for line in story.splitlines():
        reader.read(line)


@pytest.mark.parametrize("document", [each for each, _ in EXAMPLES], ids=range(len(EXAMPLES)))
def test_an_example_can_be_said_in_words(document: str) -> None:
    assert in_words(parse(document))


def test_every_command_stands_on_the_page_with_options_that_it_has() -> None:
    _, _, chapter = TEXT.partition("### Commands")
    said = dict(re.findall(r"^\| `(\w+)((?: [^`]*)?)` \|", chapter.partition("\n## ")[0], re.MULTILINE))
    assert said.keys() == group.commands.keys()
    for name, words in said.items():
        options = {option for param in group.commands[name].params for option in param.opts}
        assert set(re.findall(r"--\w+", words)) <= options, name
