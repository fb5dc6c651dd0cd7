"""What groups do: meet-ups, posts, proposals to staff, activities."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import ANYONE, RESIDENT, SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.groups.gathering_schemas import (
    AttendeeArguments,
    AttendeeView,
    GroupActivityArguments,
    GroupActivityLink,
    GroupActivityView,
    GroupPostArguments,
    GroupPostRequest,
    GroupPostView,
    MeetupArguments,
    MeetupRequest,
    MeetupView,
    MyMeetupArguments,
    ProposalArguments,
    ProposalDecision,
    ProposalRequest,
    ProposalView,
    WaitingProposalArguments,
)
from models.residents import Role
from rules.activities.questions import QuestionsInvalid
from rules.activities.refusals import ActivityInvalid, ActivityOver, ActivityUnknown
from rules.daily_limits import DailyLimitReached
from rules.groups import activities, meetups, posts
from rules.groups import refusals as no
from rules.moderation.refusals import ContentRefused
from rules.points.budgets import OperatorUnknown
from rules.residents.identity import Forbidden
from rules.territory import PlaceUnknown
from rules.uploads.refusals import CLAIMING
from rules.work import Work

room = Room("gatherings", __name__, description="What groups do")

Wish = dict[str, Any]
MEETUPS = page_of(MeetupView, "group-meetups")
PROPOSALS = page_of(ProposalView, "group-proposals")
BELONGING = (no.GroupUnknown, no.NotMember)
RUNNING = (no.GroupUnknown, no.NotGroupManager, no.NotMember)
WRITING = (ContentRefused, DailyLimitReached, no.ResidentSuspended)
LINKING = (ActivityOver, ActivityUnknown, Forbidden, no.GroupUnknown)


@room.does("GET", "/groups/<id:group_id>/meetups", needs=SIGNED_IN, refuses=BELONGING)
@room.arguments(MeetupArguments, location="query")
@room.response(200, MEETUPS)
def list_meetups(work: Work, wish: Wish, group_id: int) -> Any:
    """The meet-ups of my group that aren't over."""
    return meetups.list_meetups(work, group_id, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/groups/<id:group_id>/meetups",
    needs=RESIDENT,
    once=True,
    refuses=[*RUNNING, *WRITING, no.MeetupTimesInvalid],
)
@room.arguments(MeetupRequest)
@room.response(201, MeetupView)
def make_meetup(work: Work, wish: Wish, group_id: int) -> Any:
    """Plan a meet-up of a group that I run; members see it once its words are checked."""
    return meetups.make_meetup(work, group_id, wish)


@room.does("GET", "/me/meetups", needs=RESIDENT)
@room.arguments(MyMeetupArguments, location="query")
@room.response(200, MEETUPS)
def list_my_meetups(work: Work, wish: Wish) -> Any:
    """The meet-ups to which I am going and that aren't over."""
    return meetups.list_my_meetups(work, wish["cursor"], wish["limit"])


@room.does("GET", "/group-meetups/<id:meetup_id>", needs=SIGNED_IN, refuses=[no.MeetupUnknown])
@room.response(200, MeetupView)
def show_meetup(work: Work, meetup_id: int) -> Any:
    """A meet-up of my group."""
    return meetups.show_meetup(work, meetup_id)


@room.does("GET", "/group-meetups/<id:meetup_id>/attendees", needs=SIGNED_IN, refuses=[no.MeetupUnknown])
@room.arguments(AttendeeArguments, location="query")
@room.response(200, page_of(AttendeeView, "meetup-attendees"))
def list_attendees(work: Work, wish: Wish, meetup_id: int) -> Any:
    """Who is going."""
    return meetups.list_attendees(work, meetup_id, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/group-meetups/<id:meetup_id>/attendance",
    needs=RESIDENT,
    once=True,
    refuses=[no.AlreadyGoing, no.MeetupFull, no.MeetupOver, no.MeetupUnknown],
)
@room.response(200, MeetupView)
def go_to_meetup(work: Work, meetup_id: int) -> Any:
    """Take a place."""
    return meetups.go(work, meetup_id)


@room.does(
    "DELETE",
    "/group-meetups/<id:meetup_id>/attendance",
    needs=RESIDENT,
    once=True,
    refuses=[no.MeetupOver, no.MeetupUnknown, no.NotGoing],
)
@room.response(200, MeetupView)
def stay_away_from_meetup(work: Work, meetup_id: int) -> Any:
    """Give my place back."""
    return meetups.stay_away(work, meetup_id)


@room.does(
    "POST",
    "/group-meetups/<id:meetup_id>/cancellation",
    needs=SIGNED_IN,
    once=True,
    refuses=[no.GroupUnknown, no.MeetupOver, no.MeetupUnknown, no.NotGroupManager],
)
@room.response(200, MeetupView)
def cancel_meetup(work: Work, meetup_id: int) -> Any:
    """Call a meet-up off; who was going is told."""
    return meetups.cancel_meetup(work, meetup_id)


@room.does("GET", "/groups/<id:group_id>/posts", needs=SIGNED_IN, refuses=BELONGING)
@room.arguments(GroupPostArguments, location="query")
@room.response(200, page_of(GroupPostView, "group-posts"))
def list_group_posts(work: Work, wish: Wish, group_id: int) -> Any:
    """What was written in my group, the latest first."""
    return posts.list_posts(work, house().keys, group_id, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/groups/<id:group_id>/posts",
    needs=RESIDENT,
    once=True,
    refuses=[*RUNNING, *WRITING, *CLAIMING],
)
@room.arguments(GroupPostRequest)
@room.response(201, GroupPostView)
def write_group_post(work: Work, wish: Wish, group_id: int) -> Any:
    """Write to the members of my group; they see it once it is checked."""
    return posts.write_post(work, house().keys, group_id, **wish)


@room.does("DELETE", "/group-posts/<id:post_id>", needs=SIGNED_IN, refuses=[no.GroupPostUnknown])
@room.response(204)
def remove_group_post(work: Work, post_id: int) -> None:
    """Take a post away: my own, or of a group that I run, or as staff of its place."""
    posts.remove_post(work, post_id)


@room.does("POST", "/groups/<id:group_id>/proposals", needs=RESIDENT, once=True, refuses=[*RUNNING, *WRITING])
@room.arguments(ProposalRequest)
@room.response(201, ProposalView)
def propose_activity(work: Work, wish: Wish, group_id: int) -> Any:
    """Ask staff for a real activity of a group that I run."""
    return activities.propose(work, group_id, wish)


@room.does("GET", "/groups/<id:group_id>/proposals", needs=SIGNED_IN, refuses=[no.GroupUnknown, no.NotGroupManager])
@room.arguments(ProposalArguments, location="query")
@room.response(200, PROPOSALS)
def list_proposals(work: Work, wish: Wish, group_id: int) -> Any:
    """What a group that I run has proposed."""
    return activities.list_proposals(work, group_id, wish["cursor"], wish["limit"])


@room.does("GET", "/group-proposals", needs=Role.ORGANISER)
@room.arguments(WaitingProposalArguments, location="query")
@room.response(200, PROPOSALS)
def list_waiting_proposals(work: Work, wish: Wish) -> Any:
    """The proposals of groups at my places that wait for an answer."""
    return activities.list_waiting_proposals(work, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/group-proposals/<id:proposal_id>/decision",
    needs=Role.ORGANISER,
    once=True,
    refuses=[
        ActivityInvalid,
        Forbidden,
        OperatorUnknown,
        PlaceUnknown,
        QuestionsInvalid,
        no.ActivityOfAnotherGroup,
        no.ProposalIncomplete,
        no.ProposalUnknown,
    ],
)
@room.arguments(ProposalDecision)
@room.response(200, ProposalView)
def decide_proposal(work: Work, wish: Wish, proposal_id: int) -> Any:
    """Make a draft of an activity of a proposal, or refuse it; who runs the group is told."""
    return activities.decide_proposal(work, proposal_id, **wish)


@room.does("GET", "/groups/<id:group_id>/activities", needs=ANYONE, shared=True, refuses=[no.GroupUnknown])
@room.arguments(GroupActivityArguments, location="query")
@room.response(200, page_of(GroupActivityView, "group-activities"))
def list_group_activities(work: Work, wish: Wish, group_id: int) -> Any:
    """The activities of a group that are or were public."""
    return activities.list_activities(work, group_id, wish["cursor"], wish["limit"])


@room.does(
    "PUT",
    "/groups/<id:group_id>/activities/<id:activity_id>",
    needs=Role.ORGANISER,
    refuses=[*LINKING, no.ActivityOfAnotherGroup],
)
@room.arguments(GroupActivityLink)
@room.response(204)
def link_group_activity(work: Work, wish: Wish, group_id: int, activity_id: int) -> None:
    """Say that an activity of mine is a group's, and whether its members alone may reserve."""
    activities.link_activity(work, group_id, activity_id, wish["members_only"])


@room.does("DELETE", "/groups/<id:group_id>/activities/<id:activity_id>", needs=Role.ORGANISER, refuses=LINKING)
@room.response(204)
def unlink_group_activity(work: Work, group_id: int, activity_id: int) -> None:
    """An activity isn't the group's any more."""
    activities.unlink_activity(work, group_id, activity_id)
