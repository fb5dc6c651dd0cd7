"""Stock: corrected by hand with a reason, and each correction kept. Never below what was redeemed."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, select, update

from models.residents import Staff
from models.rewards import Reward, StockChange
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.rewards.refusals import RewardStateUnfit, StockTooLow
from rules.rewards.shelf import as_shown, read_reward, require_keeper
from rules.rows import AnyRow
from rules.work import Work

_change = (
    update(Reward)
    .where(
        Reward.town_id == bindparam("town"),
        Reward.id == bindparam("reward"),
        Reward.stock + bindparam("change") >= Reward.taken,
    )
    .values(stock=Reward.stock + bindparam("change"))
    .returning(Reward.stock, Reward.taken)
    .execution_options(synchronize_session=False)
)
_note = insert(StockChange)
_changes = (
    select(
        StockChange.id,
        StockChange.change,
        StockChange.stock_after,
        StockChange.taken,
        StockChange.reason,
        StockChange.changed_at,
        Staff.name.label("staff"),
    )
    .outerjoin(Staff, (Staff.town_id == StockChange.town_id) & (Staff.id == StockChange.staff_id))
    .where(
        StockChange.town_id == bindparam("town"),
        StockChange.reward_id == bindparam("reward"),
        StockChange.id < bindparam("before"),
    )
    .order_by(StockChange.id.desc())
    .limit(bindparam("limit"))
)


def change_stock(work: Work, reward_id: int, change: int, reason: str) -> object:
    """Add pieces to a stock, or take some off. Raises RewardUnknown, Forbidden, RewardStateUnfit (a stock that never runs
    out), StockTooLow."""
    reward = read_reward(work, reward_id)
    require_keeper(work, reward)
    if reward.stock is None:
        raise RewardStateUnfit
    counters = work.send(_change, {"town": work.town_id, "reward": reward_id, "change": change}).first()
    if counters is None:
        raise StockTooLow(taken=read_reward(work, reward_id).taken)
    note_change(work, reward_id, change, counters.stock, counters.taken, reason)
    return as_shown(read_reward(work, reward_id))


def remove_pieces(work: Work, reward_id: int, quantity: int, reason: str) -> None:
    """Take pieces off a stock that has run out by count but not by hand; nothing happens where it never runs out.

    The caller has just put as many back, so they are there.
    """
    counters = work.send(_change, {"town": work.town_id, "reward": reward_id, "change": -quantity}).first()
    if counters is not None:
        note_change(work, reward_id, -quantity, counters.stock, counters.taken, reason)


def note_change(work: Work, reward_id: int, change: int | None, after: int | None, taken: int, reason: str) -> None:
    """Keep a correction."""
    row = {"reward_id": reward_id, "change": change, "stock_after": after, "taken": taken, "reason": reason}
    who = {"staff_id": work.actor.id or None, "changed_at": work.now}
    work.core.execute(_note, {"town_id": work.town_id, "id": work.new_id(), **row, **who})


def list_stock_changes(work: Work, reward_id: int, after: Position | None, limit: int) -> Page[AnyRow]:
    """The corrections of a reward's stock, the latest first. Raises RewardUnknown, Forbidden."""
    require_keeper(work, read_reward(work, reward_id))
    asked = {"reward": reward_id, "before": int(after[0]) if after else ID_MAX, "limit": limit + 1}
    return cut(work.core.execute(_changes, {"town": work.town_id, **asked}).all(), limit, lambda row: (row.id,))
