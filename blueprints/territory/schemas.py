"""Communities, the tree of places, and service centres as everybody sees them."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Day, Distance, Id, Moment, Near, Words
from blueprints.edge.schemas import Arguments, Fast, NearArguments, PageArguments, cursor_of
from blueprints.uploads.schemas import PictureView
from blueprints.venues.schemas import ClosureView, OpenDayView
from models.centres import ListingStatus
from models.territory import Scene, TerritoryKind
from rules.geography import FAR
from rules.ids import ID_MAX

FROM_NEAR = {"description": "null without `near` or without a position."}
NAMED = {"description": "Only of this place, and below it."}


class CommunityArguments(Arguments):
    """From where to look at communities."""

    near = Near(metadata={"description": "latitude,longitude (GCJ-02): the nearest first."})


class PlaceView(Fast):
    """A community or an estate."""

    id = Id(required=True)
    name = fields.String(required=True)
    homes = fields.Integer(required=True, metadata={"description": "Dwellings in and below it."})
    latitude = fields.Float(required=True, allow_none=True, metadata={"description": "GCJ-02."})
    longitude = fields.Float(required=True, allow_none=True)


class ListedPlaceView(PlaceView):
    """A community in the directory."""

    distance_metres = fields.Integer(required=True, allow_none=True, metadata=FROM_NEAR)


class VenueView(Fast):
    """A room or a court."""

    id = Id(required=True)
    name = fields.String(required=True)
    capacity = fields.Integer(required=True, metadata={"description": "People at once."})


class CentreView(Fast):
    """A service centre with its rooms."""

    id = Id(required=True)
    name = fields.String(required=True)
    address = fields.String(required=True)
    opens_at = fields.String(required=True, metadata={"description": "On a usual day, local time, HH:MM."})
    closes_at = fields.String(required=True, metadata={"description": "Local time, HH:MM."})
    latitude = fields.Float(required=True, allow_none=True)
    longitude = fields.Float(required=True, allow_none=True)
    open_now = fields.Boolean(required=True)
    venues = fields.List(fields.Nested(VenueView), required=True)


class CommunityView(PlaceView):
    """A community with its estates and its service centres."""

    path = fields.String(
        required=True, metadata={"description": "Ids from the root of the tree; announcements are aimed at nodes."}
    )
    estates = fields.List(fields.Nested(PlaceView), required=True)
    centres = fields.List(fields.Nested(CentreView), required=True)


class NodeView(Fast):
    """A node of the tree, from the city down to the building."""

    id = Id(required=True)
    parent_id = Id(required=True, allow_none=True)
    kind = fields.Enum(TerritoryKind, by_value=True, required=True)
    name = fields.String(required=True)
    homes = fields.Integer(required=True)
    latitude = fields.Float(required=True, allow_none=True)
    longitude = fields.Float(required=True, allow_none=True)


class NodeNameView(Fast):
    """A node by its name."""

    id = Id(required=True)
    kind = fields.Enum(TerritoryKind, by_value=True, required=True)
    name = fields.String(required=True)


class NodeDetailView(NodeView):
    """A node with what is above it."""

    above = fields.List(
        fields.Nested(NodeNameView), required=True, metadata={"description": "From the root down to the parent."}
    )


class ChildrenArguments(PageArguments):
    """A page of the nodes below one."""

    cursor = cursor_of("territory")


class MyPlaceView(Fast):
    """Where I live, as far as I said; PATCH /me {territory_id} chooses it."""

    community = fields.Nested(NodeNameView, required=True, allow_none=True)
    estate = fields.Nested(NodeNameView, required=True, allow_none=True)
    building = fields.Nested(NodeNameView, required=True, allow_none=True)


class CentreArguments(NearArguments):
    """Which service centres to list."""

    cursor = cursor_of("service-centres", FAR + 1, ID_MAX)
    q = Words(
        length_max=64, load_default=None, metadata={"description": "Part of the name, the address or a service's name."}
    )
    community_id = Id(load_default=None, metadata=NAMED)
    scene = fields.Enum(
        Scene, by_value=True, load_default=None, metadata={"description": "Offers a service of this scene."}
    )
    open_now = fields.Boolean(load_default=False)


class ListedCentreView(Fast):
    """A service centre in a list."""

    id = Id(required=True)
    name = fields.String(required=True)
    address = fields.String(required=True)
    territory_id = Id(required=True, metadata={"description": "The community that it belongs to."})
    community = fields.String(required=True)
    latitude = fields.Float(required=True, allow_none=True)
    longitude = fields.Float(required=True, allow_none=True)
    distance_metres = Distance(attribute="squared", required=True, allow_none=True, metadata=FROM_NEAR)
    opens_at = fields.String(required=True, metadata={"description": "On a usual day; `hours` say the whole."})
    closes_at = fields.String(required=True)
    phones = fields.List(
        fields.Dict(keys=fields.String(), values=fields.String()),
        required=True,
        metadata={"description": "Each has a label and a number."},
    )
    open_now = fields.Boolean(attribute="state.open_now", required=True)
    open_until = Moment(
        attribute="state.open_until",
        required=True,
        allow_none=True,
        metadata={"description": "null: closed, or open round the clock."},
    )
    opens_next_at = Moment(
        attribute="state.opens_next_at",
        required=True,
        allow_none=True,
        metadata={"description": "null: open now, or closed for the next 16 days."},
    )


class ServiceView(Fast):
    """Something that a centre does for people."""

    id = Id(required=True)
    service_centre_id = Id(required=True)
    centre = fields.String(required=True)
    address = fields.String(required=True)
    territory_id = Id(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    scene = fields.Enum(Scene, by_value=True, required=True)
    audience = fields.String(required=True, metadata={"description": "Who it is for; empty: everybody."})
    materials = fields.List(fields.String(), required=True, metadata={"description": "What to bring."})
    fee_note = fields.String(required=True)
    minutes = fields.Integer(required=True, allow_none=True, metadata={"description": "On the average."})
    status = fields.Enum(ListingStatus, by_value=True, required=True)


class ServiceArguments(PageArguments):
    """Which services to list."""

    cursor = cursor_of("services")
    q = Words(length_max=64, load_default=None, metadata={"description": "Part of name, description or audience."})
    scene = fields.Enum(Scene, by_value=True, load_default=None)
    service_centre_id = Id(load_default=None)
    community_id = Id(load_default=None, metadata=NAMED)


class OnDutyView(Fast):
    """Somebody is on duty for some time of a day."""

    staff_id = Id(required=True)
    name = fields.String(required=True)
    title = fields.String(required=True)
    introduction = fields.String(required=True)
    picture = fields.Nested(PictureView, required=True, allow_none=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    is_there_now = fields.Boolean(required=True)


class DutyDayView(Fast):
    """A day of the roster."""

    day = fields.Date(required=True)
    on_duty = fields.List(fields.Nested(OnDutyView), required=True, metadata={"description": "In order of time."})


class DutyArguments(Arguments):
    """For which days to show the roster."""

    from_ = Day(data_key="from", load_default=None, metadata={"description": "Today if not given."})
    to = Day(load_default=None, metadata={"description": "The last day, 6 days later if not given; 31 days at most."})


class CentreRoomView(VenueView):
    """A room of a centre."""

    kind = fields.String(required=True)
    bookable = fields.Boolean(required=True)


class CentreDetailView(Fast):
    """A service centre with all that a visitor asks at its door."""

    id = Id(attribute="centre.id", required=True)
    name = fields.String(attribute="centre.name", required=True)
    address = fields.String(attribute="centre.address", required=True)
    introduction = fields.String(attribute="centre.introduction", required=True)
    territory_id = Id(attribute="centre.territory_id", required=True)
    community = fields.String(attribute="centre.community", required=True)
    territory_path = fields.String(
        attribute="centre.territory_path", required=True, metadata={"description": "Announcements are aimed at nodes."}
    )
    latitude = fields.Float(attribute="centre.latitude", required=True, allow_none=True)
    longitude = fields.Float(attribute="centre.longitude", required=True, allow_none=True)
    phones = fields.List(
        fields.Dict(keys=fields.String(), values=fields.String()), attribute="centre.phones", required=True
    )
    opens_at = fields.String(attribute="centre.opens_at", required=True)
    closes_at = fields.String(attribute="centre.closes_at", required=True)
    open_now = fields.Boolean(attribute="state.open_now", required=True)
    open_until = Moment(attribute="state.open_until", required=True, allow_none=True)
    opens_next_at = Moment(attribute="state.opens_next_at", required=True, allow_none=True)
    hours = fields.List(
        fields.Nested(OpenDayView),
        required=True,
        metadata={"description": "By the kind of day; none: every day from opens_at to closes_at."},
    )
    closures = fields.List(fields.Nested(ClosureView), required=True, metadata={"description": "To come."})
    pictures = fields.List(fields.Nested(PictureView), required=True)
    services = fields.List(fields.Nested(ServiceView), required=True, metadata={"description": "100 at most."})
    on_duty = fields.List(fields.Nested(OnDutyView), required=True, metadata={"description": "Today."})
    venues = fields.List(fields.Nested(CentreRoomView), required=True)
