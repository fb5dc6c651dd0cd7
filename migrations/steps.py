"""What several steps of the schema's history need.

SQLite can't change a constraint: there a changed table is made anew, filled and renamed (the procedure of
https://www.sqlite.org/lang_altertable.html#otheralter), with foreign keys off, as `migrations.env` sets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def make_anew(table: str, create: Callable[[str], None], added: Mapping[str, str]) -> None:
    """Replace a table by one of the same rows with columns added, each with the SQL expression that fills it.

    A column of the old table that the new one lacks is left behind. Indexes and triggers go with the old table.
    """
    old = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
    create(f"new_{table}")
    new = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(f"new_{table}")}
    kept = [name for name in old if name in new and name not in added]
    names, values = ", ".join([*kept, *added]), ", ".join([*kept, *added.values()])
    op.execute(f"INSERT INTO new_{table} ({names}) SELECT {values} FROM {table} AS old")  # noqa: S608  our own names
    op.drop_table(table)
    op.rename_table(f"new_{table}", table)


def make_append_only(table: str) -> None:
    """Rows are added and never changed."""
    if is_postgresql():
        op.execute(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def change_words(table: str, column: str, words: tuple[str, ...], *, check: str) -> None:
    """On PostgreSQL, let a column of words take others. `check`: the constraint's name without its prefix."""
    name = op.f(f"ck_{table}_{check}")
    op.drop_constraint(name, table, type_="check")
    listed = ", ".join(f"'{word}'" for word in words)
    op.create_check_constraint(name, table, f"{column} IN ({listed})")
