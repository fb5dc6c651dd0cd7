"""Published rulebooks. An event is judged by the version that was in force when it occurred."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from models.rulebook import RulebookVersion
from rules.errors import Kind, RuleError
from rules.revisions import forget, keep
from rules.rows import AnyRow
from rules.rulebook.document import Rulebook, parse
from rules.rulebook.plan import Plan
from rules.work import Work


class VersionUnknown(RuleError):
    code = "rulebook.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这一版积分规则。"
    en = "There is no such version of the rulebook."


@dataclass(frozen=True, slots=True)
class InForce:
    """A version, ready for evaluation."""

    version_id: int
    number: int
    plan: Plan

    @property
    def rulebook(self) -> Rulebook:
        return self.plan.rulebook


IN_FORCE = (
    select(RulebookVersion.id, RulebookVersion.number)
    .where(RulebookVersion.town_id == bindparam("town"), RulebookVersion.effective_from <= bindparam("at"))
    .order_by(RulebookVersion.effective_from.desc(), RulebookVersion.number.desc())
    .limit(1)
)
_published = (
    select(RulebookVersion.id, RulebookVersion.number, RulebookVersion.effective_from)
    .where(RulebookVersion.town_id == bindparam("town"))
    .order_by(RulebookVersion.effective_from, RulebookVersion.number)
)
_document = select(RulebookVersion.document).where(
    RulebookVersion.town_id == bindparam("town"), RulebookVersion.id == bindparam("version")
)
_versions = (
    select(
        RulebookVersion.number,
        RulebookVersion.document,
        RulebookVersion.document_hash,
        RulebookVersion.effective_from,
        RulebookVersion.published_at,
    )
    .where(RulebookVersion.town_id == bindparam("town"))
    .order_by(RulebookVersion.effective_from, RulebookVersion.number)
)
_by_number = _versions.where(RulebookVersion.number == bindparam("number"))
_last_number = select(func.coalesce(func.max(RulebookVersion.number), 0)).where(
    RulebookVersion.town_id == bindparam("town")
)
_store = (
    insert(RulebookVersion)
    .on_conflict_do_nothing(index_elements=["town_id", "number"])
    .returning(RulebookVersion.number)
)


@lru_cache(maxsize=64)
def _planned(document: str) -> Plan:
    return Plan(parse(document))


def rulebook_in_force(work: Work, at: datetime) -> InForce | None:
    """The version in force at a moment, or None before the town's first one.

    Which ones there are is kept under the town's revision (rules.revisions); what each says never changes.
    """
    published = keep(work, "rulebook_versions", lambda: work.send(_published, {"town": work.town_id}).all())
    count = bisect_right(published, at, key=lambda version: version.effective_from)
    return recall_version(work, published[count - 1]) if count else None


def recall_version(work: Work, version: AnyRow) -> InForce:
    """The version that a row of IN_FORCE names, read once for each process."""
    return work.recall(("rulebook", work.town_id, version.id), lambda: _read_plan(work, version))


def _read_plan(work: Work, version: AnyRow) -> InForce:
    document = work.send(_document, {"town": work.town_id, "version": version.id}).scalar()
    return InForce(version.id, version.number, _planned(document))


def list_versions(work: Work) -> Sequence[AnyRow]:
    """The version in force and those that are to come, the earliest first."""
    in_force = rulebook_in_force(work, work.now)
    since = in_force.number if in_force is not None else 0
    rows = work.send(_versions, {"town": work.town_id}).all()
    return [row for row in rows if row.number == since or row.effective_from > work.now]


def read_version(work: Work, number: int) -> AnyRow:
    """One version, with its document. Raises VersionUnknown."""
    version = work.send(_by_number, {"town": work.town_id, "number": number}).first()
    if version is None:
        raise VersionUnknown
    return version


def plans_between(work: Work, begin: datetime, end: datetime) -> list[tuple[datetime, Plan]]:
    """The versions in force at some time of a period, each with the moment from which it held."""
    rows = [row for row in work.send(_versions, {"town": work.town_id}).all() if row.effective_from < end]
    before = [row for row in rows if row.effective_from <= begin]
    held = before[-1:] + [row for row in rows if row.effective_from > begin]
    return [(row.effective_from, _planned(row.document)) for row in held]


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
    number: int | None = None
    while number is None:
        last_number = int(work.send(_last_number, {"town": work.town_id}).scalar())
        number = work.send(_store, {**version, "number": last_number + 1}).scalar()
    forget(work)
    return number
