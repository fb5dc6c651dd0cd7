"""找朋友: interest groups, and becoming and being a member."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import ANYONE, RESIDENT, SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.groups.schemas import (
    Acceptance,
    DecidedRequestView,
    GroupChanges,
    GroupClosing,
    GroupFounding,
    GroupListArguments,
    GroupMemberArguments,
    GroupMemberView,
    GroupRequestArguments,
    GroupRequestView,
    GroupView,
    HandoverRequest,
    InvitationArguments,
    InvitationRequest,
    InvitationView,
    JoinedView,
    JoiningRequest,
    MadeInvitationView,
    MyGroupArguments,
    RoleRequest,
)
from rules.daily_limits import DailyLimitReached
from rules.groups import finding, founding, invitations, joining, membership, requests
from rules.groups import refusals as no
from rules.moderation.refusals import ContentRefused
from rules.residents.identity import Forbidden
from rules.territory import PlaceUnknown
from rules.uploads.refusals import CLAIMING
from rules.work import Work

room = Room("groups", __name__, description="Interest groups and their members")

Wish = dict[str, Any]
GROUPS = page_of(GroupView, "groups")
RUNNING = (no.GroupUnknown, no.NotGroupManager)
OWNING = (no.GroupUnknown, no.NotGroupOwner)
WRITING = (ContentRefused, DailyLimitReached, no.ResidentSuspended)


@room.does("GET", "/groups", needs=ANYONE, shared=True, refuses=[PlaceUnknown])
@room.arguments(GroupListArguments, location="query")
@room.response(200, GROUPS)
def list_groups(work: Work, wish: Wish) -> Any:
    """Groups that fit, the youngest first."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return finding.list_groups(work, house().keys, finding.GroupFilter(**wish), after, limit)


@room.does(
    "POST",
    "/groups",
    needs=SIGNED_IN,
    once=True,
    refuses=[*CLAIMING, ContentRefused, Forbidden, no.GroupLimitReached, no.ResidentSuspended, PlaceUnknown],
)
@room.arguments(GroupFounding)
@room.response(201, GroupView)
def found_group(work: Work, wish: Wish) -> Any:
    """Found a group: others see a resident's once its words are checked; staff found groups at their places."""
    return finding.show_group(work, house().keys, founding.found_group(work, wish))


@room.does("GET", "/groups/<id:group_id>", needs=ANYONE, shared=True, refuses=[no.GroupUnknown])
@room.response(200, GroupView)
def show_group(work: Work, group_id: int) -> Any:
    """A group, and what I am in it."""
    return finding.show_group(work, house().keys, group_id)


@room.does(
    "PATCH",
    "/groups/<id:group_id>",
    needs=SIGNED_IN,
    refuses=[*RUNNING, *CLAIMING, *WRITING, no.GroupWordsNeeded, no.MemberMaxBelowMembers],
)
@room.arguments(GroupChanges)
@room.response(200, GroupView)
def change_group(work: Work, wish: Wish, group_id: int) -> Any:
    """Change what is said of a group that I run; others see new words once they are checked."""
    founding.change_group(work, group_id, wish)
    return finding.show_group(work, house().keys, group_id)


@room.does("POST", "/groups/<id:group_id>/closing", needs=SIGNED_IN, once=True, refuses=OWNING)
@room.arguments(GroupClosing)
@room.response(204)
def close_group(work: Work, wish: Wish, group_id: int) -> None:
    """End a group for good, as its owner or as staff of its place; its members are told."""
    founding.close_group(work, group_id, wish["reason"])


@room.does("GET", "/me/groups", needs=RESIDENT)
@room.arguments(MyGroupArguments, location="query")
@room.response(200, GROUPS)
def list_my_groups(work: Work, wish: Wish) -> Any:
    """The groups that I belong to."""
    return finding.list_my_groups(work, house().keys, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/groups/<id:group_id>/members",
    needs=RESIDENT,
    once=True,
    refuses=[
        *WRITING,
        no.AlreadyMember,
        no.AlreadyRequested,
        no.GroupFull,
        no.GroupUnknown,
        no.InvitationInvalid,
        no.InvitationNeeded,
        no.RemovedBefore,
    ],
)
@room.arguments(JoiningRequest)
@room.response(201, JoinedView)
def join_group(work: Work, wish: Wish, group_id: int) -> Any:
    """Become a member, or ask to, as the group has it."""
    return joining.join_group(work, group_id, wish["words"], wish["code"])


@room.does("GET", "/groups/<id:group_id>/members", needs=SIGNED_IN, refuses=[no.GroupUnknown, no.NotMember])
@room.arguments(GroupMemberArguments, location="query")
@room.response(200, page_of(GroupMemberView, "group-members"))
def list_group_members(work: Work, wish: Wish, group_id: int) -> Any:
    """Who is in a group that I belong to; staff see it of groups that staff run."""
    return membership.list_members(work, group_id, wish["cursor"], wish["limit"])


@room.does(
    "DELETE",
    "/groups/<id:group_id>/membership",
    needs=RESIDENT,
    once=True,
    refuses=[no.GroupUnknown, no.LastOwner, no.MeetupOver, no.MemberUnknown, no.NotGoing, no.NotMember],
)
@room.response(204)
def leave_group(work: Work, group_id: int) -> None:
    """Leave a group; my places in its meet-ups go back."""
    membership.leave_group(work, group_id)


@room.does("POST", "/groups/<id:group_id>/handover", needs=RESIDENT, once=True, refuses=[*OWNING, no.MemberUnknown])
@room.arguments(HandoverRequest)
@room.response(200, GroupView)
def hand_group_over(work: Work, wish: Wish, group_id: int) -> Any:
    """Make another member owner in my place; I stay as a manager."""
    membership.hand_over(work, group_id, wish["member_id"])
    return finding.show_group(work, house().keys, group_id)


@room.does(
    "DELETE",
    "/group-members/<id:member_id>",
    needs=SIGNED_IN,
    once=True,
    refuses=[*RUNNING, no.LastOwner, no.MeetupOver, no.MemberUnknown, no.NotGoing],
)
@room.response(204)
def remove_group_member(work: Work, member_id: int) -> None:
    """Put somebody out of a group that I run; they are told, and come back by invitation only."""
    membership.remove_member(work, member_id)


@room.does(
    "PUT",
    "/group-members/<id:member_id>/role",
    needs=SIGNED_IN,
    refuses=[*OWNING, no.LastOwner, no.MemberUnknown],
)
@room.arguments(RoleRequest)
@room.response(204)
def set_group_role(work: Work, wish: Wish, member_id: int) -> None:
    """Give a member of a group that I own another role; they are told."""
    membership.set_role(work, member_id, wish["role"])


@room.does("GET", "/groups/<id:group_id>/requests", needs=SIGNED_IN, refuses=RUNNING)
@room.arguments(GroupRequestArguments, location="query")
@room.response(200, page_of(GroupRequestView, "group-requests"))
def list_group_requests(work: Work, wish: Wish, group_id: int) -> Any:
    """Who asks to be let into a group that I run, the longest waiting first."""
    return requests.list_requests(work, group_id, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/group-requests/<id:request_id>/decision",
    needs=SIGNED_IN,
    once=True,
    refuses=[*RUNNING, no.AlreadyMember, no.GroupFull, no.RequestUnknown],
)
@room.arguments(Acceptance)
@room.response(200, DecidedRequestView)
def decide_group_request(work: Work, wish: Wish, request_id: int) -> Any:
    """Let somebody in, or not; they are told."""
    return SimpleNamespace(status=requests.decide_request(work, request_id, wish["accept"]))


@room.does("DELETE", "/group-requests/<id:request_id>", needs=RESIDENT, refuses=[no.RequestUnknown])
@room.response(204)
def withdraw_group_request(work: Work, request_id: int) -> None:
    """Take my request back."""
    requests.withdraw_request(work, request_id)


@room.does(
    "POST",
    "/groups/<id:group_id>/invitations",
    needs=RESIDENT,
    refuses=[*RUNNING, DailyLimitReached, no.NotMember, no.ResidentSuspended],
)
@room.arguments(InvitationRequest)
@room.response(201, MadeInvitationView)
def make_group_invitation(work: Work, wish: Wish, group_id: int) -> Any:
    """A code that lets people into a group that I run. It is shown this once."""
    return invitations.make_invitation(work, group_id, wish["uses_max"], wish["days"])


@room.does("GET", "/groups/<id:group_id>/invitations", needs=RESIDENT, refuses=RUNNING)
@room.arguments(InvitationArguments, location="query")
@room.response(200, page_of(InvitationView, "group-invitations"))
def list_group_invitations(work: Work, wish: Wish, group_id: int) -> Any:
    """The invitations to a group that I run which still let people in."""
    return invitations.list_invitations(work, group_id, wish["cursor"], wish["limit"])


@room.does(
    "DELETE",
    "/groups/<id:group_id>/invitations/<id:invitation_id>",
    needs=RESIDENT,
    refuses=[*RUNNING, no.InvitationUnknown],
)
@room.response(204)
def revoke_group_invitation(work: Work, group_id: int, invitation_id: int) -> None:
    """Take an invitation back."""
    invitations.revoke_invitation(work, group_id, invitation_id)
