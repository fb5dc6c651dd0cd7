"""The scan log: every scan that was made, with the answer it got. Rows are added and never changed (by trigger)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, one_of


class Direction(StrEnum):
    IN = "in"


class ScanResult(StrEnum):
    ADMITTED = "admitted"
    REFUSED = "refused"


class RefusalReason(StrEnum):
    """Why the person at the door was not admitted."""

    UNKNOWN_CODE = "unknown_code"
    EXPIRED_CODE = "expired_code"
    SUSPENDED = "suspended"
    SESSION_CANCELLED = "session_cancelled"
    WRONG_SESSION = "wrong_session"
    NOT_RESERVED = "not_reserved"
    CANCELLED = "cancelled"
    ALREADY_IN = "already_in"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"


IS_ENTRY = text("result = 'admitted' AND direction = 'in'")


class Scan(InTown, Base):
    """One scan by one member of staff, and what came of it."""

    __tablename__ = "scan"

    scanner_id: Mapped[int]
    nonce: Mapped[str]  #: the scanning device's own name for this scan
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of what was asked: code, session, direction
    session_id: Mapped[int]
    resident_id: Mapped[int | None]  #: NULL where the code named nobody
    reservation_id: Mapped[int | None]
    direction: Mapped[Direction] = mapped_column(one_of(Direction))
    result: Mapped[ScanResult] = mapped_column(one_of(ScanResult))
    reason: Mapped[RefusalReason | None] = mapped_column(one_of(RefusalReason))
    answer: Mapped[dict[str, Any]]  #: what the device was told, given again when it asks again
    scanned_at: Mapped[datetime]  #: by the device's clock
    received_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "scanner_id"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "session_id"], ["session.town_id", "session.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "reservation_id"], ["reservation.town_id", "reservation.id"]),
        UniqueConstraint("town_id", "scanner_id", "nonce"),
        CheckConstraint("(result = 'refused') = (reason IS NOT NULL)", name="a_refusal_has_a_reason"),
        CheckConstraint("result = 'refused' OR reservation_id IS NOT NULL", name="who_is_admitted_has_a_place"),
        Index(
            "uq_scan_single_entry",
            "town_id",
            "session_id",
            "resident_id",
            unique=True,
            sqlite_where=IS_ENTRY,
            postgresql_where=IS_ENTRY,
        ),
    )
