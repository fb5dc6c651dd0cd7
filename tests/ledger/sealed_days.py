"""Days of a ledger that are written row by row, with ids of moments that a test chooses, and sealed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert

from models.ledger import Account, AccountKind, Book, Event, Lot, OwnerType, Posting, Txn, TxnKind
from models.seals import ResidentSalt
from models.territory import Scene
from rules.clock import local_moment
from rules.ids import IdMaker, first_id_at
from rules.ledger.sealing import export, seal_day
from rules.rows import AnyRow
from rules.work import Work
from tests.build import Person, TownBuilder

#: Later than anything that other rules write in a test's town.
FIRST_DAY = date(2040, 5, 1)
DAY = timedelta(days=1)
GOOD_UNTIL = date(2041, 12, 31)
LINKS = ("event_id", "rulebook_version_id", "rule_id", "reverses_txn_id", "hold_txn_id", "actor_id")
PLACE = ("community_id", "operator_id", "scene")

Row = dict[str, Any]


def day(n: int) -> date:
    """The n-th day, from 1."""
    return FIRST_DAY + (n - 1) * DAY


def at(n: int, hour_minute: str = "12:00") -> datetime:
    """A moment of the n-th day, local time."""
    return local_moment(day(n), hour_minute)


def work_at(work: Work, moment: datetime) -> Work:
    """The same work at another moment; it makes its own ids, so the others' don't jump there."""
    return replace(work, now=moment, id_maker=IdMaker(1))


@dataclass
class Days:
    """A book of its own in a test's town. Each transaction is written as soon as it is made."""

    town: TownBuilder
    book_id: int = field(init=False)
    _ids: dict[datetime, int] = field(default_factory=dict)
    _rows: dict[Any, Row] = field(default_factory=dict)  #: accounts and lots by what they are

    def __post_init__(self) -> None:
        self.book_id = self._id(at(1, "00:00"))
        self._write(Book, id=self.book_id, code="test", name="测试", scale=0, pool_shards=1)

    def grant(self, moment: datetime, amount: int = 1_000, **columns: Any) -> int:
        """Points from the mint into the pool."""
        return self._move(TxnKind.GRANT_BUDGET, AccountKind.MINT, AccountKind.POOL, amount, moment, None, columns)

    def earn(self, resident: Person, amount: int, moment: datetime, **columns: Any) -> int:
        """Points from the pool into a wallet, for an event. Returns the transaction's id."""
        event_id = self._id(moment)
        payload = {"session_id": "7", "部分": [1, None, "二"], "a": 1.5}
        event = {"source": "checkin", "source_ref": f"7:{resident.id}:{event_id}", "occurred_at": moment}
        self._write(Event, id=event_id, subject_id=resident.id, payload=payload, **event)
        kinds = (TxnKind.EARN, AccountKind.POOL, AccountKind.WALLET)
        usages = [{"rule_id": "checkin", "quantity": amount, "period_key": "2040-05"}]
        return self._move(*kinds, amount, moment, resident, {"event_id": event_id, "usages": usages} | columns)

    def spend(self, resident: Person, amount: int, moment: datetime, **columns: Any) -> int:
        """Points from a wallet to what is spent, caused by the resident. Returns the transaction's id."""
        kinds = (TxnKind.SPEND, AccountKind.WALLET, AccountKind.REDEEMED)
        return self._move(*kinds, amount, moment, resident, {"actor_id": resident.id} | columns)

    def seal(self, n: int, moment: datetime | None = None) -> AnyRow:
        """Seal the n-th day, ten minutes after it unless another moment is given."""
        keys = self.town.house.keys
        return self.town.act(None, lambda work: seal_day(work_at(work, moment or at(n + 1, "00:10")), keys, day(n)))

    def export(self) -> bytes:
        """What is sealed, as it is exported."""
        return self.town.act(None, lambda work: b"".join(export(work)))

    def records(self) -> list[Row]:
        """The lines of the export but the first."""
        return [json.loads(line) for line in self.export().splitlines()][1:]

    def erase_salt(self, resident: Person) -> None:
        whose = (ResidentSalt.town_id == self.town.id, ResidentSalt.resident_id == resident.id)
        self.town.act(None, lambda work: work.db.execute(delete(ResidentSalt).where(*whose)))

    def account(self, kind: AccountKind, resident: Person | None = None) -> Row:
        is_residents = kind is AccountKind.WALLET and resident is not None
        owner = (OwnerType.RESIDENT, resident.id) if is_residents else (OwnerType.TOWN, self.town.id)
        if (kind, owner) not in self._rows:
            columns = {"book_id": self.book_id, "kind": kind, "owner_type": owner[0], "owner_id": owner[1]}
            row = {"id": self._id(at(1, "00:00")), "credited": 0, "debited": 0}
            self._rows[kind, owner] = row
            self._write(Account, **row, **columns, shard=0, floor=0, unbounded=True)
        return self._rows[kind, owner]

    def lot(self, account: Row) -> Row:
        key = ("lot", account["id"])
        if key not in self._rows:
            row = {"id": self._id(at(1, "00:00")), "credited": 10**6, "debited": 0}
            self._write(Lot, **row, account_id=account["id"], expires_on=GOOD_UNTIL, scope="", issuer_id=self.town.id)
            self._rows[key] = row | {"credited": 0}
        return self._rows[key]

    def _move(
        self,
        kind: TxnKind,
        source: AccountKind,
        destination: AccountKind,
        amount: int,
        moment: datetime,
        resident: Person | None,
        columns: Row,
    ) -> int:
        txn_id = columns.pop("id", None) or self._id(moment)
        txn = dict.fromkeys((*LINKS, *PLACE)) | {
            "idempotency_key": f"key-of-{txn_id}",
            "request_hash": b"\x07" * 32,
            "reason": "the-reason",
            "explanation": f"因为 {txn_id}",
            "usages": None,
            "effective_at": moment,
            "recorded_at": moment,
        }
        self._write(Txn, id=txn_id, book_id=self.book_id, kind=kind, **{**txn, "scene": Scene.HEALTH, **columns})
        src, dst = self.account(source, resident), self.account(destination, resident)
        src_lot = self.lot(src) if source is AccountKind.WALLET else None
        dst_lot = self.lot(dst) if destination is AccountKind.WALLET else None
        for row, counter in ((src, "debited"), (src_lot, "debited"), (dst, "credited"), (dst_lot, "credited")):
            if row is not None:
                row[counter] += amount
        self._write(
            Posting,
            txn_id=txn_id,
            n=0,
            amount=amount,
            recorded_at=columns.get("recorded_at", moment),
            src_account_id=src["id"],
            src_credited=src["credited"],
            src_debited_after=src["debited"],
            src_lot_id=src_lot and src_lot["id"],
            src_lot_debited_after=src_lot and src_lot["debited"],
            dst_account_id=dst["id"],
            dst_debited=dst["debited"],
            dst_credited_after=dst["credited"],
            dst_lot_id=dst_lot and dst_lot["id"],
            dst_lot_credited_after=dst_lot and dst_lot["credited"],
        )
        return txn_id

    def _id(self, moment: datetime) -> int:
        self._ids[moment] = self._ids.get(moment, first_id_at(moment) - 1) + 1
        return self._ids[moment]

    def _write(self, table: type[Any], **columns: Any) -> None:
        self.town.act(None, lambda work: work.db.execute(insert(table), {"town_id": self.town.id, **columns}))
