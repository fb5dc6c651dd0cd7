"""Points: what goes in and out day by day, what is still out, whose it is and until when, which rules give most, budgets.

The liability is the whole town's alone, and staff of an operator see its own budget and flows; where somebody may not see a
table, it has no rows.

A rulebook may have thousands of rules: the board shows those that gave most, a file all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.monitor import Slice
from rules.errors import InBoth
from rules.monitor.asking import Asked, Question, ask
from rules.monitor.facts import NO_KEY
from rules.monitor.measures import MEASURES
from rules.monitor.numbers import Value
from rules.monitor.operators import names_of_operators
from rules.monitor.periods import previous
from rules.monitor.reading import may_see, read_series, read_values
from rules.monitor.tables import Number, Row, Table, cells_of, columns_of
from rules.monitor.trends import Trends, trends_of
from rules.rulebook.versions import rulebook_in_force
from rules.work import Work

FLOWS = ("points.issued", "points.redeemed", "points.expired")
OUTSTANDING = "points.outstanding"
LIABILITY = ("points.liability",)
RULES = ("points.issued",)
BUDGETS = ("points.budget_granted", "points.budget_used", "points.budget_left")
RULES_SHOWN_MAX = 200
NEVER = "never"  #: the month of what never lapses, in the liability's detail
NOBODY = "0"
TOWN = InBoth("街道", "The town")
#: What gives points without a rule of the rulebook, by the reason that the books name.
REASONS = {"adjustment": InBoth("手工增加", "By hand"), "import": InBoth("批量发放", "Files of awards")}

Titles = Callable[[str], InBoth | str]
Values = Mapping[str, Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class PointsBoard:
    """The points of a place and a period."""

    flows: Trends
    outstanding: Number | None
    liability: Table  #: a row for each issuer and month in which it lapses
    rules: Table  #: a row for each rule, the one that gave most first; RULES_SHOWN_MAX at most unless for a file
    budgets: Table  #: a row for each operator


def show_points(work: Work, question: Question, *, is_file: bool = False) -> PointsBoard:
    """What becomes of points. Raises what `ask` does."""
    asked = ask(work, question)
    operators = names_of_operators(work)
    flows = [name for name in FLOWS if may_see(asked.reach, MEASURES[name])]
    points = read_series(work, asked.reach, flows, asked.period.first, asked.period.last, asked.as_of)
    outstanding = read_values(work, asked.reach, [OUTSTANDING], asked.period, asked.as_of)
    return PointsBoard(
        trends_of(asked.as_of, points),
        outstanding[NO_KEY][OUTSTANDING].value,
        _board(work, asked, Slice.DETAIL, LIABILITY, lambda key: _owed(key, operators)),
        _most_first(
            _board(work, asked, Slice.DETAIL, RULES, _titles_of_rules(work, asked.as_of)),
            None if is_file else RULES_SHOWN_MAX,
        ),
        _board(work, asked, Slice.OPERATOR, BUDGETS, lambda key: _operator(key, operators)),
    )


def _board(work: Work, asked: Asked, slice_: Slice, names: Sequence[str], title_of: Titles) -> Table:
    """A row for each key, in their order; none where the actor may not see the measures so."""
    is_shown = all(may_see(asked.reach, MEASURES[name]) for name in names)
    is_shown = is_shown and (asked.reach.operator_id is None or slice_ is Slice.OPERATOR)
    rows = _rows(work, asked, slice_, names, title_of) if is_shown else []
    return Table(asked.as_of, asked.reach, asked.period, columns_of(names), rows)


def _rows(work: Work, asked: Asked, slice_: Slice, names: Sequence[str], title_of: Titles) -> list[Row]:
    values = read_values(work, asked.reach, names, asked.period, asked.as_of, slice=slice_)
    before = read_values(work, asked.reach, names, previous(asked.period), asked.as_of, slice=slice_)
    return [
        Row(key, title_of(key), cells_of(names, values.get(key)), cells_of(names, before.get(key)))
        for key in sorted({*values, *before})
    ]


def _most_first(table: Table, most: int | None) -> Table:
    [name] = RULES
    rows = sorted(table.rows, key=lambda row: (-(row.cells[name] or 0), row.key))[:most]
    return Table(table.as_of, table.reach, table.period, table.columns, rows)


def _titles_of_rules(work: Work, as_of: datetime) -> Titles:
    in_force = rulebook_in_force(work, as_of)
    rules = in_force.rulebook.earn if in_force is not None else ()
    titles: dict[str, InBoth | str] = {**REASONS, **{rule.id: rule.title for rule in rules if rule.title}}
    return lambda key: titles.get(key, key)


def _owed(key: str, operators: Mapping[str, str]) -> InBoth:
    """Who owes it, and until when: of "7:2027-12"."""
    issuer, _, month = key.partition(":")
    who = _operator(issuer, operators)
    zh, en = (who.zh, who.en) if isinstance(who, InBoth) else (who, who)
    if month == NEVER:
        return InBoth(f"{zh} · 长期有效", f"{en} · never lapses")
    return InBoth(f"{zh} · {month} 到期", f"{en} · lapses in {month}")


def _operator(key: str, operators: Mapping[str, str]) -> InBoth | str:
    return TOWN if key == NOBODY else operators.get(key, key)
