"""找搭子 and what neighbours show, as they are asked for and answered. People are named by posts and responses."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.groups.schemas import whole, yes_or_no
from blueprints.uploads.schemas import PictureView
from models.groups import PartnerKind, PartnerPostStatus, ResponseStatus
from models.moderation import ContentState

POST_LENGTH_MAX = 500
WHEN_LENGTH_MAX = 60
MESSAGE_LENGTH_MAX = 300
NAME_LENGTH_MAX = 20
ABOUT_LENGTH_MAX = 200
INTEREST_LENGTH_MAX = 12
INTERESTS_MAX = 10
PICTURES_MAX = 9
WANTED_MAX = 20
REASON_LENGTH_MAX = 200


class PartnerPostArguments(PageArguments):
    """Which posts to list."""

    cursor = cursor_of("partner-posts")
    kind = fields.Enum(PartnerKind, by_value=True, load_default=None)
    community_id = Id(load_default=None)


class MyPartnerPostArguments(PageArguments):
    """A page of my posts."""

    cursor = cursor_of("partner-posts")


class PartnerPostRequest(Arguments):
    """Somebody looks for company."""

    kind = fields.Enum(PartnerKind, by_value=True, required=True)
    words = Words(length_min=1, length_max=POST_LENGTH_MAX, required=True)
    when_words = Words(
        length_min=1, length_max=WHEN_LENGTH_MAX, required=True, metadata={"description": "每周三晚 7 点"}
    )
    community_id = Id(required=True, metadata={"description": "Where: a community, never an address."})
    wanted = whole(1, WANTED_MAX, "How many others.", load_default=1)
    lapses_at = Moment(required=True, metadata={"description": "Within 30 days."})
    upload_ids = fields.List(
        Id(),
        load_default=list,
        validate=validate.Length(max=PICTURES_MAX),
        metadata={"description": "Pictures of purpose `post`."},
    )


class PartnerPostView(Fast):
    """A post, and what the caller has to do with it."""

    id = Id(required=True)
    kind = fields.Enum(PartnerKind, by_value=True, required=True)
    words = fields.String(required=True)
    when_words = fields.String(required=True)
    community_id = Id(required=True)
    community = fields.String(required=True)
    author = fields.String(required=True, metadata={"description": "Masked."})
    wanted = fields.Integer(required=True)
    accepted = fields.Integer(required=True)
    pictures = fields.List(fields.Nested(PictureView), required=True)
    status = fields.Enum(PartnerPostStatus, by_value=True, required=True)
    is_open = fields.Boolean(required=True, metadata={"description": "One may still respond."})
    is_mine = fields.Boolean(required=True)
    my_response_id = Id(required=True, allow_none=True)
    my_response_status = fields.Enum(ResponseStatus, by_value=True, required=True, allow_none=True)
    made_at = Moment(required=True)
    lapses_at = Moment(required=True)
    content_id = Id(required=True, metadata={"description": "To report it."})


class PartnerWords(Arguments):
    """What one writes to the other."""

    words = Words(length_min=1, length_max=MESSAGE_LENGTH_MAX, required=True)


class PostResponseArguments(PageArguments):
    """A page of the responses to my post."""

    cursor = cursor_of("post-responses")


class MyPostResponseArguments(PageArguments):
    """A page of my responses."""

    cursor = cursor_of("post-responses")


class PostResponseView(Fast):
    """A response, with the name of the other one."""

    id = Id(required=True)
    post_id = Id(required=True)
    kind = fields.Enum(PartnerKind, by_value=True, required=True)
    post_words = fields.String(required=True)
    words = fields.String(required=True, allow_none=True, metadata={"description": "null until they are checked."})
    status = fields.Enum(ResponseStatus, by_value=True, required=True)
    is_to_me = fields.Boolean(required=True, metadata={"description": "false: the caller responded."})
    name = fields.String(required=True, metadata={"description": "Of the other one: of their card, or masked."})
    has_card = fields.Boolean(required=True)
    made_at = Moment(required=True)
    decided_at = Moment(required=True, allow_none=True)
    content_id = Id(required=True)


class PartnerMessageArguments(PageArguments):
    """A page of messages."""

    cursor = cursor_of("partner-messages")


class PartnerMessageView(Fast):
    """What one of two wrote."""

    id = Id(required=True)
    words = fields.String(required=True)
    is_mine = fields.Boolean(required=True)
    made_at = Moment(required=True)
    content_id = Id(required=True)


class CardChanges(Arguments):
    """My card; what isn't named stays. There is no place in it for a phone or an address."""

    display_name = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    about = Words(length_max=ABOUT_LENGTH_MAX)
    interests = fields.List(
        Words(length_min=1, length_max=INTEREST_LENGTH_MAX), validate=validate.Length(max=INTERESTS_MAX)
    )
    upload_id = Id(allow_none=True, metadata={"description": "A picture of purpose `profile`."})
    is_on = yes_or_no(metadata={"description": "false hides it at once."})


class MyCardView(Fast):
    """My card, as I see it."""

    display_name = fields.String(required=True)
    about = fields.String(required=True)
    interests = fields.List(fields.String(), required=True)
    picture = fields.Nested(PictureView, required=True, allow_none=True)
    is_on = fields.Boolean(required=True)
    content_state = fields.Enum(
        ContentState, by_value=True, required=True, allow_none=True, metadata={"description": "null: there is none."}
    )
    changed_at = Moment(required=True, allow_none=True)


class ResidentCardView(Fast):
    """Somebody's card."""

    display_name = fields.String(required=True)
    about = fields.String(required=True)
    interests = fields.List(fields.String(), required=True)
    picture = fields.Nested(PictureView, required=True, allow_none=True)
    content_id = Id(required=True, metadata={"description": "To report it."})


class BlockRequest(Arguments):
    """Whom to block: who one of these is about."""

    member_id = Id(load_default=None)
    post_id = Id(load_default=None, metadata={"description": "Of a partner post."})
    response_id = Id(load_default=None)

    @validates_schema
    def check_one(self, wish: dict[str, Any], **_: Any) -> None:
        """One of the three."""
        if sum(value is not None for value in wish.values()) != 1:
            raise ValidationError(["Exactly one of member_id, post_id and response_id."], "member_id")


class BlockArguments(PageArguments):
    """A page of blocks."""

    cursor = cursor_of("my-blocks")


class PersonBlockView(Fast):
    """Somebody whom I blocked."""

    id = Id(required=True)
    shown_as = fields.String(required=True, metadata={"description": "The name that I saw."})
    blocked_at = Moment(required=True)


class DisclosureRequest(Arguments):
    """Why a name is looked up."""

    reason = Words(length_min=4, length_max=REASON_LENGTH_MAX, required=True, metadata={"description": "It is kept."})


class DisclosureView(Fast):
    """Who wrote something."""

    content_id = Id(required=True)
    name = fields.String(required=True)
