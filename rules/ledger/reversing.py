"""Reversals: a transaction taken back, in full or in part, never more than once.

A row for each posting counts what was taken back of it, and never past its amount; that guard is the first row locked
after the transaction itself. A reversal goes the way of the original backwards, the last posting first:

- an earning, or points given by hand: from the lot they went to, then from lots of the same issuer, back to the pool; the
  caps of the period that was charged become free again. Points that are spent can't be taken back: then it is refused;
  points that have lapsed can't either, booked or not: other good points in their place would be lost twice;
- a spending, a capture, or points taken by hand: back to the lots they came from, with their old last good day;
- a transfer between residents: back to the giver, as long as the points are good;
- a grant: out of the owner's pool, whichever of its shards have them, back to the mint.

Holds are voided, not reversed; what lapsed has lapsed, and staff can adjust instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from models.ledger import ACCOUNT, HOLD, LOT, POSTING, REVERSAL, TXN, TxnKind
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.ledger.caps import free_caps
from rules.ledger.moving import (
    Counters,
    Journal,
    LotKey,
    OpenLot,
    allocate,
    credit_account,
    credit_lots,
    debit_account,
    debit_lots,
    lock_accounts,
    read_lots,
    take,
)
from rules.ledger.pools import draw_from_pool
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import Cause, Receipt, TxnUnknown, book_of, open_txn
from rules.rows import AnyRow
from rules.work import TryAgain, Work


class AlreadyReversed(RuleError):
    code = "ledger.already_reversed"
    kind = Kind.CONFLICT
    zh = "这笔记录可冲正的积分只剩 {left} 分。"
    en = "Only {left} points of this transaction are left to reverse."


class NotReversible(RuleError):
    code = "ledger.not_reversible"
    kind = Kind.CONFLICT
    zh = "这类记录不能冲正：冻结请退还，到期不能恢复。"
    en = "This kind of transaction can't be reversed: void a hold; what lapsed has lapsed."


@dataclass(frozen=True, slots=True)
class Part:
    """How much of one posting of the original is taken back."""

    posting: AnyRow
    amount: int


@dataclass(frozen=True, slots=True)
class Undoing:
    """A transaction and what of it is taken back."""

    original: AnyRow
    postings: Sequence[AnyRow]  #: all of the original's, the last one first
    parts: Sequence[Part]
    before: int  #: how much was taken back earlier

    @property
    def amount(self) -> int:
        return sum(part.amount for part in self.parts)


_original = select(TXN.c.id, TXN.c.kind, TXN.c.usages, TXN.c.hold_txn_id).where(
    TXN.c.town_id == bindparam("town"), TXN.c.id == bindparam("txn")
)
_postings = (
    select(
        POSTING.c.n,
        POSTING.c.src_account_id,
        POSTING.c.dst_account_id,
        POSTING.c.src_lot_id,
        POSTING.c.dst_lot_id,
        POSTING.c.amount,
        func.coalesce(REVERSAL.c.reversed, 0).label("reversed"),
    )
    .outerjoin(
        REVERSAL,
        (REVERSAL.c.town_id == POSTING.c.town_id)
        & (REVERSAL.c.txn_id == POSTING.c.txn_id)
        & (REVERSAL.c.n == POSTING.c.n),
    )
    .where(POSTING.c.town_id == bindparam("town"), POSTING.c.txn_id == bindparam("txn"))
    .order_by(POSTING.c.n.desc())
)
_take_back = upsert(REVERSAL)
_take_back = _take_back.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "txn_id", "n"],
    set_={"reversed": REVERSAL.c.reversed + _take_back.excluded.reversed},
    where=REVERSAL.c.reversed + _take_back.excluded.reversed <= REVERSAL.c.amount,
).returning(REVERSAL.c.reversed)
_lots_of_issuer = (
    select(LOT.c.id, LOT.c.credited, LOT.c.debited, LOT.c.expires_on, LOT.c.scope, LOT.c.issuer_id)
    .where(
        LOT.c.town_id == bindparam("town"),
        LOT.c.account_id == bindparam("account"),
        LOT.c.issuer_id == bindparam("issuer"),
        LOT.c.credited > LOT.c.debited,
        LOT.c.expires_on >= bindparam("today"),
    )
    .order_by(case((LOT.c.id == bindparam("lot"), 0), else_=1), LOT.c.expires_on, LOT.c.scope)
)
_owner_of = select(ACCOUNT.c.owner_id).where(
    ACCOUNT.c.town_id == bindparam("town"), ACCOUNT.c.id == bindparam("account")
)
_wallet_of_hold = select(HOLD.c.wallet_id).where(HOLD.c.town_id == bindparam("town"), HOLD.c.txn_id == bindparam("txn"))


def reverse(work: Work, key: str, txn_id: int, cause: Cause, *, amount: int | None = None) -> Receipt:
    """Take a transaction back: all that is left of it, or `amount` points.

    The receipt's balance is the wallet's (of a grant: that of the pool's shard which paid last). Raises TxnUnknown,
    NotReversible, AlreadyReversed, PointsInsufficient, BudgetExhausted, KeyTaken.
    """
    assert amount is None or amount > 0, "nothing can't be reversed"
    original = work.core.execute(_original, {"town": work.town_id, "txn": txn_id}).first()
    if original is None:
        raise TxnUnknown
    postings = work.core.execute(_postings, {"town": work.town_id, "txn": txn_id}).all()
    way_back = _way_back(original, postings[0])
    links = {"reverses_txn_id": txn_id}
    about = "dst" if way_back is _back_to_wallet else "src"
    opened = open_txn(work, TxnKind.REVERSE, key, [txn_id, amount], cause, about=about, links=links)
    if opened.receipt:
        return opened.receipt
    parts = _share_out(postings, amount)
    before = sum(posting.reversed for posting in postings) + _guard(work, txn_id, parts)
    journal = Journal(opened.txn_id)
    balance = way_back(work, Undoing(original, postings, parts, before), journal)
    journal.write(work)
    return Receipt(opened.txn_id, sum(part.amount for part in parts), balance, replayed=False)


def _way_back(original: AnyRow, posting: AnyRow) -> WayBack:
    if original.kind is TxnKind.GRANT_BUDGET:
        return _back_to_mint
    if original.kind is TxnKind.EARN:
        return _back_to_pool
    if original.kind in (TxnKind.SPEND, TxnKind.CAPTURE):
        return _back_to_wallet
    if original.kind is TxnKind.TRANSFER and posting.src_lot_id is not None:
        return _back_to_giver
    if original.kind is TxnKind.ADJUST:
        return _back_to_wallet if posting.dst_lot_id is None else _back_to_pool
    raise NotReversible


def _share_out(postings: Sequence[AnyRow], amount: int | None) -> list[Part]:
    """What is taken back of each posting, the last one first. Raises AlreadyReversed."""
    left = sum(posting.amount - posting.reversed for posting in postings)
    wanted = left if amount is None else amount
    if left == 0 or wanted > left:
        raise AlreadyReversed(left=left)
    parts = []
    for posting in postings:
        part = min(posting.amount - posting.reversed, wanted)
        if part:
            parts.append(Part(posting, part))
            wanted -= part
    return parts


def _guard(work: Work, txn_id: int, parts: Sequence[Part]) -> int:
    """Count what is taken back, and return how much others took back of the same postings since our look.

    Where they left too little for us, we look again.
    """
    came_between = 0
    for part in sorted(parts, key=lambda part: part.posting.n):
        row = {"n": part.posting.n, "amount": part.posting.amount, "reversed": part.amount}
        reversed_now = work.core.scalar(_take_back, {"town_id": work.town_id, "txn_id": txn_id, **row})
        if reversed_now is None:
            raise TryAgain
        came_between += reversed_now - part.posting.reversed - part.amount
    return came_between


def _back_to_mint(work: Work, undoing: Undoing, journal: Journal) -> int:
    """The pool may have been split or joined since the grant, so its owner pays, not the shard that took the grant."""
    posting = undoing.postings[0]
    owner_id = work.core.execute(_owner_of, {"town": work.town_id, "account": posting.dst_account_id}).scalar_one()
    mint = credit_account(work, posting.src_account_id, undoing.amount)
    drawn = draw_from_pool(work, book_of(work), owner_id, f"reverse:{journal.txn_id}", undoing.amount)
    for pool, amount in drawn:
        journal.post(pool, mint, amount)
    return drawn[-1][0].balance


def _back_to_pool(work: Work, undoing: Undoing, journal: Journal) -> int:
    """The postings of one award differ in nothing but the shard of the pool."""
    parts, posting = undoing.parts, undoing.postings[0]
    wallet, taken = _take_from_lots(work, posting.dst_account_id, posting.dst_lot_id, undoing.amount)
    _free_caps(work, wallet.id, undoing)
    pools = {
        part.posting.src_account_id: credit_account(work, part.posting.src_account_id, part.amount)
        for part in sorted(parts, key=lambda part: part.posting.src_account_id)
    }
    wanted = [(pools[part.posting.src_account_id], part.amount) for part in parts]
    for lot, amount in taken:
        for pool, share in take(wanted, amount):
            journal.post(wallet, pool, share, source_lot=lot)
    return wallet.balance


def _free_caps(work: Work, wallet_id: int, undoing: Undoing) -> None:
    award = sum(posting.amount for posting in undoing.postings)
    free_caps(work, wallet_id, undoing.original.usages or [], award, undoing.before, undoing.amount)


def _back_to_wallet(work: Work, undoing: Undoing, journal: Journal) -> int:
    original, parts, amount = undoing.original, undoing.parts, undoing.amount
    wallet_id = parts[0].posting.src_account_id
    if original.kind is TxnKind.CAPTURE:
        wallet_id = work.core.execute(_wallet_of_hold, {"town": work.town_id, "txn": original.hold_txn_id}).scalar_one()
    wallet = credit_account(work, wallet_id, amount)
    keys = {id_: lot.key for id_, lot in read_lots(work, [part.posting.src_lot_id for part in parts]).items()}
    lots = credit_lots(work, wallet.id, [(keys[part.posting.src_lot_id], part.amount) for part in parts])
    sink = debit_account(work, parts[0].posting.dst_account_id, amount)
    assert sink is not None, "what was redeemed is there, less what was taken back"
    for part, lot in zip(parts, lots, strict=True):
        journal.post(sink, wallet, part.amount, destination_lot=lot)
    return wallet.balance


def _back_to_giver(work: Work, undoing: Undoing, journal: Journal) -> int:
    parts = undoing.parts
    giver_id, receiver_id = parts[0].posting.src_account_id, parts[0].posting.dst_account_id
    lock_accounts(work, [giver_id, receiver_id])
    back = Counter[LotKey]()
    taken: list[tuple[OpenLot, int]] = []
    receiver: Counters | None = None
    for part in parts:
        counters, lots = _take_from_lots(work, receiver_id, part.posting.dst_lot_id, part.amount)
        receiver = receiver or counters
        taken.extend(lots)
        for lot, amount in lots:
            back[lot.key] += amount
    assert receiver is not None, "a transfer has a posting at least"
    giver = credit_account(work, giver_id, sum(back.values()))
    into = dict(zip(back, credit_lots(work, giver.id, list(back.items())), strict=True))
    by_lot: dict[int, OpenLot] = {}
    for lot, amount in taken:
        source = by_lot.setdefault(lot.id, lot)
        journal.post(receiver, giver, amount, source_lot=source, destination_lot=into[lot.key])
    return receiver.balance


def _take_from_lots(
    work: Work, account_id: int, lot_id: int, amount: int
) -> tuple[Counters, list[tuple[OpenLot, int]]]:
    """Debit a wallet by points of one lot, and where they are spent, by good points of the same issuer.

    Once the lot has lapsed nothing of it can be taken back: its points are lost already, booked or not, and others taken
    in their place would be lost as well. Raises NotReversible, PointsInsufficient.
    """
    wallet = debit_account(work, account_id, amount)
    today, key = local_day(work.now), read_lots(work, [lot_id])[lot_id].key
    if key.expires_on < today:
        raise NotReversible
    asked = {"account": account_id, "lot": lot_id, "issuer": key.issuer_id, "today": today}
    rows = work.core.execute(_lots_of_issuer, {"town": work.town_id, **asked}).all()
    lots = [
        OpenLot(row.id, row.credited, row.debited, LotKey(row.expires_on, row.scope, row.issuer_id)) for row in rows
    ]
    taken = allocate(lots, amount)
    if wallet is None or taken is None:
        raise PointsInsufficient(amount=amount, available=sum(lot.balance for lot in lots))
    debit_lots(work, taken)
    return wallet, taken


#: Moves the points, writes the postings down, and returns the balance that the receipt gives.
WayBack = Callable[[Work, Undoing, Journal], int]
