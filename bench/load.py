"""The load client: arms, and 8 connections in one thread that ask in a closed loop.

Requests are made before a round begins, so that making them (signing codes, say) isn't measured. Every answer is checked,
and one that is wrong ends the run: what a broken server does a second is of no interest.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import orjson

CLIENTS = 8
ANSWER_SECONDS_MAX = 60
HEAD_ENDS = b"\r\n\r\n"

Ask = Callable[[int], bytes]  #: makes the next request of a client
IsRight = Callable[[int, bytes], bool]  #: of a status and a body


class AnswerWrong(SystemExit):
    """A server said what it must not say; the run ends with its words."""


@dataclass
class Arm(ABC):
    """One thing that is measured, round by round."""

    name: str
    size: int  #: of the town, in demo towns
    floor: str | None = None  #: the name of the arm that it is compared with
    share: float = 1.0  #: of the requests of a round: what takes long is asked less often
    seconds: list[float] = field(default_factory=list)  #: of each request
    rates: list[float] = field(default_factory=list)  #: of each round, requests a second
    forgotten: int = 0  #: requests whose seconds aren't kept

    @abstractmethod
    def run(self, requests: int) -> None:
        """Ask so often, and keep how long each answer took."""

    def run_round(self, requests: int) -> int:
        """A round, whose rate is kept. Returns how many requests it had."""
        asked, began = len(self.seconds), time.perf_counter()
        self.run(max(CLIENTS, round(requests * self.share)))
        self.rates.append((len(self.seconds) - asked) / (time.perf_counter() - began))
        return len(self.seconds) - asked

    def forget(self) -> None:
        """Forget what was measured so far."""
        self.forgotten += len(self.seconds)
        self.seconds.clear()
        self.rates.clear()

    @property
    def answered(self) -> int:
        """How many requests there ever were, each answered and right."""
        return self.forgotten + len(self.seconds)

    def quantile(self, part: float) -> float:
        """Seconds."""
        return sorted(self.seconds)[min(int(len(self.seconds) * part), len(self.seconds) - 1)]

    @property
    def per_second(self) -> float:
        """Over all rounds, which are of one length."""
        return statistics.harmonic_mean(self.rates)


@dataclass(kw_only=True)
class WebArm(Arm):
    """Something that a server is asked."""

    address: str  #: host:port
    ask: Ask
    is_right: IsRight

    def run(self, requests: int) -> None:
        """All clients at once, each with its share of the requests, in a closed loop. One thread serves them all."""
        asked = [[self.ask(client) for _ in range(requests // CLIENTS)] for client in range(CLIENTS)]
        with ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            for each in asked:
                client = Client(self, each)
                stack.callback(client.socket.close)
                client.send_next()
                selector.register(client.socket, selectors.EVENT_READ, client)
            while selector.get_map():
                ready = selector.select(ANSWER_SECONDS_MAX)
                if not ready:
                    raise AnswerWrong(f"{self.name}: no answer for {ANSWER_SECONDS_MAX} seconds")
                for key, _ in ready:
                    if key.data.receive() and not key.data.send_next():
                        selector.unregister(key.fileobj)


@dataclass(kw_only=True)
class InProcessArm(Arm):
    """Something that is called in this process, again and again."""

    call: Callable[[], None]

    def run(self, requests: int) -> None:
        for _ in range(requests):
            began = time.perf_counter()
            self.call()
            self.seconds.append(time.perf_counter() - began)


class Client:
    """One connection that is kept, and the requests that are still to be sent on it, one after the other."""

    def __init__(self, arm: WebArm, asked: list[bytes]) -> None:
        host, port = arm.address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._arm, self._asked = arm, asked
        self._received = b""
        self._began = 0.0

    def send_next(self) -> bool:
        """Send the next request; False when there is none left."""
        if not self._asked:
            return False
        self._received = b""
        self._began = time.perf_counter()
        self.socket.sendall(self._asked.pop())
        return True

    def receive(self) -> bool:
        """Take what came; True when the answer is complete, timed and right."""
        part = self.socket.recv(262_144)
        if not part:
            raise AnswerWrong(f"{self._arm.name}: the server closed the connection after {self._received!r}")
        self._received += part
        head, separator, body = self._received.partition(HEAD_ENDS)
        if not separator or len(body) < _length_of(head):
            return False
        self._arm.seconds.append(time.perf_counter() - self._began)
        status = int(head[9:12])
        if not self._arm.is_right(status, body):
            raise AnswerWrong(f"{self._arm.name}: {status} {body.decode(errors='replace')[:500]}")
        return True


def _length_of(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    return 0 if at < 0 else int(lower[at + 15 :].split(b"\r\n", 1)[0])


# --- requests as they go over the wire, and answers -------------------------------------------------------------------


def get(path: str, token: str | None = None) -> bytes:
    """A GET. The path is encoded already."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{authorization}\r\n".encode()


def post(path: str, token: str, body: dict[str, Any], **headers: str) -> bytes:
    """A POST of JSON."""
    content = orjson.dumps(body)
    head = {"Host": "bench", "Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


def answers(status: int, is_right: Callable[[Any], bool]) -> IsRight:
    """Whether an answer has this status, and a JSON body that is right."""
    return lambda status_had, body: status_had == status and is_right(orjson.loads(body))


def measure(arms: Sequence[Arm], requests: int, rounds: int, run: Callable[[Arm, int], None]) -> None:
    """Round after round, each arm in turn, and every round in another order: what else runs on the machine hits all."""
    for n in range(rounds):
        shift = n % len(arms)
        for arm in [*arms[shift:], *arms[:shift]]:
            run(arm, requests)
