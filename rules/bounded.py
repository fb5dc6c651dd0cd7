"""A dictionary with room for so many things, which forgets what was asked for longest ago."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """Safe for threads. `room`: how many things it holds at most."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._things: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._things)

    def get(self, name: K) -> V | None:
        with self._lock:
            if name not in self._things:
                return None
            self._things.move_to_end(name)
            return self._things[name]

    def put(self, name: K, thing: V) -> None:
        with self._lock:
            self._things[name] = thing
            self._things.move_to_end(name)
            if len(self._things) > self._room:
                self._things.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._things.clear()
