"""Moving points by hand: from one resident to another, and to or from a resident by an adjustment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.dialects.postgresql import insert as upsert

from models.ledger import ACCOUNT, AccountKind, OwnerType, TxnKind
from rules.ledger.moving import (
    Journal,
    LotKey,
    account_row,
    credit_account,
    credit_lots,
    credit_owner,
    find_account,
    lock_accounts,
)
from rules.ledger.pools import draw_from_pool
from rules.ledger.spending import PointsInsufficient, take_from_wallet
from rules.ledger.transactions import BookFacts, Cause, Receipt, open_txn
from rules.work import Work

_open_wallet = upsert(ACCOUNT).on_conflict_do_nothing()


@dataclass(frozen=True, slots=True)
class Transfer:
    """Points that one resident gives to another. They keep their last good day, their scope and their issuer."""

    from_resident_id: int
    to_resident_id: int
    amount: int  #: in the book's smallest unit, above 0
    cause: Cause


@dataclass(frozen=True, slots=True)
class Correction:
    """Points given to a resident (amount above 0) or taken (below 0) by hand."""

    resident_id: int
    amount: int
    expires_on: date | None  #: of points that are given: the last good day
    cause: Cause


def transfer(work: Work, key: str, wish: Transfer) -> Receipt:
    """Move points between two wallets; the receipt's balance is the giver's. Raises PointsInsufficient, KeyTaken."""
    assert wish.amount > 0, "who gives nothing has no transaction"
    assert wish.from_resident_id != wish.to_resident_id, "nobody gives to themselves"
    request = [wish.from_resident_id, wish.to_resident_id, wish.amount]
    opened = open_txn(work, TxnKind.TRANSFER, key, request, wish.cause, about="src")
    if opened.receipt:
        return opened.receipt
    receiver_id = _lock_both(work, opened.book, wish)
    giver, taken = take_from_wallet(work, opened.book, wish.from_resident_id, wish.amount, scope="")
    receiver = credit_account(work, receiver_id, wish.amount)
    received = credit_lots(work, receiver.id, [(lot.key, amount) for lot, amount in taken])
    journal = Journal(opened.txn_id)
    for (lot, amount), into in zip(taken, received, strict=True):
        journal.post(giver, receiver, amount, source_lot=lot, destination_lot=into)
    journal.write(work)
    return Receipt(opened.txn_id, wish.amount, giver.balance, replayed=False)


def _lock_both(work: Work, book: BookFacts, wish: Transfer) -> int:
    """Lock both wallets by id, the receiver's opened first if there is none; returns the receiver's."""
    giver_id = find_account(work, book, AccountKind.WALLET, wish.from_resident_id)
    if giver_id is None:
        raise PointsInsufficient(amount=wish.amount, available=0)
    receiver_id = find_account(work, book, AccountKind.WALLET, wish.to_resident_id)
    if receiver_id is None:
        row = account_row(work, book, AccountKind.WALLET, OwnerType.RESIDENT, wish.to_resident_id)
        work.core.execute(_open_wallet, row)
        receiver_id = find_account(work, book, AccountKind.WALLET, wish.to_resident_id)
        assert receiver_id is not None, "it was opened a line above, by us or by another"
    lock_accounts(work, [giver_id, receiver_id])
    return receiver_id


def adjust(work: Work, key: str, correction: Correction) -> Receipt:
    """Give points from the town's pool, or take points, which then count as lapsed (breakage).

    Points that were awarded by mistake are better reversed: then they go back to the budget they came from. Raises
    BudgetExhausted, PointsInsufficient, KeyTaken.
    """
    assert correction.amount != 0, "nothing can't be adjusted"
    about = "dst" if correction.amount > 0 else "src"
    request = [correction.resident_id, correction.amount, correction.expires_on]
    opened = open_txn(work, TxnKind.ADJUST, key, request, correction.cause, about=about)
    if opened.receipt:
        return opened.receipt
    journal = Journal(opened.txn_id)
    give = _give if correction.amount > 0 else _take
    balance = give(work, opened.book, key, correction, journal)
    journal.write(work)
    return Receipt(opened.txn_id, abs(correction.amount), balance, replayed=False)


def _give(work: Work, book: BookFacts, key: str, correction: Correction, journal: Journal) -> int:
    amount = correction.amount
    assert correction.expires_on is not None, "points that are given have a last good day"
    wallet = credit_owner(work, book, AccountKind.WALLET, OwnerType.RESIDENT, correction.resident_id, amount)
    [lot] = credit_lots(work, wallet.id, [(LotKey(correction.expires_on, "", work.town_id), amount)])
    for pool, part in draw_from_pool(work, book, work.town_id, key, amount):
        journal.post(pool, wallet, part, destination_lot=lot)
    return wallet.balance


def _take(work: Work, book: BookFacts, _key: str, correction: Correction, journal: Journal) -> int:
    amount = -correction.amount
    wallet, taken = take_from_wallet(work, book, correction.resident_id, amount, scope="")
    sink = credit_owner(work, book, AccountKind.BREAKAGE, OwnerType.TOWN, work.town_id, amount)
    for lot, part in taken:
        journal.post(wallet, sink, part, source_lot=lot)
    return wallet.balance
