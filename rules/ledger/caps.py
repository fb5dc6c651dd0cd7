"""Caps: how much a rule may give one wallet in a period. The guard is a row that counts, and never past its cap.

Who evaluates the rules reads what is used and trims the award to what is left; this row is what holds when two do so at
once. The one that comes second is refused, looks again and trims anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from models.ledger import RULE_USAGE
from rules.errors import Kind, RuleError
from rules.sending import Reply
from rules.work import Work


class CapReached(RuleError):
    code = "points.cap_reached"
    kind = Kind.CONFLICT
    zh = "已达到该规则本周期的上限。"
    en = "The cap of this rule for this period is reached."


@dataclass(frozen=True, slots=True)
class CapUse:
    """What one award counts under one cap."""

    rule_id: str
    period_key: str  #: "2026-11", "2026-W48"; rises with time for one rule
    quantity: int  #: above 0, in the unit of the cap: points, times, minutes
    cap: int

    def entry(self) -> dict[str, Any]:
        """As the transaction keeps it, so that a reversal frees the cap of the period that was charged."""
        return {"rule_id": self.rule_id, "period_key": self.period_key, "quantity": self.quantity}


_use = upsert(RULE_USAGE)
_use = _use.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "account_id", "rule_id", "period_key"],
    set_={"used": RULE_USAGE.c.used + _use.excluded.used, "cap": _use.excluded.cap},
    where=RULE_USAGE.c.used + _use.excluded.used <= _use.excluded.cap,
).returning(RULE_USAGE.c.used)
_free = (
    update(RULE_USAGE)
    .where(
        RULE_USAGE.c.town_id == bindparam("town"),
        RULE_USAGE.c.account_id == bindparam("account"),
        RULE_USAGE.c.rule_id == bindparam("of_rule"),
        RULE_USAGE.c.period_key == bindparam("period"),
    )
    .values(used=RULE_USAGE.c.used - bindparam("quantity"))
)
_used = select(RULE_USAGE.c.used).where(
    RULE_USAGE.c.town_id == bindparam("town"),
    RULE_USAGE.c.account_id == bindparam("account"),
    RULE_USAGE.c.rule_id == bindparam("of_rule"),
    RULE_USAGE.c.period_key == bindparam("period"),
)


def use_caps(work: Work, account_id: int, uses: Sequence[CapUse]) -> None:
    """Count awards under their caps, in the order of rules and periods. Raises CapReached.

    The caller has locked the wallet.
    """
    check_uses(send_uses(work, account_id, uses))


def check_uses(replies: Iterable[Reply]) -> None:
    """Raises CapReached unless every cap had room."""
    if not all(reply.all() for reply in replies):
        raise CapReached


def send_uses(work: Work, account_id: int, uses: Sequence[CapUse]) -> list[Reply]:
    """The same as `use_caps`, not waited for: `check_uses` tells what came of it. Raises CapReached for what never fits."""
    used = []
    for rule_id, period_key, quantity, cap in sum_of_uses(uses):
        usage = {
            "town_id": work.town_id,
            "account_id": account_id,
            "rule_id": rule_id,
            "period_key": period_key,
            "used": quantity,
            "cap": cap,
        }
        used.append(work.send(_use, usage))
    return used


def sum_of_uses(uses: Iterable[CapUse]) -> list[tuple[str, str, int, int]]:
    """Rule, period, quantity and cap, in the order of rules and periods, none twice.

    Raises CapReached for what never fits.
    """
    quantities = Counter[tuple[str, str]]()
    caps: dict[tuple[str, str], int] = {}
    for use in uses:
        quantities[use.rule_id, use.period_key] += use.quantity
        caps[use.rule_id, use.period_key] = use.cap
    if any(quantity > caps[of] for of, quantity in quantities.items()):
        raise CapReached
    return [(*of, quantity, caps[of]) for of, quantity in sorted(quantities.items())]


def read_usage(work: Work, account_id: int, rule_id: str, period_key: str) -> int:
    """How much of a cap a wallet has used in a period."""
    asked = {"town": work.town_id, "account": account_id, "of_rule": rule_id, "period": period_key}
    return work.send(_used, asked).scalar() or 0


def free_caps(
    work: Work, account_id: int, entries: Sequence[Mapping[str, Any]], amount: int, reversed_before: int, now: int
) -> None:
    """Give back what a reversal of `now` points of an award of `amount` frees, in the periods that were charged.

    A reversal in parts frees in proportion, and all of it with the last part.
    """
    for entry in sorted(entries, key=lambda entry: (entry["rule_id"], entry["period_key"])):
        quantity = entry["quantity"]
        freed = quantity * (reversed_before + now) // amount - quantity * reversed_before // amount
        if freed:
            asked = {"of_rule": entry["rule_id"], "period": entry["period_key"], "quantity": freed}
            work.send(_free, {"town": work.town_id, "account": account_id, **asked})
