"""The revision of a town: what a process may keep of its staff and its rulebook.

Triggers raise it with the change itself, whoever makes it. `UPDATE OF` names the columns that are kept: to sign in raises
nothing. On PostgreSQL they wait for the commit, so that the revision's row is the last that a transaction locks, and take
the clock's microseconds: a standby that lost the last changes, and counted on from where it was, would give out a revision
for the second time, under which processes still keep what was lost.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import is_postgresql

revision = "0025"
down_revision = "0024"

#: Each table of which something is kept, with the columns that are; None where a row is never changed.
WATCHED: dict[str, tuple[str, ...] | None] = {
    "staff": ("status", "token_version"),
    "role_grant": ("staff_id", "role", "territory_id"),
    "territory": ("parent_id", "path"),
    "rulebook_version": None,
    "book": ("code", "name", "scale", "pool_shards"),
    "town": ("name", "host_kind"),
}
COUNTING = (
    "INSERT INTO town_revision (town_id, revision) VALUES ({town}, 1) "
    "ON CONFLICT (town_id) DO UPDATE SET revision = town_revision.revision + 1"
)
TIMING = (
    "INSERT INTO town_revision (town_id, revision) VALUES ({town}, moment) "
    "ON CONFLICT (town_id) DO UPDATE SET revision = greatest(town_revision.revision + 1, excluded.revision)"
)


def upgrade() -> None:
    op.create_table(
        "town_revision",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_town_revision_town_id")),
        sa.PrimaryKeyConstraint("town_id", name=op.f("pk_town_revision")),
    )
    watch = _watch_on_postgresql if is_postgresql() else _watch_on_sqlite
    if is_postgresql():
        _make_functions()
    for table, columns in WATCHED.items():
        watch(table, columns)
    _keep_codes()


def _make_functions() -> None:
    for name, row in (("raise_revision", "town_id"), ("raise_revision_of_town", "id")):
        op.execute(
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
                moment bigint := extract(epoch FROM clock_timestamp()) * 1000000;
            BEGIN
                IF TG_OP <> 'INSERT' THEN
                    {TIMING.format(town=f"OLD.{row}")};
                ELSE
                    {TIMING.format(town=f"NEW.{row}")};
                END IF;
                RETURN NULL;
            END $$
            """
        )


def _watch_on_postgresql(table: str, columns: tuple[str, ...] | None) -> None:
    function = "raise_revision_of_town" if table == "town" else "raise_revision"
    runs = f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {{}} EXECUTE FUNCTION {function}()"
    if table != "town":
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_raises_revision AFTER INSERT OR DELETE ON {table} {runs.format('')}"
        )
    if columns:
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_changes_revision AFTER UPDATE OF {', '.join(columns)} ON {table} "
            + runs.format(f"WHEN ({_differs(columns)})")
        )


def _watch_on_sqlite(table: str, columns: tuple[str, ...] | None) -> None:
    town = "id" if table == "town" else "town_id"
    if table != "town":
        for change, row in (("INSERT", "NEW"), ("DELETE", "OLD")):
            op.execute(
                f"CREATE TRIGGER {table}_{change.lower()}_raises_revision AFTER {change} ON {table} "
                f"BEGIN {COUNTING.format(town=f'{row}.{town}')}; END"
            )
    if columns:
        op.execute(
            f"CREATE TRIGGER {table}_changes_revision AFTER UPDATE OF {', '.join(columns)} ON {table} "
            f"WHEN {_differs(columns)} BEGIN {COUNTING.format(town=f'NEW.{town}')}; END"
        )


def _differs(columns: tuple[str, ...]) -> str:
    differs = "IS DISTINCT FROM" if is_postgresql() else "IS NOT"
    return " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in columns)


def _keep_codes() -> None:
    """A town's code is in links, certificates and seals, and is kept for good by every process: it never changes."""
    if is_postgresql():
        op.execute(
            """
            CREATE FUNCTION keep_town_code() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'a town keeps its code' USING ERRCODE = 'integrity_constraint_violation';
            END $$
            """
        )
        op.execute(
            "CREATE TRIGGER town_keeps_its_code BEFORE UPDATE OF code ON town FOR EACH ROW "
            "WHEN (OLD.code IS DISTINCT FROM NEW.code) EXECUTE FUNCTION keep_town_code()"
        )
        return
    op.execute(
        "CREATE TRIGGER town_keeps_its_code BEFORE UPDATE OF code ON town WHEN OLD.code IS NOT NEW.code "
        "BEGIN SELECT RAISE(ABORT, 'a town keeps its code'); END"
    )
