"""A point is good to the end of its last day in the community's zone; the nightly run books what has lapsed, once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from models.jobs import Outbox
from models.ledger import Account, AccountKind, Txn, TxnKind
from rules.clock import local_moment
from rules.ledger.expiring import Expired, expire_wallets
from rules.ledger.expiry_notices import TOPIC, Told, queue_expiry_notices
from rules.ledger.spending import PointsInsufficient
from tests.ledger.clerk import NOON, TODAY, Clerk
from tests.ledger.keeping import GOOD_UNTIL, wallet_of

DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
MONTH_END, LEAP_DAY, YEAR_END = date(2027, 11, 30), date(2028, 2, 29), date(2027, 12, 31)


@pytest.mark.parametrize("last_day", [TODAY, MONTH_END, YEAR_END, LEAP_DAY])
def test_a_point_lapses_when_its_last_day_is_over_in_the_community(clerk: Clerk, last_day: date) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, last_day)
    midnight = local_moment(last_day + DAY, "00:00")
    assert midnight == datetime.combine(last_day, datetime.min.time(), UTC) + timedelta(hours=16)
    with time_machine.travel(midnight - INSTANT, tick=False):
        assert clerk.expire() == Expired(0, 0, 0)
        assert clerk.spendable(resident) == 10
    with time_machine.travel(midnight, tick=False):
        assert clerk.spendable(resident) == 0
        assert clerk.expire() == Expired(1, 1, 10)
    assert (clerk.balance(resident), clerk.sunk(AccountKind.BREAKAGE)) == (0, 10)
    clerk.audit()


def test_what_is_good_today_is_never_asked_to_lapse(clerk: Clerk) -> None:
    with pytest.raises(AssertionError):
        clerk.town.act(None, expire_wallets, TODAY + DAY, [])


def test_nothing_lapses_twice(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, TODAY)
    with time_machine.travel(NOON + DAY, tick=False):
        assert clerk.expire().points == 10
        before = clerk.town.contents()
        assert clerk.expire() == Expired(0, 0, 0)
        assert clerk.town.contents() == before
    with time_machine.travel(NOON + 40 * DAY, tick=False):
        assert clerk.expire() == Expired(0, 0, 0)


def test_a_run_that_was_missed_is_caught_up_with(clerk: Clerk) -> None:
    resident = clerk.resident()
    for days in range(5):
        clerk.earn(resident, 2, TODAY + days * DAY)
    clerk.earn(resident, 3, TODAY, scope="mall")
    clerk.spend(resident, 1)
    with time_machine.travel(NOON + 4 * DAY, tick=False):
        assert clerk.expire(TODAY + 2 * DAY) == Expired(1, 3, 6)
        assert clerk.expire() == Expired(1, 2, 4)
        assert clerk.lots(resident) == {TODAY + 4 * DAY: 2}
    clerk.audit()


@pytest.mark.parametrize("wallets_max", [1, 2, 1000])
def test_chunks_of_any_size_book_the_same(clerk: Clerk, wallets_max: int) -> None:
    residents = [clerk.resident(1) for _ in range(5)]
    for n, resident in enumerate(residents):
        clerk.earn(resident, 10 + n, TODAY)
        clerk.earn(resident, 1, TODAY - n * DAY, scope="mall")
    with time_machine.travel(NOON + DAY, tick=False):
        assert clerk.expire(wallets_max=wallets_max) == Expired(5, 10, 65)
    assert [clerk.lots(resident) for resident in residents] == [{GOOD_UNTIL: 1}] * 5
    txns = clerk.town.rows(Txn.idempotency_key, Txn.effective_at, Txn.actor_id, kind=TxnKind.EXPIRE)
    assert len({txn.idempotency_key for txn in txns}) == 5
    assert {txn.effective_at for txn in txns} == {local_moment(TODAY + DAY, "00:00")}
    clerk.audit()


def test_a_run_that_broke_off_is_run_again(clerk: Clerk) -> None:
    residents = [clerk.resident() for _ in range(3)]
    for resident in residents:
        clerk.earn(resident, 10, TODAY)
    wallets = [wallet_of(clerk.town, resident).id for resident in residents]
    with time_machine.travel(NOON + DAY, tick=False):
        clerk.town.act(None, expire_wallets, TODAY + DAY, wallets[:2])
        assert clerk.expire() == Expired(1, 1, 10)
    clerk.audit()


def test_wallets_that_have_nothing_to_lose_have_no_transaction(clerk: Clerk) -> None:
    spent = clerk.resident()
    clerk.earn(spent, 10, TODAY)
    clerk.spend(spent, 10)
    clerk.resident(5)
    with time_machine.travel(NOON + DAY, tick=False):
        assert clerk.expire() == Expired(0, 0, 0)
    assert not clerk.town.rows(Txn.id, kind=TxnKind.EXPIRE)
    assert not clerk.town.rows(Account.id, kind=AccountKind.BREAKAGE)


def test_each_point_is_spent_or_lapses_and_never_both(clerk: Clerk) -> None:
    """A month of days: each day something is earned, spent and booked as lapsed, over a month's end and a leap day."""
    resident = clerk.resident()
    start, earned, spent, lapsed = date(2028, 2, 20), 0, 0, 0
    for n in range(25):
        with time_machine.travel(local_moment(start + n * DAY, "00:00"), tick=False):
            if n % 3 == 0:
                lapsed += clerk.expire().points
            clerk.earn(resident, 5, start + (n + n % 4) * DAY)
            earned += 5
            amount = min(3, clerk.spendable(resident))
            spent += clerk.spend(resident, amount).amount
            with clerk.refuses(PointsInsufficient, amount=100, available=clerk.spendable(resident)):
                clerk.spend(resident, 100)
    with time_machine.travel(local_moment(start + 60 * DAY, "00:00"), tick=False):
        lapsed += clerk.expire().points
    assert (clerk.balance(resident), earned) == (0, spent + lapsed)
    assert (clerk.sunk(AccountKind.REDEEMED), clerk.sunk(AccountKind.BREAKAGE)) == (spent, lapsed)
    clerk.audit()


def test_a_clock_that_is_set_back_brings_nothing_back(clerk: Clerk) -> None:
    resident = clerk.resident()
    clerk.earn(resident, 10, TODAY)
    with time_machine.travel(NOON + DAY, tick=False):
        clerk.expire()
    with clerk.refuses(PointsInsufficient, amount=1, available=0):
        clerk.spend(resident, 1)
    clerk.earn(resident, 4, TODAY)
    clerk.spend(resident, 4)
    with time_machine.travel(NOON + DAY, tick=False):
        assert clerk.expire().points == 0
    clerk.audit()


# Notices


def test_who_is_about_to_lose_points_is_told_once(clerk: Clerk) -> None:
    told, _other = clerk.resident(), clerk.resident(5)
    clerk.earn(told, 10, MONTH_END)
    clerk.earn(told, 3, MONTH_END, scope="mall")
    clerk.spend(told, 4)
    assert clerk.town.act(None, queue_expiry_notices, MONTH_END, 0) == Told(1, told.id)
    assert clerk.town.act(None, queue_expiry_notices, MONTH_END, 0) is None
    rows = clerk.town.rows(Outbox.key, Outbox.payload, topic=TOPIC)
    payload = {"resident_id": str(told.id), "amount": 9, "on": MONTH_END.isoformat()}
    assert rows == [(f"{MONTH_END.isoformat()}:{told.id}", payload)]


def test_notices_go_out_in_turns(clerk: Clerk) -> None:
    residents = sorted(clerk.resident().id for _ in range(3))
    clerk.earn_many({f"award-{resident_id}": (resident_id, 5, MONTH_END) for resident_id in residents})
    tell = (None, queue_expiry_notices, MONTH_END)
    assert clerk.town.act(*tell, 0, 2) == Told(2, residents[1])
    assert clerk.town.act(*tell, residents[1], 2) == Told(1, residents[2])
    assert clerk.town.act(*tell, residents[2], 2) is None
    assert len(clerk.town.rows(Outbox.id, topic=TOPIC)) == 3
