"""A transaction of the ledger: opened once for each key, explained, answered again.

The first statement of every write is `INSERT txn … ON CONFLICT (book, key) DO NOTHING RETURNING id`. No row: somebody
was here before with this key; the original is read, and its receipt is given again if the request is the same. The
receipt is read from the postings, which hold every counter as it stood, so it is the very same one, however much has
happened since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as upsert

from models.base import UtcDateTime
from models.ledger import BOOK, POSTING, TXN, TxnKind
from models.territory import Scene
from rules.errors import Kind, RuleError
from rules.expressions import on_both
from rules.sending import Reply
from rules.sets import is_text_in
from rules.work import Work

POINTS = "points"  #: the code of the book that residents see
SERVICE_HOURS = "service_hours"  #: the code of the town's book of volunteers' minutes, which no rulebook touches


class KeyTaken(RuleError):
    code = "ledger.key_mismatch"
    kind = Kind.CONFLICT
    zh = "这个记账键已用于另一笔不同的记账。"
    en = "This ledger key was already used for a different transaction."


class TxnUnknown(RuleError):
    code = "ledger.txn_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这笔积分记录。"
    en = "There is no such transaction."


@dataclass(frozen=True, slots=True)
class BookFacts:
    """What a write needs to know of its book."""

    id: int
    pool_shards: int  #: may be out of date: `rules.ledger.pools` finds the points all the same


@dataclass(frozen=True, slots=True)
class Cause:
    """Why points move: everything that explains a transaction."""

    reason: str  #: a stable word: "checkin"
    explanation: str  #: in words, with the arithmetic
    effective_at: datetime  #: when it counts
    event_id: int | None = None
    rulebook_version_id: int | None = None
    rule_id: str | None = None
    community_id: int | None = None
    operator_id: int | None = None
    scene: Scene | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a write to the ledger did, or had done when it was first asked for."""

    txn_id: int
    amount: int
    balance: int  #: of the account that it was about (a wallet, a pool), just after it
    replayed: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A transaction that was opened just now, or the receipt of the one that was."""

    book: BookFacts
    txn_id: int
    receipt: Receipt | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Opening:
    """A transaction that is being opened."""

    book: BookFacts
    txn_id: int
    reply: Reply

    def check_new(self) -> None:
        """Raises KeyTaken when somebody was here before with this key."""
        if self.reply.first() is None:
            raise KeyTaken


#: The moment of the statement, not of the transaction's start: it comes after the locks that were waited for.
recorded_now = on_both(
    UtcDateTime(),
    postgresql="clock_timestamp()",
    sqlite="strftime('%Y-%m-%d %H:%M:%f000', 'now')",  # the form in which SQLAlchemy stores a moment there
)
_book = select(BOOK.c.id, BOOK.c.pool_shards).where(
    BOOK.c.town_id == bindparam("town"), BOOK.c.code == bindparam("code")
)
_books = select(BOOK.c.code).where(BOOK.c.town_id == bindparam("town")).order_by(BOOK.c.id)
_open_txn = (
    upsert(TXN)
    .values(recorded_at=recorded_now())
    .on_conflict_do_nothing(index_elements=["town_id", "book_id", "idempotency_key"])
    .returning(TXN.c.id)
)
_originals = (
    select(
        TXN.c.id,
        TXN.c.idempotency_key,
        TXN.c.request_hash,
        POSTING.c.amount,
        (POSTING.c.src_credited - POSTING.c.src_debited_after).label("src_balance"),
        (POSTING.c.dst_credited_after - POSTING.c.dst_debited).label("dst_balance"),
    )
    .join(POSTING, (POSTING.c.town_id == TXN.c.town_id) & (POSTING.c.txn_id == TXN.c.id))
    .where(
        TXN.c.town_id == bindparam("town"),
        TXN.c.book_id == bindparam("book"),
        is_text_in(TXN.c.idempotency_key, "keys"),
    )
    .order_by(TXN.c.id, POSTING.c.n)
)


def book_of(work: Work) -> BookFacts:
    """The book that the work is about; asked for once in each process, since a book never goes away."""
    return work.recall(("book", work.town_id, work.book), lambda: _read_book(work))


def in_book(work: Work, code: str) -> Work:
    """The same work, in another of the town's books."""
    return work if code == work.book else replace(work, book=code)


def list_books(work: Work) -> list[str]:
    """The codes of the town's books."""
    return [row.code for row in work.send(_books, {"town": work.town_id}).all()]


def look_again_at_book(work: Work) -> None:
    """Recall the book anew from this work's commit on: its pools were split, by us or by another process."""
    work.learned["book", work.town_id, work.book] = _read_book(work)


def _read_book(work: Work) -> BookFacts:
    row = work.send(_book, {"town": work.town_id, "code": work.book}).one()
    return BookFacts(row.id, row.pool_shards)


def open_txn(
    work: Work,
    kind: TxnKind,
    key: str,
    request: list[Any],
    cause: Cause,
    *,
    about: str,
    links: Mapping[str, Any] | None = None,
) -> Opened:
    """Open a transaction under a key.

    `request`: what tells this request from another one under the same key. `about`: "src" or "dst", the side of the
    postings whose balance the receipt gives. `links`: more columns of the transaction. Raises KeyTaken.
    """
    opening = send_opening(work, kind, key, request, cause, links=links)
    if opening.reply.first() is not None:
        return Opened(opening.book, opening.txn_id)
    receipt = _receipt_again(work, opening.book, key, hash_of(kind, request), about)
    return Opened(opening.book, receipt.txn_id, receipt)


def send_opening(
    work: Work,
    kind: TxnKind,
    key: str,
    request: list[Any],
    cause: Cause,
    *,
    links: Mapping[str, Any] | None = None,
) -> Opening:
    """The same, not waited for, for whom only a new transaction will do."""
    book = book_of(work)
    txn = txn_row(work, book, kind, key, hash_of(kind, request), cause) | dict(links or {})
    return Opening(book, txn["id"], work.send(_open_txn, txn))


def txn_row(work: Work, book: BookFacts, kind: TxnKind, key: str, request_hash: bytes, cause: Cause) -> dict[str, Any]:
    """A new transaction's columns."""
    return {
        "town_id": work.town_id,
        "id": work.new_id(),
        "book_id": book.id,
        "idempotency_key": key,
        "request_hash": request_hash,
        "kind": kind,
        "actor_id": work.actor.id or None,
        "usages": None,
        "reverses_txn_id": None,
        "hold_txn_id": None,
        "event_id": cause.event_id,
        "rulebook_version_id": cause.rulebook_version_id,
        "rule_id": cause.rule_id,
        "reason": cause.reason,
        "explanation": cause.explanation,
        "community_id": cause.community_id,
        "operator_id": cause.operator_id,
        "scene": cause.scene,
        "effective_at": cause.effective_at,
    }


def _receipt_again(work: Work, book: BookFacts, key: str, request_hash: bytes, about: str) -> Receipt:
    return read_receipts(work, book, {key: request_hash}, about)[key]


def read_receipts(work: Work, book: BookFacts, request_hashes: Mapping[str, bytes], about: str) -> dict[str, Receipt]:
    """The receipts that were given for these keys, some or all of which are there. Raises KeyTaken."""
    asked = {"town": work.town_id, "book": book.id, "keys": list(request_hashes)}
    receipts: dict[str, Receipt] = {}
    for posting in work.send(_originals, asked).all():
        key = posting.idempotency_key
        if posting.request_hash != request_hashes[key]:
            raise KeyTaken
        before = receipts[key].amount if key in receipts else 0
        balance = posting.src_balance if about == "src" else posting.dst_balance
        receipts[key] = Receipt(posting.id, before + posting.amount, balance, replayed=True)
    return receipts


def hash_of(kind: TxnKind, request: list[Any]) -> bytes:
    """The fingerprint of a request: SHA-256 over its kind and its content."""
    return hashlib.sha256(orjson.dumps([kind, *request])).digest()
