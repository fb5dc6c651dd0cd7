"""Emptying a wallet whose owner goes: every lot of it, whatever its scope and whether it has lapsed or not.

The points lapse (breakage), or move to another wallet of the same person. Nothing may be held any more; then the escrow is
empty too.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as upsert

from models.ledger import ACCOUNT, HOLD, LOT, AccountKind, OwnerType, TxnKind
from rules.ledger.holds import void
from rules.ledger.moving import (
    Counters,
    Journal,
    LotKey,
    OpenLot,
    account_row,
    credit_account,
    credit_lots,
    credit_owner,
    debit_account,
    debit_lots,
    find_account,
    lock_accounts,
)
from rules.ledger.transactions import BookFacts, Cause, book_of, open_txn
from rules.work import Work

_open_wallet = upsert(ACCOUNT).on_conflict_do_nothing()
_lots = (
    select(LOT.c.id, LOT.c.credited, LOT.c.debited, LOT.c.expires_on, LOT.c.scope, LOT.c.issuer_id)
    .where(
        LOT.c.town_id == bindparam("town"),
        LOT.c.account_id == bindparam("wallet"),
        LOT.c.credited > LOT.c.debited,
    )
    .order_by(LOT.c.expires_on, LOT.c.scope, LOT.c.issuer_id)
)
_held = (
    select(HOLD.c.txn_id, (HOLD.c.amount - HOLD.c.captured - HOLD.c.released).label("open"))
    .join(ACCOUNT, (ACCOUNT.c.town_id == HOLD.c.town_id) & (ACCOUNT.c.id == HOLD.c.wallet_id))
    .where(
        HOLD.c.town_id == bindparam("town"),
        HOLD.c.captured + HOLD.c.released < HOLD.c.amount,
        ACCOUNT.c.book_id == bindparam("book"),
        ACCOUNT.c.owner_type == OwnerType.RESIDENT,
        ACCOUNT.c.owner_id == bindparam("resident"),
    )
    .order_by(HOLD.c.txn_id)
)


def release_holds_of(work: Work, resident_id: int, reason: str) -> int:
    """Give back all that is held of a resident's points in the work's book; returns how many holds there were."""
    asked = {"town": work.town_id, "book": book_of(work).id, "resident": resident_id}
    held = work.core.execute(_held, asked).all()
    for hold in held:
        cause = Cause(reason, f"不再冻结，退回 {hold.open} 分", work.now)
        void(work, f"{reason}:{hold.txn_id}:void", hold.txn_id, hold.open, cause)
    return len(held)


def empty_wallet(work: Work, key: str, resident_id: int, cause: Cause, *, into: int | None) -> int:
    """Move all points of a resident, in the work's book, to the resident `into`, or let them lapse; how many there were.

    Raises KeyTaken.
    """
    book = book_of(work)
    wallet_id = find_account(work, book, AccountKind.WALLET, resident_id)
    if wallet_id is None:
        return 0
    kind = TxnKind.ADJUST if into is None else TxnKind.TRANSFER
    receiver_id = None if into is None else _wallet_of(work, book, into)
    lock_accounts(work, [wallet_id] if receiver_id is None else [wallet_id, receiver_id])
    lots = _read_lots(work, wallet_id)
    amount = sum(lot.balance for lot in lots)
    if amount == 0:
        return 0
    opened = open_txn(work, kind, key, [resident_id, into], cause, about="src")
    if opened.receipt:
        return opened.receipt.amount
    taken = [(lot, lot.balance) for lot in lots]
    wallet = debit_account(work, wallet_id, amount)
    assert wallet is not None, "a wallet holds what its lots hold, and is locked"
    received: list[Counters | None] = [None] * len(taken)
    if receiver_id is None:
        debit_lots(work, taken)
        sink = credit_owner(work, book, AccountKind.BREAKAGE, OwnerType.TOWN, work.town_id, amount)
    else:
        sink = credit_account(work, receiver_id, amount)
        debit_lots(work, taken)
        received = list(credit_lots(work, receiver_id, [(lot.key, part) for lot, part in taken]))
    journal = Journal(opened.txn_id)
    for (lot, part), arrived in zip(taken, received, strict=True):
        journal.post(wallet, sink, part, source_lot=lot, destination_lot=arrived)
    journal.write(work)
    return amount


def _wallet_of(work: Work, book: BookFacts, resident_id: int) -> int:
    wallet_id = find_account(work, book, AccountKind.WALLET, resident_id)
    if wallet_id is None:
        work.core.execute(_open_wallet, account_row(work, book, AccountKind.WALLET, OwnerType.RESIDENT, resident_id))
        wallet_id = find_account(work, book, AccountKind.WALLET, resident_id)
    assert wallet_id is not None, "it was opened a line above, by us or by another"
    return wallet_id


def _read_lots(work: Work, wallet_id: int) -> list[OpenLot]:
    rows = work.core.execute(_lots, {"town": work.town_id, "wallet": wallet_id})
    return [
        OpenLot(row.id, row.credited, row.debited, LotKey(row.expires_on, row.scope, row.issuer_id)) for row in rows
    ]
