"""Where somebody stands in the eyes of the rules: what they hold, what is counted of them, what is in force for them.

A standing goes into an evaluation and is not touched by it; what the evaluation wants changed comes out as `Changes`.
`apply` makes the next standing of them: for a replay, the demo, a test. The database keeps points in the ledger, what
awards used up of limits in `rule_usage`, and the rest in the tables of models/rulebook.py: `rules.rulebook.standings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

#: The last good day of points that never lapse, and of what is owed.
NEVER = date(9999, 12, 31)
#: The end of a suspension that has none.
FOR_GOOD = datetime(9999, 12, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze that is in force: since when, and what was gathered towards each of its ways out."""

    since: datetime
    collected: Mapping[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Standing:
    """Of one holder of an account. Points are in their smallest units, counts in whole numbers (`quantities`)."""

    person: Mapping[str, Any] = field(default_factory=dict)
    lots: dict[str, dict[date, int]] = field(default_factory=dict)  #: by currency and last good day
    earned: dict[str, int] = field(default_factory=dict)  #: ever, by currency; spending doesn't lower it
    counters: dict[str, dict[str, int]] = field(default_factory=dict)  #: by name and bucket
    levels: dict[str, int] = field(default_factory=dict)  #: the rank reached in each ladder, 1 for the first level
    frozen: dict[str, Frozen] = field(default_factory=dict)
    suspended: dict[str, datetime] = field(default_factory=dict)  #: by penalty: until when

    def balance(self, currency: str, day: date) -> int:
        """What is good on a day."""
        return sum(amount for last, amount in self.lots.get(currency, {}).items() if last >= day)


@dataclass(slots=True)
class Changes:
    """What an event changes. Lots, earned and counters are added to; the rest takes the place of what was."""

    lots: dict[tuple[str, date], int] = field(default_factory=dict)
    earned: dict[str, int] = field(default_factory=dict)
    counters: dict[tuple[str, str], int] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    frozen: dict[str, Frozen | None] = field(default_factory=dict)
    suspended: dict[str, datetime] = field(default_factory=dict)


def apply(standing: Standing, changes: Changes) -> None:
    """Turn a standing into the one after the changes."""
    for (currency, last), amount in changes.lots.items():
        lots = standing.lots.setdefault(currency, {})
        lots[last] = lots.get(last, 0) + amount
        if lots[last] == 0:
            del lots[last]
    for currency, amount in changes.earned.items():
        standing.earned[currency] = standing.earned.get(currency, 0) + amount
    for (name, bucket), count in changes.counters.items():
        buckets = standing.counters.setdefault(name, {})
        buckets[bucket] = buckets.get(bucket, 0) + count
    standing.levels |= changes.levels
    standing.suspended |= changes.suspended
    for freeze, frozen in changes.frozen.items():
        if frozen is None:
            standing.frozen.pop(freeze, None)
        else:
            standing.frozen[freeze] = frozen
