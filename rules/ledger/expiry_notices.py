"""Notices of expiry ahead of time: one message in the outbox for each resident and day, however often this runs."""

from __future__ import annotations

from datetime import date
from typing import cast

from sqlalchemy import Table, bindparam, func, select

from models.jobs import Outbox
from models.ledger import Account, AccountKind, Lot
from rules import bulk
from rules.ledger.transactions import book_of
from rules.work import Work

TOPIC = "points.expiring"
RESIDENTS_MAX = 2_000

_outbox = cast(Table, Outbox.__table__)
_lapsing_on = (
    select(Account.owner_id, func.sum(Lot.credited - Lot.debited).label("amount"))
    .join(Account, (Account.town_id == Lot.town_id) & (Account.id == Lot.account_id))
    .where(
        Lot.town_id == bindparam("town"),
        Lot.expires_on == bindparam("day"),
        Lot.credited > Lot.debited,
        Account.book_id == bindparam("book"),
        Account.kind == AccountKind.WALLET,
        Account.owner_id > bindparam("after"),
    )
    .group_by(Account.owner_id)
    .order_by(Account.owner_id)
    .limit(bindparam("limit"))
)


def queue_expiry_notices(work: Work, last_day: date, after: int, limit: int = RESIDENTS_MAX) -> int | None:
    """Tell residents, from the one after `after` on, what lapses after `last_day`.

    Returns the id of the last resident who was told, or None when there was nobody left to tell.
    """
    asked = {"town": work.town_id, "book": book_of(work).id, "day": last_day, "after": after, "limit": limit}
    rows = work.db.execute(_lapsing_on, asked).all()
    messages = [
        {
            "town_id": work.town_id,
            "id": work.new_id(),
            "topic": TOPIC,
            "key": f"{last_day.isoformat()}:{row.owner_id}",
            "payload": {"resident_id": str(row.owner_id), "amount": int(row.amount), "on": last_day.isoformat()},
            "created_at": work.now,
            "available_at": work.now,
            "attempts": 0,
            "delivered_at": None,
        }
        for row in rows
    ]
    bulk.insert_rows(work.db, _outbox, messages, skip_conflicts=True)
    return rows[-1].owner_id if rows else None
