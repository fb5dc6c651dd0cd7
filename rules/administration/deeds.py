"""Who may administer a town, and the record of what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select

from models.administration import AdminDeed
from models.residents import Role, RoleGrant, Staff, StaffStatus
from models.territory import Territory
from rules.errors import Kind, RuleError
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.work import ActorKind, Work


class AdministratorNeeded(RuleError):
    code = "admin.who"
    kind = Kind.FORBIDDEN
    zh = "这里已有管理员，请说明由哪位管理员操作。"
    en = "This town has administrators: say which of them does it."


#: The active administrators of the whole town.
administrators = (
    select(Staff.id, Staff.username)
    .join(RoleGrant, (RoleGrant.town_id == Staff.town_id) & (RoleGrant.staff_id == Staff.id))
    .join(Territory, (Territory.town_id == RoleGrant.town_id) & (Territory.id == RoleGrant.territory_id))
    .where(
        Staff.town_id == bindparam("town"),
        Staff.status == StaffStatus.ACTIVE,
        RoleGrant.role == Role.ADMIN,
        Territory.parent_id.is_(None),
    )
    .order_by(Staff.id)
)
_record = insert(AdminDeed)
_deeds = (
    select(AdminDeed.id, AdminDeed.deed, AdminDeed.subject, AdminDeed.detail, AdminDeed.login, AdminDeed.done_at)
    .add_columns(Staff.username)
    .outerjoin(Staff, (Staff.town_id == AdminDeed.town_id) & (Staff.id == AdminDeed.staff_id))
    .where(AdminDeed.town_id == bindparam("town"))
    .order_by(AdminDeed.done_at.desc(), AdminDeed.id.desc())
    .limit(bindparam("limit"))
)


def require_administrator(work: Work) -> None:
    """Raises Forbidden for staff who don't administer the whole town, AdministratorNeeded for nobody where some do."""
    if work.actor.kind is ActorKind.STAFF:
        require_role_at_root(work, Role.ADMIN)
    elif work.core.execute(administrators, {"town": work.town_id}).first() is not None:
        raise AdministratorNeeded


def record_deed(work: Work, deed: str, subject: str, login: str, detail: Mapping[str, Any] | None = None) -> None:
    """Write down what the actor does. `login`: their name on the machine. `detail` holds no secret, and nobody but staff."""
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "deed": deed,
        "subject": subject,
        "detail": dict(detail or {}),
        "staff_id": work.actor.id if work.actor.kind is ActorKind.STAFF else None,
        "login": login,
        "done_at": work.now,
    }
    work.core.execute(_record, row)


def list_deeds(work: Work, limit: int) -> Sequence[AnyRow]:
    """The last deeds, the latest first; `username` is None for what was done before there was an administrator."""
    return work.core.execute(_deeds, {"town": work.town_id, "limit": limit}).all()
