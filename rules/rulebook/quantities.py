"""Quantities and points as whole numbers, so that nothing is lost on the way to a rounding that the rulebook states.

A quantity counts in ten-thousandths of its unit (SCALE); hours count in minutes, since that is what an event knows. Points
count in the smallest unit of their currency. What lies between is a numerator and a denominator.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rules.rulebook.sections.common import Rounding

SCALE = 10_000
HOURS, MINUTES, MINUTES_OF_HOUR = "hours", "minutes", 60
#: A quantity of an event beyond it can't be right, and counts as not given.
QUANTITY_MAX = 10**7


def scale_of(name: str) -> int:
    """How many of the whole numbers that a quantity counts in are one of its unit."""
    return SCALE * MINUTES_OF_HOUR if name == HOURS else SCALE


def quantity_in(facts: Mapping[str, Any], name: str) -> int:
    """A quantity of an event, in whole numbers of `scale_of`; 0 where it isn't given. Hours come from minutes."""
    if name == HOURS and HOURS not in facts:
        return _scaled(facts.get(MINUTES), SCALE)
    if name == MINUTES and MINUTES not in facts:
        return _scaled(facts.get(HOURS), SCALE * MINUTES_OF_HOUR)
    return _scaled(facts.get(name), scale_of(name))


def is_given(facts: Mapping[str, Any], name: str) -> bool:
    """Whether an event gives a quantity that can be read."""
    other = {HOURS: MINUTES, MINUTES: HOURS}.get(name, name)
    value = facts.get(name, facts.get(other))
    is_number = type(value) is int or (isinstance(value, Decimal) and value.is_finite())
    return is_number and 0 <= value <= QUANTITY_MAX


def _scaled(value: Any, scale: int) -> int:
    if type(value) is int:
        return value * scale if 0 <= value <= QUANTITY_MAX else 0
    if isinstance(value, Decimal) and value.is_finite() and 0 <= value <= QUANTITY_MAX:
        return int(value * scale)
    return 0


def whole(number: Decimal, scale: int) -> int:
    """A number of the document in whole numbers; it has at most as many decimals as SCALE."""
    scaled = int(number * scale)
    assert scaled == number * scale, "the document's numbers have few decimals"
    return scaled


def divide(numerator: int, denominator: int, rounding: Rounding | None) -> int:
    """The quotient in whole numbers. Without a rounding it has to come out even, or goes down."""
    quotient, rest = divmod(numerator, denominator)
    if rest == 0 or rounding is None or rounding is Rounding.DOWN:
        return quotient
    if rounding is Rounding.UP:
        return quotient + 1
    return quotient + (2 * rest >= denominator)


def in_words(numerator: int, denominator: int) -> str:
    """A number to be read: 1.5, or 110/60 where it has no end."""
    scaled, rest = divmod(numerator * SCALE, denominator)
    sixtieths, no_rest = divmod(numerator * MINUTES_OF_HOUR, denominator)
    if rest and not no_rest:
        return f"{sixtieths}/{MINUTES_OF_HOUR}"
    whole_part, part = divmod(scaled, SCALE)
    decimals = f".{part:04}".rstrip("0").rstrip(".")
    return f"{whole_part}{decimals}…" if rest else f"{whole_part}{decimals}"


def points_in_words(amount: int, decimals: int) -> str:
    """Points of a currency to be read."""
    return f"{Decimal(amount).scaleb(-decimals):f}" if decimals else str(amount)
