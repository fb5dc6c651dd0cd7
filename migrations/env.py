"""Alembic's entry: it is always handed an engine (see migrations.upgrade)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from models import Base
from models.base import UtcDateTime
from rules.database import WRITING


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | bool:
    """Our own types as what they are in the database, so that a step doesn't change when a model does."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Let SQLite make a table anew while others point to it; outside of a transaction, or it is not heard."""
    if connection.dialect.name != "sqlite":
        yield
        return
    sqlite = connection.connection.dbapi_connection
    assert sqlite is not None
    sqlite.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        broken = sqlite.execute("PRAGMA foreign_key_check").fetchone()
        assert broken is None, f"a foreign key of {broken} leads nowhere"
    finally:
        sqlite.execute("PRAGMA foreign_keys=ON")


engine = context.config.attributes["engine"]
with engine.execution_options(**WRITING).connect() as connection, without_foreign_keys(connection):
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        compare_type=True,
        transaction_per_migration=True,
        transactional_ddl=True,  # on SQLite too: we say BEGIN ourselves, so a step that is killed leaves nothing behind
    )
    with context.begin_transaction():
        context.run_migrations()
