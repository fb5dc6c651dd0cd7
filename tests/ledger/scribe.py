"""Writes a ledger row by row, with its own arithmetic: what the tables must look like, whoever filled them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, insert, update

from models.ledger import Account, AccountKind, Book, Hold, Lot, OwnerType, Posting, Reversal, RuleUsage, Txn, TxnKind
from models.territory import HostKind, Town
from rules.work import Work
from tests.build import fresh_key

Row = dict[str, Any]
MODELS = (Book, Account, Lot, Txn, Posting, Hold, Reversal, RuleUsage)


@dataclass(frozen=True)
class Move:
    """Points that go from one account to another; a lot where the account has lots."""

    source: Row
    destination: Row
    amount: int
    source_lot: Row | None = None
    destination_lot: Row | None = None


@dataclass
class Scribe:
    """The rows of one town's book. They are written when `write` is called, and again where they changed since."""

    town_id: int
    work: Work  #: where ids and the moment come from; it may be over
    new: dict[type[Any], list[Row]] = field(default_factory=lambda: {model: [] for model in MODELS})
    kept: dict[type[Any], list[Row]] = field(default_factory=lambda: {Account: [], Lot: []})
    book: Row = field(init=False)

    def __post_init__(self) -> None:
        self.book = self.add(Book, code="points", name="积分", scale=0, pool_shards=1)

    def add(self, model: type[Any], **columns: Any) -> Row:
        row = {"town_id": self.town_id, "id": self.work.new_id(), **columns}
        self.new[model].append(row)
        return row

    def account(self, kind: AccountKind, owner_id: int | None = None, book: Row | None = None) -> Row:
        """An account, empty: a resident's if it is a wallet or escrow, else the town's, or an operator's."""
        is_residents = kind in (AccountKind.WALLET, AccountKind.ESCROW)
        of_others = OwnerType.RESIDENT if is_residents else OwnerType.OPERATOR
        return self.add(
            Account,
            book_id=(book or self.book)["id"],
            kind=kind,
            owner_type=of_others if owner_id else OwnerType.TOWN,
            owner_id=owner_id or self.town_id,
            shard=0,
            floor=0,
            unbounded=kind is AccountKind.MINT,
            credited=0,
            debited=0,
        )

    def lot(self, account: Row, expires_on: date, issuer_id: int | None = None) -> Row:
        return self.add(
            Lot,
            account_id=account["id"],
            expires_on=expires_on,
            scope="",
            issuer_id=issuer_id or self.town_id,
            credited=0,
            debited=0,
        )

    def txn(self, kind: TxnKind, *moves: Move, at: datetime | None = None, **columns: Any) -> Row:
        """A transaction with a posting for each move."""
        empty = dict.fromkeys(("reverses_txn_id", "hold_txn_id"))
        moments = {"effective_at": at or self.work.now, "recorded_at": self.work.now}
        txn = self.add(
            Txn,
            book_id=self.book["id"],
            idempotency_key=fresh_key(),
            request_hash=b"",
            kind=kind,
            reason="test",
            explanation="",
            **empty | moments | columns,
        )
        for n, move in enumerate(moves):
            self._post(txn, n, move)
        return txn

    def _post(self, txn: Row, n: int, move: Move) -> None:
        for row, counter in (
            (move.source, "debited"),
            (move.source_lot, "debited"),
            (move.destination, "credited"),
            (move.destination_lot, "credited"),
        ):
            if row is not None:
                row[counter] += move.amount
        source_lot, destination_lot = move.source_lot or {}, move.destination_lot or {}
        self.new[Posting].append(
            {
                "town_id": self.town_id,
                "txn_id": txn["id"],
                "n": n,
                "src_account_id": move.source["id"],
                "dst_account_id": move.destination["id"],
                "src_lot_id": source_lot.get("id"),
                "dst_lot_id": destination_lot.get("id"),
                "amount": move.amount,
                "src_debited_after": move.source["debited"],
                "dst_credited_after": move.destination["credited"],
                "src_lot_debited_after": source_lot.get("debited"),
                "dst_lot_credited_after": destination_lot.get("credited"),
                "src_credited": move.source["credited"],
                "dst_debited": move.destination["debited"],
                "recorded_at": self.work.now,
            }
        )

    def hold(self, txn: Row, wallet: Row, escrow: Row, amount: int, captured: int, released: int) -> None:
        columns = {"wallet_id": wallet["id"], "escrow_id": escrow["id"], "expires_at": self.work.now}
        counters = {"amount": amount, "captured": captured, "released": released}
        self.new[Hold].append({"town_id": self.town_id, "txn_id": txn["id"], **columns, **counters})

    def reversal(self, txn: Row, n: int, amount: int, reversed_: int) -> None:
        row = {"town_id": self.town_id, "txn_id": txn["id"], "n": n, "amount": amount, "reversed": reversed_}
        self.new[Reversal].append(row)

    def usage(self, account: Row, used: int, cap: int) -> None:
        names = {"rule_id": "activity-checkin", "period_key": "2026-11"}
        row = {"town_id": self.town_id, "account_id": account["id"], **names, "used": used, "cap": cap}
        self.new[RuleUsage].append(row)

    def write(self, work: Work) -> None:
        """Insert what is new, and bring the counters of what was there to where they are now."""
        for model, rows in self.kept.items():
            if rows:
                table = model.__table__
                statement = (
                    update(table)
                    .where(table.c.town_id == self.town_id, table.c.id == bindparam("row"))
                    .values(credited=bindparam("in_all"), debited=bindparam("out_of_all"))
                )
                parts = [{"row": row["id"], "in_all": row["credited"], "out_of_all": row["debited"]} for row in rows]
                work.db.connection().execute(statement, parts)
        for model, rows in self.new.items():
            if rows:
                work.db.execute(insert(model.__table__), rows)
            if model in self.kept:
                self.kept[model] += rows
            self.new[model] = []


def add_town(work: Work, code: str) -> int:
    """A town with nothing in it."""
    town_id = work.new_id()
    work.db.execute(insert(Town), {"id": town_id, "code": code, "name": "测试街道", "host_kind": HostKind.GOVERNMENT})
    return town_id


def busy_ledger(scribe: Scribe) -> dict[str, int]:  # noqa: PLR0915  a history reads best in one piece
    """Everything that can happen in a ledger, once at least. Returns the ids of the rows that tests speak of."""
    good, better, lapsed = date(2027, 12, 31), date(2028, 12, 31), date(2025, 12, 31)
    operator_id = scribe.work.new_id()
    account, lot, txn = scribe.account, scribe.lot, scribe.txn
    mint, pool, redeemed, breakage = (
        account(kind) for kind in (AccountKind.MINT, AccountKind.POOL, AccountKind.REDEEMED, AccountKind.BREAKAGE)
    )
    operators_pool = account(AccountKind.POOL, operator_id)
    ann, ben, cid, dan, eve = (account(AccountKind.WALLET, scribe.work.new_id()) for _ in range(5))
    ann_held, ben_held, cid_held = (account(AccountKind.ESCROW, wallet["owner_id"]) for wallet in (ann, ben, cid))
    ann_old, ann_good = lot(ann, lapsed), lot(ann, good)
    ben_good, cid_good, eve_good, eve_better = lot(ben, good), lot(cid, good), lot(eve, good), lot(eve, better)
    dan_operators = lot(dan, good, operator_id)
    ann_held_lot, ben_held_lot, cid_held_lot = lot(ann_held, good), lot(ben_held, good), lot(cid_held, good)

    grant = txn(TxnKind.GRANT_BUDGET, Move(mint, pool, 1000))
    txn(TxnKind.GRANT_BUDGET, Move(mint, operators_pool, 100))
    txn(TxnKind.EARN, Move(pool, ann, 30, None, ann_old), at=datetime.fromisoformat("2025-03-01T08:00:00+08:00"))
    ann_earn = txn(TxnKind.EARN, Move(pool, ann, 50, None, ann_good))
    ben_earn = txn(TxnKind.EARN, Move(pool, ben, 40, None, ben_good))
    txn(TxnKind.EARN, Move(pool, cid, 20, None, cid_good))
    dan_earn = txn(TxnKind.EARN, Move(operators_pool, dan, 9, None, dan_operators))
    txn(TxnKind.EARN, Move(pool, eve, 10, None, eve_good))
    txn(TxnKind.EARN, Move(pool, eve, 4, None, eve_better))
    ann_spend = txn(TxnKind.SPEND, Move(ann, redeemed, 20, ann_old), Move(ann, redeemed, 5, ann_good))
    txn(TxnKind.SPEND, Move(dan, redeemed, 9, dan_operators))
    eve_spend = txn(TxnKind.SPEND, Move(eve, redeemed, 6, eve_good))

    ann_hold = txn(TxnKind.HOLD, Move(ann, ann_held, 15, ann_good, ann_held_lot))
    ann_capture = txn(TxnKind.CAPTURE, Move(ann_held, redeemed, 6, ann_held_lot), hold_txn_id=ann_hold["id"])
    txn(TxnKind.VOID, Move(ann_held, ann, 4, ann_held_lot, ann_good), hold_txn_id=ann_hold["id"])
    scribe.hold(ann_hold, ann, ann_held, 15, 6, 4)
    ann_second = txn(TxnKind.HOLD, Move(ann, ann_held, 5, ann_good, ann_held_lot))
    scribe.hold(ann_second, ann, ann_held, 5, 0, 0)
    ben_hold = txn(TxnKind.HOLD, Move(ben, ben_held, 12, ben_good, ben_held_lot))
    ben_void = txn(TxnKind.VOID, Move(ben_held, ben, 3, ben_held_lot, ben_good), hold_txn_id=ben_hold["id"])
    scribe.hold(ben_hold, ben, ben_held, 12, 0, 3)
    cid_hold = txn(TxnKind.HOLD, Move(cid, cid_held, 4, cid_good, cid_held_lot))
    txn(TxnKind.VOID, Move(cid_held, cid, 4, cid_held_lot, cid_good), hold_txn_id=cid_hold["id"])
    scribe.hold(cid_hold, cid, cid_held, 4, 0, 4)

    txn(TxnKind.TRANSFER, Move(ben, cid, 5, ben_good, cid_good))
    two_postings = txn(TxnKind.TRANSFER, Move(operators_pool, pool, 1), Move(pool, operators_pool, 1))
    txn(TxnKind.ADJUST, Move(pool, cid, 7, None, cid_good))
    txn(TxnKind.ADJUST, Move(cid, breakage, 2, cid_good))
    midnight = datetime.fromisoformat("2026-01-01T00:00:00+08:00")  # the evening before, by UTC
    expire = txn(TxnKind.EXPIRE, Move(ann, breakage, 10, ann_old), at=midnight)

    earn_back = txn(TxnKind.REVERSE, Move(ben, pool, 3, ben_good), reverses_txn_id=ben_earn["id"])
    scribe.reversal(ben_earn, 0, 40, 3)
    spend_back = txn(TxnKind.REVERSE, Move(redeemed, ann, 3, None, ann_good), reverses_txn_id=ann_spend["id"])
    scribe.reversal(ann_spend, 1, 5, 3)
    txn(TxnKind.REVERSE, Move(redeemed, ann, 1, None, ann_good), reverses_txn_id=ann_capture["id"])
    scribe.reversal(ann_capture, 0, 6, 1)
    scribe.usage(ann, 5, 20)
    other_book = scribe.add(Book, code="hours", name="时长", scale=0, pool_shards=1)
    named = {name: row["id"] for name, row in locals().items() if isinstance(row, dict) and "id" in row}
    return named | {"town": scribe.town_id}
