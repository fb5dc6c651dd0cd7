"""What residents keep to find it again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, one_of


class FavouriteKind(StrEnum):
    ACTIVITY = "activity"
    VENUE = "venue"
    CENTRE = "centre"
    GROUP = "group"
    REWARD = "reward"


class Favourite(InTown, Base):
    """A resident keeps a thing. What it was called then stays, should it vanish."""

    __tablename__ = "favourite"

    resident_id: Mapped[int]
    kind: Mapped[FavouriteKind] = mapped_column(one_of(FavouriteKind))
    subject_id: Mapped[int]
    title: Mapped[str]  #: of the thing when it was kept
    added_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        UniqueConstraint("town_id", "resident_id", "kind", "subject_id"),
        Index("ix_favourite_resident", "town_id", "resident_id", "id"),
    )
