"""What the past check-ins and absences led to by the town's rules, written as it would have been written one by one.

The book, its mint and its pool are opened by the ledger itself; the rest is the same rows in bulk: a grant from the mint
to the pool, then an event for each check-in and each absence in order of time, and one transaction and posting for each
award, with every counter as it stood afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update

from demo.history import Absence, Booking, Checkin, History
from demo.making import RisingIds, Row, Rows
from demo.standings import Standings
from models.ledger import Account, AccountKind, Event, Lot, OwnerType, Posting, RuleUsage, Txn, TxnKind
from rules.ledger.caps import CapUse
from rules.ledger.earning import Earning
from rules.ledger.pools import budget_request, open_book
from rules.ledger.transactions import POINTS, Cause, hash_of
from rules.points.events import Outcome
from rules.rulebook.decision import Decision, Line, LineKind
from rules.rulebook.versions import InForce
from rules.work import Work

BUDGET = 5_000_000
ANYWHERE = ""  #: the scope of points that can be spent everywhere
BUDGET_EXPLANATION = "年度积分预算：5000000 分"
#: Columns of a transaction that are not always filled.
NO_LINKS = dict.fromkeys(("actor_id", "usages", *(field.name for field in fields(Cause))))
#: What the demo's rules never lead to: they only give.
NEVER = (LineKind.DEDUCTION, LineKind.CONVERSION, LineKind.VOID)


@dataclass(frozen=True, slots=True)
class Paid:
    """What a check-in earned, as the scanner's device was told."""

    awarded: int
    balance: int
    explanation: str | None


@dataclass(frozen=True, slots=True)
class Purse:
    """The accounts that all share."""

    book_id: int
    mint_id: int
    pool_id: int


def open_purse(work: Work) -> Purse:
    """The town's book of points, empty."""
    book_id = open_book(work, POINTS, "积分")
    of_book = select(Account.kind, Account.id).where(Account.town_id == work.town_id, Account.book_id == book_id)
    by_kind = {row.kind: row.id for row in work.db.execute(of_book)}
    return Purse(book_id, by_kind[AccountKind.MINT], by_kind[AccountKind.POOL])


def settle_purse(work: Work, purse: Purse, spent: int) -> None:
    """Set the counters of mint and pool to what the postings say."""
    for account_id, counters in (
        (purse.mint_id, {"debited": BUDGET}),
        (purse.pool_id, {"credited": BUDGET, "debited": spent}),
    ):
        row = (Account.town_id == work.town_id, Account.id == account_id)
        work.db.execute(update(Account).where(*row).values(**counters).execution_options(synchronize_session=False))


@dataclass(slots=True)
class Points:
    """The ledger of the past, and where its events left the residents."""

    spent: int = 0  #: out of the pool
    paid: dict[int, Paid] = field(default_factory=dict)  #: by reservation
    rows: Rows = field(default_factory=lambda: {table: [] for table in (Account, Lot, Event, Txn, Posting, RuleUsage)})


def make_points(
    town_id: int, purse: Purse, in_force: InForce, scanner_id: int, granted_at: datetime, history: History
) -> Points:
    """Judge what happened in the order in which it did, and book it."""
    maker = _PointsMaker(town_id, purse, in_force, scanner_id)
    maker.grant(granted_at)
    happened = [*history.checkins, *history.absences]
    for each in sorted(happened, key=lambda each: (each.at, each.booking.id)):
        maker.book(each)
    return maker.finish()


class _PointsMaker:
    def __init__(self, town_id: int, purse: Purse, in_force: InForce, scanner_id: int) -> None:
        self._points = Points()
        self._town_id = town_id
        self._purse = purse
        self._in_force = in_force
        self._scanner_id = scanner_id
        self._standings = Standings(town_id, in_force.plan)
        self._ids = {table: RisingIds() for table in (Account, Lot, Event, Txn)}
        self._wallets: dict[int, Row] = {}  #: by resident
        self._lots: dict[tuple[int, date], Row] = {}  #: by wallet and expiry
        self._usages: dict[tuple[int, str, str], Row] = {}  #: by wallet, limit and period

    def finish(self) -> Points:
        """All that was booked."""
        self._points.rows |= self._standings.rows()
        return self._points

    def grant(self, at: datetime) -> None:
        """Fill the pool from the mint."""
        txn = self._add_txn(
            at,
            idempotency_key="demo:budget",
            request_hash=hash_of(TxnKind.GRANT_BUDGET, budget_request(BUDGET, BUDGET_EXPLANATION)),
            kind=TxnKind.GRANT_BUDGET,
            reason="budget",
            explanation=BUDGET_EXPLANATION,
        )
        counters = {"src_debited_after": BUDGET, "dst_credited_after": BUDGET, "src_credited": 0, "dst_debited": 0}
        self._add_posting(txn, BUDGET, self._purse.mint_id, self._purse.pool_id, counters)

    def book(self, happened: Checkin | Absence) -> None:
        """Note an event, and all that the rules say of it."""
        booking, happening = happened.booking, happened.happening
        facts = {"kind": happening.kind, "subject": happening.subject, "facts": happening.facts}
        event = self._add(
            Event,
            happened.at,
            source=happened.source,
            source_ref=booking.ref,
            subject_id=booking.neighbour.id,
            occurred_at=happened.at,
            payload={**facts, "session_id": str(booking.session.id)},
        )
        decision = self._standings.judge(booking.neighbour.id, happening)
        assert not decision.of(*NEVER), "the demo's rules only give"
        reasons = [self._earn(happened, event["id"], decision, line) for line in decision.awards]
        if isinstance(happened, Checkin):
            self._points.paid[booking.id] = self._paid(booking, event["id"], decision, reasons)

    def _paid(self, booking: Booking, event_id: int, decision: Decision, reasons: list[str]) -> Paid:
        if reasons:
            awarded, reason = sum(line.amount for line in decision.awards), "\n".join(reasons)
        else:
            awarded, reason = 0, Outcome(event_id, 0, 0, 0, decision.lines).explanation
        wallet = self._wallets.get(booking.neighbour.id)
        return Paid(awarded, wallet["credited"] if wallet else 0, reason)

    def _earn(self, happened: Checkin | Absence, event_id: int, decision: Decision, line: Line) -> str:
        """Pay one award, and return its reason in words."""
        booking, at = happened.booking, happened.at
        resident_id = booking.neighbour.id
        cause = Cause(
            reason=happened.source,
            explanation=line.explanation,
            effective_at=at,
            event_id=event_id,
            rulebook_version_id=self._in_force.version_id,
            rule_id=line.rule_id,
            community_id=booking.activity.community_id,
            operator_id=booking.activity.operator_id,
            scene=booking.activity.scene,
        )
        uses = decision.uses.get(line.rule_id, ())
        usages = tuple(CapUse(use.name, use.bucket, use.count, use.most) for use in uses)
        earning = Earning(resident_id, line.amount, line.expires_on, cause, usages=usages)
        wallet = self._wallet(resident_id, at)
        lot = self._lot(wallet["id"], line.expires_on, at)
        wallet["credited"] += line.amount
        lot["credited"] += line.amount
        self._points.spent += line.amount
        for use in usages:
            self._usage(wallet["id"], use)["used"] += use.quantity
        txn = self._add_txn(
            at,
            idempotency_key=f"{happened.source}:{booking.ref}:{line.rule_id}",
            request_hash=hash_of(TxnKind.EARN, earning.request()),
            kind=TxnKind.EARN,
            actor_id=self._scanner_id,
            usages=earning.usage_entries(),
            **_columns_of(cause),
        )
        counters = {
            "src_debited_after": self._points.spent,
            "dst_credited_after": wallet["credited"],
            "src_credited": BUDGET,
            "dst_debited": 0,
        }
        in_lot = {"dst_lot_id": lot["id"], "dst_lot_credited_after": lot["credited"]}
        self._add_posting(txn, line.amount, self._purse.pool_id, wallet["id"], counters | in_lot)
        return cause.explanation

    def _wallet(self, resident_id: int, at: datetime) -> Row:
        if resident_id not in self._wallets:
            self._wallets[resident_id] = self._add(
                Account,
                at,
                book_id=self._purse.book_id,
                kind=AccountKind.WALLET,
                owner_type=OwnerType.RESIDENT,
                owner_id=resident_id,
                shard=0,
                floor=0,
                unbounded=False,
                credited=0,
                debited=0,
            )
        return self._wallets[resident_id]

    def _lot(self, wallet_id: int, expires_on: date, at: datetime) -> Row:
        if (wallet_id, expires_on) not in self._lots:
            columns = {
                "account_id": wallet_id,
                "expires_on": expires_on,
                "scope": ANYWHERE,
                "issuer_id": self._town_id,
                "credited": 0,
                "debited": 0,
            }
            self._lots[wallet_id, expires_on] = self._add(Lot, at, **columns)
        return self._lots[wallet_id, expires_on]

    def _usage(self, wallet_id: int, use: CapUse) -> Row:
        key = wallet_id, use.rule_id, use.period_key
        if key not in self._usages:
            names = dict(zip(("account_id", "rule_id", "period_key"), key, strict=True))
            row = {"town_id": self._town_id, **names, "used": 0, "cap": use.cap}
            self._usages[key] = row
            self._points.rows[RuleUsage].append(row)
        return self._usages[key]

    def _add_txn(self, at: datetime, **columns: Any) -> Row:
        moments = {"effective_at": at, "recorded_at": at}
        return self._add(Txn, at, book_id=self._purse.book_id, **{**NO_LINKS, **moments, **columns})

    def _add_posting(self, txn: Row, amount: int, source_id: int, destination_id: int, counters: Row) -> None:
        posting = {
            "town_id": self._town_id,
            "txn_id": txn["id"],
            "n": 0,
            "src_account_id": source_id,
            "dst_account_id": destination_id,
            "dst_lot_id": None,
            "amount": amount,
            "dst_lot_credited_after": None,
            "recorded_at": txn["recorded_at"],
            **counters,
        }
        self._points.rows[Posting].append(posting)

    def _add(self, table: type[Any], at: datetime, **columns: Any) -> Row:
        row = {"town_id": self._town_id, "id": self._ids[table].at(at), **columns}
        self._points.rows[table].append(row)
        return row


def _columns_of(cause: Cause) -> Row:
    return {each.name: getattr(cause, each.name) for each in fields(cause)}
