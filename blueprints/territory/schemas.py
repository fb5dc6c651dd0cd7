"""Communities and their service centres."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id
from blueprints.edge.schemas import Fast


class PlaceView(Fast):
    """A community or an estate."""

    id = Id(required=True)
    name = fields.String(required=True)
    homes = fields.Integer(required=True, metadata={"description": "Dwellings in and below it."})


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
    opens_at = fields.String(required=True, metadata={"description": "Local time, HH:MM."})
    closes_at = fields.String(required=True, metadata={"description": "Local time, HH:MM."})
    venues = fields.List(fields.Nested(VenueView), required=True)


class CommunityView(PlaceView):
    """A community with its estates and its service centres."""

    estates = fields.List(fields.Nested(PlaceView), required=True)
    centres = fields.List(fields.Nested(CentreView), required=True)
