"""How much one resident does on a day: counts that a guarded upsert lets grow up to a limit.

What is refused is undone, its count with it. The counts are kept by local day, and cleared after some days.
"""

from __future__ import annotations

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from models.daily_counts import DailyCount
from rules.clock import local_day, seconds_of_day_left
from rules.errors import Kind, RuleError
from rules.work import ActorKind, Work


class DailyLimitReached(RuleError):
    code = "daily_limit.reached"
    kind = Kind.TOO_MANY
    zh = "今天这项操作已达上限 {most} 次，请明天再来。"
    en = "You have done this {most} times today, which is the limit. Please come back tomorrow."


_count = (
    insert(DailyCount)
    .on_conflict_do_update(
        index_elements=["town_id", "resident_id", "kind", "day"],
        set_={"used": DailyCount.used + 1},
        where=DailyCount.used < bindparam("most"),
    )
    .returning(DailyCount.used)
)


def count_today(work: Work, kind: str, most: int) -> None:
    """The actor does it once more today. Staff aren't counted. Raises DailyLimitReached.

    `kind`: a word for what is done, of the room that counts it.
    """
    if work.actor.kind is not ActorKind.RESIDENT:
        return
    if not grow(work, kind, local_day(work.now).isoformat(), most):
        raise DailyLimitReached(most=most, retry_seconds=seconds_of_day_left(work.now))


def grow(work: Work, kind: str, day: str, most: int) -> bool:
    """Count the acting resident's deed. False: there are as many as there may be."""
    row = {"town_id": work.town_id, "resident_id": work.actor.id, "kind": kind, "day": day, "used": 1}
    return work.core.execute(_count, row | {"most": most}).first() is not None
