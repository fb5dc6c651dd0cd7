"""Rewards as they are read, and who of the staff may do what with them.

A merchant's reward is looked after by staff who hold the role `operator` where it belongs and act for that merchant, and
by managers of the place; the community's own by managers there. Handing out the community's own is also for organisers and
scanners of the place. Where a public body hosts the programme, merchants' offers are not on the shelf.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, update
from sqlalchemy.orm import aliased

from models.operators import OperatorStaff
from models.residents import Role
from models.rewards import Reward, RewardKind, RewardStatus
from models.territory import Operator, Territory
from rules.clock import ZONE
from rules.hosting import is_hosted_by_government, require_operator_host
from rules.ids import ID_MAX
from rules.operators import acts_for
from rules.paging import Page, Position, cut
from rules.residents.identity import Forbidden
from rules.rewards.refusals import NoCounter, RewardSoldOut, RewardUnknown
from rules.rows import AnyRow
from rules.work import ActorKind, TryAgain, Work

WEEKDAY_WORDS = "一二三四五六日"
#: Who hands out the community's own.
DESK = (Role.SCANNER, Role.ORGANISER, Role.MANAGER)

_place, _eligible = aliased(Territory), aliased(Territory)
REWARDS = (
    select(
        *Reward.__table__.c,
        Operator.name.label("operator"),
        _place.name.label("place"),
        _place.path,
        _eligible.name.label("eligible_place"),
        _eligible.path.label("eligible_path"),
    )
    .select_from(Reward)
    .join(_place, and_(_place.town_id == Reward.town_id, _place.id == Reward.territory_id))
    .outerjoin(Operator, and_(Operator.town_id == Reward.town_id, Operator.id == Reward.operator_id))
    .outerjoin(_eligible, and_(_eligible.town_id == Reward.town_id, _eligible.id == Reward.eligible_territory_id))
    .where(Reward.town_id == bindparam("town"))
)
_reward = REWARDS.where(Reward.id == bindparam("reward"))
_page = REWARDS.where(Reward.id < bindparam("before")).order_by(Reward.id.desc()).limit(bindparam("limit"))
_take = (
    update(Reward)
    .where(
        Reward.town_id == bindparam("town"),
        Reward.id == bindparam("reward"),
        Reward.status == RewardStatus.PUBLISHED,
        or_(Reward.stock.is_(None), Reward.taken + bindparam("quantity") <= Reward.stock),
    )
    .values(taken=Reward.taken + bindparam("quantity"))
    .returning(Reward.price, Reward.fee)
    .execution_options(synchronize_session=False)
)
_put_back = (
    update(Reward)
    .where(Reward.town_id == bindparam("town"), Reward.id == bindparam("reward"))
    .values(taken=Reward.taken - bindparam("quantity"))
    .returning(Reward.stock, Reward.taken)
    .execution_options(synchronize_session=False)
)
_lock = (
    select(Reward.id)
    .where(Reward.town_id == bindparam("town"), Reward.id == bindparam("reward"))
    .with_for_update(key_share=True)
)


def read_reward(work: Work, reward_id: int) -> AnyRow:
    """A reward with its merchant and place, whatever its state. Raises RewardUnknown."""
    row = work.core.execute(_reward, {"town": work.town_id, "reward": reward_id}).first()
    if row is None:
        raise RewardUnknown
    return row


def take_pieces(work: Work, reward: AnyRow, quantity: int) -> None:
    """Take pieces of a published reward out of its stock. The row is locked from then on.

    Raises RewardSoldOut.
    """
    took = work.send(_take, {"town": work.town_id, "reward": reward.id, "quantity": quantity}).first()
    if took is None:
        now = read_reward(work, reward.id)
        left = 0 if now.stock is None or now.status is not RewardStatus.PUBLISHED else now.stock - now.taken
        raise RewardSoldOut(title=reward.title, left=left)
    if (took.price, took.fee) != (reward.price, reward.fee):  # it was changed since it was read
        raise TryAgain


def put_pieces_back(work: Work, reward_id: int, quantity: int) -> AnyRow:
    """Put pieces back that were taken; returns the counters as they are then. The row is locked from then on."""
    return work.send(_put_back, {"town": work.town_id, "reward": reward_id, "quantity": quantity}).one()


def lock_reward(work: Work, reward_id: int) -> None:
    """Let nobody else change a reward until the transaction ends."""
    work.core.execute(_lock, {"town": work.town_id, "reward": reward_id}).all()


# --- who may --------------------------------------------------------------------------------------------------------


def is_manager_of(work: Work, reward: Any) -> bool:
    """Whether the actor manages the place that a reward, or a cause, belongs to."""
    return work.actor.may(Role.MANAGER, reward.path)


def is_merchant_of(work: Work, reward: Any) -> bool:
    """Whether the actor looks after a merchant's reward as the merchant."""
    return (
        reward.operator_id is not None
        and work.actor.may(Role.OPERATOR, reward.path)
        and acts_for(work, reward.operator_id)
    )


def may_hand_out(work: Work, reward: Any) -> bool:
    """Whether the actor hands out what was redeemed: the merchant what is theirs, the centre's staff the community's own."""
    if reward.operator_id is not None:
        return is_merchant_of(work, reward)
    return any(work.actor.may(role, reward.path) for role in DESK)


def require_keeper(work: Work, reward: Any) -> None:
    """Raises Forbidden unless the actor may change a reward: its merchant, or a manager of the place."""
    if not (is_manager_of(work, reward) or is_merchant_of(work, reward)):
        raise Forbidden


# --- looking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShelfSearch:
    """What somebody looks for on the shelf."""

    q: str | None = None
    kind: RewardKind | None = None
    operator_id: int | None = None
    community_id: int | None = None  #: what belongs to this place, or to one below it
    price_max: int | None = None  #: points for one piece
    available: bool = False  #: only what can be redeemed at this moment, as far as stock and dates go


def list_rewards(work: Work, search: ShelfSearch, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """What is on the shelf, the newest first."""
    conditions: list[ColumnElement[bool]] = [Reward.status == RewardStatus.PUBLISHED]
    if is_hosted_by_government(work):
        conditions.append(Reward.operator_id.is_(None))
    if search.q:
        words = search.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(or_(*(each.ilike(f"%{words}%", escape="\\") for each in (Reward.title, Operator.name))))
    if search.kind is not None:
        conditions.append(Reward.kind == search.kind)
    if search.operator_id is not None:
        conditions.append(Reward.operator_id == search.operator_id)
    if search.community_id is not None:
        node = f"{search.community_id}/"
        conditions.append(or_(_place.path.startswith(node), _place.path.contains(f"/{node}")))
    if search.price_max is not None:
        conditions.append(Reward.price <= search.price_max)
    if search.available:
        conditions += _available(work.now)
    return _listed(work, conditions, after, limit)


def _available(now: datetime) -> list[ColumnElement[bool]]:
    return [
        or_(Reward.stock.is_(None), Reward.taken < Reward.stock),
        or_(Reward.offered_from.is_(None), Reward.offered_from <= now),
        or_(Reward.offered_until.is_(None), Reward.offered_until > now),
    ]


def list_managed_rewards(
    work: Work, status: RewardStatus | None, operator_id: int | None, after: Position | None, limit: int
) -> Page[SimpleNamespace]:
    """Rewards in every state that the actor looks after, the newest first: of the places managed, of the merchants acted
    for. Raises NoCounter where there are none."""
    mine = [
        _place.path.startswith(grant.path) for grant in work.actor.grants if grant.role in (Role.MANAGER, Role.ADMIN)
    ]
    mine += [
        and_(_place.path.startswith(grant.path), _acted_for(work))
        for grant in work.actor.grants
        if grant.role is Role.OPERATOR
    ]
    if not mine:
        raise NoCounter
    conditions: list[ColumnElement[bool]] = [or_(*mine)]
    if status is not None:
        conditions.append(Reward.status == status)
    if operator_id is not None:
        conditions.append(Reward.operator_id == operator_id)
    return _listed(work, conditions, after, limit)


def show_reward(work: Work, reward_id: int) -> SimpleNamespace:
    """One reward. What isn't published is shown to those alone who look after it. Raises RewardUnknown,
    HostedByGovernment (a merchant's)."""
    reward = read_reward(work, reward_id)
    if work.actor.kind is ActorKind.STAFF and (is_manager_of(work, reward) or is_merchant_of(work, reward)):
        return as_shown(reward)
    if reward.status is not RewardStatus.PUBLISHED:
        raise RewardUnknown
    if reward.operator_id is not None:
        require_operator_host(work)
    return as_shown(reward)


def as_shown(reward: AnyRow) -> SimpleNamespace:
    """A reward with what is left of it, and when it is redeemed in words."""
    left = None if reward.stock is None else reward.stock - reward.taken
    return SimpleNamespace(**reward._mapping, left=left, when=when_in_words(reward) or None)


def when_in_words(reward: Any) -> str:
    """When something is redeemed, in words; empty where it always is. Pure."""
    parts = []
    if reward.offered_from is not None:
        parts.append(f"{_shown(reward.offered_from)}起")
    if reward.offered_until is not None:
        parts.append(f"{_shown(reward.offered_until)}止")
    if reward.weekdays:
        parts.append("每周" + "、".join(WEEKDAY_WORDS[day - 1] for day in reward.weekdays))
    if reward.month_days:
        parts.append("每月" + "、".join(str(day) for day in reward.month_days) + " 日")
    if reward.opens_at is not None:
        parts.append(f"{reward.opens_at}–{reward.closes_at}")
    return "，".join(parts)


def _acted_for(work: Work) -> ColumnElement[bool]:
    from_links = select(OperatorStaff.operator_id).where(
        OperatorStaff.town_id == work.town_id, OperatorStaff.staff_id == work.actor.id
    )
    return Reward.operator_id.in_(from_links)


def _listed(
    work: Work, conditions: list[ColumnElement[bool]], after: Position | None, limit: int
) -> Page[SimpleNamespace]:
    asked = {"town": work.town_id, "before": int(after[0]) if after else ID_MAX, "limit": limit + 1}
    rows = work.core.execute(_page.where(*conditions), asked).all()
    return cut([as_shown(row) for row in rows], limit, lambda row: (row.id,))


def _shown(moment: datetime) -> str:
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
