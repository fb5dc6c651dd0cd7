"""Each lock and each guarded statement of the ledger's code, and the race that is lost without it.

In each race somebody else comes in right after a certain statement of ours, runs to the end if nothing holds them back,
and only then do we go on. With the lock both end well. With the lock taken away (the statement replaced by one without
its guard, the function by one that doesn't lock) the same race must fail: a broken key, a deadlock, a wrong sum.

On SQLite the lock is BEGIN IMMEDIATE, which makes one piece of a look and a write. To take it away, our transaction is
broken in two at the place where the other one comes in. What only keeps an order of locks matters on PostgreSQL alone.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import IntegrityError

from blueprints.edge.house import EXTENSION, House
from models.ledger import ACCOUNT, AccountKind, OwnerType
from rules.clock import local_day, utc_now
from rules.errors import RuleError
from rules.ledger import (
    caps,
    earning_many,
    expiring,
    holds,
    moving,
    pools,
    reversing,
    spending,
    transactions,
    transferring,
)
from rules.ledger.caps import CapUse
from rules.ledger.moving import Counters
from rules.ledger.transactions import BookFacts
from rules.work import SYSTEM, Transactions, Work
from tests.apps import make_app
from tests.build import fresh_key, new_town, settings_for
from tests.conftest import Databases
from tests.ledger import deeds
from tests.ledger.clerk import Clerk
from tests.ledger.crowd import count_deadlocks
from tests.ledger.keeping import GOOD_UNTIL

DAY = timedelta(days=1)
MOMENT_SECONDS = 0.3  #: what somebody gets who may have to wait for us
BOTH, POSTGRESQL = ("sqlite", "postgresql"), ("postgresql",)


@dataclass(frozen=True)
class Race:
    """Two deeds, and how many of them go through, whoever comes first."""

    mine: Callable[[Transactions], Any]
    other: Callable[[Transactions], Any]
    go_through: tuple[int, ...]
    holds: Callable[[], bool] = lambda: True  #: what must be so afterwards


@dataclass(frozen=True)
class Lock:
    """A lock, what takes it away, and the race that is lost without it."""

    name: str
    module: Any
    attribute: str
    without: Any  #: what stands in its place
    race: Callable[[Clerk], Race]
    after: str  #: after which of our statements the other one comes in
    nth: int = 1
    engines: tuple[str, ...] = BOTH


# What stands in a lock's place


def unguarded(statement: Any, word: str) -> Any:
    """The statement without the conditions that speak of this."""
    bare = statement._clone()
    bare._where_criteria = tuple(each for each in statement._where_criteria if word not in str(each))
    assert len(bare._where_criteria) == len(statement._where_criteria) - 1
    return bare


def unconditional(statement: Any) -> Any:
    """The upsert without the condition under which it updates."""
    bare = statement._clone()
    bare._post_values_clause = copy.copy(statement._post_values_clause)
    assert bare._post_values_clause.update_whereclause is not None
    bare._post_values_clause.update_whereclause = None
    return bare


def without_lock(statement: Any) -> Any:
    bare = statement._clone()
    assert bare._for_update_arg is not None
    bare._for_update_arg = None
    return bare


def inserting_only(statement: Any) -> Any:
    """The insert without what it does on a conflict."""
    bare = statement._clone()
    bare._post_values_clause = None
    return bare


def lock_nothing(_work: Work, _account_ids: Any) -> None:
    """In place of `lock_accounts`."""


def look_then_debit(
    work: Work, book: BookFacts, kind: AccountKind, owner_type: OwnerType, owner_id: int, amount: int, *, shard: int = 0
) -> Counters | None:
    """In place of `debit_owner`: a look, and a write of what was seen."""
    where = (ACCOUNT.c.town_id == work.town_id, ACCOUNT.c.kind == kind, ACCOUNT.c.owner_id == owner_id)
    row = work.core.execute(select(ACCOUNT).where(*where, ACCOUNT.c.shard == shard)).first()
    if row is None or row.credited - row.debited < amount:
        return None
    work.core.execute(
        update(ACCOUNT)
        .where(ACCOUNT.c.town_id == work.town_id, ACCOUNT.c.id == row.id)
        .values(debited=row.debited + amount)
    )
    return Counters(row.id, row.credited, row.debited)


def take_from_wallet_lots_first(
    work: Work, book: BookFacts, resident_id: int, amount: int, scope: str
) -> tuple[Counters, Any]:
    """In place of `take_from_wallet`: reads the lots before the wallet is locked."""
    wallet_id = moving.find_account(work, book, AccountKind.WALLET, resident_id)
    assert wallet_id is not None
    taken = moving.allocate(moving.read_good_lots(work, wallet_id, local_day(work.now), scope), amount)
    wallet = moving.debit_owner(work, book, AccountKind.WALLET, OwnerType.RESIDENT, resident_id, amount)
    if wallet is None or taken is None:
        raise spending.PointsInsufficient(amount=amount, available=0)
    moving.debit_lots(work, taken)
    return wallet, taken


GUARD = reversing._guard


def guard_without_others(work: Work, txn_id: int, parts: Any) -> int:
    """In place of `_guard`: doesn't say what others took back since our look."""
    GUARD(work, txn_id, parts)
    return 0


# Races


def writes(clerk: Clerk, deed: Callable[..., Any], *arguments: Any) -> Callable[[Transactions], Any]:
    return lambda transactions: transactions.write(clerk.town.id, SYSTEM, deed, *arguments)


def at(moment: timedelta, deed: Callable[[Transactions], Any]) -> Callable[[Transactions], Any]:
    """The deed as somebody does it whose clock shows another moment."""
    return lambda known: deed(Transactions(known.engine, clock=lambda: utc_now() + moment))


def two_spends(clerk: Clerk) -> Race:
    resident = clerk.resident(100)
    one, other = (writes(clerk, deeds.spend, fresh_key(), resident.id, 30) for _ in range(2))
    return Race(one, other, (2,), lambda: clerk.balance(resident) == 40)


def one_key(clerk: Clerk) -> Race:
    resident = clerk.resident(100)
    deed = writes(clerk, deeds.spend, fresh_key(), resident.id, 30)
    return Race(deed, deed, (2,), lambda: clerk.balance(resident) == 70)


def two_awards_of_a_small_budget(clerk: Clerk) -> Race:
    shop = clerk.operator(100)
    one, other = (
        writes(clerk, deeds.earn, fresh_key(), clerk.resident().id, 60, GOOD_UNTIL, "", shop) for _ in range(2)
    )
    return Race(one, other, (1,), lambda: clerk.budget(shop) == 40)


def two_awards_of_several_shards(clerk: Clerk) -> Race:
    shop = clerk.operator(100)
    clerk.split(2)
    keys = [key for key in (fresh_key() for _ in range(200)) if pools.shard_of(key, 2) == 0]  # both are paid by one
    one, other = (writes(clerk, deeds.earn, key, clerk.resident().id, 60, GOOD_UNTIL, "", shop) for key in keys[:2])
    return Race(one, other, (1,), lambda: clerk.budget(shop) == 40)


def a_split_and_an_award(clerk: Clerk) -> Race:
    resident = clerk.resident()
    award = writes(clerk, deeds.earn, fresh_key(), resident.id, 7)
    return Race(writes(clerk, pools.set_shards, 2), award, (2,), lambda: clerk.balance(resident) == 7)


def two_awards_under_a_cap(clerk: Clerk) -> Race:
    resident, usages = clerk.resident(1), (CapUse("checkin", "2027-11", 1, 1),)
    one, other = (
        writes(clerk, deeds.earn, fresh_key(), resident.id, 5, GOOD_UNTIL, "", None, usages) for _ in range(2)
    )
    return Race(one, other, (1,), lambda: clerk.balance(resident) == 6)


def a_batch_and_an_award(clerk: Clerk) -> Race:
    resident = clerk.resident(1)
    batch = writes(clerk, deeds.batch, fresh_key(), (resident.id, 3), (resident.id, 4))
    award = writes(clerk, deeds.earn, fresh_key(), resident.id, 5)
    return Race(batch, award, (2,), lambda: clerk.balance(resident) == 13)


def a_capture_and_a_void(clerk: Clerk) -> Race:
    resident = clerk.resident(100)
    held, also = clerk.hold(resident, 10), clerk.hold(resident, 50)  # there is more in escrow than this hold has
    return Race(
        writes(clerk, deeds.capture, fresh_key(), held.txn_id, 10),
        writes(clerk, deeds.void, fresh_key(), held.txn_id, 10),
        (1,),
        lambda: clerk.hold_of(also) == (50, 0, 0),
    )


def two_captures(clerk: Clerk) -> Race:
    resident = clerk.resident(100)
    held, _also = clerk.hold(resident, 10), clerk.hold(resident, 50)
    one, other = (writes(clerk, deeds.capture, fresh_key(), held.txn_id, 10) for _ in range(2))
    return Race(one, other, (1,))


def two_reversals(clerk: Clerk) -> Race:
    resident = clerk.resident(100)
    spent = clerk.spend(resident, 30)
    clerk.spend(resident, 30)  # enough was redeemed to take it back twice
    one, other = (writes(clerk, deeds.reverse, fresh_key(), spent.txn_id) for _ in range(2))
    return Race(one, other, (1,), lambda: clerk.balance(resident) == 70)


def two_halves_of_a_reversal(clerk: Clerk) -> Race:
    resident = clerk.resident()
    earned = clerk.earn(resident, 10, usages=[CapUse("checkin", "2027-11", 1, 1)])
    one, other = (writes(clerk, deeds.reverse, fresh_key(), earned.txn_id, 5) for _ in range(2))
    return Race(one, other, (2,), lambda: clerk.used(resident, "checkin", "2027-11") == 0)


def expiry_and_a_spend_of_yesterday(clerk: Clerk) -> Race:
    resident, today = clerk.resident(1), local_day(utc_now())
    clerk.earn(resident, 100, today)
    return Race(
        at(DAY, writes(clerk, deeds.lapse, "", today + DAY)),
        writes(clerk, deeds.spend, fresh_key(), resident.id, 5),
        (1, 2),
        lambda: clerk.sunk(AccountKind.REDEEMED) + clerk.sunk(AccountKind.BREAKAGE) >= 100,
    )


def transfers_both_ways(clerk: Clerk) -> Race:
    first, second = clerk.resident(100).id, clerk.resident(100).id
    return Race(
        writes(clerk, deeds.transfer, fresh_key(), second, first, 10),
        writes(clerk, deeds.transfer, fresh_key(), first, second, 10),
        (2,),
    )


def a_reversal_of_a_transfer_and_another_transfer(clerk: Clerk) -> Race:
    first, second = clerk.resident(100), clerk.resident(100)
    moved = clerk.transfer(first, second, 10)
    return Race(
        writes(clerk, deeds.reverse, fresh_key(), moved.txn_id),
        writes(clerk, deeds.transfer, fresh_key(), first.id, second.id, 10),
        (2,),
    )


def a_timeout_and_a_transfer(clerk: Clerk) -> Race:
    """The oldest hold is of the wallet with the larger id."""
    first, second = clerk.resident(100), clerk.resident(100)
    clerk.hold(second, 5, utc_now() + DAY / 2)
    clerk.hold(first, 5)
    return Race(
        at(2 * DAY, writes(clerk, holds.release_lapsed_holds, 10)),
        writes(clerk, deeds.transfer, fresh_key(), first.id, second.id, 10),
        (2,),
    )


def a_timeout_and_a_capture(clerk: Clerk) -> Race:
    """The timeout of the other hold goes through, whoever has this one."""
    resident = clerk.resident(100)
    held, still = clerk.hold(resident, 10), clerk.hold(resident, 20)
    return Race(
        at(2 * DAY, writes(clerk, holds.release_lapsed_holds, 10)),
        writes(clerk, deeds.capture, fresh_key(), held.txn_id, 10),
        (1, 2),
        lambda: clerk.hold_of(still) == (20, 0, 20),
    )


ANY_ACCOUNT = r"(FROM|UPDATE) account"
LOCKS = (
    Lock(
        "the key of a transaction: ON CONFLICT DO NOTHING",
        transactions,
        "_open_txn",
        inserting_only(transactions._open_txn),
        one_key,
        "INSERT INTO txn",
    ),
    Lock("a wallet is locked as it is debited", spending, "debit_owner", look_then_debit, two_spends, ANY_ACCOUNT),
    Lock(
        "a wallet is locked before its lots are read",
        spending,
        "take_from_wallet",
        take_from_wallet_lots_first,
        two_spends,
        r"FROM lot|UPDATE account",
    ),
    Lock(
        "a pool pays no more than it has",
        moving,
        "_debit_owner",
        unguarded(moving._debit_owner, "floor"),
        two_awards_of_a_small_budget,
        "INSERT INTO txn",
    ),
    Lock(
        "the shards of a pool are locked before they pay together",
        pools,
        "_lock_shards",
        without_lock(pools._lock_shards),
        two_awards_of_several_shards,
        "SELECT account.id, account.shard",
    ),
    Lock(
        "the shards of a pool are locked before they are evened out",
        pools,
        "_lock_shards",
        without_lock(pools._lock_shards),
        a_split_and_an_award,
        "SELECT account.id, account.shard",
        nth=2,
    ),
    Lock("a cap is never passed", caps, "_use", unconditional(caps._use), two_awards_under_a_cap, "INSERT INTO txn"),
    Lock(
        "the wallets of a batch are locked before their counters are read",
        earning_many,
        "_lock_wallets",
        without_lock(earning_many._lock_wallets),
        a_batch_and_an_award,
        "SELECT account.owner_id",
        nth=2,
    ),
    Lock(
        "a hold is captured once",
        holds,
        "_capture",
        unguarded(holds._capture, "captured"),
        two_captures,
        r"SELECT hold\.|FROM hold",
    ),
    Lock(
        "a hold is captured or given back",
        holds,
        "_capture",
        unguarded(holds._capture, "captured"),
        a_capture_and_a_void,
        r"SELECT hold\.|FROM hold",
    ),
    Lock(
        "lapsed holds are locked as they are looked at",
        holds,
        "_lapsed",
        without_lock(holds._lapsed),
        a_timeout_and_a_capture,
        "FROM hold",
    ),
    Lock(
        "the wallets of lapsed holds are locked by id",
        holds,
        "lock_accounts",
        lock_nothing,
        a_timeout_and_a_transfer,
        "UPDATE account",
        engines=POSTGRESQL,
    ),
    Lock(
        "a posting is reversed once",
        reversing,
        "_take_back",
        unconditional(reversing._take_back),
        two_reversals,
        "FROM posting",
    ),
    Lock(
        "what others took back since our look is counted",
        reversing,
        "_guard",
        guard_without_others,
        two_halves_of_a_reversal,
        "FROM posting",
    ),
    Lock(
        "both wallets are locked by id before a transfer is taken back",
        reversing,
        "lock_accounts",
        lock_nothing,
        a_reversal_of_a_transfer_and_another_transfer,
        "UPDATE account",
        engines=POSTGRESQL,
    ),
    Lock(
        "both wallets are locked by id before a transfer",
        transferring,
        "lock_accounts",
        lock_nothing,
        transfers_both_ways,
        "UPDATE account",
        engines=POSTGRESQL,
    ),
    Lock(
        "the wallets of a run are locked before what has lapsed is added up",
        expiring,
        "lock_accounts",
        lock_nothing,
        expiry_and_a_spend_of_yesterday,
        r"count\(DISTINCT",
    ),
)


@pytest.fixture(scope="module")
def house(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A database of this module's own: what is broken here is nobody else's."""
    app = make_app(settings_for(databases.make(), tmp_path_factory.mktemp("locks"), log_level="ERROR"))
    yield app.extensions[EXTENSION]
    app.extensions[EXTENSION].transactions.engine.dispose()


def run(lock: Lock, house: House, *, broken: bool) -> None:
    """The race, and everything that must be so afterwards. `broken`: on SQLite our transaction is broken in two."""
    clerk = Clerk(new_town(house))
    race = lock.race(clerk)
    ours, others = house.transactions, Transactions(house.transactions.engine)
    met = count_deadlocks(ours)
    told: list[Any] = []
    with interrupted(ours, lock, lambda: told.append(outcome(race.other, others)), broken=broken):
        told.append(outcome(race.mine, ours))
    for error in told:
        if isinstance(error, Exception) and not isinstance(error, RuleError):
            raise error
    assert sum(not isinstance(answer, RuleError) for answer in told) in race.go_through
    assert len(told) == 2
    assert met == []
    assert race.holds()
    clerk.audit()


def outcome(deed: Callable[[Transactions], Any], transactions: Transactions) -> Any:
    try:
        return deed(transactions)
    except Exception as error:
        return error


@contextmanager
def interrupted(transactions: Transactions, lock: Lock, other: Callable[[], None], *, broken: bool) -> Iterator[None]:
    """Right after a statement of this thread the other one comes in; who has to wait for us gets a moment."""
    engine, here, thread = transactions.engine, threading.get_ident(), threading.Thread(target=other)
    seen = 0

    def come_in(_connection: Any, cursor: Any, statement: str, *_: object) -> None:
        nonlocal seen
        if threading.get_ident() != here:
            return
        if seen >= lock.nth and thread.ident is None:
            if engine.dialect.name == "postgresql":
                thread.start()
                thread.join(MOMENT_SECONDS)
            elif broken:
                cursor.connection.execute("COMMIT")
                thread.start()
                thread.join()
                cursor.connection.execute("BEGIN IMMEDIATE")
        seen += re.search(lock.after, statement) is not None

    event.listen(engine, "before_cursor_execute", come_in)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", come_in)
        if thread.ident is None:
            thread.start()
        thread.join()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_with_the_lock_both_end_well(house: House, lock: Lock) -> None:
    run(lock, house, broken=False)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_without_the_lock_the_race_is_lost(house: House, lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    if house.transactions.engine.dialect.name not in lock.engines:
        return  # nobody waits for two locks where there is one
    monkeypatch.setattr(lock.module, lock.attribute, lock.without)
    with pytest.raises((AssertionError, IntegrityError)):
        run(lock, house, broken=True)
