"""The points ledger.

An account and a lot have two counters, `credited` and `debited`, that only grow; a balance is their difference. A
posting names the account it leaves and the account it enters, so an imbalance can't be written down, and it stores each
counter's value after it. A lost update would store the same value twice, which the unique keys refuse. So history is an
index seek, and every point can be explained: point k of a lot was earned by the posting whose credited interval holds k
and spent by the one whose debited interval holds k.

A lot is what lapses on one day, may be spent in one scope, and is owed by one issuer; points keep these three as they
move between wallets and escrow, so what an issuer owes, and what it owes to whoever redeemed, is a sum over lots. A
resident has an escrow account beside the wallet: what is held is in lots there, and nobody waits for anybody else's hold.

A posting also stores the counter that it did not move (`src_credited`, `dst_debited`): so the balance after it is in the
row, and what came in and what went out stand in one order without trusting a clock.

Transactions, postings and events are added and never changed (by trigger).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, Index, LargeBinary, Table, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, RootInTown, one_of
from models.territory import Scene

#: The expiry of a lot that never lapses.
NEVER = date(9999, 12, 31)


class AccountKind(StrEnum):
    MINT = "mint"  #: where points come from; may go below zero without end
    POOL = "pool"  #: points that may be awarded: a budget
    WALLET = "wallet"  #: a resident's points
    ESCROW = "escrow"  #: points held for something that is not settled yet
    REDEEMED = "redeemed"  #: spent
    BREAKAGE = "breakage"  #: lapsed
    CLEARING = "clearing"  #: on the way from or to another town


class OwnerType(StrEnum):
    TOWN = "town"
    RESIDENT = "resident"
    OPERATOR = "operator"


class TxnKind(StrEnum):
    GRANT_BUDGET = "grant_budget"
    EARN = "earn"
    SPEND = "spend"
    HOLD = "hold"
    CAPTURE = "capture"
    VOID = "void"
    TRANSFER = "transfer"
    REVERSE = "reverse"
    ADJUST = "adjust"
    EXPIRE = "expire"


class Book(RootInTown, Base):
    """A unit that is kept apart from all others: points, hours."""

    __tablename__ = "book"

    code: Mapped[str]
    name: Mapped[str]
    scale: Mapped[int] = mapped_column(default=0)  #: decimals of the smallest unit; fixed when the book is created
    pool_shards: Mapped[int] = mapped_column(default=1)  #: into how many rows each pool is split, for many writers

    __table_args__ = (
        UniqueConstraint("town_id", "code"),
        CheckConstraint("scale BETWEEN 0 AND 2", name="scale_known"),
        CheckConstraint("pool_shards BETWEEN 1 AND 64", name="pool_shards_within_bounds"),
    )


class Account(InTown, Base):
    """Whose points of which kind. A pool may be split into shards."""

    __tablename__ = "account"

    book_id: Mapped[int]
    kind: Mapped[AccountKind] = mapped_column(one_of(AccountKind))
    owner_type: Mapped[OwnerType] = mapped_column(one_of(OwnerType))
    owner_id: Mapped[int]
    shard: Mapped[int] = mapped_column(default=0)
    floor: Mapped[int] = mapped_column(default=0)  #: the balance may not go below it
    unbounded: Mapped[bool] = mapped_column(default=False)
    credited: Mapped[int] = mapped_column(default=0)
    debited: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "book_id"], ["book.town_id", "book.id"]),
        UniqueConstraint("town_id", "book_id", "kind", "owner_type", "owner_id", "shard"),
        CheckConstraint("credited >= 0 AND debited >= 0", name="counters_not_negative"),
        CheckConstraint("unbounded OR credited - debited >= floor", name="balance_above_floor"),
    )


class Lot(InTown, Base):
    """The points of one wallet or escrow that lapse on one day, may be spent in one scope and are owed by one issuer."""

    __tablename__ = "lot"

    account_id: Mapped[int]
    expires_on: Mapped[date] = mapped_column(Date)  #: the last day on which they are good, local time
    scope: Mapped[str] = mapped_column(default="")  #: empty: anywhere
    issuer_id: Mapped[int]  #: owner of the pool they came from: the town or an operator
    credited: Mapped[int] = mapped_column(default=0)
    debited: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "account_id"], ["account.town_id", "account.id"]),
        UniqueConstraint("town_id", "account_id", "expires_on", "scope", "issuer_id"),
        CheckConstraint("debited BETWEEN 0 AND credited", name="not_overdrawn"),
        # What lapses when, of all wallets; a wallet's own lots are found by the unique key.
        Index(
            "ix_lot_open",
            "town_id",
            "expires_on",
            "account_id",
            sqlite_where=text("credited > debited"),
            postgresql_where=text("credited > debited"),
        ),
    )


class Event(InTown, Base):
    """Something that happened and may have earned or cost points. Its source names it once and for all."""

    __tablename__ = "event"

    source: Mapped[str]  #: "checkin"
    source_ref: Mapped[str]  #: what the source calls it
    subject_id: Mapped[int]  #: the resident
    occurred_at: Mapped[datetime]
    payload: Mapped[dict[str, Any]]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "subject_id"], ["resident.town_id", "resident.id"]),
        UniqueConstraint("town_id", "source", "source_ref"),
        Index("ix_event_subject", "town_id", "subject_id"),
    )


class Txn(InTown, Base):
    """One decision that moved points: why, by which rule, on whose account, when."""

    __tablename__ = "txn"

    book_id: Mapped[int]
    idempotency_key: Mapped[str]
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[TxnKind] = mapped_column(one_of(TxnKind))
    event_id: Mapped[int | None]
    rulebook_version_id: Mapped[int | None]
    rule_id: Mapped[str | None]  #: the rule of that version
    usages: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)  #: what it counts under which caps (UsageOfCap)
    reverses_txn_id: Mapped[int | None]
    hold_txn_id: Mapped[int | None]  #: the hold that is captured or voided
    actor_id: Mapped[int | None]  #: who caused it; NULL: the system
    reason: Mapped[str]  #: a stable word: "checkin"
    community_id: Mapped[int | None]
    operator_id: Mapped[int | None]
    scene: Mapped[Scene | None] = mapped_column(one_of(Scene))
    effective_at: Mapped[datetime]  #: when it counts
    recorded_at: Mapped[datetime]  #: when it was written
    explanation: Mapped[str]  #: the reason in words, with the arithmetic

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "book_id"], ["book.town_id", "book.id"]),
        ForeignKeyConstraint(["town_id", "event_id"], ["event.town_id", "event.id"]),
        ForeignKeyConstraint(["town_id", "rulebook_version_id"], ["rulebook_version.town_id", "rulebook_version.id"]),
        ForeignKeyConstraint(["town_id", "reverses_txn_id"], ["txn.town_id", "txn.id"]),
        ForeignKeyConstraint(["town_id", "hold_txn_id"], ["txn.town_id", "txn.id"]),
        ForeignKeyConstraint(["town_id", "community_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "operator_id"], ["operator.town_id", "operator.id"]),
        UniqueConstraint("town_id", "book_id", "idempotency_key"),
        Index(
            "ix_txn_reverses",
            "town_id",
            "reverses_txn_id",
            sqlite_where=text("reverses_txn_id IS NOT NULL"),
            postgresql_where=text("reverses_txn_id IS NOT NULL"),
        ),
        Index(
            "ix_txn_hold",
            "town_id",
            "hold_txn_id",
            sqlite_where=text("hold_txn_id IS NOT NULL"),
            postgresql_where=text("hold_txn_id IS NOT NULL"),
        ),
    )


class Posting(Base):
    """Points that went from one account to another, with every counter they moved as it stood afterwards."""

    __tablename__ = "posting"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    txn_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  #: 0, 1, 2 … in the transaction
    src_account_id: Mapped[int]
    dst_account_id: Mapped[int]
    src_lot_id: Mapped[int | None]
    dst_lot_id: Mapped[int | None]
    amount: Mapped[int]
    src_debited_after: Mapped[int]
    dst_credited_after: Mapped[int]
    src_lot_debited_after: Mapped[int | None]
    dst_lot_credited_after: Mapped[int | None]
    src_credited: Mapped[int]  #: the counter of the source that this posting did not move, as it stood
    dst_debited: Mapped[int]  #: the same of the destination
    recorded_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "txn_id"], ["txn.town_id", "txn.id"]),
        ForeignKeyConstraint(["town_id", "src_account_id"], ["account.town_id", "account.id"]),
        ForeignKeyConstraint(["town_id", "dst_account_id"], ["account.town_id", "account.id"]),
        ForeignKeyConstraint(["town_id", "src_lot_id"], ["lot.town_id", "lot.id"]),
        ForeignKeyConstraint(["town_id", "dst_lot_id"], ["lot.town_id", "lot.id"]),
        UniqueConstraint("town_id", "src_account_id", "src_debited_after"),
        UniqueConstraint("town_id", "dst_account_id", "dst_credited_after"),
        UniqueConstraint("town_id", "src_lot_id", "src_lot_debited_after"),
        UniqueConstraint("town_id", "dst_lot_id", "dst_lot_credited_after"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("src_account_id <> dst_account_id", name="two_accounts"),
        CheckConstraint("(src_lot_id IS NULL) = (src_lot_debited_after IS NULL)", name="src_lot_with_its_counter"),
        CheckConstraint("(dst_lot_id IS NULL) = (dst_lot_credited_after IS NULL)", name="dst_lot_with_its_counter"),
        CheckConstraint("src_credited >= 0 AND dst_debited >= 0", name="other_counters_not_negative"),
    )


class Hold(Base):
    """Points of one wallet that wait in escrow. Its counters only grow; what is neither captured nor released is open.

    The parts of a hold stand in the order of its postings: captures take them from the front, releases from the back.
    """

    __tablename__ = "hold"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    txn_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    wallet_id: Mapped[int]
    escrow_id: Mapped[int]
    amount: Mapped[int]
    captured: Mapped[int] = mapped_column(default=0)
    released: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime]  #: from then on it can only be released

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "txn_id"], ["txn.town_id", "txn.id"]),
        ForeignKeyConstraint(["town_id", "wallet_id"], ["account.town_id", "account.id"]),
        ForeignKeyConstraint(["town_id", "escrow_id"], ["account.town_id", "account.id"]),
        CheckConstraint("amount > 0 AND captured >= 0 AND released >= 0", name="counters_not_negative"),
        CheckConstraint("captured + released <= amount", name="not_overdrawn"),
        Index(
            "ix_hold_open",
            "town_id",
            "expires_at",
            sqlite_where=text("captured + released < amount"),
            postgresql_where=text("captured + released < amount"),
        ),
    )


class Reversal(Base):
    """How much of a posting was taken back. It only grows, and never beyond the posting."""

    __tablename__ = "reversal"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    txn_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount: Mapped[int]  #: the posting's
    reversed: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "txn_id", "n"], ["posting.town_id", "posting.txn_id", "posting.n"]),
        CheckConstraint("reversed > 0 AND reversed <= amount", name="within_the_posting"),
    )


class RuleUsage(Base):
    """How much of a rule's cap a wallet has used up in a period: the guard that caps hold under concurrent awards."""

    __tablename__ = "rule_usage"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule_id: Mapped[str] = mapped_column(primary_key=True)
    period_key: Mapped[str] = mapped_column(primary_key=True)  #: "2026-11", "2026-W48"
    used: Mapped[int]
    cap: Mapped[int]  #: as it stood when it was last used

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "account_id"], ["account.town_id", "account.id"]),
        CheckConstraint("used BETWEEN 0 AND cap", name="used_within_cap"),
    )


def _table(model: type[Base]) -> Table:
    assert isinstance(model.__table__, Table)
    return model.__table__


#: The tables as SQLAlchemy Core sees them, for statements of the hot paths: the ORM's layer costs three times as much.
BOOK, ACCOUNT, LOT, EVENT, TXN, POSTING = map(_table, (Book, Account, Lot, Event, Txn, Posting))
HOLD, REVERSAL, RULE_USAGE = map(_table, (Hold, Reversal, RuleUsage))
