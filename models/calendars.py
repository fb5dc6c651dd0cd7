"""Secret addresses under which calendar apps fetch a resident's calendar."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown

IS_LIVE = text("revoked_at IS NULL")


class CalendarFeed(InTown, Base):
    """One address; whoever has it reads the calendar. A resident has one at a time."""

    __tablename__ = "calendar_feed"

    resident_id: Mapped[int]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of the secret in the address
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        UniqueConstraint("town_id", "secret_hash"),
        Index(
            "uq_calendar_feed_live",
            "town_id",
            "resident_id",
            unique=True,
            sqlite_where=IS_LIVE,
            postgresql_where=IS_LIVE,
        ),
    )
