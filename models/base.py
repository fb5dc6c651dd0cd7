"""What every table has in common.

A town is what shares one ledger, one tree and one set of operators. `town_id` stands first in every primary key, unique
key, foreign key and index of every table but a few global ones, so one town can't read another's rows by mistake, and
the tables can be distributed by `town_id` on the day one database is too small. `Table.info["distribution"]` says which
kind a table is: `distributed` or `reference`.

A table that hangs on nothing but its town has a foreign key to `town`. The others prove their town through the row they
hang on (`town_id, session_id`), so a busy table doesn't lock the one row of its town at every insert.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, ForeignKey, MetaData, String, Table, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. Goes in and comes out aware; is stored in UTC on both engines."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone can't be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: None is NULL, not JSON's null.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

#: The ids from the root of a tree down to a node, each followed by a slash. Compared byte by byte, so that everything
#: below a node is one range of the index.
Path = String().with_variant(String(collation="C"), "postgresql")


def one_of(words: type[StrEnum]) -> Enum:
    """A text column that holds one of the enum's words, and a CHECK that says so."""
    return Enum(
        words,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=words.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {int: BigInteger, str: Text, datetime: UtcDateTime, dict[str, Any]: Json}  # noqa: RUF012

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        table = cls.__table__
        assert isinstance(table, Table)
        leads = next(iter(table.primary_key.columns)).name
        table.info["distribution"] = "distributed" if leads == "town_id" else "reference"


class InTown:
    """A row of one town: `town_id` and `id`, in that order, are its primary key. Ids are made by the application."""

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-2)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-1)


class RootInTown(InTown):
    """A row that hangs on nothing but its town."""

    @declared_attr
    def town_id(cls) -> Mapped[int]:  # noqa: N805  SQLAlchemy hands the class
        return mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False, sort_order=-2)
