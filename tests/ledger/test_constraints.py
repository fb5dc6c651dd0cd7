"""The database itself refuses what can't be true in a ledger, whoever writes: each guard alone, on both engines.

For each guard there is one row that only this guard keeps out. It is tried with the guard, and it is this guard that
refuses it; it is tried again with the guard taken away, in a transaction that is undone, and it goes in. So no guard is
there by its name only, and none of the trials is refused for another reason.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pytest
from sqlalchemy import (
    CheckConstraint,
    Connection,
    Constraint,
    Engine,
    ForeignKeyConstraint,
    Table,
    event,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.exc import IntegrityError

from app import create_app
from blueprints.edge.house import EXTENSION
from models.ledger import Account, Book, Event, Lot, Posting, Txn, TxnKind
from models.residents import Resident
from models.rulebook import RulebookVersion
from models.territory import Operator, Territory
from rules.database import connect
from rules.ledger.transactions import book_of
from rules.work import Work
from tests.build import TownBuilder, add, fresh_key, new_town, settings_for
from tests.conftest import Databases
from tests.ledger.keeping import an_earning, earn_points, wallet_of

TABLES = {model.__tablename__: model.__table__ for model in (Book, Account, Txn, Posting, Lot, Event)}
APPEND_ONLY = ("txn", "posting", "event")
COUNTERS = (
    "src_debited_after",
    "dst_credited_after",
    "src_lot_debited_after",
    "dst_lot_credited_after",
    "src_credited",
    "dst_debited",
)
SAME: Final = object()  #: the value of the row that is there
NONSENSE = literal_column("'nonsense'")
MISSING_TOWN = 1


class Of(str):
    """The value of another column of the row that is there."""


class Elsewhere(str):
    """The id of a row of this table in another town."""


@dataclass(frozen=True)
class Ledger:
    """A database with a town that has a history, rows that could be added to it, and the ids of another town."""

    engine: Engine
    unguarded: Engine  #: the same database; on SQLite it doesn't look at foreign keys
    there: dict[str, dict[str, Any]]  #: for each table a row that is there
    new: dict[str, dict[str, Any]]  #: for each table what makes a copy of that row a new one that is welcome
    elsewhere: dict[str, int]

    def insert_into(self, table: Table, breaks: dict[str, Any]) -> Any:
        row = self.there[table.name] | self.new[table.name]
        return insert(table).values(row | {column: self._value(table, column, v) for column, v in breaks.items()})

    def _value(self, table: Table, column: str, value: Any) -> Any:
        if value is SAME:
            return self.there[table.name][column]
        if isinstance(value, Of):
            return self.there[table.name][value]
        return self.elsewhere[value] if isinstance(value, Elsewhere) else value

    def changing(self, table: str, change: str) -> str:
        """The statement that would change the table's row that is there."""
        ids = {name: self.there[name][_id_column(name)] for name in APPEND_ONLY}
        return CHANGES[table, change].format_map(ids)


#: For each guard what a new row has that this guard forbids, and nothing else does.
GUARDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("pk_book", {"id": SAME}),
    ("fk_book_town_id", {"town_id": MISSING_TOWN}),
    ("uq_book_town_id_code", {"code": SAME}),
    ("ck_book_scale_known", {"scale": 3}),
    ("ck_book_scale_known", {"scale": -1}),
    ("ck_book_pool_shards_within_bounds", {"pool_shards": 0}),
    ("ck_book_pool_shards_within_bounds", {"pool_shards": 65}),
    ("pk_account", {"id": SAME}),
    ("fk_account_town_id_book_id", {"book_id": Elsewhere("book")}),
    ("uq_account_town_id_book_id_kind_owner_type_owner_id_shard", {"owner_id": SAME}),
    ("ck_account_counters_not_negative", {"credited": -1, "debited": -2}),
    ("ck_account_counters_not_negative", {"credited": 1, "debited": -1}),
    ("ck_account_balance_above_floor", {"credited": 1, "debited": 2}),
    ("ck_account_balance_above_floor", {"credited": 4, "debited": 0, "floor": 5}),
    ("ck_account_accountkind", {"kind": NONSENSE}),
    ("ck_account_ownertype", {"owner_type": NONSENSE}),
    ("pk_lot", {"id": SAME}),
    ("fk_lot_town_id_account_id", {"account_id": Elsewhere("account")}),
    ("uq_lot_town_id_account_id_expires_on_scope_issuer_id", {"expires_on": SAME}),
    ("ck_lot_not_overdrawn", {"credited": 1, "debited": 2}),
    ("ck_lot_not_overdrawn", {"credited": 1, "debited": -1}),
    ("pk_event", {"id": SAME}),
    ("fk_event_town_id_subject_id", {"subject_id": Elsewhere("resident")}),
    ("uq_event_town_id_source_source_ref", {"source_ref": SAME}),
    ("pk_txn", {"id": SAME}),
    ("fk_txn_town_id_book_id", {"book_id": Elsewhere("book")}),
    ("fk_txn_town_id_event_id", {"event_id": Elsewhere("event")}),
    ("fk_txn_town_id_rulebook_version_id", {"rulebook_version_id": Elsewhere("rulebook_version")}),
    ("fk_txn_town_id_reverses_txn_id", {"reverses_txn_id": Elsewhere("txn")}),
    ("fk_txn_town_id_hold_txn_id", {"hold_txn_id": Elsewhere("txn")}),
    ("fk_txn_town_id_community_id", {"community_id": Elsewhere("territory")}),
    ("fk_txn_town_id_operator_id", {"operator_id": Elsewhere("operator")}),
    ("uq_txn_town_id_book_id_idempotency_key", {"idempotency_key": SAME}),
    ("ck_txn_txnkind", {"kind": NONSENSE}),
    ("ck_txn_scene", {"scene": NONSENSE}),
    ("pk_posting", {"n": SAME}),
    ("fk_posting_town_id_txn_id", {"txn_id": Elsewhere("txn")}),
    ("fk_posting_town_id_src_account_id", {"src_account_id": Elsewhere("account")}),
    ("fk_posting_town_id_dst_account_id", {"dst_account_id": Elsewhere("account")}),
    ("fk_posting_town_id_src_lot_id", {"src_lot_id": Elsewhere("lot")}),
    ("fk_posting_town_id_dst_lot_id", {"dst_lot_id": Elsewhere("lot")}),
    ("uq_posting_town_id_src_account_id_src_debited_after", {"src_debited_after": SAME}),
    ("uq_posting_town_id_dst_account_id_dst_credited_after", {"dst_credited_after": SAME}),
    ("uq_posting_town_id_src_lot_id_src_lot_debited_after", {"src_lot_debited_after": SAME}),
    ("uq_posting_town_id_dst_lot_id_dst_lot_credited_after", {"dst_lot_credited_after": SAME}),
    ("ck_posting_amount_positive", {"amount": 0}),
    ("ck_posting_amount_positive", {"amount": -1}),
    ("ck_posting_two_accounts", {"dst_account_id": Of("src_account_id")}),
    ("ck_posting_src_lot_with_its_counter", {"src_lot_id": None}),
    ("ck_posting_src_lot_with_its_counter", {"src_lot_debited_after": None}),
    ("ck_posting_dst_lot_with_its_counter", {"dst_lot_id": None}),
    ("ck_posting_dst_lot_with_its_counter", {"dst_lot_credited_after": None}),
    ("ck_posting_other_counters_not_negative", {"src_credited": -1}),
    ("ck_posting_other_counters_not_negative", {"dst_debited": -1}),
)
CONSTRAINTS: dict[str, Constraint] = {
    str(constraint.name): constraint for table in TABLES.values() for constraint in table.constraints
}
#: What would change the row that is there, and the trigger of each engine that forbids it.
CHANGES = {
    ("txn", "update"): "UPDATE txn SET reason = 'tampered' WHERE id = {txn}",
    ("txn", "delete"): "DELETE FROM txn WHERE id = {txn}",
    ("posting", "update"): "UPDATE posting SET amount = amount + 1 WHERE txn_id = {posting}",
    ("posting", "delete"): "DELETE FROM posting WHERE txn_id = {posting}",
    ("event", "update"): "UPDATE event SET source_ref = 'tampered' WHERE id = {event}",
    ("event", "delete"): "DELETE FROM event WHERE id = {event}",
}


@pytest.fixture(scope="module")
def ledger(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A database of this module's own, in which nothing is committed once it is made."""
    url = databases.make()
    house = create_app(settings_for(url, tmp_path_factory.mktemp("ledger"))).extensions[EXTENSION]
    town, other = new_town(house), new_town(house)
    engine, unguarded = connect(url), connect(url)
    if engine.dialect.name == "sqlite":
        event.listen(unguarded, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = OFF"))
    yield Ledger(engine, unguarded, _rows_there(town), _new_rows(town), _ids_of(other))
    for used in (engine, unguarded, house.transactions.engine):
        used.dispose()


@pytest.mark.parametrize("table", TABLES.values(), ids=str)
def test_a_row_that_breaks_nothing_is_welcome(ledger: Ledger, table: Table) -> None:
    with undone(ledger.engine) as connection:
        connection.execute(ledger.insert_into(table, {}))


def test_every_guard_of_the_ledger_is_tried() -> None:
    assert set(CONSTRAINTS) == {name for name, _ in GUARDS}


@pytest.mark.parametrize(("name", "breaks"), GUARDS)
def test_a_row_that_breaks_a_guard_is_refused_by_it(ledger: Ledger, name: str, breaks: dict[str, Any]) -> None:
    guard = CONSTRAINTS[name]
    with undone(ledger.engine) as connection:
        with pytest.raises(IntegrityError) as refused:
            connection.execute(ledger.insert_into(guard.table, breaks))
        assert is_refused_by(guard, refused.value)


@pytest.mark.parametrize(("name", "breaks"), GUARDS)
def test_without_the_guard_the_same_row_goes_in(ledger: Ledger, name: str, breaks: dict[str, Any]) -> None:
    guard = CONSTRAINTS[name]
    with undone(ledger.unguarded) as connection:
        take_away(connection, guard)
        connection.execute(ledger.insert_into(guard.table, breaks))


@pytest.mark.parametrize(("table", "change"), CHANGES)
def test_what_was_written_is_neither_changed_nor_deleted(ledger: Ledger, table: str, change: str) -> None:
    with undone(ledger.engine) as connection, pytest.raises(IntegrityError, match=f"{table} is append-only"):
        connection.exec_driver_sql(ledger.changing(table, change))


@pytest.mark.parametrize(("table", "change"), CHANGES)
def test_without_its_trigger_a_row_can_be_changed_and_deleted(ledger: Ledger, table: str, change: str) -> None:
    with undone(ledger.engine) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        connection.exec_driver_sql(
            f"DROP TRIGGER {table}_refuses_{change}" if is_sqlite else f"DROP TRIGGER {table}_is_append_only ON {table}"
        )
        assert connection.exec_driver_sql(ledger.changing(table, change)).rowcount == 1


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_was_written_is_not_replaced_by_an_insert(ledger: Ledger, table: str) -> None:
    replacing = {
        "sqlite": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        "postgresql": f"INSERT INTO {table} SELECT * FROM {table} "
        f"ON CONFLICT ON CONSTRAINT pk_{table} DO UPDATE SET town_id = excluded.town_id",
    }[ledger.engine.dialect.name]
    with undone(ledger.engine) as connection, pytest.raises(IntegrityError, match="is append-only"):
        connection.exec_driver_sql(replacing)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_a_table_is_not_emptied_at_a_stroke(ledger: Ledger, table: str) -> None:
    with undone(ledger.engine) as connection, pytest.raises(IntegrityError, match="is append-only"):
        connection.exec_driver_sql(emptying(connection, table))


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_without_its_trigger_a_table_can_be_emptied(ledger: Ledger, table: str) -> None:
    with undone(ledger.unguarded) as connection:
        for name in APPEND_ONLY:
            connection.exec_driver_sql(
                f"DROP TRIGGER {name}_refuses_delete"
                if connection.dialect.name == "sqlite"
                else f"DROP TRIGGER {name}_is_not_emptied ON {name}"
            )
        connection.exec_driver_sql(emptying(connection, table))
        assert connection.scalar(select(func.count()).select_from(TABLES[table])) == 0


def emptying(connection: Connection, table: str) -> str:
    return f"DELETE FROM {table}" if connection.dialect.name == "sqlite" else f"TRUNCATE {table} CASCADE"


@contextmanager
def undone(engine: Engine) -> Iterator[Connection]:
    """A transaction that is undone at the end."""
    with engine.connect() as connection:
        yield connection
        connection.rollback()


def is_refused_by(guard: Constraint, error: IntegrityError) -> bool:
    """Whether the error names this guard, as far as the engine says which it was."""
    if isinstance(error.orig, sqlite3.Error):
        names = ", ".join(f"{guard.table.name}.{column.name}" for column in guard.columns)
        return str(error.orig) == {
            CheckConstraint: f"CHECK constraint failed: {guard.name}",
            ForeignKeyConstraint: "FOREIGN KEY constraint failed",
        }.get(type(guard), f"UNIQUE constraint failed: {names}")
    return error.orig.diag.constraint_name == guard.name


def take_away(connection: Connection, guard: Constraint) -> None:
    """Drop a guard within this transaction. On SQLite a table without it stands in front of the real one."""
    table = guard.table.name
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {guard.name} CASCADE")
        return
    made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).scalar_one()
    lines = [line for line in made.splitlines() if f"CONSTRAINT {guard.name} " not in line]
    assert len(lines) == len(made.splitlines()) - 1
    without = re.sub(r",\s*\)$", ")", "\n".join(lines)).replace("CREATE TABLE", "CREATE TEMP TABLE", 1)
    connection.exec_driver_sql(without)
    connection.exec_driver_sql(f"INSERT INTO temp.{table} SELECT * FROM main.{table}")


def _rows_there(town: TownBuilder) -> dict[str, dict[str, Any]]:
    """One row of each table: nothing hangs on those that are append-only, and the posting has every column."""
    giver, taker = town.resident(), town.resident()
    for resident in (giver, taker):
        earn_points(town, resident, 5)
    event_id = an_earning(town, giver, 5).cause.event_id
    source, destination = wallet_of(town, giver), wallet_of(town, taker)

    def deed(work: Work) -> dict[str, dict[str, Any]]:
        book_id = book_of(work).id
        txn = {
            "book_id": book_id,
            "request_hash": b"",
            "kind": TxnKind.TRANSFER,
            "reason": "test",
            "effective_at": work.now,
            "recorded_at": work.now,
            "explanation": "",
        }
        bare, carrying = (add(work, Txn, idempotency_key=fresh_key(), **txn) for _ in range(2))
        src_lot, dst_lot = (
            work.db.scalars(select(Lot.id).where(Lot.account_id == wallet.id)).one() for wallet in (source, destination)
        )
        posting = {
            "town_id": work.town_id,
            "txn_id": carrying,
            "n": 0,
            "src_account_id": source.id,
            "dst_account_id": destination.id,
            "src_lot_id": src_lot,
            "dst_lot_id": dst_lot,
            "amount": 5,
            "recorded_at": work.now,
        }
        work.db.execute(insert(Posting), posting | dict.fromkeys(COUNTERS, 1000))
        ids = {
            "book": book_id,
            "account": source.id,
            "txn": bare,
            "posting": carrying,
            "lot": src_lot,
            "event": event_id,
        }
        return {
            name: dict(work.db.execute(select(table).where(table.c[_id_column(name)] == ids[name])).mappings().one())
            for name, table in TABLES.items()
        }

    return town.act(None, deed)


def _new_rows(town: TownBuilder) -> dict[str, dict[str, Any]]:
    ids = {name: town.act(None, Work.new_id) for name in TABLES}
    return {
        "book": {"id": ids["book"], "code": "hours"},
        "account": {"id": ids["account"], "owner_id": ids["account"]},
        "txn": {"id": ids["txn"], "idempotency_key": fresh_key()},
        "lot": {"id": ids["lot"], "expires_on": date(2040, 12, 31)},
        "event": {"id": ids["event"], "source_ref": fresh_key()},
        "posting": {"n": 1} | dict.fromkeys(COUNTERS, 2000),
    }


def _ids_of(town: TownBuilder) -> dict[str, int]:
    """For each table the id of one of the town's rows."""
    earn_points(town, town.resident(), 5)
    models = (Book, Account, Txn, Lot, Event, Resident, RulebookVersion, Territory, Operator)
    return {model.__tablename__: town.rows(model.id)[0][0] for model in models}


def _id_column(table: str) -> str:
    return "txn_id" if table == "posting" else "id"
