"""Members of staff: taken on, let go, given passwords and roles.

A town keeps one active administrator of the whole town. Whoever takes something away locks the administrators' rows first,
in the order of their ids, so of two who would take away the last ones the second sees what the first has done.

A name stays its owner's for good, also when the account is closed: what the name did must not become somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from models.residents import Role, RoleGrant, Staff, StaffLookup, StaffStatus
from models.territory import Territory
from rules.administration.deeds import administrators, require_administrator
from rules.errors import Kind, RuleError
from rules.residents.sign_in import sign_out
from rules.rows import AnyRow
from rules.work import Actor, ActorKind, Work

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")
NAME_LENGTH_MAX = 64
PASSWORD_LENGTH_MIN = 12
PASSWORD_LENGTH_MAX = 256


class UsernameInvalid(RuleError):
    code = "staff.username_invalid"
    kind = Kind.INVALID
    zh = "用户名须为 3 至 64 个小写字母、数字、点、横线或下划线，以字母或数字开头。"
    en = "A user name is 3 to 64 of a-z, 0-9, dots, dashes and underscores, and begins with a letter or digit."


class UsernameTaken(RuleError):
    code = "staff.username_taken"
    kind = Kind.CONFLICT
    zh = "用户名 {username} 已有人使用。"
    en = "The user name {username} is taken."


class PasswordWeak(RuleError):
    code = "staff.password_weak"
    kind = Kind.INVALID
    zh = "密码须为 {length_min} 至 {length_max} 个字符，且不能包含用户名。"
    en = "A password has {length_min} to {length_max} characters and doesn't hold the user name."


class StaffUnknown(RuleError):
    code = "staff.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这位在职的工作人员。"
    en = "There is no such active member of staff."


class PlaceOfRoleUnknown(RuleError):
    code = "staff.place_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个地点。"
    en = "There is no such place in the town's tree."


class LastAdministrator(RuleError):
    code = "staff.last_administrator"
    kind = Kind.CONFLICT
    zh = "这是最后一位全域管理员，请先指定另一位。"
    en = "This is the last administrator of the whole town. Make another one first."


_lock_administrators = administrators.with_for_update(of=(Staff, RoleGrant))
_claim_username = upsert(StaffLookup).on_conflict_do_nothing().returning(StaffLookup.username)
_add_staff = insert(Staff)
_set_password = (
    update(Staff)
    .where(Staff.town_id == bindparam("town"), Staff.id == bindparam("staff"), Staff.status == StaffStatus.ACTIVE)
    .values(password_hash=bindparam("hash"))
    .returning(Staff.id)
    .execution_options(synchronize_session=False)
)
_close = (
    update(Staff)
    .where(Staff.town_id == bindparam("town"), Staff.id == bindparam("staff"), Staff.status == StaffStatus.ACTIVE)
    .values(status=StaffStatus.CLOSED)
    .returning(Staff.id)
    .execution_options(synchronize_session=False)
)
_active = select(Staff.id).where(
    Staff.town_id == bindparam("town"), Staff.id == bindparam("staff"), Staff.status == StaffStatus.ACTIVE
)
_place = select(Territory.id).where(Territory.town_id == bindparam("town"), Territory.id == bindparam("place"))
_grant = upsert(RoleGrant).on_conflict_do_nothing().returning(RoleGrant.id)
_revoke = (
    delete(RoleGrant)
    .where(
        RoleGrant.town_id == bindparam("town"),
        RoleGrant.staff_id == bindparam("staff"),
        RoleGrant.role == bindparam("role"),
        RoleGrant.territory_id == bindparam("place"),
    )
    .returning(RoleGrant.id)
    .execution_options(synchronize_session=False)
)
_list = (
    select(Staff.id, Staff.username, Staff.name, Staff.status, RoleGrant.role, RoleGrant.territory_id)
    .add_columns(Territory.name.label("place"))
    .outerjoin(RoleGrant, (RoleGrant.town_id == Staff.town_id) & (RoleGrant.staff_id == Staff.id))
    .outerjoin(Territory, (Territory.town_id == RoleGrant.town_id) & (Territory.id == RoleGrant.territory_id))
    .where(Staff.town_id == bindparam("town"))
    .order_by(Staff.username, RoleGrant.role, RoleGrant.territory_id)
)
_find = select(StaffLookup.town_id, StaffLookup.staff_id).where(StaffLookup.username == bindparam("username"))


def check_password_strength(username: str, password: str) -> None:
    """Raises PasswordWeak. To be asked before the password is hashed."""
    is_long_enough = PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX
    if not is_long_enough or username.casefold() in password.casefold():
        raise PasswordWeak(length_min=PASSWORD_LENGTH_MIN, length_max=PASSWORD_LENGTH_MAX)


def find_staff(work: Work, username: str) -> AnyRow:
    """Whose a name is: `town_id` and `staff_id`, of closed accounts too. Raises StaffUnknown."""
    found = work.core.execute(_find, {"username": username}).first()
    if found is None:
        raise StaffUnknown
    return found


def create_staff(work: Work, username: str, name: str, password_hash: str) -> int:
    """Open an account without any role. Raises Forbidden, AdministratorNeeded, UsernameInvalid, UsernameTaken."""
    require_administrator(work)
    if not USERNAME.fullmatch(username):
        raise UsernameInvalid
    staff_id = work.new_id()
    claim = {"username": username, "town_id": work.town_id, "staff_id": staff_id}
    if work.core.execute(_claim_username, claim).first() is None:
        raise UsernameTaken(username=username)
    row = {"town_id": work.town_id, "id": staff_id, "username": username, "name": name}
    work.core.execute(_add_staff, row | {"password_hash": password_hash, "created_at": work.now})
    return staff_id


def reset_password(work: Work, staff_id: int, password_hash: str) -> None:
    """Give an account another password and end its sign-ins. Raises Forbidden, AdministratorNeeded, StaffUnknown."""
    require_administrator(work)
    asked = {"town": work.town_id, "staff": staff_id, "hash": password_hash}
    if work.core.execute(_set_password, asked).first() is None:
        raise StaffUnknown
    end_sign_ins(work, staff_id)


def close_staff(work: Work, staff_id: int) -> None:
    """Close an account and end its sign-ins; its roles stay in the books and hold no more.

    Raises Forbidden, AdministratorNeeded, StaffUnknown, LastAdministrator.
    """
    require_administrator(work)
    _keep_one_administrator(work, staff_id)
    if work.core.execute(_close, {"town": work.town_id, "staff": staff_id}).first() is None:
        raise StaffUnknown
    end_sign_ins(work, staff_id)


def grant_role(work: Work, staff_id: int, role: Role, place_id: int) -> bool:
    """Give a role on a node of the tree and below. False: it was held already.

    Raises Forbidden, AdministratorNeeded, StaffUnknown, PlaceOfRoleUnknown.
    """
    require_administrator(work)
    asked = {"town": work.town_id, "staff": staff_id, "place": place_id}
    if work.core.execute(_active, asked).first() is None:
        raise StaffUnknown
    if work.core.execute(_place, asked).first() is None:
        raise PlaceOfRoleUnknown
    row = {"town_id": work.town_id, "id": work.new_id(), "staff_id": staff_id, "role": role}
    granted = work.core.execute(_grant, row | {"territory_id": place_id, "granted_at": work.now})
    return granted.first() is not None


def revoke_role(work: Work, staff_id: int, role: Role, place_id: int) -> bool:
    """Take a role on a node away. False: it wasn't held. Raises Forbidden, AdministratorNeeded, LastAdministrator."""
    require_administrator(work)
    if role is Role.ADMIN:
        _keep_one_administrator(work, staff_id)
    asked = {"town": work.town_id, "staff": staff_id, "role": role, "place": place_id}
    return work.core.execute(_revoke, asked).first() is not None


def end_sign_ins(work: Work, staff_id: int) -> None:
    """End every sign-in of a member of staff: access tokens at once, refresh tokens with them."""
    sign_out(replace(work, actor=Actor(ActorKind.STAFF, staff_id)))


def list_staff(work: Work) -> Sequence[AnyRow]:
    """Staff by name, closed accounts too, with a row for each role."""
    return work.core.execute(_list, {"town": work.town_id}).all()


def _keep_one_administrator(work: Work, staff_id: int) -> None:
    """Raises LastAdministrator when there is no other one; until this work ends nobody takes another one away."""
    left = {row.id for row in work.core.execute(_lock_administrators, {"town": work.town_id})}
    if left == {staff_id}:
        raise LastAdministrator
