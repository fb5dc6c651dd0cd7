"""What residents keep to find it again."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.favourites import FavouriteKind


class FavouriteRequest(Arguments):
    """A thing to keep, or to let go."""

    kind = fields.Enum(FavouriteKind, by_value=True, required=True)
    subject_id = Id(required=True, metadata={"description": "Of the activity, venue, centre, group or reward."})


class FavouritesArguments(PageArguments):
    """Which of the things that I keep to list."""

    cursor = cursor_of("favourites")
    kind = fields.Enum(FavouriteKind, by_value=True, load_default=None)


class OnNextView(Fast):
    """The session that is on or comes next."""

    session_id = Id(required=True)
    activity_id = Id(required=True)
    title = fields.String(required=True)
    starts_at = Moment(required=True)


class FavouriteView(Fast):
    """A thing that I keep."""

    kind = fields.Enum(FavouriteKind, by_value=True, required=True)
    subject_id = Id(required=True)
    title = fields.String(required=True, metadata={"description": "Of a thing that is gone: what it was called then."})
    added_at = Moment(required=True)
    is_gone = fields.Boolean(required=True, metadata={"description": "Residents can't see it any more."})
    on_next = fields.Nested(
        OnNextView, required=True, allow_none=True, metadata={"description": "Of an activity, a venue or a centre."}
    )
