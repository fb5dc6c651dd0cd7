"""How much a resident does on a day."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class DailyCount(Base):
    """How often a resident did something on a day. It only grows, up to a limit."""

    __tablename__ = "daily_count"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)  #: a word of the room that counts
    day: Mapped[str] = mapped_column(primary_key=True)  #: local, "2026-05-01"; "live": of what there is now
    used: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("used >= 0", name="used_not_negative"),
    )
