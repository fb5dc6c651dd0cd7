"""Ways to earn: the rules in force that give points, in plain words, and what is left under their limits.

What is left is worked out by the same limits and counters that an award is held to. A limit that counts each loan or each
item apart has no one number that is left, and says so by having none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from rules.clock import local_day
from rules.points.holders import whole_standing_of
from rules.rulebook.case import Case
from rules.rulebook.conditions import Where
from rules.rulebook.consequences import end_lapsed_freezes
from rules.rulebook.decision import Happening
from rules.rulebook.limits import used_of
from rules.rulebook.periods import Calendar, Window
from rules.rulebook.plan import EARNING, Cap, Plan, Planned
from rules.rulebook.sections.earning import Earn
from rules.rulebook.versions import rulebook_in_force
from rules.rulebook.words_of_earning import amount_in_words, earn_in_words, unit_of
from rules.rulebook.words_of_facts import Speaker, joined, number
from rules.work import ActorKind, Work

#: Facts that no event changes before its rules speak; whether they hold can be said beforehand.
SETTLED = ("person", "level", "frozen", "suspended")
NOW = {
    Calendar.DAY: "今天",
    Calendar.WEEK: "本周",
    Calendar.MONTH: "本月",
    Calendar.QUARTER: "本季度",
    Calendar.HALF_YEAR: "本半年",
    Calendar.YEAR: "本年度",
    Calendar.EVER: "总共",
}


@dataclass(frozen=True, slots=True)
class LimitLeft:
    """A limit of a way, and what is left of it."""

    words: str  #: "每日最多 3 分"
    shared_title: str | None  #: of a limit that several ways share
    most: Decimal  #: points, times or the quantity
    left: Decimal | None  #: None: for visitors, and where each thing has a limit of its own
    left_in_words: str | None  #: "今天还可得 2 分"


@dataclass(frozen=True, slots=True)
class Way:
    """One rule that gives points."""

    id: str
    title: str
    category: str | None
    events: tuple[str, ...]  #: the kinds of event that it speaks of
    amount_in_words: str  #: "每场 5 分"
    words: str  #: the whole rule
    starts_on: date | None
    ends_on: date | None
    limits: tuple[LimitLeft, ...]
    is_open: bool  #: to the resident, today; for visitors: to somebody
    why_closed: str | None


@dataclass(frozen=True, slots=True)
class Ways:
    """All of them, in the order of the rulebook."""

    rulebook: str | None  #: its name; None: there is none yet
    day: date
    items: Sequence[Way] = ()


def list_ways(work: Work) -> Ways:
    """The ways to earn today; with what is left for the actor, where that is a resident."""
    day, in_force = local_day(work.now), rulebook_in_force(work, work.now)
    if in_force is None:
        return Ways(None, day)
    plan = in_force.plan
    case = _case_of(work, plan) if work.actor.kind is ActorKind.RESIDENT else None
    speaker = Speaker(plan.rulebook)
    why_nothing = None if case is None else _why_nothing(case)
    planned: dict[str, Planned[Earn]] = {}
    for kind in plan.kinds:
        planned |= {each.rule.id: each for each in plan.speaking_of(kind).earn}
    rules = [planned[rule.id] for rule in plan.rulebook.earn if _is_of_day(rule, day)]
    return Ways(plan.rulebook.name, day, [_way(speaker, each, case, why_nothing) for each in rules])


def _case_of(work: Work, plan: Plan) -> Case:
    case = Case(plan, Happening("look", work.now), whole_standing_of(work, plan, work.actor.id))
    end_lapsed_freezes(case)
    return case


def _is_of_day(rule: Earn, day: date) -> bool:
    return not ((rule.starts_on and day < rule.starts_on) or (rule.ends_on and day > rule.ends_on))


def _way(speaker: Speaker, planned: Planned[Earn], case: Case | None, why_nothing: str | None) -> Way:
    rule = planned.rule
    limits = tuple(_limit_left(speaker, planned, cap, case) for cap in planned.caps)
    why_closed = why_nothing if case is None else why_nothing or _why_closed(speaker, rule, limits, case)
    return Way(
        rule.id,
        rule.title,
        rule.category,
        rule.event,
        amount_in_words(speaker, rule),
        earn_in_words(speaker, rule),
        rule.starts_on,
        rule.ends_on,
        limits,
        why_closed is None,
        why_closed,
    )


def _limit_left(speaker: Speaker, planned: Planned[Earn], cap: Cap, case: Case | None) -> LimitLeft:
    rule, limit = planned.rule, cap.limit
    words = speaker.limit(limit, rule.currency, unit_of(rule))
    is_own = cap.title == rule.title and limit in rule.limits
    left = None if case is None else _left(planned, cap, case)
    return LimitLeft(
        words,
        None if is_own else cap.title,
        limit.most,
        left,
        None if left is None else _left_in_words(speaker, rule, cap, left),
    )


def _left(planned: Planned[Earn], cap: Cap, case: Case) -> Decimal | None:
    """What is left of a limit in the window of today; None where it counts something apart, or each event by itself."""
    if cap.is_per_event or not set(cap.limit.by) <= {"kind"}:
        return None
    if cap.limit.by and len(planned.rule.event) > 1:
        return None
    of_kind = Case(case.plan, Happening(planned.rule.event[0], case.happening.occurred_at), case.standing)
    left = max(cap.most - used_of(of_kind, cap), 0)
    if cap.limit.points is not None:
        return Decimal(left).scaleb(-planned.currency.decimals)
    return Decimal(left) if cap.limit.times is not None else Decimal(left) / planned.scale


def _left_in_words(speaker: Speaker, rule: Earn, cap: Cap, left: Decimal) -> str:
    now = _now(cap.limit.per)
    if not left:
        return f"{now}已满"
    if cap.limit.points is not None:
        return joined(now, "还可得", speaker.points(left, rule.currency))
    if cap.limit.times is not None:
        return joined(now, "还可得分", f"{number(left)} 次")
    return joined(now, "还可计", f"{number(left.normalize())} {unit_of(rule)}")


def _now(per: Window) -> str:
    if per.months:
        return f"近 {per.months} 个月"
    return f"近 {per.days} 天" if per.days else NOW.get(per.calendar, "")


def _why_nothing(case: Case) -> str | None:
    """Why the resident earns nothing at all at the moment."""
    rulebook = case.plan.rulebook
    if rulebook.eligibility is not None and not _may_hold(case, rulebook.eligibility.where):
        return rulebook.eligibility.title
    frozen = [each.title for each in rulebook.freeze if EARNING in each.blocks and case.is_frozen(each.id)]
    suspended = [each.title for each in rulebook.penalty if EARNING in each.blocks and case.is_suspended(each.id)]
    return next(iter([*frozen, *suspended]), None)


def _why_closed(speaker: Speaker, rule: Earn, limits: Sequence[LimitLeft], case: Case) -> str | None:
    if not _may_hold(case, rule.where):
        return speaker.condition(rule.where)
    return next((limit.left_in_words for limit in limits if limit.left == 0), None)


def _may_hold(case: Case, where: Where) -> bool:
    """Whether a condition can come true for this resident: of an event nothing is known yet."""
    if not where:
        return True
    return any(
        all(
            condition.holds(case.fact)
            for condition in alternative
            if _is_settled(condition.fact)
            and all(_is_settled(fact) for fact in (condition.bounds.facts() if condition.bounds else ()))
        )
        for alternative in where
    )


def _is_settled(fact: str) -> bool:
    space, dot, _ = fact.partition(".")
    return bool(dot) and space in SETTLED
