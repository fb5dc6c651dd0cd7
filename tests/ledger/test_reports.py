"""The reports of the whole book: the trial balance, what is owed until when, who owes whom, a balance of the past."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from models.ledger import NEVER, AccountKind, Posting
from models.territory import Operator
from rules.clock import local_moment
from rules.ledger.pools import BudgetExhausted, grant_budget
from rules.ledger.previewing import preview
from rules.ledger.reading import balance_at
from rules.ledger.reports import liability, settlement, trial_balance
from rules.ledger.transactions import Receipt
from rules.work import Work
from tests.build import BUDGET, Person
from tests.ledger import deeds
from tests.ledger.clerk import NOON, TODAY, Clerk

SOON, LATER = date(2027, 12, 31), date(2028, 12, 31)


def settled(clerk: Clerk, begin: datetime, end: datetime) -> list[tuple[Any, ...]]:
    lines = clerk.town.act(None, settlement, begin, end)
    return [(line.issuer, line.redeemer, line.redeemed, line.refunded, line.owed) for line in lines]


def name_of(clerk: Clerk, operator_id: int) -> str:
    [(name,)] = clerk.town.rows(Operator.name, id=operator_id)
    return str(name)


def was(clerk: Clerk, resident: Person, at: datetime) -> int:
    return clerk.town.act(None, balance_at, resident.id, at)


def test_the_trial_balance_has_every_account_and_two_equal_totals(clerk: Clerk) -> None:
    resident, operator_id = clerk.resident(30), clerk.operator(budget=100)
    name = name_of(clerk, operator_id)
    clerk.earn(resident, 10, issuer_id=operator_id)
    clerk.spend(resident, 5, redeemer_id=operator_id)
    clerk.hold(resident, 7)
    found = clerk.town.act(None, trial_balance)
    assert {(line.kind, line.operator, line.accounts, line.balance) for line in found.lines} == {
        (AccountKind.MINT, None, 1, -BUDGET - 100),
        (AccountKind.POOL, None, 1, BUDGET - 30),
        (AccountKind.POOL, name, 1, 90),
        (AccountKind.WALLET, None, 1, 28),
        (AccountKind.ESCROW, None, 1, 7),
        (AccountKind.REDEEMED, name, 1, 5),
    }
    assert found.credited == found.debited > 0


def test_liability_is_what_is_open_by_issuer_and_month(clerk: Clerk) -> None:
    resident, operator_id = clerk.town.resident(), clerk.operator(budget=100)
    name = name_of(clerk, operator_id)
    for amount, day, issuer_id in (
        (10, SOON, None),
        (20, LATER, None),
        (5, date(2027, 12, 1), None),
        (7, NEVER, operator_id),
    ):
        clerk.earn(resident, amount, day, issuer_id=issuer_id)
    clerk.earn(resident, 99, TODAY - timedelta(days=1))  # lapsed, whether the nightly run has been there or not
    clerk.hold(resident, 8)
    found = [(line.issuer, line.month, line.amount, line.held) for line in clerk.town.act(None, liability)]
    assert sorted(found, key=str) == sorted(
        [(None, "2027-12", 15, 8), (None, "2028-12", 20, 0), (name, None, 7, 0)], key=str
    )


def test_settlement_is_what_others_redeemed_less_what_was_given_back(clerk: Clerk) -> None:
    resident, operator_id = clerk.town.resident(), clerk.operator(budget=100)
    name = name_of(clerk, operator_id)
    clerk.earn(resident, 10, SOON, issuer_id=operator_id)
    clerk.earn(resident, 20, LATER)
    clerk.spend(resident, 15)  # 10 of the operator's, 5 of the town's
    at_operator = clerk.capture(clerk.hold(resident, 8), 6, redeemer_id=operator_id)
    clerk.reverse(at_operator, 2)
    begin, end = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
    assert sorted(settled(clerk, begin, end), key=str) == sorted(
        [(name, None, 10, 0, 10), (None, None, 5, 0, 5), (None, name, 6, 2, 4)], key=str
    )
    assert settled(clerk, end, end + timedelta(days=1)) == []


def recorded_at(clerk: Clerk, receipt: Receipt) -> datetime:
    """When the database wrote it down, by its own clock."""
    [(moment,)] = clerk.town.rows(Posting.recorded_at, txn_id=receipt.txn_id)
    return moment


def test_a_balance_of_the_past_is_what_was_recorded_by_then(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    first = recorded_at(clerk, clerk.earn(resident, 10, LATER))
    second = recorded_at(clerk, clerk.spend(resident, 4))
    assert was(clerk, resident, first - timedelta(milliseconds=1)) == 0
    assert was(clerk, resident, first) in {10, 6} if first == second else was(clerk, resident, first) == 10
    assert was(clerk, resident, second) == 6
    assert was(clerk, clerk.town.resident(), second) == 0


def test_a_balance_of_the_past_counts_the_lots_that_were_good_on_that_day(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    clerk.earn(resident, 10, TODAY)
    clerk.earn(resident, 20, LATER)
    assert was(clerk, resident, local_moment(TODAY, "23:59")) == 30
    assert was(clerk, resident, local_moment(TODAY + timedelta(days=1), "00:00")) == 20


def test_a_preview_tells_what_would_be_and_keeps_nothing(clerk: Clerk) -> None:
    resident = clerk.resident(30)
    before = clerk.town.contents()
    told = clerk.town.act(None, preview, deeds.spend, "preview", resident.id, 12)
    assert (told.amount, told.balance) == (12, 18)
    assert clerk.town.contents() == before


def test_a_preview_refuses_as_the_deed_would(clerk: Clerk) -> None:
    def deed(work: Work) -> None:
        preview(work, deeds.earn, "preview", clerk_resident.id, BUDGET + 1)

    clerk_resident = clerk.town.resident()
    with pytest.raises(BudgetExhausted):
        clerk.town.act(None, deed)


def test_after_a_preview_the_same_transaction_can_go_on(clerk: Clerk) -> None:
    resident = clerk.resident(30)

    def deed(work: Work) -> int:
        preview(work, deeds.spend, "same key", resident.id, 12)
        return deeds.spend(work, "same key", resident.id, 10).balance

    assert clerk.town.act(None, deed) == 20
    clerk.town.act(None, grant_budget, "more", 5, "预算")
    clerk.audit()
