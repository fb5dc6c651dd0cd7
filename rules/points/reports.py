"""The books as auditors see them. Who looks at all of a town's points needs the role at the root of its tree."""

from __future__ import annotations

from datetime import date, timedelta

from models.residents import Role
from rules.clock import local_day, local_moment
from rules.errors import Kind, RuleError
from rules.ledger.reports import (
    LiabilityLine,
    SettlementLine,
    TrialBalance,
    liability,
    settlement,
    trial_balance,
)
from rules.residents.identity import require_role_at_root
from rules.work import Work

DAYS_MAX = 366


class PeriodInvalid(RuleError):
    code = "report.period_invalid"
    kind = Kind.INVALID
    zh = "统计区间无效：起始日不能晚于结束日，且不超过 366 天。"
    en = "The period can't be right: it ends before it begins, or is longer than 366 days."


def show_trial_balance(work: Work) -> TrialBalance:
    """Every account of the town. Raises Forbidden."""
    require_role_at_root(work, Role.AUDITOR)
    return trial_balance(work)


def show_liability(work: Work) -> list[LiabilityLine]:
    """What each issuer owes, by month. Raises Forbidden."""
    require_role_at_root(work, Role.AUDITOR)
    return liability(work)


def show_settlement(work: Work, first_day: date | None, last_day: date | None) -> list[SettlementLine]:
    """Who redeemed whose points in a period of whole local days, both included; this month until today by default.

    Raises Forbidden, PeriodInvalid.
    """
    require_role_at_root(work, Role.AUDITOR)
    last_day = last_day or local_day(work.now)
    first_day = first_day or last_day.replace(day=1)
    if not 0 <= (last_day - first_day).days < DAYS_MAX:
        raise PeriodInvalid
    return settlement(work, local_moment(first_day, "00:00"), local_moment(last_day + timedelta(days=1), "00:00"))
