"""Redemptions that end before anything is handed out: cancelled by the resident, refunded by the merchant."""

from __future__ import annotations

from typing import Any

from models.rewards import EndedBy, RedemptionStatus
from rules.rewards.looking import RedemptionView, as_staff_see, read_redemption, show_redemption
from rules.rewards.refusals import NotRefundable, RedemptionLapsed, RedemptionUnknown
from rules.rewards.settling import lock_ready, mark_ended, over, put_back, raise_why_not, undo, until_in_words
from rules.rewards.shelf import is_manager_of, may_hand_out
from rules.rewards.stock import remove_pieces
from rules.rewards.telling import tell_refunded
from rules.work import Work


def cancel_redemption(work: Work, redemption_id: int) -> RedemptionView:
    """Give it up and get the points back, where the rulebook of the day of redeeming lets residents do so.

    Where the merchant offers something else instead, it can be given up in any case. Raises RedemptionUnknown,
    RedemptionOver, RedemptionLapsed, NotRefundable.
    """
    redemption = show_redemption(work, redemption_id)
    require_ready(work, redemption)
    if not redemption.is_refundable and redemption.substitute_id is None:
        raise NotRefundable
    end(work, redemption, EndedBy.RESIDENT, "取消兑换", None)
    return read_redemption(work, redemption_id)


def refund_redemption(work: Work, redemption_id: int, reason: str, *, is_out_of_stock: bool) -> Any:
    """Give the points back as the merchant, or as a manager of the place.

    `is_out_of_stock`: the pieces aren't there, so they leave the stock instead of going back on the shelf. Raises
    RedemptionUnknown, RedemptionOver.
    """
    redemption = read_for_staff(work, redemption_id)
    if redemption.status is not RedemptionStatus.READY:
        raise over(redemption)
    end(work, redemption, EndedBy.MERCHANT, "由商家退回", reason, is_out_of_stock=is_out_of_stock)
    tell_refunded(work, redemption, redemption.price, reason)
    return as_staff_see(read_redemption(work, redemption_id))


def end(
    work: Work, redemption: Any, by: EndedBy, words: str, reason: str | None, *, is_out_of_stock: bool = False
) -> None:
    """Put the pieces back, settle the redemption, give back its points. Raises what keeps it from being settled."""
    redemption = lock_ready(work, redemption)
    put_back(work, redemption)
    if is_out_of_stock:
        remove_pieces(work, redemption.reward_id, redemption.quantity, reason or words)
    if not mark_ended(work, redemption, RedemptionStatus.CANCELLED, by, redemption.price, reason):
        raise_why_not(work, redemption.id)
    undo(work, redemption, words)


def read_for_staff(work: Work, redemption_id: int) -> RedemptionView:
    """A redemption that the actor hands out, or whose place the actor manages. Raises RedemptionUnknown."""
    redemption = read_redemption(work, redemption_id)
    if not (may_hand_out(work, redemption) or is_manager_of(work, redemption)):
        raise RedemptionUnknown
    return redemption


def require_ready(work: Work, redemption: Any) -> None:
    """Raises RedemptionOver, RedemptionLapsed unless it can still be picked up."""
    if redemption.status is not RedemptionStatus.READY:
        raise over(redemption)
    if redemption.pick_up_until <= work.now:
        raise RedemptionLapsed(until=until_in_words(redemption.pick_up_until))
