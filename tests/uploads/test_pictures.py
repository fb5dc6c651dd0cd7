"""What becomes of a file: a picture and nothing else, or a clear refusal."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from rules.uploads.pictures import PIXELS_MAX, MadePicture, make_picture
from rules.uploads.refusals import PictureTooLarge, PictureTypeRefused, PictureUnreadable
from tests.uploads.helpers import ORIENTATION, opened, photo

BYTES_MAX = 8 * 1024 * 1024


def made_of(content: bytes) -> MadePicture:
    return make_picture(content, BYTES_MAX)


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def colour_at(content: bytes, x: int, y: int) -> tuple[int, ...]:
    return opened(content).getpixel((x, y))


def is_like(colour: tuple[int, ...], other: tuple[int, ...], distance: int = 12) -> bool:
    return all(abs(a - b) <= distance for a, b in zip(colour, other, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_both_sizes_are_jpeg_that_show_the_same(kind: str) -> None:
    made = made_of(photo(2400, 1200, kind))
    display, thumbnail = opened(made.display), opened(made.thumbnail)
    assert (display.format, display.size, (made.width, made.height)) == ("JPEG", (1600, 800), (1600, 800))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (320, 160))
    for content, width in ((made.display, 1600), (made.thumbnail, 320)):
        assert is_like(colour_at(content, width // 4, 50), (254, 0, 0))
        assert is_like(colour_at(content, 3 * width // 4, 50), (0, 0, 254))


def test_a_small_picture_is_not_made_larger() -> None:
    made = made_of(photo(40, 20))
    assert opened(made.display).size == opened(made.thumbnail).size == (40, 20)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_where_and_with_what_it_was_taken_is_gone(kind: str) -> None:
    options: dict[str, object] = {"xmp": b"<x:xmpmeta>SECRETPLACE</x:xmpmeta>"} if kind != "PNG" else {}
    if kind == "JPEG":
        options["comment"] = b"SECRETPLACE"
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Comment", "SECRETPLACE", zip=False)
        info.add_itxt("XML:com.adobe.xmp", "SECRETPLACE")
        options["pnginfo"] = info
    source = photo(kind=kind, **options)
    assert b"SECRETPHONE" in source
    assert b"SECRETPLACE" in source
    assert opened(source).getexif().get_ifd(0x8825)
    made = made_of(source)
    for content in (made.display, made.thumbnail):
        image = opened(content)
        assert b"SECRET" not in content
        assert b"Exif" not in content
        assert dict(image.getexif()) == {}
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}


def test_it_is_turned_upright_as_the_phone_held_it() -> None:
    source = photo(400, 200, orientation=6)
    assert opened(source).getexif()[ORIENTATION] == 6
    made = made_of(source)
    assert (made.width, made.height) == (200, 400)
    assert is_like(colour_at(made.display, 100, 50), (254, 0, 0))
    assert is_like(colour_at(made.display, 100, 350), (0, 0, 254))


def test_colours_of_another_space_become_srgb() -> None:
    """In a CMYK photo without a profile, and in one whose profile can't be read, the colours are read plainly."""
    cyan = Image.new("CMYK", (50, 50), (255, 0, 0, 0))
    assert is_like(colour_at(made_of(written(cyan, "JPEG")).display, 25, 25), (0, 255, 255), 20)
    broken = photo(icc_profile=b"no profile at all")
    assert is_like(colour_at(made_of(broken).display, 100, 50), (254, 0, 0))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert "icc_profile" not in opened(made_of(photo(icc_profile=srgb)).display).info


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_laid_on_white(mode: str) -> None:
    clear = Image.new("RGBA", (50, 50), (255, 0, 0, 0))
    source = written(clear.convert(mode), "PNG", **({"transparency": 0} if mode == "P" else {}))
    assert is_like(colour_at(made_of(source).display, 25, 25), (255, 255, 255))


def test_grey_in_sixteen_bits_stays_grey() -> None:
    source = written(Image.new("I;16", (50, 50), 128 * 256), "PNG")
    assert is_like(colour_at(made_of(source).display, 25, 25), (128, 128, 128))


def test_a_picture_that_is_an_archive_too_is_a_picture_afterwards() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("payload.html", "<script>SECRET</script>" * 50)
    source = photo() + archive.getvalue() + b"<script>SECRET</script>"
    assert zipfile.is_zipfile(io.BytesIO(source))
    made = made_of(source)
    for content in (made.display, made.thumbnail):
        assert not zipfile.is_zipfile(io.BytesIO(content))
        assert b"SECRET" not in content
        assert content.endswith(b"\xff\xd9")


def test_of_a_moving_picture_the_first_moment_is_kept() -> None:
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("red", "blue")]
    source = written(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert opened(source).n_frames == 2
    assert is_like(colour_at(made_of(source).display, 25, 25), (254, 0, 0))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"GIF89a" + b"\0" * 50, "GIF"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "MP4"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf \n<?xml version='1.0'?><svg/>", "SVG"),
        (b"PK\3\4" + b"\0" * 50, "ZIP"),
        (b"BM" + b"\0" * 50, "BMP"),
    ],
)
def test_other_files_are_refused_by_name(content: bytes, found: str) -> None:
    with pytest.raises(PictureTypeRefused) as raised:
        made_of(content)
    assert raised.value.facts == {"found": found}
    assert found in raised.value.sentence("zh")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        b"RIFF\0\0\0\0WEBPVP8 ",
        photo()[:300],
        photo(kind="PNG")[:-40],
    ],
)
def test_what_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(PictureUnreadable):
        made_of(content)


def png_of(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG that says it has this size, with this data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(20_000, 2_001), (100_000, 100_000), (2_000_000_000, 2)])
def test_a_bomb_is_refused_by_its_head_alone(width: int, height: int) -> None:
    bomb = png_of(width, height, zlib.compress(b"\0" * 1_000_000, 9))
    assert len(bomb) < 10_000
    with pytest.raises(PictureTooLarge) as raised:
        made_of(bomb)
    assert raised.value.facts["pixels_max"] == PIXELS_MAX


def test_a_file_is_refused_by_its_length_before_it_is_read() -> None:
    with pytest.raises(PictureTooLarge):
        make_picture(photo(), 1000)
