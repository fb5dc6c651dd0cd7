"""Whatever is granted, earned, repeated or refused, in whatever order: the ledger's invariants hold after every step.

A model keeps what the ledger should hold; the ledger is read back and audited after each step. `BINFEN_LONG=1` runs
many more and longer histories.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from blueprints.edge.house import House
from models.ledger import AccountKind, Lot
from rules.ledger.earning import Earning, earn
from rules.ledger.pools import BudgetExhausted, grant_budget
from rules.ledger.reading import read_wallet
from rules.ledger.transactions import KeyTaken, Receipt
from tests.build import BUDGET, Person, TownBuilder, fresh_key, new_town
from tests.ledger.keeping import account_of_town, an_earning, audit, earn_points

IS_LONG = os.environ.get("BINFEN_LONG") == "1"
LIMITS = settings(
    max_examples=300 if IS_LONG else 12,
    stateful_step_count=60 if IS_LONG else 20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SMALL_BUDGET = 40  #: so that refusals are part of every history
DAYS = [date(2026, 12, 31), date(2027, 12, 31), date(2028, 2, 29)]
AMOUNTS = st.integers(1, 30)


class LedgerMachine(RuleBasedStateMachine):
    """One town's ledger, and what it should hold."""

    house: House
    earnings = Bundle("earnings")
    budgets = Bundle("budgets")

    def __init__(self) -> None:
        super().__init__()
        self.town: TownBuilder = new_town(self.house)
        self.residents: list[Person] = [self.town.resident() for _ in range(3)]
        self.by_wallet: Counter[int] = Counter()
        self.by_lot: Counter[date] = Counter()
        self.granted, self.spent_budget = BUDGET, 0
        others = self.town.resident()
        earn_points(self.town, others, BUDGET - SMALL_BUDGET, DAYS[0])
        self._count(others.id, BUDGET - SMALL_BUDGET, DAYS[0])

    @rule(target=budgets, amount=AMOUNTS)
    def grant(self, amount: int) -> tuple[str, int, Receipt]:
        key = fresh_key()
        receipt = self.town.act(None, grant_budget, key, amount, "预算")
        self.granted += amount
        assert (receipt.balance, receipt.replayed) == (self.granted - self.spent_budget, False)
        return key, amount, receipt

    @rule(budget=budgets)
    def grant_again(self, budget: tuple[str, int, Receipt]) -> None:
        key, amount, receipt = budget
        again = self._without_effect(grant_budget, key, amount, "预算")
        assert (again.txn_id, again.amount, again.replayed) == (receipt.txn_id, amount, True)

    @rule(target=earnings, who=st.integers(0, 2), amount=AMOUNTS, expires_on=st.sampled_from(DAYS))
    def earn(self, who: int, amount: int, expires_on: date) -> object:
        earning, key = an_earning(self.town, self.residents[who], amount, expires_on), fresh_key()
        if amount > self.granted - self.spent_budget:
            with pytest.raises(BudgetExhausted):
                self._without_effect(earn, key, earning)
            return multiple()
        receipt = self.town.act(None, earn, key, earning)
        self._count(earning.resident_id, amount, expires_on)
        assert (receipt.amount, receipt.balance) == (amount, self.by_wallet[earning.resident_id])
        assert not receipt.replayed
        return key, earning, receipt

    @rule(booked=earnings)
    def earn_again(self, booked: tuple[str, Earning, Receipt]) -> None:
        key, earning, receipt = booked
        again = self._without_effect(earn, key, earning)
        assert (again.txn_id, again.amount, again.replayed) == (receipt.txn_id, earning.amount, True)
        assert again.balance == receipt.balance  # the very same receipt, whatever was earned since

    @rule(booked=earnings, more=AMOUNTS)
    def earn_something_else_under_the_same_key(self, booked: tuple[str, Earning, Receipt], more: int) -> None:
        key, earning, _receipt = booked
        with pytest.raises(KeyTaken):
            self._without_effect(earn, key, replace(earning, amount=earning.amount + more))

    @invariant()
    def the_ledger_passes_its_audit(self) -> None:
        audit(self.town)

    @invariant()
    def the_ledger_holds_what_happened(self) -> None:
        pool = account_of_town(self.town, AccountKind.POOL)
        assert (pool.credited, pool.debited) == (self.granted, self.spent_budget)
        for resident in self.residents:
            wallet = self.town.act(None, read_wallet, resident.id)
            assert wallet.balance == self.by_wallet[resident.id]
        by_lot: Counter[date] = Counter()
        for expires_on, credited in self.town.rows(Lot.expires_on, Lot.credited):
            by_lot[expires_on] += credited
        assert by_lot == self.by_lot

    def _without_effect(self, deed: object, *args: object) -> Receipt:
        before = self.town.contents()
        try:
            return self.town.act(None, deed, *args)
        finally:
            assert self.town.contents() == before

    def _count(self, resident_id: int, amount: int, expires_on: date) -> None:
        self.by_wallet[resident_id] += amount
        self.by_lot[expires_on] += amount
        self.spent_budget += amount


def test_the_invariants_hold_after_every_step(house: House) -> None:
    machine = type("LedgerMachineOfOneEngine", (LedgerMachine,), {"house": house})
    run_state_machine_as_test(machine, settings=LIMITS)
