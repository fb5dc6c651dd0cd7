"""What this process has answered to visitors lately, ready to be sent again.

When an answer's time is over, whoever asks next makes it anew, and the others are told the old one for the moment that this
takes: else all who ask at once would have the same list looked up beside each other.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace

RENEWED_SECONDS = (
    1.0  #: so long the old answer is told while it is made anew, and so long after its time that may begin
)
ROOM_BYTES = 8 * 1024 * 1024  #: of all answers that a process keeps
AROUND_BYTES = 2048  #: at most, beside its body: its name, which holds the path and the query, and what holds it


@dataclass(frozen=True, slots=True)
class Made:
    """An answer, ready to be sent."""

    body: bytes
    etag: str
    until: float  #: on the monotonic clock
    is_over: bool = False  #: its time was over once, and it is told for the moment in which another is made


class SharedAnswers:
    """So many bytes at most, the latest. Safe for threads."""

    def __init__(self, room_bytes: int = ROOM_BYTES) -> None:
        self._room_bytes = room_bytes
        self._made: OrderedDict[Hashable, Made] = OrderedDict()  #: the oldest first
        self._lock = threading.Lock()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._made)

    def find(self, name: Hashable) -> Made | None:
        """What was made under this name, if it may still be sent. None: the caller makes it, and puts it."""
        made, now = self._made.get(name), time.monotonic()
        if made is None or made.until > now:
            return made
        return None if _is_past(made, now) else self._still(name, now)

    def _still(self, name: Hashable, now: float) -> Made | None:
        """An answer whose time is just over: None for the first who asks, and once more the old one for the others."""
        with self._lock:
            made = self._made.get(name)
            if made is None or made.until > now:  # another one was first
                return made
            if not _is_past(made, now):
                self._made[name] = replace(made, until=now + RENEWED_SECONDS, is_over=True)
            return None

    def forget(self, name: Hashable) -> None:
        """Tell nobody any more what was made under this name: who wanted to make it anew was refused."""
        with self._lock:
            if (before := self._made.pop(name, None)) is not None:
                self.size_bytes -= _size_of(before)

    def put(self, name: Hashable, made: Made) -> None:
        now = time.monotonic()
        with self._lock:
            if (before := self._made.pop(name, None)) is not None:
                self.size_bytes -= _size_of(before)
            self._made[name] = made
            self.size_bytes += _size_of(made)
            while self._made and (self.size_bytes > self._room_bytes or _is_past(next(iter(self._made.values())), now)):
                _, oldest = self._made.popitem(last=False)
                self.size_bytes -= _size_of(oldest)


def _is_past(made: Made, now: float) -> bool:
    """Whether nobody may be told this answer any more, not even while another is made."""
    return made.until + (0.0 if made.is_over else RENEWED_SECONDS) <= now


def _size_of(made: Made) -> int:
    """What a name costs is counted too: a script may ask for nothing under many names."""
    return len(made.body) + AROUND_BYTES
