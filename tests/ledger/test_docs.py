"""The worked examples of docs/ledger.md are what the ledger does."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from rules.clock import local_day, local_moment
from rules.errors import RuleError
from rules.ledger.explaining import ExplainedPart, explain_balance, explain_txn
from rules.ledger.reading import read_wallet
from rules.ledger.transactions import Receipt
from rules.work import Work
from tests.build import Person
from tests.ledger.clerk import Clerk

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```ledger\n(.*?)```", TEXT, re.DOTALL)


class Reader:
    """Reads an example aloud, line by line, to a clerk."""

    def __init__(self, clerk: Clerk, travel: time_machine.Coordinates) -> None:
        self.clerk, self.travel = clerk, travel
        self.people: dict[str, Person] = {}
        self.receipts: dict[str, Receipt] = {}
        self.keys: dict[str, str] = {}

    def read(self, line: str) -> None:
        line, _, code = line.partition(" -> ")
        expected: AbstractContextManager[Any] = pytest.raises(RuleError.registry[code]) if code else nullcontext()
        for pattern, deed in SENTENCES:
            if found := re.fullmatch(pattern, line):
                with expected:
                    deed(self, **found.groupdict())
                return
        raise AssertionError(f"nobody understands: {line}")

    def person(self, name: str) -> Person:
        if name not in self.people:
            self.people[name] = self.clerk.town.resident()
        return self.people[name]

    def keep(self, name: str | None, receipt: Receipt) -> None:
        if name:
            self.receipts[name] = receipt

    def begin(self, day: str) -> None:
        self.travel.move_to(local_moment(date.fromisoformat(day), "12:00"))

    def earn(self, who: str, amount: str, until: str, name: str | None) -> None:
        self.keep(name, self.clerk.earn(self.person(who), int(amount), date.fromisoformat(until)))

    def spend(self, who: str, amount: str, key: str | None, name: str | None) -> None:
        self.keep(name, self.clerk.spend(self.person(who), int(amount), key=key))

    def hold(self, who: str, amount: str, days: str, name: str) -> None:
        now = self.clerk.town.act(None, lambda work: work.now)
        self.keep(name, self.clerk.hold(self.person(who), int(amount), now + timedelta(days=int(days))))

    def capture(self, name: str, amount: str) -> None:
        self.clerk.capture(self.receipts[name], int(amount))

    def void(self, name: str, amount: str) -> None:
        self.clerk.void(self.receipts[name], int(amount))

    def reverse(self, name: str, amount: str | None) -> None:
        self.clerk.reverse(self.receipts[name], int(amount) if amount else None)

    def give(self, who: str, amount: str, whom: str) -> None:
        self.clerk.transfer(self.person(who), self.person(whom), int(amount))

    def expire(self, amount: str) -> None:
        assert self.clerk.expire().points == int(amount)

    def release(self) -> None:
        assert self.clerk.release() > 0

    def check(self, who: str, amount: str, lots: str | None) -> None:
        person = self.person(who)
        assert self.clerk.spendable(person) == int(amount)
        told = re.findall(r"(\d+) until (\S+?)(?:,|$)", lots or "")
        today = self.clerk.town.act(None, lambda work: local_day(work.now))
        good = {day: left for day, left in self.clerk.lots(person).items() if day >= today}
        assert good == {date.fromisoformat(day): int(left) for left, day in told}
        self.clerk.audit()

    def explain(self, who: str, amount: str, sources: str) -> None:
        def deed(work: Work) -> list[ExplainedPart]:
            wallet = read_wallet(work, self.person(who).id)
            return list(explain_balance(work, wallet, local_day(work.now), None, 100).items)

        self.compare(self.clerk.town.act(None, deed), sources)
        assert sum(int(each) for each in re.findall(r"(\d+) of", sources)) == int(amount)

    def explain_spent(self, name: str, sources: str) -> None:
        def deed(work: Work) -> list[ExplainedPart]:
            (owner,) = self.people.values()
            return list(explain_txn(work, read_wallet(work, owner.id), self.receipts[name].txn_id).came_from)

        self.compare(self.clerk.town.act(None, deed), sources)

    def compare(self, parts: list[ExplainedPart], sources: str) -> None:
        told = [(int(amount), self.receipts[name].txn_id) for amount, name in re.findall(r"(\d+) of (\w+)", sources)]
        assert [(part.amount, part.earned.txn_id) for part in parts] == told


SENTENCES: list[tuple[str, Callable[..., None]]] = [
    (r"on (?P<day>\S+)", Reader.begin),
    (r"(?P<who>\S+) earns (?P<amount>\d+) until (?P<until>\S+)(?: as (?P<name>\w+))?", Reader.earn),
    (r"(?P<who>\S+) spends (?P<amount>\d+)(?: under the key (?P<key>\w+))?(?: as (?P<name>\w+))?", Reader.spend),
    (r"(?P<who>\S+) holds (?P<amount>\d+) for (?P<days>\d+) days as (?P<name>\w+)", Reader.hold),
    (r"(?P<name>\w+) is captured (?P<amount>\d+)", Reader.capture),
    (r"(?P<name>\w+) is voided (?P<amount>\d+)", Reader.void),
    (r"(?P<name>\w+) is reversed(?: (?P<amount>\d+))?", Reader.reverse),
    (r"(?P<who>\S+) gives (?P<amount>\d+) to (?P<whom>\S+)", Reader.give),
    (r"the nightly run books (?P<amount>\d+) points", Reader.expire),
    (r"lapsed holds are released", Reader.release),
    (r"(?P<who>\S+) has (?P<amount>\d+)(?:: (?P<lots>.*))?", Reader.check),
    (r"(?P<who>\S+)'s (?P<amount>\d+) come from: (?P<sources>.*)", Reader.explain),
    (r"(?P<name>\w+) came from: (?P<sources>.*)", Reader.explain_spent),
]


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 7


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_what_the_ledger_does(clerk: Clerk, example: str) -> None:
    with time_machine.travel(local_moment(date(2027, 11, 15), "12:00"), tick=False) as travel:
        reader = Reader(clerk, travel)
        for line in example.splitlines():
            reader.read(line)
        clerk.audit()
