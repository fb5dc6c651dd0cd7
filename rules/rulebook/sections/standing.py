"""What follows from where somebody stands: levels, freezes, penalties, warnings, rankings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from rules.rulebook.conditions import NUMBER, Where
from rules.rulebook.periods import Calendar, Window
from rules.rulebook.reading import ListOf, Number, OneOf, Section, TableOf, Wrong, exactly_one, key
from rules.rulebook.sections.common import QUANTITY, TEXT, TEXTS, TIMES_MAX, WHERE, WINDOW, WORD, WORDS, YES_NO
from rules.rulebook.sections.earning import Approver

DAYS_MAX = 36_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What a level gives."""

    title: str = key(TEXT, "In words, for residents.", 'title = "免费体检一次"')
    id: str | None = key(WORD, "The word by which other rooms ask for it.", 'id = "items-on-loan"', default=None)
    value: Decimal | None = key(NUMBER, "Its number, where it has one.", "value = 6", default=None)
    once: bool = key(YES_NO, "With a cycle: given in the first cycle only.", "once = true", default=False)
    points: Decimal | None = key(QUANTITY, "Points that come with it.", "points = 25", default=None)
    currency: str | None = key(
        WORD, "Of which currency; without it, the main one.", 'currency = "points"', default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of a ladder."""

    id: str = key(WORD, "A stable word.", 'id = "star-1"')
    title: str = key(TEXT, "In words, for residents.", 'title = "一星级志愿者"')
    at: Mapping[str, Decimal] = key(
        TableOf(NUMBER),
        "What must be reached, all at once: measures such as `tally.…`, `balance.…`, `earned.…`, `person.…`, and numbers.",
        'at = { "tally.service-hours" = 100, "balance.points" = 1000 }',
    )
    where: Where = key(WHERE, "What else has to be true.", "where = { tally.vetoes = { max = 0 } }", default=())
    rights: tuple[Right, ...] = key(
        ListOf(Section(Right)), "What it gives.", 'rights = [{ title = "公交卡" }]', default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Levels, from low to high. Somebody has the highest one whose conditions hold."""

    id: str = key(WORD, "The word by which conditions name it.", 'id = "star"')
    title: str = key(TEXT, "In words, for residents.", 'title = "星级志愿者"')
    falls: bool = key(
        YES_NO,
        "true: the level falls when what it needs is gone, so it follows a balance or a year, and is worked out anew "
        "whenever it is asked for; false: it is kept, as it is on record.",
        "falls = true",
    )
    kept_while: Where = key(
        WHERE,
        "With `falls`: while this holds, the level doesn't fall.",
        "kept_while = { frozen.registration = true }",
        default=(),
    )
    cycle: Decimal | None = key(
        QUANTITY,
        "The steps repeat each time so much more is reached (of the levels' only measure), and their rights with them.",
        "cycle = 300",
        default=None,
    )
    level: tuple[Level, ...] = key(ListOf(Section(Level), least=1), "The levels, from low to high.", "[[ladder.level]]")

    def check(self) -> None:
        if len({each.id for each in self.level}) < len(self.level):
            raise Wrong("各级的 id 须互不相同", "the levels' ids must differ", ("level",))
        if self.cycle is None:
            return
        if len({tuple(each.at) for each in self.level}) != 1 or len(self.level[0].at) != 1:
            raise Wrong(
                "循环时各级须只用同一个指标", "with a cycle, all levels have one and the same measure", ("level",)
            )
        steps = [next(iter(each.at.values())) for each in self.level]
        if steps != sorted(set(steps)) or steps[-1] > self.cycle or steps[0] <= 0:
            raise Wrong("循环时各级须递增且不超过 cycle", "with a cycle, the steps rise and end within it", ("level",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Collects:
    """So much has to be gathered since the freeze began: a quantity of events, or points of some categories."""

    events: tuple[str, ...] = key(WORDS, "The kinds of event.", 'events = ["service"]', default=())
    quantity: str | None = key(
        WORD,
        'Which quantity of theirs adds up to `amount`; "times": the events themselves.',
        'quantity = "hours"',
        default=None,
    )
    categories: tuple[str, ...] = key(
        WORDS,
        "Without `quantity`: points of earning rules of these categories add up.",
        'categories = ["activity"]',
        default=(),
    )
    amount: Decimal = key(QUANTITY, "How much.", "amount = 2")

    def check(self) -> None:
        if bool(self.events) != bool(self.quantity) or bool(self.quantity) == bool(self.categories):
            raise Wrong("须为 events 与 quantity，或 categories", "must have `events` and `quantity`, or `categories`")


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeExit:
    """One way out of a freeze. Exactly one of `after_days`, `event`, `collects`."""

    title: str = key(TEXT, "In words, for residents.", 'title = "60 天后自动解冻"')
    after_days: int | None = key(
        Number(1, DAYS_MAX),
        "By itself, at midnight so many days after the day it began.",
        "after_days = 60",
        default=None,
    )
    event: tuple[str, ...] | None = key(WORDS, "When such an event happens.", 'event = "quiz_passed"', default=None)
    collects: Collects | None = key(
        Section(Collects),
        "When so much was gathered since it began.",
        'collects = { events = ["service"], quantity = "hours", amount = 2 }',
        default=None,
    )
    where: Where = key(WHERE, "What else has to be true.", "where = { person.owes = false }", default=())
    balance_becomes: Decimal | None = key(NUMBER, "The balance is set to this.", "balance_becomes = 50", default=None)

    def check(self) -> None:
        exactly_one(self, "after_days", "event", "collects")


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Rights that are frozen when a condition becomes true, with the ways out."""

    id: str = key(WORD, "The word by which conditions name it.", 'id = "borrowing"')
    title: str = key(TEXT, "In words, for residents.", 'title = "借阅权限冻结"')
    where: Where = key(
        WHERE,
        "It begins with the event that makes this true, and not where it was true before.",
        "where = { balance.points = { max = 0 } }",
    )
    blocks: tuple[str, ...] = key(
        WORDS,
        'What can\'t be done meanwhile: "booking", "redemption", "earning", "transfer", or words of the town\'s own.',
        'blocks = ["borrow"]',
    )
    currency: str | None = key(
        WORD, "The currency that `balance_becomes` sets; without it, the main one.", 'currency = "points"', default=None
    )
    exit: tuple[FreezeExit, ...] = key(
        ListOf(Section(FreezeExit), least=1), "The ways out; one is enough.", "[[freeze.exit]]"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """For how long. Exactly one of `hours`, `days`, `months`, `to_end_of`, `for_good`."""

    hours: int | None = key(Number(1, 24 * DAYS_MAX), "So many hours from the event.", "hours = 168", default=None)
    days: int | None = key(
        Number(1, DAYS_MAX), "Until midnight so many days after the day of the event.", "days = 90", default=None
    )
    months: int | None = key(
        Number(1, 1200), "Until midnight so many months after the day of the event.", "months = 6", default=None
    )
    to_end_of: Calendar | None = key(
        OneOf(Calendar), "For the rest of this part of the calendar.", 'to_end_of = "month"', default=None
    )
    for_good: bool | None = key(YES_NO, "true: until staff lift it.", "for_good = true", default=None)

    def check(self) -> None:
        exactly_one(self, "hours", "days", "months", "to_end_of", "for_good")
        if self.to_end_of in (Calendar.EVENT, Calendar.EVER):
            raise Wrong("不能为 event 或 ever", "can't be event or ever", ("to_end_of",))
        if self.for_good is False:
            raise Wrong("只能为 true", "can only be true", ("for_good",))


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyStep:
    """What happens at a number of infractions: a warning, a suspension, or more."""

    at: int = key(Number(1, TIMES_MAX), "Exactly this number of infractions in the window.", "at = 3")
    warns: bool = key(YES_NO, "A warning.", "warns = true", default=False)
    suspends: Suspension | None = key(Section(Suspension), "A suspension.", "suspends = { days = 90 }", default=None)
    consequences: tuple[str, ...] = key(
        TEXTS,
        "What else staff do then, in words: the employer is told, the registration ends.",
        'consequences = ["取消注册"]',
        default=(),
    )
    clears: bool = key(YES_NO, "The counter starts anew afterwards.", "clears = true", default=False)

    def check(self) -> None:
        if not (self.warns or self.suspends or self.consequences):
            raise Wrong("须有 warns、suspends 或 consequences", "must have `warns`, `suspends` or `consequences`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """Infractions are counted, and at some numbers something happens."""

    id: str = key(WORD, "The word by which conditions name it.", 'id = "no-show"')
    title: str = key(TEXT, "In words, for residents.", 'title = "爽约"')
    events: tuple[str, ...] = key(WORDS, "The kinds of event that count.", 'events = ["no_show", "late_cancellation"]')
    where: Where = key(WHERE, "Which of them count: what excuses doesn't.", "where = { excused = false }", default=())
    per: Window = key(
        WINDOW,
        "The window in which they are counted: a part of the calendar, the last days, or ever.",
        'per = "120 days"',
    )
    by: tuple[str, ...] = key(
        WORDS, 'Facts that are counted apart; "kind": each kind of event by itself.', 'by = ["kind"]', default=()
    )
    blocks: tuple[str, ...] = key(WORDS, "What a suspension forbids.", 'blocks = ["booking"]', default=("booking",))
    step: tuple[PenaltyStep, ...] = key(
        ListOf(Section(PenaltyStep), least=1), "The numbers at which something happens, rising.", "[[penalty.step]]"
    )

    def check(self) -> None:
        numbers = [each.at for each in self.step]
        if numbers != sorted(set(numbers)):
            raise Wrong("各步的 at 须递增", "the steps' numbers must rise", ("step",))


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRule:
    """People are told something when an event finds a condition true."""

    id: str = key(WORD, "A stable word.", 'id = "april-warning"')
    title: str = key(TEXT, "What they are told.", 'title = "本学年新得积分不足 150"')
    event: tuple[str, ...] = key(WORDS, "The kind of event, or several.", 'event = "april_review"')
    where: Where = key(WHERE, "What has to be true.", "where = { tally.year = { below = 150 } }", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The highest of a period."""

    id: str = key(WORD, "A stable word.", 'id = "star-of-the-month"')
    title: str = key(TEXT, "In words, for residents.", 'title = "每月之星"')
    measure: str = key(TEXT, "What is compared: `tally.…`, `earned.…`, `balance.…`.", 'measure = "tally.month-points"')
    every: Calendar = key(OneOf(Calendar), "How often.", 'every = "month"')
    top: int = key(Number(1, 10_000), "How many places there are.", "top = 20")
    least: Decimal | None = key(QUANTITY, "Who has less is not ranked.", "least = 100", default=None)
    where: Where = key(WHERE, "Who is ranked.", 'where = { person.kind = "volunteer" }', default=())
    decided_by: Approver | None = key(
        OneOf(Approver), "Who decides, where numbers alone don't.", 'decided_by = "panel"', default=None
    )
    reward: str | None = key(TEXT, "What the highest get.", 'reward = "年度奖励"', default=None)
