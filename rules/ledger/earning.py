"""Earning: from a pool into a resident's wallet. `earning_fused` has the same as parts of one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from models.ledger import AccountKind, OwnerType, TxnKind
from rules.ledger.caps import CapUse, check_uses, send_uses
from rules.ledger.moving import Counters, Journal, LotKey, credit_owner, credited, send_credit_of_lot
from rules.ledger.pools import BudgetExhausted, draw_from_pool
from rules.ledger.reading import ask_spendable
from rules.ledger.transactions import BookFacts, Cause, Receipt, open_txn, send_opening
from rules.sending import Reply
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
    wallet = _credit_wallet(work, opened.book, earning)
    into = _send_into_lot(work, wallet.id, earning)
    _draw(work, opened.book, opened.txn_id, key, earning, wallet, into)
    return Receipt(opened.txn_id, earning.amount, wallet.balance, replayed=False)


def earn_for_event(work: Work, key: str, earning: Earning) -> int:
    """Earn for an event that this work has just recorded, by whose name the key goes: nobody was here before.

    Returns what the resident may spend afterwards. It takes three ways to the database, and the pool's row is locked
    after the last of them. Raises BudgetExhausted, CapReached, and KeyTaken where the key is taken after all.
    """
    assert earning.amount > 0, "who earns nothing has no transaction"
    links = {"usages": earning.usage_entries()}
    opening = send_opening(work, TxnKind.EARN, key, earning.request(), earning.cause, links=links)
    wallet = _credit_wallet(work, opening.book, earning)
    opening.check_new()
    into = _send_into_lot(work, wallet.id, earning)
    spendable = ask_spendable(work, earning.resident_id)
    _draw(work, opening.book, opening.txn_id, key, earning, wallet, into)
    return int(spendable.scalar())


def _credit_wallet(work: Work, book: BookFacts, earning: Earning) -> Counters:
    """Lock the wallet by crediting it."""
    return credit_owner(work, book, AccountKind.WALLET, OwnerType.RESIDENT, earning.resident_id, earning.amount)


def _send_into_lot(work: Work, wallet_id: int, earning: Earning) -> tuple[Reply, list[Reply]]:
    """Credit the lot and count under the caps; `_draw` asks what came of both."""
    lot = send_credit_of_lot(work, wallet_id, earning.lot_key(work.town_id), earning.amount)
    return lot, send_uses(work, wallet_id, earning.usages)


def _draw(
    work: Work,
    book: BookFacts,
    txn_id: int,
    key: str,
    earning: Earning,
    wallet: Counters,
    into: tuple[Reply, list[Reply]],
) -> None:
    """Let the pool pay, and write the postings. A cap that is reached is the reason, whatever the pool has."""
    lot, uses = into
    try:
        drawn = draw_from_pool(work, book, earning.issuer_id or work.town_id, key, earning.amount)
    except BudgetExhausted:
        check_uses(uses)
        raise
    check_uses(uses)
    journal, destination_lot = Journal(txn_id), credited(lot, earning.amount)
    for pool, amount in drawn:
        journal.post(pool, wallet, amount, destination_lot=destination_lot)
    journal.write(work)
