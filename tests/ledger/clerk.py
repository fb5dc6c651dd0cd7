"""A clerk who keeps one town's ledger by hand: every deed in a word, and what stands in the books afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from models.ledger import Account, AccountKind, Hold, Lot, OwnerType, Posting
from models.territory import Operator
from rules.clock import local_day, local_moment
from rules.errors import RuleError
from rules.ledger.caps import CapUse, read_usage
from rules.ledger.expiring import Expired, expire
from rules.ledger.holds import release_lapsed_holds
from rules.ledger.moving import read_good_lots
from rules.ledger.pools import read_pool_balance, set_shards
from rules.ledger.reading import read_wallet
from rules.ledger.transactions import Receipt
from rules.work import SYSTEM, Work
from tests.build import Person, TownBuilder, fresh_key
from tests.ledger import deeds, keeping
from tests.ledger.keeping import GOOD_UNTIL

TODAY = date(2027, 11, 15)
NOON = local_moment(TODAY, "12:00")


@dataclass(frozen=True)
class Clerk:
    """Everything that can be done to a town's ledger, under a key of its own unless one is given."""

    town: TownBuilder

    def resident(self, *amounts: int) -> Person:
        """A resident who has earned this."""
        resident = self.town.resident()
        for amount in amounts:
            self.earn(resident, amount)
        return resident

    def operator(self, budget: int = 0) -> int:
        """The id of an operator with a budget of its own."""

        def deed(work: Work) -> int:
            id_ = work.new_id()
            work.db.execute(insert(Operator), {"town_id": work.town_id, "id": id_, "name": f"运营 {id_}"})
            return id_

        operator_id = int(self._write(deed))
        if budget:
            self.grant(budget, operator_id=operator_id)
        return operator_id

    # Deeds

    def grant(self, amount: int, *, operator_id: int | None = None, key: str | None = None) -> Receipt:
        return self._write(deeds.grant, key or fresh_key(), amount, operator_id)

    def earn(
        self,
        resident: Person,
        amount: int,
        expires_on: date = GOOD_UNTIL,
        *,
        scope: str = "",
        issuer_id: int | None = None,
        usages: Sequence[CapUse] = (),
        key: str | None = None,
    ) -> Receipt:
        return self._write(
            deeds.earn, key or fresh_key(), resident.id, amount, expires_on, scope, issuer_id, tuple(usages)
        )

    def earn_many(self, awards: dict[str, tuple[Any, ...]]) -> dict[str, Receipt]:
        """`awards`: for each key what `deeds.an_award` takes."""
        return self._write(deeds.earn_many, awards)

    def spend(
        self,
        resident: Person,
        amount: int,
        *,
        scope: str = "",
        redeemer_id: int | None = None,
        key: str | None = None,
    ) -> Receipt:
        return self._write(deeds.spend, key or fresh_key(), resident.id, amount, scope, redeemer_id)

    def hold(
        self,
        resident: Person,
        amount: int,
        expires_at: datetime | None = None,
        *,
        scope: str = "",
        key: str | None = None,
    ) -> Receipt:
        return self._write(deeds.hold, key or fresh_key(), resident.id, amount, expires_at, scope)

    def capture(self, held: Receipt, amount: int, *, redeemer_id: int | None = None, key: str | None = None) -> Receipt:
        return self._write(deeds.capture, key or fresh_key(), held.txn_id, amount, redeemer_id)

    def void(self, held: Receipt, amount: int, *, key: str | None = None) -> Receipt:
        return self._write(deeds.void, key or fresh_key(), held.txn_id, amount)

    def release(self, limit: int = 100) -> int:
        return self._write(release_lapsed_holds, limit)

    def reverse(self, original: Receipt | int, amount: int | None = None, *, key: str | None = None) -> Receipt:
        """`original`: a transaction's receipt, or its id."""
        txn_id = original if isinstance(original, int) else original.txn_id
        return self._write(deeds.reverse, key or fresh_key(), txn_id, amount)

    def transfer(self, giver: Person, taker: Person, amount: int, *, key: str | None = None) -> Receipt:
        return self._write(deeds.transfer, key or fresh_key(), giver.id, taker.id, amount)

    def adjust(
        self, resident: Person, amount: int, expires_on: date = GOOD_UNTIL, *, key: str | None = None
    ) -> Receipt:
        return self._write(deeds.adjust, key or fresh_key(), resident.id, amount, expires_on)

    def expire(self, day: date | None = None, *, wallets_max: int = 1_000) -> Expired:
        today = day or self._read(lambda work: local_day(work.now))
        return expire(self.town.database, self.town.id, today, wallets_max=wallets_max)

    def split(self, shards: int) -> int:
        return self._write(set_shards, shards)

    @contextmanager
    def refuses(self, refusal: type[RuleError], **facts: object) -> Iterator[None]:
        """The block is refused, with these facts, and leaves every table as it was."""
        before = self.town.contents()
        with pytest.raises(refusal) as raised:
            yield
        assert raised.value.facts == facts
        assert self.town.contents() == before

    def replays(self, receipt: Receipt, deed: Callable[[], Receipt]) -> None:
        """The deed gives the very same receipt and leaves every table as it was."""
        before = self.town.contents()
        again = deed()
        assert (again.txn_id, again.amount, again.balance, again.replayed) == (
            receipt.txn_id,
            receipt.amount,
            receipt.balance,
            True,
        )
        assert self.town.contents() == before

    # What stands in the books

    def balance(self, resident: Person) -> int:
        """What is in the wallet, lapsed or not."""
        return self._read(read_wallet, resident.id).balance

    def spendable(self, resident: Person, scope: str = "") -> int:
        """What may be spent today."""

        def deed(work: Work) -> int:
            wallet = read_wallet(work, resident.id)
            lots = read_good_lots(work, wallet.id, local_day(work.now), scope) if wallet.id else []
            return sum(lot.balance for lot in lots)

        return self._read(deed)

    def lots(self, resident: Person, kind: AccountKind = AccountKind.WALLET) -> dict[date, int]:
        """What is left of which last good day, in the resident's wallet or escrow."""
        left: dict[date, int] = {}
        for (account_id,) in self.town.rows(Account.id, kind=kind, owner_id=resident.id):
            for lot in self.town.rows(Lot.expires_on, Lot.credited, Lot.debited, account_id=account_id):
                if lot.credited > lot.debited:
                    left[lot.expires_on] = left.get(lot.expires_on, 0) + lot.credited - lot.debited
        return left

    def held(self, resident: Person) -> int:
        return sum(self.lots(resident, AccountKind.ESCROW).values())

    def sunk(self, kind: AccountKind, owner_id: int | None = None) -> int:
        """The balance of an owner's account of this kind, the town's unless another is given; 0 if there is none."""
        owner_type = OwnerType.OPERATOR if owner_id else OwnerType.TOWN
        rows = self.town.rows(
            Account.credited, Account.debited, kind=kind, owner_type=owner_type, owner_id=owner_id or self.town.id
        )
        return sum(row.credited - row.debited for row in rows)

    def budget(self, operator_id: int | None = None) -> int:
        return self._read(read_pool_balance, operator_id)

    def shards(self, operator_id: int | None = None) -> list[int]:
        """What is in each shard of a pool, in the order of shards."""
        rows = self.town.rows(
            Account.shard,
            Account.credited,
            Account.debited,
            kind=AccountKind.POOL,
            owner_id=operator_id or self.town.id,
        )
        return [row.credited - row.debited for row in sorted(rows, key=lambda row: row.shard)]

    def used(self, resident: Person, rule_id: str, period_key: str) -> int:
        """How much of a cap is used."""
        return self._read(lambda work: read_usage(work, read_wallet(work, resident.id).id or 0, rule_id, period_key))

    def postings(self, receipt: Receipt) -> list[Any]:
        """The postings of a transaction, in their order."""
        return sorted((row for (row,) in self.town.rows(Posting, txn_id=receipt.txn_id)), key=lambda row: row.n)

    def hold_of(self, receipt: Receipt) -> tuple[int, int, int]:
        """Amount, captured, released."""
        [row] = self.town.rows(Hold.amount, Hold.captured, Hold.released, txn_id=receipt.txn_id)
        return row.amount, row.captured, row.released

    def audit(self) -> None:
        keeping.audit(self.town)

    def _write(self, deed: Callable[..., Any], *args: Any) -> Any:
        return self.town.database.write(self.town.id, SYSTEM, deed, *args)

    def _read(self, deed: Callable[..., Any], *args: Any) -> Any:
        return self.town.database.read(self.town.id, SYSTEM, deed, *args)
