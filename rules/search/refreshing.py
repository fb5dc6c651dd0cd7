"""Reading anew what is found of things that were changed, or of a whole town."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from models.search import FoundKind, SearchEntry
from rules.search.indexing import put_all_entries, put_entry, remove_entry
from rules.search.sources import SOURCES
from rules.work import Work

_any = select(SearchEntry.id).where(SearchEntry.town_id == bindparam("town")).limit(1)


def refresh(work: Work, kind: FoundKind, subject_ids: Sequence[int]) -> None:
    """Let these things be found as they stand now; those that residents may not see are found no more."""
    entries = {entry.subject_id: entry for entry in SOURCES[kind](work, subject_ids)}
    for subject_id in sorted(set(subject_ids)):
        if subject_id in entries:
            put_entry(work, entries[subject_id])
        else:
            remove_entry(work, kind, subject_id)


def rebuild(work: Work) -> int:
    """Let everything in the town be found as it stands now; returns how much that is."""
    return put_all_entries(work, (entry for source in SOURCES.values() for entry in source(work, None)))


def fill(work: Work) -> int:
    """Let everything be found where nothing is yet, as after an upgrade from a version that had no search.

    Returns how much that is; 0 where there was an index.
    """
    return 0 if work.core.execute(_any, {"town": work.town_id}).first() else rebuild(work)
