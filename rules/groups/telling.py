"""What people are told: a message names its reader, the thing it leads to, and never another resident."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import and_, bindparam, or_, select

from models.groups import GroupMember, GroupRole, MemberStatus
from rules.groups.naming import is_met, me
from rules.outbox import Message, put
from rules.work import Work

_running = select(GroupMember.resident_id).where(
    GroupMember.town_id == bindparam("town"),
    GroupMember.group_id == bindparam("group"),
    GroupMember.status == MemberStatus.ACTIVE,
    or_(GroupMember.role == GroupRole.OWNER, GroupMember.role == GroupRole.MANAGER),
)
_members = select(GroupMember.resident_id).where(
    and_(
        GroupMember.town_id == bindparam("town"),
        GroupMember.group_id == bindparam("group"),
        GroupMember.status == MemberStatus.ACTIVE,
    )
)


_met_members = _members.where(is_met(GroupMember.resident_id))


def tell(work: Work, topic: str, key: str, resident_ids: Iterable[int], **facts: Any) -> None:
    """Tell residents, each once by topic and key."""
    payload = {name: str(value) for name, value in facts.items()}
    put(
        work,
        [Message(topic, f"{key}:{id_}", {"resident_id": str(id_), **payload}) for id_ in sorted(set(resident_ids))],
    )


def managers_of(work: Work, group_id: int) -> list[int]:
    """The residents who run a group."""
    return list(work.core.scalars(_running, {"town": work.town_id, "group": group_id}))


def met_members_of(work: Work, group_id: int) -> list[int]:
    """Those who belong to a group, without whom the actor blocked, and who blocked the actor."""
    return list(work.core.scalars(_met_members, {"town": work.town_id, "me": me(work), "group": group_id}))


def members_of(work: Work, group_id: int) -> list[int]:
    """The residents who belong to a group."""
    return list(work.core.scalars(_members, {"town": work.town_id, "group": group_id}))
