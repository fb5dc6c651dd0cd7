"""A point is spent once, by its holder, while it is good: the first to lapse goes first, a refusal changes nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine

from models.ledger import AccountKind
from rules.clock import local_moment
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import KeyTaken
from tests.ledger.clerk import TODAY, Clerk
from tests.ledger.keeping import GOOD_UNTIL

SOON = date(2027, 11, 30)
LATER = date(2028, 2, 29)
DAY = timedelta(days=1)


def test_what_is_spent_goes_from_the_wallet_to_the_town(clerk: Clerk) -> None:
    resident = clerk.resident(10)
    receipt = clerk.spend(resident, 4)
    assert (receipt.amount, receipt.balance, receipt.replayed) == (4, 6, False)
    assert (clerk.balance(resident), clerk.sunk(AccountKind.REDEEMED)) == (6, 4)
    clerk.audit()


def test_what_an_operator_redeems_is_counted_for_that_operator(clerk: Clerk) -> None:
    resident, shop, theatre = clerk.resident(10), clerk.operator(), clerk.operator()
    clerk.spend(resident, 4, redeemer_id=shop)
    clerk.spend(resident, 1, redeemer_id=theatre)
    sunk = [clerk.sunk(AccountKind.REDEEMED, owner) for owner in (shop, theatre, None)]
    assert sunk == [4, 1, 0]
    clerk.audit()


def test_the_first_to_lapse_is_spent_first(clerk: Clerk) -> None:
    resident = clerk.resident()
    for expires_on in (LATER, SOON, GOOD_UNTIL):
        clerk.earn(resident, 10, expires_on)
    receipt = clerk.spend(resident, 15)
    assert clerk.lots(resident) == {GOOD_UNTIL: 5, LATER: 10}
    assert [posting.amount for posting in clerk.postings(receipt)] == [10, 5]
    clerk.audit()


def test_of_points_that_lapse_on_one_day_the_bound_ones_are_spent_first(clerk: Clerk) -> None:
    resident = clerk.resident(5)
    clerk.earn(resident, 5, scope="mall")
    clerk.spend(resident, 5, scope="mall")
    assert (clerk.spendable(resident), clerk.spendable(resident, "mall")) == (5, 5)


def test_points_of_one_scope_are_not_spent_in_another(clerk: Clerk) -> None:
    resident = clerk.resident(3)
    clerk.earn(resident, 10, scope="mall")
    with clerk.refuses(PointsInsufficient, amount=4, available=3):
        clerk.spend(resident, 4)
    with clerk.refuses(PointsInsufficient, amount=4, available=3):
        clerk.spend(resident, 4, scope="theatre")
    assert clerk.spend(resident, 13, scope="mall").balance == 0
    clerk.audit()


def test_the_last_good_day_is_the_last_day_on_which_a_point_is_spent(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, TODAY)
    with time_machine.travel(local_moment(TODAY + DAY, "00:00") - timedelta(microseconds=1), tick=False):
        assert clerk.spend(resident, 4).balance == 6
    with time_machine.travel(local_moment(TODAY + DAY, "00:00"), tick=False):
        with clerk.refuses(PointsInsufficient, amount=1, available=0):
            clerk.spend(resident, 1)
        assert clerk.balance(resident) == 6  # it has lapsed, and nobody has booked that yet
    clerk.audit()


def test_a_leap_day_is_a_last_good_day_like_any_other(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, LATER)
    with time_machine.travel(local_moment(LATER, "23:59"), tick=False):
        clerk.spend(resident, 1)
    with (
        time_machine.travel(local_moment(date(2028, 3, 1), "00:00"), tick=False),
        clerk.refuses(PointsInsufficient, amount=1, available=0),
    ):
        clerk.spend(resident, 1)


def test_what_has_lapsed_is_not_counted_as_available(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, TODAY - DAY)
    clerk.earn(resident, 3, TODAY)
    with clerk.refuses(PointsInsufficient, amount=13, available=3):
        clerk.spend(resident, 13)
    assert clerk.spend(resident, 3).balance == 10
    assert clerk.lots(resident) == {TODAY - DAY: 10}


@pytest.mark.parametrize("amount", [11, 2**62])
def test_more_than_there_is_is_refused_with_what_there_is(clerk: Clerk, amount: int) -> None:
    resident = clerk.resident(10)
    with clerk.refuses(PointsInsufficient, amount=amount, available=10):
        clerk.spend(resident, amount)


def test_who_never_earned_has_nothing_to_spend(clerk: Clerk) -> None:
    resident = clerk.resident()
    with clerk.refuses(PointsInsufficient, amount=1, available=0):
        clerk.spend(resident, 1)


def test_the_last_point_can_be_spent(clerk: Clerk) -> None:
    resident = clerk.resident(10)
    assert clerk.spend(resident, 10).balance == 0
    clerk.audit()


def test_a_refused_spending_does_not_burn_its_key(clerk: Clerk) -> None:
    resident = clerk.resident(4)
    with clerk.refuses(PointsInsufficient, amount=5, available=4):
        clerk.spend(resident, 5, key="lunch")
    clerk.earn(resident, 1)
    assert not clerk.spend(resident, 5, key="lunch").replayed


def test_the_same_key_gives_the_very_same_receipt_whatever_has_happened_since(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, SOON)
    clerk.earn(resident, 10, LATER)
    receipt = clerk.spend(resident, 12, key="lunch")
    clerk.earn(resident, 100)
    clerk.spend(resident, 50)
    clerk.replays(receipt, lambda: clerk.spend(resident, 12, key="lunch"))
    with time_machine.travel(local_moment(date(2029, 1, 1), "12:00"), tick=False):
        clerk.replays(receipt, lambda: clerk.spend(resident, 12, key="lunch"))


def test_a_key_stands_for_one_spending_only(clerk: Clerk) -> None:
    resident, other, shop = clerk.resident(10), clerk.resident(10), clerk.operator()
    clerk.spend(resident, 4, key="lunch")
    for another in (
        lambda: clerk.spend(resident, 5, key="lunch"),
        lambda: clerk.spend(other, 4, key="lunch"),
        lambda: clerk.spend(resident, 4, key="lunch", scope="mall"),
        lambda: clerk.spend(resident, 4, key="lunch", redeemer_id=shop),
        lambda: clerk.earn(resident, 4, key="lunch"),
        lambda: clerk.hold(resident, 4, key="lunch"),
    ):
        with clerk.refuses(KeyTaken):
            another()
