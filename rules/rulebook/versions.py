"""Published rulebooks. An event is judged by the version that was in force when it occurred."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from models.rulebook import RulebookVersion
from rules.rulebook.document import Rulebook, parse
from rules.work import Work


@dataclass(frozen=True, slots=True)
class InForce:
    """A version and its rulebook."""

    version_id: int
    number: int
    rulebook: Rulebook


_in_force = (
    select(RulebookVersion.id, RulebookVersion.number, RulebookVersion.document)
    .where(RulebookVersion.town_id == bindparam("town"), RulebookVersion.effective_from <= bindparam("at"))
    .order_by(RulebookVersion.effective_from.desc(), RulebookVersion.number.desc())
    .limit(1)
)
_last_number = select(func.coalesce(func.max(RulebookVersion.number), 0)).where(
    RulebookVersion.town_id == bindparam("town")
)
_store = (
    insert(RulebookVersion)
    .on_conflict_do_nothing(index_elements=["town_id", "number"])
    .returning(RulebookVersion.number)
)
_parsed = lru_cache(maxsize=64)(parse)


def rulebook_in_force(work: Work, at: datetime) -> InForce | None:
    """The version in force at a moment, or None before the town's first one."""
    row = work.db.execute(_in_force, {"town": work.town_id, "at": at}).first()
    return InForce(row.id, row.number, _parsed(row.document)) if row else None


def publish(work: Work, document: str, effective_from: datetime) -> int:
    """Store a document as the town's next version and return its number. Raises RulebookInvalid.

    Two that publish at once want the same number: the second waits for the first, finds it taken, and takes the next.
    """
    parse(document)
    version = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "document": document,
        "document_hash": hashlib.sha256(document.encode()).digest(),
        "effective_from": effective_from,
        "published_at": work.now,
    }
    number = None
    while number is None:
        last_number = int(work.db.execute(_last_number, {"town": work.town_id}).scalar_one())
        number = work.db.scalar(_store, {**version, "number": last_number + 1})
    return number
