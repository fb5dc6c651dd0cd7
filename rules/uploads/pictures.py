"""From a file that somebody sent to pictures that may be shown.

Nothing of the file is kept but what can be seen: it is decoded, turned upright, brought to sRGB, laid on white, made
smaller and encoded anew. So where and with what it was taken (EXIF, XMP, comments), hidden thumbnails and whatever hangs on
its end are gone, and a file that is two things at once is a picture afterwards. What type it is says its content; its name
and its declared type are not looked at. The size in pixels is read from the head and refused before anything is unpacked.
"""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageCms, ImageOps

from rules.uploads.refusals import PictureTooLarge, PictureTypeRefused, PictureUnreadable

DISPLAY_PIXELS = 1600  #: the longer side
THUMBNAIL_PIXELS = 320
PIXELS_MAX = 40_000_000
QUALITY = 85
JPEG = "image/jpeg"
FORMATS = ("JPEG", "PNG", "WEBP")
#: Files that people do send, by how they begin. The offset, the bytes, what to call it.
OTHERS = (
    (0, b"GIF8", "GIF"),
    (0, b"%PDF", "PDF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftyphev", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyp", "MP4"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"PK\3\4", "ZIP"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "SVG"),
)
#: Pictures unpacked at once in a process: each may take 160 MB for a moment.
_turns = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class MadePicture:
    """A picture in both sizes, as JPEG."""

    display: bytes
    thumbnail: bytes
    width: int  #: of the display size
    height: int


def make_picture(content: bytes, bytes_max: int) -> MadePicture:
    """A file's picture, made anew. Raises PictureTooLarge, PictureTypeRefused, PictureUnreadable."""
    if len(content) > bytes_max:
        raise PictureTooLarge(bytes_max=bytes_max, pixels_max=PIXELS_MAX)
    _require_type(content)
    with _turns:
        image = _decode(content, bytes_max)
        display = _on_white(image, DISPLAY_PIXELS)
        return MadePicture(_encode(display), _encode(_on_white(display, THUMBNAIL_PIXELS)), *display.size)


def as_png(content: bytes) -> bytes:
    """A picture of WeChat's as PNG. Raises PictureUnreadable."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            written = io.BytesIO()
            plain = image.convert("RGB")
            plain.info.clear()
            plain.save(written, "PNG", optimize=True)
            return written.getvalue()
    except Exception:
        raise PictureUnreadable from None


def _require_type(content: bytes) -> None:
    is_taken = (
        content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")
    )  # fmt: skip
    if is_taken:
        return
    head = content[:64].lstrip(b"\xef\xbb\xbf \r\n\t")
    found = next((name for offset, mark, name in OTHERS if head[offset:].startswith(mark)), None)
    if found is None:
        raise PictureUnreadable
    raise PictureTypeRefused(found=found)


def _decode(content: bytes, bytes_max: int) -> Image.Image:
    """The first picture of a file, upright and in sRGB. Whatever a decoder says to a bad file means that it is bad."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        with image:
            if image.width * image.height > PIXELS_MAX:
                raise PictureTooLarge(bytes_max=bytes_max, pixels_max=PIXELS_MAX)
            # A JPEG is decoded no larger than needed, which saves most of the time and memory of a photo.
            image.draft(None, (DISPLAY_PIXELS, DISPLAY_PIXELS))
            image.load()
            return _in_srgb(ImageOps.exif_transpose(image))
    except PictureTooLarge:
        raise
    except Image.DecompressionBombError:
        raise PictureTooLarge(bytes_max=bytes_max, pixels_max=PIXELS_MAX) from None
    except Exception:
        raise PictureUnreadable from None


def _in_srgb(image: Image.Image) -> Image.Image:
    """The picture in the colours of every screen, with its transparency; a profile that can't be read is none."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # grey in 16 bits
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    has_alpha = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
    if profile and image.mode in {"RGB", "RGBA", "CMYK", "L"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            changed = ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGBA" if has_alpha else "RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            changed = None
        if changed is not None:
            return changed
    return image.convert("RGBA" if has_alpha else "RGB")


def _on_white(image: Image.Image, pixels: int) -> Image.Image:
    """A fresh picture without anything that hung on the old one, its longer side at most so long."""
    fitting = image.copy()
    fitting.thumbnail((pixels, pixels), Image.Resampling.LANCZOS)
    fresh = Image.new("RGB", fitting.size, "white")
    fresh.paste(fitting, mask=fitting.getchannel("A") if fitting.mode == "RGBA" else None)
    return fresh


def _encode(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(written, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return written.getvalue()


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
