"""A resident's points: what there is, what lapses when, and where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.clock import local_day
from rules.ledger.reading import StatementLine, read_open_lots, read_statement, read_wallet
from rules.paging import Page, Position
from rules.rows import AnyRow
from rules.work import Work


@dataclass(frozen=True, slots=True)
class PointsView:
    """The actor's points today."""

    balance: int
    expiring: Sequence[AnyRow]  #: amount and `on`, the last good day, the first to lapse first


def show_points(work: Work) -> PointsView:
    """The actor's balance, and what lapses when. Validity is by date: what lapsed yesterday doesn't count today."""
    wallet = read_wallet(work, work.actor.id)
    lots = read_open_lots(work, wallet, local_day(work.now))
    return PointsView(sum(lot.amount for lot in lots), lots)


def list_statement(work: Work, after: Position | None, limit: int) -> Page[StatementLine]:
    """The actor's postings, the latest first."""
    return read_statement(work, read_wallet(work, work.actor.id), after, limit)
