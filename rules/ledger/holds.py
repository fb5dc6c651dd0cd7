"""Holds: points that wait in escrow for something that is not settled yet, such as a reward to be picked up.

A hold moves points from the wallet's lots into lots of the resident's escrow account that have the same key. A capture
takes them from the front of the hold (those that lapse first), a void from the back, so what is captured and what is
given back never meet. One guarded UPDATE of the hold's counters decides between a capture, a void and the timeout.

Points don't lapse while they are held. What is given back to a lot that has lapsed meanwhile lapses in the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from models.ledger import HOLD, POSTING, AccountKind, OwnerType, TxnKind
from rules.errors import Kind, RuleError
from rules.ledger.moving import (
    Journal,
    OpenLot,
    credit_account,
    credit_lots,
    credit_owner,
    debit_account,
    debit_lots,
    lock_accounts,
    read_lots,
)
from rules.ledger.spending import credit_redeemed, take_from_wallet
from rules.ledger.transactions import Cause, Opened, Receipt, TxnUnknown, open_txn
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import Work


class HoldSettled(RuleError):
    code = "points.hold_settled"
    kind = Kind.CONFLICT
    zh = "这笔冻结积分已结清：需要 {amount} 分，尚冻结 {open} 分。"
    en = "This hold is settled: {amount} points asked for, {open} still held."


class HoldLapsed(RuleError):
    code = "points.hold_lapsed"
    kind = Kind.CONFLICT
    zh = "这笔冻结积分已过期，只能退还。"
    en = "This hold has lapsed; its points can only be given back."


@dataclass(frozen=True, slots=True)
class Holding:
    """Points that a resident sets aside for something."""

    resident_id: int
    amount: int  #: in the book's smallest unit, above 0
    expires_at: datetime  #: from then on they can only be given back
    cause: Cause
    scope: str = ""

    def request(self) -> list[Any]:
        """What tells this hold from another one under the same key."""
        return [self.resident_id, self.amount, self.expires_at, self.scope, self.cause.event_id]


_insert_hold = insert(HOLD).values(captured=0, released=0)
_hold = select(
    HOLD.c.txn_id,
    HOLD.c.wallet_id,
    HOLD.c.escrow_id,
    HOLD.c.amount,
    HOLD.c.captured,
    HOLD.c.released,
    HOLD.c.expires_at,
).where(HOLD.c.town_id == bindparam("town"), HOLD.c.txn_id == bindparam("txn"))
_settle = (
    update(HOLD)
    .where(
        HOLD.c.town_id == bindparam("town"),
        HOLD.c.txn_id == bindparam("txn"),
        HOLD.c.captured + HOLD.c.released + bindparam("capture") + bindparam("release") <= HOLD.c.amount,
    )
    .values(captured=HOLD.c.captured + bindparam("capture"), released=HOLD.c.released + bindparam("release"))
    .returning(HOLD.c.captured, HOLD.c.released)
)
_capture = _settle.where(HOLD.c.expires_at > bindparam("now"))
_prolong = (
    update(HOLD)
    .where(
        HOLD.c.town_id == bindparam("town"),
        is_id_in(HOLD.c.txn_id, "holds"),
        HOLD.c.captured + HOLD.c.released < HOLD.c.amount,
        HOLD.c.expires_at < bindparam("until"),
    )
    .values(expires_at=bindparam("until"))
)
_parts = (
    select(POSTING.c.dst_lot_id, POSTING.c.amount)
    .where(POSTING.c.town_id == bindparam("town"), POSTING.c.txn_id == bindparam("txn"))
    .order_by(POSTING.c.n)
)
_lapsed = (
    select(HOLD.c.txn_id, HOLD.c.wallet_id, (HOLD.c.amount - HOLD.c.captured - HOLD.c.released).label("open"))
    .where(
        HOLD.c.town_id == bindparam("town"),
        HOLD.c.expires_at <= bindparam("now"),
        HOLD.c.captured + HOLD.c.released < HOLD.c.amount,
    )
    .order_by(HOLD.c.expires_at, HOLD.c.txn_id)
    .limit(bindparam("limit"))
    .with_for_update(key_share=True, skip_locked=True)
)


def hold(work: Work, key: str, holding: Holding) -> Receipt:
    """Set points of a resident aside; the receipt's `txn_id` names the hold. Raises PointsInsufficient, KeyTaken."""
    assert holding.amount > 0, "nothing can't be held"
    opened = open_txn(work, TxnKind.HOLD, key, holding.request(), holding.cause, about="src")
    if opened.receipt:
        return opened.receipt
    assert holding.expires_at > work.now, "a hold that has lapsed already holds nothing"
    wallet, taken = take_from_wallet(work, opened.book, holding.resident_id, holding.amount, holding.scope)
    escrow = credit_owner(
        work, opened.book, AccountKind.ESCROW, OwnerType.RESIDENT, holding.resident_id, holding.amount
    )
    held = credit_lots(work, escrow.id, [(lot.key, amount) for lot, amount in taken])
    journal = Journal(opened.txn_id)
    for (lot, amount), in_escrow in zip(taken, held, strict=True):
        journal.post(wallet, escrow, amount, source_lot=lot, destination_lot=in_escrow)
    journal.write(work)
    columns = {"wallet_id": wallet.id, "escrow_id": escrow.id, "amount": holding.amount}
    kept = {"town_id": work.town_id, "txn_id": opened.txn_id, "expires_at": holding.expires_at, **columns}
    work.send(_insert_hold, kept)
    return Receipt(opened.txn_id, holding.amount, wallet.balance, replayed=False)


def capture(
    work: Work, key: str, hold_id: int, amount: int, cause: Cause, *, redeemer_id: int | None = None
) -> Receipt:
    """Spend points that are held, or a part of them. The receipt's balance is what is left in escrow.

    Raises TxnUnknown, HoldSettled, HoldLapsed, KeyTaken.
    """
    request = [hold_id, amount, redeemer_id]
    opened, kept = _open(work, TxnKind.CAPTURE, key, hold_id, request, cause, about="src")
    if opened.receipt:
        return opened.receipt
    captured, _ = _settle_hold(work, kept, capture=amount, release=0)
    escrow, taken = _take_from_escrow(work, kept, captured - amount, captured)
    sink = credit_redeemed(work, opened.book, redeemer_id, amount)
    journal = Journal(opened.txn_id)
    for lot, part in taken:
        journal.post(escrow, sink, part, source_lot=lot)
    journal.write(work)
    return Receipt(opened.txn_id, amount, escrow.balance, replayed=False)


def void(work: Work, key: str, hold_id: int, amount: int, cause: Cause) -> Receipt:
    """Give held points, or a part of them, back to the lots they came from. The receipt's balance is the wallet's.

    Raises TxnUnknown, HoldSettled, KeyTaken.
    """
    opened, kept = _open(work, TxnKind.VOID, key, hold_id, [hold_id, amount], cause, about="dst")
    if opened.receipt:
        return opened.receipt
    _, released = _settle_hold(work, kept, capture=0, release=amount)
    wallet = credit_account(work, kept.wallet_id, amount)
    stop = kept.amount - released + amount
    sliced = slice_of(_read_parts(work, hold_id), stop - amount, stop)
    lots = read_lots(work, [lot_id for lot_id, _ in sliced])
    returned = credit_lots(work, wallet.id, [(lots[lot_id].key, part) for lot_id, part in sliced])
    escrow, taken = _take_from_escrow(work, kept, stop - amount, stop)
    journal = Journal(opened.txn_id)
    for (lot, part), in_wallet in zip(taken, returned, strict=True):
        journal.post(escrow, wallet, part, source_lot=lot, destination_lot=in_wallet)
    journal.write(work)
    return Receipt(opened.txn_id, amount, wallet.balance, replayed=False)


def release_lapsed_holds(work: Work, limit: int) -> int:
    """Give back what lapsed holds still hold, the oldest first, and return how many there were.

    A hold that somebody else settles at this moment is left to them; the next run comes back to it.
    """
    rows = work.core.execute(_lapsed, {"town": work.town_id, "now": work.now, "limit": limit}).all()
    lock_accounts(work, {row.wallet_id for row in rows})
    for row in rows:
        cause = Cause("hold_lapsed", f"冻结到期未使用，退回 {row.open} 分", work.now)
        void(work, f"hold-lapsed:{row.txn_id}", row.txn_id, row.open, cause)
    return len(rows)


def prolong_holds(work: Work, hold_ids: Sequence[int], until: datetime) -> None:
    """Let open holds lapse at `until`, not before. Those that are settled, or last longer, stay as they are."""
    if hold_ids:
        work.core.execute(_prolong, {"town": work.town_id, "holds": sorted(hold_ids), "until": until})


def read_hold(work: Work, hold_id: int) -> AnyRow:
    """A hold as it stands: amount, captured, released, expires_at. Raises TxnUnknown."""
    row = work.send(_hold, {"town": work.town_id, "txn": hold_id}).first()
    if row is None:
        raise TxnUnknown
    return row


def slice_of(parts: Sequence[tuple[int, int]], start: int, stop: int) -> list[tuple[int, int]]:
    """The points from `start` up to `stop` of what the parts (lot id, amount) make up one after the other. Pure."""
    sliced, passed = [], 0
    for lot_id, amount in parts:
        taken = min(stop, passed + amount) - max(start, passed)
        if taken > 0:
            sliced.append((lot_id, taken))
        passed += amount
    return sliced


def _open(
    work: Work, kind: TxnKind, key: str, hold_id: int, request: list[Any], cause: Cause, *, about: str
) -> tuple[Opened, AnyRow]:
    kept = read_hold(work, hold_id)
    return open_txn(work, kind, key, request, cause, about=about, links={"hold_txn_id": hold_id}), kept


def _settle_hold(work: Work, kept: AnyRow, *, capture: int, release: int) -> tuple[int, int]:
    """Move the hold's counters on, and return them. Raises HoldLapsed, HoldSettled."""
    assert capture + release > 0, "nothing can't be settled"
    asked = {"town": work.town_id, "txn": kept.txn_id, "capture": capture, "release": release}
    settled = work.send(_capture, asked | {"now": work.now}) if capture else work.send(_settle, asked)
    counters = settled.first()
    if counters is None:
        kept = read_hold(work, kept.txn_id)
        left = kept.amount - kept.captured - kept.released
        if left >= capture + release:
            raise HoldLapsed
        raise HoldSettled(amount=capture + release, open=left)
    return counters.captured, counters.released


def _take_from_escrow(work: Work, kept: AnyRow, start: int, stop: int) -> tuple[Any, list[tuple[OpenLot, int]]]:
    """Debit escrow and its lots by the hold's points from `start` up to `stop`."""
    escrow = debit_account(work, kept.escrow_id, stop - start)
    assert escrow is not None, "escrow holds what its holds hold"
    sliced = slice_of(_read_parts(work, kept.txn_id), start, stop)
    lots = read_lots(work, [lot_id for lot_id, _ in sliced])
    taken = [(lots[lot_id], part) for lot_id, part in sliced]
    debit_lots(work, taken)
    return escrow, taken


def _read_parts(work: Work, hold_id: int) -> list[tuple[int, int]]:
    rows = work.send(_parts, {"town": work.town_id, "txn": hold_id}).all()
    return [(row.dst_lot_id, row.amount) for row in rows]
