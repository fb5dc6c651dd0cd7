"""The rules as everybody may read them: in plain words, made from the data, and word by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from rules.rulebook.document import parse
from rules.rulebook.versions import list_versions, read_version
from rules.rulebook.words import Chapter, in_words
from rules.work import Work


@dataclass(frozen=True, slots=True)
class RulebookInWords:
    """A version in plain words."""

    number: int
    name: str
    effective_from: datetime
    is_in_force: bool
    chapters: Sequence[Chapter]


@dataclass(frozen=True, slots=True)
class RulebookDocument:
    """A version as it was published."""

    number: int
    effective_from: datetime
    published_at: datetime
    document: str
    sha256: str


def list_rulebooks(work: Work) -> list[RulebookInWords]:
    """The version in force and those to come, the earliest first."""
    listed = []
    for row in list_versions(work):
        name, chapters = _in_words(row.document)
        listed.append(RulebookInWords(row.number, name, row.effective_from, row.effective_from <= work.now, chapters))
    return listed


def show_rulebook(work: Work, number: int) -> RulebookDocument:
    """One version. Raises VersionUnknown."""
    row = read_version(work, number)
    return RulebookDocument(row.number, row.effective_from, row.published_at, row.document, row.document_hash.hex())


@lru_cache(maxsize=64)
def _in_words(document: str) -> tuple[str, tuple[Chapter, ...]]:
    rulebook = parse(document)
    return rulebook.name, tuple(in_words(rulebook))
