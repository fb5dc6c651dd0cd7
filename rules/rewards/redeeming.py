"""Redeeming: pieces are taken and points are held, in one transaction, and a code says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, bindparam, insert, select
from sqlalchemy.orm import aliased

from models.residents import Resident, ResidentStatus, Role
from models.rewards import Redemption, RedemptionStatus, RewardKind, RewardStatus
from models.territory import Territory
from rules.clock import ZONE, local_day
from rules.hosting import require_operator_host
from rules.ledger.holds import Holding, hold
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import in_book
from rules.points.people import require_role_over_resident
from rules.reservations.eligibility import fits_age
from rules.reservations.paying import short_of_points
from rules.residents.acting import booked_by, resident_for
from rules.rewards.codes import make_code
from rules.rewards.limits import count_pieces
from rules.rewards.looking import RedemptionView, read_redemption
from rules.rewards.refusals import (
    ResidentSuspended,
    RewardAgeUnfit,
    RewardClosed,
    RewardNotOffered,
    RewardOutsideTerritory,
    RewardPriceChanged,
    RewardUnknown,
    TooManyPieces,
)
from rules.rewards.shelf import read_reward, take_pieces, when_in_words
from rules.rewards.telling import tell_ready
from rules.rewards.terms import SOURCE, Terms, Wanted, remind_at, tell_rulebook, terms_of
from rules.rows import AnyRow
from rules.rulebook.sections.redemption import For
from rules.work import ActorKind, Work

#: How the rulebook calls what a reward is.
FOR = {
    RewardKind.GOODS: For.GOODS,
    RewardKind.SERVICE: For.SERVICE,
    RewardKind.VOUCHER: For.FEE,
    RewardKind.PLACE: For.PLACE,
}
#: Points stay held so much longer than something waits, so that the nightly run, be it late, finds them there.
HELD_LONGER = timedelta(days=30)
FEN = 100


@dataclass(frozen=True, slots=True)
class RedemptionWish:
    """What somebody wants to redeem."""

    quantity: int = 1
    resident_id: int | None = None  #: for whom, where it isn't for the actor
    price: int | None = None  #: of one piece, as it was seen; refused if it is another by now


_home = aliased(Territory)
_resident = (
    select(Resident.id, Resident.status, Resident.born_on, _home.path.label("home_path"))
    .outerjoin(_home, and_(_home.town_id == Resident.town_id, _home.id == Resident.territory_id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
)
_insert = insert(Redemption)


def redeem(work: Work, reward_id: int, wish: RedemptionWish) -> RedemptionView:
    """Redeem pieces of a reward for the actor, for whom the actor acts, or as staff for a resident of their place.

    Raises RewardUnknown, RewardNotOffered, RewardPriceChanged, HostedByGovernment, TooManyPieces, RewardClosed,
    RewardOutsideTerritory, RewardAgeUnfit, ResidentSuspended, RewardSoldOut, PersonalLimitReached, what
    `rules.rewards.terms.terms_of` raises, ResidentNeeded, ResidentUnknown, NotTheirProxy, Forbidden.
    """
    resident_id = resident_for(work, wish.resident_id)
    if work.actor.kind is ActorKind.STAFF:
        require_role_over_resident(work, Role.ORGANISER, resident_id)
    reward = read_reward(work, reward_id)
    _check_offer(work, reward, wish)
    check_person(work, reward, resident_id)
    take_pieces(work, reward, wish.quantity)
    periods = count_pieces(work, reward, resident_id, wish.quantity)
    wanted = wanted_of(reward, resident_id, wish.quantity)
    terms = terms_of(work, wanted, level=(reward.ladder, reward.level) if reward.ladder else None)
    redemption_id = work.new_id()
    tell_rulebook(work, terms, wanted, str(redemption_id))
    payments = _hold_points(work, terms, wanted, redemption_id)
    until = terms.pick_up_until(work.now)
    row = {
        "town_id": work.town_id,
        "id": redemption_id,
        "reward_id": reward.id,
        "resident_id": resident_id,
        "quantity": wish.quantity,
        "price": wanted.points,
        "payments": payments,
        "fee": reward.fee * wish.quantity,
        "code": make_code(),
        "status": RedemptionStatus.READY,
        "section": terms.section.id,
        "is_refundable": terms.is_refundable,
        "returns_when_lapsed": terms.returns_when_lapsed,
        "is_substitutable": terms.section.substitution,
        "limit_periods": periods,
        "redeemed_at": work.now,
        "pick_up_until": until,
        "remind_at": remind_at(work.now, until),
    }
    work.core.execute(_insert, row | booked_by(work, resident_id))
    redeemed = read_redemption(work, redemption_id)
    tell_ready(work, redeemed)
    return redeemed


def wanted_of(reward: Any, resident_id: int, quantity: int) -> Wanted:
    """A reward as the rulebook sees it."""
    points = reward.price * quantity
    facts: dict[str, Any] = {
        "quantity": quantity,
        "item": reward.item or reward.title,
        "reward": reward.title,
        "own": reward.operator_id is None,
        "with_fee": reward.fee > 0,
    }
    if reward.operator is not None:
        facts["shop"] = reward.operator
    if reward.worth is not None:
        facts["price"] = _yuan(reward.worth * quantity)
        facts["worth_per_point"] = _yuan(max(reward.worth - reward.fee, 0) * quantity) / points
    return Wanted(resident_id, FOR[reward.kind], reward.title, points, facts, reward.territory_id, reward.operator_id)


def _check_offer(work: Work, reward: AnyRow, wish: RedemptionWish) -> None:
    """Raises what keeps everybody from redeeming this now."""
    if reward.status in (RewardStatus.DRAFT, RewardStatus.SUBMITTED):
        raise RewardUnknown
    if reward.status is not RewardStatus.PUBLISHED:
        raise RewardNotOffered(title=reward.title)
    if reward.operator_id is not None:
        require_operator_host(work)
    if wish.price is not None and wish.price != reward.price:
        raise RewardPriceChanged(title=reward.title, price=reward.price)
    if wish.quantity > reward.quantity_max:
        raise TooManyPieces(most=reward.quantity_max)
    if not is_open(work, reward):
        raise RewardClosed(title=reward.title, when=when_in_words(reward))


def is_open(work: Work, reward: Any) -> bool:
    """Whether a reward is redeemed at this moment, by its own dates, days and hours."""
    local = work.now.astimezone(ZONE)
    return (
        (reward.offered_from is None or reward.offered_from <= work.now)
        and (reward.offered_until is None or work.now < reward.offered_until)
        and (not reward.weekdays or local.isoweekday() in reward.weekdays)
        and (not reward.month_days or local.day in reward.month_days)
        and (reward.opens_at is None or reward.opens_at <= f"{local:%H:%M}" < reward.closes_at)
    )


def check_person(work: Work, reward: AnyRow, resident_id: int) -> None:
    """Raises what keeps this resident from redeeming it."""
    resident = require_active(work, resident_id)
    if reward.eligible_path is not None and not (resident.home_path or "").startswith(reward.eligible_path):
        raise RewardOutsideTerritory(place=reward.eligible_place)
    if reward.age_min is None and reward.age_max is None:
        return
    if resident.born_on is None or not fits_age(resident.born_on, local_day(work.now), reward.age_min, reward.age_max):
        raise RewardAgeUnfit(ages=f"{reward.age_min or 0}–{'' if reward.age_max is None else reward.age_max}")


def require_active(work: Work, resident_id: int) -> AnyRow:
    """A resident who may spend points. Raises ResidentSuspended."""
    resident = work.send(_resident, {"town": work.town_id, "resident": resident_id}).one()
    if resident.status is ResidentStatus.SUSPENDED:
        raise ResidentSuspended
    return resident


def _hold_points(work: Work, terms: Terms, wanted: Wanted, redemption_id: int) -> list[dict[str, Any]]:
    """Hold what the rulebook takes, book after book in one order. Raises PointsInsufficient."""
    lapses_at = terms.pick_up_until(work.now) + HELD_LONGER
    payments = []
    for book, amount in sorted(terms.pays.items(), key=lambda each: each[0]):
        cause = terms.cause(wanted, f"兑换「{wanted.title}」冻结 {amount} 分", work.now)
        holding = Holding(wanted.resident_id, amount, lapses_at, cause)
        try:
            held = hold(in_book(work, book), f"{SOURCE}:{redemption_id}:hold", holding)
        except PointsInsufficient as short:
            raise short_of_points(work, wanted.resident_id, amount, short.facts["available"]) from None
        payments.append({"book": book, "hold_id": held.txn_id, "amount": amount})
    assert payments or wanted.points == 0, "what costs points holds some"
    return payments


def _yuan(fen: int) -> Decimal:
    return Decimal(fen) / FEN
