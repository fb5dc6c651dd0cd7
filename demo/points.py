"""The points that the past check-ins earned, written as the ledger would have written them one by one.

The book, its mint and its pool are opened by the ledger itself; the rest is the same rows in bulk: a grant from the
mint to the pool, then one transaction and posting for each check-in, with every counter as it stood afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update

from demo.history import Booking, Checkin
from demo.making import RisingIds, Row, Rows
from models.ledger import Account, AccountKind, Event, Lot, OwnerType, Posting, Txn, TxnKind
from rules.checkins.scans import SOURCE
from rules.ledger.earning import Earning
from rules.ledger.pools import budget_request, open_book
from rules.ledger.transactions import POINTS, Cause, hash_of
from rules.rulebook.evaluation import Award, Happening, evaluate
from rules.rulebook.versions import InForce
from rules.work import Work

BUDGET = 5_000_000
ANYWHERE = ""  #: the scope of points that can be spent everywhere
BUDGET_EXPLANATION = "年度积分预算：5000000 分"
#: Columns of a transaction that are not always filled.
NO_LINKS = dict.fromkeys(("actor_id", *(field.name for field in fields(Cause))))


@dataclass(frozen=True, slots=True)
class Paid:
    """What a check-in earned, as the scanner's device was told."""

    awarded: int
    balance: int
    explanation: str


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
    """The ledger of the past."""

    spent: int = 0  #: out of the pool
    paid: dict[int, Paid] = field(default_factory=dict)  #: by reservation
    rows: Rows = field(default_factory=lambda: {table: [] for table in (Account, Lot, Event, Txn, Posting)})


def make_points(
    town_id: int, purse: Purse, in_force: InForce, scanner_id: int, granted_at: datetime, checkins: Iterable[Checkin]
) -> Points:
    """The ledger's rows for check-ins in the order in which they happened."""
    maker = _PointsMaker(town_id, purse, in_force, scanner_id)
    maker.grant(granted_at)
    for checkin in checkins:
        maker.pay(checkin)
    return maker.points


class _PointsMaker:
    def __init__(self, town_id: int, purse: Purse, in_force: InForce, scanner_id: int) -> None:
        self.points = Points()
        self._town_id = town_id
        self._purse = purse
        self._in_force = in_force
        self._scanner_id = scanner_id
        self._ids = {table: RisingIds() for table in (Account, Lot, Event, Txn)}
        self._wallets: dict[int, Row] = {}  #: by resident
        self._lots: dict[tuple[int, date], Row] = {}  #: by wallet and expiry

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

    def pay(self, checkin: Checkin) -> None:
        """Note a check-in and pay what the rules say."""
        booking = checkin.booking
        event = self._add_event(checkin)
        awards = evaluate(self._in_force.rulebook, Happening(SOURCE, checkin.at, booking.activity.title))
        for award in awards:
            self._earn(checkin, event["id"], award)
        self.points.paid[booking.id] = Paid(
            awarded=sum(award.amount for award in awards),
            balance=self._wallets[booking.neighbour.id]["credited"],
            explanation="\n".join(award.explanation for award in awards),
        )

    def _earn(self, checkin: Checkin, event_id: int, award: Award) -> None:
        booking, at = checkin.booking, checkin.at
        resident_id = booking.neighbour.id
        cause = Cause(
            reason=SOURCE,
            explanation=award.explanation,
            effective_at=at,
            event_id=event_id,
            rulebook_version_id=self._in_force.version_id,
            rule_id=award.rule_id,
            community_id=booking.activity.community_id,
            operator_id=booking.activity.operator_id,
            scene=booking.activity.scene,
        )
        earning = Earning(resident_id, award.amount, award.expires_on, cause)
        wallet = self._wallet(resident_id, at)
        lot = self._lot(wallet["id"], award.expires_on, at)
        wallet["credited"] += award.amount
        lot["credited"] += award.amount
        self.points.spent += award.amount
        txn = self._add_txn(
            at,
            idempotency_key=f"{SOURCE}:{_source_ref(booking)}:{award.rule_id}",
            request_hash=hash_of(TxnKind.EARN, earning.request()),
            kind=TxnKind.EARN,
            actor_id=self._scanner_id,
            **_columns_of(cause),
        )
        counters = {
            "src_debited_after": self.points.spent,
            "dst_credited_after": wallet["credited"],
            "src_credited": BUDGET,
            "dst_debited": 0,
        }
        in_lot = {"dst_lot_id": lot["id"], "dst_lot_credited_after": lot["credited"]}
        self._add_posting(txn, award.amount, self._purse.pool_id, wallet["id"], counters | in_lot)

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

    def _add_event(self, checkin: Checkin) -> Row:
        booking = checkin.booking
        return self._add(
            Event,
            checkin.at,
            source=SOURCE,
            source_ref=_source_ref(booking),
            subject_id=booking.neighbour.id,
            occurred_at=checkin.at,
            payload={"session_id": str(booking.session.id)},
        )

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
        self.points.rows[Posting].append(posting)

    def _add(self, table: type[Any], at: datetime, **columns: Any) -> Row:
        row = {"town_id": self._town_id, "id": self._ids[table].at(at), **columns}
        self.points.rows[table].append(row)
        return row


def _columns_of(cause: Cause) -> Row:
    return {each.name: getattr(cause, each.name) for each in fields(cause)}


def _source_ref(booking: Booking) -> str:
    return f"{booking.session.id}:{booking.neighbour.id}"
