"""What follows from where somebody stands after an event: penalties, warnings, freezes, levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta

from rules.clock import local_day, local_moment
from rules.rulebook.case import Case
from rules.rulebook.conditions import is_met, is_number
from rules.rulebook.decision import Happening, Line, LineKind
from rules.rulebook.expiring import last_good_day
from rules.rulebook.giving import give
from rules.rulebook.ladders import rank_in
from rules.rulebook.limits import use_limits
from rules.rulebook.periods import end_of
from rules.rulebook.plan import PERIOD_STARTED, Plan, Speaking, Trigger, split_name
from rules.rulebook.quantities import QUANTITY_MAX, SCALE, quantity_in, scale_of, whole
from rules.rulebook.sections.earning import TIMES
from rules.rulebook.sections.standing import Freeze, FreezeExit, Ladder, Level, Penalty, PenaltyStep, Right, Suspension
from rules.rulebook.standing import FOR_GOOD, Frozen, Standing

#: What can be forbidden, in words; a town's own word stands as it is.
BLOCKED = {"booking": "预约", "redemption": "兑换", "earning": "获得积分", "transfer": "转赠"}
RANKS_TOLD_MAX = 100
PENALTY = "penalty:"  #: what the counters of infractions begin with


def follow(case: Case, speaking: Speaking) -> None:
    """Everything that follows, in its order."""
    for penalty in speaking.penalties:
        if is_met(penalty.where, case.fact):
            count_infraction(case, penalty)
    count_at_desk(case, speaking)
    for warning in speaking.warnings:
        if is_met(warning.where, case.fact):
            case.lines.append(Line(LineKind.WARNING, warning.id, _words(warning.title)))
    if case.standing.frozen:
        _try_ways_out(case)
    if case.plan.freezes:
        _freeze_where_due(case)
    for ladder, measures in case.plan.ladders:
        # A window passes and points lapse without an event of their own.
        if ladder.falls or _may_have_changed(case, measures):
            _climb(case, ladder)


def count_at_desk(case: Case, speaking: Speaking) -> None:
    """Count what was booked, cancelled or redeemed under the quotas and limits of its section."""
    if speaking.quotas:
        _count_booking(case, speaking)
    if speaking.redemptions:
        _count_redemption(case, speaking)


def _count_booking(case: Case, speaking: Speaking) -> None:
    """Count a booking or a cancellation under the quotas of the section that is its own."""
    own = next((each for each in case.plan.rulebook.booking if is_met(each.where, case.fact)), None)
    for booking, name, quota in speaking.quotas:
        if booking is own and is_met(quota.where, case.fact):
            case.add(split_name(name, quota.by, case.happening.facts, case.happening.kind), quota.per, 1)


def _may_have_changed(case: Case, facts: Trigger) -> bool:
    """Whether what hangs on these facts has to be looked at."""
    return facts.is_outside or case.happening.kind == PERIOD_STARTED or not case.touched.isdisjoint(facts.names)


def _count_redemption(case: Case, speaking: Speaking) -> None:
    """Count what was redeemed under the limits of its section. Its facts: `for`, `points`, `quantity`."""
    what = case.fact("for")
    points, pieces = (_number_in(case, name) for name in ("points", "quantity"))
    for redemption, caps in speaking.redemptions:
        if what in redemption.kinds and is_met(redemption.where, case.fact):
            unit = case.plan.units[redemption.currencies[0]]
            use_limits(case, redemption.id, caps, int((points or 0) * unit), int((pieces or 1) * SCALE))
            return


def _number_in(case: Case, name: str) -> Decimal | None:
    """A number among the event's facts that can be right."""
    value = case.fact(name)
    return Decimal(value) if is_number(value) and 0 < value <= QUANTITY_MAX else None


def _words(sentence: str) -> Callable[[], str]:
    return lambda: sentence


# --- penalties --------------------------------------------------------------------------------------------------------


def counter_of(penalty: Penalty, case: Case) -> str:
    """The counter of a penalty for this event."""
    return split_name(f"{PENALTY}{penalty.id}", penalty.by, case.happening.facts, case.happening.kind)


def count_infraction(case: Case, penalty: Penalty) -> None:
    """Count an infraction, and do what its number asks for."""
    name = counter_of(penalty, case)
    case.add(name, penalty.per, 1)
    count = case.most_in(name, penalty.per)
    for step in penalty.step:
        if step.at == count:
            _sanction(case, penalty, step, name, count)


def _sanction(case: Case, penalty: Penalty, step: PenaltyStep, name: str, count: int) -> None:
    said = f"{penalty.title}：第 {count} 次"
    if step.warns:
        case.lines.append(Line(LineKind.WARNING, penalty.id, _words(f"{said}，予以警告")))
    if step.suspends is not None:
        until = _end_of_suspension(case, step.suspends)
        key = name.removeprefix(PENALTY)
        until = max(until, case.standing.suspended.get(key, until))
        case.changes.suspended[key] = until
        case.touched.add(f"suspended.{penalty.id}")
        words = f"{said}，暂停{'、'.join(BLOCKED.get(each, each) for each in penalty.blocks)}" + (
            "，直至工作人员恢复" if until == FOR_GOOD else f"至 {local_day(until).isoformat()}"
        )
        case.lines.append(
            Line(LineKind.SUSPENSION, penalty.id, _words(words), until=None if until == FOR_GOOD else until, about=key)
        )
    for consequence in step.consequences:
        case.lines.append(Line(LineKind.CONSEQUENCE, penalty.id, _words(f"{said}，{consequence}"), about=consequence))
    if step.clears:
        case.clear(name, penalty.per)


def _end_of_suspension(case: Case, suspension: Suspension) -> datetime:
    """When the right returns. Days are counted from the day of the event, and it returns at midnight."""
    if suspension.for_good:
        return FOR_GOOD
    if suspension.hours is not None:
        return case.happening.occurred_at + timedelta(hours=suspension.hours)
    if suspension.days is not None:
        return local_moment(case.day + timedelta(days=suspension.days), "00:00")
    if suspension.months is not None:
        return local_moment(case.day + relativedelta(months=suspension.months), "00:00")
    assert suspension.to_end_of is not None, "a suspension has one of its five forms"
    return local_moment(end_of(suspension.to_end_of, case.day, case.plan.year_starts) + timedelta(days=1), "00:00")


# --- freezes ----------------------------------------------------------------------------------------------------------


def looked_at(plan: Plan, happening: Happening, standing: Standing) -> Case:
    """A case that is only looked at, as the desk does: freezes whose days are over are over."""
    case = Case(plan, happening, standing)
    end_lapsed_freezes(case)
    return case


def end_lapsed_freezes(case: Case) -> None:
    """End the freezes whose days are over, before the event is looked at."""
    for name, frozen in case.standing.frozen.items():
        freeze = case.plan.freezes.get(name)
        for way_out in freeze.exit if freeze else ():
            if way_out.after_days is None or case.day < local_day(frozen.since) + timedelta(days=way_out.after_days):
                continue
            if is_met(way_out.where, case.fact):
                assert freeze is not None, "only a freeze has ways out"
                _unfreeze(case, freeze, way_out)
                break


def _try_ways_out(case: Case) -> None:
    for name, frozen in case.standing.frozen.items():
        freeze = case.plan.freezes.get(name)
        if freeze is None or not case.is_frozen(name):
            continue
        collected = dict(frozen.collected)
        for n, way_out in enumerate(freeze.exit):
            if way_out.collects is not None and case.happening.occurred_at >= frozen.since:
                collected[n] = collected.get(n, 0) + _collected(case, way_out)
            if _is_open(case, way_out, collected.get(n, 0)) and is_met(way_out.where, case.fact):
                _unfreeze(case, freeze, way_out)
                break
        else:
            if collected != frozen.collected:
                case.changes.frozen[name] = replace(frozen, collected=collected)


def _is_open(case: Case, way_out: FreezeExit, collected: int) -> bool:
    if way_out.event is not None:
        return case.happening.kind in way_out.event
    return way_out.collects is not None and collected >= _wanted(case, way_out)


def _wanted(case: Case, way_out: FreezeExit) -> int:
    assert way_out.collects is not None, "asked of ways out that collect only"
    of = way_out.collects.quantity
    return whole(way_out.collects.amount, scale_of(of) if of else case.plan.units[case.plan.rulebook.main_currency.id])


def _collected(case: Case, way_out: FreezeExit) -> int:
    """What this event adds to what is gathered."""
    collects = way_out.collects
    assert collects is not None, "asked of ways out that collect only"
    if collects.quantity is not None:
        if case.happening.kind not in collects.events:
            return 0
        return SCALE if collects.quantity == TIMES else quantity_in(case.happening.facts, collects.quantity)
    ids = {rule.id for rule in case.plan.rulebook.earn if rule.category in collects.categories}
    return sum(line.amount for line in case.lines if line.kind is LineKind.AWARD and line.rule_id in ids)


def _unfreeze(case: Case, freeze: Freeze, way_out: FreezeExit) -> None:
    case.changes.frozen[freeze.id] = None
    case.touched.add(f"frozen.{freeze.id}")
    case.lines.append(
        Line(LineKind.UNFROZEN, freeze.id, _words(f"{freeze.title}解除：{way_out.title}"), about=freeze.id)
    )
    if way_out.balance_becomes is not None:
        currency = case.plan.currencies[freeze.currency or case.plan.rulebook.main_currency.id]
        _set_balance(case, freeze, currency.id, way_out.balance_becomes)


def _set_balance(case: Case, freeze: Freeze, currency: str, target: Decimal) -> None:
    """An absolute write: what is missing comes, what is too much goes."""
    wanted = case.plan.points(target, currency) or 0
    difference = wanted - case.balance(currency)
    words = _words(f"{freeze.title}解除，余额置为 {target:f} 分")
    if difference > 0:
        expires_on = last_good_day(case.plan.rulebook, case.plan.currencies[currency], case.day, None)
        case.give(Line(LineKind.AWARD, freeze.id, words, currency, difference, expires_on))
    elif difference < 0:
        case.take(LineKind.DEDUCTION, freeze.id, currency, -difference, words)


def _freeze_where_due(case: Case) -> None:
    for freeze in case.plan.freezes.values():
        if case.is_frozen(freeze.id) or not _may_have_changed(case, case.plan.freeze_facts[freeze.id]):
            continue
        if is_met(freeze.where, case.fact) and _has_just_begun(case, freeze):
            case.changes.frozen[freeze.id] = Frozen(case.happening.occurred_at)
            case.lines.append(Line(LineKind.FROZEN, freeze.id, _words(freeze.title), about=freeze.id))


def _has_just_begun(case: Case, freeze: Freeze) -> bool:
    """Whether a condition that is true now wasn't before the event: who was freed isn't frozen again for the old reason.

    What is known of a person changes outside, so nobody can say since when it is true.
    """
    if any(fact.startswith("person.") for fact in case.plan.freeze_facts[freeze.id].names):
        return True
    before = Case(case.plan, Happening("", case.happening.occurred_at), case.standing)
    return not is_met(freeze.where, before.fact)


# --- levels -----------------------------------------------------------------------------------------------------------


def _climb(case: Case, ladder: Ladder) -> None:
    before, reached = case.standing.levels.get(ladder.id, 0), rank_in(ladder, case.fact)
    if reached == before or (reached < before and not ladder.falls):
        return
    if reached < before and ladder.kept_while and is_met(ladder.kept_while, case.fact):
        return
    case.changes.levels[ladder.id] = reached
    case.touched.add(f"level.{ladder.id}")
    if reached < before:
        title = ladder.level[(reached - 1) % len(ladder.level)].title if reached else "无"
        case.lines.append(Line(LineKind.LEVEL, ladder.id, _words(f"{ladder.title}：降为{title}"), about=title))
        return
    for rank in range(max(before, reached - RANKS_TOLD_MAX) + 1, reached + 1):
        _reach(case, ladder, rank)


def _reach(case: Case, ladder: Ladder, rank: int) -> None:
    cycle, n = divmod(rank - 1, len(ladder.level))
    level = ladder.level[n]
    again = f"（第 {cycle + 1} 轮）" if cycle else ""
    case.lines.append(
        Line(LineKind.LEVEL, ladder.id, _words(f"{ladder.title}：达到{level.title}{again}"), about=level.id)
    )
    rights = [right for right in level.rights if not (cycle and right.once)]
    brings = any(right.points is not None for right in rights) and _is_first_time(case, ladder, level, cycle)
    for right in rights:
        words = _words(f"{ladder.title}{level.title}{again}：{right.title}")
        case.lines.append(Line(LineKind.RIGHT, ladder.id, words, about=right.id or right.title))
        if right.points is not None and brings:
            _give_with_right(case, ladder, level, right)


def _is_first_time(case: Case, ladder: Ladder, level: Level, cycle: int) -> bool:
    """Whether the points of a level come now: once for each round of a cycle, and each year where the ladder has years.

    A level may be lost and reached again, by gifts to and fro or by another version of the ladder; its points come once.
    """
    name, window = f"right:{ladder.id}|{level.id}|{cycle}", case.plan.windows_of_ladders[ladder.id]
    if case.count_in(name, window):
        return False
    case.add(name, window, 1)
    return True


def _give_with_right(case: Case, ladder: Ladder, level: Level, right: Right) -> None:
    currency = case.plan.currencies[right.currency or case.plan.rulebook.main_currency.id]
    amount = case.plan.points(right.points, currency.id)
    if amount:
        reason = _words(f"{level.title}，{right.title} {right.points:f} {currency.unit}")
        give(case, currency, ladder.id, amount, ladder.title, reason, None)
