"""The database itself refuses what can't be true in a ledger, whoever writes: each guard alone, on both engines.

For each guard there is one row that only this guard keeps out. It is tried with the guard, and it is this guard that
refuses it; it is tried again with the guard taken away, in a transaction that is undone, and it goes in. So no guard is
there by its name only, and none of the trials is refused for another reason. The locks and the guarded statements of the
ledger's code have a table of their own, in `test_locks.py`.
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

from blueprints.edge.house import EXTENSION
from models.adjustments import Adjustment, DecisionStatus
from models.ledger import Account, Book, Event, Hold, Lot, Posting, Reversal, RuleUsage, Txn, TxnKind
from models.residents import Resident, Role, Staff
from models.rulebook import RulebookVersion
from models.seals import Seal, SealedTxn
from models.territory import Operator, Territory
from rules.database import connect
from rules.ledger.transactions import book_of
from rules.work import Work
from tests.apps import make_app
from tests.build import TownBuilder, add, fresh_key, new_town, settings_for
from tests.conftest import Databases
from tests.ledger.keeping import an_earning, earn_points, wallet_of

MODELS = (Book, Account, Txn, Posting, Lot, Event, Hold, Reversal, RuleUsage, Adjustment, Seal, SealedTxn)
TABLES = {model.__tablename__: model.__table__ for model in MODELS}
APPEND_ONLY = ("txn", "posting", "event", "seal", "sealed_txn")
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
    ("pk_hold", {"txn_id": SAME}),
    ("fk_hold_town_id_txn_id", {"txn_id": Elsewhere("txn")}),
    ("fk_hold_town_id_wallet_id", {"wallet_id": Elsewhere("account")}),
    ("fk_hold_town_id_escrow_id", {"escrow_id": Elsewhere("account")}),
    ("ck_hold_counters_not_negative", {"amount": 0}),
    ("ck_hold_counters_not_negative", {"captured": -1}),
    ("ck_hold_counters_not_negative", {"released": -1}),
    ("ck_hold_not_overdrawn", {"captured": 6}),
    ("ck_hold_not_overdrawn", {"released": 6}),
    ("ck_hold_not_overdrawn", {"captured": 3, "released": 3}),
    ("pk_reversal", {"n": SAME}),
    ("fk_reversal_town_id_txn_id_n", {"txn_id": Elsewhere("txn")}),
    ("ck_reversal_within_the_posting", {"reversed": 0}),
    ("ck_reversal_within_the_posting", {"reversed": 6}),
    ("pk_rule_usage", {"period_key": SAME}),
    ("fk_rule_usage_town_id_account_id", {"account_id": Elsewhere("account")}),
    ("ck_rule_usage_used_within_cap", {"used": 4}),
    ("ck_rule_usage_used_within_cap", {"used": -1}),
    ("pk_adjustment", {"id": SAME}),
    ("fk_adjustment_town_id_resident_id", {"resident_id": Elsewhere("resident")}),
    ("fk_adjustment_town_id_requested_by", {"requested_by": Elsewhere("staff")}),
    ("fk_adjustment_town_id_decided_by", {"decided_by": Elsewhere("staff")}),
    ("fk_adjustment_town_id_txn_id", {"txn_id": Elsewhere("txn")}),
    ("ck_adjustment_amount_not_zero", {"amount": 0}),
    ("ck_adjustment_second_person_is_not_the_first", {"decided_by": Of("requested_by")}),
    ("ck_adjustment_decided_by_a_second_person", {"needs_second_person": True}),
    ("ck_adjustment_booked_with_its_transaction", {"status": DecisionStatus.DECLINED}),
    ("ck_adjustment_booked_with_its_transaction", {"txn_id": None}),
    ("ck_adjustment_decisionstatus", {"status": NONSENSE, "txn_id": None}),
    ("pk_seal", {"id": SAME}),
    ("fk_seal_town_id", {"town_id": MISSING_TOWN}),
    ("uq_seal_town_id_seq", {"seq": SAME}),
    ("uq_seal_town_id_day", {"day": SAME}),
    ("uq_seal_town_id_previous_hash", {"previous_hash": SAME}),
    ("ck_seal_counts_not_negative", {"seq": 0}),
    ("ck_seal_counts_not_negative", {"txn_count": -1}),
    ("ck_seal_counts_not_negative", {"posting_count": -1}),
    ("pk_sealed_txn", {"txn_id": SAME}),
    ("fk_sealed_txn_town_id_txn_id", {"txn_id": Elsewhere("txn")}),
    ("fk_sealed_txn_town_id_seal_id", {"seal_id": Elsewhere("seal")}),
    ("uq_sealed_txn_town_id_seal_id_leaf", {"leaf": SAME}),
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
    ("seal", "update"): "UPDATE seal SET key_id = 'tampered' WHERE id = {seal}",
    ("seal", "delete"): "DELETE FROM seal WHERE id = {seal}",
    ("sealed_txn", "update"): "UPDATE sealed_txn SET leaf = leaf + 1 WHERE txn_id = {sealed_txn}",
    ("sealed_txn", "delete"): "DELETE FROM sealed_txn WHERE txn_id = {sealed_txn}",
}


@pytest.fixture(scope="module")
def ledger(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A database of this module's own, in which nothing is committed once it is made."""
    url = databases.make()
    house = make_app(settings_for(url, tmp_path_factory.mktemp("ledger"))).extensions[EXTENSION]
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
    giver, taker, staff = town.resident(), town.resident(), town.staff(Role.MANAGER)
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
        bare, carrying, reversed_, held, sealed, adjusted = (
            add(work, Txn, idempotency_key=fresh_key(), **txn) for _ in range(6)
        )
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
        for n in range(2):
            of_the_reversed = {"txn_id": reversed_, "n": n}
            work.db.execute(insert(Posting), posting | dict.fromkeys(COUNTERS, 3000 + n) | of_the_reversed)
        seal_id, other_seal_id = (add_seal(work, seq) for seq in (1, 2))
        ids = {
            "book": book_id,
            "account": source.id,
            "txn": bare,
            "posting": carrying,
            "lot": src_lot,
            "event": event_id,
            "hold": held,
            "reversal": reversed_,
            "rule_usage": source.id,
            "seal": seal_id,
            "sealed_txn": sealed,
            "adjustment": work.new_id(),
        }
        rows: dict[Any, dict[str, Any]] = {
            Hold: {"txn_id": held, "wallet_id": source.id, "escrow_id": destination.id, "amount": 5}
            | {"captured": 0, "released": 0, "expires_at": work.now},
            Reversal: {"txn_id": reversed_, "n": 0, "amount": 5, "reversed": 5},
            RuleUsage: {"account_id": source.id, "rule_id": "checkin", "period_key": "2026-11", "used": 3, "cap": 3},
            SealedTxn: {"txn_id": sealed, "seal_id": other_seal_id, "leaf": 0, "leaf_hash": b""},
            Adjustment: {"id": ids["adjustment"], "resident_id": giver.id, "amount": 5, "reason": "补发"}
            | {"expires_on": None, "needs_second_person": False, "status": DecisionStatus.BOOKED}
            | {"requested_by": staff.id, "requested_at": work.now, "decided_by": None, "decided_at": None}
            | {"txn_id": adjusted},
        }
        for model, row in rows.items():
            work.db.execute(insert(model), {"town_id": work.town_id, **row})
        return {
            name: dict(work.db.execute(select(table).where(table.c[_id_column(name)] == ids[name])).mappings().one())
            for name, table in TABLES.items()
        }

    return town.act(None, deed)


def _new_rows(town: TownBuilder) -> dict[str, dict[str, Any]]:
    ids = {name: town.act(None, Work.new_id) for name in TABLES}
    free = {row.id for row in town.rows(Txn.id)} - {row.txn_id for row in town.rows(Posting.txn_id)}
    free -= {row.txn_id for model in (Hold, SealedTxn) for row in town.rows(model.txn_id)}
    return {
        "book": {"id": ids["book"], "code": "hours"},
        "account": {"id": ids["account"], "owner_id": ids["account"]},
        "txn": {"id": ids["txn"], "idempotency_key": fresh_key()},
        "lot": {"id": ids["lot"], "expires_on": date(2040, 12, 31)},
        "event": {"id": ids["event"], "source_ref": fresh_key()},
        "posting": {"n": 1} | dict.fromkeys(COUNTERS, 2000),
        "hold": {"txn_id": min(free)},
        "reversal": {"n": 1},
        "rule_usage": {"period_key": "2026-12"},
        "adjustment": {"id": ids["adjustment"]},
        "seal": {"id": ids["seal"], "seq": 3} | seal_of(3),
        "sealed_txn": {"txn_id": min(free), "leaf": 1},
    }


def _ids_of(town: TownBuilder) -> dict[str, int]:
    """For each table the id of one of the town's rows."""
    earn_points(town, town.resident(), 5)
    town.staff(Role.MANAGER)
    town.act(None, add_seal, 1)
    models = (Book, Account, Txn, Lot, Event, Resident, RulebookVersion, Territory, Operator, Staff, Seal)
    return {model.__tablename__: town.rows(model.id)[0][0] for model in models}


def seal_of(seq: int) -> dict[str, Any]:
    """What differs from seal to seal."""
    return {"day": date(2026, 1, seq), "previous_hash": bytes([seq]) * 32}


def add_seal(work: Work, seq: int) -> int:
    counts = {"txn_count": 0, "posting_count": 0, "amount_total": 0}
    hashes = {"root": b"", "hash": b"", "key_id": "test", "signature": b""}
    return add(work, Seal, seq=seq, sealed_at=work.now, **seal_of(seq), **counts, **hashes)


def _id_column(table: str) -> str:
    return {"rule_usage": "account_id"}.get(table, "id" if "id" in TABLES[table].c else "txn_id")
