"""Held points wait: they are captured or given back, never both, never more than are held, never to another lot."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine

from models.ledger import AccountKind
from rules.ledger.holds import HoldLapsed, HoldSettled, slice_of
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import KeyTaken, TxnUnknown
from tests.build import Person, new_town
from tests.ledger.clerk import NOON, TODAY, Clerk
from tests.ledger.deeds import HOLD_FOR
from tests.ledger.keeping import GOOD_UNTIL

SOON = date(2027, 11, 30)
LATER = date(2028, 2, 29)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def three_lots(clerk: Clerk, *amounts: int) -> Person:
    """A resident with points of three last good days."""
    resident = clerk.resident()
    for amount, expires_on in zip(amounts, (SOON, GOOD_UNTIL, LATER), strict=True):
        clerk.earn(resident, amount, expires_on)
    return resident


def test_what_is_held_can_not_be_spent(clerk: Clerk) -> None:
    resident = clerk.resident(10)
    held = clerk.hold(resident, 7)
    assert (held.amount, held.balance, held.replayed) == (7, 3, False)
    assert (clerk.balance(resident), clerk.held(resident)) == (3, 7)
    with clerk.refuses(PointsInsufficient, amount=4, available=3):
        clerk.spend(resident, 4)
    with clerk.refuses(PointsInsufficient, amount=4, available=3):
        clerk.hold(resident, 4)
    clerk.audit()


def test_a_capture_spends_what_is_held(clerk: Clerk) -> None:
    resident, shop = clerk.resident(10), clerk.operator()
    held = clerk.hold(resident, 7)
    receipt = clerk.capture(held, 7, redeemer_id=shop)
    assert (receipt.amount, receipt.balance) == (7, 0)
    assert (clerk.balance(resident), clerk.held(resident), clerk.sunk(AccountKind.REDEEMED, shop)) == (3, 0, 7)
    assert clerk.hold_of(held) == (7, 7, 0)
    clerk.audit()


def test_a_void_gives_every_point_back_to_the_lot_it_came_from(clerk: Clerk) -> None:
    resident = three_lots(clerk, 4, 5, 6)
    before = clerk.lots(resident)
    held = clerk.hold(resident, 12)
    assert clerk.lots(resident) == {LATER: 3}
    assert clerk.lots(resident, AccountKind.ESCROW) == {SOON: 4, GOOD_UNTIL: 5, LATER: 3}
    receipt = clerk.void(held, 12)
    assert (receipt.amount, receipt.balance) == (12, 15)
    assert clerk.lots(resident) == before
    clerk.audit()


def test_captures_take_what_lapses_first_and_voids_give_back_what_lapses_last(clerk: Clerk) -> None:
    resident = three_lots(clerk, 4, 5, 6)
    held = clerk.hold(resident, 15)
    clerk.capture(held, 3)
    assert clerk.lots(resident, AccountKind.ESCROW) == {SOON: 1, GOOD_UNTIL: 5, LATER: 6}
    clerk.void(held, 7)
    assert clerk.lots(resident) == {LATER: 6, GOOD_UNTIL: 1}
    assert clerk.lots(resident, AccountKind.ESCROW) == {SOON: 1, GOOD_UNTIL: 4}
    clerk.capture(held, 2)
    assert clerk.lots(resident, AccountKind.ESCROW) == {GOOD_UNTIL: 3}
    clerk.void(held, 3)
    assert clerk.lots(resident) == {LATER: 6, GOOD_UNTIL: 4}
    assert (clerk.held(resident), clerk.hold_of(held)) == (0, (15, 5, 10))
    clerk.audit()


def test_two_holds_of_one_resident_are_settled_each_by_itself(clerk: Clerk) -> None:
    resident = three_lots(clerk, 4, 5, 6)
    first, second = clerk.hold(resident, 6), clerk.hold(resident, 8)
    clerk.void(second, 8)
    assert clerk.lots(resident) == {GOOD_UNTIL: 3, LATER: 6}
    clerk.capture(first, 5)
    clerk.void(first, 1)
    assert clerk.lots(resident) == {GOOD_UNTIL: 4, LATER: 6}
    assert clerk.held(resident) == 0
    clerk.audit()


@pytest.mark.parametrize("amount", [5, 8])
def test_never_more_is_settled_than_is_held(clerk: Clerk, amount: int) -> None:
    held = clerk.hold(clerk.resident(10), 7)
    clerk.capture(held, 2)
    clerk.void(held, 1)
    for settle in (clerk.capture, clerk.void):
        with clerk.refuses(HoldSettled, amount=amount, open=4):
            settle(held, amount)


@pytest.mark.parametrize("first", ["capture", "void"])
@pytest.mark.parametrize("second", ["capture", "void"])
def test_a_settled_hold_is_settled_for_good(clerk: Clerk, first: str, second: str) -> None:
    held = clerk.hold(clerk.resident(10), 7)
    getattr(clerk, first)(held, 7)
    with clerk.refuses(HoldSettled, amount=1, open=0):
        getattr(clerk, second)(held, 1)
    assert clerk.release() == 0


def test_a_hold_can_be_captured_until_the_moment_it_lapses(clerk: Clerk) -> None:
    held = clerk.hold(clerk.resident(10), 7)
    with time_machine.travel(NOON + HOLD_FOR - INSTANT, tick=False):
        assert clerk.release() == 0
        clerk.capture(held, 1)
    with time_machine.travel(NOON + HOLD_FOR, tick=False):
        with clerk.refuses(HoldLapsed):
            clerk.capture(held, 1)
        with clerk.refuses(HoldSettled, amount=7, open=6):
            clerk.capture(held, 7)
        clerk.void(held, 2)
        assert clerk.release() == 1
    clerk.audit()


def test_a_lapsed_hold_is_released_once_with_all_that_is_left(clerk: Clerk) -> None:
    resident, other = clerk.resident(10), clerk.resident(10)
    held, open_ = clerk.hold(resident, 7), clerk.hold(other, 5, NOON + 3 * HOLD_FOR)
    clerk.capture(held, 2)
    with time_machine.travel(NOON + HOLD_FOR, tick=False):
        assert (clerk.release(), clerk.release()) == (1, 0)
    assert (clerk.balance(resident), clerk.held(resident), clerk.hold_of(held)) == (8, 0, (7, 2, 5))
    assert (clerk.held(other), clerk.hold_of(open_)) == (5, (5, 0, 0))
    clerk.audit()


def test_lapsed_holds_are_released_in_turns_the_oldest_first(clerk: Clerk) -> None:
    resident = clerk.resident(10)
    young, old = (clerk.hold(resident, 2, NOON + hours * HOLD_FOR) for hours in (2, 1))
    with time_machine.travel(NOON + 3 * HOLD_FOR, tick=False):
        assert clerk.release(limit=1) == 1
        assert (clerk.hold_of(old), clerk.hold_of(young)) == ((2, 0, 2), (2, 0, 0))
        assert (clerk.release(limit=1), clerk.release(limit=1)) == (1, 0)
    clerk.audit()


def test_points_do_not_lapse_while_they_are_held(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, TODAY)
    held = clerk.hold(resident, 7, NOON + 5 * DAY)
    with time_machine.travel(NOON + DAY, tick=False):
        assert clerk.expire().points == 3
        assert (clerk.balance(resident), clerk.held(resident)) == (0, 7)
        clerk.capture(held, 4)
        assert clerk.sunk(AccountKind.REDEEMED) == 4
    clerk.audit()


def test_what_is_given_back_after_its_last_good_day_can_not_be_spent_and_lapses_in_the_next_run(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, TODAY)
    held = clerk.hold(resident, 7, NOON + 5 * DAY)
    with time_machine.travel(NOON + DAY, tick=False):
        clerk.expire()
        clerk.void(held, 7)
        assert (clerk.balance(resident), clerk.spendable(resident)) == (7, 0)
        with clerk.refuses(PointsInsufficient, amount=1, available=0):
            clerk.spend(resident, 1)
        assert clerk.expire().points == 7  # on the same day, a second time
        assert (clerk.balance(resident), clerk.sunk(AccountKind.BREAKAGE)) == (0, 10)
    clerk.audit()


def test_points_of_a_scope_are_held_with_their_scope(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, scope="mall")
    with clerk.refuses(PointsInsufficient, amount=1, available=0):
        clerk.hold(resident, 1)
    held = clerk.hold(resident, 10, scope="mall")
    clerk.void(held, 10)
    assert (clerk.spendable(resident), clerk.spendable(resident, "mall")) == (0, 10)
    clerk.audit()


def test_replays_give_the_very_same_receipts_whatever_has_happened_since(clerk: Clerk) -> None:
    resident = three_lots(clerk, 4, 5, 6)
    held = clerk.hold(resident, 12, NOON + HOLD_FOR, key="hold")
    captured, voided = clerk.capture(held, 5, key="capture"), clerk.void(held, 7, key="void")
    clerk.spend(resident, 1)
    clerk.replays(captured, lambda: clerk.capture(held, 5, key="capture"))
    clerk.replays(voided, lambda: clerk.void(held, 7, key="void"))
    with time_machine.travel(NOON + 2 * HOLD_FOR, tick=False):
        clerk.replays(held, lambda: clerk.hold(resident, 12, NOON + HOLD_FOR, key="hold"))
        clerk.replays(captured, lambda: clerk.capture(held, 5, key="capture"))


def test_a_key_stands_for_one_settlement_only(clerk: Clerk) -> None:
    resident = clerk.resident(20)
    held, other = clerk.hold(resident, 7), clerk.hold(resident, 7)
    clerk.capture(held, 2, key="pick-up")
    for another in (
        lambda: clerk.capture(held, 3, key="pick-up"),
        lambda: clerk.capture(other, 2, key="pick-up"),
        lambda: clerk.capture(held, 2, key="pick-up", redeemer_id=clerk.town.operator_id),
        lambda: clerk.void(held, 2, key="pick-up"),
    ):
        with clerk.refuses(KeyTaken):
            another()


def test_what_is_no_hold_can_not_be_settled(clerk: Clerk) -> None:
    earned = clerk.earn(clerk.resident(), 10)
    for settle in (clerk.capture, clerk.void):
        with clerk.refuses(TxnUnknown):
            settle(earned, 1)


def test_a_hold_of_another_town_is_unknown(clerk: Clerk) -> None:
    other = Clerk(new_town(clerk.town.house))
    held = other.hold(other.resident(10), 7)
    with clerk.refuses(TxnUnknown):
        clerk.capture(held, 1)


@pytest.mark.parametrize(
    ("start", "stop", "sliced"),
    [
        (0, 9, [(1, 2), (2, 3), (3, 4)]),
        (0, 2, [(1, 2)]),
        (1, 3, [(1, 1), (2, 1)]),
        (2, 5, [(2, 3)]),
        (4, 6, [(2, 1), (3, 1)]),
        (8, 9, [(3, 1)]),
        (3, 3, []),
    ],
)
def test_a_slice_is_cut_where_it_says(start: int, stop: int, sliced: list[tuple[int, int]]) -> None:
    assert slice_of([(1, 2), (2, 3), (3, 4)], start, stop) == sliced
