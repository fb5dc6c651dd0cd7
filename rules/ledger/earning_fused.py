"""An earning as parts of one statement (rules.fusing): what `rules.ledger.earning` does in six.

For a wallet that is there. What was read of it (its counters, which only grow, what may be spent of it, how far its caps are
used) still stands when the statement runs, or the statement comes short. The pool comes last, and pays from one shard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, BigInteger, Text, bindparam, column, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from models.ledger import ACCOUNT, LOT, POSTING, RULE_USAGE, TXN, AccountKind, TxnKind
from rules.fusing import given, parameters_of
from rules.ledger.caps import sum_of_uses
from rules.ledger.earning import Earning
from rules.ledger.pools import owner_type_of, shard_of
from rules.ledger.transactions import book_of, hash_of, recorded_now, txn_row
from rules.sets import IdList, TextList
from rules.work import Work

_TOWN: Any = bindparam("town", type_=BigInteger())
_AMOUNT: Any = bindparam("amount", type_=BigInteger())
_TXN_COLUMNS = (
    "id",
    "book_id",
    "idempotency_key",
    "request_hash",
    "kind",
    "actor_id",
    "usages",
    "event_id",
    "rulebook_version_id",
    "rule_id",
    "reason",
    "explanation",
    "community_id",
    "operator_id",
    "scene",
    "effective_at",
)
_LOT_KEY = ("expires_on", "scope", "issuer_id")


@dataclass(frozen=True, slots=True)
class SeenWallet:
    """A wallet as it was read."""

    id: int
    credited: int
    debited: int


def earning_parts(after: CTE, counted: CTE) -> CTE:
    """The parts, from the transaction to the posting, which is returned and has a row if and only if all is done.

    `after`: what comes before them. `counted`: what else comes before the pool; of how many rows it is, the parameter
    `counts` says.
    """
    opened = _opened(after)
    wallet = _credited_wallet(opened)
    lot = _credited_lot(wallet)
    return _posted(opened, wallet, lot, _debited_pool(_ready(lot, _used_caps(wallet), counted)))


def earning_parameters(work: Work, key: str, earning: Earning, wallet: SeenWallet) -> dict[str, Any]:
    """What the parts are given. Raises CapReached for what never fits."""
    book = book_of(work)
    txn = txn_row(work, book, TxnKind.EARN, key, hash_of(TxnKind.EARN, earning.request()), earning.cause)
    txn["usages"] = earning.usage_entries()
    uses = sum_of_uses(earning.usages)
    issuer_id = earning.issuer_id or work.town_id
    return {
        **parameters_of(TXN, {name: txn[name] for name in _TXN_COLUMNS}),
        "town": work.town_id,
        "amount": earning.amount,
        "wallet": wallet.id,
        "credited_before": wallet.credited,
        "debited_before": wallet.debited,
        "lot_id": work.new_id(),
        "lot_expires_on": earning.expires_on,
        "lot_scope": earning.scope,
        "lot_issuer_id": issuer_id,
        "used_rules": [rule_id for rule_id, *_ in uses],
        "used_periods": [period_key for _, period_key, *_ in uses],
        "used_counts": [quantity for *_, quantity, _ in uses],
        "used_caps": [cap for *_, cap in uses],
        "uses": len(uses),
        "pool_of": owner_type_of(work, issuer_id),
        "pool_shard": shard_of(key, book.pool_shards),
    }


def _opened(after: CTE) -> CTE:
    return (
        upsert(TXN)
        .from_select(
            ["town_id", *_TXN_COLUMNS, "recorded_at"],
            select(_TOWN, *given(TXN, *_TXN_COLUMNS), recorded_now()).select_from(after),
        )
        .on_conflict_do_nothing(index_elements=["town_id", "book_id", "idempotency_key"])
        .returning(TXN.c.id)
        .cte("opened")
    )


def _credited_wallet(opened: CTE) -> CTE:
    """Nothing came or went since the wallet was read: both counters are what they were."""
    return (
        update(ACCOUNT)
        .where(
            ACCOUNT.c.town_id == _TOWN,
            ACCOUNT.c.id == bindparam("wallet"),
            ACCOUNT.c.credited == bindparam("credited_before"),
            ACCOUNT.c.debited == bindparam("debited_before"),
            opened.c.id.is_not(None),
        )
        .values(credited=ACCOUNT.c.credited + _AMOUNT)
        .returning(ACCOUNT.c.id, ACCOUNT.c.credited, ACCOUNT.c.debited)
        .cte("wallet_now")
    )


def _credited_lot(wallet: CTE) -> CTE:
    columns = ["town_id", "id", "account_id", *_LOT_KEY, "credited", "debited"]
    source = select(
        _TOWN,
        *given(LOT, "id"),
        wallet.c.id.label("account_id"),
        *given(LOT, *_LOT_KEY),
        _AMOUNT,
        literal(0, BigInteger()),
    )
    credit = upsert(LOT).from_select(columns, source)
    return (
        credit.on_conflict_do_update(
            index_elements=["town_id", "account_id", *_LOT_KEY],
            set_={"credited": LOT.c.credited + credit.excluded.credited},
        )
        .returning(LOT.c.id, LOT.c.credited)
        .cte("lot_now")
    )


def _used_caps(wallet: CTE) -> CTE:
    uses = (
        func.unnest(
            bindparam("used_rules", type_=TextList()),
            bindparam("used_periods", type_=TextList()),
            bindparam("used_counts", type_=IdList()),
            bindparam("used_caps", type_=IdList()),
        )
        .table_valued(
            column("rule_id", Text), column("period_key", Text), column("used", BigInteger), column("cap", BigInteger)
        )
        .render_derived(name="uses")
    )
    columns = ["town_id", "account_id", "rule_id", "period_key", "used", "cap"]
    use = upsert(RULE_USAGE).from_select(
        columns, select(_TOWN, wallet.c.id, *uses.c).join_from(wallet, uses, literal(True))
    )
    return (
        use.on_conflict_do_update(
            index_elements=["town_id", "account_id", "rule_id", "period_key"],
            set_={"used": RULE_USAGE.c.used + use.excluded.used, "cap": use.excluded.cap},
            where=RULE_USAGE.c.used + use.excluded.used <= use.excluded.cap,
        )
        .returning(RULE_USAGE.c.used)
        .cte("caps_used")
    )


def _ready(lot: CTE, caps: CTE, counted: CTE) -> CTE:
    """One row when everything before the pool is done; of its own, so that who waits for the pool's row can join it."""
    are_done = (
        _size_of(part) == bindparam(name, type_=BigInteger()) for part, name in ((caps, "uses"), (counted, "counts"))
    )
    return select(lot.c.id).where(*are_done).cte("ready").prefix_with("MATERIALIZED")


def _size_of(part: CTE) -> Any:
    return select(func.count()).select_from(part).scalar_subquery()


def _debited_pool(ready: CTE) -> CTE:
    return (
        update(ACCOUNT)
        .where(
            ACCOUNT.c.town_id == _TOWN,
            ACCOUNT.c.book_id == bindparam("txn_book_id"),
            ACCOUNT.c.kind == AccountKind.POOL,
            ACCOUNT.c.owner_type == bindparam("pool_of"),
            ACCOUNT.c.owner_id == bindparam("lot_issuer_id"),
            ACCOUNT.c.shard == bindparam("pool_shard"),
            or_(ACCOUNT.c.unbounded, ACCOUNT.c.credited - ACCOUNT.c.debited - _AMOUNT >= ACCOUNT.c.floor),
            ready.c.id.is_not(None),
        )
        .values(debited=ACCOUNT.c.debited + _AMOUNT)
        .returning(ACCOUNT.c.id, ACCOUNT.c.credited, ACCOUNT.c.debited)
        .cte("pool_now")
    )


def _posted(opened: CTE, wallet: CTE, lot: CTE, pool: CTE) -> CTE:
    values: dict[str, Any] = {
        "town_id": _TOWN,
        "txn_id": opened.c.id,
        "n": literal(0, BigInteger()),
        "src_account_id": pool.c.id,
        "dst_account_id": wallet.c.id,
        "dst_lot_id": lot.c.id,
        "amount": _AMOUNT,
        "src_debited_after": pool.c.debited,
        "dst_credited_after": wallet.c.credited,
        "dst_lot_credited_after": lot.c.credited,
        "src_credited": pool.c.credited,
        "dst_debited": wallet.c.debited,
        "recorded_at": recorded_now(),
    }
    source = select(*values.values()).select_from(
        pool.join(lot, literal(True)).join(wallet, literal(True)).join(opened, literal(True))
    )
    return insert(POSTING).from_select(list(values), source).returning(POSTING.c.txn_id).cte("posted")
