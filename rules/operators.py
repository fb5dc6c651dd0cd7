"""Which members of staff act for which operator. Managers of the whole town say so, since an operator has no place.

A right at the counter of a merchant needs two things: the role `operator` where the reward belongs, and this link.
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from models.operators import OperatorStaff
from models.residents import Role, Staff, StaffStatus
from models.territory import Operator
from rules.errors import Kind, RuleError
from rules.paging import Page, Position, cut
from rules.points.budgets import OperatorUnknown
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.work import ActorKind, Work


class StaffUnknown(RuleError):
    code = "operator.staff_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这位在职工作人员。"
    en = "There is no such member of staff, or their account is closed."


_counted = (
    select(func.count())
    .where(OperatorStaff.town_id == Operator.town_id, OperatorStaff.operator_id == Operator.id)
    .correlate(Operator)
    .scalar_subquery()
)
_operators = (
    select(Operator.id, Operator.name, _counted.label("staff_count"))
    .where(Operator.town_id == bindparam("town"), Operator.id > bindparam("after"))
    .order_by(Operator.id)
    .limit(bindparam("limit"))
)
_operator = select(Operator.id, Operator.name).where(
    Operator.town_id == bindparam("town"), Operator.id == bindparam("operator")
)
_staff = select(Staff.id).where(
    Staff.town_id == bindparam("town"), Staff.id == bindparam("staff"), Staff.status == StaffStatus.ACTIVE
)
_members = (
    select(Staff.id, Staff.name, OperatorStaff.added_at)
    .join(Staff, (Staff.town_id == OperatorStaff.town_id) & (Staff.id == OperatorStaff.staff_id))
    .where(
        OperatorStaff.town_id == bindparam("town"),
        OperatorStaff.operator_id == bindparam("operator"),
        Staff.id > bindparam("after"),
    )
    .order_by(Staff.id)
    .limit(bindparam("limit"))
)
_add = insert(OperatorStaff).on_conflict_do_nothing(index_elements=["town_id", "operator_id", "staff_id"])
_remove = delete(OperatorStaff).where(
    OperatorStaff.town_id == bindparam("town"),
    OperatorStaff.operator_id == bindparam("operator"),
    OperatorStaff.staff_id == bindparam("staff"),
)
_acts = select(
    exists().where(
        OperatorStaff.town_id == bindparam("town"),
        OperatorStaff.operator_id == bindparam("operator"),
        OperatorStaff.staff_id == bindparam("staff"),
    )
)


def acts_for(work: Work, operator_id: int) -> bool:
    """Whether the actor is a member of staff who acts for this operator."""
    if work.actor.kind is not ActorKind.STAFF:
        return False
    return bool(work.send(_acts, {"town": work.town_id, "operator": operator_id, "staff": work.actor.id}).scalar())


def find_operator(work: Work, operator_id: int) -> AnyRow:
    """An operator's id and name. Raises OperatorUnknown."""
    row = work.send(_operator, {"town": work.town_id, "operator": operator_id}).first()
    if row is None:
        raise OperatorUnknown
    return row


def list_operators(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """The town's operators, with how many act for each. Raises Forbidden (no manager of the whole town)."""
    require_role_at_root(work, Role.MANAGER)
    asked = {"town": work.town_id, "after": int(after[0]) if after else 0, "limit": limit + 1}
    return cut(work.core.execute(_operators, asked).all(), limit, lambda row: (row.id,))


def list_operator_staff(work: Work, operator_id: int, after: Position | None, limit: int) -> Page[AnyRow]:
    """Who acts for an operator. Raises Forbidden, OperatorUnknown."""
    require_role_at_root(work, Role.MANAGER)
    find_operator(work, operator_id)
    asked = {"operator": operator_id, "after": int(after[0]) if after else 0, "limit": limit + 1}
    return cut(work.core.execute(_members, {"town": work.town_id, **asked}).all(), limit, lambda row: (row.id,))


def add_operator_staff(work: Work, operator_id: int, staff_id: int) -> None:
    """Let a member of staff act for an operator; whoever does already goes on. Raises Forbidden, OperatorUnknown,
    StaffUnknown."""
    require_role_at_root(work, Role.MANAGER)
    find_operator(work, operator_id)
    if work.send(_staff, {"town": work.town_id, "staff": staff_id}).first() is None:
        raise StaffUnknown
    link = {"operator_id": operator_id, "staff_id": staff_id}
    work.core.execute(_add, {"town_id": work.town_id, **link, "added_at": work.now, "added_by": work.actor.id})


def remove_operator_staff(work: Work, operator_id: int, staff_id: int) -> None:
    """Let a member of staff act for an operator no more; nothing happens where they didn't. Raises Forbidden,
    OperatorUnknown."""
    require_role_at_root(work, Role.MANAGER)
    find_operator(work, operator_id)
    work.core.execute(_remove, {"town": work.town_id, "operator": operator_id, "staff": staff_id})
