"""The monitoring's words in the caller's language."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from blueprints.edge.fields import Id
from blueprints.edge.language import ENGLISH, caller_language
from models.monitor import WHOLE_TOWN
from rules.errors import InBoth
from rules.monitor.targets import Light

UNITS = {
    "people": InBoth("人", "people"),
    "sessions": InBoth("场", "sessions"),
    "places": InBoth("名额", "places"),
    "points": InBoth("分", "points"),
    "minutes": InBoth("分钟", "minutes"),
    "seconds": InBoth("秒", "seconds"),
    "hours": InBoth("小时", "hours"),
    "items": InBoth("件", "items"),
    "per_thousand": InBoth("每千人", "per 1,000 residents"),
}


def spoken(words: InBoth | str) -> str:
    """Words in the caller's language; a name is what it is."""
    if isinstance(words, str):
        return words
    return words.en if caller_language() == ENGLISH else words.zh


def spoken_unit(unit: str) -> str:
    """A unit in words; nothing where numbers need none."""
    return spoken(UNITS[unit]) if unit in UNITS else ""


class Spoken(fields.String):
    """A text that is shown in the caller's language."""

    fast = staticmethod(spoken)

    def _serialize(self, value: InBoth | str | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else spoken(value)


class PlaceId(Id):
    """A node's id; null of the whole town."""

    @staticmethod
    def fast(value: int) -> str | None:
        return None if value == WHOLE_TOWN else str(value)

    def _serialize(self, value: int | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else self.fast(value)


class LightWord(fields.String):
    """The light of a number that has a target."""

    @staticmethod
    def fast(light: Light) -> str | None:
        return light.light

    def _serialize(self, value: Light | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else self.fast(value)
