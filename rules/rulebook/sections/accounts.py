"""What is counted for whom: currencies, who holds an account, who may give to whom, what turns into what."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rules.rulebook.conditions import Where
from rules.rulebook.periods import Calendar
from rules.rulebook.reading import Amount, DayOfYear, Either, ListOf, Number, OneOf, Section, Wrong, key
from rules.rulebook.sections.common import (
    AMOUNT_MAX,
    NOTICE_DAYS,
    NOTICE_DAYS_MAX,
    POINTS,
    POINTS_OR_NONE,
    TEXT,
    WHERE,
    WORD,
    WORDS,
    YES_NO,
    Expiry,
    Limit,
    Rounding,
)

POINTS_ID = "points"  #: the currency of a rulebook that names none


class TransferWithin(StrEnum):
    """Among whom residents may give points to each other."""

    HOUSEHOLD = "household"  #: members of one household
    RELATIVES = "relatives"  #: direct relatives, in one household or not
    ANYONE = "anyone"
    NOBODY = "nobody"


class Holder(StrEnum):
    """Whose account it is."""

    RESIDENT = "resident"
    HOUSEHOLD = "household"
    TEAM = "team"


class OnClosing(StrEnum):
    """What becomes of points when somebody leaves."""

    KEPT = "kept"
    VOID = "void"


class Order(StrEnum):
    """Which of several awards for one event is served first where they share a limit."""

    DOCUMENT = "document"  #: the order in which the rules stand
    LARGEST_FIRST = "largest_first"
    SMALLEST_FIRST = "smallest_first"


class Scope(StrEnum):
    """Where points may be spent."""

    ANYWHERE = "anywhere"
    COMMUNITY = "community"  #: in the community where they were earned
    OPERATOR = "operator"  #: at the operator from whom they come


class FloorNone(StrEnum):
    NONE = "none"


class Lost(StrEnum):
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyExpiry(Expiry):
    """How long points of this currency are good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopExpiry(Expiry):
    """How long points are good, of every currency and rule that doesn't say otherwise."""

    notice_days: int = key(
        Number(0, NOTICE_DAYS_MAX),
        "How many days before points lapse residents are told.",
        "notice_days = 30",
        default=NOTICE_DAYS,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """What is counted: points, coins, a score. Without any, there is one called points. The first is the main one."""

    id: str = key(WORD, "The word by which rules name it.", 'id = "points"')
    name: str = key(TEXT, "In words, for residents.", 'name = "积分"')
    unit: str = key(TEXT, "The word after a number.", 'unit = "分"', default="分")
    decimals: int = key(Number(0, 2), "Decimals of its smallest unit.", "decimals = 1", default=0)
    opening: Decimal = key(
        POINTS_OR_NONE,
        "Given when the account is opened (event `account_opened`).",
        "opening = 100",
        default=Decimal(0),
    )
    opening_each: Calendar = key(
        OneOf(Calendar),
        "How often the opening is given anew, by an event `period_started`: a score that starts full each year.",
        'opening_each = "year"',
        default=Calendar.EVER,
    )
    floor: Decimal | FloorNone = key(
        Either((Amount(Decimal(-AMOUNT_MAX), Decimal(AMOUNT_MAX)), OneOf(FloorNone))),
        'The lowest balance a deduction may lead to, in points; "none": the balance may become negative without end. One '
        "below 0 can be previewed and replayed, but a draft with it is refused: the ledger knows no debts.",
        'floor = "none"',
        default=Decimal(0),
    )
    ceiling: Decimal | None = key(
        POINTS, "The highest balance; without it there is none.", "ceiling = 1500", default=None
    )
    overflow: str = key(
        Either((OneOf(Lost), WORD)),
        'What becomes of an award beyond the ceiling: "lost", or the id of the currency that takes it.',
        'overflow = "donation"',
        default=Lost.LOST,
    )
    spendable: bool = key(
        YES_NO, "false: it only counts (for awards, levels) and is never spent.", "spendable = false", default=True
    )
    scope: Scope = key(OneOf(Scope), "Where it may be spent.", 'scope = "community"', default=Scope.ANYWHERE)
    expiry: CurrencyExpiry | None = key(
        Section(CurrencyExpiry),
        "How long it is good; without it, as [expiry] says.",
        'expiry = { end_of = "quarter" }',
        default=None,
    )

    def check(self) -> None:
        if self.overflow != Lost.LOST and self.ceiling is None:
            raise Wrong("只与 ceiling 连用", "goes with `ceiling` only", ("overflow",))
        if self.opening_each is Calendar.EVENT:
            raise Wrong("不能为 event", "can't be event", ("opening_each",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Several currencies added up: a year's score of several blocks."""

    id: str = key(WORD, "The word by which conditions, levels and rankings name it: `total.…`.", 'id = "year-score"')
    title: str = key(TEXT, "In words, for residents.", 'title = "年度总分"')
    currencies: tuple[str, ...] = key(
        WORDS, "The currencies; they have the same decimals.", 'currencies = ["base", "bonus"]'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose account it is, and what happens when it is closed."""

    holder: Holder = key(OneOf(Holder), "Whose account points go to.", 'holder = "household"', default=Holder.RESIDENT)
    on_closing: OnClosing = key(
        OneOf(OnClosing),
        "What becomes of points when the holder leaves.",
        'on_closing = "void"',
        default=OnClosing.KEPT,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calculation:
    """How numbers are computed. Each key must be given where the document needs it: a rulebook states its choice."""

    round: Rounding | None = key(
        OneOf(Rounding),
        "Which way points go that don't come out even. Needed where a rule has factors, decimals, weights or a `per`.",
        'round = "down"',
        default=None,
    )
    order: Order | None = key(
        OneOf(Order),
        "Which award is served first where several for one event share a limit. Needed where there is a [[limit]].",
        'order = "document"',
        default=None,
    )
    year_starts: str = key(
        DayOfYear(),
        "The first day of the rulebook's year, month-day. It moves `year` only: quarters and half years are the calendar's.",
        'year_starts = "09-01"',
        default="01-01",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Who earns at all."""

    where: Where = key(WHERE, "What has to be true of the person.", "where = { person.age = { min = 18 } }")
    title: str = key(TEXT, "In words, for residents.", 'title = "仅限注册志愿者"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The register of points is shown in public, and may be objected to."""

    every: Calendar = key(OneOf(Calendar), "How often it is shown.", 'every = "month"')
    objection_days: int = key(
        Number(0, 366), "For how many days it may be objected to.", "objection_days = 3", default=0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Residents who give points to each other."""

    within: TransferWithin = key(
        OneOf(TransferWithin), "Among whom.", 'within = "household"', default=TransferWithin.NOBODY
    )
    currencies: tuple[str, ...] = key(
        WORDS, "Which currencies; without it, all that are spendable.", 'currencies = ["points"]', default=()
    )
    where: Where = key(WHERE, "What has to be true of the giver.", "where = { person.age = { min = 18 } }", default=())
    limits: tuple[Limit, ...] = key(
        ListOf(Section(Limit)), "How much, how often.", 'limits = [{ points = 100, per = "month" }]', default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Points that staff give, take or take back by hand."""

    second_person_above: int = key(
        Number(0, AMOUNT_MAX),
        "Above so many points a second person decides; 0: always.",
        "second_person_above = 100",
        default=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One currency turns into another."""

    id: str = key(WORD, "A stable word, named in explanations.", 'id = "to-lebi"')
    title: str = key(TEXT, "In words, for residents.", 'title = "折算为乐币"')
    source: tuple[str, ...] = key(WORDS, "The currencies that turn.", 'source = ["culture", "charity"]')
    target: str = key(WORD, "The currency that they turn into.", 'target = "lebi"')
    rate: Decimal = key(POINTS, "So many of the target for one of the source.", "rate = 1", default=Decimal(1))
    automatic: bool = key(
        YES_NO,
        "true: at once, whenever something is earned; false: when the holder asks.",
        "automatic = true",
        default=False,
    )
    where: Where = key(
        WHERE, "What has to be true of the event or the person.", 'where = { provenance = "signed" }', default=()
    )
    limits: tuple[Limit, ...] = key(
        ListOf(Section(Limit)), "How much, how often.", 'limits = [{ points = 500, per = "year" }]', default=()
    )
