"""What is counted, what earns, what costs, and the limits on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from rules.rulebook.conditions import Where
from rules.rulebook.periods import Calendar, Window
from rules.rulebook.reading import Amount, Day, Either, ListOf, Number, OneOf, Section, TableOf, Wrong, exactly_one, key
from rules.rulebook.sections.accounts import POINTS_ID
from rules.rulebook.sections.common import (
    AMOUNT_MAX,
    POINTS,
    QUANTITY,
    TEXT,
    WHERE,
    WINDOW,
    WORD,
    WORDS,
    YES_NO,
    Expiry,
    Limit,
    Rounding,
    WhenOver,
)

FACTOR = Amount(Decimal(0), Decimal(10_000))
#: What the quantity of an event is called when nothing is multiplied.
TIMES = "times"


class All(StrEnum):
    ALL = "all"


class PointsOf(StrEnum):
    """Tallies of points rather than of events."""

    POINTS = "points"  #: what rules gave
    NET_POINTS = "net_points"  #: less what rules took


class Approver(StrEnum):
    """Who has to agree before something counts."""

    PUBLISHER = "publisher"  #: who published the activity
    STAFF = "staff"
    COMMITTEE = "committee"  #: the residents' or village committee
    PANEL = "panel"  #: a rating panel, peers, households
    SECOND_PERSON = "second_person"


class Streak(StrEnum):
    """Parts of the calendar that can follow each other without a gap."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Quantities count in steps: whole hours, half hours."""

    of: Decimal = key(QUANTITY, "The smallest unit that counts.", "of = 0.5")
    round: Rounding = key(OneOf(Rounding), "Which way a part of a step goes.", 'round = "down"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ByFact:
    """A number for each value of a fact."""

    fact: str = key(WORD, "The event's fact.", 'fact = "level"')
    values: Mapping[str, Decimal] = key(
        TableOf(FACTOR), "The number for each value of the fact.", 'values = { "学院" = 1.02, "校级" = 1.04 }'
    )
    otherwise: Decimal | None = key(
        FACTOR,
        "The number for any other value, and when the fact is not given; without it the rule gives nothing then.",
        "otherwise = 1",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A person decides, within these bounds: the event's fact `amount` says how much."""

    min: Decimal = key(POINTS, "The least.", "min = 50")
    max: Decimal = key(POINTS, "The most.", "max = 100")

    def check(self) -> None:
        if self.min > self.max:
            raise Wrong("不能大于 max", "can't be above max", ("min",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """Only what goes beyond an amount counts: the first hours are a duty."""

    tally: str = key(WORD, "The tally in which the quantity adds up.", 'tally = "service-hours"')
    amount: Decimal = key(QUANTITY, "So much doesn't count.", "amount = 50")


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """The rule speaks when an event brings a tally to a number. Exactly one of `at`, `every`."""

    tally: str = key(WORD, "The tally.", 'tally = "reading-days"')
    at: Decimal | None = key(QUANTITY, "Once the tally reaches this.", "at = 7", default=None)
    every: Decimal | None = key(
        QUANTITY,
        "Each time the tally reaches another multiple of this; once, where an event passes several.",
        "every = 30",
        default=None,
    )

    def check(self) -> None:
        exactly_one(self, "at", "every")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is to be claimed with evidence has a deadline."""

    within_days: int | None = key(
        Number(0, 3_660),
        "Claimed at most so many days after the day of the event; 0: on the same day.",
        "within_days = 3",
        default=None,
    )
    by_day: int | None = key(
        Number(1, 28), "Claimed by this day of the month after the event's.", "by_day = 8", default=None
    )
    evidence: bool = key(YES_NO, "Whether the event needs the fact `evidence`.", "evidence = true", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A count that rules, levels, penalties and conditions refer to."""

    id: str = key(WORD, "The word by which it is named.", 'id = "service-hours"')
    title: str = key(TEXT, "In words, for residents.", 'title = "服务时长"')
    events: tuple[str, ...] = key(WORDS, "The kinds of event that count.", 'events = ["service"]', default=())
    where: Where = key(WHERE, "Which of them count.", 'where = { provenance = "signed" }', default=())
    of: str = key(
        Either((OneOf(PointsOf), WORD)),
        'What adds up: "times", a quantity of the event ("hours", "items"), "points": what `rules` gave, or "net_points": '
        "that less what they took.",
        'of = "hours"',
        default=TIMES,
    )
    rules: tuple[str, ...] = key(
        WORDS,
        'With of = "points": the ids of the earning rules whose points add up; without it, all of `currency`.',
        'rules = ["checkin"]',
        default=(),
    )
    currency: str = key(WORD, 'With of = "points": the currency.', 'currency = "points"', default=POINTS_ID)
    at_most: Decimal | None = key(QUANTITY, "So much of one event's quantity counts.", "at_most = 2", default=None)
    step: Step | None = key(
        Section(Step),
        "The steps in which an event's quantity counts.",
        'step = { of = 0.5, round = "down" }',
        default=None,
    )
    per: Window = key(WINDOW, "The window in which it adds up.", 'per = "year"', default=Window(Calendar.EVER))
    streak: Streak | None = key(
        OneOf(Streak),
        "Instead of adding up: how many days, weeks or months in a row had such an event.",
        'streak = "day"',
        default=None,
    )
    by: tuple[str, ...] = key(WORDS, "Facts of the event that have a count each.", 'by = ["hospital"]', default=())
    starts_on: date | None = key(Day(), "The first day that counts.", "starts_on = 2026-04-23", default=None)
    ends_on: date | None = key(Day(), "The last day that counts.", "ends_on = 2026-05-13", default=None)

    def check(self) -> None:
        if self.of in tuple(PointsOf):
            if self.events or self.where or self.streak:
                raise Wrong("累计积分时由 rules 决定", "with points, `rules` says what counts", ("events",))
        elif not self.events:
            raise Wrong("缺少这个键", "is missing", ("events",))
        is_of_quantity = self.of not in (TIMES, *PointsOf)
        for name in ("at_most", "step"):
            if getattr(self, name) is not None and not is_of_quantity:
                raise Wrong("只用于数量", "goes with a quantity only", (name,))
        if self.starts_on and self.ends_on and self.starts_on > self.ends_on:
            raise Wrong("不能早于 starts_on", "can't be before starts_on", ("ends_on",))
        if self.streak is not None and self.per != Window(Calendar.EVER):
            raise Wrong("streak 与 per 不能同时给出", "`streak` and `per` don't go together", ("per",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What earning and deduction have in common."""

    id: str = key(WORD, "A stable word, named in every explanation.", 'id = "borrow"')
    title: str = key(TEXT, "In words, for residents.", 'title = "借书"')
    event: tuple[str, ...] = key(WORDS, "The kind of event, or several.", 'event = "borrow"')
    where: Where = key(WHERE, "What else has to be true.", "where = { late = false }", default=())
    currency: str = key(WORD, "The id of the currency.", 'currency = "points"', default=POINTS_ID)
    each: str | Mapping[str, Decimal] | None = key(
        Either((WORD, TableOf(FACTOR))),
        "What the amount is multiplied by: a quantity of the event (`hours` comes from minutes), or a table of quantities "
        "with their weights. Without it, the event counts once. Where a quantity isn't given, the rule gives nothing.",
        'each = "hours"',
        default=None,
    )
    per: Decimal = key(QUANTITY, "The amount is for so many of `each`.", "per = 2", default=Decimal(1))
    unit: str = key(TEXT, "The word after the quantity.", 'unit = "本"', default="次")
    step: Step | None = key(
        Section(Step), "The steps in which the quantity counts.", 'step = { of = 1, round = "down" }', default=None
    )
    at_most: Decimal | None = key(
        QUANTITY, "So much of one event's quantity counts, before any factor.", "at_most = 2", default=None
    )
    beyond: Beyond | None = key(
        Section(Beyond),
        "Only what goes beyond an amount counts.",
        'beyond = { tally = "service-hours", amount = 50 }',
        default=None,
    )
    factors: tuple[ByFact, ...] = key(
        ListOf(Section(ByFact)),
        "Coefficients, multiplied with each other and the amount.",
        'factors = [{ fact = "level", values = { "区级" = 1.2 }, otherwise = 1 }]',
        default=(),
    )
    category: str | None = key(
        WORD, "The word by which limits name several rules.", 'category = "activity"', default=None
    )
    limits: tuple[Limit, ...] = key(
        ListOf(Section(Limit)),
        "How much this rule gives in a window; several at once.",
        'limits = [{ points = 20, per = "day" }, { points = 100, per = "month" }]',
        default=(),
    )
    milestone: Milestone | None = key(
        Section(Milestone),
        "Speaks when a tally reaches a number.",
        'milestone = { tally = "days", at = 7 }',
        default=None,
    )
    starts_on: date | None = key(Day(), "The first day on which it holds.", "starts_on = 2026-04-23", default=None)
    ends_on: date | None = key(Day(), "The last day on which it holds.", "ends_on = 2026-05-13", default=None)
    note: str | None = key(TEXT, "More words for residents.", 'note = "以签到为准"', default=None)


_AMOUNT_MEANING = (
    "How much: a number; `{ min, max }`: a person decides; `{ fact, values, otherwise }`: by a fact of the event"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earn(Rule):
    """What earns."""

    amount: Decimal | Range | ByFact = key(
        Either((POINTS, Section(Range), Section(ByFact))), _AMOUNT_MEANING + ".", "amount = 5"
    )
    approval: Approver | None = key(
        OneOf(Approver),
        "Who has to agree: nothing is given until the event's fact `approved_by` names it. Tallies count the event all the "
        "same, unless their `where` asks for `approved_by` too.",
        'approval = "publisher"',
        default=None,
    )
    claim: Claim | None = key(
        Section(Claim),
        "A deadline, counted to the event's fact `claimed_on`; without it, to the day on which the event is recorded.",
        "claim = { within_days = 3 }",
        default=None,
    )
    objection_days: int = key(
        Number(0, 366),
        "For how many days after the event the award is shown and may be objected to before it is given.",
        "objection_days = 3",
        default=0,
    )
    expiry: Expiry | None = key(
        Section(Expiry),
        "How long these points are good, if it isn't as the currency says.",
        "expiry = { never = true }",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduct(Rule):
    """What costs."""

    amount: Decimal | All | Range | ByFact = key(
        Either((POINTS, OneOf(All), Section(Range), Section(ByFact))),
        _AMOUNT_MEANING + '; "all": the whole balance.',
        "amount = 10",
    )
    short: WhenOver = key(
        OneOf(WhenOver),
        'What is taken when the floor would be passed: "trim": down to the floor; "nothing".',
        'short = "nothing"',
        default=WhenOver.TRIM,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidRule:
    """An event takes back all that another one has earned."""

    id: str = key(WORD, "A stable word, named in every explanation.", 'id = "complaint"')
    title: str = key(TEXT, "In words, for residents.", 'title = "被投诉，当次作废"')
    event: tuple[str, ...] = key(WORDS, "The kind of event, or several.", 'event = "complaint"')
    where: Where = key(WHERE, "What else has to be true.", "where = { serious = true }", default=())
    of: str = key(
        WORD,
        "The fact that names the event whose points are taken back, by the `ref` under which it was told.",
        'of = "service_ref"',
        default="of",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLimit(Limit):
    """One limit for several rules together: those of `rules`, of `categories`, or of a currency."""

    id: str = key(WORD, "A stable word, named in explanations.", 'id = "activity-day"')
    title: str = key(TEXT, "In words, for residents.", 'title = "活动类合计"')
    rules: tuple[str, ...] = key(WORDS, "The ids of the rules.", 'rules = ["signup", "checkin"]', default=())
    categories: tuple[str, ...] = key(WORDS, "The categories of the rules.", 'categories = ["activity"]', default=())
    currency: str | None = key(WORD, "All earning rules of this currency.", 'currency = "points"', default=None)

    def check(self) -> None:
        Limit.check(self)  # a slotted dataclass is made anew, so super() doesn't find it
        if sum(map(bool, (self.rules, self.categories, self.currency))) != 1:
            raise Wrong(
                "rules、categories、currency 须且只能给出一个", "must have exactly one of rules, categories, currency"
            )


__all__ = [
    "AMOUNT_MAX",
    "TIMES",
    "All",
    "Approver",
    "Beyond",
    "ByFact",
    "Claim",
    "Deduct",
    "Earn",
    "Milestone",
    "PointsOf",
    "Range",
    "Rule",
    "SharedLimit",
    "Step",
    "Streak",
    "Tally",
    "VoidRule",
]
