"""Points are earned once, from a budget that is there, and every counter on the way is written down without a gap."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from flask import Flask

from blueprints.edge.house import EXTENSION
from models.ledger import AccountKind, Lot, Posting, Txn
from rules.ledger.earning import earn
from rules.ledger.pools import BudgetExhausted, grant_budget
from rules.ledger.transactions import KeyTaken
from rules.work import SYSTEM, Work
from tests.build import BUDGET, TownBuilder, fresh_key
from tests.ledger.keeping import (
    GOOD_UNTIL,
    Place,
    account_of_town,
    an_earning,
    audit,
    earn_points,
    note_earning,
    place_of,
    wallet_of,
)
from tests.races import PROCESSES, from_processes

THREADS = 50
EARNS_OF_A_PROCESS = 30


def test_what_a_resident_earns_leaves_the_pool(town: TownBuilder) -> None:
    resident = town.resident()
    receipt = earn_points(town, resident, 5)
    pool, wallet = account_of_town(town, AccountKind.POOL), wallet_of(town, resident)
    assert (receipt.amount, receipt.balance, receipt.replayed) == (5, 5, False)
    assert (pool.credited, pool.debited) == (BUDGET, 5)
    assert (wallet.credited, wallet.debited) == (5, 0)
    audit(town)


def test_a_posting_holds_every_counter_as_it_stood_afterwards(town: TownBuilder) -> None:
    resident = town.resident()
    first, second = earn_points(town, resident, 5), earn_points(town, resident, 7)
    [(lot,)] = town.rows(Lot)
    columns = (Posting.amount, Posting.src_debited_after, Posting.dst_credited_after, Posting.dst_lot_credited_after)
    assert town.rows(*columns, txn_id=first.txn_id) == [(5, 5, 5, 5)]
    assert town.rows(*columns, txn_id=second.txn_id) == [(7, 12, 12, 12)]
    assert town.rows(Posting.dst_lot_id, Posting.src_lot_id, txn_id=second.txn_id) == [(lot.id, None)]


def test_a_transaction_says_why_where_and_by_which_rules(town: TownBuilder) -> None:
    earning = an_earning(town, town.resident(), 5)
    receipt = town.act(None, earn, "why", earning)
    [(txn,)] = town.rows(Txn, id=receipt.txn_id)
    for fact in ("reason", "explanation", "event_id", "rulebook_version_id", "community_id", "operator_id", "scene"):
        assert getattr(txn, fact) == getattr(earning.cause, fact), fact
    assert (txn.idempotency_key, txn.actor_id, txn.effective_at) == ("why", None, earning.cause.effective_at)


def test_points_lie_in_lots_by_the_day_they_lapse_and_where_they_may_be_spent(town: TownBuilder) -> None:
    resident = town.resident()
    for amount, expires_on, scope in (
        (5, GOOD_UNTIL, ""),
        (3, date(2026, 12, 31), ""),
        (2, GOOD_UNTIL, ""),
        (1, GOOD_UNTIL, "mall"),
    ):
        earn_points(town, resident, amount, expires_on, scope)
    lots = town.rows(Lot.expires_on, Lot.scope, Lot.credited, account_id=wallet_of(town, resident).id)
    assert sorted(lots) == [(date(2026, 12, 31), "", 3), (GOOD_UNTIL, "", 7), (GOOD_UNTIL, "mall", 1)]
    audit(town)


def test_the_same_key_in_many_threads_pays_once(town: TownBuilder) -> None:
    resident = town.resident()
    earning, key = an_earning(town, resident, 5), fresh_key()
    with ThreadPoolExecutor(THREADS) as threads:
        receipts = list(threads.map(lambda _: town.act(None, earn, key, earning), range(THREADS)))
    assert [receipt.replayed for receipt in receipts].count(False) == 1
    assert {(receipt.txn_id, receipt.amount, receipt.balance) for receipt in receipts} == {(receipts[0].txn_id, 5, 5)}
    assert wallet_of(town, resident).credited == 5
    audit(town)


def test_a_key_that_stands_for_another_earning_is_refused_and_changes_nothing(town: TownBuilder) -> None:
    resident, key = town.resident(), fresh_key()
    earning = an_earning(town, resident, 5)
    other_event = an_earning(town, resident, 5).cause.event_id
    town.act(None, earn, key, earning)
    before = town.contents()
    for other in (
        replace(earning, amount=6),
        replace(earning, resident_id=town.resident().id),
        replace(earning, expires_on=date(2028, 12, 31)),
        replace(earning, cause=replace(earning.cause, event_id=other_event)),
        replace(earning, scope="mall"),
    ):
        with pytest.raises(KeyTaken):
            town.act(None, earn, key, other)
    after = town.contents()
    assert len(after.pop("resident")) == len(before.pop("resident")) + 1
    assert after == before


def test_a_key_of_a_budget_is_no_key_for_an_earning(town: TownBuilder) -> None:
    earning = an_earning(town, town.resident(), 5)
    with pytest.raises(KeyTaken):
        town.act(None, earn, "budget", earning)


def test_an_empty_pool_refuses_and_leaves_every_table_as_it_was(town: TownBuilder) -> None:
    resident, key = town.resident(), fresh_key()
    earn_points(town, resident, BUDGET - 4)
    earning = an_earning(town, resident, 5)
    before = town.contents()
    with pytest.raises(BudgetExhausted):
        town.act(None, earn, key, earning)
    assert town.contents() == before


def test_a_refused_earning_does_not_burn_its_key(town: TownBuilder) -> None:
    resident, key = town.resident(), fresh_key()
    earn_points(town, resident, BUDGET)
    earning = an_earning(town, resident, 5)
    with pytest.raises(BudgetExhausted):
        town.act(None, earn, key, earning)
    town.act(None, grant_budget, "more", 5, "追加预算")
    assert town.act(None, earn, key, earning).balance == BUDGET + 5
    audit(town)


def test_the_last_points_of_the_pool_can_be_earned(town: TownBuilder) -> None:
    earn_points(town, town.resident(), BUDGET)
    pool = account_of_town(town, AccountKind.POOL)
    assert pool.credited == pool.debited == BUDGET


def test_a_budget_is_granted_once_for_each_key(town: TownBuilder) -> None:
    first = town.act(None, grant_budget, "2027", 100, "年度预算")
    again = town.act(None, grant_budget, "2027", 100, "年度预算")
    assert (first.balance, first.replayed) == (BUDGET + 100, False)
    assert (again.txn_id, again.balance, again.replayed) == (first.txn_id, BUDGET + 100, True)
    with pytest.raises(KeyTaken):
        town.act(None, grant_budget, "2027", 101, "年度预算")
    audit(town)


def test_a_refusal_later_in_the_same_work_undoes_the_earning(town: TownBuilder) -> None:
    resident = town.resident()
    earning = an_earning(town, resident, 5)
    before = town.contents()

    def deed(work: Work) -> None:
        earn(work, fresh_key(), earning)
        raise BudgetExhausted

    with pytest.raises(BudgetExhausted):
        town.act(None, deed)
    assert town.contents() == before


@pytest.mark.parametrize("wallets", [1, 5])
def test_earnings_at_once_leave_chains_without_a_gap(town: TownBuilder, wallets: int) -> None:
    residents = [town.resident() for _ in range(wallets)]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda n: earn_points(town, residents[n % wallets], 1 + n % 3), range(60)))
    assert sum(wallet_of(town, resident).credited for resident in residents) == sum(1 + n % 3 for n in range(60))
    audit(town)


def test_earnings_at_once_never_take_more_than_the_pool_has(town: TownBuilder) -> None:
    earn_points(town, town.resident(), BUDGET - 50)
    residents = [town.resident() for _ in range(4)]
    earnings = [an_earning(town, residents[n % 4], 7) for n in range(20)]

    def try_to_earn(number: int) -> bool:
        try:
            town.act(None, earn, f"try-{number}", earnings[number])
        except BudgetExhausted:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(try_to_earn, range(20))).count(True) == 50 // 7
    assert account_of_town(town, AccountKind.POOL).debited == BUDGET - 50 % 7
    audit(town)


def test_earnings_of_several_processes_leave_chains_without_a_gap(town: TownBuilder) -> None:
    shared, own = town.resident(), [town.resident() for _ in range(PROCESSES)]
    place = place_of(town)
    jobs = [(town.id, place, [shared.id, resident.id]) for resident in own]
    assert from_processes(town, earn_in_turn, jobs) == [EARNS_OF_A_PROCESS] * PROCESSES
    assert wallet_of(town, shared).credited == PROCESSES * EARNS_OF_A_PROCESS // 2
    assert [wallet_of(town, resident).credited for resident in own] == [EARNS_OF_A_PROCESS // 2] * PROCESSES
    audit(town)


def earn_in_turn(app: Flask, town_id: int, place: Place, resident_ids: list[int]) -> int:
    """A point for one, a point for the other, as one process of several. Returns how many went through."""
    transactions = app.extensions[EXTENSION].transactions

    def deed(work: Work, resident_id: int) -> bool:
        return not earn(work, fresh_key(), note_earning(work, place, resident_id, 1)).replayed

    return sum(
        transactions.write(town_id, SYSTEM, deed, resident_ids[n % len(resident_ids)])
        for n in range(EARNS_OF_A_PROCESS)
    )
