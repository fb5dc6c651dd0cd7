"""What is sent and seen of notices."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import MICROSECONDS_MAX, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.uploads.schemas import PictureView
from models.notices import AnnouncementStatus
from rules.ids import ID_MAX
from rules.notices.catalogue import Template

TIME = validate.Regexp(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", error="A time of day, for example 09:30.")
TEMPLATES_MAX = 20
PLACES_MAX = 50
PICTURES_MAX = 9


def kind_of_notice(**kwargs: object) -> fields.Enum:
    """A kind of subscription message."""
    return fields.Enum(Template, by_value=True, **kwargs)


class InboxArguments(PageArguments):
    """A page of my inbox."""

    cursor = cursor_of("inbox")
    unread = fields.Boolean(load_default=False, metadata={"description": "Only what I haven't read."})


class NoticeView(Fast):
    """A notice in my inbox, in the language that I ask for."""

    id = Id(required=True)
    topic = fields.String(required=True, metadata={"description": "What happened: `reservation.promoted`."})
    kind = kind_of_notice(required=True, allow_none=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    page = fields.String(
        required=True, allow_none=True, metadata={"description": "Where it leads in the mini-program, with its query."}
    )
    about_id = Id(required=True, allow_none=True, metadata={"description": "For whom I act; null: it is my own."})
    about_name = fields.String(required=True, allow_none=True)
    created_at = Moment(required=True)
    read_at = Moment(required=True, allow_none=True)


class ReadAllRequest(Arguments):
    """Up to where I have read."""

    up_to = Id(load_default=None, metadata={"description": "The latest notice that I saw; none: all of them."})


class UnreadCountView(Fast):
    """How many notices I haven't read."""

    unread = fields.Integer(required=True)


class SubscriptionView(Fast):
    """A template for wx.requestSubscribeMessage."""

    kind = kind_of_notice(required=True)
    template_id = fields.String(required=True)
    left = fields.Integer(required=True, metadata={"description": "How many messages I accepted and haven't got."})


class SubscriptionAnswers(Arguments):
    """What wx.requestSubscribeMessage answered, by template."""

    answers = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=64)),
        values=fields.String(validate=validate.OneOf(["accept", "reject", "ban", "filter", "acceptWithAudio"])),
        required=True,
        validate=validate.Length(min=1, max=TEMPLATES_MAX),
    )


class NoticeSettingsView(Fast):
    """When and of what I am told by WeChat; my inbox has everything at once."""

    quiet_from = fields.String(
        required=True, allow_none=True, metadata={"description": "Local time; null: never quiet."}
    )
    quiet_until = fields.String(required=True, allow_none=True)
    kinds_off = fields.List(fields.String(), required=True, metadata={"description": "Kinds that aren't sent."})


class NoticeSettingsRequest(Arguments):
    """When and of what I want to be told by WeChat."""

    quiet_from = fields.String(required=True, allow_none=True, validate=TIME)
    quiet_until = fields.String(required=True, allow_none=True, validate=TIME)
    kinds_off = fields.List(kind_of_notice(), load_default=list, validate=validate.Length(max=len(Template)))


class StaffNoticeArguments(PageArguments):
    """A page of what staff are told."""

    cursor = cursor_of("staff-notices")


class StaffNoticeView(Fast):
    """Something to decide or to look after, at a place where I work."""

    id = Id(required=True)
    topic = fields.String(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    page = fields.String(required=True, allow_none=True)
    subject = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    created_at = Moment(required=True)


class DeadLetterArguments(PageArguments):
    """A page of dead letters."""

    cursor = cursor_of("dead-letters")


class DeadLetterView(Fast):
    """A message that couldn't be delivered."""

    id = Id(required=True)
    topic = fields.String(required=True)
    key = fields.String(required=True, metadata={"description": "Names it within its topic."})
    attempts = fields.Integer(required=True)
    created_at = Moment(required=True)
    failed_at = Moment(required=True)
    failure = fields.String(required=True, allow_none=True, metadata={"description": "Why, in a word."})


class OutboxQueueView(Fast):
    """How the outbox stands."""

    waiting = fields.Integer(required=True)
    due = fields.Integer(required=True)
    claimed = fields.Integer(required=True)
    oldest_due_seconds = fields.Integer(
        required=True,
        metadata={"description": "How long the oldest has been due. More than a minute: nobody delivers."},
    )
    retried = fields.Integer(required=True)
    dead = fields.Integer(required=True)


class AnnouncementArguments(PageArguments):
    """A page of announcements."""

    cursor = cursor_of("announcements", 1, MICROSECONDS_MAX, ID_MAX)
    place_id = Id(load_default=None, metadata={"description": "Those aimed at this node of the tree, or above it."})


class AnnouncementSummaryView(Fast):
    """An announcement in a list."""

    id = Id(required=True)
    title = fields.String(required=True)
    excerpt = fields.String(required=True)
    pinned = fields.Boolean(required=True)
    public = fields.Boolean(required=True)
    confirmation_needed = fields.Boolean(required=True)
    publishes_at = Moment(required=True)
    ends_at = Moment(required=True, allow_none=True)
    read_at = Moment(required=True, allow_none=True, metadata={"description": "When I read it."})
    confirmed_at = Moment(required=True, allow_none=True)


class AnnouncementPlaceView(Fast):
    """A node that an announcement is aimed at."""

    id = Id(required=True)
    name = fields.String(required=True)


class AnnouncementView(Fast):
    """An announcement."""

    id = Id(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    pictures = fields.List(fields.Nested(PictureView), required=True)
    places = fields.List(fields.Nested(AnnouncementPlaceView), required=True)
    pinned = fields.Boolean(required=True)
    public = fields.Boolean(required=True)
    confirmation_needed = fields.Boolean(required=True)
    publishes_at = Moment(required=True)
    ends_at = Moment(required=True, allow_none=True)
    read_at = Moment(required=True, allow_none=True)
    confirmed_at = Moment(required=True, allow_none=True)


class ReadingRequest(Arguments):
    """I have read it."""

    confirms = fields.Boolean(load_default=False, metadata={"description": "And confirm it, where that is asked for."})


class AnnouncementRequest(Arguments):
    """An announcement as staff write it."""

    title = Words(required=True, length_min=1, length_max=60)
    text = Words(required=True, length_min=1, length_max=10_000)
    place_ids = fields.List(Id(), required=True, validate=validate.Length(min=1, max=PLACES_MAX))
    picture_ids = fields.List(Id(), load_default=list, validate=validate.Length(max=PICTURES_MAX))
    publishes_at = Moment(load_default=None, metadata={"description": "None: when it is published."})
    ends_at = Moment(load_default=None)
    pinned = fields.Boolean(load_default=False)
    public = fields.Boolean(load_default=True, metadata={"description": "Visitors see it too."})
    confirmation_needed = fields.Boolean(load_default=False)
    pushed = fields.Boolean(
        load_default=False, metadata={"description": "Into the inboxes, and by WeChat to those who granted it."}
    )


class DeskAnnouncementArguments(PageArguments):
    """A page of the announcements that I may look after."""

    cursor = cursor_of("desk-announcements")
    status = fields.Enum(AnnouncementStatus, by_value=True, load_default=None)


class DeskAnnouncementView(Fast):
    """An announcement as staff see it."""

    id = Id(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    pictures = fields.List(fields.Nested(PictureView), required=True)
    places = fields.List(fields.Nested(AnnouncementPlaceView), required=True)
    publishes_at = Moment(required=True)
    ends_at = Moment(required=True, allow_none=True)
    pinned = fields.Boolean(required=True)
    public = fields.Boolean(required=True)
    confirmation_needed = fields.Boolean(required=True)
    pushed = fields.Boolean(required=True)
    status = fields.Enum(AnnouncementStatus, by_value=True, required=True)
    created_at = Moment(required=True)
    published_at = Moment(required=True, allow_none=True)
    withdrawn_at = Moment(required=True, allow_none=True)


class ReadingCountsView(Fast):
    """How many an announcement is for, and how many have read and confirmed it."""

    residents = fields.Integer(required=True)
    read = fields.Integer(required=True)
    confirmed = fields.Integer(required=True)


class UnreadResidentArguments(PageArguments):
    """A page of those who haven't confirmed an announcement."""

    cursor = cursor_of("unconfirmed")


class UnreadResidentView(Fast):
    """Somebody who hasn't confirmed an announcement."""

    resident_id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})
    read_at = Moment(required=True, allow_none=True)
