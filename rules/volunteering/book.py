"""The ledger of hours: a book of the town whose unit is the minute, beside the book of points.

Hours are counted, not spent: they come from a pool without a bound, never lapse, and leave a wallet only by the reversal of
what brought them. The scope of a lot says where its minutes come from, so what a resident has of each provenance is what
is in the lots of one wallet. No transaction of this book names an event: what becomes void by the rules are the points of
an event, and hours go with their record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from models.ledger import ACCOUNT, BOOK, LOT, AccountKind, OwnerType
from models.territory import Town
from models.volunteering import Provenance
from rules.ledger.pools import open_book
from rules.ledger.transactions import SERVICE_HOURS, in_book
from rules.work import Work

HOURS = SERVICE_HOURS  #: the book's code
NAME = "志愿服务时长"
MINUTES_OF_HOUR = 60


@dataclass(frozen=True, slots=True)
class Minutes:
    """Minutes of service, apart by where they come from."""

    signed: int = 0
    staff: int = 0
    imported: int = 0

    @property
    def total(self) -> int:
        return self.signed + self.staff + self.imported

    @classmethod
    def of(cls, rows: Iterable[tuple[str, int]]) -> Minutes:
        """From (provenance, minutes); those of one provenance add up."""
        found = dict.fromkeys(Provenance, 0)
        for provenance, minutes in rows:
            found[Provenance(provenance)] += int(minutes)
        return cls(**{provenance.value: minutes for provenance, minutes in found.items()})

    def by_provenance(self) -> Mapping[Provenance, int]:
        return {
            Provenance.SIGNED: self.signed,
            Provenance.STAFF: self.staff,
            Provenance.IMPORTED: self.imported,
        }


_is_open = select(BOOK.c.id).where(BOOK.c.town_id == bindparam("town"), BOOK.c.code == HOURS)
_lock_town = select(Town.id).where(Town.id == bindparam("town")).with_for_update(key_share=True)
_balances = (
    select(LOT.c.scope, func.sum(LOT.c.credited - LOT.c.debited))
    .join(ACCOUNT, (ACCOUNT.c.town_id == LOT.c.town_id) & (ACCOUNT.c.id == LOT.c.account_id))
    .join(BOOK, (BOOK.c.town_id == ACCOUNT.c.town_id) & (BOOK.c.id == ACCOUNT.c.book_id))
    .where(
        ACCOUNT.c.town_id == bindparam("town"),
        BOOK.c.code == HOURS,
        ACCOUNT.c.kind == AccountKind.WALLET,
        ACCOUNT.c.owner_type == OwnerType.RESIDENT,
        ACCOUNT.c.owner_id == bindparam("resident"),
    )
    .group_by(LOT.c.scope)
)


def in_hours(work: Work) -> Work:
    """The same work in the town's book of hours, which is opened with the town's first minute.

    Two first minutes at once meet at the town's row, and the second one finds the book open.
    """
    asked = {"town": work.town_id}
    if work.core.scalar(_is_open, asked) is None:
        work.core.execute(_lock_town, asked).all()
        if work.core.scalar(_is_open, asked) is None:
            open_book(work, HOURS, NAME, needs_budget=False)
    return in_book(work, HOURS)


def read_minutes(work: Work, resident_id: int) -> Minutes:
    """What the ledger holds of a resident."""
    rows = work.core.execute(_balances, {"town": work.town_id, "resident": resident_id})
    return Minutes.of((row[0], row[1]) for row in rows)
