"""Where the residents stand after all that has happened, kept as the live system keeps it.

What an award used up of a limit is with its wallet (`demo.points`); everything else that the rules counted or decided of
a person is here: counts, points ever earned, levels, suspensions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from demo.making import Row, Rows
from models import rulebook as tables
from rules.rulebook.decision import Decision, Happening
from rules.rulebook.evaluation import evaluate
from rules.rulebook.periods import Calendar
from rules.rulebook.plan import Plan
from rules.rulebook.standing import Standing, apply
from rules.rulebook.standings import EARNED, level_rows


class Standings:
    """The standing of each resident of whom something was told."""

    def __init__(self, town_id: int, plan: Plan) -> None:
        self._town_id = town_id
        self._plan = plan
        self._standings: dict[int, Standing] = {}  #: by resident
        self._events = Counter[int]()
        self._in_ledger = Counter[tuple[int, str, str]]()  #: of limits; by resident, counter and bucket
        self._reached_at: dict[tuple[int, str], datetime] = {}  #: by resident and ladder

    def judge(self, resident_id: int, happening: Happening) -> Decision:
        """What the rules say of the next event of a resident, who stands by it from now on."""
        standing = self._standings.setdefault(resident_id, Standing())
        decision = evaluate(self._plan, happening, standing)
        apply(standing, decision.changes)
        assert not standing.frozen, "the demo's rules freeze nothing"
        self._events[resident_id] += 1
        for rule_id in {line.rule_id for line in decision.awards}:
            for use in decision.uses.get(rule_id, ()):
                self._in_ledger[resident_id, use.name, use.bucket] += use.count
        for ladder in decision.changes.levels:
            self._reached_at[resident_id, ladder] = happening.occurred_at
        return decision

    def rows(self) -> Rows:
        """What the tables hold of all of them."""
        rows: Rows = {
            tables.Standing: [],
            tables.StandingCount: [],
            tables.StandingLevel: [],
            tables.StandingSuspension: [],
        }
        for resident_id, standing in self._standings.items():
            of = {"town_id": self._town_id, "resident_id": resident_id}
            rows[tables.Standing].append({**of, "events": self._events[resident_id]})
            rows[tables.StandingCount] += [{**of, **each} for each in self._counts(resident_id, standing)]
            rows[tables.StandingLevel] += [
                row
                for ladder, rank in standing.levels.items()
                for row in level_rows(self._plan, of, {ladder: rank}, self._reached_at[resident_id, ladder])
            ]
            rows[tables.StandingSuspension] += [{**of, **each} for each in self._suspensions(standing)]
        return rows

    def _counts(self, resident_id: int, standing: Standing) -> Iterable[Row]:
        for name, buckets in standing.counters.items():
            for bucket, count in buckets.items():
                if rest := count - self._in_ledger[resident_id, name, bucket]:
                    yield {"name": name, "bucket": bucket, "count": rest}
        for currency, amount in standing.earned.items():
            yield {"name": f"{EARNED}{currency}", "bucket": Calendar.EVER.value, "count": amount}

    def _suspensions(self, standing: Standing) -> Iterable[Row]:
        blocks = {each.id: each.blocks for each in self._plan.rulebook.penalty}
        for penalty, until in standing.suspended.items():
            for what in blocks[penalty.split("|")[0]]:
                yield {"penalty": penalty, "what": what, "until": until}
