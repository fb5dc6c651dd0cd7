"""Seals: once a day the day's transactions become the leaves of a Merkle tree whose root is signed and published.

What is sealed can't be changed any more without being noticed by whoever kept an older seal: each seal holds the hash of
the one before it. A seal covers what no seal holds yet and was begun before the day's end, by the moment that an id
carries. What commits later than that is found by the next seal, for SLACK_DAYS; each seal looks that far back.

Two that seal at once meet at the unique keys of `seal`: one inserts its row, the other waits, inserts nothing and gives
back what the first one wrote. Sealing takes no lock that a write to the ledger waits for on PostgreSQL; on SQLite, which
has one writer, writes wait until the seal is done.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, cast

import orjson
from sqlalchemy import Table, bindparam, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from models.ledger import Account, OwnerType, Posting, Txn
from models.residents import Role
from models.seals import Seal, SealedTxn
from models.territory import Town
from rules import bulk
from rules.clock import local_day, local_moment
from rules.errors import Kind, RuleError
from rules.ids import first_id_at
from rules.keys import Keys
from rules.ledger import merkle
from rules.ledger.canonical import (
    EXPORT_FORMAT,
    FIRST_PREVIOUS_HASH,
    SIGNATURE_PREFIX,
    microseconds,
    seal_bytes,
    txn_bytes,
)
from rules.ledger.records import Happened, Salts, read_sealed, read_unsealed, record_of
from rules.ledger.transactions import TxnUnknown
from rules.paging import Page, Position, cut
from rules.residents.identity import holds_at_root
from rules.rows import AnyRow
from rules.work import ActorKind, TryAgain, Work

CHUNK = 5_000  #: transactions in memory at a time
SLACK_DAYS = 2
MIDNIGHT = "00:00"
DAY = timedelta(days=1)


class DayNotOver(RuleError):
    code = "ledger.day_not_over"
    kind = Kind.CONFLICT
    zh = "{day} 还没有结束，不能封账。"
    en = "{day} is not over yet and can't be sealed."


class NotSealedYet(RuleError):
    code = "ledger.not_sealed_yet"
    kind = Kind.CONFLICT
    zh = "这笔积分记录还没有封账，请在次日再查。"
    en = "This transaction is not sealed yet. Please ask again tomorrow."


class SealUnknown(RuleError):
    code = "ledger.seal_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个封账记录。"
    en = "There is no such seal."


@dataclass(frozen=True, slots=True)
class Proof:
    """That a transaction is in a seal. `rules.ledger.merkle.is_included` checks it."""

    seal: AnyRow
    leaf: int  #: from 0
    leaf_hash: bytes
    path: list[bytes]  #: the nearest to the leaf first
    record: dict[str, Any]  #: as in the export
    is_withheld: bool  #: a resident's salt is gone, so the record no longer gives the leaf's hash


@dataclass(slots=True)
class _Leaves:
    """What a seal will cover, in as few bytes as it takes."""

    tree: merkle.Tree = field(default_factory=merkle.Tree)
    txn_ids: array[int] = field(default_factory=lambda: array("q"))
    hashes: bytearray = field(default_factory=bytearray)
    posting_count: int = 0
    amount_total: int = 0

    def add(self, record: dict[str, Any]) -> None:
        """Add a transaction's record."""
        leaf_hash = merkle.hash_leaf(txn_bytes(record))
        self.tree.append(leaf_hash)
        self.txn_ids.append(int(record["id"]))
        self.hashes += leaf_hash
        self.posting_count += len(record["postings"])
        self.amount_total += sum(posting["amount"] for posting in record["postings"])


#: A plan that a connection kept from when `sealed_txn` was all but empty reads that whole table for each transaction.
_PLAN_ANEW = text("SET LOCAL plan_cache_mode = force_custom_plan")
_town_code = select(Town.code).where(Town.id == bindparam("town"))
_seals = (
    select(Seal.__table__, Town.code.label("town_code"))
    .join(Town, Town.id == Seal.town_id)
    .where(Seal.town_id == bindparam("town"))
)
_last_seal = _seals.order_by(Seal.seq.desc()).limit(1)
_seal_covering = _seals.where(Seal.day >= bindparam("day")).order_by(Seal.day).limit(1)
_seal_by_seq = _seals.where(Seal.seq == bindparam("seq"))
_seal_by_id = _seals.where(Seal.id == bindparam("seal"))
_newest_first = _seals.where(Seal.seq < bindparam("before")).order_by(Seal.seq.desc()).limit(bindparam("limit"))
_oldest_first = _seals.where(Seal.seq > bindparam("after")).order_by(Seal.seq).limit(bindparam("limit"))
_add_seal = upsert(Seal).on_conflict_do_nothing().returning(Seal.id)
_sealed_txn_table = cast(Table, SealedTxn.__table__)
_leaf_of = select(SealedTxn.seal_id, SealedTxn.leaf).where(
    SealedTxn.town_id == bindparam("town"), SealedTxn.txn_id == bindparam("txn")
)
_leaf_hashes = (
    select(SealedTxn.leaf_hash)
    .where(SealedTxn.town_id == bindparam("town"), SealedTxn.seal_id == bindparam("seal"))
    .order_by(SealedTxn.leaf)
)
_txn = select(Txn.id).where(Txn.town_id == bindparam("town"), Txn.id == bindparam("txn"))
_own_posting = (
    select(Posting.n)
    .join(
        Account,
        (Account.town_id == Posting.town_id)
        & or_(Account.id == Posting.src_account_id, Account.id == Posting.dst_account_id),
    )
    .where(
        Posting.town_id == bindparam("town"),
        Posting.txn_id == bindparam("txn"),
        Account.owner_type == OwnerType.RESIDENT,
        Account.owner_id == bindparam("resident"),
    )
    .limit(1)
)


def seal_day(work: Work, keys: Keys, day: date) -> AnyRow:
    """Seal a local day: every transaction begun by its end that no seal holds yet. A day without any is sealed too.

    Returns the seal that covers the day, as a row with `town_code`: a new one, or the one that is there, for a day that
    is sealed or lies before one that is. Raises DayNotOver.
    """
    existing = work.db.execute(_seal_covering, {"town": work.town_id, "day": day}).first()
    if existing is not None:
        return existing
    if day >= local_day(work.now):
        raise DayNotOver(day=day)
    previous = work.db.execute(_last_seal, {"town": work.town_id}).first()
    leaves = _gather(work, previous, day)
    header = _header(work, keys, day, previous, leaves)
    content = seal_bytes(header)
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        **{name: header[name] for name in ("seq", "txn_count", "posting_count", "amount_total", "key_id")},
        "day": day,
        "root": leaves.tree.root(),
        "previous_hash": bytes.fromhex(header["previous_hash"]),
        "hash": hashlib.sha256(content).digest(),
        "signature": keys.codes[0].private.sign(SIGNATURE_PREFIX + content),
        "sealed_at": work.now,
    }
    if work.db.scalar(_add_seal, row) is None:
        return _winner(work, day)
    _write_leaves(work, row["id"], leaves)
    return work.db.execute(_seal_by_id, {"town": work.town_id, "seal": row["id"]}).one()


def _gather(work: Work, previous: AnyRow | None, day: date) -> _Leaves:
    """The leaves of what is to be sealed, chunk by chunk."""
    if bulk.is_postgresql(work.core):
        work.db.execute(_PLAN_ANEW)
    reach_back = first_id_at(local_moment(previous.day - SLACK_DAYS * DAY, MIDNIGHT)) if previous else 1
    after, until = reach_back - 1, first_id_at(local_moment(day + DAY, MIDNIGHT))
    leaves, salts = _Leaves(), Salts(work)
    while happened := read_unsealed(work, after, until, CHUNK):
        salts.meet(happened, may_make=True)
        for each in happened:
            leaves.add(record_of(each, salts))
        after = happened[-1].txn.id
    return leaves


def _header(work: Work, keys: Keys, day: date, previous: AnyRow | None, leaves: _Leaves) -> dict[str, Any]:
    return {
        "town_code": work.db.scalar(_town_code, {"town": work.town_id}),
        "town_id": str(work.town_id),
        "seq": previous.seq + 1 if previous else 1,
        "day": day.isoformat(),
        "txn_count": leaves.tree.size,
        "posting_count": leaves.posting_count,
        "amount_total": leaves.amount_total,
        "root": leaves.tree.root().hex(),
        "previous_hash": (previous.hash if previous else FIRST_PREVIOUS_HASH).hex(),
        "key_id": keys.codes[0].id,
        "sealed_at": microseconds(work.now),
    }


def _winner(work: Work, day: date) -> AnyRow:
    """What the other one wrote who sealed at the same time; if that was an earlier day, this one is to be tried anew."""
    winner = work.db.execute(_seal_covering, {"town": work.town_id, "day": day}).first()
    if winner is None:
        raise TryAgain
    return winner


def _write_leaves(work: Work, seal_id: int, leaves: _Leaves) -> None:
    size = merkle.HASH_BYTES
    for start in range(0, leaves.tree.size, CHUNK):
        rows = [
            {
                "town_id": work.town_id,
                "txn_id": leaves.txn_ids[leaf],
                "seal_id": seal_id,
                "leaf": leaf,
                "leaf_hash": bytes(leaves.hashes[leaf * size : (leaf + 1) * size]),
            }
            for leaf in range(start, min(start + CHUNK, leaves.tree.size))
        ]
        bulk.insert_rows(work.core, _sealed_txn_table, rows)


def list_seals(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """The town's seals, the newest first."""
    before = after[0] if after else 2**63 - 1
    seek = {"town": work.town_id, "before": before, "limit": limit + 1}
    return cut(work.db.execute(_newest_first, seek).all(), limit, lambda seal: (seal.seq,))


def read_seal(work: Work, seq: int) -> AnyRow:
    """One of the town's seals. Raises SealUnknown."""
    seal = work.db.execute(_seal_by_seq, {"town": work.town_id, "seq": seq}).first()
    if seal is None:
        raise SealUnknown
    return seal


def prove(work: Work, txn_id: int) -> Proof:
    """That a transaction is in its seal. Asks nobody who is asking. Raises TxnUnknown, NotSealedYet."""
    asked = {"town": work.town_id, "txn": txn_id}
    place = work.db.execute(_leaf_of, asked).first()
    if place is None:
        raise TxnUnknown if work.db.scalar(_txn, asked) is None else NotSealedYet
    of_seal = {"town": work.town_id, "seal": place.seal_id}
    hashes = work.db.scalars(_leaf_hashes, of_seal).all()
    happened = read_sealed(work, place.seal_id, place.leaf, 1)
    salts = Salts(work)
    salts.meet(happened, may_make=False)
    return Proof(
        seal=work.db.execute(_seal_by_id, of_seal).one(),
        leaf=place.leaf,
        leaf_hash=hashes[place.leaf],
        path=merkle.inclusion_path(hashes, place.leaf),
        record=record_of(happened[0], salts),
        is_withheld=not salts.are_kept(happened[0].residents()),
    )


def prove_own(work: Work, txn_id: int) -> Proof:
    """The same for the acting resident, whose account the transaction must have touched.

    Raises TxnUnknown, also for a transaction of others, and NotSealedYet.
    """
    asked = {"town": work.town_id, "txn": txn_id, "resident": work.actor.id}
    if work.actor.kind is not ActorKind.RESIDENT or work.db.scalar(_own_posting, asked) is None:
        raise TxnUnknown
    return prove(work, txn_id)


def prove_in_seal(work: Work, seq: int, txn_id: int) -> Proof:
    """The proof for whoever asks: any transaction for the whole town's auditors, their own for residents.

    Raises TxnUnknown, also for others and when the transaction is in another seal than `seq`, and NotSealedYet.
    """
    proof = prove(work, txn_id) if holds_at_root(work, Role.AUDITOR) else prove_own(work, txn_id)
    if proof.seal.seq != seq:
        raise TxnUnknown
    return proof


def export(work: Work) -> Iterator[bytes]:
    """All that is sealed, as JSON Lines, some thousands of lines at a time, for `rules.ledger.verify`.

    It brings no public keys: who verifies must have them from elsewhere.
    """
    town_code = work.db.scalar(_town_code, {"town": work.town_id})
    yield _line({"type": "export", "format": EXPORT_FORMAT, "town_code": town_code, "town_id": str(work.town_id)})
    salts, after = Salts(work), 0
    while seals := work.db.execute(_oldest_first, {"town": work.town_id, "after": after, "limit": CHUNK}).all():
        for seal in seals:
            yield _line(_seal_record(seal))
            for first in range(0, seal.txn_count, CHUNK):
                happened = read_sealed(work, seal.id, first, CHUNK)
                salts.meet(happened, may_make=False)
                yield b"".join(_line(_exported(each, salts)) for each in happened)
        after = seals[-1].seq


def _seal_record(seal: AnyRow) -> dict[str, Any]:
    return {
        "type": "seal",
        "town_code": seal.town_code,
        "town_id": str(seal.town_id),
        "seq": seal.seq,
        "day": seal.day.isoformat(),
        "txn_count": seal.txn_count,
        "posting_count": seal.posting_count,
        "amount_total": seal.amount_total,
        "root": seal.root.hex(),
        "previous_hash": seal.previous_hash.hex(),
        "key_id": seal.key_id,
        "sealed_at": microseconds(seal.sealed_at),
        "hash": seal.hash.hex(),
        "signature": seal.signature.hex(),
    }


def _exported(happened: Happened, salts: Salts) -> dict[str, Any]:
    record = {"type": "txn", **record_of(happened, salts)}
    if not salts.are_kept(happened.residents()):
        record["leaf_hash"] = happened.txn.leaf_hash.hex()
    return record


def _line(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
