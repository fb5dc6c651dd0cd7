"""Offering rewards: merchants write and submit theirs, managers of the place decide, and publish the community's own.

What a merchant changes of a published reward goes off the shelf and waits for a manager again. Redemptions that were made
stand, whatever becomes of the reward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, update

from models.residents import Role
from models.rewards import Reward, RewardStatus
from models.search import FoundKind
from models.uploads import UploadPurpose
from rules.errors import InBoth
from rules.hosting import require_operator_host
from rules.operators import acts_for, find_operator
from rules.residents.identity import Forbidden
from rules.rewards.refusals import RewardChanged, RewardFieldsUnfit, RewardStateUnfit
from rules.rewards.shelf import as_shown, is_manager_of, lock_reward, read_reward, require_keeper
from rules.rewards.stock import note_change
from rules.rulebook.versions import rulebook_in_force
from rules.search.refreshing import refresh
from rules.territory.tree import find_place
from rules.uploads.attaching import claim, release
from rules.work import TryAgain, Work

FIRST_STOCK = "初始库存"

_insert = insert(Reward)
_to_state = (
    update(Reward)
    .where(
        Reward.town_id == bindparam("town"),
        Reward.id == bindparam("reward"),
        Reward.status == bindparam("out_of"),
    )
    .values(status=bindparam("into"))
    .returning(Reward.id)
    .execution_options(synchronize_session=False)
)
_decide = _to_state.values(decided_at=bindparam("at"), decided_by=bindparam("by"), decision_note=bindparam("note"))


@dataclass(frozen=True, slots=True)
class RewardWish:
    """A reward that staff write: its columns as the table has them."""

    fields: Mapping[str, Any]
    operator_id: int | None
    territory_id: int
    stock: int | None


def create_reward(work: Work, wish: RewardWish) -> Any:
    """Write a reward, as a draft. The community's own is for managers of the place, a merchant's also for who acts for it.

    Raises PlaceUnknown, OperatorUnknown, Forbidden, RewardFieldsUnfit, UploadUnknown, UploadTaken.
    """
    place = find_place(work, wish.territory_id)
    is_manager = work.actor.may(Role.MANAGER, place.path)
    if wish.operator_id is not None:
        find_operator(work, wish.operator_id)
        is_merchant = work.actor.may(Role.OPERATOR, place.path) and acts_for(work, wish.operator_id)
        if not (is_manager or is_merchant):
            raise Forbidden
    elif not is_manager:
        raise Forbidden
    _check_fields(work, wish.fields)
    claim(work, wish.fields["upload_ids"], UploadPurpose.REWARD)
    reward_id = work.new_id()
    row = {
        **wish.fields,
        "operator_id": wish.operator_id,
        "territory_id": wish.territory_id,
        "stock": wish.stock,
        "taken": 0,
        "revision": 0,
        "status": RewardStatus.DRAFT,
        "created_at": work.now,
        "created_by": work.actor.id,
    }
    work.core.execute(_insert, {"town_id": work.town_id, "id": reward_id, **row})
    note_change(work, reward_id, wish.stock, wish.stock, 0, FIRST_STOCK)
    return as_shown(read_reward(work, reward_id))


def change_reward(work: Work, reward_id: int, changes: Mapping[str, Any]) -> Any:
    """Change what a reward says. By its merchant, a published one goes off the shelf until a manager has seen it.

    Raises RewardUnknown, Forbidden, PlaceUnknown, RewardFieldsUnfit, UploadUnknown, UploadTaken.
    """
    lock_reward(work, reward_id)
    reward = read_reward(work, reward_id)
    require_keeper(work, reward)
    if not changes:
        return as_shown(reward)
    _check_fields(work, {**reward._mapping, **changes})
    if "upload_ids" in changes:
        before, after = set(reward.upload_ids), set(changes["upload_ids"])
        claim(work, sorted(after - before), UploadPurpose.REWARD)
        release(work, sorted(before - after))
    values = {**changes, "revision": reward.revision + 1}
    if reward.status is RewardStatus.PUBLISHED and not is_manager_of(work, reward):
        values["status"] = RewardStatus.SUBMITTED
    change = update(Reward).where(Reward.town_id == work.town_id, Reward.id == reward_id).values(values)
    work.core.execute(change)
    return _looked_at_again(work, reward_id)


def submit_reward(work: Work, reward_id: int) -> Any:
    """Ask a manager to publish a draft. Raises RewardUnknown, Forbidden, RewardStateUnfit."""
    reward = read_reward(work, reward_id)
    require_keeper(work, reward)
    _move(work, reward, (RewardStatus.DRAFT, RewardStatus.WITHDRAWN), RewardStatus.SUBMITTED)
    return _looked_at_again(work, reward_id)


def decide_reward(work: Work, reward_id: int, note: str, *, publish: bool, revision: int | None = None) -> Any:
    """Publish a reward, or send it back to whoever wrote it. For managers of the place.

    `revision`: of the reward that was seen; refused if it says something else by now. Raises RewardUnknown, Forbidden,
    RewardChanged, RewardStateUnfit, HostedByGovernment (a merchant's).
    """
    lock_reward(work, reward_id)
    reward = read_reward(work, reward_id)
    if not is_manager_of(work, reward):
        raise Forbidden
    if revision is not None and revision != reward.revision:
        raise RewardChanged(title=reward.title)
    if publish and reward.operator_id is not None:
        require_operator_host(work)
    waiting = (RewardStatus.SUBMITTED, RewardStatus.DRAFT, RewardStatus.WITHDRAWN)
    sources = waiting if publish else (RewardStatus.SUBMITTED,)
    into = RewardStatus.PUBLISHED if publish else RewardStatus.DRAFT
    _move(work, reward, sources, into, note)
    return _looked_at_again(work, reward_id)


def withdraw_reward(work: Work, reward_id: int, reason: str) -> Any:
    """Take a reward off the shelf; what was redeemed stands. Raises RewardUnknown, Forbidden, RewardStateUnfit."""
    reward = read_reward(work, reward_id)
    require_keeper(work, reward)
    sources = (RewardStatus.PUBLISHED, RewardStatus.SUBMITTED, RewardStatus.DRAFT)
    _move(work, reward, sources, RewardStatus.WITHDRAWN, reason)
    return _looked_at_again(work, reward_id)


def _move(
    work: Work, reward: Any, sources: tuple[RewardStatus, ...], into: RewardStatus, note: str | None = None
) -> None:
    """Bring a reward from a state into another one. Raises RewardStateUnfit."""
    if reward.status not in sources:
        raise RewardStateUnfit
    row = {"town": work.town_id, "reward": reward.id, "out_of": reward.status, "into": into}
    if note is not None:
        decided = row | {"at": work.now, "by": work.actor.id, "note": note}
        moved = work.core.execute(_decide, decided).first()
    else:
        moved = work.core.execute(_to_state, row).first()
    if moved is None:
        raise TryAgain


def _looked_at_again(work: Work, reward_id: int) -> Any:
    """A reward after a change, found by what it says now."""
    refresh(work, FoundKind.REWARD, [reward_id])
    return as_shown(read_reward(work, reward_id))


def _check_fields(work: Work, fields: Mapping[str, Any]) -> None:
    """Raises RewardFieldsUnfit, PlaceUnknown."""
    _check_order(fields, "age_min", "age_max", "年龄下限不能大于上限", "age_min is above age_max", may_equal=True)
    _check_order(fields, "offered_from", "offered_until", "结束时间须晚于开始时间", "it ends before it begins")
    _check_order(fields, "opens_at", "closes_at", "每天的结束时间须晚于开始时间", "closes_at isn't after opens_at")
    for one, other in (("opens_at", "closes_at"), ("latitude", "longitude"), ("ladder", "level")):
        if (fields[one] is None) is not (fields[other] is None):
            raise RewardFieldsUnfit(reason=InBoth(f"{one} 与 {other} 须同时填写", f"{one} and {other} go together"))
    periods = [limit["per"] for limit in fields["limits"]]
    if len(periods) != len(set(periods)):
        raise RewardFieldsUnfit(reason=InBoth("每个周期只能有一个限额", "there are two limits for one period"))
    if fields["eligible_territory_id"] is not None:
        find_place(work, fields["eligible_territory_id"])
    if fields["ladder"] is not None:
        _check_level(work, fields["ladder"], fields["level"])


def _check_order(fields: Mapping[str, Any], low: str, high: str, zh: str, en: str, *, may_equal: bool = False) -> None:
    least, most = fields[low], fields[high]
    if least is not None and most is not None and (most < least or (most == least and not may_equal)):
        raise RewardFieldsUnfit(reason=InBoth(zh, en))


def _check_level(work: Work, ladder: str, level: str) -> None:
    in_force = rulebook_in_force(work, work.now)
    ladders = in_force.rulebook.ladder if in_force is not None else ()
    known = [f"{each.id}/{rung.id}" for each in ladders for rung in each.level]
    if f"{ladder}/{level}" not in known:
        words = "、".join(known) or "—"
        raise RewardFieldsUnfit(
            reason=InBoth(f"积分规则没有这个等级，可选：{words}", f"no such level; there are: {words}")
        )
