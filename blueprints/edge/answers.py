"""What this process has answered to visitors lately, ready to be sent again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

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
        """What was made under this name, if it may still be sent."""
        made = self._made.get(name)
        return made if made is not None and made.until > time.monotonic() else None

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
