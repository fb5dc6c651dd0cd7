"""Asking for many rows by a list, with one statement whatever its length.

`column IN (?, ?, …)` is another statement for each length, which both the driver and the server prepare anew. Here the
list is one parameter: an array on PostgreSQL, a JSON document on SQLite.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import BigInteger, Boolean, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class _List(TypeDecorator[Iterable[Any]]):
    """A list as one parameter."""

    impl = Text
    cache_ok = True
    item: type[TypeEngine[Any]]

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.item()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        items = list(value or ())
        return items if dialect.name == "postgresql" else orjson.dumps(items).decode()


class IdList(_List):
    """Ids."""

    item = BigInteger
    cache_ok = True


class TextList(_List):
    """Texts."""

    item = Text
    cache_ok = True


class _IsIn(FunctionElement[bool]):
    """Whether a column's value is in a list."""

    type = Boolean()
    inherit_cache = True
    _is_implicitly_boolean = True  # or SQLite is asked whether it is equal to 1, which no index answers


@compiles(_IsIn, "postgresql")
def _on_postgresql(element: _IsIn, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **options)} = ANY ({compiler.process(values, **options)})"


@compiles(_IsIn, "sqlite")
def _on_sqlite(element: _IsIn, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    listed = f"SELECT value FROM json_each({compiler.process(values, **options)})"  # noqa: S608  names of ours
    return f"{compiler.process(column, **options)} IN ({listed})"


def is_id_in(column: Any, name: str) -> ColumnElement[bool]:
    """Whether a column holds one of the ids of the list parameter `name`."""
    return _IsIn(column, bindparam(name, type_=IdList()))


def is_text_in(column: Any, name: str) -> ColumnElement[bool]:
    """Whether a column holds one of the texts of the list parameter `name`."""
    return _IsIn(column, bindparam(name, type_=TextList()))
