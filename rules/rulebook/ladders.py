"""The rank that somebody has in a ladder, by what its levels ask for."""

from __future__ import annotations

from decimal import Decimal

from rules.rulebook.conditions import Facts, is_met, is_number
from rules.rulebook.quantities import QUANTITY_MAX, SCALE
from rules.rulebook.sections.standing import Ladder, Level


def rank_in(ladder: Ladder, fact: Facts) -> int:
    """The rank that is reached now: 0 before the first level; with a cycle it goes on counting."""
    if ladder.cycle is not None:
        return _rank_in_cycle(ladder, ladder.cycle, fact)
    for n in range(len(ladder.level), 0, -1):
        if _is_reached(ladder.level[n - 1], fact):
            return n
    return 0


def _is_reached(level: Level, fact: Facts) -> bool:
    for measure, least in level.at.items():
        value = fact(measure)
        if not is_number(value) or value < least:
            return False
    return is_met(level.where, fact)


def _rank_in_cycle(ladder: Ladder, cycle: Decimal, fact: Facts) -> int:
    [measure] = ladder.level[0].at
    value = fact(measure)
    if not is_number(value) or not 0 < value <= QUANTITY_MAX * SCALE:
        return 0
    full, rest = divmod(Decimal(value), cycle)
    return int(full) * len(ladder.level) + sum(rest >= level.at[measure] for level in ladder.level)
