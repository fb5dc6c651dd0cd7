"""What is outstanding and what is owed once more, lot by lot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from models.history import ResidentVersion
from models.ledger import NEVER, AccountKind, Lot
from models.residents import Resident
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted
from tests.monitor.plain.postings import points_book


def recompute(rows: Contents, measure: str, _begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Every lot at the end that the measure counts."""
    is_owed = measure == "points.liability"
    return list(_lots(rows, end, as_of, local_day(end - timedelta(microseconds=1)) if is_owed else None))


def _lots(rows: Contents, end: datetime, as_of: datetime, good_on: date | None) -> Iterator[Counted]:
    book = points_book(rows, end, as_of)
    left = defaultdict[int, int](int)
    for posting in book.postings:
        for lot_id, sign in ((posting.dst_lot_id, 1), (posting.src_lot_id, -1)):
            if lot_id is not None:
                left[lot_id] += sign * posting.amount
    for lot in rows[Lot]:
        if lot.account_id not in book.accounts or left[lot.id] == 0:
            continue
        account = book.accounts[lot.account_id]
        if good_on is not None and account.kind is AccountKind.WALLET and lot.expires_on < good_on:
            continue
        issuer = None if lot.issuer_id == lot.town_id else lot.issuer_id
        month = "never" if lot.expires_on == NEVER else f"{lot.expires_on:%Y-%m}"
        home = _home(rows, account.owner_id, end, as_of) if good_on is None else None
        day = local_day(end - timedelta(microseconds=1))
        yield Counted(day, home, None, issuer, f"{issuer or 0}:{month}", left[lot.id])


def _home(rows: Contents, resident_id: int, end: datetime, as_of: datetime) -> int | None:
    """Where somebody lived at the end, as far as it was known."""
    versions = [each for each in rows[ResidentVersion] if each.id == resident_id]
    lasted = [each for each in versions if each.until > as_of or each.until >= end]
    if lasted:
        return min(lasted, key=lambda each: each.until).territory_id
    return next(each.territory_id for each in rows[Resident] if each.id == resident_id)
