"""The unit of work: the only place where a transaction begins, is tried again, commits or is undone.

The edge, a job and the command line hand over a deed (a rule and its arguments) and say for whom; the deed gets a `Work`
and never commits. `now` is read once, before the first try.

What is tried again is always the whole transaction: on a lost connection, a failover, a deadlock, a lock not had in time
(`rules.database.is_transient`), after a pause that grows from 0.2 to 1 second, until the caller's time is up; then the
answer is `server.busy`. A commit whose answer was lost may have happened, so a deed that must not happen twice finds its
own trace first: an idempotency record, a nonce, a unique key. A deed that met another one which won raises `TryAgain`
and is tried anew at once; then it finds what the other has written.

What a process keeps may be presumed: that a token still stands, that the town's revision is the last one known. The question
goes out with the first statements, and its answer is looked at before anything counts: before the work commits, before an
answer or a refusal leaves it. So it costs no way there and back of its own. What turns out to be of before (`Outdated`) is
undone and looked up in a second try.

A unit of work writes, reads or surveys. Each statement of a read sees what was committed when it began; a survey sees one
moment from its first statement to its last, and may take as long as it needs.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import Executable

from models.residents import Role
from rules import ids
from rules.bounded import Bounded
from rules.clock import utc_now
from rules.database import READING, WRITING, is_full, is_read_only, is_transient, surveying
from rules.errors import Busy, RuleError, StorageFull
from rules.sending import CameShort, Parameters, Reply, line_to

PAUSE_SECONDS_MIN = 0.2
PAUSE_SECONDS_MAX = 1.0
REPLAYS_MAX = 5
LASTING_MAX = 1_000  #: books, rulebooks, codes of towns: what a process recalls for good
KEPT_MAX = 10_000  #: roles and lists of versions: what a process keeps as long as its town's revision stands

P = ParamSpec("P")
T = TypeVar("T")


class ActorKind(StrEnum):
    VISITOR = "visitor"
    RESIDENT = "resident"
    STAFF = "staff"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on a node of the tree; `path` is the node's path, and the role holds for every path that starts with it."""

    role: Role
    path: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it. `id` is 0 for visitors and for the system."""

    kind: ActorKind
    id: int = 0
    grants: tuple[Grant, ...] = ()

    def holds(self, role: Role) -> bool:
        """Whether the actor has the role anywhere. An admin has every role."""
        return any(grant.role in (role, Role.ADMIN) for grant in self.grants)

    def may(self, role: Role, path: str) -> bool:
        """Whether the actor has the role on the node of this path."""
        return any(grant.role in (role, Role.ADMIN) and path.startswith(grant.path) for grant in self.grants)


VISITOR = Actor(ActorKind.VISITOR)
SYSTEM = Actor(ActorKind.SYSTEM)


class Transaction:
    """An open transaction: Core's connection, and a session of the ORM on it for those who ask for one."""

    __slots__ = ("_session", "core", "line", "presumptions", "revisions")

    def __init__(self, core: Connection) -> None:
        self.core = core
        self.line = line_to(core)
        self.revisions: dict[int, Any] = {}  #: by town; for rules.revisions alone
        self.presumptions: list[Callable[[], None]] = []  #: each raises where it doesn't hold
        self._session: Session | None = None

    @property
    def db(self) -> Session:
        if self._session is None:
            self._session = Session(self.core, expire_on_commit=False, join_transaction_mode="control_fully")
        return self._session

    def confirm(self) -> None:
        """Look whether all holds that was presumed. Raises Outdated, and the refusals of presumptions."""
        while self.presumptions:
            self.presumptions.pop(0)()

    def commit(self) -> None:
        self.confirm()
        if self._session is not None:
            self.line.settle()
            self._session.commit()
            return
        self.line.finish()
        self.core.commit()

    def close(self) -> None:
        self.line.abandon()
        if self._session is not None:
            self._session.close()


class Memory:
    """What the works of a process have found and the next ones needn't look for: a bounded number of things."""

    def __init__(self) -> None:
        self.lasting: Bounded[Hashable, Any] = Bounded(LASTING_MAX)  #: by name
        self.kept: Bounded[Hashable, Any] = Bounded(KEPT_MAX)  #: by town and name; for rules.revisions alone
        self.revisions: Bounded[int, int] = Bounded(LASTING_MAX)  #: by town, the last that was read; likewise
        #: What may be a moment old, and of when it is.
        self.lately: Bounded[Hashable, tuple[datetime, Any]] = Bounded(KEPT_MAX)

    def add(self, work: Work) -> None:
        """Take over what a work that has committed found."""
        for name, found in work.learned.items():
            self.lasting.put(name, found)
        for name, found in work.noticed.items():
            self.kept.put(name, found)


@dataclass(frozen=True, slots=True)
class Work:
    """What a rule works with: an open transaction, the town, who acts, when, and where new ids come from."""

    transaction: Transaction
    town_id: int
    actor: Actor
    now: datetime
    id_maker: ids.IdMaker
    memory: Memory
    learned: dict[Hashable, Any] = field(default_factory=dict)  #: what is recalled for good once this work commits
    noticed: dict[Hashable, Any] = field(default_factory=dict)  #: what is kept under a revision once it does
    book: str = "points"  #: the code of the town's book that the ledger works in
    came_short: bool = False  #: an express way was tried for this deed, and others came between (rules.fusing)
    presumes: bool = True  #: what a process keeps is taken for what is, until the end of the work

    @property
    def db(self) -> Session:
        """The transaction as the ORM sees it."""
        return self.transaction.db

    @property
    def core(self) -> Connection:
        """The transaction without the ORM's layer."""
        return self.transaction.core

    def send(self, statement: Executable, parameters: Parameters) -> Reply:
        """Hand a statement of a hot path to the database; what it finds is waited for when it is asked for."""
        return self.transaction.line.send(statement, parameters)

    def presume(self, holds: Callable[[], None]) -> None:
        """Go on, and look before anything counts. `holds` waits for a reply, and raises where it isn't what was presumed."""
        if self.presumes:
            self.transaction.presumptions.append(holds)
        else:
            holds()

    def new_id(self) -> int:
        return self.id_maker.make(self.now)

    def new_ids(self, count: int) -> int:
        """The first of so many ids in a row."""
        return self.id_maker.make_block(self.now, count)

    def recall(self, name: Hashable, find: Callable[[], T]) -> T:
        """What doesn't change once it is committed, and is never None: found in the database once for each process."""
        if name in self.learned:
            return cast(T, self.learned[name])
        if (known := self.memory.lasting.get(name)) is not None:
            return cast(T, known)
        found = self.learned[name] = find()
        return found


class TryAgain(Exception):
    """Raised by a deed that met another one which won: undo everything and run it once more."""


class Outdated(Exception):
    """Raised by a presumption: what the process kept is of before, so undo everything and look first."""


class Watcher(Protocol):
    """Who counts what the units of work of a process meet."""

    def retried(self, reason: str) -> None:
        """A try failed that may go through the next time: another won (`again`), the `database`, no place in the `pool`."""

    def waited(self, seconds: float) -> None:
        """A unit of work got its connection after so long."""


class _Nobody:
    def retried(self, reason: str) -> None: ...

    def waited(self, seconds: float) -> None: ...


class Transactions:
    """Opens units of work on one database."""

    def __init__(
        self,
        engine: Engine,
        *,
        request_seconds: float = 10.0,
        clock: Callable[[], datetime] = utc_now,
        watcher: Watcher | None = None,
    ) -> None:
        self.engine = engine
        self._reading = engine.execution_options(**READING)
        self._writing = engine.execution_options(**WRITING)
        self._surveying = engine.execution_options(**surveying(engine))
        self._request_seconds = request_seconds
        self._clock = clock
        self._watcher = watcher or _Nobody()
        self.memory = Memory()
        self._id_maker: ids.IdMaker | None = None
        self._node_until = 0.0
        self._node_lock = threading.Lock()
        # SQLite has one writer at a time: the threads of a process queue here, in turn, instead of polling the file.
        self._writer = threading.Lock() if engine.dialect.name == "sqlite" else None

    def read(
        self, town_id: int, actor: Actor, deed: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a deed that only reads. Raises what the deed raises, and Busy."""
        return self._perform(self._reading, town_id, actor, lambda work: deed(work, *args, **kwargs))

    def write(
        self, town_id: int, actor: Actor, deed: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a deed that writes, and commit. Raises what the deed raises, and Busy."""
        return self._perform(self._writing, town_id, actor, lambda work: deed(work, *args, **kwargs))

    def survey(
        self, town_id: int, actor: Actor, deed: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a deed that reads a great deal and must see it all as of one moment. Raises what the deed raises, and Busy."""
        # It would be long before a survey learned that what it presumed is of before.
        return self._perform(
            self._surveying, town_id, actor, lambda work: deed(replace(work, presumes=False), *args, **kwargs)
        )

    def recall(self, name: Hashable, find: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What doesn't change once it is committed, and is of no town: no unit of work when the process knows it."""
        if (known := self.memory.lasting.get(name)) is not None:
            return cast(T, known)
        found = self.read(0, VISITOR, find, *args, **kwargs)
        self.memory.lasting.put(name, found)
        return found

    def _perform(self, engine: Engine, town_id: int, actor: Actor, deed: Callable[[Work], T]) -> T:
        now = self._clock()
        deadline = time.monotonic() + self._request_seconds
        replays, came_short = 0, False
        for pause_seconds in _pauses(deadline):
            try:
                makes = partial(
                    Work,
                    town_id=town_id,
                    actor=actor,
                    now=now,
                    id_maker=self._ids(),
                    memory=self.memory,
                    came_short=came_short,
                )
                try:
                    return self._try(engine, deadline, makes, deed)
                except Outdated:
                    return self._try(engine, deadline, partial(makes, presumes=False), deed)
            except (TryAgain, CameShort) as met:
                came_short = came_short or isinstance(met, CameShort)
                self._watcher.retried("again")
                replays += 1
                if replays > REPLAYS_MAX:
                    raise Busy from None
            except PoolTimeout as error:
                self._watcher.retried("pool")
                raise Busy from error
            except DBAPIError as error:
                if is_full(error):
                    raise StorageFull from error
                # A deed that writes where it may only read is refused by our own transaction, not by a standby.
                is_own_refusal = engine is not self._writing and is_read_only(error)
                if is_own_refusal or not is_transient(error):
                    raise
                self._watcher.retried("database")
                if error.connection_invalidated:
                    self.memory.kept.clear()  # another server may answer next (rules.revisions)
                time.sleep(pause_seconds)
        raise Busy

    def _try(self, engine: Engine, deadline: float, makes: Callable[..., Work], deed: Callable[[Work], T]) -> T:
        with (
            self._turn(engine, deadline),
            self._connected(engine) as connection,
            closing(Transaction(connection)) as opened,
        ):
            return self._attempt(makes(transaction=opened), deed)

    def _connected(self, engine: Engine) -> Connection:
        began = time.monotonic()
        connection = engine.connect()
        self._watcher.waited(time.monotonic() - began)
        return connection

    @contextmanager
    def _turn(self, engine: Engine, deadline: float) -> Iterator[None]:
        """Hold the one writer's place on SQLite. Raises Busy when it isn't free before the deadline."""
        if self._writer is None or engine is not self._writing:
            yield
            return
        if not self._writer.acquire(timeout=max(deadline - time.monotonic(), 0)):
            raise Busy
        try:
            yield
        finally:
            self._writer.release()

    def _attempt(self, work: Work, deed: Callable[[Work], T]) -> T:
        try:
            result = deed(work)
            work.transaction.commit()
            self.memory.add(work)
        except Outdated:
            raise
        except RuleError as refusal:
            work.transaction.confirm()
            if refusal.keeps_work:
                work.transaction.commit()
            raise
        except DBAPIError as error:
            if is_read_only(error):
                work.core.invalidate()
            elif not is_transient(error):
                work.transaction.confirm()
            raise
        except Exception:
            work.transaction.confirm()
            raise
        return result

    def _ids(self) -> ids.IdMaker:
        """This process's maker of ids, with a node number taken within the last hour. Raises Busy.

        One thread takes the number; with a database that says nothing the others don't wait for it one after the other.
        """
        if not self._node_lock.acquire(timeout=self._request_seconds):
            raise Busy
        try:
            if self._id_maker is None or time.monotonic() > self._node_until:
                with self._writing.connect() as connection:
                    handed_out = connection.scalar(_TAKE_NODE)
                    assert handed_out is not None, "the migration leaves one row in node_counter"
                    connection.commit()
                self._id_maker = ids.IdMaker(ids.node_from(handed_out))
                self._node_until = time.monotonic() + ids.NODE_SECONDS
            return self._id_maker
        finally:
            self._node_lock.release()


def _pauses(deadline: float) -> Iterator[float]:
    """How long to wait after each failed try, in seconds, until the deadline."""
    pause_seconds = PAUSE_SECONDS_MIN
    while True:
        yield min(pause_seconds * random.uniform(0.5, 1.0), max(deadline - time.monotonic(), 0))  # noqa: S311
        if time.monotonic() >= deadline:
            return
        pause_seconds = min(pause_seconds * 1.5, PAUSE_SECONDS_MAX)


_TAKE_NODE = text("UPDATE node_counter SET handed_out = handed_out + 1 WHERE id = 1 RETURNING handed_out")
