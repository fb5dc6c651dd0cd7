"""What the books say as a whole: the trial balance, what is owed to whom until when, and who owes whom.

Each report is one set-based statement over the rows themselves; nothing is kept on the side that could disagree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, case, func, literal, null, select, union_all

from models.ledger import NEVER, Account, AccountKind, Lot, OwnerType, Posting, Txn
from models.territory import Operator
from rules.clock import local_day
from rules.ledger.transactions import book_of
from rules.work import Work


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """All accounts of one kind and owner; residents' accounts are one line."""

    kind: AccountKind
    owner_type: OwnerType
    operator_id: int | None
    operator: str | None
    accounts: int
    credited: int
    debited: int

    @property
    def balance(self) -> int:
        return self.credited - self.debited


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account of the points book in lines. The two totals are equal, or the book is wrong."""

    as_of: datetime
    lines: Sequence[BalanceLine]
    credited: int
    debited: int


@dataclass(frozen=True, slots=True)
class LiabilityLine:
    """What one issuer owes residents, by the month in which it lapses."""

    issuer_id: int | None  #: the operator; None: the town
    issuer: str | None
    month: str | None  #: "2027-12"; None: never
    amount: int
    held: int  #: part of it that waits in escrow


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """Points that one issuer gave out and another took in, less what was given back."""

    issuer_id: int | None
    issuer: str | None
    redeemer_id: int | None
    redeemer: str | None
    redeemed: int
    refunded: int

    @property
    def owed(self) -> int:
        """What the issuer owes the redeemer, in points."""
        return self.redeemed - self.refunded


_operator_id = case((Account.owner_type == OwnerType.OPERATOR, Account.owner_id), else_=null())
_lines = (
    select(
        Account.kind,
        Account.owner_type,
        _operator_id.label("operator_id"),
        Operator.name.label("operator"),
        func.count().label("accounts"),
        func.sum(Account.credited).label("credited"),
        func.sum(Account.debited).label("debited"),
    )
    .outerjoin(Operator, (Operator.town_id == Account.town_id) & (Operator.id == _operator_id))
    .where(Account.town_id == bindparam("town"), Account.book_id == bindparam("book"))
    .group_by(Account.kind, Account.owner_type, _operator_id, Operator.name)
    .order_by(Account.kind, Account.owner_type, Operator.name)
)
_owed = (
    select(
        Lot.issuer_id,
        Operator.name.label("issuer"),
        Lot.expires_on,
        func.sum(Lot.credited - Lot.debited).label("amount"),
        func.sum(case((Account.kind == AccountKind.ESCROW, Lot.credited - Lot.debited), else_=0)).label("held"),
    )
    .join(Account, (Account.town_id == Lot.town_id) & (Account.id == Lot.account_id))
    .outerjoin(Operator, (Operator.town_id == Lot.town_id) & (Operator.id == Lot.issuer_id))
    .where(
        Lot.town_id == bindparam("town"),
        Account.book_id == bindparam("book"),
        Lot.credited > Lot.debited,
        case((Account.kind == AccountKind.ESCROW, True), else_=Lot.expires_on >= bindparam("today")),
    )
    .group_by(Lot.issuer_id, Operator.name, Lot.expires_on)
    .order_by(Operator.name, Lot.issuer_id, Lot.expires_on)
)
_in_period = (
    Posting.town_id == bindparam("town"),
    Txn.book_id == bindparam("book"),
    Txn.effective_at >= bindparam("begin"),
    Txn.effective_at < bindparam("end"),
    Account.kind == AccountKind.REDEEMED,
)
_is_txn = (Txn.town_id == Posting.town_id) & (Txn.id == Posting.txn_id)
_redeemed = (
    select(
        Lot.issuer_id,
        Account.owner_id.label("redeemer_id"),
        Posting.amount.label("redeemed"),
        literal(0, BigInteger).label("refunded"),
    )
    .select_from(Posting)
    .join(Account, (Account.town_id == Posting.town_id) & (Account.id == Posting.dst_account_id))
    .join(Lot, (Lot.town_id == Posting.town_id) & (Lot.id == Posting.src_lot_id))
    .join(Txn, _is_txn)
    .where(*_in_period)
)
_refunded = (
    select(
        Lot.issuer_id,
        Account.owner_id.label("redeemer_id"),
        literal(0, BigInteger).label("redeemed"),
        Posting.amount.label("refunded"),
    )
    .select_from(Posting)
    .join(Account, (Account.town_id == Posting.town_id) & (Account.id == Posting.src_account_id))
    .join(Lot, (Lot.town_id == Posting.town_id) & (Lot.id == Posting.dst_lot_id))
    .join(Txn, _is_txn)
    .where(*_in_period)
)
_both = union_all(_redeemed, _refunded).subquery("both")
_settled = (
    select(
        _both.c.issuer_id,
        _both.c.redeemer_id,
        func.sum(_both.c.redeemed).label("redeemed"),
        func.sum(_both.c.refunded).label("refunded"),
    )
    .group_by(_both.c.issuer_id, _both.c.redeemer_id)
    .order_by(_both.c.issuer_id, _both.c.redeemer_id)
)
_operators = select(Operator.id, Operator.name).where(Operator.town_id == bindparam("town"))


def trial_balance(work: Work) -> TrialBalance:
    """Every account of the points book, as it stands."""
    rows = work.db.execute(_lines, {"town": work.town_id, "book": book_of(work).id}).all()
    lines = [
        BalanceLine(
            row.kind,
            row.owner_type,
            row.operator_id,
            row.operator,
            row.accounts,
            int(row.credited),
            int(row.debited),
        )
        for row in rows
    ]
    return TrialBalance(work.now, lines, sum(line.credited for line in lines), sum(line.debited for line in lines))


def liability(work: Work) -> list[LiabilityLine]:
    """What each issuer owes residents, by month of expiry. What has lapsed is owed no more, booked or not."""
    asked = {"town": work.town_id, "book": book_of(work).id, "today": local_day(work.now)}
    amounts: defaultdict[tuple[int, str | None, str | None], list[int]] = defaultdict(lambda: [0, 0])
    for row in work.db.execute(_owed, asked):
        month = None if row.expires_on == NEVER else f"{row.expires_on:%Y-%m}"
        sums = amounts[row.issuer_id, row.issuer, month]
        sums[0] += int(row.amount)
        sums[1] += int(row.held)
    return [
        LiabilityLine(_operator_or_town(work, issuer_id), issuer, month, amount, held)
        for (issuer_id, issuer, month), (amount, held) in amounts.items()
    ]


def settlement(work: Work, first_day: datetime, end: datetime) -> list[SettlementLine]:
    """Who redeemed whose points from one moment up to another: what the issuer owes the redeemer, in points.

    Points that were given back in the period are counted against it, whenever they had been redeemed.
    """
    names = {row.id: row.name for row in work.db.execute(_operators, {"town": work.town_id})}
    asked = {"town": work.town_id, "book": book_of(work).id, "begin": first_day, "end": end}
    return [
        SettlementLine(
            _operator_or_town(work, row.issuer_id),
            names.get(row.issuer_id),
            _operator_or_town(work, row.redeemer_id),
            names.get(row.redeemer_id),
            int(row.redeemed),
            int(row.refunded),
        )
        for row in work.db.execute(_settled, asked)
    ]


def _operator_or_town(work: Work, owner_id: int) -> int | None:
    """None stands for the town."""
    return None if owner_id == work.town_id else owner_id
