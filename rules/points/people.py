"""Residents as those see them who give them points or take them."""

from __future__ import annotations

from sqlalchemy import bindparam, or_, select

from models.residents import Resident, ResidentStatus, Role
from models.territory import Territory
from rules.errors import Kind, RuleError
from rules.residents.identity import require_role, require_role_at_root
from rules.work import Work


class ResidentUnknown(RuleError):
    code = "resident.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这位居民。"
    en = "There is no such resident."


#: Somebody's row. Of who was erased, or whose account became another record's, one without a name stays (rules.rights),
#: since the books hang on it: it is nobody's, and nothing is done for it.
IS_SOMEBODY = or_(Resident.status != ResidentStatus.SUSPENDED, Resident.name != "")

_place = (
    select(Resident.id, Territory.path)
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"), IS_SOMEBODY)
)


def require_role_over_resident(work: Work, role: Role, resident_id: int) -> None:
    """Raises ResidentUnknown, and Forbidden unless the actor has the role where the resident lives."""
    resident = work.db.execute(_place, {"town": work.town_id, "resident": resident_id}).first()
    if resident is None:
        raise ResidentUnknown
    require_role_over(work, role, resident.path)


def require_role_over(work: Work, role: Role, path: str | None) -> None:
    """Raises Forbidden unless the actor has the role on the node of this path; without a place, on the whole town."""
    if path is None:
        require_role_at_root(work, role)
    else:
        require_role(work, role, path)
