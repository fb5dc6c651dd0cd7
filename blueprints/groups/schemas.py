"""Groups and their members, as they are asked for and answered. People are named by memberships, never by ids of theirs."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.uploads.schemas import PictureView
from models.groups import GroupRole, Joining, RequestStatus
from models.territory import Scene
from rules.groups.joining import Outcome

NAME_LENGTH_MAX = 30
ABOUT_LENGTH_MAX = 500
CATEGORY_LENGTH_MAX = 20
WORDS_LENGTH_MAX = 200
REASON_LENGTH_MAX = 200
CODE_LENGTH_MAX = 64
MEMBERS_MAX = 500
INVITED_MAX = 100
INVITATION_DAYS_MAX = 30


def whole(low: int, high: int, description: str, **options: object) -> fields.Integer:
    """A whole number within bounds."""
    within = validate.Range(min=low, max=high)
    return fields.Integer(strict=True, validate=within, metadata={"description": description}, **options)  # type: ignore[arg-type]


def yes_or_no(**options: object) -> fields.Boolean:
    """true or false, and nothing that is merely like it."""
    return fields.Boolean(truthy={True}, falsy={False}, **options)  # type: ignore[arg-type]


class GroupListArguments(PageArguments):
    """Which groups to list."""

    cursor = cursor_of("groups")
    community_id = Id(load_default=None, metadata={"description": "Only of this place, and below it."})
    scene = fields.Enum(Scene, by_value=True, load_default=None)
    category = Words(length_max=CATEGORY_LENGTH_MAX, load_default=None)


class MyGroupArguments(PageArguments):
    """A page of my groups."""

    cursor = cursor_of("groups")


class GroupFounding(Arguments):
    """A new group."""

    name = Words(length_min=2, length_max=NAME_LENGTH_MAX, required=True)
    about = Words(length_min=1, length_max=ABOUT_LENGTH_MAX, required=True)
    category = Words(
        length_min=1,
        length_max=CATEGORY_LENGTH_MAX,
        required=True,
        metadata={"description": "The town's own word: 舞蹈, 书法."},
    )
    scene = fields.Enum(Scene, by_value=True, required=True)
    community_id = Id(required=True, metadata={"description": "The node of the tree that it belongs to."})
    joining = fields.Enum(Joining, by_value=True, load_default=Joining.OPEN)
    member_max = whole(2, MEMBERS_MAX, "Members at most.", load_default=50)
    upload_id = Id(load_default=None, allow_none=True, metadata={"description": "Its picture, of purpose `group`."})


class GroupChanges(Arguments):
    """What is to be changed of a group; what isn't named stays. New words are shown once they are checked."""

    name = Words(length_min=2, length_max=NAME_LENGTH_MAX)
    about = Words(length_min=1, length_max=ABOUT_LENGTH_MAX)
    category = Words(length_min=1, length_max=CATEGORY_LENGTH_MAX)
    scene = fields.Enum(Scene, by_value=True)
    joining = fields.Enum(Joining, by_value=True)
    member_max = whole(2, MEMBERS_MAX, "Members at most.")
    upload_id = Id(allow_none=True)


class GroupView(Fast):
    """A group, and what the caller is in it."""

    id = Id(required=True)
    name = fields.String(required=True)
    about = fields.String(required=True)
    category = fields.String(required=True)
    scene = fields.Enum(Scene, by_value=True, required=True)
    community_id = Id(required=True)
    community = fields.String(required=True)
    picture = fields.Nested(PictureView, required=True, allow_none=True)
    joining = fields.Enum(Joining, by_value=True, required=True)
    member_max = fields.Integer(required=True)
    members = fields.Integer(required=True, metadata={"description": "How many there are."})
    is_full = fields.Boolean(required=True)
    is_staffed = fields.Boolean(required=True, metadata={"description": "Staff run it until it has an owner."})
    is_public = fields.Boolean(
        required=True, metadata={"description": "false: only its founder sees it, until checked."}
    )
    founded_at = Moment(required=True)
    my_role = fields.Enum(GroupRole, by_value=True, required=True, allow_none=True)
    my_member_id = Id(required=True, allow_none=True)
    my_request_id = Id(required=True, allow_none=True, metadata={"description": "It waits for an answer."})
    content_id = Id(required=True, metadata={"description": "To report it."})


class GroupClosing(Arguments):
    """Why a group is closed."""

    reason = Words(
        length_min=1,
        length_max=REASON_LENGTH_MAX,
        required=True,
        metadata={"description": "Members read it where staff close the group; otherwise it is only kept."},
    )


class JoiningRequest(Arguments):
    """A wish to become a member."""

    words = Words(
        length_max=WORDS_LENGTH_MAX, load_default="", metadata={"description": "For who decides, where somebody does."}
    )
    code = Words(
        length_min=1, length_max=CODE_LENGTH_MAX, load_default=None, metadata={"description": "Of an invitation."}
    )


class JoinedView(Fast):
    """What came of joining: a membership, or a request that waits."""

    outcome = fields.Enum(Outcome, by_value=True, required=True)
    member_id = Id(required=True, allow_none=True)
    request_id = Id(required=True, allow_none=True)


class GroupMemberArguments(PageArguments):
    """A page of members."""

    cursor = cursor_of("group-members")


class GroupMemberView(Fast):
    """Somebody in a group."""

    id = Id(required=True, metadata={"description": "Of the membership."})
    name = fields.String(required=True, metadata={"description": "Of their card, or masked."})
    role = fields.Enum(GroupRole, by_value=True, required=True)
    joined_at = Moment(required=True)
    has_card = fields.Boolean(required=True)
    is_me = fields.Boolean(required=True)


class RoleRequest(Arguments):
    """Another role."""

    role = fields.Enum(GroupRole, by_value=True, required=True)


class HandoverRequest(Arguments):
    """Who becomes owner in my place."""

    member_id = Id(required=True)


class GroupRequestArguments(PageArguments):
    """A page of requests."""

    cursor = cursor_of("group-requests")


class GroupRequestView(Fast):
    """Somebody asks to be let in."""

    id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})
    words = fields.String(required=True, allow_none=True, metadata={"description": "null until they are checked."})
    content_id = Id(required=True, allow_none=True)
    made_at = Moment(required=True)
    lapses_at = Moment(required=True)


class Acceptance(Arguments):
    """Yes or no."""

    accept = yes_or_no(required=True)


class DecidedRequestView(Fast):
    """What became of a request."""

    status = fields.Enum(RequestStatus, by_value=True, required=True)


class InvitationRequest(Arguments):
    """A code for so many people."""

    uses_max = whole(1, INVITED_MAX, "So many people come in by it.", load_default=1)
    days = whole(1, INVITATION_DAYS_MAX, "It is good for so many days.", load_default=7)


class MadeInvitationView(Fast):
    """A new invitation; its code is shown this once."""

    id = Id(required=True)
    code = fields.String(required=True)
    uses_max = fields.Integer(required=True)
    expires_at = Moment(required=True)


class InvitationArguments(PageArguments):
    """A page of invitations."""

    cursor = cursor_of("group-invitations")


class InvitationView(Fast):
    """An invitation, without its code."""

    id = Id(required=True)
    uses_max = fields.Integer(required=True)
    used = fields.Integer(required=True)
    made_at = Moment(required=True)
    expires_at = Moment(required=True)
