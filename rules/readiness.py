"""Whether the database can serve: it answers, and its schema is the one that this code was written for."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

#: The newest migration. A test holds it to the migrations folder.
SCHEMA_VERSION = "0028"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found."""

    database: str  #: "ok" or "unreachable"
    migrations: str  #: "current", "pending" or "unknown"

    @property
    def is_ready(self) -> bool:
        return (self.database, self.migrations) == ("ok", "current")


def check_readiness(engine: Engine) -> Readiness:
    """Ask the database for its schema's version."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            try:
                version = connection.scalar(text("SELECT version_num FROM alembic_version"))
            except SQLAlchemyError:
                return Readiness("ok", "pending")
    except SQLAlchemyError:
        return Readiness("unreachable", "unknown")
    return Readiness("ok", "current" if version == SCHEMA_VERSION else "pending")
