"""Answers that aren't JSON: a calendar, a table, a certificate, a picture.

    @room.does("GET", "/me/calendar.ics", needs=RESIDENT)
    @file_response(room, CALENDAR)
    def show_my_calendar(work: Work) -> Response:
        \"\"\"My reservations as a calendar.\"\"\"
        return send_file(calendars.my_calendar(work), CALENDAR, name="缤纷日历.ics")

A file is made whole in the unit of work, so it is small by a bound of its rule. The caller's cache is asked first: what
it has already (`If-None-Match`) is answered with 304 and no body. Not for routes with an `Idempotency-Key`, whose answers
are kept as text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from flask import Response, request

from blueprints.edge.room import Room

CALENDAR = "text/calendar; charset=utf-8"
CSV = "text/csv; charset=utf-8"
PDF = "application/pdf"
PNG = "image/png"
SVG = "image/svg+xml"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: The caller alone may keep it, and asks whether it still stands before each use.
PRIVATE = "private, no-cache"
#: Anybody may keep it for five minutes.
PUBLIC = "public, max-age=300"

_TEXTUAL = ("text/", SVG)
#: What would end the name, or lead out of a folder.
_NOT_IN_NAMES = '"\\/'


def file_response(room: Room, media_type: str) -> Callable[[Any], Any]:
    """Say in the document that a route answers with a file of this type."""
    media = media_type.partition(";")[0]
    schema = {"type": "string"} if media.startswith(_TEXTUAL) else {"type": "string", "format": "binary"}

    def decorate(view: Any) -> Any:
        unchanged = room.alt_response(304, description="The caller has it already.", success=True)
        return room.response(200, schema, content_type=media)(unchanged(view))

    return decorate


def send_file(content: bytes, media_type: str, *, name: str, inline: bool = True, caching: str = PRIVATE) -> Response:
    """A file, or 304 where the caller has it already.

    `name` is what a browser calls it, Chinese characters and all; `inline`: to be shown, not saved.
    """
    version = hashlib.sha256(content).hexdigest()
    return send_version(version, lambda: content, media_type, name=name, inline=inline, caching=caching)


def send_version(
    version: str,
    make: Callable[[], bytes],
    media_type: str,
    *,
    name: str,
    inline: bool = True,
    caching: str = PRIVATE,
) -> Response:
    """A file that is dear to make, or 304: `make` is called only for callers who don't have this version already.

    `version` names all that the content is made from; letters, digits and dashes.
    """
    response = Response(content_type=media_type)
    response.set_etag(version)
    response.headers["Cache-Control"] = caching
    response.headers["Content-Disposition"] = _disposition("inline" if inline else "attachment", name)
    if request.if_none_match.contains_weak(version):
        response.status_code = int(HTTPStatus.NOT_MODIFIED)
    else:
        response.set_data(make())
    return response


def _disposition(way: str, name: str) -> str:
    """How a browser is told what to call a file (RFC 6266): in ASCII for old ones, in full for all others."""
    safe = "".join(
        character if character.isprintable() and character not in _NOT_IN_NAMES else "_" for character in name
    )
    if safe.isascii():
        return f'{way}; filename="{safe}"'
    suffix = PurePath(safe).suffix
    plain = f"binfen{suffix}" if suffix.isascii() else "binfen"
    return f"{way}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
