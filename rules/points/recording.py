"""Events that staff write down: sorted waste, a lecture held, a fault at the tool library.

What may be recorded is what the rulebook in force speaks of, less what the house records by itself: hours of service, say,
come with a record of volunteering. What staff enter is marked as such (`provenance`), whatever the caller says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.residents import Role
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.points.events import Occurrence, Outcome, record_event
from rules.points.people import require_role_over_resident
from rules.points.second_person import rulebook_today
from rules.rulebook.decision import Happening
from rules.rulebook.plan import ACCOUNT_OPENED, BOOKED, CANCELLED, PERIOD_STARTED, REDEEMED
from rules.rulebook.sections.earning import Approver
from rules.work import Work

SOURCE = "staff"
#: Kinds of event that the house records by itself.
OF_THE_HOUSE = frozenset({"checkin", "no_show", "service", ACCOUNT_OPENED, PERIOD_STARTED, BOOKED, CANCELLED, REDEEMED})
#: What only the house may say of an event.
RESERVED = frozenset({"objections_over"})
#: Whose agreement staff may write down; that of a second person has to be their own.
APPROVERS = frozenset(Approver) - {Approver.SECOND_PERSON}
#: How long after it happened an event may be written down.
RECORD_DAYS_MAX = 31


class KindUnknown(RuleError):
    code = "event.kind_unknown"
    kind = Kind.INVALID
    zh = "现行积分规则没有「{word}」这类事件；可登记：{known}。"
    en = "The rulebook in force doesn't speak of {word}; it can record: {known}."


class MomentInvalid(RuleError):
    code = "event.moment_invalid"
    kind = Kind.INVALID
    zh = "发生时间须在过去 {days} 天之内。"
    en = "It must have happened within the last {days} days."


@dataclass(frozen=True, slots=True)
class EventWish:
    """What a member of staff writes down."""

    resident_id: int
    kind: str
    ref: str | None = None  #: a name of the author's: the same name is the same event
    occurred_at: datetime | None = None
    subject: str = ""
    facts: Mapping[str, Any] | None = None


def record(work: Work, wish: EventWish) -> Outcome:
    """Record an event of a resident, judge it and book what follows.

    Raises ResidentUnknown, Forbidden (no organiser where the resident lives), RulebookMissing, KindUnknown, MomentInvalid,
    EventRecorded, PointsInsufficient (points to be taken back that are spent).
    """
    require_role_over_resident(work, Role.ORGANISER, wish.resident_id)
    known = sorted(set(rulebook_today(work).plan.kinds) - OF_THE_HOUSE)
    if wish.kind not in known:
        raise KindUnknown(word=wish.kind, known="、".join(known) or "—")
    occurred_at = wish.occurred_at or work.now
    if not work.now - timedelta(days=RECORD_DAYS_MAX) <= occurred_at <= work.now:
        raise MomentInvalid(days=RECORD_DAYS_MAX)
    told = {name: value for name, value in (wish.facts or {}).items() if name not in RESERVED}
    approver = told.get("approved_by") if told.get("approved_by") in APPROVERS else SOURCE
    facts = {"claimed_on": local_day(work.now).isoformat()} | told | {"provenance": SOURCE, "approved_by": approver}
    happening = Happening(wish.kind, occurred_at, wish.subject, facts)
    links = {"recorded_by": str(work.actor.id)}
    ref = wish.ref or str(work.new_id())
    return record_event(work, Occurrence(SOURCE, ref, wish.resident_id, happening, links=links))
