"""What is found, by rooms."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import MICROSECONDS_MAX, Id, Moment, Near, Words
from blueprints.edge.schemas import LIMIT_MAX, Arguments, Cursor, Fast, cursor_of
from models.search import FoundKind
from models.territory import Scene
from rules.ids import ID_MAX
from rules.search.finding import COUNT_MAX, DISTANCE_MAX, FITS_WORST, GROUP_ITEMS, PAGE_ITEMS


class SearchArguments(Arguments):
    """What to look for."""

    q = Words(
        length_min=1,
        length_max=64,
        required=True,
        attribute="typed",
        metadata={
            "description": "Any part of a name: characters, letters, pinyin, initials. All words are looked for."
        },
    )
    kind = fields.Enum(
        FoundKind,
        by_value=True,
        load_default=None,
        metadata={"description": "One room alone; all of them if not given."},
    )
    near = Near(load_default=None, metadata={"description": "latitude,longitude (GCJ-02): the nearest first."})
    community_id = Id(load_default=None, metadata={"description": "Only what belongs to this community."})
    cursor = cursor_of("search", DISTANCE_MAX, FITS_WORST, MICROSECONDS_MAX, ID_MAX)
    limit = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1, max=LIMIT_MAX),
        metadata={
            "description": f"Items of each room: {GROUP_ITEMS} if not given, of one room alone {PAGE_ITEMS}.",
        },
    )


class FoundView(Fast):
    """A thing that was found."""

    kind = fields.Enum(FoundKind, by_value=True, required=True)
    id = Id(required=True, metadata={"description": "Of the thing in its own room."})
    title = fields.String(required=True)
    summary = fields.String(required=True, metadata={"description": "The beginning of its text; may be empty."})
    scene = fields.Enum(Scene, by_value=True, required=True, allow_none=True)
    community_id = Id(required=True, allow_none=True)
    community_name = fields.String(required=True, allow_none=True)
    latitude = fields.Float(required=True, allow_none=True)
    longitude = fields.Float(required=True, allow_none=True)
    distance_metres = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null without a position on either side."}
    )
    next_starts_at = Moment(
        required=True, allow_none=True, metadata={"description": "Of an activity that has a session to come."}
    )


class FoundGroupView(Fast):
    """What was found in one room."""

    kind = fields.Enum(FoundKind, by_value=True, required=True)
    count = fields.Integer(required=True, metadata={"description": f"At most {COUNT_MAX}."})
    has_more = fields.Boolean(required=True, metadata={"description": "There are more than count."})
    items = fields.List(fields.Nested(FoundView), required=True)
    next_cursor = Cursor(
        of="search",
        attribute="next_after",
        required=True,
        allow_none=True,
        metadata={"description": "Goes on with kind= of this group; null when these are all."},
    )


class SearchView(Fast):
    """What was found, by rooms; a room with nothing is left out."""

    groups = fields.List(fields.Nested(FoundGroupView), required=True)
