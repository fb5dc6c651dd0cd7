"""A case: one event before the rules of one plan, with everything that was decided so far.

The standing is read and never touched; what changes is laid over it, so a rule that comes later sees what an earlier one
did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from rules.clock import local_day
from rules.rulebook.conditions import is_met
from rules.rulebook.decision import Happening, Line, LineKind, Use
from rules.rulebook.ladders import rank_in
from rules.rulebook.periods import Calendar, Window, runs_around
from rules.rulebook.plan import Counted, Plan, split_name
from rules.rulebook.quantities import HOURS, MINUTES_OF_HOUR, SCALE, divide, quantity_in
from rules.rulebook.sections.earning import TIMES, PointsOf, Streak
from rules.rulebook.standing import NEVER, Changes, Standing

BUDGET_GONE = "积分预算已用完，本次没有发放积分"


class Case:
    """An event under judgement."""

    def __init__(self, plan: Plan, happening: Happening, standing: Standing, *, gives: bool = True) -> None:
        self.plan = plan
        self.gives = gives  #: whether there is a budget to give points from
        self.happening = happening
        self.standing = standing
        self.day = local_day(happening.occurred_at)
        self.lines: list[Line] = []
        self.changes = Changes()
        self.touched: set[str] = set()  #: facts that this event has changed
        self.uses: dict[str, list[Use]] = {}  #: of limits, by rule
        self.in_event: dict[str, int] = {}  #: what counts under a limit for one event
        self._told = happening.facts
        self._counted: set[str] = set()  #: counters that this event has added to
        self._balances: dict[str, int] = {}
        self._buckets: dict[Calendar, str] = {}
        self._ranking: set[str] = set()  #: ladders whose rank is being worked out

    # --- facts --------------------------------------------------------------------------------------------------------

    def fact(self, name: str) -> Any:
        """The value of a fact; None where nobody gave it."""
        if "." in name:  # what the house knows; no event can say otherwise
            space, _, of = name.partition(".")
            return _SPACES[space](self, of)
        if name in self._told:
            return self._told[name]
        if name == HOURS and (minutes := quantity_in(self._told, HOURS)):
            return Decimal(minutes) / (MINUTES_OF_HOUR * SCALE)
        return self.happening.kind if name == "kind" else None

    def _of_person(self, name: str) -> Any:
        return self.standing.person.get(name)

    def _balance_of(self, currency: str) -> Decimal:
        return Decimal(self.balance(currency)).scaleb(-self.plan.currencies[currency].decimals)

    def _total_of(self, total: str) -> Decimal:
        """Several currencies together; their decimals are the same."""
        return sum((self._balance_of(currency) for currency in self.plan.totals[total]), Decimal(0))

    def _earned_of(self, currency: str) -> Decimal:
        earned = self.standing.earned.get(currency, 0) + self.changes.earned.get(currency, 0)
        return Decimal(earned).scaleb(-self.plan.currencies[currency].decimals)

    def _tally_of(self, tally: str) -> Decimal:
        counted = self.plan.tallies[tally]
        return Decimal(self.count(counted)) / counted.scale

    def _level_of(self, name: str) -> int:
        """The rank in a ladder: as it is on record, or where levels fall, as it is now, since windows pass unseen."""
        on_record = self.changes.levels.get(name, self.standing.levels.get(name, 0))
        ladder = self.plan.ladder_of[name]
        if not ladder.falls or name in self._ranking:  # a level may ask for the level itself
            return on_record
        self._ranking.add(name)
        rank = rank_in(ladder, self.fact)
        is_kept = rank < on_record and bool(ladder.kept_while) and is_met(ladder.kept_while, self.fact)
        self._ranking.discard(name)
        return on_record if is_kept else rank

    def is_frozen(self, freeze: str) -> bool:
        """Whether a freeze is in force."""
        if freeze in self.changes.frozen:
            return self.changes.frozen[freeze] is not None
        return freeze in self.standing.frozen

    def is_suspended(self, penalty: str) -> bool:
        """Whether a suspension by a penalty is in force at the moment of the event; counted apart by facts, any of them."""
        for suspended in (self.changes.suspended, self.standing.suspended):
            for name, until in suspended.items():
                if name.split("|")[0] == penalty and until > self.happening.occurred_at:
                    return True
        return False

    # --- points -------------------------------------------------------------------------------------------------------

    def balance(self, currency: str) -> int:
        """What is good on the day of the event, with what this event has changed."""
        if currency not in self._balances:
            self._balances[currency] = self.standing.balance(currency, self.day)
        return self._balances[currency]

    def can_give(self, currency: str) -> bool:
        """Whether there is a budget: the main currency needs one."""
        return self.gives or currency != self.plan.rulebook.main_currency.id

    def give(self, line: Line) -> None:
        """Points come, as the line says; without a budget it says that they don't."""
        if not self.can_give(line.currency):
            without = replace(line, kind=LineKind.NOTHING, amount=0, expires_on=NEVER, explain=lambda: BUDGET_GONE)
            self.lines.append(without)
            return
        self.lines.append(line)
        self._move(line.currency, line.expires_on, line.amount)
        self.changes.earned[line.currency] = self.changes.earned.get(line.currency, 0) + line.amount
        self._touch_balance(line.currency)
        self.touched.add(f"earned.{line.currency}")

    def take(self, kind: LineKind, rule_id: str, currency: str, amount: int, explain: Callable[[], str]) -> None:
        """Points go: first those that lapse first; what isn't there is owed."""
        lots = self.plan_lots(currency, amount)
        for last, part in lots:
            self._move(currency, last, -part)
        self._touch_balance(currency)
        if kind is LineKind.DEDUCTION:
            self.count_points(rule_id, currency, -amount)
        self.lines.append(Line(kind, rule_id, explain, currency, amount, lots=lots))

    def _touch_balance(self, currency: str) -> None:
        self.touched.add(f"balance.{currency}")
        self.touched.update(f"total.{total}" for total, parts in self.plan.totals.items() if currency in parts)

    def plan_lots(self, currency: str, amount: int) -> tuple[tuple[date, int], ...]:
        """From which lots so much is taken."""
        lots = dict(self.standing.lots.get(currency, {}))
        for (of, last), moved in self.changes.lots.items():
            if of == currency:
                lots[last] = lots.get(last, 0) + moved
        parts = []
        for last in sorted(lots):
            part = min(lots[last], amount) if last >= self.day else 0
            if part > 0:
                parts.append((last, part))
                amount -= part
        return (*parts, (NEVER, amount)) if amount > 0 else tuple(parts)

    def _move(self, currency: str, last: date, amount: int) -> None:
        self._balances[currency] = self.balance(currency) + amount
        lots = self.changes.lots
        lots[currency, last] = lots.get((currency, last), 0) + amount

    # --- counters -----------------------------------------------------------------------------------------------------

    def counter(self, name: str) -> dict[str, int]:
        """The buckets of a counter, with what this event has added."""
        buckets = self.standing.counters.get(name, _NO_BUCKETS)
        if name not in self._counted:
            return buckets
        added = {bucket: count for (of, bucket), count in self.changes.counters.items() if of == name}
        return {**buckets, **{bucket: buckets.get(bucket, 0) + more for bucket, more in added.items()}}

    def bucket(self, window: Window) -> str:
        """The bucket in which this event counts."""
        calendar = window.counts_in
        if calendar not in self._buckets:
            self._buckets[calendar] = window.bucket_of(self.day, self.plan.year_starts)
        return self._buckets[calendar]

    def count_in(self, name: str, window: Window) -> int:
        """What a counter holds in the window that the event is in; of a rolling one, up to its day."""
        if window.is_rolling:
            return window.count_at(self.counter(name), self.day, self.plan.year_starts)
        bucket = self._buckets.get(window.counts_in) or self.bucket(window)
        before = self.standing.counters.get(name, _NO_BUCKETS).get(bucket, 0)
        return before + self.changes.counters.get((name, bucket), 0)

    def most_in(self, name: str, window: Window) -> int:
        """The most that a counter holds in any window that the event is in: events arrive late."""
        if not window.is_rolling:
            return self.count_in(name, window)
        return window.fullest(self.counter(name), self.day, self.plan.year_starts)

    def add(self, name: str, window: Window, count: int) -> str:
        """Count something in the bucket of the event's day, and return its key."""
        bucket = self._buckets.get(window.counts_in) or self.bucket(window)
        self.changes.counters[name, bucket] = self.changes.counters.get((name, bucket), 0) + count
        self._counted.add(name)
        return bucket

    def clear(self, name: str, window: Window) -> None:
        """Take back what a counter holds in the window of the event's day, bucket by bucket."""
        buckets = self.counter(name)
        begin = window.begin_of(self.day).isoformat() if window.is_rolling else None
        today = self.bucket(window)
        for bucket, count in buckets.items():
            if bucket == today or (begin is not None and begin <= bucket < today):
                self.changes.counters[name, bucket] = self.changes.counters.get((name, bucket), 0) - count
                self._counted.add(name)

    def count(self, counted: Counted) -> int:
        """What a tally holds on the event's day, in whole numbers."""
        tally = counted.tally
        name = self.name_of(counted)
        if tally.streak is None:
            return self.count_in(name, tally.per)
        buckets, calendar = self.counter(name), _CALENDARS[tally.streak]
        before, own, after = runs_around(buckets, calendar, self.day, self.plan.year_starts)
        return before + own + after if own else 0

    def counts_before(self, counted: Counted) -> tuple[int, ...]:
        """What a tally held before the event; of a streak, the runs that the event may join."""
        tally = counted.tally
        if tally.streak is None:
            return (self.count(counted),)
        buckets = self.counter(self.name_of(counted))
        before, own, after = runs_around(buckets, _CALENDARS[tally.streak], self.day, self.plan.year_starts)
        return (before + own + after,) if own else (before, after)

    def name_of(self, counted: Counted) -> str:
        """The counter of a tally for this event."""
        if not counted.tally.by:
            return counted.name
        return split_name(counted.name, counted.tally.by, self.happening.facts, self.happening.kind)

    def count_in_tally(self, counted: Counted) -> None:
        """Add the event to a tally."""
        tally = counted.tally
        if (tally.starts_on and self.day < tally.starts_on) or (tally.ends_on and self.day > tally.ends_on):
            return
        number = 1 if tally.of == TIMES else quantity_in(self.happening.facts, tally.of)
        if counted.at_most is not None:
            number = min(number, counted.at_most)
        if counted.step is not None:
            assert tally.step is not None, "the plan has the tally's step"
            number = divide(number, counted.step, tally.step.round) * counted.step
        if number <= 0:
            return
        window = Window(_CALENDARS[tally.streak]) if tally.streak is not None else tally.per
        self.add(self.name_of(counted), window, number)
        self.touched.add(f"tally.{tally.id}")

    def count_points(self, rule_id: str, currency: str, amount: int) -> None:
        """Add what a rule gave, or below 0 what it took, to the tallies of points."""
        for counted in self.plan.points_tallies:
            tally = counted.tally
            if amount < 0 and tally.of != PointsOf.NET_POINTS:
                continue
            if tally.currency == currency and (not tally.rules or rule_id in tally.rules):
                self.add(self.name_of(counted), tally.per, amount)
                self.touched.add(f"tally.{tally.id}")


_NO_BUCKETS: dict[str, int] = {}
_CALENDARS = {Streak.DAY: Calendar.DAY, Streak.WEEK: Calendar.WEEK, Streak.MONTH: Calendar.MONTH}
_SPACES: dict[str, Callable[[Case, str], Any]] = {
    "person": Case._of_person,
    "balance": Case._balance_of,
    "total": Case._total_of,
    "earned": Case._earned_of,
    "tally": Case._tally_of,
    "level": Case._level_of,
    "frozen": Case.is_frozen,
    "suspended": Case.is_suspended,
}
