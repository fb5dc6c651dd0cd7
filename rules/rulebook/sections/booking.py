"""Booking of places, rooms and seats: when, how many, who first, until when it can be given back."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rules.rulebook.conditions import Where
from rules.rulebook.periods import Window
from rules.rulebook.reading import ListOf, Number, OneOf, Section, TimeOfDay, Wrong, exactly_one, key
from rules.rulebook.sections.accounts import POINTS_ID
from rules.rulebook.sections.common import POINTS, TEXT, TIMES_MAX, WHERE, WINDOW, WORD, WORDS, YES_NO

MINUTES_MAX = 60 * 24 * 366


class ReleasedTo(StrEnum):
    """Where places go that are given back."""

    POOL = "pool"  #: whoever comes first
    WAITING_LIST = "waiting_list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Until when. Exactly one of `minutes_before`, `days_before`, `working_days_before`, `never`."""

    minutes_before: int | None = key(
        Number(0, MINUTES_MAX),
        "So many minutes before the beginning; 0: until it begins.",
        "minutes_before = 30",
        default=None,
    )
    days_before: int | None = key(
        Number(0, 366), "On the day so many days before, until `at`; 0: the same day.", "days_before = 0", default=None
    )
    working_days_before: int | None = key(
        Number(1, 60),
        "On the so manieth working day before (Monday to Friday), until `at`.",
        "working_days_before = 1",
        default=None,
    )
    at: str | None = key(TimeOfDay(), "The time of that day.", 'at = "14:00"', default=None)
    never: bool | None = key(YES_NO, "true: not at all.", "never = true", default=None)

    def check(self) -> None:
        exactly_one(self, "minutes_before", "days_before", "working_days_before", "never")
        if (self.at is None) != (self.days_before is None and self.working_days_before is None):
            raise Wrong(
                "at 与 days_before 或 working_days_before 连用",
                "`at` goes with `days_before` or `working_days_before`",
                ("at",),
            )
        if self.never is False:
            raise Wrong("只能为 true", "can only be true", ("never",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opens:
    """From when places are given out."""

    days_before: int = key(Number(0, 366), "So many plain days before the day of the session.", "days_before = 7")
    at: str = key(TimeOfDay(), "The time of that day.", 'at = "17:00"', default="00:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many bookings (or cancellations) an account may make in a window before no more booking is possible. They count
    on the day on which they are made, and a booking that is cancelled stays counted."""

    title: str | None = key(TEXT, "In words, for residents.", 'title = "每天取消 2 次"', default=None)
    events: tuple[str, ...] = key(
        WORDS,
        'What is counted: "booked" (the new one included), "cancelled", words of the town\'s own.',
        'events = ["cancelled"]',
        default=("booked",),
    )
    where: Where = key(WHERE, "Which of them are counted.", 'where = { venue_kind = "court" }', default=())
    times: int = key(Number(1, TIMES_MAX), "At most so many.", "times = 2")
    per: Window = key(WINDOW, "The window.", 'per = "day"')
    by: tuple[str, ...] = key(
        WORDS, "Facts that have a quota each, within the account.", 'by = ["hospital", "department"]', default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyLimit:
    """How many people of one kind one booking may be for."""

    title: str = key(TEXT, "In words.", 'title = "14 岁以下儿童"')
    of: str = key(WORD, "The fact of the booking that says how many there are.", 'of = "children"')
    most: int = key(Number(0, 10_000), "At most so many.", "most = 3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """A place that is left for a while is kept so long."""

    minutes: int = key(Number(0, MINUTES_MAX), "So many minutes.", "minutes = 30")
    where: Where = key(
        WHERE, "When this holds; the first that does counts.", "where = { meal_time = true }", default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """Who comes before others where places are scarce."""

    title: str = key(TEXT, "In words, for residents.", 'title = "注册志愿者优先"')
    where: Where = key(WHERE, "Who.", "where = { person.volunteer = true }", default=())
    points: Decimal | None = key(POINTS, "What it costs, where points buy priority.", "points = 20", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """How places are booked; of several sections, the first whose `where` holds counts."""

    id: str = key(WORD, "A stable word.", 'id = "seats"')
    title: str = key(TEXT, "In words, for residents.", 'title = "阅览座位"')
    where: Where = key(WHERE, "Which bookings.", 'where = { place = "seat" }', default=())
    who: Where = key(WHERE, "Who may book at all.", "who = { person.volunteer = true }", default=())
    who_title: str | None = key(TEXT, "The same in words.", 'who_title = "仅限注册志愿者"', default=None)
    opens: Opens | None = key(
        Section(Opens), "From when places are given out.", 'opens = { days_before = 7, at = "17:00" }', default=None
    )
    closes: Deadline | None = key(
        Section(Deadline), "Until when places are given out.", "closes = { minutes_before = 30 }", default=None
    )
    cancel: Deadline | None = key(
        Section(Deadline),
        "Until when a booking can be cancelled; without it, until it begins.",
        'cancel = { days_before = 0, at = "15:00" }',
        default=None,
    )
    changes_max: int | None = key(
        Number(0, 100),
        "How often one booking may be changed; without it, as often as one likes.",
        "changes_max = 1",
        default=None,
    )
    party_max: int | None = key(Number(1, 10_000), "People in one booking.", "party_max = 5", default=None)
    party_limits: tuple[PartyLimit, ...] = key(
        ListOf(Section(PartyLimit)),
        "People of a kind in one booking.",
        'party_limits = [{ title = "儿童", of = "children", most = 3 }]',
        default=(),
    )
    quotas: tuple[Quota, ...] = key(
        ListOf(Section(Quota)),
        "How many in a window.",
        'quotas = [{ times = 8, per = "week" }, { times = 24, per = "quarter" }]',
        default=(),
    )
    grace_minutes: int | None = key(
        Number(0, MINUTES_MAX),
        "Who hasn't checked in so many minutes after the beginning loses the place.",
        "grace_minutes = 30",
        default=None,
    )
    grace_until: str | None = key(
        TimeOfDay(), "The same as a time of the day, where that is later.", 'grace_until = "08:30"', default=None
    )
    same_day_from_booking: bool = key(
        YES_NO,
        "Whether the grace of a booking for the same day runs from the booking.",
        "same_day_from_booking = true",
        default=False,
    )
    leaves: tuple[Leave, ...] = key(
        ListOf(Section(Leave)),
        "How long a place is kept that was left for a while.",
        "leaves = [{ minutes = 60, where = { meal_time = true } }, { minutes = 30 }]",
        default=(),
    )
    released_to: ReleasedTo = key(
        OneOf(ReleasedTo),
        "Where places go that are given back.",
        'released_to = "waiting_list"',
        default=ReleasedTo.POOL,
    )
    price: Decimal | None = key(POINTS, "What a booking costs in points.", "price = 100", default=None)
    currency: str = key(WORD, "The currency of prices.", 'currency = "points"', default=POINTS_ID)
    priority: tuple[Priority, ...] = key(
        ListOf(Section(Priority)),
        "Who comes first, from the first to the last; all others come after.",
        'priority = [{ title = "志愿者优先", where = { person.volunteer = true } }]',
        default=(),
    )

    def check(self) -> None:
        if self.grace_minutes is None and (self.grace_until is not None or self.same_day_from_booking):
            raise Wrong("缺少这个键", "is missing: grace_until and same_day_from_booking need it", ("grace_minutes",))
