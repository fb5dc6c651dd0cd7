"""Budgets once more, posting by posting and pool by pool."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from models.ledger import AccountKind
from rules.clock import local_day
from rules.ids import moment_of
from tests.monitor.plain.counted import Contents, Counted
from tests.monitor.plain.postings import PointsBook, operator_of, points_book

#: From where a flow of budgets comes, and where it goes to; the way back is counted against it.
WAYS = {
    "points.budget_granted": (AccountKind.MINT, AccountKind.POOL),
    "points.budget_used": (AccountKind.POOL, AccountKind.WALLET),
}


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Every posting of the period, or every pool at its end, that the measure counts."""
    book = points_book(rows, end, as_of)
    return list(_pools(book, end) if measure == "points.budget_left" else _moves(book, measure, begin))


def _moves(book: PointsBook, measure: str, begin: datetime) -> Iterator[Counted]:
    for posting in book.postings:
        source, sink = book.accounts[posting.src_account_id], book.accounts[posting.dst_account_id]
        if moment_of(posting.txn_id) >= begin and {source.kind, sink.kind} == {*WAYS[measure]}:
            pool = source if source.kind is AccountKind.POOL else sink
            amount = posting.amount if (source.kind, sink.kind) == WAYS[measure] else -posting.amount
            yield Counted(local_day(moment_of(posting.txn_id)), None, None, operator_of(pool), None, amount)


def _pools(book: PointsBook, end: datetime) -> Iterator[Counted]:
    for account in book.accounts.values():
        if account.kind is AccountKind.POOL:
            came = sum(each.amount for each in book.postings if each.dst_account_id == account.id)
            went = sum(each.amount for each in book.postings if each.src_account_id == account.id)
            day = local_day(end - timedelta(microseconds=1))
            yield Counted(day, None, None, operator_of(account), None, came - went)
