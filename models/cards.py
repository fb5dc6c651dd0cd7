"""How people at the door are known, and the printed cards of those without a phone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped

from models.base import Base, InTown


class Identification(StrEnum):
    """How it was known who stands at the door."""

    CODE = "code"  #: the rotating code of the resident's phone
    CARD = "card"  #: a printed card
    PHONE = "phone"  #: the last four digits of the phone, and the name
    DOOR = "door"  #: the resident, signed in, scanned the door's code


IS_LIVE = text("revoked_at IS NULL")


class Card(InTown, Base):
    """A printed card. It doesn't expire, so what ends it is its revocation; a resident has one at a time."""

    __tablename__ = "card"

    resident_id: Mapped[int]
    issued_by: Mapped[int]
    issued_at: Mapped[datetime]
    revoked_by: Mapped[int | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "issued_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "revoked_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_by_somebody"),
        Index(
            "uq_card_live",
            "town_id",
            "resident_id",
            unique=True,
            sqlite_where=IS_LIVE,
            postgresql_where=IS_LIVE,
        ),
        Index("ix_card_resident", "town_id", "resident_id"),
    )
