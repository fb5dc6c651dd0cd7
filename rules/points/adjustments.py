"""Adjustments: points given to or taken from one resident by hand, with a reason that the resident reads.

Up to the rulebook's threshold one manager's word is enough and the points move at once. Above it, the adjustment waits
for a second person. What the first person has moved alone for the same resident on the same local day counts towards
the threshold, points given and points taken alike.

Two second persons meet at the adjustment's row: one locks it, the other waits and finds it decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, bindparam, false, func, insert, or_, select, true, update

from models.adjustments import Adjustment, DecisionStatus
from models.residents import Resident, Role
from models.territory import Territory
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.ledger.transactions import Cause
from rules.ledger.transferring import Correction, adjust
from rules.paging import Page, Position, cut
from rules.points.people import require_role_over, require_role_over_resident
from rules.points.second_person import SecondPersonRequired, lock_actor, rulebook_today, today_alone
from rules.residents.identity import holds_at_root
from rules.rows import AnyRow
from rules.rulebook.expiring import expiry_of
from rules.rulebook.versions import InForce
from rules.work import Work

#: The reason of an adjustment's transaction, and what its key begins with.
SOURCE = "adjustment"


class AdjustmentUnknown(RuleError):
    code = "points.adjustment_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这笔积分调整。"
    en = "There is no such adjustment."


class AdjustmentDecided(RuleError):
    code = "points.adjustment_decided"
    kind = Kind.CONFLICT
    zh = "这笔积分调整已经处理过了。"
    en = "This adjustment was decided already."


class LastDayInvalid(RuleError):
    code = "points.last_day_invalid"
    kind = Kind.INVALID
    zh = "只有发放的积分才有有效期，且有效期不能早于今天。"
    en = "Only points that are given have a last good day, and it can't be in the past."


@dataclass(frozen=True, slots=True)
class AdjustmentWish:
    """What a manager wants to give or to take."""

    resident_id: int
    amount: int  #: above 0: given; below 0: taken
    reason: str  #: in words, for the resident
    expires_on: date | None = None  #: of points that are given; None: as if they were earned today


_columns = (
    Adjustment.id,
    Adjustment.resident_id,
    Adjustment.amount,
    Adjustment.reason,
    Adjustment.expires_on,
    Adjustment.needs_second_person,
    Adjustment.status,
    Adjustment.requested_by,
    Adjustment.requested_at,
    Adjustment.decided_by,
    Adjustment.decided_at,
    Adjustment.txn_id,
)
_adjustments = (
    select(*_columns, Territory.path)
    .join(Resident, (Resident.town_id == Adjustment.town_id) & (Resident.id == Adjustment.resident_id))
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .where(Adjustment.town_id == bindparam("town"))
)
_one = _adjustments.where(Adjustment.id == bindparam("adjustment"))
_lock_one = _one.with_for_update(of=Adjustment)
_list = _adjustments.where(Adjustment.id < bindparam("before")).order_by(Adjustment.id.desc()).limit(bindparam("limit"))
_alone_today = select(func.coalesce(func.sum(func.abs(Adjustment.amount)), 0)).where(
    Adjustment.town_id == bindparam("town"),
    Adjustment.id >= bindparam("since"),
    Adjustment.requested_at >= bindparam("midnight"),
    Adjustment.requested_by == bindparam("actor"),
    Adjustment.resident_id == bindparam("resident"),
    Adjustment.needs_second_person.is_(False),
)
_decide = (
    update(Adjustment)
    .where(
        Adjustment.town_id == bindparam("town"),
        Adjustment.id == bindparam("adjustment"),
        Adjustment.status == DecisionStatus.PENDING,
    )
    .values(
        status=bindparam("decision"),
        decided_by=bindparam("actor"),
        decided_at=bindparam("now"),
        txn_id=bindparam("txn"),
    )
    .returning(Adjustment.id)
    .execution_options(synchronize_session=False)
)


def request_adjustment(work: Work, wish: AdjustmentWish) -> AnyRow:
    """Give points to a resident or take them, at once or when a second person agrees.

    Raises ResidentUnknown, Forbidden (no manager where the resident lives), RulebookMissing, LastDayInvalid, and when it
    is booked at once BudgetExhausted, PointsInsufficient.
    """
    require_role_over_resident(work, Role.MANAGER, wish.resident_id)
    lock_actor(work)
    in_force = rulebook_today(work)
    row: dict[str, Any] = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "resident_id": wish.resident_id,
        "amount": wish.amount,
        "reason": wish.reason,
        "expires_on": _last_good_day(work, in_force, wish),
        "needs_second_person": _needs_second_person(work, in_force, wish),
        "status": DecisionStatus.PENDING,
        "requested_by": work.actor.id,
        "requested_at": work.now,
        "txn_id": None,
    }
    if not row["needs_second_person"]:
        row |= {"status": DecisionStatus.BOOKED, "txn_id": _book(work, row)}
    work.db.execute(insert(Adjustment), row)
    return _read(work, row["id"])


def list_adjustments(work: Work, status: DecisionStatus | None, after: Position | None, limit: int) -> Page[AnyRow]:
    """The adjustments of residents over whom the actor is a manager, the latest first."""
    before = ID_MAX if after is None else int(after[0])
    statement = _list.where(_within_reach(work))
    if status is not None:
        statement = statement.where(Adjustment.status == status)
    rows = work.db.execute(statement, {"town": work.town_id, "before": before, "limit": limit + 1}).all()
    return cut(rows, limit, lambda row: (row.id,))


def approve_adjustment(work: Work, adjustment_id: int) -> AnyRow:
    """Book what another manager asked for.

    Raises AdjustmentUnknown, Forbidden, AdjustmentDecided, SecondPersonRequired, ResidentUnknown, LastDayInvalid (when the
    points would have lapsed meanwhile), BudgetExhausted, PointsInsufficient.
    """
    adjustment = _lock_pending(work, adjustment_id)
    require_role_over_resident(work, Role.MANAGER, adjustment.resident_id)  # who has been erased since is there no more
    if adjustment.expires_on is not None and adjustment.expires_on < local_day(work.now):
        raise LastDayInvalid
    txn_id = _book(work, dict(adjustment._mapping))
    return _settle(work, adjustment_id, DecisionStatus.BOOKED, txn_id)


def decline_adjustment(work: Work, adjustment_id: int) -> AnyRow:
    """Turn down what another manager asked for.

    Raises AdjustmentUnknown, Forbidden, AdjustmentDecided, SecondPersonRequired.
    """
    _lock_pending(work, adjustment_id)
    return _settle(work, adjustment_id, DecisionStatus.DECLINED, None)


def _last_good_day(work: Work, in_force: InForce, wish: AdjustmentWish) -> date | None:
    today = local_day(work.now)
    if wish.expires_on is not None and (wish.amount < 0 or wish.expires_on < today):
        raise LastDayInvalid
    if wish.amount < 0:
        return None
    return wish.expires_on or expiry_of(in_force.rulebook, today)


def _needs_second_person(work: Work, in_force: InForce, wish: AdjustmentWish) -> bool:
    alone = work.db.scalar(_alone_today, today_alone(work) | {"resident": wish.resident_id})
    return int(alone or 0) + abs(wish.amount) > in_force.rulebook.adjustment.second_person_above


def _book(work: Work, adjustment: dict[str, Any]) -> int:
    """Move the points of an adjustment, and return the transaction."""
    amount, expires_on = adjustment["amount"], adjustment["expires_on"]
    if amount > 0:
        explanation = f"工作人员调整，增加 {amount} 分，有效期至 {expires_on.isoformat()}：{adjustment['reason']}"
    else:
        explanation = f"工作人员调整，扣减 {-amount} 分：{adjustment['reason']}"
    cause = Cause(SOURCE, explanation, work.now, rulebook_version_id=rulebook_today(work).version_id)
    correction = Correction(adjustment["resident_id"], amount, expires_on, cause)
    return adjust(work, f"{SOURCE}:{adjustment['id']}", correction).txn_id


def _lock_pending(work: Work, adjustment_id: int) -> AnyRow:
    """An adjustment that waits for the actor's decision, locked until the work ends."""
    adjustment = work.db.execute(_lock_one, {"town": work.town_id, "adjustment": adjustment_id}).first()
    if adjustment is None:
        raise AdjustmentUnknown
    require_role_over(work, Role.MANAGER, adjustment.path)
    if adjustment.status is not DecisionStatus.PENDING:
        raise AdjustmentDecided
    if adjustment.requested_by == work.actor.id:
        raise SecondPersonRequired
    return adjustment


def _settle(work: Work, adjustment_id: int, decision: DecisionStatus, txn_id: int | None) -> AnyRow:
    decided = {"actor": work.actor.id, "now": work.now, "decision": decision, "txn": txn_id}
    settled = work.db.scalar(_decide, {"town": work.town_id, "adjustment": adjustment_id} | decided)
    assert settled is not None, "the adjustment is locked and pending"
    return _read(work, adjustment_id)


def _read(work: Work, adjustment_id: int) -> AnyRow:
    return work.db.execute(_one, {"town": work.town_id, "adjustment": adjustment_id}).one()


def _within_reach(work: Work) -> ColumnElement[bool]:
    """Residents below the actor's nodes; whoever has no place is seen from the root alone."""
    if holds_at_root(work, Role.MANAGER):
        return true()
    nodes = [grant.path for grant in work.actor.grants if grant.role in (Role.MANAGER, Role.ADMIN)]
    return or_(false(), *(Territory.path.startswith(path) for path in nodes))
