"""A transaction of the ledger as the staff see it, and taking it back.

What may be taken back, and which way it goes, is the ledger's business. Who may do it: a manager at the root of the
tree. Above the rulebook's threshold it must not be one who caused the transaction; what was taken back of it before
counts, so that many small reversals are no way around it. Of an adjustment or a file of awards that a second person
approved, both have caused it: who asked for it and who approved it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import aliased

from models.adjustments import Adjustment, AwardImport, AwardImportRow
from models.ledger import Account, AccountKind, Book, OwnerType, Posting, Reversal, Txn, TxnKind
from models.residents import Role
from models.territory import Operator
from rules.ledger.reversing import reverse
from rules.ledger.transactions import Cause, TxnUnknown, in_book
from rules.points.adjustments import SOURCE as ADJUSTMENT
from rules.points.awards import SOURCE as IMPORT
from rules.points.second_person import SecondPersonRequired, lock_actor, rulebook_today
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.work import Work


@dataclass(frozen=True, slots=True)
class AccountView:
    """Whose account of which kind."""

    kind: AccountKind
    owner_type: OwnerType
    owner_id: int
    owner: str | None  #: an operator's name


@dataclass(frozen=True, slots=True)
class PostingView:
    """Points that went from one account to another."""

    n: int
    source: AccountView
    destination: AccountView
    amount: int
    reversed: int  #: how much of it was taken back


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A transaction with its postings."""

    id: int
    kind: TxnKind
    reason: str
    explanation: str
    actor_id: int | None
    event_id: int | None
    rule_id: str | None
    reverses_txn_id: int | None
    effective_at: datetime
    recorded_at: datetime
    postings: Sequence[PostingView]

    @property
    def amount(self) -> int:
        return sum(posting.amount for posting in self.postings)

    @property
    def reversed(self) -> int:
        return sum(posting.reversed for posting in self.postings)

    @property
    def left(self) -> int:
        return self.amount - self.reversed


_source, _destination = aliased(Account), aliased(Account)
_giver, _taker = aliased(Operator), aliased(Operator)
_txn = select(
    Txn.id,
    Txn.kind,
    Txn.reason,
    Txn.explanation,
    Txn.actor_id,
    Txn.event_id,
    Txn.rule_id,
    Txn.reverses_txn_id,
    Txn.effective_at,
    Txn.recorded_at,
).where(Txn.town_id == bindparam("town"), Txn.id == bindparam("txn"))
_postings = (
    select(
        Posting.n,
        Posting.amount,
        func.coalesce(Reversal.reversed, 0).label("reversed"),
        _source.kind.label("src_kind"),
        _source.owner_type.label("src_owner_type"),
        _source.owner_id.label("src_owner_id"),
        _giver.name.label("src_owner"),
        _destination.kind.label("dst_kind"),
        _destination.owner_type.label("dst_owner_type"),
        _destination.owner_id.label("dst_owner_id"),
        _taker.name.label("dst_owner"),
    )
    .join(_source, (_source.town_id == Posting.town_id) & (_source.id == Posting.src_account_id))
    .join(_destination, (_destination.town_id == Posting.town_id) & (_destination.id == Posting.dst_account_id))
    .outerjoin(
        _giver,
        (_giver.town_id == _source.town_id)
        & (_giver.id == _source.owner_id)
        & (_source.owner_type == OwnerType.OPERATOR),
    )
    .outerjoin(
        _taker,
        (_taker.town_id == _destination.town_id)
        & (_taker.id == _destination.owner_id)
        & (_destination.owner_type == OwnerType.OPERATOR),
    )
    .outerjoin(
        Reversal,
        (Reversal.town_id == Posting.town_id) & (Reversal.txn_id == Posting.txn_id) & (Reversal.n == Posting.n),
    )
    .where(Posting.town_id == bindparam("town"), Posting.txn_id == bindparam("txn"))
    .order_by(Posting.n)
)
_original = (
    select(
        Txn.actor_id,
        Txn.idempotency_key,
        Txn.explanation,
        Txn.community_id,
        Txn.operator_id,
        Txn.scene,
        Book.code.label("book"),
    )
    .join(Book, (Book.town_id == Txn.town_id) & (Book.id == Txn.book_id))
    .where(Txn.town_id == bindparam("town"), Txn.id == bindparam("txn"))
)
# No index has a transaction's adjustment or import. The transaction's key names the adjustment, whose primary key leads to
# it. Of an import the key names the row's ref alone, so the files are sought that the actor has sent and the
# transaction's actor has approved, from the primary key of the town's files, a few hundred a year, to that of their rows.
_asked_for_adjustment = select(Adjustment.id).where(
    Adjustment.town_id == bindparam("town"),
    Adjustment.id == bindparam("adjustment"),
    Adjustment.txn_id == bindparam("txn"),
    Adjustment.requested_by == bindparam("actor"),
)
_asked_for_import = (
    select(AwardImport.id)
    .join(
        AwardImportRow,
        (AwardImportRow.town_id == AwardImport.town_id) & (AwardImportRow.import_id == AwardImport.id),
    )
    .where(
        AwardImport.town_id == bindparam("town"),
        AwardImport.requested_by == bindparam("actor"),
        AwardImport.decided_by == bindparam("approver"),
        AwardImportRow.ref == bindparam("ref"),
        AwardImportRow.txn_id == bindparam("txn"),
    )
    .limit(1)
)
_amounts = (
    select(
        func.coalesce(func.sum(Posting.amount), 0).label("amount"),
        func.coalesce(func.sum(Reversal.reversed), 0).label("reversed"),
    )
    .outerjoin(
        Reversal,
        (Reversal.town_id == Posting.town_id) & (Reversal.txn_id == Posting.txn_id) & (Reversal.n == Posting.n),
    )
    .where(Posting.town_id == bindparam("town"), Posting.txn_id == bindparam("txn"))
)


def show_transaction(work: Work, txn_id: int) -> TransactionView:
    """A transaction with its postings, for auditors at the root of the tree. Raises Forbidden, TxnUnknown."""
    require_role_at_root(work, Role.AUDITOR)
    return _view(work, txn_id)


def reverse_transaction(work: Work, txn_id: int, amount: int | None, reason: str) -> TransactionView:
    """Take back `amount` points of a transaction, above 0, or all that is left of it; returns the reversal.

    Raises Forbidden, TxnUnknown, RulebookMissing, SecondPersonRequired, NotReversible, AlreadyReversed,
    PointsInsufficient, BudgetExhausted.
    """
    require_role_at_root(work, Role.MANAGER)
    original = work.db.execute(_original, {"town": work.town_id, "txn": txn_id}).first()
    if original is None:
        raise TxnUnknown
    _check_second_person(work, original, txn_id, amount)
    cause = Cause(
        "reversal",
        f"冲正：{reason}（原记录：{original.explanation}）",
        work.now,
        community_id=original.community_id,
        operator_id=original.operator_id,
        scene=original.scene,
    )
    of_book = in_book(work, original.book)
    return _view(work, reverse(of_book, f"reversal:{work.new_id()}", txn_id, cause, amount=amount).txn_id)


def _check_second_person(work: Work, original: AnyRow, txn_id: int, amount: int | None) -> None:
    """Raises SecondPersonRequired when the actor caused the transaction and takes back more of it than one may alone."""
    if not _has_caused(work, original, txn_id):
        return
    lock_actor(work)
    amounts = work.db.execute(_amounts, {"town": work.town_id, "txn": txn_id}).one()
    taken_back = amounts.amount if amount is None else amounts.reversed + amount
    if taken_back > rulebook_today(work).rulebook.adjustment.second_person_above:
        raise SecondPersonRequired


def _has_caused(work: Work, original: AnyRow, txn_id: int) -> bool:
    """Whether the actor made the transaction, or asked for what it booked."""
    if original.actor_id == work.actor.id:
        return True
    asked = {"town": work.town_id, "txn": txn_id, "actor": work.actor.id}
    source, _, name = original.idempotency_key.partition(":")
    if source == ADJUSTMENT and name.isdecimal():
        return work.db.scalar(_asked_for_adjustment, asked | {"adjustment": int(name)}) is not None
    if source == IMPORT:
        sent = work.db.scalar(_asked_for_import, asked | {"approver": original.actor_id, "ref": name})
        return sent is not None
    return False


def _view(work: Work, txn_id: int) -> TransactionView:
    asked = {"town": work.town_id, "txn": txn_id}
    txn = work.db.execute(_txn, asked).first()
    if txn is None:
        raise TxnUnknown
    return TransactionView(**txn._mapping, postings=[_posting(row) for row in work.db.execute(_postings, asked)])


def _posting(row: AnyRow) -> PostingView:
    return PostingView(
        row.n,
        AccountView(row.src_kind, row.src_owner_type, row.src_owner_id, row.src_owner),
        AccountView(row.dst_kind, row.dst_owner_type, row.dst_owner_id, row.dst_owner),
        row.amount,
        row.reversed,
    )
