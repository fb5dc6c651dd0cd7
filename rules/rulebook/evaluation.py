"""What a rulebook says about an event. Pure: no session, no clock, no randomness.

An event is judged in this order, and what comes later sees what came before:

1. freezes end whose days are over;
2. tallies count the event;
3. rules that earn, in the order of the document; each award is held to its own limits and then to the shared ones, in
   the order that the rulebook states, then to the currency's ceiling; then currencies turn that turn by themselves;
4. rules that cost, held to their limits and the currency's floor; events that take back another one's points;
5. penalties, warnings, freezes, levels.

A rule that speaks of the event and gives nothing says why in a line of its own; one that gives less, in its explanation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

from dateutil.relativedelta import relativedelta

from rules.rulebook.case import Case
from rules.rulebook.computing import (
    NO_QUANTITY,
    Computed,
    Quantity,
    Words,
    compute,
    missing_of,
    nothing,
    quantity_of,
    word_of,
)
from rules.rulebook.conditions import is_met
from rules.rulebook.consequences import count_at_desk, end_lapsed_freezes, follow
from rules.rulebook.decision import Decision, Happening, Line, LineKind
from rules.rulebook.giving import explained, give, joined
from rules.rulebook.limits import limit_points, limit_quantity, use_limits
from rules.rulebook.periods import Window
from rules.rulebook.plan import ACCOUNT_OPENED, EARNING, PERIOD_STARTED, Plan, Planned
from rules.rulebook.quantities import points_in_words
from rules.rulebook.sections.accounts import Order
from rules.rulebook.sections.common import WhenOver
from rules.rulebook.sections.earning import Approver, Claim, Deduct, Earn, Milestone
from rules.rulebook.standing import NEVER, Standing

APPROVERS = {
    Approver.PUBLISHER: "活动发布者",
    Approver.STAFF: "工作人员",
    Approver.COMMITTEE: "居（村）委会",
    Approver.PANEL: "评议小组",
    Approver.SECOND_PERSON: "第二人",
}


#: What tallies held before the event: one number, or the two runs that an event joins.
Before: TypeAlias = dict[str, tuple[int, ...]]


@dataclass(slots=True)
class Wish:
    """What a rule wants to give before limits on points."""

    planned: Planned[Any]
    quantity: Quantity
    computed: Computed


def evaluate(plan: Plan, happening: Happening, standing: Standing, *, gives: bool = True) -> Decision:
    """What follows from an event for the holder of this standing, who is not touched by it.

    `gives`: False when there is no budget left to give points of the main currency from; everything else is judged all
    the same.
    """
    case = Case(plan, happening, standing, gives=gives)
    speaking = plan.speaking_of(happening.kind)
    if standing.frozen:
        end_lapsed_freezes(case)
    before = {counted.tally.id: case.counts_before(counted) for counted in speaking.watched}
    for counted in speaking.tallies:
        if is_met(counted.tally.where, case.fact):
            case.count_in_tally(counted)
    if happening.kind in (ACCOUNT_OPENED, PERIOD_STARTED):
        _open(case)
    if speaking.earn:
        _earn_all(case, speaking.earn, before)
    for planned in speaking.deduct:
        if _speaks(case, planned.rule, before):
            _deduct(case, planned, before)
    for void in speaking.void:
        if is_met(void.where, case.fact):
            words = explained(case, void.title, void.id, lambda: "收回该次服务所得积分")
            case.lines.append(Line(LineKind.VOID, void.id, words, about=word_of(happening.facts.get(void.of))))
    follow(case, speaking)
    return Decision(case.lines, case.changes, case.uses)


def counted_by(plan: Plan, happening: Happening, standing: Standing) -> dict[tuple[str, str], int]:
    """What an event's facts alone say that it counts, in tallies and at the desk, by counter and bucket."""
    case, speaking = Case(plan, happening, standing), plan.speaking_of(happening.kind)
    for counted in speaking.tallies:
        if is_met(counted.tally.where, case.fact):
            case.count_in_tally(counted)
    count_at_desk(case, speaking)
    return case.changes.counters


# --- what comes -------------------------------------------------------------------------------------------------------


def points_counted(
    plan: Plan, happening: Happening, rule_id: str, currency: str, amount: int
) -> dict[tuple[str, str], int]:
    """What points that a rule gave for an event add to the tallies of points, by counter and bucket."""
    case = Case(plan, happening, Standing())
    case.count_points(rule_id, currency, amount)
    return case.changes.counters


def _open(case: Case) -> None:
    """Opening balances: once for the account, or anew for each period."""
    for currency in case.plan.openings:
        each = currency.opening_each
        if case.happening.kind == PERIOD_STARTED and case.happening.facts.get("period") != each:
            continue
        name, window = f"opening:{currency.id}", Window(each)
        if window.count_at(case.counter(name), case.day, case.plan.year_starts):
            continue
        case.add(name, window, 1)
        words = f"{currency.opening:f} {currency.unit}"
        amount = case.plan.points(currency.opening, currency.id) or 0
        give(case, currency, f"opening-{currency.id}", amount, "初始积分", lambda words=words: words, None)  # type: ignore[misc]


def _earn_all(case: Case, rules: Sequence[Planned[Earn]], before: Before) -> None:
    spoken = [planned for planned in rules if _speaks(case, planned.rule, before)]
    if not spoken:
        return
    if (reason := _why_nobody_earns(case)) is not None:
        for planned in spoken:
            _say_nothing(case, planned.rule, reason)
        return
    due = [planned for planned in spoken if _is_due(case, planned.rule)]
    order = case.plan.rulebook.calculation.order
    if len(due) > 1 and order in (Order.LARGEST_FIRST, Order.SMALLEST_FIRST):
        wishes = [_wish(case, planned, before, 0) for planned in due]
        wishes.sort(key=lambda wish: wish.computed.amount or 0, reverse=order is Order.LARGEST_FIRST)
        for wish in wishes:  # a limit of quantity may be used up by the one before
            _award(case, _wish(case, wish.planned, before, 0) if wish.planned.quantity_caps else wish)
        return
    for planned in due:
        _award(case, _wish(case, planned, before, 0))


def _speaks(case: Case, rule: Earn | Deduct, before: Before) -> bool:
    """Whether a rule says anything of this event."""
    if (rule.starts_on and case.day < rule.starts_on) or (rule.ends_on and case.day > rule.ends_on):
        return False
    if not is_met(rule.where, case.fact):
        return False
    return rule.milestone is None or _reaches(case, rule.milestone, before[rule.milestone.tally])


def _reaches(case: Case, milestone: Milestone, before: tuple[int, ...]) -> bool:
    """Whether the event brings the tally to the number; of a streak that it joins from two, neither had reached it."""
    counted = case.plan.tallies[milestone.tally]
    after = case.count(counted)
    if milestone.at is not None:
        return max(before) < milestone.at * counted.scale <= after
    assert milestone.every is not None, "a milestone is at a number or at every multiple of one"
    step = int(milestone.every * counted.scale)
    return after // step > sum(count // step for count in before)


def _why_nobody_earns(case: Case) -> str | None:
    rulebook = case.plan.rulebook
    if rulebook.eligibility is not None and not is_met(rulebook.eligibility.where, case.fact):
        return rulebook.eligibility.title
    if case.standing.frozen or case.changes.frozen:
        for freeze in rulebook.freeze:
            if EARNING in freeze.blocks and case.is_frozen(freeze.id):
                return freeze.title
    if case.standing.suspended:
        for penalty in rulebook.penalty:
            if EARNING in penalty.blocks and case.is_suspended(penalty.id):
                return penalty.title
    return None


def _is_due(case: Case, rule: Earn) -> bool:
    """Whether a rule that speaks of the event gives anything: not yet, or not any more, and a line says so."""
    if rule.claim is not None and (reason := _why_not_claimed(case, rule.claim)) is not None:
        _say_nothing(case, rule, reason)
        return False
    if rule.approval is not None and not _is_approved(case, rule.approval):
        words = explained(case, rule.title, rule.id, lambda: f"待{APPROVERS[rule.approval]}确认")  # type: ignore[index]
        case.lines.append(Line(LineKind.PENDING, rule.id, words, rule.currency, about=rule.approval))
        return False
    return True


def _wish(case: Case, planned: Planned[Any], before: Before, balance: int) -> Wish:
    """What a rule wants to give or to take, before limits on points."""
    rule = planned.rule
    if (missing := missing_of(planned, case.happening)) is not None:
        return Wish(planned, NO_QUANTITY, nothing(f"{missing} 未填写，或不是合理的数字"))
    counted_before = sum(before[rule.beyond.tally]) if rule.beyond is not None else 0
    quantity = limit_quantity(case, planned, quantity_of(planned, case.happening, counted_before))
    return Wish(planned, quantity, compute(case.plan, planned, case.happening, quantity, balance))


def _why_not_claimed(case: Case, claim: Claim) -> str | None:
    """Why a claim comes too late, or lacks its evidence."""
    if claim.evidence and not case.happening.facts.get("evidence"):
        return "须有凭证"
    claimed_on = _day_in(case.happening.facts.get("claimed_on", case.day))
    if claimed_on is None:
        return "申报日期须为年-月-日"
    last = NEVER
    if claim.within_days is not None:
        last = case.day + timedelta(days=claim.within_days)
    if claim.by_day is not None:
        last = min(last, (case.day.replace(day=1) + relativedelta(months=1)).replace(day=claim.by_day))
    return None if claimed_on <= last else f"申报期限为 {last.isoformat()}，已逾期"


def _day_in(value: Any) -> date | None:
    """A day that an event's fact says, as a date or as text."""
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _is_approved(case: Case, approver: Approver) -> bool:
    approved_by = case.happening.facts.get("approved_by")
    return approver == approved_by or (isinstance(approved_by, list | tuple) and approver in approved_by)


def _award(case: Case, wish: Wish) -> None:
    """Give what the limits leave of what a rule wants to give, or say why there is nothing."""
    rule, computed = wish.planned.rule, wish.computed
    amount, notes = limit_points(case, wish.planned.points_caps, wish.planned.currency, computed.amount or 0)
    if amount <= 0:
        _say_nothing(case, rule, joined(computed.words, notes))
    elif rule.objection_days and not case.happening.facts.get("objections_over"):
        due_on = case.day + timedelta(days=rule.objection_days + 1)
        reason = joined(
            computed.words, [*notes, f"公示 {rule.objection_days} 天，无异议后于 {due_on.isoformat()} 计入"]
        )
        words = explained(case, rule.title, rule.id, reason)
        case.lines.append(Line(LineKind.PENDING, rule.id, words, rule.currency, amount, due_on=due_on))
    else:
        given = give(
            case, wish.planned.currency, rule.id, amount, rule.title, joined(computed.words, notes), rule.expiry
        )
        if given:
            use_limits(case, rule.id, wish.planned.caps, given, wish.quantity.number)


def _say_nothing(case: Case, rule: Earn | Deduct, reason: str | Words) -> None:
    words = explained(case, rule.title, rule.id, (lambda: reason) if isinstance(reason, str) else reason)
    case.lines.append(Line(LineKind.NOTHING, rule.id, words, rule.currency))


# --- what goes --------------------------------------------------------------------------------------------------------


def _deduct(case: Case, planned: Planned[Deduct], before: Before) -> None:
    rule, currency = planned.rule, planned.currency
    balance = case.balance(currency.id)
    wish = _wish(case, planned, before, balance)
    amount, notes = limit_points(case, planned.points_caps, currency, wish.computed.amount or 0)
    floor = case.plan.floors[currency.id]
    if floor is not None and balance - amount < floor:
        left = max(balance - floor, 0)
        amount = left if rule.short is WhenOver.TRIM else 0
        lowest, taken = points_in_words(floor, currency.decimals), points_in_words(amount, currency.decimals)
        notes.append(f"扣至 {lowest} {currency.unit}为止，本次扣 {taken} {currency.unit}")
    if amount <= 0:
        _say_nothing(case, rule, joined(wish.computed.words, notes))
        return
    use_limits(case, rule.id, planned.caps, amount, wish.quantity.number)
    case.take(
        LineKind.DEDUCTION,
        rule.id,
        currency.id,
        amount,
        explained(case, rule.title, rule.id, joined(wish.computed.words, notes)),
    )
