"""What this process has answered to visitors lately, ready to be sent again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

ROOM_BYTES = 8 * 1024 * 1024  #: of all answers that a process keeps


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

    def find(self, name: Hashable) -> Made | None:
        """What was made under this name, if it may still be sent."""
        made = self._made.get(name)
        return made if made is not None and made.until > time.monotonic() else None

    def put(self, name: Hashable, made: Made) -> None:
        now = time.monotonic()
        with self._lock:
            if (before := self._made.pop(name, None)) is not None:
                self.size_bytes -= len(before.body)
            self._made[name] = made
            self.size_bytes += len(made.body)
            while self._made and (self.size_bytes > self._room_bytes or next(iter(self._made.values())).until <= now):
                _, oldest = self._made.popitem(last=False)
                self.size_bytes -= len(oldest.body)
