"""What operators did from the command line, and who."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped

from models.base import Base, RootInTown


class AdminDeed(RootInTown, Base):
    """A deed of `flask admin` that changed something. Rows are added and never changed (by trigger).

    What concerns the whole deployment, such as its keys, is written for every town.
    """

    __tablename__ = "admin_deed"

    deed: Mapped[str]  #: "staff.create"
    subject: Mapped[str]  #: on what or whom: a user name, the id of a message, a kind of keys
    detail: Mapped[dict[str, Any]]  #: no secrets, and no person but staff
    staff_id: Mapped[int | None]  #: who says that they did it; NULL: the town had no administrator yet
    login: Mapped[str]  #: under which name they were on the machine
    done_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        Index("ix_admin_deed_done", "town_id", "done_at"),
    )
