"""Whatever is done to the same points at the same moment, from several processes: nothing is done twice or too often.

A race proves something only if it can be lost. So for each guard there is a control arm: the same callers look in one
transaction and write in the next, with nothing to hold them, and the CHECK that would catch them is off; it must show
the fault. (On SQLite BEGIN IMMEDIATE makes a transaction of a look and a write; that is why the arm breaks it in two.)
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from blueprints.edge.house import EXTENSION, House
from models.ledger import Account, AccountKind
from rules.clock import local_moment, utc_now
from rules.errors import RuleError
from rules.ledger.caps import CapUse
from rules.ledger.expiring import expire
from rules.ledger.holds import release_lapsed_holds
from rules.ledger.pools import set_shards
from rules.ledger.transactions import Receipt
from rules.work import SYSTEM, Transactions, Work
from tests.apps import make_app
from tests.build import fresh_key, new_town, settings_for
from tests.conftest import Databases
from tests.ledger import deeds
from tests.ledger.clerk import Clerk
from tests.ledger.crowd import Crowd, count_deadlocks, crowd_of
from tests.ledger.deeds import answer_of, perform, until_answered
from tests.ledger.keeping import GOOD_UNTIL, wallet_of
from tests.races import from_threads

CALLERS = 60
AT_ONCE = 50
MOMENT_SECONDS = 0.5  #: what somebody gets who may have to wait for us
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def crowd(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Four processes on a database of this module's own."""
    app = make_app(settings_for(databases.make(), tmp_path_factory.mktemp("races"), log_level="ERROR"))
    house = app.extensions[EXTENSION]
    with crowd_of(4, house) as crowd:
        yield crowd
    house.transactions.engine.dispose()


@pytest.fixture
def clerk(crowd: Crowd) -> Clerk:
    return Clerk(new_town(crowd.house))


def at_once(crowd: Crowd, clerk: Clerk, *jobs: tuple[Any, ...], deadlocks_are_known: bool = False) -> list[Any]:
    """Deeds by name, in four times thirteen threads; no two of them lock each other out."""
    answers = crowd.call(perform, [(clerk.town.id, *job) for job in jobs])
    assert answers.deadlocks == 0 or deadlocks_are_known
    return answers.all


def receipts_of(answers: list[Any]) -> list[Receipt]:
    return [answer for answer in answers if isinstance(answer, Receipt)]


# One key


@pytest.mark.parametrize("name", ["grant", "earn", "spend", "hold", "capture", "void", "transfer", "reverse", "adjust"])
def test_one_key_in_fifty_threads_has_one_effect(crowd: Crowd, clerk: Clerk, name: str) -> None:
    resident, other = clerk.resident(100), clerk.resident()
    held = clerk.hold(resident, 20)
    arguments: dict[str, tuple[Any, ...]] = {
        "grant": (5,),
        "earn": (resident.id, 5),
        "spend": (resident.id, 5),
        "hold": (resident.id, 5, utc_now() + DAY),
        "capture": (held.txn_id, 5),
        "void": (held.txn_id, 5),
        "transfer": (resident.id, other.id, 5),
        "reverse": (clerk.spend(resident, 10).txn_id, 5),
        "adjust": (resident.id, 5),
    }
    key, before = fresh_key(), len(clerk.town.contents()["txn"])
    answers = at_once(crowd, clerk, *[(name, key, *arguments[name])] * AT_ONCE)
    assert [answer.replayed for answer in answers].count(False) == 1
    assert {(answer.txn_id, answer.amount, answer.balance) for answer in answers} == {
        (answers[0].txn_id, 5, answers[0].balance)
    }
    assert len(clerk.town.contents()["txn"]) == before + 1
    clerk.audit()


def test_one_key_for_two_requests_stands_for_whichever_came_first(crowd: Crowd, clerk: Clerk) -> None:
    resident, key = clerk.resident(1000), fresh_key()
    answers = at_once(crowd, clerk, *[("spend", key, resident.id, amount) for amount in (5, 6)] * (AT_ONCE // 2))
    [winner] = {answer.amount for answer in receipts_of(answers)}
    assert Counter(answer if isinstance(answer, str) else answer.amount for answer in answers) == {
        winner: AT_ONCE // 2,
        "ledger.key_mismatch": AT_ONCE // 2,
    }
    assert clerk.balance(resident) == 1000 - winner
    clerk.audit()


# Balances, budgets, caps


@pytest.mark.parametrize("amount", [5, 7])
def test_of_spends_at_once_exactly_those_that_fit_go_through(crowd: Crowd, clerk: Clerk, amount: int) -> None:
    resident = clerk.resident()
    for n in range(4):
        clerk.earn(resident, 25, GOOD_UNTIL + n * DAY)
    answers = at_once(crowd, clerk, *[("spend", fresh_key(), resident.id, amount) for _ in range(CALLERS)])
    accepted = 100 // amount
    assert Counter(answer if isinstance(answer, str) else answer.amount for answer in answers) == {
        amount: accepted,
        "points.insufficient": CALLERS - accepted,
    }
    assert sorted(receipt.balance for receipt in receipts_of(answers)) == [
        100 % amount + amount * n for n in range(accepted)
    ]
    assert clerk.balance(resident) == 100 % amount
    clerk.audit()


def test_spends_holds_and_transfers_at_once_never_take_more_than_there_is(crowd: Crowd, clerk: Clerk) -> None:
    resident, other = clerk.resident(100), clerk.resident()
    jobs: list[tuple[Any, ...]] = []
    for _ in range(CALLERS // 3):
        jobs += [
            ("spend", fresh_key(), resident.id, 5),
            ("hold", fresh_key(), resident.id, 5),
            ("transfer", fresh_key(), resident.id, other.id, 5),
        ]
    answers = at_once(crowd, clerk, *jobs)
    assert Counter(type(answer) for answer in answers) == {Receipt: 20, str: CALLERS - 20}
    assert clerk.balance(resident) == 0
    assert clerk.held(resident) + clerk.balance(other) + clerk.sunk(AccountKind.REDEEMED) == 100
    clerk.audit()


@pytest.mark.parametrize("shards", [1, 4])
def test_a_budget_pays_exactly_as_many_awards_as_it_covers(crowd: Crowd, clerk: Clerk, shards: int) -> None:
    shop, residents = clerk.operator(100), [clerk.resident().id for _ in range(4)]
    clerk.split(shards)
    awards = [("earn", fresh_key(), residents[n % 4], 5, GOOD_UNTIL, "", shop) for n in range(CALLERS)]
    answers = at_once(crowd, clerk, *awards, deadlocks_are_known=shards > 1)
    assert Counter(type(answer) for answer in answers) == {Receipt: 20, str: CALLERS - 20}
    assert {answer for answer in answers if isinstance(answer, str)} == {"points.budget_exhausted"}
    assert clerk.budget(shop) == 0
    clerk.audit()


def test_a_cap_lets_exactly_as_many_awards_through_as_it_allows(crowd: Crowd, clerk: Clerk) -> None:
    resident, use = clerk.resident(), CapUse("checkin", "2027-11", 1, 20)
    award = (resident.id, 1, GOOD_UNTIL, "", None, (use,))
    answers = at_once(crowd, clerk, *[("earn", fresh_key(), *award) for _ in range(CALLERS)])
    assert Counter(type(answer) for answer in answers) == {Receipt: 20, str: CALLERS - 20}
    assert {answer for answer in answers if isinstance(answer, str)} == {"points.cap_reached"}
    assert clerk.used(resident, "checkin", "2027-11") == 20
    clerk.audit()


# Reversals


def test_a_transaction_is_reversed_once(crowd: Crowd, clerk: Clerk) -> None:
    resident = clerk.resident(100)
    spent = clerk.spend(resident, 40)
    answers = at_once(crowd, clerk, *[("reverse", fresh_key(), spent.txn_id) for _ in range(20)])
    assert Counter(type(answer) for answer in answers) == {Receipt: 1, str: 19}
    assert clerk.balance(resident) == 100
    clerk.audit()


def test_reversals_in_parts_never_take_back_more_than_there_was(crowd: Crowd, clerk: Clerk) -> None:
    resident = clerk.resident()
    for n in range(4):
        clerk.earn(resident, 25, GOOD_UNTIL + n * DAY)
    spent = clerk.spend(resident, 100)
    answers = at_once(crowd, clerk, *[("reverse", fresh_key(), spent.txn_id, 7) for _ in range(20)])
    assert Counter(type(answer) for answer in answers) == {Receipt: 14, str: 6}
    assert clerk.balance(resident) == 98
    clerk.audit()


def test_reversals_in_parts_free_the_whole_cap_in_the_end(crowd: Crowd, clerk: Clerk) -> None:
    resident, use = clerk.resident(), CapUse("checkin", "2027-11", 3, 3)
    for _ in range(5):
        earned = clerk.earn(resident, 10, usages=[use])
        answers = at_once(crowd, clerk, *[("reverse", fresh_key(), earned.txn_id, 1) for _ in range(10)])
        assert len(receipts_of(answers)) == 10
        assert clerk.used(resident, "checkin", "2027-11") == 0
    clerk.audit()


def test_a_reversal_and_a_spend_of_the_same_points_do_not_both_go_through(crowd: Crowd, clerk: Clerk) -> None:
    resident = clerk.resident()
    awards = [clerk.earn(resident, 5) for _ in range(20)]
    jobs: list[tuple[Any, ...]] = [("reverse", fresh_key(), award.txn_id) for award in awards]
    jobs += [("spend", fresh_key(), resident.id, 5) for _ in range(20)]
    answers = at_once(crowd, clerk, *jobs)
    assert len(receipts_of(answers)) == 20
    assert clerk.balance(resident) == 0
    clerk.audit()


# Holds


def test_a_capture_a_void_and_the_timeout_have_one_winner(crowd: Crowd, clerk: Clerk) -> None:
    resident = clerk.resident(1000)
    for _ in range(3):
        held = clerk.hold(resident, 10)
        jobs = [("void" if n % 2 else "capture", fresh_key(), held.txn_id, 10) for n in range(20)]
        answers = crowd.call(
            settle_or_release, [(clerk.town.id, *job) for job in jobs] + [(clerk.town.id, "release")] * 10
        )
        assert answers.deadlocks == 0
        assert answers.all.count(10) == 1
        amount, captured, released = clerk.hold_of(held)
        assert {captured, released} == {0, amount}
    assert clerk.held(resident) == 0
    clerk.audit()


def settle_or_release(app: Flask, town_id: int, name: str, *arguments: Any) -> int:
    """How many points were settled: by the deed, at this moment, or by a run of two days later."""
    transactions = app.extensions[EXTENSION].transactions
    if name != "release":
        answer = perform(app, town_id, name, *arguments)
        return answer.amount if isinstance(answer, Receipt) else 0
    later = Transactions(transactions.engine, clock=lambda: utc_now() + 2 * DAY)
    return 10 * int(until_answered(later, town_id, release_lapsed_holds, 10))


def test_parts_of_a_hold_are_captured_or_given_back_and_never_more_than_there_are(crowd: Crowd, clerk: Clerk) -> None:
    resident = clerk.resident()
    for n in range(4):
        clerk.earn(resident, 25, GOOD_UNTIL + n * DAY)
    held = clerk.hold(resident, 100)
    jobs = [("capture" if n % 2 else "void", fresh_key(), held.txn_id, 3) for n in range(CALLERS)]
    answers = at_once(crowd, clerk, *jobs)
    assert len(receipts_of(answers)) == 33
    amount, captured, released = clerk.hold_of(held)
    assert (captured + released, clerk.held(resident)) == (99, amount - 99)
    assert clerk.balance(resident) == released
    clerk.audit()


def test_a_hold_that_is_settled_between_the_look_and_its_turn_does_not_stop_the_release_of_the_others(
    clerk: Clerk,
) -> None:
    """What is captured at the last moment is left to whoever captured it; the run goes on."""
    resident = clerk.resident(100)
    gone, still = clerk.hold(resident, 10), clerk.hold(resident, 20)
    later = Transactions(clerk.town.database.engine, clock=lambda: utc_now() + 2 * DAY)
    with interrupted_after(later, "FROM hold", lambda: clerk.capture(gone, 10)):
        later.write(clerk.town.id, SYSTEM, release_lapsed_holds, 10)
    assert (clerk.held(resident), clerk.hold_of(still)) == (0, (20, 0, 20))
    assert sum(clerk.hold_of(gone)[1:]) == 10
    clerk.audit()


@contextmanager
def interrupted_after(transactions: Transactions, marker: str, deed: Callable[[], object]) -> Iterator[None]:
    """After the first statement with the marker somebody else does something; who has to wait for us gets a moment.

    On SQLite nobody writes while another one does, so there it is done afterwards. A refusal is fine.
    """

    def do() -> None:
        with suppress(RuleError):
            deed()

    thread = threading.Thread(target=do)

    def start(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if marker in statement and thread.ident is None and transactions.engine.dialect.name == "postgresql":
            thread.start()
            thread.join(MOMENT_SECONDS)

    event.listen(transactions.engine, "after_cursor_execute", start)
    try:
        yield
    finally:
        event.remove(transactions.engine, "after_cursor_execute", start)
        if thread.ident is None:
            thread.start()
        thread.join()


def test_the_timeout_of_many_holds_and_transfers_between_their_holders_do_not_lock_each_other_out(
    crowd: Crowd, clerk: Clerk
) -> None:
    one, other = clerk.resident(500), clerk.resident(500)
    for n in range(10):
        clerk.hold((one, other)[n % 2], 5)
        clerk.hold((other, one)[n % 2], 5)
    jobs: list[tuple[Any, ...]] = [(clerk.town.id, "release")] * 8
    for _ in range(20):
        jobs += [
            (clerk.town.id, "transfer", fresh_key(), one.id, other.id, 1),
            (clerk.town.id, "transfer", fresh_key(), other.id, one.id, 1),
        ]
    answers = crowd.call(settle_or_release, jobs)
    assert answers.deadlocks == 0
    assert (clerk.held(one) + clerk.held(other), clerk.balance(one) + clerk.balance(other)) == (0, 1000)
    clerk.audit()


def test_a_run_over_the_lapsed_holds_locks_wallets_in_the_order_of_their_ids(clerk: Clerk) -> None:
    """The oldest hold is of the wallet with the larger id; a transfer of both wallets comes in between."""
    first, second = clerk.resident(50), clerk.resident(50)
    clerk.hold(second, 5, utc_now() + DAY / 2)
    clerk.hold(first, 5)
    met = count_deadlocks(clerk.town.database)
    later = Transactions(clerk.town.database.engine, clock=lambda: utc_now() + 2 * DAY)
    with interrupted_after(later, "UPDATE account", lambda: clerk.transfer(first, second, 1)):
        assert later.write(clerk.town.id, SYSTEM, release_lapsed_holds, 10) == 2
    assert met == []
    assert (clerk.balance(first), clerk.balance(second)) == (49, 51)
    clerk.audit()


# Order of locks


def test_transfers_both_ways_at_once_do_not_lock_each_other_out(crowd: Crowd, clerk: Clerk) -> None:
    people = [clerk.resident(200) for _ in range(3)]
    pairs = [(giver.id, taker.id) for giver in people for taker in people if giver is not taker]
    answers = at_once(crowd, clerk, *[("transfer", fresh_key(), *pairs[n % 6], 1) for n in range(120)])
    assert len(receipts_of(answers)) == 120
    assert [clerk.balance(person) for person in people] == [200, 200, 200]
    clerk.audit()


def test_transfers_to_residents_who_have_no_wallet_yet_open_one(crowd: Crowd, clerk: Clerk) -> None:
    giver, takers = clerk.resident(200), [clerk.resident() for _ in range(3)]
    jobs: list[tuple[Any, ...]] = [("transfer", fresh_key(), giver.id, takers[n % 3].id, 2) for n in range(30)]
    jobs += [("earn", fresh_key(), takers[n % 3].id, 1) for n in range(30)]
    answers = at_once(crowd, clerk, *jobs)
    assert len(receipts_of(answers)) == 60
    assert [clerk.balance(taker) for taker in takers] == [30, 30, 30]
    clerk.audit()


def book_batch(app: Flask, town_id: int, awards: dict[str, tuple[Any, ...]]) -> Any:
    return answer_of(app.extensions[EXTENSION].transactions, town_id, deeds.earn_many, awards)


def test_batches_over_the_same_wallets_in_opposite_orders_do_not_lock_each_other_out(
    crowd: Crowd, clerk: Clerk
) -> None:
    residents = [clerk.resident().id for _ in range(12)]
    batches = []
    for n in range(16):
        order = residents if n % 2 else residents[::-1]
        batches.append({f"{n:02}-{place:02}": (resident, 1) for place, resident in enumerate(order)})
    answers = crowd.call(book_batch, [(clerk.town.id, batch) for batch in batches])
    assert answers.deadlocks == 0
    assert {len(answer) for answer in answers.all} == {12}
    assert sum(row.credited for row in clerk.town.rows(Account.credited, kind=AccountKind.WALLET)) == 16 * 12
    clerk.audit()


def test_the_same_batch_at_once_books_each_award_once(crowd: Crowd, clerk: Clerk) -> None:
    batch = {f"award-{n}": (clerk.resident().id, 3) for n in range(10)}
    mixed = [dict(reversed(batch.items())), batch, dict(list(batch.items())[3:7])] * 8
    answers = crowd.call(book_batch, [(clerk.town.id, each) for each in mixed])
    assert answers.deadlocks == 0
    for key in batch:
        given = [answer[key] for answer in answers.all if key in answer]
        assert [receipt.replayed for receipt in given].count(False) == 1
        assert len({(receipt.txn_id, receipt.amount, receipt.balance) for receipt in given}) == 1
    clerk.audit()


def split(app: Flask, town_id: int, shards: int) -> Any:
    return answer_of(app.extensions[EXTENSION].transactions, town_id, set_shards, shards)


def earn_or_split(app: Flask, town_id: int, name: str, *arguments: Any) -> Any:
    return split(app, town_id, *arguments) if name == "split" else perform(app, town_id, name, *arguments)


def test_a_pool_that_is_split_while_it_pays_loses_nothing(crowd: Crowd, clerk: Clerk) -> None:
    shop, residents = clerk.operator(200), [clerk.resident().id for _ in range(4)]
    jobs: list[tuple[Any, ...]] = []
    for n in range(60):
        jobs.append((clerk.town.id, "earn", fresh_key(), residents[n % 4], 3, GOOD_UNTIL, "", shop))
        if n % 10 == 0:
            jobs.append((clerk.town.id, "split", (1, 8, 3)[n // 10 % 3]))
    answers = crowd.call(earn_or_split, jobs)
    assert answers.deadlocks == 0
    assert len(receipts_of(answers.all)) == 60
    assert clerk.budget(shop) == 20
    clerk.audit()


def test_a_pool_that_is_split_twice_at_once_is_split(crowd: Crowd, clerk: Clerk) -> None:
    shop = clerk.operator(100)
    answers = crowd.call(split, [(clerk.town.id, 8)] * 8)
    assert answers.deadlocks == 0
    assert (clerk.budget(shop), sorted(set(clerk.shards(shop)))) == (100, [12, 13])
    clerk.audit()


def test_awards_that_empty_a_split_pool_do_not_lock_each_other_out(crowd: Crowd, clerk: Clerk) -> None:
    shop, residents = clerk.operator(64), [clerk.resident().id for _ in range(8)]
    clerk.split(8)
    awards = [("earn", fresh_key(), residents[n % 8], 3, GOOD_UNTIL, "", shop) for n in range(40)]
    answers = crowd.call(perform, [(clerk.town.id, *award) for award in awards])
    assert len(receipts_of(answers.all)) == 21
    assert clerk.budget(shop) == 1
    clerk.audit()
    assert answers.deadlocks == 0


# Expiry


LAST_DAY = date(2030, 2, 28)
EVENING, NEXT_MORNING = local_moment(LAST_DAY, "23:59"), local_moment(LAST_DAY + DAY, "00:01")


def spend_or_expire(app: Flask, town_id: int, resident_id: int | None) -> int:
    """Five points spent on the last good evening, or how many lapsed on the next morning."""
    engine = app.extensions[EXTENSION].transactions.engine
    if resident_id is None:
        return expire(Transactions(engine, clock=lambda: NEXT_MORNING), town_id, LAST_DAY + DAY, wallets_max=1).points
    evening = Transactions(engine, clock=lambda: EVENING)
    answer = answer_of(evening, town_id, deeds.spend, fresh_key(), resident_id, 5)
    return 0 if isinstance(answer, str) else -answer.amount


def test_a_point_is_spent_or_lapses_and_never_both(crowd: Crowd, clerk: Clerk) -> None:
    residents = [clerk.resident() for _ in range(3)]
    for resident in residents:
        clerk.earn(resident, 100, LAST_DAY)
        clerk.earn(resident, 7, LAST_DAY, scope="mall")
    jobs = [(clerk.town.id, None if n % 8 == 5 else residents[n % 3].id) for n in range(CALLERS)]
    answers = crowd.call(spend_or_expire, jobs)
    assert answers.deadlocks == 0
    spent, lapsed = -sum(n for n in answers.all if n < 0), sum(n for n in answers.all if n > 0)
    assert spent + lapsed == 321
    assert (clerk.sunk(AccountKind.REDEEMED), clerk.sunk(AccountKind.BREAKAGE)) == (spent, lapsed)
    assert {clerk.balance(resident) for resident in residents} == {0}
    clerk.audit()


# Control arms


@dataclass(frozen=True)
class Unguarded:
    """The same deed without its guard: a look in one transaction, a write in the next."""

    look: str  #: whether it fits
    write: str
    verdict: str  #: by how much it was too much

    def run(self, clerk: Clerk, names: dict[str, Any]) -> int:
        """Many callers at once; returns by how much they took too much."""
        everybody_has_looked = threading.Barrier(CONTROL_CALLERS)
        names = names | {"town": clerk.town.id}

        def look(work: Work) -> bool:
            return bool(work.db.execute(text(self.look), names).scalar())

        def write(work: Work, key: str) -> None:
            columns = {"id": work.new_id(), "key": key, "request": b""} if ":key" in self.write else {}
            work.db.execute(text(self.write), names | columns)

        def call(key: str) -> None:
            fits = clerk.town.database.read(clerk.town.id, SYSTEM, look)
            everybody_has_looked.wait()
            if fits:
                clerk.town.database.write(clerk.town.id, SYSTEM, write, key)

        from_threads(call, [(fresh_key(),) for _ in range(CONTROL_CALLERS)], CONTROL_CALLERS)
        return int(clerk.town.act(None, lambda work: work.db.execute(text(self.verdict), names).scalar_one()))


CONTROL_CALLERS = 16
CONTROL_ARMS = {
    "a key": Unguarded(
        "SELECT count(*) = 0 FROM txn WHERE town_id = :town AND reason = 'once'",
        "INSERT INTO txn (town_id, id, book_id, idempotency_key, request_hash, kind, reason, effective_at, recorded_at, "
        "explanation) SELECT town_id, :id, min(book_id), :key, :request, 'spend', 'once', min(effective_at), "
        "min(recorded_at), '' FROM txn WHERE town_id = :town GROUP BY town_id",
        "SELECT count(*) - 1 FROM txn WHERE town_id = :town AND reason = 'once'",
    ),
    "a balance": Unguarded(
        "SELECT credited - debited >= 60 FROM account WHERE town_id = :town AND id = :wallet",
        "UPDATE account SET debited = debited + 60 WHERE town_id = :town AND id = :wallet",
        "SELECT debited - credited FROM account WHERE town_id = :town AND id = :wallet",
    ),
    "a lot": Unguarded(
        "SELECT credited - debited >= 60 FROM lot WHERE town_id = :town AND account_id = :wallet",
        "UPDATE lot SET debited = debited + 60 WHERE town_id = :town AND account_id = :wallet",
        "SELECT debited - credited FROM lot WHERE town_id = :town AND account_id = :wallet",
    ),
    "a budget": Unguarded(
        "SELECT credited - debited >= 60 FROM account WHERE town_id = :town AND id = :pool",
        "UPDATE account SET debited = debited + 60 WHERE town_id = :town AND id = :pool",
        "SELECT debited - credited FROM account WHERE town_id = :town AND id = :pool",
    ),
    "a hold": Unguarded(
        "SELECT captured + released + 10 <= amount FROM hold WHERE town_id = :town AND txn_id = :held",
        "UPDATE hold SET captured = captured + 10 WHERE town_id = :town AND txn_id = :held",
        "SELECT captured + released - amount FROM hold WHERE town_id = :town AND txn_id = :held",
    ),
    "a reversal": Unguarded(
        "SELECT reversed + 30 <= amount FROM reversal WHERE town_id = :town AND txn_id = :earned",
        "UPDATE reversal SET reversed = reversed + 30 WHERE town_id = :town AND txn_id = :earned",
        "SELECT reversed - amount FROM reversal WHERE town_id = :town AND txn_id = :earned",
    ),
    "a cap": Unguarded(
        "SELECT used + 2 <= cap FROM rule_usage WHERE town_id = :town AND account_id = :wallet",
        "UPDATE rule_usage SET used = used + 2 WHERE town_id = :town AND account_id = :wallet",
        "SELECT used - cap FROM rule_usage WHERE town_id = :town AND account_id = :wallet",
    ),
}
CHECKS = (
    ("account", "ck_account_balance_above_floor"),
    ("lot", "ck_lot_not_overdrawn"),
    ("hold", "ck_hold_not_overdrawn"),
    ("reversal", "ck_reversal_within_the_posting"),
    ("rule_usage", "ck_rule_usage_used_within_cap"),
)


@pytest.fixture(scope="module")
def unchecked(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A database without the CHECKs that stand behind the guards."""
    app = make_app(settings_for(databases.make(), tmp_path_factory.mktemp("unchecked"), log_level="ERROR"))
    house: House = app.extensions[EXTENSION]
    engine = house.transactions.engine
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            for table, check in CHECKS:
                connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {check}"))
    else:
        event.listen(engine, "checkout", _ignore_checks)
    yield house
    engine.dispose()


def _ignore_checks(connection: Any, _record: object, _proxy: object) -> None:
    connection.execute("PRAGMA ignore_check_constraints=ON")


@pytest.mark.parametrize("guard", CONTROL_ARMS)
def test_without_a_guard_the_same_race_takes_more_than_there_is(unchecked: House, guard: str) -> None:
    clerk, arm = Clerk(new_town(unchecked)), CONTROL_ARMS[guard]
    resident, shop = clerk.resident(), clerk.operator(200)
    earned = clerk.earn(resident, 110, issuer_id=shop, usages=[CapUse("checkin", "2027-11", 1, 3)])
    clerk.reverse(earned, 10)
    [(pool,)] = clerk.town.rows(Account, kind=AccountKind.POOL, owner_id=shop)
    held = clerk.hold(clerk.resident(10), 10)
    names = {
        "wallet": wallet_of(clerk.town, resident).id,
        "pool": pool.id,
        "held": held.txn_id,
        "earned": earned.txn_id,
    }
    assert arm.run(clerk, {name: value for name, value in names.items() if f":{name}" in repr(arm)}) > 0
