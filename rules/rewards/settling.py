"""How a redemption ends: one guarded UPDATE of its status, by which the counter, the resident and the hour find one winner.

What was held is spent or given back in the same transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update

from models.rewards import EndedBy, Redemption, RedemptionStatus
from rules.clock import ZONE
from rules.errors import InBoth
from rules.ledger.holds import HoldLapsed, HoldSettled, capture, read_hold, void
from rules.ledger.transactions import Cause, in_book
from rules.rewards.limits import uncount_pieces
from rules.rewards.looking import RedemptionView, read_redemption
from rules.rewards.refusals import RedemptionLapsed, RedemptionOver
from rules.rewards.shelf import lock_reward, put_pieces_back
from rules.rewards.terms import SOURCE, untell_rulebook
from rules.rulebook.standings import take_turn
from rules.work import TryAgain, Work

STATE_WORDS = {
    RedemptionStatus.READY: ("待领取", "ready"),
    RedemptionStatus.FULFILLED: ("领取", "handed out"),
    RedemptionStatus.CANCELLED: ("取消", "cancelled"),
    RedemptionStatus.LAPSED: ("逾期", "lapsed"),
}

_settle = (
    update(Redemption)
    .where(
        Redemption.town_id == bindparam("town"),
        Redemption.id == bindparam("redemption"),
        Redemption.status == RedemptionStatus.READY,
    )
    .values(remind_at=None, substitute_id=None, substitute_reason=None)
    .returning(Redemption.id)
    .execution_options(synchronize_session=False)
)
_fulfil = _settle.where(
    Redemption.pick_up_until > bindparam("at"), Redemption.reward_id == bindparam("as_reward")
).values(
    status=RedemptionStatus.FULFILLED,
    fulfilled_at=bindparam("at"),
    fulfilled_by=bindparam("by"),
    fee_paid=bindparam("with_fee"),
)
_end = _settle.where(Redemption.reward_id == bindparam("as_reward")).values(
    status=bindparam("into"),
    ended_at=bindparam("at"),
    ended_by=bindparam("by_whom"),
    ended_reason=bindparam("why"),
    points_returned=Redemption.points_returned + bindparam("returned"),
)
#: From then on `returns_when_lapsed` says what happened: points that a swap gave back before tell nothing of it.
_lapse = _end.where(Redemption.pick_up_until <= bindparam("at")).values(returns_when_lapsed=bindparam("came_back"))


def lock_ready(work: Work, redemption: Any, *rewards: int) -> RedemptionView:
    """Lock a redemption's reward, and these others, and return the redemption as it stands then.

    Whoever puts pieces back locks the reward first, so what is ready now still has its own. Raises RedemptionOver, and
    TryAgain where something else took its place.
    """
    for reward_id in sorted({redemption.reward_id, *rewards}):
        lock_reward(work, reward_id)
    now = read_redemption(work, redemption.id)
    if now.status is not RedemptionStatus.READY:
        raise over(now)
    if now.reward_id != redemption.reward_id:
        raise TryAgain
    return now


def mark_fulfilled(work: Work, redemption: Any, *, fee_paid: bool) -> bool:
    """Write down that it was handed out now, by the actor; False when somebody else just did.

    Raises RedemptionOver, RedemptionLapsed.
    """
    if _won(work, _fulfil, redemption, {"by": work.actor.id, "with_fee": fee_paid}):
        return True
    if read_redemption(work, redemption.id).status is not RedemptionStatus.FULFILLED:
        raise_why_not(work, redemption.id)
    return False


def mark_ended(
    work: Work, redemption: Any, into: RedemptionStatus, by: EndedBy, returned: int, reason: str | None
) -> bool:
    """Write down that it ended now; False when it was settled by somebody else."""
    return _won(work, _end, redemption, {"into": into, "by_whom": by, "why": reason, "returned": returned})


def mark_lapsed(work: Work, redemption: Any, *, comes_back: bool) -> bool:
    """Write down that nobody picked it up in time, and whether the points come back.

    False when it was settled by somebody else, or isn't due.
    """
    ended = {"into": RedemptionStatus.LAPSED, "by_whom": EndedBy.TIME, "why": None}
    back = {"returned": redemption.price if comes_back else 0, "came_back": comes_back}
    return _won(work, _lapse, redemption, {**ended, **back})


def _won(work: Work, statement: Any, redemption: Any, row: dict[str, Any]) -> bool:
    named = {"town": work.town_id, "redemption": redemption.id, "as_reward": redemption.reward_id, "at": work.now}
    return work.core.execute(statement, named | row).first() is not None


def raise_why_not(work: Work, redemption_id: int) -> None:
    """Say why a redemption that was read as ready isn't: RedemptionOver, RedemptionLapsed; else look again."""
    now = read_redemption(work, redemption_id)
    if now.status is not RedemptionStatus.READY:
        raise over(now)
    if now.pick_up_until <= work.now:
        raise RedemptionLapsed(until=until_in_words(now.pick_up_until))
    raise TryAgain  # something else took its place


def over(redemption: Any) -> RedemptionOver:
    """The refusal of what is settled already."""
    return RedemptionOver(state=InBoth(*STATE_WORDS[redemption.status]))


def until_in_words(moment: datetime) -> str:
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")


# --- points ---------------------------------------------------------------------------------------------------------


def spend_held(work: Work, redemption: Any, explanation: str, *, redeemer_id: int | None, reason: str = SOURCE) -> None:
    """Spend all that is held. Raises TryAgain where it was settled meanwhile."""
    for payment in redemption.payments:
        of_book = in_book(work, payment["book"])
        hold_id = payment["hold_id"]
        key = f"{SOURCE}:{redemption.id}:capture"
        cause = _cause(redemption, explanation, work.now, reason)
        try:
            capture(of_book, key, hold_id, payment["amount"], cause, redeemer_id=redeemer_id)
        except (HoldSettled, HoldLapsed):
            raise TryAgain from None


def give_held_back(work: Work, redemption: Any, explanation: str) -> None:
    """Give back all that is still held. Where the hold has lapsed by itself, its points are back already."""
    for payment in redemption.payments:
        of_book = in_book(work, payment["book"])
        kept = read_hold(of_book, payment["hold_id"])
        left = kept.amount - kept.captured - kept.released
        if left > 0:
            cause = _cause(redemption, explanation, work.now, SOURCE)
            try:
                void(of_book, f"{SOURCE}:{redemption.id}:void", payment["hold_id"], left, cause)
            except HoldSettled:  # it lapsed between the look and now
                raise TryAgain from None


def undo(work: Work, redemption: Any, reason: str) -> None:
    """Give back the points of a redemption, and count it no more. The reward is locked, the redemption settled."""
    take_turn(work, redemption.resident_id)
    give_held_back(work, redemption, f"「{redemption.title}」{reason}，退回 {redemption.price} 分")
    untell_rulebook(work, str(redemption.id), f"「{redemption.title}」{reason}")


def put_back(work: Work, redemption: Any) -> Any:
    """Put a redemption's pieces back, and count them no more for the person; returns the stock's counters."""
    counters = put_pieces_back(work, redemption.reward_id, redemption.quantity)
    forget_pieces(work, redemption)
    return counters


def forget_pieces(work: Work, redemption: Any) -> None:
    """Count a redemption's pieces no more for the person. The reward is locked."""
    uncount_pieces(work, redemption.reward_id, redemption.resident_id, redemption.limit_periods, redemption.quantity)


def _cause(redemption: Any, explanation: str, now: datetime, reason: str) -> Cause:
    return Cause(
        reason,
        explanation,
        now,
        community_id=redemption.territory_id,
        operator_id=redemption.operator_id,
    )
