"""Keeping the shelf: rewards are written, submitted, published, withdrawn, and their stock is corrected."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.rewards.schemas import (
    ManagedRewardArguments,
    ManagedRewardView,
    RewardChange,
    RewardDecision,
    RewardRequest,
    StockArguments,
    StockChangeView,
    StockRequest,
    WithdrawalRequest,
)
from rules.hosting import HostedByGovernment
from rules.points.budgets import OperatorUnknown
from rules.residents.identity import Forbidden
from rules.rewards import authoring, refusals
from rules.rewards.pictures import with_its_pictures, with_pictures
from rules.rewards.shelf import list_managed_rewards
from rules.rewards.stock import change_stock, list_stock_changes
from rules.territory.tree import PlaceUnknown
from rules.uploads.refusals import CLAIMING
from rules.work import Work

room = Room("reward_keeping", __name__, description="Rewards, for those who look after them")

Wish = dict[str, Any]
OF_FIELDS = (Forbidden, PlaceUnknown, refusals.RewardFieldsUnfit, *CLAIMING)
OF_A_STATE = (Forbidden, refusals.RewardStateUnfit, refusals.RewardUnknown)


def _shown(work: Work, reward: Any) -> Any:
    return with_its_pictures(work, house().keys, reward)


@room.does("GET", "/rewards/managed", needs=SIGNED_IN, refuses=[refusals.NoCounter])
@room.arguments(ManagedRewardArguments, location="query")
@room.response(200, page_of(ManagedRewardView, "managed_rewards"))
def list_my_managed_rewards(work: Work, wish: Wish) -> Any:
    """Rewards in every state that I look after, the newest first."""
    page = list_managed_rewards(work, wish["status"], wish["operator_id"], wish["cursor"], wish["limit"])
    return with_pictures(work, house().keys, page)


@room.does("POST", "/rewards", needs=SIGNED_IN, once=True, refuses=[*OF_FIELDS, OperatorUnknown])
@room.arguments(RewardRequest)
@room.response(201, ManagedRewardView)
def create_reward(work: Work, wish: Wish) -> Any:
    """Write a reward, as a draft: as its merchant, or as a manager of the place."""
    operator_id, territory_id, stock = (wish.pop(name) for name in ("operator_id", "territory_id", "stock"))
    return _shown(work, authoring.create_reward(work, authoring.RewardWish(wish, operator_id, territory_id, stock)))


@room.does("PATCH", "/rewards/<id:reward_id>", needs=SIGNED_IN, refuses=[*OF_FIELDS, refusals.RewardUnknown])
@room.arguments(RewardChange)
@room.response(200, ManagedRewardView)
def change_reward(work: Work, wish: Wish, reward_id: int) -> Any:
    """Change a reward; what a merchant changes of a published one waits for a manager."""
    return _shown(work, authoring.change_reward(work, reward_id, wish))


@room.does("POST", "/rewards/<id:reward_id>/submission", needs=SIGNED_IN, once=True, refuses=OF_A_STATE)
@room.response(200, ManagedRewardView)
def submit_reward(work: Work, reward_id: int) -> Any:
    """Ask a manager to publish a reward."""
    return _shown(work, authoring.submit_reward(work, reward_id))


@room.does(
    "POST",
    "/rewards/<id:reward_id>/decision",
    needs=SIGNED_IN,
    once=True,
    refuses=[*OF_A_STATE, HostedByGovernment, refusals.RewardChanged],
)
@room.arguments(RewardDecision)
@room.response(200, ManagedRewardView)
def decide_reward(work: Work, wish: Wish, reward_id: int) -> Any:
    """Publish a reward, or send it back. For managers of the place."""
    return _shown(work, authoring.decide_reward(work, reward_id, **wish))


@room.does("POST", "/rewards/<id:reward_id>/withdrawal", needs=SIGNED_IN, once=True, refuses=OF_A_STATE)
@room.arguments(WithdrawalRequest)
@room.response(200, ManagedRewardView)
def withdraw_reward(work: Work, wish: Wish, reward_id: int) -> Any:
    """Take a reward off the shelf; what was redeemed stands."""
    return _shown(work, authoring.withdraw_reward(work, reward_id, wish["reason"]))


@room.does(
    "POST",
    "/rewards/<id:reward_id>/stock",
    needs=SIGNED_IN,
    once=True,
    refuses=[*OF_A_STATE, refusals.StockTooLow],
)
@room.arguments(StockRequest)
@room.response(200, ManagedRewardView)
def correct_stock(work: Work, wish: Wish, reward_id: int) -> Any:
    """Add pieces to the stock or take some off, and say why."""
    return _shown(work, change_stock(work, reward_id, wish["change"], wish["reason"]))


@room.does("GET", "/rewards/<id:reward_id>/stock", needs=SIGNED_IN, refuses=[Forbidden, refusals.RewardUnknown])
@room.arguments(StockArguments, location="query")
@room.response(200, page_of(StockChangeView, "stock_changes"))
def list_corrections_of_stock(work: Work, wish: Wish, reward_id: int) -> Any:
    """Corrections of a reward's stock, the latest first."""
    return list_stock_changes(work, reward_id, wish["cursor"], wish["limit"])
