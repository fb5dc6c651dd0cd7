"""What the ledger does a second: `python3 bench/ledger.py [--small N] [--large N] [--expiry LOTS] [--seconds S]`.

One run, one PostgreSQL of its own with fsync on and 2 GB of shared buffers. Two towns in two databases, one with `--small`
postings (10,000) and one with `--large` (10,000,000), are measured with the same code; next to it a floor, written by hand
for psycopg, that has the same effect with as few statements as it takes. What counts is the ratios; the figures are this
machine's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psycopg
from sqlalchemy import Connection, event, insert, text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.grow import dsn_of
from bench.ledger_floor import EACH, Books, Floor
from bench.town import new_database
from migrations.upgrade import upgrade
from models.residents import ResidentStatus
from models.rulebook import RulebookVersion
from models.territory import HostKind, Operator, Scene, Territory, TerritoryKind, Town
from rules.clock import local_day
from rules.database import connect
from rules.ids import first_id_at
from rules.ledger.earning import Earning, earn
from rules.ledger.earning_many import earn_many
from rules.ledger.expiring import expire
from rules.ledger.explaining import explain_balance
from rules.ledger.pools import grant_budget, open_book
from rules.ledger.reading import balance_at, read_open_lots, read_wallet
from rules.ledger.spending import Spending, spend
from rules.ledger.transactions import POINTS, Cause
from rules.work import SYSTEM, Transactions, Work
from tests.postgresql import running_postgresql

#: What a server of 24 to 32 GB is given, and checkpoints as busy servers have them; all else is PostgreSQL's own default.
SERVER = "-c shared_buffers=8GB -c max_wal_size=8GB -c checkpoint_timeout=30min"
TOWN = 1
COMMUNITY, OPERATOR, VERSION = 11, 12, 13
LOTS = 12  #: open lots of a wallet, as FIFO by month keeps them
POSTINGS_OF_WALLET = 40
FIRST = first_id_at(datetime(2025, 1, 1, tzinfo=UTC))
WRITERS = 8
BATCH = 2_000
THIS_YEAR = local_day(datetime.now(UTC)).year


@dataclass(frozen=True)
class Place:
    """A database with one town, and how many wallets there are."""

    url: str
    wallets: int

    def open(self) -> Transactions:
        return Transactions(connect(self.url, pool_size=4))

    def resident(self) -> int:
        return FIRST + random.randrange(self.wallets)

    def floor(self) -> Floor:
        """What the ledger is compared with, in this town."""
        with psycopg.connect(dsn_of(self.url)) as connection:
            row = connection.execute("SELECT book_id FROM account WHERE kind = 'pool'").fetchone()
        assert row is not None
        return Floor(Books(self.url, TOWN, row[0], VERSION, COMMUNITY, OPERATOR, self.resident))


# --- making the towns -------------------------------------------------------------------------------------------------


def make_town(server_url: str, postings: int) -> Place:
    """A town in a database of its own, with that many postings of the past."""
    wallets = max(postings // POSTINGS_OF_WALLET, 1)
    url = new_database(server_url)
    engine = connect(url)
    upgrade(engine)
    transactions = Transactions(engine)
    transactions.write(TOWN, SYSTEM, _open_town)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no foreign keys while loading
        connection.execute(_RESIDENTS, {"first": FIRST, "wallets": wallets, "town": TOWN})
    load_history(url, wallets, postings)
    engine.dispose()
    return Place(url, wallets)


def _open_town(work: Work) -> None:
    town = {"id": TOWN, "code": "bench", "name": "压测街道", "host_kind": HostKind.GOVERNMENT, "is_demo": False}
    work.db.execute(insert(Town), town)
    community = {"id": COMMUNITY, "parent_id": None, "kind": TerritoryKind.COMMUNITY, "name": "社区", "path": "11/"}
    work.db.execute(insert(Territory), {"town_id": TOWN, "homes": 0, **community})
    work.db.execute(insert(Operator), {"town_id": TOWN, "id": OPERATOR, "name": "运营"})
    version = {"number": 1, "document": "", "document_hash": b"", "effective_from": work.now, "published_at": work.now}
    work.db.execute(insert(RulebookVersion), {"town_id": TOWN, "id": VERSION, **version})
    open_book(work, POINTS, "积分")
    grant_budget(work, "budget", 10**15, "压测预算")


_RESIDENTS = text(
    f"INSERT INTO resident (town_id, id, name, openid_sealed, status, token_version, registered_at) "
    f"SELECT :town, :first + i, '', '', '{ResidentStatus.ACTIVE}', 1, now() FROM generate_series(0, :wallets - 1) i"
)
#: Posting i is the (i / wallets)-th of wallet i % wallets; its lot is that number % LOTS. Ids are FIRST + a number.
_HISTORY = (
    """INSERT INTO account (town_id, id, book_id, kind, owner_type, owner_id, shard, floor, unbounded, credited, debited)
    SELECT {town}, {first} + 1000000000 + w, {book}, 'wallet', 'resident', {first} + w, 0, 0, false, {each} * {of_wallet}, 0
    FROM generate_series(0, {wallets} - 1) w""",
    """INSERT INTO lot (town_id, id, account_id, expires_on, scope, issuer_id, credited, debited)
    SELECT {town}, {first} + 2000000000 + w * {lots} + l, {first} + 1000000000 + w,
    make_date({year} + 1, l + 1, 28), '', {town}, {each} * (({of_wallet} - l + {lots} - 1) / {lots}), 0
    FROM generate_series(0, {wallets} - 1) w, generate_series(0, {lots} - 1) l
    WHERE l < {of_wallet}""",
    """INSERT INTO txn (town_id, id, book_id, idempotency_key, request_hash, kind, rulebook_version_id, rule_id, reason,
    community_id, operator_id, scene, effective_at, recorded_at, explanation)
    SELECT {town}, {first} + 4000000000 + i, {book}, 'history:' || i, '', 'earn', {version}, 'activity-checkin', 'checkin',
    {community}, {operator}, 'education', now(), now(), '参加活动签到：每场 10 分 × 1 场 = 10 分'
    FROM generate_series(0, {wallets}::bigint * {of_wallet} - 1) i""",
    """INSERT INTO posting (town_id, txn_id, n, src_account_id, dst_account_id, dst_lot_id, amount, src_debited_after,
    dst_credited_after, dst_lot_credited_after, src_credited, dst_debited, recorded_at)
    SELECT {town}, {first} + 4000000000 + i, 0, {pool}, {first} + 1000000000 + i % {wallets},
    {first} + 2000000000 + (i % {wallets}) * {lots} + (i / {wallets}) % {lots}, {each}, (i + 1) * {each},
    (i / {wallets} + 1) * {each}, (i / {wallets} / {lots} + 1) * {each}, 1000000000000000, 0, now()
    FROM generate_series(0, {wallets}::bigint * {of_wallet} - 1) i""",
    "UPDATE account SET debited = {wallets}::bigint * {of_wallet} * {each} WHERE id = {pool}",
)


def load_history(url: str, wallets: int, postings: int) -> None:
    """Write the past with unique keys and foreign keys taken away, and put them back: they are checked then."""
    with psycopg.connect(dsn_of(url), autocommit=True) as connection:
        facts = connection.execute("SELECT id, book_id FROM account WHERE kind = 'pool'").fetchone()
        assert facts is not None
        of_wallet = min(POSTINGS_OF_WALLET, postings)
        words = {"town": TOWN, "first": FIRST, "book": facts[1], "pool": facts[0], "wallets": wallets, "lots": LOTS}
        words |= {"each": EACH, "year": THIS_YEAR, "community": COMMUNITY, "operator": OPERATOR, "version": VERSION}
        connection.execute("SET maintenance_work_mem = '512MB'")
        with _bare_tables(connection):
            for statement in _HISTORY:
                connection.execute(statement.format(of_wallet=of_wallet, **words))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def _bare_tables(connection: psycopg.Connection) -> Iterator[None]:
    guards = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype IN ('f', 'u') AND conrelid::regclass::text IN ('account', 'lot', 'txn', 'posting') "
        "ORDER BY contype DESC"
    ).fetchall()
    for table, name, _ in sorted(guards, key=lambda guard: "FOREIGN" not in guard[2]):
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    for table, name, definition in guards:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


# --- what is measured -------------------------------------------------------------------------------------------------


def cause_now() -> Cause:
    return Cause(
        "checkin",
        "参加活动签到：每场 10 分 × 1 场 = 10 分",
        datetime.now(UTC),
        rulebook_version_id=VERSION,
        rule_id="activity-checkin",
        community_id=COMMUNITY,
        operator_id=OPERATOR,
        scene=Scene.EDUCATION,
    )


def an_earning(place: Place) -> Earning:
    return Earning(place.resident(), EACH, date(THIS_YEAR + 1, random.randint(1, 12), 28), cause_now())


def earn_once(transactions: Transactions, place: Place) -> None:
    transactions.write(TOWN, SYSTEM, earn, uuid.uuid4().hex, an_earning(place))


def earn_batch(transactions: Transactions, place: Place) -> None:
    transactions.write(TOWN, SYSTEM, earn_many, {uuid.uuid4().hex: an_earning(place) for _ in range(BATCH)})


def read_balance(transactions: Transactions, place: Place) -> None:
    def deed(work: Work) -> int:
        wallet = read_wallet(work, place.resident())
        return sum(lot.amount for lot in read_open_lots(work, wallet, local_day(work.now)))

    assert transactions.read(TOWN, SYSTEM, deed) >= 0


def explain_wallet(transactions: Transactions, place: Place) -> None:
    def deed(work: Work) -> int:
        wallet = read_wallet(work, place.resident())
        return len(explain_balance(work, wallet, local_day(work.now), None, 20).items)

    transactions.read(TOWN, SYSTEM, deed)


def read_balance_at(transactions: Transactions, place: Place) -> None:
    transactions.read(TOWN, SYSTEM, balance_at, place.resident(), datetime.now(UTC))


class Spender:
    """Spends a wallet's 12 lots in one go, one wallet after the other, so that every spending finds 12 open lots."""

    def __init__(self, place: Place) -> None:
        self._order = iter(random.sample(range(place.wallets), min(place.wallets, 200_000)))

    def __call__(self, transactions: Transactions, _place: Place) -> None:
        resident_id = FIRST + next(self._order)
        cause = Cause("redemption", "兑换", datetime.now(UTC))
        amount = EACH * POSTINGS_OF_WALLET - EACH + 1
        transactions.write(TOWN, SYSTEM, spend, uuid.uuid4().hex, Spending(resident_id, amount, cause))


# --- measuring ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """How long each call took, in seconds, and how many there were a second."""

    times: list[float]
    per_second: float

    @property
    def p50(self) -> float:
        return statistics.median(self.times)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.times, n=100)[98] if len(self.times) > 1 else self.times[0]


def measure(call: Callable[[], None], seconds: float) -> Measured:
    for _ in range(20):
        call()
    times, end = [], time.perf_counter() + seconds
    began = time.perf_counter()
    while time.perf_counter() < end:
        start = time.perf_counter()
        try:
            call()
        except StopIteration:  # every wallet was spent from
            break
        times.append(time.perf_counter() - start)
    return Measured(times, len(times) / (time.perf_counter() - began))


def measure_product(place: Place, deed: Callable[[Transactions, Place], None], seconds: float) -> Measured:
    transactions = place.open()
    try:
        return measure(lambda: deed(transactions, place), seconds)
    finally:
        transactions.engine.dispose()


def _write(what: str, place: Place, seconds: float, start: Barrier, answers: multiprocessing.Queue[float]) -> None:
    if what == "floor":
        floor = place.floor()
        call = floor.earn_once
    else:
        transactions = place.open()

        def call() -> None:
            earn_once(transactions, place)

    call()
    start.wait()
    answers.put(measure(call, seconds).per_second)


def writers_per_second(what: str, place: Place, seconds: float) -> float:
    """Earns a second of 8 writers, each a process with a connection of its own."""
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(WRITERS), context.Queue()
    processes = [context.Process(target=_write, args=(what, place, seconds, start, answers)) for _ in range(WRITERS)]
    for process in processes:
        process.start()
    total = sum(answers.get() for _ in processes)
    for process in processes:
        process.join()
    return total


_LAPSED_WALLETS = (
    """INSERT INTO account (town_id, id, book_id, kind, owner_type, owner_id, shard, floor, unbounded, credited, debited)
    SELECT {town}, {first} + w, {book}, 'wallet', 'resident', {first} + w, 0, 0, false, 3 * {each}, 0
    FROM generate_series(1, {wallets}) w""",
    """INSERT INTO lot (town_id, id, account_id, expires_on, scope, issuer_id, credited, debited)
    SELECT {town}, {first} + w * 3 + l, {first} + w, current_date - 40 - l, '', {town}, {each}, 0
    FROM generate_series(1, {wallets}) w, generate_series(0, 2) l""",
)


def measure_expiry(server_url: str, lots: int) -> tuple[float, float, int]:
    """Seconds of a whole run, seconds of its longest chunk, lots booked; 3 lapsed lots a wallet."""
    place = make_town(server_url, POSTINGS_OF_WALLET)
    with psycopg.connect(dsn_of(place.url), autocommit=True) as connection:
        row = connection.execute("SELECT book_id FROM account WHERE kind = 'pool'").fetchone()
        assert row is not None
        for statement in _LAPSED_WALLETS:
            words = {"town": TOWN, "first": FIRST + 10**12, "book": row[0], "each": EACH, "wallets": lots // 3}
            connection.execute(statement.format_map(words))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    transactions = place.open()
    today = local_day(datetime.now(UTC))
    longest = longest_transaction(transactions)
    began = time.perf_counter()
    booked = expire(transactions, TOWN, today)
    total = time.perf_counter() - began
    transactions.engine.dispose()
    return total, max(longest), booked.lots


def longest_transaction(transactions: Transactions) -> list[float]:
    """A list that grows by the seconds of each writing transaction, from its first statement to its commit."""
    seconds: list[float] = [0.0]
    began: dict[int, float] = {}

    def begin(connection: Connection) -> None:
        began[id(connection)] = time.perf_counter()

    def end(connection: Connection) -> None:
        took = time.perf_counter() - began.pop(id(connection))
        if not connection.get_execution_options().get("postgresql_readonly"):
            seconds.append(took)

    event.listen(transactions.engine, "begin", begin)
    event.listen(transactions.engine, "commit", end)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=10_000_000)
    parser.add_argument("--expiry", type=int, default=750_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    os.environ.pop("TEST_DATABASE_URL", None)
    with running_postgresql(fsync=True, settings=SERVER) as server_url:
        places = {}
        for size in (options.small, options.large):
            if size:
                began = time.perf_counter()
                places[size] = make_town(server_url, size)
                print(f"made a town with {size:,} postings in {time.perf_counter() - began:.0f} s", flush=True)
        for size, place in places.items():
            print_town(size, place, options.seconds)
        if options.expiry:
            total, longest, booked = measure_expiry(server_url, options.expiry)
            print(f"expiry of {booked:,} lots: {total:.1f} s, longest chunk {longest:.2f} s (locks are held as long)")


def print_town(size: int, place: Place, seconds: float) -> None:
    print(f"\n--- {size:,} postings ---")
    floor = place.floor()
    single, floor_single = measure_product(place, earn_once, seconds), measure(floor.earn_once, seconds)
    print_line("earn, 1 writer", single)
    print_line("  floor", floor_single, f"ratio {single.per_second / floor_single.per_second:.2f}")
    eight, floor_eight = writers_per_second("product", place, seconds), writers_per_second("floor", place, seconds)
    print(
        f"{'earn, 8 writers, one pool':28}{eight:10,.0f}/s   floor {floor_eight:,.0f}/s   ratio {eight / floor_eight:.2f}"
    )
    many = measure_product(place, earn_batch, seconds)
    rows = many.per_second * BATCH
    print(f"{f'earn_many, {BATCH} a batch':28}{rows:10,.0f}/s   {rows / single.per_second:.1f} times single earns")
    print_line("spend over 12 lots", measure_product(place, Spender(place), seconds))
    balance, floor_balance = measure_product(place, read_balance, seconds), measure(floor.read_balance, seconds)
    print_line("balance", balance)
    print_line("  floor", floor_balance, f"ratio {balance.per_second / floor_balance.per_second:.2f}")
    print_line("balance at a moment", measure_product(place, read_balance_at, seconds))
    print_line("explain (a page of 20)", measure_product(place, explain_wallet, seconds))
    floor.connection.close()


def print_line(name: str, measured: Measured, more: str = "") -> None:
    p50, p99 = measured.p50 * 1000, measured.p99 * 1000
    print(f"{name:28}{measured.per_second:10,.0f}/s   p50 {p50:7.2f} ms   p99 {p99:7.2f} ms   {more}", flush=True)


if __name__ == "__main__":
    main()
