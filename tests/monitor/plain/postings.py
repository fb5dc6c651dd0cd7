"""The points book as it was known, which the plain counts of points and of budgets begin with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.ledger import Account, Book, OwnerType, Posting, Txn
from rules.ids import moment_of
from tests.monitor.plain.counted import Contents


@dataclass(frozen=True)
class PointsBook:
    """Its accounts and transactions by their ids, and the postings from before a moment."""

    accounts: dict[int, Account]
    txns: dict[int, Txn]
    postings: list[Posting]


def points_book(rows: Contents, end: datetime, as_of: datetime) -> PointsBook:
    """What had happened before the end and was known by then."""
    books = {book.id for book in rows[Book] if book.code == "points"}
    accounts = {account.id: account for account in rows[Account] if account.book_id in books}
    txns = {txn.id: txn for txn in rows[Txn] if txn.book_id in books}
    known = [each for each in rows[Posting] if each.txn_id in txns and moment_of(each.txn_id) <= as_of]
    return PointsBook(accounts, txns, [each for each in known if moment_of(each.txn_id) < end])


def operator_of(account: Account) -> int | None:
    """The operator to whom an account belongs, if it is one's."""
    return account.owner_id if account.owner_type is OwnerType.OPERATOR else None
