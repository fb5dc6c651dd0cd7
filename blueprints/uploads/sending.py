"""A picture's way out: by a link, from the storage, or from the caller's own cache."""

from __future__ import annotations

import hashlib

from flask import Response

from blueprints.edge.files import send_version
from blueprints.edge.house import house
from rules.uploads.links import Linked
from rules.uploads.pictures import JPEG
from rules.uploads.refusals import UploadUnknown


def send_picture(linked: Linked) -> Response:
    """The file, or 304. The caller may keep it as long as the link works: a key never has another content."""

    def read() -> bytes:
        content = house().files.get(linked.key)
        if content is None:
            raise UploadUnknown
        return content

    version = hashlib.sha256(linked.key.encode()).hexdigest()
    caching = f"private, max-age={linked.seconds_left}, immutable"
    return send_version(version, read, JPEG, name="picture.jpg", caching=caching)
