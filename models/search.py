"""What is found by a few characters: one entry for each thing that has a name, and the terms under which it stands.

`terms` are words of `rules.search.terms`, one space between them: text on SQLite, where a full-text table indexes them, a
tsvector on PostgreSQL, where a GIN index does. Every term begins with its town and its kind, so what indexes them by
themselves never mixes two towns. Alembic is told to look past what an engine has for itself (`OF_ONE_ENGINE`).
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RootInTown, one_of
from models.territory import Scene

#: The full-text table of SQLite with the tables that it keeps for itself, the index of PostgreSQL.
OF_ONE_ENGINE = frozenset(
    {"search_fts", *(f"search_fts_{part}" for part in ("config", "content", "data", "docsize", "idx"))}
    | {"ix_search_entry_terms"}
)


class FoundKind(StrEnum):
    """The rooms whose things are found, in the order in which they are shown."""

    COMMUNITY = "community"
    ESTATE = "estate"
    CENTRE = "centre"
    SERVICE = "service"
    VENUE = "venue"
    ACTIVITY = "activity"
    GROUP = "group"
    REWARD = "reward"


class SearchEntry(RootInTown, Base):
    """One thing that can be found. Its id rises with the time at which it was first there."""

    __tablename__ = "search_entry"

    kind: Mapped[FoundKind] = mapped_column(one_of(FoundKind))
    subject_id: Mapped[int]  #: the id of the thing in its own room
    title: Mapped[str]
    summary: Mapped[str]  #: the beginning of its text
    spelling: Mapped[str]  #: the title in pinyin without tones, the syllables apart
    community_id: Mapped[int | None]  #: the node of the tree that it belongs to
    latitude: Mapped[float | None]  #: GCJ-02
    longitude: Mapped[float | None]
    scene: Mapped[Scene | None] = mapped_column(one_of(Scene))
    content_id: Mapped[int | None]  #: found only while this content is passed; NULL: at once
    terms: Mapped[str] = mapped_column(Text().with_variant(TSVECTOR(), "postgresql"))

    __table_args__ = (
        UniqueConstraint("town_id", "kind", "subject_id"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="position_whole"),
        Index("ix_search_entry_newest", "town_id", "kind", "id"),
    )
