"""Handing out: a code is shown at the counter, and what was held is spent, once.

The code names what is to be handed out, so it is its own key: a second scan gets the stored answer of the first, marked as
such, and moves nothing. A code that isn't this counter's is answered like one that doesn't exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.rewards import RedemptionStatus
from rules.residents.names import greeting
from rules.rewards.codes import count_try, forgive_try, read_code
from rules.rewards.ending import require_ready
from rules.rewards.looking import find_by_code, read_redemption
from rules.rewards.refusals import FeeUnpaid, NoCounter, WrongCode
from rules.rewards.settling import mark_fulfilled, spend_held
from rules.rewards.shelf import may_hand_out
from rules.work import ActorKind, Work

FEN = 100


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What is handed out."""

    id: int
    reward_id: int
    title: str
    quantity: int
    points: int
    fee: int
    fee_paid: bool
    resident: str  #: masked
    fulfilled_at: datetime
    replayed: bool  #: it was handed out before; nothing is to be handed out now


def fulfil(work: Work, code: str, *, fee_paid: bool) -> Fulfilment:
    """Hand out what a code stands for; the points that were held are the merchant's from now on.

    Raises NoCounter (no staff), TooManyWrongCodes, WrongCode (also what another counter hands out), RedemptionOver,
    RedemptionLapsed, FeeUnpaid.
    """
    if work.actor.kind is not ActorKind.STAFF:
        raise NoCounter
    count_try(work)
    written = read_code(code)
    redemption = find_by_code(work, written) if written is not None else None
    if redemption is None or not may_hand_out(work, redemption):
        raise WrongCode
    forgive_try(work)
    if redemption.status is RedemptionStatus.FULFILLED:
        return _answer(redemption, replayed=True)
    require_ready(work, redemption)
    if redemption.fee and not fee_paid:
        raise FeeUnpaid(yuan=f"{redemption.fee / FEN:.2f}")
    if not mark_fulfilled(work, redemption, fee_paid=fee_paid and redemption.fee > 0):
        return _answer(read_redemption(work, redemption.id), replayed=True)
    explanation = f"兑换「{redemption.title}」{redemption.quantity} 件，支付 {redemption.price} 分"
    spend_held(work, redemption, explanation, redeemer_id=redemption.operator_id)
    return _answer(read_redemption(work, redemption.id), replayed=False)


def _answer(redemption: Any, *, replayed: bool) -> Fulfilment:
    return Fulfilment(
        redemption.id,
        redemption.reward_id,
        redemption.title,
        redemption.quantity,
        redemption.price,
        redemption.fee,
        redemption.fee_paid,
        greeting(redemption.resident_name, redemption.resident_id),
        redemption.fulfilled_at,
        replayed,
    )
