"""Reading the ledger: balances and statements. A balance is one row; a statement is two index seeks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, select

from models.ledger import Account, AccountKind, Lot, OwnerType, Posting, Txn, TxnKind
from models.territory import Scene
from rules.ledger.transactions import book_of
from rules.paging import Page, Position
from rules.rows import AnyRow
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Wallet:
    """A resident's wallet; `id` is None before the first point."""

    id: int | None
    balance: int
    credited: int = 0
    debited: int = 0


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posting, seen from the wallet."""

    id: int  #: the transaction's
    at: datetime
    kind: TxnKind
    reason: str
    explanation: str
    scene: Scene | None
    amount: int  #: above 0 when points came in, below 0 when they went
    balance_after: int


_wallet = select(
    Account.id, (Account.credited - Account.debited).label("balance"), Account.credited, Account.debited
).where(
    Account.town_id == bindparam("town"),
    Account.book_id == bindparam("book"),
    Account.kind == AccountKind.WALLET,
    Account.owner_type == OwnerType.RESIDENT,
    Account.owner_id == bindparam("resident"),
    Account.shard == 0,
)
_open_lots = (
    select(Lot.expires_on, Lot.scope, (Lot.credited - Lot.debited).label("amount"))
    .where(
        Lot.town_id == bindparam("town"),
        Lot.account_id == bindparam("account"),
        Lot.credited > Lot.debited,
        Lot.expires_on >= bindparam("today"),
    )
    .order_by(Lot.expires_on, Lot.scope)
)
_line = (Txn.id, Txn.effective_at, Txn.kind, Txn.reason, Txn.explanation, Txn.scene, Posting.amount)
_lines = select(*_line, Posting.n).join(Txn, (Txn.town_id == Posting.town_id) & (Txn.id == Posting.txn_id))
_came_in = (
    _lines.add_columns(Posting.dst_credited_after.label("credited"), Posting.dst_debited.label("debited"))
    .where(
        Posting.town_id == bindparam("town"),
        Posting.dst_account_id == bindparam("account"),
        Posting.dst_credited_after <= bindparam("up_to"),
    )
    .order_by(Posting.dst_credited_after.desc())
    .limit(bindparam("limit"))
)
_went_out = (
    _lines.add_columns(Posting.src_credited.label("credited"), Posting.src_debited_after.label("debited"))
    .where(
        Posting.town_id == bindparam("town"),
        Posting.src_account_id == bindparam("account"),
        Posting.src_debited_after <= bindparam("up_to"),
    )
    .order_by(Posting.src_debited_after.desc())
    .limit(bindparam("limit"))
)


def read_wallet(work: Work, resident_id: int) -> Wallet:
    """The resident's wallet of the points book."""
    book_id = book_of(work).id
    row = work.db.execute(_wallet, {"town": work.town_id, "book": book_id, "resident": resident_id}).first()
    return Wallet(row.id, row.balance, row.credited, row.debited) if row else Wallet(None, 0)


def read_open_lots(work: Work, wallet: Wallet, today: date) -> Sequence[AnyRow]:
    """What is left in each lot of a wallet that is still good today, the first to lapse first."""
    if wallet.id is None:
        return []
    return work.db.execute(_open_lots, {"town": work.town_id, "account": wallet.id, "today": today}).all()


def read_statement(work: Work, wallet: Wallet, after: Position | None, limit: int) -> Page[StatementLine]:
    """The wallet's postings, the latest first, each with the balance after it.

    What came in and what went out are two series of counters that only grow. Each posting holds both counters as they
    stood after it, so the two series have one order and every line its balance; the place in the statement is the pair.
    """
    if wallet.id is None:
        return Page([], None)
    credited, debited = wallet.credited, wallet.debited
    if after is not None:
        credited, debited = min(credited, int(after[0])), min(debited, int(after[1]))
    seek = {"town": work.town_id, "account": wallet.id, "limit": limit + 1}
    came_in = work.db.execute(_came_in, {**seek, "up_to": credited}).all()
    went_out = work.db.execute(_went_out, {**seek, "up_to": debited}).all()
    lines: list[StatementLine] = []
    for row, sign in _latest_first(came_in, went_out):
        if len(lines) == limit:
            return Page(lines, (row.credited, row.debited))
        lines.append(_statement_line(row, sign))
    return Page(lines, None)


def _statement_line(row: AnyRow, sign: int) -> StatementLine:
    return StatementLine(
        row.id,
        row.effective_at,
        row.kind,
        row.reason,
        row.explanation,
        row.scene,
        sign * row.amount,
        row.credited - row.debited,
    )


def _latest_first(came_in: Sequence[AnyRow], went_out: Sequence[AnyRow]) -> Iterator[tuple[AnyRow, int]]:
    """Both series in one order, with the sign of their lines: what went out saw all that had come in before it."""
    ins, outs = list(reversed(came_in)), list(reversed(went_out))
    while ins or outs:
        if not outs or (ins and ins[-1].credited > outs[-1].credited):
            yield ins.pop(), 1
        else:
            yield outs.pop(), -1
