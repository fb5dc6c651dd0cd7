"""Transactions as records: what is sealed, exported and proved.

Residents are turned into marks here, by the salts that `rules.ledger.canonical` tells of. A resident without a salt is
either new, and gets one when a transaction is sealed, or was sealed before and erased. An erased resident never gets a
salt again: a stand-in is drawn that nobody keeps, and the record says that it is withheld, by bringing its leaf's hash.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import BindParameter, ScalarSelect, bindparam, exists, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import InstrumentedAttribute, aliased

from models.ledger import Account, Event, Lot, OwnerType, Posting, Txn
from models.residents import Resident
from models.seals import ResidentSalt, SealedTxn
from rules.ledger.canonical import document_bytes, mark, microseconds, text_hash, text_salt
from rules.rows import AnyRow
from rules.work import Work

SALT_BYTES = 32
RESIDENTS_AT_ONCE = 1_000  #: named in one statement


def _leaf_of(town_id: InstrumentedAttribute[int], txn_id: InstrumentedAttribute[int]) -> ScalarSelect[int]:
    """Where a transaction is sealed, if it is: one index seek for each row, on both engines and at any size."""
    return select(SealedTxn.leaf).where(SealedTxn.town_id == town_id, SealedTxn.txn_id == txn_id).scalar_subquery()


_source, _destination = aliased(Account), aliased(Account)
_source_lot, _destination_lot = aliased(Lot), aliased(Lot)
_txns = (
    select(
        Txn.__table__,
        Event.subject_id,
        Event.source,
        Event.source_ref,
        Event.occurred_at,
        Event.payload,
        Resident.id.label("acting_resident_id"),
    )
    .outerjoin(Event, (Event.town_id == Txn.town_id) & (Event.id == Txn.event_id))
    .outerjoin(Resident, (Resident.town_id == Txn.town_id) & (Resident.id == Txn.actor_id))
    .where(Txn.town_id == bindparam("town"))
)
_postings = (
    select(
        Posting.__table__,
        _source.kind.label("src_kind"),
        _source.owner_type.label("src_owner_type"),
        _source.owner_id.label("src_owner_id"),
        _source_lot.expires_on.label("src_expires_on"),
        _source_lot.scope.label("src_scope"),
        _source_lot.issuer_id.label("src_issuer_id"),
        _destination.kind.label("dst_kind"),
        _destination.owner_type.label("dst_owner_type"),
        _destination.owner_id.label("dst_owner_id"),
        _destination_lot.expires_on.label("dst_expires_on"),
        _destination_lot.scope.label("dst_scope"),
        _destination_lot.issuer_id.label("dst_issuer_id"),
    )
    .join(_source, (_source.town_id == Posting.town_id) & (_source.id == Posting.src_account_id))
    .join(_destination, (_destination.town_id == Posting.town_id) & (_destination.id == Posting.dst_account_id))
    .outerjoin(_source_lot, (_source_lot.town_id == Posting.town_id) & (_source_lot.id == Posting.src_lot_id))
    .outerjoin(
        _destination_lot,
        (_destination_lot.town_id == Posting.town_id) & (_destination_lot.id == Posting.dst_lot_id),
    )
    .where(Posting.town_id == bindparam("town"))
    .order_by(Posting.txn_id, Posting.n)
)
_unsealed_txns = (
    _txns.where(
        Txn.id > bindparam("after"),
        Txn.id < bindparam("until"),
        _leaf_of(Txn.town_id, Txn.id).is_(None),
    )
    .order_by(Txn.id)
    .limit(bindparam("limit"))
)
_unsealed_postings = _postings.where(
    Posting.txn_id.between(bindparam("first"), bindparam("last")),
    _leaf_of(Posting.town_id, Posting.txn_id).is_(None),
)
_is_of_seal = (
    SealedTxn.town_id == bindparam("town"),
    SealedTxn.seal_id == bindparam("seal"),
    SealedTxn.leaf.between(bindparam("first"), bindparam("last")),
)
_sealed_txns = (
    _txns.add_columns(SealedTxn.leaf_hash)
    .join(SealedTxn, (SealedTxn.town_id == Txn.town_id) & (SealedTxn.txn_id == Txn.id))
    .where(*_is_of_seal)
    .order_by(SealedTxn.leaf)
)
_sealed_postings = _postings.join(
    SealedTxn, (SealedTxn.town_id == Posting.town_id) & (SealedTxn.txn_id == Posting.txn_id)
).where(*_is_of_seal)
_of_residents: BindParameter[Any] = bindparam("residents", expanding=True)
_salts = select(ResidentSalt.resident_id, ResidentSalt.salt).where(
    ResidentSalt.town_id == bindparam("town"), ResidentSalt.resident_id.in_(_of_residents)
)
_add_salt = upsert(ResidentSalt).on_conflict_do_nothing()
#: The first posting of a resident's account brings it points, so looking at what came in is enough.
_sealed_before = select(Account.owner_id).where(
    Account.town_id == bindparam("town"),
    Account.owner_type == OwnerType.RESIDENT,
    Account.owner_id.in_(_of_residents),
    exists()
    .where(
        Posting.town_id == Account.town_id,
        Posting.dst_account_id == Account.id,
        SealedTxn.town_id == Posting.town_id,
        SealedTxn.txn_id == Posting.txn_id,
    )
    .correlate(Account),
)


@dataclass(frozen=True, slots=True)
class Happened:
    """A transaction as the tables hold it."""

    txn: AnyRow  #: with its event, with `acting_resident_id`, and with `leaf_hash` if it is sealed
    postings: Sequence[AnyRow]

    def residents(self) -> list[int]:
        """The residents that it is about, by id: owners of its accounts, who caused it, whose event it was."""
        found = {self.txn.acting_resident_id, self.txn.subject_id}
        for posting in self.postings:
            if posting.src_owner_type is OwnerType.RESIDENT:
                found.add(posting.src_owner_id)
            if posting.dst_owner_type is OwnerType.RESIDENT:
                found.add(posting.dst_owner_id)
        return sorted(found - {None})


def read_unsealed(work: Work, after: int, until: int, limit: int) -> list[Happened]:
    """The first transactions, by id, that no seal holds, with ids above `after` and below `until`."""
    seek = {"town": work.town_id, "after": after, "until": until, "limit": limit}
    txns = work.db.execute(_unsealed_txns, seek).all()
    if not txns:
        return []
    reach = {"town": work.town_id, "first": txns[0].id, "last": txns[-1].id}
    return _together(txns, work.db.execute(_unsealed_postings, reach))


def read_sealed(work: Work, seal_id: int, first: int, limit: int) -> list[Happened]:
    """The transactions of a seal, by leaf, from the leaf `first` on."""
    reach = {"town": work.town_id, "seal": seal_id, "first": first, "last": first + limit - 1}
    return _together(work.db.execute(_sealed_txns, reach).all(), work.db.execute(_sealed_postings, reach))


def _together(txns: Sequence[AnyRow], postings: Iterable[AnyRow]) -> list[Happened]:
    by_txn = defaultdict(list)
    for posting in postings:
        by_txn[posting.txn_id].append(posting)
    return [Happened(txn, by_txn[txn.id]) for txn in txns]


class Salts:
    """The salts of the residents met so far, read when they are first met."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._kept: dict[int, bytes] = {}
        self._stand_ins: dict[int, bytes] = {}

    def meet(self, happened: Iterable[Happened], *, may_make: bool) -> None:
        """Learn the salts of everybody in these transactions. `may_make`: new residents get one, which is written."""
        met = {resident for each in happened for resident in each.residents()}
        unknown = sorted(met - self._kept.keys() - self._stand_ins.keys())
        for residents in _parts(unknown):
            self._read(residents)
            if may_make:
                self._make([resident for resident in residents if resident not in self._kept])
            for resident in residents:
                if resident not in self._kept:
                    self._stand_ins[resident] = secrets.token_bytes(SALT_BYTES)

    def of(self, resident_id: int) -> bytes:
        """A resident's salt, or the stand-in for one that was erased."""
        return self._kept.get(resident_id) or self._stand_ins[resident_id]

    def are_kept(self, resident_ids: Iterable[int]) -> bool:
        """Whether none of these residents was erased."""
        return self._stand_ins.keys().isdisjoint(resident_ids)

    def _read(self, residents: Collection[int]) -> None:
        asked = {"town": self._work.town_id, "residents": residents}
        for row in self._work.db.execute(_salts, asked):
            self._kept[row.resident_id] = row.salt

    def _make(self, residents: Collection[int]) -> None:
        """Give those who were never sealed a salt; somebody else may do so at the same time, and the first one counts."""
        if not residents:
            return
        town_id = self._work.town_id
        erased = set(self._work.db.scalars(_sealed_before, {"town": town_id, "residents": residents}))
        new = [resident for resident in residents if resident not in erased]
        if new:
            rows = [
                {"town_id": town_id, "resident_id": resident, "salt": secrets.token_bytes(SALT_BYTES)}
                for resident in new
            ]
            self._work.db.execute(_add_salt, rows)
            self._read(new)


def _parts(residents: Iterable[int]) -> Iterator[list[int]]:
    remaining = iter(residents)
    while part := list(islice(remaining, RESIDENTS_AT_ONCE)):
        yield part


def record_of(happened: Happened, salts: Salts) -> dict[str, Any]:
    """A transaction as it is sealed and exported (`rules.ledger.canonical`), without persons and without texts."""
    txn, residents = happened.txn, happened.residents()
    salt = text_salt(txn.id, map(salts.of, residents))
    is_staff = txn.actor_id is not None and txn.acting_resident_id is None
    return {
        "town_id": str(txn.town_id),
        "id": str(txn.id),
        "book_id": str(txn.book_id),
        "kind": txn.kind.value,
        "idempotency_key_hash": text_hash(salt, "idempotency_key", txn.idempotency_key.encode()),
        "request_hash": text_hash(salt, "request_hash", txn.request_hash),
        "event_id": _id(txn.event_id),
        "event_subject_mark": _mark_of(salts, txn.subject_id),
        "event_hash": None if txn.event_id is None else text_hash(salt, "event", _event_bytes(txn)),
        "rulebook_version_id": _id(txn.rulebook_version_id),
        "rule_id": txn.rule_id,
        "usages": txn.usages,
        "reverses_txn_id": _id(txn.reverses_txn_id),
        "hold_txn_id": _id(txn.hold_txn_id),
        "actor_id": str(txn.actor_id) if is_staff else None,
        "actor_mark": _mark_of(salts, txn.acting_resident_id),
        "community_id": _id(txn.community_id),
        "operator_id": _id(txn.operator_id),
        "scene": txn.scene.value if txn.scene else None,
        "reason_hash": text_hash(salt, "reason", txn.reason.encode()),
        "explanation_hash": text_hash(salt, "explanation", txn.explanation.encode()),
        "effective_at": microseconds(txn.effective_at),
        "recorded_at": microseconds(txn.recorded_at),
        "postings": [_posting_record(posting, salts) for posting in happened.postings],
    }


def _event_bytes(txn: AnyRow) -> bytes:
    return document_bytes([txn.source, txn.source_ref, microseconds(txn.occurred_at), txn.payload])


def _posting_record(posting: AnyRow, salts: Salts) -> dict[str, Any]:
    src_salt = salts.of(posting.src_owner_id) if posting.src_owner_type is OwnerType.RESIDENT else None
    dst_salt = salts.of(posting.dst_owner_id) if posting.dst_owner_type is OwnerType.RESIDENT else None
    src_id, src_mark = _named(src_salt, "account", posting.src_account_id)
    dst_id, dst_mark = _named(dst_salt, "account", posting.dst_account_id)
    src_lot_id, src_lot_mark = _named(src_salt, "lot", posting.src_lot_id)
    dst_lot_id, dst_lot_mark = _named(dst_salt, "lot", posting.dst_lot_id)
    return {
        "n": posting.n,
        "amount": posting.amount,
        "src_account_kind": posting.src_kind.value,
        "src_account_id": src_id,
        "src_account_mark": src_mark,
        "src_credited": posting.src_credited,
        "src_debited_after": posting.src_debited_after,
        "src_lot_id": src_lot_id,
        "src_lot_mark": src_lot_mark,
        "src_lot_expires_on": posting.src_expires_on and posting.src_expires_on.isoformat(),
        "src_lot_scope": posting.src_scope,
        "src_lot_issuer_id": _id(posting.src_issuer_id),
        "src_lot_debited_after": posting.src_lot_debited_after,
        "dst_account_kind": posting.dst_kind.value,
        "dst_account_id": dst_id,
        "dst_account_mark": dst_mark,
        "dst_debited": posting.dst_debited,
        "dst_credited_after": posting.dst_credited_after,
        "dst_lot_id": dst_lot_id,
        "dst_lot_mark": dst_lot_mark,
        "dst_lot_expires_on": posting.dst_expires_on and posting.dst_expires_on.isoformat(),
        "dst_lot_scope": posting.dst_scope,
        "dst_lot_issuer_id": _id(posting.dst_issuer_id),
        "dst_lot_credited_after": posting.dst_lot_credited_after,
        "recorded_at": microseconds(posting.recorded_at),
    }


def _named(salt: bytes | None, of: str, id_: int | None) -> tuple[str | None, str | None]:
    """An account's or a lot's id, or its mark if it is a resident's."""
    if id_ is None:
        return None, None
    return (str(id_), None) if salt is None else (None, mark(salt, of, id_))


def _mark_of(salts: Salts, resident_id: int | None) -> str | None:
    return None if resident_id is None else mark(salts.of(resident_id), "resident", resident_id)


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)
