"""Meet-ups, posts, proposals and activities of groups, as they are asked for and answered."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import MICROSECONDS_MAX, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.groups.schemas import whole, yes_or_no
from blueprints.uploads.schemas import PictureView
from models.activities import ActivityStatus
from models.groups import GroupRole, MeetupStatus, ProposalStatus
from models.territory import Scene
from rules.ids import ID_MAX

TITLE_LENGTH_MAX = 40
ABOUT_LENGTH_MAX = 500
PLACE_LENGTH_MAX = 60
POST_LENGTH_MAX = 1000
NOTE_LENGTH_MAX = 300
PICTURES_MAX = 9
CAPACITY_MAX = 500


class MeetupArguments(PageArguments):
    """A page of meet-ups."""

    cursor = cursor_of("group-meetups", MICROSECONDS_MAX, ID_MAX)


class MyMeetupArguments(PageArguments):
    """A page of the meet-ups to which I am going."""

    cursor = cursor_of("group-meetups", MICROSECONDS_MAX, ID_MAX)


class MeetupRequest(Arguments):
    """A new meet-up."""

    title = Words(length_min=1, length_max=TITLE_LENGTH_MAX, required=True)
    about = Words(length_max=ABOUT_LENGTH_MAX, load_default="")
    place = Words(length_min=1, length_max=PLACE_LENGTH_MAX, required=True, metadata={"description": "In words."})
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    capacity = whole(1, CAPACITY_MAX, "Places.", required=True)


class MeetupView(Fast):
    """A meet-up."""

    id = Id(required=True)
    group_id = Id(required=True)
    title = fields.String(required=True)
    about = fields.String(required=True)
    place = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    capacity = fields.Integer(required=True)
    taken = fields.Integer(required=True)
    status = fields.Enum(MeetupStatus, by_value=True, required=True)
    is_going = fields.Boolean(required=True, metadata={"description": "The caller."})
    content_id = Id(required=True)


class AttendeeArguments(PageArguments):
    """A page of attendees."""

    cursor = cursor_of("meetup-attendees")


class AttendeeView(Fast):
    """Somebody who is going."""

    id = Id(required=True)
    member_id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Of their card, or masked."})
    is_me = fields.Boolean(required=True)
    joined_at = Moment(required=True)


class GroupPostArguments(PageArguments):
    """A page of posts."""

    cursor = cursor_of("group-posts")


class GroupPostRequest(Arguments):
    """Something for the members."""

    words = Words(length_min=1, length_max=POST_LENGTH_MAX, required=True)
    upload_ids = fields.List(
        Id(),
        load_default=list,
        validate=validate.Length(max=PICTURES_MAX),
        metadata={"description": "Pictures of purpose `group`."},
    )
    is_announcement = yes_or_no(
        load_default=False, metadata={"description": "By who runs the group; the members are told."}
    )


class GroupPostView(Fast):
    """What a member wrote."""

    id = Id(required=True)
    member_id = Id(required=True)
    author = fields.String(required=True, metadata={"description": "Of their card, or masked."})
    role = fields.Enum(GroupRole, by_value=True, required=True)
    words = fields.String(required=True)
    pictures = fields.List(fields.Nested(PictureView), required=True)
    is_announcement = fields.Boolean(required=True)
    is_mine = fields.Boolean(required=True)
    made_at = Moment(required=True)
    content_id = Id(required=True)


class ProposalArguments(PageArguments):
    """A page of a group's proposals."""

    cursor = cursor_of("group-proposals")


class WaitingProposalArguments(PageArguments):
    """A page of the proposals that wait for me."""

    cursor = cursor_of("group-proposals")


class ProposalRequest(Arguments):
    """An activity that a group asks for."""

    title = Words(length_min=1, length_max=80, required=True)
    about = Words(length_min=1, length_max=POST_LENGTH_MAX, required=True)
    place_wish = Words(length_max=PLACE_LENGTH_MAX, load_default="", metadata={"description": "Where, in words."})
    starts_at = Moment(required=True, metadata={"description": "As they wish."})
    people = whole(1, CAPACITY_MAX, "Whom they expect.", required=True)


class ProposalView(Fast):
    """A proposal."""

    id = Id(required=True)
    group_id = Id(required=True)
    group = fields.String(required=True)
    category = fields.String(required=True)
    scene = fields.Enum(Scene, by_value=True, required=True)
    community_id = Id(required=True)
    title = fields.String(required=True)
    about = fields.String(required=True)
    place_wish = fields.String(required=True)
    starts_at = Moment(required=True)
    people = fields.Integer(required=True)
    status = fields.Enum(ProposalStatus, by_value=True, required=True)
    activity_id = Id(required=True, allow_none=True, metadata={"description": "The draft that came of it."})
    made_at = Moment(required=True)
    decided_at = Moment(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    content_id = Id(required=True)


class ProposalDecision(Arguments):
    """What staff make of a proposal."""

    accept = yes_or_no(required=True)
    note = Words(length_max=NOTE_LENGTH_MAX, load_default="", metadata={"description": "The group reads it."})
    operator_id = Id(load_default=None, metadata={"description": "Who runs the activity; needed to accept."})
    members_only = yes_or_no(
        load_default=False, metadata={"description": "Only members of the group may reserve the activity."}
    )


class GroupActivityArguments(PageArguments):
    """A page of a group's activities."""

    cursor = cursor_of("group-activities")


class GroupActivityLink(Arguments):
    """How an activity is a group's."""

    members_only = yes_or_no(load_default=False, metadata={"description": "Only its members may reserve."})


class GroupActivityView(Fast):
    """An activity of a group."""

    id = Id(required=True)
    title = fields.String(required=True)
    category = fields.String(required=True)
    scene = fields.Enum(Scene, by_value=True, required=True)
    status = fields.Enum(ActivityStatus, by_value=True, required=True)
    members_only = fields.Boolean(required=True)
