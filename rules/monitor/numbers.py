"""What was counted, day by day, and the numbers that are made of it: sums of days, states at the end, and ratios of both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from rules.monitor.definitions import Kind, Measure
from rules.monitor.measures import MEASURES

Counts: TypeAlias = dict[date, int]


@dataclass(frozen=True, slots=True)
class Value:
    """A number. None: nothing to divide by, or not known (of a state whose day has no snapshot)."""

    value: float | int | None
    numerator: int | None = None  #: of ratios
    denominator: int | None = None


@dataclass(slots=True)
class Numbers:
    """Counters by measure and key, day by day. States have a day only where they are known."""

    flows: dict[tuple[str, str], Counts] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    states: dict[tuple[str, str], Counts] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    known_states: set[tuple[str, date]] = field(default_factory=set)  #: measure and day; a missing key is 0 there
    keys: set[str] = field(default_factory=set)

    def of(self, measure: Measure, key: str, first: date, last: date) -> Value:
        """A measure of the days from one to another."""
        if measure.over is not None:
            above, below = (self._count(MEASURES[name], key, first, last) for name in measure.over)
            if above is None or not below:
                return Value(None, above, below)
            divisors = [MEASURES[name].divisor for name in measure.over]
            return Value(above * divisors[1] / (below * divisors[0]), above, below)
        count = self._count(measure, key, first, last)
        return Value(count if count is None or measure.divisor == 1 else count / measure.divisor)

    def _count(self, measure: Measure, key: str, first: date, last: date) -> int | None:
        if measure.kind is Kind.STATE:
            if (measure.name, last) not in self.known_states:
                return None
            days = self.states.get((measure.name, key))
            return days.get(last, 0) if days else 0
        days = self.flows.get((measure.name, key))
        if first == last:
            return days.get(first, 0) if days else 0
        return sum(count for day, count in days.items() if first <= day <= last) if days else 0
