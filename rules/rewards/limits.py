"""How many pieces of a reward one person may have in a day, a week, a month …: counted in rows of their own.

A counter is raised only if it stays within the limit, by one statement that finds the row or makes it. What is given back
lowers the counters that it raised, whatever the limits are by then.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from models.rewards import RewardUse
from rules.clock import local_day
from rules.errors import InBoth
from rules.rewards.refusals import PersonalLimitReached
from rules.rows import AnyRow
from rules.rulebook.periods import Calendar, bucket_of
from rules.work import Work

#: The parts of the calendar that a reward may be limited in.
PERIODS = (Calendar.DAY, Calendar.WEEK, Calendar.MONTH, Calendar.QUARTER, Calendar.YEAR, Calendar.EVER)
PERIOD_WORDS = {
    Calendar.DAY: ("每天", "a day"),
    Calendar.WEEK: ("每周", "a week"),
    Calendar.MONTH: ("每月", "a month"),
    Calendar.QUARTER: ("每季度", "a quarter"),
    Calendar.YEAR: ("每年", "a year"),
    Calendar.EVER: ("累计", "in all"),
}
YEAR_STARTS = "01-01"

_raise = insert(RewardUse)
_raise = _raise.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "reward_id", "resident_id", "period"],
    set_={"used": RewardUse.used + _raise.excluded.used, "most": _raise.excluded.most},
    where=RewardUse.used + _raise.excluded.used <= _raise.excluded.most,
).returning(RewardUse.used)
_lower = (
    update(RewardUse)
    .where(
        RewardUse.town_id == bindparam("town"),
        RewardUse.reward_id == bindparam("reward"),
        RewardUse.resident_id == bindparam("resident"),
        RewardUse.period == bindparam("of_period"),
    )
    .values(used=RewardUse.used - bindparam("quantity"))
    .execution_options(synchronize_session=False)
)


def count_pieces(work: Work, reward: AnyRow, resident_id: int, quantity: int) -> list[str]:
    """Count pieces that a person takes, and return under which periods. Raises PersonalLimitReached."""
    day = local_day(work.now)
    periods = []
    for limit in sorted(reward.limits, key=lambda limit: limit["per"]):
        calendar, most = Calendar(limit["per"]), limit["quantity"]
        period = f"{calendar.value}:{bucket_of(calendar, day, YEAR_STARTS)}"
        row = {"reward_id": reward.id, "resident_id": resident_id, "period": period, "used": quantity, "most": most}
        if quantity > most or work.send(_raise, {"town_id": work.town_id, **row}).first() is None:
            raise PersonalLimitReached(title=reward.title, period=InBoth(*PERIOD_WORDS[calendar]), most=most)
        periods.append(period)
    return periods


def uncount_pieces(work: Work, reward_id: int, resident_id: int, periods: Sequence[str], quantity: int) -> None:
    """Count pieces no more that were given back."""
    for period in sorted(periods):
        row = {"reward": reward_id, "resident": resident_id, "of_period": period, "quantity": quantity}
        work.send(_lower, {"town": work.town_id, **row})
