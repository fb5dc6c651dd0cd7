"""Earning in batches, for imports and weekly runs: one database transaction, a handful of statements, many awards.

The effect is that of the same earnings one after the other. Rows are locked in the same order: wallets by id, lots, caps,
pools. Wallets that are not there yet are opened first, by owner.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import bindparam, select

from models.ledger import ACCOUNT, LOT, POSTING, TXN, AccountKind, OwnerType, TxnKind
from rules import bulk
from rules.ledger.caps import CapUse, use_caps
from rules.ledger.earning import Earning
from rules.ledger.moving import Counters, Journal, LotKey, account_row, lot_row, take
from rules.ledger.pools import draw_from_pool
from rules.ledger.transactions import BookFacts, Receipt, book_of, hash_of, read_receipts, recorded_now, txn_row
from rules.sets import is_id_in, is_text_in
from rules.work import Work

Wallets: TypeAlias = dict[int, Counters]  #: by resident
Lots: TypeAlias = dict[tuple[int, LotKey], Counters]  #: by wallet and key

_now = select(recorded_now())
_ids_of_keys = select(TXN.c.idempotency_key, TXN.c.id).where(
    TXN.c.town_id == bindparam("town"),
    TXN.c.book_id == bindparam("book"),
    is_text_in(TXN.c.idempotency_key, "keys"),
)
_wallets_of = select(ACCOUNT.c.owner_id, ACCOUNT.c.id, ACCOUNT.c.credited, ACCOUNT.c.debited).where(
    ACCOUNT.c.town_id == bindparam("town"),
    ACCOUNT.c.book_id == bindparam("book"),
    ACCOUNT.c.kind == AccountKind.WALLET,
    ACCOUNT.c.owner_type == OwnerType.RESIDENT,
    is_id_in(ACCOUNT.c.owner_id, "owners"),
    ACCOUNT.c.shard == 0,
)
_lock_wallets = _wallets_of.order_by(ACCOUNT.c.id).with_for_update(key_share=True)
_LOT_KEY = ("town_id", "account_id", "expires_on", "scope", "issuer_id")


def earn_many(work: Work, earnings: Mapping[str, Earning]) -> dict[str, Receipt]:
    """Book many earnings, each under its own key: all of them or none.

    Returns the receipt of each key, replayed ones included. Raises BudgetExhausted, CapReached, KeyTaken. Batches of some
    hundreds are quickest.
    """
    assert all(earning.amount > 0 for earning in earnings.values()), "who earns nothing has no transaction"
    book = book_of(work)
    txn_ids, receipts = _open_all(work, book, earnings)
    fresh = {key: earnings[key] for key in txn_ids}
    if not fresh:
        return receipts
    wallets = _credit_wallets(work, fresh.values())
    lots = _credit_lots(work, wallets, fresh.values())
    _use_all_caps(work, wallets, fresh.values())
    tills = _draw(work, book, fresh)
    rows: list[dict[str, Any]] = []
    for key, earning in fresh.items():
        wallet, lot_key = wallets[earning.resident_id], earning.lot_key(work.town_id)
        journal = Journal(txn_ids[key])
        for pool, amount in take(tills[lot_key.issuer_id], earning.amount):
            journal.post(pool, wallet, amount, destination_lot=lots[wallet.id, lot_key])
        rows.extend(journal.rows)
        receipts[key] = Receipt(txn_ids[key], earning.amount, wallet.balance, replayed=False)
    stamp = {"town_id": work.town_id, "recorded_at": work.core.scalar(_now)}
    bulk.insert_rows(work.core, POSTING, [row | stamp for row in rows])
    return receipts


def _open_all(
    work: Work, book: BookFacts, earnings: Mapping[str, Earning]
) -> tuple[dict[str, int], dict[str, Receipt]]:
    """Open a transaction for each key: the ids of the new ones, the receipts of those that were there before."""
    hashes = {key: hash_of(TxnKind.EARN, earning.request()) for key, earning in earnings.items()}
    recorded_at = work.core.scalar(_now)
    rows = [
        txn_row(work, book, TxnKind.EARN, key, hashes[key], earning.cause)
        | {"recorded_at": recorded_at, "usages": earning.usage_entries()}
        for key, earning in sorted(earnings.items())
    ]
    bulk.insert_rows(work.core, TXN, rows, skip_conflicts=True)
    asked = {"town": work.town_id, "book": book.id, "keys": list(earnings)}
    there = {row.idempotency_key: row.id for row in work.core.execute(_ids_of_keys, asked)}
    opened = {row["idempotency_key"]: row["id"] for row in rows if there[row["idempotency_key"]] == row["id"]}
    before = {key: request_hash for key, request_hash in hashes.items() if key not in opened}
    return opened, read_receipts(work, book, before, "dst") if before else {}


def lock_wallets(work: Work, resident_ids: Collection[int]) -> Wallets:
    """Lock the wallets of residents, by id; those that aren't there yet are opened first, by owner."""
    book = book_of(work)
    asked = {"town": work.town_id, "book": book.id, "owners": list(resident_ids)}
    there = {row.owner_id for row in work.core.execute(_wallets_of, asked)}
    missing = [
        account_row(work, book, AccountKind.WALLET, OwnerType.RESIDENT, owner_id)
        for owner_id in sorted(set(resident_ids) - there)
    ]
    bulk.insert_rows(work.core, ACCOUNT, missing, skip_conflicts=True)
    rows = work.core.execute(_lock_wallets, asked)
    return {row.owner_id: Counters(row.id, row.credited, row.debited) for row in rows}


def _credit_wallets(work: Work, earnings: Iterable[Earning]) -> Wallets:
    amounts = Counter[int]()
    for earning in earnings:
        amounts[earning.resident_id] += earning.amount
    wallets = lock_wallets(work, amounts)
    by_account = {wallets[owner_id].id: amount for owner_id, amount in amounts.items()}
    bulk.add_to(work.core, ACCOUNT, work.town_id, "credited", by_account)
    return wallets


def _credit_lots(work: Work, wallets: Wallets, earnings: Iterable[Earning]) -> Lots:
    amounts = Counter[tuple[int, LotKey]]()
    for earning in earnings:
        amounts[wallets[earning.resident_id].id, earning.lot_key(work.town_id)] += earning.amount
    credited = bulk.insert_or_add(
        work.core,
        LOT,
        [lot_row(work, *name, amount) for name, amount in amounts.items()],
        unique=_LOT_KEY,
        column="credited",
        returning=(*_LOT_KEY, "id", "credited", "debited"),
    )
    lots: Lots = {}
    for row in credited:
        name = row.account_id, LotKey(row.expires_on, row.scope, row.issuer_id)
        lots[name] = Counters(row.id, row.credited - amounts[name], row.debited)
    return lots


def _use_all_caps(work: Work, wallets: Wallets, earnings: Iterable[Earning]) -> None:
    uses: defaultdict[int, list[CapUse]] = defaultdict(list)
    for earning in earnings:
        if earning.usages:
            uses[wallets[earning.resident_id].id].extend(earning.usages)
    for account_id in sorted(uses):
        use_caps(work, account_id, uses[account_id])


def _draw(work: Work, book: BookFacts, earnings: Mapping[str, Earning]) -> dict[int, list[tuple[Counters, int]]]:
    """Debit each issuer's pool once, and return what was drawn from which shard."""
    amounts = Counter[int]()
    for earning in earnings.values():
        amounts[earning.issuer_id or work.town_id] += earning.amount
    key = min(earnings)
    return {issuer_id: draw_from_pool(work, book, issuer_id, key, amounts[issuer_id]) for issuer_id in sorted(amounts)}
