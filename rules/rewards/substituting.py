"""Something else instead: the merchant offers it, the resident takes it or gets the points back.

A substitute is offered because there is none of the first left, so its pieces leave its stock with the answer. What it
costs less is given back at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, func, update

from models.rewards import EndedBy, Redemption, RedemptionStatus, RewardStatus
from rules.clock import local_day, local_moment
from rules.ledger.holds import HoldSettled, prolong_holds, void
from rules.ledger.transactions import Cause, in_book
from rules.rewards.ending import end, read_for_staff, require_ready
from rules.rewards.limits import count_pieces
from rules.rewards.looking import RedemptionView, as_staff_see, read_redemption, show_redemption
from rules.rewards.redeeming import HELD_LONGER, check_person
from rules.rewards.refusals import NoSubstituteOffered, NotSubstitutable, RewardSoldOut, SubstituteUnfit
from rules.rewards.settling import lock_ready, put_back, raise_why_not
from rules.rewards.shelf import is_manager_of, may_hand_out, read_reward, take_pieces
from rules.rewards.stock import remove_pieces
from rules.rewards.telling import tell_substitute_offered, tell_substituted
from rules.rewards.terms import SOURCE, remind_at
from rules.work import TryAgain, Work

#: Whoever takes something else has so long to come for it, at the least; holds last longer than that.
DAYS_MORE = 7
RUN_OUT = "缺货，换其他物品"

_offer = (
    update(Redemption)
    .where(
        Redemption.town_id == bindparam("town"),
        Redemption.id == bindparam("redemption"),
        Redemption.status == RedemptionStatus.READY,
        Redemption.pick_up_until > bindparam("at"),
        Redemption.reward_id == bindparam("as_reward"),
    )
    .values(substitute_id=bindparam("instead"), substitute_reason=bindparam("why"))
    .returning(Redemption.id)
    .execution_options(synchronize_session=False)
)
_swap = (
    update(Redemption)
    .where(
        Redemption.town_id == bindparam("town"),
        Redemption.id == bindparam("redemption"),
        Redemption.status == RedemptionStatus.READY,
        Redemption.pick_up_until > bindparam("at"),
        Redemption.substitute_id == bindparam("instead"),
    )
    .values(
        reward_id=bindparam("instead"),
        replaced_id=func.coalesce(Redemption.replaced_id, Redemption.reward_id),
        replaced_at=bindparam("at"),
        substitute_id=None,
        substitute_reason=None,
        price=bindparam("new_price"),
        fee=bindparam("new_fee"),
        payments=bindparam("new_payments", type_=Redemption.__table__.c.payments.type),
        limit_periods=bindparam("new_periods", type_=Redemption.__table__.c.limit_periods.type),
        points_returned=Redemption.points_returned + bindparam("returned"),
        pick_up_until=bindparam("until"),
        remind_at=bindparam("remind"),
    )
    .returning(Redemption.id)
    .execution_options(synchronize_session=False)
)


def offer_substitute(work: Work, redemption_id: int, reward_id: int, reason: str) -> Any:
    """Offer another reward of the same merchant that costs no more; a new offer takes the place of an old one.

    Raises RedemptionUnknown, RedemptionOver, RedemptionLapsed, NotSubstitutable, RewardUnknown, SubstituteUnfit,
    RewardSoldOut.
    """
    redemption = read_for_staff(work, redemption_id)
    require_ready(work, redemption)
    if not redemption.is_substitutable:
        raise NotSubstitutable
    substitute = read_reward(work, reward_id)
    _check_fit(redemption, substitute)
    if not (may_hand_out(work, substitute) or is_manager_of(work, substitute)):
        raise SubstituteUnfit  # the community's own has no merchant, so the place says whose it is to give
    if substitute.stock is not None and substitute.taken + redemption.quantity > substitute.stock:
        raise RewardSoldOut(title=substitute.title, left=substitute.stock - substitute.taken)
    row = {"as_reward": redemption.reward_id, "at": work.now, "instead": reward_id, "why": reason}
    if work.core.execute(_offer, {"town": work.town_id, "redemption": redemption_id, **row}).first() is None:
        raise_why_not(work, redemption_id)
    tell_substitute_offered(work, redemption, substitute.title, reward_id)
    return as_staff_see(read_redemption(work, redemption_id))


def answer_substitute(work: Work, redemption_id: int, *, accept: bool) -> RedemptionView:
    """Take what the merchant offers instead, or get the points back.

    Raises RedemptionUnknown, RedemptionOver, RedemptionLapsed, NoSubstituteOffered, SubstituteUnfit, RewardSoldOut,
    PersonalLimitReached, ResidentSuspended, RewardOutsideTerritory, RewardAgeUnfit.
    """
    redemption = show_redemption(work, redemption_id)
    require_ready(work, redemption)
    if redemption.substitute_id is None:
        raise NoSubstituteOffered
    if accept:
        _swap_for(work, redemption)
    else:
        end(work, redemption, EndedBy.RESIDENT, "不换其他物品", redemption.substitute_reason, is_out_of_stock=True)
    return read_redemption(work, redemption_id)


def _swap_for(work: Work, redemption: RedemptionView) -> None:
    offered = redemption.substitute_id
    redemption = lock_ready(work, redemption, offered)
    if redemption.substitute_id != offered:
        raise TryAgain
    substitute = read_reward(work, redemption.substitute_id)
    _check_fit(redemption, substitute)
    check_person(work, substitute, redemption.resident_id)
    put_back(work, redemption)
    remove_pieces(work, redemption.reward_id, redemption.quantity, RUN_OUT)
    take_pieces(work, substitute, redemption.quantity)
    periods = count_pieces(work, substitute, redemption.resident_id, redemption.quantity)
    price = substitute.price * redemption.quantity
    payments, freed = _reduced(redemption.payments, redemption.price - price)
    at_least = local_moment(local_day(work.now) + timedelta(days=DAYS_MORE + 1), "00:00")
    until = max(redemption.pick_up_until, at_least)
    row = {
        "at": work.now,
        "instead": redemption.substitute_id,
        "new_price": price,
        "new_fee": substitute.fee * redemption.quantity,
        "new_payments": payments,
        "new_periods": periods,
        "returned": redemption.price - price,
        "until": until,
        "remind": remind_at(work.now, until),
    }
    if work.core.execute(_swap, {"town": work.town_id, "redemption": redemption.id, **row}).first() is None:
        raise_why_not(work, redemption.id)
    prolong_holds(work, [payment["hold_id"] for payment in payments], until + HELD_LONGER)
    for payment, amount in freed:
        _give_back(work, redemption, payment, amount, substitute.title)
    tell_substituted(work, redemption, redemption.price - price, substitute.title)


def _check_fit(redemption: RedemptionView, substitute: Any) -> None:
    quantity = redemption.quantity
    if (
        substitute.status is not RewardStatus.PUBLISHED
        or substitute.id == redemption.reward_id
        or substitute.operator_id != redemption.operator_id
        or substitute.price * quantity > redemption.price
        or substitute.fee * quantity > redemption.fee
    ):
        raise SubstituteUnfit


def _reduced(
    payments: list[dict[str, Any]], less: int
) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], int]]]:
    """What stays held where a redemption costs less, and what of which payment is given back, the last one first. Pure."""
    kept, freed = [], []
    for payment in reversed(payments):
        part = min(payment["amount"], less)
        less -= part
        if part:
            freed.append((payment, part))
        if payment["amount"] > part:
            kept.append(payment | {"amount": payment["amount"] - part})
    return kept[::-1], freed[::-1]


def _give_back(work: Work, redemption: RedemptionView, payment: dict[str, Any], amount: int, title: str) -> None:
    explanation = f"「{redemption.title}」换为「{title}」，退回 {amount} 分"
    cause = Cause(
        SOURCE, explanation, work.now, community_id=redemption.territory_id, operator_id=redemption.operator_id
    )
    # Named by what was given back before, which grows each time: the same substitute may be taken twice.
    key = f"{SOURCE}:{redemption.id}:less:{redemption.points_returned}"
    try:
        void(in_book(work, payment["book"]), key, payment["hold_id"], amount, cause)
    except HoldSettled:
        raise TryAgain from None
