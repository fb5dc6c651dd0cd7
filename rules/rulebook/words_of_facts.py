"""What every chapter of a rulebook in plain Chinese needs: facts, conditions, windows, limits, numbers, points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from rules.rulebook.conditions import Bounds, Condition, Scalar, Where
from rules.rulebook.consequences import BLOCKED
from rules.rulebook.document import Rulebook
from rules.rulebook.evaluation import APPROVERS
from rules.rulebook.limits import WINDOWS
from rules.rulebook.periods import Window
from rules.rulebook.plan import ACCOUNT_OPENED, BOOKED, CANCELLED, PERIOD_STARTED, REDEEMED
from rules.rulebook.quantities import HOURS, MINUTES
from rules.rulebook.sections.common import Expiry, Limit, Rounding, RoundUpTo, WhenOver
from rules.rulebook.sections.earning import TIMES, PointsOf, Streak, Tally

#: The events that the house itself makes; any other word is the town's own and stands as it is.
EVENTS = {
    ACCOUNT_OPENED: "开户",
    PERIOD_STARTED: "新周期开始",
    "checkin": "签到",
    "signup": "报名",
    "no_show": "未到",
    "service": "服务",
    BOOKED: "预约",
    CANCELLED: "取消预约",
    REDEEMED: "兑换",
}
PARTS = {"day": "日", "week": "周", "month": "月", "quarter": "季度", "half_year": "半年", "year": "年"}
STREAK_UNITS = {Streak.DAY: "天", Streak.WEEK: "周", Streak.MONTH: "个月"}


@dataclass(frozen=True, slots=True)
class Known:
    """How a fact that the house knows is called, and its values."""

    noun: str
    unit: str = ""
    yes: str = ""
    no: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


WEEKDAYS = {
    "monday": "星期一",
    "tuesday": "星期二",
    "wednesday": "星期三",
    "thursday": "星期四",
    "friday": "星期五",
    "saturday": "星期六",
    "sunday": "星期日",
}
FACTS = {
    "late": Known("迟到", yes="迟到", no="未迟到"),
    "left_early": Known("早退", yes="早退", no="未早退"),
    "excused": Known("正当理由", yes="有正当理由", no="没有正当理由"),
    "checked_in": Known("签到", yes="已签到", no="未签到"),
    "signed_in": Known("签到", yes="已签到", no="未签到"),
    "signed_out": Known("签退", yes="已签退", no="未签退"),
    "evidence": Known("凭证", yes="有凭证", no="没有凭证"),
    HOURS: Known("服务时长", "小时"),
    MINUTES: Known("时长", "分钟"),
    "provenance": Known("时长来源", values={"signed": "本人签到签退", "staff": "工作人员补录", "imported": "文件导入"}),
    "kind": Known("事项", values=EVENTS),
    "period": Known("周期", values=PARTS),
    "amount": Known("评定的分值"),
    "category": Known("活动类别"),
    "scene": Known("场景"),
    "volunteers_only": Known("志愿者活动", yes="仅限志愿者的活动", no="不限志愿者的活动"),
    "approved_by": Known("确认人", values={each.value: word for each, word in APPROVERS.items()}),
    "party_size": Known("人数", "人"),
    "place": Known("预约的是", values={"session": "活动名额", "venue": "场馆"}),
    "venue_kind": Known("场馆类型"),
    "use": Known("用途"),
    "weekday": Known("星期", values=WEEKDAYS),
    "day_kind": Known("日子", values=WEEKDAYS | {"holiday": "法定节假日", "makeup_workday": "调休工作日"}),
    "allocation": Known("名额分配", values={"first_come": "先到先得", "priority": "按优先次序", "lottery": "抽签"}),
    "organisation": Known("组织预约", yes="以组织名义", no="以个人名义"),
    "local": Known("本社区居民", yes="是本社区居民", no="不是本社区居民"),
    "quantity": Known("件数", "件"),
    "points": Known("所用积分", "分"),
    "person.age": Known("年龄", "岁"),
    "person.kind": Known("身份", values={"resident": "居民"}),
    "person.household": Known("家庭", yes="已加入家庭", no="未加入家庭"),
    "person.registered_days": Known("注册天数", "天"),
    "person.volunteer": Known("注册志愿者", yes="是注册志愿者", no="不是注册志愿者"),
    "person.owes": Known("欠还、欠费", yes="有欠还或欠费", no="没有欠还或欠费"),
}


def number(value: Decimal | int) -> str:
    """A number as it stands in the document."""
    return f"{Decimal(value):f}"


def quoted(title: str) -> str:
    return f"“{title}”"


def listed(words: Iterable[str]) -> str:
    return "、".join(words)


def joined(*words: str) -> str:
    """Words in a row, with a space on either side of Latin letters and digits."""
    text = ""
    for word in words:
        a, b = text[-1:], word[:1]
        is_border = a.isalnum() and b.isalnum() and (a.isascii() or b.isascii())
        text += f" {word}" if is_border else word
    return text


def sentence(head: str, parts: Sequence[str]) -> str:
    """One sentence of a chapter: what it is about, and what holds."""
    return f"{head}：{'；'.join(part for part in parts if part)}。"


def also(title: str, condition: str) -> str:
    """What the document calls a condition, and the condition itself."""
    return joined(title, f"，{joined('即', condition)}")


def window(per: Window) -> str:
    """A window: 每日, 120 天内."""
    if per.months:
        return f"{per.months} 个月内"
    return f"{per.days} 天内" if per.days else WINDOWS[per.calendar]


class Speaker:
    """Says what stands in one rulebook, calling things by the titles that they have in it."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.currencies = {each.id: each for each in rulebook.currency}
        self.totals = {each.id: each for each in rulebook.total}
        self.tallies = {each.id: each for each in rulebook.tally}
        self.ladders = {each.id: each for each in rulebook.ladder}
        self.freezes = {each.id: each for each in rulebook.freeze}
        self.penalties = {each.id: each for each in rulebook.penalty}
        self.rules = {each.id: each for each in (*rulebook.earn, *rulebook.deduct)}

    # --- points and quantities ----------------------------------------------------------------------------------------

    def points(self, amount: Decimal, currency: str) -> str:
        """So many points; of which currency, where there are several."""
        return f"{number(amount)} {self.unit(currency)}"

    def unit(self, currency: str) -> str:
        of = self.currencies[currency]
        return of.unit if len(self.currencies) == 1 or of.unit == of.name else f"{of.unit}{quoted(of.name)}"

    def names(self, currencies: Iterable[str]) -> str:
        return listed(self.currencies[each].name for each in currencies)

    def unit_of_tally(self, tally: Tally) -> str:
        if tally.streak is not None:
            return STREAK_UNITS[tally.streak]
        if tally.of in tuple(PointsOf):
            return self.currencies[tally.currency].unit
        return "次" if tally.of == TIMES else FACTS[tally.of].unit if tally.of in FACTS else ""

    def counted(self, amount: Decimal, tally: Tally) -> str:
        """So much of what a tally counts."""
        return f"{number(amount)} {self.unit_of_tally(tally)}".strip()

    # --- events and facts ---------------------------------------------------------------------------------------------

    def head(self, title: str, events: Iterable[str]) -> str:
        """A title, with the events that it doesn't name itself."""
        others = [word for event in events if (word := EVENTS.get(event, event)) not in title]
        return f"{title}（{listed(others)}）" if others else title

    def event(self, kind: str) -> str:
        """An event, by the title of the only rule that speaks of it, if there is just one."""
        if kind in EVENTS:
            return quoted(EVENTS[kind])
        titles = [rule.title for rule in self.rules.values() if kind in rule.event and rule.milestone is None]
        return f"{quoted(titles[0])}（{kind}）" if len(titles) == 1 else quoted(kind)

    def events(self, kinds: Iterable[str]) -> str:
        return listed(self.event(kind) for kind in kinds)

    def blocked(self, blocks: Iterable[str]) -> str:
        """What can't be done."""
        return listed(BLOCKED[word] if word in BLOCKED else self.event(word) for word in blocks)

    def fact(self, name: str) -> str:
        """How a fact is called."""
        space, _, of = name.partition(".")
        if name in FACTS:
            return FACTS[name].noun
        if space == "balance" and of:
            return f"{self.currencies[of].name}余额"
        if space == "total" and of:
            return quoted(self.totals[of].title)
        if space == "earned" and of:
            return f"累计获得的{self.currencies[of].name}"
        if space == "tally" and of:
            return quoted(self.tallies[of].title)
        if space == "level" and of:
            return f"{quoted(self.ladders[of].title)}等级"
        return of or name

    def unit_of_fact(self, name: str) -> str:
        space, _, of = name.partition(".")
        if name in FACTS:
            return FACTS[name].unit
        if space in ("balance", "earned") and of:
            return self.currencies[of].unit
        if space == "total" and of:
            return self.currencies[self.totals[of].currencies[0]].unit
        return self.unit_of_tally(self.tallies[of]) if space == "tally" and of else ""

    def reached(self, measure: str, least: Decimal) -> str:
        """That a measure has reached a number."""
        return joined(self.fact(measure), "达到", f"{number(least)} {self.unit_of_fact(measure)}".strip())

    def apart(self, by: Sequence[str]) -> str:
        """That facts are counted apart."""
        return joined("按", listed(self.fact(each) for each in by), "分别计") if by else ""

    # --- conditions ---------------------------------------------------------------------------------------------------

    def condition(self, where: Where, before: str = "条件：") -> str:
        """A condition, or nothing where there is none."""
        return before + self.where(where) if where else ""

    def where(self, where: Where) -> str:
        alternatives = [
            "，".join(joined("且" if n else "", self._holds(each)) for n, each in enumerate(alternative))
            for alternative in where
        ]
        if len(alternatives) == 1:
            return alternatives[0]
        return "或".join(f"（{each}）" for each in alternatives)

    def _holds(self, condition: Condition) -> str:
        name, values = condition.fact, condition.values
        if condition.bounds is not None:
            return self._within(name, condition.bounds)
        if len(values) == 1 and isinstance(values[0], bool):
            return self._is_so(name, is_so=values[0])
        return joined(self.fact(name), "为", self._one_of(self.value(name, each) for each in values))

    def _is_so(self, name: str, *, is_so: bool) -> str:
        space, _, of = name.partition(".")
        known = FACTS.get(name)
        if known is not None and known.yes:
            return known.yes if is_so else known.no
        if space == "frozen" and of:
            return f"{quoted(self.freezes[of].title)}{'生效' if is_so else '未生效'}"
        if space == "suspended" and of:
            return f"{'正' if is_so else '未'}因{quoted(self.penalties[of].title)}被暂停"
        return joined(self.fact(name), "为是" if is_so else "为否")

    def _within(self, name: str, bounds: Bounds) -> str:
        parts = []
        if bounds.min is not None and bounds.max is not None and bounds.times is None:
            parts.append(joined("在", self.value(name, bounds.min), "至", self.value(name, bounds.max), "之间"))
        else:
            parts += [joined("至少", self._bound(name, bounds.min, bounds.times))] if bounds.min is not None else []
            parts += [joined("不超过", self._bound(name, bounds.max, bounds.times))] if bounds.max is not None else []
        parts += [joined("超过", self._bound(name, bounds.above, bounds.times))] if bounds.above is not None else []
        parts += [joined("低于", self._bound(name, bounds.below, bounds.times))] if bounds.below is not None else []
        if bounds.none_of is not None:
            parts.append(joined("不是", self._one_of(self.value(name, each) for each in bounds.none_of)))
        parts += [joined("与", self.fact(bounds.same_as), "相同")] if bounds.same_as is not None else []
        return joined(self.fact(name), "且".join(parts))

    def _bound(self, name: str, bound: Decimal, times: str | None) -> str:
        """A bound, or so many times another fact."""
        return self.value(name, bound) if times is None else joined(self.fact(times), f"的 {number(bound)} 倍")

    @staticmethod
    def _one_of(words: Iterable[str]) -> str:
        given = list(words)
        if len(given) > 2:
            return joined(listed(given), "之一")
        return joined(given[0], "或", given[1]) if len(given) == 2 else given[0]

    def value(self, fact: str, value: Scalar) -> str:
        """A fact's value; of a ladder, a rank by the title of its level."""
        space, _, of = fact.partition(".")
        if isinstance(value, bool):
            return "是" if value else "否"
        if isinstance(value, str):
            return FACTS[fact].values.get(value, value) if fact in FACTS else value
        if space == "level" and of:
            levels = self.ladders[of].level
            return f"第 {number(value)} 级" + (
                quoted(levels[int(value) - 1].title) if 1 <= value <= len(levels) else ""
            )
        return f"{number(value)} {self.unit_of_fact(fact)}".strip()

    # --- limits, expiry, rounding -------------------------------------------------------------------------------------

    def limit(self, limit: Limit, currency: str, unit: str = "件", verb: str = "") -> str:
        """A limit: 每日最多 3 分."""
        if limit.points is not None:
            most = joined(verb, self.points(limit.points, currency))
        elif limit.times is not None:
            most = f"{limit.times} 次"
        else:
            most = joined(verb or "计", f"{number(limit.most)} {unit}")
        same = joined("同一", listed(self.fact(each) for each in limit.by)) if limit.by else ""
        whole = "，放不下的整次不计" if limit.over is WhenOver.NOTHING else ""
        return joined(same, window(limit.per), "最多", most) + whole

    def expiry(self, expiry: Expiry) -> str:
        """How long points are good."""
        if expiry.never:
            return "永久有效"
        if expiry.end_of is not None:
            return f"有效期至获得当{'季' if expiry.end_of == 'quarter' else PARTS[expiry.end_of]}末，到期清零"
        if expiry.years is not None:
            year = {0: "获得当年", 1: "获得的次年"}.get(expiry.years, f"获得之年后第 {expiry.years} 年")
            return f"有效期至{year}的 12 月 31 日"
        rounded = {
            RoundUpTo.DAY: "",
            RoundUpTo.MONTH: "，延至该月末",
            RoundUpTo.QUARTER: "，延至该季末",
            RoundUpTo.YEAR: "，延至该年末",
        }
        return f"自获得之日起 {expiry.months} 个月有效{rounded[expiry.round_up_to or RoundUpTo.MONTH]}"

    @staticmethod
    def step(of: Decimal, unit: str, rounding: Rounding) -> str:
        """In which steps a quantity counts."""
        how = {
            Rounding.DOWN: "的部分不计",
            Rounding.UP: f"的部分按 {number(of)} {unit}计",
            Rounding.HALF_UP: f"的部分满一半按 {number(of)} {unit}计，不满一半不计",
        }
        return f"不足 {number(of)} {unit}{how[rounding]}"
