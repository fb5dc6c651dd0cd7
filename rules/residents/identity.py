"""From a token to an actor: one read that proves that the token still stands.

For residents it reads their token's version, for staff the town's revision, under which a process keeps who of the staff
is active and what they may do (rules.revisions). A resident's token is presumed to stand until the work ends (rules.work).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from models.residents import Resident, Role, RoleGrant, Staff, StaffStatus
from models.revisions import TownRevision
from models.territory import Territory
from rules.errors import Kind, RuleError
from rules.residents.tokens import Owner
from rules.revisions import keep, take_revision
from rules.rows import AnyRow
from rules.work import Actor, ActorKind, Grant, Work


class SignInRequired(RuleError):
    code = "auth.required"
    kind = Kind.UNAUTHENTICATED
    zh = "请先登录。"
    en = "Please sign in first."


class TokenRevoked(RuleError):
    code = "auth.token_revoked"
    kind = Kind.UNAUTHENTICATED
    zh = "登录已失效（已退出或权限有变），请重新登录。"
    en = "This sign-in has ended (signed out, or rights changed). Please sign in again."


class Forbidden(RuleError):
    code = "auth.forbidden"
    kind = Kind.FORBIDDEN
    zh = "您没有进行这项操作的权限。"
    en = "You are not allowed to do this."


_resident_version = (
    select(TownRevision.revision, Resident.token_version)
    .select_from(Resident)
    .outerjoin(TownRevision, TownRevision.town_id == Resident.town_id)
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("id"))
)
_staff_grants = (
    select(Staff.token_version, RoleGrant.role, Territory.path)
    .outerjoin(RoleGrant, (RoleGrant.town_id == Staff.town_id) & (RoleGrant.staff_id == Staff.id))
    .outerjoin(Territory, (Territory.town_id == RoleGrant.town_id) & (Territory.id == RoleGrant.territory_id))
    .where(Staff.town_id == bindparam("town"), Staff.id == bindparam("id"), Staff.status == StaffStatus.ACTIVE)
)

_roots = select(Territory.path).where(Territory.town_id == bindparam("town"), Territory.parent_id.is_(None))


def identify(work: Work, owner: Owner) -> Actor:
    """The actor that a token names. Raises TokenRevoked, here or at the end, when its version is no longer the owner's."""
    if owner.kind is ActorKind.RESIDENT:
        return _identify_resident(work, owner)
    version, actor = keep(work, ("staff", owner.id), lambda: _find_staff(work, owner.id))
    if actor is None or version != owner.token_version:
        raise TokenRevoked
    return actor


def _identify_resident(work: Work, owner: Owner) -> Actor:
    asked = work.send(_resident_version, {"town": owner.town_id, "id": owner.id})
    take_revision(work, asked)

    def still_stands() -> None:
        row = asked.first()
        if row is None or row.token_version != owner.token_version:
            raise TokenRevoked

    work.presume(still_stands)
    return Actor(ActorKind.RESIDENT, owner.id)


def _find_staff(work: Work, staff_id: int) -> tuple[int, Actor | None]:
    """The token version of a member of staff, and who they are unless closed."""
    rows = work.send(_staff_grants, {"town": work.town_id, "id": staff_id}).all()
    return (rows[0].token_version, _staff_actor(staff_id, rows)) if rows else (0, None)


def identify_staff(work: Work, staff_id: int) -> Actor:
    """The actor that a member of staff is on the command line, where no token was sent. Raises Forbidden when closed."""
    rows = work.send(_staff_grants, {"town": work.town_id, "id": staff_id}).all()
    if not rows:
        raise Forbidden
    return _staff_actor(staff_id, rows)


def _staff_actor(staff_id: int, rows: Sequence[AnyRow]) -> Actor:
    return Actor(ActorKind.STAFF, staff_id, tuple(Grant(row.role, row.path) for row in rows if row.role))


def require_role(work: Work, role: Role, path: str) -> None:
    """Raises Forbidden unless the actor has the role on the node of this path."""
    if not work.actor.may(role, path):
        raise Forbidden


def holds_at_root(work: Work, role: Role) -> bool:
    """Whether the actor has the role at the root of the tree, so for the whole town, whoever has no place included."""
    paths = keep(work, "roots", lambda: [row.path for row in work.send(_roots, {"town": work.town_id}).all()])
    return bool(paths) and all(work.actor.may(role, path) for path in paths)


def require_role_at_root(work: Work, role: Role) -> None:
    """Raises Forbidden unless the actor has the role at the root of the tree."""
    if not holds_at_root(work, role):
        raise Forbidden
