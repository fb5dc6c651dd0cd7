"""A person's story before a rulebook: events one after the other, each judged as things stand by then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from rules.clock import ZONE, local_day
from rules.rulebook.booking import (
    BookingVerdict,
    Refusal,
    judge_booking,
    judge_cancellation,
    judge_change,
    leave_minutes,
    released_at,
)
from rules.rulebook.case import Case
from rules.rulebook.decision import Decision, Happening, LineKind
from rules.rulebook.document import Rulebook, parse
from rules.rulebook.evaluation import evaluate
from rules.rulebook.plan import Plan
from rules.rulebook.redeeming import RedemptionVerdict, judge_redemption
from rules.rulebook.sections.redemption import For
from rules.rulebook.standing import FOR_GOOD, Standing, apply

PUBLISHED = Path(__file__).parents[2] / "rules" / "rulebook" / "published"


def moment(text: str) -> datetime:
    """ "2026-03-02" (at noon) or "2026-03-02 17:30", in the community's zone."""
    if " " not in text:
        text += " 12:00"
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZONE)


def plan_of(place: str) -> Plan:
    """The published rulebook of a place."""
    return Plan(parse((PUBLISHED / f"{place}.toml").read_text(encoding="utf-8")))


@dataclass
class Story:
    """Who it is about, and where they stand."""

    plan: Plan
    standing: Standing = field(default_factory=Standing)
    now: datetime = field(default_factory=lambda: moment("2026-03-02"))

    @classmethod
    def at(cls, place: str, *, opened: str | None = None, **person: Any) -> Story:
        """A person under the published rulebook of a place; `opened`: the day on which the account was opened."""
        return cls.under(plan_of(place), opened=opened, **person)

    @classmethod
    def under(cls, rules: Plan | Rulebook | str, *, opened: str | None = None, **person: Any) -> Story:
        """A person under a rulebook, which may be given as a document."""
        if isinstance(rules, str):
            rules = parse(rules)
        story = cls(rules if isinstance(rules, Plan) else Plan(rules), Standing(person=person))
        if opened is not None:
            story.tell("account_opened", opened)
        return story

    def tell(self, kind: str, on: str | None = None, subject: str = "", /, **facts: Any) -> Decision:
        """An event of this kind, at a moment (noon if only the day is given; the last event's if none), and its effect."""
        self.now = self.now if on is None else moment(on)
        decision = evaluate(self.plan, Happening(kind, self.now, subject, facts), self.standing)
        apply(self.standing, decision.changes)
        return decision

    def points(self, currency: str | None = None) -> Decimal:
        """The balance on the day of the last event."""
        currency = currency or self.plan.rulebook.main_currency.id
        balance = self.standing.balance(currency, local_day(self.now))
        return Decimal(balance) / self.plan.units[currency]

    def earns(self, kind: str, on: str | None = None, currency: str | None = None, **facts: Any) -> Decimal:
        """Points that come less points that go by an event."""
        currency = currency or self.plan.rulebook.main_currency.id
        return Decimal(self.tell(kind, on, **facts).total(currency)) / self.plan.units[currency]

    def fact(self, name: str) -> Any:
        """A fact as conditions see it now: `tally.month`, `balance.points`, `total.score`."""
        return Case(self.plan, Happening("look", self.now), self.standing).fact(name)

    def later(self, days: int) -> str:
        """The day so many days after the last event's."""
        return (local_day(self.now) + timedelta(days=days)).isoformat()

    def level(self, ladder: str) -> str | None:
        """The id of the level reached; with a cycle, the level within it."""
        rank = self.standing.levels.get(ladder, 0)
        levels = next(each for each in self.plan.rulebook.ladder if each.id == ladder).level
        return levels[(rank - 1) % len(levels)].id if rank else None

    def is_frozen(self, freeze: str) -> bool:
        return freeze in self.standing.frozen

    def suspended_until(self, penalty: str) -> date | None:
        """The day on which the right returns; None: there is no suspension, or it is over."""
        until = [each for name, each in self.standing.suspended.items() if name.split("|")[0] == penalty]
        return local_day(max(until)) if until and max(until) > self.now else None

    def is_suspended_for_good(self, penalty: str) -> bool:
        return FOR_GOOD in [each for name, each in self.standing.suspended.items() if name.split("|")[0] == penalty]

    def book(self, starts: str, on: str | None = None, /, **facts: Any) -> BookingVerdict:
        """What the rulebook says of a booking; one that is allowed is made."""
        self.now = self.now if on is None else moment(on)
        wish = Happening("booked", self.now, "", facts)
        verdict = judge_booking(self.plan, wish, self.standing, moment(starts))
        if verdict.is_allowed:
            self.tell("booked", None, **facts)
        return verdict

    def cancel(self, starts: str, on: str | None = None, /, **facts: Any) -> Refusal | None:
        """Why a booking can't be cancelled; None: it is cancelled."""
        self.now = self.now if on is None else moment(on)
        wish = Happening("cancelled", self.now, "", facts)
        refusal = judge_cancellation(self.plan, wish, self.standing, moment(starts))
        if refusal is None:
            self.tell("cancelled", None, **facts)
        return refusal

    def may_change(self, changed_before: int, **facts: Any) -> Refusal | None:
        return judge_change(self.plan, Happening("changed", self.now, "", facts), self.standing, changed_before)

    def released(self, starts: str, on: str, **facts: Any) -> datetime | None:
        """When a place is released that was booked at a moment and isn't used."""
        return released_at(self.plan, Happening("booked", moment(on), "", facts), self.standing, moment(starts))

    def leave(self, **facts: Any) -> int | None:
        return leave_minutes(self.plan, Happening("left", self.now, "", facts), self.standing)

    def redeem(self, what: str, points: Any, on: str | None = None, /, **facts: Any) -> RedemptionVerdict:
        """What the rulebook says of a redemption; one that is allowed is made, and its points are spent."""
        self.now = self.now if on is None else moment(on)
        facts |= {"for": what, "points": points}
        wish = Happening("redeemed", self.now, "", facts)
        verdict = judge_redemption(self.plan, For(what), wish, self.standing)
        if verdict.is_allowed:
            self.tell("redeemed", None, **facts)
            for currency, amount in verdict.pays.items():
                self._spend(currency, amount)
        return verdict

    def _spend(self, currency: str, amount: int) -> None:
        lots = self.standing.lots[currency]
        for last in sorted(lots):
            part = min(lots[last], amount) if last >= local_day(self.now) else 0
            lots[last] -= part
            amount -= part
        assert amount == 0, "the verdict said that there is enough"


def codes(refused: BookingVerdict | RedemptionVerdict) -> list[str]:
    """The codes of a verdict's refusals."""
    return [refusal.code for refusal in refused.refusals]


def reasons(decision: Decision) -> str:
    """All explanations of a decision, a line each."""
    return "\n".join(line.explanation for line in decision.lines)


def kinds(decision: Decision) -> list[LineKind]:
    return [line.kind for line in decision.lines]
