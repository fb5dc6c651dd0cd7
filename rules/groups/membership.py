"""Roles, leaving, removing, handing over; who is in a group.

Whoever changes members locks the group's row first, so two who change them at once queue. The UPDATE that lets an owner go
asks for another one, and a CHECK stands behind it: of two owners who leave at once, one stays.
"""

from __future__ import annotations

from types import SimpleNamespace

from sqlalchemy import and_, bindparam, or_, select, update

from models.groups import Group, GroupMember, GroupRole, MemberStatus
from rules.groups.finding import is_keeper, lock_group, read_group, require_member, require_owner
from rules.groups.meetups import give_up_places
from rules.groups.naming import CARD_NAME, REAL_NAME, asked, is_met, name_for, shown, with_names
from rules.groups.refusals import LastOwner, MemberUnknown, NotGroupManager, NotMember
from rules.groups.telling import tell
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

REMOVED, ROLE_CHANGED = "group.removed", "group.role_changed"

_this = (
    GroupMember.town_id == bindparam("town"),
    GroupMember.id == bindparam("member"),
    GroupMember.status == MemberStatus.ACTIVE,
)
_find = select(GroupMember.id, GroupMember.group_id, GroupMember.resident_id, GroupMember.role).where(*_this)
_end = (
    update(GroupMember)
    .where(*_this)
    .values(status=bindparam("outcome"), ended_at=bindparam("now"))
    .returning(GroupMember.id)
    .execution_options(synchronize_session=False)
)
_set_role = (
    update(GroupMember)
    .where(*_this)
    .values(role=bindparam("new_role"))
    .returning(GroupMember.id)
    .execution_options(synchronize_session=False)
)
_owners_after = Group.owners + bindparam("owners_more", type_=Group.owners.type)
_count = (
    update(Group)
    .where(
        Group.town_id == bindparam("town"),
        Group.id == bindparam("group"),
        or_(Group.is_staffed, _owners_after > 0),
    )
    .values(
        members=Group.members + bindparam("members_more", type_=Group.members.type),
        owners=_owners_after,
        is_staffed=and_(Group.is_staffed, _owners_after == 0),
    )
    .returning(Group.id)
    .execution_options(synchronize_session=False)
)
_members = (
    with_names(
        select(
            GroupMember.id,
            GroupMember.role,
            GroupMember.joined_at,
            (GroupMember.resident_id == bindparam("me")).label("is_me"),
            REAL_NAME,
            CARD_NAME,
        ),
        GroupMember.resident_id,
    )
    .where(
        GroupMember.town_id == bindparam("town"),
        GroupMember.group_id == bindparam("group"),
        GroupMember.status == MemberStatus.ACTIVE,
        GroupMember.id > bindparam("after"),
    )
    .order_by(GroupMember.id)
    .limit(bindparam("limit"))
)
_met_members = _members.where(is_met(GroupMember.resident_id))


def list_members(work: Work, group_id: int, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """Who is in a group, the longest first; for its members, and for staff where they run it.

    Members don't find whom they blocked, nor who blocked them; who runs the group does, under a masked name. Raises
    GroupUnknown, NotMember.
    """
    group = require_member(work, group_id)
    is_running = group.my_role in (GroupRole.OWNER, GroupRole.MANAGER)
    statement = _members if is_running else _met_members
    begin = 0 if after is None else int(after[0])
    rows = work.core.execute(statement, asked(work, group=group_id, after=begin, limit=limit + 1)).all()
    with_card = group.my_member_id is not None
    return cut(
        [
            shown(row, name=name_for(row, with_card=with_card), has_card=with_card and row.card_name is not None)
            for row in rows
        ],
        limit,
        lambda row: (row.id,),
    )


def leave_group(work: Work, group_id: int) -> None:
    """Leave a group; the places in its meet-ups go back. Raises GroupUnknown, NotMember, LastOwner."""
    group = lock_group(work, group_id)
    if group.my_member_id is None:
        raise NotMember
    _end_membership(work, _read(work, group.my_member_id), MemberStatus.LEFT)


def remove_member(work: Work, member_id: int) -> None:
    """Put somebody out of a group; they are told. Managers remove members, owners also managers and other owners.

    Raises MemberUnknown (also for who isn't in the group), NotGroupManager, LastOwner.
    """
    group = _locked_for(work, _read(work, member_id))
    member = _read(work, member_id)  # as it is now that nobody else changes it
    is_owner = group.my_role is GroupRole.OWNER or (group.is_staffed and is_keeper(work, group))
    if not is_owner and (group.my_role is not GroupRole.MANAGER or member.role is not GroupRole.MEMBER):
        raise NotGroupManager
    _end_membership(work, member, MemberStatus.REMOVED)
    facts = {"group_id": group.id, "group": group.public_name}
    tell(work, REMOVED, str(member_id), [member.resident_id], **facts)


def set_role(work: Work, member_id: int, role: GroupRole) -> None:
    """Give a member a role; they are told. For owners, and for staff of groups that staff run.

    Raises MemberUnknown (also for who isn't in the group), NotGroupOwner, LastOwner.
    """
    member = _read(work, member_id)
    _locked_for(work, member)
    group = require_owner(work, member.group_id)
    _turn(work, _read(work, member_id), role)
    tell(
        work,
        ROLE_CHANGED,
        f"{member_id}:{work.now.isoformat()}",
        [member.resident_id],
        group_id=group.id,
        group=group.public_name,
        role=role.value,
    )


def hand_over(work: Work, group_id: int, member_id: int) -> None:
    """Make somebody else owner in one's own place, and be a manager from then on; they are told.

    Raises GroupUnknown, NotGroupOwner, MemberUnknown.
    """
    group = require_owner(work, group_id)
    member = _read(work, member_id)
    if member.group_id != group_id or group.my_member_id is None or member_id == group.my_member_id:
        raise MemberUnknown
    _turn(work, member, GroupRole.OWNER)
    _turn(work, _read(work, group.my_member_id), GroupRole.MANAGER)
    facts = {"group_id": group.id, "group": group.public_name, "role": GroupRole.OWNER.value}
    tell(work, ROLE_CHANGED, f"{member_id}:{work.now.isoformat()}", [member.resident_id], **facts)


def find_member(work: Work, member_id: int) -> AnyRow:
    """An active membership of a group that the actor belongs to. Raises MemberUnknown."""
    member = _read(work, member_id)
    if read_group(work, member.group_id).my_role is None:
        raise MemberUnknown
    return member


def _locked_for(work: Work, member: AnyRow) -> AnyRow:
    """The member's group, locked, if the actor has to do with it. Raises MemberUnknown."""
    group = lock_group(work, member.group_id)
    if group.my_role is None and not (group.is_staffed and is_keeper(work, group)):
        raise MemberUnknown
    return group


def _end_membership(work: Work, member: AnyRow, outcome: MemberStatus) -> None:
    ending = {"town": work.town_id, "member": member.id, "outcome": outcome, "now": work.now}
    if work.core.execute(_end, ending).first() is None:
        raise MemberUnknown
    give_up_places(work, member.id)
    _change_counts(work, member.group_id, members_more=-1, owners_more=-(member.role is GroupRole.OWNER))


def _turn(work: Work, member: AnyRow, role: GroupRole) -> None:
    turning = {"town": work.town_id, "member": member.id, "new_role": role}
    if work.core.execute(_set_role, turning).first() is None:
        raise MemberUnknown
    more = (role is GroupRole.OWNER) - (member.role is GroupRole.OWNER)
    _change_counts(work, member.group_id, members_more=0, owners_more=more)


def _change_counts(work: Work, group_id: int, *, members_more: int, owners_more: int) -> None:
    counted = {"town": work.town_id, "group": group_id, "members_more": members_more, "owners_more": owners_more}
    if work.core.execute(_count, counted).first() is None:
        raise LastOwner


def _read(work: Work, member_id: int) -> AnyRow:
    member = work.core.execute(_find, {"town": work.town_id, "member": member_id}).first()
    if member is None:
        raise MemberUnknown
    return member
