"""Pictures to send, and how they are sent."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image
from werkzeug.test import TestResponse

from tests.build import ApiClient

GPS = 0x8825
ORIENTATION = 0x0112
MAKE = 0x010F
BOUNDARY = "boundary-of-the-tests"


def photo(width: int = 400, height: int = 200, kind: str = "JPEG", **options: Any) -> bytes:
    """A picture that is red on its left half and blue on its right, with everything about it that a phone writes."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height))
    exif = Image.Exif()
    exif[MAKE] = "SECRETPHONE"
    exif[ORIENTATION] = options.pop("orientation", 1)
    exif.get_ifd(GPS).update({1: "N", 2: (30.0, 18.0, 12.0), 3: "E", 4: (120.0, 11.0, 5.0), 29: "2026:05:01"})
    written = io.BytesIO()
    image.save(written, kind, exif=exif, **options)
    return written.getvalue()


def send(
    api: ApiClient, content: bytes, *, purpose: str = "post", name: str = "photo.jpg", media_type: str = "image/jpeg"
) -> TestResponse:
    """Send a file as wx.uploadFile does."""
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {media_type}\r\n\r\n"
    )
    body = parts.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return api.call("POST", "/uploads", data=body, content_type=f"multipart/form-data; boundary={BOUNDARY}")


def sent(api: ApiClient, content: bytes | None = None, **options: Any) -> dict[str, Any]:
    """Send a file that is taken."""
    answer = send(api, content or photo(), **options)
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))
