"""Writing to the ledger: funding a pool, and earning from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from models.base import UtcDateTime
from models.ledger import Account, AccountKind, Book, Event, Lot, OwnerType, Posting, Txn, TxnKind
from models.territory import Scene
from rules.errors import Kind, RuleError
from rules.work import Work

POINTS = "points"  #: the code of the book that residents see
UNBOUNDED = {AccountKind.MINT}


class KeyTaken(RuleError):
    code = "ledger.key_mismatch"
    kind = Kind.CONFLICT
    zh = "这个记账键已用于另一笔不同的记账。"
    en = "This ledger key was already used for a different transaction."


class BudgetExhausted(RuleError):
    code = "points.budget_exhausted"
    kind = Kind.CONFLICT
    zh = "积分预算不足，请联系运营人员。"
    en = "The points budget is used up. Please ask the operator."


@dataclass(frozen=True, slots=True)
class Earning:
    """Points for a resident, and everything that explains them."""

    resident_id: int
    amount: int  #: in the book's smallest unit, above 0
    expires_on: date  #: the last day on which they are good, local time
    reason: str  #: a stable word: "checkin"
    explanation: str  #: in words, with the arithmetic
    event_id: int
    rulebook_version_id: int
    community_id: int
    operator_id: int
    scene: Scene
    effective_at: datetime
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a write to the ledger did, or had done when it was first asked for."""

    txn_id: int
    amount: int
    balance: int  #: of the wallet, or of the pool that was funded, as it stands now
    replayed: bool


class recorded_now(FunctionElement[datetime]):  # noqa: N801  it reads as a function of SQL
    """The moment of the statement, not of the transaction's start: it comes after the locks that were waited for."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(recorded_now, "postgresql")
def _recorded_now_on_postgresql(_element: recorded_now, _compiler: SQLCompiler, **_: Any) -> str:
    return "clock_timestamp()"


@compiles(recorded_now, "sqlite")
def _recorded_now_on_sqlite(_element: recorded_now, _compiler: SQLCompiler, **_: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"  # the form in which SQLAlchemy stores a moment there


_book = select(Book.id).where(Book.town_id == bindparam("town"), Book.code == bindparam("code"))
_open_txn = (
    upsert(Txn)
    .values(recorded_at=recorded_now())
    .on_conflict_do_nothing(index_elements=["town_id", "book_id", "idempotency_key"])
    .returning(Txn.id)
)
_original = (
    select(Txn.id, Txn.request_hash, Posting.amount, (Account.credited - Account.debited).label("balance"))
    .join(Posting, (Posting.town_id == Txn.town_id) & (Posting.txn_id == Txn.id) & (Posting.n == 0))
    .join(Account, (Account.town_id == Posting.town_id) & (Account.id == Posting.dst_account_id))
    .where(
        Txn.town_id == bindparam("town"),
        Txn.book_id == bindparam("book"),
        Txn.idempotency_key == bindparam("key"),
    )
)
_credit_account = upsert(Account)
_credit_account = _credit_account.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "book_id", "kind", "owner_type", "owner_id", "shard"],
    set_={"credited": Account.credited + _credit_account.excluded.credited},
).returning(Account.id, Account.credited, Account.debited)
_credit_lot = upsert(Lot)
_credit_lot = _credit_lot.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "account_id", "expires_on", "scope"],
    set_={"credited": Lot.credited + _credit_lot.excluded.credited},
).returning(Lot.id, Lot.credited)
_debit_account = (
    update(Account)
    .where(
        Account.town_id == bindparam("town"),
        Account.book_id == bindparam("book"),
        Account.kind == bindparam("of_kind"),
        Account.owner_type == OwnerType.TOWN,
        Account.owner_id == bindparam("town"),
        Account.shard == 0,
        or_(Account.unbounded, Account.credited - Account.debited - bindparam("amount") >= Account.floor),
    )
    .values(debited=Account.debited + bindparam("amount"))
    .returning(Account.id, Account.debited)
    .execution_options(synchronize_session=False)
)
_post = insert(Posting).values(recorded_at=recorded_now())
_note_event = (
    upsert(Event).on_conflict_do_nothing(index_elements=["town_id", "source", "source_ref"]).returning(Event.id)
)


def book_id_of(work: Work, code: str = POINTS) -> int:
    """The id of one of the town's books."""
    return work.db.execute(_book, {"town": work.town_id, "code": code}).scalar_one()


def open_book(work: Work, code: str, name: str, scale: int = 0) -> int:
    """Create a book of the town with its mint and its empty pool, and return its id."""
    book_id = work.new_id()
    book = {"town_id": work.town_id, "id": book_id, "code": code, "name": name, "scale": scale}
    work.db.execute(insert(Book), book)
    for kind in (AccountKind.MINT, AccountKind.POOL):
        account = _account(work, book_id, kind, OwnerType.TOWN, work.town_id)
        work.db.execute(insert(Account), account)
    return book_id


def note_event(
    work: Work, source: str, source_ref: str, subject_id: int, occurred_at: datetime, payload: dict[str, Any]
) -> int | None:
    """Record that something happened. Returns the event's id, or None when it is on record already."""
    event = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "source": source,
        "source_ref": source_ref,
        "subject_id": subject_id,
        "occurred_at": occurred_at,
        "payload": payload,
    }
    return work.db.scalar(_note_event, event)


def grant_budget(work: Work, key: str, amount: int, explanation: str) -> Receipt:
    """Put points from the mint into the town's pool. Raises KeyTaken."""
    assert amount > 0, "a budget is above 0"
    book_id = book_id_of(work)
    request_hash = budget_hash(amount, explanation)
    fields = {"kind": TxnKind.GRANT_BUDGET, "reason": "budget", "explanation": explanation, "effective_at": work.now}
    txn_id = _open(work, book_id, key, request_hash, fields)
    if txn_id is None:
        return _replay(work, book_id, key, request_hash)
    pool = _credit(work, book_id, AccountKind.POOL, OwnerType.TOWN, work.town_id, amount)
    mint = _debit(work, book_id, AccountKind.MINT, amount)
    _write_posting(work, txn_id, amount, mint, (pool.id, pool.credited))
    return Receipt(txn_id, amount, pool.credited - pool.debited, replayed=False)


def earn(work: Work, key: str, earning: Earning) -> Receipt:
    """Move points from the town's pool into a resident's wallet, once for each key.

    Raises BudgetExhausted when the pool hasn't enough, KeyTaken when the key stands for another earning.
    """
    assert earning.amount > 0, "who earns nothing has no transaction"
    book_id = book_id_of(work)
    request_hash = earning_hash(
        earning.resident_id, earning.amount, earning.expires_on, earning.scope, earning.event_id
    )
    txn_id = _open(
        work,
        book_id,
        key,
        request_hash,
        {
            "kind": TxnKind.EARN,
            "event_id": earning.event_id,
            "rulebook_version_id": earning.rulebook_version_id,
            "reason": earning.reason,
            "explanation": earning.explanation,
            "community_id": earning.community_id,
            "operator_id": earning.operator_id,
            "scene": earning.scene,
            "effective_at": earning.effective_at,
        },
    )
    if txn_id is None:
        return _replay(work, book_id, key, request_hash)
    wallet = _credit(work, book_id, AccountKind.WALLET, OwnerType.RESIDENT, earning.resident_id, earning.amount)
    lot = work.db.execute(
        _credit_lot,
        {
            "town_id": work.town_id,
            "id": work.new_id(),
            "account_id": wallet.id,
            "expires_on": earning.expires_on,
            "scope": earning.scope,
            "credited": earning.amount,
            "debited": 0,
        },
    ).one()
    pool = _debit(work, book_id, AccountKind.POOL, earning.amount)
    _write_posting(work, txn_id, earning.amount, pool, (wallet.id, wallet.credited), (lot.id, lot.credited))
    return Receipt(txn_id, earning.amount, wallet.credited - wallet.debited, replayed=False)


def _open(work: Work, book_id: int, key: str, request_hash: bytes, fields: dict[str, Any]) -> int | None:
    txn = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "book_id": book_id,
        "idempotency_key": key,
        "request_hash": request_hash,
        "actor_id": work.actor.id or None,
        **fields,
    }
    return work.db.scalar(_open_txn, txn)


def _replay(work: Work, book_id: int, key: str, request_hash: bytes) -> Receipt:
    original = work.db.execute(_original, {"town": work.town_id, "book": book_id, "key": key}).one()
    if original.request_hash != request_hash:
        raise KeyTaken
    return Receipt(original.id, original.amount, original.balance, replayed=True)


def _account(work: Work, book_id: int, kind: AccountKind, owner_type: OwnerType, owner_id: int) -> dict[str, Any]:
    """A new account, empty."""
    return {
        "town_id": work.town_id,
        "id": work.new_id(),
        "book_id": book_id,
        "kind": kind,
        "owner_type": owner_type,
        "owner_id": owner_id,
        "shard": 0,
        "floor": 0,
        "unbounded": kind in UNBOUNDED,
        "credited": 0,
        "debited": 0,
    }


def _credit(work: Work, book_id: int, kind: AccountKind, owner_type: OwnerType, owner_id: int, amount: int) -> Any:
    account = _account(work, book_id, kind, owner_type, owner_id)
    return work.db.execute(_credit_account, {**account, "credited": amount}).one()


def _debit(work: Work, book_id: int, kind: AccountKind, amount: int) -> tuple[int, int]:
    source = work.db.execute(
        _debit_account, {"town": work.town_id, "book": book_id, "of_kind": kind, "amount": amount}
    ).first()
    if source is None:
        raise BudgetExhausted
    return source.id, source.debited


def _write_posting(
    work: Work,
    txn_id: int,
    amount: int,
    source: tuple[int, int],
    destination: tuple[int, int],
    destination_lot: tuple[int | None, int | None] = (None, None),
) -> None:
    """Each pair is a row's id and its counter after the posting."""
    work.db.execute(
        _post,
        {
            "town_id": work.town_id,
            "txn_id": txn_id,
            "n": 0,
            "src_account_id": source[0],
            "dst_account_id": destination[0],
            "src_lot_id": None,
            "dst_lot_id": destination_lot[0],
            "amount": amount,
            "src_debited_after": source[1],
            "dst_credited_after": destination[1],
            "src_lot_debited_after": None,
            "dst_lot_credited_after": destination_lot[1],
        },
    )


def budget_hash(amount: int, explanation: str) -> bytes:
    """What tells one grant from another under the same key."""
    return _hash(["grant_budget", amount, explanation])


def earning_hash(resident_id: int, amount: int, expires_on: date, scope: str, event_id: int) -> bytes:
    """What tells one earning from another under the same key."""
    return _hash(["earn", resident_id, amount, expires_on, scope, event_id])


def _hash(request: list[Any]) -> bytes:
    return hashlib.sha256(orjson.dumps(request)).digest()
