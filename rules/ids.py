"""Ids: 63 bits, made by the application, rising with time.

41 bits of milliseconds since 2024, 10 bits of node, 12 bits of sequence: 4,096 ids a millisecond and process until 2093.
The node number of a process comes from one counter in the database and is taken anew every hour, so two processes share
a number only if more than 1,023 numbers were taken within the hour. Node 0 is left to rows that are made in bulk with
ids of the past. A clock that is set back doesn't repeat an id: the maker goes on from the last one it gave.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

NODE_BITS = 10
SEQUENCE_BITS = 12
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
ID_MAX = 2**63 - 1
NODE_SECONDS = 3600.0

_MILLISECOND = 1 << (NODE_BITS + SEQUENCE_BITS)


def first_id_at(moment: datetime) -> int:
    """The smallest id of a moment's millisecond."""
    return int((moment - EPOCH).total_seconds() * 1000) * _MILLISECOND


def moment_of(id_: int) -> datetime:
    """The millisecond in which an id was made."""
    return datetime.fromtimestamp(EPOCH.timestamp() + id_ // _MILLISECOND / 1000, UTC)


def node_from(handed_out: int) -> int:
    """The node number that belongs to the counter's value: 1 to 1,023, round and round."""
    return 1 + handed_out % ((1 << NODE_BITS) - 1)


class IdMaker:
    """Makes the ids of one process. Safe for threads."""

    def __init__(self, node: int) -> None:
        self._node = node << SEQUENCE_BITS
        self._lock = threading.Lock()
        self._tick = 0
        self._sequence = 0

    def make_block(self, moment: datetime, count: int) -> int:
        """The first of `count` ids in a row, up to 4,096, all of one millisecond of their own."""
        assert 1 <= count <= 1 << SEQUENCE_BITS, "a block fits in one millisecond"
        with self._lock:
            self._tick = max(self._tick + 1, int((moment - EPOCH).total_seconds() * 1000))
            self._sequence = count - 1
            return self._tick * _MILLISECOND + self._node

    def make(self, moment: datetime) -> int:
        """The next id, not earlier than the moment's millisecond."""
        tick = int((moment - EPOCH).total_seconds() * 1000)
        with self._lock:
            if tick > self._tick:
                self._tick, self._sequence = tick, 0
            elif self._sequence == (1 << SEQUENCE_BITS) - 1:
                self._tick, self._sequence = self._tick + 1, 0
            else:
                self._sequence += 1
            return self._tick * _MILLISECOND + self._node + self._sequence
