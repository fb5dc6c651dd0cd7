"""Limits: what is left under each of them for an event, and what an award uses up.

A limit counts in its own counter, in the window that the event is in, so the order in which events arrive doesn't matter:
however late one comes, no window of a limit ever holds more than the limit. A limit of points trims points, a limit of
times counts awards, a limit of quantity trims what is multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rules.rulebook.case import Case
from rules.rulebook.computing import Quantity
from rules.rulebook.decision import Use
from rules.rulebook.periods import Calendar
from rules.rulebook.plan import Cap, Planned, split_name
from rules.rulebook.quantities import in_words, points_in_words
from rules.rulebook.sections.accounts import Currency
from rules.rulebook.sections.common import Limit, WhenOver

WINDOWS = {
    Calendar.EVENT: "每次",
    Calendar.DAY: "每日",
    Calendar.WEEK: "每周",
    Calendar.MONTH: "每月",
    Calendar.QUARTER: "每季度",
    Calendar.HALF_YEAR: "每半年",
    Calendar.YEAR: "每年",
    Calendar.EVER: "累计",
}


def window_in_words(limit: Limit) -> str:
    """The window of a limit: 每日, 120 天内."""
    if limit.per.months:
        return f"{limit.per.months} 个月内"
    return f"{limit.per.days} 天内" if limit.per.days else WINDOWS[limit.per.calendar]


def name_of(case: Case, cap: Cap) -> str:
    """The counter of a limit for this event."""
    if not cap.limit.by:
        return cap.name
    return split_name(cap.name, cap.limit.by, case.happening.facts, case.happening.kind)


def used_of(case: Case, cap: Cap) -> int:
    """What is used of a limit in the window of the event; of a rolling one, in the fullest that the event is in."""
    name = name_of(case, cap)
    if cap.is_per_event:
        return case.in_event.get(name, 0)
    return case.most_in(name, cap.limit.per)


def limit_quantity(case: Case, planned: Planned[Any], quantity: Quantity) -> Quantity:
    """What the limits of quantity leave of a quantity."""
    if not planned.quantity_caps:
        return quantity
    number, notes = quantity.number, list(quantity.notes)
    for cap in planned.quantity_caps:
        used = used_of(case, cap)
        left = max(cap.most - used, 0)
        if number > left:
            unit = planned.rule.unit
            most, before = in_words(cap.most, quantity.scale), in_words(used, quantity.scale)
            number = left if cap.limit.over is WhenOver.TRIM else 0
            now = in_words(number, quantity.scale)
            notes.append(f"{window_in_words(cap.limit)}最多 {most} {unit}，已计 {before} {unit}，本次计 {now} {unit}")
    if number == quantity.number:
        return quantity
    unit = planned.rule.unit
    return Quantity(number, quantity.scale, lambda: f"{in_words(number, quantity.scale)} {unit}", tuple(notes))


def limit_points(case: Case, caps: Sequence[Cap], currency: Currency, amount: int) -> tuple[int, list[str]]:
    """What the limits of points and times leave of an amount, and each of them that bites, in words."""
    notes: list[str] = []
    for cap in caps:
        used = used_of(case, cap)
        left = max(cap.most - used, 0)
        if cap.limit.times is not None:
            if amount and not left:
                notes.append(f"{cap.title}{window_in_words(cap.limit)}最多 {cap.most} 次，已有 {used} 次")
                amount = 0
            continue
        if amount > left:
            most, before = points_in_words(cap.most, currency.decimals), points_in_words(used, currency.decimals)
            amount = left if cap.limit.over is WhenOver.TRIM else 0
            now = points_in_words(amount, currency.decimals)
            unit = currency.unit
            notes.append(
                f"{cap.title}{window_in_words(cap.limit)}最多 {most} {unit}，已计 {before} {unit}，本次计 {now} {unit}"
            )
    return amount, notes


def use_limits(case: Case, rule_id: str, caps: Sequence[Cap], amount: int, quantity: int) -> None:
    """Count what a rule gave or took under all its limits."""
    for cap in caps:
        used = amount if cap.limit.points is not None else 1 if cap.limit.times is not None else quantity
        name = name_of(case, cap)
        if cap.is_per_event:
            case.in_event[name] = case.in_event.get(name, 0) + used
        elif used:
            bucket = case.add(name, cap.limit.per, used)
            case.uses.setdefault(rule_id, []).append(Use(name, bucket, used, cap.most))
