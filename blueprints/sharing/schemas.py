"""How a thing is shared."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Fast
from models.sharing import ShareKind


class ShareView(Fast):
    """A thing as it is shared."""

    kind = fields.Enum(ShareKind, by_value=True, required=True)
    id = Id(required=True, metadata={"description": "Of the activity, venue, centre, group or reward."})
    scene = fields.String(required=True, metadata={"description": "The code in the code image; opaque, no secret."})
    page = fields.String(required=True, metadata={"description": "The page of the mini-program that reads the scene."})
    path = fields.String(required=True, metadata={"description": "For onShareAppMessage."})
    image = fields.String(required=True, metadata={"description": "Where its code image is, a path of this server."})


class ShareLinkView(Fast):
    """An address that opens a thing from outside of WeChat."""

    link = fields.String(required=True)
    link_until = Moment(required=True, metadata={"description": "Another one is given a day before."})
