"""A large town: `python3 bench/grow.py DATABASE_URL [--times N] [--postings N]`.

Grows the demo town in a PostgreSQL database to a town of N times as many people, in SQL: each copy has communities,
estates and buildings of its own, with all who live there and all that they did; staff, operators, rules and the street
are shared. What copies would meet in (a budget, what an operator redeemed) each copy has in a row of its own, a shard, so
every counter of the ledger is right: `--audit` proves it. Then the year before the season is filled with awards and
redemptions until there are as many postings as were asked for.

A copy's ids are those of the demo, shifted by less than a millisecond's worth, so that an id still tells when its row was
made. Names that must be unique get the copy's number. Foreign keys aren't checked while copying, since a copy's rows hang
on one another as the demo's do; `--check` looks at each of them afterwards. Words inside JSON documents stay as they are,
but for the holds and transactions of redemptions and donations.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import psycopg.rows
from psycopg import sql
from sqlalchemy import Enum, LargeBinary, Table, UniqueConstraint
from sqlalchemy.engine import make_url

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from demo.seed import TOWN_ID
from models import Base
from rules.database import connect
from rules.ids import EPOCH, NODE_BITS, SEQUENCE_BITS
from rules.ledger.audit import audit
from rules.work import SYSTEM, Transactions

TICK = 1 << (NODE_BITS + SEQUENCE_BITS)  #: ids of one millisecond
SHIFT = 1 << 15  #: above the lower bits of every id that the demo makes
TIMES_MAX = TICK // SHIFT - 1
SHARDS = 4  #: of each account that all share, a copy has so many of its own
#: What all copies share.
SHARED = {"town", "operator", "operator_staff", "staff", "staff_lookup", "role_grant", "book", "rulebook_version"}
SHARED |= {"property_company", "node_counter", "job_run", "job_leader", "alembic_version", "seal", "sealed_txn"}
SHARED |= {"town_revision", "admin_deed", "monitor_target"}
SHARED_KINDS = "('city', 'street')"  #: of the tree
#: Columns that name rows without a foreign key, and when they do.
LOOSE = {
    ("account", "owner_id"): "owner_type = 'resident'",
    ("openid_lookup", "resident_id"): "true",
    ("reservation", "hold_txn_id"): "true",
    ("reservation", "booked_by_id"): "booked_by_kind = 'resident'",
    ("redemption", "booked_by_id"): "booked_by_kind = 'resident'",
    ("repair", "submitted_by_id"): "submitted_by_kind = 'resident'",
    ("repair", "content_id"): "true",
    ("repair_event", "by_id"): "by_kind = 'resident'",
    ("interest_group", "founded_by_id"): "founded_by_kind = 'resident'",
    ("search_entry", "subject_id"): "kind NOT IN ('operator')",
    ("search_entry", "content_id"): "true",
}
#: Columns that name nodes of the tree without a foreign key.
NODES = {("search_entry", "community_id")}
#: Documents that name rows of the ledger.
DOCUMENTS = {("redemption", "payments"): "hold_id", ("donation", "payments"): "txn_id"}
EARLIER_EACH, EARLIER_SPENT = 10, 5  #: points of an earlier award, and of an earlier redemption
EARLIER_SPENDS = 2  #: of each wallet, out of its first lot
EARLIER_LOTS = 6


@dataclass(frozen=True, slots=True)
class Grown:
    """What there is now."""

    residents: int
    communities: int
    postings: int
    seconds: float


def grow(url: str, times: int, postings: int | None = None, *, say: Any = print) -> Grown:
    """Grow the demo town of a PostgreSQL database; `postings`: how many there shall be at least, if it takes more."""
    assert 1 <= times <= TIMES_MAX, f"from 1 to {TIMES_MAX} times"
    began = time.perf_counter()
    with psycopg.connect(dsn_of(url), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no foreign keys, no triggers
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute("SET work_mem = '256MB'")
        connection.execute("SET statement_timeout = 0")
        nodes = [row[0] for row in connection.execute(f"SELECT id FROM territory WHERE kind IN {SHARED_KINDS}")]
        tables = [table for table in copied_tables() if _has_rows(connection, table)]
        with _bare(connection, [table.name for table in tables], say):
            if postings:
                fill_earlier_months(connection, -(-postings // times))
                say(f"  earlier months of the demo town: {time.perf_counter() - began:.1f} s", flush=True)
            for table in tables:
                started = time.perf_counter()
                rows = connection.execute(Copier(table, nodes).statement(), {"times": times, "town": TOWN_ID}).rowcount
                if (seconds := time.perf_counter() - started) > 1:
                    say(f"  {table.name}: {rows:,} rows in {seconds:.1f} s", flush=True)
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM resident WHERE town_id = %(town)s),"
            " (SELECT count(*) FROM territory WHERE town_id = %(town)s AND kind = 'community'),"
            " (SELECT count(*) FROM posting WHERE town_id = %(town)s)",
            {"town": TOWN_ID},
        ).fetchone()
    assert counts is not None
    return Grown(*counts, seconds=time.perf_counter() - began)


def dsn_of(url: str) -> str:
    """The address as psycopg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


# --- copying ------------------------------------------------------------------------------------------------------------


def copied_tables() -> list[Table]:
    """Every table of which each copy has rows of its own."""
    return [table for table in Base.metadata.sorted_tables if "town_id" in table.c and table.name not in SHARED]


def _has_rows(connection: psycopg.Connection[Any], table: Table) -> bool:
    found = connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table.name))).fetchone()
    return found is not None


class Copier:
    """One INSERT … SELECT that makes all copies of a table's rows."""

    def __init__(self, table: Table, shared_nodes: Sequence[int]) -> None:
        self._table = table
        self._nodes = "ARRAY[" + ", ".join(map(str, shared_nodes)) + "]::bigint[]"
        self._names = {table.name for table in copied_tables()}
        self._shifted = {column.name for column in table.c if self._is_shifted(column)}
        self._marked = set(self._columns_to_mark())

    def statement(self) -> bytes:
        """With the parameters `times` and `town`."""
        columns = [column.name for column in self._table.c]
        names = ", ".join(columns)
        values = ",\n    ".join(self._value(name) for name in columns)
        order = next((f"ORDER BY t.{name}, k" for name in ("id", "txn_id") if name in columns), "")
        return (
            f"INSERT INTO {self._table.name} ({names}) SELECT {values}\n"
            f"FROM {self._table.name} AS t CROSS JOIN generate_series(1, %(times)s - 1) AS k\n"
            f"WHERE t.town_id = %(town)s AND {self._condition()} {order}"
        ).encode()

    def _is_shifted(self, column: Any) -> bool:
        if column.name == "id" or (self._table.name, column.name) in LOOSE | dict.fromkeys(NODES):
            return True
        return column.name != "town_id" and any(
            key.column.table.name in self._names and key.column.name.endswith("id") and key.column.name != "town_id"
            for key in column.foreign_keys
        )

    def _names_node(self, name: str) -> bool:
        if (self._table.name, name) in NODES:
            return True
        return any(key.column.table.name == "territory" for key in self._table.c[name].foreign_keys)

    def _columns_to_mark(self) -> Iterator[str]:
        """Of each unique key that a copy would meet in: the last of its texts."""
        keys = [self._table.primary_key.columns]
        keys += [each.columns for each in self._table.constraints if isinstance(each, UniqueConstraint)]
        keys += [each.columns for each in self._table.indexes if each.unique]
        for key in keys:
            if self._table.name != "account" and not any(column.name in self._shifted for column in key):
                texts = [c.name for c in key if c.type.python_type in (str, bytes) and not isinstance(c.type, Enum)]
                yield texts[-1]

    def _value(self, name: str) -> str:
        table, column = self._table.name, f"t.{name}"
        shifted = f"{column} + k * {SHIFT}"
        if (table, name) == ("account", "shard"):
            return f"CASE WHEN t.owner_type = 'resident' THEN {column} ELSE {column} + k * {SHARDS} END"
        if (table, name) == ("territory", "path"):
            return self._path()
        if (table, name) == ("territory", "name"):
            return f"CASE WHEN t.kind = 'community' THEN {column} || k ELSE {column} END"
        if (table, name) in DOCUMENTS:
            return self._document(name, DOCUMENTS[table, name])
        if (table, name) in LOOSE:
            return f"CASE WHEN {self._qualified(LOOSE[table, name])} THEN {shifted} ELSE {column} END"
        if name in self._shifted:
            return (
                f"CASE WHEN {column} = ANY ({self._nodes}) THEN {column} ELSE {shifted} END"
                if (self._names_node(name))
                else shifted
            )
        if name in self._marked:
            is_bytes = isinstance(self._table.c[name].type, LargeBinary)
            return f"{column} || decode(lpad(to_hex(k), 4, '0'), 'hex')" if is_bytes else f"{column} || '#' || k"
        return column

    @staticmethod
    def _qualified(condition: str) -> str:
        return condition if condition == "true" else f"t.{condition}"

    def _path(self) -> str:
        step = f"CASE WHEN step::bigint = ANY ({self._nodes}) THEN step::bigint ELSE step::bigint + k * {SHIFT} END"
        steps = "unnest(string_to_array(rtrim(t.path, '/'), '/')) WITH ORDINALITY AS steps(step, n)"
        return f"(SELECT string_agg(({step})::text || '/', '' ORDER BY n) FROM {steps})"

    @staticmethod
    def _document(name: str, key: str) -> str:
        item = f"item || jsonb_build_object('{key}', (item->>'{key}')::bigint + k * {SHIFT})"
        return f"(SELECT coalesce(jsonb_agg({item} ORDER BY n), '[]') FROM jsonb_array_elements(t.{name}) WITH ORDINALITY AS items(item, n))"  # noqa: E501

    def _condition(self) -> str:
        return f"t.kind NOT IN {SHARED_KINDS}" if self._table.name == "territory" else "true"


@contextmanager
def _bare(connection: psycopg.Connection[Any], tables: Iterable[str], say: Any) -> Iterator[None]:
    """Take away unique keys and indexes, but for primary keys, and make them anew after the block."""
    found = connection.execute(
        "SELECT c.relname, i.relname, k.conname, pg_get_indexdef(i.oid), pg_get_constraintdef(k.oid)"
        " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid"
        " LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.contype = 'u'"
        " WHERE NOT x.indisprimary AND c.relname = ANY (%s) AND c.relnamespace = 'public'::regnamespace",
        [list(tables)],
    ).fetchall()
    again = []
    for table, index, constraint, index_as_made, constraint_as_made in found:
        name = sql.Identifier(index)
        if constraint is None:
            connection.execute(sql.SQL("DROP INDEX {}").format(name))
            again.append((index, index_as_made))
        else:
            connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), name))
            again.append((index, f'ALTER TABLE "{table}" ADD CONSTRAINT "{constraint}" {constraint_as_made}'))
    yield
    for index, statement in again:
        started = time.perf_counter()
        connection.execute(statement)
        if (seconds := time.perf_counter() - started) > 2:
            say(f"  {index}: {seconds:.1f} s", flush=True)


# --- the months before the season ---------------------------------------------------------------------------------------

#: Every wallet of points gets as many awards as are asked for, and two redemptions out of the first of them, all before its
#: own first posting: so the counters of all its postings rise by the same.
_EARLIER = (
    """CREATE TEMP TABLE earlier_wallet AS
    SELECT w.id, row_number() OVER (ORDER BY w.id) - 1 AS w, r.territory_id,
           floor(extract(epoch FROM least(r.registered_at, %(season)s - interval '20 days')) * 1000)::bigint AS since,
           (SELECT (string_to_array(p.path, '/'))[array_position(string_to_array(p.path, '/'), c.id::text)]::bigint
            FROM territory p JOIN territory c ON c.town_id = p.town_id AND c.kind = 'community'
             AND p.path LIKE '%%' || c.id || '/%%'
            WHERE p.town_id = r.town_id AND p.id = r.territory_id LIMIT 1) AS community_id
    FROM account w JOIN resident r ON r.town_id = w.town_id AND r.id = w.owner_id
    WHERE w.town_id = %(town)s AND w.book_id = %(book)s AND w.kind = 'wallet'""",
    """CREATE TEMP TABLE earlier AS
    SELECT w.*, %(first_id)s + 2000 + (w.w / 4000 << 22) + w.w %% 4000 * %(lots)s AS lot_id,
           i, i >= %(earns)s AS is_spent, moment, ((moment - %(epoch)s) << 22)
           + 64 + (row_number() OVER (ORDER BY moment, w.id)) %% 28600 AS txn_id
    FROM earlier_wallet w, generate_series(0, %(earns)s + %(spends)s - 1) AS i,
         LATERAL (SELECT w.since + ((%(season_ms)s - w.since) * (i + (w.w * 7919 %% 1000) / 1000.0)
                  / (%(earns)s + %(spends)s))::bigint AS moment) AS at""",
    """INSERT INTO account (town_id, id, book_id, kind, owner_type, owner_id, shard, floor, unbounded, credited, debited)
    SELECT %(town)s, %(first_id)s + n, %(book)s, kind, owner_type, owner_id, 1, 0, kind = 'mint',
           CASE kind WHEN 'mint' THEN 0 WHEN 'pool' THEN %(earned)s
            ELSE (SELECT count(*) * %(spent_each)s FROM earlier e WHERE e.is_spent AND e.w %% %(redeemers)s = n) END,
           CASE kind WHEN 'redeemed' THEN 0 ELSE %(earned)s END
    FROM (SELECT 1001::bigint AS n, 'mint' AS kind, 'town' AS owner_type, %(town)s::bigint AS owner_id
          UNION ALL SELECT 1002, 'pool', 'town', %(town)s
          UNION ALL SELECT n - 1, 'redeemed', 'operator', id
          FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM operator WHERE town_id = %(town)s) o
          WHERE n <= %(redeemers)s) AS made""",
    """INSERT INTO lot (town_id, id, account_id, expires_on, scope, issuer_id, credited, debited)
    SELECT %(town)s, lot_id + l, id,
           (%(season)s::date + make_interval(months => 8 + l::int))::date, '', %(town)s,
           %(each)s * count(*), CASE l WHEN 0 THEN %(spent_each)s * %(spends)s ELSE 0 END
    FROM (SELECT lot_id, id, i * %(lots)s / %(earns)s AS l FROM earlier WHERE NOT is_spent) AS earned
    GROUP BY lot_id, id, l""",
    """INSERT INTO txn (town_id, id, book_id, idempotency_key, request_hash, kind, rulebook_version_id, rule_id, reason,
        community_id, operator_id, scene, effective_at, recorded_at, explanation)
    SELECT %(town)s, txn_id, %(book)s, 'earlier:' || w || ':' || i, ''::bytea,
           CASE WHEN is_spent THEN 'spend' ELSE 'earn' END,
           %(version)s, CASE WHEN is_spent THEN 'goods' ELSE %(rule)s END,
           CASE WHEN is_spent THEN 'redemption' ELSE 'checkin' END, community_id,
           (%(operators)s::bigint[])[1 + w %% %(redeemers)s], (%(scenes)s::text[])[1 + (w + i) %% 9],
           to_timestamp(moment / 1000.0), to_timestamp(moment / 1000.0), '参加活动签到：每场 10 分 × 1 场 = 10 分'
    FROM earlier
    UNION ALL SELECT %(town)s, %(first_id)s, %(book)s, 'earlier:budget', ''::bytea, 'grant_budget', NULL, NULL, 'budget',
           NULL, NULL, NULL, to_timestamp(%(opened_ms)s / 1000.0), to_timestamp(%(opened_ms)s / 1000.0), '前期积分预算'
    ORDER BY 2""",
    """INSERT INTO posting (town_id, txn_id, n, src_account_id, dst_account_id, src_lot_id, dst_lot_id, amount,
        src_debited_after, dst_credited_after, src_lot_debited_after, dst_lot_credited_after, src_credited, dst_debited,
        recorded_at)
    SELECT %(town)s, txn_id, 0, %(first_id)s + 1002, id, NULL, lot_id + l, %(each)s,
           %(each)s * row_number() OVER (ORDER BY txn_id), %(each)s * (i + 1), NULL,
           %(each)s * row_number() OVER (PARTITION BY w, l ORDER BY i), %(earned)s, 0, to_timestamp(moment / 1000.0)
    FROM (SELECT *, i * %(lots)s / %(earns)s AS l FROM earlier WHERE NOT is_spent) AS earned
    UNION ALL
    SELECT %(town)s, txn_id, 0, id, %(first_id)s + w %% %(redeemers)s, lot_id, NULL,
           %(spent_each)s, %(spent_each)s * (i - %(earns)s + 1),
           %(spent_each)s * row_number() OVER (PARTITION BY w %% %(redeemers)s ORDER BY txn_id),
           %(spent_each)s * (i - %(earns)s + 1), NULL, %(each)s * %(earns)s, 0, to_timestamp(moment / 1000.0)
    FROM earlier WHERE is_spent
    UNION ALL
    SELECT %(town)s, %(first_id)s, 0, %(first_id)s + 1001, %(first_id)s + 1002, NULL, NULL, %(earned)s, %(earned)s,
           %(earned)s, NULL, NULL, 0, 0, to_timestamp(%(opened_ms)s / 1000.0)
    ORDER BY 2""",
    """UPDATE posting SET dst_credited_after = dst_credited_after + %(each)s * %(earns)s,
        dst_debited = dst_debited + %(spent_each)s * %(spends)s
    FROM earlier_wallet w WHERE town_id = %(town)s AND dst_account_id = w.id AND txn_id >= %(season_id)s""",
    """UPDATE posting SET src_credited = src_credited + %(each)s * %(earns)s,
        src_debited_after = src_debited_after + %(spent_each)s * %(spends)s
    FROM earlier_wallet w WHERE town_id = %(town)s AND src_account_id = w.id AND txn_id >= %(season_id)s""",
    """UPDATE account a SET credited = credited + %(each)s * %(earns)s, debited = debited + %(spent_each)s * %(spends)s
    FROM earlier_wallet w WHERE a.town_id = %(town)s AND a.id = w.id""",
)
_FACTS = """
    SELECT (SELECT count(*) FROM posting WHERE town_id = %(town)s) AS postings, book.id AS book,
           (SELECT count(*) FROM account w WHERE w.town_id = book.town_id AND w.book_id = book.id AND w.kind = 'wallet')
               AS wallets,
           (SELECT min(id) FROM txn WHERE town_id = book.town_id AND book_id = book.id AND kind <> 'grant_budget')
               AS season_id,
           (SELECT min(registered_at) FROM resident WHERE town_id = book.town_id) AS opened_at,
           (SELECT id FROM rulebook_version WHERE town_id = book.town_id LIMIT 1) AS version,
           (SELECT rule_id FROM txn WHERE town_id = book.town_id AND book_id = book.id AND kind = 'earn' LIMIT 1) AS rule,
           (SELECT array_agg(id ORDER BY id) FROM operator WHERE town_id = book.town_id) AS operators,
           (SELECT array_agg(DISTINCT scene) FROM activity WHERE town_id = book.town_id) AS scenes
    FROM book WHERE book.town_id = %(town)s AND book.code = 'points'"""


def fill_earlier_months(connection: psycopg.Connection[Any], postings: int) -> None:
    """Let the demo town have at least so many postings, by awards and redemptions before its season began."""
    cursor = connection.cursor(row_factory=psycopg.rows.namedtuple_row)
    facts = cursor.execute(_FACTS, {"town": TOWN_ID}).fetchone()
    each_wallet = -(-(postings - facts.postings) // facts.wallets)
    if each_wallet <= EARLIER_SPENDS:
        return
    earns, epoch = each_wallet - EARLIER_SPENDS, int(EPOCH.timestamp() * 1000)
    season_ms = facts.season_id // TICK + epoch - 3_600_000
    opened_ms = int(facts.opened_at.timestamp() * 1000)
    asked = {
        "town": TOWN_ID,
        "book": facts.book,
        "version": facts.version,
        "rule": facts.rule,
        "operators": facts.operators,
        "scenes": facts.scenes,
        "redeemers": len(facts.operators),
        "season": datetime.fromtimestamp(season_ms / 1000, UTC),
        "season_id": facts.season_id,
        "season_ms": season_ms,
        "epoch": epoch,
        "opened_ms": opened_ms,
        "first_id": (opened_ms - epoch) * TICK + 100,
        "earns": earns,
        "spends": EARLIER_SPENDS,
        "lots": min(earns, EARLIER_LOTS),
        "each": EARLIER_EACH,
        "spent_each": EARLIER_SPENT,
        "earned": EARLIER_EACH * earns * facts.wallets,
    }
    with connection.transaction():
        for statement in _EARLIER:
            connection.execute(statement, asked)


# --- proving it ---------------------------------------------------------------------------------------------------------


def find_loose_ends(url: str) -> list[str]:
    """Foreign keys that name a row which isn't there."""
    found = []
    with psycopg.connect(dsn_of(url), autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        for table in Base.metadata.sorted_tables:
            for key in table.foreign_key_constraints:
                names = [(each.parent.name, each.column.name) for each in key.elements]
                same = " AND ".join(f"there.{theirs} = here.{ours}" for ours, theirs in names)
                filled = " AND ".join(f"here.{ours} IS NOT NULL" for ours, _ in names)
                row = connection.execute(
                    f"SELECT 1 FROM {table.name} here WHERE {filled} AND NOT EXISTS"
                    f" (SELECT 1 FROM {key.referred_table.name} there WHERE {same}) LIMIT 1"
                ).fetchone()
                if row is not None:
                    found.append(f"{table.name}: {', '.join(ours for ours, _ in names)}")
    return found


def find_violations(url: str) -> list[str]:
    """What the ledger's audit finds."""
    transactions = Transactions(connect(url, pool_size=2))
    report = transactions.survey(TOWN_ID, SYSTEM, audit)
    transactions.engine.dispose()
    return [str(each) for each in report.violations]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="postgresql+psycopg://…, a database with the demo town")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--postings", type=int, default=10_000_000)
    parser.add_argument("--check", action="store_true", help="look for rows that hang on nothing")
    parser.add_argument("--audit", action="store_true", help="prove the ledger")
    options = parser.parse_args()
    grown = grow(options.url, options.times, options.postings)
    print(
        f"{grown.residents:,} residents in {grown.communities} communities, {grown.postings:,} postings, "
        f"in {grown.seconds:.0f} s"
    )
    wrong = find_loose_ends(options.url) if options.check else []
    wrong += find_violations(options.url) if options.audit else []
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
