"""Which members of staff act for which operator: whose goods they offer, and whose codes they scan."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class OperatorStaff(Base):
    """A member of staff acts for an operator. The role itself, and where it holds, is a grant of its own."""

    __tablename__ = "operator_staff"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    operator_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    staff_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    added_at: Mapped[datetime]
    added_by: Mapped[int | None]  #: the manager; NULL: the system

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "operator_id"], ["operator.town_id", "operator.id"]),
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        Index("ix_operator_staff_staff", "town_id", "staff_id"),
    )
