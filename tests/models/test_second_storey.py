"""A database of the first storey is brought to the second with everything that was in it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from os import getpid
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from migrations.upgrade import upgrade
from rules.database import connect
from rules.ledger.audit import audit
from rules.ledger.reading import read_statement, read_wallet
from rules.ledger.spending import Spending, spend
from rules.ledger.transactions import Cause
from rules.readiness import SCHEMA_VERSION
from rules.work import SYSTEM, Transactions, Work
from tests.conftest import Databases
from tests.races import FRESH_PROCESSES

TOWN, RESIDENT, BOOK, MINT, POOL, WALLET, LOT = range(1, 8)
BETWEEN, LONGER_THAN_ALL_STEPS_SECONDS = 10, 2  #: even, so that SQLite is about to begin a step
AT = {"sqlite": "2026-05-01 00:00:00.000000", "postgresql": "2026-05-01T00:00:00+00:00"}
ROWS = (
    "INSERT INTO town (id, code, name, host_kind, is_demo) VALUES (1, 'old', '旧镇', 'government', false)",
    (
        "INSERT INTO resident (town_id, id, name, openid_sealed, status, token_version, registered_at) "
        "VALUES (1, 2, '', '', 'active', 1, '{at}')"
    ),
    "INSERT INTO book (town_id, id, code, name, scale) VALUES (1, 3, 'points', '积分', 0)",
    (
        "INSERT INTO account (town_id, id, book_id, kind, owner_type, owner_id, shard, floor, unbounded, credited, debited) "
        "VALUES (1, 4, 3, 'mint', 'town', 1, 0, 0, true, 0, 150), (1, 5, 3, 'pool', 'town', 1, 0, 0, false, 150, 12), "
        "(1, 6, 3, 'wallet', 'resident', 2, 0, 0, false, 12, 0)"
    ),
    (
        "INSERT INTO lot (town_id, id, account_id, expires_on, scope, credited, debited) "
        "VALUES (1, 7, 6, '2099-12-31', '', 12, 0)"
    ),
    (
        "INSERT INTO txn (town_id, id, book_id, idempotency_key, request_hash, kind, reason, effective_at, recorded_at, "
        "explanation) VALUES (1, 10, 3, 'a', '', 'grant_budget', 'budget', '{at}', '{at}', ''), "
        "(1, 11, 3, 'b', '', 'earn', 'checkin', '{at}', '{later}', ''), "
        "(1, 12, 3, 'c', '', 'grant_budget', 'budget', '{at}', '{latest}', ''), "
        "(1, 13, 3, 'd', '', 'earn', 'checkin', '{at}', '{last}', '')"
    ),
    (
        "INSERT INTO posting (town_id, txn_id, n, src_account_id, dst_account_id, dst_lot_id, amount, src_debited_after, "
        "dst_credited_after, dst_lot_credited_after, recorded_at) VALUES "
        "(1, 10, 0, 4, 5, NULL, 100, 100, 100, NULL, '{at}'), "
        "(1, 11, 0, 5, 6, 7, 5, 5, 5, 5, '{later}'), (1, 12, 0, 4, 5, NULL, 50, 150, 150, NULL, '{latest}'), "
        "(1, 13, 0, 5, 6, 7, 7, 12, 12, 12, '{last}')"
    ),
)


@pytest.fixture
def empty_url(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """A database of the engine without any table."""
    url = databases.make()
    if url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    name = f"empty_{tmp_path.name}".lower().replace("-", "_")[:60]
    server = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    server.dispose()
    yield make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def old(empty_url: str) -> Iterator[Engine]:
    """A database of the first storey with a grant, an earning, a grant and an earning."""
    engine = connect(empty_url)
    upgrade(engine, "0001")
    at = AT[engine.dialect.name]
    moments = {"at": at, "later": _plus(at, 1), "latest": _plus(at, 2), "last": _plus(at, 3)}
    with engine.begin() as connection:
        for row in ROWS:
            connection.exec_driver_sql(row.format_map(moments))
    yield engine
    engine.dispose()


def _plus(at: str, seconds: int) -> str:
    return at.replace(":00:00", f":00:0{seconds}", 1)


def test_what_was_earned_before_can_be_spent_and_passes_the_audit(old: Engine) -> None:
    upgrade(old)
    units = Transactions(old)
    assert units.survey(TOWN, SYSTEM, audit).violations == ()

    def deed(work: Work) -> int:
        return spend(work, "first", Spending(RESIDENT, 10, Cause("redemption", "兑换", work.now))).balance

    assert units.write(TOWN, SYSTEM, deed) == 2
    assert units.survey(TOWN, SYSTEM, audit).violations == ()


def test_the_statement_of_before_has_the_balances_of_before(old: Engine) -> None:
    upgrade(old)
    lines = Transactions(old).read(
        TOWN, SYSTEM, lambda work: read_statement(work, read_wallet(work, RESIDENT), None, 10).items
    )
    assert [(line.amount, line.balance_after) for line in lines] == [(7, 12), (5, 5)]


def test_the_changed_tables_are_still_guarded(old: Engine) -> None:
    upgrade(old)
    for change in ("UPDATE posting SET amount = 1", "DELETE FROM txn"):
        with old.connect() as connection, pytest.raises(IntegrityError, match="is append-only"):
            connection.exec_driver_sql(change)
    stray = (
        "INSERT INTO lot (town_id, id, account_id, expires_on, scope, issuer_id, credited, debited) "
        "VALUES (1, 99, 98, '2099-12-31', '', 1, 0, 0)"
    )
    with old.connect() as connection, pytest.raises(IntegrityError):
        connection.exec_driver_sql(stray)


def test_processes_that_migrate_at_once_do_so_one_after_the_other(empty_url: str) -> None:
    with ProcessPoolExecutor(3, mp_context=FRESH_PROCESSES) as pool:
        versions = list(pool.map(migrate, [empty_url] * 3))
    assert versions == [[SCHEMA_VERSION]] * 3


def test_nobody_comes_between_the_steps_of_another(empty_url: str) -> None:
    engine, steps = connect(empty_url), 0
    other: Future[list[str]] | None = None
    with ProcessPoolExecutor(1, mp_context=FRESH_PROCESSES) as pool:
        pool.submit(getpid).result()

        @event.listens_for(engine, "before_cursor_execute")
        def let_another_try(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
            nonlocal steps, other
            steps += statement.startswith(("BEGIN", "UPDATE alembic_version"))
            if steps == BETWEEN and other is None:
                other = pool.submit(migrate, empty_url)
                wait([other], LONGER_THAN_ALL_STEPS_SECONDS)

        upgrade(engine)
        assert other is not None
        assert other.result() == [SCHEMA_VERSION]
    engine.dispose()


def migrate(url: str) -> list[str]:
    """Bring a database to the newest schema, and say which that is. Runs in a process of its own."""
    engine = connect(url)
    upgrade(engine)
    with engine.connect() as connection:
        versions = list(connection.scalars(text("SELECT version_num FROM alembic_version")))
    engine.dispose()
    return versions
