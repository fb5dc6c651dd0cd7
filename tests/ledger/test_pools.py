"""A budget pays what is in it and no more, however many shards it is split into and whoever knows of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.ledger import AccountKind
from rules.database import connect
from rules.ledger.pools import BudgetExhausted, _even_out, shard_of
from rules.ledger.transactions import KeyTaken
from rules.work import Transactions
from tests.build import BUDGET, TownBuilder, fresh_key
from tests.ledger.clerk import Clerk


def test_an_operators_budget_is_apart_from_the_towns_and_from_anothers(clerk: Clerk) -> None:
    shop, theatre, resident, poor = clerk.operator(100), clerk.operator(50), clerk.resident(), clerk.operator()
    clerk.earn(resident, 60, issuer_id=shop)
    assert [clerk.budget(owner) for owner in (shop, theatre, None)] == [40, 50, BUDGET]
    with clerk.refuses(BudgetExhausted):
        clerk.earn(resident, 41, issuer_id=shop)
    with clerk.refuses(BudgetExhausted):
        clerk.earn(resident, 1, issuer_id=poor)
    assert clerk.sunk(AccountKind.MINT) == -BUDGET - 150
    clerk.audit()


def test_a_grant_is_for_one_owner(clerk: Clerk) -> None:
    shop, theatre = clerk.operator(), clerk.operator()
    receipt = clerk.grant(100, operator_id=shop, key="2028")
    clerk.earn(clerk.resident(), 30, issuer_id=shop)
    clerk.replays(receipt, lambda: clerk.grant(100, operator_id=shop, key="2028"))
    for operator_id in (theatre, None):
        with clerk.refuses(KeyTaken):
            clerk.grant(100, operator_id=operator_id, key="2028")


def test_a_split_spreads_what_is_there_evenly(clerk: Clerk) -> None:
    shop = clerk.operator(10)
    moved = clerk.split(4)
    assert moved == BUDGET * 3 // 4 + 7
    assert clerk.shards(shop) == [3, 3, 2, 2]
    assert clerk.shards() == [BUDGET // 4] * 4
    clerk.audit()


def test_splitting_and_joining_again_keeps_the_total(clerk: Clerk) -> None:
    shop, resident = clerk.operator(103), clerk.resident()
    for shards, paid in ((1, 0), (16, 7), (64, 30), (5, 11), (16, 1), (1, 2)):
        clerk.split(shards)
        if paid:
            clerk.earn(resident, paid, issuer_id=shop)
        clerk.audit()
    assert clerk.budget(shop) == 103 - clerk.balance(resident) == 52
    assert clerk.shards(shop) == [52, *[0] * 63]
    clerk.audit()


def test_splitting_into_as_many_shards_as_there_are_moves_nothing(clerk: Clerk) -> None:
    clerk.split(4)
    before = clerk.town.contents()
    assert clerk.split(4) == 0
    assert clerk.town.contents() == before


@pytest.mark.parametrize("shards", [0, 65])
def test_there_are_1_to_64_shards(clerk: Clerk, shards: int) -> None:
    before = clerk.town.contents()
    with pytest.raises(AssertionError):
        clerk.split(shards)
    assert clerk.town.contents() == before


def test_a_key_always_asks_the_same_shard_and_keys_ask_all_of_them(clerk: Clerk) -> None:
    keys = [f"key-{n}" for n in range(500)]
    assert {shard_of(key, 16) for key in keys} == set(range(16))
    assert {shard_of(key, 1) for key in keys} == {0}
    assert [shard_of(key, 16) for key in keys] == [shard_of(key, 16) for key in keys]


def test_other_shards_pay_when_one_is_short(clerk: Clerk) -> None:
    shop, resident = clerk.operator(16), clerk.resident()
    clerk.split(16)
    receipt = clerk.earn(resident, 9, issuer_id=shop)
    assert sum(posting.amount for posting in clerk.postings(receipt)) == 9
    assert (receipt.balance, clerk.budget(shop)) == (9, 7)
    with clerk.refuses(BudgetExhausted):
        clerk.earn(resident, 8, issuer_id=shop)
    last = clerk.earn(resident, 7, issuer_id=shop, key="last")
    assert (last.balance, clerk.shards(shop)) == (16, [0] * 16)
    clerk.replays(last, lambda: clerk.earn(resident, 7, issuer_id=shop, key="last"))
    clerk.audit()


def test_every_last_point_of_a_split_budget_can_be_earned(clerk: Clerk) -> None:
    shop, resident = clerk.operator(40), clerk.resident()
    clerk.split(16)
    for _ in range(40):
        clerk.earn(resident, 1, issuer_id=shop)
    with clerk.refuses(BudgetExhausted):
        clerk.earn(resident, 1, issuer_id=shop)
    clerk.audit()


@pytest.mark.parametrize(("known", "split"), [(1, 16), (16, 1), (16, 4), (4, 16)])
def test_who_counts_with_another_number_of_shards_finds_the_points_all_the_same(
    clerk: Clerk, known: int, split: int
) -> None:
    shop, resident = clerk.operator(50), clerk.resident()
    clerk.split(known)
    elsewhere = in_another_process(clerk)
    elsewhere.earn(resident, 1, issuer_id=shop)  # from here on it knows the number of shards
    clerk.split(split)
    for n in range(48):
        elsewhere.earn(resident, 1, issuer_id=shop, key=f"award-{n}")
    assert clerk.budget(shop) == 1
    with elsewhere.refuses(BudgetExhausted):
        elsewhere.earn(resident, 2, issuer_id=shop)
    elsewhere.earn(resident, 1, issuer_id=shop)
    elsewhere.town.database.engine.dispose()
    clerk.audit()


def test_a_grant_after_a_split_is_found_whichever_shard_is_asked(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.split(16)
    shop = clerk.operator(20)
    for _ in range(20):
        clerk.earn(resident, 1, issuer_id=shop, key=fresh_key())
    assert clerk.budget(shop) == 0
    clerk.audit()


def test_a_grant_can_be_taken_back_from_a_pool_that_is_split_or_joined_again(clerk: Clerk) -> None:
    shop = clerk.operator()
    granted = clerk.grant(100, operator_id=shop)
    clerk.split(4)
    clerk.reverse(granted, 60)
    clerk.split(1)
    clerk.reverse(granted)
    assert clerk.budget(shop) == 0
    clerk.audit()


@pytest.mark.parametrize(
    ("surplus", "transfers"),
    [
        ({}, []),
        ({0: 0, 1: 0}, []),
        ({0: 3, 1: -1, 2: -2}, [(0, 1, 1), (0, 2, 2)]),
        ({0: -3, 1: 1, 2: 2}, [(2, 0, 2), (1, 0, 1)]),
    ],
)
def test_surpluses_are_evened_out(surplus: dict[int, int], transfers: list[tuple[int, int, int]]) -> None:
    assert _even_out(surplus) == transfers


def in_another_process(clerk: Clerk) -> Clerk:
    """The same town as a process sees it that recalls things of its own."""
    house = clerk.town.house
    transactions = Transactions(connect(house.settings.database_url))
    town: TownBuilder = replace(clerk.town, house=replace(house, transactions=transactions))
    return Clerk(town)
