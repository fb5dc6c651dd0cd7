"""Conditions: what has to be true of an event, of a person or of what is counted, before a rule speaks.

    where = { category = "讲座", late = false, hours = { min = 2 }, person.age = { min = 18 } }

All that stands in one table has to hold; of a list of tables, one. A fact is a bare word (of the event) or lies in one of
NAMESPACES. A fact that nobody gave is false, is no word, and lies within no bounds; so `late = false` holds for an event
that says nothing of being late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, TypeAlias, TypeGuard

from rules.rulebook.lines import Path
from rules.rulebook.reading import Amount, Either, Faults, ListOf, Section, Text, Wrong, YesNo, key

NUMBER_MAX = Decimal(10**9)
NUMBER = Amount(-NUMBER_MAX, NUMBER_MAX)
TEXT = Text()
SCALAR = Either((YesNo(), NUMBER, Text("须为文字、数字、true 或 false", "must be a text, a number, true or false")))
#: person: what is known of who it is about. balance, earned: points held now, points ever earned, by currency. total: the
#: balances of several currencies together.
#: tally: a count, in the unit of what it counts. level: the rank reached in a ladder, 0 before the first level. frozen,
#: suspended: whether a freeze, a penalty's suspension is in force.
NAMESPACES = ("person", "balance", "total", "earned", "tally", "level", "frozen", "suspended")

Scalar: TypeAlias = str | int | bool | Decimal
#: What a condition asks: the value of a fact, or None where nobody gave it.
Facts: TypeAlias = Callable[[str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a number, or what a value must not be."""

    min: Decimal | None = key(NUMBER, "At least this.", "min = 18", default=None)
    max: Decimal | None = key(NUMBER, "At most this.", "max = 60", default=None)
    above: Decimal | None = key(NUMBER, "More than this.", "above = 0", default=None)
    below: Decimal | None = key(NUMBER, "Less than this.", "below = 14", default=None)
    none_of: tuple[Scalar, ...] | None = key(
        ListOf(SCALAR, least=1, or_one=True), "None of these.", 'none_of = ["请假"]', default=None
    )

    same_as: str | None = key(TEXT, "Equal to this other fact.", 'same_as = "person.reader_type"', default=None)
    times: str | None = key(
        TEXT, "The bounds are multiplied by this other fact, a number.", 'times = "tally.hours"', default=None
    )

    def check(self) -> None:
        named = [each.name for each in fields(self) if each.name != "times" and getattr(self, each.name) is not None]
        if not named:
            raise Wrong(
                "至少要给出 min、max、above、below、none_of、same_as 之一",
                "must have min, max, above, below, none_of or same_as",
            )
        least = [each for each in (self.min, self.above) if each is not None]
        most = [each for each in (self.max, self.below) if each is not None]
        if least and most and max(least) > min(most):
            raise Wrong("下限不能大于上限", "the lower bound is above the upper one")
        for name in ("same_as", "times"):
            if (fact := getattr(self, name)) is not None:
                check_fact(fact, (name,))

    def facts(self) -> list[str]:
        """The other facts that are asked for."""
        return [fact for fact in (self.same_as, self.times) if fact is not None]

    def holds(self, value: Any, facts: Facts) -> bool:
        """Whether a fact's value lies within; `facts` tells the other facts."""
        if self.same_as is not None and not is_same(value, facts(self.same_as)):
            return False
        if self.none_of is not None and is_one_of(value, self.none_of):
            return False
        if self.min is None and self.max is None and self.above is None and self.below is None:
            return True
        times: Any = 1 if self.times is None else facts(self.times)
        if not is_number(value) or not is_number(times):
            return False
        return (
            (self.min is None or value >= self.min * times)
            and (self.max is None or value <= self.max * times)
            and (self.above is None or value > self.above * times)
            and (self.below is None or value < self.below * times)
        )


def is_number(value: Any) -> TypeGuard[int | Decimal]:
    """Whether a fact's value is a number: true and false are none, and neither is what isn't finite."""
    return type(value) is int or (isinstance(value, Decimal) and value.is_finite())


def is_same(value: Any, other: Any) -> bool:
    """Whether two facts are there and equal; true and false are no numbers."""
    if is_number(value) and is_number(other):
        return value == other
    return type(value) is type(other) and isinstance(value, str | bool) and value == other


def is_one_of(value: Any, wanted: tuple[Scalar, ...]) -> bool:
    """Whether a fact's value is one of these. A fact that nobody gave is false; true and false are no numbers."""
    if value is None:
        value = False
    kind = type(value)
    if kind is bool:
        return any(each is value for each in wanted)
    if kind is Decimal and not value.is_finite():
        return False
    return value in wanted and any(type(each) is not bool and value == each for each in wanted)


def check_fact(fact: str, below: Path = ()) -> None:
    """Raises Wrong unless a fact's name is a word, or a word in a namespace."""
    if not all(part and part.replace("_", "").replace("-", "").isalnum() for part in fact.split(".")):
        raise Wrong("事实的名称须为一个词", "a fact is named by a word", below)
    if "." in fact and (fact.split(".", maxsplit=1)[0] not in NAMESPACES or fact.count(".") > 1):
        spaces = NAMESPACES
        raise Wrong("点号前可用：" + "、".join(spaces), "before the dot is allowed: " + ", ".join(spaces), below)


@dataclass(frozen=True, slots=True)
class Condition:
    """One fact, and what it has to be: one of some values, or within bounds."""

    fact: str
    values: tuple[Scalar, ...] = ()
    bounds: Bounds | None = None

    def holds(self, facts: Facts) -> bool:
        value = facts(self.fact)
        if self.bounds is None:
            return is_one_of(value, self.values)
        return self.bounds.holds(value, facts)


#: Of some alternatives, one must hold; of an alternative, every condition.
Where: TypeAlias = tuple[tuple[Condition, ...], ...]


def is_met(where: Where, facts: Facts) -> bool:
    """Whether a condition holds; none at all always does."""
    if not where:
        return True
    for alternative in where:
        for condition in alternative:
            if not condition.holds(facts):
                break
        else:
            return True
    return False


def facts_in(where: Where) -> set[str]:
    """The facts that a condition asks for."""
    conditions = [condition for alternative in where for condition in alternative]
    others = [fact for condition in conditions if condition.bounds for fact in condition.bounds.facts()]
    return {condition.fact for condition in conditions} | set(others)


_VALUES = ListOf(SCALAR, least=1, or_one=True)
_BOUNDS = Section(Bounds)


class WhereReader:
    """Reads one table of conditions, or a list of them."""

    zh = "须为条件表，如 { late = false, hours = { min = 2 } }，或若干条件表的列表（满足其一即可）"
    en = "must be a table of conditions such as { late = false, hours = { min = 2 } }, or a list of such tables"

    def read(self, value: Any) -> Where:
        if isinstance(value, dict):
            return (self._alternative(value),)
        if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
            raise Wrong(self.zh, self.en)
        alternatives, wrongs = [], []
        for n, each in enumerate(value):
            try:
                alternatives.append(self._alternative(each))
            except Faults as faults:
                wrongs.extend(faults.under(n))
        if wrongs:
            raise Faults(wrongs)
        return tuple(alternatives)

    def write(self, value: Where) -> Any:
        written = [{each.fact: self._written(each) for each in alternative} for alternative in value]
        return written[0] if len(written) == 1 else written

    def _alternative(self, table: Mapping[str, Any]) -> tuple[Condition, ...]:
        if not table:
            raise Faults([Wrong(self.zh, self.en)])
        conditions, wrongs = [], []
        flat = _flat(table)
        if not flat:
            raise Faults([Wrong(self.zh, self.en)])
        for fact, wanted in flat.items():
            try:
                conditions.append(self._condition(fact, wanted))
            except Wrong as wrong:
                wrongs.append(Wrong(wrong.zh, wrong.en, (fact, *wrong.below)))
            except Faults as faults:
                wrongs.extend(faults.under(fact))
        if wrongs:
            raise Faults(wrongs)
        return tuple(conditions)

    @staticmethod
    def _condition(fact: str, wanted: Any) -> Condition:
        check_fact(fact)
        if isinstance(wanted, dict):
            return Condition(fact, bounds=_BOUNDS.read(wanted))
        return Condition(fact, values=_VALUES.read(wanted))

    @staticmethod
    def _written(condition: Condition) -> Any:
        if condition.bounds is not None:
            return _BOUNDS.write(condition.bounds)
        written = _VALUES.write(condition.values)
        return written[0] if len(written) == 1 else written


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """The same conditions with `person.age` for a table `age` in a table `person`."""
    flat: dict[str, Any] = {}
    bounds = {each.name for each in fields(Bounds)}
    for name, wanted in table.items():
        if name not in NAMESPACES or not isinstance(wanted, dict) or (wanted and wanted.keys() <= bounds):
            named = {name: wanted}
        else:
            named = {f"{name}.{fact}": value for fact, value in wanted.items()}
        if twice := flat.keys() & named.keys():
            raise Faults([Wrong("同一事实只能写一次", "stands twice; a fact stands once", (min(twice),))])
        flat |= named
    return flat
