"""How often a town has changed in what processes keep of it."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class TownRevision(Base):
    """Raised by triggers at every change of what is kept (head of rules.revisions). No row yet: 0.

    A count on SQLite; on PostgreSQL the clock's microseconds, so that no revision is given out twice, by whichever server.
    """

    __tablename__ = "town_revision"

    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False)
    revision: Mapped[int]
