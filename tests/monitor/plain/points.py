"""The points measures once more, posting by posting, by the kinds of the accounts at both ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from models.history import ResidentVersion
from models.ledger import NEVER, Account, AccountKind, Book, Lot, OwnerType, Posting, Txn, TxnKind
from models.residents import Resident
from rules.clock import local_day
from rules.ids import moment_of
from tests.monitor.plain.counted import Contents, Counted

HOLDERS = (AccountKind.WALLET, AccountKind.ESCROW)
#: Where points of a flow come from and go to, and the way back that is counted against it.
OUT_OF = {"points.redeemed": AccountKind.REDEEMED, "points.expired": AccountKind.BREAKAGE}


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Every posting of the period, or every lot at its end, that the measure counts."""
    books = {book.id for book in rows[Book] if book.code == "points"}
    accounts = {account.id: account for account in rows[Account] if account.book_id in books}
    txns = {txn.id: txn for txn in rows[Txn] if txn.book_id in books}
    known = [each for each in rows[Posting] if each.txn_id in txns and moment_of(each.txn_id) <= as_of]
    until_end = [each for each in known if moment_of(each.txn_id) < end]
    if measure == "points.outstanding":
        return list(_lots(rows, accounts, until_end, end, as_of, None))
    if measure == "points.liability":
        return list(_lots(rows, accounts, until_end, end, as_of, local_day(end - timedelta(microseconds=1))))
    if measure == "points.budget_left":
        return list(_pools(accounts, until_end, end))
    counted = []
    for posting in until_end:
        if moment_of(posting.txn_id) < begin:
            continue
        txn = txns[posting.txn_id]
        source, sink = accounts[posting.src_account_id], accounts[posting.dst_account_id]
        amount, operator_id, detail = _flow(measure, posting, txn, source, sink)
        if amount:
            day = local_day(moment_of(txn.id))
            is_budget = measure.startswith("points.budget_")
            place, scene = (None, None) if is_budget else (txn.community_id, txn.scene)
            counted.append(Counted(day, place, scene, operator_id, None if is_budget else detail, amount))
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
        owner = _operator(sink if sink.kind is kind else source) if measure == "points.redeemed" else txn.operator_id
        return amount * sign, owner, detail
    if measure == "points.transferred":
        is_one = ends == (AccountKind.WALLET, AccountKind.WALLET) and txn.reason != "merging"
        return amount * is_one * (-1 if txn.kind is TxnKind.REVERSE else 1), txn.operator_id, txn.reason
    other = AccountKind.MINT if measure == "points.budget_granted" else AccountKind.WALLET
    went_in = AccountKind.POOL if measure == "points.budget_granted" else AccountKind.WALLET
    if {*ends} != {AccountKind.POOL, other}:
        return 0, None, detail
    pool = source if source.kind is AccountKind.POOL else sink
    return amount * (1 if sink.kind is went_in else -1), _operator(pool), detail


def _lots(
    rows: Contents,
    accounts: dict[int, Account],
    postings: list[Posting],
    end: datetime,
    as_of: datetime,
    good_on: date | None,
) -> Iterator[Counted]:
    left = defaultdict[int, int](int)
    for posting in postings:
        for lot_id, sign in ((posting.dst_lot_id, 1), (posting.src_lot_id, -1)):
            if lot_id is not None:
                left[lot_id] += sign * posting.amount
    for lot in rows[Lot]:
        if lot.account_id not in accounts or left[lot.id] == 0:
            continue
        account = accounts[lot.account_id]
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


def _pools(accounts: dict[int, Account], postings: list[Posting], end: datetime) -> Iterator[Counted]:
    for account in accounts.values():
        if account.kind is AccountKind.POOL:
            came = sum(each.amount for each in postings if each.dst_account_id == account.id)
            went = sum(each.amount for each in postings if each.src_account_id == account.id)
            day = local_day(end - timedelta(microseconds=1))
            yield Counted(day, None, None, _operator(account), None, came - went)


def _operator(account: Account) -> int | None:
    return account.owner_id if account.owner_type is OwnerType.OPERATOR else None
