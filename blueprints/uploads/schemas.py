"""What is sent and seen of pictures."""

from __future__ import annotations

from typing import Any

from flask_smorest.fields import Upload as UploadField
from marshmallow import fields, validate
from werkzeug.datastructures import FileStorage

from blueprints.edge.fields import Id
from blueprints.edge.schemas import Arguments, Fast
from models.moderation import ContentState
from models.uploads import UploadPurpose
from rules.uploads.links import Audience

#: Seconds since 1970, until 2100.
EXPIRES_MAX = 4_102_444_800


class FilePart(UploadField):
    """A part of a multipart form that is a file; words in its place are refused."""

    default_error_messages = {"invalid": "Not a file."}  # noqa: RUF012  marshmallow's own form

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        if not isinstance(value, FileStorage):
            raise self.make_error("invalid")
        return value.read()


class PictureUpload(Arguments):
    """A picture and what it is for, as multipart/form-data."""

    file = FilePart(required=True, metadata={"description": "JPEG, PNG or WebP."})
    purpose = fields.Enum(UploadPurpose, by_value=True, required=True, metadata={"description": "What it is for."})


class PictureView(Fast):
    """A picture, with links that work for one to two hours."""

    id = Id(required=True)
    state = fields.Enum(ContentState, by_value=True, required=True, metadata={"description": "What moderation says."})
    width = fields.Integer(required=True, metadata={"description": "Of the display size, in pixels."})
    height = fields.Integer(required=True)
    url = fields.String(
        required=True, allow_none=True, metadata={"description": "At most 1600 pixels; null: not to be seen yet."}
    )
    thumbnail_url = fields.String(required=True, allow_none=True, metadata={"description": "At most 320 pixels."})


class PictureLinkArguments(Arguments):
    """What a link to a picture says; not to be made by hand."""

    expires = fields.Integer(required=True, validate=validate.Range(min=0, max=EXPIRES_MAX))
    seen_by = fields.Enum(Audience, by_value=True, required=True)
    signature = fields.String(required=True, validate=validate.Length(min=1, max=64))
