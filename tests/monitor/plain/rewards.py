"""The measures of the points mall once more, redemption by redemption."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from models.rewards import Cause, Donation, Redemption, RedemptionStatus, Reward, StockChange
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted

ENDINGS = {
    "redemptions.fulfilled": RedemptionStatus.FULFILLED,
    "redemptions.fulfilled_points": RedemptionStatus.FULFILLED,
    "redemptions.lapsed": RedemptionStatus.LAPSED,
    "redemptions.cancelled": RedemptionStatus.CANCELLED,
}


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Every redemption, donation or reward that the measure counts."""
    rewards = {reward.id: reward for reward in rows[Reward]}
    causes = {cause.id: cause for cause in rows[Cause]}
    last = local_day(end - timedelta(microseconds=1))
    counted = []

    def is_of_period(moment: datetime | None) -> bool:
        return moment is not None and begin <= moment < end and moment <= as_of

    def is_past(moment: datetime | None) -> bool:
        return moment is not None and moment < end and moment <= as_of

    def count(of: Any, day: Any, amount: int) -> None:
        if amount:
            counted.append(Counted(day, of.territory_id, None, of.operator_id, str(of.id), amount))

    for each in rows[Redemption]:
        first = rewards[each.replaced_id or each.reward_id]
        over_at = each.fulfilled_at or each.ended_at
        if measure in ("redemptions.made", "redemptions.pieces") and is_of_period(each.redeemed_at):
            count(first, local_day(each.redeemed_at), 1 if measure == "redemptions.made" else each.quantity)
        if (measure == "redemptions.settled" or ENDINGS.get(measure) is each.status) and is_of_period(over_at):
            amount = each.price if measure == "redemptions.fulfilled_points" else 1
            count(rewards[each.reward_id], local_day(over_at), amount)
        if measure.startswith("redemptions.waiting") and is_past(each.redeemed_at) and not is_past(over_at):
            waited = _whole(min(end, as_of)) - _whole(each.redeemed_at)
            count(first, last, 1 if measure == "redemptions.waiting" else waited)
    for given in rows[Donation]:
        if measure in ("donations.made", "donations.points") and is_of_period(given.donated_at):
            count(
                causes[given.cause_id], local_day(given.donated_at), 1 if measure == "donations.made" else given.amount
            )
        if measure == "donations.returned_points" and is_of_period(given.returned_at):
            count(causes[given.cause_id], local_day(given.returned_at), given.amount)
    if measure == "rewards.stock_left":
        for reward in rewards.values():
            changes = [each for each in rows[StockChange] if each.reward_id == reward.id and is_past(each.changed_at)]
            stock = max(changes, key=lambda each: each.id).stock_after if changes else None
            if stock is not None:
                count(reward, last, stock - _taken(rows, reward.id, is_past))
    return counted


def _taken(rows: Contents, reward_id: int, is_past: Any) -> int:
    taken = 0
    for each in rows[Redemption]:
        was_replaced = each.replaced_at is None or is_past(each.replaced_at)
        of_reward = each.reward_id if was_replaced else each.replaced_id
        if of_reward == reward_id and is_past(each.redeemed_at) and not is_past(each.ended_at):
            taken += each.quantity
    return taken


def _whole(moment: datetime) -> int:
    return int(moment.timestamp())
