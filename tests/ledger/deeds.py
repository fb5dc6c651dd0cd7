"""The ledger's deeds with everything a test doesn't care about filled in, in ids that another process can be told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask import Flask

from blueprints.edge.house import EXTENSION
from rules.errors import Busy, RuleError
from rules.ledger import earning, earning_many, expiring, holds, pools, reversing, spending, transferring
from rules.ledger.caps import CapUse
from rules.ledger.transactions import Cause, Receipt
from rules.work import SYSTEM, Transactions, Work
from tests.ledger.keeping import GOOD_UNTIL

HOLD_FOR = timedelta(days=1)
TRIES_MAX = 40


def because(work: Work) -> Cause:
    return Cause("test", "试一试", work.now)


def grant(work: Work, key: str, amount: int, operator_id: int | None = None) -> Receipt:
    return pools.grant_budget(work, key, amount, "预算", operator_id=operator_id)


def an_award(
    work: Work,
    resident_id: int,
    amount: int,
    expires_on: date = GOOD_UNTIL,
    scope: str = "",
    issuer_id: int | None = None,
    usages: Sequence[CapUse] = (),
) -> earning.Earning:
    return earning.Earning(resident_id, amount, expires_on, because(work), scope, issuer_id, tuple(usages))


def earn(work: Work, key: str, *award: Any, **more: Any) -> Receipt:
    """`award`: what `an_award` takes."""
    return earning.earn(work, key, an_award(work, *award, **more))


def earn_many(work: Work, awards: dict[str, tuple[Any, ...]]) -> dict[str, Receipt]:
    return earning_many.earn_many(work, {key: an_award(work, *award) for key, award in awards.items()})


def spend(
    work: Work, key: str, resident_id: int, amount: int, scope: str = "", redeemer_id: int | None = None
) -> Receipt:
    return spending.spend(work, key, spending.Spending(resident_id, amount, because(work), scope, redeemer_id))


def hold(
    work: Work, key: str, resident_id: int, amount: int, expires_at: datetime | None = None, scope: str = ""
) -> Receipt:
    wish = holds.Holding(resident_id, amount, expires_at or work.now + HOLD_FOR, because(work), scope)
    return holds.hold(work, key, wish)


def capture(work: Work, key: str, hold_id: int, amount: int, redeemer_id: int | None = None) -> Receipt:
    return holds.capture(work, key, hold_id, amount, because(work), redeemer_id=redeemer_id)


def void(work: Work, key: str, hold_id: int, amount: int) -> Receipt:
    return holds.void(work, key, hold_id, amount, because(work))


def reverse(work: Work, key: str, txn_id: int, amount: int | None = None) -> Receipt:
    return reversing.reverse(work, key, txn_id, because(work), amount=amount)


def transfer(work: Work, key: str, giver_id: int, taker_id: int, amount: int) -> Receipt:
    return transferring.transfer(work, key, transferring.Transfer(giver_id, taker_id, amount, because(work)))


def adjust(work: Work, key: str, resident_id: int, amount: int, expires_on: date = GOOD_UNTIL) -> Receipt:
    return transferring.adjust(work, key, transferring.Correction(resident_id, amount, expires_on, because(work)))


def batch(work: Work, key: str, *awards: tuple[Any, ...]) -> Receipt:
    """A batch of awards: the first under the key, whose receipt it gives, the others under keys that begin with it."""
    return earn_many(work, {key + "+" * n: award for n, award in enumerate(awards)})[key]


def lapse(work: Work, _key: str, day: date) -> Receipt:
    """Book what has lapsed before a day: it has no key, so it says what it did now."""
    done = expiring.expire_wallets(work, day, expiring.list_lapsing_wallets(work, day))
    return Receipt(0, done.points, 0, replayed=False)


DEEDS: dict[str, Callable[..., Receipt]] = {
    deed.__name__: deed for deed in (grant, earn, batch, spend, hold, capture, void, reverse, transfer, adjust, lapse)
}


def until_answered(transactions: Transactions, town_id: int, deed: Callable[..., Any], *args: Any) -> Any:
    """What a client does: asks again, with the same key, as long as the answer is that the ledger is busy."""
    for _ in range(TRIES_MAX):
        try:
            return transactions.write(town_id, SYSTEM, deed, *args)
        except Busy:
            continue
    raise AssertionError(f"still busy after {TRIES_MAX} tries")


def answer_of(transactions: Transactions, town_id: int, deed: Callable[..., Any], *args: Any) -> Any:
    """The receipt, or the code of the refusal."""
    try:
        return until_answered(transactions, town_id, deed, *args)
    except RuleError as refusal:
        return refusal.code


def perform(app: Flask, town_id: int, name: str, *args: Any) -> Any:
    """A deed by its name, in a process of its own application: the receipt, or the code of the refusal."""
    return answer_of(app.extensions[EXTENSION].transactions, town_id, DEEDS[name], *args)
