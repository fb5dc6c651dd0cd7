"""The guard of a group's places: one UPDATE takes a place where there is one and nobody is a member twice."""

from __future__ import annotations

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from models.groups import Group, GroupMember, GroupRole, GroupStatus, MemberStatus
from rules.groups.refusals import AlreadyMember, GroupFull
from rules.work import Work

_take = (
    update(Group)
    .where(
        Group.town_id == bindparam("town"),
        Group.id == bindparam("group"),
        Group.status == GroupStatus.ACTIVE,
        Group.members < Group.member_max,
    )
    .values(members=Group.members + 1)
    .returning(Group.id)
    .execution_options(synchronize_session=False)
)
_enter = insert(GroupMember).on_conflict_do_nothing().returning(GroupMember.id)


def take_seat(work: Work, group_id: int, resident_id: int) -> int:
    """Make a resident a member and return the membership's id. Raises GroupFull, AlreadyMember."""
    if work.core.execute(_take, {"town": work.town_id, "group": group_id}).first() is None:
        raise GroupFull
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "group_id": group_id,
        "resident_id": resident_id,
        "role": GroupRole.MEMBER,
        "status": MemberStatus.ACTIVE,
        "joined_at": work.now,
    }
    entered = work.core.execute(_enter, row).first()
    if entered is None:
        raise AlreadyMember
    return int(entered.id)
