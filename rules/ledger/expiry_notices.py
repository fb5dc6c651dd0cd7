"""Notices of expiry ahead of time: one message in the outbox for each resident and day, however often this runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import Table, Text, bindparam, exists, func, select
from sqlalchemy import cast as cast_to

from models.jobs import Outbox
from models.ledger import Account, AccountKind, Lot
from rules import bulk
from rules.clock import local_day
from rules.ledger.transactions import book_of
from rules.rulebook.versions import rulebook_in_force
from rules.work import SYSTEM, Transactions, Work

TOPIC = "points.expiring"
RESIDENTS_MAX = 2_000
LOOK_BACK_DAYS = 7

_outbox = cast(Table, Outbox.__table__)
_is_told = exists().where(
    Outbox.town_id == Account.town_id,
    Outbox.topic == TOPIC,
    Outbox.key == bindparam("day_text", type_=Text) + ":" + cast_to(Account.owner_id, Text),
)
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
        ~_is_told,
    )
    .group_by(Account.owner_id)
    .order_by(Account.owner_id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Told:
    """A chunk of residents who were told."""

    residents: int
    last_id: int


def queue_notices_of_day(transactions: Transactions, town_id: int, moment: datetime) -> int:
    """Tell everybody whose points lapse `notice_days` after this moment's day, as the rulebook in force then says.

    Looks back some days, for runs that were missed. Returns how many residents are told now who were not told before. A
    town without a rulebook tells nobody.
    """
    notice_days = transactions.read(town_id, SYSTEM, _read_notice_days, moment)
    if notice_days is None:
        return 0
    newest = local_day(moment) + timedelta(days=notice_days)
    days = [newest - timedelta(days=ago) for ago in range(LOOK_BACK_DAYS + 1)]
    return sum(_tell_all(transactions, town_id, day) for day in days if day >= local_day(moment))


def _tell_all(transactions: Transactions, town_id: int, last_day: date) -> int:
    residents, after = 0, 0
    while told := transactions.write(town_id, SYSTEM, queue_expiry_notices, last_day, after):
        residents, after = residents + told.residents, told.last_id
    return residents


def _read_notice_days(work: Work, moment: datetime) -> int | None:
    in_force = rulebook_in_force(work, moment)
    return in_force.rulebook.expiry.notice_days if in_force else None


def queue_expiry_notices(work: Work, last_day: date, after: int, limit: int = RESIDENTS_MAX) -> Told | None:
    """Tell residents, from the one after `after` on, what lapses after `last_day`. None: there was nobody left to tell."""
    asked = {"town": work.town_id, "book": book_of(work).id, "day": last_day, "after": after, "limit": limit}
    asked["day_text"] = last_day.isoformat()
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
    bulk.insert_rows(work.core, _outbox, messages, skip_conflicts=True)
    return Told(len(rows), rows[-1].owner_id) if rows else None
