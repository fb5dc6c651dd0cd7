"""What a rulebook says about an event. Pure: no session, no clock, no randomness."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from rules.clock import local_day
from rules.rulebook.document import Rulebook


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as the rules see it."""

    kind: str  #: one of document.EVENTS
    occurred_at: datetime
    subject: str  #: what it was about, in words: the activity's title
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Award:
    """Points that a rule gives for an event, with the reason and the arithmetic in words."""

    rule_id: str
    amount: int
    expires_on: date
    explanation: str


def evaluate(rulebook: Rulebook, happening: Happening) -> list[Award]:
    """The awards for an event, in the order of the rules; empty when no rule speaks of it."""
    expires_on = rulebook.expiry_of(local_day(happening.occurred_at))
    return [
        Award(
            rule.id,
            rule.amount * happening.quantity,
            expires_on,
            f"{rule.title}《{happening.subject}》："
            f"每{rule.unit} {rule.amount} 分 × {happening.quantity} {rule.unit} = {rule.amount * happening.quantity} 分，"
            f"有效期至 {expires_on.isoformat()}（{rulebook.name}，规则 {rule.id}）",
        )
        for rule in rulebook.earn
        if rule.event == happening.kind
    ]
