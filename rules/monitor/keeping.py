"""Answers that a process keeps.

What had been recorded by a **settled** moment can change no more, so answers as of one are kept (in this process, a limited
number), and give the same whenever they are asked for. Readings of a process take turns: who looks at the same a moment
later finds it kept, in place of asking for the same dear sums beside the first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy.sql.base import Executable

from rules.rows import AnyRow
from rules.work import Work

#: By then what was begun at a moment has been committed, or never will be: longer than a request and its last statement.
SETTLES_IN = timedelta(seconds=15)
TURN_SECONDS = 2.0  #: that a reading waits for its turn
ANSWERS = "monitor.answers"  #: the name of what is kept, among what a process recalls
ANSWERS_MAX = 1_000
ROWS_MAX = 20_000  #: of an answer that is kept
ROWS_KEPT_MAX = 60_000  #: of all of them

Rows: TypeAlias = Sequence[AnyRow]
#: The rows are waited for when they are asked for.
Answer: TypeAlias = Callable[[], Rows]


_making = threading.Lock()


class Kept:
    """The last answers that were asked for."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._rows = 0
        self._lock = threading.Lock()
        self.turn = threading.Lock()  #: of readings

    def get(self, key: Hashable) -> Any:
        """An answer, or None."""
        with self._lock:
            if key not in self._answers:
                return None
            self._answers.move_to_end(key)
            return self._answers[key][0]

    def put(self, key: Hashable, answer: Any, rows: int) -> None:
        """Keep an answer of so many rows, unless they are more than ROWS_MAX."""
        if rows > ROWS_MAX:
            return
        with self._lock:
            self._rows += rows - self._answers.pop(key, (None, 0))[1]
            self._answers[key] = answer, rows
            while len(self._answers) > ANSWERS_MAX or self._rows > ROWS_KEPT_MAX:
                _, (_, forgotten) = self._answers.popitem(last=False)
                self._rows -= forgotten


def kept_answers(work: Work) -> Kept:
    """What this process keeps: one of it from the first reading on, since those who begin at once share it too."""
    with _making:
        kept: Kept | None = work.memory.lasting.get(ANSWERS)
        if kept is None:
            kept = Kept()
            work.memory.lasting.put(ANSWERS, kept)
        return kept


@contextmanager
def in_turn(kept: Kept) -> Iterator[None]:
    """Read when no other does, or after TURN_SECONDS: who waits holds a connection, and a thread of the server's."""
    has_turn = kept.turn.acquire(timeout=TURN_SECONDS)
    try:
        yield
    finally:
        if has_turn:
            kept.turn.release()


def ask_once(work: Work, statement: Executable, asked: Mapping[str, Any]) -> Answer:
    """Send a statement, or remember what it found. `as_of` is among what is asked."""
    return keep(work, asked["as_of"], (statement, as_key(asked)), lambda: work.send(statement, asked).all)


def keep(work: Work, as_of: datetime, key: Hashable, ask: Callable[[], Answer]) -> Answer:
    """Ask, or remember what was found as of a moment that has settled."""
    if as_of > work.now - SETTLES_IN:
        return ask()
    kept = kept_answers(work)
    answer = kept.get(key)
    if answer is not None:
        return lambda: answer
    found = ask()

    def wait() -> Rows:
        rows = found()
        kept.put(key, rows, len(rows))
        return rows

    return wait


def as_key(asked: Mapping[str, Any]) -> Hashable:
    """What is asked, by which its answer is kept."""
    return tuple(sorted(asked.items()))
