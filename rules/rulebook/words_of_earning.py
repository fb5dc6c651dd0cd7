"""Chapters in plain Chinese: what is counted, what earns, what costs, what takes back, shared limits, conversion."""

from __future__ import annotations

from collections.abc import Mapping

from rules.rulebook.evaluation import APPROVERS
from rules.rulebook.limits import WINDOWS
from rules.rulebook.sections.accounts import Conversion, Currency, FloorNone, Lost, OnClosing, Scope, Total
from rules.rulebook.sections.common import WhenOver
from rules.rulebook.sections.earning import (
    TIMES,
    All,
    ByFact,
    Claim,
    Deduct,
    Earn,
    Milestone,
    PointsOf,
    Range,
    Rule,
    SharedLimit,
    Streak,
    Tally,
    VoidRule,
)
from rules.rulebook.words_of_facts import (
    FACTS,
    PARTS,
    Speaker,
    joined,
    listed,
    number,
    quoted,
    sentence,
    window,
)

#: Things that are whole by nature: that only whole ones count needs no saying.
WHOLE = frozenset("册本件个人次场节只袋张份台户票课天")
SCOPES = {
    Scope.ANYWHERE: "各社区、各单位通用",
    Scope.COMMUNITY: "只能在获得它的社区使用",
    Scope.OPERATOR: "只能在发放它的单位使用",
}


# --- currencies -------------------------------------------------------------------------------------------------------


def currency_in_words(speaker: Speaker, currency: Currency) -> str:
    """What is counted, how it begins, how low and high it goes, where and how long it is good."""
    parts = [opening_in_words(currency)]
    costs = any(rule.currency == currency.id for rule in speaker.rulebook.deduct)
    if isinstance(currency.floor, FloorNone):
        parts.append("余额可以为负，不设下限")
    elif costs or currency.floor:
        parts.append(f"扣分最低扣到 {number(currency.floor)} {currency.unit}为止")
    if currency.ceiling is None:
        parts.append("余额不设上限")
    else:
        over = "作废" if currency.overflow == Lost.LOST else f"转入{quoted(speaker.currencies[currency.overflow].name)}"
        parts.append(f"余额最高 {number(currency.ceiling)} {currency.unit}，超出的部分{over}")
    if currency.decimals:
        parts.append(f"记到小数点后 {currency.decimals} 位")
    parts.append(SCOPES[currency.scope] if currency.spendable else "只用于统计和评定，不能兑换")
    parts.append(speaker.expiry(currency.expiry or speaker.rulebook.expiry))
    name = currency.name if currency.unit in (currency.name, "分") else f"{currency.name}（单位：{currency.unit}）"
    return sentence(name, parts)


def opening_in_words(currency: Currency) -> str:
    """What there is to begin with."""
    if not currency.opening:
        return ""
    given = f"发放 {number(currency.opening)} {currency.unit}"
    if currency.opening_each == "ever":
        return f"开户时{given}"
    return f"开户时{given}，以后每{PARTS[currency.opening_each]}开始时重新{given}"


def total_in_words(speaker: Speaker, total: Total) -> str:
    """Currencies that are added up."""
    return sentence(total.title, [f"{speaker.names(total.currencies)}的余额之和"])


ON_CLOSING = {OnClosing.KEPT: "销户（退证、退出）后积分保留", OnClosing.VOID: "销户（退证、退出）后积分作废"}


# --- rules ------------------------------------------------------------------------------------------------------------


def earn_in_words(speaker: Speaker, rule: Earn) -> str:
    """One rule that earns."""
    parts = [amount_in_words(speaker, rule), *_quantity(speaker, rule), *_factors(speaker, rule)]
    parts += [speaker.limit(each, rule.currency, unit_of(rule)) for each in rule.limits]
    parts.append(speaker.condition(rule.where))
    if rule.approval is not None and not isinstance(rule.amount, Range):
        parts.append(f"须经{APPROVERS[rule.approval]}确认")
    if rule.claim is not None:
        parts.append(claim_in_words(rule.claim))
    if rule.objection_days:
        parts.append(f"公示 {rule.objection_days} 天，无异议后计入")
    if rule.expiry is not None:
        parts.append(speaker.expiry(rule.expiry))
    return sentence(speaker.head(rule.title, rule.event), [*parts, *_between(rule), rule.note or ""])


def deduct_in_words(speaker: Speaker, rule: Deduct) -> str:
    """One rule that costs."""
    parts = [amount_in_words(speaker, rule), *_quantity(speaker, rule), *_factors(speaker, rule)]
    parts += [speaker.limit(each, rule.currency, unit_of(rule), "扣") for each in rule.limits]
    parts.append(speaker.condition(rule.where))
    if rule.short is WhenOver.NOTHING:
        parts.append("余额不够扣时整次不扣")
    return sentence(speaker.head(rule.title, rule.event), [*parts, *_between(rule), rule.note or ""])


def void_in_words(speaker: Speaker, rule: VoidRule) -> str:
    """One rule that takes back what another event earned."""
    parts = ["所涉及的那一次所得积分全部收回", speaker.condition(rule.where)]
    return sentence(speaker.head(rule.title, rule.event), parts)


def unit_of(rule: Rule) -> str:
    """The word after the quantity that a rule counts."""
    if isinstance(rule.each, str) and rule.unit == "次":
        known = FACTS.get(rule.each)
        return known.unit if known and known.unit else "次" if rule.each == TIMES else f"次（{rule.each}）"
    return rule.unit


def amount_in_words(speaker: Speaker, rule: Earn | Deduct) -> str:
    """How much: 每册 1 分, 每 2 小时扣 20 分."""
    verb = "扣" if isinstance(rule, Deduct) else ""
    amount, each = rule.amount, _each(rule)
    if isinstance(amount, All):
        much, each = "扣除全部余额", ""
    elif isinstance(amount, Range):
        bounds = f"{number(amount.min)} 至 {speaker.points(amount.max, rule.currency)}"
        much = f"{joined(verb, bounds)}，由{_decider(rule)}评定"
    elif isinstance(amount, ByFact):
        values = _by_fact(speaker, amount, rule.currency)
        much = joined("按", speaker.fact(amount.fact), f"{verb or '计'}分：{values}")
    else:
        is_same = rule.each is not None and unit_of(rule) == speaker.currencies[rule.currency].unit
        much = joined(verb or "计" * is_same, speaker.points(amount, rule.currency))
    if isinstance(rule.each, Mapping):
        terms = " + ".join(f"{speaker.fact(name)} × {number(weight)}" for name, weight in rule.each.items())
        each = joined("按", terms, f"加权，{each}")
    if rule.milestone is None:
        return joined(each, much)
    reached = milestone_in_words(speaker, rule.milestone)
    is_once = rule.each is None and rule.per == 1
    return reached + (joined("" if verb else "得", much) if is_once else joined(each, much))


def _decider(rule: Earn | Deduct) -> str:
    """Who decides how much, within bounds."""
    approval = rule.approval if isinstance(rule, Earn) else None
    return APPROVERS[approval] if approval is not None else "工作人员"


def _each(rule: Rule) -> str:
    per = f" {number(rule.per)} " if rule.per != 1 else ""
    return f"每{per}{unit_of(rule)}"


def _by_fact(speaker: Speaker, amount: ByFact, currency: str) -> str:
    named = [
        f"{_named(speaker, amount.fact, value)} {speaker.points(much, currency)}"
        for value, much in amount.values.items()
    ]
    if amount.otherwise is None:
        return listed(named) + "，其他情形不计"
    return listed(named) + f"，其他 {speaker.points(amount.otherwise, currency)}"


def _named(speaker: Speaker, fact: str, value: str) -> str:
    """The value of a fact before a number: in quotes where it could be taken for one."""
    said = speaker.value(fact, value)
    return quoted(said) if said[-1].isdigit() else said


def milestone_in_words(speaker: Speaker, milestone: Milestone) -> str:
    """When a rule speaks that waits for a number."""
    tally = speaker.tallies[milestone.tally]
    if milestone.at is not None:
        return joined(f"{quoted(tally.title)}达到", speaker.counted(milestone.at, tally), "时，")
    assert milestone.every is not None, "a milestone is at a number or at every multiple of one"
    return f"{quoted(tally.title)}每满 {speaker.counted(milestone.every, tally)}，"


def _quantity(speaker: Speaker, rule: Rule) -> list[str]:
    """How much of an event counts."""
    unit, parts = unit_of(rule), []
    if rule.at_most is not None:
        parts.append(f"一次最多计 {number(rule.at_most)} {unit}")
    if rule.beyond is not None:
        tally = speaker.tallies[rule.beyond.tally]
        parts.append(f"{quoted(tally.title)}的前 {number(rule.beyond.amount)} {unit}不计")
    if rule.step is not None and not (rule.step.of == 1 and set(unit) <= WHOLE | {"·"}):
        parts.append(speaker.step(rule.step.of, unit, rule.step.round))
    return parts


def _factors(speaker: Speaker, rule: Rule) -> list[str]:
    parts = []
    for factor in rule.factors:
        named = [f"{_named(speaker, factor.fact, value)} {number(much)}" for value, much in factor.values.items()]
        rest = "，其他情形不计" if factor.otherwise is None else f"，其他 {number(factor.otherwise)}"
        parts.append(joined("再乘", speaker.fact(factor.fact), f"系数：{listed(named)}{rest}"))
    return parts


def claim_in_words(claim: Claim) -> str:
    """Until when something is to be claimed, and with what."""
    within = claim.within_days
    parts = [] if within is None else ["须当天申报" if within == 0 else f"须在 {within} 天内申报"]
    parts += [f"须在次月 {claim.by_day} 日前（含当日）申报"] if claim.by_day is not None else []
    return "，且".join([*parts, *(["须提交凭证"] if claim.evidence else [])])


def _between(section: Rule | Tally) -> list[str]:
    """The days on which something holds."""
    parts = [f"自 {section.starts_on.isoformat()} 起"] if section.starts_on else []
    return [*parts, *([f"至 {section.ends_on.isoformat()} 止"] if section.ends_on else [])]


# --- what several rules share -----------------------------------------------------------------------------------------


def shared_limit_in_words(speaker: Speaker, limit: SharedLimit) -> str:
    """One limit for several rules together, which it names."""
    rules: list[Rule] = list(speaker.rules.values())
    if limit.currency:
        of = f"全部{speaker.currencies[limit.currency].name}"
        meant: list[Rule] = [each for each in speaker.rulebook.earn if each.currency == limit.currency]
    else:
        meant = [each for each in rules if each.id in limit.rules or each.category in limit.categories]
        of = listed(quoted(each.title) for each in meant)
    currency = meant[0].currency if meant else limit.currency or speaker.rulebook.main_currency.id
    unit = unit_of(meant[0]) if meant else ""
    return sentence(f"{limit.title}（{of}合计）", [speaker.limit(limit, currency, unit)])


def tally_in_words(speaker: Speaker, tally: Tally) -> str:
    """What a count adds up."""
    unit = speaker.unit_of_tally(tally)
    if tally.of in tuple(PointsOf):
        of = listed(quoted(speaker.rules[each].title) for each in tally.rules)
        net = "，减去所扣的" if tally.of == PointsOf.NET_POINTS else ""
        parts = [f"累计{of or '各项'}所得的{speaker.currencies[tally.currency].name}{net}"]
    elif tally.streak is not None:
        parts = [
            f"连续有{speaker.events(tally.events)}的{'月' if tally.streak is Streak.MONTH else unit}数，中断后重新计"
        ]
    elif tally.of == TIMES:
        parts = [f"累计{speaker.events(tally.events)}的次数"]
    else:
        parts = [joined(f"累计{speaker.events(tally.events)}的", speaker.fact(tally.of))]
    if tally.at_most is not None:
        parts.append(f"一次最多计 {speaker.counted(tally.at_most, tally)}")
    if tally.step is not None:
        parts.append(speaker.step(tally.step.of, unit, tally.step.round))
    if tally.per.is_rolling:
        parts.append(f"只计最近 {window(tally.per).removesuffix('内')}")
    elif tally.per.calendar != "ever":
        parts.append(f"{WINDOWS[tally.per.calendar]}重新计")
    parts += [speaker.apart(tally.by), speaker.condition(tally.where, "只计："), *_between(tally)]
    return sentence(tally.title, parts)


def conversion_in_words(speaker: Speaker, conversion: Conversion) -> str:
    """What one currency turns into."""
    target = speaker.currencies[conversion.target]
    sources = [f"1 {speaker.unit(each)}" for each in conversion.source]
    parts = [f"{'或 '.join(sources)}折 {speaker.points(conversion.rate, target.id)}"]
    parts.append("获得后自动折算" if conversion.automatic else "由本人申请折算")
    parts.append(speaker.condition(conversion.where))
    parts += [speaker.limit(each, conversion.source[0], verb="折") for each in conversion.limits]
    return sentence(conversion.title, parts)
