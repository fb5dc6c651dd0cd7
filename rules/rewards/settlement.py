"""What is settled with merchants: in a period, which pieces were handed out, for how many points and how much money.

Points that were forfeited stand apart: the merchant gave nothing for them. Counted from the redemptions themselves; whose
points they were is `rules.ledger.reports.settlement`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, case, cast, func, literal_column, or_, select

from models.operators import OperatorStaff
from models.residents import Role
from models.rewards import Redemption, RedemptionStatus, Reward
from models.territory import Operator, Territory
from rules.clock import local_day, local_moment
from rules.points.reports import DAYS_MAX, PeriodInvalid
from rules.rewards.refusals import NoCounter
from rules.work import Work

#: Whose roles see what was handed out by everybody in their place.
WATCHING = (Role.MANAGER, Role.AUDITOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class RewardSettlementLine:
    """What was handed out of one reward."""

    operator_id: int | None  #: None: the community's own
    operator: str | None
    reward_id: int
    title: str
    redemptions: int
    pieces: int
    points: int  #: spent, in the smallest unit of the points book
    fees: int  #: fen that the merchant took
    forfeited: int  #: points of redemptions that nobody picked up


@dataclass(frozen=True, slots=True)
class RewardSettlement:
    """Whole local days, both included."""

    first_day: date
    last_day: date
    lines: Sequence[RewardSettlementLine]


def _sum(amount: Any, condition: ColumnElement[bool]) -> Any:
    return cast(func.coalesce(func.sum(case((condition, amount), else_=0)), 0), BigInteger)


_is_fulfilled = Redemption.status == RedemptionStatus.FULFILLED
_in_period = or_(
    and_(Redemption.fulfilled_at >= bindparam("begin"), Redemption.fulfilled_at < bindparam("end")),
    and_(
        Redemption.status == literal_column("'lapsed'"),  # as the index has it
        Redemption.ended_at >= bindparam("begin"),
        Redemption.ended_at < bindparam("end"),
    ),
)
_lines = (
    select(
        Reward.operator_id,
        Operator.name.label("operator"),
        Reward.id.label("reward_id"),
        Reward.title,
        _sum(1, _is_fulfilled).label("redemptions"),
        _sum(Redemption.quantity, _is_fulfilled).label("pieces"),
        _sum(Redemption.price, _is_fulfilled).label("points"),
        _sum(Redemption.fee, and_(_is_fulfilled, Redemption.fee_paid)).label("fees"),
        _sum(Redemption.price, and_(~_is_fulfilled, ~Redemption.returns_when_lapsed)).label("forfeited"),
    )
    .select_from(Redemption)
    .join(Reward, and_(Reward.town_id == Redemption.town_id, Reward.id == Redemption.reward_id))
    .join(Territory, and_(Territory.town_id == Reward.town_id, Territory.id == Reward.territory_id))
    .outerjoin(Operator, and_(Operator.town_id == Reward.town_id, Operator.id == Reward.operator_id))
    .where(Redemption.town_id == bindparam("town"), _in_period)
    .group_by(Reward.operator_id, Operator.name, Reward.id, Reward.title)
    .order_by(Operator.name, Reward.title, Reward.id)
)


def settle_rewards(
    work: Work, operator_id: int | None, first_day: date | None, last_day: date | None
) -> RewardSettlement:
    """What was handed out in a period, this month until today by default: by the merchants that the actor acts for, or by
    all in the places that the actor manages or audits. Raises NoCounter, PeriodInvalid."""
    last_day = last_day or local_day(work.now)
    first_day = first_day or last_day.replace(day=1)
    if not 0 <= (last_day - first_day).days < DAYS_MAX:
        raise PeriodInvalid
    conditions = [or_(*_scopes(work))]
    if operator_id is not None:
        conditions.append(Reward.operator_id == operator_id)
    asked = {
        "town": work.town_id,
        "begin": local_moment(first_day, "00:00"),
        "end": local_moment(last_day + timedelta(days=1), "00:00"),
    }
    rows = work.core.execute(_lines.where(*conditions), asked)
    return RewardSettlement(first_day, last_day, [RewardSettlementLine(**row._mapping) for row in rows])


def _scopes(work: Work) -> list[ColumnElement[bool]]:
    linked = select(OperatorStaff.operator_id).where(
        OperatorStaff.town_id == work.town_id, OperatorStaff.staff_id == work.actor.id
    )
    scopes: list[ColumnElement[bool]] = []
    for grant in work.actor.grants:
        here = Territory.path.startswith(grant.path)
        if grant.role in WATCHING:
            scopes.append(here)
        elif grant.role is Role.OPERATOR:
            scopes.append(and_(here, Reward.operator_id.in_(linked)))
    if not scopes:
        raise NoCounter
    return scopes
