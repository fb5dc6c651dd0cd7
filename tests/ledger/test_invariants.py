"""Whatever is done to a ledger, repeated or refused, in whatever order and on whatever day: it holds what it should.

A model that counts tokens (`tokens.py`) says what the ledger should hold, or that a deed is refused. After every step the
ledger is read back, compared and audited; a refusal and a repetition leave every table as it was. `BINFEN_LONG=1` runs
many more and longer histories.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from blueprints.edge.house import House
from models.ledger import Account, AccountKind, Lot, RuleUsage
from rules.clock import local_day, local_moment
from rules.errors import RuleError
from rules.ledger.caps import CapUse
from rules.ledger.expiring import expire
from rules.ledger.holds import release_lapsed_holds
from rules.ledger.pools import BudgetExhausted, set_shards
from rules.ledger.transactions import KeyTaken, Receipt
from rules.work import SYSTEM, ActorKind, Work
from tests.build import BUDGET, Person, TownBuilder, fresh_key, new_town
from tests.ledger import deeds
from tests.ledger.clerk import Clerk
from tests.ledger.tokens import Held, Moved, Token, Tokens

IS_LONG = os.environ.get("BINFEN_LONG") == "1"
LIMITS = settings(
    max_examples=300 if IS_LONG else 10,
    stateful_step_count=80 if IS_LONG else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
START = local_moment(date(2028, 2, 26), "12:00")
SMALL_BUDGET = 60  #: so that refusals are part of every history
RESIDENTS = 3
DAYS_GOOD = [0, 1, 3, 4, 30, 400]  #: from the 26th: 3 leads to the leap day, 4 over the month's end
AMOUNTS = st.integers(1, 15)
RESIDENT = st.integers(0, RESIDENTS - 1)
OWNER = st.integers(0, 1)  #: the town, an operator
SCOPES = st.sampled_from(["", "mall"])
PARTS = st.one_of(st.none(), AMOUNTS)


@dataclass(frozen=True)
class Booked:
    """Something that was done: under which key, how, with what, and what was said about it."""

    key: str
    deed: Callable[..., Receipt]
    arguments: tuple[Any, ...]
    receipt: Receipt
    amount_at: int  #: which argument is the amount


class LedgerMachine(RuleBasedStateMachine):
    """One town's ledger, and what it should hold."""

    house: House
    booked = Bundle("booked")

    def __init__(self) -> None:
        super().__init__()
        self.traveller = time_machine.travel(START, tick=False)
        self.clock = self.traveller.start()
        self.now = START
        self.town: TownBuilder = new_town(self.house)
        self.clerk = Clerk(self.town)
        self.residents = [self.town.resident().id for _ in range(RESIDENTS)]
        self.owners = [self.town.id, self.town.operator_id]
        self.tokens = Tokens(self.town.id)
        self.traces: dict[int, Moved | Held] = {}  #: what each transaction was
        self.holds: list[tuple[int, Held]] = []
        self.shards = 1
        other, token = self.town.resident().id, Token(date(2030, 12, 31), "", self.town.id)
        self._write(deeds.earn, fresh_key(), other, BUDGET - SMALL_BUDGET, token.expires_on)
        self.tokens.pools[self.town.id] = SMALL_BUDGET

    def teardown(self) -> None:
        self.traveller.stop()

    @property
    def today(self) -> date:
        return local_day(self.now)

    # Deeds

    @rule(target=booked, owner=OWNER, amount=AMOUNTS)
    def grant(self, owner: int, amount: int) -> object:
        operator_id = self.owners[owner] if owner else None
        return self._do(deeds.grant, (amount, operator_id), 0, lambda: self.tokens.grant(self.owners[owner], amount))

    @rule(
        target=booked,
        who=RESIDENT,
        amount=AMOUNTS,
        days=st.sampled_from(DAYS_GOOD),
        scope=SCOPES,
        owner=OWNER,
        quantity=st.integers(0, 4),
        cap=st.integers(3, 6),
    )
    def earn(self, who: int, amount: int, days: int, scope: str, owner: int, quantity: int, cap: int) -> object:
        token = Token(self.today + timedelta(days=days), scope, self.owners[owner])
        usages = (CapUse("checkin", f"{self.today:%Y-%m}", quantity, cap),) if quantity else ()
        award = (self.residents[who], amount, token.expires_on, scope, self.owners[owner] if owner else None, usages)
        return self._do(deeds.earn, award, 1, lambda: self.tokens.earn(award[0], amount, token, usages))

    @rule(
        target=booked,
        awards=st.lists(st.tuples(RESIDENT, AMOUNTS, st.sampled_from(DAYS_GOOD), SCOPES), min_size=1, max_size=4),
        again=st.booleans(),
    )
    def earn_many(self, awards: list[tuple[int, int, int, str]], again: bool) -> object:
        """A batch; `again`: a part of it is known."""
        batch = {
            fresh_key(): (self.residents[who], amount, self.today + timedelta(days=days), scope)
            for who, amount, days, scope in awards
        }
        if sum(award[1] for award in batch.values()) > self.tokens.pools[self.town.id]:
            self._refused(BudgetExhausted, deeds.earn_many, batch)
            return multiple()
        if again:
            key = min(batch)
            self._write(deeds.earn, key, *batch[key])
        receipts = self._write(deeds.earn_many, batch)
        for key, (resident_id, amount, expires_on, scope) in batch.items():
            token = Token(expires_on, scope, self.town.id)
            self.traces[receipts[key].txn_id] = self.tokens.earn(resident_id, amount, token)
            assert receipts[key].replayed == (again and key == min(batch))
        return multiple(*(Booked(key, deeds.earn, award, receipts[key], 1) for key, award in batch.items()))

    @rule(target=booked, who=RESIDENT, amount=AMOUNTS, scope=SCOPES, owner=OWNER)
    def spend(self, who: int, amount: int, scope: str, owner: int) -> object:
        resident_id, redeemer_id = self.residents[who], self.owners[owner]
        return self._do(
            deeds.spend,
            (resident_id, amount, scope, redeemer_id if owner else None),
            1,
            lambda: self.tokens.spend(resident_id, amount, self.today, scope, redeemer_id),
        )

    @rule(target=booked, who=RESIDENT, amount=AMOUNTS, hours=st.sampled_from([1, 12, 100]), scope=SCOPES)
    def hold(self, who: int, amount: int, hours: int, scope: str) -> object:
        resident_id, expires_at = self.residents[who], self.now + timedelta(hours=hours)
        booked = self._do(
            deeds.hold,
            (resident_id, amount, expires_at, scope),
            1,
            lambda: self.tokens.hold(resident_id, amount, self.today, scope, expires_at),
        )
        if isinstance(booked, Booked):
            trace = self.traces[booked.receipt.txn_id]
            assert isinstance(trace, Held)
            self.holds.append((booked.receipt.txn_id, trace))
        return booked

    @precondition(lambda self: self.holds)
    @rule(target=booked, which=st.integers(0, 99), amount=AMOUNTS, owner=OWNER)
    def capture(self, which: int, amount: int, owner: int) -> object:
        hold_id, held = self.holds[which % len(self.holds)]
        redeemer_id = self.owners[owner]
        return self._do(
            deeds.capture,
            (hold_id, amount, redeemer_id if owner else None),
            1,
            lambda: self.tokens.capture(held, amount, self.now, redeemer_id),
        )

    @precondition(lambda self: self.holds)
    @rule(target=booked, which=st.integers(0, 99), amount=AMOUNTS)
    def void(self, which: int, amount: int) -> object:
        hold_id, held = self.holds[which % len(self.holds)]
        return self._do(deeds.void, (hold_id, amount), 1, lambda: self.tokens.void(held, amount))

    @rule()
    def release(self) -> None:
        assert self._write(release_lapsed_holds, 100) == self.tokens.release(self.now)

    @rule(target=booked, giver=RESIDENT, further=st.integers(1, RESIDENTS - 1), amount=AMOUNTS)
    def transfer(self, giver: int, further: int, amount: int) -> object:
        giver_id, taker_id = self.residents[giver], self.residents[(giver + further) % RESIDENTS]
        return self._do(
            deeds.transfer,
            (giver_id, taker_id, amount),
            2,
            lambda: self.tokens.transfer(giver_id, taker_id, amount, self.today),
        )

    @rule(target=booked, who=RESIDENT, amount=AMOUNTS, days=st.sampled_from(DAYS_GOOD))
    def give(self, who: int, amount: int, days: int) -> object:
        token = Token(self.today + timedelta(days=days), "", self.town.id)
        resident_id = self.residents[who]
        arguments = (resident_id, amount, token.expires_on)
        return self._do(deeds.adjust, arguments, 1, lambda: self.tokens.earn(resident_id, amount, token))

    @rule(target=booked, who=RESIDENT, amount=AMOUNTS)
    def take(self, who: int, amount: int) -> object:
        resident_id = self.residents[who]
        arguments = (resident_id, -amount, self.today)
        return self._do(deeds.adjust, arguments, 1, lambda: self.tokens.take(resident_id, amount, self.today))

    @rule(target=booked, original=booked, amount=PARTS)
    def reverse(self, original: Booked, amount: int | None) -> object:
        txn_id = original.receipt.txn_id
        trace = self.traces[txn_id]
        if self.shards > 1 and isinstance(trace, Moved) and trace.kind == "grant":
            return multiple()  # only the shard that took the grant can give it back
        return self._do(deeds.reverse, (txn_id, amount), 1, lambda: self.tokens.reverse(trace, amount, self.today))

    # Time and form

    @rule(hours=st.sampled_from([1, 12, 24, 36, 24 * 4, 24 * 31]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.clock.move_to(self.now, tick=False)

    @rule(wallets_max=st.integers(1, 3))
    def expire(self, wallets_max: int) -> None:
        expired = expire(self.town.database, self.town.id, self.today, wallets_max=wallets_max)
        assert expired.points == self.tokens.expire(self.today)

    @rule(shards=st.sampled_from([1, 2, 5]))
    def split(self, shards: int) -> None:
        self._write(set_shards, shards)
        self.shards = max(self.shards, shards) if shards > 1 else 1

    # The same key again

    @rule(booked=booked)
    def the_same_again(self, booked: Booked) -> None:
        before = self.town.contents()
        again = self._write(booked.deed, booked.key, *booked.arguments)
        assert again == replace(booked.receipt, replayed=True)
        assert self.town.contents() == before

    @rule(booked=booked, more=AMOUNTS)
    def something_else_under_the_same_key(self, booked: Booked, more: int) -> None:
        arguments = list(booked.arguments)
        amount = arguments[booked.amount_at]
        arguments[booked.amount_at] = more if amount is None else amount + (more if amount > 0 else -more)
        self._refused(KeyTaken, booked.deed, booked.key, *arguments)

    @rule(booked=booked)
    def another_deed_under_the_same_key(self, booked: Booked) -> None:
        other = deeds.grant if booked.deed is not deeds.grant else deeds.adjust
        arguments = (1,) if other is deeds.grant else (self.residents[0], 1)
        self._refused(KeyTaken, other, booked.key, *arguments)

    # What holds

    @invariant()
    def the_ledger_passes_its_audit(self) -> None:
        self.clerk.audit()

    @invariant()
    def the_ledger_holds_every_point_where_it_should_be(self) -> None:
        balances, lots, used = self.town.database.read(self.town.id, SYSTEM, _read_books)
        tokens = self.tokens
        for owner_id in self.owners:
            assert balances[AccountKind.POOL, owner_id] == tokens.pools[owner_id]
            assert balances[AccountKind.REDEEMED, owner_id] == tokens.redeemed[owner_id]
        assert balances[AccountKind.BREAKAGE, self.town.id] == tokens.lapsed
        for resident_id in self.residents:
            assert lots[AccountKind.WALLET, resident_id] == Counter(tokens.wallets[resident_id])
            held = [token for each in tokens.holds if each.resident_id == resident_id for token in each.tokens]
            assert lots[AccountKind.ESCROW, resident_id] == Counter(held)
            assert balances[AccountKind.WALLET, resident_id] == len(tokens.wallets[resident_id])
        assert +used == +tokens.used()

    @invariant()
    def residents_may_spend_what_is_good_today(self) -> None:
        for resident_id in self.residents:
            resident = Person(resident_id, ActorKind.RESIDENT, "")
            for scope in ("", "mall"):
                expected = len(self.tokens.spendable(resident_id, self.today, scope))
                assert self.clerk.spendable(resident, scope) == expected

    # Hands

    def _do(
        self,
        deed: Callable[..., Receipt],
        arguments: tuple[Any, ...],
        amount_at: int,
        expected: Callable[[], Moved | Held],
    ) -> Booked | MultipleResults[Booked]:
        """Do it as the model does: it is refused, or it goes through."""
        key = fresh_key()
        try:
            trace = expected()
        except RuleError as refusal:
            self._refused(type(refusal), deed, key, *arguments)
            return multiple()
        receipt = self._write(deed, key, *arguments)
        amount = arguments[amount_at]
        assert receipt.amount == (len(trace.tokens) if amount is None else abs(amount))
        assert not receipt.replayed
        self.traces[receipt.txn_id] = trace
        return Booked(key, deed, arguments, receipt, amount_at)

    def _refused(self, refusal: type[RuleError], deed: Callable[..., Any], *arguments: Any) -> None:
        before = self.town.contents()
        with pytest.raises(refusal):
            self._write(deed, *arguments)
        assert self.town.contents() == before

    def _write(self, deed: Callable[..., Any], *arguments: Any) -> Any:
        return self.town.database.write(self.town.id, SYSTEM, deed, *arguments)


def _read_books(work: Work) -> tuple[Counter[Any], Any, Counter[Any]]:
    """Balances by kind and owner, what is in lots by kind and owner, what is used of caps."""
    balance = func.sum(Account.credited - Account.debited)
    accounts = (
        select(Account.kind, Account.owner_id, balance)
        .where(Account.town_id == work.town_id)
        .group_by(Account.kind, Account.owner_id)
    )
    lots = (
        select(Account.kind, Account.owner_id, Lot.expires_on, Lot.scope, Lot.issuer_id, Lot.credited - Lot.debited)
        .join(Lot, (Lot.town_id == Account.town_id) & (Lot.account_id == Account.id))
        .where(Account.town_id == work.town_id, Lot.credited > Lot.debited)
    )
    usages = (
        select(Account.owner_id, RuleUsage.rule_id, RuleUsage.period_key, RuleUsage.used)
        .join(RuleUsage, (RuleUsage.town_id == Account.town_id) & (RuleUsage.account_id == Account.id))
        .where(Account.town_id == work.town_id)
    )
    balances = Counter({(kind, owner_id): int(left) for kind, owner_id, left in work.db.execute(accounts)})
    in_lots: dict[tuple[AccountKind, int], Counter[Token]] = _Empty()
    for kind, owner_id, *token, left in work.db.execute(lots):
        in_lots.setdefault((kind, owner_id), Counter())[Token(*token)] += left
    used = Counter({(owner_id, rule_id, period): n for owner_id, rule_id, period, n in work.db.execute(usages)})
    return balances, in_lots, used


class _Empty(dict[Any, Counter[Token]]):
    def __missing__(self, _key: object) -> Counter[Token]:
        return Counter()


def test_the_invariants_hold_after_every_step(clerks_house: House) -> None:
    machine = type("LedgerMachineOfOneEngine", (LedgerMachine,), {"house": clerks_house})
    run_state_machine_as_test(machine, settings=LIMITS)
