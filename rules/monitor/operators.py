"""擂台赛: operators side by side, ranked by published weights.

Each weighted measure gives its weight times the operator's share of the best one. Of a number that is better high, that is
the number over the best; of a rate that is better low, what is left of it over the best's; of any other number that is
better low, the best over the number. An operator without anything to measure gets nothing of that measure. Scores have two
decimals, and who has the same score has the same rank. Who held too few sessions in the period isn't ranked; nor is what no
operator did. An operator's own staff see where it stands and no other's row; what they learn of others is how good the best
one is, which its shares tell: it is a contest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, select

from models.monitor import Slice
from models.territory import Operator
from rules.monitor.asking import Question, ask
from rules.monitor.definitions import Better, Unit
from rules.monitor.measures import MEASURES
from rules.monitor.numbers import Value
from rules.monitor.periods import Period, previous
from rules.monitor.places import Reach
from rules.monitor.reading import read_values
from rules.monitor.tables import Column, Part, Row, cells_of, columns_of, number_of
from rules.monitor.weights import WeightSet, weights_on
from rules.work import Work

NOBODY = "0"  #: the key of what no operator did
SESSIONS = "sessions.held"
#: Shown beside what is weighted.
MORE_COLUMNS = ("sessions.held", "reservations.attended", "redemptions.fulfilled")
Values = Mapping[str, Mapping[str, Value]]

_operators = select(Operator.id, Operator.name).where(Operator.town_id == bindparam("town"))


@dataclass(frozen=True, slots=True)
class Ranking:
    """The operators' board, with the weights by which it is ranked."""

    as_of: datetime
    reach: Reach
    period: Period
    columns: Sequence[Column]
    rows: Sequence[Row]
    weights: WeightSet


def rank_operators(work: Work, question: Question) -> Ranking:
    """The operators of a period, the best first, then those that aren't ranked. Raises what `ask` does."""
    asked = ask(work, question)
    weights = weights_on(work, asked.period.first, asked.as_of)
    names = list(dict.fromkeys([*(each.measure for each in weights.weights), *MORE_COLUMNS]))
    everybody = replace(asked.reach, operator_id=None)
    values = _values(work, everybody, names, asked.period, asked.as_of)
    before = _values(work, everybody, names, previous(asked.period), asked.as_of)
    rows = _rows(work, names, values, before)
    ranked = rank(rows, values, weights)
    own = asked.reach.operator_id
    shown = [row for row in ranked if own is None or row.key == str(own)]
    return Ranking(asked.as_of, asked.reach, asked.period, columns_of(names), shown, weights)


def rank(rows: Sequence[Row], values: Values, weights: WeightSet) -> list[Row]:
    """The rows with their scores, by rank, and after them those that aren't ranked, by name. Pure."""
    contenders = [row for row in rows if _is_ranked(row.key, values, weights)]
    parts = parts_of([row.key for row in contenders], values, weights)
    scored = [
        replace(row, parts=parts[row.key], score=round(sum(part.points for part in parts[row.key]), 2))
        for row in contenders
    ]
    scored.sort(key=lambda row: (-(row.score or 0), row.title, row.key))
    ranked: list[Row] = []
    for n, row in enumerate(scored, start=1):
        ties = bool(ranked) and ranked[-1].score == row.score
        ranked.append(replace(row, rank=ranked[-1].rank if ties else n))
    keys = {row.key for row in contenders}
    return ranked + sorted((row for row in rows if row.key not in keys), key=lambda row: (row.title, row.key))


def parts_of(keys: Sequence[str], values: Values, weights: WeightSet) -> Mapping[str, list[Part]]:
    """What each weighted measure gives to each of these operators. Pure."""
    parts: dict[str, list[Part]] = {key: [] for key in keys}
    for each in weights.weights:
        numbers = {key: number_of(each.measure, values.get(key)) for key in keys}
        for key, share in shares(each.measure, numbers).items():
            parts[key].append(Part(each.measure, each.weight, share, round((share or 0) * each.weight, 4)))
    return parts


def shares(measure: str, numbers: Mapping[str, float | None]) -> dict[str, float | None]:
    """Each number's share of the best, 0 to 1; None where there is no number. Pure."""
    there = [number for number in numbers.values() if number is not None]
    if not there:
        return dict.fromkeys(numbers)
    if MEASURES[measure].better is not Better.LESS:
        return _over_best(numbers, max(there))
    if MEASURES[measure].unit is Unit.SHARE:
        left = {key: None if number is None else 1 - number for key, number in numbers.items()}
        return _over_best(left, 1 - min(there))
    best = min(there)
    return {
        key: None if number is None else 1.0 if number <= best else best / number for key, number in numbers.items()
    }


def _over_best(numbers: Mapping[str, float | None], best: float) -> dict[str, float | None]:
    return {
        key: None if number is None else max(number / best, 0.0) if best > 0 else 0.0 for key, number in numbers.items()
    }


def names_of_operators(work: Work) -> Mapping[str, str]:
    """Every operator's name, by its id as text."""
    return {str(row.id): row.name for row in work.core.execute(_operators, {"town": work.town_id})}


def _is_ranked(key: str, values: Values, weights: WeightSet) -> bool:
    held = number_of(SESSIONS, values.get(key))
    return key != NOBODY and (held or 0) >= weights.sessions_min


def _values(work: Work, reach: Reach, names: Sequence[str], period: Period, as_of: datetime) -> Values:
    return read_values(work, reach, names, period, as_of, slice=Slice.OPERATOR)


def _rows(work: Work, names: Sequence[str], values: Values, before: Values) -> list[Row]:
    """A row for each operator of which there is a number, now or before."""
    return [
        Row(key, name, cells_of(names, values.get(key)), cells_of(names, before.get(key)))
        for key, name in names_of_operators(work).items()
        if key in values or key in before
    ]
