"""What came in and went out of points once more, posting by posting, by the kinds of the accounts at both ends."""

from __future__ import annotations

from datetime import datetime

from models.ledger import Account, AccountKind, Posting, Txn, TxnKind
from rules.clock import local_day
from rules.ids import moment_of
from tests.monitor.plain.counted import Contents, Counted
from tests.monitor.plain.postings import operator_of, points_book

#: Where points of a flow go to, and whence what is counted against it comes back.
OUT_OF = {"points.redeemed": AccountKind.REDEEMED, "points.expired": AccountKind.BREAKAGE}


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Every posting of the period that the measure counts."""
    book = points_book(rows, end, as_of)
    counted = []
    for posting in book.postings:
        if moment_of(posting.txn_id) < begin:
            continue
        txn = book.txns[posting.txn_id]
        source, sink = book.accounts[posting.src_account_id], book.accounts[posting.dst_account_id]
        amount, operator_id, detail = _flow(measure, posting, txn, source, sink)
        if amount:
            day = local_day(moment_of(txn.id))
            counted.append(Counted(day, txn.community_id, txn.scene, operator_id, detail, amount))
    return counted


def _flow(measure: str, posting: Posting, txn: Txn, source: Account, sink: Account) -> tuple[int, int | None, str]:
    amount, detail = posting.amount, txn.rule_id or txn.reason
    ends = (source.kind, sink.kind)
    if measure == "points.issued":
        return amount * (ends == (AccountKind.POOL, AccountKind.WALLET)), txn.operator_id, detail
    if measure == "points.taken_back":
        return amount * (ends == (AccountKind.WALLET, AccountKind.POOL)), txn.operator_id, detail
    if measure in OUT_OF:
        kind = OUT_OF[measure]
        sign = (sink.kind is kind) - (source.kind is kind)
        owner = operator_of(sink if sink.kind is kind else source) if measure == "points.redeemed" else txn.operator_id
        return amount * sign, owner, detail
    assert measure == "points.transferred"
    is_one = ends == (AccountKind.WALLET, AccountKind.WALLET) and txn.reason != "merging"
    return amount * is_one * (-1 if txn.kind is TxnKind.REVERSE else 1), txn.operator_id, txn.reason
