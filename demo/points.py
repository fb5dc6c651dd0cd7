"""What the past check-ins, check-outs and absences led to by the town's rules, written as it would have been one by one.

The books, their mints and their pools are opened by the ledger itself; the rest is the same rows in bulk: a grant from the
mint to the pool of points, then an event for each check-in, each check-out of a volunteer and each absence in order of time,
and one transaction and posting for each award, with every counter as it stood afterwards. Hours that were signed for are
records of service as well, and in the book of hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update

from demo.history import SERVICE, Absence, Booking, Checkin, Checkout, History
from demo.making import RisingIds, Row, Rows
from demo.standings import Standings
from models.ledger import Account, AccountKind, Event, Lot, OwnerType, Posting, RuleUsage, Txn, TxnKind
from models.volunteering import ServiceDay, ServiceRecord, ServiceStatus
from rules.ledger.caps import CapUse
from rules.ledger.earning import Earning
from rules.ledger.pools import budget_request, open_book
from rules.ledger.transactions import POINTS, Cause, hash_of
from rules.points.events import Outcome
from rules.rulebook.decision import Decision, Happening, Line, LineKind
from rules.rulebook.versions import InForce
from rules.volunteering.book import HOURS
from rules.volunteering.book import NAME as HOURS_NAME
from rules.volunteering.counting import Service
from rules.volunteering.hours import COPIED
from rules.work import Work

BUDGET = 5_000_000
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
    """The accounts of a book that all share."""

    book_id: int
    mint_id: int
    pool_id: int


@dataclass(frozen=True, slots=True)
class Purses:
    """The town's books."""

    points: Purse
    hours: Purse


def open_purses(work: Work) -> Purses:
    """The town's books of points and of hours of service, empty."""
    points = _purse_of(work, open_book(work, POINTS, "积分"))
    return Purses(points, _purse_of(work, open_book(work, HOURS, HOURS_NAME, needs_budget=False)))


def _purse_of(work: Work, book_id: int) -> Purse:
    of_book = select(Account.kind, Account.id).where(Account.town_id == work.town_id, Account.book_id == book_id)
    by_kind = {row.kind: row.id for row in work.db.execute(of_book)}
    return Purse(book_id, by_kind[AccountKind.MINT], by_kind[AccountKind.POOL])


def settle_purses(work: Work, purses: Purses, points: Points) -> None:
    """Set the counters of mints and pools to what the postings say."""
    for account_id, counters in (
        (purses.points.mint_id, {"debited": BUDGET}),
        (purses.points.pool_id, {"credited": BUDGET, "debited": points.spent}),
        (purses.hours.pool_id, {"debited": points.served}),
    ):
        row = (Account.town_id == work.town_id, Account.id == account_id)
        work.db.execute(update(Account).where(*row).values(**counters).execution_options(synchronize_session=False))


TABLES = (Account, Lot, Event, Txn, Posting, RuleUsage, ServiceRecord, ServiceDay)


@dataclass(slots=True)
class Points:
    """The ledger of the past, and where its events left the residents."""

    spent: int = 0  #: out of the pool
    served: int = 0  #: minutes
    paid: dict[tuple[str, int], Paid] = field(default_factory=dict)  #: by source and reservation
    rows: Rows = field(default_factory=lambda: {table: [] for table in TABLES})


@dataclass(slots=True)
class _Till:
    """A book: its pool, and the wallets and lots that are filled from it."""

    purse: Purse
    credited: int  #: of the pool
    debited: int = 0
    wallets: dict[int, Row] = field(default_factory=dict)  #: by resident
    lots: dict[tuple[int, date, str], Row] = field(default_factory=dict)  #: by wallet, expiry and scope


def make_points(
    town_id: int, purses: Purses, in_force: InForce, scanner_id: int, granted_at: datetime, history: History
) -> Points:
    """Judge what happened in the order in which it did, and book it."""
    maker = _PointsMaker(town_id, purses, in_force, scanner_id)
    maker.grant(granted_at)
    happened = [*history.checkins, *history.checkouts, *history.absences]
    for each in sorted(happened, key=lambda each: (each.at, each.booking.id)):
        maker.book(each)
    return maker.finish()


class _PointsMaker:
    def __init__(self, town_id: int, purses: Purses, in_force: InForce, scanner_id: int) -> None:
        self._points = Points()
        self._town_id = town_id
        self._till = _Till(purses.points, credited=BUDGET)
        self._hours = _Till(purses.hours, credited=0)
        self._in_force = in_force
        self._scanner_id = scanner_id
        self._standings = Standings(town_id, in_force.plan)
        self._ids = {table: RisingIds() for table in (Account, Lot, Event, Txn, ServiceRecord)}
        self._days: dict[tuple[int, date], Row] = {}  #: by resident and day
        self._usages: dict[tuple[int, str, str], Row] = {}  #: by wallet, limit and period

    def finish(self) -> Points:
        """All that was booked."""
        self._points.spent, self._points.served = self._till.debited, self._hours.debited
        self._points.rows |= self._standings.rows()
        return self._points

    def grant(self, at: datetime) -> None:
        """Fill the pool from the mint."""
        purse = self._till.purse
        txn = self._add_txn(
            purse,
            at,
            idempotency_key="demo:budget",
            request_hash=hash_of(TxnKind.GRANT_BUDGET, budget_request(BUDGET, BUDGET_EXPLANATION)),
            kind=TxnKind.GRANT_BUDGET,
            reason="budget",
            explanation=BUDGET_EXPLANATION,
        )
        counters = {"src_debited_after": BUDGET, "dst_credited_after": BUDGET, "src_credited": 0, "dst_debited": 0}
        self._add_posting(txn, BUDGET, purse.mint_id, purse.pool_id, counters)

    def book(self, happened: Checkin | Checkout | Absence) -> None:
        """Note an event, and all that the rules say of it."""
        if isinstance(happened, Checkout):
            service = happened.service(self._ids[ServiceRecord].at(happened.at))
            occurrence = service.occurrence()
            event_id = self._judge(happened, occurrence.happening, occurrence.links)
            self._serve(service, event_id)
        else:
            self._judge(happened, happened.happening, {"session_id": str(happened.booking.session.id)})

    def _judge(self, happened: Checkin | Checkout | Absence, happening: Happening, links: Mapping[str, str]) -> int:
        booking = happened.booking
        facts = {"kind": happening.kind, "subject": happening.subject, "facts": happening.facts}
        event = self._add(
            Event,
            happened.at,
            source=happened.source,
            source_ref=happened.ref,
            subject_id=booking.neighbour.id,
            occurred_at=happening.occurred_at,
            payload={**facts, **links},
        )
        decision = self._standings.judge(booking.neighbour.id, happening)
        assert not decision.of(*NEVER), "the demo's rules only give"
        reasons = [self._earn(happened, happening, event["id"], decision, line) for line in decision.awards]
        if not isinstance(happened, Absence):
            paid = self._paid(booking, event["id"], decision, reasons)
            self._points.paid[happened.source, booking.id] = paid
        return int(event["id"])

    def _serve(self, service: Service, event_id: int) -> None:
        """Keep the record, and put its minutes into the book of hours."""
        earning = service.earning()
        txn = self._pay(self._hours, service.recorded_at, f"{SERVICE}:{service.id}", earning, None)
        written_down = {"batch_id": None, "recorded_by": None, "flags": "", "source_ref": service.ref}
        counted = {"status": ServiceStatus.COUNTED, "event_id": event_id, "txn_id": txn["id"]}
        columns = {name: getattr(service, name) for name in COPIED}
        self._points.rows[ServiceRecord].append({"town_id": self._town_id, **columns, **written_down, **counted})
        whose = service.resident_id, service.served_on
        if whose not in self._days:
            names = dict(zip(("resident_id", "served_on"), whose, strict=True))
            self._days[whose] = {"town_id": self._town_id, **names, "signed": 0, "entered": 0}
            self._points.rows[ServiceDay].append(self._days[whose])
        self._days[whose]["signed"] += service.minutes

    def _paid(self, booking: Booking, event_id: int, decision: Decision, reasons: list[str]) -> Paid:
        if reasons:
            awarded, reason = sum(line.amount for line in decision.awards), "\n".join(reasons)
        else:
            awarded, reason = 0, Outcome(event_id, 0, 0, 0, decision.lines).explanation
        wallet = self._till.wallets.get(booking.neighbour.id)
        return Paid(awarded, wallet["credited"] if wallet else 0, reason)

    def _earn(
        self,
        happened: Checkin | Checkout | Absence,
        happening: Happening,
        event_id: int,
        decision: Decision,
        line: Line,
    ) -> str:
        """Pay one award, and return its reason in words."""
        activity = happened.booking.activity
        cause = Cause(
            reason=happened.source,
            explanation=line.explanation,
            effective_at=happening.occurred_at,
            event_id=event_id,
            rulebook_version_id=self._in_force.version_id,
            rule_id=line.rule_id,
            community_id=activity.community_id,
            operator_id=activity.operator_id,
            scene=activity.scene,
        )
        uses = decision.uses.get(line.rule_id, ())
        usages = tuple(CapUse(use.name, use.bucket, use.count, use.most) for use in uses)
        earning = Earning(happened.booking.neighbour.id, line.amount, line.expires_on, cause, usages=usages)
        self._pay(
            self._till, happened.at, f"{happened.source}:{happened.ref}:{line.rule_id}", earning, self._scanner_id
        )
        return cause.explanation

    def _pay(self, till: _Till, at: datetime, key: str, earning: Earning, actor_id: int | None) -> Row:
        """Move an earning out of a pool, and return its transaction."""
        wallet = self._wallet(till, earning.resident_id, at)
        lot = self._lot(till, wallet["id"], earning, at)
        for each in (wallet, lot):
            each["credited"] += earning.amount
        till.debited += earning.amount
        for use in earning.usages:
            self._usage(wallet["id"], use)["used"] += use.quantity
        txn = self._add_txn(
            till.purse,
            at,
            idempotency_key=key,
            request_hash=hash_of(TxnKind.EARN, earning.request()),
            kind=TxnKind.EARN,
            actor_id=actor_id,
            usages=earning.usage_entries(),
            **_columns_of(earning.cause),
        )
        counters = {
            "src_debited_after": till.debited,
            "dst_credited_after": wallet["credited"],
            "src_credited": till.credited,
            "dst_debited": 0,
        }
        in_lot = {"dst_lot_id": lot["id"], "dst_lot_credited_after": lot["credited"]}
        self._add_posting(txn, earning.amount, till.purse.pool_id, wallet["id"], counters | in_lot)
        return txn

    def _wallet(self, till: _Till, resident_id: int, at: datetime) -> Row:
        if resident_id not in till.wallets:
            till.wallets[resident_id] = self._add(
                Account,
                at,
                book_id=till.purse.book_id,
                kind=AccountKind.WALLET,
                owner_type=OwnerType.RESIDENT,
                owner_id=resident_id,
                shard=0,
                floor=0,
                unbounded=False,
                credited=0,
                debited=0,
            )
        return till.wallets[resident_id]

    def _lot(self, till: _Till, wallet_id: int, earning: Earning, at: datetime) -> Row:
        key = wallet_id, earning.expires_on, earning.scope
        if key not in till.lots:
            names = dict(zip(("account_id", "expires_on", "scope"), key, strict=True))
            till.lots[key] = self._add(Lot, at, **names, issuer_id=self._town_id, credited=0, debited=0)
        return till.lots[key]

    def _usage(self, wallet_id: int, use: CapUse) -> Row:
        key = wallet_id, use.rule_id, use.period_key
        if key not in self._usages:
            names = dict(zip(("account_id", "rule_id", "period_key"), key, strict=True))
            row = {"town_id": self._town_id, **names, "used": 0, "cap": use.cap}
            self._usages[key] = row
            self._points.rows[RuleUsage].append(row)
        return self._usages[key]

    def _add_txn(self, purse: Purse, at: datetime, **columns: Any) -> Row:
        moments = {"effective_at": at, "recorded_at": at}
        return self._add(Txn, at, book_id=purse.book_id, **{**NO_LINKS, **moments, **columns})

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
