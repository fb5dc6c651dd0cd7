"""A changed rulebook over a past period: who would have more, who less, and what it would cost. Pure; nothing is written.

Events are judged one after the other, twice: by the versions that were in force, and by the draft. Both begin with empty
standings, so what was counted before the period (a cap that was half used, a level) counts for neither; and what one
event takes back of another (`void`) is left out on both sides.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rules.rulebook.decision import Happening, LineKind
from rules.rulebook.evaluation import evaluate
from rules.rulebook.plan import Plan
from rules.rulebook.standing import Standing, apply

DIFFERENCES_MAX = 20
MOVING = (LineKind.AWARD, LineKind.DEDUCTION, LineKind.CONVERSION)


@dataclass(frozen=True, slots=True)
class Past:
    """An event of the past."""

    holder_id: int
    happening: Happening


@dataclass(frozen=True, slots=True)
class Difference:
    """Somebody who would have another number of points, in the main currency's smallest unit."""

    holder_id: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Side:
    """What one rulebook makes of the period."""

    given: Mapping[str, int]  #: points that come, by currency, in the smallest unit
    taken: Mapping[str, int]  #: points that go
    by_rule: Mapping[str, int]  #: points of all currencies that come less those that go, by rule
    lines: Mapping[str, int]  #: how many lines of each kind


@dataclass(frozen=True, slots=True)
class Replay:
    """A draft held against what was in force."""

    events: int
    holders: int  #: who had events, whether points came of them or not
    before: Side
    after: Side
    winners: int
    losers: int
    unchanged: int
    differences: Sequence[Difference]  #: the biggest ones


@dataclass(slots=True)
class _Tally:
    """What has come of the period so far."""

    given: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    lines: Counter[str] = field(default_factory=Counter)
    of_holder: Counter[int] = field(default_factory=Counter)

    def side(self) -> Side:
        return Side(dict(self.given), dict(self.taken), dict(self.by_rule), dict(self.lines))


def replay(
    in_force: Sequence[tuple[datetime, Plan]],
    draft: Plan,
    events: Iterable[Past],
    persons: Mapping[int, Mapping[str, Any]],
) -> Replay:
    """Judge the events by both.

    `in_force`: the versions, each with the moment from which it held, the earliest first. `events`: all events of one
    holder follow each other in order of time. `persons`: what is known of holders, where the rules ask for it.
    """
    starts = [start for start, _ in in_force]
    before, after = _Tally(), _Tally()
    count, holders, holder_id = 0, 0, None
    then, now = Standing(), Standing()
    for event in events:
        if event.holder_id != holder_id:
            holder_id = event.holder_id
            holders += 1
            person = persons.get(holder_id, {})
            then, now = Standing(person=person), Standing(person=person)
        count += 1
        at = bisect_right(starts, event.happening.occurred_at)
        if at:
            _judge(in_force[at - 1][1], event, then, before)
        _judge(draft, event, now, after)
    return _compare(count, holders, before, after)


def _judge(plan: Plan, event: Past, standing: Standing, tally: _Tally) -> None:
    decision = evaluate(plan, event.happening, standing)
    apply(standing, decision.changes)
    main = plan.rulebook.main_currency.id
    for line in decision.lines:
        tally.lines[line.kind.value] += 1
        if line.kind not in MOVING:
            continue
        comes = line.kind is LineKind.AWARD
        (tally.given if comes else tally.taken)[line.currency] += line.amount
        signed = line.amount if comes else -line.amount
        tally.by_rule[line.rule_id] += signed
        if line.currency == main:
            tally.of_holder[event.holder_id] += signed


def _compare(events: int, holders: int, before: _Tally, after: _Tally) -> Replay:
    moved = before.of_holder.keys() | after.of_holder.keys()
    differences = [Difference(each, before.of_holder[each], after.of_holder[each]) for each in moved]
    winners = sum(each.after > each.before for each in differences)
    losers = sum(each.after < each.before for each in differences)
    changed = [each for each in differences if each.after != each.before]
    changed.sort(key=lambda each: (-abs(each.after - each.before), each.holder_id))
    return Replay(
        events,
        holders,
        before.side(),
        after.side(),
        winners,
        losers,
        holders - winners - losers,
        changed[:DIFFERENCES_MAX],
    )
