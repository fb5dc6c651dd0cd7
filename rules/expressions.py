"""SQL that the two engines write differently, each piece in one place.

    day_of = on_both(Date(), postgresql="CAST({} AT TIME ZONE 'Asia/Shanghai' AS date)", sqlite="date({}, '+8 hours')")
    select(day_of(Session.starts_at))

A piece is called with expressions of SQLAlchemy; each `{}` (or `{0}`, `{1}`) of the text stands for what one of them
compiles to. It may be a part of any statement that is made once and sent to either engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

T = TypeVar("T")


def on_both(type_: TypeEngine[T], *, postgresql: str, sqlite: str) -> Callable[..., ColumnElement[T]]:
    """A function of SQL with a result of this type, and how each engine writes it."""
    # A class of its own for each, since SQLAlchemy keeps compiled statements by the classes of their parts.
    piece: type[FunctionElement[T]] = type("piece", (FunctionElement,), {"type": type_, "inherit_cache": True})
    compiles(piece, "postgresql")(_writing(postgresql))
    compiles(piece, "sqlite")(_writing(sqlite))
    return piece


def _writing(text: str) -> Callable[..., str]:
    def write(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
        return text.format(*(compiler.process(clause, **options) for clause in element.clauses))

    return write
