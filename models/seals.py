"""Seals: once a day the day's transactions are hashed into a tree whose root is signed and published."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RootInTown


class Seal(RootInTown, Base):
    """One day's seal. It holds the hash of the one before it. Rows are added and never changed (by trigger)."""

    __tablename__ = "seal"

    seq: Mapped[int]  #: 1, 2, 3 … in a town
    day: Mapped[date] = mapped_column(Date)  #: the last local day that it covers
    txn_count: Mapped[int]
    posting_count: Mapped[int]
    amount_total: Mapped[int]  #: of all postings
    root: Mapped[bytes] = mapped_column(LargeBinary)  #: Merkle tree hash (RFC 6962, section 2.1)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: of the seal before; 32 zero bytes for the first
    hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of the seal's canonical form
    key_id: Mapped[str]
    signature: Mapped[bytes] = mapped_column(LargeBinary)  #: Ed25519 over the canonical form
    sealed_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("town_id", "seq"),
        UniqueConstraint("town_id", "day"),
        UniqueConstraint("town_id", "previous_hash"),
        CheckConstraint("seq > 0 AND txn_count >= 0 AND posting_count >= 0", name="counts_not_negative"),
    )


class SealedTxn(Base):
    """Which seal a transaction is in, and as which leaf. Rows are added and never changed (by trigger)."""

    __tablename__ = "sealed_txn"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    txn_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seal_id: Mapped[int]
    leaf: Mapped[int]  #: 0, 1, 2 … in the seal
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "txn_id"], ["txn.town_id", "txn.id"]),
        ForeignKeyConstraint(["town_id", "seal_id"], ["seal.town_id", "seal.id"]),
        UniqueConstraint("town_id", "seal_id", "leaf"),
    )


class ResidentSalt(Base):
    """What makes a resident's mark in a seal. Once it is deleted, nobody can say whose mark it is."""

    __tablename__ = "resident_salt"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    salt: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),)
