"""Statements of the hot paths: compiled once, sent at once, waited for when somebody asks what they found.

A statement costs here what the driver takes for it, a third of what it costs by way of SQLAlchemy's execution, whose
compiler, types and errors stay in use. And on PostgreSQL it isn't waited for: statements go out one after the other (the
driver's pipeline mode), and whoever asks for a reply waits for all of them at once. So reads that don't build on each
other, and writes whose success is looked at later, share one way there and back. For the server nothing changes: it runs
them in the order in which they were sent, each sees what was committed when it began, and a lock that one of them waited
for is held by those after it.

A statement that fails spoils what was sent after it. The error is raised where a reply is waited for next, at the commit
at the latest, and the transaction is undone. What SQLAlchemy executes itself waits for what was sent before. Who listens
to the statements of an engine hears of these too. On SQLite a statement runs when it is sent.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import lru_cache, partial
from typing import Any, TypeAlias, cast

import psycopg
from psycopg.types.numeric import Int8Dumper
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from rules.rows import AnyRow

Parameters: TypeAlias = Mapping[str, Any]
Convert: TypeAlias = Callable[[Any], Any]

LINE = "line"  #: under which a connection knows the line that is open on it
STATEMENTS_MAX = 1024  #: that are kept compiled
PREPARED_MAX = 300  #: that one connection to PostgreSQL keeps prepared


class Prepared:
    """A statement as the driver takes it, and the rows that it finds as the rules take them."""

    def __init__(self, statement: Executable, names: tuple[str, ...], dialect: Dialect) -> None:
        compiled = cast(SQLCompiler, statement.compile(dialect=dialect, column_keys=list(names)))  # type: ignore[attr-defined]
        # Of `column.in_((…))` each item becomes a parameter, which SQLAlchemy works out when it executes.
        expanded = compiled.construct_expanded_state(dict.fromkeys(names)) if compiled.post_compile_params else None
        self.sql = expanded.statement if expanded else str(compiled)
        self._order = expanded.positiontup if expanded else compiled.positiontup
        self._dialect = dialect
        self._columns: list[Any] = list(getattr(statement, "exported_columns", ()))
        self._make_row: Convert | None = None
        to_driver = {name: _to_driver(bind.type, dialect) for bind, name in compiled.bind_names.items()}
        own: dict[str, Any] = {
            name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required
        }
        own |= {column.key: _default_of(column) for column in compiled.insert_prefetch}
        for name, items in (expanded.parameter_expansion if expanded else {}).items():
            to_driver |= dict.fromkeys(items, to_driver[name])
            own |= zip(items, own.pop(name), strict=True)
        self._own = {name: convert(value) if (convert := to_driver[name]) else value for name, value in own.items()}
        self._converted = [(name, convert) for name in names if (convert := to_driver.get(name))]

    def parameters(self, given: Parameters) -> Any:
        """What the driver is handed: these values, and the statement's own."""
        values = {**self._own, **given}
        for name, convert in self._converted:
            values[name] = convert(values[name])
        return values if self._order is None else [values[name] for name in self._order]

    def rows(self, cursor: Any) -> Convert:
        """What makes a row of what the driver has read: psycopg's row factory."""
        if self._make_row is None:
            if cursor.description is None:
                return tuple
            self._make_row = self._row_maker([column[1] for column in cursor.description])
        return self._make_row

    def _row_maker(self, codes: Sequence[Any]) -> Convert:
        """`codes`: the driver's codes of the columns' types."""
        names = [column.key for column in self._columns]
        row: Any = namedtuple("Found", names, rename=True)  # type: ignore[misc]
        converted = [
            (n, convert)
            for n, (column, code) in enumerate(zip(self._columns, codes, strict=True))
            if (convert := _from_driver(column.type, self._dialect, code))
        ]
        if not converted:
            return cast(Convert, row._make)

        def make_row(values: Sequence[Any]) -> Any:
            found = list(values)
            for n, convert in converted:
                found[n] = convert(found[n])
            return row._make(found)

        return make_row


def _to_driver(type_: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return type_.dialect_impl(dialect).bind_processor(dialect)


def _from_driver(type_: TypeEngine[Any], dialect: Dialect, code: Any) -> Convert | None:
    return type_.dialect_impl(dialect).result_processor(dialect, code)


def _default_of(column: Any) -> Any:
    assert column.default.is_scalar, f"{column} has a default that is worked out: give its value"
    return column.default.arg


_prepared = lru_cache(STATEMENTS_MAX)(Prepared)


class Reply:
    """What a statement found, or what its RETURNING gave back. To ask is to wait for it."""

    __slots__ = ("_read", "_rows")

    def __init__(self, read: Callable[[], Sequence[AnyRow]]) -> None:
        self._read = read
        self._rows: Sequence[AnyRow] | None = None

    def all(self) -> Sequence[AnyRow]:
        """Every row."""
        if self._rows is None:
            self._rows = self._read()
        return self._rows

    def first(self) -> AnyRow | None:
        """The first row, or None."""
        rows = self.all()
        return rows[0] if rows else None

    def one(self) -> AnyRow:
        """The row of a statement that always finds one."""
        [row] = self.all()
        return row

    def scalar(self) -> Any:
        """The first column of the first row, or None."""
        row = self.first()
        return None if row is None else row[0]


class Line:
    """The way of statements to a database that runs them when they are sent."""

    def __init__(self, core: Connection) -> None:
        self._core = core
        self._driver: Any = None

    def send(self, statement: Executable, parameters: Parameters) -> Reply:
        """Hand over a statement of a module, which is compiled once; its rows are of columns, never objects of the ORM."""
        prepared = _prepared(statement, tuple(parameters), self._core.dialect)
        values = prepared.parameters(parameters)
        heard: Any = self._core.dispatch
        try:
            cursor = self._open(prepared)
            for hear in heard.before_cursor_execute:
                hear(self._core, cursor, prepared.sql, values, None, False)
            reply = self._run(prepared, cursor, values)
        except self._core.dialect.loaded_dbapi.Error as error:
            raise self._failed(error) from error
        if heard.after_cursor_execute:
            self.settle()
            for hear in heard.after_cursor_execute:
                hear(self._core, cursor, prepared.sql, values, None, False)
        return reply

    def settle(self) -> None:
        """Wait until everything that was sent has run."""

    def finish(self) -> None:
        """Commit together with the last of what was sent. Afterwards SQLAlchemy commits, and has nothing left to do."""

    def abandon(self) -> None:
        """Wait for what was sent, and care no more for what came of it: it is about to be undone."""
        with suppress(DBAPIError):
            self.settle()

    def _open(self, _prepared: Prepared) -> Any:
        """A cursor for a statement, in a transaction."""
        if not self._core.in_transaction():
            self._core.begin()
        self._driver = self._core.connection.driver_connection
        return self._driver.cursor()

    def _run(self, prepared: Prepared, cursor: Any, values: Any) -> Reply:
        cursor.execute(prepared.sql, values)
        rows = [*map(prepared.rows(cursor), cursor)]
        return Reply(lambda: rows)

    def _failed(self, error: Any) -> DBAPIError:
        """An error of the driver as SQLAlchemy raises it, so that one place tells what is worth another try."""
        dialect = self._core.dialect
        is_lost = dialect.is_disconnect(error, self._driver, None)
        wrapped = DBAPIError.instance(
            None,
            None,
            error,
            dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=is_lost,
            dialect=dialect,
        )
        if is_lost:
            self.abandon()
            self._core.invalidate(wrapped)
        return cast(DBAPIError, wrapped)


class PipelinedLine(Line):
    """The way to PostgreSQL: what is sent is waited for when a reply is asked for."""

    def __init__(self, core: Connection) -> None:
        super().__init__(core)
        self._pipeline: AbstractContextManager[Any] | None = None
        self._open_lines: dict[Any, Any] = {}  #: what the driver's connection keeps; it outlives an invalidated `core`

    def settle(self) -> None:
        if self._pipeline is None:
            return
        pipeline, self._pipeline = self._pipeline, None
        self._open_lines.pop(LINE)
        try:
            pipeline.__exit__(None, None, None)
        except self._core.dialect.loaded_dbapi.Error as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        if self._pipeline is None:
            return
        try:
            end = self._driver.cursor()
            end.execute("COMMIT", prepare=False)
        except self._core.dialect.loaded_dbapi.Error as error:
            raise self._failed(error) from error
        self.settle()
        assert end.statusmessage == "COMMIT", "an error of the database that somebody caught has undone everything"

    def _open(self, prepared: Prepared) -> Any:
        if self._pipeline is None:
            super()._open(prepared)
            self._pipeline = self._driver.pipeline()
            self._pipeline.__enter__()
            self._open_lines = self._core.info
            self._open_lines[LINE] = self
        return self._driver.cursor(row_factory=prepared.rows)

    def _run(self, prepared: Prepared, cursor: Any, values: Any) -> Reply:
        cursor.execute(prepared.sql, values, prepare=True)
        return Reply(partial(self._read, cursor))

    def _read(self, cursor: Any) -> Sequence[AnyRow]:
        try:
            return cast(Sequence[AnyRow], cursor.fetchall())
        except self._core.dialect.loaded_dbapi.Error as error:
            raise self._failed(error) from error


def line_to(core: Connection) -> Line:
    """The way of statements over this connection."""
    return PipelinedLine(core) if core.dialect.name == "postgresql" else Line(core)


def make_pipelines_possible(engine: Engine) -> None:
    """Let PostgreSQL's connections prepare what is sent, and SQLAlchemy wait for it."""
    event.listen(engine, "connect", _prepare_often)
    event.listen(engine, "before_cursor_execute", _settle)


def _prepare_often(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.prepared_max = PREPARED_MAX
    # A number is 64 bits wide whatever it is. By their size, each mixture of sizes would be a statement of its own.
    connection.adapters.register_dumper(int, Int8Dumper)


def _settle(
    connection: Connection, _cursor: object, _statement: str, _values: object, context: object, _many: bool
) -> None:
    """`context`: SQLAlchemy's, for what it executes itself."""
    line: PipelinedLine | None = connection.info.get(LINE) if context is not None else None
    if line is not None:
        line.settle()
