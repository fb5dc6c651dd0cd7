"""The calendar of working days: China's public holidays and make-up workdays, with the town's own word above them.

The State Council publishes the days of a year near the end of the year before. They come with the library
`chinesecalendar`, which is brought up to date once a year; beyond its last year a day is a working day from Monday to
Friday. What the town knows better, or earlier, it sets day by day. A deadline that is reckoned in working days is fixed
when it begins to run, so a day that is set later doesn't move it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import chinese_calendar  # type: ignore[import-untyped]  # it has no annotations
from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from models.residents import Role
from models.venues import CalendarDay, DayKind
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.residents.identity import require_role_at_root
from rules.work import Work

LIST_DAYS_MAX = 400
#: How far from a day its working days are looked for: further than any deadline goes back.
AROUND = timedelta(days=400)
A_DAY = timedelta(days=1)
WEEKDAYS = tuple(DayKind)[:7]
_holidays: Mapping[date, str] = chinese_calendar.holidays  #: the English name of each, weekends among them included
_makeup_workdays: Mapping[date, str] = chinese_calendar.workdays  #: what each makes up for
_IN_CHINESE = {each.value: each.chinese for each in chinese_calendar.Holiday}
#: The last day of which the library knows anything.
KNOWN_UNTIL = date(max(_holidays).year, 12, 31)


class CalendarPeriodInvalid(RuleError):
    code = "calendar.period_invalid"
    kind = Kind.INVALID
    zh = "查询时段无效：须先后有序，且不超过 {days} 天。"
    en = "The period is not valid: it must end after it begins and have {days} days at most."


class CalendarDayUnset(RuleError):
    code = "calendar.day_unset"
    kind = Kind.UNKNOWN
    zh = "这一天没有本地调整。"
    en = "The town has said nothing of this day."


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day that isn't what its weekday says, or of which the town has said something."""

    day: date
    kind: DayKind
    is_working_day: bool
    name: str
    is_set_by_town: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """What kind each day of a period is. `overrides`: the town's word on some of them."""

    overrides: Mapping[date, bool]

    def is_working_day(self, day: date) -> bool:
        if day in self.overrides:
            return self.overrides[day]
        return day in _makeup_workdays or (day.weekday() < 5 and day not in _holidays)

    def kind_of(self, day: date) -> DayKind:
        """A holiday of the town's own is a holiday too, and a weekend day on which it works a make-up workday."""
        if day in self.overrides:
            is_holiday, is_makeup = not self.overrides[day], self.overrides[day] and day.weekday() >= 5
        else:
            is_holiday, is_makeup = day in _holidays, day in _makeup_workdays
        if is_holiday:
            return DayKind.HOLIDAY
        return DayKind.MAKEUP_WORKDAY if is_makeup else WEEKDAYS[day.weekday()]


_overrides = (
    select(CalendarDay.day, CalendarDay.is_working_day, CalendarDay.name)
    .where(
        CalendarDay.town_id == bindparam("town"),
        CalendarDay.day >= bindparam("first"),
        CalendarDay.day <= bindparam("last"),
    )
    .order_by(CalendarDay.day)
)
_set = insert(CalendarDay)
_set = _set.on_conflict_do_update(
    index_elements=["town_id", "day"],
    set_={name: _set.excluded[name] for name in ("is_working_day", "name", "set_by", "set_at")},
)
_unset = (
    delete(CalendarDay)
    .where(CalendarDay.town_id == bindparam("town"), CalendarDay.day == bindparam("of_day"))
    .returning(CalendarDay.day)
)


def read_calendar(work: Work, first: date, last: date) -> Calendar:
    """The calendar of the days from first to last; read once, asked for as many days as one likes."""
    rows = work.send(_overrides, {"town": work.town_id, "first": first, "last": last}).all()
    return Calendar({row.day: row.is_working_day for row in rows})


def working_days(work: Work, around: date) -> Callable[[date], bool]:
    """Whether a day is a working day, for days up to 400 days away from the given one."""
    return read_calendar(work, around - AROUND, around + AROUND).is_working_day


def day_kind(work: Work, day: date) -> DayKind:
    """What kind of day a day is."""
    return read_calendar(work, day, day).kind_of(day)


def list_special_days(work: Work, first: date | None, last: date | None) -> Sequence[SpecialDay]:
    """The holidays, the make-up workdays and the town's own days of a period: the coming year unless it is given.

    Raises CalendarPeriodInvalid.
    """
    begin = first or local_day(work.now)
    end = last or begin + timedelta(days=365)
    if not 0 <= (end - begin).days <= LIST_DAYS_MAX:
        raise CalendarPeriodInvalid(days=LIST_DAYS_MAX)
    rows = work.core.execute(_overrides, {"town": work.town_id, "first": begin, "last": end}).all()
    calendar = Calendar({row.day: row.is_working_day for row in rows})
    names = {row.day: row.name for row in rows}
    days = (begin + n * A_DAY for n in range((end - begin).days + 1))
    return [
        SpecialDay(
            day, calendar.kind_of(day), calendar.is_working_day(day), names.get(day) or _name_of(day), day in names
        )
        for day in days
        if day in names or day in _holidays or day in _makeup_workdays
    ]


def set_day(work: Work, day: date, is_working_day: bool, name: str) -> SpecialDay:
    """Say that a day is, or isn't, a working day here, whatever the public calendar says. Raises Forbidden."""
    require_role_at_root(work, Role.MANAGER)
    said = {"is_working_day": is_working_day, "name": name, "set_by": work.actor.id, "set_at": work.now}
    work.core.execute(_set, {"town_id": work.town_id, "day": day} | said)
    return SpecialDay(day, Calendar({day: is_working_day}).kind_of(day), is_working_day, name, is_set_by_town=True)


def unset_day(work: Work, day: date) -> None:
    """Leave a day to the public calendar again. Raises Forbidden, CalendarDayUnset."""
    require_role_at_root(work, Role.MANAGER)
    if work.core.execute(_unset, {"town": work.town_id, "of_day": day}).first() is None:
        raise CalendarDayUnset


def _name_of(day: date) -> str:
    name = _IN_CHINESE[_holidays.get(day) or _makeup_workdays[day]]
    return f"{name}调休上班" if day in _makeup_workdays else name
