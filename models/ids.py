"""The counter from which processes take their node numbers."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class NodeCounter(Base):
    """One row: how many node numbers were handed out so far."""

    __tablename__ = "node_counter"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    handed_out: Mapped[int]
