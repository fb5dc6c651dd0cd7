"""Refresh tokens: each is used once and followed by its successor in the same family; and from which device people came."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown


class RefreshToken(InTown, Base):
    """One refresh token. The family begins at a sign-in; reuse of a used token ends the family."""

    __tablename__ = "refresh_token"

    family_id: Mapped[int]  #: the id of the family's first token
    resident_id: Mapped[int | None]
    staff_id: Mapped[int | None]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of the secret part
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    successor_id: Mapped[int | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        CheckConstraint("(resident_id IS NULL) <> (staff_id IS NULL)", name="one_owner"),
        Index("ix_refresh_token_family", "town_id", "family_id"),
        Index("ix_refresh_token_resident", "town_id", "resident_id"),
        Index("ix_refresh_token_staff", "town_id", "staff_id"),
    )


class SignInDevice(InTown, Base):
    """A resident signed in from a device on a day. The device is known by a keyed hash of a word that its app made up."""

    __tablename__ = "sign_in_device"

    device_index: Mapped[bytes] = mapped_column(LargeBinary)
    resident_id: Mapped[int]
    day: Mapped[date] = mapped_column(Date)
    signed_in_at: Mapped[datetime]  #: the day's first time

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        UniqueConstraint("town_id", "resident_id", "device_index", "day"),
        Index("ix_sign_in_device_day", "town_id", "day"),
    )
