"""What the rules say of an event: lines, each with its explanation, and what changes by them.

Nobody changes them once they are made; they aren't frozen, because freezing costs a tenth of an evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from rules.rulebook.standing import NEVER, Changes


class LineKind(StrEnum):
    AWARD = "award"
    DEDUCTION = "deduction"
    NOTHING = "nothing"  #: a rule speaks of the event and gives nothing: why not
    PENDING = "pending"  #: waits for an approval, or for the end of the days in which it may be objected to
    CONVERSION = "conversion"  #: the part of it that leaves a currency; the part that enters the other is an award
    VOID = "void"  #: takes back what another event earned
    WARNING = "warning"
    SUSPENSION = "suspension"
    CONSEQUENCE = "consequence"  #: something that staff do
    FROZEN = "frozen"
    UNFROZEN = "unfrozen"
    LEVEL = "level"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as the rules see it."""

    kind: str  #: a word of the rulebook: "checkin"
    occurred_at: datetime
    subject: str = ""  #: what it was about, in words: the activity's title
    facts: Mapping[str, Any] = field(default_factory=dict)  #: texts, numbers, true and false; `minutes`, `late`


@dataclass(slots=True)
class Line:
    """One thing that a rule says."""

    kind: LineKind
    rule_id: str
    explain: Callable[[], str] = field(compare=False, repr=False)
    currency: str = ""
    amount: int = 0  #: points that come or go, in the smallest unit, never below 0; 0 where no points move
    expires_on: date = NEVER  #: the last good day of points that come
    due_on: date | None = None  #: of what is pending: the day after the last objection
    until: datetime | None = None  #: of a suspension; None: for good
    about: str = ""  #: the level, the right, the event that is voided, the approver who is missing
    lots: tuple[tuple[date, int], ...] = ()  #: of points that go: from which lots, first to lapse first

    @property
    def explanation(self) -> str:
        """The reason in words, with the arithmetic."""
        return self.explain()


@dataclass(slots=True)
class Use:
    """What a rule used up of a limit."""

    name: str  #: of the counter
    bucket: str
    count: int
    most: int


@dataclass(slots=True)
class Decision:
    """All that the rules say of one event, in the order in which it holds."""

    lines: Sequence[Line]
    changes: Changes
    uses: Mapping[str, Sequence[Use]] = field(
        default_factory=dict
    )  #: of limits, by rule; they are among the changes too

    def of(self, *kinds: LineKind) -> list[Line]:
        """The lines of some kinds."""
        return [line for line in self.lines if line.kind in kinds]

    @property
    def awards(self) -> list[Line]:
        return self.of(LineKind.AWARD)

    def total(self, currency: str) -> int:
        """Points that come less points that go."""
        comes = sum(line.amount for line in self.awards if line.currency == currency)
        goes = self.of(LineKind.DEDUCTION, LineKind.CONVERSION)
        return comes - sum(line.amount for line in goes if line.currency == currency)
