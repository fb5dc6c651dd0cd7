"""Redemptions as they are read: one, a resident's own with the code, and those that staff have to hand out, without it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TypeAlias

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlalchemy.orm import aliased

from models.operators import OperatorStaff
from models.residents import Resident, Role
from models.rewards import Redemption, RedemptionStatus, Reward
from models.territory import Operator, Territory
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.residents.acting import NotTheirProxy, resident_for
from rules.residents.names import greeting
from rules.rewards.refusals import NoCounter, RedemptionUnknown
from rules.rewards.shelf import DESK
from rules.rows import AnyRow
from rules.work import Work

RedemptionView: TypeAlias = AnyRow

_substitute = aliased(Reward)
REDEMPTIONS = (
    select(
        *Redemption.__table__.c,
        Reward.title,
        Reward.kind,
        Reward.pick_up_at,
        Reward.operator_id,
        Reward.territory_id,
        Operator.name.label("operator"),
        Territory.path,
        _substitute.title.label("substitute"),
        Resident.name.label("resident_name"),
    )
    .select_from(Redemption)
    .join(Reward, and_(Reward.town_id == Redemption.town_id, Reward.id == Redemption.reward_id))
    .join(Territory, and_(Territory.town_id == Reward.town_id, Territory.id == Reward.territory_id))
    .join(Resident, and_(Resident.town_id == Redemption.town_id, Resident.id == Redemption.resident_id))
    .outerjoin(Operator, and_(Operator.town_id == Reward.town_id, Operator.id == Reward.operator_id))
    .outerjoin(_substitute, and_(_substitute.town_id == Redemption.town_id, _substitute.id == Redemption.substitute_id))
    .where(Redemption.town_id == bindparam("town"))
)
_one = REDEMPTIONS.where(Redemption.id == bindparam("redemption"))
_by_code = REDEMPTIONS.where(Redemption.code == bindparam("with_code"))
_page = REDEMPTIONS.where(Redemption.id < bindparam("before")).order_by(Redemption.id.desc()).limit(bindparam("limit"))
_mine = _page.where(Redemption.resident_id == bindparam("resident"))


def read_redemption(work: Work, redemption_id: int) -> RedemptionView:
    """A redemption, for a rule that knows who asks. Raises RedemptionUnknown."""
    row = work.core.execute(_one, {"town": work.town_id, "redemption": redemption_id}).first()
    if row is None:
        raise RedemptionUnknown
    return row


def find_by_code(work: Work, code: str) -> RedemptionView | None:
    """The redemption that a code stands for."""
    return work.core.execute(_by_code, {"town": work.town_id, "with_code": code}).first()


def show_redemption(work: Work, redemption_id: int) -> RedemptionView:
    """A redemption of the actor, or of somebody for whom the actor acts. Raises RedemptionUnknown for all others'."""
    redemption = read_redemption(work, redemption_id)
    try:
        resident_for(work, redemption.resident_id)
    except NotTheirProxy:
        raise RedemptionUnknown from None
    return redemption


def list_redemptions(
    work: Work, resident_id: int | None, status: RedemptionStatus | None, after: Position | None, limit: int
) -> Page[RedemptionView]:
    """Redemptions of the actor, or of somebody for whom the actor acts, the latest first. Raises NotTheirProxy."""
    asked = {
        "town": work.town_id,
        "resident": resident_for(work, resident_id),
        "before": int(after[0]) if after else ID_MAX,
        "limit": limit + 1,
    }
    statement = _mine if status is None else _mine.where(Redemption.status == status)
    return cut(work.core.execute(statement, asked).all(), limit, lambda row: (row.id,))


def list_to_hand_out(
    work: Work,
    status: RedemptionStatus | None,
    reward_id: int | None,
    operator_id: int | None,
    after: Position | None,
    limit: int,
) -> Page[SimpleNamespace]:
    """What staff hand out: of the merchants they act for, and of the community where they serve. The latest first.

    Names are masked, and codes aren't shown: who comes shows the code. Raises NoCounter.
    """
    conditions: list[ColumnElement[bool]] = [or_(*_scopes(work))]
    if status is not None:
        conditions.append(Redemption.status == status)
    if reward_id is not None:
        conditions.append(Redemption.reward_id == reward_id)
    if operator_id is not None:
        conditions.append(Reward.operator_id == operator_id)
    asked = {"town": work.town_id, "before": int(after[0]) if after else ID_MAX, "limit": limit + 1}
    rows = work.core.execute(_page.where(*conditions), asked).all()
    return cut([as_staff_see(row) for row in rows], limit, lambda row: (row.id,))


def as_staff_see(row: RedemptionView) -> SimpleNamespace:
    """A redemption with a masked name."""
    return SimpleNamespace(**row._mapping, resident=greeting(row.resident_name, row.resident_id))


def _scopes(work: Work) -> list[ColumnElement[bool]]:
    """Which rewards the actor hands out or looks after. Raises NoCounter where there are none."""
    linked = select(OperatorStaff.operator_id).where(
        OperatorStaff.town_id == work.town_id, OperatorStaff.staff_id == work.actor.id
    )
    scopes: list[ColumnElement[bool]] = []
    for grant in work.actor.grants:
        here = Territory.path.startswith(grant.path)
        if grant.role in (Role.MANAGER, Role.ADMIN):
            scopes.append(here)
        elif grant.role in DESK:
            scopes.append(and_(here, Reward.operator_id.is_(None)))
        elif grant.role is Role.OPERATOR:
            scopes.append(and_(here, Reward.operator_id.in_(linked)))
    if not scopes:
        raise NoCounter
    return scopes
