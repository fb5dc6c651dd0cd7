"""A series: from a recurrence to days, and from a day to a session's moments. Pure.

The recurrence is an RFC 5545 rule in the community's local time, cut down to what people can read on a notice board:
FREQ=DAILY, WEEKLY or MONTHLY with INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY and BYSETPOS. A week begins on Monday. As in
the RFC, COUNT counts the days of the rule, those that are skipped included, and BYSETPOS picks among the days of a whole
week or month, also of the one in which the series begins. Unlike there, the first day counts only when it fits the rule.

The days are found here and not by dateutil, which looks for the next day of a rule that has none until the year 9999: some
seven seconds for `FREQ=DAILY;INTERVAL=7;BYDAY=MO` from a Tuesday on. It also takes BYDAY=FR,1MO for days that are both,
where the RFC means either. In all else the tests hold the two together.

All of China keeps one time, so a local time of day is one moment, and none is missing or comes twice.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from models.activities import Allocation
from rules.activities.refusals import Fault, PlanInvalid
from rules.clock import ZONE
from rules.errors import Kind, RuleError

#: Sessions of one series, from its first day to its last. A series without an end ends there.
SESSIONS_MAX = 400
#: No series runs longer; a rule without a day (the 300th Monday of a month) isn't looked for beyond.
DAYS_MAX = 10 * 366
INTERVAL_MAX = 99
SET_POSITION_MAX = 366
#: How long before a session its check-in opens.
DOORS_OPEN = timedelta(minutes=30)
#: A session that may be called off for want of people closes its sign-up so long before, in minutes.
CALL_OFF_MINUTES = 60

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYSETPOS")

_PART = re.compile(r"([A-Z-]+)=([A-Z0-9,+-]+)")
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER = re.compile(r"[+-]?[0-9]{1,3}")
_UNTIL = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?")


class RuleInvalid(RuleError):
    code = "series.rule_invalid"
    kind = Kind.INVALID
    zh = "重复规则不正确：{reason}"
    en = "The recurrence isn't valid: {reason}"

    def sentence(self, language: str) -> str:
        """With the reason in the same language."""
        template, reason = (self.en, "reason_en") if language == "en" else (self.zh, "reason_zh")
        return template.format(reason=self.facts[reason])


class SeriesTooLong(RuleError):
    code = "series.too_long"
    kind = Kind.INVALID
    zh = f"一个系列最多 {SESSIONS_MAX} 场，请提前结束日期，或减少次数。"
    en = f"A series has at most {SESSIONS_MAX} sessions. Let it end earlier."


class SeriesEmpty(RuleError):
    code = "series.empty"
    kind = Kind.INVALID
    zh = "按这条规则，从开始日期起没有任何一天会有活动。"
    en = "By this rule no day from the first day on has a session."


@dataclass(frozen=True, slots=True)
class Rule:
    """A recurrence that was read."""

    frequency: str  #: one of FREQUENCIES
    interval: int = 1
    count: int | None = None
    until: date | None = None  #: the last day that may have a session
    weekdays: tuple[tuple[int, int], ...] = ()  #: (which of the month, 0 for each; day of the week, Monday is 0)
    month_days: tuple[int, ...] = ()
    set_positions: tuple[int, ...] = ()

    def __str__(self) -> str:
        parts = [f"FREQ={self.frequency}"]
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.until is not None:
            parts.append(f"UNTIL={self.until:%Y%m%d}")
        if self.weekdays:
            parts.append("BYDAY=" + ",".join(f"{nth or ''}{WEEKDAYS[day]}" for nth, day in self.weekdays))
        if self.month_days:
            parts.append("BYMONTHDAY=" + ",".join(map(str, self.month_days)))
        if self.set_positions:
            parts.append("BYSETPOS=" + ",".join(map(str, self.set_positions)))
        return ";".join(parts)


class Skip(StrEnum):
    """Why a day of the rule has no session."""

    LISTED = "listed"  #: the organiser left it out
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which days a series is on."""

    rule: Rule
    starts_on: date
    ends_on: date | None = None
    skips: frozenset[date] = frozenset()

    @property
    def is_endless(self) -> bool:
        return self.rule.count is None and self.rule.until is None and self.ends_on is None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is, apart from when it begins."""

    venue_id: int
    duration_minutes: int
    capacity: int
    capacity_min: int = 0
    overbooking_max: int = 0
    opens_minutes_before: int | None = None  #: sign-up opens so long before the beginning; None: at once
    closes_minutes_before: int = 0  #: below 0: so long after the beginning
    allocates_minutes_before: int | None = None  #: None: first come, first served


PLAN_FIELDS = tuple(Plan.__slots__)


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments of one session."""

    starts_at: datetime
    ends_at: datetime
    reservable_from: datetime | None
    reservable_until: datetime
    allocates_at: datetime | None
    checkin_opens_at: datetime

    def columns(self) -> dict[str, Any]:
        """As a session has them."""
        return {name: getattr(self, name) for name in self.__slots__}


def parse_rule(text: str, starts_at: str = "00:00") -> Rule:
    """The recurrence that a text says; `starts_at` tells whether an UNTIL of an hour includes its day.

    Raises RuleInvalid, which says what is wrong and what may be said.
    """
    parts = _parts_of(text)
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        raise _invalid("FREQ 须为 DAILY、WEEKLY 或 MONTHLY。", "FREQ is DAILY, WEEKLY or MONTHLY.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise _invalid("COUNT 与 UNTIL 只能用一个。", "COUNT and UNTIL exclude each other.")
    rule = Rule(
        frequency,
        _number(parts, "INTERVAL", 1, INTERVAL_MAX) or 1,
        _number(parts, "COUNT", 1, SESSIONS_MAX),
        _until(parts["UNTIL"], starts_at) if "UNTIL" in parts else None,
        tuple(_weekday(each) for each in _listed(parts, "BYDAY")),
        tuple(_position("BYMONTHDAY", each, 31) for each in _listed(parts, "BYMONTHDAY")),
        tuple(_position("BYSETPOS", each, SET_POSITION_MAX) for each in _listed(parts, "BYSETPOS")),
    )
    if frequency != "MONTHLY" and any(nth for nth, _ in rule.weekdays):
        raise _invalid("只有每月重复可以写“第几个星期几”。", "Only a monthly rule can say which Monday it means.")
    if frequency == "WEEKLY" and rule.month_days:
        raise _invalid("每周重复不能用 BYMONTHDAY。", "A weekly rule has no BYMONTHDAY.")
    if rule.set_positions and not (rule.weekdays or rule.month_days):
        raise _invalid("BYSETPOS 须与 BYDAY 或 BYMONTHDAY 同用。", "BYSETPOS needs BYDAY or BYMONTHDAY beside it.")
    return rule


def explicit(rule: Rule, starts_on: date) -> Rule:
    """The same rule with the weekday or the day of the month said that it leaves to the first day."""
    if rule.frequency == "WEEKLY" and not rule.weekdays:
        return replace(rule, weekdays=((0, starts_on.weekday()),))
    if rule.frequency == "MONTHLY" and not rule.weekdays and not rule.month_days:
        return replace(rule, month_days=(starts_on.day,))
    return rule


def days_of(pattern: Pattern, days_max: int = SESSIONS_MAX) -> list[date]:
    """The days of the rule in order, those that are skipped included, at most `days_max`."""
    rule, starts_on = pattern.rule, pattern.starts_on
    ends = (starts_on + timedelta(days=DAYS_MAX), pattern.ends_on, rule.until)
    last = min(day for day in ends if day is not None)
    if last < starts_on:
        return []
    said = explicit(rule, starts_on)
    found = (day for period in _periods(said, starts_on, last) for day in _picked(said, period))
    days = (day for day in found if starts_on <= day <= last)
    return list(islice(days, min(rule.count or days_max, days_max)))


def check_length(pattern: Pattern) -> list[date]:
    """The days of a pattern. Raises SeriesEmpty, and SeriesTooLong when it says an end and is too long until then."""
    days = days_of(pattern, SESSIONS_MAX + 1)
    if not days:
        raise SeriesEmpty
    if len(days) > SESSIONS_MAX and not pattern.is_endless:
        raise SeriesTooLong
    return days[:SESSIONS_MAX]


def skip_of(pattern: Pattern, day: date, is_holiday: Callable[[date], bool]) -> Skip | None:
    """Why a day of the rule has no session; None: it has one."""
    if day in pattern.skips:
        return Skip.LISTED
    return Skip.HOLIDAY if is_holiday(day) else None


def split(pattern: Pattern, day: date) -> tuple[Pattern, Pattern | None]:
    """The pattern until the day before, and the one from this day on; None when the rule has no day from then on.

    Together they have the days that the whole one had. One without an end begins to count its sessions anew.
    """
    after = [each for each in days_of(pattern) if each >= day]
    eve = day - timedelta(days=1)
    first = replace(pattern, ends_on=min(eve, pattern.ends_on or eve))
    if not after:
        return first, None
    rule = pattern.rule if pattern.rule.count is None else replace(pattern.rule, count=len(after))
    return first, replace(pattern, rule=rule, starts_on=after[0])


def moments_of(plan: Plan, starts_at: datetime) -> Moments:
    """The moments of a session that begins at one."""

    def before(minutes: int | None) -> datetime | None:
        return None if minutes is None else starts_at - timedelta(minutes=minutes)

    return Moments(
        starts_at,
        starts_at + timedelta(minutes=plan.duration_minutes),
        before(plan.opens_minutes_before),
        starts_at - timedelta(minutes=plan.closes_minutes_before),
        before(plan.allocates_minutes_before),
        starts_at - DOORS_OPEN,
    )


def check_plan(plan: Plan, allocation: Allocation) -> None:
    """Raises PlanInvalid: windows out of order, bounds that can't hold."""
    faults: dict[str, Fault] = {}
    signs_up_until = plan.closes_minutes_before
    if plan.closes_minutes_before < -plan.duration_minutes:
        faults["closes_minutes_before"] = Fault("报名须在活动结束前截止。", "Sign-up closes by the end of the session.")
    if allocation is Allocation.FIRST_COME:
        if plan.allocates_minutes_before is not None:
            faults["allocates_minutes_before"] = Fault(
                "先到先得的场次没有分配时刻。", "First come: nothing is allocated."
            )
    elif plan.allocates_minutes_before is None or plan.allocates_minutes_before <= plan.closes_minutes_before:
        faults["allocates_minutes_before"] = Fault(
            "请写明何时分配名额，并早于报名截止，候补才来得及递补。",
            "Say when places are given out: before sign-up closes, so that who waits can still be promoted.",
        )
    else:
        signs_up_until = plan.allocates_minutes_before
    if plan.opens_minutes_before is not None and plan.opens_minutes_before <= signs_up_until:
        faults["opens_minutes_before"] = Fault("报名须先开放，后截止。", "Sign-up opens before it closes.")
    if plan.capacity_min > plan.capacity:
        faults["capacity_min"] = Fault("成班人数不能超过名额。", "The minimum can't be more than the capacity.")
    elif plan.capacity_min > 0 and plan.closes_minutes_before < CALL_OFF_MINUTES:
        faults["closes_minutes_before"] = Fault(
            f"设了成班人数时，报名须至少提前 {CALL_OFF_MINUTES} 分钟截止，不成班才来得及通知。",
            f"With a minimum, sign-up closes {CALL_OFF_MINUTES} minutes before or earlier, so that people can be told.",
        )
    if plan.overbooking_max > plan.capacity:
        faults["overbooking_max"] = Fault("超额上限不能超过名额。", "No more than the capacity again.")
    if faults:
        raise PlanInvalid(faults=faults)


def _periods(rule: Rule, starts_on: date, last: date) -> Iterator[list[date]]:
    """The days of each day, week or month that the rule looks at, whole ones, until the last day."""
    if rule.frequency == "MONTHLY":
        first = starts_on.replace(day=1)
        while first <= last:
            yield [first.replace(day=number) for number in range(1, monthrange(first.year, first.month)[1] + 1)]
            months = first.month - 1 + rule.interval
            first = date(first.year + months // 12, months % 12 + 1, 1)
        return
    length = 7 if rule.frequency == "WEEKLY" else 1
    first = starts_on - timedelta(days=starts_on.weekday() if length == 7 else 0)
    while first <= last:
        yield [first + timedelta(days=number) for number in range(length)]
        first += timedelta(days=length * rule.interval)


def _picked(rule: Rule, period: list[date]) -> list[date]:
    """The days of a period that the rule means, in order."""
    days = [day for day in period if _fits(rule, day)]
    if not rule.set_positions:
        return days
    places = {place - 1 if place > 0 else len(days) + place for place in rule.set_positions}
    return [day for place, day in enumerate(days) if place in places]


def _fits(rule: Rule, day: date) -> bool:
    days_in_month = monthrange(day.year, day.month)[1]
    if rule.month_days and not {day.day, day.day - days_in_month - 1} & set(rule.month_days):
        return False
    nth, nth_from_end = (day.day - 1) // 7 + 1, (day.day - days_in_month - 1) // 7
    weekdays = {(which, day.weekday()) for which in (0, nth, nth_from_end)}
    return not rule.weekdays or bool(weekdays & set(rule.weekdays))


def _parts_of(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.strip().upper().removesuffix(";").split(";"):
        found = _PART.fullmatch(part)
        if found is None:
            raise _invalid("写法应如 FREQ=WEEKLY;BYDAY=MO,WE。", "Write it like FREQ=WEEKLY;BYDAY=MO,WE.")
        name, value = found.groups()
        if name not in PARTS:
            raise _invalid(f"不支持 {name}，可用：{'、'.join(PARTS)}。", f"{name} isn't taken; {', '.join(PARTS)} are.")
        if name in parts:
            raise _invalid(f"{name} 写了两次。", f"{name} is said twice.")
        parts[name] = value
    return parts


def _listed(parts: dict[str, str], name: str) -> list[str]:
    listed = parts[name].split(",") if name in parts else []
    if len(set(listed)) < len(listed):
        raise _invalid(f"{name} 有重复的值。", f"{name} says something twice.")
    return listed


def _number(parts: dict[str, str], name: str, least: int, most: int) -> int | None:
    if name not in parts:
        return None
    value = parts[name]
    if not (value.isdigit() and len(value) <= 4 and least <= int(value) <= most):
        raise _invalid(f"{name} 须为 {least} 到 {most}。", f"{name} is a number from {least} to {most}.")
    return int(value)


def _position(name: str, value: str, most: int) -> int:
    if _NUMBER.fullmatch(value) is None or not 1 <= abs(int(value)) <= most:
        raise _invalid(
            f"{name} 的值须为 1 到 {most} 或 -1 到 -{most}。", f"{name} has numbers from 1 to {most}, or below 0."
        )
    return int(value)


def _weekday(value: str) -> tuple[int, int]:
    found = _DAY.fullmatch(value)
    if found is None:
        raise _invalid("BYDAY 的值须如 MO、2TU、-1FR。", "BYDAY has days like MO, 2TU or -1FR.")
    nth, day = found.groups()
    return int(nth or 0), WEEKDAYS.index(day)


def _until(value: str, starts_at: str) -> date:
    found = _UNTIL.fullmatch(value)
    try:
        if found is None:
            raise ValueError
        day, hour, is_utc = found.groups()
        if hour is None:
            return datetime.strptime(day, "%Y%m%d").date()  # noqa: DTZ007  a day has no zone
        moment = datetime.strptime(day + hour, "%Y%m%d%H%M%S").replace(tzinfo=UTC if is_utc else ZONE)
    except ValueError:
        raise _invalid(
            "UNTIL 须为日期（20261231）或时刻（20261231T010000Z）。",
            "UNTIL is a day (20261231) or a moment (20261231T010000Z).",
        ) from None
    local = moment.astimezone(ZONE)
    began = local.time() >= time.fromisoformat(starts_at)
    return local.date() if began else local.date() - timedelta(days=1)


def _invalid(zh: str, en: str) -> RuleInvalid:
    return RuleInvalid(reason_zh=zh, reason_en=en)
