"""A writer that dies: a real process that works through a list of deeds and is killed with SIGKILL at a chosen point.

A point is right before any statement, right before a commit, or right after it, before the reply is noted. A process
costs half a second to start, so one nursery that has imported everything, and has opened no connection, forks them all.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import event

from rules.database import connect
from rules.ledger.transactions import Receipt
from rules.work import SYSTEM, Transactions
from tests.ledger import deeds
from tests.races import FRESH_PROCESSES


@dataclass(frozen=True)
class Wish:
    """A deed under a key."""

    name: str
    key: str
    arguments: tuple[Any, ...]

    def do(self, transactions: Transactions, town_id: int) -> Receipt:
        return deeds.until_answered(transactions, town_id, deeds.DEEDS[self.name], self.key, *self.arguments)


@dataclass(frozen=True)
class Errand:
    """What one writer has to do, where it notes the replies, and at which point it dies (0: never)."""

    database_url: str
    town_id: int
    wishes: tuple[Wish, ...]
    replies: Path
    dies_at: int


@dataclass(frozen=True)
class Done:
    """How a writer ended, and what it was told before."""

    signal: int  #: 0: it came to its end
    replies: dict[str, tuple[int, int, int]]  #: for each key the transaction, the amount and the balance
    points: int  #: how many it passed, if it came to its end


class Nursery:
    """Starts writers, one after the other."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def send(self, errand: Errand) -> Done:
        errand.replies.write_text("")
        self._pipe.send(errand)
        status = self._pipe.recv()
        lines = [json.loads(line) for line in errand.replies.read_text().splitlines()]
        points = lines.pop()["points"] if lines and "points" in lines[-1] else 0
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the writer failed"
        return Done(
            os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            {line["key"]: (line["txn_id"], line["amount"], line["balance"]) for line in lines},
            points,
        )


@contextmanager
def nursery() -> Iterator[Nursery]:
    context = FRESH_PROCESSES
    here, there = context.Pipe()
    process = context.Process(target=_fork_writers, args=(there,), daemon=True)
    process.start()
    try:
        yield Nursery(here)
    finally:
        here.send(None)
        process.join()
        here.close()
        there.close()


def _fork_writers(pipe: Connection) -> None:
    while (errand := pipe.recv()) is not None:
        pid = os.fork()
        if pid == 0:
            try:
                _write(errand)
            except BaseException as error:
                os.write(2, f"{error!r}\n".encode())
                os._exit(1)
            os._exit(0)
        pipe.send(os.waitpid(pid, 0)[1])


def _write(errand: Errand) -> None:
    engine = connect(errand.database_url)
    passed = 0

    def point(*_: object) -> None:
        nonlocal passed
        passed += 1
        if passed == errand.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine, "before_cursor_execute", point)
    event.listen(engine, "commit", point)
    transactions = Transactions(engine)
    with errand.replies.open("a") as replies:
        for wish in errand.wishes:
            receipt = transactions.write(errand.town_id, SYSTEM, deeds.DEEDS[wish.name], wish.key, *wish.arguments)
            point()
            reply = {"txn_id": receipt.txn_id, "amount": receipt.amount, "balance": receipt.balance}
            replies.write(json.dumps({"key": wish.key, **reply}) + "\n")
            replies.flush()
        replies.write(json.dumps({"points": passed}) + "\n")
