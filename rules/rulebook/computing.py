"""How much a rule gives before any limit on points: its quantity, its amount, its factors, and the arithmetic in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from rules.rulebook.conditions import is_number
from rules.rulebook.decision import Happening
from rules.rulebook.plan import Plan, Planned
from rules.rulebook.quantities import (
    MINUTES_OF_HOUR,
    QUANTITY_MAX,
    SCALE,
    divide,
    in_words,
    is_given,
    points_in_words,
    quantity_in,
)
from rules.rulebook.sections.common import Rounding
from rules.rulebook.sections.earning import All, ByFact, Range

Words: TypeAlias = Callable[[], str]
#: No ledger holds more in one line; a rulebook or an event that asks for it can't be right.
AMOUNT_MAX = 10**12
ROUNDED = {Rounding.DOWN: "向下取整", Rounding.UP: "向上取整", Rounding.HALF_UP: "四舍五入"}


@dataclass(slots=True)
class Quantity:
    """How much of an event counts for a rule."""

    number: int
    scale: int
    words: Words  #: "3 小时"; how it came of what the event says
    notes: tuple[str, ...] = ()  #: what was left out, and why


@dataclass(slots=True)
class Computed:
    """Points in the smallest unit, and how they were computed; or None, and why not."""

    amount: int | None
    words: Words


def nothing(reason: str) -> Computed:
    """A rule that gives nothing, and why."""
    return Computed(None, lambda: reason)


NO_QUANTITY = Quantity(0, SCALE, lambda: "0")


def missing_of(planned: Planned[Any], happening: Happening) -> str | None:
    """The quantity that a rule multiplies by and the event doesn't give; None when all are there."""
    each = planned.rule.each
    if each is None:
        return None
    names = (each,) if isinstance(each, str) else tuple(each)
    return next((name for name in names if not is_given(happening.facts, name)), None)


def quantity_of(planned: Planned[Any], happening: Happening, counted_before: int) -> Quantity:
    """The quantity of an event that counts.

    `counted_before`: what the tally of `beyond` held before this event, in whole numbers.
    """
    rule, unit = planned.rule, planned.rule.unit
    if rule.each is None:
        return Quantity(SCALE, SCALE, lambda: f"1 {unit}")
    if planned.weights:
        return _weighted(planned, happening)
    given = number = quantity_in(happening.facts, rule.each)
    scale, notes = planned.scale, []
    if planned.at_most is not None and number > planned.at_most:
        number = planned.at_most
        notes.append(f"{in_words(given, scale)} {unit}只计 {in_words(number, scale)} {unit}")
    if planned.beyond is not None:
        free = max(planned.beyond - counted_before, 0)
        if free:
            notes.append(f"前 {rule.beyond.amount:f} {unit}不计，还差 {in_words(free, scale)} {unit}")
        number = max(number - free, 0)
    if planned.step is not None:
        steps = divide(number, planned.step, rule.step.round) * planned.step
        if steps != number:
            notes.append(f"{in_words(number, scale)} {unit}按 {rule.step.of:f} {unit}{ROUNDED[rule.step.round]}")
        number = steps
    return Quantity(number, scale, lambda: f"{in_words(number, scale)} {unit}", tuple(notes))


def _weighted(planned: Planned[Any], happening: Happening) -> Quantity:
    """A sum of quantities with their weights: ratings of several people."""
    parts = [(quantity_in(happening.facts, name), scale, weight) for name, scale, weight in planned.weights]
    common = SCALE * MINUTES_OF_HOUR  # hours count in minutes, all else in SCALE; this holds both
    number = sum(given * (common // scale) * weight for given, scale, weight in parts)

    def words() -> str:
        terms = " + ".join(f"{in_words(given, scale)} × {in_words(weight, SCALE)}" for given, scale, weight in parts)
        return f"({terms}) {planned.rule.unit}"

    return Quantity(number, common * SCALE, words)


def compute(plan: Plan, planned: Planned[Any], happening: Happening, quantity: Quantity, balance: int) -> Computed:
    """The points of a rule for a quantity: amount × quantity ÷ per × factors, rounded as the rulebook states.

    `balance`: what is there now, for a deduction of all.
    """
    rule, currency = planned.rule, planned.currency
    if isinstance(rule.amount, All):
        return Computed(
            max(balance, 0), lambda: f"全部余额 {points_in_words(max(balance, 0), currency.decimals)} {currency.unit}"
        )
    chosen = rule.amount if planned.numerator is not None else amount_of(rule.amount, happening, currency.decimals)
    if chosen is None:
        return nothing(_why_no_amount(rule.amount, currency.unit))
    factors: list[tuple[ByFact, Decimal]] = []
    for each in rule.factors:
        factor = each.values.get(word_of(happening.facts.get(each.fact)), each.otherwise)
        if factor is None:
            return nothing(f"{each.fact} 须为 {'、'.join(each.values)} 之一")
        factors.append((each, factor))
    each_one = planned.numerator if planned.numerator is not None else int(chosen * SCALE) * plan.units[currency.id]
    numerator, denominator = each_one * quantity.number, planned.denominator * quantity.scale
    for _, factor in factors:
        numerator, denominator = numerator * int(factor * SCALE), denominator * SCALE
    rounding = plan.rulebook.calculation.round
    amount = divide(numerator, denominator, rounding)
    if amount > AMOUNT_MAX:
        return nothing("数额超出可记的范围")

    def words() -> str:
        per = f"{rule.per:f} " if rule.per != 1 else ""
        terms = [f"每{per and ' ' + per}{rule.unit} {chosen:f} {currency.unit} × {quantity.words()}"]
        terms += [f"÷ {rule.per:f}"] if rule.per != 1 else []
        terms += [f"× 系数 {factor:f}（{each.fact}）" for each, factor in factors]
        exact = denominator * plan.units[currency.id]
        result = f"{in_words(numerator, exact)} {currency.unit}"
        if numerator % denominator:
            result += (
                f"，{ROUNDED[rounding or Rounding.DOWN]} {points_in_words(amount, currency.decimals)} {currency.unit}"
            )
        return "；".join([" ".join(terms) + f" = {result}", *quantity.notes])

    return Computed(amount, words)


def amount_of(amount: Decimal | Range | ByFact, happening: Happening, decimals: int) -> Decimal | None:
    """The number that a rule gives for one; None when the event doesn't say what it takes.

    What a person chooses has at most so many `decimals`, as its currency has.
    """
    if isinstance(amount, Decimal):
        return amount
    if isinstance(amount, ByFact):
        return amount.values.get(word_of(happening.facts.get(amount.fact)), amount.otherwise)
    chosen = happening.facts.get("amount")
    if not is_number(chosen) or not amount.min <= chosen <= amount.max:
        return None
    number = Decimal(chosen)
    return number if number.scaleb(decimals) == number.scaleb(decimals).to_integral_value() else None


def _why_no_amount(amount: Any, unit: str) -> str:
    if isinstance(amount, ByFact):
        return f"{amount.fact} 须为 {'、'.join(amount.values)} 之一"
    return f"须由工作人员评定，{amount.min:f} 至 {amount.max:f} {unit}"


def word_of(value: Any) -> str:
    """How a fact's value is written in a table of the document."""
    if isinstance(value, bool):
        return str(value).lower()
    if is_number(value):
        return f"{Decimal(value).normalize():f}" if -QUANTITY_MAX <= value <= QUANTITY_MAX else ""
    return value if isinstance(value, str) else ""
