"""Keeping what can be found in step with what there is: in the transaction that changes it.

Each write of a thing that has a name puts its entry, or removes it when residents may not see the thing any more. An
entry that stands on a piece of content is found while that content is passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from models.search import FoundKind
from models.territory import Scene
from rules.geography import Position
from rules.search import engines
from rules.search.terms import spelling_of, terms_of
from rules.work import Work

SUMMARY_MAX = 60  #: characters


@dataclass(frozen=True, slots=True)
class Entry:
    """A thing as it is found. Latitude and longitude (GCJ-02): both or none."""

    kind: FoundKind
    subject_id: int
    title: str
    text: str = ""  #: what else it is found by; its beginning is shown
    community_id: int | None = None  #: the node of the tree that it belongs to
    latitude: float | None = None
    longitude: float | None = None
    scene: Scene | None = None
    content_id: int | None = None  #: found while this content is passed


def put_entry(work: Work, entry: Entry) -> None:
    """Let this be what is found of a thing, whatever was found of it before."""
    engines.put(work, _row(work, entry))


def remove_entry(work: Work, kind: FoundKind, subject_id: int) -> None:
    """Let a thing be found no more; nothing happens when it wasn't."""
    engines.remove(work, kind, subject_id)


def put_all_entries(work: Work, entries: Iterable[Entry]) -> int:
    """Replace all that is found in the town by these, the oldest first; returns how many they are.

    Some thousands at a time: to make the terms of all of them takes longer than a database waits for a transaction.
    """
    engines.take_time(work)
    engines.remove_all(work)
    left, written = iter(entries), 0
    while rows := [_row(work, entry) for entry in islice(left, engines.CHUNK)]:
        engines.add_some(work, rows)
        written += len(rows)
    return written


def _row(work: Work, entry: Entry) -> dict[str, Any]:
    has_position = entry.latitude is not None and entry.longitude is not None
    position = Position(entry.latitude, entry.longitude) if has_position else None  # type: ignore[arg-type]
    return {
        "town_id": work.town_id,
        "id": work.new_id(),
        "kind": entry.kind,
        "subject_id": entry.subject_id,
        "title": entry.title,
        "summary": entry.text[:SUMMARY_MAX],
        "spelling": spelling_of(entry.title),
        "community_id": entry.community_id,
        "latitude": entry.latitude,
        "longitude": entry.longitude,
        "scene": entry.scene,
        "content_id": entry.content_id,
        "terms": terms_of(
            work.town_id, entry.kind, entry.title, entry.text, community_id=entry.community_id, position=position
        ),
    }
