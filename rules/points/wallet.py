"""A resident's points: what there is, what lapses when, where it came from and where it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.clock import local_day
from rules.ledger.explaining import ExplainedPart, ExplainedTxn, explain_balance, explain_txn
from rules.ledger.reading import Lapsing, StatementLine, read_held, read_open_lots, read_statement, read_wallet
from rules.paging import Page, Position
from rules.work import Work


@dataclass(frozen=True, slots=True)
class PointsView:
    """The actor's points today."""

    balance: int
    held: int  #: set aside for something that is not settled yet; not part of the balance
    expiring: Sequence[Lapsing]  #: the first to lapse first


def show_points(work: Work) -> PointsView:
    """The actor's balance, and what lapses when. Validity is by date: what lapsed yesterday doesn't count today."""
    wallet = read_wallet(work, work.actor.id)
    lots = read_open_lots(work, wallet, local_day(work.now))
    return PointsView(sum(lot.amount for lot in lots), read_held(work, work.actor.id), lots)


def list_statement(work: Work, after: Position | None, limit: int) -> Page[StatementLine]:
    """The actor's postings, the latest first."""
    return read_statement(work, read_wallet(work, work.actor.id), after, limit)


def explain_my_balance(work: Work, after: Position | None, limit: int) -> Page[ExplainedPart]:
    """What the actor's balance is made of, the first to lapse first."""
    return explain_balance(work, read_wallet(work, work.actor.id), local_day(work.now), after, limit)


def explain_my_txn(work: Work, txn_id: int) -> ExplainedTxn:
    """Where the points of one of the actor's transactions came from and where they are. Raises TxnUnknown."""
    return explain_txn(work, read_wallet(work, work.actor.id), txn_id)
