"""Who was registered by somebody else, and to whom a mobile number belongs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Registration(Base):
    """A resident who didn't sign in but was registered: by staff at a desk, or a child by its guardian."""

    __tablename__ = "resident_registration"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    registered_by_kind: Mapped[str]  #: resident, staff
    registered_by_id: Mapped[int]
    relation: Mapped[str | None]  #: what a guardian is to the child: "母亲"
    consent_note: Mapped[str]  #: how they, or their guardian, consented: "纸质同意书 2026-031"
    registered_at: Mapped[datetime]

    __table_args__ = (ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),)


class MobileHolder(Base):
    """A mobile number is one resident's. A landline belongs to a household, and isn't in here."""

    __tablename__ = "mobile_holder"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    phone_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)  #: as in resident.phone_index
    resident_id: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        UniqueConstraint("town_id", "resident_id"),
    )
