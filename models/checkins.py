"""The door: the log of scans, what was undone of it, and the visits that it adds up to.

Scans and undos are only ever added, by trigger; visits are what they add up to and are written anew when they change. A
resident is in one room at a time: the database holds one open visit of each in the whole town.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, one_of
from models.cards import Identification


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class ScannerKind(StrEnum):
    """Who scanned."""

    STAFF = "staff"
    RESIDENT = "resident"  #: scanned the door's code, for themselves or for somebody whose proxy they are


class ScanResult(StrEnum):
    ADMITTED = "admitted"  #: let in or out
    REFUSED = "refused"


class RefusalReason(StrEnum):
    """Why the person at the door was not let in, or out."""

    UNKNOWN_CODE = "unknown_code"
    EXPIRED_CODE = "expired_code"
    CARD_REVOKED = "card_revoked"
    NO_MATCH = "no_match"  #: nobody expected here has this phone's tail and this name
    SEVERAL_MATCH = "several_match"
    SUSPENDED = "suspended"
    SESSION_CANCELLED = "session_cancelled"
    WRONG_SESSION = "wrong_session"
    NOT_RESERVED = "not_reserved"
    APPLIED = "applied"  #: places aren't given out yet
    WAITLISTED = "waitlisted"
    OFFERED = "offered"  #: a place is held and not confirmed yet
    LAPSED = "lapsed"  #: an offer that nobody took, a wait that is over
    CANCELLED = "cancelled"
    RELEASED = "released"  #: written down as absent, and the place is gone
    ALREADY_IN = "already_in"
    LEFT_ALREADY = "left_already"  #: went out of what nobody may come back to
    NOT_IN = "not_in"  #: goes out, and no entry is known
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"


class Conflict(StrEnum):
    """What an upload met that the device couldn't know. docs/checkins.md says how each is settled."""

    ALREADY_IN = "already_in"
    LEFT_ALREADY = "left_already"
    NOT_IN = "not_in"
    NOT_RESERVED = "not_reserved"
    NOT_CONFIRMED = "not_confirmed"  #: applied, waitlisted, offered, lapsed
    CANCELLED = "cancelled"
    SESSION_CANCELLED = "session_cancelled"
    RELEASED = "released"
    SUSPENDED = "suspended"
    CARD_REVOKED = "card_revoked"
    REVIVED = "revived"  #: a no-show that was none
    OTHER_ROOM = "other_room"  #: one visit ended where another began


class ClosedBy(StrEnum):
    """What ended a visit."""

    SCAN = "scan"
    OTHER_ROOM = "other_room"  #: the resident went into another session
    SESSION_END = "session_end"  #: nobody saw them leave


IS_EVIDENCE = text("is_evidence")
IS_OPEN = text("left_at IS NULL")


class Scan(InTown, Base):
    """One scan, and what came of it."""

    __tablename__ = "scan"

    scanner_kind: Mapped[ScannerKind] = mapped_column(one_of(ScannerKind))
    scanner_id: Mapped[int]  #: a member of staff's or a resident's
    nonce: Mapped[str]  #: the scanning device's own name for this scan
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of what was asked
    session_id: Mapped[int]
    resident_id: Mapped[int | None]  #: NULL where nobody was named
    reservation_id: Mapped[int | None]
    direction: Mapped[Direction] = mapped_column(one_of(Direction))
    method: Mapped[Identification] = mapped_column(one_of(Identification))
    result: Mapped[ScanResult] = mapped_column(one_of(ScanResult))
    reason: Mapped[RefusalReason | None] = mapped_column(one_of(RefusalReason))
    conflict: Mapped[Conflict | None] = mapped_column(one_of(Conflict))
    is_evidence: Mapped[bool]  #: says who was in the room when: what visits are made of
    offline: Mapped[bool]  #: stored by a device without a network, and sent later
    overridden: Mapped[bool]  #: the staff at the door let somebody in against a rule that leaves it to them
    answer: Mapped[dict[str, Any]]  #: what the device was told, given again when it asks again
    scanned_at: Mapped[datetime]  #: by the device's clock
    occurred_at: Mapped[datetime]  #: as it counts: `received_at`, or the device's time of a stored scan, corrected
    received_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "session_id"], ["session.town_id", "session.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "reservation_id"], ["reservation.town_id", "reservation.id"]),
        UniqueConstraint("town_id", "scanner_id", "nonce"),
        CheckConstraint("(result = 'refused') = (reason IS NOT NULL)", name="a_refusal_has_a_reason"),
        CheckConstraint("result = 'refused' OR is_evidence", name="who_is_admitted_was_there"),
        CheckConstraint(
            "NOT is_evidence OR (resident_id IS NOT NULL AND reservation_id IS NOT NULL)", name="evidence_of_somebody"
        ),
        CheckConstraint("(scanner_kind = 'resident') = (method = 'door')", name="residents_scan_the_door"),
        CheckConstraint("NOT overridden OR result = 'admitted'", name="overridden_to_let_in"),
        Index(
            "ix_scan_evidence",
            "town_id",
            "resident_id",
            "occurred_at",
            sqlite_where=IS_EVIDENCE,
            postgresql_where=IS_EVIDENCE,
        ),
        Index("ix_scan_session", "town_id", "session_id", "id"),
    )


class ScanUndo(Base):
    """A scan was wrong: it stays in the log and counts no more."""

    __tablename__ = "scan_undo"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    scan_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    undone_by_kind: Mapped[ScannerKind] = mapped_column(one_of(ScannerKind))
    undone_by_id: Mapped[int]
    undone_at: Mapped[datetime]
    reason: Mapped[str]  #: in words; may be empty
    answer: Mapped[dict[str, Any]]  #: what the device was told, given again when it asks again

    __table_args__ = (ForeignKeyConstraint(["town_id", "scan_id"], ["scan.town_id", "scan.id"]),)


class Visit(InTown, Base):
    """Somebody was in a session, from when to when."""

    __tablename__ = "visit"

    session_id: Mapped[int]
    resident_id: Mapped[int]
    reservation_id: Mapped[int]
    entered_at: Mapped[datetime]
    left_at: Mapped[datetime | None]  #: NULL: in
    closed_by: Mapped[ClosedBy | None] = mapped_column(one_of(ClosedBy))
    entry_scan_id: Mapped[int]
    exit_scan_id: Mapped[int | None]  #: the scan at this door, or at the other room's

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "session_id"], ["session.town_id", "session.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "reservation_id"], ["reservation.town_id", "reservation.id"]),
        # The log is the last to be written, so these are proved when the transaction commits.
        ForeignKeyConstraint(
            ["town_id", "entry_scan_id"], ["scan.town_id", "scan.id"], deferrable=True, initially="DEFERRED"
        ),
        ForeignKeyConstraint(
            ["town_id", "exit_scan_id"], ["scan.town_id", "scan.id"], deferrable=True, initially="DEFERRED"
        ),
        UniqueConstraint("town_id", "entry_scan_id"),
        CheckConstraint("entered_at <= left_at", name="entered_before_leaving"),
        CheckConstraint("(left_at IS NULL) = (closed_by IS NULL)", name="closed_by_something"),
        CheckConstraint(
            "(exit_scan_id IS NOT NULL) = (COALESCE(closed_by, '') IN ('scan', 'other_room'))", name="left_by_a_scan"
        ),
        Index("uq_visit_open", "town_id", "resident_id", unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_visit_resident", "town_id", "resident_id", "entered_at"),
        Index("ix_visit_session", "town_id", "session_id", "id"),
    )
