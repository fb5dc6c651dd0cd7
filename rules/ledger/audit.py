"""The audit: proves that a town's whole ledger is as a ledger must be, and says what it looked at.

It runs in a survey (`rules.work`): all its statements see one moment, while the town goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from models.ledger import Account, Book, Hold, Lot, Posting, Reversal, RuleUsage, Txn
from rules.ledger.audit_checks import CHECKS
from rules.work import Work

#: So many violations of one check are named, the first ones.
VIOLATIONS_MAX = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that doesn't hold, with the ids of the rows; nothing in it names a person."""

    check: str
    sentence: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit looked at, and what it found."""

    at: datetime
    checked: dict[str, int]  #: how many rows of each kind there were
    checks: int  #: how many things had to hold
    violations: tuple[Violation, ...]  #: the first of each check; empty: all is well

    @property
    def is_clean(self) -> bool:
        return not self.violations

    def in_short(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return {
            "checks": self.checks,
            "checked": self.checked,
            "violations": [f"{violation.check}: {violation.sentence}" for violation in self.violations],
        }


COUNTED: dict[str, Any] = {
    "books": Book,
    "accounts": Account,
    "lots": Lot,
    "transactions": Txn,
    "postings": Posting,
    "holds": Hold,
    "reversals": Reversal,
    "rule_usages": RuleUsage,
}
_counts = select(
    *(
        select(func.count()).select_from(table).where(table.town_id == bindparam("town")).scalar_subquery().label(name)
        for name, table in COUNTED.items()
    )
)


def audit(work: Work) -> AuditReport:
    """Look at everything in the town's ledger. Takes seconds for a million postings; run it in a survey."""
    checked = dict(work.core.execute(_counts, {"town": work.town_id}).one()._mapping)
    violations: list[Violation] = []
    for check in CHECKS:
        found = work.core.execute(check.finds, {"town": work.town_id, "most": VIOLATIONS_MAX})
        violations += [Violation(check.name, check.sentence.format_map(row._mapping)) for row in found]
    return AuditReport(work.now, checked, len(CHECKS), tuple(violations))
