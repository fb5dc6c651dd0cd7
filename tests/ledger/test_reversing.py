"""A transaction is taken back once at most, along its own way: points, budgets and caps stand where they stood before."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine

from models.ledger import AccountKind, Reversal, Txn
from rules.ledger.caps import CapUse
from rules.ledger.pools import BudgetExhausted
from rules.ledger.reversing import AlreadyReversed, NotReversible
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import KeyTaken, TxnUnknown
from tests.build import BUDGET, new_town
from tests.ledger.clerk import NOON, TODAY, Clerk
from tests.ledger.deeds import HOLD_FOR
from tests.ledger.keeping import GOOD_UNTIL

SOON = date(2027, 11, 30)
LATER = date(2028, 2, 29)
DAY = timedelta(days=1)


def test_an_earning_goes_back_to_the_budget(clerk: Clerk) -> None:
    resident = clerk.resident()
    earned = clerk.earn(resident, 10)
    receipt = clerk.reverse(earned)
    assert (receipt.amount, receipt.balance, receipt.replayed) == (10, 0, False)
    assert (clerk.balance(resident), clerk.budget()) == (0, BUDGET)
    [(txn,)] = clerk.town.rows(Txn, id=receipt.txn_id)
    assert txn.reverses_txn_id == earned.txn_id
    clerk.audit()


def test_an_operators_earning_goes_back_to_that_operators_budget(clerk: Clerk) -> None:
    shop, resident = clerk.operator(100), clerk.resident(10)
    earned = clerk.earn(resident, 10, issuer_id=shop)
    clerk.reverse(earned, 4)
    assert (clerk.budget(shop), clerk.budget()) == (94, BUDGET - 10)
    clerk.audit()


def test_points_that_are_spent_are_taken_back_from_others_of_the_same_issuer_only(clerk: Clerk) -> None:
    shop, resident = clerk.operator(100), clerk.resident()
    earned = clerk.earn(resident, 10, SOON, issuer_id=shop)
    clerk.earn(resident, 3, LATER, issuer_id=shop)
    clerk.earn(resident, 50, LATER)
    clerk.spend(resident, 8)
    with clerk.refuses(PointsInsufficient, amount=10, available=5):
        clerk.reverse(earned)
    clerk.reverse(earned, 5)
    assert (clerk.lots(resident), clerk.budget(shop)) == ({LATER: 50}, 92)
    clerk.audit()


def test_others_are_taken_in_place_of_what_is_spent_as_long_as_they_are_good(clerk: Clerk) -> None:
    resident = clerk.resident()
    earned = clerk.earn(resident, 10, LATER)
    clerk.spend(resident, 10)
    clerk.earn(resident, 4, TODAY)
    clerk.earn(resident, 4, TODAY - DAY)
    with clerk.refuses(PointsInsufficient, amount=5, available=4):
        clerk.reverse(earned, 5)
    clerk.reverse(earned, 4)
    assert clerk.lots(resident) == {TODAY - DAY: 4}
    clerk.audit()


def test_points_that_are_held_can_not_be_taken_back(clerk: Clerk) -> None:
    resident = clerk.resident()
    earned = clerk.earn(resident, 10)
    held = clerk.hold(resident, 7)
    with clerk.refuses(PointsInsufficient, amount=10, available=3):
        clerk.reverse(earned)
    clerk.void(held, 7)
    assert clerk.reverse(earned).balance == 0
    clerk.audit()


def test_the_earnings_own_lot_is_taken_from_first(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, SOON)
    earned = clerk.earn(resident, 10, LATER)
    clerk.reverse(earned, 6)
    assert clerk.lots(resident) == {SOON: 10, LATER: 4}


def test_what_has_lapsed_has_lapsed_whether_it_is_booked_or_not(clerk: Clerk) -> None:
    resident = clerk.resident()
    earned = clerk.earn(resident, 10, TODAY)
    with time_machine.travel(NOON + DAY, tick=False):
        with clerk.refuses(NotReversible):
            clerk.reverse(earned, 4)
        assert clerk.expire().points == 10
        with clerk.refuses(NotReversible):
            clerk.reverse(earned)
    clerk.audit()


def test_a_spending_goes_back_to_the_lots_it_came_from(clerk: Clerk) -> None:
    resident, shop = clerk.resident(), clerk.operator()
    clerk.earn(resident, 10, SOON)
    clerk.earn(resident, 10, LATER)
    spent = clerk.spend(resident, 15, redeemer_id=shop)
    receipt = clerk.reverse(spent, 7)
    assert (receipt.amount, receipt.balance) == (7, 12)
    assert clerk.lots(resident) == {LATER: 10, SOON: 2}
    clerk.reverse(spent)
    assert (clerk.lots(resident), clerk.sunk(AccountKind.REDEEMED, shop)) == ({SOON: 10, LATER: 10}, 0)
    clerk.audit()


def test_a_spending_that_is_taken_back_too_late_gives_points_that_have_lapsed(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, TODAY)
    spent = clerk.spend(resident, 10)
    with time_machine.travel(NOON + DAY, tick=False):
        assert clerk.reverse(spent).balance == 10
        assert clerk.spendable(resident) == 0
        assert clerk.expire().points == 10
    clerk.audit()


def test_a_capture_goes_back_to_the_wallet_and_leaves_the_hold_settled(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 4, SOON)
    clerk.earn(resident, 6, LATER)
    held = clerk.hold(resident, 9)
    captured = clerk.capture(held, 7)
    clerk.void(held, 2)
    receipt = clerk.reverse(captured, 5)
    assert (receipt.amount, receipt.balance) == (5, 8)
    assert (clerk.lots(resident), clerk.hold_of(held)) == ({LATER: 6, SOON: 2}, (9, 7, 2))
    clerk.reverse(captured)
    assert clerk.lots(resident) == {LATER: 6, SOON: 4}
    clerk.audit()


def test_a_transfer_goes_back_to_the_giver(clerk: Clerk) -> None:
    giver, taker = clerk.resident(), clerk.resident(5)
    clerk.earn(giver, 4, SOON)
    clerk.earn(giver, 6, LATER)
    moved = clerk.transfer(giver, taker, 9)
    receipt = clerk.reverse(moved, 6)
    assert (receipt.amount, receipt.balance) == (6, 8)
    clerk.reverse(moved)
    assert (clerk.lots(giver), clerk.lots(taker)) == ({SOON: 4, LATER: 6}, {GOOD_UNTIL: 5})
    clerk.audit()


def test_a_transfer_whose_points_are_spent_is_taken_back_as_far_as_the_taker_can(clerk: Clerk) -> None:
    giver, taker = clerk.resident(10), clerk.resident()
    moved = clerk.transfer(giver, taker, 9)
    clerk.spend(taker, 5)
    with clerk.refuses(PointsInsufficient, amount=9, available=4):
        clerk.reverse(moved)
    clerk.reverse(moved, 4)
    assert (clerk.balance(giver), clerk.balance(taker)) == (5, 0)
    clerk.audit()


def test_a_transfer_of_several_lots_is_taken_back_though_other_points_took_their_place(clerk: Clerk) -> None:
    giver, taker = clerk.resident(), clerk.resident()
    clerk.earn(giver, 4, SOON)
    clerk.earn(giver, 6, LATER)
    moved = clerk.transfer(giver, taker, 10)
    clerk.spend(taker, 7)
    clerk.earn(taker, 8, GOOD_UNTIL)
    assert clerk.reverse(moved).balance == 1
    assert (sum(clerk.lots(giver).values()), sum(clerk.lots(taker).values())) == (10, 1)
    clerk.audit()


def test_a_grant_goes_back_to_the_mint_as_far_as_the_pool_can(clerk: Clerk) -> None:
    shop = clerk.operator()
    granted = clerk.grant(100, operator_id=shop)
    clerk.earn(clerk.resident(), 30, issuer_id=shop)
    with clerk.refuses(BudgetExhausted):
        clerk.reverse(granted)
    assert clerk.reverse(granted, 70).balance == 0
    assert (clerk.budget(shop), clerk.sunk(AccountKind.MINT)) == (0, -BUDGET - 30)
    clerk.audit()


def test_an_adjustment_is_taken_back_both_ways(clerk: Clerk) -> None:
    resident = clerk.resident()
    given = clerk.adjust(resident, 10, LATER)
    taken = clerk.adjust(resident, -4)
    assert clerk.reverse(taken).balance == 10
    assert clerk.reverse(given).balance == 0
    assert (clerk.budget(), clerk.sunk(AccountKind.BREAKAGE)) == (BUDGET, 0)
    clerk.audit()


def test_never_more_is_taken_back_than_there_was(clerk: Clerk) -> None:
    resident = clerk.resident(100)
    spent = clerk.spend(resident, 10)
    with clerk.refuses(AlreadyReversed, left=10):
        clerk.reverse(spent, 11)
    clerk.reverse(spent, 6)
    with clerk.refuses(AlreadyReversed, left=4):
        clerk.reverse(spent, 5)
    clerk.reverse(spent)
    for amount in (None, 1):
        with clerk.refuses(AlreadyReversed, left=0):
            clerk.reverse(spent, amount)
    assert clerk.town.rows(Reversal.amount, Reversal.reversed, txn_id=spent.txn_id) == [(10, 10)]
    clerk.audit()


def test_what_is_no_decision_to_pay_or_to_take_is_not_reversed(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 5, TODAY)
    earned = clerk.earn(resident, 10, LATER)
    held = clerk.hold(resident, 2)
    voided = clerk.void(held, 1)
    reversed_ = clerk.reverse(earned, 1)
    for receipt in (held, voided, reversed_):
        with clerk.refuses(NotReversible):
            clerk.reverse(receipt)
    with time_machine.travel(NOON + DAY, tick=False):
        clerk.expire()
        [(expiry,)] = clerk.town.rows(Txn.id, reason="expiry")
        with clerk.refuses(NotReversible):
            clerk.reverse(expiry)


def test_a_move_between_the_shards_of_a_pool_is_not_reversed(clerk: Clerk) -> None:
    clerk.split(4)
    [(txn_id,)] = clerk.town.rows(Txn.id, reason="shards")
    with clerk.refuses(NotReversible):
        clerk.reverse(txn_id)


def test_what_is_not_there_or_is_another_towns_is_unknown(clerk: Clerk) -> None:
    other = Clerk(new_town(clerk.town.house))
    elsewhere = other.earn(other.resident(), 10)
    with clerk.refuses(TxnUnknown):
        clerk.reverse(elsewhere)


# Caps


def test_the_cap_of_the_period_that_was_charged_becomes_free_again(clerk: Clerk) -> None:
    resident = clerk.resident()
    november, december = (CapUse("checkin", period, 10, 10) for period in ("2027-11", "2027-12"))
    earned = clerk.earn(resident, 10, usages=[november])
    clerk.earn(resident, 10, usages=[december])
    with time_machine.travel(NOON + 30 * DAY, tick=False):
        clerk.reverse(earned)
    assert [clerk.used(resident, "checkin", period) for period in ("2027-11", "2027-12")] == [0, 10]
    clerk.earn(resident, 10, usages=[november])
    clerk.audit()


def test_a_reversal_in_parts_frees_the_cap_in_proportion_and_all_of_it_in_the_end(clerk: Clerk) -> None:
    resident = clerk.resident()
    earned = clerk.earn(
        resident, 10, usages=[CapUse("checkin", "2027-11", 3, 20), CapUse("points", "2027-W46", 10, 20)]
    )
    left = []
    for amount in (3, 3, 3, 1):
        clerk.reverse(earned, amount)
        left.append((clerk.used(resident, "checkin", "2027-11"), clerk.used(resident, "points", "2027-W46")))
    assert left == [(3, 7), (2, 4), (1, 1), (0, 0)]
    clerk.audit()


def test_a_refused_reversal_frees_no_cap(clerk: Clerk) -> None:
    resident = clerk.resident()
    earned = clerk.earn(resident, 10, usages=[CapUse("checkin", "2027-11", 1, 1)])
    clerk.spend(resident, 1)
    with clerk.refuses(PointsInsufficient, amount=10, available=9):
        clerk.reverse(earned)
    assert clerk.used(resident, "checkin", "2027-11") == 1


# Shards


def test_an_award_that_several_shards_paid_goes_back_to_those_that_paid_it(clerk: Clerk) -> None:
    shop, resident = clerk.operator(8), clerk.resident()
    clerk.split(4)
    earned = clerk.earn(resident, 7, issuer_id=shop)
    assert len(clerk.postings(earned)) == 4
    clerk.spend(resident, 2)
    clerk.earn(resident, 1, LATER, issuer_id=shop)
    clerk.reverse(earned, 4)
    clerk.audit()
    clerk.reverse(earned, 2)
    assert (clerk.budget(shop), clerk.balance(resident)) == (6, 0)
    clerk.audit()


# Keys


@pytest.mark.parametrize("what", ["earn", "spend", "capture", "transfer", "grant", "give", "take"])
def test_the_same_key_gives_the_very_same_receipt_whatever_has_happened_since(clerk: Clerk, what: str) -> None:
    resident, other = clerk.resident(50, 50), clerk.resident()
    original = {
        "earn": lambda: clerk.earn(resident, 10),
        "spend": lambda: clerk.spend(resident, 10),
        "capture": lambda: clerk.capture(clerk.hold(resident, 10), 10),
        "transfer": lambda: clerk.transfer(resident, other, 10),
        "grant": lambda: clerk.grant(10),
        "give": lambda: clerk.adjust(resident, 10),
        "take": lambda: clerk.adjust(resident, -10),
    }[what]()
    receipt = clerk.reverse(original, 4, key="back")
    clerk.reverse(original)
    clerk.earn(resident, 1)
    clerk.spend(resident, 3)
    clerk.replays(receipt, lambda: clerk.reverse(original, 4, key="back"))
    for amount in (None, 3, 6):
        with clerk.refuses(KeyTaken):
            clerk.reverse(original, amount, key="back")
    clerk.audit()


def test_the_key_of_a_reversal_stands_for_one_original_only(clerk: Clerk) -> None:
    resident = clerk.resident(50)
    first, second = clerk.spend(resident, 10), clerk.spend(resident, 10)
    clerk.reverse(first, key="back")
    with clerk.refuses(KeyTaken):
        clerk.reverse(second, key="back")


def test_a_lapsed_holds_release_is_a_void_like_any_other(clerk: Clerk) -> None:
    held = clerk.hold(clerk.resident(10), 10)
    with time_machine.travel(NOON + HOLD_FOR, tick=False):
        clerk.release()
    [(void_id,)] = clerk.town.rows(Txn.id, hold_txn_id=held.txn_id)
    with clerk.refuses(NotReversible):
        clerk.reverse(void_id)
