"""Becoming a member.

A place is taken by a guarded UPDATE of the group's row, and given back only by its twin (`membership`). A resident who was
removed comes back by invitation alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, select

from models.groups import GroupMember, Joining, MemberStatus, RequestStatus
from rules.groups.finding import lock_group, read_group
from rules.groups.invitations import use_invitation
from rules.groups.limits import Deed, count_deed
from rules.groups.refusals import AlreadyMember, GroupFull, InvitationNeeded, RemovedBefore
from rules.groups.requests import end_request, make_request
from rules.groups.seats import take_seat
from rules.work import Work


class Outcome(StrEnum):
    """What came of joining."""

    JOINED = "joined"
    REQUESTED = "requested"


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of joining: a membership, or a request that waits."""

    outcome: Outcome
    member_id: int | None
    request_id: int | None


_removed = select(GroupMember.id).where(
    GroupMember.town_id == bindparam("town"),
    GroupMember.group_id == bindparam("group"),
    GroupMember.resident_id == bindparam("resident"),
    GroupMember.status == MemberStatus.REMOVED,
)


def join_group(work: Work, group_id: int, words: str, code: str | None) -> Joined:
    """Become a member of a group, or ask to. `words`: for who decides. `code`: of an invitation.

    Raises GroupUnknown, AlreadyMember, GroupFull, InvitationNeeded, InvitationInvalid, AlreadyRequested, RemovedBefore,
    DailyLimitReached, ResidentSuspended, ContentRefused.
    """
    count_deed(work, Deed.JOIN)
    group = read_group(work, group_id)
    if group.my_role is not None:
        raise AlreadyMember
    if code is not None:
        lock_group(work, group_id)
        use_invitation(work, group_id, code)
    else:
        _check_open(work, group_id)
        if group.joining is Joining.INVITATION:
            raise InvitationNeeded
        if group.joining is Joining.APPROVAL:
            if group.members >= group.member_max:
                raise GroupFull
            return Joined(Outcome.REQUESTED, None, make_request(work, group, words))
    member_id = take_seat(work, group_id, work.actor.id)
    end_request(work, group_id, work.actor.id, RequestStatus.ACCEPTED)
    return Joined(Outcome.JOINED, member_id, None)


def _check_open(work: Work, group_id: int) -> None:
    asked = {"town": work.town_id, "group": group_id, "resident": work.actor.id}
    if work.core.execute(_removed.limit(1), asked).first() is not None:
        raise RemovedBefore
