"""A group is founded, changed and closed.

A resident's group is seen by others once its words are passed, and its founder is its first owner. Staff found groups
that they run until they make a member its owner. An edit is new content beside the old: the old words stand until the new
ones are passed (`adopt_changes` then makes them the group's own).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.groups import (
    Group,
    GroupInvitation,
    GroupMeetup,
    GroupMember,
    GroupProposal,
    GroupRequest,
    GroupRole,
    GroupStatus,
    MeetupStatus,
    MemberStatus,
    ProposalStatus,
    RequestStatus,
)
from models.moderation import Content, ContentKind, ContentState
from models.search import FoundKind
from models.uploads import UploadPurpose
from rules.groups.finding import is_keeper, lock_group, read_place, require_manager
from rules.groups.limits import Deed, count_deed, count_founded, require_active, uncount_founded
from rules.groups.meetups import call_off
from rules.groups.refusals import GroupWordsNeeded, MemberMaxBelowMembers, NotGroupOwner
from rules.groups.telling import members_of, tell
from rules.moderation.submitting import submit
from rules.moderation.visibility import passed
from rules.residents.identity import Forbidden
from rules.rows import AnyRow
from rules.search.refreshing import refresh
from rules.uploads.attaching import claim, release
from rules.work import ActorKind, Work

CLOSED = "group.closed"

_insert_group = insert(Group)
_insert_member = insert(GroupMember)
_this = (Group.town_id == bindparam("town"), Group.id == bindparam("group"))
_change = (update(Group).where(*_this, Group.status == GroupStatus.ACTIVE).returning(Group.id)).execution_options(
    synchronize_session=False
)
_resize = (
    update(Group)
    .where(*_this, Group.members <= bindparam("most"))
    .values(member_max=bindparam("most"))
    .returning(Group.id)
    .execution_options(synchronize_session=False)
)
_close = (
    update(Group)
    .where(*_this, Group.status == GroupStatus.ACTIVE)
    .values(
        status=GroupStatus.CLOSED,
        members=0,
        owners=0,
        closed_at=bindparam("now"),
        closing_reason=bindparam("reason"),
    )
    .returning(Group.id)
    .execution_options(synchronize_session=False)
)
_end_members = (
    update(GroupMember)
    .where(
        GroupMember.town_id == bindparam("town"),
        GroupMember.group_id == bindparam("group"),
        GroupMember.status == MemberStatus.ACTIVE,
    )
    .values(status=MemberStatus.ENDED, ended_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_end_requests = (
    update(GroupRequest)
    .where(
        GroupRequest.town_id == bindparam("town"),
        GroupRequest.group_id == bindparam("group"),
        GroupRequest.status == RequestStatus.PENDING,
    )
    .values(status=RequestStatus.LAPSED, decided_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_end_invitations = (
    update(GroupInvitation)
    .where(
        GroupInvitation.town_id == bindparam("town"),
        GroupInvitation.group_id == bindparam("group"),
        GroupInvitation.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_end_proposals = (
    update(GroupProposal)
    .where(
        GroupProposal.town_id == bindparam("town"),
        GroupProposal.group_id == bindparam("group"),
        GroupProposal.status == ProposalStatus.PENDING,
    )
    .values(status=ProposalStatus.WITHDRAWN, decided_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_to_come = (
    select(GroupMeetup.id)
    .where(
        GroupMeetup.town_id == bindparam("town"),
        GroupMeetup.group_id == bindparam("group"),
        GroupMeetup.status == MeetupStatus.SCHEDULED,
        GroupMeetup.starts_at > bindparam("now"),
    )
    .order_by(GroupMeetup.id)
)
_new_words = aliased(Content)
_passed_changes = (
    select(Group.id)
    .join(_new_words, and_(_new_words.town_id == Group.town_id, _new_words.id == Group.new_content_id))
    .where(Group.town_id == bindparam("town"), Group.status == GroupStatus.ACTIVE, passed(_new_words))
    .order_by(Group.id)
)
_adopt = (
    update(Group)
    .where(*_this, Group.new_content_id == bindparam("new_content"))
    .values(
        name=Group.new_name,
        about=Group.new_about,
        content_id=Group.new_content_id,
        new_name=None,
        new_about=None,
        new_content_id=None,
    )
    .returning(Group.id)
    .execution_options(synchronize_session=False)
)
_changed = (
    select(Group.new_content_id, _new_words.state)
    .outerjoin(_new_words, and_(_new_words.town_id == Group.town_id, _new_words.id == Group.new_content_id))
    .where(*_this)
)


def found_group(work: Work, said: Mapping[str, Any]) -> int:
    """Found a group and return its id. `said`: name, about, category, scene, community_id, joining, member_max, upload_id.

    Raises PlaceUnknown, Forbidden (staff of elsewhere), GroupLimitReached, ResidentSuspended, ContentRefused,
    UploadUnknown, UploadTaken.
    """
    place = read_place(work, said["community_id"])
    is_residents = work.actor.kind is ActorKind.RESIDENT
    if is_residents:
        require_active(work)
        count_founded(work)
    elif not is_keeper(work, place):
        raise Forbidden
    group_id = work.new_id()
    row = {
        **said,
        "town_id": work.town_id,
        "id": group_id,
        "content_id": _submit(work, said, place.path),
        "members": int(is_residents),
        "owners": int(is_residents),
        "is_staffed": not is_residents,
        "status": GroupStatus.ACTIVE,
        "founded_by_kind": work.actor.kind.value,
        "founded_by_id": work.actor.id,
        "founded_at": work.now,
    }
    if said["upload_id"] is not None:
        claim(work, [said["upload_id"]], UploadPurpose.GROUP)
    work.core.execute(_insert_group, row)
    if is_residents:
        member = {"town_id": work.town_id, "id": work.new_id(), "group_id": group_id, "resident_id": work.actor.id}
        standing = {"role": GroupRole.OWNER, "status": MemberStatus.ACTIVE, "joined_at": work.now}
        work.core.execute(_insert_member, member | standing)
    refresh(work, FoundKind.GROUP, [group_id])
    return group_id


def change_group(work: Work, group_id: int, changes: Mapping[str, Any]) -> None:
    """Change what is said of a group: name, about, category, scene, joining, member_max, upload_id. For its managers.

    Raises GroupUnknown, NotGroupManager, GroupWordsNeeded (one of both, where moderation has taken them away),
    MemberMaxBelowMembers, DailyLimitReached, ContentRefused, UploadUnknown, UploadTaken.
    """
    count_deed(work, Deed.CHANGE)
    group = require_manager(work, group_id, locked=True)
    values = {name: changes[name] for name in ("category", "scene", "joining") if name in changes}
    if {"name", "about"} & set(changes):
        if not group.is_seen and not {"name", "about"} <= set(changes):
            raise GroupWordsNeeded
        values |= _new_words_of(work, group, {"name": group.name, "about": group.about, **changes})
    if "upload_id" in changes and changes["upload_id"] != group.upload_id:
        values["upload_id"] = changes["upload_id"]
        claim(work, [id_ for id_ in [changes["upload_id"]] if id_ is not None], UploadPurpose.GROUP)
        release(work, [id_ for id_ in [group.upload_id] if id_ is not None])
    if values:
        work.core.execute(_change.values(**values), {"town": work.town_id, "group": group_id})
    most = changes.get("member_max")
    if most is not None:
        asked = {"town": work.town_id, "group": group_id, "most": most}
        if work.core.execute(_resize, asked).first() is None:
            raise MemberMaxBelowMembers(members=group.members)
    if work.actor.kind is not ActorKind.RESIDENT:
        adopt_change(work, group_id)
    refresh(work, FoundKind.GROUP, [group_id])


def close_group(work: Work, group_id: int, reason: str) -> None:
    """End a group for good, by an owner or by staff of its place; its members are told.

    Raises GroupUnknown, NotGroupOwner.
    """
    group = lock_group(work, group_id)
    if group.my_role is not GroupRole.OWNER and not is_keeper(work, group):
        raise NotGroupOwner
    this = {"town": work.town_id, "group": group_id}
    people = members_of(work, group_id)
    work.core.execute(_close, this | {"now": work.now, "reason": reason})
    for statement in (_end_members, _end_requests, _end_invitations, _end_proposals):
        work.core.execute(statement, this | {"now": work.now})
    for meetup_id in work.core.scalars(_to_come, this | {"now": work.now}).all():
        call_off(work, meetup_id)
    if group.founded_by_kind == ActorKind.RESIDENT.value:
        uncount_founded(work, group.founded_by_id)
    refresh(work, FoundKind.GROUP, [group_id])
    others = [id_ for id_ in people if work.actor.kind is not ActorKind.RESIDENT or id_ != work.actor.id]
    told = reason if work.actor.kind is ActorKind.STAFF else ""  # nobody has checked what a resident gives as a reason
    tell(work, CLOSED, str(group_id), others, group_id=group_id, group=group.public_name, reason=told)


def adopt_changes(work: Work) -> int:
    """Make changed words that have passed the groups' own; returns how many groups had some."""
    ids = work.core.scalars(_passed_changes, {"town": work.town_id}).all()
    for group_id in ids:
        adopt_change(work, group_id)
        refresh(work, FoundKind.GROUP, [group_id])
    return len(ids)


def adopt_change(work: Work, group_id: int) -> None:
    """The same for one group, where its change has passed."""
    changed = work.core.execute(_changed, {"town": work.town_id, "group": group_id}).one()
    if changed.new_content_id is not None and changed.state is ContentState.PASSED:
        asked = {"town": work.town_id, "group": group_id, "new_content": changed.new_content_id}
        work.core.execute(_adopt, asked)


def _new_words_of(work: Work, group: AnyRow, said: Mapping[str, Any]) -> dict[str, Any]:
    adopt_change(work, group.id)
    content_id = _submit(work, said, group.path)
    return {"new_name": said["name"], "new_about": said["about"], "new_content_id": content_id}


def _submit(work: Work, said: Mapping[str, Any], path: str) -> int:
    return submit(work, ContentKind.GROUP, f"{said['name']}\n{said['about']}", place_path=path)
