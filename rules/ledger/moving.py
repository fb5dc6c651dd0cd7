"""Moving points: the rows that a transaction locks and changes, and the postings that it leaves.

Every function here takes its row's lock by changing the row, and is called in the order that the package's head gives.
What it returns are the row's counters as they stood before; a `Journal` moves them on posting by posting, so each
posting stores every counter as it stands after it, and ends at what the database holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from models.ledger import ACCOUNT, LOT, POSTING, AccountKind, OwnerType
from rules.ledger.transactions import BookFacts, recorded_now
from rules.sending import Reply
from rules.sets import is_id_in
from rules.work import Work

UNBOUNDED = {AccountKind.MINT}


@dataclass(slots=True)
class Counters:
    """The counters of an account or a lot, somewhere between before and after a transaction."""

    id: int
    credited: int
    debited: int

    @property
    def balance(self) -> int:
        return self.credited - self.debited


@dataclass(frozen=True, slots=True, order=True)
class LotKey:
    """What points keep as they move: the last good day, where they may be spent, who owes them."""

    expires_on: date
    scope: str
    issuer_id: int


@dataclass(slots=True)
class OpenLot(Counters):
    """A lot with something left in it."""

    key: LotKey


@dataclass(slots=True)
class Journal:
    """The postings of one transaction, written in one go."""

    txn_id: int
    rows: list[dict[str, Any]] = field(default_factory=list)

    def post(
        self,
        source: Counters,
        destination: Counters,
        amount: int,
        *,
        source_lot: Counters | None = None,
        destination_lot: Counters | None = None,
    ) -> None:
        """Move points on paper, and all counters with them."""
        source.debited += amount
        destination.credited += amount
        if source_lot is not None:
            source_lot.debited += amount
        if destination_lot is not None:
            destination_lot.credited += amount
        self.rows.append(
            {
                "txn_id": self.txn_id,
                "n": len(self.rows),
                "src_account_id": source.id,
                "dst_account_id": destination.id,
                "src_lot_id": source_lot.id if source_lot else None,
                "dst_lot_id": destination_lot.id if destination_lot else None,
                "amount": amount,
                "src_debited_after": source.debited,
                "dst_credited_after": destination.credited,
                "src_lot_debited_after": source_lot.debited if source_lot else None,
                "dst_lot_credited_after": destination_lot.credited if destination_lot else None,
                "src_credited": source.credited,
                "dst_debited": destination.debited,
            }
        )

    def write(self, work: Work) -> None:
        """Insert the postings."""
        for row in self.rows:
            work.send(_post, {"town_id": work.town_id, **row})


_account_columns = (ACCOUNT.c.id, ACCOUNT.c.credited, ACCOUNT.c.debited)
_credit_owner = upsert(ACCOUNT)
_credit_owner = _credit_owner.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "book_id", "kind", "owner_type", "owner_id", "shard"],
    set_={"credited": ACCOUNT.c.credited + _credit_owner.excluded.credited},
).returning(*_account_columns)
_credit_account = (
    update(ACCOUNT)
    .where(ACCOUNT.c.town_id == bindparam("town"), ACCOUNT.c.id == bindparam("account"))
    .values(credited=ACCOUNT.c.credited + bindparam("amount"))
    .returning(*_account_columns)
)
_debit = (
    update(ACCOUNT)
    .where(
        ACCOUNT.c.town_id == bindparam("town"),
        or_(ACCOUNT.c.unbounded, ACCOUNT.c.credited - ACCOUNT.c.debited - bindparam("amount") >= ACCOUNT.c.floor),
    )
    .values(debited=ACCOUNT.c.debited + bindparam("amount"))
    .returning(*_account_columns)
)
_debit_account = _debit.where(ACCOUNT.c.id == bindparam("account"))
_debit_owner = _debit.where(
    ACCOUNT.c.book_id == bindparam("book"),
    ACCOUNT.c.kind == bindparam("of_kind"),
    ACCOUNT.c.owner_type == bindparam("owned_by"),
    ACCOUNT.c.owner_id == bindparam("owner"),
    ACCOUNT.c.shard == bindparam("in_shard"),
)
_find_account = select(ACCOUNT.c.id).where(
    ACCOUNT.c.town_id == bindparam("town"),
    ACCOUNT.c.book_id == bindparam("book"),
    ACCOUNT.c.kind == bindparam("of_kind"),
    ACCOUNT.c.owner_type == OwnerType.RESIDENT,
    ACCOUNT.c.owner_id == bindparam("owner"),
    ACCOUNT.c.shard == 0,
)
_lock_accounts = (
    select(ACCOUNT.c.id)
    .where(ACCOUNT.c.town_id == bindparam("town"), is_id_in(ACCOUNT.c.id, "accounts"))
    .order_by(ACCOUNT.c.id)
    .with_for_update(key_share=True)
)
_lot_columns = (LOT.c.id, LOT.c.credited, LOT.c.debited, LOT.c.expires_on, LOT.c.scope, LOT.c.issuer_id)
_credit_lot = upsert(LOT)
_credit_lot = _credit_lot.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "account_id", "expires_on", "scope", "issuer_id"],
    set_={"credited": LOT.c.credited + _credit_lot.excluded.credited},
).returning(LOT.c.id, LOT.c.credited, LOT.c.debited)
_debit_lot = (
    update(LOT)
    .where(
        LOT.c.town_id == bindparam("town"),
        LOT.c.id == bindparam("lot"),
        LOT.c.credited - LOT.c.debited >= bindparam("amount"),
    )
    .values(debited=LOT.c.debited + bindparam("amount"))
    .returning(LOT.c.id)
)
_good_lots = (
    select(*_lot_columns)
    .where(
        LOT.c.town_id == bindparam("town"),
        LOT.c.account_id == bindparam("account"),
        LOT.c.expires_on >= bindparam("today"),
        LOT.c.credited > LOT.c.debited,
        or_(LOT.c.scope == "", LOT.c.scope == bindparam("in_scope")),
    )
    .order_by(LOT.c.expires_on, LOT.c.scope.desc(), LOT.c.issuer_id)
)
_lots_by_id = select(*_lot_columns).where(LOT.c.town_id == bindparam("town"), is_id_in(LOT.c.id, "lots"))
_post = insert(POSTING).values(recorded_at=recorded_now())


def account_row(
    work: Work, book: BookFacts, kind: AccountKind, owner_type: OwnerType, owner_id: int, *, shard: int = 0
) -> dict[str, Any]:
    """A new account, empty."""
    return {
        "town_id": work.town_id,
        "id": work.new_id(),
        "book_id": book.id,
        "kind": kind,
        "owner_type": owner_type,
        "owner_id": owner_id,
        "shard": shard,
        "floor": 0,
        "unbounded": kind in UNBOUNDED,
        "credited": 0,
        "debited": 0,
    }


def credit_owner(
    work: Work,
    book: BookFacts,
    kind: AccountKind,
    owner_type: OwnerType,
    owner_id: int,
    amount: int,
    *,
    shard: int = 0,
) -> Counters:
    """Credit an owner's account, which is opened if there is none."""
    account = account_row(work, book, kind, owner_type, owner_id, shard=shard)
    return credited(work.send(_credit_owner, {**account, "credited": amount}), amount)


def credited(reply: Reply, amount: int) -> Counters:
    """An account or a lot as it was before it was credited."""
    row = reply.one()
    return Counters(row.id, row.credited - amount, row.debited)


def credit_account(work: Work, account_id: int, amount: int) -> Counters:
    """Credit an account that is there."""
    return credited(work.send(_credit_account, {"town": work.town_id, "account": account_id, "amount": amount}), amount)


def debit_account(work: Work, account_id: int, amount: int) -> Counters | None:
    """Debit an account; None when its balance would fall below its floor."""
    debit = {"town": work.town_id, "account": account_id, "amount": amount}
    row = work.send(_debit_account, debit).first()
    return Counters(row.id, row.credited, row.debited - amount) if row else None


def debit_owner(
    work: Work,
    book: BookFacts,
    kind: AccountKind,
    owner_type: OwnerType,
    owner_id: int,
    amount: int,
    *,
    shard: int = 0,
) -> Counters | None:
    """Debit an owner's account; None when there is none, or its balance would fall below its floor."""
    row = work.send(
        _debit_owner,
        {
            "town": work.town_id,
            "book": book.id,
            "of_kind": kind,
            "owned_by": owner_type,
            "owner": owner_id,
            "in_shard": shard,
            "amount": amount,
        },
    ).first()
    return Counters(row.id, row.credited, row.debited - amount) if row else None


def find_account(work: Work, book: BookFacts, kind: AccountKind, resident_id: int) -> int | None:
    """The id of a resident's account, if there is one."""
    asked = {"town": work.town_id, "book": book.id, "of_kind": kind, "owner": resident_id}
    account_id: int | None = work.send(_find_account, asked).scalar()
    return account_id


def lock_accounts(work: Work, account_ids: Iterable[int]) -> None:
    """Lock accounts by id, for a deed that changes more than one of them."""
    work.send(_lock_accounts, {"town": work.town_id, "accounts": list(account_ids)})


def credit_lots(work: Work, account_id: int, amounts: Sequence[tuple[LotKey, int]]) -> list[Counters]:
    """Credit lots of an account that the caller has locked; a lot that isn't there is opened. No key twice."""
    replies = [send_credit_of_lot(work, account_id, key, amount) for key, amount in amounts]
    return [credited(reply, amount) for reply, (_, amount) in zip(replies, amounts, strict=True)]


def send_credit_of_lot(work: Work, account_id: int, key: LotKey, amount: int) -> Reply:
    """The same for one lot, not waited for: `credited` tells what it was."""
    return work.send(_credit_lot, lot_row(work, account_id, key, amount))


def lot_row(work: Work, account_id: int, key: LotKey, amount: int) -> dict[str, Any]:
    """A new lot with something in it."""
    return {
        "town_id": work.town_id,
        "id": work.new_id(),
        "account_id": account_id,
        "expires_on": key.expires_on,
        "scope": key.scope,
        "issuer_id": key.issuer_id,
        "credited": amount,
        "debited": 0,
    }


def read_good_lots(work: Work, account_id: int, today: date, scope: str) -> list[OpenLot]:
    """The lots that may be spent today in a scope, in the order in which they are: first to expire, first out.

    The caller has locked the account in an earlier statement. Fused into one, the lots would be read as they stood
    before the lock was waited for.
    """
    asked = {"town": work.town_id, "account": account_id, "today": today, "in_scope": scope}
    return [_open_lot(row) for row in work.send(_good_lots, asked).all()]


def read_lots(work: Work, lot_ids: Iterable[int]) -> dict[int, OpenLot]:
    """Lots by id, whatever is left in them. The caller has locked their accounts in an earlier statement."""
    rows = work.send(_lots_by_id, {"town": work.town_id, "lots": list(lot_ids)}).all()
    return {row.id: _open_lot(row) for row in rows}


def _open_lot(row: Any) -> OpenLot:
    return OpenLot(row.id, row.credited, row.debited, LotKey(row.expires_on, row.scope, row.issuer_id))


def allocate(lots: Iterable[OpenLot], amount: int) -> list[tuple[OpenLot, int]] | None:
    """How much to take from each lot, in their order, to make up an amount; None when they haven't enough. Pure."""
    taken = []
    for lot in lots:
        if amount == 0:
            break
        if lot.balance > 0:
            taken.append((lot, min(lot.balance, amount)))
            amount -= taken[-1][1]
    return taken if amount == 0 else None


def take(till: list[tuple[Counters, int]], amount: int) -> Iterator[tuple[Counters, int]]:
    """The next points out of what is set aside, in parts. What is taken leaves the till."""
    while amount:
        account, left = till.pop()
        part = min(left, amount)
        amount -= part
        if left > part:
            till.append((account, left - part))
        yield account, part


def debit_lots(work: Work, taken: Sequence[tuple[OpenLot, int]]) -> None:
    """Book what was allocated. The lots' account is locked, so nothing can have come between."""
    debits = [work.send(_debit_lot, {"town": work.town_id, "lot": lot.id, "amount": amount}) for lot, amount in taken]
    assert all(debit.all() for debit in debits), "a lot changed while its account was locked"
