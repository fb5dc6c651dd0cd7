"""The kinds of values that come in and go out."""

from __future__ import annotations

import base64
import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any

import orjson
from marshmallow import fields, validate

from rules.clock import ZONE
from rules.geography import Position as Place
from rules.geography import metres_of
from rules.ids import ID_MAX
from rules.paging import Position

MOMENT_MIN = datetime(2000, 1, 1, tzinfo=UTC)
MOMENT_MAX = datetime(2100, 1, 1, tzinfo=UTC)
#: The largest moment in a cursor, in microseconds since 1970.
MICROSECONDS_MAX = int(MOMENT_MAX.timestamp()) * 1_000_000
#: A plus that was not escaped in a query arrives as a space.
UNESCAPED_PLUS = re.compile(r"(T\S+) (\d\d:?\d\d)$")
NEAR = re.compile(r"\s*(-?[0-9]{1,2}(?:\.[0-9]{1,15})?)\s*,\s*(-?[0-9]{1,3}(?:\.[0-9]{1,15})?)\s*")
#: Categories of characters that take no room: format characters, separators of lines and of paragraphs.
HIDDEN = frozenset({"Cf", "Zl", "Zp"})
JOINERS = "\u200c\u200d"
ID_PATTERN = "^[1-9][0-9]{0,18}$"


def to_local(moment: datetime) -> datetime:
    """A moment in the community's zone, for showing."""
    return moment.astimezone(ZONE)


class Id(fields.String):
    """An id: a number of 63 bits, written as text, because JavaScript's numbers have 53."""

    default_error_messages = {"invalid": "Not a valid id."}  # noqa: RUF012  marshmallow's own form
    fast = str

    def _serialize(self, value: int | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        text = value if isinstance(value, str) else ""
        if not (text.isascii() and text.isdigit() and not text.startswith("0") and len(text) <= 19):
            raise self.make_error("invalid")
        if int(text) > ID_MAX:
            raise self.make_error("invalid")
        return int(text)


class Moment(fields.DateTime):
    """A moment, shown in the community's zone. Without a zone it is read as local time, a mere day as its first moment."""

    default_error_messages = {  # noqa: RUF012
        "invalid": "Not a valid moment. Use ISO 8601, for example 2026-05-01T09:00:00+08:00."
    }
    fast = staticmethod(to_local)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> datetime | None:
        return None if value is None else to_local(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            moment = datetime.fromisoformat(UNESCAPED_PLUS.sub(r"\1+\2", value.strip()))
            utc = (moment if moment.tzinfo else moment.replace(tzinfo=ZONE)).astimezone(UTC)
        except (OverflowError, ValueError):
            raise self.make_error("invalid") from None
        if not MOMENT_MIN <= utc < MOMENT_MAX:
            raise self.make_error("invalid")
        return utc


class Day(fields.Date):
    """A local day."""

    default_error_messages = dict.fromkeys(
        ("invalid", "format"), "Not a valid day. Use ISO 8601, for example 2026-05-01."
    )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        day = super()._deserialize(value, attr, data, **kwargs)
        if not MOMENT_MIN.date() <= day < MOMENT_MAX.date():
            raise self.make_error("invalid")
        return day


def visible(text: str) -> str:
    """A text without what nobody sees: format characters, and the joiners that join nothing."""
    if text.isascii() or not any(unicodedata.category(character) in HIDDEN for character in text):
        return text
    kept: list[str] = []
    for character in text:
        if unicodedata.category(character) not in HIDDEN or (character in JOINERS and kept and _is_joined(kept[-1])):
            kept.append(character)
    return "".join(kept)


def _is_joined(character: str) -> bool:
    return unicodedata.category(character) in {"So", "Sk", "Mn"} or unicodedata.bidirectional(character) == "AL"


class Words(fields.String):
    """Text that a person wrote: trimmed, in Unicode's composed form, without control characters.

    What nobody sees is left out, wherever it was copied from: characters of no width and those that turn the direction of
    writing make two names look like one, and one word like another. What joins emoji or Arabic letters stays.
    """

    default_error_messages = {"control": "May not contain control characters."}  # noqa: RUF012

    def __init__(self, *, length_max: int, length_min: int = 0, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(min=length_min, max=length_max), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = visible(unicodedata.normalize("NFC", super()._deserialize(value, attr, data, **kwargs))).strip()
        if any(unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t" for character in text):
            raise self.make_error("control")
        return text


class Near(fields.String):
    """Where the asker stands: "latitude,longitude", GCJ-02 in degrees, as `wx.getLocation` gives them."""

    default_error_messages = {"invalid": "Not a valid position. Use latitude,longitude, for example 30.1864,120.2105."}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Place:
        found = NEAR.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise self.make_error("invalid")
        latitude, longitude = map(float, found.groups())
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            raise self.make_error("invalid")
        return Place(latitude, longitude)


class Distance(fields.Integer):
    """Metres over the ground, from what `geography.squared_metres` found; null without a position."""

    fast = staticmethod(metres_of)

    def _serialize(self, value: int | None, attr: str | None, obj: Any, **kwargs: Any) -> int | None:
        return None if value is None else metres_of(value)


class Cursor(fields.String):
    """Where a list goes on: its name and the sort key of the last row, opaque to the caller."""

    default_error_messages = {"invalid": "Not a valid cursor. Use next_cursor of the page before."}  # noqa: RUF012

    def __init__(self, *, of: str, maxima: tuple[int, ...] = (ID_MAX,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.of = of  #: the list's name: a cursor opens the list that gave it and no other
        self.maxima = maxima  #: the largest value of each number of a position

    def fast(self, position: Position) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self.of, *position])).rstrip(b"=").decode()

    def _serialize(self, value: Position | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else self.fast(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Position:
        try:
            padded = value.encode("ascii") + b"=" * (-len(value) % 4)
            of, *numbers = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (AttributeError, TypeError, ValueError):
            raise self.make_error("invalid") from None
        if of != self.of or len(numbers) != len(self.maxima):
            raise self.make_error("invalid")
        for number, maximum in zip(numbers, self.maxima, strict=True):
            if type(number) is not int or not 0 <= number <= maximum:
                raise self.make_error("invalid")
        return tuple(numbers)
