"""Why an activity, a series or a session can't be made or changed like that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from rules.clock import ZONE
from rules.errors import Kind, RuleError


class Fault(NamedTuple):
    """What is wrong with one field."""

    zh: str
    en: str


class FieldsInvalid(RuleError):
    """A refusal that says which field is wrong: raised with `faults`, by field."""

    def details(self, language: str) -> dict[str, list[str]]:
        """Each field's fault, in words."""
        faults = self.facts["faults"]
        assert isinstance(faults, dict), "raised with the faults by field"
        return {field: [fault.en if language == "en" else fault.zh] for field, fault in faults.items()}


class ActivityUnknown(RuleError):
    code = "activity.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个活动。"
    en = "There is no such activity."


class ActivityInvalid(FieldsInvalid):
    code = "activity.invalid"
    kind = Kind.INVALID
    zh = "活动的设置有误，详见 errors。"
    en = "The activity can't be set up like this; see errors."


class ActivityOver(RuleError):
    code = "activity.over"
    kind = Kind.CONFLICT
    zh = "这个活动已取消或已结束，不能再修改；可以复制一个新的。"
    en = "This activity was cancelled or is finished and can't be changed any more. It can be copied."


class NotADraft(RuleError):
    code = "activity.not_a_draft"
    kind = Kind.CONFLICT
    zh = "这个活动不是草稿，已经发布过。"
    en = "This activity isn't a draft; it was published before."


class AllocationFixed(RuleError):
    code = "activity.allocation_fixed"
    kind = Kind.CONFLICT
    zh = "已经安排了场次，不能再改变名额分配方式；可以复制一个新的活动。"
    en = "Sessions are planned already, so the way of giving out places stays. Copy the activity to choose another."


class SessionsToCome(RuleError):
    code = "activity.sessions_to_come"
    kind = Kind.CONFLICT
    zh = "还有 {sessions} 场没有结束。请先取消，或等它们结束。"
    en = "{sessions} sessions aren't over yet. Cancel them first, or wait for their end."


class SeriesUnknown(RuleError):
    code = "series.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个系列。"
    en = "There is no such series."


class SeriesHasSessions(RuleError):
    code = "series.has_sessions"
    kind = Kind.CONFLICT
    zh = "这个系列已经有场次，请从其中一场修改（scope=following 或 all）。"
    en = "This series has sessions. Change it from one of them (scope following or all)."


class PlanInvalid(FieldsInvalid):
    code = "session.plan_invalid"
    kind = Kind.INVALID
    zh = "场次的设置有误，详见 errors。"
    en = "A session can't be planned like this; see errors."


class SessionBegun(RuleError):
    code = "session.begun"
    kind = Kind.CONFLICT
    zh = "这一场已经开始，不能再修改。"
    en = "This session has begun and can't be changed any more."


class SessionCalledOff(RuleError):
    code = "session.called_off"
    kind = Kind.CONFLICT
    zh = "这一场已经取消。"
    en = "This session was cancelled already."


class NotInSeries(RuleError):
    code = "session.not_in_series"
    kind = Kind.INVALID
    zh = "这一场不属于任何系列，scope 只能是 one。"
    en = "This session belongs to no series; the scope can only be one."


class SessionsCoincide(RuleError):
    code = "session.coincide"
    kind = Kind.CONFLICT
    zh = "同一系列会有两场在同一时间开始：{moment}。"
    en = "Two sessions of the series would begin at the same time: {moment}."


class CapacityBelowTaken(RuleError):
    code = "session.capacity_below_taken"
    kind = Kind.CONFLICT
    zh = "{moment}这一场已有 {taken} 人预约，名额不能更少。"
    en = "{taken} places of the session of {moment} are taken already; there can't be fewer."


class VenueTooSmall(RuleError):
    code = "session.venue_too_small"
    kind = Kind.INVALID
    zh = "「{venue}」最多容纳 {capacity} 人。"
    en = "“{venue}” is for {capacity} people at most."


class VenueClash(RuleError):
    code = "session.venue_clash"
    kind = Kind.CONFLICT
    zh = "有 {count} 场的场馆已被占用或临时关闭，没有任何场次被写入；日期见 errors.days。"
    en = "The venue is taken or closed for {count} sessions; nothing was written. errors.days has the dates."

    def __init__(self, moments: Sequence[datetime]) -> None:
        super().__init__(count=len(moments), moments=list(moments))

    def details(self, language: str) -> dict[str, list[str]]:  # noqa: ARG002  a day is the same in every language
        """When each session that can't be would begin, in local time."""
        moments = self.facts["moments"]
        assert isinstance(moments, list), "raised with moments"
        return {"days": [shown(moment) for moment in moments]}


def shown(moment: datetime) -> str:
    """A moment in a sentence, in local time."""
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
