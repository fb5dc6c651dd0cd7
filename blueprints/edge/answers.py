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
        if made is None or made.until + RENEWED_SECONDS <= now:
            return None
        return made if made.until > now else self._still(name, now)

    def _still(self, name: Hashable, now: float) -> Made | None:
        """An answer whose time is just over: None for the first who asks, and the old one for the others."""
        with self._lock:
            made = self._made.get(name)
            if made is None or made.until > now:  # another one was first
                return made
            self._made[name] = replace(made, until=now + RENEWED_SECONDS)
            return None

    def put(self, name: Hashable, made: Made) -> None:
        now = time.monotonic()
        with self._lock:
            if (before := self._made.pop(name, None)) is not None:
                self.size_bytes -= _size_of(before)
            self._made[name] = made
            self.size_bytes += _size_of(made)
            while self._made and (self.size_bytes > self._room_bytes or next(iter(self._made.values())).until <= now):
                _, oldest = self._made.popitem(last=False)
                self.size_bytes -= _size_of(oldest)


def _size_of(made: Made) -> int:
    """What a name costs is counted too: a script may ask for nothing under many names."""
    return len(made.body) + AROUND_BYTES
