"""Pictures: send one, see it by a link that expires, take back what isn't used. There is no list of pictures."""

from __future__ import annotations

from typing import Any

from flask import Response

from blueprints.edge.caller import ANYONE, SIGNED_IN
from blueprints.edge.files import file_response
from blueprints.edge.house import house
from blueprints.edge.room import Parts, Room
from blueprints.uploads.receiving import receive_picture
from blueprints.uploads.schemas import PictureLinkArguments, PictureUpload, PictureView
from blueprints.uploads.sending import send_picture
from rules.files import StorageBusy
from rules.residents.identity import Forbidden
from rules.uploads import attaching, receiving, refusals
from rules.uploads.links import AskedLink, Size, find_linked
from rules.uploads.pictures import JPEG
from rules.work import Work

room = Room("uploads", __name__, description="Pictures")

Wish = dict[str, Any]

RECEIVING = (
    Forbidden,
    refusals.PictureTooLarge,
    refusals.PictureTypeRefused,
    refusals.PictureUnreadable,
    refusals.UploadQuotaReached,
    refusals.UploadUnknown,
    StorageBusy,
)
SENDING = (refusals.LinkInvalid, refusals.UploadUnknown, StorageBusy)


@room.does_in_parts("POST", "/uploads", needs=SIGNED_IN, refuses=RECEIVING)
@room.arguments(PictureUpload, location="files")
@room.response(201, PictureView)
def send_upload(parts: Parts, wish: Wish) -> Any:
    """Send a picture, to be used by what I write next. The same picture again is the same upload until it is used."""
    return receive_picture(parts, wish["purpose"], wish["file"])


@room.does("GET", "/uploads/<id:upload_id>", needs=SIGNED_IN, refuses=[refusals.UploadUnknown])
@room.response(200, PictureView)
def show_upload(work: Work, upload_id: int) -> Any:
    """A picture that I have sent, with fresh links."""
    return receiving.show_upload(work, house().keys, upload_id)


@room.does("DELETE", "/uploads/<id:upload_id>", needs=SIGNED_IN, refuses=[refusals.UploadUnknown, refusals.UploadTaken])
@room.response(204)
def discard_upload(work: Work, upload_id: int) -> None:
    """Take back a picture of mine that nothing uses."""
    attaching.discard_upload(work, upload_id)


@room.does_in_parts("GET", "/uploads/<id:upload_id>/display", needs=ANYONE, refuses=SENDING)
@room.arguments(PictureLinkArguments, location="query")
@file_response(room, JPEG)
def show_picture(parts: Parts, link: Wish, upload_id: int) -> Response:
    """A picture, for whoever holds its link."""
    return send_picture(parts.read(find_linked, house().keys, upload_id, Size.DISPLAY, AskedLink(**link)))


@room.does_in_parts("GET", "/uploads/<id:upload_id>/thumbnail", needs=ANYONE, refuses=SENDING)
@room.arguments(PictureLinkArguments, location="query")
@file_response(room, JPEG)
def show_thumbnail(parts: Parts, link: Wish, upload_id: int) -> Response:
    """A picture as a thumbnail, for whoever holds its link."""
    return send_picture(parts.read(find_linked, house().keys, upload_id, Size.THUMBNAIL, AskedLink(**link)))
