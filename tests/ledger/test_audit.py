"""The audit finds what is wrong, each check by itself, and nothing in a ledger that is right.

For each check there is a change of the rows that breaks what this check says and nothing that another one says. It is
made with the database's own guards taken away, in a transaction that is undone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, bindparam, event, text

from models.base import UtcDateTime
from models.ledger import TxnKind
from rules.database import connect
from rules.ledger.audit import VIOLATIONS_MAX, AuditReport, audit
from rules.ledger.audit_checks import CHECKS
from rules.work import SYSTEM, Transaction, Transactions, Work
from tests.build import fresh_key
from tests.conftest import Databases
from tests.ledger.scribe import Move, Scribe, add_town, busy_ledger

BEFORE_MIDNIGHT = datetime.fromisoformat("2025-12-31T23:59:59+08:00")

INSERT_A_LOT_OF_THE_POOL = """
    INSERT INTO lot (town_id, id, account_id, expires_on, scope, issuer_id, credited, debited)
    VALUES (:town, 7, :pool, '2027-12-31', '', :town, 0, 0)"""
INSERT_A_TRANSACTION = """
    INSERT INTO txn (town_id, id, book_id, idempotency_key, request_hash, kind, reason, effective_at, recorded_at,
                     explanation)
    SELECT town_id, {id}, book_id, 'another {id}', request_hash, kind, reason, effective_at, recorded_at, explanation
    FROM txn WHERE id = :dan_earn"""

#: For each check what breaks it. `:name` is the id of one of the busy ledger's rows.
TAMPERINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("book_in_balance", ("DELETE FROM account WHERE id = :redeemed",)),
    ("account_totals", ("UPDATE account SET credited = credited + 1, debited = debited + 1 WHERE id = :pool",)),
    ("floor", ("UPDATE account SET floor = credited - debited + 1 WHERE id = :eve",)),
    ("src_account_chain", ("UPDATE posting SET src_debited_after = 7 WHERE txn_id = :eve_spend",)),
    ("dst_account_chain", ("UPDATE posting SET dst_credited_after = 13 WHERE txn_id = :expire",)),
    ("src_lot_chain", ("UPDATE posting SET src_lot_debited_after = 7 WHERE txn_id = :eve_spend",)),
    ("dst_lot_chain", ("UPDATE posting SET dst_lot_credited_after = 8 WHERE txn_id = :dan_earn",)),
    ("one_order", ("UPDATE posting SET src_credited = 15 WHERE txn_id = :eve_spend",)),
    ("one_order", ("UPDATE posting SET dst_debited = 1 WHERE txn_id = :dan_earn",)),
    ("one_order", ("UPDATE posting SET src_credited = 1 WHERE txn_id = :grant",)),
    ("lot_totals", ("UPDATE lot SET credited = credited + 1, debited = debited + 1 WHERE id = :eve_better",)),
    (
        "lot_not_overdrawn",
        (
            "UPDATE posting SET src_lot_id = :eve_better WHERE txn_id = :eve_spend",
            "UPDATE lot SET debited = 0 WHERE id = :eve_good",
            "UPDATE lot SET debited = 6 WHERE id = :eve_better",
        ),
    ),
    ("lots_make_the_balance", ("DELETE FROM lot WHERE id = :eve_better",)),
    (
        "lots_of_residents_only",
        (INSERT_A_LOT_OF_THE_POOL,),
    ),
    (
        "posting_names_its_lots",
        ("UPDATE posting SET dst_lot_id = 7, dst_lot_credited_after = amount WHERE txn_id = :grant",),
    ),
    ("lot_of_its_account", ("UPDATE lot SET account_id = :ben WHERE id = :dan_operators",)),
    ("lot_is_kept", ("UPDATE lot SET expires_on = '2029-12-31' WHERE id = :ben_held_lot",)),
    ("lot_is_kept", ("UPDATE lot SET scope = 'shop' WHERE id = :ben_held_lot",)),
    ("lot_is_kept", ("UPDATE lot SET issuer_id = 7 WHERE id = :ben_held_lot",)),
    ("issuer_is_the_pools_owner", ("UPDATE lot SET issuer_id = :town WHERE id = :dan_operators",)),
    ("expired_lots_only", ("UPDATE txn SET effective_at = :before_midnight WHERE id = :expire",)),
    ("one_book", ("UPDATE txn SET book_id = :other_book WHERE id = :eve_spend",)),
    ("postings_are_numbered", ("UPDATE posting SET n = 1 WHERE txn_id = :dan_earn",)),
    ("postings_are_numbered", ("UPDATE posting SET n = 2 WHERE txn_id = :two_postings AND n = 1",)),
    ("postings_are_numbered", (INSERT_A_TRANSACTION.format(id=7),)),
    ("moves_of_its_kind", ("UPDATE txn SET kind = 'adjust' WHERE id = :eve_spend",)),
    ("moves_of_its_kind", ("UPDATE txn SET kind = 'earn' WHERE id = :grant",)),
    (
        "reversal_goes_backwards",
        (
            "UPDATE txn SET reverses_txn_id = :ann_spend WHERE id = :earn_back",
            "UPDATE txn SET reverses_txn_id = :ben_earn WHERE id = :spend_back",
        ),
    ),
    ("linked_as_its_kind", ("UPDATE txn SET hold_txn_id = :ann_hold WHERE id = :dan_earn",)),
    ("linked_as_its_kind", ("UPDATE txn SET reverses_txn_id = :ann_earn WHERE id = :dan_earn",)),
    ("hold_and_its_transaction", ("DELETE FROM hold WHERE txn_id = :cid_hold",)),
    (
        "hold_amount",
        (
            "UPDATE hold SET amount = amount + 1 WHERE txn_id = :ann_hold",
            "UPDATE hold SET amount = amount - 1 WHERE txn_id = :ann_second",
        ),
    ),
    ("hold_accounts", ("UPDATE hold SET wallet_id = :ben WHERE txn_id = :cid_hold",)),
    ("hold_counters", ("UPDATE hold SET captured = captured + 1, released = released - 1 WHERE txn_id = :ann_hold",)),
    (
        "escrow_is_what_is_held",
        (
            "UPDATE txn SET hold_txn_id = :ann_second WHERE id = :ben_void",
            "UPDATE hold SET released = released - 3 WHERE txn_id = :ben_hold",
            "UPDATE hold SET released = released + 3 WHERE txn_id = :ann_second",
        ),
    ),
    ("reversal_amount", ("UPDATE reversal SET amount = amount + 1 WHERE txn_id = :ben_earn",)),
    ("reversed_in_all", ("UPDATE reversal SET reversed = reversed + 1 WHERE txn_id = :ben_earn",)),
    ("reversed_in_all", ("DELETE FROM reversal WHERE txn_id = :ann_capture",)),
    ("used_within_cap", ("UPDATE rule_usage SET used = cap + 1 WHERE account_id = :ann",)),
    ("used_within_cap", ("UPDATE rule_usage SET used = -1 WHERE account_id = :ann",)),
)


@dataclass(frozen=True)
class Ledger:
    """A database with a busy ledger in one town and another town that has none."""

    units: Transactions
    unguarded: Engine  #: the same database without foreign keys and CHECKs, where the engine can
    scribe: Scribe
    ids: dict[str, int]
    empty_town_id: int


def make_ledger(url: str) -> Ledger:
    units = Transactions(connect(url))

    def deed(work: Work) -> tuple[Scribe, dict[str, int], int]:
        scribe = Scribe(add_town(work, fresh_key()), work)
        ids = busy_ledger(scribe)
        scribe.write(work)
        return scribe, ids, add_town(work, fresh_key())

    scribe, ids, empty_town_id = units.write(0, SYSTEM, deed)
    unguarded = connect(url)
    if unguarded.dialect.name == "sqlite":
        event.listen(unguarded, "connect", _unguard_sqlite)
    return Ledger(units, unguarded, scribe, ids, empty_town_id)


def _unguard_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA ignore_check_constraints = ON")


@pytest.fixture(scope="module")
def ledger(databases: Databases) -> Iterator[Ledger]:
    """A ledger of this module's own, in which nothing is committed once it is made."""
    ledger = make_ledger(databases.make())
    yield ledger
    ledger.units.engine.dispose()
    ledger.unguarded.dispose()


@pytest.fixture
def own_ledger(databases: Databases) -> Iterator[Ledger]:
    """A ledger that a test may add to."""
    ledger = make_ledger(databases.make())
    yield ledger
    ledger.units.engine.dispose()
    ledger.unguarded.dispose()


@contextmanager
def unguarded(ledger: Ledger) -> Iterator[Connection]:
    """A transaction in which every row can be changed, and which is undone at the end."""
    with ledger.unguarded.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            checks = connection.exec_driver_sql(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' "
                "AND conrelid = ANY (ARRAY['account', 'lot', 'txn', 'posting', 'hold', 'reversal', 'rule_usage']"
                "::regclass[])"
            ).all()
            for table, name in checks:
                connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        else:
            for table in ("txn", "posting"):
                for change in ("update", "delete"):
                    connection.exec_driver_sql(f"DROP TRIGGER {table}_refuses_{change}")
        yield connection
        connection.rollback()


def audit_within(ledger: Ledger, connection: Connection) -> AuditReport:
    """An audit of what stands in a transaction that isn't committed."""
    return audit(work_within(ledger, connection, ledger.scribe.town_id))


def work_within(ledger: Ledger, connection: Connection, town_id: int) -> Work:
    return replace(ledger.scribe.work, transaction=Transaction(connection), town_id=town_id)


def tamper(connection: Connection, ledger: Ledger, statements: tuple[str, ...]) -> None:
    for statement in statements:
        sql = text(statement)
        if ":before_midnight" in statement:
            sql = sql.bindparams(bindparam("before_midnight", BEFORE_MIDNIGHT, UtcDateTime()))
        named = {name: id_ for name, id_ in ledger.ids.items() if name in sql._bindparams}
        assert connection.execute(sql, named).rowcount == 1, statement


def test_a_healthy_ledger_passes_and_the_report_says_what_was_checked(ledger: Ledger) -> None:
    report = ledger.units.survey(ledger.scribe.town_id, SYSTEM, audit)
    assert report.violations == ()
    assert report.is_clean
    assert report.checks == len(CHECKS)
    assert report.checked == {
        "books": 2,
        "accounts": 13,
        "lots": 10,
        "transactions": 28,
        "postings": 30,
        "holds": 4,
        "reversals": 3,
        "rule_usages": 1,
    }


def test_a_town_without_a_ledger_passes(ledger: Ledger) -> None:
    report = ledger.units.survey(ledger.empty_town_id, SYSTEM, audit)
    assert report.is_clean
    assert set(report.checked.values()) == {0}


def test_every_kind_of_transaction_is_in_the_healthy_ledger(ledger: Ledger) -> None:
    with ledger.unguarded.connect() as connection:
        kinds = set(connection.exec_driver_sql("SELECT DISTINCT kind FROM txn").scalars())
    assert kinds == {kind.value for kind in TxnKind}


def test_without_the_guards_the_untouched_ledger_passes_too(ledger: Ledger) -> None:
    with unguarded(ledger) as connection:
        assert audit_within(ledger, connection).violations == ()


def test_every_check_is_tried() -> None:
    assert {check.name for check in CHECKS} == {name for name, _ in TAMPERINGS}
    assert len({check.name for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize(("check", "statements"), TAMPERINGS, ids=[name for name, _ in TAMPERINGS])
def test_what_breaks_one_check_is_found_by_this_check_and_no_other(
    ledger: Ledger, check: str, statements: tuple[str, ...]
) -> None:
    with unguarded(ledger) as connection:
        tamper(connection, ledger, statements)
        report = audit_within(ledger, connection)
    assert not report.is_clean
    assert {violation.check for violation in report.violations} == {check}, report.violations
    assert all("{" not in violation.sentence for violation in report.violations)


def test_another_towns_ledger_is_not_looked_at(ledger: Ledger) -> None:
    with unguarded(ledger) as connection:
        tamper(connection, ledger, ("UPDATE account SET floor = credited - debited + 1 WHERE id = :eve",))
        assert audit(work_within(ledger, connection, ledger.empty_town_id)).is_clean


def test_only_the_first_violations_of_a_check_are_named(ledger: Ledger) -> None:
    with unguarded(ledger) as connection:
        for n in range(VIOLATIONS_MAX + 5):
            tamper(connection, ledger, (INSERT_A_TRANSACTION.format(id=n + 1),))
        report = audit_within(ledger, connection)
    assert [violation.sentence.split(" ")[1] for violation in report.violations] == [
        str(n + 1) for n in range(VIOLATIONS_MAX)
    ]


def test_the_report_in_short_is_what_json_can_hold(ledger: Ledger) -> None:
    with unguarded(ledger) as connection:
        tamper(connection, ledger, ("UPDATE account SET floor = credited - debited + 1 WHERE id = :eve",))
        short = audit_within(ledger, connection).in_short()
    assert short["checked"]["transactions"] == 28
    assert short["violations"] == [
        f"floor: Account {ledger.ids['eve']}: its balance 8 is below its floor 9."  # 14 earned, 6 spent
    ]


# One moment, while the town goes on


@contextmanager
def writing_between_statements(ledger: Ledger) -> Iterator[list[int]]:
    """Before each statement of the ledger's units of work somebody earns points and commits. Yields how many did."""
    others = Transactions(connect(ledger.units.engine.url.render_as_string(hide_password=False)))
    rows = {row["id"]: row for rows in ledger.scribe.kept.values() for row in rows}
    pool, ann, lot = (rows[ledger.ids[name]] for name in ("pool", "ann", "ann_good"))
    written: list[int] = []

    def earn(work: Work) -> None:
        scribe = ledger.scribe
        scribe.work = work
        scribe.txn(TxnKind.EARN, Move(pool, ann, 1, None, lot))
        scribe.write(work)

    def before(*_: object) -> None:
        others.write(ledger.scribe.town_id, SYSTEM, earn)
        written.append(1)

    ledger.units.read(0, SYSTEM, lambda work: None)  # takes its node number, which is a write
    event.listen(ledger.units.engine, "before_cursor_execute", before)
    try:
        yield written
    finally:
        event.remove(ledger.units.engine, "before_cursor_execute", before)
        others.engine.dispose()


def twice(deed: Callable[[Work], Any]) -> Callable[[Work], tuple[Any, Any]]:
    return lambda work: (deed(work), deed(work))


def what_was_moved(work: Work) -> tuple[int, int]:
    """The same sum by the accounts and by the postings, in two statements."""
    town = {"town": work.town_id}
    by_accounts = work.db.scalar(text("SELECT sum(credited) FROM account WHERE town_id = :town"), town)
    by_postings = work.db.scalar(text("SELECT sum(amount) FROM posting WHERE town_id = :town"), town)
    return int(by_accounts or 0), int(by_postings or 0)


def test_an_audit_while_others_write_finds_nothing_false_and_sees_one_moment(own_ledger: Ledger) -> None:
    town_id = own_ledger.scribe.town_id
    with writing_between_statements(own_ledger) as written:
        first, second = own_ledger.units.survey(town_id, SYSTEM, twice(audit))
        by_accounts, by_postings = own_ledger.units.survey(town_id, SYSTEM, what_was_moved)
    assert len(written) > 2 * len(CHECKS)
    assert first.violations == second.violations == ()
    assert first.checked == second.checked
    assert by_accounts == by_postings
    later = own_ledger.units.survey(town_id, SYSTEM, audit)
    assert later.is_clean
    assert later.checked["postings"] == 30 + len(written)


def test_a_read_sees_many_moments_on_postgresql(postgresql_databases: Databases) -> None:
    """The control: each check is one statement and so right by itself, but no two of them speak of the same ledger."""
    ledger = make_ledger(postgresql_databases.make())
    town_id = ledger.scribe.town_id
    with writing_between_statements(ledger):
        first, second = ledger.units.read(town_id, SYSTEM, twice(audit))
        by_accounts, by_postings = ledger.units.read(town_id, SYSTEM, what_was_moved)
    assert first.checked != second.checked
    assert by_accounts < by_postings
    ledger.units.engine.dispose()
    ledger.unguarded.dispose()


def test_a_survey_takes_its_time_and_cannot_write_on_postgresql(postgresql_databases: Databases) -> None:
    units = Transactions(connect(postgresql_databases.make()))
    settings = ("transaction_isolation", "transaction_read_only", "statement_timeout")

    def manners(work: Work) -> list[Any]:
        return [work.db.scalar(text(f"SHOW {name}")) for name in settings]

    assert units.survey(0, SYSTEM, manners) == ["repeatable read", "on", "0"]
    assert units.read(0, SYSTEM, manners) == ["read committed", "on", "8s"]
    assert units.write(0, SYSTEM, manners) == ["read committed", "off", "8s"]
    units.engine.dispose()
