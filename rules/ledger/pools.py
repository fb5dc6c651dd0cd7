"""Pools: the points that may be awarded. A pool belongs to the town or to an operator and is that owner's budget.

A pool's row is the one that all who earn from it share, so it is locked last and briefly; where that is not brief enough,
the pool is split into shards, and a key's hash says which shard pays. A shard that hasn't enough doesn't refuse: then
all shards of the pool are locked in order and pay together. PostgreSQL keeps a row locked that a guarded UPDATE waited for
and then found short; so a shard is looked at before it is debited, and where it runs short in between, the work is undone
and tried again rather than locking the others out of order.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import BigInteger, bindparam, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert

from models.ledger import ACCOUNT, BOOK, AccountKind, OwnerType, TxnKind
from rules.errors import Kind, RuleError
from rules.ledger.moving import Counters, Journal, account_row, credit_owner, debit_account, debit_owner
from rules.ledger.transactions import BookFacts, Cause, Receipt, book_of, look_again_at_book, open_txn
from rules.rows import AnyRow
from rules.sending import Reply
from rules.work import TryAgain, Work

SHARDS_MAX = 64


class BudgetExhausted(RuleError):
    code = "points.budget_exhausted"
    kind = Kind.CONFLICT
    zh = "积分预算不足，请联系运营人员。"
    en = "The points budget is used up. Please ask the operator."


_shards = (
    select(ACCOUNT.c.id, ACCOUNT.c.shard, ACCOUNT.c.credited, ACCOUNT.c.debited, ACCOUNT.c.floor)
    .where(
        ACCOUNT.c.town_id == bindparam("town"),
        ACCOUNT.c.book_id == bindparam("book"),
        ACCOUNT.c.kind == AccountKind.POOL,
        ACCOUNT.c.owner_type == bindparam("owned_by"),
        ACCOUNT.c.owner_id == bindparam("owner"),
    )
    .order_by(ACCOUNT.c.shard)
)
_lock_shards = _shards.with_for_update(key_share=True)
_pool_balance = select(cast(func.coalesce(func.sum(ACCOUNT.c.credited - ACCOUNT.c.debited), 0), BigInteger)).where(
    ACCOUNT.c.town_id == bindparam("town"),
    ACCOUNT.c.book_id == bindparam("book"),
    ACCOUNT.c.kind == AccountKind.POOL,
    ACCOUNT.c.owner_type == bindparam("owned_by"),
    ACCOUNT.c.owner_id == bindparam("owner"),
)
#: What each shard of a pool can pay, in their order. For PostgreSQL.
SHARES = select(
    func.array_agg(aggregate_order_by(ACCOUNT.c.credited - ACCOUNT.c.debited - ACCOUNT.c.floor, ACCOUNT.c.shard))
).where(
    ACCOUNT.c.town_id == bindparam("town"),
    ACCOUNT.c.book_id == bindparam("book"),
    ACCOUNT.c.kind == AccountKind.POOL,
    ACCOUNT.c.owner_type == OwnerType.TOWN,
    ACCOUNT.c.owner_id == bindparam("town"),
)
_pool_owners = (
    select(ACCOUNT.c.owner_type, ACCOUNT.c.owner_id)
    .where(
        ACCOUNT.c.town_id == bindparam("town"),
        ACCOUNT.c.book_id == bindparam("book"),
        ACCOUNT.c.kind == AccountKind.POOL,
    )
    .distinct()
)
_set_shards = (
    update(BOOK)
    .where(BOOK.c.town_id == bindparam("town"), BOOK.c.id == bindparam("book"))
    .values(pool_shards=bindparam("shards"))
)


def open_book(work: Work, code: str, name: str, scale: int = 0, *, needs_budget: bool = True) -> int:
    """Create a book of the town with its mint and its empty pool, and return its id.

    `needs_budget`: False for what is only counted, a score: its pool may go below zero without end.
    """
    book_id = work.new_id()
    book = {"town_id": work.town_id, "id": book_id, "code": code, "name": name, "scale": scale}
    work.core.execute(insert(BOOK), book)
    facts = BookFacts(book_id, pool_shards=1)
    for kind in (AccountKind.MINT, AccountKind.POOL):
        account = account_row(work, facts, kind, OwnerType.TOWN, work.town_id)
        account["unbounded"] |= kind is AccountKind.POOL and not needs_budget
        work.core.execute(insert(ACCOUNT), account)
    return book_id


def owner_type_of(work: Work, issuer_id: int) -> OwnerType:
    """Whether an issuer is the town or one of its operators."""
    return OwnerType.TOWN if issuer_id == work.town_id else OwnerType.OPERATOR


def grant_budget(work: Work, key: str, amount: int, explanation: str, *, operator_id: int | None = None) -> Receipt:
    """Put points from the mint into the town's pool, or into an operator's, and spread a pool that is split.

    The receipt's balance is that of the pool's first shard, which takes the grant, before it is spread. Raises KeyTaken.
    """
    assert amount > 0, "a budget is above 0"
    cause = Cause("budget", explanation, work.now, operator_id=operator_id)
    opened = open_txn(
        work, TxnKind.GRANT_BUDGET, key, budget_request(amount, explanation, operator_id), cause, about="dst"
    )
    if opened.receipt:
        return opened.receipt
    owner_id = operator_id or work.town_id
    mint = debit_owner(work, opened.book, AccountKind.MINT, OwnerType.TOWN, work.town_id, amount)
    assert mint is not None, "a mint has no floor"
    pool = credit_owner(work, opened.book, AccountKind.POOL, owner_type_of(work, owner_id), owner_id, amount)
    journal = Journal(opened.txn_id)
    journal.post(mint, pool, amount)
    journal.write(work)
    look_again_at_book(work)
    if (shards := book_of(work).pool_shards) > 1:
        _spread(work, opened.book, owner_id, shards)
    return Receipt(opened.txn_id, amount, pool.balance, replayed=False)


def budget_request(amount: int, explanation: str, operator_id: int | None = None) -> list[object]:
    """What tells one grant from another under the same key."""
    return [amount, explanation, operator_id]


def read_pool_balance(work: Work, issuer_id: int | None = None) -> int:
    """What is left of the town's budget of points, or of an operator's."""
    return int(ask_pool_balance(work, issuer_id).scalar())


def ask_pool_balance(work: Work, issuer_id: int | None = None) -> Reply:
    """The same, not waited for."""
    return work.send(_pool_balance, _pool(work, book_of(work), issuer_id or work.town_id))


def lock_pool(work: Work) -> None:
    """Lock the town's pool in the work's book, all of its shards in order, for who will draw by several keys."""
    book = book_of(work)
    if book.pool_shards > 1:
        work.send(_lock_shards, _pool(work, book, work.town_id)).all()


def draw_from_pool(work: Work, book: BookFacts, issuer_id: int, key: str, amount: int) -> list[tuple[Counters, int]]:
    """Debit a pool: the shard that the key names, or as many as it takes. Raises BudgetExhausted."""
    shard = shard_of(key, book.pool_shards)
    if shard > 0 and not _has(work, book, issuer_id, shard, amount):
        return _draw_from_all(work, book, issuer_id, amount)
    drawn = debit_owner(work, book, AccountKind.POOL, owner_type_of(work, issuer_id), issuer_id, amount, shard=shard)
    if drawn:
        return [(drawn, amount)]
    if shard > 0:  # it had enough when we looked, and is locked now before those that come first
        raise TryAgain
    return _draw_from_all(work, book, issuer_id, amount)


def _has(work: Work, book: BookFacts, issuer_id: int, shard: int, amount: int) -> bool:
    """Whether a shard seems to have this much; only the debit itself decides."""
    shards = work.send(_shards, _pool(work, book, issuer_id)).all()
    return any(row.shard == shard and row.credited - row.debited - row.floor >= amount for row in shards)


def shard_of(key: str, shards: int) -> int:
    """Which shard of a pool pays for a key: always the same one."""
    return hashlib.sha256(key.encode()).digest()[0] % shards if shards > 1 else 0


def _draw_from_all(work: Work, book: BookFacts, issuer_id: int, amount: int) -> list[tuple[Counters, int]]:
    look_again_at_book(work)
    drawn: list[tuple[Counters, int]] = []
    for row in work.send(_lock_shards, _pool(work, book, issuer_id)).all():
        part = min(row.credited - row.debited - row.floor, amount)
        if part > 0:
            counters = debit_account(work, row.id, part)
            assert counters is not None, "the shard is locked and has this much"
            drawn.append((counters, part))
            amount -= part
    if amount > 0:
        raise BudgetExhausted
    return drawn


def _pool(work: Work, book: BookFacts, owner_id: int) -> dict[str, object]:
    return {"town": work.town_id, "book": book.id, "owned_by": owner_type_of(work, owner_id), "owner": owner_id}


def set_shards(work: Work, shards: int) -> int:
    """Split every pool of the points book into this many shards, and spread what is in them evenly.

    Returns how many points moved. Who still counts with the old number of shards finds the points all the same.
    """
    assert 1 <= shards <= SHARDS_MAX, f"a pool has 1 to {SHARDS_MAX} shards"
    book = book_of(work)
    owners = work.core.execute(_pool_owners, {"town": work.town_id, "book": book.id}).all()
    moved = sum(_spread(work, book, owner.owner_id, shards) for owner in sorted(owners, key=lambda row: row.owner_id))
    work.core.execute(_set_shards, {"town": work.town_id, "book": book.id, "shards": shards})
    look_again_at_book(work)
    return moved


def _spread(work: Work, book: BookFacts, owner_id: int, shards: int) -> int:
    """Move one pool's points between its shards, from those with too much to those with too little."""
    pool = _pool(work, book, owner_id)
    there = {row.shard for row in work.core.execute(_shards, pool)}
    missing = [
        account_row(work, book, AccountKind.POOL, owner_type_of(work, owner_id), owner_id, shard=shard)
        for shard in range(shards)
        if shard not in there
    ]
    if missing:
        work.core.execute(upsert(ACCOUNT).on_conflict_do_nothing(), missing)
    rows = work.core.execute(_lock_shards, pool).all()
    total = sum(row.credited - row.debited for row in rows)
    goal = {row.shard: total // shards + (row.shard < total % shards) if row.shard < shards else 0 for row in rows}
    counters = {row.shard: Counters(row.id, row.credited, row.debited) for row in rows}
    transfers = _even_out({shard: each.balance - goal[shard] for shard, each in counters.items()})
    if not transfers:
        return 0
    cause = Cause("shards", f"积分池拆分为 {shards} 份", work.now)
    key = f"shards:{work.new_id()}"
    opened = open_txn(work, TxnKind.TRANSFER, key, [owner_id, shards], cause, about="dst")
    journal = Journal(opened.txn_id)
    for source, destination, amount in transfers:
        journal.post(counters[source], counters[destination], amount)
    for shard, row in zip(counters, rows, strict=True):
        _set_counters(work, counters[shard], row)
    journal.write(work)
    return sum(amount for _, _, amount in transfers)


def _even_out(surplus: dict[int, int]) -> list[tuple[int, int, int]]:
    """(from, to, amount) that bring every surplus, positive or negative, to 0. Pure."""
    givers = [[shard, left] for shard, left in surplus.items() if left > 0]
    transfers = []
    for taker, lack in [(shard, -left) for shard, left in surplus.items() if left < 0]:
        missing = lack
        while missing > 0:
            giver = givers[-1]
            amount = min(giver[1], missing)
            transfers.append((giver[0], taker, amount))
            giver[1] -= amount
            missing -= amount
            if giver[1] == 0:
                givers.pop()
    return transfers


_move_counters = (
    update(ACCOUNT)
    .where(ACCOUNT.c.town_id == bindparam("town"), ACCOUNT.c.id == bindparam("account"))
    .values(
        credited=ACCOUNT.c.credited + bindparam("credit"),
        debited=ACCOUNT.c.debited + bindparam("debit"),
    )
)


def _set_counters(work: Work, after: Counters, before: AnyRow) -> None:
    credit, debit = after.credited - before.credited, after.debited - before.debited
    work.core.execute(_move_counters, {"town": work.town_id, "account": after.id, "credit": credit, "debit": debit})
