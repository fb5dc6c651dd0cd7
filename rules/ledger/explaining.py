"""Explaining points: where each one came from, by which rule and with which arithmetic, and where each one went.

The points of a lot are numbered by its counters. A posting into the lot earned those from `credited_after - amount` to
`credited_after`; a posting out of it took those from `debited_after - amount` to `debited_after`. So a run of points is
an interval, and following it is laying intervals over each other; nothing is estimated.

Points that moved between lots (a hold and its release, a transfer) are followed back to where they were first earned;
points that were given back are followed to the spending that was reversed, and on to what that had spent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from sqlalchemy import BigInteger, Date, bindparam, case, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from models.ledger import Account, AccountKind, Event, Lot, Posting, Txn, TxnKind
from models.rulebook import RulebookVersion
from models.territory import Operator
from rules.ledger.reading import Wallet
from rules.ledger.transactions import TxnUnknown
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Interval:
    """The points of a lot after number `start`, up to and with number `stop`."""

    lot_id: int
    start: int
    stop: int

    @property
    def amount(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Step:
    """A transaction that points went through."""

    txn_id: int
    at: datetime
    kind: TxnKind
    reason: str
    explanation: str
    rule_id: str | None
    rulebook_number: int | None
    event_source: str | None
    event_occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExplainedPart:
    """Points with one history."""

    amount: int
    expires_on: date
    scope: str
    issuer: str | None  #: the operator who owes them; None: the town
    earned: Step
    way: tuple[Step, ...]  #: what happened to them since, the latest first


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Points of one posting, and where they are now."""

    amount: int
    step: Step | None  #: the transaction that took them; None: they are in the balance
    to_kind: AccountKind | None
    to_owner: str | None  #: the operator who redeemed them


@dataclass(frozen=True, slots=True)
class ExplainedTxn:
    """One transaction, seen from a wallet."""

    step: Step
    amount: int  #: above 0 when points came in, below 0 when they went
    came_from: Sequence[ExplainedPart]  #: of what went out: where it had come from
    went_to: Sequence[Whereabouts]  #: of what came in: where it is now


_step_columns = (
    Txn.id.label("txn_id"),
    Txn.effective_at,
    Txn.kind,
    Txn.reason,
    Txn.explanation,
    Txn.rule_id,
    Txn.reverses_txn_id,
    RulebookVersion.number.label("rulebook_number"),
    Event.source.label("event_source"),
    Event.occurred_at.label("event_occurred_at"),
)
_lot_columns = (Lot.id.label("lot_id"), Lot.expires_on, Lot.scope, Operator.name.label("issuer"))
_posting_columns = (
    Posting.amount,
    Posting.src_lot_id,
    Posting.dst_lot_id,
    Posting.src_lot_debited_after,
    Posting.dst_lot_credited_after,
)
_is_txn = (Txn.town_id == Posting.town_id) & (Txn.id == Posting.txn_id)
_is_rulebook = (RulebookVersion.town_id == Txn.town_id) & (RulebookVersion.id == Txn.rulebook_version_id)
_is_event = (Event.town_id == Txn.town_id) & (Event.id == Txn.event_id)
_is_issuer = (Operator.town_id == Lot.town_id) & (Operator.id == Lot.issuer_id)
#: What earned the points that are still in a wallet's good lots, the first to lapse first.
_open_parts = (
    select(*_step_columns, *_lot_columns, *_posting_columns, Lot.debited, Lot.credited)
    .select_from(Lot)
    .join(
        Posting,
        (Posting.town_id == Lot.town_id)
        & (Posting.dst_lot_id == Lot.id)
        & (Posting.dst_lot_credited_after > Lot.debited),
    )
    .join(Txn, _is_txn)
    .outerjoin(RulebookVersion, _is_rulebook)
    .outerjoin(Event, _is_event)
    .outerjoin(Operator, _is_issuer)
    .where(
        Lot.town_id == bindparam("town"),
        Lot.account_id == bindparam("account"),
        Lot.expires_on >= bindparam("today"),
        Lot.credited > Lot.debited,
        tuple_(Lot.expires_on, Lot.id, Posting.dst_lot_credited_after)
        > tuple_(
            bindparam("after_day", type_=Date),
            bindparam("after_lot", type_=BigInteger),
            bindparam("after_point", type_=BigInteger),
        ),
    )
    .order_by(Lot.expires_on, Lot.id, Posting.dst_lot_credited_after)
    .limit(bindparam("limit"))
)
#: The postings that earned some of the points of an interval.
_credits = (
    select(*_step_columns, *_posting_columns)
    .select_from(Posting)
    .join(Txn, _is_txn)
    .outerjoin(RulebookVersion, _is_rulebook)
    .outerjoin(Event, _is_event)
    .where(
        Posting.town_id == bindparam("town"),
        Posting.dst_lot_id == bindparam("lot"),
        Posting.dst_lot_credited_after > bindparam("start"),
        Posting.dst_lot_credited_after - Posting.amount < bindparam("stop"),
    )
    .order_by(Posting.dst_lot_credited_after)
)
#: The postings that took some of the points of an interval.
_debits = (
    select(*_step_columns, *_posting_columns, Account.kind.label("to_kind"), Operator.name.label("to_owner"))
    .select_from(Posting)
    .join(Txn, _is_txn)
    .join(Account, (Account.town_id == Posting.town_id) & (Account.id == Posting.dst_account_id))
    .outerjoin(Operator, (Operator.town_id == Account.town_id) & (Operator.id == Account.owner_id))
    .outerjoin(RulebookVersion, _is_rulebook)
    .outerjoin(Event, _is_event)
    .where(
        Posting.town_id == bindparam("town"),
        Posting.src_lot_id == bindparam("lot"),
        Posting.src_lot_debited_after > bindparam("start"),
        Posting.src_lot_debited_after - Posting.amount < bindparam("stop"),
    )
    .order_by(Posting.src_lot_debited_after)
)
_mine = aliased(Lot, name="mine")
#: What a reversed transaction had taken from lots of the same key as this one.
_taken_by_original = (
    select(Posting.src_lot_id, Posting.src_lot_debited_after, Posting.amount)
    .join(Lot, (Lot.town_id == Posting.town_id) & (Lot.id == Posting.src_lot_id))
    .join(
        _mine,
        (_mine.town_id == Lot.town_id)
        & (_mine.expires_on == Lot.expires_on)
        & (_mine.scope == Lot.scope)
        & (_mine.issuer_id == Lot.issuer_id),
    )
    .where(Posting.town_id == bindparam("town"), Posting.txn_id == bindparam("original"), _mine.id == bindparam("lot"))
)
#: What earlier reversals of the same transaction had given back to this lot.
_given_back_before = (
    select(func.coalesce(func.sum(Posting.amount), 0))
    .join(Txn, _is_txn)
    .where(
        Posting.town_id == bindparam("town"),
        Posting.dst_lot_id == bindparam("lot"),
        Posting.dst_lot_credited_after < bindparam("point"),
        Txn.reverses_txn_id == bindparam("original"),
    )
)
_of_wallet = (
    select(
        *_step_columns,
        *_posting_columns,
        Posting.src_account_id,
        Posting.dst_account_id,
        Lot.expires_on,
        Lot.scope,
        Operator.name.label("issuer"),
    )
    .select_from(Posting)
    .join(Txn, _is_txn)
    .join(
        Lot,
        (Lot.town_id == Posting.town_id)
        & (
            Lot.id
            == case((Posting.src_account_id == bindparam("account"), Posting.src_lot_id), else_=Posting.dst_lot_id)
        ),
    )
    .outerjoin(RulebookVersion, _is_rulebook)
    .outerjoin(Event, _is_event)
    .outerjoin(Operator, _is_issuer)
    .where(
        Posting.town_id == bindparam("town"),
        Posting.txn_id == bindparam("txn"),
        or_(Posting.src_account_id == bindparam("account"), Posting.dst_account_id == bindparam("account")),
    )
    .order_by(Posting.n)
)


def explain_balance(work: Work, wallet: Wallet, today: date, after: Position | None, limit: int) -> Page[ExplainedPart]:
    """What the wallet's good points are made of, the first to lapse first: each part with what earned it.

    A part is what one posting put into one lot, less what was taken since. Points that moved between lots may fall into
    several parts, so a page can hold a few more than `limit`.
    """
    if wallet.id is None:
        return Page([], None)
    day, lot_id, point = after or (1, 0, 0)
    seek = {"after_day": date.fromordinal(int(day)), "after_lot": int(lot_id), "after_point": int(point)}
    asked = {"town": work.town_id, "account": wallet.id, "today": today, "limit": limit + 1}
    rows = work.db.execute(_open_parts, asked | seek).all()
    page = cut(rows, limit, lambda row: (row.expires_on.toordinal(), row.lot_id, row.dst_lot_credited_after))
    parts: list[ExplainedPart] = []
    for row in page.items:
        start = max(row.debited, row.dst_lot_credited_after - row.amount)
        shares = _shares_of(work, row, Interval(row.lot_id, start, row.dst_lot_credited_after))
        parts.extend(_part(row, *share) for share in shares)
    return Page(parts, page.next_after)


def explain_txn(work: Work, wallet: Wallet, txn_id: int) -> ExplainedTxn:
    """One transaction of a wallet: where what went out had come from, and where what came in is now.

    Raises TxnUnknown, also for a transaction of somebody else.
    """
    asked = {"town": work.town_id, "account": wallet.id, "txn": txn_id}
    rows = work.db.execute(_of_wallet, asked).all() if wallet.id else []
    if not rows:
        raise TxnUnknown
    came_from: list[ExplainedPart] = []
    went_to: list[Whereabouts] = []
    amount = 0
    for row in rows:
        if row.src_account_id == wallet.id:
            amount -= row.amount
            taken = Interval(row.src_lot_id, row.src_lot_debited_after - row.amount, row.src_lot_debited_after)
            came_from.extend(_part(row, *share) for share in _trace(work, taken))
        else:
            amount += row.amount
            given = Interval(row.dst_lot_id, row.dst_lot_credited_after - row.amount, row.dst_lot_credited_after)
            went_to.extend(_whereabouts(work, given))
    return ExplainedTxn(_step(rows[0]), amount, came_from, went_to)


#: How many points, what earned them, and what happened to them since, the latest first.
Share: TypeAlias = tuple[int, Step, tuple[Step, ...]]


def _trace(work: Work, interval: Interval) -> Iterator[Share]:
    """What earned the points of an interval, in their order."""
    asked = {"town": work.town_id, "lot": interval.lot_id, "start": interval.start, "stop": interval.stop}
    for row in work.db.execute(_credits, asked).all():
        start = max(interval.start, row.dst_lot_credited_after - row.amount)
        yield from _shares_of(
            work, row, Interval(interval.lot_id, start, min(interval.stop, row.dst_lot_credited_after))
        )


def _shares_of(work: Work, row: AnyRow, interval: Interval) -> Iterator[Share]:
    """What earned the points of an interval that one posting put into the lot."""
    step = _step(row)
    if row.src_lot_id is not None:
        source = _shifted(row.src_lot_id, row.src_lot_debited_after - row.amount, _offset(row, interval))
        sources = [source]
    elif row.kind is TxnKind.REVERSE:
        sources = list(_reversed_sources(work, row, interval))
    else:
        yield interval.amount, step, ()
        return
    for source in sources:
        for amount, earned, way in _trace(work, source):
            yield amount, earned, (step, *way)


def _reversed_sources(work: Work, row: AnyRow, interval: Interval) -> Iterator[Interval]:
    """What the reversed transaction had taken: what is given back first is what was taken first."""
    asked = {"town": work.town_id, "lot": interval.lot_id, "original": row.reverses_txn_id}
    before = int(work.db.execute(_given_back_before, asked | {"point": row.dst_lot_credited_after}).scalar_one())
    begin, end = _offset(row, interval)
    begin, end, passed = begin + before, end + before, 0
    for taken in work.db.execute(_taken_by_original, asked).all():
        first, last = max(begin, passed), min(end, passed + taken.amount)
        if first < last:
            bottom = taken.src_lot_debited_after - taken.amount - passed
            yield Interval(taken.src_lot_id, bottom + first, bottom + last)
        passed += taken.amount


def _offset(row: AnyRow, interval: Interval) -> tuple[int, int]:
    """Where an interval lies within the points that a posting put into its lot."""
    bottom = row.dst_lot_credited_after - row.amount
    return interval.start - bottom, interval.stop - bottom


def _shifted(lot_id: int, bottom: int, offset: tuple[int, int]) -> Interval:
    return Interval(lot_id, bottom + offset[0], bottom + offset[1])


def _whereabouts(work: Work, interval: Interval) -> Iterator[Whereabouts]:
    """Where the points of an interval are now."""
    asked = {"town": work.town_id, "lot": interval.lot_id, "start": interval.start, "stop": interval.stop}
    left = interval.amount
    for row in work.db.execute(_debits, asked).all():
        first = max(interval.start, row.src_lot_debited_after - row.amount)
        amount = min(interval.stop, row.src_lot_debited_after) - first
        left -= amount
        yield Whereabouts(amount, _step(row), row.to_kind, row.to_owner)
    if left:
        yield Whereabouts(left, None, None, None)


def _part(row: AnyRow, amount: int, earned: Step, way: tuple[Step, ...]) -> ExplainedPart:
    return ExplainedPart(amount, row.expires_on, row.scope, row.issuer, earned, way)


def _step(row: AnyRow) -> Step:
    return Step(
        row.txn_id,
        row.effective_at,
        row.kind,
        row.reason,
        row.explanation,
        row.rule_id,
        row.rulebook_number,
        row.event_source,
        row.event_occurred_at,
    )
