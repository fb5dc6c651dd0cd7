"""Pictures of rewards and causes, asked for once for a whole page."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from rules.keys import Keys
from rules.paging import Page
from rules.uploads.links import pictures
from rules.work import Work


def with_pictures(work: Work, keys: Keys, page: Page[Any]) -> Page[SimpleNamespace]:
    """A page of rewards or causes with their pictures."""
    return Page(_illustrated(work, keys, page.items), page.next_after)


def with_its_pictures(work: Work, keys: Keys, shown: Any) -> SimpleNamespace:
    """A reward or a cause with its pictures."""
    return _illustrated(work, keys, [shown])[0]


def _illustrated(work: Work, keys: Keys, items: Sequence[Any]) -> list[SimpleNamespace]:
    wanted = [upload_id for item in items for upload_id in item.upload_ids]
    found = {picture.id: picture for picture in pictures(work, keys, wanted)}
    return [
        SimpleNamespace(
            **(item._mapping if hasattr(item, "_mapping") else vars(item)),
            pictures=[found[upload_id] for upload_id in item.upload_ids if upload_id in found],
        )
        for item in items
    ]
