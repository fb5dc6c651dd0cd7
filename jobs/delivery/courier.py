"""What a handler of the outbox works with, and what it may say.

A handler gets a message that was committed, outside of any transaction, and may leave the house: call WeChat, write to the
storage. It must bear to be run twice for one message, because a worker can end between the deed and its record. It
returns: the message is delivered. It raises `TryLater`: not now. It raises `Undeliverable`: never as it is, and staff see
it among the dead letters. Anything else that it raises counts as TryLater by the exception's class.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from rules.delivery import OutboxMessage
from rules.keys import Keys
from rules.notices.templates import Templates
from rules.work import SYSTEM, Transactions, Work
from wechat.client import WechatClient

REST_SECONDS = 5.0

P = ParamSpec("P")
T = TypeVar("T")


class Rest:
    """A way out that was closed a moment ago isn't tried again at once: what is behind it in the queue has its turn."""

    def __init__(self, seconds: float = REST_SECONDS) -> None:
        self._seconds = seconds
        self._until = 0.0

    def begin(self) -> None:
        self._until = time.monotonic() + self._seconds

    def is_on(self) -> bool:
        return time.monotonic() < self._until


@dataclass(frozen=True, slots=True)
class Courier:
    """The ways out of the house, of one process."""

    transactions: Transactions
    keys: Keys
    wechat: WechatClient
    storage: Any = None  #: where uploads are kept
    public_url: str = ""  #: where people reach the service
    wechat_rest: Rest = field(default_factory=Rest)
    templates: Templates = field(default_factory=dict)  #: which templates of WeChat there are
    webhooks_private: bool = False  #: whether webhooks may lead to addresses that aren't public

    def read(
        self, message: OutboxMessage, deed: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a rule that only reads, in the message's town."""
        return self.transactions.read(message.town_id, SYSTEM, deed, *args, **kwargs)

    def write(
        self, message: OutboxMessage, deed: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a rule that writes, in the message's town, and commit."""
        return self.transactions.write(message.town_id, SYSTEM, deed, *args, **kwargs)


class TryLater(Exception):
    """Not now: after a pause that grows with each attempt, or at a moment that is known, which counts as no attempt."""

    def __init__(self, reason: str = "later", *, at: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason = reason  #: in a word, for staff
        self.at = at


class Undeliverable(Exception):
    """Never as it is: a dead letter."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason  #: in a word, for staff


Handler: TypeAlias = Callable[[Courier, OutboxMessage], None]

__all__ = ["Courier", "Handler", "OutboxMessage", "Rest", "TryLater", "Undeliverable"]
