"""Redemption by the rulebook: who may spend points on what, when, how much, and with which points. Pure.

What was redeemed is counted by `evaluate` when the event `redeemed` happens; here it is only looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from rules.rulebook.booking import Refusal, blocked_by
from rules.rulebook.case import Case
from rules.rulebook.computing import word_of
from rules.rulebook.conditions import is_met, is_number
from rules.rulebook.consequences import looked_at
from rules.rulebook.decision import Happening
from rules.rulebook.limits import used_of, window_in_words
from rules.rulebook.periods import end_of
from rules.rulebook.plan import Plan
from rules.rulebook.quantities import QUANTITY_MAX, SCALE, points_in_words
from rules.rulebook.sections.redemption import For, Matching, OpenDays, Redemption
from rules.rulebook.standing import Standing

REDEMPTION = "redemption"  #: the word by which a freeze or a suspension stops redeeming


@dataclass(frozen=True, slots=True)
class RedemptionVerdict:
    """What the rulebook says of a redemption that somebody wants."""

    redemption: Redemption | None  #: the section that counts; None: the rulebook allows no such redemption
    refusals: tuple[Refusal, ...]
    pays: Mapping[str, int]  #: points in their smallest unit, by currency, in the order in which they are taken

    @property
    def is_allowed(self) -> bool:
        return not self.refusals


def section_for(case: Case, what: For) -> Redemption | None:
    """The first section of redemptions for this, whose condition holds."""
    return next(
        (each for each in case.plan.rulebook.redemption if what in each.kinds and is_met(each.where, case.fact)), None
    )


def judge_redemption(plan: Plan, what: For, wish: Happening, standing: Standing) -> RedemptionVerdict:
    """Whether somebody may redeem what the facts of the wish say.

    Facts: `points` (what it costs), `quantity` (pieces; 1 if not given), `price` (the whole price in the rate's unit,
    where points pay a part), `worth_per_point` (what the merchant gives for a point), and whatever conditions ask for.
    """
    case = looked_at(plan, wish, standing)
    redemption = section_for(case, what)
    if redemption is None:
        return RedemptionVerdict(None, (Refusal("not_offered", "积分不能用于此项兑换"),), {})
    points, unit = case.fact("points"), plan.units[redemption.currencies[0]]
    if not is_number(points) or not 0 < points <= QUANTITY_MAX or points * unit != int(points * unit):
        return RedemptionVerdict(redemption, (Refusal("points_missing", "须写明所需积分"),), {})
    if _pieces(case) <= 0:
        return RedemptionVerdict(redemption, (Refusal("quantity_invalid", "件数须大于 0"),), {})
    refusals = [Refusal("suspended", sentence) for sentence in blocked_by(case, REDEMPTION)]
    if not is_met(redemption.who, case.fact):
        refusals.append(Refusal("not_eligible", redemption.who_title or f"{redemption.title}：不符合兑换条件"))
    if redemption.windows and not any(is_open(each, case.day, plan.year_starts) for each in redemption.windows):
        refusals.append(Refusal("outside_window", f"{redemption.title}：不在兑换时间内"))
    if redemption.least is not None and points < redemption.least:
        refusals.append(Refusal("below_minimum", f"每次至少兑换 {redemption.least:f} 分"))
    if redemption.lottery is not None and points != redemption.lottery.points * _pieces(case):
        refusals.append(Refusal("price_out_of_bounds", f"每张奖券 {redemption.lottery.points:f} 分"))
    refusals += _prices(redemption, case)
    refusals += _limits(redemption, case, Decimal(points))
    pays, short = split_payment(case, redemption, int(points * unit))
    if short is not None:
        refusals.append(short)
    return RedemptionVerdict(redemption, tuple(refusals), pays)


def is_open(days: OpenDays, day: date, year_starts: str) -> bool:
    """Whether a day is one of the days; all that is given has to hold."""
    span = timedelta(days=days.count)
    last, first = days.last_days_of, days.first_days_of
    return (
        (last is None or end_of(last, day, year_starts) - day < span)
        and (first is None or end_of(first, day - span, year_starts) != end_of(first, day, year_starts))
        and (not days.months or day.month in days.months)
        and (not days.days or day.day in days.days)
        and (not days.weekdays or day.isoweekday() in days.weekdays)
    )


def split_payment(case: Case, redemption: Redemption, wanted: int) -> tuple[dict[str, int], Refusal | None]:
    """Which points pay, in the order of the section's currencies; and why they don't suffice."""
    if redemption.matching is not None:
        return _matched(case, redemption.matching, wanted)
    pays: dict[str, int] = {}
    left = wanted
    for currency in redemption.currencies:
        part = min(max(case.balance(currency), 0), left)
        if part and case.plan.currencies[currency].spendable:
            pays[currency] = part
            left -= part
    return pays, _insufficient(case, redemption.currencies[0], wanted, left)


def _matched(case: Case, matching: Matching, wanted: int) -> tuple[dict[str, int], Refusal | None]:
    """Given points pay as far as earned ones go with them, and earned ones the rest."""
    rate = matching.given_per_earned
    value = case.fact(rate.fact)
    if value is None:
        value = case.fact(f"person.{rate.fact}")
    per_earned = rate.values.get(word_of(value), rate.otherwise)
    if per_earned is None:
        return {}, Refusal("not_eligible", f"{rate.fact} 须为 {'、'.join(rate.values)} 之一")
    given, earned = max(case.balance(matching.given), 0), max(case.balance(matching.earned), 0)
    ratio = int(per_earned * SCALE)
    # Of what is wanted, the given part is at most `ratio` of the earned part.
    most_given = wanted * ratio // (ratio + SCALE)
    from_given = min(given, most_given, earned * ratio // SCALE)
    from_earned = min(wanted - from_given, earned)
    pays = {matching.given: from_given, matching.earned: from_earned}
    left = wanted - from_given - from_earned
    return {name: part for name, part in pays.items() if part}, _insufficient(case, matching.earned, wanted, left)


def grade_of(redemption: Redemption, given: Decimal) -> str | None:
    """The title of a donor who has given so many points in all."""
    return next(
        (grade.title for grade in sorted(redemption.grades, key=lambda each: -each.at) if given >= grade.at), None
    )


def _insufficient(case: Case, currency: str, wanted: int, left: int) -> Refusal | None:
    if left <= 0:
        return None
    decimals = case.plan.currencies[currency].decimals
    need, there = points_in_words(wanted, decimals), points_in_words(wanted - left, decimals)
    return Refusal("points_insufficient", f"需要 {need} 分，可用 {there} 分")


def _prices(redemption: Redemption, case: Case) -> list[Refusal]:
    """Whether the merchant's price and the part that points pay lie within their bounds."""
    refusals = []
    if redemption.price is not None:
        offered = case.fact("worth_per_point")
        least, most, unit = redemption.price.least, redemption.price.most, redemption.price.unit
        if not is_number(offered) or not least <= offered <= most:
            refusals.append(Refusal("price_out_of_bounds", f"每分须值 {least:f} 至 {most:f} {unit}"))
    price = case.fact("price")
    if redemption.part_payment is not None and is_number(price) and price > 0:
        rate = redemption.rate
        worth = Decimal(case.fact("points")) * (rate.worth / rate.points if rate else 1)
        percent = worth * 100 / Decimal(price)
        part = redemption.part_payment
        if not part.least_percent <= percent <= part.most_percent:
            bounds = f"{part.least_percent:f}% 至 {part.most_percent:f}%"
            refusals.append(Refusal("part_out_of_bounds", f"积分须抵付价款的 {bounds}"))
    return refusals


def _pieces(case: Case) -> Decimal:
    quantity = case.fact("quantity")
    if quantity is None:
        return Decimal(1)
    return Decimal(quantity) if is_number(quantity) and -QUANTITY_MAX <= quantity <= QUANTITY_MAX else Decimal(0)


def _limits(redemption: Redemption, case: Case, points: Decimal) -> list[Refusal]:
    """The limits that this redemption would pass; unlike an award, it isn't trimmed."""
    refusals = []
    pieces = _pieces(case)
    unit = case.plan.units[redemption.currencies[0]]
    for cap in case.plan.redemption_caps[redemption.id]:
        limit = cap.limit
        wanted = (
            int(points * unit) if limit.points is not None else 1 if limit.times is not None else int(pieces * SCALE)
        )
        if used_of(case, cap) + wanted > cap.most:
            what = "分" if limit.points is not None else "次" if limit.times is not None else "件"
            refusals.append(Refusal("limit_reached", f"{window_in_words(limit)}最多 {limit.most:f} {what}"))
    return refusals
