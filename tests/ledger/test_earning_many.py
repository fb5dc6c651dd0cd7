"""A batch of awards has the effect of its awards one after the other: all of them or none, each key once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from models.ledger import Account, AccountKind, Lot, Posting, Txn
from rules.ledger.caps import CapReached, CapUse
from rules.ledger.pools import BudgetExhausted
from rules.ledger.transactions import KeyTaken
from rules.work import Work
from tests.build import BUDGET, new_town
from tests.ledger.clerk import Clerk
from tests.ledger.keeping import GOOD_UNTIL

LATER = date(2028, 2, 29)
CAP = CapUse("checkin", "2027-11", 1, 2)


def awards_for(clerk: Clerk, shop: int) -> dict[str, tuple[Any, ...]]:
    """Awards of every sort: to old and new wallets, into old and new lots, of two issuers, one lot twice, with caps."""
    old, new = clerk.resident(5), clerk.resident()
    return {
        "a": (old.id, 3),
        "b": (new.id, 4, LATER),
        "c": (old.id, 2, GOOD_UNTIL, "mall"),
        "d": (old.id, 7, GOOD_UNTIL, "", shop),
        "e": (new.id, 1, LATER, "", None, (CAP,)),
        "f": (old.id, 3, LATER, "", None, (CAP,)),
        "g": (new.id, 1, LATER, "", None, (CAP,)),
    }


def books(clerk: Clerk) -> list[Any]:
    """What stands in the books, without ids and moments."""

    def deed(work: Work) -> list[Any]:
        accounts = work.db.execute(
            select(Account.kind, Account.credited, Account.debited).where(Account.town_id == work.town_id)
        )
        lots = work.db.execute(
            select(Lot.expires_on, Lot.scope, Lot.issuer_id == work.town_id, Lot.credited, Lot.debited).where(
                Lot.town_id == work.town_id
            )
        )
        postings = work.db.execute(
            select(Txn.idempotency_key, Txn.kind, Txn.usages, Posting.n, Posting.amount, Posting.dst_credited_after)
            .join(Posting, (Posting.town_id == Txn.town_id) & (Posting.txn_id == Txn.id))
            .where(Txn.town_id == work.town_id, Txn.idempotency_key.in_(list("abcdefg")))
        )
        return [sorted(map(repr, rows)) for rows in (accounts, lots, postings)]

    return clerk.town.act(None, deed)


def test_a_batch_has_the_effect_of_its_awards_one_after_the_other(clerk: Clerk) -> None:
    other = Clerk(new_town(clerk.town.house))
    awards, same = (awards_for(each, each.operator(100)) for each in (clerk, other))
    batch = clerk.earn_many(awards)
    single = {}
    for key, award in same.items():
        single.update(other.earn_many({key: award}))
    assert {key: (r.amount, r.balance, r.replayed) for key, r in batch.items()} == {
        key: (r.amount, r.balance, r.replayed) for key, r in single.items()
    }
    assert books(clerk) == books(other)
    clerk.audit()
    other.audit()


def test_a_batch_again_gives_the_same_receipts_and_changes_nothing(clerk: Clerk) -> None:
    awards = awards_for(clerk, clerk.operator(100))
    receipts = clerk.earn_many(awards)
    before = clerk.town.contents()
    again = clerk.earn_many(dict(reversed(awards.items())))
    assert {key: (r.txn_id, r.amount, r.balance) for key, r in again.items()} == {
        key: (r.txn_id, r.amount, r.balance) for key, r in receipts.items()
    }
    assert all(receipt.replayed for receipt in again.values())
    assert clerk.town.contents() == before


def test_a_batch_that_is_known_in_part_books_the_rest(clerk: Clerk) -> None:
    awards = awards_for(clerk, clerk.operator(100))
    first = clerk.earn_many({key: awards[key] for key in "bdf"})
    receipts = clerk.earn_many(awards)
    assert {key for key, receipt in receipts.items() if receipt.replayed} == set("bdf")
    assert {receipts[key].txn_id for key in "bdf"} == {receipt.txn_id for receipt in first.values()}
    assert len(clerk.town.rows(Txn.id, kind="earn")) == len(awards) + 1
    clerk.audit()


def test_an_award_that_was_booked_alone_is_known_to_a_batch_and_the_other_way_round(clerk: Clerk) -> None:
    resident = clerk.resident()
    alone = clerk.earn(resident, 5, key="a")
    batch = clerk.earn_many({"a": (resident.id, 5), "b": (resident.id, 6)})
    assert (batch["a"].txn_id, batch["a"].balance, batch["a"].replayed) == (alone.txn_id, 5, True)
    assert (batch["b"].balance, batch["b"].replayed) == (11, False)
    clerk.replays(batch["b"], lambda: clerk.earn(resident, 6, key="b"))
    clerk.audit()


def test_a_batch_with_a_key_that_stands_for_another_award_is_refused_as_a_whole(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 5, key="a")
    with clerk.refuses(KeyTaken):
        clerk.earn_many({"b": (resident.id, 6), "a": (resident.id, 6)})


def test_a_batch_that_the_budget_does_not_cover_is_refused_as_a_whole(clerk: Clerk) -> None:
    resident, shop = clerk.resident(), clerk.operator(10)
    with clerk.refuses(BudgetExhausted):
        clerk.earn_many({"a": (resident.id, BUDGET), "b": (resident.id, 1)})
    with clerk.refuses(BudgetExhausted):
        clerk.earn_many({"a": (resident.id, 5), "b": (resident.id, 11, GOOD_UNTIL, "", shop)})
    clerk.earn_many({"a": (resident.id, BUDGET), "b": (resident.id, 10, GOOD_UNTIL, "", shop)})
    clerk.audit()


def test_a_batch_that_passes_a_cap_is_refused_as_a_whole(clerk: Clerk) -> None:
    resident = clerk.resident()
    with clerk.refuses(CapReached):
        clerk.earn_many(dict.fromkeys("abc", (resident.id, 1, GOOD_UNTIL, "", None, (CAP,))))
    clerk.earn_many(dict.fromkeys("ab", (resident.id, 1, GOOD_UNTIL, "", None, (CAP,))))
    with clerk.refuses(CapReached):
        clerk.earn_many(
            {"a": (resident.id, 1, GOOD_UNTIL, "", None, (CAP,)), "d": (resident.id, 1, LATER, "", None, (CAP,))}
        )
    clerk.audit()


def test_an_empty_batch_does_nothing(clerk: Clerk) -> None:
    before = clerk.town.contents()
    assert clerk.earn_many({}) == {}
    assert clerk.town.contents() == before


@pytest.mark.parametrize("shards", [1, 16])
def test_a_large_batch_is_paid_from_as_many_shards_as_it_takes(clerk: Clerk, shards: int) -> None:
    shop = clerk.operator(300)
    clerk.split(shards)
    residents = [clerk.resident().id for _ in range(7)]
    awards = {f"award-{n:03}": (residents[n % 7], 1, GOOD_UNTIL, "", shop) for n in range(300)}
    receipts = clerk.earn_many(awards)
    assert [receipts[f"award-{n:03}"].balance for n in range(300)] == [1 + n // 7 for n in range(300)]
    assert (clerk.budget(shop), clerk.sunk(AccountKind.POOL, shop)) == (0, 0)
    clerk.audit()


def test_an_award_of_a_batch_is_taken_back_like_any_other(clerk: Clerk) -> None:
    resident = clerk.resident()
    receipts = clerk.earn_many(dict.fromkeys("ab", (resident.id, 5, GOOD_UNTIL, "", None, (CAP,))))
    clerk.reverse(receipts["a"])
    assert (clerk.balance(resident), clerk.used(resident, "checkin", "2027-11")) == (5, 1)
    clerk.audit()
