"""Who is registered as a volunteer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class VolunteerRegistration(Base):
    """A resident is a volunteer of the town."""

    __tablename__ = "volunteer_registration"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    registered_at: Mapped[datetime]

    __table_args__ = (ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),)
