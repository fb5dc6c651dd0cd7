"""The worker's loop: claim a batch, hand each message to its handler, say what came of it.

Every scheduler process delivers, whether it leads or not, with THREADS threads: the claims make that safe
(`rules.delivery`). A batch is small enough to be through before its lease ends, even if each call to WeChat takes as long
as it may. Of an exception its class is kept, and never its message, which may hold what a person is called.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta

import structlog

from jobs.delivery.courier import Courier, Handler, OutboxMessage, TryLater, Undeliverable
from jobs.delivery.handlers import HANDLERS
from rules import delivery
from rules.work import SYSTEM

BATCH = 10
#: How long a worker rests that found nothing to do, in seconds.
IDLE_SECONDS = 1.0
#: How long it rests when the database didn't answer, in seconds.
FAULT_SECONDS = 5.0
THREADS = 2

log = structlog.get_logger("binfen.delivery")


class Delivery:
    """Threads that deliver until they are told to stop."""

    def __init__(self, courier: Courier, *, handlers: Mapping[str, Handler] = HANDLERS, threads: int = THREADS) -> None:
        self._courier = courier
        self._handlers = handlers
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"delivery-{n}") for n in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return when what is being delivered is through. What was claimed and not begun is let go."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                delivered = deliver_due(self._courier, handlers=self._handlers, stop=self._stop)
            except Exception as error:
                log.error("delivery.fault", error=type(error).__name__)
                self._stop.wait(FAULT_SECONDS)
                continue
            if delivered == 0:
                self._stop.wait(IDLE_SECONDS)


def deliver_due(
    courier: Courier,
    *,
    handlers: Mapping[str, Handler] = HANDLERS,
    limit: int = BATCH,
    lease: timedelta = delivery.LEASE,
    stop: threading.Event | None = None,
) -> int:
    """Deliver up to `limit` messages of each town that are due. Returns how many were taken up."""
    taken_up = 0
    for town_id in courier.transactions.read(0, SYSTEM, delivery.towns_with_due):
        claimed = courier.transactions.write(town_id, SYSTEM, delivery.claim_due, limit, lease)
        for n, message in enumerate(claimed):
            if stop is not None and stop.is_set():
                courier.transactions.write(town_id, SYSTEM, delivery.let_go, claimed[n:])
                return taken_up
            deliver_one(courier, message, handlers)
            taken_up += 1
    return taken_up


def deliver_one(courier: Courier, message: OutboxMessage, handlers: Mapping[str, Handler]) -> None:
    """Hand a message to its handler, and write down what came of it."""
    handler = handlers.get(message.topic)
    try:
        if message.attempts > delivery.ATTEMPTS_MAX:  # whoever took it up so often never came back
            raise Undeliverable("no_worker_came_back")
        if handler is None:
            raise TryLater("topic_unknown")  # a newer version wrote it, and will have workers soon
        handler(courier, message)
    except TryLater as later:
        if later.at is not None:
            courier.write(message, delivery.hold_back, message, later.at)
        else:
            courier.write(message, delivery.put_off, message, later.reason)
        return
    except Undeliverable as never:
        courier.write(message, delivery.give_up, message, never.reason)
        log.error("delivery.dead_letter", topic=message.topic, message=message.id, reason=never.reason)
        return
    except Exception as error:
        courier.write(message, delivery.put_off, message, type(error).__name__)
        log.error("delivery.failed", topic=message.topic, message=message.id, error=type(error).__name__)
        return
    courier.write(message, delivery.finish, message)
