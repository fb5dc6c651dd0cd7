"""What is to leave the house: a message is written in the transaction of what it tells, and delivered after the commit.

A message is named by its topic and a key, and is written once, however often the deed that writes it is tried. The payload
names people by id only; whoever delivers it reads the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table

from models.jobs import Outbox
from rules import bulk
from rules.work import Work

_outbox = cast(Table, Outbox.__table__)


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell."""

    topic: str  #: "reservation.offered"
    key: str  #: names it within its topic, so that it is told once
    payload: Mapping[str, Any]  #: ids as text, moments as ISO 8601
    available_at: datetime | None = None  #: not to be delivered earlier; None: at once


def put(work: Work, messages: Sequence[Message]) -> None:
    """Write messages; those that are there already are left as they are."""
    rows = [
        {
            "town_id": work.town_id,
            "id": work.new_id(),
            "topic": message.topic,
            "key": message.key,
            "payload": dict(message.payload),
            "created_at": work.now,
            "available_at": message.available_at or work.now,
            "attempts": 0,
            "delivered_at": None,
        }
        for message in messages
    ]
    bulk.insert_rows(work.core, _outbox, rows, skip_conflicts=True)
