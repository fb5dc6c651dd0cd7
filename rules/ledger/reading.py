"""Reading the ledger: balances and statements. A balance is one row; a statement is two index seeks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import BigInteger, bindparam, cast, func, select

from models.ledger import ACCOUNT, LOT, POSTING, TXN, AccountKind, Lot, OwnerType, TxnKind
from models.territory import Scene
from rules.clock import local_day
from rules.ledger.transactions import book_of
from rules.paging import Page, Position
from rules.rows import AnyRow
from rules.sending import Reply
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Wallet:
    """A resident's wallet; `id` is None before the first point."""

    id: int | None
    balance: int
    credited: int = 0
    debited: int = 0


@dataclass(frozen=True, slots=True)
class Lapsing:
    """Points with one last good day."""

    expires_on: date
    amount: int


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


#: An account is the wallet of :resident in :book.
IS_WALLET = (
    ACCOUNT.c.town_id == bindparam("town"),
    ACCOUNT.c.book_id == bindparam("book"),
    ACCOUNT.c.kind == AccountKind.WALLET,
    ACCOUNT.c.owner_type == OwnerType.RESIDENT,
    ACCOUNT.c.owner_id == bindparam("resident"),
    ACCOUNT.c.shard == 0,
)
_wallet = select(
    ACCOUNT.c.id, (ACCOUNT.c.credited - ACCOUNT.c.debited).label("balance"), ACCOUNT.c.credited, ACCOUNT.c.debited
).where(*IS_WALLET)
_open_lots = (
    select(LOT.c.expires_on, func.sum(LOT.c.credited - LOT.c.debited).label("amount"))
    .where(
        LOT.c.town_id == bindparam("town"),
        LOT.c.account_id == bindparam("account"),
        LOT.c.credited > LOT.c.debited,
        LOT.c.expires_on >= bindparam("today"),
    )
    .group_by(LOT.c.expires_on)
    .order_by(LOT.c.expires_on)
)
_in_good_lots = (
    LOT.c.town_id == bindparam("town"),
    LOT.c.credited > LOT.c.debited,
    LOT.c.expires_on >= bindparam("today"),
    *IS_WALLET,
)
SPENDABLE = (
    select(cast(func.coalesce(func.sum(LOT.c.credited - LOT.c.debited), 0), BigInteger))
    .join(ACCOUNT, (ACCOUNT.c.town_id == LOT.c.town_id) & (ACCOUNT.c.id == LOT.c.account_id))
    .where(*_in_good_lots)
)
_lapsing = (
    select(LOT.c.expires_on, cast(func.sum(LOT.c.credited - LOT.c.debited), BigInteger).label("amount"))
    .join(ACCOUNT, (ACCOUNT.c.town_id == LOT.c.town_id) & (ACCOUNT.c.id == LOT.c.account_id))
    .where(*_in_good_lots)
    .group_by(LOT.c.expires_on)
    .order_by(LOT.c.expires_on)
)
_held = select(ACCOUNT.c.credited - ACCOUNT.c.debited).where(
    ACCOUNT.c.town_id == bindparam("town"),
    ACCOUNT.c.book_id == bindparam("book"),
    ACCOUNT.c.kind == AccountKind.ESCROW,
    ACCOUNT.c.owner_type == OwnerType.RESIDENT,
    ACCOUNT.c.owner_id == bindparam("resident"),
    ACCOUNT.c.shard == 0,
)
_recorded_by = (
    POSTING.c.town_id == LOT.c.town_id,
    POSTING.c.recorded_at <= bindparam("at"),
)
_in_by = select(func.coalesce(func.sum(POSTING.c.amount), 0)).where(*_recorded_by, POSTING.c.dst_lot_id == LOT.c.id)
_out_by = select(func.coalesce(func.sum(POSTING.c.amount), 0)).where(*_recorded_by, POSTING.c.src_lot_id == LOT.c.id)
_balance_at = select(
    func.coalesce(
        func.sum(_in_by.correlate(Lot).scalar_subquery() - _out_by.correlate(Lot).scalar_subquery()),
        0,
    )
).where(
    LOT.c.town_id == bindparam("town"), LOT.c.account_id == bindparam("account"), LOT.c.expires_on >= bindparam("day")
)
_line = (TXN.c.id, TXN.c.effective_at, TXN.c.kind, TXN.c.reason, TXN.c.explanation, TXN.c.scene, POSTING.c.amount)
_lines = select(*_line, POSTING.c.n).join(TXN, (TXN.c.town_id == POSTING.c.town_id) & (TXN.c.id == POSTING.c.txn_id))
_came_in = (
    _lines.add_columns(POSTING.c.dst_credited_after.label("credited"), POSTING.c.dst_debited.label("debited"))
    .where(
        POSTING.c.town_id == bindparam("town"),
        POSTING.c.dst_account_id == bindparam("account"),
        POSTING.c.dst_credited_after <= bindparam("up_to"),
    )
    .order_by(POSTING.c.dst_credited_after.desc())
    .limit(bindparam("limit"))
)
_went_out = (
    _lines.add_columns(POSTING.c.src_credited.label("credited"), POSTING.c.src_debited_after.label("debited"))
    .where(
        POSTING.c.town_id == bindparam("town"),
        POSTING.c.src_account_id == bindparam("account"),
        POSTING.c.src_debited_after <= bindparam("up_to"),
    )
    .order_by(POSTING.c.src_debited_after.desc())
    .limit(bindparam("limit"))
)


def read_wallet(work: Work, resident_id: int) -> Wallet:
    """The resident's wallet of the points book."""
    book_id = book_of(work).id
    row = work.send(_wallet, {"town": work.town_id, "book": book_id, "resident": resident_id}).first()
    return Wallet(row.id, row.balance, row.credited, row.debited) if row else Wallet(None, 0)


def balance_at(work: Work, resident_id: int, at: datetime) -> int:
    """What a resident had to spend at a moment: what was recorded by then, in lots that were good on that day."""
    wallet = read_wallet(work, resident_id)
    asked = {"town": work.town_id, "account": wallet.id, "at": at, "day": local_day(at)}
    return int(work.send(_balance_at, asked).scalar()) if wallet.id else 0


def read_open_lots(work: Work, wallet: Wallet, today: date) -> list[Lapsing]:
    """What is left in a wallet that is still good today, by last good day, the first to lapse first."""
    if wallet.id is None:
        return []
    rows = work.send(_open_lots, {"town": work.town_id, "account": wallet.id, "today": today}).all()
    return [Lapsing(row.expires_on, int(row.amount)) for row in rows]


def read_spendable(work: Work, resident_id: int) -> int:
    """What a resident may spend today: what is in good lots. What has lapsed doesn't count, booked or not."""
    return int(ask_spendable(work, resident_id).scalar())


def ask_spendable(work: Work, resident_id: int) -> Reply:
    """The same, not waited for."""
    asked = {"book": book_of(work).id, "resident": resident_id, "today": local_day(work.now)}
    return work.send(SPENDABLE, {"town": work.town_id, **asked})


def ask_lapsing(work: Work, resident_id: int) -> Reply:
    """What a resident may spend today by last good day, the first to lapse first; not waited for."""
    asked = {"book": book_of(work).id, "resident": resident_id, "today": local_day(work.now)}
    return work.send(_lapsing, {"town": work.town_id, **asked})


def read_held(work: Work, resident_id: int) -> int:
    """What a resident has set aside and not settled yet."""
    asked = {"town": work.town_id, "book": book_of(work).id, "resident": resident_id}
    return work.send(_held, asked).scalar() or 0


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
    came_in = work.send(_came_in, {**seek, "up_to": credited})
    went_out = work.send(_went_out, {**seek, "up_to": debited})
    lines: list[StatementLine] = []
    for row, sign in _latest_first(came_in.all(), went_out.all()):
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
