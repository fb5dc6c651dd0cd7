"""What points may be spent on, by whom, when and how much."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rules.rulebook.conditions import Where
from rules.rulebook.periods import Calendar
from rules.rulebook.reading import ListOf, Number, OneOf, Section, Wrong, exactly_one, key
from rules.rulebook.sections.accounts import POINTS_ID
from rules.rulebook.sections.common import POINTS, POINTS_OR_NONE, TEXT, WHERE, WORD, WORDS, YES_NO, Limit
from rules.rulebook.sections.earning import ByFact


class For(StrEnum):
    """What points are given for."""

    GOODS = "goods"
    SERVICE = "service"
    FEE = "fee"  #: a fee, a fine, a discount
    PLACE = "place"  #: a venue, an activity, priority
    DONATION = "donation"
    LOTTERY = "lottery"


class Refund(StrEnum):
    """Whether points come back."""

    NONE = "none"
    UNTIL_PICK_UP = "until_pick_up"


class WhenLapsed(StrEnum):
    """What becomes of the points of what nobody picks up."""

    FORFEITED = "forfeited"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What points are worth."""

    points: Decimal = key(POINTS, "So many points …", "points = 1")
    worth: Decimal = key(POINTS, "… are worth so much.", "worth = 2")
    unit: str = key(TEXT, "Of what.", 'unit = "元"', default="元")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Between which bounds whoever offers something sets the price of one point."""

    least: Decimal = key(POINTS_OR_NONE, "At least so much for a point.", "least = 10")
    most: Decimal = key(POINTS, "At most so much for a point.", "most = 100")
    unit: str = key(TEXT, "Of what.", 'unit = "元"', default="元")

    def check(self) -> None:
        if self.least > self.most:
            raise Wrong("不能大于 most", "can't be above most", ("least",))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDays:
    """Days on which redeeming is possible. What is given has to hold together."""

    months: tuple[int, ...] = key(
        ListOf(Number(1, 12), least=1, or_one=True), "In these months.", "months = [1]", default=()
    )
    days: tuple[int, ...] = key(
        ListOf(Number(1, 31), least=1, or_one=True), "On these days of the month.", "days = [15]", default=()
    )
    weekdays: tuple[int, ...] = key(
        ListOf(Number(1, 7), least=1, or_one=True),
        "On these days of the week, 1 is Monday.",
        "weekdays = [6, 7]",
        default=(),
    )
    last_days_of: Calendar | None = key(
        OneOf(Calendar),
        "With `count`: in the last days of each of these parts of the calendar.",
        'last_days_of = "quarter"',
        default=None,
    )
    first_days_of: Calendar | None = key(
        OneOf(Calendar),
        "With `count`: in the first days of each of these parts of the calendar.",
        'first_days_of = "quarter"',
        default=None,
    )
    count: int = key(Number(1, 366), "How many of the last or first days.", "count = 10", default=1)

    def check(self) -> None:
        if not (self.months or self.days or self.weekdays or self.last_days_of or self.first_days_of):
            raise Wrong("至少要给出一个键", "must have at least one key")
        for name in ("last_days_of", "first_days_of"):
            if getattr(self, name) in (Calendar.EVENT, Calendar.EVER, Calendar.DAY):
                raise Wrong(
                    "须为 week、month、quarter、half_year 或 year",
                    "must be week, month, quarter, half_year or year",
                    (name,),
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPayment:
    """Points pay a part, money the rest."""

    least_percent: Decimal = key(
        POINTS_OR_NONE, "Points pay at least so much of the price.", "least_percent = 10", default=Decimal(0)
    )
    most_percent: Decimal = key(
        POINTS_OR_NONE, "Points pay at most so much of the price.", "most_percent = 50", default=Decimal(100)
    )

    def check(self) -> None:
        if not self.least_percent <= self.most_percent <= 100:
            raise Wrong("须 least_percent ≤ most_percent ≤ 100", "must be least_percent <= most_percent <= 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Points that were given can be spent together with points that were earned, never alone."""

    given: str = key(WORD, "The currency of given points.", 'given = "gift"')
    earned: str = key(WORD, "The currency of earned points.", 'earned = "work"')
    given_per_earned: ByFact = key(
        Section(ByFact),
        "So many given points go with one earned point, by a fact of the person or the redemption.",
        'given_per_earned = { fact = "household_kind", values = { "一般户" = 1 } }',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lottery:
    """A draw that costs points."""

    points: Decimal = key(POINTS, "What one ticket costs.", "points = 10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A title for whoever has given so much."""

    at: Decimal = key(POINTS, "From so many points on.", "at = 100")
    title: str = key(TEXT, "The title.", 'title = "铜牌志愿者"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """What points may be spent on; of several sections, the first whose `where` holds counts."""

    id: str = key(WORD, "A stable word.", 'id = "goods"')
    title: str = key(TEXT, "In words, for residents.", 'title = "兑换礼品"')
    kinds: tuple[For, ...] = key(ListOf(OneOf(For), least=1, or_one=True), "For what.", 'kinds = ["goods"]')
    where: Where = key(WHERE, "Which redemptions.", 'where = { item = "gift" }', default=())
    who: Where = key(
        WHERE,
        "Who may redeem: an age, a level, a least balance, least hours.",
        "who = { tally.hours = { min = 5 } }",
        default=(),
    )
    who_title: str | None = key(TEXT, "The same in words.", 'who_title = "累计服务满 5 小时"', default=None)
    currencies: tuple[str, ...] = key(
        WORDS,
        "With which currencies, in the order in which they are taken.",
        'currencies = ["points"]',
        default=(POINTS_ID,),
    )
    least: Decimal | None = key(POINTS, "The least that one redemption costs.", "least = 10", default=None)
    rate: Rate | None = key(Section(Rate), "What points are worth.", "rate = { points = 1, worth = 1 }", default=None)
    price: Price | None = key(
        Section(Price),
        "Between which bounds merchants set their price.",
        "price = { least = 10, most = 100 }",
        default=None,
    )
    windows: tuple[OpenDays, ...] = key(
        ListOf(Section(OpenDays)),
        "When; one of several is enough, without any always.",
        "windows = [{ days = [15] }]",
        default=(),
    )
    limits: tuple[Limit, ...] = key(
        ListOf(Section(Limit)),
        "How often (`times`), how many pieces (`quantity`), how many `points`; a redemption beyond is refused whole.",
        'limits = [{ times = 1, per = "quarter" }, { quantity = 2, per = "ever", by = ["item"] }]',
        default=(),
    )
    part_payment: PartPayment | None = key(
        Section(PartPayment), "Points pay a part, money the rest.", "part_payment = { most_percent = 50 }", default=None
    )
    matching: Matching | None = key(
        Section(Matching), "Given points need earned ones.", "[redemption.matching]", default=None
    )
    lottery: Lottery | None = key(Section(Lottery), "A draw.", "lottery = { points = 10 }", default=None)
    grades: tuple[Grade, ...] = key(
        ListOf(Section(Grade)),
        "Titles for donors, by what they gave in all.",
        'grades = [{ at = 100, title = "铜牌" }]',
        default=(),
    )
    refund: Refund = key(OneOf(Refund), "Whether points come back.", 'refund = "until_pick_up"', default=Refund.NONE)
    pick_up_days: int | None = key(
        Number(0, 3_660), "For how many days something waits to be picked up.", "pick_up_days = 30", default=None
    )
    when_lapsed: WhenLapsed = key(
        OneOf(WhenLapsed),
        "What becomes of the points when nobody picks it up.",
        'when_lapsed = "returned"',
        default=WhenLapsed.FORFEITED,
    )
    substitution: bool = key(
        YES_NO, "Whether another item is given when it has run out.", "substitution = true", default=False
    )
    note: str | None = key(TEXT, "More words for residents.", 'note = "凭码到门店领取"', default=None)

    def check(self) -> None:
        if self.rate and self.price:
            exactly_one(self, "rate", "price")
        if self.lottery and For.LOTTERY not in self.kinds:
            raise Wrong('kinds 须含 "lottery"', 'needs "lottery" among `kinds`', ("lottery",))
        if self.grades and For.DONATION not in self.kinds:
            raise Wrong('kinds 须含 "donation"', 'needs "donation" among `kinds`', ("grades",))
        if any(limit.by and limit.per.calendar == Calendar.EVENT for limit in self.limits):
            raise Wrong("每次的限额不用 by", "a limit for each event has no `by`", ("limits",))
