"""Lists by keyset: a page, and where the next one starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

#: Where a page ended: the values of the sort key of its last row.
Position = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list; `next_after` is None on the last page."""

    items: Sequence[T]
    next_after: Position | None


def cut(rows: Sequence[T], limit: int, position_of: Callable[[T], Position]) -> Page[T]:
    """A page from up to `limit + 1` rows: the one too many only tells that there is a next page."""
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], position_of(rows[limit - 1]))
