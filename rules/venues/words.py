"""A room's rules in words, for whoever wants to book it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules.rows import AnyRow

ENGLISH = "en"
MINUTES_OF_HOUR, MINUTES_OF_DAY = 60, 1440


def rules_in_words(venue: AnyRow, uses: Sequence[AnyRow], language: str) -> list[str]:
    """The rules of booking, a sentence each: in English for `en`, in Chinese for everything else."""
    if language == ENGLISH:
        return list(_english(venue, uses))
    return list(_chinese(venue, uses))


def _chinese(venue: AnyRow, uses: Sequence[AnyRow]) -> Iterator[str]:
    if not venue.bookable:
        yield "不对居民开放预约。"
        return
    for use in uses:
        share = (
            "使用整个场地" if use.parts_needed == venue.parts else f"占 {venue.parts} 个分区中的 {use.parts_needed} 个"
        )
        yield f"{use.name}：{share}，最多 {use.capacity} 人。"
    if not uses:
        yield f"使用整个场地，最多 {venue.capacity} 人。"
    closes = (
        f"，开始前{_span(venue.closes_minutes_before)}截止" if venue.closes_minutes_before else "，开始前都可以预约"
    )
    yield f"提前 {venue.opens_days_before} 天起可以预约{closes}。"
    longest = f"，每次最多{_span(venue.booking_minutes_max)}" if venue.booking_minutes_max else ""
    yield f"从开放时间起，每{_span(venue.slot_minutes)}为一段{longest}。"
    yield (
        f"开始前{_span(venue.cancel_minutes_before)}可以取消。" if venue.cancel_minutes_before else "开始前都可以取消。"
    )
    if venue.grace_minutes is not None:
        yield f"开始后{_span(venue.grace_minutes)}没有到场，场地让给他人，这次预约仍计入次数。"
    limits = (
        ("每人", venue.person_week_max),
        ("每户", venue.household_week_max),
        ("每个组织", venue.organisation_week_max),
    )
    for whose, most in limits:
        if most is not None:
            yield f"{whose}每周最多预约 {most} 次。"
    if venue.needs_approval:
        yield "预约须经工作人员同意。"


def _english(venue: AnyRow, uses: Sequence[AnyRow]) -> Iterator[str]:
    if not venue.bookable:
        yield "Residents can't book this room."
        return
    for use in uses:
        is_whole = use.parts_needed == venue.parts
        share = "the whole room" if is_whole else f"{use.parts_needed} of its {venue.parts} parts"
        yield f"{use.name}: {share}, for {use.capacity} people at most."
    if not uses:
        yield f"You have the whole room, for {venue.capacity} people at most."
    closes = f"until {_time(venue.closes_minutes_before)} before the beginning" if venue.closes_minutes_before else ""
    yield f"It can be booked from {venue.opens_days_before} days before, {closes or 'until it begins'}."
    longest = f", {_time(venue.booking_minutes_max)} at most" if venue.booking_minutes_max else ""
    yield f"A booking is made of slots of {_time(venue.slot_minutes)}, counted from the opening{longest}."
    until = f"until {_time(venue.cancel_minutes_before)} before the beginning" if venue.cancel_minutes_before else ""
    yield f"It can be cancelled {until or 'until it begins'}."
    if venue.grace_minutes is not None:
        late = _time(venue.grace_minutes)
        yield f"Who hasn't come {late} after the beginning loses the room to others, and the booking stays counted."
    limits = (
        ("One person", venue.person_week_max),
        ("One household", venue.household_week_max),
        ("One organisation", venue.organisation_week_max),
    )
    for whose, most in limits:
        if most is not None:
            yield f"{whose} may book it {most} times a week at most."
    if venue.needs_approval:
        yield "Staff approve each booking."


def _span(minutes: int) -> str:
    if minutes and minutes % MINUTES_OF_DAY == 0:
        return f" {minutes // MINUTES_OF_DAY} 天"
    if minutes and minutes % MINUTES_OF_HOUR == 0:
        return f" {minutes // MINUTES_OF_HOUR} 小时"
    return f" {minutes} 分钟"


def _time(minutes: int) -> str:
    for length, one in ((MINUTES_OF_DAY, "day"), (MINUTES_OF_HOUR, "hour"), (1, "minute")):
        if minutes and minutes % length == 0:
            count = minutes // length
            return f"{count} {one}" if count == 1 else f"{count} {one}s"
    return "0 minutes"
