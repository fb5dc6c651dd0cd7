"""Residents' names as others may see them."""

from __future__ import annotations

import unicodedata

#: The dot within a name (买买提·吐尔逊) has a different code point on every keyboard.
DOTS = str.maketrans("", "", "·•・.")


def masked(name: str) -> str:
    """A name for a screen that others can see: 王小明 becomes 王**. Empty stays empty."""
    return name[:1] + "*" * (len(name) - 1)


def greeting(name: str, resident_id: int) -> str:
    """What others may see of a resident: the masked name, or four digits where there is none."""
    return masked(name) or f"居民{resident_id % 10_000:04}"


def normalised(name: str) -> str:
    """A name as it is compared: full-width like half-width, small like capital letters, without spaces and dots."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(folded.split()).translate(DOTS)
