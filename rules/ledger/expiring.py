"""Expiry: a point is good up to and including its lot's last good day.

Every read and every spending goes by that date, so nothing depends on when the nightly run comes. The run only books what
has lapsed: in chunks of wallets, each chunk in a few set-based statements and a transaction of its own, so nobody waits
long for a wallet, and a run that broke off is simply run again. Each wallet has a transaction of its own, under a key made
of the day, the wallet and its counter: the same points can't lapse twice.

The wallets of a chunk are locked by one statement; the statements after it read their lots as they stand then. The sink
is credited, and so locked, before the lots are written, out of the usual order; that is harmless, since nobody changes a
lot without its wallet's lock, and those are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    String,
    bindparam,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from models.base import UtcDateTime
from models.ledger import POSTING, TXN, Account, AccountKind, Lot, OwnerType, TxnKind
from rules.clock import local_day, local_moment
from rules.ledger.moving import credit_owner, lock_accounts
from rules.ledger.transactions import book_of, hash_of, in_book, list_books, recorded_now
from rules.sets import is_id_in
from rules.work import SYSTEM, Transactions, Work

REASON = "expiry"
#: Chunks that are booked side by side, each into a sink of its own, so that none waits for another's.
WORKERS = 2
#: Wallets of one chunk: with some lots each a tenth of a second on PostgreSQL, and never more ids than one block has.
WALLETS_MAX = 500


@dataclass(frozen=True, slots=True)
class Expired:
    """What a run booked."""

    wallets: int
    lots: int
    points: int


_lapsing_wallets = (
    select(Lot.account_id)
    .join(Account, (Account.town_id == Lot.town_id) & (Account.id == Lot.account_id))
    .where(
        Lot.town_id == bindparam("town"),
        Lot.expires_on < bindparam("day"),
        Lot.credited > Lot.debited,
        Account.book_id == bindparam("book"),
        Account.kind == AccountKind.WALLET,
    )
    .distinct()
)
_is_lapsed = (
    Lot.town_id == bindparam("town"),
    is_id_in(Lot.account_id, "wallets"),
    Lot.expires_on < bindparam("day"),
    Lot.credited > Lot.debited,
)
_left = Lot.credited - Lot.debited
_totals = select(
    func.count(Lot.account_id.distinct()).label("wallets"),
    func.count(Lot.id).label("lots"),
    func.coalesce(func.sum(_left), 0).label("points"),
).where(*_is_lapsed)
_by_wallet = (
    select(Lot.account_id.label("id"), func.sum(_left).label("amount"))
    .where(*_is_lapsed)
    .group_by(Lot.account_id)
    .subquery("by_wallet")
)


def _number(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInteger)


_txn_values: dict[str, Any] = {
    "town_id": Account.town_id,
    "id": _number("first_id") + func.row_number().over(order_by=Account.id) - 1,
    "book_id": Account.book_id,
    "idempotency_key": literal("expire:")
    + bindparam("day_text", type_=String)
    + ":"
    + cast(Account.id, String)
    + ":"
    + cast(Account.debited, String),
    "request_hash": bindparam("request_hash", type_=LargeBinary),
    "kind": literal(TxnKind.EXPIRE.value),
    "reason": literal(REASON),
    "effective_at": bindparam("effective_at", type_=UtcDateTime),
    "recorded_at": recorded_now(),
    "explanation": literal("到期未用积分 ") + cast(_by_wallet.c.amount, String) + " 分失效",
}
_insert_txns = insert(TXN).from_select(
    list(_txn_values),
    select(*_txn_values.values())
    .select_from(_by_wallet.join(Account, Account.id == _by_wallet.c.id))
    .where(Account.town_id == bindparam("town")),
    include_defaults=False,
)
_in_order = (Lot.account_id, Lot.expires_on, Lot.scope, Lot.issuer_id)
_posting_values: dict[str, Any] = {
    "town_id": Lot.town_id,
    "txn_id": _number("first_id") + func.dense_rank().over(order_by=Lot.account_id) - 1,
    "n": func.row_number().over(partition_by=Lot.account_id, order_by=_in_order) - 1,
    "src_account_id": Lot.account_id,
    "dst_account_id": _number("sink"),
    "src_lot_id": Lot.id,
    "dst_lot_id": null(),
    "amount": _left,
    "src_debited_after": Account.debited + func.sum(_left).over(partition_by=Lot.account_id, order_by=_in_order),
    "dst_credited_after": _number("sink_credited") + func.sum(_left).over(order_by=_in_order),
    "src_lot_debited_after": Lot.credited,
    "dst_lot_credited_after": null(),
    "src_credited": Account.credited,
    "dst_debited": _number("sink_debited"),
    "recorded_at": recorded_now(),
}
_insert_postings = insert(POSTING).from_select(
    list(_posting_values),
    select(*_posting_values.values())
    .join(Account, (Account.town_id == Lot.town_id) & (Account.id == Lot.account_id))
    .where(*_is_lapsed),
    include_defaults=False,
)
_debit_wallets = (
    update(Account)
    .where(Account.town_id == bindparam("town"), Account.id == _by_wallet.c.id)
    .values(debited=Account.debited + _by_wallet.c.amount)
    .execution_options(synchronize_session=False)
)
_close_lots = update(Lot).where(*_is_lapsed).values(debited=Lot.credited).execution_options(synchronize_session=False)


def expire(
    transactions: Transactions, town_id: int, day: date, *, wallets_max: int = WALLETS_MAX, workers: int = WORKERS
) -> Expired:
    """Book everything that was good until the day before `day` at the latest, chunk by chunk.

    Running it again for the same day books what has come back to a lapsed lot since, and nothing else.
    """
    codes = transactions.read(town_id, SYSTEM, list_books)
    booked = [_expire_book(transactions, town_id, day, code, wallets_max, workers) for code in codes]
    return Expired(
        sum(each.wallets for each in booked), sum(each.lots for each in booked), sum(each.points for each in booked)
    )


def _expire_book(
    transactions: Transactions, town_id: int, day: date, code: str, wallets_max: int, workers: int
) -> Expired:
    lapsing = transactions.read(town_id, SYSTEM, lambda work: list_lapsing_wallets(in_book(work, code), day))
    chunks = [lapsing[start : start + wallets_max] for start in range(0, len(lapsing), wallets_max)]

    def book(worker: int) -> list[Expired]:
        mine = chunks[worker::workers]
        return [transactions.write(town_id, SYSTEM, expire_chunk, chunk, worker) for chunk in mine]

    def expire_chunk(work: Work, chunk: Sequence[int], worker: int) -> Expired:
        return expire_wallets(in_book(work, code), day, chunk, sink_shard=worker)

    with ThreadPoolExecutor(workers) as pool:
        booked = list(chain.from_iterable(pool.map(book, range(workers))))
    return Expired(
        sum(each.wallets for each in booked), sum(each.lots for each in booked), sum(each.points for each in booked)
    )


def list_lapsing_wallets(work: Work, day: date) -> list[int]:
    """The wallets with something left in a lot that was good until the day before `day` at the latest, by id."""
    asked = {"town": work.town_id, "book": book_of(work).id, "day": day}
    return sorted(work.db.scalars(_lapsing_wallets, asked))


def expire_wallets(work: Work, day: date, wallet_ids: Sequence[int], *, sink_shard: int = 0) -> Expired:
    """Book what has lapsed in these wallets, up to 4,096 of them."""
    assert day <= local_day(work.now), "what is good today has not lapsed"
    lock_accounts(work, wallet_ids)
    chunk = {"town": work.town_id, "day": day, "wallets": list(wallet_ids)}
    totals = work.db.execute(_totals, chunk).one()
    if totals.lots == 0:
        return Expired(0, 0, 0)
    sink = credit_owner(
        work,
        book_of(work),
        AccountKind.BREAKAGE,
        OwnerType.TOWN,
        work.town_id,
        int(totals.points),
        shard=sink_shard,
    )
    chunk["first_id"] = work.new_ids(totals.wallets)
    txn = {
        "day_text": day.isoformat(),
        "request_hash": hash_of(TxnKind.EXPIRE, [day]),
        "effective_at": local_moment(day, "00:00"),
    }
    work.db.execute(_insert_txns, chunk | txn)
    counters = {"sink": sink.id, "sink_credited": sink.credited, "sink_debited": sink.debited}
    work.db.execute(_insert_postings, chunk | counters)
    work.db.execute(_debit_wallets, chunk)
    work.db.execute(_close_lots, chunk)
    return Expired(totals.wallets, totals.lots, int(totals.points))
