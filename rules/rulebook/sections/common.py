"""What several sections share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum

from rules.rulebook.conditions import Where, WhereReader
from rules.rulebook.periods import Calendar, Window, WindowReader
from rules.rulebook.reading import Amount, ListOf, Number, OneOf, Text, Word, Wrong, YesNo, exactly_one, key

AMOUNT_MAX = 1_000_000
TIMES_MAX = 1_000_000
YEARS_MAX = 50
NOTICE_DAYS = 30  #: unless the rulebook says otherwise
NOTICE_DAYS_MAX = 366

POINTS = Amount(Decimal("0.0001"), Decimal(AMOUNT_MAX))
POINTS_OR_NONE = Amount(Decimal(0), Decimal(AMOUNT_MAX))
QUANTITY = Amount(Decimal("0.0001"), Decimal(AMOUNT_MAX))
WORD, TEXT, TEXTS = Word(), Text(), ListOf(Text())
WORDS = ListOf(Word(), least=1, or_one=True)
WINDOW, WHERE = WindowReader(), WhereReader()
YES_NO = YesNo()


class Rounding(StrEnum):
    """Which way a number that doesn't come out even goes."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"  #: to the nearest; a half goes up


class WhenOver(StrEnum):
    """What an award gives that would pass a limit."""

    TRIM = "trim"  #: what is left under the limit
    NOTHING = "nothing"


class RoundUpTo(StrEnum):
    """To the end of which part of the calendar the last good day of points is rounded up."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """How long points are good. Exactly one of `never`, `years`, `months`, `end_of`."""

    never: bool | None = key(YES_NO, "true: points never lapse.", "never = true", default=None)
    years: int | None = key(
        Number(0, YEARS_MAX),
        "Good until the end of the calendar year so many years after the one of earning; 0: until this year ends.",
        "years = 1",
        default=None,
    )
    months: int | None = key(
        Number(0, 12 * YEARS_MAX),
        "Good for so many months from the day of earning, then to the end of `round_up_to`.",
        "months = 36",
        default=None,
    )
    end_of: Calendar | None = key(
        OneOf(Calendar),
        "Good until the end of this part of the calendar; so a score starts anew with each.",
        'end_of = "quarter"',
        default=None,
    )
    round_up_to: RoundUpTo | None = key(
        OneOf(RoundUpTo),
        'With `months` only: the last good day is the end of this part of the calendar; "month" if not given. The '
        "coarser, the fewer lots lie open side by side.",
        'round_up_to = "day"',
        default=None,
    )

    def check(self) -> None:
        exactly_one(self, "never", "years", "months", "end_of")
        if self.never is False:
            raise Wrong("只能为 true", "can only be true", ("never",))
        if self.round_up_to is not None and self.months is None:
            raise Wrong("只与 months 连用", "goes with `months` only", ("round_up_to",))
        if self.end_of in (Calendar.EVENT, Calendar.EVER):
            raise Wrong("不能为 event 或 ever", "can't be event or ever", ("end_of",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much there may be in a window. Exactly one of `points`, `times`, `quantity`."""

    points: Decimal | None = key(POINTS_OR_NONE, "At most so many points.", "points = 20", default=None)
    times: int | None = key(Number(0, TIMES_MAX), "At most so many times.", "times = 1", default=None)
    quantity: Decimal | None = key(
        QUANTITY,
        "At most so much of what the rule counts (`each`), before points are computed.",
        "quantity = 8",
        default=None,
    )
    per: Window = key(
        WINDOW,
        "The window: an event, a part of the calendar, all time (ever), or the last so many days or months.",
        'per = "day"',
    )
    by: tuple[str, ...] = key(
        WORDS, "Facts of the event that have a limit each: one loan, one item.", 'by = ["loan"]', default=()
    )
    over: WhenOver = key(
        OneOf(WhenOver),
        '"trim": what is left under the limit is given; "nothing": what doesn\'t fit whole is not given at all.',
        'over = "nothing"',
        default=WhenOver.TRIM,
    )

    def check(self) -> None:
        exactly_one(self, "points", "times", "quantity")

    @property
    def most(self) -> Decimal:
        return next(Decimal(each) for each in (self.points, self.times, self.quantity) if each is not None)


LIMIT_KINDS = tuple(each.name for each in fields(Limit))[:3]
NO_WHERE: Where = ()
