"""Calendars."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id
from blueprints.edge.schemas import Arguments, Fast


class MyCalendarArguments(Arguments):
    """Whose calendar."""

    resident_id = Id(load_default=None, metadata={"description": "Somebody for whom I may act; me if not given."})


class FeedAddressView(Fast):
    """A secret address, shown this once."""

    path = fields.String(required=True, metadata={"description": "Of this server. Whoever knows it reads my calendar."})
