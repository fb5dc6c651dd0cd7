"""Points come: up to a currency's ceiling, then where it overflows to, and into what turns by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache

from rules.rulebook.case import BUDGET_GONE, Case
from rules.rulebook.computing import Words
from rules.rulebook.conditions import is_met
from rules.rulebook.decision import Line, LineKind
from rules.rulebook.expiring import last_good_day
from rules.rulebook.limits import limit_points, use_limits
from rules.rulebook.quantities import divide, points_in_words
from rules.rulebook.sections.accounts import Conversion, Currency, Lost
from rules.rulebook.sections.common import Expiry
from rules.rulebook.standing import NEVER


def explained(
    case: Case, title: str, rule_id: str, reason: Words, *, expires_on: date | None = None
) -> Callable[[], str]:
    """The words of a line: what the rule is called, the event, the reason, until when, where it stands.

    They hold what they need and not the case, which holds the lines; what they say is worked out once.
    """
    subject = f"《{case.happening.subject}》" if case.happening.subject else ""
    name = case.plan.rulebook.name

    def words() -> str:
        until = (
            ""
            if expires_on is None
            else "，永久有效"
            if expires_on == NEVER
            else f"，有效期至 {expires_on.isoformat()}"
        )
        return f"{title}{subject}：{reason()}{until}（{name}，规则 {rule_id}）"

    return cache(words)


def joined(words: Words, notes: Sequence[str]) -> Words:
    """A reason with what is to be said besides."""
    return (lambda: "；".join([words(), *notes])) if notes else words


def give(
    case: Case, currency: Currency, rule_id: str, amount: int, title: str, reason: Words, expiry: Expiry | None
) -> int:
    """Points come, up to the currency's ceiling; what is beyond goes where the currency says. Returns what came in all."""
    if not case.can_give(currency.id):
        words = explained(case, title, rule_id, lambda: BUDGET_GONE)
        case.lines.append(Line(LineKind.NOTHING, rule_id, words, currency.id))
        return 0
    ceiling = case.plan.ceilings[currency.id]
    fits = amount if ceiling is None else max(min(amount, ceiling - case.balance(currency.id)), 0)
    beyond = amount - fits
    notes = []
    if beyond:
        most, over = (points_in_words(each, currency.decimals) for each in (ceiling or 0, beyond))
        where = "作废" if currency.overflow == Lost.LOST else f"转入{case.plan.currencies[currency.overflow].name}"
        notes = [f"余额上限 {most} {currency.unit}，超出的 {over} {currency.unit}{where}"]
    if fits:
        expires_on = last_good_day(case.plan.rulebook, currency, case.day, expiry)
        words = explained(case, title, rule_id, joined(reason, notes), expires_on=expires_on)
        case.give(Line(LineKind.AWARD, rule_id, words, currency.id, fits, expires_on))
        case.count_points(rule_id, currency.id, fits)
        _convert(case, currency, fits)
    elif currency.overflow == Lost.LOST:
        words = explained(case, title, rule_id, joined(reason, notes))
        case.lines.append(Line(LineKind.NOTHING, rule_id, words, currency.id))
    if beyond and currency.overflow != Lost.LOST:
        fits += give(
            case, case.plan.currencies[currency.overflow], rule_id, beyond, title, joined(reason, notes), expiry
        )
    return fits


def _convert(case: Case, currency: Currency, amount: int) -> None:
    """What turns by itself, as far as its limits go."""
    for conversion, caps in case.plan.conversions.get(currency.id, ()):
        if case.can_give(conversion.target) and is_met(conversion.where, case.fact):
            turned, notes = limit_points(case, caps, currency, amount)
            amount -= turned
            if turned > 0:
                use_limits(case, conversion.id, caps, turned, 0)
                _turn(case, conversion, currency, turned, notes)


def _turn(case: Case, conversion: Conversion, source: Currency, amount: int, notes: Sequence[str]) -> None:
    target = case.plan.currencies[conversion.target]
    numerator = amount * int(conversion.rate * 10_000) * case.plan.units[target.id]
    denominator = 10_000 * case.plan.units[source.id]
    comes = divide(numerator, denominator, case.plan.rulebook.calculation.round)
    words = (
        f"{points_in_words(amount, source.decimals)} {source.name} × {conversion.rate:f} = "
        f"{points_in_words(comes, target.decimals)} {target.name}"
    )
    reason = joined(lambda: words, notes)
    case.take(
        LineKind.CONVERSION, conversion.id, source.id, amount, explained(case, conversion.title, conversion.id, reason)
    )
    if comes:
        give(case, target, conversion.id, comes, conversion.title, reason, None)
