"""A rule gives one wallet no more in a period than its cap allows, whatever else the award is and whoever asks."""

from __future__ import annotations

import pytest

from rules.ledger.caps import CapReached, CapUse
from rules.ledger.pools import BudgetExhausted
from tests.build import BUDGET
from tests.ledger.clerk import Clerk

NOVEMBER, DECEMBER = "2027-11", "2027-12"


def of(quantity: int, cap: int = 10, *, rule: str = "checkin", period: str = NOVEMBER) -> CapUse:
    return CapUse(rule, period, quantity, cap)


def test_awards_count_until_the_cap_is_reached(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 6, usages=[of(6)])
    with clerk.refuses(CapReached):
        clerk.earn(resident, 5, usages=[of(5)])
    clerk.earn(resident, 4, usages=[of(4)])
    with clerk.refuses(CapReached):
        clerk.earn(resident, 1, usages=[of(1)])
    assert clerk.used(resident, "checkin", NOVEMBER) == 10
    clerk.audit()


@pytest.mark.parametrize("quantity", [11, 2**40])
def test_the_first_award_of_a_period_is_held_to_the_cap_too(clerk: Clerk, quantity: int) -> None:
    resident = clerk.resident()
    with clerk.refuses(CapReached):
        clerk.earn(resident, 1, usages=[of(quantity)])


def test_a_cap_is_for_one_wallet_one_rule_and_one_period(clerk: Clerk) -> None:
    resident, other = clerk.resident(), clerk.resident()
    clerk.earn(resident, 1, usages=[of(10)])
    clerk.earn(resident, 1, usages=[of(10, rule="class")])
    clerk.earn(resident, 1, usages=[of(10, period=DECEMBER)])
    clerk.earn(other, 1, usages=[of(10)])
    with clerk.refuses(CapReached):
        clerk.earn(resident, 1, usages=[of(1)])
    clerk.audit()


def test_an_award_under_several_caps_is_refused_by_any_of_them(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 1, usages=[of(1, 2, rule="a"), of(1, 1, rule="b"), of(1, 5, rule="c")])
    with clerk.refuses(CapReached):
        clerk.earn(resident, 1, usages=[of(1, 2, rule="a"), of(1, 1, rule="b"), of(1, 5, rule="c")])
    assert [clerk.used(resident, rule, NOVEMBER) for rule in "abc"] == [1, 1, 1]


def test_uses_of_one_cap_in_one_award_are_added_up(clerk: Clerk) -> None:
    resident = clerk.resident()
    with clerk.refuses(CapReached):
        clerk.earn(resident, 1, usages=[of(6), of(5)])
    earned = clerk.earn(resident, 1, usages=[of(6), of(4)])
    assert clerk.used(resident, "checkin", NOVEMBER) == 10
    clerk.reverse(earned)
    assert clerk.used(resident, "checkin", NOVEMBER) == 0
    clerk.audit()


def test_a_cap_that_was_lowered_holds_from_then_on(clerk: Clerk) -> None:
    resident = clerk.resident()
    earned = clerk.earn(resident, 8, usages=[of(8)])
    with clerk.refuses(CapReached):
        clerk.earn(resident, 1, usages=[of(1, 5)])
    clerk.reverse(earned, 4)
    clerk.earn(resident, 1, usages=[of(1, 5)])
    with clerk.refuses(CapReached):
        clerk.earn(resident, 1, usages=[of(1, 5)])
    clerk.audit()


def test_a_cap_that_was_raised_gives_room(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, usages=[of(10)])
    clerk.earn(resident, 5, usages=[of(5, 15)])
    assert clerk.used(resident, "checkin", NOVEMBER) == 15
    clerk.audit()


def test_an_award_that_the_budget_refuses_uses_no_cap(clerk: Clerk) -> None:
    resident = clerk.resident(1)
    with clerk.refuses(BudgetExhausted):
        clerk.earn(resident, BUDGET, usages=[of(1)])
    assert clerk.used(resident, "checkin", NOVEMBER) == 0


def test_a_cap_that_is_reached_is_the_reason_though_the_budget_is_used_up_too(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 8, usages=[of(10)])
    with clerk.refuses(CapReached):
        clerk.earn(resident, BUDGET, usages=[of(1)])


def test_a_replay_uses_no_cap(clerk: Clerk) -> None:
    resident = clerk.resident()
    receipt = clerk.earn(resident, 5, usages=[of(10)], key="award")
    clerk.replays(receipt, lambda: clerk.earn(resident, 5, usages=[of(10)], key="award"))
    assert clerk.used(resident, "checkin", NOVEMBER) == 10


def test_points_that_change_hands_leave_the_cap_where_it_was(clerk: Clerk) -> None:
    resident, other = clerk.resident(), clerk.resident()
    clerk.earn(resident, 10, usages=[of(10)])
    clerk.transfer(resident, other, 10)
    with clerk.refuses(CapReached):
        clerk.earn(resident, 1, usages=[of(1)])
    clerk.earn(other, 1, usages=[of(10)])
    clerk.audit()
