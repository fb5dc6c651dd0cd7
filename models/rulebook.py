"""Rulebooks as they were published: immutable versions, each in force from a moment on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RootInTown


class RulebookVersion(RootInTown, Base):
    """One version of a town's rulebook. Rows are added and never changed (by trigger)."""

    __tablename__ = "rulebook_version"

    number: Mapped[int]  #: 1, 2, 3 … in a town
    document: Mapped[str]  #: the TOML text
    document_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of the text
    effective_from: Mapped[datetime]
    published_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("town_id", "number"),
        Index("ix_rulebook_version_effective_from", "town_id", "effective_from"),
    )
