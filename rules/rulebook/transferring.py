"""Giving points to each other by the rulebook: who may, to whom, how much. Pure.

What was given is counted by the caller under the names that `uses_of` tells; here it is only looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rules.rulebook.booking import Refusal, blocked_by
from rules.rulebook.case import Case
from rules.rulebook.conditions import is_met
from rules.rulebook.consequences import looked_at
from rules.rulebook.decision import Happening, Use
from rules.rulebook.limits import name_of, used_of, window_in_words
from rules.rulebook.plan import Plan
from rules.rulebook.quantities import points_in_words
from rules.rulebook.sections.accounts import TransferWithin
from rules.rulebook.standing import Standing

TRANSFER = "transfer"  #: the word by which a freeze or a suspension stops giving
#: How close two people have to be, from the closest on.
CLOSENESS = (TransferWithin.HOUSEHOLD, TransferWithin.RELATIVES, TransferWithin.ANYONE)


def judge_transfer(
    plan: Plan, wish: Happening, standing: Standing, closeness: TransferWithin, currency: str, amount: int
) -> list[Refusal]:
    """Why the holder may not give `amount` (in the currency's smallest unit, above 0) to somebody this close.

    The wish's facts are those that conditions and limits ask for.
    """
    case, terms = looked_at(plan, wish, standing), plan.rulebook.transfer
    refusals = [Refusal("suspended", sentence) for sentence in blocked_by(case, TRANSFER)]
    if terms.within is TransferWithin.NOBODY:
        return [*refusals, Refusal("not_allowed", "积分不能转赠")]
    if closeness not in CLOSENESS[: CLOSENESS.index(terms.within) + 1]:
        refusals.append(Refusal("not_close_enough", "只能转赠给规则允许的人"))
    is_offered = plan.currencies[currency].spendable if not terms.currencies else currency in terms.currencies
    if not is_offered:
        refusals.append(Refusal("currency_not_allowed", f"{plan.currencies[currency].name}不能转赠"))
    if not is_met(terms.where, case.fact):
        refusals.append(Refusal("not_eligible", "不符合转赠条件"))
    refusals += _limits(case, currency, amount)
    if amount > case.balance(currency):
        there = points_in_words(max(case.balance(currency), 0), plan.currencies[currency].decimals)
        refusals.append(Refusal("points_insufficient", f"可用 {there} 分"))
    return refusals


def uses_of(plan: Plan, wish: Happening, standing: Standing, amount: int) -> Sequence[Use]:
    """What a transfer counts under which limits."""
    case = looked_at(plan, wish, standing)
    counted = [cap for cap in plan.transfer_caps if not cap.is_per_event]
    return [
        Use(
            name_of(case, cap),
            cap.limit.per.bucket_of(case.day, plan.year_starts),
            amount if cap.limit.points is not None else 1,
            cap.most,
        )
        for cap in counted
    ]


def _limits(case: Case, currency: str, amount: int) -> list[Refusal]:
    refusals = []
    for cap in case.plan.transfer_caps:
        wanted = amount if cap.limit.points is not None else 1
        if used_of(case, cap) + wanted > cap.most:
            most = Decimal(cap.most).scaleb(
                -case.plan.currencies[currency].decimals if cap.limit.points is not None else 0
            )
            what = "分" if cap.limit.points is not None else "次"
            refusals.append(Refusal("limit_reached", f"转赠{window_in_words(cap.limit)}最多 {most:f} {what}"))
    return refusals
