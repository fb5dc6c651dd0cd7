"""Answers that were given to writes, kept under the key that the caller sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class IdempotencyRecord(Base):
    """One answered write of one caller."""

    __tablename__ = "idempotency_record"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    actor_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of method, path, query and body
    status: Mapped[int]
    body: Mapped[str]  #: the JSON text that was answered
    recorded_at: Mapped[datetime]

    #: For clearing. Ranges of blocks wouldn't do: new rows go where old ones were deleted.
    __table_args__ = (Index("ix_idempotency_record_recorded", "town_id", "recorded_at"),)
