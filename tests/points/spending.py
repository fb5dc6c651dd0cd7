"""Spending, with everything that a test doesn't care about filled in."""

from __future__ import annotations

from rules.ledger.spending import Spending, spend
from rules.ledger.transactions import Cause, Receipt
from rules.work import Work
from tests.build import Person, TownBuilder, fresh_key


def spend_points(town: TownBuilder, resident: Person, amount: int) -> Receipt:
    """Spend points of a resident under a key of its own."""
    return town.act(None, _spend, resident.id, amount)


def _spend(work: Work, resident_id: int, amount: int) -> Receipt:
    cause = Cause("redemption", f"兑换：{amount} 分", work.now)
    return spend(work, fresh_key(), Spending(resident_id, amount, cause))
