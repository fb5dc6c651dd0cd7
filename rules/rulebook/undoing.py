"""What an event changed of a standing, and what a standing is without it. Pure.

An event that turns out to be void counts for nothing: what it added is taken away, and what hangs on counts is judged
anew from what is left.

- Suspensions are what the infractions that are left lead to, judged one after the other as they were. Nobody is worse off
  by it: none begins, and none gets longer.
- A level is lost when the void took away what held it up: it was reached by the numbers of before and isn't by those of
  now. So is a level that the event itself had reached. A level that was kept though its numbers had gone stays.
- A freeze ends when its condition is gone with the event, or when the event began it and the condition doesn't hold. One
  that the event ended is in force again.

Most of what an event counts follows from its facts, and is worked out again from them. What doesn't is kept when the event
is booked: its `Trace`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

from rules.rulebook.case import Case
from rules.rulebook.conditions import facts_in, is_met
from rules.rulebook.consequences import PENALTY, RANKS_TOLD_MAX, count_infraction, counter_of
from rules.rulebook.decision import Decision, Happening, Line, LineKind
from rules.rulebook.ladders import rank_in
from rules.rulebook.plan import Plan
from rules.rulebook.sections.standing import Penalty
from rules.rulebook.standing import Frozen, Standing, apply

#: What openings and infractions are counted under: no facts of an event say what it changed there.
_NOT_IN_FACTS = (PENALTY, "opening:")

#: A level's id and its round, as levels are kept; "" below the first.
Rung: TypeAlias = tuple[str, int]
#: A book's code, and a key in it.
LedgerKey: TypeAlias = tuple[str, str]
Counts: TypeAlias = Mapping[tuple[str, str], int]  #: by counter and bucket


@dataclass(frozen=True, slots=True)
class Brought:
    """A level that an event reached, and the points that came with it."""

    ladder: str
    level: str
    cycle: int
    keys: tuple[LedgerKey, ...]

    @property
    def marker(self) -> str:
        """The counter that says that the level's points have come."""
        return f"right:{self.ladder}|{self.level}|{self.cycle}"


@dataclass(frozen=True, slots=True)
class Trace:
    """What an event changed of a standing."""

    counters: Counts = field(default_factory=dict)  #: less what the ledger counts with its awards
    raised: Mapping[str, tuple[Rung, Rung]] = field(default_factory=dict)  #: by ladder: from where to where
    brought: tuple[Brought, ...] = ()
    frozen: Mapping[str, tuple[Frozen | None, Frozen | None]] = field(default_factory=dict)  #: before and after

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "counters": [[name, bucket, count] for (name, bucket), count in self.counters.items()],
            "raised": {ladder: [list(rung) for rung in rungs] for ladder, rungs in self.raised.items()},
            "brought": [[each.ladder, each.level, each.cycle, list(map(list, each.keys))] for each in self.brought],
            "frozen": {name: [_frozen_as_json(each) for each in two] for name, two in self.frozen.items()},
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Trace:
        """As it was kept."""
        return cls(
            {(name, bucket): count for name, bucket, count in kept["counters"]},
            {ladder: (_rung(before), _rung(after)) for ladder, (before, after) in kept["raised"].items()},
            tuple(
                Brought(ladder, level, cycle, tuple((book, key) for book, key in keys))
                for ladder, level, cycle, keys in kept["brought"]
            ),
            {
                name: (_frozen_from_json(before), _frozen_from_json(after))
                for name, (before, after) in kept["frozen"].items()
            },
        )


def _rung(kept: Sequence[Any]) -> Rung:
    return kept[0], kept[1]


def _frozen_as_json(frozen: Frozen | None) -> dict[str, Any] | None:
    if frozen is None:
        return None
    return {"since": frozen.since.isoformat(), "collected": {str(n): count for n, count in frozen.collected.items()}}


def _frozen_from_json(kept: Mapping[str, Any] | None) -> Frozen | None:
    if kept is None:
        return None
    collected = {int(n): count for n, count in kept["collected"].items()}
    return Frozen(datetime.fromisoformat(kept["since"]), collected)


# --- when an event is booked ------------------------------------------------------------------------------------------


def leaves_trace(plan: Plan, kind: str, decision: Decision) -> bool:
    """Whether an event changed more of a standing than its facts and the ledger can tell later."""
    changes = decision.changes
    if changes.levels or changes.frozen:
        return True
    told = (LineKind.LEVEL, LineKind.DEDUCTION, LineKind.CONVERSION)
    if any(line.kind in told for line in decision.lines):
        return True
    return any(name.startswith(_NOT_IN_FACTS) for name, _ in changes.counters) or _asks_the_house(plan, kind)


@lru_cache(maxsize=512)
def _asks_the_house(plan: Plan, kind: str) -> bool:
    """Whether what such an event counts hangs on what is known besides its facts, and may be otherwise later."""
    speaking = plan.speaking_of(kind)
    conditions = [counted.tally.where for counted in speaking.tallies]
    conditions += [redemption.where for redemption, _ in speaking.redemptions]
    if speaking.quotas:
        conditions += [quota.where for _, _, quota in speaking.quotas]
        conditions += [booking.where for booking in plan.rulebook.booking]
    return any("." in fact for fact in chain.from_iterable(map(facts_in, conditions)))


def brought_by(
    plan: Plan, before: Standing, decision: Decision, keys: Sequence[tuple[Line, LedgerKey]]
) -> tuple[Brought, ...]:
    """The levels that an event reached, each with what came from there to the next: levels are judged last.

    `keys`: of the lines that moved points.
    """
    ranks: dict[str, int] = {}
    found: list[Brought] = []
    for line in decision.lines:
        if line.kind is LineKind.LEVEL and line.rule_id in decision.changes.levels:
            ladder, after = line.rule_id, decision.changes.levels[line.rule_id]
            first = max(before.levels.get(ladder, 0), after - RANKS_TOLD_MAX) + 1
            rank = ranks[ladder] = ranks.get(ladder, first - 1) + 1
            if rank <= after:  # not one that fell
                found.append(Brought(ladder, *plan.level_at(ladder, rank), ()))
        elif found:
            own = tuple(key for each, key in keys if each is line)
            found[-1] = replace(found[-1], keys=found[-1].keys + own)
    return tuple(found)


def trace_of(plan: Plan, before: Standing, decision: Decision, counters: Counts, brought: tuple[Brought, ...]) -> Trace:
    """What an event changes of the standing of before. `counters`: what it changes here, and not in the ledger."""
    changes = decision.changes
    return Trace(
        counters,
        {
            ladder: (plan.level_at(ladder, before.levels.get(ladder, 0)), plan.level_at(ladder, rank))
            for ladder, rank in changes.levels.items()
        },
        brought,
        {name: (before.frozen.get(name), after) for name, after in changes.frozen.items()},
    )


# --- when it is void --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Infraction:
    """An event that is not void and that may count as an infraction."""

    plan: Plan  #: by which it was judged
    happening: Happening
    trace: Trace | None

    def counts(self, case: Case, penalty: Penalty) -> bool:
        """Whether it was counted; without a trace, whether it would be now."""
        if self.trace is None:
            return is_met(penalty.where, case.fact)
        name = counter_of(penalty, case)
        return any(of == name for of, _ in self.trace.counters)


@dataclass(frozen=True, slots=True)
class Sanctions:
    """What infractions lead to."""

    counters: Counts
    until: Mapping[tuple[str, str], datetime]  #: by penalty (with what it counts apart) and what is forbidden


def penalty_of(name: str) -> str:
    """The id of the penalty of a counter, or of a suspension."""
    return name.removeprefix(PENALTY).split("|")[0]


def penalties_of(plan: Plan, happening: Happening, trace: Trace | None, standing: Standing) -> set[str]:
    """The penalties under which an event was counted."""
    if trace is not None:
        return {penalty_of(name) for name, _ in trace.counters if name.startswith(PENALTY)}
    case = Case(plan, happening, standing)
    return {each.id for each in plan.speaking_of(happening.kind).penalties if is_met(each.where, case.fact)}


def sanctions_of(infractions: Sequence[Infraction], penalties: Collection[str], standing: Standing) -> Sanctions:
    """What these infractions lead to under some penalties, in the order in which they were judged."""
    others = {
        name: buckets
        for name, buckets in standing.counters.items()
        if not (name.startswith(PENALTY) and penalty_of(name) in penalties)
    }
    anew = replace(standing, counters=dict(others), suspended={})
    until: dict[tuple[str, str], datetime] = {}
    for each in infractions:
        for penalty in each.plan.speaking_of(each.happening.kind).penalties:
            case = Case(each.plan, each.happening, anew)
            if penalty.id in penalties and each.counts(case, penalty):
                count_infraction(case, penalty)
                apply(anew, case.changes)
                until |= {(key, what): end for key, end in case.changes.suspended.items() for what in penalty.blocks}
    counters = {
        (name, bucket): count
        for name, buckets in anew.counters.items()
        if name not in others
        for bucket, count in buckets.items()
    }
    return Sanctions(counters, until)


def raised_after(
    plan: Plan, levels: Mapping[str, int], traces: Mapping[int, Trace], events: Collection[int]
) -> set[str]:
    """The ladders whose level was reached after one of these events, so that it had a part in it.

    `traces`: of the events that aren't void; `events`: those that are. A level that none of the first reached is held up
    by all of them.
    """
    reached: dict[str, int] = {}
    for of in sorted(traces):
        for each in traces[of].brought:
            if plan.rank_of(each.ladder, each.level, each.cycle) >= levels.get(each.ladder, 0):
                reached[each.ladder] = of
    first = min(events)
    return {ladder for ladder in levels if reached.get(ladder, first) >= first}


def begun_after(frozen: Collection[str], traces: Mapping[int, Trace], events: Collection[int]) -> set[str]:
    """The freezes in force that began after one of these events, in the same sense."""
    begun: dict[str, int] = {}
    for of in sorted(traces):
        begun |= {name: of for name, (was, became) in traces[of].frozen.items() if was is None and became is not None}
    first = min(events)
    return {name for name in frozen if begun.get(name, first) >= first}


def levels_without(plan: Plan, before: Case, after: Case, trace: Trace, later: Collection[str]) -> dict[str, int]:
    """The ladders in which a rank is lost with an event, and the rank that is left.

    `before`, `after`: how things stand with what the event counted, and without it. `later`: the ladders whose level was
    reached after it.
    """
    lost = {}
    for ladder, _ in plan.ladders:
        rank = after.standing.levels.get(ladder.id, 0)
        left = rank_in(ladder, after.fact)
        if left >= rank or (ladder.falls and ladder.kept_while and is_met(ladder.kept_while, after.fact)):
            continue
        own = trace.raised.get(ladder.id)
        if ladder.falls or ((own or ladder.id in later) and rank <= rank_in(ladder, before.fact)):
            lost[ladder.id] = left
        elif own and ladder.id not in later:
            lost[ladder.id] = max(left, plan.rank_of(ladder.id, *own[0]))
    return {ladder: left for ladder, left in lost.items() if left < after.standing.levels[ladder]}


def freezes_without(
    plan: Plan, before: Case, after: Case, trace: Trace, later: Collection[str]
) -> dict[str, Frozen | None]:
    """The freezes that end with an event, that are in force again, or have gathered less towards a way out.

    `later`: those that began after it.
    """
    changed: dict[str, Frozen | None] = {}
    for name, frozen in after.standing.frozen.items():
        was, became = trace.frozen.get(name, (None, None))
        if name not in plan.freezes:
            continue
        is_met_now = is_met(plan.freezes[name].where, after.fact)
        has_begun_it = was is None and became is not None and became.since == frozen.since
        if not is_met_now and (has_begun_it or (name in later and is_met(plan.freezes[name].where, before.fact))):
            changed[name] = None
        elif was is not None and became is not None and became.since == frozen.since:
            less = {n: count - was.collected.get(n, 0) for n, count in became.collected.items()}
            left = {n: max(count - less.get(n, 0), 0) for n, count in frozen.collected.items()}
            gathered = {n: count for n, count in left.items() if count or n in was.collected}
            changed[name] = replace(frozen, collected=gathered)
    for name, (was, became) in trace.frozen.items():
        if became is None and was is not None and name in plan.freezes and name not in after.standing.frozen:
            changed[name] = was
    return changed
