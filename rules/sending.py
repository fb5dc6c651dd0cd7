"""Statements of the hot paths: compiled once, sent at once, waited for when somebody asks what they found.

A statement costs here what the driver takes for it, a fifth of what it costs by way of SQLAlchemy's execution, whose
compiler, types and errors stay in use. And on PostgreSQL it isn't waited for: statements go out one after the other
(libpq's pipeline mode), and whoever asks for a reply waits for all of them at once. So reads that don't build on each
other, and writes whose success is looked at later, share one way there and back, and the BEGIN and the COMMIT travel with
them. For the server nothing changes: it runs them in the order in which they were sent, each sees what was committed when
it began, and a lock that one of them waited for is held by those after it.

A statement that fails spoils what was sent after it. The error is raised where a reply is waited for next, at the commit
at the latest, and the transaction is undone. What SQLAlchemy executes itself waits for what was sent before. Who listens
to the statements of an engine hears of these too, and then each is waited for. On SQLite a statement runs when it is sent.
"""

from __future__ import annotations

import itertools
import re
from collections import deque, namedtuple
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, TypeAlias, cast

import psycopg
from psycopg import generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.engine.base import ExceptionContextImpl
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from rules.rows import AnyRow
from rules.sets import IdList, TextList

Parameters: TypeAlias = Mapping[str, Any]
Convert: TypeAlias = Callable[[Any], Any]

STATEMENTS_MAX = 1024  #: that are kept compiled
PLACEHOLDER = re.compile(r"%%|%\((\w+)\)s")
#: Under which a connection to PostgreSQL knows the line that is open on it, what was prepared on it, and how Python's
#: values become the server's.
LINE, PREPARED, ADAPTER = "line", "prepared", "adapter"
#: A cached plan that no longer fits its tables, a prepared statement that the server has forgotten.
STALE_STATES = frozenset({"0A000", "26000"})
#: What `come_short()` of the database raises: a part of a statement of several writes couldn't be done (rules.fusing).
SHORT_STATE = "BF001"
DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class CameShort(Exception):
    """A statement of several writes undid them all, since others had changed what it built on."""


class Command:
    """SQL under a name by which PostgreSQL's connections keep it prepared."""

    _numbers = itertools.count(1)

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.name = b"house_%d" % next(self._numbers)


class Prepared(Command):
    """A statement as the driver takes it, and the rows that it finds as the rules take them."""

    def __init__(self, statement: Executable, names: tuple[str, ...], dialect: Dialect) -> None:
        compiled = cast(SQLCompiler, statement.compile(dialect=dialect, column_keys=list(names)))  # type: ignore[attr-defined]
        # Of `column.in_((…))` each item becomes a parameter, which SQLAlchemy works out when it executes.
        expanded = compiled.construct_expanded_state(dict.fromkeys(names)) if compiled.post_compile_params else None
        sql = expanded.statement if expanded else str(compiled)
        order = expanded.positiontup if expanded else compiled.positiontup
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
        if order is None:  # by name, as psycopg's cursors take them; libpq takes them by number
            sql, order = _numbered(sql, {name: value for name, value in self._own.items() if name not in names})
        super().__init__(sql)
        self._order = order

    def parameters(self, given: Parameters) -> list[Any]:
        """What the driver is handed: these values and the statement's own, in their order."""
        values = {**self._own, **given}
        for name, convert in self._converted:
            values[name] = convert(values[name])
        return [values[name] for name in self._order]

    def row_maker(self, code_of: Callable[[int], Any]) -> Convert:
        """What makes a row of the values that the driver has read. `code_of`: the driver's code of a column's type."""
        if self._make_row is None:
            self._make_row = self._row_maker([code_of(n) for n in range(len(self._columns))])
        return self._make_row

    def _row_maker(self, codes: Sequence[Any]) -> Convert:
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
    if isinstance(type_, IdList | TextList) and dialect.name == "postgresql":
        return _as_array
    return type_.dialect_impl(dialect).bind_processor(dialect)


def _as_array(items: Iterable[Any] | None) -> str:
    """A list of ids or texts as PostgreSQL reads an array; psycopg would look at each item's type first."""
    return f"{{{','.join([str(item) if type(item) is int else _quoted(item) for item in items or ()])}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _from_driver(type_: TypeEngine[Any], dialect: Dialect, code: Any) -> Convert | None:
    return type_.dialect_impl(dialect).result_processor(dialect, code)


def _default_of(column: Any) -> Any:
    assert column.default.is_scalar, f"{column} has a default that is worked out: give its value"
    return column.default.arg


def _numbered(sql: str, constants: Parameters) -> tuple[str, list[str]]:
    """`%(name)s` as `$1`, and the names in the order of their numbers.

    The statement's own values are written into it: then the server finds one plan that is right for every call, with the
    partial indexes that those values allow, and needn't make one each time.
    """
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%"
        if name in constants and (literal := _literal(constants[name])) is not None:
            return literal
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    return PLACEHOLDER.sub(number, sql), list(numbers)


def _literal(value: Any) -> str | None:
    """A value as SQL writes it; None for one of another kind than words, whole numbers, true and false."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return f"({value:d})"
    if isinstance(value, str) and "\\" not in value:
        return "'" + str(value).replace("'", "''") + "'"
    return None


_prepared = lru_cache(STATEMENTS_MAX)(Prepared)
_command = lru_cache(Command)


class Reply:
    """What a statement found, or what its RETURNING gave back. To ask is to wait for it."""

    __slots__ = ("_find", "_rows")

    def __init__(self, find: Callable[[], Sequence[AnyRow]]) -> None:
        self._find = find
        self._rows: Sequence[AnyRow] | None = None

    def all(self) -> Sequence[AnyRow]:
        """Every row."""
        if self._rows is None:
            self._rows = self._find()
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

    own_listeners = 0  #: to an engine's statements

    def __init__(self, core: Connection) -> None:
        self._core = core
        self._driver: Any = None
        self._is_open = self._is_heard = False

    def send(self, statement: Executable, parameters: Parameters) -> Reply:
        """Hand over a statement of a module, which is compiled once; its rows are of columns, never objects of the ORM."""
        prepared = _prepared(statement, tuple(parameters), self._core.dialect)
        values = prepared.parameters(parameters)
        if not self._is_open:
            self._open()
        try:
            return self._run_heard(prepared, values) if self._is_heard else self._run(prepared, values)
        except self._core.dialect.loaded_dbapi.Error as error:
            raise self._failed(error) from error

    def settle(self) -> None:
        """Wait until everything that was sent has run."""

    def finish(self) -> None:
        """Commit together with the last of what was sent. Afterwards SQLAlchemy commits, and has nothing left to do."""

    def abandon(self) -> None:
        """Undo what was sent, and care no more for what came of it. Afterwards SQLAlchemy undoes what it did."""

    def _open(self) -> None:
        if not self._core.in_transaction():
            self._core.begin()
        self._driver = self._core.connection.driver_connection
        self._is_open = True
        heard: Any = self._core.dispatch
        self._is_heard = len(heard.before_cursor_execute) > self.own_listeners or bool(heard.after_cursor_execute)

    def _run(self, prepared: Prepared, values: list[Any]) -> Reply:
        cursor = self._driver.execute(prepared.sql, values)
        rows = [*map(prepared.row_maker(lambda _: None), cursor)]
        return Reply(lambda: rows)

    def _run_heard(self, prepared: Prepared, values: list[Any]) -> Reply:
        heard: Any = self._core.dispatch
        told = (self._core, self._driver.cursor(), prepared.sql, values, None, False)
        for hear in heard.before_cursor_execute:
            hear(*told)
        reply = self._run(prepared, values)
        reply.all()
        for hear in heard.after_cursor_execute:
            hear(*told)
        return reply

    def _failed(self, error: Any) -> DBAPIError | CameShort:
        """An error of the driver as SQLAlchemy raises it, so that one place tells what is worth another try."""
        if getattr(error, "sqlstate", None) == SHORT_STATE:
            return CameShort()
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
        self._tell_listeners(error, cast(DBAPIError, wrapped), is_lost)
        if is_lost:
            self.abandon()
            self._core.invalidate(wrapped)
        return cast(DBAPIError, wrapped)

    def _tell_listeners(self, error: Any, wrapped: DBAPIError, is_lost: bool) -> None:
        """Whoever listens to the errors of an engine hears of these too."""
        dialect: Any = self._core.dialect
        context = ExceptionContextImpl(
            error, wrapped, self._core.engine, dialect, self._core, None, None, None, None, is_lost, True, False
        )
        for hear in dialect.dispatch.handle_error:
            hear(context)


class _Answer:
    """What the server said to one thing that was sent, once it is here."""

    __slots__ = ("prepares", "result")

    def __init__(self, prepares: Command | None = None) -> None:
        self.prepares = prepares
        self.result: PGresult | None = None


class PipelinedLine(Line):
    """The way to PostgreSQL: what is sent is waited for when a reply is asked for."""

    own_listeners = 1

    def __init__(self, core: Connection) -> None:
        super().__init__(core)
        self._pending: deque[_Answer] = deque()
        self._error: psycopg.Error | None = None  #: the first one

    def settle(self) -> None:
        if not self._is_open:
            return
        try:
            self._sync()
            self._collect()
        except psycopg.Error as error:
            if error.sqlstate == SHORT_STATE:
                self.abandon()  # and keep what is prepared: it is tried again at once
            self._close()
            raise self._failed(error) from error
        self._close()

    def finish(self) -> None:
        if not self._is_open:
            return
        end = self._put(_command("COMMIT"), [])
        self.settle()
        assert end.result is not None, "what settles is answered"
        assert end.result.command_status == b"COMMIT", "an error that somebody caught has undone everything"

    def abandon(self) -> None:
        """What is undone here keeps the connection's prepared statements; psycopg's own rollback drops them."""
        if not self._is_open:
            return
        with suppress(psycopg.Error):
            self._sync()
            self._put(_command("ROLLBACK"), [])
            self._sync()
            self._collect()
        self._close()

    def _open(self) -> None:
        super()._open()
        self._libpq: PGconn = self._driver.pgconn
        self._kept = self._core.info
        if ADAPTER not in self._kept:
            self._kept[ADAPTER] = Transformer(self._driver)
        self._adapter = self._kept[ADAPTER]
        self._kept[LINE] = self
        self._known: set[bytes] = self._kept.setdefault(PREPARED, set())
        is_begun = self._libpq.transaction_status != TransactionStatus.IDLE
        self._libpq.enter_pipeline_mode()
        if not is_begun:
            self._put(_command(_begin(self._driver)), [])

    def _close(self) -> None:
        self._kept.pop(LINE, None)
        self._adapter.set_pgresult(None)
        self._pending.clear()
        self._is_open = False
        with suppress(psycopg.Error):  # there is no mode to leave on a connection that is gone
            self._libpq.exit_pipeline_mode()

    def _run(self, prepared: Prepared, values: list[Any]) -> Reply:
        return Reply(partial(self._rows_of, prepared, self._put(prepared, values)))

    def _put(self, command: Command, values: list[Any]) -> _Answer:
        """Send a command, prepared under its name."""
        if command.name not in self._known:
            self._libpq.send_close_prepared(command.name)  # the server may know it still where we forgot it
            self._pending.append(_Answer())
            self._libpq.send_prepare(command.name, command.sql.encode())
            self._pending.append(_Answer(command))
            self._known.add(command.name)
        dumped = self._adapter.dump_sequence(values, [PyFormat.TEXT] * len(values))
        self._libpq.send_query_prepared(command.name, dumped)
        answer = _Answer()
        self._pending.append(answer)
        return answer

    def _sync(self) -> None:
        """Mark where the server takes up again after an error."""
        self._libpq.pipeline_sync()
        self._pending.append(_Answer())

    def _rows_of(self, prepared: Prepared, answer: _Answer) -> Sequence[AnyRow]:
        try:
            if answer.result is None:
                self._libpq.send_flush_request()
                self._collect()
        except psycopg.Error as error:
            if answer.result is None:  # else it is one after it that failed, of which the next one who waits hears
                raise self._failed(error) from error
        assert answer.result is not None
        self._adapter.set_pgresult(answer.result)
        make_row = prepared.row_maker(answer.result.ftype)
        rows: Sequence[AnyRow] = self._adapter.load_rows(0, answer.result.ntuples, make_row)
        return rows

    def _collect(self) -> None:
        """Take in the answers to all that was sent. Raises the first error of this transaction."""
        # libpq's own waiting would keep all threads of the process waiting: whoever is waited for may be one of them.
        self._driver.wait(self._taking_in())
        if self._error is not None:
            raise self._error

    def _taking_in(self) -> Generator[Wait, Ready, None]:
        """The whole waiting in one, since each costs the turn of this thread."""
        yield from generators.send(self._libpq)
        while self._pending:
            answer = self._pending.popleft()
            results = yield from generators.fetch_many(self._libpq)
            if not results:
                raise psycopg.OperationalError(self._libpq.get_error_message())
            if results[0].status in DONE:
                answer.result = results[0]
            elif results[0].status != ExecStatus.PIPELINE_SYNC:
                self._note_failure(answer, results[0])

    def _note_failure(self, answer: _Answer, result: PGresult) -> None:
        if answer.prepares is not None:
            self._known.discard(answer.prepares.name)
        if result.status == ExecStatus.PIPELINE_ABORTED:  # it comes after the one that failed
            return
        error = psycopg.errors.error_from_result(result)
        if error.sqlstate in STALE_STATES:
            self._known.clear()
        self._error = self._error or error


def line_to(core: Connection) -> Line:
    """The way of statements over this connection."""
    return PipelinedLine(core) if core.dialect.name == "postgresql" else Line(core)


def make_pipelines_possible(engine: Engine) -> None:
    """Let SQLAlchemy wait for what was sent, and know what its rollbacks drop. For PostgreSQL."""
    event.listen(engine, "before_cursor_execute", _settle)
    event.listen(engine, "rollback", _forget)
    event.listen(engine, "rollback_savepoint", _forget)


def _settle(
    connection: Connection, _cursor: object, _statement: str, _values: object, context: object, _many: bool
) -> None:
    """`context`: SQLAlchemy's, for what it executes itself."""
    line: PipelinedLine | None = connection.info.get(LINE) if context is not None else None
    if line is not None:
        line.settle()


def _forget(connection: Connection, *_: object) -> None:
    """psycopg drops all prepared statements with a rollback, of which it does none where nothing is left to undo."""
    if connection.invalidated:
        return
    driver: Any = connection.connection.driver_connection
    if driver.pgconn.transaction_status != TransactionStatus.IDLE:
        connection.info.get(PREPARED, set()).clear()


def _begin(driver: psycopg.Connection[Any]) -> str:
    """How psycopg begins a transaction on this connection."""
    level = driver.isolation_level
    words = "BEGIN" if level is None else f"BEGIN ISOLATION LEVEL {level.name.replace('_', ' ')}"
    return words if driver.read_only is None else f"{words} READ {'ONLY' if driver.read_only else 'WRITE'}"
