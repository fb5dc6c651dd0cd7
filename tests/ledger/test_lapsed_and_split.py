"""Lapsed points are not taken back, pools may be split, previews keep nothing, and people are told what they may spend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import event

from models.checkins import Direction
from models.ledger import Account, AccountKind, OwnerType, Txn
from models.residents import Role
from rules.checkins.scans import ScanAnswer, ScanRequest
from rules.checkins.scans import scan as scan_at_the_door
from rules.clock import local_moment
from rules.ledger.audit import audit
from rules.ledger.pools import BudgetExhausted
from rules.ledger.previewing import preview
from rules.ledger.reading import read_spendable
from rules.ledger.reversing import NotReversible
from rules.ledger.transactions import Receipt
from rules.ledger.transferring import Transfer, transfer
from rules.points.transfers import give_points
from rules.reservations.reserving import Wish, reserve_place
from rules.rulebook.versions import publish
from rules.work import SYSTEM, Work
from tests.build import BUDGET, RULEBOOK, Person, fresh_key
from tests.ledger.clerk import NOON, TODAY, Clerk
from tests.ledger.crowd import count_deadlocks
from tests.ledger.deeds import because
from tests.points.hands import allow_hands, household
from tests.races import from_threads

DAY = timedelta(days=1)
FIRST, SECOND = date(2027, 12, 31), date(2028, 12, 31)
AFTER_FIRST = local_moment(FIRST + DAY, "12:00")
TWO_RULES = """
[[earn]]
id = "activity-welcome"
event = "checkin"
title = "到场欢迎"
amount = 2
unit = "场"
"""
SHARDS, THREADS, ROUNDS = 4, 8, 5


def audited(clerk: Clerk) -> None:
    clerk.audit()
    report = clerk.town.database.survey(clerk.town.id, SYSTEM, audit)
    assert report.is_clean, report.violations


# What lapsed has lapsed


def an_earning(clerk: Clerk, resident: Person) -> Receipt:
    return clerk.earn(resident, 10, FIRST)


def a_transfer(clerk: Clerk, resident: Person) -> Receipt:
    giver = clerk.resident()
    clerk.earn(giver, 10, FIRST)
    return clerk.transfer(giver, resident, 10)


def points_by_hand(clerk: Clerk, resident: Person) -> Receipt:
    return clerk.adjust(resident, 10, FIRST)


@pytest.mark.parametrize("deed", [an_earning, a_transfer, points_by_hand])
@pytest.mark.parametrize("amount", [None, 3])
def test_what_has_lapsed_is_not_taken_back_from_other_points(
    clerk: Clerk, deed: Callable[[Clerk, Person], Receipt], amount: int | None
) -> None:
    resident = clerk.resident()
    original = deed(clerk, resident)
    clerk.earn(resident, 10, SECOND)
    with time_machine.travel(AFTER_FIRST, tick=False):
        with clerk.refuses(NotReversible):
            clerk.reverse(original, amount)
        assert clerk.expire().points == 10
        with clerk.refuses(NotReversible):
            clerk.reverse(original, amount)
        assert clerk.lots(resident) == {SECOND: 10}
        audited(clerk)


def test_points_are_taken_back_on_their_last_good_day(clerk: Clerk) -> None:
    resident = clerk.resident()
    earned = clerk.earn(resident, 10, FIRST)
    with time_machine.travel(local_moment(FIRST, "23:59"), tick=False):
        assert clerk.reverse(earned).balance == 0
        audited(clerk)


def test_the_part_of_a_transfer_that_is_still_good_is_taken_back(clerk: Clerk) -> None:
    giver, taker = clerk.resident(), clerk.resident()
    clerk.earn(giver, 10, FIRST)
    clerk.earn(giver, 10, SECOND)
    given = clerk.transfer(giver, taker, 20)
    with time_machine.travel(AFTER_FIRST, tick=False):
        with clerk.refuses(NotReversible):
            clerk.reverse(given)
        clerk.reverse(given, 10)
        assert (clerk.lots(giver), clerk.lots(taker)) == ({SECOND: 10}, {FIRST: 10})
        with clerk.refuses(NotReversible):
            clerk.reverse(given)
        audited(clerk)


# Pools in shards


def test_a_grant_is_taken_back_from_all_shards_of_a_pool_that_was_split_since(clerk: Clerk) -> None:
    shop, resident = clerk.operator(), clerk.resident()
    granted = clerk.grant(100, operator_id=shop)
    clerk.split(SHARDS)
    clerk.earn(resident, 20, issuer_id=shop)
    with clerk.refuses(BudgetExhausted):
        clerk.reverse(granted)
    receipt = clerk.reverse(granted, 79, key="back")
    clerk.replays(receipt, lambda: clerk.reverse(granted, 79, key="back"))
    assert len(clerk.postings(receipt)) > 1
    assert (sum(clerk.shards(shop)), clerk.budget(shop), clerk.budget()) == (1, 1, BUDGET)
    clerk.reverse(granted, 1)
    assert clerk.sunk(AccountKind.MINT) == -BUDGET - 20
    audited(clerk)


def test_a_grant_to_a_split_pool_is_taken_back(clerk: Clerk) -> None:
    clerk.split(SHARDS)
    shop = clerk.operator()
    granted = clerk.grant(10, operator_id=shop)
    clerk.reverse(granted)
    assert clerk.shards(shop) == [0] * SHARDS
    audited(clerk)


def test_a_grant_to_a_split_pool_is_spread(clerk: Clerk) -> None:
    clerk.split(SHARDS)
    shop = clerk.operator()
    granted = clerk.grant(10, operator_id=shop, key="grant")
    assert clerk.shards(shop) == [3, 3, 2, 2]
    clerk.replays(granted, lambda: clerk.grant(10, operator_id=shop, key="grant"))
    clerk.grant(6)
    assert clerk.shards() == [BUDGET // 4 + 2, BUDGET // 4 + 2, BUDGET // 4 + 1, BUDGET // 4 + 1]
    audited(clerk)


# Several awards for one scan


def two_awards(clerk: Clerk) -> None:
    clerk.town.act(None, lambda work: publish(work, RULEBOOK + TWO_RULES, work.now - DAY))


def with_place(clerk: Clerk, session: int) -> Person:
    resident = clerk.town.resident()
    clerk.town.act(resident, reserve_place, session, Wish(1))
    return resident


def scanned(clerk: Clerk, scanner: Person, code: str, session: int) -> dict[str, Any]:
    request = ScanRequest(code, session, Direction.IN, fresh_key())
    answer: ScanAnswer = clerk.town.act(scanner, scan_at_the_door, clerk.town.house.keys, request)
    return answer.answer


def test_a_scan_that_earns_by_two_rules_books_both_under_keys_of_their_own(clerk: Clerk) -> None:
    two_awards(clerk)
    session, scanner = clerk.town.session(), clerk.town.staff(Role.SCANNER)
    resident = with_place(clerk, session)
    points = scanned(clerk, scanner, clerk.town.code_of(resident), session)["points"]
    assert (points["awarded"], points["balance"], clerk.balance(resident)) == (7, 7, 7)
    assert {row.idempotency_key for row in clerk.town.rows(Txn.idempotency_key, reason="checkin")} == {
        f"checkin:{session}:{resident.id}:{rule_id}" for rule_id in ("activity-checkin", "activity-welcome")
    }
    audited(clerk)


def test_scans_that_earn_by_two_rules_from_a_split_pool_never_lock_each_other_out(clerk: Clerk) -> None:
    two_awards(clerk)
    clerk.split(SHARDS)
    session, scanner = clerk.town.session(capacity=THREADS * ROUNDS), clerk.town.staff(Role.SCANNER)
    residents = [with_place(clerk, session) for _ in range(THREADS * ROUNDS)]
    codes = [clerk.town.code_of(resident) for resident in residents]
    deadlocks = count_deadlocks(clerk.town.database)
    answers = from_threads(lambda code: scanned(clerk, scanner, code, session), [(code,) for code in codes], THREADS)
    assert deadlocks == []
    assert [answer["points"]["awarded"] for answer in answers] == [7] * len(residents)
    assert clerk.budget() == BUDGET - 7 * len(residents)
    audited(clerk)


@contextmanager
def counted(clerk: Clerk, words: str) -> Iterator[list[str]]:
    """The statements with these words that are run in the block."""
    met: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if words in statement:
            met.append(statement)

    engine = clerk.town.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield met
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_scan_draws_on_the_pool_once_however_many_rules_pay(clerk: Clerk) -> None:
    two_awards(clerk)
    clerk.split(SHARDS)
    session, scanner = clerk.town.session(), clerk.town.staff(Role.SCANNER)
    code = clerk.town.code_of(with_place(clerk, session))
    with counted(clerk, "UPDATE account SET debited") as draws:
        scanned(clerk, scanner, code, session)
    assert len(draws) == 1


# Previews


def test_a_transfer_to_somebody_without_a_wallet_can_be_previewed(clerk: Clerk) -> None:
    giver, taker = clerk.resident(10), clerk.resident()
    before = clerk.town.contents()

    def look(work: Work) -> Receipt:
        return preview(work, transfer, fresh_key(), Transfer(giver.id, taker.id, 4, because(work)))

    assert clerk.town.act(None, look).balance == 6
    assert clerk.town.contents() == before


def test_a_deed_that_is_the_first_to_use_the_orm_can_be_previewed_and_then_done(clerk: Clerk) -> None:
    [book_id] = {row.book_id for row in clerk.town.rows(Account.book_id)}

    def open_wallet(work: Work) -> int:
        work.db.add(
            Account(
                town_id=work.town_id,
                id=work.new_id(),
                book_id=book_id,
                kind=AccountKind.WALLET,
                owner_type=OwnerType.RESIDENT,
                owner_id=1,
                shard=0,
                credited=0,
                debited=0,
                floor=0,
                unbounded=False,
            )
        )
        work.db.flush()
        return 1

    def look_and_do(work: Work) -> int:
        return preview(work, open_wallet) + open_wallet(work)

    assert clerk.town.act(None, look_and_do) == 2
    assert len(clerk.town.rows(Account.id, kind=AccountKind.WALLET)) == 1


# What people are told


def test_what_may_be_spent_goes_by_the_date_and_the_books_by_the_nightly_run(clerk: Clerk) -> None:
    resident, stranger = clerk.resident(), clerk.resident()
    clerk.earn(resident, 30, TODAY)
    clerk.earn(resident, 20, SECOND, scope="shop")

    def spendable(person: Person) -> int:
        return int(clerk.town.act(None, read_spendable, person.id))

    assert (spendable(resident), spendable(stranger)) == (50, 0)
    clerk.hold(resident, 5)
    assert spendable(resident) == 45
    with time_machine.travel(NOON + DAY, tick=False):
        assert (spendable(resident), clerk.balance(resident)) == (20, 45)
        clerk.expire()
        assert (spendable(resident), clerk.balance(resident)) == (20, 20)


@pytest.mark.parametrize("rules", [1, 2])
def test_a_scan_tells_what_may_be_spent(clerk: Clerk, rules: int) -> None:
    if rules > 1:
        two_awards(clerk)
    with time_machine.travel(NOON + DAY, tick=False):
        session, scanner = clerk.town.session(), clerk.town.staff(Role.SCANNER)
        resident = with_place(clerk, session)
        clerk.earn(resident, 30, TODAY)
        points = scanned(clerk, scanner, clerk.town.code_of(resident), session)["points"]
        awarded = 5 if rules == 1 else 7
        assert (points["awarded"], points["balance"]) == (awarded, awarded)
        assert clerk.balance(resident) == 30 + awarded


def test_who_gives_points_on_is_told_what_may_be_spent(clerk: Clerk) -> None:
    allow_hands(clerk.town)
    home = household(clerk.town)
    giver, taker = clerk.town.resident(household_id=home), clerk.town.resident(household_id=home)
    clerk.earn(giver, 30, TODAY)
    clerk.earn(giver, 20, SECOND)
    with time_machine.travel(NOON + DAY, tick=False):
        assert clerk.town.act(giver, give_points, taker.id, 5).balance == 15
        assert clerk.balance(giver) == 45
