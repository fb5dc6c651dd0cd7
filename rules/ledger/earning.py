"""Earning: from a pool into a resident's wallet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from models.ledger import AccountKind, OwnerType, TxnKind
from rules.ledger.caps import CapUse, use_caps
from rules.ledger.moving import Journal, LotKey, credit_lots, credit_owner
from rules.ledger.pools import draw_from_pool
from rules.ledger.transactions import Cause, Receipt, open_txn
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Earning:
    """Points for a resident, and everything that explains them."""

    resident_id: int
    amount: int  #: in the book's smallest unit, above 0
    expires_on: date  #: the last day on which they are good, local time
    cause: Cause
    scope: str = ""  #: where they may be spent; empty: anywhere
    issuer_id: int | None = None  #: the operator whose budget pays; None: the town's
    usages: tuple[CapUse, ...] = ()  #: what it counts under which caps

    def request(self) -> list[Any]:
        """What tells this earning from another one under the same key."""
        return [self.resident_id, self.amount, self.expires_on, self.scope, self.cause.event_id, self.issuer_id]

    def lot_key(self, town_id: int) -> LotKey:
        """Which lot of the wallet the points go to."""
        return LotKey(self.expires_on, self.scope, self.issuer_id or town_id)

    def usage_entries(self) -> list[dict[str, Any]] | None:
        """What the transaction keeps of its caps."""
        return [use.entry() for use in self.usages] or None


def earn(work: Work, key: str, earning: Earning) -> Receipt:
    """Move points from a pool into a resident's wallet, once for each key.

    Raises BudgetExhausted when the pool hasn't enough, CapReached when a cap would be passed, KeyTaken when the key
    stands for another earning.
    """
    assert earning.amount > 0, "who earns nothing has no transaction"
    links = {"usages": earning.usage_entries()}
    opened = open_txn(work, TxnKind.EARN, key, earning.request(), earning.cause, about="dst", links=links)
    if opened.receipt:
        return opened.receipt
    wallet = credit_owner(
        work, opened.book, AccountKind.WALLET, OwnerType.RESIDENT, earning.resident_id, earning.amount
    )
    lot_key = earning.lot_key(work.town_id)
    [lot] = credit_lots(work, wallet.id, [(lot_key, earning.amount)])
    use_caps(work, wallet.id, earning.usages)
    journal = Journal(opened.txn_id)
    for pool, amount in draw_from_pool(work, opened.book, lot_key.issuer_id, key, earning.amount):
        journal.post(pool, wallet, amount, destination_lot=lot)
    journal.write(work)
    return Receipt(opened.txn_id, earning.amount, wallet.balance, replayed=False)
