"""What time does to redemptions: reminds of those that lapse soon, and ends those that nobody picked up.

What lapses goes back on the shelf. Its points come back where the rulebook of the day of redeeming says so, where the
merchant had nothing but a substitute to offer, and where the hold lapsed before the run; else they are spent at the town,
since the merchant gave nothing for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update

from models.rewards import IS_READY, Redemption
from rules.errors import RuleError
from rules.ledger.holds import read_hold
from rules.ledger.transactions import in_book
from rules.rewards.looking import read_redemption
from rules.rewards.refusals import RedemptionOver
from rules.rewards.settling import forget_pieces, lock_ready, mark_lapsed, spend_held, undo
from rules.rewards.shelf import put_pieces_back
from rules.rewards.telling import tell_lapsed, tell_lapsing
from rules.work import SYSTEM, Transactions, Work

AT_A_TIME = 200
FORFEITED = "redemption_forfeited"

_due = (
    select(Redemption.id)
    .where(
        Redemption.town_id == bindparam("town"),
        IS_READY,
        Redemption.pick_up_until <= bindparam("at"),
    )
    .order_by(Redemption.pick_up_until, Redemption.id)
    .limit(bindparam("limit"))
)
_to_remind = (
    select(Redemption.id)
    .where(Redemption.town_id == bindparam("town"), Redemption.remind_at <= bindparam("at"))
    .order_by(Redemption.remind_at, Redemption.id)
    .limit(bindparam("limit"))
)
_reminded = (
    update(Redemption)
    .where(
        Redemption.town_id == bindparam("town"),
        Redemption.id == bindparam("redemption"),
        Redemption.remind_at <= bindparam("at"),
    )
    .values(remind_at=None)
    .returning(Redemption.pick_up_until)
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True, slots=True)
class Tended:
    """What a run did."""

    lapsed: int
    reminded: int
    failed: int = 0  #: refused; the next run tries them again


def tend_redemptions(transactions: Transactions, town_id: int) -> Tended:
    """Remind and let lapse all that is due in a town, each in a transaction of its own."""
    failed: list[int] = []

    def each(statement: Any, deed: Callable[[Work, int], bool]) -> int:
        done, seen = 0, set[int]()
        # Those that are refused stay the first ones, so as many more are looked for.
        while fresh := [
            id_
            for id_ in transactions.read(town_id, SYSTEM, _ids, statement, AT_A_TIME + len(failed))
            if id_ not in seen
        ]:
            seen.update(fresh)
            for id_ in fresh:
                try:
                    done += transactions.write(town_id, SYSTEM, deed, id_)
                except RuleError:  # one that can't be dealt with doesn't keep the town's others waiting
                    failed.append(id_)
        return done

    lapsed = each(_due, lapse_redemption)
    reminded = each(_to_remind, remind_of_redemption)
    return Tended(lapsed, reminded, len(failed))


def lapse_redemption(work: Work, redemption_id: int) -> bool:
    """End what nobody picked up in time; False when somebody else settled it."""
    try:
        redemption = lock_ready(work, read_redemption(work, redemption_id))
    except RedemptionOver:
        return False
    returns = redemption.returns_when_lapsed or redemption.substitute_id is not None or _is_hold_over(work, redemption)
    if not mark_lapsed(work, redemption, comes_back=returns):
        return False
    put_pieces_back(work, redemption.reward_id, redemption.quantity)
    if returns:
        forget_pieces(work, redemption)
        undo(work, redemption, "逾期未领")
    else:
        explanation = f"「{redemption.title}」逾期未领，{redemption.price} 分不予退回"
        spend_held(work, redemption, explanation, redeemer_id=None, reason=FORFEITED)
    tell_lapsed(work, redemption, redemption.price if returns else 0)
    return True


def remind_of_redemption(work: Work, redemption_id: int) -> bool:
    """Remind of something that lapses soon, once; False when there is no need any more."""
    asked = {"town": work.town_id, "redemption": redemption_id, "at": work.now}
    reminded = work.core.execute(_reminded, asked).first()
    if reminded is None:
        return False
    if reminded.pick_up_until > work.now:
        tell_lapsing(work, read_redemption(work, redemption_id))
    return True


def _is_hold_over(work: Work, redemption: Any) -> bool:
    """Whether the ledger won't spend what was held any more: the run comes much too late."""
    return any(
        read_hold(in_book(work, payment["book"]), payment["hold_id"]).expires_at <= work.now
        for payment in redemption.payments
    )


def _ids(work: Work, statement: Any, limit: int) -> list[int]:
    asked = {"town": work.town_id, "at": work.now, "limit": limit}
    return [row.id for row in work.core.execute(statement, asked)]
