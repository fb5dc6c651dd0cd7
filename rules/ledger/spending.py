"""Spending: from a resident's wallet to whoever redeems, first to expire first out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.ledger import AccountKind, OwnerType, TxnKind
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.ledger.moving import (
    Counters,
    Journal,
    OpenLot,
    allocate,
    credit_owner,
    debit_lots,
    debit_owner,
    find_account,
    read_good_lots,
)
from rules.ledger.pools import owner_type_of
from rules.ledger.transactions import BookFacts, Cause, Receipt, open_txn
from rules.work import Work


class PointsInsufficient(RuleError):
    code = "points.insufficient"
    kind = Kind.CONFLICT
    zh = "积分不足：需要 {amount} 分，可用 {available} 分。"
    en = "Not enough points: {amount} needed, {available} available."


@dataclass(frozen=True, slots=True)
class Spending:
    """Points that a resident gives for something."""

    resident_id: int
    amount: int  #: in the book's smallest unit, above 0
    cause: Cause
    scope: str = ""  #: where they are spent: points of this scope may be taken as well as those good anywhere
    redeemer_id: int | None = None  #: the operator who gives something for them; None: the town

    def request(self) -> list[Any]:
        """What tells this spending from another one under the same key."""
        return [self.resident_id, self.amount, self.scope, self.redeemer_id, self.cause.event_id]


def spend(work: Work, key: str, spending: Spending) -> Receipt:
    """Move points from a resident's wallet to the redeemer. Raises PointsInsufficient, KeyTaken."""
    assert spending.amount > 0, "who spends nothing has no transaction"
    opened = open_txn(work, TxnKind.SPEND, key, spending.request(), spending.cause, about="src")
    if opened.receipt:
        return opened.receipt
    wallet, taken = take_from_wallet(work, opened.book, spending.resident_id, spending.amount, spending.scope)
    sink = credit_redeemed(work, opened.book, spending.redeemer_id, spending.amount)
    journal = Journal(opened.txn_id)
    for lot, amount in taken:
        journal.post(wallet, sink, amount, source_lot=lot)
    journal.write(work)
    return Receipt(opened.txn_id, spending.amount, wallet.balance, replayed=False)


def take_from_wallet(
    work: Work, book: BookFacts, resident_id: int, amount: int, scope: str
) -> tuple[Counters, list[tuple[OpenLot, int]]]:
    """Debit a resident's wallet and its lots: the wallet, and what was taken from which lot.

    What lapsed before today counts for nothing, whether the nightly job has booked it or not. Raises PointsInsufficient.
    """
    wallet = debit_owner(work, book, AccountKind.WALLET, OwnerType.RESIDENT, resident_id, amount)
    today = local_day(work.now)
    if wallet is None:
        wallet_id = find_account(work, book, AccountKind.WALLET, resident_id)
        lots = read_good_lots(work, wallet_id, today, scope) if wallet_id else []
        raise PointsInsufficient(amount=amount, available=sum(lot.balance for lot in lots))
    lots = read_good_lots(work, wallet.id, today, scope)
    taken = allocate(lots, amount)
    if taken is None:
        raise PointsInsufficient(amount=amount, available=sum(lot.balance for lot in lots))
    debit_lots(work, taken)
    return wallet, taken


def credit_redeemed(work: Work, book: BookFacts, redeemer_id: int | None, amount: int) -> Counters:
    """Credit what an operator, or the town, has redeemed."""
    owner_id = redeemer_id or work.town_id
    return credit_owner(work, book, AccountKind.REDEEMED, owner_type_of(work, owner_id), owner_id, amount)
