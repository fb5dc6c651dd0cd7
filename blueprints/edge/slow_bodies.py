"""Bodies that come in drops: a caller who sends one byte now and then must not keep the threads from everybody else.

uWSGI hands a request to a thread with its head and reads the body there, for as long as something comes every few
seconds. So whoever reads is watched: a body has SECONDS_FREE, and a second more for each BYTES_A_SECOND of its length; and
of those that have taken longer than SECONDS_QUICK no more may wait than half of the process's threads: the oldest go first.
Who is late is hung up on, which ends the read at once. A proxy that takes bodies whole before it hands them on (nginx does
by default) leaves nothing to do here.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import structlog

SECONDS_FREE = 5.0
BYTES_A_SECOND = 8 * 1024
SECONDS_MAX = 25.0  #: less than `harakiri` in wsgi.ini, which would end the whole process
SECONDS_QUICK = 1.0
LOOK_SECONDS = 0.25

log = structlog.get_logger("binfen")


@dataclass(eq=False, slots=True)
class Reading:
    """A body that a thread waits for."""

    connection: int  #: a file descriptor of our own for the connection
    began: float
    until: float


class Watch:
    """Hangs up on bodies that are late. One for each process."""

    def __init__(self, threads: int) -> None:
        self._slow_max = max(threads // 2, 1)
        self._readings: set[Reading] = set()
        self._lock = threading.Lock()
        self._watching: int | None = None  #: in which process a thread looks

    def begin(self, connection: int, length: int, began: float) -> Reading:
        """A thread waits for a body, or for more of one, that it began to read at a moment of the monotonic clock."""
        seconds = min(SECONDS_FREE + length / BYTES_A_SECOND, SECONDS_MAX)
        reading = Reading(os.dup(connection), began, began + seconds)
        with self._lock:
            self._readings.add(reading)
            if self._watching != os.getpid():
                self._watching = os.getpid()
                threading.Thread(target=self._watch, daemon=True, name="slow bodies").start()
        return reading

    def end(self, reading: Reading) -> None:
        """It has come, or never will."""
        with self._lock:
            self._readings.discard(reading)
            os.close(reading.connection)

    def hang_up_late(self, now: float) -> int:
        """Hang up on those that are late. Returns how many."""
        with self._lock:
            slow = sorted(
                (reading for reading in self._readings if now - reading.began > SECONDS_QUICK),
                key=lambda reading: reading.began,
            )
            over = max(len(slow) - self._slow_max, 0)
            late = [reading for n, reading in enumerate(slow) if n < over or now >= reading.until]
            for reading in late:
                self._readings.discard(reading)
                _hang_up(reading.connection)
        return len(late)

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            if self._readings and (count := self.hang_up_late(time.monotonic())):
                log.warning("request.slow_body", count=count)


def _hang_up(connection: int) -> None:
    with socket.socket(fileno=os.dup(connection)) as line:
        try:
            line.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has gone by itself


class WatchedBody:
    """`wsgi.input` of one request, read under the watch."""

    def __init__(self, body: Any, watch: Watch, connection: int, length: int) -> None:
        self._body, self._watch, self._connection, self._length = body, watch, connection, length
        self._began: float | None = None

    def read(self, size: int) -> bytes:
        """The next bytes. Raises OSError when the caller was hung up on."""
        if self._began is None:
            self._began = time.monotonic()
        reading = self._watch.begin(self._connection, self._length, self._began)
        try:
            return self._body.read(size)
        finally:
            self._watch.end(reading)
