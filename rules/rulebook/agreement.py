"""What the sections of a rulebook must agree on: what one says of another has to be there, and choices have to be stated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from rules.rulebook.conditions import Condition, Where, check_fact, facts_in
from rules.rulebook.lines import Path
from rules.rulebook.periods import Calendar
from rules.rulebook.quantities import HOURS, MINUTES
from rules.rulebook.reading import Faults, Wrong
from rules.rulebook.sections.accounts import (
    Currency,
    Lost,
)
from rules.rulebook.sections.common import Limit
from rules.rulebook.sections.earning import (
    TIMES,
    ByFact,
    Deduct,
    Earn,
    PointsOf,
    Rule,
    SharedLimit,
)
from rules.rulebook.sections.rulebook import Rulebook

LIMITS_MAX = 5_000
FAULTS_MAX = 100
NAMES_TOLD_MAX = 20
#: Namespaces whose facts are numbers.
NUMBERS = ("balance", "total", "earned", "tally", "level")


def check_agreement(rulebook: Rulebook) -> None:
    """Raises Faults with everything that doesn't go together."""
    _Agreement(rulebook).check()


class _Agreement:
    """What one section says of another has to be there."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.wrongs: list[Wrong] = []
        self.currencies = {each.id for each in rulebook.currency}
        self.tallies = {each.id: each for each in rulebook.tally}
        self.rules: dict[str, Rule] = {each.id: each for each in (*rulebook.earn, *rulebook.deduct)}
        self.categories = {each.category for each in self.rules.values() if each.category}
        self.names = {
            "balance": self.currencies,
            "earned": self.currencies,
            "total": {each.id for each in rulebook.total},
            "tally": set(self.tallies),
            "level": {each.id for each in rulebook.ladder},
            "frozen": {each.id for each in rulebook.freeze},
            "suspended": {each.id for each in rulebook.penalty},
        }

    def check(self) -> None:
        book = self.rulebook
        if not book.currency:
            self._say(("currency",), "至少要有一种积分", "must have at least one currency")
        self._ids("earn", "deduct", "void", "convert")
        for section in (
            "currency",
            "total",
            "tally",
            "limit",
            "ladder",
            "freeze",
            "penalty",
            "warning",
            "booking",
            "redemption",
            "ranking",
        ):
            self._ids(section)
        self._check_currencies()
        self._check_tallies()
        self._check_rules()
        self._check_limits()
        self._check_size()
        self._check_standing()
        self._check_desk()
        if self.wrongs:
            raise Faults(self.wrongs)

    def _check_currencies(self) -> None:
        for n, each in enumerate(self.rulebook.currency):
            if each.overflow != Lost.LOST:
                self._known(("currency", n, "overflow"), [each.overflow], self.currencies)
            if self._comes_back(each.id, {each.id: [each.overflow] for each in self.rulebook.currency}):
                self._say(("currency", n, "overflow"), "不能绕回自身", "can't come back to itself")
            into = next((other for other in self.rulebook.currency if other.id == each.overflow), each)
            if into.decimals != each.decimals:
                self._say(("currency", n, "overflow"), "小数位数须相同", "must have the same decimals")
            for name in ("opening", "ceiling", "floor"):
                value = getattr(each, name)
                if isinstance(value, Decimal):
                    self._fits(("currency", n, name), value, each)
        for n, conversion in enumerate(self.rulebook.convert):
            self._known(("convert", n, "source"), conversion.source, self.currencies)
            self._known(("convert", n, "target"), [conversion.target], self.currencies)
            turns = {
                source: [each.target for each in self.rulebook.convert if source in each.source]
                for source in self.currencies
            }
            if conversion.target in conversion.source or self._comes_back(conversion.target, turns):
                self._say(("convert", n, "target"), "不能绕回 source", "can't turn back into `source`")
            self._facts(("convert", n, "where"), conversion.where)
            self._no_quantity(("convert", n, "limits"), conversion.limits)
            self._one_scale(("convert", n, "source"), conversion.source)
            if conversion.rate != conversion.rate.to_integral_value() and self.rulebook.calculation.round is None:
                self._say(
                    ("calculation", "round"),
                    "折算可能有小数，须写明取整方向",
                    "is needed: a conversion may come out uneven",
                )
        for n, total in enumerate(self.rulebook.total):
            self._known(("total", n, "currencies"), total.currencies, self.currencies)
            self._one_scale(("total", n, "currencies"), total.currencies)
        self._known(("transfer", "currencies"), self.rulebook.transfer.currencies, self.currencies)
        self._facts(("transfer", "where"), self.rulebook.transfer.where)
        self._no_quantity(("transfer", "limits"), self.rulebook.transfer.limits)
        if self.rulebook.eligibility:
            self._facts(("eligibility", "where"), self.rulebook.eligibility.where)

    def _check_tallies(self) -> None:
        earning = {each.id for each in self.rulebook.earn}
        for n, each in enumerate(self.rulebook.tally):
            self._facts(("tally", n, "where"), each.where)
            self._known(("tally", n, "rules"), each.rules, earning)
            if each.of in tuple(PointsOf):
                self._known(("tally", n, "currency"), [each.currency], self.currencies)

    def _check_rules(self) -> None:
        for section in ("earn", "deduct"):
            for n, rule in enumerate(getattr(self.rulebook, section)):
                self._check_rule((section, n), rule)
        for n, void in enumerate(self.rulebook.void):
            self._facts(("void", n, "where"), void.where)

    def _check_rule(self, path: Path, rule: Rule) -> None:
        self._facts((*path, "where"), rule.where)
        self._known((*path, "currency"), [rule.currency], self.currencies)
        if rule.milestone:
            self._known((*path, "milestone", "tally"), [rule.milestone.tally], set(self.tallies))
            if (tally := self.tallies.get(rule.milestone.tally)) and tally.of in tuple(PointsOf):
                self._say(
                    (*path, "milestone", "tally"),
                    "不能是积分的累计",
                    "can't be a tally of points: they come after the rules",
                )
            wanted = rule.milestone.at if rule.milestone.at is not None else rule.milestone.every
            is_counted = tally is not None and (tally.of == TIMES or tally.streak is not None)
            if is_counted and wanted is not None and wanted != wanted.to_integral_value():
                name = "at" if rule.milestone.at is not None else "every"
                self._say((*path, "milestone", name), "须为整数", "must be a whole number: the tally counts times")
        if rule.beyond:
            self._known((*path, "beyond", "tally"), [rule.beyond.tally], set(self.tallies))
            tally = self.tallies.get(rule.beyond.tally)
            if tally and (tally.of != rule.each or tally.step or tally.at_most is not None):
                self._say(
                    (*path, "beyond", "tally"),
                    "须累计本规则 each 的同一数量，且不带 step、at_most",
                    "must add up the very quantity that `each` names, without step or at_most",
                )
        if rule.each is None and (rule.step or rule.at_most is not None or rule.beyond):
            self._say((*path, "each"), "step、at_most、beyond 须与 each 连用", "is needed for step, at_most and beyond")
        if rule.starts_on and rule.ends_on and rule.starts_on > rule.ends_on:
            self._say((*path, "ends_on"), "不能早于 starts_on", "can't be before starts_on")
        if any(limit.quantity is not None for limit in rule.limits) and not isinstance(rule.each, str):
            self._say(
                (*path, "limits"),
                "quantity 限额须与 each（一个数量）连用",
                "a limit of quantity needs one quantity in `each`",
            )
        if isinstance(rule.each, Mapping) and (rule.step or rule.at_most is not None or rule.beyond):
            self._say(
                (*path, "each"),
                "带权重时不用 step、at_most、beyond",
                "with weights, step, at_most and beyond have no meaning",
            )
        currency = next((each for each in self.rulebook.currency if each.id == rule.currency), None)
        for n, limit in enumerate(rule.limits):
            if limit.points is not None and currency is not None:
                self._fits((*path, "limits", n, "points"), limit.points, currency)
        if self._may_come_out_uneven(rule) and self.rulebook.calculation.round is None:
            self._say(
                ("calculation", "round"),
                f"规则 {rule.id} 可能算出小数，须写明取整方向",
                f"is needed: rule {rule.id} may come out uneven",
            )

    def _may_come_out_uneven(self, rule: Rule) -> bool:
        """Whether the amount can have more decimals than its currency. A step makes quantities even again."""
        currency = next((each for each in self.rulebook.currency if each.id == rule.currency), None)
        if currency is None:
            return False
        if any(not _is_even(number, currency) for number in _amounts_of(rule)):
            return True
        if rule.factors or isinstance(rule.each, Mapping):
            return True
        if rule.each is None:
            return rule.per != 1
        if any(limit.quantity is not None for limit in rule.limits) or (rule.step is None and rule.each != MINUTES):
            return True
        cuts = [each for each in (rule.at_most, rule.beyond.amount if rule.beyond else None) if each is not None]
        if rule.step is None and any(each != each.to_integral_value() for each in cuts):
            return True
        step = rule.step.of if rule.step is not None else Decimal(1)
        return any(not _is_even(number * step / rule.per, currency) for number in _amounts_of(rule))

    def _check_limits(self) -> None:
        for n, limit in enumerate(self.rulebook.limit):
            path: Path = ("limit", n)
            self._known((*path, "rules"), limit.rules, set(self.rules))
            self._known((*path, "categories"), limit.categories, self.categories)
            self._known((*path, "currency"), [limit.currency] if limit.currency else [], self.currencies)
            if len({rule.currency for rule in self._rules_of(limit)}) > 1 and limit.points is not None:
                self._say(path, "同一限额的规则须为同一种积分", "the rules of one limit must have one currency")
            rules = list(self._rules_of(limit))
            quantities = {rule.each if isinstance(rule.each, str) else None for rule in rules}
            if limit.quantity is not None and (None in quantities or len(quantities) != 1):
                self._say(
                    path,
                    "quantity 限额的规则须有同一个 each",
                    "the rules of a limit of quantity have one and the same `each`",
                )
            currency = next((each for each in self.rulebook.currency if rules and each.id == rules[0].currency), None)
            if limit.points is not None and currency is not None:
                self._fits((*path, "points"), limit.points, currency)
        if self.rulebook.limit and self.rulebook.calculation.order is None:
            self._say(("calculation", "order"), "有 [[limit]] 时须写明先后顺序", "is needed where there is a [[limit]]")

    def _rules_of(self, limit: SharedLimit) -> Iterable[Rule]:
        if limit.currency:
            return [each for each in self.rulebook.earn if each.currency == limit.currency]
        return [each for each in self.rules.values() if each.id in limit.rules or each.category in limit.categories]

    def _check_standing(self) -> None:
        for n, ladder in enumerate(self.rulebook.ladder):
            for m, level in enumerate(ladder.level):
                for measure in level.at:
                    self._measure(("ladder", n, "level", m, "at", measure), measure)
                self._facts(("ladder", n, "level", m, "where"), level.where)
                given = [right.currency for right in level.rights if right.currency]
                self._known(("ladder", n, "level", m, "rights"), given, self.currencies)
            self._facts(("ladder", n, "kept_while"), ladder.kept_while)
        for n, freeze in enumerate(self.rulebook.freeze):
            self._facts(("freeze", n, "where"), freeze.where)
            self._known(("freeze", n, "currency"), [freeze.currency] if freeze.currency else [], self.currencies)
            for m, way_out in enumerate(freeze.exit):
                self._facts(("freeze", n, "exit", m, "where"), way_out.where)
                self._check_new_balance(
                    ("freeze", n, "exit", m, "balance_becomes"), way_out.balance_becomes, freeze.currency
                )
                if way_out.collects:
                    self._known(
                        ("freeze", n, "exit", m, "collects", "categories"), way_out.collects.categories, self.categories
                    )
        for n, penalty in enumerate(self.rulebook.penalty):
            self._facts(("penalty", n, "where"), penalty.where)
        for n, warning in enumerate(self.rulebook.warning):
            self._facts(("warning", n, "where"), warning.where)
        for n, ranking in enumerate(self.rulebook.ranking):
            self._measure(("ranking", n, "measure"), ranking.measure)
            if ranking.every is Calendar.EVENT:
                self._say(("ranking", n, "every"), "不能为 event", "can't be event")
            self._facts(("ranking", n, "where"), ranking.where)

    def _check_new_balance(self, path: Path, balance: Decimal | None, currency_id: str | None) -> None:
        currency = next((each for each in self.rulebook.currency if currency_id in (None, each.id)), None)
        if balance is None or currency is None:
            return
        self._fits(path, balance, currency)
        too_low = isinstance(currency.floor, Decimal) and balance < currency.floor
        if too_low or (currency.ceiling is not None and balance > currency.ceiling):
            self._say(path, "须在 floor 与 ceiling 之间", "must lie between the currency's floor and ceiling")

    def _check_desk(self) -> None:
        for n, booking in enumerate(self.rulebook.booking):
            for name in ("where", "who"):
                self._facts(("booking", n, name), getattr(booking, name))
            self._known(("booking", n, "currency"), [booking.currency], self.currencies)
            for name in ("quotas", "leaves"):
                for m, each in enumerate(getattr(booking, name)):
                    self._facts(("booking", n, name, m, "where"), each.where)
            for m, priority in enumerate(booking.priority):
                self._facts(("booking", n, "priority", m, "where"), priority.where)
        for n, redemption in enumerate(self.rulebook.redemption):
            for name in ("where", "who"):
                self._facts(("redemption", n, name), getattr(redemption, name))
            self._known(("redemption", n, "currencies"), redemption.currencies, self.currencies)
            matched = (redemption.matching.given, redemption.matching.earned) if redemption.matching else ()
            self._one_scale(("redemption", n, "currencies"), (*redemption.currencies, *matched))
            if redemption.matching:
                for name in ("given", "earned"):
                    self._known(
                        ("redemption", n, "matching", name), [getattr(redemption.matching, name)], self.currencies
                    )

    def _ids(self, *sections: str) -> None:
        """The ids of these sections together are all different."""
        seen: set[str] = set()
        for section in sections:
            for n, each in enumerate(getattr(self.rulebook, section)):
                if each.id in seen:
                    self._say(
                        (section, n, "id"), f"id 重复：{each.id}", f"the id {each.id} stands twice; ids must differ"
                    )
                seen.add(each.id)

    def _facts(self, path: Path, where: Where) -> None:
        for fact in sorted(facts_in(where)):
            self._fact((*path, fact), fact)
        for condition in (condition for alternative in where for condition in alternative):
            self._check_values((*path, condition.fact), condition)

    def _check_values(self, path: Path, condition: Condition) -> None:
        """A fact that is a number, or true or false, by nature isn't compared with a text."""
        space = condition.fact.partition(".")[0] if "." in condition.fact else ""
        values = (*condition.values, *((condition.bounds.none_of or ()) if condition.bounds else ()))
        if condition.fact in (HOURS, MINUTES) or space in NUMBERS:
            if any(isinstance(value, str | bool) for value in values):
                self._say(
                    path, "这是数字，须写数字或 { min = … }", "is a number: compare it with a number or { min = … }"
                )
        elif space in ("frozen", "suspended") and not all(isinstance(value, bool) for value in values):
            self._say(path, "须为 true 或 false", "must be true or false")
        elif any(value in ("true", "false") for value in values):
            self._say(path, "true、false 不加引号", "true and false stand without quotes")

    def _measure(self, path: Path, measure: str) -> None:
        """A measure stands in a namespace: an event's own fact is gone with the event."""
        if "." not in measure:
            self._say(
                path,
                "须为 tally.…、balance.…、earned.…、total.… 或 person.…",
                "must be tally.…, balance.…, earned.…, total.… or person.…",
            )
            return
        self._fact(path, measure)

    def _fact(self, path: Path, fact: str) -> None:
        try:
            check_fact(fact)
        except Wrong as wrong:
            self._say(path, wrong.zh, wrong.en)
            return
        space, _, name = fact.partition(".")
        if name and space in self.names:
            self._known(path, [name], self.names[space])

    @staticmethod
    def _comes_back(start: str, ways: Mapping[str, Iterable[str]]) -> bool:
        """Whether the ways from something lead back to it."""
        seen: set[str] = set()
        ahead = list(ways.get(start, ()))
        while ahead:
            there = ahead.pop()
            if there == start:
                return True
            if there not in seen:
                seen.add(there)
                ahead += ways.get(there, ())
        return False

    def _one_scale(self, path: Path, currencies: Iterable[str]) -> None:
        """What is added up or pays together has the same decimals."""
        named = set(currencies)
        if len({each.decimals for each in self.rulebook.currency if each.id in named}) > 1:
            self._say(path, "小数位数须相同", "must have the same decimals")

    def _no_quantity(self, path: Path, limits: Iterable[Limit]) -> None:
        if any(limit.quantity is not None for limit in limits):
            self._say(path, "这里只用 points 或 times", "here a limit has points or times")

    def _known(self, path: Path, wanted: Iterable[str], known: set[str]) -> None:
        for word in wanted:
            if word not in known:
                told = sorted(known)[:NAMES_TOLD_MAX]
                there, english = "、".join(told) or "（没有）", ", ".join(told) or "(none)"
                self._say(path, f"没有 {word}；可用：{there}", f"there is no {word}; allowed: {english}")

    def _fits(self, path: Path, value: Decimal, currency: Currency) -> None:
        if not _is_even(value, currency):
            self._say(
                path, f"小数最多 {currency.decimals} 位", f"has more decimals than the currency ({currency.decimals})"
            )

    def _check_size(self) -> None:
        """Every event is held to the limits of every rule that speaks of it."""
        rules = list(self.rules.values())
        limits = sum(len(rule.limits) for rule in rules)
        limits += sum(len(list(self._rules_of(limit))) for limit in self.rulebook.limit)
        if limits > LIMITS_MAX:
            self._say(("limit",), f"限额过多，最多 {LIMITS_MAX} 项", f"there are too many limits; at most {LIMITS_MAX}")
        for section in ("earn", "deduct"):
            for n, rule in enumerate(getattr(self.rulebook, section)):
                self._differ((section, n, "limits"), rule.limits)
        self._differ(("transfer", "limits"), self.rulebook.transfer.limits)
        for n, each in enumerate(self.rulebook.redemption):
            self._differ(("redemption", n, "limits"), each.limits)

    def _differ(self, path: Path, limits: Iterable[Limit]) -> None:
        """Two limits that count the same in the same window are one."""
        seen: set[tuple[object, ...]] = set()
        for limit in limits:
            counts = (limit.points is None, limit.times is None, limit.per, limit.by)
            if counts in seen:
                self._say(
                    path, "同一窗口的同类限额只能有一项", "two limits of one kind and window can't stand together"
                )
            seen.add(counts)

    def _say(self, path: Path, zh: str, en: str) -> None:
        if len(self.wrongs) >= FAULTS_MAX:
            return
        self.wrongs.append(Wrong(zh, en, path))


def _amounts_of(rule: Rule) -> list[Decimal]:
    """The numbers that a rule may give for one."""
    amount = rule.amount if isinstance(rule, Earn | Deduct) else None
    if isinstance(amount, ByFact):
        return [*amount.values.values(), *([] if amount.otherwise is None else [amount.otherwise])]
    return [amount] if isinstance(amount, Decimal) else []


def _is_even(value: Decimal, currency: Currency) -> bool:
    scaled = value.scaleb(currency.decimals)
    return scaled == scaled.to_integral_value()
