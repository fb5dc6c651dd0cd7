"""Rooms and courts."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from models.base import Base, RootInTown


class Venue(RootInTown, Base):
    """A room or a court of a service centre."""

    __tablename__ = "venue"

    service_centre_id: Mapped[int]
    name: Mapped[str]
    capacity: Mapped[int]  #: people at once

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "service_centre_id"], ["service_centre.town_id", "service_centre.id"]),
        UniqueConstraint("town_id", "service_centre_id", "name"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
    )
