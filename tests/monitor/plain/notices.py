"""The measures of notices once more, notice by notice."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.history import ResidentVersion
from models.notices import Notice, SubscriptionSend
from models.residents import Resident
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted
from tests.monitor.plain.times import Homes, Span

TABLES = (Resident, ResidentVersion, Notice, SubscriptionSend)


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Notices, or messages by WeChat, one by one."""
    span, homes = Span(begin, end, as_of), Homes.of(rows)
    if measure.startswith("wechat_messages."):
        topics = {each.id: each.topic for each in rows[Notice]}
        return [
            Counted(
                local_day(each.ended_at),
                homes.at(each.resident_id, each.ended_at),
                None,
                None,
                topics[each.notice_id],
                1,
            )
            for each in rows[SubscriptionSend]
            if span.holds(each.ended_at) and each.state.value == measure.removeprefix("wechat_messages.")
        ]
    return [
        Counted(local_day(each.created_at), homes.at(each.resident_id, each.created_at), None, None, each.topic, 1)
        for each in rows[Notice]
        if span.holds(each.created_at) and (measure == "notices.delivered" or _was_read(each, span))
    ]


def _was_read(notice: Notice, span: Span) -> bool:
    return span.knows(notice.read_at) and notice.read_at < notice.created_at + timedelta(days=7)  # type: ignore[operator]
