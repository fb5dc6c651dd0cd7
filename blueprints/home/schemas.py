"""The first page."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Day, Id, Moment
from blueprints.edge.schemas import Arguments, Fast
from blueprints.venues.schemas import OpenSpanView
from models.reservations import ReservationStatus
from models.search import FoundKind
from rules.home import COUNT_MAX


class HomeArguments(Arguments):
    """What the first page is asked for."""

    community_id = Id(
        load_default=None,
        metadata={"description": "This community in place of one's own; for visitors whose phone remembers one."},
    )


class HomeEntryView(Fast):
    """One of the six entries."""

    kind = fields.Enum(FoundKind, by_value=True, required=True, metadata={"description": "What is counted."})
    name = fields.String(required=True)
    count = fields.Integer(required=True, metadata={"description": f"At most {COUNT_MAX}."})
    path = fields.String(required=True, metadata={"description": "Where its list is."})


class HomeCentreView(Fast):
    """A service centre, and what its door says now."""

    id = Id(required=True)
    name = fields.String(required=True)
    address = fields.String(required=True)
    today = fields.List(
        fields.Nested(OpenSpanView), required=True, metadata={"description": "Its hours today, closures aside."}
    )
    open_now = fields.Boolean(required=True)
    open_until = Moment(required=True, allow_none=True)
    opens_next_at = Moment(required=True, allow_none=True)


class HomeCommunityView(Fast):
    """My community."""

    id = Id(required=True)
    name = fields.String(required=True)
    centres = fields.List(fields.Nested(HomeCentreView), required=True)


class HomeSessionView(Fast):
    """A session, with my reservation where I have one."""

    session_id = Id(required=True)
    activity_id = Id(required=True)
    title = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    venue_name = fields.String(required=True)
    centre_name = fields.String(required=True)
    address = fields.String(required=True)
    latitude = fields.Float(required=True, allow_none=True)
    longitude = fields.Float(required=True, allow_none=True)
    reservation_id = Id(required=True, allow_none=True)
    status = fields.String(
        required=True,
        allow_none=True,
        metadata={"enum": [*(each.value for each in ReservationStatus), None], "description": "Of my reservation."},
    )
    party_size = fields.Integer(required=True, allow_none=True)


class HomeLapsingView(Fast):
    """Points with one last good day."""

    amount = fields.Integer(required=True)
    on = Day(required=True, attribute="expires_on")


class HomePointsView(Fast):
    """What I may spend, and what of it lapses first."""

    balance = fields.Integer(required=True)
    expiring = fields.List(fields.Nested(HomeLapsingView), required=True)


class HomeLevelView(Fast):
    """A level of mine, as it is on record."""

    ladder = fields.String(required=True)
    ladder_title = fields.String(required=True)
    level = fields.String(required=True)
    level_title = fields.String(required=True)


class HomeAnnouncementView(Fast):
    """An announcement's title."""

    id = Id(required=True)
    title = fields.String(required=True)
    pinned = fields.Boolean(required=True)
    publishes_at = Moment(required=True)
    read_at = Moment(required=True, allow_none=True)


class HomeView(Fast):
    """The first page. Without a resident, what is somebody's own is null or empty."""

    entries = fields.List(fields.Nested(HomeEntryView), required=True)
    community = fields.Nested(HomeCommunityView, required=True, allow_none=True)
    today = fields.List(
        fields.Nested(HomeSessionView),
        required=True,
        metadata={"description": "What isn't over today: mine, then my community's."},
    )
    next_reservation = fields.Nested(HomeSessionView, required=True, allow_none=True)
    code_path = fields.String(
        required=True, allow_none=True, metadata={"description": "Where the code is that staff scan."}
    )
    points = fields.Nested(HomePointsView, required=True, allow_none=True)
    levels = fields.List(fields.Nested(HomeLevelView), required=True)
    unread = fields.Integer(required=True, allow_none=True, metadata={"description": "Notices in my inbox."})
    announcements = fields.List(fields.Nested(HomeAnnouncementView), required=True)
