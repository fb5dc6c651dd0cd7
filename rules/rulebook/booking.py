"""Booking by the rulebook: who may book, cancel and change, until when, and who comes first. Pure, like the evaluation.

Days are the community's. A working day is told by the caller's calendar, since holidays and make-up workdays are data of
their own. What is counted (bookings, cancellations) is counted by `evaluate` when it happens; here it is only looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from rules.clock import ZONE, local_day, local_moment
from rules.rulebook.case import Case
from rules.rulebook.conditions import is_met
from rules.rulebook.consequences import looked_at
from rules.rulebook.decision import Happening
from rules.rulebook.periods import Calendar
from rules.rulebook.plan import Plan, split_name
from rules.rulebook.sections.booking import Booking, Deadline, Quota
from rules.rulebook.standing import Standing

IsWorkingDay: TypeAlias = Callable[[date], bool]
BOOKING = "booking"  #: the word by which a freeze or a suspension stops booking
WORKING_DAYS_LOOKED_AT_MAX = 400
QUOTA_WINDOWS = {
    Calendar.DAY: "每天",
    Calendar.WEEK: "每周",
    Calendar.MONTH: "每月",
    Calendar.QUARTER: "每季度",
    Calendar.HALF_YEAR: "每半年",
    Calendar.YEAR: "每年",
    Calendar.EVER: "累计",
    Calendar.EVENT: "每次",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something may not be done."""

    code: str  #: a stable word
    sentence: str


@dataclass(frozen=True, slots=True)
class BookingVerdict:
    """What the rulebook says of a booking that somebody wants."""

    booking: Booking | None  #: the section that counts; None: the rulebook says nothing of such bookings
    refusals: tuple[Refusal, ...]
    priority: int  #: 0 comes first; whoever has none comes after all who have one
    price: int  #: in the smallest unit of the section's currency

    @property
    def is_allowed(self) -> bool:
        return not self.refusals


def is_weekday(day: date) -> bool:
    """A working day where no calendar says otherwise: Monday to Friday."""
    return day.weekday() < 5


def section_for(case: Case) -> Booking | None:
    """The first section of bookings whose condition holds."""
    return next((each for each in case.plan.rulebook.booking if is_met(each.where, case.fact)), None)


def judge_booking(
    plan: Plan,
    wish: Happening,
    standing: Standing,
    starts_at: datetime,
    is_working_day: IsWorkingDay = is_weekday,
    *,
    buys_priority: bool = True,
) -> BookingVerdict:
    """Whether somebody may book what begins at `starts_at`, at the moment and with the facts of the wish.

    `buys_priority`: whether points may be taken for a priority that costs some.

    Facts: whatever the rulebook's conditions ask for, `party_size`, and how many of a kind are in the party.
    """
    case = looked_at(plan, wish, standing)
    booking = section_for(case)
    refusals = _blocked(case)
    if booking is None:
        return BookingVerdict(None, tuple(refusals), 0, 0)
    if not is_met(booking.who, case.fact):
        refusals.append(Refusal("not_eligible", booking.who_title or f"{booking.title}：不符合预约资格"))
    refusals += _timing(booking, wish.occurred_at, starts_at, is_working_day)
    refusals += _party(booking, case)
    refusals += _quotas(booking, case)
    price = plan.points(booking.price, booking.currency) or 0
    there = case.balance(booking.currency)
    if price > there:
        refusals.append(Refusal("points_insufficient", f"需要 {booking.price:f} 分"))
    priority, extra = _priority(booking, case, there - price if buys_priority else 0)
    price += extra
    return BookingVerdict(booking, tuple(refusals), priority, price)


def _priority(booking: Booking, case: Case, left: int) -> tuple[int, int]:
    """The first priority whose condition holds and whose price can be paid, and the price."""
    for n, each in enumerate(booking.priority):
        extra = case.plan.points(each.points, booking.currency) or 0
        if extra <= max(left, 0) and is_met(each.where, case.fact):
            return n, extra
    return len(booking.priority), 0


def judge_cancellation(
    plan: Plan, wish: Happening, standing: Standing, starts_at: datetime, is_working_day: IsWorkingDay = is_weekday
) -> Refusal | None:
    """Why a booking can't be cancelled any more; None when it can. Without a deadline, until it begins."""
    case = looked_at(plan, wish, standing)
    booking = section_for(case)
    deadline = booking.cancel if booking is not None else None
    until = starts_at if deadline is None else deadline_of(deadline, starts_at, is_working_day)
    if until is None:
        return Refusal("not_cancellable", "预约后不能取消")
    if wish.occurred_at > until:
        return Refusal("too_late_to_cancel", f"取消时限为 {_shown(until)}")
    return _first_quota(booking, case, wish.kind)


def judge_cancelling_quota(plan: Plan, wish: Happening, standing: Standing) -> Refusal | None:
    """Why somebody may cancel no more for a while, whatever the deadline; None when they may."""
    case = looked_at(plan, wish, standing)
    return _first_quota(section_for(case), case, wish.kind)


def judge_change(plan: Plan, wish: Happening, standing: Standing, changed_before: int) -> Refusal | None:
    """Why a booking that was changed so often can't be changed again; None when it can."""
    booking = section_for(looked_at(plan, wish, standing))
    if booking is None or booking.changes_max is None or changed_before < booking.changes_max:
        return None
    return Refusal("changed_too_often", f"每个预约最多改期 {booking.changes_max} 次")


def deadline_of(deadline: Deadline, starts_at: datetime, is_working_day: IsWorkingDay = is_weekday) -> datetime | None:
    """The last moment before what begins at `starts_at`; None: there is none."""
    if deadline.never:
        return None
    if deadline.minutes_before is not None:
        return starts_at - timedelta(minutes=deadline.minutes_before)
    day = local_day(starts_at)
    assert deadline.at is not None, "a deadline on a day has its time"
    if deadline.days_before is not None:
        return local_moment(day - timedelta(days=deadline.days_before), deadline.at)
    assert deadline.working_days_before is not None, "a deadline has one of its four forms"
    return local_moment(_working_days_before(day, deadline.working_days_before, is_working_day), deadline.at)


def released_at(plan: Plan, booked: Happening, standing: Standing, starts_at: datetime) -> datetime | None:
    """When a place is released that nobody has checked in for; None: it is kept.

    Who books after the beginning has the grace from the booking on.
    """
    booking = section_for(looked_at(plan, booked, standing))
    if booking is None or booking.grace_minutes is None:
        return None
    is_same_day = local_day(booked.occurred_at) == local_day(starts_at)
    from_booking = booking.same_day_from_booking and is_same_day
    begins = booked.occurred_at if from_booking else max(starts_at, booked.occurred_at)
    released = begins + timedelta(minutes=booking.grace_minutes)
    if booking.grace_until is not None:
        released = max(released, local_moment(local_day(starts_at), booking.grace_until))
    return released


def leave_minutes(plan: Plan, leaving: Happening, standing: Standing) -> int | None:
    """For how many minutes a place is kept that somebody leaves for a while; None: the rulebook says nothing of it."""
    case = looked_at(plan, leaving, standing)
    booking = section_for(case)
    leaves = booking.leaves if booking is not None else ()
    return next((each.minutes for each in leaves if is_met(each.where, case.fact)), None)


def blocked_by(case: Case, what: str) -> list[str]:
    """The freezes and suspensions in force that forbid something, in words."""
    rulebook = case.plan.rulebook
    frozen = [each.title for each in rulebook.freeze if what in each.blocks and case.is_frozen(each.id)]
    suspended = [each.title for each in rulebook.penalty if what in each.blocks and case.is_suspended(each.id)]
    return [*frozen, *(f"{title}，暂停中" for title in suspended)]


def _blocked(case: Case) -> list[Refusal]:
    return [Refusal("suspended", sentence) for sentence in blocked_by(case, BOOKING)]


def _timing(booking: Booking, now: datetime, starts_at: datetime, is_working_day: IsWorkingDay) -> list[Refusal]:
    refusals = []
    if booking.opens is not None:
        opens = local_moment(local_day(starts_at) - timedelta(days=booking.opens.days_before), booking.opens.at)
        if now < opens:
            refusals.append(Refusal("not_open_yet", f"{_shown(opens)} 开始预约"))
    closes = starts_at if booking.closes is None else deadline_of(booking.closes, starts_at, is_working_day)
    if closes is None or now > closes:
        refusals.append(Refusal("closed", "预约已截止"))
    return refusals


def _party(booking: Booking, case: Case) -> list[Refusal]:
    refusals = []
    size = case.fact("party_size")
    if booking.party_max is not None and isinstance(size, int) and size > booking.party_max:
        refusals.append(Refusal("party_too_large", f"每个预约最多 {booking.party_max} 人"))
    for limit in booking.party_limits:
        count = case.fact(limit.of)
        if isinstance(count, int) and count > limit.most:
            refusals.append(Refusal("party_too_large", f"{limit.title}最多 {limit.most} 人"))
    return refusals


def _quotas(booking: Booking, case: Case, of: str | None = None) -> list[Refusal]:
    """The quotas that are used up; with `of`, those that count this kind of event."""
    refusals = []
    for n, quota in enumerate(booking.quotas):
        if of is not None and of not in quota.events:
            continue
        name = split_name(f"quota:{booking.id}#{n}", quota.by, case.happening.facts, case.happening.kind)
        used = case.most_in(name, quota.per)
        if used >= quota.times and is_met(quota.where, case.fact):
            refusals.append(Refusal("quota_reached", quota.title or _quota_in_words(quota)))
    return refusals


def _first_quota(booking: Booking | None, case: Case, kind: str) -> Refusal | None:
    reached = _quotas(booking, case, of=kind) if booking is not None else []
    return reached[0] if reached else None


def _quota_in_words(quota: Quota) -> str:
    window = f"{quota.per.months} 个月内" if quota.per.months else f"{quota.per.days} 天内" if quota.per.days else None
    what = "、".join(
        "预约" if event == "booked" else "取消" if event == "cancelled" else event for event in quota.events
    )
    return f"{window or QUOTA_WINDOWS[quota.per.calendar]}最多{what} {quota.times} 次"


def _working_days_before(day: date, count: int, is_working_day: IsWorkingDay) -> date:
    for _ in range(WORKING_DAYS_LOOKED_AT_MAX):
        day -= timedelta(days=1)
        count -= is_working_day(day)
        if count == 0:
            return day
    raise AssertionError("a calendar has working days")


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M}"
