"""What a resident shows of themselves, and whom they blocked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json


class ResidentCard(Base):
    """A resident's 名片: no phone, no address. There is none until its resident writes one and turns it on."""

    __tablename__ = "resident_card"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    display_name: Mapped[str]
    about: Mapped[str]
    interests: Mapped[list[Any]] = mapped_column(Json, default=list)  #: words: 羽毛球, 书法
    upload_id: Mapped[int | None]
    content_id: Mapped[int]  #: of name, words and interests
    is_on: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
    )


class ResidentBlock(InTown, Base):
    """Somebody doesn't want to have to do with somebody else, who isn't told."""

    __tablename__ = "resident_block"

    blocker_id: Mapped[int]
    blocked_id: Mapped[int]
    shown_as: Mapped[str]  #: the name that the blocker saw
    blocked_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "blocker_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "blocked_id"], ["resident.town_id", "resident.id"]),
        UniqueConstraint("town_id", "blocker_id", "blocked_id"),
        CheckConstraint("blocker_id <> blocked_id", name="somebody_else"),
        Index("ix_resident_block_blocked", "town_id", "blocked_id"),
    )


class Disclosure(InTown, Base):
    """A manager looked up who somebody is, and why. Never changed."""

    __tablename__ = "identity_disclosure"

    staff_id: Mapped[int]
    resident_id: Mapped[int]
    reason: Mapped[str]
    disclosed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        Index("ix_identity_disclosure_resident", "town_id", "resident_id"),
    )
