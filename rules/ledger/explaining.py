"""Explaining points: where each part of a balance came from, and where the points of a transaction came from and went.

How points are followed is told in `rules.ledger.tracing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import TypeVar

from sqlalchemy import bindparam, select
from sqlalchemy.orm import aliased

from models.ledger import Account, AccountKind, Lot, TxnKind
from models.territory import Operator
from rules.ledger.reading import Wallet
from rules.ledger.tracing import (
    Interval,
    Origin,
    Step,
    TooLong,
    Tracer,
    Whereabouts,
    postings_of,
    step_of,
    went,
)
from rules.ledger.transactions import TxnUnknown
from rules.paging import Page, Position
from rules.rows import AnyRow
from rules.work import Work

Thing = TypeVar("Thing")

#: How many parts the explanation of one transaction has at most.
PARTS_MAX = 200


@dataclass(frozen=True, slots=True)
class ExplainedPart:
    """Points with one history."""

    amount: int
    expires_on: date
    scope: str
    issuer: str | None  #: the operator who owes them; None: the town
    earned: Step | None  #: None: their history is longer than is followed
    way: tuple[Step, ...]  #: what happened to them since, the latest first


@dataclass(frozen=True, slots=True)
class ExplainedTxn:
    """One transaction, seen from a resident's wallet."""

    step: Step
    amount: int  #: above 0 when points came in, below 0 when they went
    came_from: Sequence[ExplainedPart]  #: of what went out: where it had come from
    went_to: Sequence[Whereabouts]  #: where its points are
    is_complete: bool  #: False: there is more than is told here


_lots = (
    select(Lot.id, Lot.credited, Lot.debited, Lot.expires_on, Lot.scope, Operator.name.label("issuer"))
    .outerjoin(Operator, (Operator.town_id == Lot.town_id) & (Operator.id == Lot.issuer_id))
    .where(Lot.town_id == bindparam("town"))
)
_good_lots = _lots.where(
    Lot.account_id == bindparam("account"), Lot.expires_on >= bindparam("today"), Lot.credited > Lot.debited
).order_by(Lot.expires_on, Lot.id)
_lot = _lots.where(Lot.id == bindparam("lot"))
_wallet = aliased(Account, name="wallet")
#: A resident's wallet and escrow.
_accounts = (
    select(Account.id)
    .join(
        _wallet,
        (_wallet.town_id == Account.town_id)
        & (_wallet.book_id == Account.book_id)
        & (_wallet.owner_type == Account.owner_type)
        & (_wallet.owner_id == Account.owner_id),
    )
    .where(
        Account.town_id == bindparam("town"),
        Account.kind.in_([AccountKind.WALLET, AccountKind.ESCROW]),
        _wallet.id == bindparam("account"),
    )
)


def explain_balance(work: Work, wallet: Wallet, today: date, after: Position | None, limit: int) -> Page[ExplainedPart]:
    """What the wallet's good points are made of, the first to lapse first: each part with what earned it."""
    if wallet.id is None:
        return Page([], None)
    begin = tuple(int(each) for each in after) if after else (0, 0, 0)
    tracer, parts, position = Tracer(work), list[ExplainedPart](), begin
    for lot in work.db.execute(_good_lots, {"town": work.town_id, "account": wallet.id, "today": today}).all():
        place = lot.expires_on.toordinal(), lot.id
        if place < begin[:2]:
            continue
        point = max(lot.debited, begin[2]) if place == begin[:2] else lot.debited
        try:
            for origin in _merged(tracer.origins_of(Interval(lot.id, point, lot.credited))):
                if len(parts) == limit:
                    return Page(parts, position)
                parts.append(_part(lot, origin))
                point += origin.amount
                position = (*place, point)
        except TooLong:
            if parts:
                return Page(parts, position)
            unfollowed = Origin(lot.credited - point, None, ())
            return Page([_part(lot, unfollowed)], (*place, lot.credited))
    return Page(parts, None)


def explain_txn(work: Work, wallet: Wallet, txn_id: int) -> ExplainedTxn:
    """One transaction of a resident: where what went out had come from, and where its points are now.

    Raises TxnUnknown, also for a transaction of somebody else.
    """
    tracer = Tracer(work)
    mine = set(work.db.scalars(_accounts, {"town": work.town_id, "account": wallet.id})) if wallet.id else set()
    rows = [row for row in postings_of(work, txn_id) if mine & {row.src_account_id, row.dst_account_id}]
    if not rows:
        raise TxnUnknown
    incoming = [row for row in rows if row.dst_account_id == wallet.id]
    outgoing = [row for row in rows if row.dst_account_id != wallet.id]
    came_from, is_whole = _up_to(PARTS_MAX, _sources(work, tracer, outgoing))
    went_to, is_all = _up_to(PARTS_MAX, _places(tracer, incoming, outgoing))
    amount = sum(row.amount for row in incoming) - sum(row.amount for row in outgoing)
    return ExplainedTxn(step_of(rows[0]), amount, came_from, went_to, is_whole and is_all)


def _sources(work: Work, tracer: Tracer, outgoing: Iterable[AnyRow]) -> Iterator[ExplainedPart]:
    for row in outgoing:
        lot = work.db.execute(_lot, {"town": work.town_id, "lot": row.src_lot_id}).one()
        for origin in _merged(_origins(work, tracer, row)):
            yield _part(lot, origin)


def _origins(work: Work, tracer: Tracer, row: AnyRow) -> Iterator[Origin]:
    """What earned the points that a posting took."""
    if row.kind is TxnKind.CAPTURE:
        for interval in tracer.held_by_capture(row):
            yield from tracer.origins_of(interval)
    elif row.kind is TxnKind.REVERSE:
        original = postings_of(work, row.reverses_txn_id)[0]
        yield Origin(row.amount, step_of(original), ())
    else:
        yield from tracer.origins_of(went(row))


def _places(tracer: Tracer, incoming: Iterable[AnyRow], outgoing: Iterable[AnyRow]) -> Iterator[Whereabouts]:
    for row in incoming:
        yield from tracer.whereabouts_of_posting(row)
    for row in outgoing:
        yield from tracer.whereabouts_after(row)


def _up_to(limit: int, things: Iterator[Thing]) -> tuple[list[Thing], bool]:
    """The first things, and whether those are all."""
    found: list[Thing] = []
    try:
        for each in islice(things, limit + 1):
            found.append(each)  # noqa: PERF402  what was found before it got too long is kept
    except TooLong:
        return found, False
    return found[:limit], len(found) <= limit


def _merged(origins: Iterable[Origin]) -> Iterator[Origin]:
    """Neighbours with one history as one."""
    last: Origin | None = None
    try:
        for each in origins:
            if last is not None and (last.earned, last.way) == (each.earned, each.way):
                last = replace(last, amount=last.amount + each.amount)
                continue
            if last is not None:
                yield last
            last = each
    except TooLong:
        if last is not None:
            yield last
        raise
    if last is not None:
        yield last


def _part(lot: AnyRow, origin: Origin) -> ExplainedPart:
    return ExplainedPart(origin.amount, lot.expires_on, lot.scope, lot.issuer, origin.earned, origin.way)
