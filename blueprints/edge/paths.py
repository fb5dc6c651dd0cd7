"""What stands in paths."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

from rules.ids import ID_MAX


class IdConverter(BaseConverter):
    """An id in a path: a number of 63 bits. Anything else is an unknown address."""

    regex = r"[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        if int(value) > ID_MAX:
            raise ValidationError
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


def register_paths(app: Flask) -> None:
    """Let an application know ids in paths, and paths as they are written."""
    app.url_map.converters["id"] = IdConverter
    app.url_map.merge_slashes = False  # a doubled slash is an unknown address, not a redirect to whatever Host says
