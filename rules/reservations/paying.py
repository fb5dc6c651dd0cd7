"""Points for places: held when a place is confirmed, captured at check-in, given back when it is cancelled.

Who waits or is in a draw has paid nothing yet, so a place that costs points is always offered, and the points are held
when the offer is taken. A no-show's points stay held for `UPLOAD_DAYS` after the session, since a device without a network
may still prove that somebody came; then the hold lapses by itself and they are given back: what a no-show costs is the
rulebook's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from models.ledger import TXN, TxnKind
from rules.ledger.holds import Holding, HoldSettled, capture, hold, prolong_holds, read_hold, void
from rules.ledger.reversing import reverse
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import Cause
from rules.rows import AnyRow
from rules.work import TryAgain, Work

#: How long after a session an upload may still prove that somebody was there.
UPLOAD_DAYS = 3
REASON = "reservation"

_capture_of = select(TXN.c.id).where(
    TXN.c.town_id == bindparam("town"), TXN.c.hold_txn_id == bindparam("hold"), TXN.c.kind == TxnKind.CAPTURE
)


def hold_price(work: Work, reservation_id: int, resident_id: int, amount: int, session: AnyRow, nth: int = 0) -> int:
    """Hold what a place costs and return the hold. `session`: title, ends_at, community, operator, scene.

    Raises PointsInsufficient.
    """
    cause = _cause(session, f"报名「{session.title}」冻结 {amount} 分", work.now)
    lapses_at = max(session.ends_at, work.now) + timedelta(days=UPLOAD_DAYS)
    key = f"{REASON}:{reservation_id}:hold" + (f":{nth}" if nth else "")
    try:
        return hold(work, key, Holding(resident_id, amount, lapses_at, cause)).txn_id
    except PointsInsufficient as short:
        raise short_of_points(work, resident_id, amount, short.facts["available"]) from None


def short_of_points(work: Work, resident_id: int, amount: int, available: object) -> PointsInsufficient:
    """The refusal of what can't be paid. Who acts for somebody doesn't learn what they have."""
    return PointsInsufficient(amount=amount, available=available if work.actor.id == resident_id else "—")


def capture_price(work: Work, hold_id: int, amount: int, session: AnyRow) -> None:
    """Spend what was held: somebody came. A hold that has lapsed is left alone: its points go back."""
    if read_hold(work, hold_id).expires_at <= work.now:
        return
    cause = _cause(session, f"参加「{session.title}」支付 {amount} 分", work.now)
    capture(work, f"{REASON}:{hold_id}:capture", hold_id, amount, cause, redeemer_id=session.operator_id)


def give_price_back(work: Work, hold_id: int, title: str) -> None:
    """Give back what is still held. Nothing is left to give where the hold has lapsed or was captured."""
    kept = read_hold(work, hold_id)
    left = kept.amount - kept.captured - kept.released
    if left > 0:
        cause = Cause(REASON, f"「{title}」未参加，退回 {left} 分", work.now)
        try:
            void(work, f"{REASON}:{hold_id}:void", hold_id, left, cause)
        except HoldSettled:  # it lapsed between the look and now
            raise TryAgain from None


def prolong(work: Work, hold_ids: Sequence[int], ends_at: datetime) -> None:
    """Let holds last as long as those of a session that ends then: it was moved."""
    prolong_holds(work, hold_ids, ends_at + timedelta(days=UPLOAD_DAYS))


def hold_again(work: Work, reservation_id: int, resident_id: int, hold_id: int, session: AnyRow) -> int:
    """Take a capture back and hold the points anew: a scan was undone. Returns the hold that is in force then."""
    kept = read_hold(work, hold_id)
    if kept.captured == 0:
        return hold_id
    capture_id = work.core.execute(_capture_of, {"town": work.town_id, "hold": hold_id}).scalar_one()
    cause = _cause(session, f"撤销签到，「{session.title}」的 {kept.captured} 分重新冻结", work.now)
    reverse(work, f"{REASON}:{hold_id}:undo", capture_id, cause)
    return hold_price(work, reservation_id, resident_id, kept.captured, session, nth=hold_id)


def _cause(session: AnyRow, explanation: str, now: datetime) -> Cause:
    return Cause(
        REASON,
        explanation,
        now,
        community_id=session.community_id,
        operator_id=session.operator_id,
        scene=session.scene,
    )
