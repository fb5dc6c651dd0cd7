"""The books as a whole: the trial balance, what is owed until when, and who owes whom."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from blueprints.reports.schemas import LiabilityLineView, PeriodArguments, SettlementLineView, TrialBalanceView
from models.residents import Role
from rules.points import reports
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("reports", __name__, description="The books as a whole")

Wish = dict[str, Any]


@room.does("GET", "/ledger/trial-balance", needs=Role.AUDITOR, refuses=[Forbidden])
@room.response(200, TrialBalanceView)
def show_trial_balance(work: Work) -> Any:
    """Every account of the points book, by kind and owner; credited equals debited."""
    return reports.show_trial_balance(work)


@room.does("GET", "/ledger/liability", needs=Role.AUDITOR, refuses=[Forbidden])
@room.response(200, all_of(LiabilityLineView))
def show_liability(work: Work) -> Any:
    """What each issuer owes residents, by the month in which it lapses."""
    return SimpleNamespace(items=reports.show_liability(work))


@room.does("GET", "/ledger/settlement", needs=Role.AUDITOR, refuses=[Forbidden, reports.PeriodInvalid])
@room.arguments(PeriodArguments, location="query")
@room.response(200, all_of(SettlementLineView))
def show_settlement(work: Work, wish: Wish) -> Any:
    """Who redeemed whose points in a period: what the issuer owes the redeemer, in points."""
    return SimpleNamespace(items=reports.show_settlement(work, **wish))
