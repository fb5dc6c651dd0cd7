"""Points that change hands keep what they are; points given or taken by hand leave a trace like all others."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine

from models.ledger import AccountKind, Lot
from rules.ledger.pools import BudgetExhausted
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import KeyTaken
from tests.build import BUDGET
from tests.ledger.clerk import NOON, TODAY, Clerk
from tests.ledger.keeping import GOOD_UNTIL, wallet_of

SOON = date(2027, 11, 30)
LATER = date(2028, 2, 29)
DAY = timedelta(days=1)


def test_points_keep_their_last_good_day_and_their_issuer_when_they_change_hands(clerk: Clerk) -> None:
    giver, taker, shop = clerk.resident(), clerk.resident(), clerk.operator(100)
    clerk.earn(giver, 4, SOON, issuer_id=shop)
    clerk.earn(giver, 6, LATER)
    receipt = clerk.transfer(giver, taker, 9)
    assert (receipt.amount, receipt.balance, receipt.replayed) == (9, 1, False)
    lots = clerk.town.rows(
        Lot.expires_on, Lot.issuer_id, Lot.credited, Lot.debited, account_id=wallet_of(clerk.town, taker).id
    )
    assert sorted(lots) == [(SOON, shop, 4, 0), (LATER, clerk.town.id, 5, 0)]
    clerk.audit()


def test_a_taker_who_has_a_wallet_takes_into_it(clerk: Clerk) -> None:
    giver, taker = clerk.resident(10), clerk.resident(1)
    clerk.transfer(giver, taker, 10)
    assert (clerk.balance(giver), clerk.lots(taker)) == (0, {GOOD_UNTIL: 11})
    clerk.audit()


def test_points_can_be_given_back(clerk: Clerk) -> None:
    one, other = clerk.resident(10), clerk.resident()
    clerk.transfer(one, other, 10)
    clerk.transfer(other, one, 10)
    assert (clerk.balance(one), clerk.balance(other)) == (10, 0)
    clerk.audit()


def test_nobody_gives_more_than_is_good_today(clerk: Clerk) -> None:
    giver, taker = clerk.resident(3), clerk.resident()
    clerk.earn(giver, 10, TODAY - DAY)
    clerk.earn(giver, 10, scope="mall")
    with clerk.refuses(PointsInsufficient, amount=4, available=3):
        clerk.transfer(giver, taker, 4)
    with clerk.refuses(PointsInsufficient, amount=1, available=0):
        clerk.transfer(taker, giver, 1)
    clerk.audit()


def test_the_same_key_transfers_once(clerk: Clerk) -> None:
    giver, taker, third = clerk.resident(20), clerk.resident(), clerk.resident()
    receipt = clerk.transfer(giver, taker, 4, key="gift")
    clerk.transfer(taker, giver, 1)
    clerk.spend(giver, 2)
    clerk.replays(receipt, lambda: clerk.transfer(giver, taker, 4, key="gift"))
    for another in (
        lambda: clerk.transfer(giver, taker, 5, key="gift"),
        lambda: clerk.transfer(giver, third, 4, key="gift"),
        lambda: clerk.transfer(taker, giver, 4, key="gift"),
    ):
        with clerk.refuses(KeyTaken):
            another()


# By hand


def test_points_given_by_hand_come_from_the_towns_budget(clerk: Clerk) -> None:
    resident = clerk.resident()
    receipt = clerk.adjust(resident, 10, LATER)
    assert (receipt.amount, receipt.balance) == (10, 10)
    assert (clerk.lots(resident), clerk.budget()) == ({LATER: 10}, BUDGET - 10)
    clerk.audit()


def test_points_taken_by_hand_count_as_lapsed_and_go_first_to_lapse_first(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 4, SOON)
    clerk.earn(resident, 6, LATER)
    receipt = clerk.adjust(resident, -5)
    assert (receipt.amount, receipt.balance) == (5, 5)
    assert (clerk.lots(resident), clerk.sunk(AccountKind.BREAKAGE)) == ({LATER: 5}, 5)
    clerk.audit()


def test_a_wallet_never_falls_below_zero_by_hand(clerk: Clerk) -> None:
    resident = clerk.resident(4)
    with clerk.refuses(PointsInsufficient, amount=5, available=4):
        clerk.adjust(resident, -5)
    clerk.audit()


def test_the_budget_never_falls_below_zero_by_hand(clerk: Clerk) -> None:
    resident = clerk.resident()
    with clerk.refuses(BudgetExhausted):
        clerk.adjust(resident, BUDGET + 1)
    clerk.adjust(resident, BUDGET)
    clerk.audit()


@pytest.mark.parametrize("amount", [4, -4])
def test_the_same_key_adjusts_once(clerk: Clerk, amount: int) -> None:
    resident, other = clerk.resident(20), clerk.resident(20)
    receipt = clerk.adjust(resident, amount, key="by-hand")
    clerk.spend(resident, 1)
    with time_machine.travel(NOON + DAY, tick=False):
        clerk.replays(receipt, lambda: clerk.adjust(resident, amount, key="by-hand"))
    for another in (
        lambda: clerk.adjust(resident, -amount, key="by-hand"),
        lambda: clerk.adjust(resident, amount, LATER, key="by-hand"),
        lambda: clerk.adjust(other, amount, key="by-hand"),
    ):
        with clerk.refuses(KeyTaken):
            another()
